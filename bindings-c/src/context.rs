//! The context as a handle: what the caller says about who acts.

use std::ffi::c_char;

use checkrein::context::{Context, Value};
use checkrein::{Error, Result};

use crate::text::cr_str;
use crate::{cr_error, cr_status, guard, input};

/// What the caller says about who acts: names with texts, booleans or integers. At most 64 entries, names to 256
/// bytes, texts to 64 KiB, `agent_id` and `session_id` to 1,024 bytes. It is copied when an operation starts, so it
/// may be changed and used again. Several threads may read one, or one may change it. The one that a hook is shown lives
/// until the hook returns, cannot be changed, and may be handed to operations that the hook starts.
pub struct cr_context(Said);

/// A caller's own context, or a look at the one of an operation.
enum Said {
    Own {
        context: Context,
        /// The first thing that could not be said, until the context is cleared: it refuses operations.
        fault: Option<Error>,
    },
    /// INVARIANT: lives no longer than the operation that it shows.
    View(*const Context),
}

// SAFETY: a view is only read, and its operation outlives it.
unsafe impl Send for cr_context {}
// SAFETY: as above.
unsafe impl Sync for cr_context {}

/// What kind of value a context holds.
pub type cr_value_kind = i32;
/// A text.
pub const CR_VALUE_TEXT: cr_value_kind = 0;
/// A boolean.
pub const CR_VALUE_BOOL: cr_value_kind = 1;
/// An integer.
pub const CR_VALUE_INT: cr_value_kind = 2;
/// In a packed context only: what the caller gave and no context can hold. The value is the message of the CR_USAGE
/// with which the operation is refused, and which the audit tells.
pub const CR_VALUE_FAULT: cr_value_kind = 3;

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
    /// A look at an operation's context.
    ///
    /// # Safety
    /// It is not used once the context is gone.
    pub(crate) unsafe fn view(context: &Context) -> Self {
        cr_context(Said::View(context))
    }

    /// What was said.
    pub(crate) fn get(&self) -> &Context {
        match &self.0 {
            Said::Own { context, .. } => context,
            // SAFETY: the context is there, see the invariant.
            Said::View(context) => unsafe { &**context },
        }
    }

    /// What could not be said.
    pub(crate) fn fault(&self) -> Option<&Error> {
        match &self.0 {
            Said::Own { fault, .. } => fault.as_ref(),
            Said::View(_) => None,
        }
    }

    /// Says something, or remembers that it could not be said.
    fn change(&mut self, change: impl FnOnce(&mut Context) -> Result<()>) -> Result<()> {
        match &mut self.0 {
            Said::Own { context, fault } => change(context).inspect_err(|error| {
                fault.get_or_insert_with(|| error.clone());
            }),
            Said::View(_) => Err(Error::usage("the context that a hook is shown cannot be changed")),
        }
    }
}

/// What an operation is started with who was given no context.
pub(crate) static NOTHING: Context = Context::new();

/// What the caller says, or what could not be said.
///
/// # Safety
/// `context` is NULL or lives for as long as `'a`.
pub(crate) unsafe fn said<'a>(context: *const cr_context) -> Result<&'a Context> {
    // SAFETY: as promised by the caller.
    match unsafe { context.as_ref() } {
        None => Ok(&NOTHING),
        Some(context) => match context.fault() {
            Some(fault) => Err(fault.clone()),
            None => Ok(context.get()),
        },
    }
}

/// Makes an empty context. Free it with cr_context_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_context_new(out: *mut *mut cr_context, error: *mut *mut cr_error) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid.
    unsafe {
        guard::fallible(error, || {
            let out = input::place(out, "out")?;
            out.write(Box::into_raw(Box::new(cr_context(Said::Own {
                context: Context::new(),
                fault: None,
            }))));
            Ok(())
        })
    }
}

/// Sets a name to a text. A length may be CR_NUL. What could not be said is remembered, so that the result may be
/// ignored: the context refuses every operation with that error until it is cleared.
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
            set(context, name, name_len, || Ok(input::text(text, text_len, "text")?.into()))
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
    unsafe { guard::fallible(error, || set(context, name, name_len, || Ok(Value::Bool(boolean != 0)))) }
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
    unsafe { guard::fallible(error, || set(context, name, name_len, || Ok(Value::Int(integer)))) }
}

/// Takes all entries out, and forgets what could not be said.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_context_clear(context: *mut cr_context, error: *mut *mut cr_error) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid.
    unsafe {
        guard::fallible(error, || {
            let context = input::borrowed_mut(context, "context")?;
            context.change(|_| Ok(()))?;
            context.0 = Said::Own { context: Context::new(), fault: None };
            Ok(())
        })
    }
}

/// How many entries there are; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_context_len(context: *const cr_context) -> usize {
    // SAFETY: the header's contract: NULL or a live context.
    guard::infallible(0, || unsafe { context.as_ref() }.map_or(0, |context| context.get().len()))
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
            let Some(value) = context.get().get(name) else { return false };
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
            context.get().get(name).is_some_and(Value::is_present)
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
            let Some((known, held)) = context.as_ref().and_then(|context| context.get().iter().nth(index))
            else {
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
unsafe fn set(
    context: *mut cr_context,
    name: *const c_char,
    name_len: usize,
    value: impl FnOnce() -> Result<Value>,
) -> Result<()> {
    // SAFETY: as promised by the caller.
    unsafe {
        let context = input::borrowed_mut(context, "context")?;
        context.change(|context| context.insert(input::text(name, name_len, "name")?, value()?))
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
