//! Any bytes as calls of the C functions: `cargo +nightly fuzz run ffi`.
#![no_main]

#[path = "../../tests/program/mod.rs"]
mod program;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| program::run(bytes));
