//! Sinks: who is told of every entry beside the ring.

use std::fmt;
use std::sync::Arc;

use super::AuditFile;
use crate::document::DeclaredAuditFile;
use crate::error::Result;
use crate::hook::HostObject;

/// A sink's number within its engine; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SinkId(pub u64);

/// Where a sink's entries go.
#[derive(Clone)]
pub(crate) enum SinkTarget {
    /// To a file of JSON lines.
    File(Arc<AuditFile>),
    /// To a callable of the host.
    Host(HostObject),
}

/// A registered sink.
#[derive(Clone)]
pub(crate) struct SinkEntry {
    pub(crate) id: SinkId,
    pub(crate) target: SinkTarget,
    /// Told before the store is asked too; where it fails, the operation is refused.
    pub(crate) strict: bool,
    /// What a policy document declared, where it comes from one: it goes with the document.
    pub(crate) declared: Option<Arc<DeclaredAuditFile>>,
}

impl SinkEntry {
    /// A file that is not strict takes entries without waiting for the disk: no step is needed for it.
    pub(crate) fn takes_at_once(&self) -> Option<&Arc<AuditFile>> {
        match &self.target {
            SinkTarget::File(file) if !self.strict => Some(file),
            _ => None,
        }
    }

    /// The same sink for the child of a fork: a file of its own.
    pub(crate) fn after_fork(&self) -> Result<Self> {
        let target = match &self.target {
            SinkTarget::File(file) => SinkTarget::File(file.after_fork()?),
            SinkTarget::Host(object) => SinkTarget::Host(Arc::clone(object)),
        };
        Ok(SinkEntry { target, ..self.clone() })
    }
}

impl fmt::Debug for SinkEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SinkEntry")
            .field("id", &self.id)
            .field("strict", &self.strict)
            .finish_non_exhaustive()
    }
}
