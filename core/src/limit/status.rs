//! What a limit answers: how much is left, what was taken, or why not.

use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, PolicyViolation, RateLimitExceeded, ViolationKind};

use super::compiled::Limit;
use super::target::{Count, Target};

/// How a limit stands for a context, at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitStatus {
    /// The limit, as people read it: `write 100/minute per agent_id`.
    pub limit: String,
    /// What the limit is for.
    pub operation: Target,
    /// `global` or the context key.
    pub scope: String,
    /// When an operation takes its token.
    pub count: Count,
    /// How many tokens the full bucket holds.
    pub capacity: u64,
    /// How many whole tokens are in it.
    pub remaining: u64,
    /// Nanoseconds until a token can be taken: 0 where one can be now.
    pub retry_after_ns: u64,
    /// Nanoseconds until the bucket is full: 0 where it is.
    pub full_after_ns: u64,
    /// True where this is the overflow bucket, shared by the keys for which there was no room.
    pub overflow: bool,
}

/// Tokens that were taken.
#[derive(Clone, Debug, Default)]
#[must_use = "the audit says where an overflow bucket was used"]
pub struct Taken {
    pub(super) overflow: Option<Arc<Limit>>,
}

impl Taken {
    /// The first limit of which the overflow bucket was used: more keys were active than it tracks.
    #[must_use]
    pub fn overflow(&self) -> Option<&str> {
        self.overflow.as_deref().map(Limit::describe)
    }
}

/// A limit had too few tokens, and so none was taken from any.
#[derive(Clone, Debug)]
pub struct Refused {
    pub(super) limit: Arc<Limit>,
    /// How many it had to give.
    pub(super) tokens: u64,
    pub(super) retry_after_ns: u64,
    pub(super) overflow: bool,
}

impl Refused {
    /// The limit that refused, as people read it: of several, the one with the longest wait.
    #[must_use]
    pub fn limit(&self) -> &str {
        self.limit.describe()
    }

    /// `global` or the context key of that limit.
    #[must_use]
    pub fn scope(&self) -> &str {
        self.limit.scope()
    }

    /// How long until the operation would pass every limit, if nobody else takes tokens until then: never too
    /// early, late by less than a nanosecond.
    #[must_use]
    pub fn retry_after(&self) -> Duration {
        Duration::from_nanos(self.retry_after_ns)
    }

    /// The same in nanoseconds.
    #[must_use]
    pub fn retry_after_ns(&self) -> u64 {
        self.retry_after_ns
    }

    /// True where the overflow bucket refused: more keys were active than the limit tracks.
    #[must_use]
    pub fn overflow(&self) -> bool {
        self.overflow
    }

    /// The reason, as it stands in the error and the audit.
    #[must_use]
    pub fn reason(&self) -> String {
        let shared = if self.overflow { " in the overflow bucket, which new keys share" } else { "" };
        let too_few = match self.tokens {
            1 => "no token".to_owned(),
            needed => format!("fewer than {needed} tokens"),
        };
        format!(
            "limit `{}` has {too_few} left{shared}: retry after {}",
            self.limit(),
            shown(self.retry_after())
        )
    }
}

/// More tokens are needed at once than a limit ever holds: waiting does not help. None was taken from any limit.
#[derive(Clone, Debug)]
pub struct Impossible {
    pub(super) limit: Arc<Limit>,
    pub(super) tokens: u64,
}

impl Impossible {
    /// The limit that never holds so many, as people read it: of several, the one that asks for the most parts.
    #[must_use]
    pub fn limit(&self) -> &str {
        self.limit.describe()
    }

    /// How many tokens it would have to give.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.tokens
    }

    /// How many it holds when it is full.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        self.limit.capacity()
    }

    /// The `UsageError` of a call that asked for too much at once; `what` is the caller's word for it: `batch`.
    #[must_use]
    pub fn error(&self, what: &str) -> Error {
        Error::usage(format!(
            "the {what} needs {} tokens of `{}`, which never holds more than {}: split it",
            self.tokens,
            self.limit(),
            self.capacity()
        ))
    }
}

/// Why many tokens were not given.
#[derive(Clone, Debug)]
pub enum Unmet {
    /// Not now: the limit that refuses says when.
    Refused(Refused),
    /// Never.
    Impossible(Impossible),
}

impl From<Refused> for Unmet {
    fn from(refused: Refused) -> Self {
        Unmet::Refused(refused)
    }
}

impl From<Impossible> for Unmet {
    fn from(impossible: Impossible) -> Self {
        Unmet::Impossible(impossible)
    }
}

impl From<&Refused> for RateLimitExceeded {
    fn from(refused: &Refused) -> Self {
        RateLimitExceeded {
            limit: refused.limit().to_owned(),
            scope: refused.scope().to_owned(),
            retry_after: refused.retry_after(),
        }
    }
}

impl From<&Refused> for PolicyViolation {
    fn from(refused: &Refused) -> Self {
        PolicyViolation {
            rule: Some(refused.limit().to_owned()),
            kind: ViolationKind::RateLimited(refused.into()),
            ..PolicyViolation::new(refused.reason())
        }
    }
}

/// A wait for people: microseconds are fine enough, rounded up so that it is never too early.
fn shown(wait: Duration) -> humantime::FormattedDuration {
    let fine = if wait < Duration::from_micros(1) { 1 } else { 1_000 };
    let ns = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
    humantime::format_duration(Duration::from_nanos(ns.checked_next_multiple_of(fine).unwrap_or(ns)))
}
