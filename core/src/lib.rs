//! Checkrein keeps AI agents in check: it stands between what an agent decides and what really happens, inside the
//! agent's own process, and answers one question: may this happen, here, now, by this agent?
//!
//! Rust programs use [`policy::PolicyEngine`]. The other languages' bindings drive [`engine::Engine`] and
//! [`operation::Operation`], which decide everything and call nobody.
#![forbid(unsafe_code)]

pub mod audit;
pub mod clock;
pub mod context;
pub mod document;
pub mod engine;
pub mod error;
pub mod fork;
pub mod glob;
mod group;
pub mod hook;
pub mod limit;
pub mod operation;
pub mod policy;
pub mod store;
pub mod text;
mod turn;

pub use audit::AuditFilter;
pub use clock::{Clock, ManualClock};
pub use document::PolicyDocument;
pub use error::{Class, Code, Error, PolicyViolation, Result};
pub use policy::{PolicyAction, PolicyContext, PolicyEngine};
pub use store::{Database, Store};

/// The embedded database under the name that connection-minded code expects.
pub type Connection = Database;
