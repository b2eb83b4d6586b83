//! A fork under load: in the child every database of the parent's is closed, and the parent does not notice.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use checkrein::audit::OperationId;
use checkrein::store::{Change, Database, Durability};
use checkrein::{Code, Error};

const CHILDREN: u32 = 50;
const THREADS: u32 = 4;
/// The system ends a child that hangs: a lock was waited for that nobody holds any more.
const WATCHDOG_SECONDS: u32 = 30;

/// A handle that the threads borrow and that only a child, where they are not, drops before the test ends.
struct Handle(*mut Database);

// SAFETY: it is only read, as a `&Database`, while the threads are there.
unsafe impl Sync for Handle {}

impl Handle {
    fn new(database: Database) -> Self {
        Handle(Box::into_raw(Box::new(database)))
    }

    fn get(&self) -> &Database {
        // SAFETY: nobody calls `take` in a process where another thread uses the handle.
        unsafe { &*self.0 }
    }

    /// The one handle itself: its drop is the last.
    ///
    /// # Safety
    /// Called once in a process, where no other thread uses the handle.
    unsafe fn take(&self) -> Database {
        // SAFETY: the pointer comes from a box, and this is the only call.
        *unsafe { Box::from_raw(self.0) }
    }
}

/// Runs `child` in a fork and waits for it to end well.
fn fork(child: impl FnOnce()) {
    // SAFETY: the child is this thread alone; it ends by `_exit` and touches no lock that another thread may have
    // held, which is what the test is about.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "no fork");
    if pid == 0 {
        // SAFETY: plain system calls.
        unsafe { libc::alarm(WATCHDOG_SECONDS) };
        let outcome = catch_unwind(AssertUnwindSafe(child));
        // SAFETY: it does not return, so nothing of the test's runs twice.
        unsafe { libc::_exit(i32::from(outcome.is_err())) }
    }
    let mut status = 0;
    // SAFETY: the status is written to a variable of its type.
    assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
    assert!(!libc::WIFSIGNALED(status), "the child was ended by signal {}", libc::WTERMSIG(status));
    assert_eq!(libc::WEXITSTATUS(status), 0, "the child found something wrong");
}

fn assert_closed<T: std::fmt::Debug>(result: Result<T, Error>, parent: u32) {
    let error = result.unwrap_err();
    assert_eq!(error.code(), Code::StoreClosed);
    let message = format!(
        "this database was opened by process {parent} and is closed in the fork: open it after the fork"
    );
    assert_eq!(error.to_string(), message);
}

fn assert_no_writes(database: &Database, parent: u32) {
    assert_closed(database.put(b"k", b"child"), parent);
    assert_closed(database.delete(b"k"), parent);
    assert_closed(database.batch(&[Change::Delete { key: b"k" }]), parent);
    assert_closed(database.flush(), parent);
}

fn assert_no_reads(database: &Database, parent: u32) {
    assert_closed(database.get(b"k"), parent);
    assert_closed(database.scan(b"", None, 1), parent);
}

/// A database that the child opens itself works, over two openings.
fn assert_own_works(path: &Path) {
    for round in 0..2_u8 {
        for database in [Database::open(path).unwrap(), Database::memory()] {
            database.put(&[round], b"v").unwrap();
            database.batch(&[Change::Put { key: b"b", value: b"1" }]).unwrap();
            assert_eq!(database.get(&[round]).unwrap(), Some(b"v".to_vec()));
            assert!(database.scan(b"", None, 10).unwrap().pairs.len() >= 2);
            database.close().unwrap();
        }
    }
}

fn value(n: u32) -> Vec<u8> {
    vec![n as u8; if n.is_multiple_of(50) { 20_000 } else { 100 }]
}

/// Writes and reads until it is told to stop; gives the number of its last write.
fn load(databases: &[Handle], thread: u32, written: &AtomicU32, stop: &AtomicBool) -> u32 {
    let mut n = 0;
    while !stop.load(Ordering::Relaxed) {
        n += 1;
        let (key, value) = ([thread as u8, (n % 16) as u8], value(n));
        for database in databases.iter().map(Handle::get) {
            if n.is_multiple_of(3) {
                let twin = [100 + thread as u8, 0];
                let changes =
                    [Change::Put { key: &key, value: &value }, Change::Put { key: &twin, value: &value }];
                database.batch(&changes).unwrap();
            } else {
                database.put(&key, &value).unwrap();
            }
            assert_eq!(database.get(&key).unwrap().as_ref(), Some(&value));
            assert!(!database.scan(&key[..1], None, 4).unwrap().pairs.is_empty());
        }
        written.fetch_add(1, Ordering::Relaxed);
    }
    n
}

