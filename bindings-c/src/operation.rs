//! Operations in steps: they run as far as this process can take them, and ask the host for the rest.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use checkrein::clock::Time;
use checkrein::context::Context;
use checkrein::error::Cause;
use checkrein::operation::{Operation, Outcome, Reply, Request, Step, StoreCall};
use checkrein::{Error, Result, policy};

use crate::context::{self, NOTHING, cr_context};
use crate::drive::{self, Asks};
use crate::engine::{Store, cr_engine};
use crate::hook::{self, Callable, LogTarget};
use crate::logger::level_number;
use crate::reply::{Parts, cr_answer_kind, cr_reply_kind};
use crate::step::{
    self, CR_STEP_CALL_HOOK, CR_STEP_DONE, CR_STEP_LOG, CR_STEP_STORE_DELETE, CR_STEP_STORE_GET,
    CR_STEP_STORE_PUT, bytes_of, cr_kind, cr_step,
};
use crate::text::Text;
use crate::{bytes, cr_error, cr_status, guard, input, packed};

/// An operation that waits for its driver. It may go from thread to thread, and be used by one at a time. It ends with
/// CR_STEP_DONE, cr_operation_finish or cr_operation_free.
pub struct cr_operation {
    operation: Operation<'static>,
    engine: Arc<cr_engine>,
    asks: Asks,
    /// What the last CR_STEP_LOG said.
    message: Option<Text>,
    /// What the last CR_STEP_CALL_HOOK showed of the operation's context.
    context: Option<Box<cr_context>>,
}

/// Show store steps of a database that may wait for the disk, rather than perform them: the driver picks the thread
/// and calls cr_operation_perform_store.
pub const CR_ASK_BLOCKING_STORE: u32 = 1;
/// Show what the engine's own logger would be told, rather than tell it.
pub const CR_ASK_LOG: u32 = 2;

/// What is asked of an engine. Zero is the default of every field but `size` and `kind`.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct cr_request {
    /// `sizeof(cr_request)`.
    pub size: usize,
    /// CR_READ, CR_WRITE or CR_DELETE.
    pub kind: cr_kind,
    /// CR_ASK_ bits: what the driver performs itself.
    pub flags: u32,
    /// The key.
    pub key: *const u8,
    /// The key's length.
    pub key_len: usize,
    /// CR_WRITE: the value.
    pub value: *const u8,
    /// The value's length.
    pub value_len: usize,
    /// Who acts; may be NULL.
    pub context: *const cr_context,
    /// Zero, or the depth that the step or call said from inside whose hook the operation is started.
    pub depth: u32,
}

/// Starts an operation and runs it as far as this process can take it. Everything of the request is copied where the
/// operation outlives the call. Returns what stands in `step->status`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_operation_start(
    engine: *const cr_engine,
    request: *const cr_request,
    step: *mut cr_step,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid, and the lengths are theirs.
    unsafe {
        shown(step, || {
            let given = input::borrowed(request, "request")?;
            input::checked_size::<cr_request>(given.size, "request")?;
            let request = Asked {
                kind: given.kind,
                key: (given.key, given.key_len),
                value: (given.value, given.value_len),
            };
            let context = context::said(given.context);
            begin(engine, request, context, given.depth, given.flags, (std::ptr::null_mut(), 0))
        })
    }
}

/// cr_operation_start for languages in which a call into C is dear: everything in one call, without structs and
/// handles. The context is `packed`, entry by entry: one byte for the kind (a CR_VALUE_ constant), the name's and the
/// value's length as 32-bit little-endian integers, the name, the value. A boolean is one byte, 0 or 1; an integer is
/// eight, little-endian; a fault is its message. A value that was read and fits into `buffer` stands there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_operation_run(
    engine: *const cr_engine,
    kind: cr_kind,
    flags: u32,
    depth: u32,
    key: *const u8,
    key_len: usize,
    value: *const u8,
    value_len: usize,
    packed: *const u8,
    packed_len: usize,
    buffer: *mut u8,
    buffer_len: usize,
    step: *mut cr_step,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid, and the lengths are theirs.
    unsafe {
        shown(step, || {
            let context = packed::unpack(input::bytes(packed, packed_len, "packed")?);
            let request = Asked { kind, key: (key, key_len), value: (value, value_len) };
            begin(engine, request, context.as_ref().map_err(Error::clone), depth, flags, (buffer, buffer_len))
        })
    }
}

