//! A registered hook.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use crate::glob::Glob;
use crate::hook::{Declared, Helper, Mode, Trigger};

/// A hook's number within its engine, in the order of registration; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HookId(pub u64);

/// A callable of the host. It is dropped with the last operation that can still ask for it.
pub type HostObject = Arc<dyn Any + Send + Sync>;

/// What a hook does.
#[derive(Clone)]
pub enum Action {
    /// Decided in the core.
    Helper(Helper),
    /// The driver calls this object.
    Host(HostObject),
    /// The driver tells this logger; then the operation goes on, flagged.
    Log(HostObject),
    /// Decided in the core, as a policy document says.
    Declared(Arc<Declared>),
}

impl Action {
    /// What it is, in one word: the name of a ready-made hook, `host` for a callable, `log`, `declared` by a document.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Action::Helper(helper) => helper.as_str(),
            Action::Host(_) => "host",
            Action::Log(_) => "log",
            Action::Declared(_) => "declared",
        }
    }

    /// Whether an operation goes out to the host for it.
    pub(crate) fn asks_host(&self) -> bool {
        match self {
            Action::Helper(_) => false,
            Action::Host(_) | Action::Log(_) => true,
            Action::Declared(declared) => declared.logs(),
        }
    }
}

/// A registered hook.
#[derive(Debug)]
pub struct HookEntry {
    /// The hook's number.
    pub id: HookId,
    /// When it is asked.
    pub trigger: Trigger,
    /// For which keys.
    pub keys: Glob,
    /// What it does.
    pub action: Action,
    /// Its name in errors and in the audit: `before_write system/*`.
    pub rule: Arc<str>,
    /// Whether what it refuses is refused, or only told.
    pub mode: Mode,
    /// It came from a policy document, and goes when another document is loaded in its place.
    pub from_document: bool,
}

impl HookEntry {
    pub(crate) fn new(id: HookId, trigger: Trigger, keys: Glob, action: Action) -> Self {
        let rule = format!("{} {}", trigger.as_str(), keys.as_str()).into();
        HookEntry { id, trigger, keys, action, rule, mode: Mode::default(), from_document: false }
    }
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::Helper(helper) => helper.fmt(f),
            Action::Host(_) => f.write_str("Host"),
            Action::Log(_) => f.write_str("Log"),
            Action::Declared(declared) => write!(f, "Declared({})", declared.as_str()),
        }
    }
}
