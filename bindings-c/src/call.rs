//! Whole operations in one call: hooks, store and logger are functions of the process.

use std::borrow::Cow;

use checkrein::context::Context;
use checkrein::operation::{Ask, Outcome, Request};
use checkrein::{Error, Result};

use crate::context::{NOTHING, cr_context, said};
use crate::drive::{self, Asks};
use crate::engine::cr_engine;
use crate::{bytes, cr_error, cr_status, guard, input};

/// Sets a key to a value, if hooks and limits allow it. `context` may be NULL. Hooks run in this thread; an operation
/// that one starts counts as nested in this one, and 17 deep is refused.
///
/// Errors: CR_DENIED, CR_HOOK_FAILED and CR_RATE_LIMITED where it was refused (see cr_error_applied); the store codes;
/// CR_USAGE, CR_NESTING_LIMIT, CR_OPEN_LIMIT; the code of a registration that failed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_engine_put(
    engine: *const cr_engine,
    key: *const u8,
    key_len: usize,
    value: *const u8,
    value_len: usize,
    context: *const cr_context,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid, and the lengths are theirs.
    unsafe {
        guard::fallible(error, || {
            let engine = input::borrowed(engine, "engine")?;
            let (key, value) = (input::bytes(key, key_len, "key")?, input::bytes(value, value_len, "value")?);
            one(engine, Request::write(key, value, &NOTHING), said(context)).map(|_| ())
        })
    }
}

/// The value of a key, as the hooks leave it: `*value` is NULL where there is none. Give the bytes to cr_bytes_free.
///
/// Errors: as cr_engine_put.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_engine_get(
    engine: *const cr_engine,
    key: *const u8,
    key_len: usize,
    context: *const cr_context,
    value: *mut *mut u8,
    value_len: *mut usize,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid, and the lengths are theirs.
    unsafe {
        guard::fallible(error, || {
            let (value, value_len) = (input::place(value, "value")?, input::place(value_len, "value_len")?);
            let engine = input::borrowed(engine, "engine")?;
            let outcome =
                one(engine, Request::read(input::bytes(key, key_len, "key")?, &NOTHING), said(context))?;
            let (data, len) = outcome.value.map_or((std::ptr::null_mut(), 0), bytes::give);
            value.write(data);
            value_len.write(len);
            Ok(())
        })
    }
}

/// Removes a key, if hooks and limits allow it; one that is not there is no error.
///
/// Errors: as cr_engine_put.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_engine_delete(
    engine: *const cr_engine,
    key: *const u8,
    key_len: usize,
    context: *const cr_context,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid, and the lengths are theirs.
    unsafe {
        guard::fallible(error, || {
            let engine = input::borrowed(engine, "engine")?;
            one(engine, Request::delete(input::bytes(key, key_len, "key")?, &NOTHING), said(context))
                .map(|_| ())
        })
    }
}

/// Brings an operation to its end in this thread. `fault` is what the caller gave and cannot be: it refuses it.
pub(crate) fn whole<'a>(engine: &cr_engine, request: impl Ask<'a>, fault: Option<Error>) -> Result<Outcome> {
    if let Some(fault) = fault {
        return Err(engine.core.reject(request, fault));
    }
    let mut operation = engine.core.start(request);
    while !drive::advance(engine, &mut operation, Asks::default()) {
        if !drive::refuse(engine, &mut operation) {
            break;
        }
    }
    operation.finish()
}

/// An operation on one key.
fn one(engine: &cr_engine, request: Request<'_>, said: Result<&Context>) -> Result<Outcome> {
    let request = request.at_depth(drive::depth());
    match said {
        Ok(context) => whole(engine, Request { context: Cow::Borrowed(context), ..request }, None),
        Err(fault) => whole(engine, request, Some(fault)),
    }
}
