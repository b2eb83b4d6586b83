//! Data hooks for Rust programs: the driver that performs an engine's steps with closures and a [`Store`].
//!
//! ```
//! use checkrein::policy::{PolicyAction, PolicyContext, PolicyEngine};
//! use checkrein::Database;
//!
//! # fn main() -> checkrein::Result<()> {
//! let policy = PolicyEngine::new(Database::memory());
//! policy.before_write("system/*", |ctx| {
//!     if ctx.agent_id.is_some() { PolicyAction::Deny } else { PolicyAction::Allow }
//! });
//!
//! let ctx = PolicyContext::new("write", b"system/config").with_agent_id("rogue");
//! let refused = policy.put(b"system/config", b"x", Some(&ctx)).unwrap_err();
//! assert_eq!(refused.code().as_str(), "denied");
//! # Ok(())
//! # }
//! ```
//!
//! [`Store`]: crate::store::Store

mod action;
mod context;
mod driver;
mod engine;
mod handle;
mod helpers;
mod hook;
mod listen;
mod many;
mod scan;

pub use action::PolicyAction;
pub use context::PolicyContext;
pub use driver::{advance, perform, record, time_for};
pub use engine::{Builder, PolicyEngine};
pub use handle::HookHandle;
pub use helpers::{allow_all, deny_all, log_and_allow, redact_value, require_agent_id};
pub use scan::Scan;

pub use crate::audit::{Phase, SinkId};
pub use crate::engine::{Explanation, ListenerId};
pub use crate::hook::{Answer, Mode};
pub use crate::limit::{Count, RateLimit};
pub use many::BatchOp;
