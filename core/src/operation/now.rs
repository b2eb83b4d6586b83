//! The time as an operation takes it: read where it matters, and once for all that happens without the host.

use crate::clock::{Clock, Time};

/// The time at which an operation goes on.
pub(crate) enum Now<'c> {
    /// It was read already.
    At(Time),
    /// It is read here when it is first needed: a reading costs as much as matching a key.
    Of(&'c Clock),
}

impl Now<'_> {
    /// The time; the same at every call.
    pub(super) fn get(&mut self) -> Time {
        let time = match self {
            Now::At(time) => *time,
            Now::Of(clock) => clock.now(),
        };
        *self = Now::At(time);
        time
    }
}
