//! Operations in steps: they run as far as this process can take them, and ask the host for the rest.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use checkrein::context::Context;
use checkrein::error::Cause;
use checkrein::operation::{
    Ask, BatchRequest, ManyRequest, Operation, Outcome, Reply, Request, ScanRequest, Step, StoreReply,
};
use checkrein::store::Page;
use checkrein::{Error, Result, policy};

use crate::context::{self, NOTHING, cr_context};
use crate::drive::{self, Asks};
use crate::engine::{Store, cr_engine};
use crate::many::{self, cr_op};
use crate::page::{self, cr_pair};
use crate::reply::{Parts, cr_answer_kind, cr_reply_kind};
use crate::show::{self, Shown};
use crate::step::{self, CR_BATCH, CR_GET_MANY, CR_SCAN, CR_STEP_DONE, Place, cr_kind, cr_step};
use crate::{bytes, cr_error, cr_status, guard, input, packed};

/// An operation that waits for its driver. It may go from thread to thread, and be used by one at a time. It ends with
/// CR_STEP_DONE, cr_operation_finish or cr_operation_free.
pub struct cr_operation {
    pub(crate) operation: Operation<'static>,
    pub(crate) engine: Arc<cr_engine>,
    asks: Asks,
    /// What the last step showed beside.
    pub(crate) shown: Shown,
    /// The pair of a scan that the caller was given, until the driver goes on.
    pub(crate) item: Option<(Vec<u8>, Vec<u8>)>,
}

/// Show the steps that may wait for the disk (those of a database, entries for a file of the audit), rather than perform
/// them: the driver picks the thread and calls cr_operation_perform_store.
pub const CR_ASK_BLOCKING_STORE: u32 = 1;
/// Show what the engine's own logger would be told, rather than tell it.
pub const CR_ASK_LOG: u32 = 2;
/// With CR_BATCH: one operation after the other, where the store has no atomic batch (see CR_BATCH_ONE_BY_ONE).
pub const CR_ASK_ONE_BY_ONE: u32 = 4;
/// Start it and let it go at once, as a driver does whose caller has been cancelled already: nothing is asked, it ends with
/// CR_ABANDONED, and the audit tells it.
pub const CR_ASK_NOTHING: u32 = 8;

/// What is asked of an engine. Zero is the default of every field but `size` and `kind`.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct cr_request {
    /// `sizeof(cr_request)`.
    pub size: usize,
    /// CR_READ, CR_WRITE, CR_DELETE, CR_SCAN, CR_BATCH or CR_GET_MANY.
    pub kind: cr_kind,
    /// CR_ASK_ bits: what the driver performs itself.
    pub flags: u32,
    /// The key; CR_SCAN: the prefix.
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
    /// CR_BATCH, CR_GET_MANY: what is to be done to which keys.
    pub ops: *const cr_op,
    /// How many there are.
    pub ops_len: usize,
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
            let key = input::bytes(given.key, given.key_len, "key")?;
            let value = input::bytes(given.value, given.value_len, "value")?;
            let ops = many::changes_of(given.ops, given.ops_len)?;
            if !ops.is_empty() && !matches!(given.kind, CR_BATCH | CR_GET_MANY) {
                return Err(Error::usage("`ops` is for CR_BATCH and CR_GET_MANY"));
            }
            let asked = Asked { kind: given.kind, key, value, ops };
            let start = Start { depth: given.depth, flags: given.flags, buffer: (std::ptr::null_mut(), 0) };
            start.begin(engine, asked, context::said(given.context))
        })
    }
}

/// cr_operation_start for languages in which a call into C is dear: everything in one call, without structs and
/// handles. The context is `packed`, entry by entry: one byte for the kind (a CR_VALUE_ constant), the name's and the
/// value's length as 32-bit little-endian integers, the name, the value. A boolean is one byte, 0 or 1; an integer is
/// eight, little-endian; a fault is its message. A value that was read and fits into `buffer` stands there.
///
/// With CR_SCAN `key` is the prefix. With CR_BATCH and CR_GET_MANY `value` holds the operations, packed in the same way:
/// one byte for the kind (CR_READ, CR_WRITE, CR_DELETE), the key's and the value's length, the key, the value.
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
            let (key, value) = (input::bytes(key, key_len, "key")?, input::bytes(value, value_len, "value")?);
            let asked = match kind {
                CR_BATCH | CR_GET_MANY => Asked { kind, key, value: &[], ops: packed::ops(value)? },
                _ => Asked { kind, key, value, ops: Vec::new() },
            };
            let start = Start { depth, flags, buffer: (buffer, buffer_len) };
            start.begin(engine, asked, context.as_ref().map_err(Error::clone))
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

