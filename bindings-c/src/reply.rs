//! Answers to look at, for tests of hooks; and the words by which drivers in steps reply.

use checkrein::hook::{Answer, Failure};
use checkrein::operation::StoreReply;
use checkrein::store::Page;
use checkrein::{Error, Result};

use crate::answer::{BARE_MODIFY, cr_answer, lossy, take};
use crate::text::cr_str;
use crate::{cr_error, cr_status, guard, input, packed, token};

/// What a hook said.
pub type cr_answer_kind = i32;
/// Nothing was replied.
pub const CR_ANSWER_NONE: cr_answer_kind = 0;
/// No answer: go on.
pub const CR_ANSWER_NOTHING: cr_answer_kind = 1;
/// Go on.
pub const CR_ANSWER_ALLOW: cr_answer_kind = 2;
/// Go on, and flag the audit entry.
pub const CR_ANSWER_LOG: cr_answer_kind = 3;
/// Refuse. The bytes are the reason, UTF-8; with NULL there is none.
pub const CR_ANSWER_DENY: cr_answer_kind = 4;
/// Go on with another value: the bytes.
pub const CR_ANSWER_MODIFY: cr_answer_kind = 5;
/// What was no answer. The bytes describe it for the message: "a `str`".
pub const CR_ANSWER_INVALID: cr_answer_kind = 6;
/// The hook failed with an error of the host's. The bytes are its type's name; `token` finds it again.
pub const CR_ANSWER_FOREIGN: cr_answer_kind = 7;
/// The hook failed with one of Checkrein's errors, `raised`; `token` finds the host's object again, or is 0.
pub const CR_ANSWER_ERROR: cr_answer_kind = 8;

/// What a store replied.
pub type cr_reply_kind = i32;
/// To a get: the bytes are the value.
pub const CR_REPLY_VALUE: cr_reply_kind = 1;
/// To a get: there is none.
pub const CR_REPLY_NO_VALUE: cr_reply_kind = 2;
/// To a put, delete or batch: it is done.
pub const CR_REPLY_DONE: cr_reply_kind = 3;
/// What was no reply. The bytes describe it for the message: "a `str`".
pub const CR_REPLY_INVALID: cr_reply_kind = 4;
/// It failed with an error of the host's. The bytes are its type's name; `token` finds it again.
pub const CR_REPLY_FOREIGN: cr_reply_kind = 5;
/// It failed with one of Checkrein's errors, `raised`; `token` finds the host's object again, or is 0.
pub const CR_REPLY_ERROR: cr_reply_kind = 6;
/// To a scan: the bytes are the pairs, packed, pair by pair: the key's and the value's length as 32-bit little-endian
/// integers, the key, the value. A page without pairs ends the scan.
pub const CR_REPLY_PAGE: cr_reply_kind = 7;
/// The same, and nothing follows.
pub const CR_REPLY_LAST_PAGE: cr_reply_kind = 8;

/// Makes an answer that a test hands to a hook. Free it with cr_answer_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_answer_new(out: *mut *mut cr_answer, error: *mut *mut cr_error) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid.
    unsafe {
        guard::fallible(error, || {
            input::place(out, "out")?.write(Box::into_raw(Box::new(cr_answer::unanswered())));
            Ok(())
        })
    }
}

/// What was answered; CR_ANSWER_NONE where nothing was, and for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_answer_get_kind(answer: *const cr_answer) -> cr_answer_kind {
    // SAFETY: the header's contract: NULL or a live answer.
    guard::infallible(CR_ANSWER_NONE, || match unsafe { answer.as_ref() }.and_then(cr_answer::get) {
        None => CR_ANSWER_NONE,
        Some(Answer::Nothing) => CR_ANSWER_NOTHING,
        Some(Answer::Allow) => CR_ANSWER_ALLOW,
        Some(Answer::Log) => CR_ANSWER_LOG,
        Some(Answer::Deny(_)) => CR_ANSWER_DENY,
        Some(Answer::Modify(_)) => CR_ANSWER_MODIFY,
        Some(Answer::Invalid(_)) => CR_ANSWER_INVALID,
        Some(Answer::Failed(Failure::Foreign(_))) => CR_ANSWER_FOREIGN,
        Some(Answer::Failed(Failure::Own(_))) => CR_ANSWER_ERROR,
    })
}

