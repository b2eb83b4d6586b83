//! Checkrein keeps AI agents in check.
#![forbid(unsafe_code)]

pub mod clock;
pub mod context;
pub mod error;
pub mod limit;
pub mod operation;
pub mod text;

pub use error::{Class, Code, Error, Result};
