//! A clock that a test moves by hand.

use std::sync::Arc;

use checkrein::ManualClock;

use crate::{cr_error, cr_status, guard, input};

/// A clock that stands still until it is moved, so that tests of time need no sleep. An engine that was made with it
/// keeps it alive. May be used by several threads at once.
pub struct cr_manual_clock(pub(crate) Arc<ManualClock>);

/// Makes a clock that shows `wall_ns` nanoseconds since 1970-01-01 UTC, and zero as its monotonic reading. Free it
/// with cr_manual_clock_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_manual_clock_new(
    wall_ns: u64,
    out: *mut *mut cr_manual_clock,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid.
    unsafe {
        guard::fallible(error, || {
            let out = input::place(out, "out")?;
            out.write(Box::into_raw(Box::new(cr_manual_clock(ManualClock::new(wall_ns)))));
            Ok(())
        })
    }
}

/// Moves both readings on by `ns` nanoseconds.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_manual_clock_advance_ns(
    clock: *const cr_manual_clock,
    ns: u64,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid.
    unsafe {
        guard::fallible(error, || {
            input::borrowed(clock, "clock")?.0.advance_ns(ns);
            Ok(())
        })
    }
}

/// Sets the wall reading alone, as when an administrator sets the machine's clock.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_manual_clock_set_wall_ns(
    clock: *const cr_manual_clock,
    wall_ns: u64,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid.
    unsafe {
        guard::fallible(error, || {
            input::borrowed(clock, "clock")?.0.set_wall_ns(wall_ns);
            Ok(())
        })
    }
}

/// Lets the handle go. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_manual_clock_free(clock: *mut cr_manual_clock) {
    guard::infallible((), || {
        if !clock.is_null() {
            // SAFETY: the header's contract: made by cr_manual_clock_new, and freed once.
            drop(unsafe { Box::from_raw(clock) });
        }
    });
}
