//! A process that is killed while it writes loses no acknowledged write or batch, leaves no part of a batch, and what
//! it leaves opens without a word.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use checkrein::store::{Change, Database, Durability};

const ROUNDS: u64 = 200;
/// The threads up to this number put one key after the other, those from there on write batches.
const PUTTERS: u64 = 2;
const THREADS: u64 = 4;
/// The keys that each thread writes in turn.
const KEYS: u64 = 20;
/// The keys of a batch.
const BATCH_KEYS: u64 = 30;

const CHILD: &str = "CHECKREIN_TEST_KILL_CHILD";
const ROUND: &str = "CHECKREIN_TEST_KILL_ROUND";
const RELAXED: &str = "CHECKREIN_TEST_KILL_RELAXED";

fn key(thread: u64, n: u64) -> Vec<u8> {
    format!("{thread}/{}", n % KEYS).into_bytes()
}

/// The value of a write: its number, and now and then a lot more.
fn value(n: u64) -> Vec<u8> {
    let mut value = n.to_be_bytes().to_vec();
    value.resize(if n.is_multiple_of(13) { 20_000 } else { 8 + n as usize % 200 }, n as u8);
    value
}

/// The key of a batch's change; a batch writes all of them anew.
fn batch_key(thread: u64, change: u64) -> Vec<u8> {
    format!("batch/{thread}/{change:02}").into_bytes()
}

/// What a key holds after a batch: its number, a lot more at the last key now and then, and of the first two keys only
/// one is there, in turn.
fn batch_value(n: u64, change: u64) -> Option<Vec<u8>> {
    let size = if change == BATCH_KEYS - 1 { value(n).len() } else { 8 + change as usize };
    let mut value = n.to_be_bytes().to_vec();
    value.resize(size, n as u8);
    (change > 1 || change == n % 2).then_some(value)
}

fn write_batch(database: &Database, thread: u64, n: u64) -> Result<(), checkrein::Error> {
    let changes: Vec<_> =
        (0..BATCH_KEYS).map(|change| (batch_key(thread, change), batch_value(n, change))).collect();
    let changes: Vec<_> = changes
        .iter()
        .map(|(key, value)| match value {
            Some(value) => Change::Put { key, value },
            None => Change::Delete { key },
        })
        .collect();
    database.batch(&changes)
}

/// The number of the batch that a thread's keys show, after a check that it is there whole and nothing of another.
fn shown_batch(database: &Database, thread: u64) -> Option<u64> {
    let found = database.scan(format!("batch/{thread}/").as_bytes(), None, 100).unwrap();
    assert!(found.end);
    let (_, last) = found.pairs.last()?;
    let n = u64::from_be_bytes(last[..8].try_into().unwrap());
    let whole: Vec<_> = (0..BATCH_KEYS)
        .filter_map(|change| Some((batch_key(thread, change), batch_value(n, change)?)))
        .collect();
    assert!(found.pairs == whole, "batch {n} of thread {thread} is there in part");
    Some(n)
}

/// Not a test of its own: the process that is killed, when `CHILD` names a directory.
#[test]
fn child() {
    let Ok(path) = std::env::var(CHILD) else { return };
    let round: u64 = std::env::var(ROUND).unwrap().parse().unwrap();
    let relaxed = std::env::var(RELAXED).is_ok();
    let say = |line: String| std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
    say("\nopening\n".to_owned());
    let options =
        Database::options().durability(if relaxed { Durability::Relaxed } else { Durability::Sync });
    let database = options.open(path).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (database, say) = (&database, &say);
            scope.spawn(move || {
                for n in round * 1_000_000.. {
                    if thread < PUTTERS {
                        database.put(&key(thread, n), &value(n)).unwrap();
                    } else {
                        write_batch(database, thread, n).unwrap();
                    }
                    say(format!("ack {thread} {n}\n"));
                }
            });
        }
    });
}

