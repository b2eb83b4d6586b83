//! The error object: everything that is known about a failure, until it is freed.

use std::ffi::c_char;

use checkrein::error::{Cause, PatternError, RateLimitExceeded, StoreError, UsageError, ViolationKind};
use checkrein::{Class, Code, Error, PolicyViolation};

use crate::text::{Lazy, cr_str};
use crate::{cr_status, guard, input, token};

/// A failure, with all that is known about it. Several threads may read it; free it once, with cr_error_free.
pub struct cr_error {
    pub(crate) error: Error,
    message: Lazy,
    reason: Lazy,
    rule: Lazy,
    limit: Lazy,
    scope: Lazy,
    pattern: Lazy,
    cause: Lazy,
}

/// All that is known about a failure, to be read in one call. Texts live as long as the error.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct cr_error_info {
    /// The code, as the function returned it.
    pub status: cr_status,
    /// Not zero where a write or delete had already happened when the error arose (after-hooks).
    pub applied: i32,
    /// The stable word for the code: `denied`.
    pub code: cr_str,
    /// The class in other languages: `PolicyViolation`.
    pub class_name: cr_str,
    /// The whole sentence for people.
    pub message: cr_str,
    /// Why it was refused: the hook's own words. None where nothing was refused.
    pub reason: cr_str,
    /// The hook (`before_write *.json`) or limit that refused.
    pub rule: cr_str,
    /// `read`, `write` or `delete`.
    pub operation: cr_str,
    /// The key of the operation, or NULL.
    pub key: *const u8,
    /// The key's length.
    pub key_len: usize,
    /// Of a rate limit: nanoseconds until the operation would pass; never too early.
    pub retry_after_ns: u64,
    /// Of a rate limit: the limit, as people read it.
    pub limit: cr_str,
    /// Of a rate limit: `global` or the context key.
    pub scope: cr_str,
    /// Of a bad pattern: the pattern as given.
    pub pattern: cr_str,
    /// Of a bad pattern: the byte offset of the fault.
    pub position: usize,
    /// The type's name of the foreign error behind this one, where there is one.
    pub cause_type: cr_str,
    /// The host's number for its own object, or 0.
    pub host_token: u64,
    /// Not zero where `host_token` stands for this very error, and not for its cause: raise that object again.
    pub is_host_object: i32,
    /// Of a batch that is not atomic: how many of its operations, the first ones, the store had done; -1 where the error
    /// does not say.
    pub applied_count: i64,
}

impl cr_error {
    pub(crate) fn into_raw(error: Error) -> *mut cr_error {
        Box::into_raw(cr_error::boxed(error))
    }

    /// An error that the library keeps, to be looked at.
    pub(crate) fn boxed(error: Error) -> Box<cr_error> {
        Box::new(cr_error {
            error,
            message: Lazy::default(),
            reason: Lazy::default(),
            rule: Lazy::default(),
            limit: Lazy::default(),
            scope: Lazy::default(),
            pattern: Lazy::default(),
            cause: Lazy::default(),
        })
    }

    /// The error without the host's object around it.
    fn inner(&self) -> &Error {
        match &self.error {
            Error::Host(host) => &host.error,
            error => error,
        }
    }

    fn pattern(&self) -> Option<&PatternError> {
        match self.inner() {
            Error::Pattern(pattern) => Some(pattern),
            _ => None,
        }
    }

    fn message(&self) -> cr_str {
        self.message.get(|| self.error.to_string())
    }

    fn reason(&self) -> cr_str {
        self.reason.get_some(self.error.violation().map(|violation| violation.reason.as_str()))
    }

    fn rule(&self) -> cr_str {
        self.rule.get_some(self.error.violation().and_then(|violation| violation.rule.as_deref()))
    }

    fn operation(&self) -> cr_str {
        let kind = self.error.violation().and_then(|violation| violation.operation);
        kind.map_or(cr_str::NONE, crate::step::kind_word)
    }

    fn key(&self) -> Option<&[u8]> {
        self.error.violation()?.key.as_deref()
    }

    fn limit(&self) -> cr_str {
        self.limit.get_some(self.error.rate_limit().map(|limit| limit.limit.as_str()))
    }

    fn scope(&self) -> cr_str {
        self.scope.get_some(self.error.rate_limit().map(|limit| limit.scope.as_str()))
    }

