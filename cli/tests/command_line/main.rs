//! The command line as its users meet it: the real binary, its output and its exit codes.

mod audit;
mod calls;
mod cases;
mod check;
mod eval;
mod support;
