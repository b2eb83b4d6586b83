//! One key against many patterns: the index, `globset` and a list asked one by one, and the time to build the index.
//!
//! `mixed` holds patterns of fourteen forms; the other sets are of one form each, the worst case for an index that
//! counts on variety. Each pattern differs from the others, and none matches the key.

use std::hint::black_box;

use checkrein::glob::{Glob, GlobIndex};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use smallvec::SmallVec;

const SIZES: [usize; 4] = [10, 100, 1_000, 10_000];
const KEYS: [&str; 3] = ["users/alice/email", "config.json", "a/q/w/e/r/t/y/u"];

fn mixed(n: usize) -> String {
    match n % 14 {
        0 => format!("team{n}/config"),
        1 => format!("team{n}/*/email"),
        2 => format!("team{n}/**"),
        3 => format!("**/x{n}"),
        4 => format!("*-foo{n}"),
        5 => format!("*.ext{n}"),
        6 => format!("prefix{n}*"),
        7 => format!("{{a,b}}{n}/*"),
        8 => format!("user?/x{n}"),
        9 => format!("[a-c]{n}z/*"),
        10 => format!("*mid{n}*"),
        11 => format!("p{n}*s"),
        12 => format!("a/**/b{n}"),
        _ => format!("users/*/f{n}"),
    }
}

/// Neither a prefix nor a suffix nor anything else to file by: asked one by one.
fn no_literal(n: usize) -> String {
    let letter = |n: usize| char::from(b'a' + (n % 26) as u8);
    let [a, b, c, d] = [n, n / 26, n / 676, n / 3].map(letter);
    format!("[{a}{b}][{c}{d}]*[!{a}]/email")
}

type Form = fn(usize) -> String;

const SETS: [(&str, Form); 7] = [
    ("mixed", mixed),
    ("literal", |n| format!("users/name{n}/email")),
    ("prefix", |n| format!("user{n}*/email")),
    ("suffix", |n| format!("*-foo{n}/email")),
    ("inner", |n| format!("*mid{n}*")),
    ("any depth", |n| format!("**/*.x{n}")),
    ("no literal", no_literal),
];

fn globs(form: Form, size: usize) -> Vec<Glob> {
    (0..size).filter_map(|n| Glob::parse(&form(n)).ok()).collect()
}

fn lookups(c: &mut Criterion) {
    for (name, form) in SETS {
        for key in KEYS {
            let mut group = c.benchmark_group(format!("globs/{name}/{}", key.replace('/', ":")));
            for size in SIZES {
                let globs = globs(form, size);
                let index = GlobIndex::build((0..).zip(&globs));
                group.bench_with_input(BenchmarkId::new("index", size), key.as_bytes(), |b, key| {
                    let mut out = SmallVec::new();
                    b.iter(|| {
                        out.clear();
                        index.collect(black_box(key), &mut out);
                        out.len()
                    });
                });
                group.bench_with_input(BenchmarkId::new("list", size), key.as_bytes(), |b, key| {
                    b.iter(|| globs.iter().filter(|glob| glob.matches(black_box(key))).count());
                });
                if let Some(set) = globset(&globs) {
                    let mut out = Vec::new();
                    group.bench_with_input(BenchmarkId::new("globset", size), key, |b, key| {
                        b.iter(|| {
                            set.matches_into(black_box(key), &mut out);
                            out.len()
                        });
                    });
                }
            }
        }
    }
}

fn globset(globs: &[Glob]) -> Option<globset::GlobSet> {
    let mut set = globset::GlobSetBuilder::new();
    for glob in globs {
        set.add(globset::GlobBuilder::new(glob.as_str()).literal_separator(true).build().ok()?);
    }
    set.build().ok()
}

fn build(c: &mut Criterion) {
    for (name, form) in SETS {
        let mut group = c.benchmark_group(format!("globs/build {name}"));
        for size in SIZES {
            let globs = globs(form, size);
            group.bench_with_input(BenchmarkId::new("index", size), &globs, |b, globs| {
                b.iter(|| GlobIndex::build((0..).zip(black_box(globs))));
            });
        }
    }
}

criterion_group!(benches, lookups, build);
criterion_main!(benches);
