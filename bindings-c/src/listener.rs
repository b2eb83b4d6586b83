//! Who is told of refusals: functions of the host, or what it keeps by number.

use std::ffi::c_void;
use std::sync::Arc;

use checkrein::engine::ListenerId;
use checkrein::error::Cause;
use checkrein::operation::{NotifyCall, Reply};
use checkrein::{Error, Result};

use crate::engine::cr_engine;
use crate::hook::HostId;
use crate::user_data::{UserData, cr_drop_fn};
use crate::{cr_error, cr_status, drive, guard, input};

/// Takes a refusal and says whether that worked: 0 is a failure, which is logged. The refusal stands whatever it does. It
/// is called in the thread that drives the operation, before the caller gets the error; by several threads at once. It
/// may use the engine, and must not throw or jump out. The error lives until it returns.
pub type cr_denied_fn = Option<unsafe extern "C" fn(user_data: *mut c_void, error: *const cr_error) -> i32>;

/// Who is told of refusals. The library owns `user_data` from the call on that it is given to, one that fails included,
/// and calls `drop` with its last use.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct cr_listener {
    /// `sizeof(cr_listener)`.
    pub size: usize,
    /// Takes a refusal.
    pub denied: cr_denied_fn,
    /// Handed to `denied`; may be NULL.
    pub user_data: *mut c_void,
    /// Lets `user_data` go; may be NULL.
    pub drop: cr_drop_fn,
}

/// A listener as the engine keeps it.
pub(crate) enum Listener {
    /// A function in this process.
    Function(unsafe extern "C" fn(*mut c_void, *const cr_error) -> i32, UserData),
    /// Something that the host knows by number.
    Id(HostId),
}

/// Has a function told of every refusal, with the error that the caller gets; of a key that a scan leaves out, and of an
/// operation that is let go, it is not told. `handle` may be NULL; else it gets the number for cr_engine_remove_listener.
///
/// Errors: CR_USAGE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_engine_on_denied(
    engine: *const cr_engine,
    listener: *const cr_listener,
    handle: *mut u64,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid.
    unsafe {
        guard::fallible(error, || {
            // First, so that what it holds is let go whatever fails.
            let listener = Listener::take(listener)?;
            add(engine, listener, handle)
        })
    }
}

/// cr_engine_on_denied for a listener that the host keeps itself: operations in steps ask for it by `host_id`
/// (CR_STEP_NOTIFY), and cr_engine_take_released gives the number back when none can any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_engine_on_denied_id(
    engine: *const cr_engine,
    host_id: u64,
    handle: *mut u64,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid.
    unsafe {
        guard::fallible(error, || {
            let released = &input::borrowed(engine, "engine")?.released;
            add(engine, Listener::Id(HostId::new(host_id, released)), handle)
        })
    }
}

/// Removes a listener by its handle. Operations that have started still tell it. `removed` may be NULL; else it gets
/// whether the listener was there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_engine_remove_listener(
    engine: *const cr_engine,
    handle: u64,
    removed: *mut bool,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid.
    unsafe {
        guard::fallible(error, || {
            let was_there = input::borrowed(engine, "engine")?.core.remove_listener(ListenerId(handle));
            if !removed.is_null() {
                removed.write(was_there);
            }
            Ok(())
        })
    }
}

/// # Safety
/// The pointers are NULL or valid.
unsafe fn add(engine: *const cr_engine, listener: Listener, handle: *mut u64) -> Result<()> {
    // SAFETY: as promised by the caller.
    unsafe {
        let id = input::borrowed(engine, "engine")?.core.on_denied(Arc::new(listener));
        if !handle.is_null() {
            handle.write(id.0);
        }
        Ok(())
    }
}

impl Listener {
    /// Takes a listener over, where this fails too.
    ///
    /// # Safety
    /// `listener` is NULL or points to a struct that holds to the header.
    unsafe fn take(listener: *const cr_listener) -> Result<Self> {
        // SAFETY: as promised by the caller.
        let listener = unsafe { input::borrowed(listener, "listener") }?;
        input::checked_size::<cr_listener>(listener.size, "listener")?;
        let user_data = UserData::new(listener.user_data, listener.drop);
        let denied =
            listener.denied.ok_or_else(|| Error::usage("`listener->denied` is NULL: give a function"))?;
        Ok(Listener::Function(denied, user_data))
    }

    /// The host's number of the listener that is to be told; 0 where it is no number.
    pub(crate) fn id_in(call: &NotifyCall<'_>) -> u64 {
        match call.listener.downcast_ref::<Listener>() {
            Some(Listener::Id(host)) => host.id,
            _ => 0,
        }
    }
}

/// Tells a listener; nothing where that is the host's to do.
pub(crate) fn notify(call: &NotifyCall<'_>) -> Option<Reply> {
    match call.listener.downcast_ref::<Listener>() {
        Some(Listener::Function(denied, user_data)) => {
            let error = cr_error::boxed(call.error.clone());
            let told = drive::nested(call.depth, || {
                // SAFETY: the host gave the function with this data; the error lives until it returns.
                unsafe { denied(user_data.pointer(), &raw const *error) }
            });
            Some(if told != 0 { Reply::Logged } else { Reply::LogFailed(Cause::named("listener")) })
        }
        Some(Listener::Id(_)) => None,
        None => Some(Reply::LogFailed(Cause::named("a listener of another language"))),
    }
}
