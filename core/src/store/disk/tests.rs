//! The database over a storage that fails, and that loses what was not synced.

use std::io;
use std::sync::Arc;

use super::*;
use crate::clock::ManualClock;
use crate::error::Code;

#[derive(Debug)]
enum Pending {
    Write(u64, Vec<u8>),
    Length(u64),
}

/// What a disk holds: what the process sees, and what a loss of power would leave.
#[derive(Debug, Default)]
struct Bytes {
    live: Vec<u8>,
    synced: Vec<u8>,
    pending: Vec<Pending>,
    /// How many more changes and syncs go well.
    healthy: usize,
    error: Option<io::ErrorKind>,
}

impl Bytes {
    fn new(content: Vec<u8>) -> Self {
        Bytes { live: content.clone(), synced: content, healthy: usize::MAX, ..Bytes::default() }
    }

    /// What is left after the power failed: of what was not synced, each change by itself may be there or not.
    fn after_power_loss(&self, mut seed: u64) -> Vec<u8> {
        let mut content = self.synced.clone();
        for pending in &self.pending {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            if seed >> 63 == 1 {
                pending.apply(&mut content);
            }
        }
        content
    }

    fn step(&mut self) -> io::Result<()> {
        if self.healthy == 0 {
            return Err(self.error.unwrap_or(io::ErrorKind::StorageFull).into());
        }
        self.healthy -= 1;
        Ok(())
    }
}

impl Pending {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Pending::Length(length) => content.resize(*length as usize, 0),
            Pending::Write(offset, data) => {
                let (start, end) = (*offset as usize, *offset as usize + data.len());
                if content.len() < end {
                    content.resize(end, 0);
                }
                content[start..end].copy_from_slice(data);
            }
        }
    }
}

#[derive(Clone, Debug)]
struct Shaky(Arc<Mutex<Bytes>>);

impl Shaky {
    fn new(content: Vec<u8>) -> Self {
        Shaky(Arc::new(Mutex::new(Bytes::new(content))))
    }

    fn change(&self, pending: Pending) -> io::Result<()> {
        let mut bytes = self.0.lock().unwrap();
        let went_well = bytes.step();
        let pending = match (&went_well, pending) {
            // A full disk takes the first half.
            (Err(_), Pending::Write(offset, data)) => Pending::Write(offset, data[..data.len() / 2].to_vec()),
            (Err(_), Pending::Length(_)) => return went_well,
            (Ok(()), pending) => pending,
        };
        pending.apply(&mut bytes.live);
        bytes.pending.push(pending);
        went_well
    }
}

impl redb::StorageBackend for Shaky {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().live.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let bytes = self.0.lock().unwrap();
        let found = bytes.live.get(offset as usize..).and_then(|rest| rest.get(..out.len()));
        out.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.change(Pending::Length(length))
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut bytes = self.0.lock().unwrap();
        bytes.step()?;
        let Bytes { synced, pending, .. } = &mut *bytes;
        pending.drain(..).for_each(|pending| pending.apply(synced));
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.change(Pending::Write(offset, data.to_vec()))
    }
}

const KEYS: u32 = 5;

/// The `n`th write: to a few keys in turn, some of them large.
fn write(disk: &Disk, n: u32) -> Result<()> {
    let mut value = vec![0; if n % 4 == 3 { 9000 } else { 40 }];
    value[..4].copy_from_slice(&n.to_be_bytes());
    disk.put(&(n % KEYS).to_be_bytes(), &value)
}

/// Which write each key shows, in the order of the keys.
fn shown(disk: &Disk) -> Vec<Option<u32>> {
    let number = |value: Vec<u8>| u32::from_be_bytes(value[..4].try_into().unwrap());
    (0..KEYS).map(|key| disk.get(&key.to_be_bytes()).unwrap().map(number)).collect()
}

/// What the keys show after the first `count` writes.
fn after(count: u32) -> Vec<Option<u32>> {
    let last = |key| (0..count).rev().find(|n| n % KEYS == key);
    (0..KEYS).map(last).collect()
}

