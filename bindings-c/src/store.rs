//! A store of the host as a table of functions.

use std::ffi::{c_char, c_void};

use checkrein::operation::{StoreCall, StoreReply};
use checkrein::store::{Abilities, Page};
use checkrein::{Error, Result};

use crate::answer::{lossy, take};
use crate::many::{cr_op, ops_of};
use crate::step::bytes_of;
use crate::user_data::{UserData, cr_drop_fn};
use crate::{cr_error, cr_status, guard, input, token};

/// A store's reply. The library makes it and takes it back when the store's function returns.
pub struct cr_store_reply {
    reply: Option<StoreReply>,
    /// The pairs of a page so far.
    pairs: Vec<(Vec<u8>, Vec<u8>)>,
}

/// Reads a key: reply with cr_store_reply_value or cr_store_reply_no_value.
pub type cr_store_get_fn = Option<
    unsafe extern "C" fn(user_data: *mut c_void, key: *const u8, key_len: usize, reply: *mut cr_store_reply),
>;
/// Sets a key: reply with cr_store_reply_done.
pub type cr_store_put_fn = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        key: *const u8,
        key_len: usize,
        value: *const u8,
        value_len: usize,
        reply: *mut cr_store_reply,
    ),
>;
/// Removes a key, if it is there: reply with cr_store_reply_done.
pub type cr_store_delete_fn = Option<
    unsafe extern "C" fn(user_data: *mut c_void, key: *const u8, key_len: usize, reply: *mut cr_store_reply),
>;

/// Reads the pairs whose keys begin with the prefix, in the order of their bytes, from the first key that is greater than
/// `after` (NULL: from the first), at most `limit`: give each with cr_store_reply_pair, then reply with
/// cr_store_reply_page.
pub type cr_store_scan_fn = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        prefix: *const u8,
        prefix_len: usize,
        after: *const u8,
        after_len: usize,
        limit: usize,
        reply: *mut cr_store_reply,
    ),
>;
/// Does all of these puts and deletes (CR_WRITE, CR_DELETE) in their order, or none: reply with cr_store_reply_done.
pub type cr_store_batch_fn = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        ops: *const cr_op,
        ops_len: usize,
        reply: *mut cr_store_reply,
    ),
>;

/// A store of the host. The functions may be called by several threads at once, in the thread that drives the
/// operation; they must not throw or jump out. One that returns without a reply has failed. The library owns
/// `user_data` from cr_engine_new_with_store on, one that fails included, and calls `drop` with its last use.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct cr_store {
    /// `sizeof(cr_store)`.
    pub size: usize,
    /// Handed to every function; may be NULL.
    pub user_data: *mut c_void,
    /// Reads a key.
    pub get: cr_store_get_fn,
    /// Sets a key.
    pub put: cr_store_put_fn,
    /// Removes a key.
    pub delete_: cr_store_delete_fn,
    /// Lets `user_data` go; may be NULL.
    pub drop: cr_drop_fn,
    /// Reads a page; NULL where the store cannot scan.
    pub scan: cr_store_scan_fn,
    /// Does several at once; NULL where the store cannot do all or none.
    pub batch: cr_store_batch_fn,
}

/// A host's store as the engine keeps it: every function is there.
pub(crate) struct HostStore {
    user_data: UserData,
    get: unsafe extern "C" fn(*mut c_void, *const u8, usize, *mut cr_store_reply),
    put: unsafe extern "C" fn(*mut c_void, *const u8, usize, *const u8, usize, *mut cr_store_reply),
    delete: unsafe extern "C" fn(*mut c_void, *const u8, usize, *mut cr_store_reply),
    scan: cr_store_scan_fn,
    batch: cr_store_batch_fn,
}

impl HostStore {
    /// Takes a store over, where this fails too.
    ///
    /// # Safety
    /// `store` is NULL or points to a struct that holds to the header.
    pub(crate) unsafe fn take(store: *const cr_store) -> Result<Self> {
        // SAFETY: as promised by the caller.
        let store = unsafe { input::borrowed(store, "store") }?;
        input::checked_size::<cr_store>(store.size, "store")?;
        let user_data = UserData::new(store.user_data, store.drop);
        let missing =
            |name: &str| Error::config(format!("the store has no `{name}`: it needs get, put and delete_"));
        Ok(HostStore {
            get: store.get.ok_or_else(|| missing("get"))?,
            put: store.put.ok_or_else(|| missing("put"))?,
            delete: store.delete_.ok_or_else(|| missing("delete_"))?,
            scan: store.scan,
            batch: store.batch,
            user_data,
        })
    }

    /// What it can do beside the three.
    pub(crate) fn abilities(&self) -> Abilities {
        Abilities { scan: self.scan.is_some(), batch: self.batch.is_some() }
    }

