//! Checkrein keeps AI agents in check.
#![forbid(unsafe_code)]

pub mod clock;
pub mod context;
pub mod error;
pub mod operation;
pub mod store;
pub mod text;

pub use error::{Class, Code, Error, Result};
