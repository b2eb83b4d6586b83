//! What C hands in, checked: pointers, lengths, texts and option structs.

use std::ffi::{CStr, c_char};

use checkrein::{Error, Result};

/// As the length of a text: it ends at its first NUL.
pub(crate) const CR_NUL: usize = usize::MAX;

/// As a number: the default.
pub(crate) const CR_DEFAULT: usize = usize::MAX;

/// What an empty run of bytes points to: never NULL, and a real address.
pub(crate) static EMPTY: [u8; 1] = [0];

/// The address of bytes as C sees them: of empty ones a valid address too.
pub(crate) fn address_of(bytes: &[u8]) -> *const u8 {
    if bytes.is_empty() { EMPTY.as_ptr() } else { bytes.as_ptr() }
}

fn null(name: &str) -> Error {
    Error::usage(format!("`{name}` is NULL"))
}

/// A handle or struct to look at.
///
/// # Safety
/// `pointer` is NULL or points to a live `T` for as long as `'a`.
pub(crate) unsafe fn borrowed<'a, T>(pointer: *const T, name: &str) -> Result<&'a T> {
    // SAFETY: as promised by the caller.
    unsafe { pointer.as_ref() }.ok_or_else(|| null(name))
}

/// A handle to change.
///
/// # Safety
/// `pointer` is NULL or points to a live `T` that nobody else uses for as long as `'a`.
pub(crate) unsafe fn borrowed_mut<'a, T>(pointer: *mut T, name: &str) -> Result<&'a mut T> {
    // SAFETY: as promised by the caller.
    unsafe { pointer.as_mut() }.ok_or_else(|| null(name))
}

/// Checks that there is a place for what a function gives.
pub(crate) fn place<T>(pointer: *mut T, name: &str) -> Result<*mut T> {
    if pointer.is_null() { Err(null(name)) } else { Ok(pointer) }
}

/// Bytes; NULL with the length 0 are none.
///
/// # Safety
/// `data` is NULL or points to `len` bytes that stay unchanged for as long as `'a`.
pub(crate) unsafe fn bytes<'a>(data: *const u8, len: usize, name: &str) -> Result<&'a [u8]> {
    if data.is_null() {
        return if len == 0 {
            Ok(&[])
        } else {
            Err(Error::usage(format!("`{name}` is NULL, with the length {len}")))
        };
    }
    if isize::try_from(len).is_err() {
        return Err(Error::usage(format!("`{name}` has the length {len}, which no bytes can have")));
    }
    // SAFETY: not NULL, a possible length, and as promised by the caller.
    Ok(unsafe { std::slice::from_raw_parts(data, len) })
}

/// An array; NULL with the length 0 is an empty one.
///
/// # Safety
/// `items` is NULL or points to `len` items that stay unchanged for as long as `'a`.
pub(crate) unsafe fn array<'a, T>(items: *const T, len: usize, name: &str) -> Result<&'a [T]> {
    if items.is_null() {
        return if len == 0 {
            Ok(&[])
        } else {
            Err(Error::usage(format!("`{name}` is NULL, with the length {len}")))
        };
    }
    if len.checked_mul(size_of::<T>()).is_none_or(|bytes| isize::try_from(bytes).is_err()) {
        return Err(Error::usage(format!("`{name}` has the length {len}, which no array can have")));
    }
    // SAFETY: not NULL, a possible length, and as promised by the caller.
    Ok(unsafe { std::slice::from_raw_parts(items, len) })
}

/// The bytes of a text, that may end at a NUL.
///
/// # Safety
/// As [`bytes`]; with the length [`CR_NUL`], `data` is NULL or NUL-terminated.
pub(crate) unsafe fn text_bytes<'a>(data: *const c_char, len: usize, name: &str) -> Result<&'a [u8]> {
    if data.is_null() {
        return Err(null(name));
    }
    if len == CR_NUL {
        // SAFETY: not NULL, and NUL-terminated as promised by the caller.
        return Ok(unsafe { CStr::from_ptr(data) }.to_bytes());
    }
    // SAFETY: as promised by the caller.
    unsafe { bytes(data.cast(), len, name) }
}

/// A text that must be there.
///
/// # Safety
/// As [`text_bytes`].
pub(crate) unsafe fn text<'a>(data: *const c_char, len: usize, name: &str) -> Result<&'a str> {
    // SAFETY: as promised by the caller.
    let bytes = unsafe { text_bytes(data, len, name) }?;
    utf8(bytes, name)
}

/// A text that may be NULL.
///
/// # Safety
/// As [`text_bytes`].
pub(crate) unsafe fn optional_text<'a>(
    data: *const c_char,
    len: usize,
    name: &str,
) -> Result<Option<&'a str>> {
    // SAFETY: as promised by the caller.
    if data.is_null() { Ok(None) } else { unsafe { text(data, len, name) }.map(Some) }
}

pub(crate) fn utf8<'a>(bytes: &'a [u8], name: &str) -> Result<&'a str> {
    std::str::from_utf8(bytes).map_err(|_| {
        let shown = checkrein::text::shown_key(bytes);
        Error::usage(format!("`{name}` is not UTF-8: `{shown}`"))
    })
}

/// A struct that begins with its size, which tells the version of the header that the caller was compiled with.
///
/// # Safety
/// `size` is what stands in the caller's struct.
pub(crate) fn checked_size<T>(size: usize, name: &str) -> Result<()> {
    let known = size_of::<T>();
    if size == known {
        return Ok(());
    }
    Err(Error::usage(format!(
        "`{name}->size` is {size}, this version knows {known}: set it to `sizeof({name})`, and use the header that \
         belongs to the library"
    )))
}
