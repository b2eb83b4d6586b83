//! What the audit file adds to an operation: a line queued by one thread and by two, a strict line by one thread and
//! by eight that share syncs; and how fast a chain is verified.
//!
//! The figures with several threads mean something on an otherwise idle machine only.
#![allow(clippy::unwrap_used, reason = "a bench may stop at a fault")]

use std::thread;
use std::time::{Duration, Instant};

use checkrein::audit::file::{AuditFile, AuditFileOptions, Secret, VerifyOptions, stats, verify};
use checkrein::audit::{AuditFilter, AuditLog, Entry, OperationId, Record, Surface, Verb, Verdict};
use checkrein::clock::Time;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// An entry whose line, with its chain, has about 500 bytes.
fn entry() -> Entry {
    let log = AuditLog::new(1).unwrap();
    log.append(&Record {
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
    });
    log.entries(&AuditFilter::new()).pop().unwrap()
}

/// How long it takes until each of so many threads has done its part of so many times.
fn by(threads: u64, iterations: u64, act: impl Fn() + Sync) -> Duration {
    let each = iterations.div_ceil(threads);
    let start = Instant::now();
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| (0..each).for_each(|_| act()));
        }
    });
    start.elapsed()
}

fn appending(c: &mut Criterion) {
    let entries = [entry()];
    let mut group = c.benchmark_group("audit file");
    group.throughput(Throughput::Elements(1));
    group.bench_function("the line alone", |b| b.iter(|| entries[0].to_json_line()));
    for (name, key) in [("append", None), ("append, with a key", Some(Secret::new(&[7; 32]).unwrap()))] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("audit.jsonl");
        let file = AuditFile::open(AuditFileOptions { key, ..AuditFileOptions::new(&path) }).unwrap();
        for threads in [1, 2] {
            // All that an endless stream costs, the disk included: appenders wait where 1 MiB waits.
            group.bench_function(format!("{name}, without a pause, {threads} threads"), |b| {
                b.iter_custom(|times| by(threads, times, || file.append(&entries, None).unwrap()));
            });
        }
        // What an operation notices: bursts of 100, each written before the next.
        file.flush().unwrap();
        group.bench_function(format!("{name}, in bursts"), |b| {
            b.iter_custom(|times| {
                let mut spent = Duration::ZERO;
                let mut left = times;
                while left > 0 {
                    let burst = left.min(100);
                    let start = Instant::now();
                    (0..burst).for_each(|_| file.append(&entries, None).unwrap());
                    spent += start.elapsed();
                    file.flush().unwrap();
                    left -= burst;
                }
                spent
            });
        });
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("strict.jsonl");
    let file = AuditFile::open(AuditFileOptions { strict: true, ..AuditFileOptions::new(&path) }).unwrap();
    for threads in [1, 8] {
        group.bench_function(format!("strict, {threads} threads"), |b| {
            b.iter_custom(|times| by(threads, times, || file.append_durably(&entries, None).unwrap()));
        });
    }
    group.finish();
}

fn reading(c: &mut Criterion) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.jsonl");
    let file = AuditFile::open(AuditFileOptions::new(&path)).unwrap();
    let entries = [entry()];
    (0..40_000).for_each(|_| file.append(&entries, None).unwrap());
    file.close().unwrap();
    let mut group = c.benchmark_group("audit file reading");
    group.throughput(Throughput::Bytes(std::fs::metadata(&path).unwrap().len()));
    group.bench_function("verify", |b| {
        b.iter(|| assert!(verify(&path, &VerifyOptions::default()).unwrap().is_whole()));
    });
    group.bench_function("stats", |b| b.iter(|| stats(&path).unwrap()));
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(2));
    targets = appending, reading
}
criterion_main!(benches);
