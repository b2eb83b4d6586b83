//! Texts that the library gives: with a length, and with a NUL behind the last byte.

use std::ffi::c_char;
use std::sync::OnceLock;

use crate::input::EMPTY;

/// A text of the library. `data` is UTF-8 of `len` bytes with a NUL behind them, so that it prints as it is;
/// a NUL inside is possible. `data` is NULL where there is no text. It lives as long as what it was asked of.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct cr_str {
    /// The first byte, or NULL.
    pub data: *const c_char,
    /// The length in bytes, without the NUL.
    pub len: usize,
}

impl cr_str {
    /// No text.
    pub const NONE: cr_str = cr_str { data: std::ptr::null(), len: 0 };

    /// A text that ends with a NUL, which is not counted.
    pub(crate) fn terminated(text: &'static str) -> Self {
        match text.strip_suffix('\0') {
            Some(bare) => cr_str { data: text.as_ptr().cast(), len: bare.len() },
            None => cr_str::NONE,
        }
    }
}

/// A text that is kept with its NUL.
#[derive(Debug)]
pub(crate) struct Text(Box<str>);

impl Text {
    pub(crate) fn new(mut text: String) -> Self {
        text.push('\0');
        Text(text.into_boxed_str())
    }

    pub(crate) fn as_c(&self) -> cr_str {
        cr_str { data: self.0.as_ptr().cast(), len: self.0.len().saturating_sub(1) }
    }
}

/// A text that is made when it is first asked for.
#[derive(Debug, Default)]
pub(crate) struct Lazy(OnceLock<Text>);

impl Lazy {
    pub(crate) fn get(&self, make: impl FnOnce() -> String) -> cr_str {
        self.0.get_or_init(|| Text::new(make())).as_c()
    }

    /// The same for a text that may be absent.
    pub(crate) fn get_some(&self, text: Option<&str>) -> cr_str {
        match text {
            Some("") => cr_str { data: EMPTY.as_ptr().cast(), len: 0 },
            Some(text) => self.get(|| text.to_owned()),
            None => cr_str::NONE,
        }
    }
}
