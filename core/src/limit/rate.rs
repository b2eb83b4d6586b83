//! The arithmetic of a token bucket, exact for any rate: integers only, no float, no truncation, no overflow.
//!
//! The bucket is kept as the generic cell rate algorithm keeps it (ITU-T I.371, annex A, "virtual scheduling"):
//! one number, the time at which the bucket will be full. A rate of `n` tokens in a period of `p` nanoseconds
//! makes a token every `p/n` nanoseconds, which is seldom whole. So time is counted in units of `1/n` ns, of
//! which a token is worth exactly `p`; both are divided by their greatest common divisor first.
//!
//! The numbers are bounded so that every product fits in a `u128` with room to spare: time is below 2^64 ns, a
//! rate at most [`MAX_TOKENS`], and a bucket fills within [`MAX_FILL_NS`].

/// The most tokens that a rate may give in its period, and that a bucket may hold: 10^9.
pub const MAX_TOKENS: u64 = 1_000_000_000;

/// The longest time that an empty bucket may need until it is full: 100 years of 365 days, in nanoseconds.
pub const MAX_FILL_NS: u64 = 100 * 365 * 24 * 3600 * 1_000_000_000;

/// Time in units of `1/n` ns, or a stretch of it.
pub(super) type Units = u128;

/// How a bucket refills and how much it holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    /// Units in a nanosecond.
    per_ns: u64,
    /// Units that a token is worth.
    token: Units,
    /// The deficit with which one token can still be taken: all but one missing.
    spare: Units,
    /// How many tokens the full bucket holds.
    capacity: u64,
}

impl Rate {
    /// `tokens` each `period_ns`, in a bucket for `capacity` tokens; none of them may be zero.
    pub(super) fn new(tokens: u64, period_ns: u64, capacity: u64) -> Self {
        let divisor = gcd(tokens, period_ns).max(1);
        let token = Units::from(period_ns / divisor);
        let spare = token * Units::from(capacity.saturating_sub(1));
        Rate { per_ns: tokens / divisor, token, spare, capacity }
    }

    /// How long an empty bucket needs until it is full, in nanoseconds, rounded up.
    pub(super) fn fill_ns(&self) -> u128 {
        (self.spare + self.token).div_ceil(Units::from(self.per_ns))
    }

    /// A reading of the clock in units.
    pub(super) fn units(&self, now_ns: u64) -> Units {
        Units::from(now_ns) * Units::from(self.per_ns)
    }

    /// True where a bucket that is full at `full_at` is full at `now`: it is the same as none.
    pub(super) fn is_full(full_at: Units, now: Units) -> bool {
        full_at <= now
    }

    /// True where so many tokens can be taken at once: from one to as many as the full bucket holds.
    pub(super) fn has(&self, tokens: u64, full_at: Units, now: Units) -> bool {
        full_at.saturating_sub(now) <= self.spare(tokens)
    }

    /// When the bucket will be full after so many more tokens were taken.
    pub(super) fn taken(&self, tokens: u64, full_at: Units, now: Units) -> Units {
        full_at.max(now) + self.token * Units::from(tokens)
    }

    /// The first nanosecond at which so many tokens can be taken: never too early, late by less than one.
    pub(super) fn ready_ns(&self, tokens: u64, full_at: Units) -> u128 {
        full_at.saturating_sub(self.spare(tokens)).div_ceil(Units::from(self.per_ns))
    }

    /// The deficit with which so many tokens can still be taken. For one it is at hand: nothing is multiplied where
    /// the compiler knows that it is one.
    fn spare(&self, tokens: u64) -> Units {
        self.spare.saturating_sub(self.token * Units::from(tokens.saturating_sub(1)))
    }

    /// The first nanosecond at which the bucket is full.
    pub(super) fn full_ns(&self, full_at: Units) -> u128 {
        full_at.div_ceil(Units::from(self.per_ns))
    }

    /// The whole tokens that are left.
    pub(super) fn remaining(&self, full_at: Units, now: Units) -> u64 {
        let missing = full_at.saturating_sub(now).div_ceil(self.token);
        u64::try_from(missing).map_or(0, |missing| self.capacity.saturating_sub(missing))
    }

    /// How many tokens the full bucket holds.
    pub(super) fn capacity(&self) -> u64 {
        self.capacity
    }
}

fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60_000_000_000;

    #[test]
    fn seven_a_minute_loses_nothing_to_rounding() {
        // A token every 8571428571.43 ns. Each is taken at the first nanosecond at which it is there, and the
        // bucket is never full, so nothing spills: the 7000th after the burst comes after exactly 1000 minutes.
        let rate = Rate::new(7, MINUTE, 2);
        let mut full_at = rate.taken(2, 0, 0);
        let mut now = 0;
        for _ in 0..7_000 {
            now = u64::try_from(rate.ready_ns(1, full_at)).unwrap();
            assert!(rate.has(1, full_at, rate.units(now)));
            assert!(!rate.has(1, full_at, rate.units(now - 1)));
            full_at = rate.taken(1, full_at, rate.units(now));
        }
        assert_eq!(now, MINUTE * 1_000);
    }

    #[test]
    fn the_extremes_fit() {
        for rate in [
            Rate::new(MAX_TOKENS, 1_000_000_000, MAX_TOKENS),
            Rate::new(1, 3_600_000_000_000, 876_000),
            Rate::new(MAX_TOKENS - 1, 3_600_000_000_000, MAX_TOKENS),
        ] {
            let now = rate.units(u64::MAX);
            let mut full_at = 0;
            for _ in 0..3 {
                full_at = rate.taken(1, full_at, now);
            }
            assert!(rate.ready_ns(1, full_at) > 0);
            assert!(rate.has(rate.capacity(), 0, now));
            assert_eq!(rate.taken(rate.capacity(), 0, now) - now, rate.spare + rate.token);
            assert_eq!(rate.ready_ns(rate.capacity(), rate.units(u64::MAX)), u128::from(u64::MAX));
            assert!(rate.remaining(full_at, now) <= rate.capacity());
            assert_eq!(rate.remaining(full_at, 0), 0);
        }
    }
}
