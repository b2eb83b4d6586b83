//! Where entries wait for the disk, as bodies of lines: behind a lock that is held for a copy, never for the disk.
//!
//! Bounded: what waits for longer than the disk takes makes its writer write; what cannot be written is kept up to
//! 16 MiB, and then counted.

/// From so much on, the flusher writes at once.
pub(super) const WRITE_OUT_BYTES: usize = 64 * 1024;
/// From so much on, whoever appends writes itself.
const BACKPRESSURE_BYTES: usize = 1024 * 1024;
/// So much is kept while the file cannot be written.
const MAX_KEPT_BYTES: usize = 16 * 1024 * 1024;

/// What waits, and what is known about the other side of the lock of the disk.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// Bodies in their order, each with a newline.
    pub(super) bodies: Vec<u8>,
    /// Entries that came when there was no room, after all those in `bodies`.
    pub(super) lost: u64,
    /// Bytes that were taken out and could not be written yet.
    pub(super) held_bytes: usize,
    /// The last write-out failed.
    pub(super) failing: bool,
    /// Something written waits for its sync.
    pub(super) unsynced: bool,
    pub(super) closed: bool,
    /// The flusher is there.
    pub(super) attended: bool,
}

/// What is to be done after bodies were added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    Nothing,
    /// Wake the flusher.
    Wake,
    /// Write yourself.
    Write,
}

impl Queue {
    /// Adds `entries` bodies, or counts them as lost where there is no room.
    pub(super) fn add(&mut self, bodies: &[u8], entries: u64) -> Then {
        let before = self.bodies.len();
        // What is lost is told of in one place of the chain, so nothing may come between.
        if self.lost > 0
            || self.held_bytes.saturating_add(before).saturating_add(bodies.len()) > MAX_KEPT_BYTES
        {
            self.lost = self.lost.saturating_add(entries);
            return Then::Nothing;
        }
        self.bodies.extend_from_slice(bodies);
        match self.bodies.len() {
            _ if self.failing => Then::Nothing,
            BACKPRESSURE_BYTES.. => Then::Write,
            after if before == 0 || before < WRITE_OUT_BYTES && after >= WRITE_OUT_BYTES => Then::Wake,
            _ => Then::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flusher_is_woken_at_the_first_line_and_when_much_waits() {
        let mut queue = Queue::default();
        assert_eq!(queue.add(b"a\n", 1), Then::Wake);
        assert_eq!(queue.add(b"b\n", 1), Then::Nothing);
        assert_eq!(queue.add(&[b'c'; WRITE_OUT_BYTES], 1), Then::Wake);
        assert_eq!(queue.add(b"d\n", 1), Then::Nothing);
        assert_eq!(queue.add(&[b'e'; BACKPRESSURE_BYTES], 1), Then::Write);
        queue.failing = true;
        assert_eq!(queue.add(b"f\n", 1), Then::Nothing);
    }

    #[test]
    fn beyond_the_bound_entries_are_counted_and_nothing_comes_between() {
        let mut queue = Queue { held_bytes: MAX_KEPT_BYTES - 10, failing: true, ..Queue::default() };
        queue.add(b"12345\n", 1);
        queue.add(b"123456\n", 3);
        assert_eq!((queue.bodies.len(), queue.lost), (6, 3));
        queue.add(b"1\n", 1);
        assert_eq!((queue.bodies.len(), queue.lost), (6, 4));
    }
}