/// Shows the step that is pending once more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_operation_step(operation: *mut cr_operation, step: *mut cr_step) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid, and nobody else uses the operation.
    unsafe { with(operation, step, |_| Ok(None)) }
}

/// Replies to CR_STEP_CALL_HOOK and goes on to the next step. What `bytes`, `token` and `raised` say depends on the
/// kind, see the CR_ANSWER_ constants; `raised` is taken over in every case. A reply that does not fit the step ends
/// the operation as refused, with CR_USAGE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_operation_answer(
    operation: *mut cr_operation,
    kind: cr_answer_kind,
    bytes: *const u8,
    bytes_len: usize,
    token: u64,
    raised: *mut cr_error,
    step: *mut cr_step,
) -> cr_status {
    // SAFETY: the header's contract, as above; `raised` is the caller's to give.
    unsafe {
        let parts = Parts::new(kind, bytes, bytes_len, token, raised);
        with(operation, step, |_| Ok(Some(Reply::Answer(parts?.answer()))))
    }
}

/// Replies to CR_STEP_STORE_GET, CR_STEP_STORE_PUT or CR_STEP_STORE_DELETE and goes on to the next step. See the
/// CR_REPLY_ constants, and cr_operation_answer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_operation_store(
    operation: *mut cr_operation,
    kind: cr_reply_kind,
    bytes: *const u8,
    bytes_len: usize,
    token: u64,
    raised: *mut cr_error,
    step: *mut cr_step,
) -> cr_status {
    // SAFETY: the header's contract, as above; `raised` is the caller's to give.
    unsafe {
        let parts = Parts::new(kind, bytes, bytes_len, token, raised);
        with(operation, step, |_| Ok(Some(Reply::Store(parts?.store_reply()))))
    }
}

/// Performs the store step that is pending on the engine's own database or store, in this thread, and goes on to the
/// next step.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_operation_perform_store(
    operation: *mut cr_operation,
    step: *mut cr_step,
) -> cr_status {
    // SAFETY: the header's contract, as above.
    unsafe {
        with(operation, step, |operation| {
            let now = drive::now(&operation.engine, &operation.operation);
            let Step::Store(call) = operation.operation.step(now) else {
                return Err(Error::usage(
                    "no store step is pending: cr_operation_perform_store does not fit",
                ));
            };
            match &operation.engine.store {
                Store::Database(database) => Ok(Some(Reply::Store(policy::perform(database, &call)))),
                Store::Functions(store) => Ok(Some(Reply::Store(store.perform(&call)))),
                Store::Steps => {
                    Err(Error::usage("the engine has no store: perform the step, then reply to it"))
                }
            }
        })
    }
}

/// Replies to CR_STEP_LOG and goes on to the next step. Zero for `told` says that the logger failed, with an error of
/// the type `type_name` (may be NULL); `token` as for CR_ANSWER_FOREIGN.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_operation_logged(
    operation: *mut cr_operation,
    told: i32,
    type_name: *const u8,
    type_name_len: usize,
    token: u64,
    step: *mut cr_step,
) -> cr_status {
    // SAFETY: the header's contract, as above.
    unsafe {
        let name = input::bytes(type_name, type_name_len, "type_name");
        with(operation, step, |_| {
            let cause: Cause = crate::token::cause(crate::token::type_name(name?)?, token);
            Ok(Some(if told != 0 { Reply::Logged } else { Reply::LogFailed(cause) }))
        })
    }
}

