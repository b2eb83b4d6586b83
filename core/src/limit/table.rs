//! The buckets of one part of the keys: an open-addressing table that lets go of full buckets bit by bit.
//!
//! Small on purpose: with many keys, what a look costs is the memory that has to be fetched for it. A slot is 24
//! bytes, the key's 96-bit fingerprint and the time at which its bucket is full, packed without a gap. The number of
//! slots is any, not only a power of two, so that a table is 64 to 80 % full while keys come: it grows by a quarter,
//! and shrinks when it is less than a quarter full. Beyond its first few slots a table takes at most 37.5 bytes for
//! each bucket while it has never lost one, and at most 96 ever. Linear probing from a home that is the key's place
//! in the range of all keys (Lemire, "Fast Random Integer Generation in an Interval"), so a new size
//! keeps the order. A removed slot is closed by shifting back (Knuth, The Art of Computer Programming 6.4,
//! algorithm R): no tombstones.

use super::rate::{Rate, Units};

/// The smallest table that is allocated, and the fewest slots that a table grows by.
const MIN_SLOTS: usize = 8;
/// The most slots that a sweep looks at, unless it is to look at all.
const SWEEP_SLOTS: usize = 4096;

/// What a key is known by: 96 bits, of which those in `high` are never all zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Fingerprint {
    high: u64,
    low: u32,
}

impl Fingerprint {
    pub(super) fn new(high: u64, low: u32) -> Self {
        Fingerprint { high: high.max(1), low }
    }
}

/// Both numbers in two parts: the widest that has no padding.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// Zero where the slot is empty.
    key_high: u64,
    full_at_low: u64,
    key_low: u32,
    full_at_high: u32,
}

const _: () = assert!(size_of::<Slot>() == 24);

impl Slot {
    fn new(key: Fingerprint, full_at: Units) -> Self {
        let mut slot = Slot { key_high: key.high, key_low: key.low, ..Slot::default() };
        slot.set_full_at(full_at);
        slot
    }

    fn is_empty(&self) -> bool {
        self.key_high == 0
    }

    fn is(&self, key: Fingerprint) -> bool {
        self.key_high == key.high && self.key_low == key.low
    }

    fn full_at(&self) -> Units {
        Units::from(self.full_at_high) << 64 | Units::from(self.full_at_low)
    }

    /// Exact up to 2^96 units; what a limit keeps is below 2^95. More would count as long empty, never as full.
    fn set_full_at(&mut self, full_at: Units) {
        self.full_at_low = full_at as u64;
        self.full_at_high = u32::try_from(full_at >> 64).unwrap_or(u32::MAX);
    }
}

/// The most memory that a tracked key takes while keys come, in bytes: a slot in a table that has just grown by a
/// quarter from four fifths full. What a small table has beyond that is part of [`BYTES_FIXED`](super::BYTES_FIXED).
pub const BYTES_PER_KEY: usize = (size_of::<Slot>() * 25).div_ceil(16);
/// The smallest table's bytes.
pub(super) const MIN_BYTES: usize = size_of::<Slot>() * MIN_SLOTS;

#[derive(Debug, Default)]
pub(super) struct Table {
    slots: Vec<Slot>,
    len: usize,
    /// Where the next sweep goes on.
    cursor: usize,
    /// The latest reading of the clock that changed something here: an earlier one counts as this one.
    latest_ns: u64,
    /// How many tokens were taken; tells when it is time to sweep.
    pub(super) takes: usize,
}

impl Table {
    /// The reading to judge by: time does not go back.
    pub(super) fn clamped(&self, now_ns: u64) -> u64 {
        now_ns.max(self.latest_ns)
    }

    pub(super) fn find(&self, key: Fingerprint) -> Option<usize> {
        let mut at = self.home(key.high);
        // Ends because a fifth of the slots, or all, are empty.
        loop {
            let slot = self.slots.get(at)?;
            if slot.is(key) {
                return Some(at);
            }
            if slot.is_empty() {
                return None;
            }
            at = self.after(at);
        }
    }

