//! A guarded operation: a state machine that asks its driver for everything it needs.

mod kind;

pub use kind::Kind;
