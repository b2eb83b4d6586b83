//! The way into the library: errors become a status and an object, panics never leave.

use std::panic::{AssertUnwindSafe, catch_unwind};

use checkrein::{Error, Result};

use crate::{cr_error, cr_status};

/// The error that a caught panic becomes.
pub(crate) fn caught() -> Error {
    Error::Internal("a panic was caught: please report it".to_owned())
}

/// Runs the body of an exported function that may fail.
///
/// # Safety
/// `error` is NULL or may be written.
pub(crate) unsafe fn fallible(error: *mut *mut cr_error, run: impl FnOnce() -> Result<()>) -> cr_status {
    // What a panic leaves half-done is dropped with the closure; handles stay usable.
    match catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| Err(caught())) {
        Ok(()) => cr_status::CR_OK,
        // SAFETY: as promised by the caller.
        Err(failure) => unsafe { give(error, failure) },
    }
}

/// Runs the body of an exported function that cannot fail, with what it gives where it panics.
pub(crate) fn infallible<T>(otherwise: T, run: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or(otherwise)
}

/// Hands an error over to the caller.
///
/// # Safety
/// `out` is NULL or may be written.
unsafe fn give(out: *mut *mut cr_error, error: Error) -> cr_status {
    let status = cr_status::from(&error);
    if !out.is_null() {
        // SAFETY: not NULL, and writable as promised by the caller.
        unsafe { out.write(cr_error::into_raw(error)) };
    }
    status
}
