//! Several keys at once: a guarded scan beside the plain one of the same store, batches beside single puts.

#![allow(clippy::unwrap_used, missing_docs, reason = "a bench fails by panicking")]

use std::hint::black_box;

use checkrein::policy::{BatchOp, PolicyEngine, allow_all, redact_value};
use checkrein::{Database, PolicyContext};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

const KEYS: usize = 100_000;
const PAGE: usize = 256;

fn filled() -> Database {
    let database = Database::memory();
    for n in 0..KEYS {
        database.put(format!("users/{n:06}/email").as_bytes(), &[b'v'; 100]).unwrap();
    }
    database
}

fn plain(database: &Database) -> usize {
    let (mut after, mut seen) = (None, 0);
    loop {
        let page = database.scan(b"users/", after.as_deref(), PAGE).unwrap();
        seen += page.pairs.len();
        let end = page.end;
        after = page.pairs.last().map(|(key, _)| key.clone());
        for pair in page.pairs {
            black_box(pair);
        }
        if end {
            return seen;
        }
    }
}

fn guarded(policy: &PolicyEngine) -> usize {
    let ctx = PolicyContext::new("read", "").with_agent_id("agent_001");
    let mut seen = 0;
    for pair in policy.scan("users/", Some(&ctx)).unwrap() {
        black_box(pair.unwrap());
        seen += 1;
    }
    seen
}

fn scans(c: &mut Criterion) {
    let mut group = c.benchmark_group("scan");
    group.sample_size(20).throughput(Throughput::Elements(KEYS as u64));
    let database = filled();
    group.bench_function("plain", |b| b.iter(|| assert_eq!(plain(&database), KEYS)));
    let bare = PolicyEngine::new(database.clone());
    bare.after_read("elsewhere", allow_all);
    group.bench_function("guarded, no hook matches", |b| b.iter(|| assert_eq!(guarded(&bare), KEYS)));
    let redacting = PolicyEngine::new(database);
    redacting.after_read("users/*/email", redact_value("[REDACTED]"));
    group.bench_function("guarded, one native after_read", |b| {
        b.iter(|| assert_eq!(guarded(&redacting), KEYS))
    });
    group.finish();
}

fn batches(c: &mut Criterion) {
    let mut group = c.benchmark_group("batch");
    let policy = PolicyEngine::new(Database::memory());
    policy.before_write("users/*/email", allow_all);
    for size in [1, 10, 100] {
        let keys: Vec<String> = (0..size).map(|n| format!("users/{n}/email")).collect();
        let ops: Vec<_> = keys.iter().map(|key| BatchOp::put(key, "value")).collect();
        group.throughput(Throughput::Elements(size));
        group.bench_function(BenchmarkId::new("batch", size), |b| {
            b.iter(|| policy.batch(&ops, None).unwrap())
        });
        group.bench_function(BenchmarkId::new("put by put", size), |b| {
            b.iter(|| keys.iter().for_each(|key| policy.put(key, "value", None).unwrap()));
        });
        group.bench_function(BenchmarkId::new("get_many", size), |b| {
            b.iter(|| black_box(policy.get_many(&keys, None).unwrap()));
        });
    }
    group.finish();
}

criterion_group!(benches, scans, batches);
criterion_main!(benches);
