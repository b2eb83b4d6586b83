//! The ring that holds the newest entries: a counter numbers them, and each thread writes into places of its own.
//!
//! Threads that append meet at the counter, which is one atomic step, and nowhere else: each has its lane, shared only
//! where there are more threads than lanes. Together the lanes hold the newest entries and little more, because what is
//! too old in one lane gives its places to whichever needs them. A reader holds one lane at a time, for as long as it
//! goes over one block.

use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crossbeam_utils::CachePadded;

use super::content::Content;
use super::lane::{Block, Lane};
use super::{AuditFilter, Entry, Record};
use crate::error::{Error, Result};
use crate::turn;

/// How many entries are kept where nobody says.
pub const DEFAULT_MAX_ENTRIES: usize = 10_000;
/// The largest ring: 2 GB of places, without any long key.
pub const LARGEST_MAX_ENTRIES: usize = 10_000_000;

/// Lanes: as many threads append without meeting.
const LANES: usize = 16;
/// The places of a block in a ring of some size: 12 KiB.
const BLOCK: usize = 64;
/// Places that are made with the ring, 3 MiB: first touches of fresh memory cost more than an append does.
const PLACES_AT_ONCE: usize = 16_384;

/// The newest `max_entries` entries, appended and read by any number of threads at once.
pub struct AuditLog {
    /// Entries ever appended: the sequence of the newest, counting those still being written.
    appended: CachePadded<AtomicU64>,
    // INVARIANT: of several lanes only one is waited for, the others are tried; `spare` is locked last.
    lanes: [CachePadded<Mutex<Lane>>; LANES],
    /// Blocks that no lane has.
    spare: Mutex<Vec<Block>>,
    /// How many blocks there are.
    blocks: AtomicUsize,
    /// The places of a block.
    block: usize,
    capacity: usize,
}

impl AuditLog {
    /// A ring for `max_entries` entries, at most [`LARGEST_MAX_ENTRIES`].
    ///
    /// Memory for the first 16,384 places, of some 190 bytes each, is taken at once, for more as the ring fills.
    ///
    /// # Errors
    /// `ConfigError` for 0 and for more than the bound.
    pub fn new(max_entries: usize) -> Result<Self> {
        if max_entries == 0 || max_entries > LARGEST_MAX_ENTRIES {
            return Err(Error::config(format!(
                "`max_entries` of the audit is {max_entries}: give a number from 1 to {LARGEST_MAX_ENTRIES}"
            )));
        }
        Ok(AuditLog::of(max_entries))
    }

    fn of(capacity: usize) -> Self {
        let log = AuditLog {
            appended: CachePadded::new(AtomicU64::new(0)),
            lanes: Default::default(),
            spare: Mutex::default(),
            blocks: AtomicUsize::new(0),
            block: (capacity / BLOCK).clamp(1, BLOCK),
            capacity,
        };
        let made = (0..capacity.min(PLACES_AT_ONCE).div_ceil(log.block)).map(|_| log.make());
        lock(&log.spare).extend(made);
        log
    }

    /// An empty ring of the same size, taking no lock of this one: for the child of a fork.
    pub(crate) fn fresh(&self) -> Self {
        AuditLog::of(self.capacity)
    }

    /// Appends one entry, over the oldest where the ring is full, and gives its sequence.
    ///
    /// The cost does not depend on how many entries there are. Nothing is allocated where key and texts have up to
    /// 96 bytes together. The order of sequences is that of the calls; times of two threads may cross it.
    pub fn append(&self, record: &Record<'_>) -> u64 {
        let at = turn::of_this_thread() % LANES;
        let Some(lane) = self.lanes.get(at) else { return 0 };
        let mut lane = lock(lane);
        if lane.is_full() {
            self.extend(at, &mut lane);
        }
        let sequence = self.appended.fetch_add(1, Ordering::AcqRel) + 1;
        lane.write(sequence, record);
        sequence
    }

    /// The entries that pass: filters first, then the newest `limit`, oldest first.
    ///
    /// What other threads append meanwhile is not among them, and what they have written over by then is left out.
    /// Cost grows with the entries looked at: some 7 ns each, 55 ns where one passes.
    #[must_use]
    pub fn entries(&self, filter: &AuditFilter) -> Vec<Entry> {
        let newest = self.appended.load(Ordering::Acquire);
        let oldest = newest.saturating_sub(self.capacity as u64) + 1;
        let mut found = Vec::new();
        for lane in &self.lanes {
            newest_of(lane, oldest, newest, filter, &mut found);
        }
        // Each lane gave its newest `limit`.
        found.sort_unstable_by_key(|content| content.sequence);
        let older = found.len().saturating_sub(filter.limit);
        found.into_iter().skip(older).map(Entry::new).collect()
    }

