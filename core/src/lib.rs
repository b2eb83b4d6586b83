//! Checkrein keeps AI agents in check.
#![forbid(unsafe_code)]

pub mod clock;
pub mod context;
pub mod error;
pub mod glob;
pub mod operation;
pub mod text;

pub use error::{Class, Code, Error, Result};
