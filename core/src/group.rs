//! Group commit: writers that come while the disk is busy share the next commit.
//!
//! The first writer to find nobody at work becomes the leader: it takes all that is queued, commits it as one,
//! tells each of its writers the shared outcome, and offers the lead to the group that has formed meanwhile. A
//! writer is in one group at a time, so the writes of a thread keep their order. Nothing here knows about
//! disks; what a commit is, the caller says.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::error::Result;

/// The most writes in a group; a writer beyond it waits until the group has been taken.
const MAX_GROUP: usize = 1024;
/// The most bytes in a group, unless a single write has more.
const MAX_GROUP_BYTES: usize = 16 * 1024 * 1024;
/// The longest that a leader waits for writers that it expects.
const MAX_GATHER: Duration = Duration::from_micros(200);

/// A queue of writes that are committed in groups.
pub(crate) struct GroupCommit<T> {
    state: Mutex<State<T>>,
    /// A group was taken, so that there is room in the next; or the queue was closed.
    room: Condvar,
    /// The group has as many writers as its leader expected.
    gathered: Condvar,
    /// Nobody leads and nothing is queued.
    idle: Condvar,
}

struct State<T> {
    queue: Vec<T>,
    queued_bytes: usize,
    /// The group that the queue will be.
    forming: Arc<Group>,
    lead: Lead,
    /// How many writers were there at the last commit: those in it and those that queued meanwhile.
    expected: usize,
    last_commit: Duration,
    closed: bool,
}

/// INVARIANT: it is `Free` only while the queue is empty, and an `Offered` lead is for a writer of the forming
/// group, which exists: whoever is woken in it, or joins it, takes the lead.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lead {
    Free,
    Offered,
    Taken,
}

#[derive(Default)]
struct Group {
    outcome: OnceLock<Result<()>>,
    /// The outcome is there, or the lead is offered.
    news: Condvar,
}

impl<T> GroupCommit<T> {
    pub(crate) fn new() -> Self {
        GroupCommit {
            state: Mutex::new(State {
                queue: Vec::new(),
                queued_bytes: 0,
                forming: Arc::default(),
                lead: Lead::Free,
                expected: 1,
                last_commit: Duration::ZERO,
                closed: false,
            }),
            room: Condvar::new(),
            gathered: Condvar::new(),
            idle: Condvar::new(),
        }
    }

    /// Queues a write of `bytes` bytes and returns once it was committed, by this thread or another; `None`
    /// where the queue is closed and the write was not taken.
    ///
    /// `commit` must not panic, and gets the writes in the order in which they came.
    pub(crate) fn submit(
        &self,
        write: T,
        bytes: usize,
        commit: impl FnOnce(&[T]) -> Result<()>,
    ) -> Option<Result<()>> {
        let mut state = self.lock();
        loop {
            if state.closed {
                return None;
            }
            if state.has_room(bytes) {
                break;
            }
            state = wait(&self.room, state);
        }
        state.queue.push(write);
        state.queued_bytes = state.queued_bytes.saturating_add(bytes);
        let group = Arc::clone(&state.forming);
        if state.lead == Lead::Taken && state.queue.len() >= state.expected {
            self.gathered.notify_one();
        }
        loop {
            if let Some(outcome) = group.outcome.get() {
                return Some(outcome.clone());
            }
            // Whoever has no outcome while the lead is not taken is in the forming group.
            if state.lead != Lead::Taken {
                state.lead = Lead::Taken;
                return Some(self.lead(state, commit));
            }
            state = wait(&group.news, state);
        }
    }

    /// Refuses new writes and returns once those already queued are committed.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        self.room.notify_all();
        while state.lead != Lead::Free {
            state = wait(&self.idle, state);
        }
    }

    fn lead(&self, state: MutexGuard<'_, State<T>>, commit: impl FnOnce(&[T]) -> Result<()>) -> Result<()> {
        let mut state = self.gather(state);
        let writes = std::mem::take(&mut state.queue);
        state.queued_bytes = 0;
        let group = std::mem::take(&mut state.forming);
        self.room.notify_all();
        drop(state);

        let started = Instant::now();
        let outcome = commit(&writes);
        let took = started.elapsed();
        let _ = group.outcome.set(outcome.clone());

        let mut state = self.lock();
        state.last_commit = took;
        state.expected = writes.len().saturating_add(state.queue.len());
        if state.queue.is_empty() {
            state.lead = Lead::Free;
            self.idle.notify_all();
        } else {
            state.lead = Lead::Offered;
            state.forming.news.notify_one();
        }
        drop(state);
        group.news.notify_all();
        outcome
    }

    /// Waits a moment for the writers of the last commits, which are about to come again: without it the
    /// writers fall into two halves that take turns, and share half as many commits as they could.
    fn gather<'a>(&self, mut state: MutexGuard<'a, State<T>>) -> MutexGuard<'a, State<T>> {
        let limit = (state.last_commit / 2).min(MAX_GATHER);
        let started = Instant::now();
        while state.queue.len() < state.expected && state.has_room(0) {
            let Some(left) = limit.checked_sub(started.elapsed()).filter(|left| !left.is_zero()) else {
                break;
            };
            state = match self.gathered.wait_timeout(state, left) {
                Ok((state, _)) => state,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
        state
    }

    /// How many writes wait for the next commit.
    #[cfg(test)]
    fn queued(&self) -> usize {
        self.lock().queue.len()
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // No code of others runs under the lock, so a poisoned state is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    fn has_room(&self, bytes: usize) -> bool {
        self.queue.is_empty()
            || (self.queue.len() < MAX_GROUP && self.queued_bytes.saturating_add(bytes) <= MAX_GROUP_BYTES)
    }
}

fn wait<'a, S>(condvar: &Condvar, guard: MutexGuard<'a, S>) -> MutexGuard<'a, S> {
    condvar.wait(guard).unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "group_tests.rs"]
mod tests;
