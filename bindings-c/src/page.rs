//! Pages of a scan: pairs of keys and values, as a store gives them.

use checkrein::Result;
use checkrein::store::Page;

use crate::step::bytes_of;
use crate::{guard, input};

/// A key and its value.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct cr_pair {
    /// The key.
    pub key: *const u8,
    /// The key's length.
    pub key_len: usize,
    /// The value.
    pub value: *const u8,
    /// The value's length.
    pub value_len: usize,
}

/// A page of cr_database_scan. It lives until cr_page_free.
#[repr(C)]
pub struct cr_page {
    /// The pairs, in the order of their keys' bytes.
    pub pairs: *const cr_pair,
    /// How many there are.
    pub len: usize,
    /// Not zero where nothing follows.
    pub at_end: i32,
}

/// Lets a page go. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_page_free(page: *mut cr_page) {
    guard::infallible((), || {
        if !page.is_null() {
            // SAFETY: the header's contract: given by `give`, which made it the first field, and freed once.
            drop(unsafe { Box::from_raw(page.cast::<Given>()) });
        }
    });
}

/// A page with what its pointers point to.
#[repr(C)]
struct Given {
    shown: cr_page,
    pairs: Vec<cr_pair>,
    page: Page,
}

/// Hands a page over to the caller.
pub(crate) fn give(page: Page) -> *mut cr_page {
    let pair = |(key, value): &(Vec<u8>, Vec<u8>)| {
        let ((key, key_len), (value, value_len)) = (bytes_of(key), bytes_of(value));
        cr_pair { key, key_len, value, value_len }
    };
    let pairs: Vec<_> = page.pairs.iter().map(pair).collect();
    let shown = cr_page { pairs: pairs.as_ptr(), len: pairs.len(), at_end: page.end.into() };
    Box::into_raw(Box::new(Given { shown, pairs, page })).cast()
}

/// Copies pairs that C gave.
///
/// # Safety
/// `pairs` is NULL or points to `len` pairs whose pointers hold to the header.
pub(crate) unsafe fn pairs_of(pairs: *const cr_pair, len: usize) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
    // SAFETY: as promised by the caller.
    let pairs = unsafe { input::array(pairs, len, "pairs") }?;
    let pair = |pair: &cr_pair| {
        // SAFETY: as promised by the caller.
        let (key, value) = unsafe {
            (input::bytes(pair.key, pair.key_len, "key")?, input::bytes(pair.value, pair.value_len, "value")?)
        };
        Ok((key.to_vec(), value.to_vec()))
    };
    pairs.iter().map(pair).collect()
}
