//! The context as a handle: what the caller says about who acts.

use std::ffi::c_char;

use checkrein::Result;
use checkrein::context::{Context, Value};

use crate::text::cr_str;
use crate::{cr_error, cr_status, guard, input};

/// What the caller says about who acts: names with texts, booleans or integers. At most 64 entries, names to 256
/// bytes, texts to 64 KiB, `agent_id` and `session_id` to 1,024 bytes. It is copied when an operation starts, so it
/// may be changed and used again. Several threads may read one, or one may change it.
// Hidden from cbindgen, to which a transparent type is no opaque one.
#[cfg_attr(all(), repr(transparent))]
pub struct cr_context(pub(crate) Context);

/// What kind of value a context holds.
pub type cr_value_kind = i32;
/// A text.
pub const CR_VALUE_TEXT: cr_value_kind = 0;
/// A boolean.
pub const CR_VALUE_BOOL: cr_value_kind = 1;
/// An integer.
pub const CR_VALUE_INT: cr_value_kind = 2;

/// A value of a context.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct cr_value {
    /// Which of the following counts.
    pub kind: cr_value_kind,
    /// The boolean.
    pub boolean: bool,
    /// The integer.
    pub integer: i64,
    /// The text, of `text_len` bytes, not NUL-terminated. It lives as long as the context is not changed.
    pub text: *const c_char,
    /// The text's length.
    pub text_len: usize,
}

impl cr_context {
    pub(crate) fn view(context: &Context) -> *const cr_context {
        std::ptr::from_ref(context).cast()
    }
}

/// Makes an empty context. Free it with cr_context_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_context_new(out: *mut *mut cr_context, error: *mut *mut cr_error) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid.
    unsafe {
        guard::fallible(error, || {
            let out = input::place(out, "out")?;
            out.write(Box::into_raw(Box::new(cr_context(Context::new()))));
            Ok(())
        })
    }
}

/// Sets a name to a text. A length may be CR_NUL.
///
/// Errors: CR_USAGE for an empty or overlong name, an overlong text, too many entries, bytes that are not UTF-8, and
/// for a near miss of a known name (`agentId`).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_context_set_text(
    context: *mut cr_context,
    name: *const c_char,
    name_len: usize,
    text: *const c_char,
    text_len: usize,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid, and the lengths are theirs.
    unsafe {
        guard::fallible(error, || {
            let text = input::text(text, text_len, "text")?;
            set(context, name, name_len, text.into())
        })
    }
}

/// Sets a name to a boolean: 0 is false, anything else true.
///
/// Errors: as cr_context_set_text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_context_set_bool(
    context: *mut cr_context,
    name: *const c_char,
    name_len: usize,
    boolean: i32,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid, and the lengths are theirs.
    unsafe { guard::fallible(error, || set(context, name, name_len, Value::Bool(boolean != 0))) }
}

/// Sets a name to an integer.
///
/// Errors: as cr_context_set_text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_context_set_int(
    context: *mut cr_context,
    name: *const c_char,
    name_len: usize,
    integer: i64,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid, and the lengths are theirs.
    unsafe { guard::fallible(error, || set(context, name, name_len, Value::Int(integer))) }
}

/// Takes all entries out.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_context_clear(context: *mut cr_context, error: *mut *mut cr_error) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid.
    unsafe {
        guard::fallible(error, || {
            input::borrowed_mut(context, "context")?.0 = Context::new();
            Ok(())
        })
    }
}

/// How many entries there are; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_context_len(context: *const cr_context) -> usize {
    // SAFETY: the header's contract: NULL or a live context.
    guard::infallible(0, || unsafe { context.as_ref() }.map_or(0, |context| context.0.len()))
}

/// The value of a name; false where there is none, and for NULL. `out` may be NULL. A length may be CR_NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_context_get(
    context: *const cr_context,
    name: *const c_char,
    name_len: usize,
    out: *mut cr_value,
) -> bool {
    guard::infallible(false, || {
        // SAFETY: the header's contract: the pointers are NULL or valid, and the lengths are theirs.
        unsafe {
            let (Some(context), Ok(name)) = (context.as_ref(), input::text(name, name_len, "name")) else {
                return false;
            };
            let Some(value) = context.0.get(name) else { return false };
            if !out.is_null() {
                out.write(value.into());
            }
            true
        }
    })
}

/// Whether a name has a value that is not empty and not false: what `require_agent_id` asks for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_context_has(
    context: *const cr_context,
    name: *const c_char,
    name_len: usize,
) -> bool {
    guard::infallible(false, || {
        // SAFETY: the header's contract: the pointers are NULL or valid, and the lengths are theirs.
        unsafe {
            let (Some(context), Ok(name)) = (context.as_ref(), input::text(name, name_len, "name")) else {
                return false;
            };
            context.0.get(name).is_some_and(Value::is_present)
        }
    })
}

/// The entry at a place, sorted by name; false past the end, and for NULL. The name is not NUL-terminated and lives
/// as long as the context is not changed. `name` and `value` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_context_at(
    context: *const cr_context,
    index: usize,
    name: *mut cr_str,
    value: *mut cr_value,
) -> bool {
    guard::infallible(false, || {
        // SAFETY: the header's contract: the pointers are NULL or valid.
        unsafe {
            let Some((known, held)) = context.as_ref().and_then(|context| context.0.iter().nth(index)) else {
                return false;
            };
            if !name.is_null() {
                name.write(cr_str { data: known.as_ptr().cast(), len: known.len() });
            }
            if !value.is_null() {
                value.write(held.into());
            }
            true
        }
    })
}

/// Lets a context go. NULL is allowed. Not for the context that a hook is shown.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_context_free(context: *mut cr_context) {
    guard::infallible((), || {
        if !context.is_null() {
            // SAFETY: the header's contract: made by cr_context_new, and freed once.
            drop(unsafe { Box::from_raw(context) });
        }
    });
}

/// # Safety
/// As [`cr_context_set_text`].
unsafe fn set(context: *mut cr_context, name: *const c_char, name_len: usize, value: Value) -> Result<()> {
    // SAFETY: as promised by the caller.
    unsafe {
        let context = input::borrowed_mut(context, "context")?;
        context.0.insert(input::text(name, name_len, "name")?, value)
    }
}

impl From<&Value> for cr_value {
    fn from(value: &Value) -> Self {
        let nothing = cr_value {
            kind: CR_VALUE_TEXT,
            boolean: false,
            integer: 0,
            text: input::EMPTY.as_ptr().cast(),
            text_len: 0,
        };
        match value {
            Value::Text(text) => {
                cr_value { text: input::address_of(text.as_bytes()).cast(), text_len: text.len(), ..nothing }
            }
            Value::Bool(boolean) => cr_value { kind: CR_VALUE_BOOL, boolean: *boolean, ..nothing },
            Value::Int(integer) => cr_value { kind: CR_VALUE_INT, integer: *integer, ..nothing },
        }
    }
}
