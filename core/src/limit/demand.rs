//! How many tokens are asked of the limits in one step: one for an operation, many for a batch.

use super::target::Target;

/// How many tokens of each kind are needed at once: for a batch of 12 writes and 3 deletes, 12 and 3.
///
/// A limit gives as many as are needed of its own kind, one on `all` the sum of every kind. What is needed of
/// [`Target::All`] is an operation of every kind at once: every limit gives for it.
///
/// ```
/// use std::sync::Arc;
/// use checkrein::context::Context;
/// use checkrein::limit::{Demand, Limit, LimitSet, RateLimit, Target, Unmet};
///
/// let limits: LimitSet = [(Target::Write, 20), (Target::All, 15)]
///     .into_iter()
///     .map(|(target, tokens)| Limit::compile(target, &RateLimit::per_minute(tokens)).map(Arc::new))
///     .collect::<Result<_, _>>()?;
/// let batch = Demand::new().with(Target::Write, 12).with(Target::Delete, 3);
/// assert!(limits.take_many(&batch, &Context::new(), 0).is_ok());
/// let Err(Unmet::Refused(refused)) = limits.take_many(&batch, &Context::new(), 0) else { panic!() };
/// assert_eq!((refused.limit(), refused.retry_after().as_secs()), ("all 15/minute", 60));
/// let larger = batch.with(Target::Delete, 1);
/// assert!(matches!(limits.take_many(&larger, &Context::new(), 0), Err(Unmet::Impossible(_))));
/// # Ok::<(), checkrein::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// In the order of [`Target::ALL`].
    tokens: [u64; Target::ALL.len()],
}

impl Demand {
    /// Nothing is needed: every limit gives that.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What one operation needs.
    #[must_use]
    pub fn one(target: Target) -> Self {
        Self::new().with(target, 1)
    }

    /// So many more of a kind.
    #[must_use]
    pub fn with(mut self, target: Target, tokens: u64) -> Self {
        if let Some(needed) = self.tokens.get_mut(target as usize) {
            *needed = needed.saturating_add(tokens);
        }
        self
    }

    /// How many a limit for this target has to give.
    #[must_use]
    pub fn tokens(&self, target: Target) -> u64 {
        match target {
            Target::All => self.tokens.iter().fold(0, |sum, needed| sum.saturating_add(*needed)),
            target => self.stated(target).saturating_add(self.stated(Target::All)),
        }
    }

    fn stated(&self, target: Target) -> u64 {
        self.tokens.get(target as usize).copied().unwrap_or_default()
    }
}
