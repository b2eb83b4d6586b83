//! What only a Rust program can do with data hooks; the behaviour that all languages share is in
//! `tests/conformance`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::result_large_err,
    reason = "a test"
)]

mod answers;
mod lifecycle;
mod registry;
mod several;
mod stores;
mod threads;
mod trying;

use checkrein::PolicyEngine;
use checkrein::audit::{AuditFilter, Entry};

/// The whole audit, oldest first.
fn entries(policy: &PolicyEngine) -> Vec<Entry> {
    policy.audit_log(&AuditFilter::new().limit(usize::MAX)).unwrap()
}

/// The results of the whole audit.
fn results(policy: &PolicyEngine) -> Vec<&'static str> {
    entries(policy).iter().map(|entry| entry.result().as_str()).collect()
}
