//! The command line as its users meet it: the real binary, its output and its exit codes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by it")]

mod audit;
mod calls;
mod cases;
mod check;
mod eval;
mod support;
