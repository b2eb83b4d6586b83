//! What operations are judged by, as one immutable value: an operation holds the one it started with.

use std::sync::Arc;

use crate::audit::AuditLog;
use crate::clock::Clock;
use crate::engine::{EngineOptions, OpenCount};
use crate::error::Error;
use crate::hook::HookSet;
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
    /// The first registration error that nobody has cleared: it refuses every operation.
    pub(crate) fault: Option<Error>,
    /// How many operations are open, over all configurations of the engine.
    pub(crate) open: Arc<OpenCount>,
    /// For the one moment at which nobody hands over the time: an operation that is let go.
    pub(crate) clock: Clock,
}

impl Config {
    pub(crate) fn new(options: &EngineOptions) -> Self {
        Config {
            reads: HookSet::default(),
            writes: HookSet::default(),
            deletes: HookSet::default(),
            limits: LimitSet::default(),
            audit: None,
            fault: None,
            open: Arc::new(OpenCount::new(options.max_open)),
            clock: options.clock.clone(),
        }
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

    /// True where nothing would ever be refused.
    pub(crate) fn is_bare(&self) -> bool {
        self.limits.is_empty() && Kind::ALL.into_iter().all(|kind| self.hooks_of(kind).len() == 0)
    }
}
