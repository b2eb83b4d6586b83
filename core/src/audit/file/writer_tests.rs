use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::*;
use crate::audit::{AuditFilter, AuditLog, OperationId, Record, Surface, Verdict};
use crate::clock::Time;
use crate::operation::Kind;

/// What a test makes a file do.
#[derive(Debug)]
pub(super) struct Faults {
    /// How many more bytes can be written.
    room: AtomicU64,
    no_cut: AtomicBool,
    no_sync: AtomicBool,
}

impl Default for Faults {
    fn default() -> Self {
        Faults {
            room: AtomicU64::new(u64::MAX),
            no_cut: AtomicBool::default(),
            no_sync: AtomicBool::default(),
        }
    }
}

impl Faults {
    /// How much of a write there is room for, where that is not all of it.
    pub(super) fn room(&self, bytes: usize) -> Option<usize> {
        let room = self.room.load(Ordering::SeqCst);
        if room == u64::MAX {
            return None;
        }
        let fits = room.min(bytes as u64);
        self.room.store(room - fits, Ordering::SeqCst);
        (fits < bytes as u64).then_some(fits as usize)
    }

    pub(super) fn cut(&self) -> io::Result<()> {
        if self.no_cut.load(Ordering::SeqCst) { Err(io::Error::other("no cut")) } else { Ok(()) }
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        if self.no_sync.load(Ordering::SeqCst) { Err(io::Error::other("no sync")) } else { Ok(()) }
    }
}

impl Faults {
    fn set_room(&self, bytes: u64) {
        self.room.store(bytes, Ordering::SeqCst);
    }
}

const UNLIMITED: u64 = u64::MAX;

/// An audit file whose disk can be made to fail.
struct Failing {
    file: Arc<AuditFile>,
    faults: Arc<Faults>,
    path: PathBuf,
    _directory: tempfile::TempDir,
}

impl Failing {
    fn new(strict: bool, rotate_bytes: u64) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("audit.jsonl");
        let options =
            AuditFileOptions { strict, rotate_bytes, fsync: Fsync::Always, ..AuditFileOptions::new(&path) };
        let setup = Setup::new(&options, Names::new(&path)).unwrap();
        let faults = setup.faults.clone();
        let file = AuditFile::over(options, path.clone(), setup, None).unwrap();
        Failing { file, faults, path, _directory: directory }
    }

    fn whole(&self) -> Report {
        let report = verify(&self.path, &VerifyOptions::default()).unwrap();
        assert_eq!(report.problem, None);
        assert_eq!(report.torn_bytes, 0);
        report
    }

    fn keys(&self) -> Vec<String> {
        let lines = tail(&self.path, usize::MAX).unwrap();
        let key = |line: &TailLine| {
            let value: serde_json::Value = serde_json::from_str(&line.text).unwrap();
            value.get("key").map(|key| key.as_str().unwrap().to_owned())
        };
        lines.iter().filter_map(key).collect()
    }
}

fn entry(key: &str) -> Entry {
    let log = AuditLog::new(1).unwrap();
    log.append(&Record {
        time: Time::default(),
        operation_id: OperationId::default(),
        surface: Surface::Data,
        operation: Kind::Write.into(),
        key: key.as_bytes(),
        result: Verdict::Allowed,
        agent_id: None,
        session_id: None,
        rule: None,
        reason: None,
        logged: false,
        applied: None,
        scanned: None,
    });
    log.entries(&AuditFilter::new()).pop().unwrap()
}

#[test]
fn a_write_that_fails_at_any_byte_leaves_whole_lines_and_is_made_good_later() {
    for rotate_bytes in [0, 4096] {
        for room in (0..1200).step_by(17) {
            let failing = Failing::new(false, rotate_bytes);
            let keys: Vec<String> = (0..13).map(|n| n.to_string()).collect();
            let append = |keys: &[String]| {
                keys.iter().for_each(|key| failing.file.append(&[entry(key)], None).unwrap());
            };
            append(&keys[..9]);
            failing.file.flush().unwrap();
            failing.faults.set_room(room);
            append(&keys[9..]);
            let _ = failing.file.flush();
            failing.whole();
            failing.faults.set_room(UNLIMITED);
            failing.file.flush().unwrap();
            assert_eq!(failing.keys(), keys, "room {room}");
            failing.file.close().unwrap();
            failing.whole();
        }
    }
}

#[test]
fn bytes_that_could_not_be_cut_off_are_cut_before_the_next_write() {
    let failing = Failing::new(false, 0);
    failing.file.append(&[entry("a")], None).unwrap();
    failing.file.flush().unwrap();
    failing.faults.no_cut.store(true, Ordering::SeqCst);
    failing.faults.set_room(100);
    failing.file.append(&[entry("b")], None).unwrap();
    assert!(failing.file.flush().is_err());
    assert!(verify(&failing.path, &VerifyOptions::default()).unwrap().torn_bytes == 100);
    failing.faults.set_room(UNLIMITED);
    assert!(failing.file.flush().is_err(), "nothing may follow a half line");
    failing.faults.no_cut.store(false, Ordering::SeqCst);
    failing.file.flush().unwrap();
    assert_eq!((failing.keys(), failing.whole().lines), (vec!["a".to_owned(), "b".to_owned()], 3));
}

