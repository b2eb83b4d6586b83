//! The engine: hooks, limits and audit shared by many threads, and the operations that start under them.
//!
//! Everything that operations are judged by is one immutable value behind an atomic swap. Deciding takes no lock;
//! registering builds the next value under one. No lock is held while the host runs.

mod config;
mod open;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

pub(crate) use config::Config;
pub(crate) use open::{OpenCount, Place};

use crate::audit::{AuditFilter, AuditLog, Entry};
use crate::clock::{Clock, Time};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::glob::Glob;
use crate::hook::{Action, HookEntry, HookId, Trigger};
use crate::limit::{Limit, LimitStatus, RateLimit, Target};
use crate::operation::{Kind, Operation, Request};

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
}

impl Default for EngineOptions {
    fn default() -> Self {
        EngineOptions { clock: Clock::System, max_open: DEFAULT_MAX_OPEN, remember_errors: false }
    }
}

/// The decision core of the data hooks.
pub struct Engine {
    config: ArcSwap<Config>,
    /// Held while the next configuration is built.
    writer: Mutex<()>,
    next_id: AtomicU64,
    /// Set by the first operation.
    used: AtomicBool,
    options: EngineOptions,
}

impl Engine {
    /// An engine without hooks, limits and audit.
    #[must_use]
    pub fn new(options: EngineOptions) -> Self {
        Engine {
            config: ArcSwap::from_pointee(Config::new(&options)),
            writer: Mutex::new(()),
            next_id: AtomicU64::new(1),
            used: AtomicBool::new(false),
            options,
        }
    }

    /// The engine's clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.options.clock
    }

    /// Starts an operation under the hooks, limits and audit as they are now.
    pub fn start<'a>(&self, request: Request<'a>) -> Operation<'a> {
        let config = self.config.load();
        let fault = request.check().err().or_else(|| config.fault.clone());
        // One that is refused at once does not use up the warning: the next would pass in silence.
        let warn = fault.is_none()
            && !self.used.load(Ordering::Relaxed)
            && !self.used.swap(true, Ordering::Relaxed)
            && config.is_bare();
        Operation::new(config, request, fault, warn)
    }

    /// Ends an operation as refused before it starts, for an error that its driver found in what the caller gave (a
    /// context that cannot be), so that the audit tells of it too. Gives the error back, to be raised.
    pub fn reject(&self, request: Request<'_>, error: Error) -> Error {
        let mut operation = Operation::new(self.config.load(), request, None, false);
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
                added = HookId(self.next_id.fetch_add(1, Ordering::Relaxed));
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
        if !is_there(&self.config.load()) {
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
        let config = self.config.load();
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

    /// The hooks as they are now, in the order of registration for each kind of operation.
    #[must_use]
    pub fn hooks(&self) -> Vec<Arc<HookEntry>> {
        let config = self.config.load();
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
        Ok(self.config.load().limits.status(target, context, now.monotonic_ns))
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
            if is_on(&self.config.load()) {
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

    /// Turns the audit off and lets its entries go.
    pub fn disable_audit(&self) {
        self.change(|config| config.audit = None);
    }

    /// The newest entries that a filter lets through, oldest first.
    ///
    /// # Errors
    /// `UsageError` while the audit is off.
    pub fn audit_log(&self, filter: &AuditFilter) -> Result<Vec<Entry>> {
        match &self.config.load().audit {
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
        self.config.load().fault.clone()
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
        self.config.load().open.total()
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
        let lock = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = Config::clone(&self.config.load());
        change(&mut next);
        let old = self.config.swap(Arc::new(next));
        drop(lock);
        drop(old);
    }
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
