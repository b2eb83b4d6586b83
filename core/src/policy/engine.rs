//! The policy engine for Rust programs.

use std::borrow::Cow;
use std::cell::Cell;
use std::sync::Arc;

use crate::audit::{AuditFilter, DEFAULT_MAX_ENTRIES, Entry};
use crate::clock::Clock;
use crate::context::Context;
use crate::document::PolicyDocument;
use crate::engine::{Engine, EngineOptions};
use crate::error::{Error, Result};
use crate::hook::{Answer, Mode, Trigger};
use crate::limit::{LimitStatus, RateLimit};
use crate::operation::{LogCall, LogLevel, Operation, Outcome, Reply, Request, Step};
use crate::policy::{HookHandle, PolicyContext, driver, hook, listen};
use crate::store::{Abilities, Database, Store};

/// What a caller says who says nothing.
pub(super) const NOTHING: &Context = &Context::new();

thread_local! {
    /// How deep this thread is in hooks: a closure runs on the thread that started the operation.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// Stands between a program and its store: every `put`, `get` and `delete` is judged by the hooks and limits.
///
/// Cloning gives another handle on the same engine.
#[derive(Clone)]
pub struct PolicyEngine {
    pub(super) engine: Arc<Engine>,
    store: Target,
}

/// The store behind an engine. The embedded database is known by its type, to save a call through a table.
#[derive(Clone)]
enum Target {
    Database(Database),
    Other(Arc<dyn Store>),
}

/// Sets an engine up. Made by [`PolicyEngine::builder`].
pub struct Builder {
    store: Target,
    options: EngineOptions,
    document: Option<PolicyDocument>,
}

impl Builder {
    /// Where the time is read; the machine's clock unless told otherwise.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.options.clock = clock;
        self
    }

    /// The most operations that may be open at once; 10,000 unless told otherwise.
    #[must_use]
    pub fn max_open_operations(mut self, max_open: usize) -> Self {
        self.options.max_open = max_open;
        self
    }

    /// Names that every context must have: an operation without one of them is refused. A name that no context can
    /// have refuses every operation.
    #[must_use]
    pub fn require_context<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.options.require_context.extend(names.into_iter().map(Into::into));
        self
    }

    /// Whether refusals are enforced; they are, unless told otherwise.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.options.mode = mode;
        self
    }

    /// Takes hooks, limits and audit from a policy document.
    #[must_use]
    pub fn document(mut self, document: PolicyDocument) -> Self {
        self.document = Some(document);
        self
    }

    /// The engine. One whose options or document cannot be applied refuses every operation until
    /// [`PolicyEngine::clear_registration_errors`], as after any registration that failed; [`Builder::try_build`] says
    /// so at once.
    #[must_use]
    pub fn build(self) -> PolicyEngine {
        self.make().0
    }

    /// The engine, if its document can be applied.
    ///
    /// # Errors
    /// `ConfigError` for a document with nothing for data hooks, and a required name that no context can have.
    pub fn try_build(self) -> Result<PolicyEngine> {
        let (engine, applied) = self.make();
        applied.map(|()| engine)
    }

    fn make(self) -> (PolicyEngine, Result<()>) {
        let Builder { store, options, document } = self;
        let (engine, made) = match Engine::new(options.clone()) {
            Ok(engine) => (engine, Ok(())),
            Err(error) => {
                let options = EngineOptions { require_context: Vec::new(), ..options };
                (Engine::broken(options, &error), Err(error))
            }
        };
        let applied = document.map_or(Ok(()), |document| engine.apply(&document));
        (PolicyEngine { engine: Arc::new(engine), store }, made.and(applied))
    }
}

