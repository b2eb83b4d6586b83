//! Rate limits: adding them and seeing how they stand.

use std::ffi::c_char;

use checkrein::limit::{LimitStatus, RateLimit, RateLimitOptions};

use crate::context::cr_context;
use crate::engine::cr_engine;
use crate::text::{Lazy, cr_str};
use crate::{cr_error, cr_status, guard, input};

/// `max_per_second` is given, though it is 0.
pub const CR_LIMIT_MAX_PER_SECOND: u32 = 1;
/// `max_per_minute` is given, though it is 0.
pub const CR_LIMIT_MAX_PER_MINUTE: u32 = 2;
/// `max_per_hour` is given, though it is 0.
pub const CR_LIMIT_MAX_PER_HOUR: u32 = 4;
/// `burst` is given, though it is 0.
pub const CR_LIMIT_BURST: u32 = 8;
/// `max_keys` is given, though it is 0.
pub const CR_LIMIT_MAX_KEYS: u32 = 16;

/// A rate limit: a bucket of tokens. A number that is 0, and a text that is NULL, is not given.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct cr_rate_limit {
    /// `sizeof(cr_rate_limit)`.
    pub size: usize,
    /// CR_LIMIT_ bits of numbers that count although they are 0, for drivers that hand on what their users wrote.
    pub given: u32,
    /// Tokens a second. Exactly one of the three is given.
    pub max_per_second: u64,
    /// Tokens a minute.
    pub max_per_minute: u64,
    /// Tokens an hour.
    pub max_per_hour: u64,
    /// How many tokens the bucket holds. Default: as many as the rate gives in its period.
    pub burst: u64,
    /// How many keys have a bucket of their own at one time. Default: 1,000,000.
    pub max_keys: u64,
    /// `global` (the default) or the context key that has a bucket for each of its values.
    pub scope: *const c_char,
    /// The length of `scope`, or CR_NUL.
    pub scope_len: usize,
    /// `operations` (the default) or `attempts`.
    pub count: *const c_char,
    /// The length of `count`, or CR_NUL.
    pub count_len: usize,
}

/// How the limits that apply to an operation stand, at one moment.
pub struct cr_limit_list(Vec<Standing>);

struct Standing {
    status: LimitStatus,
    limit: Lazy,
    scope: Lazy,
    operation: Lazy,
    count: Lazy,
}

/// How one limit stands. Texts live as long as the list.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct cr_limit_status {
    /// The limit, as people read it: `write 100/minute per agent_id`.
    pub limit: cr_str,
    /// What the limit is for: `read`, `write`, `delete` or `all`.
    pub operation: cr_str,
    /// `global` or the context key.
    pub scope: cr_str,
    /// `operations` or `attempts`.
    pub count: cr_str,
    /// How many tokens the full bucket holds.
    pub capacity: u64,
    /// How many whole tokens are in it.
    pub remaining: u64,
    /// Nanoseconds until a token can be taken; 0 where one can be now.
    pub retry_after_ns: u64,
    /// Nanoseconds until the bucket is full; 0 where it is.
    pub full_after_ns: u64,
    /// Not zero where this is the overflow bucket, shared by the keys for which there was no room.
    pub overflow: i32,
}

/// Adds a rate limit for `read`, `write`, `delete` or `all`, with buckets of its own. A length may be CR_NUL. One that
/// fails is remembered, as for cr_engine_add_hook.
///
/// Errors: CR_CONFIG for an unknown operation and a limit out of range.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_engine_add_rate_limit(
    engine: *const cr_engine,
    operation: *const c_char,
    operation_len: usize,
    limit: *const cr_rate_limit,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid, and the lengths are theirs.
    unsafe {
        guard::fallible(error, || {
            let engine = input::borrowed(engine, "engine")?;
            let prepared = (|| Ok((input::text(operation, operation_len, "operation")?, declared(limit)?)))();
            let (operation, limit) = prepared.inspect_err(|fault| engine.core.remember(fault))?;
            engine.core.add_rate_limit(operation, &limit)
        })
    }
}

