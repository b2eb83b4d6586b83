//! A guarded operation: a state machine that asks its driver for everything it needs.
//!
//! It does no I/O and calls nobody. `step` says what is needed next, the driver performs it and hands the reply to
//! `resume`, until `Done`. The operation belongs to its driver: dropping it before `Done` ends it as refused, or as
//! `unknown` once the store was asked, and the audit says so.
//!
//! `request` says what a caller asks for; `course` is the state machine, with `limits` and `replies` where it meets the
//! rate limits and its driver; `subject` is one key on its way through it, and `whole` what there is beside that key in a
//! batch or a scan; `judge` knows what answers mean, `refusal` and `ending` how it comes to its end; `show` is what a
//! driver sees of it.

mod course;
mod ending;
mod judge;
mod kind;
mod limits;
mod now;
#[expect(clippy::module_inception, reason = "the noun of this folder, and the file that defines it")]
mod operation;
mod outcome;
mod refusal;
mod replies;
mod request;
mod show;
mod step;
mod subject;
mod whole;

pub use kind::Kind;
pub(crate) use now::Now;
pub use operation::Operation;
pub use outcome::Outcome;
pub use request::{
    Ask, AskedChange, BatchRequest, MAX_DEPTH, MAX_KEY_BYTES, MAX_MANY, ManyRequest, Request, ScanRequest,
};
pub(crate) use show::log_sentence;
pub use step::{
    Changes, HookCall, LogCall, LogLevel, NotifyCall, RecordCall, RecordTo, Reply, Step, StoreCall,
    StoreReply,
};
pub use whole::SCAN_PAGE;
