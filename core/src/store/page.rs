//! A page of a scan, and how a store that is ordered fills one.

use std::ops::Bound;

/// The bytes of keys and values after which a page of a [`Database`](super::Database) ends.
const MAX_PAGE_BYTES: usize = 1024 * 1024;
/// The pairs that a new page has room for: more room is made as it fills.
const FIRST_ROOM: usize = 256;

/// A page of a scan: the next pairs, in ascending order of their keys' bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Keys and values.
    pub pairs: Vec<(Vec<u8>, Vec<u8>)>,
    /// True where the store knows that nothing follows. A page without pairs ends a scan too.
    pub end: bool,
}

/// From where to look for the keys that begin with `prefix` and are greater than `after`. The other end is open: the
/// first key without the prefix is the end, and [`PageBuilder`] knows it when it meets it.
pub(super) fn range<'a>(prefix: &'a [u8], after: Option<&'a [u8]>) -> (Bound<&'a [u8]>, Bound<&'a [u8]>) {
    let start = match after {
        // A key before the prefix is before everything that begins with it.
        Some(after) if after >= prefix => Bound::Excluded(after),
        _ => Bound::Included(prefix),
    };
    (start, Bound::Unbounded)
}

/// A page that is filled with pairs in their order.
pub(super) struct PageBuilder<'a> {
    prefix: &'a [u8],
    limit: usize,
    bytes: usize,
    pairs: Vec<(Vec<u8>, Vec<u8>)>,
    /// True unless a pair was met that is for another page.
    end: bool,
}

impl<'a> PageBuilder<'a> {
    pub(super) fn new(prefix: &'a [u8], limit: usize) -> Self {
        let pairs = Vec::with_capacity(limit.min(FIRST_ROOM));
        PageBuilder { prefix, limit, bytes: 0, pairs, end: true }
    }

    /// Takes the next pair, or says that the page is finished without it.
    pub(super) fn takes(&mut self, key: &[u8], value: &[u8]) -> bool {
        if !key.starts_with(self.prefix) {
            return false;
        }
        let bytes = self.bytes.saturating_add(key.len()).saturating_add(value.len());
        if self.pairs.len() >= self.limit || (bytes > MAX_PAGE_BYTES && !self.pairs.is_empty()) {
            self.end = false;
            return false;
        }
        self.bytes = bytes;
        self.pairs.push((key.to_vec(), value.to_vec()));
        true
    }

    pub(super) fn finish(self) -> Page {
        Page { pairs: self.pairs, end: self.end }
    }
}
