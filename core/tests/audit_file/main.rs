//! The audit file, sentence by sentence of `docs/audit-file.md`: what it writes, what verification finds, what a
//! crash, a full disk, a removed directory and a second process do to it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, reason = "a test fails by it")]

mod chain;
mod faults;
#[cfg(unix)]
mod fork;
mod kill;
mod reading;
mod support;
mod tampering;
