//! Sinks of the audit: functions of the host, or what it keeps by number.

use std::ffi::c_void;
use std::sync::Arc;

use checkrein::audit::SinkId;
use checkrein::error::Cause;
use checkrein::operation::{RecordCall, RecordTo, Reply};
use checkrein::policy;
use checkrein::{Error, Result};

use crate::audit::cr_audit_log;
use crate::drive::{self, Asks};
use crate::engine::cr_engine;
use crate::hook::HostId;
use crate::step::{cr_phase, phase_number};
use crate::user_data::{UserData, cr_drop_fn};
use crate::{cr_error, cr_status, guard, input};

/// Takes entries of the audit and says whether that worked: 0 is a failure. They are read with cr_audit_log_at and
/// cr_audit_log_json, and live until it returns: one entry, or one for each key of a batch or get-many, after those of
/// operations before it that ended without a driver. It is called in the thread that drives the operation, by several threads at once. It may use the engine, and must not throw or jump
/// out.
pub type cr_sink_fn = Option<
    unsafe extern "C" fn(user_data: *mut c_void, entries: *const cr_audit_log, phase: cr_phase) -> i32,
>;

/// A sink of the audit. The library owns `user_data` from the call on that it is given to, one that fails included, and
/// calls `drop` with its last use.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct cr_sink {
    /// `sizeof(cr_sink)`.
    pub size: usize,
    /// Takes entries.
    pub record: cr_sink_fn,
    /// Handed to `record`; may be NULL.
    pub user_data: *mut c_void,
    /// Lets `user_data` go; may be NULL.
    pub drop: cr_drop_fn,
    /// Not zero: strict. It is told before the store is asked as well (CR_PHASE_DECIDED), and where it fails then, the
    /// operation is refused. Default: a failure is logged and changes nothing.
    pub strict: i32,
}

/// A sink as the engine keeps it.
pub(crate) enum Sink {
    /// A function in this process.
    Function(unsafe extern "C" fn(*mut c_void, *const cr_audit_log, cr_phase) -> i32, UserData),
    /// Something that the host knows by number.
    Id(HostId),
}

/// Hands every entry of the audit to a function too, after the operation; turns the audit on where it is off. `handle`
/// may be NULL; else it gets the number for cr_engine_remove_audit_sink. Of an operation that is let go, or
/// refused before it starts, it is told with the next one.
///
/// Errors: CR_USAGE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_engine_add_audit_sink(
    engine: *const cr_engine,
    sink: *const cr_sink,
    handle: *mut u64,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid.
    unsafe {
        guard::fallible(error, || {
            // First, so that what it holds is let go whatever fails.
            let (sink, strict) = Sink::take(sink)?;
            add(engine, sink, strict, handle)
        })
    }
}

/// cr_engine_add_audit_sink for a sink that the host keeps itself: operations in steps ask for it by `host_id`
/// (CR_STEP_RECORD), and cr_engine_take_released gives the number back when none can any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_engine_add_audit_sink_id(
    engine: *const cr_engine,
    host_id: u64,
    strict: i32,
    handle: *mut u64,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid.
    unsafe {
        guard::fallible(error, || {
            let released = &input::borrowed(engine, "engine")?.released;
            add(engine, Sink::Id(HostId::new(host_id, released)), strict != 0, handle)
        })
    }
}

/// Removes a sink by its handle, a file too: what it was told is written first. Operations that have started still
/// tell it. `removed` may be NULL; else it gets whether the sink was there.
///
/// Errors: CR_STORE where a file could not be written; it is removed nevertheless.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_engine_remove_audit_sink(
    engine: *const cr_engine,
    handle: u64,
    removed: *mut bool,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid.
    unsafe {
        guard::fallible(error, || {
            let was_there = input::borrowed(engine, "engine")?.core.remove_audit_sink(SinkId(handle))?;
            if !removed.is_null() {
                removed.write(was_there);
            }
            Ok(())
        })
    }
}

/// Makes sure that every entry so far is in the audit's files.
///
/// Errors: CR_STORE of the first file that could not be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_engine_flush_audit(
    engine: *const cr_engine,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid.
    unsafe { guard::fallible(error, || input::borrowed(engine, "engine")?.core.flush_audit()) }
}

/// # Safety
/// The pointers are NULL or valid.
unsafe fn add(engine: *const cr_engine, sink: Sink, strict: bool, handle: *mut u64) -> Result<()> {
    // SAFETY: as promised by the caller.
    unsafe {
        let id = input::borrowed(engine, "engine")?.core.add_audit_sink(Arc::new(sink), strict)?;
        if !handle.is_null() {
            handle.write(id.0);
        }
        Ok(())
    }
}

impl Sink {
    /// Takes a sink over, where this fails too; and says whether it is strict.
    ///
    /// # Safety
    /// `sink` is NULL or points to a struct that holds to the header.
    unsafe fn take(sink: *const cr_sink) -> Result<(Self, bool)> {
        // SAFETY: as promised by the caller.
        let sink = unsafe { input::borrowed(sink, "sink") }?;
        input::checked_size::<cr_sink>(sink.size, "sink")?;
        let user_data = UserData::new(sink.user_data, sink.drop);
        let record = sink.record.ok_or_else(|| Error::usage("`sink->record` is NULL: give a function"))?;
        Ok((Sink::Function(record, user_data), sink.strict != 0))
    }

    /// The host's number of the sink that is to be told; 0 where it is no number.
    pub(crate) fn id_in(call: &RecordCall<'_>) -> u64 {
        match of(call) {
            Some(Sink::Id(host)) => host.id,
            _ => 0,
        }
    }
}

fn of<'o>(call: &RecordCall<'o>) -> Option<&'o Sink> {
    match call.sink {
        RecordTo::Host(object) => object.downcast_ref::<Sink>(),
        RecordTo::File(_) => None,
    }
}

/// Hands entries to their sink; nothing where that is the driver's to do.
pub(crate) fn record(call: &RecordCall<'_>, asks: Asks) -> Option<Reply> {
    if let RecordTo::File(_) = call.sink {
        return if asks.blocking_store { None } else { policy::record(call) };
    }
    match of(call) {
        Some(Sink::Function(record, user_data)) => {
            let entries = cr_audit_log::of(call.entries.to_vec());
            let told = drive::nested(call.depth, || {
                // SAFETY: the host gave the function with this data; the entries live until it returns.
                unsafe { record(user_data.pointer(), &raw const entries, phase_number(call.phase)) }
            });
            Some(if told != 0 { Reply::Recorded } else { Reply::RecordFailed(Cause::named("sink")) })
        }
        Some(Sink::Id(_)) => None,
        None => Some(Reply::RecordFailed(Cause::named("a sink of another language"))),
    }
}
