//! A step as C sees it.

use checkrein::operation::Kind;
use checkrein::{Error, Result};

use crate::context::cr_context;
use crate::hook::cr_trigger;
use crate::logger::cr_log_level;
use crate::operation::cr_operation;
use crate::text::cr_str;
use crate::{cr_error, cr_status, input};

/// What is done to the data.
pub type cr_kind = i32;
/// A get.
pub const CR_READ: cr_kind = 0;
/// A put.
pub const CR_WRITE: cr_kind = 1;
/// A delete.
pub const CR_DELETE: cr_kind = 2;

/// What an operation needs next.
pub type cr_step_kind = i32;
/// Nothing more: `status`, `value` and `error` are the outcome, and the operation is freed.
pub const CR_STEP_DONE: cr_step_kind = 0;
/// Ask hook `id`, and reply with cr_operation_answer.
pub const CR_STEP_CALL_HOOK: cr_step_kind = 1;
/// Read `key`, and reply with cr_operation_store.
pub const CR_STEP_STORE_GET: cr_step_kind = 2;
/// Set `key` to `value`, and reply with cr_operation_store.
pub const CR_STEP_STORE_PUT: cr_step_kind = 3;
/// Remove `key`, and reply with cr_operation_store.
pub const CR_STEP_STORE_DELETE: cr_step_kind = 4;
/// Tell logger `id` (0: the language's own) `message`, and reply with cr_operation_logged.
pub const CR_STEP_LOG: cr_step_kind = 5;

/// What an operation needs next, or how it ended. Set `size` before each call.
///
/// Later versions add kinds, and fields at the end. A driver that meets a kind it does not know ends the operation with
/// cr_operation_finish, which refuses it. What the pointers show lives until the next call with this operation; what
/// CR_STEP_DONE gives is the caller's.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct cr_step {
    /// In: `sizeof(cr_step)`.
    pub size: u32,
    /// The version of what was filled in: 1.
    pub version: u32,
    /// What is needed.
    pub kind: cr_step_kind,
    /// CR_STEP_DONE: how it ended; else CR_OK.
    pub status: cr_status,
    /// The operation, to be replied to or freed; NULL with CR_STEP_DONE.
    pub operation: *mut cr_operation,
    /// CR_STEP_DONE: what refused it or made it fail, to be freed; NULL with CR_OK.
    pub error: *mut cr_error,
    /// CR_STEP_DONE of a get: the value, NULL where there is none; it stands in the caller's buffer, or is to be given
    /// to cr_bytes_free. CR_STEP_CALL_HOOK: the value to be written or that was read, or NULL. CR_STEP_STORE_PUT: the
    /// value. An empty one is not NULL.
    pub value: *const u8,
    /// The value's length.
    pub value_len: usize,
    /// The key.
    pub key: *const u8,
    /// The key's length.
    pub key_len: usize,
    /// CR_STEP_CALL_HOOK, CR_STEP_LOG: the host's number.
    pub id: u64,
    /// CR_STEP_CALL_HOOK: what the caller said.
    pub context: *const cr_context,
    /// CR_STEP_LOG: the sentence, NUL-terminated.
    pub message: cr_str,
    /// CR_STEP_CALL_HOOK: when.
    pub trigger: cr_trigger,
    /// CR_STEP_CALL_HOOK: the depth to be handed to operations that the hook starts.
    pub depth: u32,
    /// CR_STEP_LOG: how grave.
    pub level: cr_log_level,
    /// CR_STEP_CALL_HOOK: not zero where no hook has changed the value.
    pub value_is_original: i32,
    /// CR_STEP_DONE: not zero where `value` is to be given to cr_bytes_free.
    pub value_is_owned: i32,
}

impl cr_step {
    /// A step of which nothing but the kind is said.
    pub(crate) fn of_kind(kind: cr_step_kind) -> Self {
        cr_step {
            size: u32::try_from(size_of::<cr_step>()).unwrap_or(u32::MAX),
            version: 1,
            kind,
            status: cr_status::CR_OK,
            operation: std::ptr::null_mut(),
            error: std::ptr::null_mut(),
            value: std::ptr::null(),
            value_len: 0,
            key: std::ptr::null(),
            key_len: 0,
            id: 0,
            context: std::ptr::null(),
            message: cr_str::NONE,
            trigger: 0,
            depth: 0,
            level: 0,
            value_is_original: 0,
            value_is_owned: 0,
        }
    }

    /// The end of an operation that failed.
    pub(crate) fn failed(error: Error) -> Self {
        let status = cr_status::from(&error);
        cr_step { status, error: cr_error::into_raw(error), ..cr_step::of_kind(CR_STEP_DONE) }
    }
}

/// Checks that a step can be filled in.
///
/// # Safety
/// `step` is NULL or may be read and written.
pub(crate) unsafe fn place(step: *mut cr_step) -> Option<*mut cr_step> {
    // SAFETY: not NULL, and readable as promised by the caller.
    let fits = !step.is_null() && unsafe { (*step).size } as usize >= size_of::<cr_step>();
    fits.then_some(step)
}

pub(crate) fn kind_of(kind: cr_kind) -> Result<Kind> {
    match kind {
        CR_READ => Ok(Kind::Read),
        CR_WRITE => Ok(Kind::Write),
        CR_DELETE => Ok(Kind::Delete),
        other => Err(Error::usage(format!("{other} is no operation: use CR_READ, CR_WRITE or CR_DELETE"))),
    }
}

pub(crate) fn kind_word(kind: Kind) -> cr_str {
    cr_str::terminated(match kind {
        Kind::Read => "read\0",
        Kind::Write => "write\0",
        Kind::Delete => "delete\0",
    })
}

/// A key or value as C sees it.
pub(crate) fn bytes_of(bytes: &[u8]) -> (*const u8, usize) {
    (input::address_of(bytes), bytes.len())
}
