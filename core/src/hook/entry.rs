//! A registered hook.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use crate::glob::Glob;
use crate::hook::{Helper, Mode, Trigger};

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
}

impl Action {
    /// What it is, in one word: the name of a ready-made hook, `host` for a callable, `log`.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Action::Helper(helper) => helper.as_str(),
            Action::Host(_) => "host",
            Action::Log(_) => "log",
        }
    }

    /// Whether an operation goes out to the host for it.
    pub(crate) fn asks_host(&self) -> bool {
        !matches!(self, Action::Helper(_))
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
    /// Whether its refusals are enforced.
    pub mode: Mode,
}

impl HookEntry {
    pub(crate) fn new(id: HookId, trigger: Trigger, keys: Glob, action: Action) -> Self {
        let rule = format!("{} {}", trigger.as_str(), keys.as_str()).into();
        HookEntry { id, trigger, keys, action, rule, mode: Mode::Enforce }
    }
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::Helper(helper) => helper.fmt(f),
            Action::Host(_) => f.write_str("Host"),
            Action::Log(_) => f.write_str("Log"),
        }
    }
}