    fn retry_after_ns(&self) -> u64 {
        let wait = self.error.rate_limit().map(|limit| limit.retry_after.as_nanos());
        wait.map_or(0, |ns| u64::try_from(ns).unwrap_or(u64::MAX))
    }

    fn pattern_text(&self) -> cr_str {
        self.pattern.get_some(self.pattern().map(|pattern| pattern.pattern.as_str()))
    }

    fn cause_type(&self) -> cr_str {
        self.cause.get_some(self.error.cause().map(Cause::type_name))
    }

    fn applied(&self) -> bool {
        self.error.violation().is_some_and(|violation| violation.applied)
    }

    fn applied_count(&self) -> i64 {
        let applied = match self.inner() {
            Error::Store(store) => store.applied,
            _ => None,
        };
        applied.map_or(-1, |count| i64::try_from(count).unwrap_or(i64::MAX))
    }

    fn info(&self) -> cr_error_info {
        let key = self.key();
        cr_error_info {
            status: (&self.error).into(),
            applied: self.applied().into(),
            code: code_word(self.error.code()),
            class_name: class_word(self.error.code().class()),
            message: self.message(),
            reason: self.reason(),
            rule: self.rule(),
            operation: self.operation(),
            key: key.map_or(std::ptr::null(), input::address_of),
            key_len: key.map_or(0, <[u8]>::len),
            retry_after_ns: self.retry_after_ns(),
            limit: self.limit(),
            scope: self.scope(),
            pattern: self.pattern_text(),
            position: self.pattern().map_or(0, |pattern| pattern.position),
            cause_type: self.cause_type(),
            host_token: token::of(&self.error),
            is_host_object: matches!(self.error, Error::Host(_)).into(),
            applied_count: self.applied_count(),
        }
    }
}

/// Everything that is known about a failure; false for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_error_get_info(error: *const cr_error, out: *mut cr_error_info) -> bool {
    guard::infallible(false, || {
        // SAFETY: the header's contract: the pointers are NULL or valid.
        unsafe {
            let Some(error) = error.as_ref() else { return false };
            if !out.is_null() {
                out.write(error.info());
            }
            true
        }
    })
}

/// The code; CR_OK for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_error_status(error: *const cr_error) -> cr_status {
    // SAFETY: the header's contract: NULL or a live error.
    ask(unsafe { error.as_ref() }, cr_status::CR_OK, |error| (&error.error).into())
}

/// The stable word for the code: `denied`, `rate_limited`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_error_code(error: *const cr_error) -> cr_str {
    // SAFETY: the header's contract: NULL or a live error.
    ask(unsafe { error.as_ref() }, cr_str::NONE, |error| code_word(error.error.code()))
}

/// The class that the error has in other languages: `PolicyViolation`, `StoreError`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_error_class(error: *const cr_error) -> cr_str {
    // SAFETY: the header's contract: NULL or a live error.
    ask(unsafe { error.as_ref() }, cr_str::NONE, |error| class_word(error.error.code().class()))
}

/// The whole sentence: what was refused or failed, by what, why, and what to do. It lives as long as the error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_error_message(error: *const cr_error) -> cr_str {
    // SAFETY: the header's contract: NULL or a live error.
    ask(unsafe { error.as_ref() }, cr_str::NONE, cr_error::message)
}

/// Why it was refused: the hook's own words, or a sentence that says what decided.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_error_reason(error: *const cr_error) -> cr_str {
    // SAFETY: the header's contract: NULL or a live error.
    ask(unsafe { error.as_ref() }, cr_str::NONE, cr_error::reason)
}

/// The hook (`before_write *.json`) or limit that refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_error_rule(error: *const cr_error) -> cr_str {
    // SAFETY: the header's contract: NULL or a live error.
    ask(unsafe { error.as_ref() }, cr_str::NONE, cr_error::rule)
}

/// The operation that was refused: `read`, `write` or `delete`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_error_operation(error: *const cr_error) -> cr_str {
    // SAFETY: the header's contract: NULL or a live error.
    ask(unsafe { error.as_ref() }, cr_str::NONE, cr_error::operation)
}

