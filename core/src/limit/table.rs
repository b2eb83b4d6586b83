//! The buckets of one part of the keys: an open-addressing table that lets go of full buckets bit by bit.
//!
//! A slot is 32 bytes: the key's 128-bit fingerprint and the time at which its bucket is full. Linear probing,
//! at most three quarters full, grows by doubling and shrinks when it is less than an eighth full, so that a
//! table takes at most 256 bytes for each bucket in it, and at most 86 while it has never lost one. A removed
//! slot is closed by shifting back (Knuth, The Art of Computer Programming 6.4, algorithm R): no tombstones.

use super::rate::{Rate, Units};

/// The smallest table that is allocated.
const MIN_SLOTS: usize = 8;
/// The most slots that a sweep looks at, unless it is to look at all.
const SWEEP_SLOTS: usize = 4096;

/// What a key is known by: never zero.
pub(super) type Fingerprint = u128;

// The alignment keeps a slot from lying across two cache lines.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(32))]
struct Slot {
    /// Zero where the slot is empty.
    key: Fingerprint,
    full_at: Units,
}

/// The most memory that a tracked key takes while keys come, in bytes: a slot in a table that has just doubled.
pub const BYTES_PER_KEY: usize = (size_of::<Slot>() * 8).div_ceil(3);
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
        let mask = self.mask();
        let mut at = home(key, mask);
        // Ends because a quarter of the slots, or all, are empty.
        loop {
            let slot = self.slots.get(at)?;
            if slot.key == key {
                return Some(at);
            }
            if slot.key == 0 {
                return None;
            }
            at = (at + 1) & mask;
        }
    }

    pub(super) fn full_at(&self, at: usize) -> Units {
        self.slots.get(at).map_or(0, |slot| slot.full_at)
    }

    pub(super) fn set(&mut self, at: usize, full_at: Units, now_ns: u64) {
        self.latest_ns = self.clamped(now_ns);
        if let Some(slot) = self.slots.get_mut(at) {
            slot.full_at = full_at;
        }
    }

    /// Adds a key that is not there.
    pub(super) fn insert(&mut self, key: Fingerprint, full_at: Units, now_ns: u64) {
        self.latest_ns = self.clamped(now_ns);
        if (self.len + 1) * 4 > self.slots.len() * 3 {
            self.resize((self.slots.len() * 2).max(MIN_SLOTS));
        }
        self.len += 1;
        self.place(Slot { key, full_at });
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
            self.cursor &= self.mask();
            match self.slots.get(self.cursor) {
                Some(slot) if slot.key != 0 && Rate::is_full(slot.full_at, now) => {
                    // What is shifted here is looked at next.
                    self.remove(self.cursor);
                    dropped += 1;
                    continue;
                }
                Some(slot) if slot.key != 0 => kept += 1,
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

    fn mask(&self) -> usize {
        self.slots.len().wrapping_sub(1)
    }

    fn place(&mut self, new: Slot) {
        let mask = self.mask();
        let mut at = home(new.key, mask);
        while let Some(slot) = self.slots.get_mut(at) {
            if slot.key == 0 {
                *slot = new;
                return;
            }
            at = (at + 1) & mask;
        }
    }

    fn remove(&mut self, at: usize) {
        let mask = self.mask();
        let (mut hole, mut at) = (at, at);
        self.len -= 1;
        loop {
            at = (at + 1) & mask;
            let Some(slot) = self.slots.get(at).copied().filter(|slot| slot.key != 0) else { break };
            // It may move back as far as its home.
            let from_home = at.wrapping_sub(home(slot.key, mask)) & mask;
            let from_hole = at.wrapping_sub(hole) & mask;
            if from_home >= from_hole {
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
        if self.slots.len() > MIN_SLOTS && self.len * 8 < self.slots.len() {
            self.resize((self.len * 2).next_power_of_two().max(MIN_SLOTS));
        }
    }

    fn resize(&mut self, slots: usize) {
        let old = std::mem::replace(&mut self.slots, vec![Slot::default(); slots]);
        self.cursor = 0;
        for slot in old {
            if slot.key != 0 {
                self.place(slot);
            }
        }
    }
}

/// The low bits of the key, which are as good as any.
fn home(key: Fingerprint, mask: usize) -> usize {
    key as usize & mask
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

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
            let key = u128::from(next() % 7) + 1 + u128::from(next() % 40) * 64;
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
            assert!(table.slots.len() <= (table.len * 8).max(MIN_SLOTS));
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
