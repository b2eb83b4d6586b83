//! Which library this is.

use std::ffi::c_char;

/// The version of the ABI that this library has. The number is in the name, so that a program that was compiled for
/// another one does not link: call it once at start-up.
#[unsafe(no_mangle)]
pub extern "C" fn cr_abi_version_1() -> u32 {
    1
}

/// The version of Checkrein, NUL-terminated: `0.1.0`.
#[unsafe(no_mangle)]
pub extern "C" fn cr_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}