#[test]
fn what_is_lost_is_counted_and_told_in_the_chain_once_it_is_written_again() {
    let failing = Failing::new(false, 0);
    failing.faults.set_room(0);
    let large = entry(&"k".repeat(4000));
    (0..5000).for_each(|_| failing.file.append(std::slice::from_ref(&large), None).unwrap());
    let lost = failing.file.lost();
    assert!((500..2000).contains(&lost), "{lost}");
    assert_eq!(failing.file.last_error().unwrap().code(), crate::Code::StoreFull);
    failing.faults.set_room(UNLIMITED);
    failing.file.flush().unwrap();
    let report = failing.whole();
    assert_eq!((report.lost, report.lines), (lost, 5000 - lost + 2));
    failing.file.append(&[entry("on")], None).unwrap();
    failing.file.close().unwrap();
    let stats = stats(&failing.path).unwrap();
    assert_eq!((stats.lost, stats.entries, failing.file.lost()), (lost, 5001 - lost, lost));
}

#[test]
fn a_strict_line_that_failed_is_not_in_the_file() {
    let failing = Failing::new(true, 4096);
    failing.file.append_durably(&[entry("a")], Some(Phase::Decided)).unwrap();
    let head = failing.file.head();
    failing.faults.set_room(200);
    assert_eq!(
        failing.file.append_durably(&[entry("full")], None).unwrap_err().code(),
        crate::Code::StoreFull
    );
    failing.faults.set_room(UNLIMITED);
    assert_eq!((failing.keys(), failing.file.head()), (vec!["a".to_owned()], head));
    failing.file.append_durably(&[entry("b")], Some(Phase::Done)).unwrap();
    assert_eq!(failing.keys(), ["a", "b"]);
    failing.whole();
}

#[test]
fn where_a_sync_and_the_repair_fail_no_strict_line_is_taken_any_more() {
    let failing = Failing::new(true, 0);
    failing.file.append_durably(&[entry("a")], None).unwrap();
    failing.faults.no_sync.store(true, Ordering::SeqCst);
    assert!(failing.file.append_durably(&[entry("b")], None).is_err());
    failing.faults.no_sync.store(false, Ordering::SeqCst);
    let error = failing.file.append_durably(&[entry("c")], None).unwrap_err();
    assert!(error.to_string().contains("close it and open it again"), "{error}");
    let head = failing.file.head();
    failing.file.close().unwrap();
    assert_eq!((failing.keys(), failing.whole().head.sequence), (vec!["a".to_owned()], head.sequence + 1));
}

#[test]
fn concurrent_strict_writers_share_an_outcome_and_every_success_is_there() {
    let failing = Failing::new(true, 4096);
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|thread| {
                let failing = &failing;
                scope.spawn(move || {
                    let mut written = Vec::new();
                    for n in 0..60 {
                        if thread == 0 && n % 10 == 5 {
                            failing.faults.set_room(if n % 20 == 5 { 700 } else { UNLIMITED });
                        }
                        let key = format!("{thread}/{n}");
                        if failing.file.append_durably(&[entry(&key)], None).is_ok() {
                            written.push(key);
                        }
                    }
                    written
                })
            })
            .collect();
        let mut written: Vec<String> =
            writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect();
        failing.faults.set_room(UNLIMITED);
        let mut keys = failing.keys();
        keys.sort();
        written.sort();
        assert_eq!(keys, written);
    });
    failing.whole();
}

#[test]
fn a_child_starts_a_chain_of_its_own_that_names_its_parents_head() {
    let failing = Failing::new(false, 0);
    failing.file.append(&[entry("a")], None).unwrap();
    failing.file.flush().unwrap();
    failing.file.append(&[entry("queued")], None).unwrap();
    let head = failing.file.head();
    // As if another thread had been writing when the fork came: its locks stay held.
    let child = failing.file.shared.with_locks_held(|| failing.file.open_child(77).unwrap());
    child.append(&[entry("child")], None).unwrap();
    child.close().unwrap();
    let own = failing.path.with_file_name("audit-77.jsonl");
    assert_eq!(child.path(), own);
    let header: serde_json::Value = serde_json::from_str(&tail(&own, 9).unwrap()[0].text).unwrap();
    assert_eq!(
        (&header["parent"], &header["parent_file"]),
        (&head.to_string().into(), &"audit.jsonl".into())
    );
    assert_eq!(verify(&own, &VerifyOptions::default()).unwrap().lines, 3);
    // The same id again, much later: its file is written on, and the line that says so names the parent.
    failing.file.open_child(77).unwrap().close().unwrap();
    let again: serde_json::Value = serde_json::from_str(&tail(&own, 2).unwrap()[0].text).unwrap();
    assert_eq!((&again["event"], &again["parent_file"]), (&"reopened".into(), &"audit.jsonl".into()));
    // A child of the child bears its own number only.
    assert_eq!(child.open_child(78).unwrap().path(), failing.path.with_file_name("audit-78.jsonl"));
    failing.file.close().unwrap();
    assert_eq!(failing.keys(), ["a", "queued"]);
}
