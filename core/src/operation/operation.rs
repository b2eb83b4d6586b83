//! The operation as its driver holds it: steps, replies, and an end in every case.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use arc_swap::Guard;

use super::course::{Course, Pending};
use super::now::Now;
use super::subject::Subject;
use super::whole::Whole;
use super::{Kind, Outcome, Reply, Step, StoreCall};
use crate::clock::Time;
use crate::context::Context;
use crate::engine::Config;
use crate::error::{Error, Result};

/// One guarded operation, owned by its driver.
///
/// It may go from thread to thread, and be driven by one at a time.
pub struct Operation<'a> {
    /// The hooks, limits and audit that the operation started with; it sees no others.
    config: Guard<Arc<Config>>,
    course: Course<'a>,
}

/// What an operation starts with.
pub struct Begin<'a> {
    /// The key, or nothing yet.
    pub(super) subject: Subject<'a>,
    pub(super) whole: Whole<'a>,
    pub(super) context: Cow<'a, Context>,
    pub(super) depth: u32,
}

impl<'a> Operation<'a> {
    #[inline]
    pub(crate) fn new(
        config: Guard<Arc<Config>>,
        begin: Begin<'a>,
        fault: Option<Error>,
        warn: bool,
    ) -> Self {
        let Begin { subject, whole, context, depth } = begin;
        Operation { config, course: Course::new(subject, whole, context, depth, fault, warn) }
    }

    /// Whether the time matters to this operation; where not, drivers need not read the clock.
    #[must_use]
    pub fn needs_time(&self) -> bool {
        self.config.audit.is_some() || !self.config.limits.is_empty()
    }

    /// Counts the operation as open from its start, as one that may wait: for drivers that perform the store's steps
    /// outside of the call, before the first step. Where that makes too many it ends as refused, before a token is taken.
    pub fn expect_wait(&mut self) {
        self.course.count(&self.config);
    }

    /// What is done to the data: of a batch what is done to the key in hand.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.course.subject.kind
    }

    /// What the operation needs next, at the time `now`. Asking again without a reply gives the same step.
    pub fn step(&mut self, now: Time) -> Step<'_> {
        self.step_by(&mut Now::At(now))
    }

    /// [`Operation::step`] at a time that need not have been read yet.
    pub(crate) fn step_by(&mut self, now: &mut Now<'_>) -> Step<'_> {
        let config = &**self.config;
        self.course.run(config, now);
        self.course.show(config)
    }

    /// Goes on, and gives the next step where that is to ask the store.
    pub(crate) fn store_step(&mut self, now: &mut Now<'_>) -> Option<StoreCall<'_>> {
        self.course.run(&self.config, now);
        (self.course.pending == Pending::Store).then(|| self.course.store_call())
    }

    /// The step that is pending, for a driver that has gone on to it already.
    pub(crate) fn shown(&self) -> Step<'_> {
        self.course.show(&self.config)
    }

    /// Takes the driver's reply to the last step. What follows from it happens at the next step, at the time that is
    /// said there.
    ///
    /// # Errors
    /// `UsageError` where the reply does not fit the step, or none was asked for. An operation that was still
    /// going on ends as refused by it.
    #[inline]
    pub fn resume(&mut self, reply: Reply) -> Result<()> {
        self.course.resume(&self.config, reply)
    }

    /// Takes the pair of a [`Step::Item`]; nothing where none was shown.
    #[inline]
    pub fn take_item(&mut self) -> Option<(Vec<u8>, Vec<u8>)> {
        self.course.take_item()
    }

    /// Goes on, and takes the next pair of a scan where nothing is to be asked for it.
    #[inline]
    pub(crate) fn next_item(&mut self, now: &mut Now<'_>) -> Option<(Vec<u8>, Vec<u8>)> {
        self.course.run(&self.config, now);
        self.course.take_item()
    }

    /// Ends an operation that has not started to ask, with this error.
    pub(crate) fn reject(&mut self, error: Error, now: Time) {
        self.course.reject(error);
        self.course.run(&self.config, &mut Now::At(now));
    }

    /// Ends the operation and gives its outcome. One that is not `Done` is abandoned.
    ///
    /// # Errors
    /// What refused it, or made it fail.
    #[inline]
    pub fn finish(mut self) -> Result<Outcome> {
        self.end()
    }

    /// [`Operation::finish`] for one that stays where it is: it is large, and moving it costs as much as a hook's match.
    /// The outcome is given once.
    ///
    /// # Errors
    /// As [`Operation::finish`].
    #[inline]
    pub fn end(&mut self) -> Result<Outcome> {
        self.abandon();
        self.course.take_outcome()
    }

    /// Lets go of an operation that its driver cannot bring to its end: refused, or `unknown` once the store was
    /// asked. Does nothing where it is done. Dropping it does the same.
    #[inline]
    pub fn abandon(&mut self) {
        if !self.course.is_done() {
            self.course.abandon(&self.config);
        }
    }

    /// The operation with everything it borrowed copied, to outlive the call that started it. It counts as open
    /// from here on, and ends where that makes too many: so call this before a step is performed, and ask for the
    /// step again.
    #[must_use]
    pub fn into_owned(mut self) -> Operation<'static> {
        self.course.count(&self.config);
        let course = std::mem::replace(&mut self.course, Course::ended());
        Operation { config: Guard::from_inner(Arc::clone(&self.config)), course: course.into_owned() }
    }
}

impl Drop for Operation<'_> {
    fn drop(&mut self) {
        self.abandon();
    }
}

impl fmt::Debug for Operation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operation").field("kind", &self.kind()).finish_non_exhaustive()
    }
}