macro_rules! registering {
    ($($name:ident at $trigger:ident: $doc:literal;)*) => {$(
        #[doc = $doc]
        ///
        /// `keys` is a glob (see `docs/globs.md`). The handle may be ignored: a registration that fails refuses
        /// every later operation until [`PolicyEngine::clear_registration_errors`].
        pub fn $name<F, R>(&self, keys: &str, hook: F) -> HookHandle
        where
            F: Fn(&PolicyContext<'_>) -> R + Send + Sync + 'static,
            R: Into<Answer>,
        {
            let added = self.engine.add_hook(Trigger::$trigger, keys, hook::action_of(hook));
            HookHandle::new(&self.engine, added)
        }
    )*};
}

impl PolicyEngine {
    /// An engine over a store: a [`Database`], or anything that implements [`Store`].
    pub fn new(store: impl Store + 'static) -> Self {
        PolicyEngine::builder(store).build()
    }

    /// An engine with settings.
    pub fn builder(store: impl Store + 'static) -> Builder {
        let any: &dyn std::any::Any = &store;
        let target = match any.downcast_ref::<Database>() {
            Some(database) => Target::Database(database.clone()),
            None => Target::Other(Arc::new(store)),
        };
        Builder {
            store: target,
            options: EngineOptions { remember_errors: true, ..EngineOptions::default() },
            document: None,
        }
    }

    registering! {
        before_read at BEFORE_READ: "Asks a hook before keys are read: it may allow, deny or log.";
        after_read at AFTER_READ: "Shows a hook what was read: it may redact (answer with a value) or hide (deny).";
        before_write at BEFORE_WRITE: "Asks a hook before keys are written: it may answer anything.";
        after_write at AFTER_WRITE: "Tells a hook what was written: it may allow or log.";
        before_delete at BEFORE_DELETE: "Asks a hook before keys are deleted: it may allow, deny or log.";
        after_delete at AFTER_DELETE: "Tells a hook what was deleted: it may allow or log.";
    }

    /// Sets a key to a value, if hooks and limits allow it.
    ///
    /// # Errors
    /// `PolicyViolation` where it was refused, `StoreError` where the store failed, `UsageError` for a bad context.
    pub fn put(
        &self,
        key: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
        context: Option<&PolicyContext<'_>>,
    ) -> Result<()> {
        self.drive(Request::write(key.as_ref(), value.as_ref(), NOTHING), context).map(|_| ())
    }

    /// The value of a key, as the hooks leave it.
    ///
    /// # Errors
    /// As [`PolicyEngine::put`].
    pub fn get(&self, key: impl AsRef<[u8]>, context: Option<&PolicyContext<'_>>) -> Result<Option<Vec<u8>>> {
        self.drive(Request::read(key.as_ref(), NOTHING), context).map(|outcome| outcome.value)
    }

    /// Removes a key, if hooks and limits allow it; one that is not there is no error.
    ///
    /// # Errors
    /// As [`PolicyEngine::put`].
    pub fn delete(&self, key: impl AsRef<[u8]>, context: Option<&PolicyContext<'_>>) -> Result<()> {
        self.drive(Request::delete(key.as_ref(), NOTHING), context).map(|_| ())
    }

    /// Adds a rate limit for `read`, `write`, `delete` or `all`, with buckets of its own.
    ///
    /// # Errors
    /// `ConfigError` for an unknown operation or a limit out of range, which is remembered too.
    pub fn add_rate_limit(&self, operation: &str, limit: RateLimit) -> Result<()> {
        self.engine.add_rate_limit(operation, &limit)
    }

    /// Puts a policy document in the place of the one before, in one step: see [`Engine::reload`].
    ///
    /// # Errors
    /// `ConfigError` for a document with nothing for data hooks. Then everything is as it was.
    pub fn reload(&self, document: &PolicyDocument) -> Result<()> {
        self.engine.reload(document)
    }

    /// How every limit that applies to an operation stands; spends nothing.
    ///
    /// # Errors
    /// `ConfigError` for an unknown operation, `UsageError` for a bad context.
    pub fn rate_limit_status(
        &self,
        operation: &str,
        context: Option<&PolicyContext<'_>>,
    ) -> Result<Vec<LimitStatus>> {
        self.engine.rate_limit_status(operation, &*said(context)?)
    }

    /// Turns the audit on with room for 10,000 entries.
    ///
    /// # Errors
    /// None with this size; see [`PolicyEngine::enable_audit_with`].
    pub fn enable_audit(&self) -> Result<()> {
        self.engine.enable_audit(DEFAULT_MAX_ENTRIES)
    }

    /// Turns the audit on with room for so many entries.
    ///
    /// # Errors
    /// `ConfigError` for zero, or more than 10,000,000.
    pub fn enable_audit_with(&self, max_entries: usize) -> Result<()> {
        self.engine.enable_audit(max_entries)
    }

    /// Turns the audit off and lets its entries go.
    pub fn disable_audit(&self) {
        self.engine.disable_audit();
    }

    /// The newest audit entries that a filter lets through, oldest first.
    ///
    /// # Errors
    /// `UsageError` while the audit is off.
    pub fn audit_log(&self, filter: &AuditFilter) -> Result<Vec<Entry>> {
        self.engine.audit_log(filter)
    }

    /// Lets operations pass again after a registration that failed; gives the error that was cleared.
    pub fn clear_registration_errors(&self) -> Option<Error> {
        self.engine.clear_registration_errors()
    }

    fn drive(&self, request: Request<'_>, context: Option<&PolicyContext<'_>>) -> Result<Outcome> {
        let mut operation = match said(context) {
            Ok(context) => self.engine.start(Request { context, ..request }.at_depth(DEPTH.get())),
            Err(error) => return Err(self.engine.reject(request, error)),
        };
        self.run(&mut operation)?;
        operation.finish()
    }

    /// Performs the steps of an operation until it is done, or has a pair of a scan to give.
    pub(super) fn run(&self, operation: &mut Operation<'_>) -> Result<bool> {
        let clock = self.engine.clock();
        let database = match &self.store {
            Target::Database(database) => Some(database),
            Target::Other(_) => None,
        };
        loop {
            let reply = match driver::advance(operation, clock, database) {
                Step::CallHook(call) => Reply::Answer(nested(call.depth, || hook::call(&call))),
                Step::Store(call) => Reply::Store(match &self.store {
                    Target::Database(database) => driver::perform(database, &call),
                    Target::Other(store) => driver::perform(&**store, &call),
                }),
                Step::Item { .. } => return Ok(true),
                Step::Log(call) => tell(&call),
                Step::Record(call) => match driver::record(&call) {
                    Some(recorded) => recorded,
                    None => nested(call.depth, || listen::record(&call)),
                },
                Step::Notify(call) => nested(call.depth, || listen::notify(&call)),
                Step::Done => return Ok(false),
            };
            operation.resume(reply)?;
        }
    }

    /// What the store can do beside the three.
    pub(super) fn abilities(&self) -> Abilities {
        match &self.store {
            Target::Database(_) => Abilities::ALL,
            Target::Other(store) => store.abilities(),
        }
    }

    /// How deep this thread is in hooks.
    pub(super) fn depth() -> u32 {
        DEPTH.get()
    }
}

/// What the caller says about who acts.
pub(super) fn said<'a>(context: Option<&'a PolicyContext<'_>>) -> Result<Cow<'a, Context>> {
    context.map_or(Ok(Cow::Borrowed(NOTHING)), PolicyContext::to_context)
}

/// Runs a hook with the thread marked as being that deep in hooks.
fn nested<T>(depth: u32, run: impl FnOnce() -> T) -> T {
    /// Takes the mark back, whatever happens.
    struct Before(u32);
    impl Drop for Before {
        fn drop(&mut self) {
            DEPTH.set(self.0);
        }
    }
    let _before = Before(DEPTH.replace(depth));
    run()
}

fn tell(call: &LogCall<'_>) -> Reply {
    match call.level {
        LogLevel::Info => log::info!(target: "checkrein", "{}", call.message),
        LogLevel::Warning => log::warn!(target: "checkrein", "{}", call.message),
    }
    Reply::Logged
}

impl std::fmt::Debug for PolicyEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.engine.fmt(f)
    }
}
