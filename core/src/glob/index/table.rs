//! A hash table from (place, bytes) to a number: the one table behind all literal look-ups of the index.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::FixedState;
use hashbrown::HashTable;

/// Where in the index some bytes are looked up: a node, and one of the node's uses of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) node: u32,
    pub(super) used_as: u32,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    place: Place,
    start: u32,
    len: u32,
    value: u32,
}

/// Bytes are kept once each, end to end, so that an entry is small and the table one block of memory.
///
/// Keys of the host only ever look up, they never enter: what an agent writes cannot lengthen a chain. So the hash
/// needs no secret.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    entries: HashTable<Entry>,
    bytes: Vec<u8>,
}

impl Table {
    pub(super) fn get(&self, place: Place, bytes: &[u8]) -> Option<u32> {
        let same = |entry: &Entry| entry.place == place && self.bytes_of(entry) == bytes;
        self.entries.find(hash(place, bytes), same).map(|entry| entry.value)
    }

    /// The value of these bytes, which is `value()` from now on if there was none.
    pub(super) fn get_or_insert_with(
        &mut self,
        place: Place,
        bytes: &[u8],
        value: impl FnOnce() -> u32,
    ) -> u32 {
        if let Some(known) = self.get(place, bytes) {
            return known;
        }
        let (start, len) = (self.bytes.len(), bytes.len());
        let value = value();
        self.bytes.extend_from_slice(bytes);
        // Patterns of 4 GiB in all would be needed to pass these numbers: an index of some 100 GiB.
        let entry = Entry { place, start: start as u32, len: len as u32, value };
        let all = &self.bytes;
        let rehash = |entry: &Entry| hash(entry.place, bytes_in(all, entry));
        self.entries.insert_unique(hash(place, bytes), entry, rehash);
        value
    }

    pub(super) fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
    }

    fn bytes_of(&self, entry: &Entry) -> &[u8] {
        bytes_in(&self.bytes, entry)
    }
}

fn bytes_in<'a>(all: &'a [u8], entry: &Entry) -> &'a [u8] {
    let start = entry.start as usize;
    all.get(start..start + entry.len as usize).unwrap_or_default()
}

fn hash(place: Place, bytes: &[u8]) -> u64 {
    let mut hasher = FixedState::with_seed(0).build_hasher();
    hasher.write(bytes);
    hasher.write_u64(u64::from(place.node) << 32 | u64::from(place.used_as));
    hasher.finish()
}
