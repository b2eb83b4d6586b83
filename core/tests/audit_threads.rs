//! The ring under threads: no gap, no entry made of two, whoever writes and reads at once.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use checkrein::audit::{AuditFilter, AuditLog, Entry, OperationId, Record, Surface, Verb, Verdict};
use checkrein::clock::Time;

const THREADS: u64 = 4;
const APPENDS: u64 = 20_000;

/// Appends entries all of whose parts tell the thread and the number, with lengths that change.
fn append_all(log: &AuditLog, thread: u64) {
    for number in 0..APPENDS {
        let name = format!("{thread}-{number}");
        let long = name.repeat(1 + (number % 40) as usize);
        log.append(&Record {
            time: Time { monotonic_ns: 0, wall_ns: number },
            operation_id: OperationId::from_u128(u128::from(thread) << 64 | u128::from(number)),
            surface: Surface::Data,
            operation: Verb::Write,
            key: long.as_bytes(),
            result: if number % 2 == 0 { Verdict::Allowed } else { Verdict::Denied },
            agent_id: Some(&name),
            session_id: None,
            rule: (number % 3 == 0).then_some(&name),
            reason: Some(&long),
            logged: number % 5 == 0,
            applied: None,
            scanned: None,
        });
    }
}

fn assert_of_one_piece(entry: &Entry) {
    let id = entry.operation_id().as_u128();
    let (thread, number) = ((id >> 64) as u64, id as u64);
    let name = format!("{thread}-{number}");
    let long = name.repeat(1 + (number % 40) as usize);
    assert_eq!(entry.timestamp_ns(), number);
    assert_eq!(entry.key(), long);
    assert_eq!(entry.agent_id().unwrap(), name);
    assert_eq!(entry.session_id(), None);
    assert_eq!(entry.rule().as_deref(), (number % 3 == 0).then_some(name.as_str()));
    assert_eq!(entry.reason().unwrap(), long);
    assert_eq!(entry.result() == Verdict::Allowed, number % 2 == 0);
    assert_eq!(entry.logged(), number % 5 == 0);
}

/// Runs four writers, and a reader as long as they write, and gives the log as they left it.
fn after_a_storm(capacity: usize) -> AuditLog {
    let log = AuditLog::new(capacity).unwrap();
    let writing = AtomicBool::new(true);
    thread::scope(|scope| {
        let writers: Vec<_> = (0..THREADS)
            .map(|thread| {
                scope.spawn({
                    let log = &log;
                    move || append_all(log, thread)
                })
            })
            .collect();
        scope.spawn(|| {
            while writing.load(Ordering::Relaxed) {
                let entries = log.entries(&AuditFilter::new().limit(50));
                entries.iter().for_each(assert_of_one_piece);
                assert!(entries.is_sorted_by(|a, b| a.sequence() < b.sequence()));
            }
        });
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        writing.store(false, Ordering::Relaxed);
    });
    log
}

#[test]
fn a_small_ring_under_four_writers_ends_with_the_newest_without_a_gap() {
    for capacity in [1, 7, 300] {
        let log = after_a_storm(capacity);
        let entries = log.entries(&AuditFilter::new().limit(usize::MAX));
        let newest = THREADS * APPENDS;
        let sequences: Vec<u64> = entries.iter().map(Entry::sequence).collect();
        assert_eq!(sequences, (newest - capacity as u64 + 1..=newest).collect::<Vec<_>>());
        entries.iter().for_each(assert_of_one_piece);
    }
}

#[test]
fn a_ring_that_holds_all_loses_none_and_keeps_each_threads_order() {
    let total = THREADS * APPENDS;
    let log = after_a_storm(total as usize);
    let entries = log.entries(&AuditFilter::new().limit(usize::MAX));
    assert_eq!(entries.len() as u64, total);
    let mut next = [0; THREADS as usize];
    for (entry, sequence) in entries.iter().zip(1..) {
        assert_eq!(entry.sequence(), sequence);
        let thread = (entry.operation_id().as_u128() >> 64) as usize;
        assert_eq!(entry.timestamp_ns(), next[thread]);
        next[thread] += 1;
    }
}
