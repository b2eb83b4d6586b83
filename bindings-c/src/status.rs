//! What a function says about its success: the core's codes as C numbers.

use checkrein::{Code, Error};

/// What a function says about its success. The numbers are the same in every version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum cr_status {
    /// It worked.
    CR_OK = 0,
    /// A hook said no.
    CR_DENIED = 1,
    /// A hook failed, or gave what is no answer, so the operation was refused.
    CR_HOOK_FAILED = 2,
    /// A rate limit had no token left.
    CR_RATE_LIMITED = 3,
    /// The driver let go of the operation before it was done.
    CR_ABANDONED = 6,
    /// A strict sink of the audit failed, so the operation was refused, or was not told after it was applied.
    CR_AUDIT_FAILED = 7,
    /// A pattern does not parse or passes a bound.
    CR_PATTERN = 20,
    /// A setting is unknown, out of range or contradicts another.
    CR_CONFIG = 30,
    /// The store failed or replied with nonsense.
    CR_STORE = 40,
    /// Another process, or another handle, holds the database.
    CR_STORE_LOCKED = 41,
    /// The database's file is damaged.
    CR_STORE_DAMAGED = 42,
    /// No space left for the database.
    CR_STORE_FULL = 43,
    /// The database was closed.
    CR_STORE_CLOSED = 44,
    /// A batch that is not atomic failed on the way: cr_error_applied_count says how far it came.
    CR_STORE_PARTIAL = 45,
    /// A call that the API does not allow: NULL, a wrong order.
    CR_USAGE = 50,
    /// An operation was started from inside hooks nested too deep.
    CR_NESTING_LIMIT = 51,
    /// Too many operations were open at once.
    CR_OPEN_LIMIT = 52,
    /// A fault in Checkrein itself; the operation was refused.
    CR_INTERNAL = 90,
}

impl From<Code> for cr_status {
    fn from(code: Code) -> Self {
        match code {
            Code::Denied => cr_status::CR_DENIED,
            Code::HookFailed => cr_status::CR_HOOK_FAILED,
            Code::RateLimited => cr_status::CR_RATE_LIMITED,
            Code::Abandoned => cr_status::CR_ABANDONED,
            Code::AuditFailed => cr_status::CR_AUDIT_FAILED,
            Code::Pattern => cr_status::CR_PATTERN,
            Code::Config => cr_status::CR_CONFIG,
            Code::Store => cr_status::CR_STORE,
            Code::StoreLocked => cr_status::CR_STORE_LOCKED,
            Code::StoreDamaged => cr_status::CR_STORE_DAMAGED,
            Code::StoreFull => cr_status::CR_STORE_FULL,
            Code::StoreClosed => cr_status::CR_STORE_CLOSED,
            Code::StorePartial => cr_status::CR_STORE_PARTIAL,
            Code::Usage => cr_status::CR_USAGE,
            Code::NestingLimit => cr_status::CR_NESTING_LIMIT,
            Code::OpenLimit => cr_status::CR_OPEN_LIMIT,
            // A code that this file does not know is a fault of this library.
            _ => cr_status::CR_INTERNAL,
        }
    }
}

impl From<&Error> for cr_status {
    fn from(error: &Error) -> Self {
        error.code().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_status_of_its_number() {
        for code in Code::ALL {
            assert_eq!(cr_status::from(*code) as i32, code.number(), "{code:?}");
        }
    }
}
