//! A process that is killed while it writes loses no acknowledged write, and what it leaves opens without a word.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use checkrein::store::{Database, Durability};

const ROUNDS: u64 = 200;
const THREADS: u64 = 4;
/// The keys that each thread writes in turn.
const KEYS: u64 = 20;

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
                    database.put(&key(thread, n), &value(n)).unwrap();
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
            last.insert((thread, n % KEYS), n);
        }
        let database = Database::open(&path).unwrap();
        for (&(thread, slot), &n) in &last {
            let found = shown(&database, thread, slot);
            assert!(
                found >= Some(n),
                "round {round}: write {n} of thread {thread} is lost, {found:?} is there"
            );
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
            // The thread wrote without a gap, so its newest write on disk tells what the others must be.
            let first = round * 1_000_000;
            let newest = (0..KEYS).filter_map(|slot| shown(&database, thread, slot)).max();
            for slot in 0..KEYS {
                let expected = newest
                    .and_then(|newest| (first..=newest).rev().take(KEYS as usize).find(|n| n % KEYS == slot));
                assert_eq!(shown(&database, thread, slot), expected, "round {round}, newest {newest:?}");
            }
            let acknowledged = made.iter().filter(|ack| ack.0 == thread).map(|ack| ack.1).max();
            // At most the one under way was not acknowledged.
            assert!(
                newest <= acknowledged.map_or(Some(first), |n| Some(n + 1)),
                "{newest:?} {acknowledged:?}"
            );
        }
    }
}
