//! The native module behind the npm package `checkrein`: few exports, and no word of policy.
//!
//! The TypeScript above it is the driver. It calls [`start::start`], which gives the outcome at once where an
//! operation needs nothing of the host, and else a step: a hook or a host's store to be called, a logger to
//! be told, a sink or listener, a promise of the disk's. It performs the step and hands the reply to
//! [`operation::resume`]. Host callables and thrown objects stay in JavaScript, where the garbage collector
//! sees through them; here they are numbers.
//!
//! Every export catches panics: one becomes a JavaScript error, and the operation in hand is dropped, which
//! refuses it. Nothing here is called by users, so the argument lists are short and raw.

pub mod arguments;
pub mod audit;
pub mod cli;
pub mod clock;
pub mod database;
pub mod document;
pub mod engine;
pub mod explain;
pub mod failure;
pub mod files;
pub mod fork;
pub mod hooks;
pub mod limits;
pub mod listen;
pub mod operation;
pub mod packed;
pub mod places;
pub mod reply;
pub mod start;
pub mod turn;
pub mod work;