    pub(super) fn full_at(&self, at: usize) -> Units {
        self.slots.get(at).map_or(0, Slot::full_at)
    }

    pub(super) fn set(&mut self, at: usize, full_at: Units, now_ns: u64) {
        self.latest_ns = self.clamped(now_ns);
        if let Some(slot) = self.slots.get_mut(at) {
            slot.set_full_at(full_at);
        }
    }

    /// Adds a key that is not there.
    pub(super) fn insert(&mut self, key: Fingerprint, full_at: Units, now_ns: u64) {
        self.latest_ns = self.clamped(now_ns);
        if (self.len + 1) * 5 > self.slots.len() * 4 {
            self.resize(self.slots.len() + (self.slots.len() / 4).max(MIN_SLOTS));
        }
        self.len += 1;
        self.place(Slot::new(key, full_at));
    }

    /// Drops buckets that are full, until `keeps` were met that are not, the table was gone round once, or 4096 slots
    /// were looked at: so it costs little where there is little to drop. Returns how many were dropped.
    pub(super) fn sweep(&mut self, rate: &Rate, now_ns: u64, keeps: usize) -> usize {
        // Once round is a step for each slot, and another for each that is dropped.
        self.sweep_steps(rate, now_ns, keeps, (self.slots.len() * 2).min(SWEEP_SLOTS))
    }

    /// Drops every bucket that is full. Returns how many.
    pub(super) fn sweep_all(&mut self, rate: &Rate, now_ns: u64) -> usize {
        self.sweep_steps(rate, now_ns, usize::MAX, self.slots.len() * 2)
    }

    fn sweep_steps(&mut self, rate: &Rate, now_ns: u64, keeps: usize, steps: usize) -> usize {
        let now_ns = self.clamped(now_ns);
        let now = rate.units(now_ns);
        let (mut kept, mut dropped) = (0, 0);
        for _ in 0..steps {
            if kept >= keeps {
                break;
            }
            if self.cursor >= self.slots.len() {
                self.cursor = 0;
            }
            match self.slots.get(self.cursor) {
                Some(slot) if !slot.is_empty() && Rate::is_full(slot.full_at(), now) => {
                    // What is shifted here is looked at next.
                    self.remove(self.cursor);
                    dropped += 1;
                    continue;
                }
                Some(slot) if !slot.is_empty() => kept += 1,
                _ => {}
            }
            self.cursor += 1;
        }
        if dropped > 0 {
            // INVARIANT: no bucket is dropped without this: at an earlier reading it would not be full, and a
            // clock that goes back would find a new, full bucket in its place.
            self.latest_ns = now_ns;
            self.shrink();
        }
        dropped
    }