/// Starts the process, kills it after so many acknowledgements, and gives all that were made.
fn run(path: &Path, round: u64, acknowledgements: usize, relaxed: bool) -> Vec<(u64, u64)> {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["child", "--exact", "--nocapture", "--test-threads", "1"])
        .env(CHILD, path)
        .env(ROUND, round.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    if relaxed {
        command.env(RELAXED, "1");
    }
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    lines.by_ref().find(|line| line == "opening").unwrap();
    let parse = |line: String| {
        let (thread, n) = line.strip_prefix("ack ")?.split_once(' ')?;
        Some((thread.parse().unwrap(), n.parse().unwrap()))
    };
    let mut made: Vec<_> = lines.by_ref().filter_map(parse).take(acknowledgements).collect();
    child.kill().unwrap();
    made.extend(lines.filter_map(parse));
    let status = child.wait().unwrap();
    assert_eq!(
        std::os::unix::process::ExitStatusExt::signal(&status),
        Some(9),
        "it ended by itself: {status}"
    );
    made
}

/// The number of the write that a key shows, after a check that the value is whole.
fn shown(database: &Database, thread: u64, n: u64) -> Option<u64> {
    let found = database.get(&key(thread, n)).unwrap()?;
    let number = u64::from_be_bytes(found[..8].try_into().unwrap());
    assert_eq!(found, value(number));
    Some(number)
}

#[test]
fn no_acknowledged_write_is_lost_in_two_hundred_kills() {
    let directory = tempfile::tempdir().unwrap();
    let mut path = directory.path().join("0");
    let mut last: BTreeMap<(u64, u64), u64> = BTreeMap::new();
    let mut seed = 0x5eed_u64;
    let mut total = 0;
    for round in 0..ROUNDS {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // Every tenth round starts over, and every other of those is killed while the database is made.
        let fresh = round % 10 == 0;
        if fresh {
            path = directory.path().join(round.to_string());
            last.clear();
        }
        let acknowledgements = if round % 20 == 0 { 0 } else { (seed >> 33) as usize % 120 };
        let made = run(&path, round, acknowledgements, false);
        total += made.len();
        for (thread, n) in made {
            // All batches of a thread have the same keys.
            last.insert((thread, if thread < PUTTERS { n % KEYS } else { 0 }), n);
        }
        let database = Database::open(&path).unwrap();
        for (&(thread, slot), &n) in &last {
            let found = if thread < PUTTERS {
                shown(&database, thread, slot)
            } else {
                shown_batch(&database, thread)
            };
            assert!(
                found >= Some(n),
                "round {round}: write {n} of thread {thread} is lost, {found:?} is there"
            );
        }
        // A batch that was not acknowledged is there whole or not at all, too.
        for thread in PUTTERS..THREADS {
            shown_batch(&database, thread);
        }
        database.close().unwrap();
    }
    println!("{total} acknowledged writes in {ROUNDS} rounds");
}

#[test]
fn a_kill_takes_relaxed_writes_from_the_end_only() {
    let directory = tempfile::tempdir().unwrap();
    for round in 0..10 {
        let path = directory.path().join(round.to_string());
        let made = run(&path, round, 40 * round as usize, true);
        let database = Database::open(&path).unwrap();
        for thread in 0..THREADS {
            let acknowledged = made.iter().filter(|ack| ack.0 == thread).map(|ack| ack.1).max();
            // The thread wrote without a gap, so its newest write on disk tells what the others must be.
            let first = round * 1_000_000;
            let newest = match thread {
                ..PUTTERS => (0..KEYS).filter_map(|slot| shown(&database, thread, slot)).max(),
                _ => shown_batch(&database, thread),
            };
            for slot in (0..KEYS).filter(|_| thread < PUTTERS) {
                let expected = newest
                    .and_then(|newest| (first..=newest).rev().take(KEYS as usize).find(|n| n % KEYS == slot));
                assert_eq!(shown(&database, thread, slot), expected, "round {round}, newest {newest:?}");
            }
            // At most the one under way was not acknowledged.
            assert!(
                newest <= acknowledged.map_or(Some(first), |n| Some(n + 1)),
                "{newest:?} {acknowledged:?}"
            );
        }
    }
}
