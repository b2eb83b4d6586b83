//! One process, one handle: a second one is told who has the database open.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout)]

use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use checkrein::Code;
use checkrein::store::Database;

const CHILD: &str = "CHECKREIN_TEST_LOCK_CHILD";

/// Not a test of its own: the second process, when `CHILD` names a directory. It opens the database, says so and
/// waits to be ended.
#[test]
fn child() {
    let Ok(path) = std::env::var(CHILD) else { return };
    match Database::open(path) {
        Ok(database) => {
            database.put(b"child", b"was here").unwrap();
            println!("\nopened");
            let _ = std::io::stdin().read_line(&mut String::new());
            drop(database);
        }
        Err(error) => println!("\nrefused {} {error}", error.code().as_str()),
    }
}

/// Starts the second process and gives what it says; its output stays open, since the test harness minds.
fn start(path: &Path) -> (Child, String, Lines<BufReader<ChildStdout>>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["child", "--exact", "--nocapture", "--test-threads", "1"])
        .env(CHILD, path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let said = lines
        .by_ref()
        .map(Result::unwrap)
        .find(|line| line.starts_with("opened") || line.starts_with("refused"));
    (child, said.unwrap(), lines)
}

#[test]
fn a_second_handle_of_the_same_process_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let first = Database::open(directory.path()).unwrap();
    let error = Database::open(directory.path()).unwrap_err();
    assert_eq!(error.code(), Code::StoreLocked);
    let text = error.to_string();
    assert!(text.contains("by this process") && text.contains(directory.path().to_str().unwrap()), "{text}");
    first.put(b"k", b"v").unwrap();
    first.close().unwrap();
    let second = Database::open(directory.path()).unwrap();
    assert_eq!(second.get(b"k").unwrap().as_deref(), Some(&b"v"[..]));
}

/// A process that was forked and has not run its program yet holds a copy of every file, the lock's too. It once kept
/// a database locked that was closed and opened again while another thread started a program.
#[test]
fn a_copy_of_the_lock_in_a_child_does_not_keep_a_closed_database_locked() {
    let directory = tempfile::tempdir().unwrap();
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                Command::new("true").status().unwrap();
            }
        });
        let opened: Vec<_> =
            (0..50).map(|_| Database::open(directory.path()).and_then(|db| db.close())).collect();
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(opened.iter().all(Result::is_ok), "{opened:?}");
    });
}

#[test]
fn a_second_process_is_refused_and_told_who_has_it() {
    let directory = tempfile::tempdir().unwrap();
    let database = Database::open(directory.path()).unwrap();
    let (mut child, said, _output) = start(directory.path());
    child.wait().unwrap();
    assert!(said.starts_with("refused store_locked"), "{said}");
    assert!(said.contains(&format!("by process {}", std::process::id())), "{said}");
    drop(database);

    let (mut child, said, _output) = start(directory.path());
    assert_eq!(said, "opened");
    let error = Database::open(directory.path()).unwrap_err();
    assert_eq!(error.code(), Code::StoreLocked);
    assert!(error.to_string().contains(&format!("by process {}", child.id())), "{error}");

    // Killed, it leaves no lock behind, and its write is there.
    child.kill().unwrap();
    child.wait().unwrap();
    let database = Database::open(directory.path()).unwrap();
    assert_eq!(database.get(b"child").unwrap().as_deref(), Some(&b"was here"[..]));
}
