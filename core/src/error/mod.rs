//! The one error family: what was refused or failed, by what, why, and what to do about it.
//!
//! Every language shows these errors as its own; the codes and the messages are made here, once.

mod cause;
mod code;

use std::fmt;
use std::time::Duration;

pub use cause::Cause;
pub use code::{Class, Code};

use crate::operation::Kind;

/// Any error of Checkrein.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Error {
    /// A hook or a limit refused the operation.
    Violation(Box<PolicyViolation>),
    /// A pattern does not parse or passes a bound.
    Pattern(Box<PatternError>),
    /// A setting is unknown, out of range or contradicts another.
    Config(String),
    /// The store failed.
    Store(Box<StoreError>),
    /// A call that the API does not allow.
    Usage(UsageError),
    /// A fault in Checkrein itself; the operation was refused.
    Internal(String),
    /// One of the above that the host's own code raised: drivers raise the very object again.
    Host(Box<HostError>),
}

/// An error of Checkrein that came out of the host's own code (a hook, a store), with the host's object.
#[derive(Clone, Debug)]
pub struct HostError {
    /// What it says; never itself a `Host`.
    pub error: Error,
    /// The host's object, for its driver to raise again.
    pub object: Cause,
}

/// A refusal: what was refused, by which rule or hook, and why.
#[derive(Clone, Debug, Default)]
pub struct PolicyViolation {
    /// Why: the hook's own words, or a sentence that says what decided.
    pub reason: String,
    /// The hook (`before_write system/*`) or limit that refused.
    pub rule: Option<String>,
    /// The operation that was refused.
    pub operation: Option<Kind>,
    /// The key that it was for.
    pub key: Option<Vec<u8>>,
    /// True where the operation had already happened when the error arose (after-hooks).
    pub applied: bool,
    /// What made a hook fail, where one failed.
    pub cause: Option<Cause>,
    /// What kind of refusal this is.
    pub kind: ViolationKind,
}

/// What kind of refusal a [`PolicyViolation`] is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ViolationKind {
    /// A hook said no.
    #[default]
    Denied,
    /// A hook failed or gave what is no answer.
    HookFailed,
    /// A limit had no token left; `RateLimitExceeded` in the other languages.
    RateLimited(RateLimitExceeded),
    /// The operation was dropped by its driver.
    Abandoned,
    /// A strict sink of the audit failed.
    AuditFailed,
}

/// Which limit refused and when to try again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimitExceeded {
    /// The limit, as people read it: `write 100/minute per agent_id`.
    pub limit: String,
    /// `global` or the context key that the limit is kept for.
    pub scope: String,
    /// How long until the operation would pass; never too early, late by less than a nanosecond.
    pub retry_after: Duration,
}

/// A pattern that does not parse, with the place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternError {
    /// The pattern as given.
    pub pattern: String,
    /// The byte offset of the fault in the pattern.
    pub position: usize,
    /// What is wrong there and what to write instead.
    pub message: String,
}

/// A failure of the store, with the store's own cause kept.
#[derive(Clone, Debug)]
pub struct StoreError {
    /// What failed and what to do.
    pub message: String,
    /// One of the `Store…` codes.
    pub code: Code,
    /// Of a batch that is not atomic: how many of its operations, the first ones, the store had done.
    pub applied: Option<usize>,
    /// The store's own error.
    pub cause: Option<Cause>,
}

