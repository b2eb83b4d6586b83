//! Registering hooks and letting them go.

use std::ffi::c_char;
use std::mem::MaybeUninit;

use checkrein::error::PatternError;
use checkrein::hook::HookId;
use checkrein::{Error, Result};

use crate::answer::lossy;
use crate::engine::cr_engine;
use crate::hook::{
    self, CR_AFTER_DELETE, CR_AFTER_READ, CR_AFTER_WRITE, CR_BEFORE_DELETE, CR_BEFORE_READ, CR_BEFORE_WRITE,
    cr_hook, cr_trigger,
};
use crate::{cr_error, cr_status, guard, input};

/// Registers a hook at a trigger, for the keys that a glob matches (docs/globs.md). Operations that have started do
/// not see it. `handle` may be NULL; else it gets the number for cr_engine_remove. A length may be CR_NUL.
///
/// The library owns what the hook holds from this call on, one that fails included. An engine remembers a
/// registration that failed: it refuses every operation with that error until cr_engine_clear_registration_errors.
///
/// Errors: CR_PATTERN for a bad glob; CR_CONFIG for an unknown trigger and a helper that can mean nothing there;
/// CR_USAGE for a hook that is not well filled in.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_engine_add_hook(
    engine: *const cr_engine,
    trigger: cr_trigger,
    keys: *const c_char,
    keys_len: usize,
    hook: *const cr_hook,
    handle: *mut u64,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid, and the length is that of `keys`.
    unsafe {
        guard::fallible(error, || {
            let core = input::borrowed(engine, "engine");
            let released =
                core.as_ref().map(|engine| std::sync::Arc::clone(&engine.released)).unwrap_or_default();
            // Before anything else can fail, so that what the hook holds is always let go.
            let action = hook::action_of(hook, &released);
            let engine = core?;
            let prepared = (|| Ok((hook::trigger_of(trigger)?, pattern(keys, keys_len)?, action?)))();
            let (trigger, keys, action) = prepared.inspect_err(|fault| engine.core.remember(fault))?;
            let id = engine.core.add_hook(trigger, keys, action)?;
            if !handle.is_null() {
                handle.write(id.0);
            }
            Ok(())
        })
    }
}

/// cr_engine_add_hook for a hook that the host keeps itself: operations in steps ask for it by `host_id`, and
/// cr_engine_take_released gives the number back when none can any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_engine_add_hook_id(
    engine: *const cr_engine,
    trigger: cr_trigger,
    keys: *const c_char,
    keys_len: usize,
    host_id: u64,
    handle: *mut u64,
    error: *mut *mut cr_error,
) -> cr_status {
    let hook = cr_hook { kind: hook::CR_HOOK_ID, id: host_id, ..crate::helper::cr_helper_allow_all() };
    // SAFETY: the header's contract, handed on.
    unsafe { cr_engine_add_hook(engine, trigger, keys, keys_len, &raw const hook, handle, error) }
}

/// Asks a hook before keys are read: it may allow, deny or log. See cr_engine_add_hook.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_engine_before_read(
    engine: *const cr_engine,
    keys: *const c_char,
    keys_len: usize,
    hook: *const cr_hook,
    handle: *mut u64,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract, handed on.
    unsafe { cr_engine_add_hook(engine, CR_BEFORE_READ, keys, keys_len, hook, handle, error) }
}

/// Shows a hook what was read: it may redact (reply with a value) or hide (deny). See cr_engine_add_hook.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_engine_after_read(
    engine: *const cr_engine,
    keys: *const c_char,
    keys_len: usize,
    hook: *const cr_hook,
    handle: *mut u64,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract, handed on.
    unsafe { cr_engine_add_hook(engine, CR_AFTER_READ, keys, keys_len, hook, handle, error) }
}

/// Asks a hook before keys are written: it may reply anything. See cr_engine_add_hook.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_engine_before_write(
    engine: *const cr_engine,
    keys: *const c_char,
    keys_len: usize,
    hook: *const cr_hook,
    handle: *mut u64,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract, handed on.
    unsafe { cr_engine_add_hook(engine, CR_BEFORE_WRITE, keys, keys_len, hook, handle, error) }
}

/// Tells a hook what was written: it may allow or log. See cr_engine_add_hook.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_engine_after_write(
    engine: *const cr_engine,
    keys: *const c_char,
    keys_len: usize,
    hook: *const cr_hook,
    handle: *mut u64,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract, handed on.
    unsafe { cr_engine_add_hook(engine, CR_AFTER_WRITE, keys, keys_len, hook, handle, error) }
}

/// Asks a hook before keys are deleted: it may allow, deny or log. See cr_engine_add_hook.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_engine_before_delete(
    engine: *const cr_engine,
    keys: *const c_char,
    keys_len: usize,
    hook: *const cr_hook,
    handle: *mut u64,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract, handed on.
    unsafe { cr_engine_add_hook(engine, CR_BEFORE_DELETE, keys, keys_len, hook, handle, error) }
}

/// Tells a hook what was deleted: it may allow or log. See cr_engine_add_hook.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_engine_after_delete(
    engine: *const cr_engine,
    keys: *const c_char,
    keys_len: usize,
    hook: *const cr_hook,
    handle: *mut u64,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract, handed on.
    unsafe { cr_engine_add_hook(engine, CR_AFTER_DELETE, keys, keys_len, hook, handle, error) }
}

/// Removes a hook by its handle. Operations that have started still ask it. `removed` may be NULL; else it gets
/// whether the hook was there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_engine_remove(
    engine: *const cr_engine,
    handle: u64,
    removed: *mut bool,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid.
    unsafe {
        guard::fallible(error, || {
            let was_there = input::borrowed(engine, "engine")?.core.remove_hook(HookId(handle));
            if !removed.is_null() {
                removed.write(was_there);
            }
            Ok(())
        })
    }
}

/// Takes out the host's numbers of hooks and loggers that no operation can ask for any more, up to `capacity` of them,
/// and says how many; each is given once. 0 for NULL. A number may come while cr_engine_remove still runs.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_engine_take_released(
    engine: *const cr_engine,
    ids: *mut u64,
    capacity: usize,
) -> usize {
    guard::infallible(0, || {
        // SAFETY: the header's contract: `ids` is NULL or has room for `capacity` numbers.
        unsafe {
            let Some(engine) = engine.as_ref().filter(|_| !ids.is_null()) else { return 0 };
            let places = std::slice::from_raw_parts_mut(ids.cast::<MaybeUninit<u64>>(), capacity);
            engine.released.take(places)
        }
    })
}

/// A pattern; the core's are text.
///
/// # Safety
/// `keys` is NULL or valid, and the length is its.
unsafe fn pattern<'a>(keys: *const c_char, len: usize) -> Result<&'a str> {
    // SAFETY: as promised by the caller.
    let bytes = unsafe { input::text_bytes(keys, len, "keys") }?;
    std::str::from_utf8(bytes).map_err(|fault| {
        Error::from(PatternError {
            pattern: lossy(bytes),
            position: fault.valid_up_to(),
            message: "a pattern is UTF-8: match other bytes with `?` or a class".to_owned(),
        })
    })
}