/// The key of the operation that was refused, or NULL. `*len` is set where `len` is not NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_error_key(error: *const cr_error, len: *mut usize) -> *const u8 {
    // SAFETY: the header's contract: the pointers are NULL or valid.
    let key = ask(unsafe { error.as_ref() }, None, cr_error::key);
    if !len.is_null() {
        // SAFETY: not NULL, and valid.
        unsafe { len.write(key.map_or(0, <[u8]>::len)) };
    }
    key.map_or(std::ptr::null(), input::address_of)
}

/// Whether the operation had already happened when the error arose: a hook after a write or delete failed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_error_applied(error: *const cr_error) -> bool {
    // SAFETY: the header's contract: NULL or a live error.
    ask(unsafe { error.as_ref() }, false, cr_error::applied)
}

/// Of a batch that is not atomic (CR_STORE_PARTIAL): how many of its operations, the first ones, the store had done; -1
/// where the error does not say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_error_applied_count(error: *const cr_error) -> i64 {
    // SAFETY: the header's contract: NULL or a live error.
    ask(unsafe { error.as_ref() }, -1, cr_error::applied_count)
}

/// Of a rate limit: nanoseconds until the operation would pass, never too early; else 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_error_retry_after_ns(error: *const cr_error) -> u64 {
    // SAFETY: the header's contract: NULL or a live error.
    ask(unsafe { error.as_ref() }, 0, cr_error::retry_after_ns)
}

/// Of a rate limit: the limit, as people read it: `write 100/minute per agent_id`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_error_limit(error: *const cr_error) -> cr_str {
    // SAFETY: the header's contract: NULL or a live error.
    ask(unsafe { error.as_ref() }, cr_str::NONE, cr_error::limit)
}

/// Of a rate limit: `global`, or the context key that the limit is kept for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_error_scope(error: *const cr_error) -> cr_str {
    // SAFETY: the header's contract: NULL or a live error.
    ask(unsafe { error.as_ref() }, cr_str::NONE, cr_error::scope)
}

/// Of a bad pattern: the pattern as given.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_error_pattern(error: *const cr_error) -> cr_str {
    // SAFETY: the header's contract: NULL or a live error.
    ask(unsafe { error.as_ref() }, cr_str::NONE, cr_error::pattern_text)
}

/// Of a bad pattern: the byte offset of the fault; else 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_error_position(error: *const cr_error) -> usize {
    // SAFETY: the header's contract: NULL or a live error.
    ask(unsafe { error.as_ref() }, 0, |error| error.pattern().map_or(0, |pattern| pattern.position))
}

/// The type's name of the foreign error behind this one, where there is one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_error_cause_type(error: *const cr_error) -> cr_str {
    // SAFETY: the header's contract: NULL or a live error.
    ask(unsafe { error.as_ref() }, cr_str::NONE, cr_error::cause_type)
}

/// The number that the host gave with an error of its own, so that it finds its very object again; 0 where there is
/// none. With cr_error_is_host_object it stands for this error, else for its cause.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_error_host_token(error: *const cr_error) -> u64 {
    // SAFETY: the header's contract: NULL or a live error.
    ask(unsafe { error.as_ref() }, 0, |error| token::of(&error.error))
}

/// Whether the host raised this error itself, as one of Checkrein's, with a token.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_error_is_host_object(error: *const cr_error) -> bool {
    // SAFETY: the header's contract: NULL or a live error.
    ask(unsafe { error.as_ref() }, false, |error| matches!(error.error, Error::Host(_)))
}

/// Makes an error for a hook or store to fail with. A refusal takes the message as its reason. NULL where the
/// status is CR_OK or unknown, or the message is NULL or not UTF-8. A length may be CR_NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_error_new(
    status: i32,
    message: *const c_char,
    message_len: usize,
) -> *mut cr_error {
    guard::infallible(std::ptr::null_mut(), || {
        // SAFETY: the header's contract: the pointer is NULL or valid, and the length is its.
        let message = unsafe { input::text(message, message_len, "message") };
        let code = Code::ALL.iter().find(|code| code.number() == status);
        match (message, code) {
            (Ok(message), Some(code)) => cr_error::into_raw(made(*code, message)),
            _ => std::ptr::null_mut(),
        }
    })
}

/// Makes a refusal with a reason, as a hook raises it: cr_error_new with CR_DENIED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_error_new_violation(reason: *const c_char, reason_len: usize) -> *mut cr_error {
    // SAFETY: the header's contract, handed on.
    unsafe { cr_error_new(cr_status::CR_DENIED as i32, reason, reason_len) }
}

