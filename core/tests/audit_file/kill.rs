//! A process that is killed while it appends leaves a chain that verifies and is written on; what was acknowledged
//! durably is in it.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use checkrein::audit::file::AuditFileOptions;

use super::support::*;

const ROUNDS: u64 = 200;
const THREADS: u64 = 4;

const CHILD: &str = "CHECKREIN_TEST_AUDIT_KILL";
const ROUND: &str = "CHECKREIN_TEST_AUDIT_KILL_ROUND";
const STRICT: &str = "CHECKREIN_TEST_AUDIT_KILL_STRICT";

fn options(path: &Path, strict: bool) -> AuditFileOptions {
    AuditFileOptions { strict, rotate_bytes: 16 * 1024, ..AuditFileOptions::new(path) }
}

/// Not a test of its own: the process that is killed, when `CHILD` names a file. It says which entries are safe.
#[test]
fn child() {
    let Ok(path) = std::env::var(CHILD) else { return };
    let round = std::env::var(ROUND).unwrap();
    let strict = std::env::var(STRICT).is_ok();
    let say = |line: String| std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
    say("\nopening\n".to_owned());
    let file = open(&options(Path::new(&path), strict));
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (file, say, round) = (&file, &say, &round);
            scope.spawn(move || {
                for n in 0.. {
                    let key = format!("{round}/{thread}/{n}");
                    if strict {
                        file.append_durably(&[keyed(&key)], None).unwrap();
                    } else {
                        file.append(&[keyed(&key)], None).unwrap();
                        if n % 4 == 0 {
                            file.flush().unwrap();
                        } else {
                            continue;
                        }
                    }
                    say(format!("ack {key}\n"));
                }
            });
        }
    });
}

/// Starts the process, kills it after so many acknowledgements, and gives all that were made.
fn run(path: &Path, round: u64, acknowledgements: usize, strict: bool) -> Vec<String> {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["kill::child", "--exact", "--nocapture", "--test-threads", "1"])
        .env(CHILD, path)
        .env(ROUND, round.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    if strict {
        command.env(STRICT, "1");
    }
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    lines.by_ref().find(|line| line == "opening").unwrap();
    let acknowledged = |line: String| line.strip_prefix("ack ").map(str::to_owned);
    let mut made: Vec<_> = lines.by_ref().filter_map(acknowledged).take(acknowledgements).collect();
    child.kill().unwrap();
    // The last line may be cut in the middle.
    made.extend(lines.filter_map(acknowledged));
    #[cfg(unix)]
    assert_eq!(
        std::os::unix::process::ExitStatusExt::signal(&child.wait().unwrap()),
        Some(9),
        "it ended by itself"
    );
    #[cfg(not(unix))]
    child.wait().unwrap();
    made
}

fn keys(path: &Path) -> BTreeSet<String> {
    files(path).iter().flat_map(|file| told(file)).collect()
}

fn kill_often(strict: bool) {
    let mut seed = 0x5eed_u64;
    let mut total = 0;
    let (mut repairs, mut kills) = (0, 0);
    while kills < ROUNDS / 2 {
        // Five kills to a chain, so that it is opened again and again.
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("audit.jsonl");
        let mut acknowledged = BTreeSet::new();
        for round in 0..5 {
            kills += 1;
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let acknowledgements = if round == 3 { 0 } else { (seed >> 33) as usize % 80 };
            let made = run(&path, round, acknowledgements, strict);
            total += made.len();
            acknowledged.extend(made);
            if path.exists() || round > 0 {
                let report = checked(&path);
                // Killed before the first header was whole, it has nothing to verify.
                assert!(report.is_whole() || report.lines == 0, "kill {kills}: {:?}", report.problem);
            }
            let file = open(&options(&path, strict));
            file.append_durably(&[keyed(format!("after {round}"))], None).unwrap();
            acknowledged.insert(format!("after {round}"));
            file.close().unwrap();
            repairs += whole(&path).repairs;
            let there = keys(&path);
            let lost: Vec<_> = acknowledged.difference(&there).collect();
            assert!(lost.is_empty(), "kill {kills}: acknowledged and lost: {lost:?}");
        }
    }
    println!("strict {strict}: {total} acknowledged entries, {kills} kills, {repairs} repairs told");
}

#[test]
fn a_hundred_kills_lose_no_durable_line() {
    kill_often(true);
}

#[test]
fn a_hundred_kills_lose_no_flushed_line() {
    kill_often(false);
}
