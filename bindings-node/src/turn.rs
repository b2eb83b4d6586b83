//! What an export gives the driver of an operation: its outcome, or the next step.
//!
//! | JavaScript value | meaning |
//! |---|---|
//! | `undefined` | done, no value |
//! | a number, 0 or more | done; so many bytes at the begin of the scratch array's room are the value |
//! | -1 | a hook is to be called; the scratch array's words say which |
//! | -2 | a pair of a scan; the scratch array's words say how long key and value are that stand after them |
//! | a `Buffer` | done, with this value; of a `get_many` the packed values |
//! | `[kind, open, …]` | see [`Turn`]; `open` is the operation's number |

use checkrein::error::Error;
use checkrein::operation::{HookCall, Kind, Outcome};
use napi::bindgen_prelude::{AsyncTask, ToNapiValue, TypeName};
use napi::{ValueType, sys};

use crate::arguments::Bytes;
use crate::failure::{Failure, place_of};
use crate::operation::Shape;
use crate::packed::pack;
use crate::work::Waiting;

/// The bytes at the begin of a scratch array that are kept for six words. For a hook: the operation's number,
/// the hook's, the depth, which key it is about, and one more than the lengths of the value and the key that
/// stand in the room, or 0 where the driver has them. For a pair: the lengths of key and value.
pub const WORDS: usize = 24;

/// The next step, or the outcome.
#[allow(missing_docs, reason = "each variant tells its fields")]
pub enum Turn {
    /// Done; writes and deletes, and reads that found nothing.
    Done,
    /// Done; the value stands in the scratch array, after the words.
    Scratch(u32),
    /// A hook, as the scratch array's words tell it.
    ScratchHook,
    /// A pair of a scan, as the scratch array's words tell it.
    ScratchItem,
    /// Done, with a value.
    Value(Vec<u8>),
    /// `[0, open, number, depth, at, value, key]`: call a hook. Value and key are left out where the driver
    /// has them.
    Hook { open: u32, turn: HookTurn },
    /// `[1, open, what, value, key, limit]`: ask the host's store. Of a scan the value is the key before; of
    /// a batch the packed changes. The key as above.
    Store { open: u32, asked: Asked },
    /// `[2, open, number, message]`: tell a logger; without a number it is a warning, 0 is the language's own
    /// logger.
    Log { open: u32, number: Option<u32>, message: String },
    /// `[3, open, promise]`: await the promise, which gives the next turn.
    Wait { open: u32, task: Box<AsyncTask<Waiting>> },
    /// `[4, 0, json, key]`: failed.
    Failed(Failure, Option<Vec<u8>>),
    /// `[5, 0, place]`: failed with what the host itself threw.
    Rethrow(u32),
    /// `[6, open, key, value]`: a pair of a scan.
    Item { open: u32, key: Vec<u8>, value: Vec<u8> },
    /// `[7, open, number, depth, entries, phase]`: hand audit entries (JSON) to a sink.
    Record { open: u32, number: u32, depth: u32, entries: String, phase: Option<&'static str> },
    /// `[8, open, number, depth, json or place, key]`: tell a listener of a refusal.
    Notify { open: u32, number: u32, depth: u32, told: Told },
}

/// A hook to be called.
pub struct HookTurn {
    number: u32,
    depth: u32,
    at: u32,
    value: Option<Vec<u8>>,
    key: Option<Vec<u8>>,
}

impl HookTurn {
    pub(crate) fn of(call: &HookCall<'_>, number: u32, shape: Shape) -> Self {
        let is_the_callers = call.value_is_original && call.trigger.kind == Kind::Write;
        HookTurn {
            number,
            depth: call.depth,
            at: u32::try_from(call.at).unwrap_or(u32::MAX),
            value: call.value.filter(|_| !is_the_callers).map(<[u8]>::to_vec),
            key: (shape == Shape::Scan).then(|| call.key.to_vec()),
        }
    }
}

/// What the host's store is asked.
pub struct Asked {
    pub(crate) what: &'static str,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) limit: u32,
}

/// An error, or the place of what the host itself threw.
pub enum Told {
    /// An error of the core's, and the key that it is about.
    Error(Failure, Option<Vec<u8>>),
    /// Where the driver keeps the host's object.
    Place(u32),
}

impl Told {
    pub(crate) fn of(error: Error) -> Told {
        if let Error::Host(host) = &error
            && let Some(place) = place_of(&host.object)
        {
            return Told::Place(place);
        }
        let key = error.violation().and_then(|violation| violation.key.clone());
        Told::Error(Failure(error), key)
    }
}

impl Turn {
    /// The turn of an operation that has ended.
    pub(crate) fn of(outcome: Result<Outcome, Error>, shape: Shape) -> Turn {
        match outcome {
            Ok(Outcome { values, .. }) if shape == Shape::Many && !values.is_empty() => {
                match pack(values.iter().map(|value| (<&[u8]>::default(), value.as_deref()))) {
                    Ok(packed) => Turn::Value(packed),
                    Err(error) => Turn::Failed(Failure(Error::Internal(error.reason.clone())), None),
                }
            }
            Ok(Outcome { value: None, .. }) => Turn::Done,
            Ok(Outcome { value: Some(value), .. }) => Turn::Value(value),
            Err(error) => match Told::of(error) {
                Told::Place(place) => Turn::Rethrow(place),
                Told::Error(failure, key) => Turn::Failed(failure, key),
            },
        }
    }

