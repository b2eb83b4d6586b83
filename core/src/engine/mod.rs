//! The engine: hooks, limits and audit shared by many threads, and the operations that start under them.
//!
//! Everything that operations are judged by is one immutable value behind an atomic swap. Deciding takes no lock;
//! registering builds the next value under one. No lock is held while the host runs.

mod config;
mod document;
mod explain;
mod open;
mod sinks;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};

use arc_swap::{ArcSwap, Guard};
use compact_str::CompactString;

pub(crate) use config::Config;
pub use explain::{ExplainedHook, Explanation, Foreseen};
pub(crate) use open::{OpenCount, Place};

use crate::audit::{AuditFilter, AuditLog, Entry};
use crate::clock::{Clock, Time};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::fork;
use crate::glob::Glob;
use crate::hook::{Action, HookEntry, HookId, Mode, Trigger};
use crate::limit::{Limit, LimitStatus, RateLimit, Target};
use crate::operation::{Ask, Kind, Operation};

/// The most operations that may be open at once, unless told otherwise.
pub const DEFAULT_MAX_OPEN: usize = 10_000;

/// What an engine is made with.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Where the time is read.
    pub clock: Clock,
    /// The most operations that may be open at once; 10,000 unless told otherwise.
    pub max_open: usize,
    /// Whether a registration that fails refuses every later operation until it is cleared: for languages in
    /// which a caller can overlook the error.
    pub remember_errors: bool,
    /// Whether refusals are enforced; they are, unless told otherwise.
    pub mode: Mode,
    /// Names that every context must have: an operation without one of them is refused.
    pub require_context: Vec<String>,
}

/// A listener's number within its engine; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ListenerId(pub u64);

impl Default for EngineOptions {
    fn default() -> Self {
        EngineOptions {
            clock: Clock::System,
            max_open: DEFAULT_MAX_OPEN,
            remember_errors: false,
            mode: Mode::Enforce,
            require_context: Vec::new(),
        }
    }
}

/// The decision core of the data hooks.
pub struct Engine {
    config: ArcSwap<Config>,
    next_id: AtomicU64,
    /// Set by the first operation.
    used: AtomicBool,
    options: EngineOptions,
}

impl Engine {
    /// An engine without hooks, limits and audit.
    ///
    /// # Errors
    /// `ConfigError` for a name in `require_context` that no context can have.
    pub fn new(options: EngineOptions) -> Result<Self> {
        let required = required(&options.require_context)?;
        Ok(Engine {
            config: ArcSwap::from_pointee(Config::new(&options, required)),
            next_id: AtomicU64::new(1),
            used: AtomicBool::new(false),
            options,
        })
    }

    /// An engine that refuses every operation with this error, as after a registration that failed.
    pub(crate) fn broken(options: EngineOptions, error: &Error) -> Self {
        let engine = Engine {
            config: ArcSwap::from_pointee(Config::new(&options, Arc::default())),
            next_id: AtomicU64::new(1),
            used: AtomicBool::new(false),
            options,
        };
        engine.remember(error);
        engine
    }