    /// How many entries are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        usize::try_from(self.appended.load(Ordering::Relaxed)).unwrap_or(usize::MAX).min(self.capacity)
    }

    /// True where nothing was appended yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The most entries that are kept.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Gives a full lane a block to go on in: the one it wrote longest ago, if that is past keeping, so that a
    /// thread comes back to memory that its own core wrote.
    #[cold]
    fn extend(&self, at: usize, lane: &mut Lane) {
        let appended = self.appended.load(Ordering::Relaxed);
        let oldest = (appended + 2).saturating_sub(self.capacity as u64);
        let Some(block) = lane.give_up(oldest) else {
            let spare = lock(&self.spare).pop();
            return lane.add(spare.unwrap_or_else(|| self.another(at, oldest)));
        };
        // More than one where this thread had the ring for itself before.
        while let Some(block) = lane.give_up(oldest) {
            self.put_back(block);
        }
        lane.add(block);
    }

    /// A block that was not there or that another lane does not need any more.
    fn another(&self, at: usize, oldest: u64) -> Block {
        if self.blocks.load(Ordering::Relaxed) < self.enough() {
            return self.make();
        }
        for turn in 1..LANES {
            // The lanes of the threads that came before this one first. One that is busy this very moment gives up its
            // own old blocks.
            let lane = self.lanes.get((at + LANES - turn) % LANES).and_then(try_lock);
            if let Some(mut lane) = lane
                && let Some(block) = lane.give_up(oldest)
            {
                // What it has beyond that comes along, so that nobody looks around for each block.
                while let Some(block) = lane.give_up(oldest) {
                    self.put_back(block);
                }
                return block;
            }
        }
        self.make()
    }

    fn put_back(&self, block: Block) {
        if self.blocks.load(Ordering::Relaxed) > self.enough() {
            self.blocks.fetch_sub(1, Ordering::Relaxed);
        } else {
            lock(&self.spare).push(block);
        }
    }

    /// So many blocks that one is always past keeping: for the entries that are kept, and for a first and a last
    /// block in each lane that are kept in part only.
    fn enough(&self) -> usize {
        self.capacity.div_ceil(self.block) + 2 * LANES
    }

    fn make(&self) -> Block {
        self.blocks.fetch_add(1, Ordering::Relaxed);
        (0..self.block).map(|_| Content::empty()).collect()
    }
}

/// Adds a lane's newest entries that pass, as many as the filter's limit.
fn newest_of(lane: &Mutex<Lane>, oldest: u64, newest: u64, filter: &AuditFilter, found: &mut Vec<Content>) {
    let (mut before, mut left) = (newest + 1, filter.limit);
    let mut copied = Vec::new();
    while left > 0 {
        let Some(reached) = lock(lane).copy(oldest, before, filter, left, &mut copied) else { return };
        before = reached;
        // The key's test comes last and outside the lock: a host's test may itself lead to an entry.
        let passing =
            copied.drain(..).filter(|content| filter.keys.as_ref().is_none_or(|test| test(content.key())));
        let known = found.len();
        found.extend(passing);
        left -= found.len() - known;
    }
}

impl fmt::Debug for AuditLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditLog").field("len", &self.len()).field("capacity", &self.capacity).finish()
    }
}

/// A lock that a panic elsewhere does not break: what was being written is not counted as written.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Of a lane whose writer panicked nothing is taken.
fn try_lock<T>(mutex: &CachePadded<Mutex<T>>) -> Option<MutexGuard<'_, T>> {
    mutex.try_lock().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{OperationId, Surface, Verdict};
    use crate::clock::Time;
    use crate::operation::Kind;

    /// Threads come and go, so that each lane held the whole ring once: its places go on to the next.
    #[test]
    fn places_go_from_lane_to_lane_and_memory_stays_bounded() {
        for capacity in [1, 7, 1_000] {
            let log = AuditLog::new(capacity).unwrap();
            let mut appended = 0;
            for round in 0..3 * LANES {
                let times = capacity * 2 / (1 + round % 3) + 1;
                let append = || {
                    log.append(&Record {
                        time: Time::default(),
                        operation_id: OperationId::default(),
                        surface: Surface::Data,
                        operation: Kind::Read.into(),
                        key: b"k",
                        result: Verdict::Allowed,
                        agent_id: None,
                        session_id: None,
                        rule: None,
                        reason: None,
                        logged: false,
                        applied: None,
                        scanned: None,
                    })
                };
                std::thread::scope(|scope| {
                    scope.spawn(|| {
                        for _ in 0..times {
                            append();
                        }
                    });
                });
                appended += times as u64;
                let kept = log.entries(&AuditFilter::new().limit(usize::MAX));
                let sequences: Vec<u64> = kept.iter().map(Entry::sequence).collect();
                let oldest = appended.saturating_sub(capacity as u64) + 1;
                assert_eq!(sequences, (oldest..=appended).collect::<Vec<_>>());
                assert!(log.blocks.load(Ordering::Relaxed) <= log.enough());
            }
        }
    }
}