/// A call that the API does not allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageError {
    /// What was wrong and what to do.
    pub message: String,
    /// `Usage`, `NestingLimit` or `OpenLimit`.
    pub code: Code,
}

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A setting that cannot be.
    pub fn config(message: impl Into<String>) -> Self {
        Error::Config(message.into())
    }

    /// A call that the API does not allow.
    pub fn usage(message: impl Into<String>) -> Self {
        Error::Usage(UsageError { message: message.into(), code: Code::Usage })
    }

    /// A store's failure without a more precise code.
    pub fn store(message: impl Into<String>, cause: Option<Cause>) -> Self {
        Error::Store(Box::new(StoreError {
            message: message.into(),
            code: Code::Store,
            applied: None,
            cause,
        }))
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Error::Violation(v) => v.code(),
            Error::Pattern(_) => Code::Pattern,
            Error::Config(_) => Code::Config,
            Error::Store(e) => e.code,
            Error::Usage(e) => e.code,
            Error::Internal(_) => Code::Internal,
            Error::Host(host) => host.error.code(),
        }
    }

    /// The refusal, if this is one.
    #[must_use]
    pub fn violation(&self) -> Option<&PolicyViolation> {
        match self {
            Error::Violation(v) => Some(v),
            Error::Host(host) => host.error.violation(),
            _ => None,
        }
    }

    /// The limit that refused and when to try again, if a limit refused.
    #[must_use]
    pub fn rate_limit(&self) -> Option<&RateLimitExceeded> {
        match &self.violation()?.kind {
            ViolationKind::RateLimited(limit) => Some(limit),
            _ => None,
        }
    }

    /// The host's own error behind this one, where there is one.
    #[must_use]
    pub fn cause(&self) -> Option<&Cause> {
        match self {
            Error::Violation(v) => v.cause.as_ref(),
            Error::Store(e) => e.cause.as_ref(),
            Error::Host(host) => host.error.cause(),
            _ => None,
        }
    }
}

impl PolicyViolation {
    /// A refusal with a reason: what a hook may raise to deny.
    pub fn new(reason: impl Into<String>) -> Self {
        PolicyViolation { reason: reason.into(), ..Self::default() }
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> Code {
        match self.kind {
            ViolationKind::Denied => Code::Denied,
            ViolationKind::HookFailed => Code::HookFailed,
            ViolationKind::RateLimited(_) => Code::RateLimited,
            ViolationKind::Abandoned => Code::Abandoned,
            ViolationKind::AuditFailed => Code::AuditFailed,
        }
    }
}

impl From<PolicyViolation> for Error {
    fn from(v: PolicyViolation) -> Self {
        Error::Violation(Box::new(v))
    }
}

impl From<PatternError> for Error {
    fn from(e: PatternError) -> Self {
        Error::Pattern(Box::new(e))
    }
}

impl From<StoreError> for Error {
    fn from(e: StoreError) -> Self {
        Error::Store(Box::new(e))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Violation(v) => v.fmt(f),
            Error::Pattern(e) => e.fmt(f),
            Error::Config(message) => f.write_str(message),
            Error::Store(e) => e.fmt(f),
            Error::Usage(e) => e.fmt(f),
            Error::Internal(message) => write!(f, "fault in checkrein, the operation was refused: {message}"),
            Error::Host(host) => host.error.fmt(f),
        }
    }
}

impl fmt::Display for PolicyViolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(operation) = self.operation {
            write!(f, "{}", operation.as_str())?;
            if let Some(key) = &self.key {
                write!(f, " of `{}`", crate::text::shown_key(key))?;
            }
            f.write_str(match (&self.kind, self.applied) {
                (_, true) => " was applied, but then failed",
                (ViolationKind::Denied, _) => " denied",
                (ViolationKind::HookFailed, _) => " refused, because a hook failed",
                (ViolationKind::RateLimited(_), _) => " refused by a rate limit",
                (ViolationKind::Abandoned, _) => " refused, because it was abandoned",
                (ViolationKind::AuditFailed, _) => " refused, because the audit failed",
            })?;
            if let Some(rule) = &self.rule {
                write!(f, " (`{rule}`)")?;
            }
            f.write_str(": ")?;
        }
        f.write_str(&self.reason)
    }
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pattern = crate::text::shortened(&self.pattern, 200);
        write!(f, "pattern `{pattern}`, position {}: {}", self.position, self.message)
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.cause {
            Some(cause) => write!(f, ": {cause}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause().and_then(Cause::as_error)
    }
}

impl std::error::Error for PolicyViolation {}
impl std::error::Error for PatternError {}
impl std::error::Error for StoreError {}
impl std::error::Error for UsageError {}