    /// The same with what is small in the scratch array, which is cheaper than objects of JavaScript's. The
    /// first `used` bytes after the words are still needed.
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
            Turn::Item { key, value, .. } => match both_into(room, key, value) {
                Some((key_len, value_len)) => {
                    set_words(words, [key_len, value_len, 0, 0, 0, 0]);
                    Turn::ScratchItem
                }
                None => self,
            },
            Turn::Hook { open, turn: HookTurn { number, depth, at, value, key } } => {
                let (first, second) =
                    (value.as_deref().unwrap_or_default(), key.as_deref().unwrap_or_default());
                let lens = room.get_mut(used..).and_then(|room| both_into(room, first, second));
                let Some((value_len, key_len)) = lens else { return self };
                let told = |given: bool, len: u32| if given { len + 1 } else { 0 };
                let (value_len, key_len) = (told(value.is_some(), value_len), told(key.is_some(), key_len));
                set_words(words, [*open, *number, *depth, *at, value_len, key_len]);
                Turn::ScratchHook
            }
            _ => self,
        }
    }
}

/// Copies both, one after the other, where there is room; gives their lengths.
fn both_into(room: &mut [u8], first: &[u8], second: &[u8]) -> Option<(u32, u32)> {
    // Less than the room, so one more than each length is no overflow.
    let lens = (u32::try_from(first.len()).ok()?, u32::try_from(second.len()).ok()?);
    let (begin, rest) = room.split_at_mut_checked(first.len())?;
    rest.get_mut(..second.len())?.copy_from_slice(second);
    begin.copy_from_slice(first);
    Some(lens)
}

fn set_words(words: &mut [u8], numbers: [u32; WORDS / 4]) {
    for (word, number) in words.chunks_exact_mut(4).zip(numbers) {
        word.copy_from_slice(&number.to_ne_bytes());
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
            let nothing = || <()>::to_napi_value(env, ());
            let bytes = |value: Option<Vec<u8>>| match value {
                Some(value) => buffer(env, &value),
                None => nothing(),
            };
            match turn {
                Turn::Done => nothing(),
                Turn::Scratch(len) => number(len),
                Turn::ScratchHook => i32::to_napi_value(env, -1),
                Turn::ScratchItem => i32::to_napi_value(env, -2),
                Turn::Value(value) => buffer(env, &value),
                Turn::Hook { open, turn: HookTurn { number: hook, depth, at, value, key } } => {
                    let numbers = [number(0)?, number(open)?, number(hook)?, number(depth)?, number(at)?];
                    let [kind, open, hook, depth, at] = numbers;
                    array(env, &[kind, open, hook, depth, at, bytes(value)?, bytes(key)?])
                }
                Turn::Store { open, asked: Asked { what, key, value, limit } } => {
                    let (value, key) = (bytes(value)?, bytes(key)?);
                    array(env, &[number(1)?, number(open)?, text(what)?, value, key, number(limit)?])
                }
                Turn::Log { open, number: logger, message } => {
                    let logger = logger.map_or_else(nothing, number)?;
                    array(env, &[number(2)?, number(open)?, logger, text(&message)?])
                }
                Turn::Wait { open, task } => {
                    let promise = AsyncTask::to_napi_value(env, *task)?;
                    array(env, &[number(3)?, number(open)?, promise])
                }
                Turn::Failed(failure, key) => {
                    array(env, &[number(4)?, number(0)?, text(&failure.to_json())?, bytes(key)?])
                }
                Turn::Rethrow(place) => array(env, &[number(5)?, number(0)?, number(place)?]),
                Turn::Item { open, key, value } => {
                    array(env, &[number(6)?, number(open)?, buffer(env, &key)?, buffer(env, &value)?])
                }
                Turn::Record { open, number: sink, depth, entries, phase } => {
                    let (entries, phase) = (text(&entries)?, phase.map_or_else(nothing, text)?);
                    array(env, &[number(7)?, number(open)?, number(sink)?, number(depth)?, entries, phase])
                }
                Turn::Notify { open, number: listener, depth, told } => {
                    let (error, key) = match told {
                        Told::Error(failure, key) => (text(&failure.to_json())?, bytes(key)?),
                        Told::Place(place) => (number(place)?, nothing()?),
                    };
                    array(env, &[number(8)?, number(open)?, number(listener)?, number(depth)?, error, key])
                }
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