/// The reason, value, description or type's name that was answered, not NUL-terminated; none where there is none. It
/// lives until the answer is changed or freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_answer_get_bytes(answer: *const cr_answer) -> cr_str {
    guard::infallible(cr_str::NONE, || {
        // SAFETY: the header's contract: NULL or a live answer.
        let bytes = match unsafe { answer.as_ref() }.and_then(cr_answer::get) {
            Some(Answer::Deny(Some(text)) | Answer::Invalid(text)) => text.as_bytes(),
            Some(Answer::Modify(value)) => value,
            Some(Answer::Failed(Failure::Foreign(cause))) => cause.type_name().as_bytes(),
            _ => return cr_str::NONE,
        };
        cr_str { data: input::address_of(bytes).cast(), len: bytes.len() }
    })
}

/// Lets an answer go that cr_answer_new made. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_answer_free(answer: *mut cr_answer) {
    guard::infallible((), || {
        if !answer.is_null() {
            // SAFETY: the header's contract: made by cr_answer_new, and freed once.
            drop(unsafe { Box::from_raw(answer) });
        }
    });
}

/// A reply as its parts: kind, bytes, token and error.
pub(crate) struct Parts<'a> {
    pub(crate) kind: i32,
    /// Nothing where the pointer was NULL.
    pub(crate) bytes: Option<&'a [u8]>,
    pub(crate) token: u64,
    pub(crate) raised: Option<Error>,
}

impl<'a> Parts<'a> {
    /// Takes over `raised`.
    ///
    /// # Safety
    /// `data` is NULL or points to `len` bytes for as long as `'a`; `raised` is NULL or the caller's to give.
    pub(crate) unsafe fn new(
        kind: i32,
        data: *const u8,
        len: usize,
        token: u64,
        raised: *mut cr_error,
    ) -> Result<Self> {
        // SAFETY: as promised by the caller.
        unsafe {
            let raised = take(raised);
            let bytes = input::bytes(data, len, "bytes")?;
            Ok(Parts { kind, bytes: (!data.is_null()).then_some(bytes), token, raised })
        }
    }

    /// A hook's answer; nothing that is none can pass for one.
    pub(crate) fn answer(self) -> Answer {
        let bytes = self.bytes.unwrap_or_default();
        match self.kind {
            CR_ANSWER_NOTHING => Answer::Nothing,
            CR_ANSWER_ALLOW => Answer::Allow,
            CR_ANSWER_LOG => Answer::Log,
            CR_ANSWER_DENY => Answer::Deny(self.bytes.map(lossy)),
            CR_ANSWER_MODIFY if self.bytes.is_some() => Answer::Modify(bytes.to_vec()),
            CR_ANSWER_MODIFY => Answer::Invalid(BARE_MODIFY.to_owned()),
            CR_ANSWER_INVALID => Answer::Invalid(lossy(bytes)),
            CR_ANSWER_FOREIGN => Answer::foreign(token::cause(&named(bytes), self.token)),
            CR_ANSWER_ERROR => match self.raised {
                Some(error) => Answer::Failed(Failure::Own(token::own(error, self.token))),
                None => Answer::Invalid("CR_ANSWER_ERROR without an error".to_owned()),
            },
            CR_ANSWER_NONE => Answer::Invalid("no reply".to_owned()),
            kind => Answer::Invalid(format!("the unknown answer {kind}")),
        }
    }

    /// A store's reply; nothing that is none can pass for one.
    pub(crate) fn store_reply(self) -> StoreReply {
        let bytes = self.bytes.unwrap_or_default();
        match self.kind {
            CR_REPLY_VALUE if self.bytes.is_some() => StoreReply::Value(Some(bytes.to_vec())),
            CR_REPLY_VALUE => StoreReply::Invalid("CR_REPLY_VALUE without a value".to_owned()),
            CR_REPLY_NO_VALUE => StoreReply::Value(None),
            CR_REPLY_DONE => StoreReply::Done,
            CR_REPLY_PAGE | CR_REPLY_LAST_PAGE => match packed::pairs(bytes) {
                Some(pairs) => StoreReply::Page(Page { pairs, end: self.kind == CR_REPLY_LAST_PAGE }),
                None => StoreReply::Invalid("a packed page that is cut short".to_owned()),
            },
            CR_REPLY_INVALID => StoreReply::Invalid(lossy(bytes)),
            CR_REPLY_FOREIGN => StoreReply::Raised(token::cause(&named(bytes), self.token)),
            CR_REPLY_ERROR => match self.raised {
                Some(error) => StoreReply::Failed(token::own(error, self.token)),
                None => StoreReply::Invalid("CR_REPLY_ERROR without an error".to_owned()),
            },
            kind => StoreReply::Invalid(format!("the unknown reply {kind}")),
        }
    }
}

/// The name of a foreign error's type, which must say something.
fn named(bytes: &[u8]) -> String {
    if bytes.is_empty() { "error".to_owned() } else { lossy(bytes) }
}