/// Replies to a CR_STEP_STORE_ step and goes on to the next step. See the CR_REPLY_ constants, and cr_operation_answer.
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

/// Performs the store step that is pending on the engine's own database or store, or hands entries to a file of the
/// audit, in this thread, and goes on to the next step.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_operation_perform_store(
    operation: *mut cr_operation,
    step: *mut cr_step,
) -> cr_status {
    // SAFETY: the header's contract, as above.
    unsafe {
        with(operation, step, |operation| {
            let now = drive::now(&operation.engine, &operation.operation);
            let misfit = || Error::usage("no store step is pending: cr_operation_perform_store does not fit");
            let call = match operation.operation.step(now) {
                Step::Store(call) => call,
                Step::Record(call) => return policy::record(&call).map(Some).ok_or_else(misfit),
                _ => return Err(misfit()),
            };
            match &operation.engine.store {
                Store::Database(database) => Ok(Some(Reply::Store(policy::perform(database, &call)))),
                Store::Functions(store) => Ok(Some(Reply::Store(store.perform(&call)))),
                Store::Steps(_) => {
                    Err(Error::usage("the engine has no store: perform the step, then reply to it"))
                }
            }
        })
    }
}

/// Replies to CR_STEP_LOG or CR_STEP_NOTIFY and goes on to the next step. Zero for `told` says that the logger or listener
/// failed, with an error of the type `type_name` (may be NULL); `token` as for CR_ANSWER_FOREIGN.
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

/// Replies to CR_STEP_RECORD and goes on to the next step. Zero for `told` says that the sink failed; see
/// cr_operation_logged.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_operation_recorded(
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
            Ok(Some(if told != 0 { Reply::Recorded } else { Reply::RecordFailed(cause) }))
        })
    }
}

/// Replies to CR_STEP_STORE_SCAN with pairs, and goes on to the next step. `at_end` is not zero where nothing follows; a
/// page without pairs ends the scan too. The bytes are copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_operation_page(
    operation: *mut cr_operation,
    pairs: *const cr_pair,
    pairs_len: usize,
    at_end: i32,
    step: *mut cr_step,
) -> cr_status {
    // SAFETY: the header's contract, as above.
    unsafe {
        with(operation, step, |_| {
            let pairs = page::pairs_of(pairs, pairs_len)?;
            Ok(Some(Reply::Store(StoreReply::Page(Page { pairs, end: at_end != 0 }))))
        })
    }
}

