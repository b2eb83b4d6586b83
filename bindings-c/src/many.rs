//! Several keys at once: batches and `get_many`, in one call; and how their keys, operations and values look in C.

use std::borrow::Cow;

use checkrein::operation::{BatchRequest, Changes, Kind, ManyRequest};
use checkrein::store::Change;
use checkrein::{Error, Result};

use crate::call::whole;
use crate::context::{NOTHING, cr_context, said};
use crate::engine::cr_engine;
use crate::step::{self, CR_DELETE, CR_WRITE, bytes_of, cr_kind};
use crate::{cr_error, cr_status, drive, guard, input};

/// A run of bytes; `data` is NULL where there is none.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct cr_bytes {
    /// The first byte.
    pub data: *const u8,
    /// How many there are.
    pub len: usize,
}

/// One of several operations. Zero is the default of every field.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct cr_op {
    /// CR_WRITE or CR_DELETE in a batch, CR_READ in a get-many.
    pub kind: cr_kind,
    /// The key.
    pub key: *const u8,
    /// The key's length.
    pub key_len: usize,
    /// CR_WRITE: the value.
    pub value: *const u8,
    /// The value's length.
    pub value_len: usize,
}

/// The values of a get-many, in the order of its keys: `data` is NULL where there is none, or a hook hides it. They
/// live until cr_values_free.
#[repr(C)]
pub struct cr_values {
    /// The values.
    pub items: *const cr_bytes,
    /// How many there are: as many as keys.
    pub len: usize,
}

/// For cr_engine_batch: one operation after the other, where the store has no atomic batch. All are judged before any
/// is done; a failure on the way is CR_STORE_PARTIAL, and cr_error_applied_count says how many were done.
pub const CR_BATCH_ONE_BY_ONE: u32 = 1;

/// Writes and deletes several keys, all or none. All are judged, in their order, before any is done; limits give a
/// token for each or none. `flags` is 0 or CR_BATCH_ONE_BY_ONE. What is asked is copied where it is needed longer.
///
/// Errors: as cr_engine_put; CR_USAGE where the store has no atomic batch, for more than 10,000 operations, and for more
/// tokens than a limit ever holds; CR_STORE_PARTIAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_engine_batch(
    engine: *const cr_engine,
    ops: *const cr_op,
    ops_len: usize,
    flags: u32,
    context: *const cr_context,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid, and the lengths are theirs.
    unsafe {
        guard::fallible(error, || {
            let engine = input::borrowed(engine, "engine")?;
            if flags & !CR_BATCH_ONE_BY_ONE != 0 {
                return Err(Error::usage(format!(
                    "`flags` is {flags:#x}: only CR_BATCH_ONE_BY_ONE is known"
                )));
            }
            let said = said(context);
            let request = BatchRequest {
                changes: changes_of(ops, ops_len)?,
                context: Cow::Borrowed(*said.as_ref().unwrap_or(&&NOTHING)),
                depth: drive::depth(),
                atomic: flags & CR_BATCH_ONE_BY_ONE == 0,
                store_can: engine.abilities().batch,
            };
            whole(engine, request, said.err()).map(|_| ())
        })
    }
}

/// Reads several keys: `*values` gets one value for each, in the order of the keys. What refuses one key refuses the
/// call. Free the values with cr_values_free.
///
/// Errors: as cr_engine_get; CR_USAGE for more than 10,000 keys, and for more tokens than a limit ever holds.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_engine_get_many(
    engine: *const cr_engine,
    keys: *const cr_bytes,
    keys_len: usize,
    context: *const cr_context,
    values: *mut *mut cr_values,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid, and the lengths are theirs.
    unsafe {
        guard::fallible(error, || {
            let values = input::place(values, "values")?;
            let engine = input::borrowed(engine, "engine")?;
            let said = said(context);
            let keys = input::array(keys, keys_len, "keys")?.iter();
            let keys = keys.map(|key| input::bytes(key.data, key.len, "key").map(Cow::Borrowed));
            let request = ManyRequest {
                keys: keys.collect::<Result<_>>()?,
                context: Cow::Borrowed(*said.as_ref().unwrap_or(&&NOTHING)),
                depth: drive::depth(),
            };
            let outcome = whole(engine, request, said.err())?;
            values.write(give(outcome.values));
            Ok(())
        })
    }
}

/// Lets values go. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_values_free(values: *mut cr_values) {
    guard::infallible((), || {
        if !values.is_null() {
            // SAFETY: the header's contract: given by `give`, which made it the first field, and freed once.
            drop(unsafe { Box::from_raw(values.cast::<Given>()) });
        }
    });
}

/// Values with what their pointers point to.
#[repr(C)]
struct Given {
    shown: cr_values,
    items: Vec<cr_bytes>,
    values: Vec<Option<Vec<u8>>>,
}

/// Hands values over to the caller.
pub(crate) fn give(values: Vec<Option<Vec<u8>>>) -> *mut cr_values {
    let item = |value: &Option<Vec<u8>>| match value {
        Some(value) => cr_bytes { data: input::address_of(value), len: value.len() },
        None => cr_bytes { data: std::ptr::null(), len: 0 },
    };
    let items: Vec<_> = values.iter().map(item).collect();
    let shown = cr_values { items: items.as_ptr(), len: items.len() };
    Box::into_raw(Box::new(Given { shown, items, values })).cast()
}

/// Kind, key and value of one operation of a batch.
pub(crate) type Asked<'a> = (Kind, Cow<'a, [u8]>, Option<Cow<'a, [u8]>>);

/// The operations of a batch.
///
/// # Safety
/// `ops` is NULL or points to `len` operations whose pointers hold to the header, for as long as `'a`.
pub(crate) unsafe fn changes_of<'a>(ops: *const cr_op, len: usize) -> Result<Vec<Asked<'a>>> {
    // SAFETY: as promised by the caller.
    unsafe { input::array(ops, len, "ops") }?
        .iter()
        .map(|op| {
            // SAFETY: as promised by the caller.
            let (key, value) = unsafe {
                (input::bytes(op.key, op.key_len, "key")?, input::bytes(op.value, op.value_len, "value")?)
            };
            let kind = step::kind_of(op.kind)?;
            Ok((kind, Cow::Borrowed(key), value_of(kind, value)))
        })
        .collect()
}

/// What is said as a value: a write has one, though it is empty; anything else has none, unless something is there.
pub(crate) fn value_of(kind: Kind, value: &[u8]) -> Option<Cow<'_, [u8]>> {
    (kind == Kind::Write || !value.is_empty()).then_some(Cow::Borrowed(value))
}

/// The keys of a get-many, from what is asked as operations.
pub(crate) fn keys_of(asked: Vec<Asked<'_>>) -> Result<Vec<Cow<'_, [u8]>>> {
    let key = |(kind, key, value)| match (kind, value) {
        (Kind::Read, None) => Ok(key),
        _ => Err(Error::usage("a get-many takes keys to be read: write and delete with a batch")),
    };
    asked.into_iter().map(key).collect()
}

/// The operations of a store's batch as C sees them.
pub(crate) fn ops_of(changes: &Changes<'_>) -> Vec<cr_op> {
    let op = |change: Change<'_>| {
        let (key, key_len) = bytes_of(change.key());
        let (value, value_len) = change.value().map_or((std::ptr::null(), 0), bytes_of);
        let kind = if change.value().is_some() { CR_WRITE } else { CR_DELETE };
        cr_op { kind, key, key_len, value, value_len }
    };
    changes.iter().map(op).collect()
}