/// Ends an operation and gives its outcome as CR_STEP_DONE: CR_ABANDONED where it was not done. For drivers that meet a
/// step they do not know.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_operation_finish(operation: *mut cr_operation, step: *mut cr_step) -> cr_status {
    // SAFETY: the header's contract, as above.
    unsafe {
        shown(step, || {
            input::place(operation, "operation")?;
            let owned = *Box::from_raw(operation);
            Ok(done(owned.operation.finish(), (std::ptr::null_mut(), 0)))
        })
    }
}

/// Lets go of an operation that its driver does not bring to its end: refused, or `unknown` once the store was asked;
/// the audit says `abandoned`. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_operation_free(operation: *mut cr_operation) {
    guard::infallible((), || {
        if !operation.is_null() {
            // SAFETY: the header's contract: the caller's, and freed once.
            drop(unsafe { Box::from_raw(operation) });
        }
    });
}

/// Kind, key and value as C gave them.
struct Asked {
    kind: cr_kind,
    key: (*const u8, usize),
    value: (*const u8, usize),
}

/// # Safety
/// The pointers hold to the header.
unsafe fn begin(
    engine: *const cr_engine,
    parts: Asked,
    context: Result<&Context>,
    depth: u32,
    flags: u32,
    buffer: (*mut u8, usize),
) -> Result<cr_step> {
    // SAFETY: as promised by the caller.
    let (handle, key, value) = unsafe {
        let handle = input::borrowed(engine, "engine")?;
        let key = input::bytes(parts.key.0, parts.key.1, "key")?;
        (handle, key, input::bytes(parts.value.0, parts.value.1, "value")?)
    };
    if flags & !(CR_ASK_BLOCKING_STORE | CR_ASK_LOG) != 0 {
        return Err(Error::usage(format!("`flags` is {flags:#x}: only the CR_ASK_ bits are known")));
    }
    let asks = Asks { blocking_store: flags & CR_ASK_BLOCKING_STORE != 0, log: flags & CR_ASK_LOG != 0 };
    let kind = step::kind_of(parts.kind)?;
    let request = Request {
        value: (kind == checkrein::operation::Kind::Write || !value.is_empty())
            .then_some(Cow::Borrowed(value)),
        kind,
        ..Request::read(key, context.as_ref().map_or(&NOTHING, |context| context))
    };
    if let Err(fault) = context {
        return Err(drive::reject(handle, request, fault));
    }
    let mut operation = handle.core.start(request.at_depth(depth.max(drive::depth())));
    if drive::advance(handle, &mut operation, asks) {
        return Ok(done(operation.finish(), buffer));
    }
    let operation = operation.into_owned();
    // SAFETY: the handle lives as promised by the caller.
    let engine = unsafe { cr_engine::share(engine) };
    go_on(Box::new(cr_operation { operation, engine, asks, message: None, context: None }))
}

/// Runs an operation to its end or to the next step that is the host's.
fn go_on(mut handle: Box<cr_operation>) -> Result<cr_step> {
    let cr_operation { operation, engine, asks, .. } = &mut *handle;
    if drive::advance(engine, operation, *asks) {
        let owned = *handle;
        return Ok(done(owned.operation.finish(), (std::ptr::null_mut(), 0)));
    }
    let step = show(&mut handle);
    Ok(cr_step { operation: Box::into_raw(handle), ..step })
}

/// Applies a driver's reply, if it has one, and goes on.
///
/// # Safety
/// The pointers hold to the header.
unsafe fn with(
    operation: *mut cr_operation,
    step: *mut cr_step,
    reply: impl FnOnce(&mut cr_operation) -> Result<Option<Reply>>,
) -> cr_status {
    // SAFETY: as promised by the caller.
    unsafe {
        shown(step, || {
            input::place(operation, "operation")?;
            let mut handle = Box::from_raw(operation);
            // A reply that is none drops the operation here, which refuses it.
            if let Some(reply) = reply(&mut handle)? {
                // The next step reads the clock, where the time matters.
                handle.operation.resume(reply)?;
            }
            go_on(handle)
        })
    }
}

