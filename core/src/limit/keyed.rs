//! The buckets of a limit that keeps one for each value of a context key: sharded, bounded, and let go again.
//!
//! A key is known by a fingerprint of its text (SipHash-1-3 under a seed that each limit draws for itself): 96 bits in
//! the table, and up to 7 others that choose its shard. So an id of a kilobyte takes no more room than one of a byte,
//! and nobody who cannot read the process's memory can choose an id that shares another's bucket. Two that do by
//! chance get less, never more: both take from the one bucket.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use crossbeam_utils::CachePadded;
use siphasher::sip128::{Hasher128, SipHasher13};

use crate::context::Value;

use super::bucket::Bucket;
use super::rate::Rate;
use super::table::{Fingerprint, MIN_BYTES, Table};

const MAX_SHARDS: usize = 128;
/// A limit for fewer keys than this has one shard, and one for twice as many two.
const KEYS_A_SHARD: u64 = 512;
/// The memory that a limit takes before the first key and after the last, at most, in bytes: its shards with their
/// smallest tables, and 2 KiB for the rest.
pub const BYTES_FIXED: usize = MAX_SHARDS * (size_of::<CachePadded<Mutex<Table>>>() + MIN_BYTES) + 2048;
/// One take in so many sweeps.
const SWEEP_EVERY: usize = 16;
/// The live buckets that such a sweep passes, in its own shard and another by turns: one or two for each take.
const SWEEP_KEEPS: usize = 16;
/// The live buckets that are passed where there is no room: more than a limit with one shard has.
const ROOM_KEEPS: usize = 1024;

pub(super) struct Keyed {
    shards: Box<[CachePadded<Mutex<Table>>]>,
    /// For contexts without the key: no value can name it.
    absent: CachePadded<Mutex<Bucket>>,
    /// For keys that came when there was no room.
    overflow: CachePadded<Mutex<Bucket>>,
    /// How many keys are in the tables or have a place kept for them.
    tracked: CachePadded<AtomicUsize>,
    max_keys: usize,
    seed: (u64, u64),
}

/// Where the bucket is that an operation falls to; locked as long as this lives.
pub(super) enum Place<'a> {
    /// The one bucket of a global limit, or that for contexts without the key.
    Lone(MutexGuard<'a, Bucket>),
    /// The bucket of the keys for which there was no room.
    Overflow(MutexGuard<'a, Bucket>),
    /// A key that is in the table.
    Known { keyed: &'a Keyed, table: MutexGuard<'a, Table>, shard: usize, at: usize },
    /// A key that is not: its bucket is full.
    New {
        keyed: &'a Keyed,
        table: MutexGuard<'a, Table>,
        shard: usize,
        key: Fingerprint,
        room: Option<Room<'a>>,
    },
}

/// A place that is kept for a new key, and given back unless the key moves in.
pub(super) struct Room<'a>(&'a AtomicUsize);

impl Drop for Room<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Keyed {
    pub(super) fn new(max_keys: u64) -> Self {
        let shards = usize::try_from(max_keys / KEYS_A_SHARD).unwrap_or(MAX_SHARDS).next_power_of_two();
        let random = RandomState::new();
        Keyed {
            shards: (0..shards.min(MAX_SHARDS)).map(|_| CachePadded::default()).collect(),
            absent: CachePadded::default(),
            overflow: CachePadded::default(),
            tracked: CachePadded::default(),
            max_keys: usize::try_from(max_keys).unwrap_or(usize::MAX),
            seed: (random.hash_one(0_u8), random.hash_one(1_u8)),
        }
    }