    /// Asks the store.
    pub(crate) fn perform(&self, call: &StoreCall<'_>) -> StoreReply {
        let mut reply = cr_store_reply { reply: None, pairs: Vec::new() };
        let (data, place) = (self.user_data.pointer(), &raw mut reply);
        // SAFETY: the host gave the functions with this data; key, value and reply live until they return.
        unsafe {
            match *call {
                StoreCall::Get { key } => (self.get)(data, input::address_of(key), key.len(), place),
                StoreCall::Put { key, value } => {
                    let (at, value_at) = (input::address_of(key), input::address_of(value));
                    (self.put)(data, at, key.len(), value_at, value.len(), place);
                }
                StoreCall::Delete { key } => (self.delete)(data, input::address_of(key), key.len(), place),
                StoreCall::Scan { prefix, after, limit } => match self.scan {
                    Some(scan) => {
                        let (at, at_len) = bytes_of(prefix);
                        let (after, after_len) = after.map_or((std::ptr::null(), 0), bytes_of);
                        scan(data, at, at_len, after, after_len, limit, place);
                    }
                    None => return StoreReply::Invalid("no `scan`".to_owned()),
                },
                StoreCall::Batch(changes) => match self.batch {
                    Some(batch) => {
                        let ops = ops_of(&changes);
                        batch(data, ops.as_ptr(), ops.len(), place);
                    }
                    None => return StoreReply::Invalid("no `batch`".to_owned()),
                },
            }
        }
        reply.reply.unwrap_or_else(|| StoreReply::Invalid("nothing".to_owned()))
    }
}

/// To a get: the value. The bytes are copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_store_reply_value(
    reply: *mut cr_store_reply,
    value: *const u8,
    value_len: usize,
) -> cr_status {
    // SAFETY: the header's contract, handed on.
    unsafe { give(reply, || Ok(StoreReply::Value(Some(input::bytes(value, value_len, "value")?.to_vec())))) }
}

/// To a get: there is no value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_store_reply_no_value(reply: *mut cr_store_reply) -> cr_status {
    // SAFETY: the header's contract, handed on.
    unsafe { give(reply, || Ok(StoreReply::Value(None))) }
}

/// To a scan: the next pair of the page. The bytes are copied. The page counts once cr_store_reply_page was called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_store_reply_pair(
    reply: *mut cr_store_reply,
    key: *const u8,
    key_len: usize,
    value: *const u8,
    value_len: usize,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid, and the lengths are theirs.
    unsafe {
        guard::fallible(std::ptr::null_mut(), || {
            let place = input::borrowed_mut(reply, "reply")?;
            let pair =
                (|| Ok((input::bytes(key, key_len, "key")?, input::bytes(value, value_len, "value")?)))();
            match pair {
                Ok((key, value)) => place.pairs.push((key.to_vec(), value.to_vec())),
                // Without this pair it would be another page.
                Err(error) => {
                    place.reply = Some(StoreReply::Failed(Error::clone(&error)));
                    return Err(error);
                }
            }
            Ok(())
        })
    }
}

/// To a scan: the page is what was given with cr_store_reply_pair. `at_end` is not zero where nothing follows; a page
/// without pairs ends the scan too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_store_reply_page(reply: *mut cr_store_reply, at_end: i32) -> cr_status {
    // SAFETY: the header's contract: the pointer is NULL or valid.
    unsafe {
        guard::fallible(std::ptr::null_mut(), || {
            let place = input::borrowed_mut(reply, "reply")?;
            let pairs = std::mem::take(&mut place.pairs);
            if !matches!(place.reply, Some(StoreReply::Failed(_))) {
                place.reply = Some(StoreReply::Page(Page { pairs, end: at_end != 0 }));
            }
            Ok(())
        })
    }
}

/// To a put, delete or batch: it is done.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_store_reply_done(reply: *mut cr_store_reply) -> cr_status {
    // SAFETY: the header's contract, handed on.
    unsafe { give(reply, || Ok(StoreReply::Done)) }
}

/// It failed with an error of its own: CR_STORE, with that error as the cause. `message` is for people, and may be
/// NULL; it is in the error's message and never in the audit. `token` as for cr_reply_foreign: with one, the host
/// knows the message itself, and it is left out. Lengths may be CR_NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_store_reply_foreign(
    reply: *mut cr_store_reply,
    type_name: *const c_char,
    type_name_len: usize,
    message: *const c_char,
    message_len: usize,
    token: u64,
) -> cr_status {
    // SAFETY: the header's contract, handed on.
    unsafe {
        give(reply, || {
            let name = token::type_name(input::text_bytes(type_name, type_name_len, "type_name")?)?;
            if token != 0 || message.is_null() {
                return Ok(StoreReply::Raised(token::cause(name, token)));
            }
            let message = lossy(input::text_bytes(message, message_len, "message")?);
            Ok(StoreReply::Raised(checkrein::error::Cause::error(name, message.into())))
        })
    }
}

/// It failed with one of Checkrein's errors, which comes out of the operation as itself. The library takes it over.
/// `token` as for cr_reply_error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_store_reply_error(
    reply: *mut cr_store_reply,
    error: *mut cr_error,
    token: u64,
) -> cr_status {
    // SAFETY: the header's contract, handed on; the error is the caller's to give.
    unsafe {
        let error = take(error);
        give(reply, || {
            let error = error.ok_or_else(|| Error::usage("`error` is NULL"))?;
            Ok(StoreReply::Failed(token::own(error, token)))
        })
    }
}

/// Puts a reply in its place. What cannot be one leaves a failure there, so that the operation fails.
///
/// # Safety
/// `reply` is NULL or valid.
unsafe fn give(reply: *mut cr_store_reply, make: impl FnOnce() -> Result<StoreReply>) -> cr_status {
    // SAFETY: as promised by the caller; there is no error object.
    unsafe {
        guard::fallible(std::ptr::null_mut(), || {
            let place = input::borrowed_mut(reply, "reply")?;
            let (given, result) = match make() {
                Ok(given) => (given, Ok(())),
                Err(error) => (StoreReply::Failed(error.clone()), Err(error)),
            };
            place.reply = Some(given);
            result
        })
    }
}
