//! The ring that holds the newest entries: a counter gives out the places, and each place has its own small lock.
//!
//! Two threads that append meet at the counter, which is one atomic step, and at a place only where one of them is
//! a whole ring behind. A reader holds one place at a time, for as long as a copy takes.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use crossbeam_utils::CachePadded;

use super::content::Content;
use super::{AuditFilter, Entry, Record};
use crate::error::{Error, Result};

/// How many entries are kept where nobody says.
pub const DEFAULT_MAX_ENTRIES: usize = 10_000;
/// The largest ring: 2 GB of places, without any long key.
pub const LARGEST_MAX_ENTRIES: usize = 10_000_000;

/// Places that are made together, when the first of them is needed: 48 KiB.
const CHUNK: usize = 256;
/// Chunks that are made with the ring, 3 MiB at most: first touches of fresh memory cost more than an append does.
const CHUNKS_AT_ONCE: usize = 64;

/// The newest `max_entries` entries, appended and read by any number of threads at once.
pub struct AuditLog {
    /// Entries ever appended: the sequence of the newest, counting those still being written.
    appended: CachePadded<AtomicU64>,
    chunks: Box<[OnceLock<Box<[Slot]>>]>,
    capacity: usize,
}

/// One place, on cache lines of its own: neighbours are written by different threads at the same time.
#[repr(align(64))]
struct Slot(Mutex<Content>);

impl AuditLog {
    /// A ring for `max_entries` entries, at most [`LARGEST_MAX_ENTRIES`].
    ///
    /// Memory for the first 16,384 places, of 192 bytes each, is taken at once, for more as the ring fills.
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
            chunks: (0..capacity.div_ceil(CHUNK)).map(|_| OnceLock::new()).collect(),
            capacity,
        };
        for at in 0..log.chunks.len().min(CHUNKS_AT_ONCE) {
            log.chunk(at);
        }
        log
    }

    /// An empty ring of the same size, taking no lock: for the child of a fork.
    pub(crate) fn fresh(&self) -> Self {
        AuditLog::of(self.capacity)
    }

    /// Appends one entry, over the oldest where the ring is full, and gives its sequence.
    ///
    /// The cost does not depend on how many entries there are. Nothing is allocated where key and texts have up to
    /// 96 bytes together. The order of sequences is that of the calls; times of two threads may cross it.
    pub fn append(&self, record: &Record<'_>) -> u64 {
        let sequence = self.appended.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some(slot) = self.slot(sequence) {
            let mut content = slot.lock();
            // A thread that slept here for a whole round finds a newer entry, and its own is past keeping.
            if content.sequence < sequence {
                content.write(sequence, record);
            }
        }
        sequence
    }

    /// The entries that pass: filters first, then the newest `limit`, oldest first.
    ///
    /// What other threads append meanwhile is not among them, and what they are still writing or have written over
    /// by then is left out. Cost grows with the entries looked at: some 10 ns each, 60 ns where one passes.
    #[must_use]
    pub fn entries(&self, filter: &AuditFilter) -> Vec<Entry> {
        let newest = self.appended.load(Ordering::Relaxed);
        let oldest = newest.saturating_sub(self.capacity as u64) + 1;
        let mut found: Vec<Entry> = (oldest..=newest)
            .rev()
            .filter_map(|sequence| self.copy(sequence, filter))
            // The key's test comes last and outside the lock: a host's test may itself lead to an entry.
            .filter(|content| filter.keys.as_ref().is_none_or(|test| test(content.key())))
            .take(filter.limit)
            .map(Entry::new)
            .collect();
        found.reverse();
        found
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

    fn copy(&self, sequence: u64, filter: &AuditFilter) -> Option<Content> {
        let content = self.slot(sequence)?.lock();
        (content.sequence == sequence && filter.accepts(&content)).then(|| content.clone())
    }

    /// The place of a sequence, which is 1 or more.
    fn slot(&self, sequence: u64) -> Option<&Slot> {
        let at = usize::try_from((sequence - 1) % self.capacity as u64).ok()?;
        self.chunk(at / CHUNK)?.get(at % CHUNK)
    }

    /// The places of a chunk, made when they are needed first.
    fn chunk(&self, at: usize) -> Option<&[Slot]> {
        let places = CHUNK.min(self.capacity.saturating_sub(at * CHUNK));
        Some(self.chunks.get(at)?.get_or_init(|| (0..places).map(|_| Slot::new()).collect()))
    }
}

impl fmt::Debug for AuditLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditLog").field("len", &self.len()).field("capacity", &self.capacity).finish()
    }
}

impl Slot {
    fn new() -> Self {
        Slot(Mutex::new(Content::empty()))
    }

    /// Locks the place. A writer that panicked left sequence 0 behind, so what it began is never read.
    fn lock(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
