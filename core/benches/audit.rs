//! What an append costs: into an empty ring and a full one, by one thread and by two, beside a locked queue.
//!
//! The figures with two threads mean something on an otherwise idle machine only.
#![allow(clippy::unwrap_used, reason = "a bench may stop at a fault")]

use std::collections::VecDeque;
use std::hint::black_box;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use checkrein::audit::{
    AuditFilter, AuditLog, DEFAULT_MAX_ENTRIES, OperationId, Record, Surface, Verb, Verdict,
};
use checkrein::clock::Time;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn record() -> Record<'static> {
    Record {
        time: Time { monotonic_ns: 0, wall_ns: 1_795_368_600_123_456_789 },
        operation_id: OperationId::next(),
        surface: Surface::Data,
        operation: Verb::Write,
        key: b"users/alice/profile/photo",
        result: Verdict::Denied,
        agent_id: Some("agent_001"),
        session_id: Some("session_001"),
        rule: Some("before_write users/*/profile/**"),
        reason: None,
        logged: false,
        applied: None,
        scanned: None,
    }
}

fn full() -> AuditLog {
    let log = AuditLog::new(DEFAULT_MAX_ENTRIES).unwrap();
    for _ in 0..DEFAULT_MAX_ENTRIES {
        log.append(&record());
    }
    log
}

/// How long it takes until each of two threads has done it `times` times; an operation is one of either.
fn by_two(iterations: u64, append: impl Fn() + Sync) -> Duration {
    let each = iterations.div_ceil(2);
    let start = Instant::now();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| (0..each).for_each(|_| append()));
        }
    });
    start.elapsed()
}

fn appending(c: &mut Criterion) {
    let mut group = c.benchmark_group("audit");
    group.throughput(Throughput::Elements(1));
    group.bench_function("operation id", |b| b.iter(|| black_box(OperationId::next())));
    group.bench_function("append, empty ring", |b| {
        // A new ring for each round of its size: every append is the first in its place.
        b.iter_custom(|iterations| {
            let mut spent = Duration::ZERO;
            let mut left = iterations;
            while left > 0 {
                let round = left.min(DEFAULT_MAX_ENTRIES as u64);
                let log = AuditLog::new(DEFAULT_MAX_ENTRIES).unwrap();
                let start = Instant::now();
                for _ in 0..round {
                    black_box(log.append(black_box(&record())));
                }
                spent += start.elapsed();
                left -= round;
            }
            spent
        });
    });
    let log = full();
    group.bench_function("append, full ring", |b| b.iter(|| log.append(black_box(&record()))));
    group.bench_function("append, full ring, two threads", |b| {
        b.iter_custom(|iterations| {
            by_two(iterations, || {
                black_box(log.append(black_box(&record())));
            })
        });
    });
    // As in an operation: about 150 ns of a thread's own work before each append.
    let operation = || {
        black_box((0..200_u64).fold(1, |sum: u64, n| black_box(sum.wrapping_mul(31) ^ n)));
        log.append(black_box(&record()))
    };
    group.bench_function("work and append, full ring", |b| b.iter(operation));
    group.bench_function("work and append, full ring, two threads", |b| {
        b.iter_custom(|iterations| {
            by_two(iterations, || {
                black_box(operation());
            })
        });
    });
    group.finish();
}

/// The plain way that the ring replaces: a queue of owned entries behind one lock.
fn beside(c: &mut Criterion) {
    type Owned = (u64, Vec<u8>, String, String, String);
    let queue: Mutex<VecDeque<Owned>> = Mutex::new(VecDeque::new());
    let append = || {
        let r = black_box(record());
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let owned = (r.time.wall_ns, r.key.to_vec(), text(r.agent_id), text(r.session_id), text(r.rule));
        let mut queue = queue.lock().unwrap();
        if queue.len() == DEFAULT_MAX_ENTRIES {
            queue.pop_front();
        }
        queue.push_back(owned);
    };
    (0..DEFAULT_MAX_ENTRIES).for_each(|_| append());
    let mut group = c.benchmark_group("locked queue");
    group.throughput(Throughput::Elements(1));
    group.bench_function("append, full", |b| b.iter(append));
    group.bench_function("append, full, two threads", |b| {
        b.iter_custom(|iterations| by_two(iterations, append));
    });
    group.finish();
}

fn reading(c: &mut Criterion) {
    let log = full();
    let mut group = c.benchmark_group("audit reading");
    group.bench_function("newest 100", |b| b.iter(|| log.entries(&AuditFilter::new())));
    group.bench_function("none of 10,000 passes", |b| {
        let filter = AuditFilter::new().agent_id("agent_002");
        b.iter(|| log.entries(&filter));
    });
    group.finish();
}

criterion_group!(benches, appending, beside, reading);
criterion_main!(benches);