/// Goes on after CR_STEP_ITEM.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_operation_next(operation: *mut cr_operation, step: *mut cr_step) -> cr_status {
    // SAFETY: the header's contract, as above.
    unsafe {
        with(operation, step, |operation| match operation.item.take() {
            Some(_) => Ok(None),
            None => Err(Error::usage("no pair of a scan is shown: cr_operation_next does not fit")),
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

/// What is asked, as C gave it.
struct Asked<'a> {
    kind: cr_kind,
    key: &'a [u8],
    value: &'a [u8],
    ops: Vec<many::Asked<'a>>,
}

/// How it is to be driven.
struct Start {
    depth: u32,
    flags: u32,
    buffer: (*mut u8, usize),
}

impl Start {
    /// # Safety
    /// The engine is NULL or a live handle, and the buffer has as much room as it says.
    unsafe fn begin(
        self,
        engine: *const cr_engine,
        asked: Asked<'_>,
        said: Result<&Context>,
    ) -> Result<cr_step> {
        // SAFETY: as promised by the caller.
        let handle = unsafe { input::borrowed(engine, "engine")? };
        let flags = self.flags;
        if flags & !(CR_ASK_BLOCKING_STORE | CR_ASK_LOG | CR_ASK_ONE_BY_ONE | CR_ASK_NOTHING) != 0 {
            return Err(Error::usage(format!("`flags` is {flags:#x}: only the CR_ASK_ bits are known")));
        }
        let depth = self.depth.max(drive::depth());
        let context = Cow::Borrowed(*said.as_ref().unwrap_or(&&NOTHING));
        let fault = said.err();
        let Asked { kind, key, value, ops } = asked;
        // SAFETY: as promised by the caller.
        unsafe {
            match kind {
                CR_SCAN => {
                    let store_can = handle.abilities().scan;
                    let request = ScanRequest { prefix: Cow::Borrowed(key), context, depth, store_can };
                    self.run(engine, request, fault)
                }
                CR_BATCH => {
                    let atomic = flags & CR_ASK_ONE_BY_ONE == 0;
                    let store_can = handle.abilities().batch;
                    let request = BatchRequest { changes: ops, context, depth, atomic, store_can };
                    self.run(engine, request, fault)
                }
                CR_GET_MANY => {
                    let request = ManyRequest { keys: many::keys_of(ops)?, context, depth };
                    self.run(engine, request, fault)
                }
                kind => {
                    let kind = step::kind_of(kind)?;
                    let value = many::value_of(kind, value);
                    let request = Request { kind, key: Cow::Borrowed(key), value, context, depth };
                    self.run(engine, request, fault)
                }
            }
        }
    }

    /// # Safety
    /// As [`Start::begin`]; the engine is not NULL.
    unsafe fn run<'a>(
        self,
        engine: *const cr_engine,
        request: impl Ask<'a>,
        fault: Option<Error>,
    ) -> Result<cr_step> {
        // SAFETY: as promised by the caller.
        let handle = unsafe { input::borrowed(engine, "engine")? };
        if let Some(fault) = fault {
            return Err(handle.core.reject(request, fault));
        }
        let flags = self.flags;
        let asks = Asks { blocking_store: flags & CR_ASK_BLOCKING_STORE != 0, log: flags & CR_ASK_LOG != 0 };
        let mut operation = handle.core.start(request);
        if flags & CR_ASK_NOTHING != 0 {
            return Ok(done(operation.finish(), self.buffer));
        }
        if drive::advance(handle, &mut operation, asks) {
            return Ok(done(operation.finish(), self.buffer));
        }
        let operation = operation.into_owned();
        // SAFETY: the handle lives as promised by the caller.
        let engine = unsafe { cr_engine::share(engine) };
        let shown = Shown::default();
        go_on(Box::new(cr_operation { operation, engine, asks, shown, item: None }))
    }
}

/// Runs an operation to its end or to the next step that is the host's.
fn go_on(mut handle: Box<cr_operation>) -> Result<cr_step> {
    let cr_operation { operation, engine, asks, item, .. } = &mut *handle;
    if item.is_none() && drive::advance(engine, operation, *asks) {
        let owned = *handle;
        return Ok(done(owned.operation.finish(), (std::ptr::null_mut(), 0)));
    }
    let step = show::step(&mut handle);
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
                if handle.item.is_some() {
                    return Err(Error::usage("a pair of a scan is shown: go on with cr_operation_next"));
                }
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
/// `step` is NULL or may be read and written as far as its size says.
unsafe fn shown(step: *mut cr_step, run: impl FnOnce() -> Result<cr_step>) -> cr_status {
    // SAFETY: as promised by the caller.
    let Some(place) = (unsafe { Place::of(step) }) else { return cr_status::CR_USAGE };
    let filled = catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| Err(guard::caught()));
    let filled = filled.unwrap_or_else(cr_step::failed);
    let status = filled.status;
    // SAFETY: the place was checked.
    unsafe { place.fill(&filled) };
    status
}

/// The end of an operation; its value goes to the buffer where it fits.
fn done(outcome: Result<Outcome>, buffer: (*mut u8, usize)) -> cr_step {
    let end = cr_step::of_kind(CR_STEP_DONE);
    let Outcome { value, values } = match outcome {
        Ok(outcome) => outcome,
        Err(error) => return cr_step::failed(error),
    };
    let end = match values.is_empty() {
        true => end,
        false => cr_step { values: many::give(values), ..end },
    };
    match value {
        None => end,
        Some(value) if !buffer.0.is_null() && value.len() <= buffer.1 => {
            // SAFETY: the header's contract: the buffer has that much room, and is not the library's.
            unsafe { std::ptr::copy_nonoverlapping(value.as_ptr(), buffer.0, value.len()) };
            cr_step { value: buffer.0, value_len: value.len(), ..end }
        }
        Some(value) => {
            let (data, len) = bytes::give(value);
            cr_step { value: data, value_len: len, value_is_owned: 1, ..end }
        }
    }
}
