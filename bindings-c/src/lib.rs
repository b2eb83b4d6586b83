//! Checkrein's C ABI: opaque handles, one status, errors as objects.
//!
//! It converts and drives; everything is decided in the core. What holds for every function:
//!
//! - A function that can fail returns a [`cr_status`] and takes a `cr_error **` as its last argument. Out-parameters
//!   are written on success only, the error only on failure, and each error is the caller's to free.
//! - Every pointer is checked for NULL; that it points to what its type says is the caller's part.
//! - No panic leaves the library: it becomes `CR_INTERNAL`, and the operation is refused.
//! - No lock of the library is held while a function of the host runs.
//!
//! The doc comments are those of the header, so they speak to C programmers.
#![allow(non_camel_case_types, reason = "the names are those of the header")]
#![allow(
    clippy::missing_safety_doc,
    reason = "the doc comments are the header's, whose contract stands in docs/ffi.md"
)]
#![allow(clippy::too_many_arguments, reason = "C has no other way to say key, value and length")]

pub mod answer;
pub mod audit;
pub mod audit_file;
pub mod bytes;
pub mod call;
pub mod clock;
pub mod context;
pub mod database;
pub mod document;
pub mod engine;
pub mod error;
pub mod explain;
pub mod helper;
pub mod hook;
pub mod limit;
pub mod listener;
pub mod logger;
pub mod many;
pub mod notices;
pub mod operation;
pub mod page;
pub mod register;
pub mod reply;
pub mod scan;
pub mod sink;
pub mod status;
pub mod step;
pub mod store;
pub mod text;
pub mod version;

mod drive;
mod fork;
mod guard;
mod input;
mod packed;
mod show;
mod token;
pub mod user_data;

pub use error::cr_error;
pub use status::cr_status;
