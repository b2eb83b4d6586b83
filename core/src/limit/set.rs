//! The limits of an engine, asked together: all that apply give their tokens, or none does.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::context::Context;

use super::compiled::{Held, Limit};
use super::demand::Demand;
use super::status::{Impossible, LimitStatus, Refused, Taken, Unmet};
use super::target::{Count, Target};

/// An immutable list of limits. What is added makes a new list; the buckets are shared with the old one.
#[derive(Clone, Debug, Default)]
pub struct LimitSet {
    // INVARIANT: ordered by `Limit::id`, each limit once. Every thread locks the limits of a list in this order,
    // of each limit one bucket's lock (a shard's, or a lone bucket's), and whatever else it needs of that limit is
    // only tried. An id never changes and is the same in every list, so whoever waits holds only limits that come
    // before the one it waits for: no circle, no deadlock.
    limits: Vec<Arc<Limit>>,
    /// For each target, the indices of the limits that apply.
    applying: [Applying; Target::ALL.len()],
}

#[derive(Clone, Debug, Default)]
struct Applying {
    operations: Vec<u32>,
    attempts: Vec<u32>,
}

impl Applying {
    fn of(&self, count: Count) -> &[u32] {
        match count {
            Count::Operations => &self.operations,
            Count::Attempts => &self.attempts,
        }
    }
}

/// The refusal with the longest wait so far: which limit, how long, and whether its overflow bucket refused.
type Worst<'a> = (&'a Arc<Limit>, u64, bool);

impl FromIterator<Arc<Limit>> for LimitSet {
    fn from_iter<I: IntoIterator<Item = Arc<Limit>>>(limits: I) -> Self {
        let mut limits: Vec<_> = limits.into_iter().collect();
        limits.sort_by_key(|limit| limit.id());
        limits.dedup_by_key(|limit| limit.id());
        let mut set = LimitSet::default();
        limits.into_iter().for_each(|limit| set.push(limit));
        set
    }
}

impl LimitSet {
    /// No limits: everything passes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same limits and one more. A limit that is there already is not added again; one that was compiled from
    /// an equal declaration is another limit, with buckets of its own.
    #[must_use]
    pub fn with(&self, limit: Arc<Limit>) -> Self {
        match self.limits.last() {
            Some(last) if last.id() >= limit.id() => self.iter().cloned().chain([limit]).collect(),
            _ => {
                let mut set = self.clone();
                set.push(limit);
                set
            }
        }
    }

    /// Adds a limit that was compiled after all that are there.
    fn push(&mut self, limit: Arc<Limit>) {
        let Ok(index) = u32::try_from(self.limits.len()) else { return };
        for (asked, applying) in Target::ALL.into_iter().zip(&mut self.applying) {
            if limit.target().applies_to(asked) {
                match limit.count() {
                    Count::Operations => applying.operations.push(index),
                    Count::Attempts => applying.attempts.push(index),
                }
            }
        }
        self.limits.push(limit);
    }

    /// The same limits with fresh, full buckets, taking no lock: for the child of a fork.
    #[must_use]
    pub fn fresh(&self) -> Self {
        self.iter().map(|limit| Arc::new(limit.fresh())).collect()
    }

