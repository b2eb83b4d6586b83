//! The figures of `docs/database.md`: reads and writes, in memory and on disk, by one thread and by several.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout)]

use std::sync::Barrier;
use std::time::{Duration, Instant};

use checkrein::store::{Change, Database, Durability};

const KEYS: usize = 10_000;

fn main() {
    // `cargo test --benches` builds this and must not take minutes.
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    // `cargo bench --bench database -- scans` runs one part only.
    let only = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    for (name, part) in [("memory", memory as fn()), ("disk", disk), ("scans", scans), ("open", open)] {
        if only.as_ref().is_none_or(|only| only == name) {
            part();
        }
    }
}

/// The CPU time that this thread has used, where the system tells it; else the wall time. On a machine that others
/// use too, only the CPU time shows whether threads are in each other's way.
fn cpu_time(start: Instant) -> Duration {
    let used = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let used = used.and_then(|text| text.split(' ').next()?.parse().ok());
    used.map_or_else(|| start.elapsed(), Duration::from_nanos)
}

/// Runs `call` on some threads for a while, five times, and gives the calls a second of the median run: by the
/// wall, and by the CPU time that they took.
fn rates(threads: usize, for_ms: u64, call: impl Fn(usize, usize) + Sync) -> (f64, f64) {
    let mut runs: Vec<(f64, f64)> = (0..5)
        .map(|_| {
            let barrier = Barrier::new(threads);
            let (barrier, call) = (&barrier, &call);
            let run = move |thread| {
                barrier.wait();
                let start = Instant::now();
                let cpu = cpu_time(start);
                let mut calls = 0;
                while calls % 8 != 0 || start.elapsed() < Duration::from_millis(for_ms) {
                    call(thread, calls);
                    calls += 1;
                }
                (
                    calls as f64 / start.elapsed().as_secs_f64(),
                    calls as f64 / (cpu_time(start) - cpu).as_secs_f64(),
                )
            };
            std::thread::scope(|scope| {
                let workers: Vec<_> = (0..threads).map(|thread| scope.spawn(move || run(thread))).collect();
                let rates = workers.into_iter().map(|worker| worker.join().unwrap());
                rates.fold((0.0, 0.0), |sum, rate| (sum.0 + rate.0, sum.1 + rate.1))
            })
        })
        .collect();
    runs.sort_by(|a, b| a.0.total_cmp(&b.0));
    runs[2]
}

fn rate(threads: usize, for_ms: u64, call: impl Fn(usize, usize) + Sync) -> f64 {
    rates(threads, for_ms, call).0
}

fn show(what: &str, rate: f64) -> f64 {
    println!("{what:<44} {:>10.3} µs {rate:>12.0}/s", 1e6 / rate);
    rate
}

fn key(n: usize) -> [u8; 16] {
    let mut key = *b"users/0000000000";
    let digits = format!("{:010}", n % KEYS);
    key[6..].copy_from_slice(digits.as_bytes());
    key
}

fn fill(database: &Database) {
    for n in 0..KEYS {
        database.put(&key(n), &[7; 100]).unwrap();
    }
}

fn reads(name: &str, database: &Database) {
    let hot = key(4711);
    let get = |_: usize, _: usize| assert!(database.get(&hot).unwrap().is_some());
    let one = rates(1, 300, get);
    let two = rates(2, 300, get);
    show(&format!("{name}: get, one thread"), one.0);
    show(&format!("{name}: get, two threads, same key"), two.0);
    println!("{:<44} {:>10.2} x by the wall, {:.2} x by CPU time", "", two.0 / one.0, two.1 / one.1);
    let keys: Vec<_> = (0..KEYS).map(|n| key(n * 7919)).collect();
    show(
        &format!("{name}: get, one thread, all keys in turn"),
        rate(1, 300, |_, n| assert!(database.get(&keys[n % KEYS]).unwrap().is_some())),
    );
}

