//! The stable codes: one number and one word for each way an operation can fail, equal in every language.

/// What went wrong, as a stable number (the C status) and a stable word (`code` elsewhere).
///
/// Zero is success and is no code. Numbers are never reused; 4 and 5 are kept for escalations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
#[repr(i32)]
pub enum Code {
    /// A hook said no.
    Denied = 1,
    /// A hook failed, or gave what is no answer, so the operation was refused.
    HookFailed = 2,
    /// A rate limit had no token left.
    RateLimited = 3,
    /// The driver let go of the operation before it was done.
    Abandoned = 6,
    /// A strict sink of the audit failed, so the operation was refused.
    AuditFailed = 7,
    /// A pattern does not parse or passes a bound.
    Pattern = 20,
    /// A setting is unknown, out of range or contradicts another.
    Config = 30,
    /// The store failed or replied with nonsense.
    Store = 40,
    /// Another process, or another handle, holds the database.
    StoreLocked = 41,
    /// The database's file is damaged.
    StoreDamaged = 42,
    /// No space left for the database.
    StoreFull = 43,
    /// The database was closed.
    StoreClosed = 44,
    /// A batch that is not atomic ended half-way.
    StorePartial = 45,
    /// A call that the API does not allow: a wrong type, a wrong order.
    Usage = 50,
    /// An operation was started from inside hooks nested too deep.
    NestingLimit = 51,
    /// Too many operations were open at once.
    OpenLimit = 52,
    /// A fault in Checkrein itself; the operation was refused.
    Internal = 90,
}

/// The class of the error family that a code belongs to: what a caller catches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Class {
    /// `PolicyViolation`: a refusal.
    Violation,
    /// `RateLimitExceeded`: a refusal by a limit, a kind of `PolicyViolation`.
    RateLimit,
    /// `PatternError`.
    Pattern,
    /// `ConfigError`.
    Config,
    /// `StoreError`.
    Store,
    /// `UsageError`.
    Usage,
    /// `CheckreinError` itself: a fault in Checkrein.
    Internal,
}

impl Code {
    /// Every code, in the order of its number.
    pub const ALL: &'static [Code] = &[
        Code::Denied,
        Code::HookFailed,
        Code::RateLimited,
        Code::Abandoned,
        Code::AuditFailed,
        Code::Pattern,
        Code::Config,
        Code::Store,
        Code::StoreLocked,
        Code::StoreDamaged,
        Code::StoreFull,
        Code::StoreClosed,
        Code::StorePartial,
        Code::Usage,
        Code::NestingLimit,
        Code::OpenLimit,
        Code::Internal,
    ];

    /// The stable number: the status in C.
    #[must_use]
    pub const fn number(self) -> i32 {
        self as i32
    }

    /// The stable word: `code` in Python, TypeScript and Go.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Code::Denied => "denied",
            Code::HookFailed => "hook_failed",
            Code::RateLimited => "rate_limited",
            Code::Abandoned => "abandoned",
            Code::AuditFailed => "audit_failed",
            Code::Pattern => "pattern",
            Code::Config => "config",
            Code::Store => "store",
            Code::StoreLocked => "store_locked",
            Code::StoreDamaged => "store_damaged",
            Code::StoreFull => "store_full",
            Code::StoreClosed => "store_closed",
            Code::StorePartial => "store_partial",
            Code::Usage => "usage",
            Code::NestingLimit => "nesting_limit",
            Code::OpenLimit => "open_limit",
            Code::Internal => "internal",
        }
    }

    /// The class that callers catch.
    #[must_use]
    pub const fn class(self) -> Class {
        match self {
            Code::Denied | Code::HookFailed | Code::Abandoned | Code::AuditFailed => Class::Violation,
            Code::RateLimited => Class::RateLimit,
            Code::Pattern => Class::Pattern,
            Code::Config => Class::Config,
            Code::Store
            | Code::StoreLocked
            | Code::StoreDamaged
            | Code::StoreFull
            | Code::StoreClosed
            | Code::StorePartial => Class::Store,
            Code::Usage | Code::NestingLimit | Code::OpenLimit => Class::Usage,
            Code::Internal => Class::Internal,
        }
    }
}

impl Class {
    /// The class's name: the same word in Python, TypeScript, Go and Rust.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Class::Violation => "PolicyViolation",
            Class::RateLimit => "RateLimitExceeded",
            Class::Pattern => "PatternError",
            Class::Config => "ConfigError",
            Class::Store => "StoreError",
            Class::Usage => "UsageError",
            Class::Internal => "CheckreinError",
        }
    }
}