#[test]
fn fifty_children_under_load() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let relaxed = || Database::options().durability(Durability::Relaxed);
    let databases = [
        Handle::new(Database::open(path("sync")).unwrap()),
        Handle::new(relaxed().open(path("relaxed")).unwrap()),
        Handle::new(Database::memory()),
    ];
    let parent = std::process::id();
    let (written, stop) = (AtomicU32::new(0), AtomicBool::new(false));
    let last: Vec<u32> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (databases, written, stop) = (&databases, &written, &stop);
                scope.spawn(move || load(databases, thread, written, stop))
            })
            .collect();
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            for child in 0..CHILDREN {
                // Only once the threads are at work again, and each time at another moment of it.
                let before = written.load(Ordering::Relaxed);
                while written.load(Ordering::Relaxed) < before + child % 5 + 1 {
                    std::thread::yield_now();
                }
                fork(|| {
                    // Every other child is of a program that forgot to tell: its files are safe all the same.
                    let told = child % 2 == 0;
                    if told {
                        checkrein::fork::child();
                    }
                    for database in
                        databases.iter().map(Handle::get).filter(|database| told || !database.is_memory())
                    {
                        assert_no_writes(database, parent);
                        if told {
                            assert_no_reads(database, parent);
                            let clone = database.clone();
                            std::thread::spawn(move || assert_no_reads(&clone, parent)).join().unwrap();
                        }
                        assert!(format!("{database:?}").starts_with("Database("));
                        database.close().unwrap();
                    }
                    let error = Database::open(path("sync")).unwrap_err();
                    assert_eq!(error.code(), Code::StoreLocked, "{error}");
                    for handle in &databases {
                        // SAFETY: the child has one thread, and does this once.
                        drop(unsafe { handle.take() });
                    }
                    assert_own_works(&path(&format!("child-{child}")));
                });
            }
        }));
        stop.store(true, Ordering::Relaxed);
        let last = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        outcome.unwrap();
        last
    });

    // SAFETY: the threads have ended, and this is done once.
    let databases = databases.map(|handle| unsafe { handle.take() });
    let verify = |database: &Database| {
        for (thread, last) in last.iter().enumerate() {
            for n in last.saturating_sub(15).max(1)..=*last {
                let found = database.get(&[thread as u8, (n % 16) as u8]).unwrap();
                assert_eq!(found, Some(value(n)), "write {n} of thread {thread}");
            }
        }
    };
    for database in &databases {
        verify(database);
        database.close().unwrap();
    }
    for name in ["sync", "relaxed"] {
        verify(&Database::open(path(name)).unwrap());
    }
}

#[test]
fn a_child_that_drops_a_database_neither_writes_nor_unlocks_it() {
    let directory = tempfile::tempdir().unwrap();
    // What is written is not synced yet: a drop in the parent would do it, and change the file.
    let clock = checkrein::Clock::Manual(checkrein::ManualClock::new(0));
    let options = Database::options().durability(Durability::Relaxed).clock(clock);
    let handle = Handle::new(options.open(directory.path()).unwrap());
    let parent = std::process::id();
    handle.get().put(b"k", b"parent").unwrap();
    let file = || std::fs::read(directory.path().join("checkrein.redb")).unwrap();
    let before = file();
    let process = || OperationId::next().as_u128() >> 64;
    let ids = process();
    for told in [true, false] {
        fork(|| {
            if told {
                checkrein::fork::child();
                assert_ne!(process(), ids, "ids that the parent may give too");
            }
            assert_no_writes(handle.get(), parent);
            // SAFETY: the child has one thread, and does this once.
            drop(unsafe { handle.take() });
        });
        assert!(file() == before, "the file has changed");
        fork(|| {
            let error = Database::open(directory.path()).unwrap_err();
            assert_eq!(error.code(), Code::StoreLocked, "{error}");
            assert!(error.to_string().contains(&format!("by process {parent}")), "{error}");
        });
        assert_eq!(handle.get().get(b"k").unwrap(), Some(b"parent".to_vec()));
    }
    // SAFETY: there is no other thread, and this is done once.
    drop(unsafe { handle.take() });
    assert!(file() != before);
    // A child opens what its parent has closed.
    fork(|| {
        checkrein::fork::child();
        let database = Database::open(directory.path()).unwrap();
        assert_eq!(database.get(b"k").unwrap(), Some(b"parent".to_vec()));
        database.put(b"k", b"child").unwrap();
    });
    let database = Database::open(directory.path()).unwrap();
    assert_eq!(database.get(b"k").unwrap(), Some(b"child".to_vec()));
}
