//! What a hook says, as a handle that it fills.

use std::ffi::c_char;

use checkrein::Result;
use checkrein::hook::{Answer, Failure};

use crate::{cr_error, cr_status, guard, input, token};

/// A hook's answer. The library makes it and takes it back when the hook returns; cr_answer_new makes one for tests
/// of hooks.
pub struct cr_answer(Option<Answer>);

/// How a value that is not there is described.
pub(crate) const BARE_MODIFY: &str = "`MODIFY` without a value";

impl cr_answer {
    pub(crate) fn unanswered() -> Self {
        cr_answer(None)
    }

    /// The answer, or what stands for none.
    pub(crate) fn take(&mut self) -> Answer {
        self.0.take().unwrap_or_else(|| Answer::Invalid("no reply".to_owned()))
    }

    pub(crate) fn set(&mut self, answer: Answer) {
        self.0 = Some(answer);
    }

    pub(crate) fn get(&self) -> Option<&Answer> {
        self.0.as_ref()
    }
}

/// No answer: go on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_reply_nothing(answer: *mut cr_answer) -> cr_status {
    // SAFETY: the header's contract, handed on.
    unsafe { reply(answer, || Ok(Answer::Nothing)) }
}

/// Go on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_reply_allow(answer: *mut cr_answer) -> cr_status {
    // SAFETY: the header's contract, handed on.
    unsafe { reply(answer, || Ok(Answer::Allow)) }
}

/// Go on, and flag the audit entry.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_reply_log(answer: *mut cr_answer) -> cr_status {
    // SAFETY: the header's contract, handed on.
    unsafe { reply(answer, || Ok(Answer::Log)) }
}

/// Refuse; after a read, hide the value. `reason` may be NULL; its length may be CR_NUL. A reason that is not UTF-8 is
/// shown with its bytes escaped.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_reply_deny(
    answer: *mut cr_answer,
    reason: *const c_char,
    reason_len: usize,
) -> cr_status {
    // SAFETY: the header's contract, handed on.
    unsafe {
        reply(answer, || {
            if reason.is_null() {
                return Ok(Answer::Deny(None));
            }
            Ok(Answer::Deny(Some(lossy(input::text_bytes(reason, reason_len, "reason")?))))
        })
    }
}

/// Go on with this value in the place of the one the hook saw. The bytes are copied; an empty value is not NULL, which
/// is no answer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_reply_modify(
    answer: *mut cr_answer,
    value: *const u8,
    value_len: usize,
) -> cr_status {
    // SAFETY: the header's contract, handed on.
    unsafe {
        reply(answer, || {
            let bytes = input::bytes(value, value_len, "value")?;
            if value.is_null() {
                return Ok(Answer::Invalid(BARE_MODIFY.to_owned()));
            }
            Ok(Answer::Modify(bytes.to_vec()))
        })
    }
}

/// What was no answer, described for the error's message ("a `str`"): the operation is refused. For drivers of other
/// languages. A length may be CR_NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_reply_invalid(
    answer: *mut cr_answer,
    what: *const c_char,
    what_len: usize,
) -> cr_status {
    // SAFETY: the header's contract, handed on.
    unsafe { reply(answer, || Ok(Answer::Invalid(lossy(input::text_bytes(what, what_len, "what")?)))) }
}

/// The hook failed with an error of the host's: the operation is refused, with that error as its cause. Only the
/// type's name is kept and shown. `token` is a number by which the host finds its object again in the cr_error
/// (cr_error_host_token), or 0. A length may be CR_NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_reply_foreign(
    answer: *mut cr_answer,
    type_name: *const c_char,
    type_name_len: usize,
    token: u64,
) -> cr_status {
    // SAFETY: the header's contract, handed on.
    unsafe {
        reply(answer, || {
            let name = input::text_bytes(type_name, type_name_len, "type_name")?;
            Ok(Answer::foreign(token::cause(token::type_name(name)?, token)))
        })
    }
}

/// The hook failed with one of Checkrein's errors, which comes out of the operation as itself: a violation is a
/// refusal with its reason. The library takes the error over. `token` as for cr_reply_foreign.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_reply_error(
    answer: *mut cr_answer,
    error: *mut cr_error,
    token: u64,
) -> cr_status {
    // SAFETY: the header's contract, handed on; the error is the caller's to give.
    unsafe {
        let error = take(error);
        reply(answer, || {
            let error = error.ok_or_else(|| checkrein::Error::usage("`error` is NULL"))?;
            Ok(Answer::Failed(Failure::Own(token::own(error, token))))
        })
    }
}

/// Takes an error over.
///
/// # Safety
/// `error` is NULL or an error that the caller owns.
pub(crate) unsafe fn take(error: *mut cr_error) -> Option<checkrein::Error> {
    if error.is_null() {
        return None;
    }
    // SAFETY: not NULL, and owned as promised by the caller.
    Some(unsafe { Box::from_raw(error) }.error)
}

/// A text for people; bytes that are not UTF-8 are escaped.
pub(crate) fn lossy(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).map_or_else(|_| checkrein::text::escaped_key(bytes), str::to_owned)
}

/// Puts an answer in its place. What cannot be an answer leaves a failure there, so that the operation is refused.
///
/// # Safety
/// `answer` is NULL or valid.
unsafe fn reply(answer: *mut cr_answer, make: impl FnOnce() -> Result<Answer>) -> cr_status {
    // SAFETY: as promised by the caller; there is no error object.
    unsafe {
        guard::fallible(std::ptr::null_mut(), || {
            let answer = input::borrowed_mut(answer, "answer")?;
            let (given, result) = match make() {
                Ok(given) => (given, Ok(())),
                Err(error) => (Answer::Failed(Failure::Own(error.clone())), Err(error)),
            };
            answer.set(given);
            result
        })
    }
}
