//! A step as C sees it.

use checkrein::audit::Phase;
use checkrein::operation::Kind;
use checkrein::{Error, Result};

use crate::audit::cr_audit_log;
use crate::context::cr_context;
use crate::hook::cr_trigger;
use crate::logger::cr_log_level;
use crate::many::{cr_op, cr_values};
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
/// A walk over the keys that begin with `key`.
pub const CR_SCAN: cr_kind = 3;
/// Puts and deletes, all or none.
pub const CR_BATCH: cr_kind = 4;
/// Gets of several keys.
pub const CR_GET_MANY: cr_kind = 5;

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
/// Read a page: the pairs whose keys begin with `key`, in the order of their bytes, from the first key greater than
/// `after`, at most `count`. Reply with cr_operation_store (CR_REPLY_PAGE, CR_REPLY_LAST_PAGE) or cr_operation_page.
pub const CR_STEP_STORE_SCAN: cr_step_kind = 6;
/// Do the `count` operations of `ops` in their order, all or none, and reply with cr_operation_store.
pub const CR_STEP_STORE_BATCH: cr_step_kind = 7;
/// Give the caller this pair of a scan, `key` and `value`, and go on with cr_operation_next. It counts as given.
pub const CR_STEP_ITEM: cr_step_kind = 8;
/// Hand `entries` to sink `id` of the audit, and reply with cr_operation_recorded. Where `is_file` is set, they are for
/// a file of the audit: reply with cr_operation_perform_store.
pub const CR_STEP_RECORD: cr_step_kind = 9;
/// Tell listener `id` of `refusal`, and reply with cr_operation_logged. What it makes of it changes nothing.
pub const CR_STEP_NOTIFY: cr_step_kind = 10;

/// Which moment of an operation an entry tells of.
pub type cr_phase = i32;
/// The operation has ended; the sink is not strict.
pub const CR_PHASE_NONE: cr_phase = 0;
/// For a strict sink: it was decided, and the store was not asked yet.
pub const CR_PHASE_DECIDED: cr_phase = 1;
/// For a strict sink: it has ended.
pub const CR_PHASE_DONE: cr_phase = 2;

/// What an operation needs next, or how it ended. Set `size` before each call.
///
/// Later versions add kinds, and fields at the end; a caller of an earlier version gets the fields that it has room for.
/// A driver that meets a kind it does not know ends the operation with cr_operation_finish, which refuses it. What the
/// pointers show lives until the next call with this operation; what CR_STEP_DONE gives is the caller's.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct cr_step {
    /// In: `sizeof(cr_step)`. Out: how much of it was filled in.
    pub size: u32,
    /// The version of what was filled in: 2, or 1 where there is no room for what comes behind `value_is_owned`.
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
    /// CR_STEP_CALL_HOOK, CR_STEP_LOG, CR_STEP_RECORD, CR_STEP_NOTIFY: the host's number.
    pub id: u64,
    /// CR_STEP_CALL_HOOK: what the caller said.
    pub context: *const cr_context,
    /// CR_STEP_LOG: the sentence, NUL-terminated.
    pub message: cr_str,
    /// CR_STEP_CALL_HOOK: when.
    pub trigger: cr_trigger,
    /// CR_STEP_CALL_HOOK, CR_STEP_RECORD, CR_STEP_NOTIFY: the depth to be handed to operations that the host starts
    /// meanwhile.
    pub depth: u32,
    /// CR_STEP_LOG: how grave.
    pub level: cr_log_level,
    /// CR_STEP_CALL_HOOK: not zero where no hook has changed the value.
    pub value_is_original: i32,
    /// CR_STEP_DONE: not zero where `value` is to be given to cr_bytes_free.
    pub value_is_owned: i32,
    /// From here on version 2. CR_STEP_CALL_HOOK: which key of a batch or get-many it is about, from 0.
    pub at: usize,
    /// CR_STEP_STORE_SCAN: the last key of the page before, or NULL.
    pub after: *const u8,
    /// The length of `after`.
    pub after_len: usize,
    /// CR_STEP_STORE_SCAN: the most pairs. CR_STEP_STORE_BATCH: how many there are in `ops`. CR_STEP_RECORD: how many
    /// there are in `entries`.
    pub count: usize,
    /// CR_STEP_STORE_BATCH: what is to be done.
    pub ops: *const cr_op,
    /// CR_STEP_RECORD: one entry, or one for each key of a batch or get-many, after those of operations before it that
    /// ended without a driver.
    pub entries: *const cr_audit_log,
    /// CR_STEP_NOTIFY: what the caller will get. Not to be freed.
    pub refusal: *const cr_error,
    /// CR_STEP_DONE of a get-many: the values, to be freed with cr_values_free; NULL where no key was given.
    pub values: *mut cr_values,
    /// CR_STEP_RECORD: which moment it is.
    pub phase: cr_phase,
    /// CR_STEP_RECORD: not zero where the entries are for a file of the audit.
    pub is_file: i32,
}

