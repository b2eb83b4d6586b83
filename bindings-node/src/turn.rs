//! What an export gives the driver of an operation: its outcome, or the next step.
//!
//! | JavaScript value | meaning |
//! |---|---|
//! | `undefined` | done, no value |
//! | a number | done; the value of so many bytes stands in the scratch array |
//! | a `Buffer` | done, with this value |
//! | `[kind, handle, …]` | see [`Turn`]; the handle is there in the first step only |

use std::sync::Arc;

use checkrein::error::Error;
use checkrein::operation::Outcome;
use napi::bindgen_prelude::{AsyncTask, External, ToNapiValue, TypeName};
use napi::{ValueType, sys};

use crate::arguments::Bytes;
use crate::failure::{Failure, place_of};
use crate::operation::{Open, Waiting};

/// The next step, or the outcome.
pub enum Turn {
    /// Done; writes and deletes, and reads that found nothing.
    Done,
    /// Done; the value stands in the scratch array.
    Scratch(u32),
    /// Done, with a value.
    Value(Vec<u8>),
    /// `[0, handle, number, depth, value]`: call a hook. The value is left out where it is the caller's own.
    Hook { number: u32, depth: u32, value: Option<Vec<u8>> },
    /// `[1, handle, what, value]`: ask the host's store. The value as above.
    Store { what: &'static str, value: Option<Vec<u8>> },
    /// `[2, handle, number, message]`: tell a logger; number 0 is the language's own.
    Log { number: u32, message: String },
    /// `[3, handle, promise]`: await the promise, which gives the next turn.
    Wait(Box<AsyncTask<Waiting>>),
    /// `[4, undefined, json, key]`: failed.
    Failed(Failure, Option<Vec<u8>>),
    /// `[5, undefined, place]`: failed with what the host itself threw.
    Rethrow(u32),
}

/// A turn with the operation that it is about, where the driver does not have it yet.
pub struct Given {
    pub(crate) turn: Turn,
    pub(crate) open: Option<Arc<Open>>,
}

impl Turn {
    /// The turn of an operation that has ended.
    pub(crate) fn of(outcome: Result<Outcome, Error>, scratch: Option<&mut Bytes>) -> Turn {
        match outcome {
            Ok(Outcome { value: None, .. }) => Turn::Done,
            Ok(Outcome { value: Some(value), .. }) => {
                let room = scratch.and_then(|scratch| scratch.as_mut_slice().get_mut(..value.len()));
                match (room, u32::try_from(value.len())) {
                    (Some(room), Ok(len)) => {
                        room.copy_from_slice(&value);
                        Turn::Scratch(len)
                    }
                    _ => Turn::Value(value),
                }
            }
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
}

impl TypeName for Given {
    fn type_name() -> &'static str {
        "Turn"
    }

    fn value_type() -> ValueType {
        ValueType::Unknown
    }
}

impl ToNapiValue for Given {
    unsafe fn to_napi_value(env: sys::napi_env, given: Self) -> napi::Result<sys::napi_value> {
        let Given { turn, open } = given;
        // SAFETY: the environment is that of the call that is being served, here and below.
        unsafe {
            let handle = |open: Option<Arc<Open>>| match open {
                Some(open) => External::to_napi_value(env, External::new(open)),
                None => <()>::to_napi_value(env, ()),
            };
            let bytes = |value: Option<Vec<u8>>| match value {
                Some(value) => buffer(env, &value),
                None => <()>::to_napi_value(env, ()),
            };
            let number = |number: u32| u32::to_napi_value(env, number);
            let text = |text: &str| <&str>::to_napi_value(env, text);
            match turn {
                Turn::Done => <()>::to_napi_value(env, ()),
                Turn::Scratch(len) => number(len),
                Turn::Value(value) => buffer(env, &value),
                Turn::Hook { number: hook, depth, value } => {
                    array(env, &[number(0)?, handle(open)?, number(hook)?, number(depth)?, bytes(value)?])
                }
                Turn::Store { what, value } => {
                    array(env, &[number(1)?, handle(open)?, text(what)?, bytes(value)?])
                }
                Turn::Log { number: logger, message } => {
                    array(env, &[number(2)?, handle(open)?, number(logger)?, text(&message)?])
                }
                Turn::Wait(task) => {
                    let promise = AsyncTask::to_napi_value(env, *task)?;
                    array(env, &[number(3)?, handle(open)?, promise])
                }
                Turn::Failed(failure, key) => {
                    array(env, &[number(4)?, handle(None)?, text(&failure.to_json())?, bytes(key)?])
                }
                Turn::Rethrow(place) => array(env, &[number(5)?, handle(None)?, number(place)?]),
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