    /// Finds and locks the bucket of a value. With `take`, a place is kept for a new key.
    pub(super) fn place(&self, value: Option<&Value>, rate: &Rate, now_ns: u64, take: bool) -> Place<'_> {
        let Some(value) = value else { return Place::Lone(lock(&self.absent)) };
        let (index, key) = self.locate(value);
        let Some(shard) = self.shards.get(index) else { return Place::Overflow(lock(&self.overflow)) };
        let mut table = lock(shard);
        if let Some(at) = table.find(key) {
            return Place::Known { keyed: self, table, shard: index, at };
        }
        if !self.has_room() {
            self.make_room(index, &mut table, rate, now_ns);
        }
        let room = if take { self.keep_room() } else { None };
        if room.is_some() || (!take && self.has_room()) {
            return Place::New { keyed: self, table, shard: index, key, room };
        }
        drop(table);
        Place::Overflow(lock(&self.overflow))
    }

    /// Drops full buckets, a few at each call, in the shard at hand and in the others by turns: so memory falls
    /// where agents are idle, and nobody waits for a long sweep.
    pub(super) fn tend(&self, index: usize, table: &mut Table, rate: &Rate, now_ns: u64) {
        table.takes = table.takes.wrapping_add(1);
        if !table.takes.is_multiple_of(SWEEP_EVERY) {
            return;
        }
        if (table.takes / SWEEP_EVERY).is_multiple_of(2) {
            self.forget(table.sweep(rate, now_ns, SWEEP_KEEPS));
        } else {
            self.sweep_another(index, table.takes / SWEEP_EVERY / 2, rate, now_ns, SWEEP_KEEPS);
        }
    }

    /// Drops every full bucket.
    pub(super) fn release_idle(&self, rate: &Rate, now_ns: u64) {
        for shard in &self.shards {
            self.forget(lock(shard).sweep_all(rate, now_ns));
        }
    }

    pub(super) fn tracked(&self) -> usize {
        self.tracked.load(Ordering::Relaxed)
    }

    pub(super) fn bytes(&self) -> usize {
        let fixed = size_of::<Self>() + size_of_val(&*self.shards);
        self.shards.iter().fold(fixed, |sum, shard| sum + lock(shard).bytes())
    }

    fn make_room(&self, index: usize, table: &mut Table, rate: &Rate, now_ns: u64) {
        let keeps = if self.shards.len() == 1 { ROOM_KEEPS } else { ROOM_KEEPS / 4 };
        self.forget(table.sweep(rate, now_ns, keeps));
        // So that looks, which take nothing, come round too.
        table.takes = table.takes.wrapping_add(1);
        self.sweep_another(index, table.takes, rate, now_ns, keeps);
    }

    /// Sweeps the shard that comes `turn` after the one at hand.
    fn sweep_another(&self, index: usize, turn: usize, rate: &Rate, now_ns: u64, keeps: usize) {
        let other = index.wrapping_add(turn) & self.shards.len().wrapping_sub(1);
        // INVARIANT: `index` is locked here, so another shard is only tried, never waited for.
        if other != index
            && let Some(mut table) = self.shards.get(other).and_then(|shard| try_lock(shard))
        {
            self.forget(table.sweep(rate, now_ns, keeps));
        }
    }

    fn forget(&self, dropped: usize) {
        if dropped > 0 {
            self.tracked.fetch_sub(dropped, Ordering::Relaxed);
        }
    }

    fn has_room(&self) -> bool {
        self.tracked() < self.max_keys
    }

    fn keep_room(&self) -> Option<Room<'_>> {
        let more = |tracked| (tracked < self.max_keys).then_some(tracked + 1);
        self.tracked.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(Room(&self.tracked))
    }

    /// The shard of a value, and what it is known by there.
    fn locate(&self, value: &Value) -> (usize, Fingerprint) {
        match value {
            // Long texts would be copied by `to_text`.
            Value::Text(text) => self.locate_text(text.as_bytes()),
            value => self.locate_text(value.to_text().as_bytes()),
        }
    }

    fn locate_text(&self, text: &[u8]) -> (usize, Fingerprint) {
        let mut hasher = SipHasher13::new_with_keys(self.seed.0, self.seed.1);
        hasher.write(text);
        let hash = hasher.finish128();
        // The table knows a key by 96 bits; the shard comes from the other 32.
        let shard = hash.h2 as u32 as usize & self.shards.len().wrapping_sub(1);
        (shard, Fingerprint::new(hash.h1, (hash.h2 >> 32) as u32))
    }
}

impl Place<'_> {
    /// The key moves in, or its bucket changes: the room that was kept is used.
    pub(super) fn set(&mut self, rate: &Rate, full_at: u128, now_ns: u64) {
        match self {
            Place::Lone(bucket) | Place::Overflow(bucket) => bucket.set(full_at, now_ns),
            Place::Known { keyed, table, shard, at } => {
                table.set(*at, full_at, now_ns);
                keyed.tend(*shard, table, rate, now_ns);
            }
            Place::New { keyed, table, shard, key, room } => {
                // Without room kept nothing was asked to be taken: the count stays right all the same.
                match room.take() {
                    Some(room) => std::mem::forget(room),
                    None => {
                        keyed.tracked.fetch_add(1, Ordering::Relaxed);
                    }
                }
                table.insert(*key, full_at, now_ns);
                keyed.tend(*shard, table, rate, now_ns);
            }
        }
    }

    pub(super) fn full_at(&self) -> u128 {
        match self {
            Place::Lone(bucket) | Place::Overflow(bucket) => bucket.full_at(),
            Place::Known { table, at, .. } => table.full_at(*at),
            Place::New { .. } => 0,
        }
    }

    pub(super) fn clamped(&self, now_ns: u64) -> u64 {
        match self {
            Place::Lone(bucket) | Place::Overflow(bucket) => bucket.clamped(now_ns),
            Place::Known { table, .. } | Place::New { table, .. } => table.clamped(now_ns),
        }
    }
}

/// A lock that a panic elsewhere cannot break: what it guards is changed by code that does not panic.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn try_lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}