    /// The limits, in the order in which they were compiled.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Arc<Limit>> {
        self.limits.iter()
    }

    /// How many limits there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.limits.len()
    }

    /// True where there is no limit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.limits.is_empty()
    }

    /// An operation starts: takes a token of each applying limit that counts attempts, of all or of none, and then
    /// looks whether the others have one, without taking it.
    ///
    /// # Errors
    /// The limit that refuses; where a limit that counts operations refuses, the attempt has been counted.
    pub fn start(&self, target: Target, context: &Context, now_ns: u64) -> Result<Taken, Refused> {
        self.start_asked(target, context, now_ns)
    }

    /// [`LimitSet::start`] for many tokens: takes what is needed of each applying limit that counts attempts, of all
    /// or of none, and then looks whether the others have it too.
    ///
    /// # Errors
    /// As those of [`LimitSet::start`]; where a limit can never hold so many tokens, which, with nothing taken.
    pub fn start_many(&self, demand: &Demand, context: &Context, now_ns: u64) -> Result<Taken, Unmet> {
        self.possible(demand)?;
        Ok(self.start_asked(demand, context, now_ns)?)
    }

    /// Right before the store, tool or task is asked: takes a token of each applying limit that counts operations,
    /// of all in one step or of none.
    ///
    /// # Errors
    /// The limit that refuses.
    pub fn take(&self, target: Target, context: &Context, now_ns: u64) -> Result<Taken, Refused> {
        self.take_all(Count::Operations, target, context, now_ns)
    }

    /// [`LimitSet::take`] for many tokens: what is needed of each applying limit that counts operations, of all in
    /// one step or of none.
    ///
    /// # Errors
    /// As those of [`LimitSet::start_many`].
    pub fn take_many(&self, demand: &Demand, context: &Context, now_ns: u64) -> Result<Taken, Unmet> {
        self.possible(demand)?;
        Ok(self.take_all(Count::Operations, demand, context, now_ns)?)
    }

    /// [`LimitSet::start`] and [`LimitSet::take`] at one moment, for an operation that nothing is asked about in
    /// between: looks at no bucket twice.
    ///
    /// # Errors
    /// As those of the two.
    pub fn pass(&self, target: Target, context: &Context, now_ns: u64) -> Result<Taken, Refused> {
        self.pass_asked(target, context, now_ns)
    }

    /// [`LimitSet::start_many`] and [`LimitSet::take_many`] at one moment.
    ///
    /// # Errors
    /// As those of the two.
    pub fn pass_many(&self, demand: &Demand, context: &Context, now_ns: u64) -> Result<Taken, Unmet> {
        self.possible(demand)?;
        Ok(self.pass_asked(demand, context, now_ns)?)
    }

    /// How each limit stands that applies to an operation; every limit for [`Target::All`]. Takes nothing.
    #[must_use]
    pub fn status(&self, target: Target, context: &Context, now_ns: u64) -> Vec<LimitStatus> {
        let applying = self.limits.iter().filter(|limit| limit.target().applies_to(target));
        applying.map(|limit| limit.hold(context, now_ns, false).status()).collect()
    }

    /// [`Limit::release_idle`] for each limit.
    pub fn release_idle(&self, now_ns: u64) {
        for limit in &self.limits {
            limit.release_idle(now_ns);
        }
    }

    fn applying(&self, count: Count, target: Target) -> impl Iterator<Item = &Arc<Limit>> {
        let indices = self.applying.get(target as usize).map_or(&[][..], |applying| applying.of(count));
        indices.iter().filter_map(|index| self.limits.get(*index as usize))
    }

    fn start_asked<A: Asked>(&self, asked: A, context: &Context, now_ns: u64) -> Result<Taken, Refused> {
        let taken = self.take_all(Count::Attempts, asked, context, now_ns)?;
        match self.look(Count::Operations, asked, context, now_ns) {
            None => Ok(taken),
            Some(worst) => Err(self.refused(worst, asked, context, now_ns)),
        }
    }

    fn pass_asked<A: Asked>(&self, asked: A, context: &Context, now_ns: u64) -> Result<Taken, Refused> {
        let attempted = self.take_all(Count::Attempts, asked, context, now_ns)?;
        let taken = self.take_all(Count::Operations, asked, context, now_ns)?;
        Ok(if taken.overflow.is_some() { taken } else { attempted })
    }

    fn take_all<A: Asked>(
        &self,
        count: Count,
        asked: A,
        context: &Context,
        now_ns: u64,
    ) -> Result<Taken, Refused> {
        let mut held: SmallVec<[Held<'_>; 3]> = SmallVec::new();
        let mut worst = None;
        let mut taken = Taken::default();
        for limit in asked.applying(self, count) {
            let one = limit.hold(context, now_ns, true);
            worst = worse(worst, limit, &one, asked);
            if one.is_overflow() && taken.overflow.is_none() {
                taken.overflow = Some(Arc::clone(limit));
            }
            held.push(one);
        }
        if let Some(worst) = worst {
            drop(held);
            return Err(self.refused(worst, asked, context, now_ns));
        }
        for one in &mut held {
            one.take(asked.tokens(one.limit()));
        }
        Ok(taken)
    }

    fn look<A: Asked>(&self, count: Count, asked: A, context: &Context, now_ns: u64) -> Option<Worst<'_>> {
        asked
            .applying(self, count)
            .fold(None, |worst, limit| worse(worst, limit, &limit.hold(context, now_ns, false), asked))
    }

    /// Only a refusal comes here. The next try meets every limit again, those that count attempts first: so the
    /// wait is the longest of all that apply, also of those that did not refuse this time.
    #[cold]
    fn refused<A: Asked>(&self, worst: Worst<'_>, asked: A, context: &Context, now_ns: u64) -> Refused {
        let (limit, wait_ns, overflow) = worst;
        let waits = Count::ALL.into_iter().filter_map(|count| self.look(count, asked, context, now_ns));
        let retry_after_ns = waits.fold(wait_ns, |longest, (_, wait_ns, _)| longest.max(wait_ns));
        Refused { limit: Arc::clone(limit), tokens: asked.tokens(limit), retry_after_ns, overflow }
    }

    /// Says whether every limit that applies, those that count attempts included, can hold so much at all.
    fn possible(&self, demand: &Demand) -> Result<(), Impossible> {
        let parts = |limit: &Limit| demand.tokens(limit.target()).div_ceil(limit.capacity().max(1));
        match self.limits.iter().rev().max_by_key(|limit| parts(limit)) {
            Some(limit) if parts(limit) > 1 => {
                Err(Impossible { limit: Arc::clone(limit), tokens: demand.tokens(limit.target()) })
            }
            _ => Ok(()),
        }
    }
}