fn new_disk_content() -> Vec<u8> {
    let storage = Shaky::new(Vec::new());
    Disk::with_backend(storage.clone(), &Options::default()).unwrap().close().unwrap();
    let bytes = storage.0.lock().unwrap();
    bytes.live.clone()
}

#[test]
fn a_disk_that_is_full_at_any_step_loses_no_acknowledged_write() {
    const WRITES: u32 = 12;
    let content = new_disk_content();
    for healthy in 0.. {
        let storage = Shaky::new(content.clone());
        let disk = Disk::with_backend(storage.clone(), &Options::default()).unwrap();
        storage.0.lock().unwrap().healthy = healthy;
        let mut acknowledged = 0;
        let refused = (0..WRITES).find_map(|n| {
            let error = write(&disk, n).err()?;
            acknowledged = n;
            Some(error)
        });
        match &refused {
            None => acknowledged = WRITES,
            Some(error) => {
                assert_eq!(error.code(), Code::StoreFull, "{error}");
                assert!(error.to_string().contains("make room"), "{error}");
                // From then on it refuses everything, still for want of space.
                for again in [disk.get(b"k").unwrap_err(), disk.put(b"k", b"v").unwrap_err()] {
                    assert_eq!(again.code(), Code::StoreFull, "{again}");
                    assert!(again.to_string().contains("open it again"), "{again}");
                    assert!(again.cause().is_some());
                }
            }
        }
        let power_lost = storage.0.lock().unwrap().after_power_loss(healthy as u64);
        let closed = disk.close();
        assert_eq!(disk.get(b"k").unwrap_err().code(), Code::StoreClosed);
        let live = storage.0.lock().unwrap().live.clone();
        for content in [live, power_lost] {
            let disk = Disk::with_backend(Shaky::new(content), &Options::default()).unwrap();
            let shown = shown(&disk);
            // The write that failed may have happened, the others have.
            assert!(shown == after(acknowledged) || refused.is_some() && shown == after(acknowledged + 1));
            disk.put(b"more", b"1").unwrap();
        }
        if refused.is_none() && closed.is_ok() {
            return;
        }
    }
}

#[test]
fn a_batch_on_a_disk_that_fails_at_any_step_is_there_whole_or_not_at_all() {
    let value = vec![1; 5000];
    let batch = |disk: &Disk, round: u32| {
        let keys: Vec<_> = (0..KEYS).map(u32::to_be_bytes).collect();
        let mut number = value.clone();
        number[..4].copy_from_slice(&round.to_be_bytes());
        let changes: Vec<_> = keys.iter().map(|key| Change::Put { key, value: &number }).collect();
        disk.batch(&changes)
    };
    let content = new_disk_content();
    for healthy in 0.. {
        let storage = Shaky::new(content.clone());
        let disk = Disk::with_backend(storage.clone(), &Options::default()).unwrap();
        batch(&disk, 0).unwrap();
        storage.0.lock().unwrap().healthy = healthy;
        let done = batch(&disk, 1);
        let power_lost = storage.0.lock().unwrap().after_power_loss(healthy as u64);
        let live = storage.0.lock().unwrap().live.clone();
        for content in [live, power_lost] {
            let shown = shown(&Disk::with_backend(Shaky::new(content), &Options::default()).unwrap());
            let all = |round| shown == vec![Some(round); KEYS as usize];
            assert!(all(1) || done.is_err() && all(0), "{shown:?}");
        }
        match done {
            Ok(()) => return,
            Err(error) => assert_eq!(error.code(), Code::StoreFull, "{error}"),
        }
        assert_eq!(disk.scan(b"", None, 1).unwrap_err().code(), Code::StoreFull);
    }
}