/// How every limit that applies to an operation stands for a context (NULL: an empty one); spends nothing. Free the
/// list with cr_limit_list_free.
///
/// Errors: CR_CONFIG for an unknown operation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_engine_rate_limit_status(
    engine: *const cr_engine,
    operation: *const c_char,
    operation_len: usize,
    context: *const cr_context,
    out: *mut *mut cr_limit_list,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid, and the lengths are theirs.
    unsafe {
        guard::fallible(error, || {
            let out = input::place(out, "out")?;
            let engine = input::borrowed(engine, "engine")?;
            let operation = input::text(operation, operation_len, "operation")?;
            let context = crate::context::said(context)?;
            let all = engine.core.rate_limit_status(operation, context)?;
            let all = all.into_iter().map(Standing::from).collect();
            out.write(Box::into_raw(Box::new(cr_limit_list(all))));
            Ok(())
        })
    }
}

/// How many limits there are; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_limit_list_len(list: *const cr_limit_list) -> usize {
    // SAFETY: the header's contract: NULL or a live list.
    guard::infallible(0, || unsafe { list.as_ref() }.map_or(0, |list| list.0.len()))
}

/// How the limit at a place stands; false past the end, and for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_limit_list_at(
    list: *const cr_limit_list,
    index: usize,
    out: *mut cr_limit_status,
) -> bool {
    guard::infallible(false, || {
        // SAFETY: the header's contract: the pointers are NULL or valid.
        unsafe {
            let Some(standing) = list.as_ref().and_then(|list| list.0.get(index)) else { return false };
            if !out.is_null() {
                out.write(standing.shown());
            }
            true
        }
    })
}

/// Lets a list go, with its texts. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_limit_list_free(list: *mut cr_limit_list) {
    guard::infallible((), || {
        if !list.is_null() {
            // SAFETY: the header's contract: given by this library, and freed once.
            drop(unsafe { Box::from_raw(list) });
        }
    });
}

impl From<LimitStatus> for Standing {
    fn from(status: LimitStatus) -> Self {
        Standing {
            status,
            limit: Lazy::default(),
            scope: Lazy::default(),
            operation: Lazy::default(),
            count: Lazy::default(),
        }
    }
}

impl Standing {
    fn shown(&self) -> cr_limit_status {
        let status = &self.status;
        cr_limit_status {
            limit: self.limit.get_some(Some(&status.limit)),
            operation: self.operation.get_some(Some(status.operation.as_str())),
            scope: self.scope.get_some(Some(&status.scope)),
            count: self.count.get_some(Some(status.count.as_str())),
            capacity: status.capacity,
            remaining: status.remaining,
            retry_after_ns: status.retry_after_ns,
            full_after_ns: status.full_after_ns,
            overflow: status.overflow.into(),
        }
    }
}

/// # Safety
/// `limit` is NULL or points to a struct that holds to the header.
unsafe fn declared(limit: *const cr_rate_limit) -> checkrein::Result<RateLimit> {
    // SAFETY: as promised by the caller.
    unsafe {
        let limit = input::borrowed(limit, "limit")?;
        input::checked_size::<cr_rate_limit>(limit.size, "limit")?;
        let number = |value: u64, bit: u32| (value != 0 || limit.given & bit != 0).then_some(value);
        RateLimit::from_options(&RateLimitOptions {
            max_per_second: number(limit.max_per_second, CR_LIMIT_MAX_PER_SECOND),
            max_per_minute: number(limit.max_per_minute, CR_LIMIT_MAX_PER_MINUTE),
            max_per_hour: number(limit.max_per_hour, CR_LIMIT_MAX_PER_HOUR),
            burst: number(limit.burst, CR_LIMIT_BURST),
            max_keys: number(limit.max_keys, CR_LIMIT_MAX_KEYS),
            scope: input::optional_text(limit.scope, limit.scope_len, "limit->scope")?,
            count: input::optional_text(limit.count, limit.count_len, "limit->count")?,
        })
    }
}
