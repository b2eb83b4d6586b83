//! Closures that are told of refusals, and closures that are sinks of the audit.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::audit::{AuditFile, Entry, Phase, SinkId};
use crate::engine::ListenerId;
use crate::error::{Cause, Error, Result};
use crate::hook::HostObject;
use crate::operation::{NotifyCall, RecordCall, RecordTo, Reply};
use crate::policy::PolicyEngine;
use crate::store::BoxError;

type Listener = Box<dyn Fn(&Error) + Send + Sync>;
type Sink = Box<dyn Fn(&[Entry], Option<Phase>) -> Result<(), BoxError> + Send + Sync>;

/// What an engine stores for a closure that listens for refusals.
struct NativeListener(Listener);
/// What an engine stores for a closure that is a sink.
struct NativeSink(Sink);

impl PolicyEngine {
    /// Has a closure told of every refusal, with the error that the caller gets. A panic in it is logged: the refusal
    /// stands.
    pub fn on_denied(&self, listener: impl Fn(&Error) + Send + Sync + 'static) -> ListenerId {
        self.engine.on_denied(Arc::new(NativeListener(Box::new(listener))) as HostObject)
    }

    /// Removes what [`PolicyEngine::on_denied`] added; false where it is not there.
    pub fn remove_listener(&self, id: ListenerId) -> bool {
        self.engine.remove_listener(id)
    }

    /// Writes every audit entry to a file too. Turns the audit on where it is off.
    ///
    /// # Errors
    /// As [`PolicyEngine::enable_audit`].
    pub fn add_audit_file(&self, file: Arc<AuditFile>) -> Result<SinkId> {
        self.engine.add_audit_file(file)
    }

    /// Hands every audit entry to a closure too, after the operation; those of a batch together. A failure is logged.
    ///
    /// A `strict` one is told before the store is asked as well (`Phase::Decided`): where it fails then, the operation
    /// is refused. Where it fails after, the caller is told that the operation was applied.
    ///
    /// # Errors
    /// As [`PolicyEngine::enable_audit`].
    pub fn add_audit_sink(
        &self,
        strict: bool,
        sink: impl Fn(&[Entry], Option<Phase>) -> Result<(), BoxError> + Send + Sync + 'static,
    ) -> Result<SinkId> {
        self.engine.add_audit_sink(Arc::new(NativeSink(Box::new(sink))) as HostObject, strict)
    }

    /// Removes a sink; false where it is not there. What a file was told is written first.
    ///
    /// # Errors
    /// `StoreError` where a file could not be written.
    pub fn remove_audit_sink(&self, id: SinkId) -> Result<bool> {
        self.engine.remove_audit_sink(id)
    }

    /// Makes sure that every entry so far is in the audit's files.
    ///
    /// # Errors
    /// `StoreError` of the first file that could not be written.
    pub fn flush_audit(&self) -> Result<()> {
        self.engine.flush_audit()
    }
}

/// Tells a closure of a refusal.
pub(super) fn notify(call: &NotifyCall<'_>) -> Reply {
    let Some(listener) = call.listener.downcast_ref::<NativeListener>() else {
        return Reply::LogFailed(Cause::named("a listener of another language"));
    };
    match catch_unwind(AssertUnwindSafe(|| (listener.0)(call.error))) {
        Ok(()) => Reply::Logged,
        Err(payload) => Reply::LogFailed(Cause::panic(payload)),
    }
}

/// Hands entries to a closure.
pub(super) fn record(call: &RecordCall<'_>) -> Reply {
    let sink = match call.sink {
        RecordTo::Host(object) => object.downcast_ref::<NativeSink>(),
        RecordTo::File(_) => None,
    };
    let Some(sink) = sink else {
        return Reply::RecordFailed(Cause::named("a sink of another language"));
    };
    match catch_unwind(AssertUnwindSafe(|| (sink.0)(call.entries, call.phase))) {
        Ok(Ok(())) => Reply::Recorded,
        Ok(Err(error)) => Reply::RecordFailed(Cause::error("Error", error)),
        Err(payload) => Reply::RecordFailed(Cause::panic(payload)),
    }
}
