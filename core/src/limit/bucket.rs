//! A bucket that stands alone: that of a global limit, of contexts without the key, or of the overflow.

use super::rate::Units;

/// Full at first; always 32 bytes.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    full_at: Units,
    latest_ns: u64,
}

impl Bucket {
    pub(super) fn full_at(&self) -> Units {
        self.full_at
    }

    /// The reading to judge by: time does not go back.
    pub(super) fn clamped(&self, now_ns: u64) -> u64 {
        now_ns.max(self.latest_ns)
    }

    pub(super) fn set(&mut self, full_at: Units, now_ns: u64) {
        self.full_at = full_at;
        self.latest_ns = self.clamped(now_ns);
    }
}