fn memory() {
    let database = Database::memory();
    fill(&database);
    reads("memory", &database);
    show("memory: put", rate(1, 300, |_, n| database.put(&key(n), &[7; 100]).unwrap()));
}

fn disk() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data");
    let database = Database::options().durability(Durability::Relaxed).open(&path).unwrap();
    fill(&database);
    show("disk: put relaxed, one writer", rate(1, 500, |_, n| database.put(&key(n), &[7; 100]).unwrap()));
    show(
        "disk: put relaxed, eight writers",
        rate(8, 500, |t, n| database.put(&key(n * 8 + t), &[7; 100]).unwrap()),
    );
    reads("disk", &database);
    database.close().unwrap();

    let database = Database::open(&path).unwrap();
    let one =
        show("disk: put sync, one writer", rate(1, 600, |_, n| database.put(&key(n), &[7; 100]).unwrap()));
    for writers in [2, 4, 8, 16] {
        let many = rate(writers, 600, |t, n| database.put(&key(n * writers + t), &[7; 100]).unwrap());
        show(&format!("disk: put sync, {writers} writers"), many);
        println!("{:<44} {:>10.2} x", "", many / one);
    }
    let again =
        show("disk: put sync, one writer", rate(1, 600, |_, n| database.put(&key(n), &[7; 100]).unwrap()));
    println!("{:<44} {:>10.2} x", "", again / one);
    database.close().unwrap();
    println!("file: {} bytes", std::fs::metadata(path.join("checkrein.redb")).unwrap().len());
    let start = Instant::now();
    Database::open(&path).unwrap().close().unwrap();
    println!("open and close: {:?}", start.elapsed());
}

/// Scans and batches of 100,000 keys, in pages of 256.
fn scans() {
    const SCANNED: usize = 100_000;
    let directory = tempfile::tempdir().unwrap();
    let disk = Database::options().durability(Durability::Relaxed).open(directory.path()).unwrap();
    let keys: Vec<_> = (0..SCANNED).map(|n| format!("users/{n:010}")).collect();
    for (name, database) in [("memory", Database::memory()), ("disk", disk)] {
        let start = Instant::now();
        for keys in keys.chunks(256) {
            let changes: Vec<_> =
                keys.iter().map(|key| Change::Put { key: key.as_bytes(), value: &[7; 100] }).collect();
            database.batch(&changes).unwrap();
        }
        let filled = start.elapsed() / SCANNED as u32;
        println!("{:<44} {filled:>12.3?} a key", format!("{name}: batches of 256, relaxed"));
        let mut rounds: Vec<_> = (0..9)
            .map(|_| {
                let start = Instant::now();
                let mut found = 0;
                let mut after: Option<Vec<u8>> = None;
                loop {
                    let mut page = database.scan(b"users/", after.as_deref(), 256).unwrap();
                    found += page.pairs.len();
                    after = page.pairs.pop().map(|(key, _)| key);
                    if page.end {
                        break;
                    }
                }
                assert_eq!(found, SCANNED);
                start.elapsed() / SCANNED as u32
            })
            .collect();
        rounds.sort();
        println!("{:<44} {:>12.3?} a key", format!("{name}: scan of 100,000 keys"), rounds[4]);
    }
}

fn open() {
    let directory = tempfile::tempdir().unwrap();
    let database = Database::options().durability(Durability::Relaxed).open(directory.path()).unwrap();
    for n in 0..250_000 {
        database.put(format!("users/{n:010}").as_bytes(), &[7; 1000]).unwrap();
    }
    database.close().unwrap();
    println!("file: {} MiB", std::fs::metadata(directory.path().join("checkrein.redb")).unwrap().len() >> 20);
    for check in [true, false, true, false] {
        let start = Instant::now();
        let database = Database::options().check(check).open(directory.path()).unwrap();
        println!("open, check {check}: {:?}", start.elapsed());
        database.close().unwrap();
    }
}