    /// The engine's clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.options.clock
    }

    /// Starts an operation under the hooks, limits and audit as they are now.
    ///
    /// A [`Request`](crate::operation::Request) is for one key; a batch, a `get_many` and a scan have their own.
    #[inline]
    pub fn start<'a>(&self, request: impl Ask<'a>) -> Operation<'a> {
        let config = self.load();
        let fault = request.check().err().or_else(|| config.fault.clone());
        // One that is refused at once does not use up the warning: the next would pass in silence.
        let warn = fault.is_none()
            && !self.used.load(Ordering::Relaxed)
            && !self.used.swap(true, Ordering::Relaxed)
            && config.is_bare();
        Operation::new(config, request.begin(), fault, warn)
    }

    /// Ends an operation as refused before it starts, for an error that its driver found in what the caller gave (a
    /// context that cannot be), so that the audit tells of it too. Gives the error back, to be raised.
    pub fn reject<'a>(&self, request: impl Ask<'a>, error: Error) -> Error {
        let mut operation = Operation::new(self.load(), request.begin(), None, false);
        let now = if operation.needs_time() { self.options.clock.now() } else { Time::default() };
        operation.reject(error.clone(), now);
        error
    }

    /// Adds a hook for the keys that a glob matches. Operations that have started do not see it.
    ///
    /// # Errors
    /// `PatternError` for a bad glob, `ConfigError` for a helper that can mean nothing at the trigger.
    pub fn add_hook(&self, trigger: Trigger, keys: &str, action: Action) -> Result<HookId> {
        self.remembering(|| {
            let keys = Glob::parse(keys)?;
            if let Action::Helper(helper) = &action {
                helper.check(trigger)?;
            }
            let mut added = HookId(0);
            self.change(|config| {
                added = HookId(self.next_number());
                let hook = Arc::new(HookEntry::new(added, trigger, keys, action));
                let hooks = config.hooks_of_mut(trigger.kind);
                *hooks = hooks.with(hook);
            });
            Ok(added)
        })
    }

    /// Removes a hook; false where it is not there. Operations that have started still ask it.
    pub fn remove_hook(&self, id: HookId) -> bool {
        let is_there = |config: &Config| Kind::ALL.into_iter().any(|kind| config.hooks_of(kind).contains(id));
        if !is_there(&self.load()) {
            return false;
        }
        let mut removed = false;
        self.change(|config| {
            for kind in Kind::ALL {
                let hooks = config.hooks_of_mut(kind);
                if let Some(fewer) = hooks.without(id) {
                    *hooks = fewer;
                    removed = true;
                }
            }
        });
        removed
    }

    /// Removes every hook that a test picks, and says how many. The test may call back into the engine.
    pub fn remove_hooks(&self, picks: impl Fn(&HookEntry) -> bool) -> usize {
        let config = self.load();
        let picked = Kind::ALL.map(|kind| {
            let hooks = config.hooks_of(kind).iter();
            hooks.filter(|hook| picks(hook)).map(|hook| hook.id).collect::<Vec<_>>()
        });
        drop(config);
        if picked.iter().all(Vec::is_empty) {
            return 0;
        }
        let mut removed = 0;
        self.change(|config| {
            for (kind, ids) in Kind::ALL.into_iter().zip(picked) {
                let hooks = config.hooks_of_mut(kind);
                for id in ids {
                    if let Some(fewer) = hooks.without(id) {
                        *hooks = fewer;
                        removed += 1;
                    }
                }
            }
        });
        removed
    }

    /// The hooks as they are now, in the order in which each kind of operation asks them: those of a policy document
    /// first, then the others in the order of registration.
    #[must_use]
    pub fn hooks(&self) -> Vec<Arc<HookEntry>> {
        let config = self.load();
        let kinds = Kind::ALL.into_iter();
        kinds.flat_map(|kind| config.hooks_of(kind).iter().cloned().collect::<Vec<_>>()).collect()
    }

    /// Adds a rate limit with buckets of its own.
    ///
    /// # Errors
    /// `ConfigError` for an unknown operation, one that belongs to another surface, and a limit out of range.
    pub fn add_rate_limit(&self, operation: &str, limit: &RateLimit) -> Result<()> {
        self.remembering(|| {
            let target = target_of(operation)?;
            let limit = Arc::new(Limit::compile(target, limit)?);
            self.change(|config| config.limits = config.limits.with(limit));
            Ok(())
        })
    }

    /// How every limit that applies to an operation stands for a context; spends nothing.
    ///
    /// # Errors
    /// `ConfigError` for an unknown operation, and one that belongs to another surface.
    pub fn rate_limit_status(&self, operation: &str, context: &Context) -> Result<Vec<LimitStatus>> {
        let target = target_of(operation)?;
        let now = self.options.clock.now();
        Ok(self.load().limits.status(target, context, now.monotonic_ns))
    }

    /// Turns the audit on, with a ring of `max_entries`. Where it is on with that size already, nothing changes;
    /// another size starts an empty ring.
    ///
    /// # Errors
    /// `ConfigError` for a size of zero or above the bound.
    pub fn enable_audit(&self, max_entries: usize) -> Result<()> {
        let is_on =
            |config: &Config| config.audit.as_ref().is_some_and(|audit| audit.capacity() == max_entries);
        self.remembering(|| {
            // Before a ring is made: it is megabytes.
            if is_on(&self.load()) {
                return Ok(());
            }
            let fresh = AuditLog::new(max_entries)?;
            self.change(|config| {
                if !is_on(config) {
                    config.audit = Some(Arc::new(fresh));
                }
            });
            Ok(())
        })
    }

    /// Turns the audit off, lets its entries go and removes its sinks.
    pub fn disable_audit(&self) {
        self.change(|config| {
            config.audit = None;
            config.set_sinks(Vec::new());
        });
    }

    /// The newest entries that a filter lets through, oldest first.
    ///
    /// # Errors
    /// `UsageError` while the audit is off.
    pub fn audit_log(&self, filter: &AuditFilter) -> Result<Vec<Entry>> {
        match &self.load().audit {
            Some(audit) => Ok(audit.entries(filter)),
            None => {
                Err(Error::usage("the audit is off: call `enable_audit` before the operations to be told"))
            }
        }
    }

    /// Makes every later operation fail with this error, until [`Engine::clear_registration_errors`]. The first
    /// one stays.
    pub fn remember(&self, error: &Error) {
        self.change(|config| {
            config.fault.get_or_insert_with(|| error.clone());
        });
    }

    /// The registration error that refuses every operation, if there is one.
    #[must_use]
    pub fn registration_error(&self) -> Option<Error> {
        self.load().fault.clone()
    }

    /// Lets operations pass again after a registration that failed; says what was cleared.
    pub fn clear_registration_errors(&self) -> Option<Error> {
        let mut cleared = None;
        self.change(|config| cleared = config.fault.take());
        cleared
    }

    /// How many operations go out to hooks of the host, or outlive the call that started them.
    #[must_use]
    pub fn open_operations(&self) -> usize {
        self.load().open.total()
    }

    fn remembering<T>(&self, register: impl FnOnce() -> Result<T>) -> Result<T> {
        register().inspect_err(|error| {
            if self.options.remember_errors {
                self.remember(error);
            }
        })
    }

    /// Publishes a changed configuration. What the old one held alone is let go after the lock.
    fn change(&self, change: impl FnOnce(&mut Config)) {
        // Held while the next configuration is built; all configurations of a process share it.
        let writer = Arc::clone(&self.load().writer);
        let lock = writer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = Config::clone(&self.config.load());
        change(&mut next);
        let old = self.config.swap(Arc::new(next));
        drop(lock);
        drop(old);
    }

    /// What operations are judged by now; in the child of a fork what it is to have of its own.
    #[inline]
    fn load(&self) -> Guard<Arc<Config>> {
        let config = self.config.load();
        if config.is_of_parent() {
            drop(config);
            return self.load_after_fork();
        }
        config
    }

    #[cold]
    fn load_after_fork(&self) -> Guard<Arc<Config>> {
        // Of threads that come at once the first one's stands for all.
        fork::renew(|| {
            let old = self.config.load_full();
            if old.is_of_parent() {
                self.config.store(Arc::new(old.after_fork()));
            }
        });
        self.config.load()
    }

    fn next_number(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }
}

/// The names that a context must have, checked as a context's own names are.
fn required<'n>(names: impl IntoIterator<Item = &'n String>) -> Result<Arc<[CompactString]>> {
    let mut probe = Context::new();
    for name in names {
        probe
            .insert(name, true.into())
            .map_err(|error| Error::config(format!("`require_context` cannot hold: {error}")))?;
    }
    Ok(probe.iter().map(|(name, _)| CompactString::from(name)).collect())
}

/// What a limit of this surface is for.
fn target_of(operation: &str) -> Result<Target> {
    match Target::parse(operation)? {
        Target::Action | Target::Effect => Err(Error::config(format!(
            "a limit on `{operation}` never applies to a policy engine: write read, write, delete or all"
        ))),
        target => Ok(target),
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("hooks", &self.hooks().len()).finish_non_exhaustive()
    }
}
