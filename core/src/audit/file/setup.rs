//! An audit file's settings, checked and made ready for use.

use super::hash::Hasher;
use super::names::Names;
use super::options::{AuditFileOptions, Fsync};
use crate::clock::Clock;
use crate::error::Result;

/// What the writer goes by.
#[derive(Clone)]
pub(super) struct Setup {
    /// The path as messages show it.
    pub(super) label: String,
    pub(super) names: Names,
    pub(super) hasher: Hasher,
    pub(super) fsync: Fsync,
    pub(super) rotate_bytes: u64,
    pub(super) clock: Clock,
    #[cfg(test)]
    pub(super) faults: std::sync::Arc<super::writer_tests::Faults>,
}

impl Setup {
    pub(super) fn new(options: &AuditFileOptions, names: Names) -> Result<Self> {
        Ok(Setup {
            label: names.current().display().to_string(),
            names,
            hasher: Hasher::new(options.key.as_ref())?,
            fsync: options.synced(),
            rotate_bytes: options.rotate_bytes,
            clock: options.clock.clone(),
            #[cfg(test)]
            faults: std::sync::Arc::default(),
        })
    }
}