/// What limits are asked for, in two shapes: one token for an operation, or many for a batch. The first is a shape of
/// its own because a number that the compiler knows to be one costs nothing.
trait Asked: Copy {
    /// The limits that have something to give, in the order in which they are locked.
    fn applying(self, limits: &LimitSet, count: Count) -> impl Iterator<Item = &Arc<Limit>>;

    /// How many tokens one of those limits has to give: at least one, and no more than it can hold.
    fn tokens(self, limit: &Limit) -> u64;
}

impl Asked for Target {
    fn applying(self, limits: &LimitSet, count: Count) -> impl Iterator<Item = &Arc<Limit>> {
        limits.applying(count, self)
    }

    fn tokens(self, _: &Limit) -> u64 {
        1
    }
}

/// Only a demand that is [possible](LimitSet::possible).
impl Asked for &Demand {
    fn applying(self, limits: &LimitSet, count: Count) -> impl Iterator<Item = &Arc<Limit>> {
        limits.applying(count, Target::All).filter(|limit| Demand::tokens(self, limit.target()) > 0)
    }

    fn tokens(self, limit: &Limit) -> u64 {
        Demand::tokens(self, limit.target())
    }
}

fn worse<'a, A: Asked>(
    worst: Option<Worst<'a>>,
    limit: &'a Arc<Limit>,
    held: &Held<'_>,
    asked: A,
) -> Option<Worst<'a>> {
    let wait_ns = held.wait_ns(asked.tokens(limit));
    let longest = worst.map_or(0, |(_, wait_ns, _)| wait_ns);
    if wait_ns > longest { Some((limit, wait_ns, held.is_overflow())) } else { worst }
}
