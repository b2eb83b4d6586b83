//! JavaScript values as the core takes them, read the cheap way: one call into Node each, no wrapper objects.

use checkrein::context::{AGENT_ID, Context, SESSION_ID, Value};
use checkrein::error::Error;
use napi::bindgen_prelude::{FromNapiValue, TypeName, ValidateNapiValue};
use napi::{JsValue as _, Unknown, ValueType, sys};

use crate::failure::{Result, native};

/// Bytes of a `Uint8Array` of the caller's.
pub struct Bytes {
    data: *mut u8,
    len: usize,
}

impl Bytes {
    /// The bytes as they are now.
    pub(crate) fn as_slice(&self) -> &[u8] {
        if self.len == 0 {
            return &[];
        }
        // SAFETY: Node gave pointer and length of a live array, which the call's arguments keep alive; no
        // JavaScript runs until the export returns.
        unsafe { std::slice::from_raw_parts(self.data, self.len) }
    }

    /// The bytes, to be written. Only for the driver's own scratch array.
    pub(crate) fn as_mut_slice(&mut self) -> &mut [u8] {
        if self.len == 0 {
            return &mut [];
        }
        // SAFETY: as above; `&mut self` keeps other slices of this view away.
        unsafe { std::slice::from_raw_parts_mut(self.data, self.len) }
    }
}

impl TypeName for Bytes {
    fn type_name() -> &'static str {
        "Uint8Array"
    }

    fn value_type() -> ValueType {
        ValueType::Object
    }
}

impl ValidateNapiValue for Bytes {}

impl FromNapiValue for Bytes {
    unsafe fn from_napi_value(env: sys::napi_env, value: sys::napi_value) -> napi::Result<Self> {
        let (mut data, mut len) = (std::ptr::null_mut(), 0);
        // SAFETY: the macro hands a valid environment and value; the out-pointers live on this stack.
        let status = unsafe { sys::napi_get_buffer_info(env, value, &raw mut data, &raw mut len) };
        if status != sys::Status::napi_ok {
            return Err(native("bytes were due"));
        }
        Ok(Bytes { data: data.cast(), len })
    }
}

/// A context as the driver flattens it: the two known names, and an array `[name, value, …]` of the others.
///
/// # Errors
/// `UsageError` for what the core refuses, and for text that is not well-formed.
pub(crate) fn context(agent: &Unknown<'_>, session: &Unknown<'_>, rest: &Unknown<'_>) -> Result<Context> {
    let mut context = Context::new();
    for (name, value) in [(AGENT_ID, agent), (SESSION_ID, session)] {
        if let Some(value) = context_value(value)? {
            context.insert(name, value)?;
        }
    }
    let mut at = 0;
    if rest.get_type().is_ok_and(|kind| kind == ValueType::Object) {
        while let Some(name) = element(rest, at).as_ref().map(text).transpose()?.flatten() {
            let value = element(rest, at + 1).as_ref().map(context_value).transpose()?.flatten();
            if let Some(value) = value {
                context.insert(&name, value)?;
            }
            at += 2;
        }
    }
    Ok(context)
}

/// An element of an array; nothing past its end.
fn element<'a>(array: &Unknown<'a>, at: u32) -> Option<Unknown<'a>> {
    let mut value = std::ptr::null_mut();
    // SAFETY: environment and array are those of the call that is being served.
    let status = unsafe { sys::napi_get_element(array.value().env, array.raw(), at, &raw mut value) };
    if status != sys::Status::napi_ok {
        return None;
    }
    // SAFETY: Node has just given this value for this environment.
    Some(unsafe { Unknown::from_raw_unchecked(array.value().env, value) })
}

fn context_value(value: &Unknown<'_>) -> Result<Option<Value>> {
    let (env, raw) = (value.value().env, value.raw());
    match value.get_type().unwrap_or(ValueType::Unknown) {
        ValueType::Undefined | ValueType::Null => Ok(None),
        ValueType::String => Ok(text(value)?.map(Value::from)),
        ValueType::Boolean => {
            // SAFETY: Node has just said that the value is a boolean.
            let flag = unsafe { bool::from_napi_value(env, raw) };
            Ok(Some(Value::Bool(flag.map_err(|_| not_a_value())?)))
        }
        ValueType::Number => {
            // SAFETY: Node has just said that the value is a number; the driver lets safe integers pass only.
            let number = unsafe { i64::from_napi_value(env, raw) };
            Ok(Some(Value::Int(number.map_err(|_| not_a_value())?)))
        }
        ValueType::BigInt => {
            let (mut number, mut lossless) = (0, false);
            // SAFETY: Node has just said that the value is a bigint; the out-pointers live on this stack.
            let status =
                unsafe { sys::napi_get_value_bigint_int64(env, raw, &raw mut number, &raw mut lossless) };
            if status != sys::Status::napi_ok || !lossless {
                return Err(Error::usage(
                    "an integer in the context is out of range: it takes 64 bits, signed",
                )
                .into());
            }
            Ok(Some(Value::Int(number)))
        }
        _ => Err(not_a_value().into()),
    }
}

fn not_a_value() -> Error {
    Error::usage("a value in the context is no text, boolean or integer")
}

/// The text of a JavaScript string; nothing where the value is none.
///
/// # Errors
/// `UsageError` for a string with half a surrogate pair: as UTF-8 it would be another text.
pub(crate) fn text(value: &Unknown<'_>) -> Result<Option<String>> {
    const INLINE: usize = 128;
    let (env, raw) = (value.value().env, value.raw());
    let mut buffer = [0_u16; INLINE];
    let mut len = 0;
    // SAFETY: the buffer has room for `INLINE` units, the end mark included; Node writes no more.
    let status =
        unsafe { sys::napi_get_value_string_utf16(env, raw, buffer.as_mut_ptr(), INLINE, &raw mut len) };
    if status != sys::Status::napi_ok {
        return Ok(None);
    }
    if len < INLINE - 1 {
        return Ok(Some(well_formed(buffer.get(..len).unwrap_or_default())?));
    }
    // SAFETY: without a buffer Node only tells the length.
    unsafe { sys::napi_get_value_string_utf16(env, raw, std::ptr::null_mut(), 0, &raw mut len) };
    let mut long = vec![0_u16; len + 1];
    // SAFETY: the vector has room for the text and the end mark.
    unsafe { sys::napi_get_value_string_utf16(env, raw, long.as_mut_ptr(), len + 1, &raw mut len) };
    Ok(Some(well_formed(long.get(..len).unwrap_or_default())?))
}

fn well_formed(units: &[u16]) -> Result<String> {
    String::from_utf16(units).map_err(|_| {
        Error::usage("a text is not well-formed: it holds half of a surrogate pair, which is no character")
            .into()
    })
}

/// A text argument of an export: what is no well-formed string is an error.
pub struct Text(pub(crate) String);

impl TypeName for Text {
    fn type_name() -> &'static str {
        "string"
    }

    fn value_type() -> ValueType {
        ValueType::String
    }
}

impl ValidateNapiValue for Text {}

impl FromNapiValue for Text {
    unsafe fn from_napi_value(env: sys::napi_env, value: sys::napi_value) -> napi::Result<Self> {
        // SAFETY: the macro hands a valid environment and value.
        let value = unsafe { Unknown::from_raw_unchecked(env, value) };
        match text(&value) {
            Ok(Some(text)) => Ok(Text(text)),
            Ok(None) => Err(native("a text was due")),
            Err(failure) => Err(failure.into()),
        }
    }
}