#[test]
fn opening_on_a_disk_that_fails_is_an_error_at_every_step() {
    let healthy = new_disk_content();
    for content in [Vec::new(), healthy] {
        for steps in 0.. {
            let storage = Shaky::new(content.clone());
            storage.0.lock().unwrap().healthy = steps;
            match Disk::with_backend(storage, &Options::default().check(true)) {
                Err(error) => assert_eq!(error.code(), Code::StoreFull, "{error}"),
                Ok(_) => break,
            }
        }
    }
}

#[test]
fn other_failures_of_the_disk_keep_their_cause() {
    let storage = Shaky::new(Vec::new());
    let disk = Disk::with_backend(storage.clone(), &Options::default()).unwrap();
    write(&disk, 0).unwrap();
    {
        let mut bytes = storage.0.lock().unwrap();
        bytes.healthy = 1;
        bytes.error = Some(io::ErrorKind::TimedOut);
    }
    let error = write(&disk, 1).unwrap_err();
    assert_eq!(error.code(), Code::Store);
    assert!(error.to_string().contains("may or may not have happened"), "{error}");
    let cause = error.cause().and_then(crate::error::Cause::as_error).unwrap();
    assert_eq!(cause.downcast_ref::<io::Error>().unwrap().kind(), io::ErrorKind::TimedOut);
}

#[test]
fn relaxed_writes_are_lost_from_the_end_only_and_only_since_the_last_sync() {
    let content = new_disk_content();
    for count in 0..30 {
        let storage = Shaky::new(content.clone());
        let clock = ManualClock::new(0);
        let options = Options::default().durability(Durability::Relaxed).clock(Clock::Manual(clock.clone()));
        let disk = Disk::with_backend(storage.clone(), &options).unwrap();
        let mut synced = 0;
        for n in 0..count {
            clock.advance_ns(SYNC_AFTER_NS / 10);
            write(&disk, n).unwrap();
            // Every tenth comes a second after the last sync.
            if n % 10 == 9 {
                synced = n + 1;
            }
        }
        let power_lost = storage.0.lock().unwrap().after_power_loss(count.into());
        disk.flush().unwrap();
        let flushed = storage.0.lock().unwrap().after_power_loss(count.into());

        let shown = |content| shown(&Disk::with_backend(Shaky::new(content), &Options::default()).unwrap());
        let left = shown(power_lost);
        assert!((synced..=count).any(|kept| left == after(kept)), "{left:?} after {count}");
        assert_eq!(shown(flushed), after(count));
    }
}

#[test]
fn relaxed_writes_are_synced_after_some_bytes_too() {
    let storage = Shaky::new(Vec::new());
    let options =
        Options::default().durability(Durability::Relaxed).clock(Clock::Manual(ManualClock::new(0)));
    let disk = Disk::with_backend(storage.clone(), &options).unwrap();
    let lost = || {
        let content = storage.0.lock().unwrap().after_power_loss(7);
        Disk::with_backend(Shaky::new(content), &Options::default()).unwrap()
    };
    let half = vec![1; SYNC_AFTER_BYTES / 2];
    disk.put(b"a", &half).unwrap();
    assert_eq!(lost().get(b"a").unwrap(), None);
    disk.put(b"b", &half).unwrap();
    assert!(lost().get(b"a").unwrap().is_some() && lost().get(b"b").unwrap().is_some());
}

#[test]
fn close_tells_that_acknowledged_writes_did_not_reach_the_disk() {
    for failed_before in [false, true] {
        let storage = Shaky::new(Vec::new());
        let options =
            Options::default().durability(Durability::Relaxed).clock(Clock::Manual(ManualClock::new(0)));
        let disk = Disk::with_backend(storage.clone(), &options).unwrap();
        write(&disk, 0).unwrap();
        storage.0.lock().unwrap().healthy = 0;
        if failed_before {
            assert_eq!(disk.flush().unwrap_err().code(), Code::StoreFull);
        }
        assert_eq!(disk.close().unwrap_err().code(), Code::StoreFull);
        disk.close().unwrap();
    }
}
