//! Entries that a sink of the host has not been told of, because their operations ended without a driver.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Entry;

/// The most entries that wait. Of more the oldest are let go and counted.
const MOST: usize = 1_000;

/// Entries that wait for the next operation that has a driver.
#[derive(Debug, Default)]
pub(crate) struct Untold(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    entries: VecDeque<Entry>,
    lost: u64,
}

impl Untold {
    pub(crate) fn add(&self, entries: impl IntoIterator<Item = Entry>) {
        let mut waiting = self.lock();
        for entry in entries {
            if waiting.entries.len() >= MOST {
                waiting.entries.pop_front();
                waiting.lost += 1;
            }
            waiting.entries.push_back(entry);
        }
    }

    /// What waits, and how many were let go since the last time.
    pub(crate) fn take(&self) -> (Vec<Entry>, u64) {
        let mut waiting = self.lock();
        (waiting.entries.drain(..).collect(), std::mem::take(&mut waiting.lost))
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{AuditLog, OperationId, Record, Surface, Verb, Verdict};
    use crate::clock::Time;

    #[test]
    fn the_oldest_are_let_go_and_counted() {
        let ring = AuditLog::new(1).unwrap();
        let record = Record {
            time: Time::default(),
            operation_id: OperationId::default(),
            surface: Surface::Data,
            operation: Verb::Read,
            key: b"k",
            result: Verdict::Allowed,
            agent_id: None,
            session_id: None,
            rule: None,
            reason: None,
            logged: false,
            applied: None,
            scanned: None,
        };
        let untold = Untold::default();
        untold.add((0..MOST + 3).map(|_| Entry::of(ring.append(&record), &record)));
        let (entries, lost) = untold.take();
        assert_eq!((entries.len(), lost), (MOST, 3));
        assert_eq!(entries.first().map(Entry::sequence), Some(4));
        assert_eq!(untold.take().1, 0);
    }
}
