//! A guarded operation: a state machine that asks its driver for everything it needs.
//!
//! It does no I/O and calls nobody. `step` says what is needed next, the driver performs it and hands the reply to
//! `resume`, until `Done`. The operation belongs to its driver: dropping it before `Done` ends it as refused, or as
//! `unknown` once the store was asked, and the audit says so.

mod judge;
mod kind;
mod now;
#[expect(clippy::module_inception, reason = "the noun of this folder, and the file that defines it")]
mod operation;
mod outcome;
mod progress;
mod refusal;
mod request;
mod step;

pub use kind::Kind;
pub(crate) use now::Now;
pub use operation::Operation;
pub use outcome::Outcome;
pub(crate) use progress::log_sentence;
pub use request::{MAX_DEPTH, MAX_KEY_BYTES, Request};
pub use step::{HookCall, LogCall, LogLevel, Reply, Step, StoreCall, StoreReply};
