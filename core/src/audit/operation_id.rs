//! Names for operations, by which entries, sinks and traces speak of the same one.

use std::cell::Cell;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// Numbers that a thread takes at once, so that two threads seldom meet at the shared counter.
const BLOCK: u64 = 1024;

/// The random half of this process's ids; 0 until the first id is made.
static PROCESS: AtomicU64 = AtomicU64::new(0);
/// Where the next block of numbers starts: always a multiple of [`BLOCK`].
static NEXT_BLOCK: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// This thread's next number; at a multiple of [`BLOCK`] its block is used up.
    static NEXT: Cell<u64> = const { Cell::new(0) };
}

/// The name of one operation: unique in the process, and beyond it by 64 random bits drawn once a process.
///
/// Ids say nothing about order (that is what `sequence` is for), and they are names, not secrets: they can be
/// guessed. As text they are 32 hex digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OperationId {
    process: u64,
    number: u64,
}

impl OperationId {
    /// A new id; no two calls in a process give the same.
    #[must_use]
    pub fn next() -> Self {
        OperationId { process: process(), number: number() }
    }

    /// The id with these 128 bits, as one that was read back from a sink.
    #[must_use]
    pub const fn from_u128(bits: u128) -> Self {
        OperationId { process: (bits >> 64) as u64, number: bits as u64 }
    }

    /// The id as 128 bits: the random half, then the number.
    #[must_use]
    pub const fn as_u128(self) -> u128 {
        (self.process as u128) << 64 | self.number as u128
    }

    /// Draws new random bits: a forked child calls this first, or its ids would be its parent's.
    pub fn start_afresh() {
        PROCESS.store(random(), Ordering::Relaxed);
    }
}

impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:016x}", self.process, self.number)
    }
}

fn number() -> u64 {
    NEXT.with(|next| {
        let number = match next.get() {
            used_up if used_up.is_multiple_of(BLOCK) => NEXT_BLOCK.fetch_add(BLOCK, Ordering::Relaxed),
            number => number,
        };
        next.set(number.wrapping_add(1));
        number
    })
}

fn process() -> u64 {
    match PROCESS.load(Ordering::Relaxed) {
        0 => {
            // Of threads that meet here the first one's draw stands for all.
            let drawn = random();
            match PROCESS.compare_exchange(0, drawn, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => drawn,
                Err(drawn_before) => drawn_before,
            }
        }
        process => process,
    }
}

/// Random bits, never 0. Process and time are mixed in because a fork copies the keys of `RandomState`.
fn random() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    RandomState::new().hash_one((std::process::id(), now.as_nanos())).max(1)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_threads_get_the_same_id() {
        let threads: Vec<_> = (0..4)
            .map(|_| std::thread::spawn(|| (0..5000).map(|_| OperationId::next()).collect::<Vec<_>>()))
            .collect();
        let ids: HashSet<OperationId> = threads.into_iter().flat_map(|t| t.join().unwrap()).collect();
        assert_eq!(ids.len(), 20_000);
    }

    #[test]
    fn the_text_is_32_hex_digits() {
        assert_eq!(OperationId::from_u128(0xab).to_string(), format!("{:032x}", 0xab));
        let id = OperationId::next();
        assert_eq!(id.to_string(), format!("{:032x}", id.as_u128()));
        assert_eq!(OperationId::from_u128(id.as_u128()), id);
    }
}
