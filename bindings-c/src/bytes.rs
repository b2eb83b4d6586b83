//! Bytes that the library gives away.

use crate::guard;
use crate::input::EMPTY;

/// Lets bytes go that the library gave with their length. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_bytes_free(bytes: *mut u8, len: usize) {
    guard::infallible((), || {
        if !bytes.is_null() && len > 0 {
            // SAFETY: the bytes were given by `give`, with this length.
            drop(unsafe { Box::from_raw(std::ptr::slice_from_raw_parts_mut(bytes, len)) });
        }
    });
}

/// Hands bytes over to the caller, who gives them back to [`cr_bytes_free`]. Empty ones are not NULL.
pub(crate) fn give(bytes: Vec<u8>) -> (*mut u8, usize) {
    let len = bytes.len();
    if len == 0 {
        return (EMPTY.as_ptr().cast_mut(), 0);
    }
    (Box::into_raw(bytes.into_boxed_slice()).cast(), len)
}