/// Fills in the caller's step, whatever happens.
///
/// # Safety
/// `step` is NULL or may be read and written.
unsafe fn shown(step: *mut cr_step, run: impl FnOnce() -> Result<cr_step>) -> cr_status {
    // SAFETY: as promised by the caller.
    let Some(place) = (unsafe { step::place(step) }) else { return cr_status::CR_USAGE };
    let filled = catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| Err(guard::caught()));
    let filled = filled.unwrap_or_else(cr_step::failed);
    // SAFETY: the place was checked.
    unsafe { place.write(filled) };
    filled.status
}

/// The end of an operation; its value goes to the buffer where it fits.
fn done(outcome: Result<Outcome>, buffer: (*mut u8, usize)) -> cr_step {
    let end = cr_step::of_kind(CR_STEP_DONE);
    match outcome {
        Err(error) => cr_step::failed(error),
        Ok(Outcome { value: None }) => end,
        Ok(Outcome { value: Some(value) }) if !buffer.0.is_null() && value.len() <= buffer.1 => {
            // SAFETY: the header's contract: the buffer has that much room, and is not the library's.
            unsafe { std::ptr::copy_nonoverlapping(value.as_ptr(), buffer.0, value.len()) };
            cr_step { value: buffer.0, value_len: value.len(), ..end }
        }
        Ok(Outcome { value: Some(value) }) => {
            let (data, len) = bytes::give(value);
            cr_step { value: data, value_len: len, value_is_owned: 1, ..end }
        }
    }
}

/// The step that is pending, as C sees it.
fn show(handle: &mut cr_operation) -> cr_step {
    let now = drive::now(&handle.engine, &handle.operation);
    match handle.operation.step(now) {
        Step::CallHook(call) => {
            // SAFETY: the view is replaced or dropped no later than the operation.
            let view = Box::new(unsafe { cr_context::view(call.context) });
            let (key, key_len) = bytes_of(call.key);
            let (value, value_len) = call.value.map_or((std::ptr::null(), 0), bytes_of);
            let id = match call.callable.downcast_ref::<Callable>() {
                Some(Callable::Id(host)) => host.id,
                _ => 0,
            };
            cr_step {
                id,
                key,
                key_len,
                value,
                value_len,
                trigger: hook::trigger_number(call.trigger),
                depth: call.depth,
                context: &raw const **handle.context.insert(view),
                value_is_original: call.value_is_original.into(),
                ..cr_step::of_kind(CR_STEP_CALL_HOOK)
            }
        }
        Step::Store(call) => {
            let (kind, key, value) = match call {
                StoreCall::Get { key } => (CR_STEP_STORE_GET, key, None),
                StoreCall::Put { key, value } => (CR_STEP_STORE_PUT, key, Some(value)),
                StoreCall::Delete { key } => (CR_STEP_STORE_DELETE, key, None),
            };
            let (key, key_len) = bytes_of(key);
            let (value, value_len) = value.map_or((std::ptr::null(), 0), bytes_of);
            cr_step { key, key_len, value, value_len, ..cr_step::of_kind(kind) }
        }
        Step::Log(call) => {
            let id = match call.logger.and_then(|logger| logger.downcast_ref::<LogTarget>()) {
                Some(LogTarget::Id(host)) => host.id,
                _ => 0,
            };
            let level = level_number(call.level);
            let message = handle.message.insert(Text::new(call.message)).as_c();
            cr_step { id, level, message, ..cr_step::of_kind(CR_STEP_LOG) }
        }
        // Not a step that this version can show.
        _ => cr_step::of_kind(-1),
    }
}
