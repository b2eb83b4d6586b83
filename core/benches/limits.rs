//! What a rate limit costs, beside governor's keyed limiter with `String` keys, in the same run.
//!
//! Every bucket is large enough never to be empty, as in a system that works: what is measured is the cost of a
//! token taken. The rate leaves the buckets less than full, so keys stay in the tables. With many keys, the ids are
//! read right before the measured part, in batches: the caller has just made its context, but the limiter has long
//! forgotten the key.
#![allow(clippy::expect_used, clippy::indexing_slicing, missing_docs, reason = "a bench")]

use std::hint::black_box;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use checkrein::context::{Context, Value};
use checkrein::limit::{Limit, LimitSet, RateLimit, Target};
use criterion::{Bencher, Criterion, criterion_group, criterion_main};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota};

const KEYS: usize = 100_000;
const BURST: u32 = 1_000_000_000;

fn ids() -> Vec<String> {
    (0..KEYS).map(|n| format!("agent-{n:06}")).collect()
}

fn contexts() -> Vec<Context> {
    let context = |id: String| {
        let mut context = Context::new();
        context.insert("agent_id", id.into()).expect("a context");
        context
    };
    ids().into_iter().map(context).collect()
}

/// Keys in an order that no prefetcher guesses.
fn shuffled() -> Vec<usize> {
    let mut order: Vec<usize> = (0..KEYS).collect();
    let mut seed = 7_u64;
    for at in (1..KEYS).rev() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        order.swap(at, (seed >> 33) as usize % (at + 1));
    }
    order
}

fn limits(declared: &[RateLimit]) -> LimitSet {
    let compile = |declared| Arc::new(Limit::compile(Target::Write, declared).expect("a limit"));
    declared.iter().map(compile).collect()
}

fn rate() -> RateLimit {
    RateLimit::per_minute(100).burst(u64::from(BURST))
}

fn quota() -> Quota {
    Quota::per_minute(NonZeroU32::new(100).expect("not zero"))
        .allow_burst(NonZeroU32::new(BURST).expect("not zero"))
}

fn take(limits: &LimitSet, context: &Context, now: u64) {
    black_box(limits.take(Target::Write, black_box(context), now)).map(drop).expect("a token");
}

/// Times `body` for each of the keys, after `warm` has read what the caller knows of them.
fn batches(b: &mut Bencher<'_>, order: &[usize], warm: impl Fn(usize) -> usize, mut body: impl FnMut(usize)) {
    let mut chunks = order.chunks_exact(100).cycle();
    b.iter_custom(|times| {
        let mut spent = Duration::ZERO;
        let mut left = usize::try_from(times).unwrap_or(usize::MAX);
        while left > 0 {
            let chunk = chunks.next().unwrap_or_default();
            let chunk = &chunk[..left.min(chunk.len())];
            black_box(chunk.iter().map(|at| warm(*at)).sum::<usize>());
            let begun = Instant::now();
            chunk.iter().for_each(|at| body(*at));
            spent += begun.elapsed();
            left -= chunk.len();
        }
        spent
    });
}

fn read(context: &Context) -> usize {
    match context.get("agent_id") {
        Some(Value::Text(id)) => id.len() + usize::from(id.as_bytes()[0]),
        _ => 0,
    }
}

fn one_thread(c: &mut Criterion) {
    let none = Context::new();
    let contexts = contexts();
    let ids = ids();
    let order = shuffled();
    let mut now = 0;

    let global = limits(&[rate()]);
    c.bench_function("one bucket/checkrein", |b| {
        b.iter(|| {
            now += 100;
            take(&global, &none, now);
        });
    });
    let governor = DefaultDirectRateLimiter::direct(quota());
    c.bench_function("one bucket/governor", |b| b.iter(|| governor.check().is_ok()));

    let keyed = limits(&[rate().scope("agent_id")]);
    c.bench_function("one key/checkrein", |b| {
        b.iter(|| {
            now += 100;
            take(&keyed, &contexts[0], now);
        });
    });
    let governor = DefaultKeyedRateLimiter::<String>::keyed(quota());
    c.bench_function("one key/governor", |b| b.iter(|| governor.check_key(black_box(&ids[0])).is_ok()));

    c.bench_function("100000 keys/checkrein", |b| {
        batches(
            b,
            &order,
            |at| read(&contexts[at]),
            |at| {
                now += 100;
                take(&keyed, &contexts[at], now);
            },
        );
    });
    c.bench_function("100000 keys, look and take/checkrein", |b| {
        batches(
            b,
            &order,
            |at| read(&contexts[at]),
            |at| {
                now += 100;
                let _ = black_box(keyed.start(Target::Write, &contexts[at], now)).expect("a token");
                take(&keyed, &contexts[at], now);
            },
        );
    });
    c.bench_function("100000 keys/governor", |b| {
        batches(
            b,
            &order,
            |at| ids[at].len() + usize::from(ids[at].as_bytes()[0]),
            |at| {
                black_box(governor.check_key(&ids[at])).expect("a token");
            },
        );
    });

    let three = limits(&[rate(), rate().scope("agent_id"), rate().scope("agent_id").burst(1_000_000)]);
    c.bench_function("three limits, one key/checkrein", |b| {
        b.iter(|| {
            now += 100_000;
            take(&three, &contexts[0], now);
        });
    });
    let empty = limits(&[RateLimit::per_hour(1).scope("agent_id")]);
    take(&empty, &contexts[0], 0);
    c.bench_function("refused, one key/checkrein", |b| {
        b.iter(|| black_box(empty.take(Target::Write, &contexts[0], 1)).is_err());
    });
}

/// The cost of a take while another thread takes for other keys.
fn two_threads(c: &mut Criterion) {
    let contexts = contexts();
    let order = shuffled();
    let keyed = limits(&[rate().scope("agent_id")]);
    let stop = AtomicBool::new(false);
    let (mine, theirs) = order.split_at(KEYS / 2);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for at in theirs.iter().cycle() {
                take(&keyed, &contexts[*at], 0);
                if stop.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        c.bench_function("100000 keys, beside another thread/checkrein", |b| {
            batches(b, mine, |at| read(&contexts[at]), |at| take(&keyed, &contexts[at], 0));
        });
        stop.store(true, Ordering::Relaxed);
    });
}

criterion_group!(benches, one_thread, two_threads);
criterion_main!(benches);