    pub(super) fn bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Slot>()
    }

    /// Where a key is looked for first: as far in the table as the key is in the range of keys. Its bits are all as
    /// good as any.
    fn home(&self, key_high: u64) -> usize {
        ((u128::from(key_high) * self.slots.len() as u128) >> 64) as usize
    }

    fn after(&self, at: usize) -> usize {
        if at + 1 < self.slots.len() { at + 1 } else { 0 }
    }

    /// The steps from one slot to another, onwards and around the end.
    fn steps(&self, from: usize, to: usize) -> usize {
        if to >= from { to - from } else { to + self.slots.len() - from }
    }

    fn place(&mut self, new: Slot) {
        let mut at = self.home(new.key_high);
        while let Some(slot) = self.slots.get_mut(at) {
            if slot.is_empty() {
                *slot = new;
                return;
            }
            at = self.after(at);
        }
    }

    fn remove(&mut self, at: usize) {
        let (mut hole, mut at) = (at, at);
        self.len -= 1;
        loop {
            at = self.after(at);
            let Some(slot) = self.slots.get(at).copied().filter(|slot| !slot.is_empty()) else { break };
            // It may move back as far as its home.
            if self.steps(self.home(slot.key_high), at) >= self.steps(hole, at) {
                self.write(hole, slot);
                hole = at;
            }
        }
        self.write(hole, Slot::default());
    }

    fn write(&mut self, at: usize, new: Slot) {
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = new;
        }
    }

    fn shrink(&mut self) {
        if self.slots.len() > MIN_SLOTS && self.len * 4 < self.slots.len() {
            self.resize((self.len + self.len / 2).max(MIN_SLOTS));
        }
    }

    fn resize(&mut self, slots: usize) {
        let old = std::mem::replace(&mut self.slots, vec![Slot::default(); slots]);
        // The sweep goes on where it was, however often the table grows: the order stays.
        self.cursor = (self.cursor * slots).checked_div(old.len()).unwrap_or_default();
        for slot in old {
            if !slot.is_empty() {
                self.place(slot);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{HashMap, HashSet};

    #[test]
    fn a_slot_keeps_what_a_limit_may_keep() {
        let rate = Rate::new(super::super::MAX_TOKENS - 1, 3_600_000_000_000, super::super::MAX_TOKENS);
        let most = rate.units(u64::MAX) + Units::from(super::super::MAX_FILL_NS) * rate.units(1);
        assert!(most < 1 << 95);
        for full_at in [0, 1, (1 << 64) - 1, 1 << 64, most, (1 << 96) - 1] {
            assert_eq!(Slot::new(Fingerprint::new(1, 2), full_at).full_at(), full_at);
        }
        assert!(Slot::new(Fingerprint::new(1, 2), 1 << 96).full_at() > most);
    }

    /// While keys come, no table takes more than is said of each key, and the sweep comes round.
    #[test]
    fn a_growing_table_is_small_and_is_swept() {
        let rate = Rate::new(1_000_000_000, 1_000_000_000, 1);
        let mut table = Table::default();
        let mut met = HashSet::new();
        let mut key = 1_u64;
        for n in 1..=10_000_usize {
            key = key.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            table.insert(Fingerprint::new(key, 0), 1_000, 0);
            assert!(table.len == n && table.bytes() <= n * BYTES_PER_KEY + MIN_BYTES);
            assert!(table.find(Fingerprint::new(key, 0)).is_some_and(|at| table.full_at(at) == 1_000));
            assert_eq!(table.find(Fingerprint::new(key, 1)), None);
            table.sweep(&rate, 0, 4);
            met.insert(table.cursor * 16 / table.slots.len().max(1));
        }
        assert!((0..16).all(|part| met.contains(&part)));
        assert_eq!((table.sweep_all(&rate, 1_000), table.slots.len()), (10_000, MIN_SLOTS));
    }

    /// Against a plain map: keys that crowd the same homes come, change and go.
    #[test]
    fn behaves_as_a_map_whose_full_buckets_go() {
        let rate = Rate::new(1_000_000_000, 1_000_000_000, 1);
        let mut table = Table::default();
        let mut model = HashMap::new();
        let mut seed = 1_u64;
        let mut next = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            seed >> 33
        };
        for now in 0..20_000_u64 {
            // Homes of seven keys each, up to the last slot and around the end.
            let key = Fingerprint::new((next() % 40 + 24) << 58, (next() % 7) as u32);
            let full_at = u128::from(now + next() % 300);
            match table.find(key) {
                Some(at) => {
                    assert_eq!(table.full_at(at), model[&key]);
                    table.set(at, full_at, now);
                }
                None => {
                    assert!(model.get(&key).is_none_or(|full_at| *full_at <= u128::from(now)));
                    table.insert(key, full_at, now);
                }
            }
            model.insert(key, full_at);
            table.sweep(&rate, now, 4);
            model.retain(|key, full_at| *full_at > u128::from(now) || table.find(*key).is_some());
            assert_eq!(table.len, model.len());
            assert!(table.slots.len() <= (table.len * 4).max(MIN_SLOTS * 2));
            if now % 100 == 0 {
                for (key, full_at) in &model {
                    assert_eq!(table.full_at(table.find(*key).unwrap()), *full_at);
                }
            }
        }
        table.sweep_all(&rate, u64::MAX);
        assert_eq!((table.len, table.slots.len()), (0, MIN_SLOTS));
    }
}