/// A copy of an error; NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_error_clone(error: *const cr_error) -> *mut cr_error {
    // SAFETY: the header's contract: NULL or a live error.
    ask(unsafe { error.as_ref() }, std::ptr::null_mut(), |error| cr_error::into_raw(error.error.clone()))
}

/// The error of Checkrein behind this one: what ended a batch that is not atomic half-way. A copy, to be freed; NULL where
/// there is none, and for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_error_cause(error: *const cr_error) -> *mut cr_error {
    // SAFETY: the header's contract: NULL or a live error.
    ask(unsafe { error.as_ref() }, std::ptr::null_mut(), |error| {
        let behind = error.error.cause().and_then(Cause::as_error);
        let behind = behind.and_then(|cause| cause.downcast_ref::<Error>());
        behind.map_or(std::ptr::null_mut(), |behind| cr_error::into_raw(behind.clone()))
    })
}

/// Lets an error go, with every text that was asked of it. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_error_free(error: *mut cr_error) {
    guard::infallible((), || {
        if !error.is_null() {
            // SAFETY: the header's contract: given by this library, and freed once.
            drop(unsafe { Box::from_raw(error) });
        }
    });
}

fn ask<'a, T>(error: Option<&'a cr_error>, otherwise: T, get: impl FnOnce(&'a cr_error) -> T) -> T {
    match error {
        Some(error) => guard::infallible(otherwise, || get(error)),
        None => otherwise,
    }
}

fn made(code: Code, message: &str) -> Error {
    let message = message.to_owned();
    let violation = |kind| PolicyViolation { kind, ..PolicyViolation::new(message.clone()) }.into();
    match (code, code.class()) {
        (Code::HookFailed, _) => violation(ViolationKind::HookFailed),
        (Code::Abandoned, _) => violation(ViolationKind::Abandoned),
        (Code::AuditFailed, _) => violation(ViolationKind::AuditFailed),
        (Code::RateLimited, _) => violation(ViolationKind::RateLimited(RateLimitExceeded {
            limit: String::new(),
            scope: String::new(),
            retry_after: std::time::Duration::ZERO,
        })),
        (_, Class::Violation) => violation(ViolationKind::Denied),
        (_, Class::Pattern) => PatternError { pattern: String::new(), position: 0, message }.into(),
        (_, Class::Config) => Error::Config(message),
        (code, Class::Store) => StoreError { message, code, applied: None, cause: None }.into(),
        (code, Class::Usage) => Error::Usage(UsageError { message, code }),
        _ => Error::Internal(message),
    }
}

fn code_word(code: Code) -> cr_str {
    cr_str::terminated(match code {
        Code::Denied => "denied\0",
        Code::HookFailed => "hook_failed\0",
        Code::RateLimited => "rate_limited\0",
        Code::Abandoned => "abandoned\0",
        Code::AuditFailed => "audit_failed\0",
        Code::Pattern => "pattern\0",
        Code::Config => "config\0",
        Code::Store => "store\0",
        Code::StoreLocked => "store_locked\0",
        Code::StoreDamaged => "store_damaged\0",
        Code::StoreFull => "store_full\0",
        Code::StoreClosed => "store_closed\0",
        Code::StorePartial => "store_partial\0",
        Code::Usage => "usage\0",
        Code::NestingLimit => "nesting_limit\0",
        Code::OpenLimit => "open_limit\0",
        _ => "internal\0",
    })
}

fn class_word(class: Class) -> cr_str {
    cr_str::terminated(match class {
        Class::Violation => "PolicyViolation\0",
        Class::RateLimit => "RateLimitExceeded\0",
        Class::Pattern => "PatternError\0",
        Class::Config => "ConfigError\0",
        Class::Store => "StoreError\0",
        Class::Usage => "UsageError\0",
        _ => "CheckreinError\0",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: cr_str) -> &'static str {
        // SAFETY: the words are constants.
        unsafe { std::ffi::CStr::from_ptr(text.data) }.to_str().unwrap()
    }

    #[test]
    fn the_words_are_those_of_the_core() {
        for code in Code::ALL {
            assert_eq!(read(code_word(*code)), code.as_str());
            assert_eq!(read(class_word(code.class())), code.class().as_str());
            let error = made(*code, "why");
            assert_eq!(error.code(), *code);
            assert!(error.to_string().contains("why"), "{error}");
        }
    }
}
