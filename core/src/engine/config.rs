//! What operations are judged by, as one immutable value: an operation holds the one it started with.

use std::sync::{Arc, Mutex};

use compact_str::CompactString;

use crate::audit::{AuditLog, SinkEntry, SinkTarget, Untold};
use crate::clock::Clock;
use crate::context::{Context, Value};
use crate::engine::{EngineOptions, ListenerId, OpenCount};
use crate::error::Error;
use crate::fork::Born;
use crate::hook::{HookSet, HostObject, Mode};
use crate::limit::LimitSet;
use crate::operation::Kind;

/// What operations are judged by.
#[derive(Clone)]
pub(crate) struct Config {
    reads: HookSet,
    writes: HookSet,
    deletes: HookSet,
    pub(crate) limits: LimitSet,
    pub(crate) audit: Option<Arc<AuditLog>>,
    /// Who is told of every entry beside the ring.
    pub(crate) sinks: Arc<[SinkEntry]>,
    /// What sinks of the host have not been told of yet.
    pub(crate) untold: Arc<Untold>,
    /// One of them is strict.
    pub(crate) has_strict_sink: bool,
    /// Who is told of every refusal.
    pub(crate) listeners: Arc<[(ListenerId, HostObject)]>,
    pub(crate) mode: Mode,
    /// Names that every context must have.
    pub(crate) required: Arc<[CompactString]>,
    /// A policy document was applied.
    pub(super) has_document: bool,
    /// The first registration error that nobody has cleared: it refuses every operation.
    pub(crate) fault: Option<Error>,
    /// How many operations are open, over all configurations of the engine.
    pub(crate) open: Arc<OpenCount>,
    /// For the one moment at which nobody hands over the time: an operation that is let go.
    pub(crate) clock: Clock,
    /// Held while the next configuration is built. It is part of what a fork's child must not touch.
    pub(super) writer: Arc<Mutex<()>>,
    born: Born,
}

impl Config {
    pub(crate) fn new(options: &EngineOptions, required: Arc<[CompactString]>) -> Self {
        Config {
            reads: HookSet::default(),
            writes: HookSet::default(),
            deletes: HookSet::default(),
            limits: LimitSet::default(),
            audit: None,
            sinks: Arc::default(),
            untold: Arc::default(),
            has_strict_sink: false,
            listeners: Arc::default(),
            mode: options.mode,
            required,
            has_document: false,
            fault: None,
            open: Arc::new(OpenCount::new(options.max_open)),
            clock: options.clock.clone(),
            writer: Arc::default(),
            born: Born::now(),
        }
    }

    /// The same for the child of a fork: its own limits, audit and counts, and not one lock of its parent's.
    pub(super) fn after_fork(&self) -> Self {
        let mut fault = self.fault.clone();
        let sinks = self.sinks.iter().map(|sink| {
            sink.after_fork().unwrap_or_else(|error| {
                fault.get_or_insert(error);
                sink.clone()
            })
        });
        Config {
            sinks: sinks.collect(),
            untold: Arc::default(),
            limits: self.limits.fresh(),
            audit: self.audit.as_ref().map(|audit| Arc::new(audit.fresh())),
            fault,
            open: Arc::new(OpenCount::new(self.open.max())),
            writer: Arc::default(),
            born: Born::now(),
            ..self.clone()
        }
    }

    /// True in the child of a fork for what its parent was judged by.
    #[inline]
    pub(crate) fn is_of_parent(&self) -> bool {
        self.born.is_of_parent()
    }

    pub(crate) fn hooks_of(&self, kind: Kind) -> &HookSet {
        match kind {
            Kind::Read => &self.reads,
            Kind::Write => &self.writes,
            Kind::Delete => &self.deletes,
        }
    }

    pub(crate) fn hooks_of_mut(&mut self, kind: Kind) -> &mut HookSet {
        match kind {
            Kind::Read => &mut self.reads,
            Kind::Write => &mut self.writes,
            Kind::Delete => &mut self.deletes,
        }
    }

    pub(super) fn set_sinks(&mut self, sinks: Vec<SinkEntry>) {
        self.has_strict_sink = sinks.iter().any(|sink| sink.strict);
        self.sinks = sinks.into();
    }

    /// Whether a callable of the host is among the sinks.
    pub(crate) fn has_host_sink(&self) -> bool {
        self.sinks.iter().any(|sink| matches!(sink.target, SinkTarget::Host(_)))
    }

    /// The first required name that a context lacks.
    #[inline]
    pub(crate) fn lacks(&self, context: &Context) -> Option<&str> {
        let present = |name: &&CompactString| context.get(name).is_some_and(Value::is_present);
        self.required.iter().find(|name| !present(name)).map(CompactString::as_str)
    }

    /// True where nothing would ever be refused.
    pub(crate) fn is_bare(&self) -> bool {
        self.mode == Mode::Shadow
            || (self.limits.is_empty()
                && self.required.is_empty()
                && Kind::ALL.into_iter().all(|kind| self.hooks_of(kind).len() == 0))
    }
}
