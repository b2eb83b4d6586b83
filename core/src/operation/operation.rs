//! The operation as its driver holds it: steps, replies, and an end in every case.

use std::fmt;
use std::sync::Arc;

use arc_swap::Guard;

use super::now::Now;
use super::progress::{Pending, Progress};
use super::{Kind, Outcome, Reply, Request, Step, StoreCall};
use crate::clock::Time;
use crate::engine::Config;
use crate::error::{Error, Result};

/// One guarded operation, owned by its driver.
///
/// It may go from thread to thread, and be driven by one at a time.
pub struct Operation<'a> {
    /// The hooks, limits and audit that the operation started with; it sees no others.
    config: Guard<Arc<Config>>,
    progress: Progress<'a>,
}

impl<'a> Operation<'a> {
    #[inline]
    pub(crate) fn new(
        config: Guard<Arc<Config>>,
        request: Request<'a>,
        fault: Option<Error>,
        warn: bool,
    ) -> Self {
        Operation { config, progress: Progress::new(request, fault, warn) }
    }

    /// Whether the time matters to this operation; where not, drivers need not read the clock.
    #[must_use]
    pub fn needs_time(&self) -> bool {
        self.config.audit.is_some() || !self.config.limits.is_empty()
    }

    /// What is done to the data.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.progress.kind
    }

    /// What the operation needs next, at the time `now`. Asking again without a reply gives the same step.
    pub fn step(&mut self, now: Time) -> Step<'_> {
        self.step_by(&mut Now::At(now))
    }

    /// [`Operation::step`] at a time that need not have been read yet.
    pub(crate) fn step_by(&mut self, now: &mut Now<'_>) -> Step<'_> {
        let config = &**self.config;
        self.progress.run(config, now);
        self.progress.show(config)
    }

    /// Goes on, and gives the next step where that is to ask the store.
    pub(crate) fn store_step(&mut self, now: &mut Now<'_>) -> Option<StoreCall<'_>> {
        self.progress.run(&self.config, now);
        (self.progress.pending == Pending::Store).then(|| self.progress.store_call())
    }

    /// Takes the driver's reply to the last step. What follows from it happens at the next step, at the time that is
    /// said there.
    ///
    /// # Errors
    /// `UsageError` where the reply does not fit the step, or none was asked for. An operation that was still
    /// going on ends as refused by it.
    #[inline]
    pub fn resume(&mut self, reply: Reply, now: Time) -> Result<()> {
        let _ = now;
        self.progress.resume(&self.config, reply)
    }

    /// Ends an operation that has not started to ask, with this error.
    pub(crate) fn reject(&mut self, error: Error, now: Time) {
        self.progress.reject(error);
        self.progress.run(&self.config, &mut Now::At(now));
    }

    /// Ends the operation and gives its outcome. One that is not `Done` is abandoned.
    ///
    /// # Errors
    /// What refused it, or made it fail.
    #[inline]
    pub fn finish(mut self) -> Result<Outcome> {
        self.abandon();
        self.progress.take_outcome()
    }

    /// Lets go of an operation that its driver cannot bring to its end: refused, or `unknown` once the store was
    /// asked. Does nothing where it is done. Dropping it does the same.
    #[inline]
    pub fn abandon(&mut self) {
        if !self.progress.is_done() {
            self.progress.abandon(&self.config);
        }
    }

    /// The operation with everything it borrowed copied, to outlive the call that started it. It counts as open
    /// from here on, and ends where that makes too many: so call this before a step is performed, and ask for the
    /// step again.
    #[must_use]
    pub fn into_owned(mut self) -> Operation<'static> {
        self.progress.count(&self.config);
        let progress = std::mem::replace(&mut self.progress, Progress::ended());
        Operation { config: Guard::from_inner(Arc::clone(&self.config)), progress: progress.into_owned() }
    }
}

impl Drop for Operation<'_> {
    fn drop(&mut self) {
        self.abandon();
    }
}

impl fmt::Debug for Operation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operation").field("kind", &self.progress.kind).finish_non_exhaustive()
    }
}
