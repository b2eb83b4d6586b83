//! Rate limits: token buckets that are exact, bounded, and taken all together or not at all.
//!
//! A [`RateLimit`] is declared, compiled to a [`Limit`] and added to a [`LimitSet`]. When an operation starts, the
//! set is looked at ([`LimitSet::start`]: an empty bucket refuses before anything of the host runs); right before
//! the store, tool or task is asked, tokens are taken ([`LimitSet::take`]). Nothing is held in between. A batch asks
//! for many tokens in one step ([`Demand`], [`LimitSet::take_many`]). The time is the caller's: nanoseconds on a
//! monotonic clock. A reading earlier than one seen before counts as that one, so a clock that goes back never makes a
//! token.
//!
//! ```
//! use std::sync::Arc;
//! use checkrein::context::Context;
//! use checkrein::limit::{Limit, LimitSet, RateLimit, Target};
//!
//! let limits = LimitSet::new().with(Arc::new(Limit::compile(Target::Write, &RateLimit::per_minute(7).burst(1))?));
//! let context = Context::new();
//! assert!(limits.take(Target::Write, &context, 0).is_ok());
//! let refused = limits.take(Target::Write, &context, 0).unwrap_err();
//! assert_eq!(refused.retry_after_ns(), 8_571_428_572); // 60 s / 7, rounded up
//! assert!(limits.take(Target::Write, &context, 8_571_428_572).is_ok());
//! # Ok::<(), checkrein::Error>(())
//! ```

mod bucket;
mod compiled;
mod declare;
mod demand;
mod keyed;
mod rate;
mod set;
mod status;
mod table;
mod target;

pub use compiled::Limit;
pub use declare::{DEFAULT_MAX_KEYS, GLOBAL, MAX_MAX_KEYS, RateLimit, RateLimitOptions};
pub use demand::Demand;
pub use keyed::BYTES_FIXED;
pub use rate::{MAX_FILL_NS, MAX_TOKENS};
pub use set::LimitSet;
pub use status::{Impossible, LimitStatus, Refused, Taken, Unmet};
pub use table::BYTES_PER_KEY;
pub use target::{Count, Target};
