//! Who is told beside the audit's ring: its sinks, and those who listen for refusals.

use std::sync::Arc;

use super::{Engine, ListenerId};
use crate::audit::{AuditFile, AuditLog, DEFAULT_MAX_ENTRIES, SinkEntry, SinkId, SinkTarget};
use crate::error::Result;
use crate::hook::HostObject;

impl Engine {
    /// Writes every entry to a file too. Turns the audit on where it is off.
    ///
    /// # Errors
    /// None of its own; opening the file has its own.
    pub fn add_audit_file(&self, file: Arc<AuditFile>) -> Result<SinkId> {
        let strict = file.is_strict();
        self.add_sink(SinkTarget::File(file), strict)
    }

    /// Hands every entry to a callable of the host too. Turns the audit on where it is off.
    ///
    /// It is told after the operation; what it raises is logged and changes nothing. A `strict` one is told before the
    /// store is asked as well: where it fails then, the operation is refused. An operation that is let go half-way, or
    /// refused before it starts, ends without its driver: a callable is told of it with the next operation.
    ///
    /// # Errors
    /// As [`Engine::enable_audit`].
    pub fn add_audit_sink(&self, sink: HostObject, strict: bool) -> Result<SinkId> {
        self.add_sink(SinkTarget::Host(sink), strict)
    }

    fn add_sink(&self, target: SinkTarget, strict: bool) -> Result<SinkId> {
        let id = SinkId(self.next_number());
        let fresh = Arc::new(AuditLog::new(DEFAULT_MAX_ENTRIES)?);
        self.change(|config| {
            config.audit.get_or_insert(fresh);
            let sinks =
                config.sinks.iter().cloned().chain([SinkEntry { id, target, strict, declared: None }]);
            config.set_sinks(sinks.collect());
        });
        Ok(id)
    }

    /// Removes a sink; false where it is not there. A file is not closed by this, but all that it was told is written.
    ///
    /// # Errors
    /// `StoreError` where a file could not write out what it was told.
    pub fn remove_audit_sink(&self, id: SinkId) -> Result<bool> {
        let mut removed = None;
        self.change(|config| {
            let mut sinks = config.sinks.to_vec();
            removed = sinks.iter().position(|sink| sink.id == id).map(|at| sinks.remove(at));
            config.set_sinks(sinks);
        });
        if let Some(SinkEntry { target: SinkTarget::File(file), .. }) = &removed {
            file.flush()?;
        }
        Ok(removed.is_some())
    }

    /// Every callable of the host that is a sink.
    #[must_use]
    pub fn audit_sinks(&self) -> Vec<(SinkId, HostObject)> {
        let host = |sink: &SinkEntry| match &sink.target {
            SinkTarget::Host(object) => Some((sink.id, Arc::clone(object))),
            SinkTarget::File(_) => None,
        };
        self.load().sinks.iter().filter_map(host).collect()
    }

    /// Makes sure that every entry so far is in the audit's files.
    ///
    /// # Errors
    /// `StoreError` of the first file that could not be written.
    pub fn flush_audit(&self) -> Result<()> {
        self.load().sinks.iter().try_for_each(|sink| match &sink.target {
            SinkTarget::File(file) => file.flush(),
            SinkTarget::Host(_) => Ok(()),
        })
    }

    /// Has a callable of the host told of every refusal, with the error that the caller gets. What it raises is
    /// logged: the refusal stands. It is not told of an operation that is let go, which ends without its driver.
    pub fn on_denied(&self, listener: HostObject) -> ListenerId {
        let id = ListenerId(self.next_number());
        self.change(|config| {
            config.listeners = config.listeners.iter().cloned().chain([(id, listener)]).collect();
        });
        id
    }

    /// Removes a listener; false where it is not there.
    pub fn remove_listener(&self, id: ListenerId) -> bool {
        let mut removed = false;
        self.change(|config| {
            let before = config.listeners.len();
            config.listeners = config.listeners.iter().filter(|(known, _)| *known != id).cloned().collect();
            removed = config.listeners.len() < before;
        });
        removed
    }

    /// The callables that are told of refusals.
    #[must_use]
    pub fn listeners(&self) -> Vec<(ListenerId, HostObject)> {
        self.load().listeners.to_vec()
    }
}