/// What every version has.
const FIRST_VERSION_BYTES: usize = std::mem::offset_of!(cr_step, at);

impl cr_step {
    /// A step of which nothing but the kind is said.
    pub(crate) fn of_kind(kind: cr_step_kind) -> Self {
        cr_step {
            size: u32::try_from(size_of::<cr_step>()).unwrap_or(u32::MAX),
            version: 2,
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
            at: 0,
            after: std::ptr::null(),
            after_len: 0,
            count: 0,
            ops: std::ptr::null(),
            entries: std::ptr::null(),
            refusal: std::ptr::null(),
            values: std::ptr::null_mut(),
            phase: CR_PHASE_NONE,
            is_file: 0,
        }
    }

    /// The end of an operation that failed.
    pub(crate) fn failed(error: Error) -> Self {
        let status = cr_status::from(&error);
        cr_step { status, error: cr_error::into_raw(error), ..cr_step::of_kind(CR_STEP_DONE) }
    }
}

/// The caller's step, with room for the fields of its version.
pub(crate) struct Place {
    step: *mut cr_step,
    room: usize,
}

impl Place {
    /// Checks that a step can be filled in.
    ///
    /// # Safety
    /// `step` is NULL or points to as many bytes as its `size` says, that may be read and written.
    pub(crate) unsafe fn of(step: *mut cr_step) -> Option<Self> {
        if step.is_null() {
            return None;
        }
        // SAFETY: not NULL, and `size` is the first field of every version.
        let room = unsafe { (&raw const (*step).size).read() } as usize;
        let room = room.min(size_of::<cr_step>());
        (room >= FIRST_VERSION_BYTES).then_some(Place { step, room })
    }

    /// Fills in as many fields as there is room for.
    ///
    /// # Safety
    /// As [`Place::of`].
    pub(crate) unsafe fn fill(self, filled: &cr_step) {
        let whole = self.room == size_of::<cr_step>();
        // A caller of an earlier version has not asked for these, and could not let them go.
        if !whole && !filled.values.is_null() {
            // SAFETY: made by this library, and given to nobody.
            unsafe { crate::many::cr_values_free(filled.values) };
        }
        let size = u32::try_from(self.room).unwrap_or(u32::MAX);
        let shown = cr_step { size, version: if whole { filled.version } else { 1 }, ..*filled };
        // SAFETY: the place has that much room.
        unsafe {
            std::ptr::copy_nonoverlapping((&raw const shown).cast::<u8>(), self.step.cast::<u8>(), self.room);
        }
    }
}

pub(crate) fn kind_of(kind: cr_kind) -> Result<Kind> {
    match kind {
        CR_READ => Ok(Kind::Read),
        CR_WRITE => Ok(Kind::Write),
        CR_DELETE => Ok(Kind::Delete),
        other => Err(Error::usage(format!(
            "{other} is no operation on one key: use CR_READ, CR_WRITE or CR_DELETE"
        ))),
    }
}

pub(crate) fn phase_number(phase: Option<Phase>) -> cr_phase {
    match phase {
        None => CR_PHASE_NONE,
        Some(Phase::Decided) => CR_PHASE_DECIDED,
        Some(Phase::Done) => CR_PHASE_DONE,
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
