//! Time, as the callers hand it to the core: a monotonic reading for limits, a wall reading for the audit.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime};

/// One reading of the clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Time {
    /// Nanoseconds on a clock that never goes back; its zero has no meaning.
    pub monotonic_ns: u64,
    /// Nanoseconds since 1970-01-01 UTC.
    pub wall_ns: u64,
}

/// Where the drivers read the time: the machine's clock, or one that a test moves by hand.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    System,
    /// A clock that stands still until it is moved.
    Manual(Arc<ManualClock>),
}

impl Clock {
    /// The time now.
    #[must_use]
    pub fn now(&self) -> Time {
        match self {
            Clock::System => Time { monotonic_ns: monotonic_ns(), wall_ns: wall_ns() },
            Clock::Manual(clock) => clock.now(),
        }
    }
}

/// Nanoseconds since the first reading in this process.
fn monotonic_ns() -> u64 {
    static ORIGIN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let origin = ORIGIN.get_or_init(Instant::now);
    u64::try_from(origin.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

fn wall_ns() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// A clock that stands still until it is moved: tests of time need no sleep.
#[derive(Debug, Default)]
pub struct ManualClock {
    monotonic_ns: AtomicU64,
    wall_ns: AtomicU64,
}

impl ManualClock {
    /// A clock that shows `wall_ns` nanoseconds since 1970-01-01 UTC, and zero as its monotonic reading.
    #[must_use]
    pub fn new(wall_ns: u64) -> Arc<Self> {
        Arc::new(ManualClock { monotonic_ns: AtomicU64::new(0), wall_ns: AtomicU64::new(wall_ns) })
    }

    /// Moves both readings on by `ns` nanoseconds.
    pub fn advance_ns(&self, ns: u64) {
        self.monotonic_ns.fetch_add(ns, Ordering::SeqCst);
        self.wall_ns.fetch_add(ns, Ordering::SeqCst);
    }

    /// Sets the wall reading alone, as when an administrator sets the machine's clock.
    pub fn set_wall_ns(&self, ns: u64) {
        self.wall_ns.store(ns, Ordering::SeqCst);
    }

    /// What it shows.
    #[must_use]
    pub fn now(&self) -> Time {
        Time {
            monotonic_ns: self.monotonic_ns.load(Ordering::SeqCst),
            wall_ns: self.wall_ns.load(Ordering::SeqCst),
        }
    }
}
