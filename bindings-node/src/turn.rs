//! What an export gives the driver of an operation: its outcome, or the next step.
//!
//! | JavaScript value | meaning |
//! |---|---|
//! | `undefined` | done, no value |
//! | a number, 0 or more | done; so many bytes at the begin of the scratch array's room are the value |
//! | -1 | a hook is to be called; the scratch array's words say which |
//! | a `Buffer` | done, with this value |
//! | `[kind, open, …]` | see [`Turn`]; `open` is the operation's number |

use checkrein::error::Error;
use checkrein::operation::Outcome;
use napi::bindgen_prelude::{AsyncTask, ToNapiValue, TypeName};
use napi::{ValueType, sys};

use crate::arguments::Bytes;
use crate::failure::{Failure, place_of};
use crate::operation::Waiting;

/// The bytes at the begin of a scratch array that are kept for four words: the operation's number, the hook's, the
/// depth, and one more than the length of the value that the hook sees, or 0 where that is the caller's own.
pub const WORDS: usize = 16;

/// The next step, or the outcome.
#[allow(missing_docs, reason = "each variant tells its fields")]
pub enum Turn {
    /// Done; writes and deletes, and reads that found nothing.
    Done,
    /// Done; the value stands in the scratch array, after the words.
    Scratch(u32),
    /// A hook, as the scratch array's words tell it.
    ScratchHook,
    /// Done, with a value.
    Value(Vec<u8>),
    /// `[0, open, number, depth, value]`: call a hook. The value is left out where it is the caller's own.
    Hook { open: u32, number: u32, depth: u32, value: Option<Vec<u8>> },
    /// `[1, open, what, value]`: ask the host's store. The value as above.
    Store { open: u32, what: &'static str, value: Option<Vec<u8>> },
    /// `[2, open, number, message]`: tell a logger; number 0 is the language's own.
    Log { open: u32, number: u32, message: String },
    /// `[3, open, promise]`: await the promise, which gives the next turn.
    Wait { open: u32, task: Box<AsyncTask<Waiting>> },
    /// `[4, 0, json, key]`: failed.
    Failed(Failure, Option<Vec<u8>>),
    /// `[5, 0, place]`: failed with what the host itself threw.
    Rethrow(u32),
}

impl Turn {
    /// The turn of an operation that has ended.
    pub(crate) fn of(outcome: Result<Outcome, Error>) -> Turn {
        match outcome {
            Ok(Outcome { value: None, .. }) => Turn::Done,
            Ok(Outcome { value: Some(value), .. }) => Turn::Value(value),
            Err(Error::Host(host)) => match place_of(&host.object) {
                Some(place) => Turn::Rethrow(place),
                None => Turn::Failed(Failure(Error::Host(host)), None),
            },
            Err(error) => {
                let key = error.violation().and_then(|violation| violation.key.clone());
                Turn::Failed(Failure(error), key)
            }
        }
    }

    /// The same with what is small in the scratch array, which is cheaper than objects of JavaScript's. The first
    /// `used` bytes after the words are still needed.
    pub(crate) fn in_scratch(self, scratch: &mut Bytes, used: usize) -> Turn {
        let Some((words, room)) = scratch.as_mut_slice().split_at_mut_checked(WORDS) else { return self };
        match &self {
            Turn::Value(value) => match (room.get_mut(..value.len()), u32::try_from(value.len())) {
                (Some(room), Ok(len)) => {
                    room.copy_from_slice(value);
                    Turn::Scratch(len)
                }
                _ => self,
            },
            Turn::Hook { open, number, depth, value } => {
                let value = value.as_deref();
                let told = value.map_or(Some(0), |value| u32::try_from(value.len()).ok()?.checked_add(1));
                let value = value.unwrap_or_default();
                let room = room.get_mut(used..).and_then(|room| room.get_mut(..value.len()));
                let (Some(told), Some(room)) = (told, room) else { return self };
                room.copy_from_slice(value);
                let numbers = [*open, *number, *depth, told];
                for (word, number) in words.chunks_exact_mut(4).zip(numbers) {
                    word.copy_from_slice(&number.to_ne_bytes());
                }
                Turn::ScratchHook
            }
            _ => self,
        }
    }
}

impl TypeName for Turn {
    fn type_name() -> &'static str {
        "Turn"
    }

    fn value_type() -> ValueType {
        ValueType::Unknown
    }
}

impl ToNapiValue for Turn {
    unsafe fn to_napi_value(env: sys::napi_env, turn: Self) -> napi::Result<sys::napi_value> {
        // SAFETY: the environment is that of the call that is being served, here and below.
        unsafe {
            let number = |number: u32| u32::to_napi_value(env, number);
            let text = |text: &str| <&str>::to_napi_value(env, text);
            let bytes = |value: Option<Vec<u8>>| match value {
                Some(value) => buffer(env, &value),
                None => <()>::to_napi_value(env, ()),
            };
            match turn {
                Turn::Done => <()>::to_napi_value(env, ()),
                Turn::Scratch(len) => number(len),
                Turn::ScratchHook => i32::to_napi_value(env, -1),
                Turn::Value(value) => buffer(env, &value),
                Turn::Hook { open, number: hook, depth, value } => {
                    array(env, &[number(0)?, number(open)?, number(hook)?, number(depth)?, bytes(value)?])
                }
                Turn::Store { open, what, value } => {
                    array(env, &[number(1)?, number(open)?, text(what)?, bytes(value)?])
                }
                Turn::Log { open, number: logger, message } => {
                    array(env, &[number(2)?, number(open)?, number(logger)?, text(&message)?])
                }
                Turn::Wait { open, task } => {
                    let promise = AsyncTask::to_napi_value(env, *task)?;
                    array(env, &[number(3)?, number(open)?, promise])
                }
                Turn::Failed(failure, key) => {
                    array(env, &[number(4)?, number(0)?, text(&failure.to_json())?, bytes(key)?])
                }
                Turn::Rethrow(place) => array(env, &[number(5)?, number(0)?, number(place)?]),
            }
        }
    }
}

/// # Safety
/// The environment and the values are those of the call that is being served.
unsafe fn array(env: sys::napi_env, values: &[sys::napi_value]) -> napi::Result<sys::napi_value> {
    let mut array = std::ptr::null_mut();
    // SAFETY: the caller vouches for the environment; the out-pointer lives on this stack.
    let mut status = unsafe { sys::napi_create_array_with_length(env, values.len(), &raw mut array) };
    for (at, value) in (0_u32..).zip(values) {
        if status == sys::Status::napi_ok {
            // SAFETY: as above; the array was made.
            status = unsafe { sys::napi_set_element(env, array, at, *value) };
        }
    }
    if status == sys::Status::napi_ok {
        Ok(array)
    } else {
        Err(crate::failure::native("no array could be made"))
    }
}

/// A `Buffer` with a copy of the bytes.
///
/// # Safety
/// The environment is that of the call that is being served.
unsafe fn buffer(env: sys::napi_env, bytes: &[u8]) -> napi::Result<sys::napi_value> {
    let (mut copy, mut made) = (std::ptr::null_mut(), std::ptr::null_mut());
    // SAFETY: the caller vouches for the environment; Node copies the bytes before it returns.
    let status = unsafe {
        sys::napi_create_buffer_copy(env, bytes.len(), bytes.as_ptr().cast(), &raw mut copy, &raw mut made)
    };
    if status == sys::Status::napi_ok {
        Ok(made)
    } else {
        Err(crate::failure::native("no buffer could be made"))
    }
}
