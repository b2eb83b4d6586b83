//! `PolicyEngine` as Python sees it: thin methods over the core's engine and the driver.

use std::sync::Arc;

use checkrein::engine::Engine;
use checkrein::error::Error;
use checkrein::hook::Trigger;
use checkrein::operation::Kind;
use pyo3::PyTraverseError;
use pyo3::prelude::*;
use pyo3::pyclass::PyVisit;
use pyo3::types::{PyBytes, PyDict, PyList};

use crate::audit::{self, Wanted};
use crate::audit_file::{self, PyAuditFileHandle};
use crate::context::Said;
use crate::drive::to_end;
use crate::guard::guarded;
use crate::handle::PyHookHandle;
use crate::listen::{self, ListenerRegistrar, PyListenerHandle};
use crate::options::Given;
use crate::recent::Recent;
use crate::registry::{self, HookArgument};
use crate::scan::{PyScan, Walk};
use crate::sink::{self, PyAuditSinkHandle};
use crate::store::Store;
use crate::{begin, bytes, convert, document, errors, explain, limits};

/// Stands between a program and its store: every `put`, `get` and `delete` is judged by the hooks and limits.
///
/// `db` is a `Database`, a `redis.Redis`, a `sochdb.Database`, or any object with `put(key, value)`, `get(key)` and
/// `delete(key)`; an object that lacks one is a `ConfigError`. `document` is a `PolicyDocument` to start with. An operation
/// without one of the names in `require_context` is refused. With `mode="shadow"` what would be refused passes, audited as
/// `would_deny` and told to the log. `clock` is a `ManualClock` for tests. At most `max_open_operations` (10,000 by default)
/// may be in hooks at the same time. An engine may be shared by threads.
#[pyclass(name = "PolicyEngine", module = "checkrein", frozen, weakref)]
pub(crate) struct PyPolicyEngine {
    pub(crate) engine: Arc<Engine>,
    pub(crate) store: Store,
    pub(crate) recent: Recent,
}

impl PyPolicyEngine {
    /// An engine, sync or async.
    pub(crate) fn make(
        py: Python<'_>,
        store: impl FnOnce() -> PyResult<Store>,
        document: Option<&Bound<'_, PyAny>>,
        given: &Given<'_, '_>,
    ) -> PyResult<Self> {
        let engine = Engine::new(given.options(py)?).map_err(|error| errors::to_py(py, error))?;
        let store = store()?;
        document::apply(&engine, document)?;
        Ok(PyPolicyEngine { engine: Arc::new(engine), store, recent: Recent::default() })
    }

    fn add<'py>(
        &self,
        py: Python<'py>,
        trigger: Trigger,
        keys: &Bound<'py, PyAny>,
        hook: HookArgument<'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        guarded(py, || registry::add(py, &self.engine, trigger, keys, hook))
    }

    fn run<'py>(
        &self,
        py: Python<'py>,
        kind: Kind,
        key: &Bound<'py, PyAny>,
        value: Option<&Bound<'py, PyAny>>,
        context: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        guarded(py, || {
            begin::one(py, self, kind, key, value, context, |request, mut given| {
                let outcome = to_end(py, self, request, &mut given)?;
                Ok(outcome.value.map(|value| given.first.value(py, &value)))
            })
        })
    }
}

#[pymethods]
impl PyPolicyEngine {
    #[new]
    #[pyo3(signature = (db, document = None, *, require_context = None, mode = None, clock = None, max_open_operations = None))]
    fn new(
        db: &Bound<'_, PyAny>,
        document: Option<&Bound<'_, PyAny>>,
        require_context: Option<&Bound<'_, PyAny>>,
        mode: Option<&Bound<'_, PyAny>>,
        clock: Option<&Bound<'_, PyAny>>,
        max_open_operations: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let py = db.py();
        guarded(py, || {
            let given = Given { require_context, mode, clock, max_open_operations };
            PyPolicyEngine::make(py, || Store::of_argument(db), document, &given)
        })
    }

    /// Asks a hook before keys are read: it may allow, deny or log.
    #[pyo3(signature = (keys, hook = HookArgument::LeftOut))]
    fn before_read<'py>(
        &self,
        py: Python<'py>,
        keys: &Bound<'py, PyAny>,
        hook: HookArgument<'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.add(py, Trigger::BEFORE_READ, keys, hook)
    }

    /// Shows a hook what was read: it may redact (answer with a value) or hide (deny).
    #[pyo3(signature = (keys, hook = HookArgument::LeftOut))]
    fn after_read<'py>(
        &self,
        py: Python<'py>,
        keys: &Bound<'py, PyAny>,
        hook: HookArgument<'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.add(py, Trigger::AFTER_READ, keys, hook)
    }

    /// Asks a hook before keys are written: it may answer anything.
    #[pyo3(signature = (keys, hook = HookArgument::LeftOut))]
    fn before_write<'py>(
        &self,
        py: Python<'py>,
        keys: &Bound<'py, PyAny>,
        hook: HookArgument<'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.add(py, Trigger::BEFORE_WRITE, keys, hook)
    }

    /// Tells a hook what was written: it may allow or log.
    #[pyo3(signature = (keys, hook = HookArgument::LeftOut))]
    fn after_write<'py>(
        &self,
        py: Python<'py>,
        keys: &Bound<'py, PyAny>,
        hook: HookArgument<'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.add(py, Trigger::AFTER_WRITE, keys, hook)
    }

    /// Asks a hook before keys are deleted: it may allow, deny or log.
    #[pyo3(signature = (keys, hook = HookArgument::LeftOut))]
    fn before_delete<'py>(
        &self,
        py: Python<'py>,
        keys: &Bound<'py, PyAny>,
        hook: HookArgument<'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.add(py, Trigger::BEFORE_DELETE, keys, hook)
    }

    /// Tells a hook what was deleted: it may allow or log.
    #[pyo3(signature = (keys, hook = HookArgument::LeftOut))]
    fn after_delete<'py>(
        &self,
        py: Python<'py>,
        keys: &Bound<'py, PyAny>,
        hook: HookArgument<'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.add(py, Trigger::AFTER_DELETE, keys, hook)
    }

    /// Removes a hook or a callback of `on_denied` by its handle, or every registration of a function; says whether
    /// there was one.
    ///
    /// Operations that have started still ask it.
    fn remove(&self, hook: &Bound<'_, PyAny>) -> PyResult<bool> {
        guarded(hook.py(), || {
            if let Ok(handle) = hook.cast::<PyHookHandle>() {
                return Ok(handle.get().remove_from(&self.engine));
            }
            if let Ok(handle) = hook.cast::<PyListenerHandle>() {
                return Ok(handle.get().remove_from(&self.engine));
            }
            let mut removed = listen::remove(&self.engine, hook)?;
            for id in registry::registered(&self.engine, hook)? {
                removed |= self.engine.remove_hook(id);
            }
            Ok(removed)
        })
    }

    /// Sets a key to a value, if hooks and limits allow it.
    ///
    /// Key and value are bytes. Raises `PolicyViolation` where it was refused, `StoreError` where the store failed,
    /// `UsageError` for a wrong type.
    #[pyo3(signature = (key, value, context = None))]
    fn put<'py>(
        &self,
        py: Python<'py>,
        key: &Bound<'py, PyAny>,
        value: &Bound<'py, PyAny>,
        context: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<()> {
        self.run(py, Kind::Write, key, Some(value), context).map(|_| ())
    }

    /// The value of a key as the hooks leave it, or `None`.
    #[pyo3(signature = (key, context = None))]
    fn get<'py>(
        &self,
        py: Python<'py>,
        key: &Bound<'py, PyAny>,
        context: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        self.run(py, Kind::Read, key, None, context)
    }

    /// Removes a key, if hooks and limits allow it; one that is not there is no error.
    #[pyo3(signature = (key, context = None))]
    fn delete<'py>(
        &self,
        py: Python<'py>,
        key: &Bound<'py, PyAny>,
        context: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<()> {
        self.run(py, Kind::Delete, key, None, context).map(|_| ())
    }

    /// The values of several keys, in the order of the keys: `None` where there is none, or a hook hides it.
    ///
    /// All keys are judged before the store is asked; what refuses one refuses the call. At most 10,000 keys.
    #[pyo3(signature = (keys, context = None))]
    fn get_many<'py>(
        &self,
        py: Python<'py>,
        keys: &Bound<'py, PyAny>,
        context: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyList>> {
        guarded(py, || {
            begin::get_many(py, self, keys, context, |request, mut given| {
                let outcome = to_end(py, self, request, &mut given)?;
                let values = outcome.values.iter();
                PyList::new(py, values.map(|value| value.as_ref().map(|value| PyBytes::new(py, value))))
            })
        })
    }

    /// Writes and deletes several keys, all or none: `[("put", key, value), ("delete", key), …]`, at most 10,000.
    ///
    /// All are judged, in their order, before any is done. A store without an atomic batch is a `UsageError` unless
    /// `atomic=False`, with which one is done after the other; a failure on the way is then a `StoreError` with the code
    /// `store_partial`, whose `applied` says how many, the first ones, were done.
    #[pyo3(signature = (ops, context = None, atomic = true))]
    fn batch<'py>(
        &self,
        py: Python<'py>,
        ops: &Bound<'py, PyAny>,
        context: Option<&Bound<'py, PyAny>>,
        atomic: bool,
    ) -> PyResult<()> {
        guarded(py, || {
            begin::batch(py, self, ops, context, atomic, |request, mut given| {
                to_end(py, self, request, &mut given).map(|_| ())
            })
        })
    }

    /// Walks over the keys that begin with a prefix, in the order of their bytes: an iterator of `(key, value)`.
    ///
    /// It is lazy, in pages: each key takes a `read` token and is judged as a `get` is, when it is asked for; what may not
    /// be read is left out. A hook that fails, a limit without a token and a store that fails raise, after the pairs
    /// already given. Keys that are written meanwhile may or may not be seen. Close it where it is left early.
    #[pyo3(signature = (prefix, context = None))]
    fn scan<'py>(
        slf: &Bound<'py, Self>,
        prefix: &Bound<'py, PyAny>,
        context: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<PyScan> {
        let (py, this) = (slf.py(), slf.get());
        guarded(py, || {
            begin::scan(py, this, prefix, context, |request, given| {
                let operation = this.engine.start(request).into_owned();
                Ok(PyScan::new(Walk::new(slf.clone().unbind(), operation, given.said.cloned(), given.depth)))
            })
        })
    }

    /// Adds a rate limit with buckets of its own for `"read"`, `"write"`, `"delete"` or `"all"`.
    ///
    /// Exactly one of `max_per_…` is given. `scope` is `"global"` or the context key that has a bucket for each of its
    /// values. `burst` is what a full bucket holds (as much as the rate gives in its period unless told otherwise).
    /// `count="attempts"` counts refused operations too. Raises `ConfigError` for what cannot be.
    #[pyo3(signature = (operation, *, max_per_second = None, max_per_minute = None, max_per_hour = None, scope = None, burst = None, count = None, max_keys = None))]
    #[expect(clippy::too_many_arguments, reason = "they are Python's keywords")]
    fn add_rate_limit(
        &self,
        operation: &Bound<'_, PyAny>,
        max_per_second: Option<&Bound<'_, PyAny>>,
        max_per_minute: Option<&Bound<'_, PyAny>>,
        max_per_hour: Option<&Bound<'_, PyAny>>,
        scope: Option<&Bound<'_, PyAny>>,
        burst: Option<&Bound<'_, PyAny>>,
        count: Option<&Bound<'_, PyAny>>,
        max_keys: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let py = operation.py();
        guarded(py, || {
            let given =
                limits::Given { max_per_second, max_per_minute, max_per_hour, scope, burst, count, max_keys };
            given.add(&self.engine, operation)
        })
    }

    /// How every limit that applies to an operation stands for a context, as dicts; spends nothing.
    #[pyo3(signature = (operation, context = None))]
    fn rate_limit_status<'py>(
        &self,
        operation: &Bound<'py, PyAny>,
        context: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyList>> {
        let py = operation.py();
        guarded(py, || {
            let operation = convert::text("operation", operation)?;
            let said = self.recent.said(py, context)?;
            let said = said.as_deref().unwrap_or_else(|| Said::nothing(py));
            let status = self.engine.rate_limit_status(&operation, &said.context);
            let status = status.map_err(|error| errors::to_py(py, error))?;
            let dicts: PyResult<Vec<_>> = status.iter().map(|status| limits::to_dict(py, status)).collect();
            PyList::new(py, dicts?)
        })
    }

    /// What would be asked about an operation (`"read"`, `"write"` or `"delete"`) and the verdict that is foreseen, as a
    /// dict; runs no hook of the program, spends no token and asks no store.
    ///
    /// `verdict` is `unknown` where it depends on a hook of the program. `hooks` are those that match, in the order in
    /// which they are asked, `limits` those that apply, as of `rate_limit_status`.
    #[pyo3(signature = (operation, key, context = None))]
    fn explain<'py>(
        &self,
        operation: &Bound<'py, PyAny>,
        key: &Bound<'py, PyAny>,
        context: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let py = operation.py();
        guarded(py, || {
            let ours = |error| errors::to_py(py, error);
            let operation = Kind::parse(&convert::text("operation", operation)?).map_err(ours)?;
            let key = bytes::of_argument("key", key)?;
            let said = self.recent.said(py, context)?;
            let said = said.as_deref().unwrap_or_else(|| Said::nothing(py));
            let explained = self.engine.explain(operation, key.as_bytes(), &said.context).map_err(ours)?;
            explain::to_dict(py, &explained)
        })
    }

    /// Has a callback told of every refusal, with the error that the caller gets; gives a handle.
    ///
    /// It may be used as a decorator: `@policy.on_denied` leaves the handle, which can be called like the callback, and
    /// `@policy.on_denied()` the callback itself. What it raises is logged: the refusal stands.
    #[pyo3(signature = (callback = HookArgument::LeftOut))]
    fn on_denied<'py>(&self, py: Python<'py>, callback: HookArgument<'py>) -> PyResult<Bound<'py, PyAny>> {
        guarded(py, || match callback {
            HookArgument::LeftOut => Ok(Bound::new(py, ListenerRegistrar::new(&self.engine))?.into_any()),
            HookArgument::Given(callback) => {
                Ok(Bound::new(py, listen::add(&self.engine, &callback)?)?.into_any())
            }
        })
    }

    /// Hands every audit entry to a callable too, as `sink(entry, phase)`; gives a handle. Turns the audit on where it
    /// is off.
    ///
    /// It is told after the operation, with the phase `None`; what it raises is logged and changes nothing. A `strict` one
    /// is told before the store is asked as well (phase `"decided"`, then `"done"`): where it raises then, the operation
    /// is refused with the code `audit_failed`.
    #[pyo3(signature = (sink, *, strict = false))]
    fn add_audit_sink(&self, sink: &Bound<'_, PyAny>, strict: bool) -> PyResult<PyAuditSinkHandle> {
        guarded(sink.py(), || sink::add(&self.engine, sink, strict))
    }

    /// Writes every audit entry to a file of JSON lines too, each with the hash of the one before; gives its handle. Turns
    /// the audit on where it is off.
    ///
    /// `{pid}` in the path stands for the process's id. `strict`: the decision is on disk before the store is asked, and
    /// the outcome after; where that fails, the operation is refused. `fsync` is `"never"`, `"interval"` (the default) or
    /// `"always"`; `hmac_key` has at least 16 bytes; a file is rotated at `rotate_bytes` (64 MiB; 0 is never). Raises
    /// `ConfigError` and `StoreError` where it cannot be opened.
    #[pyo3(signature = (path, *, strict = false, fsync = None, hmac_key = None, rotate_bytes = None))]
    fn add_audit_file<'py>(
        &self,
        path: &Bound<'py, PyAny>,
        strict: bool,
        fsync: Option<&Bound<'py, PyAny>>,
        hmac_key: Option<&Bound<'py, PyAny>>,
        rotate_bytes: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<PyAuditFileHandle> {
        let py = path.py();
        guarded(py, || {
            let given = audit_file::Given { path, strict, fsync, hmac_key, rotate_bytes };
            given.add(py, &self.engine)
        })
    }

    /// Puts a policy document in the place of the one before, in one step: an operation sees all of the old one or all of
    /// the new one.
    ///
    /// Hooks and limits of the program stay, and so do the buckets of limits that both documents declare alike. Raises
    /// `ConfigError` for a document with nothing for a policy engine; then everything is as it was.
    fn reload(&self, document: &Bound<'_, PyAny>) -> PyResult<()> {
        guarded(document.py(), || document::reload(&self.engine, document))
    }

    /// Removes a sink by its handle; says whether it was there. What a file was told is written first.
    fn remove_audit_sink(&self, handle: &Bound<'_, PyAny>) -> PyResult<bool> {
        let py = handle.py();
        guarded(py, || {
            if let Ok(handle) = handle.cast::<PyAuditSinkHandle>() {
                return handle.get().remove_from(py, &self.engine);
            }
            if let Ok(handle) = handle.cast::<PyAuditFileHandle>() {
                return handle.get().remove_from(py, &self.engine);
            }
            let what = convert::described(handle);
            Err(errors::usage(py, format!("the handle is {what}: give what adding the sink returned")))
        })
    }

    /// Waits until every entry so far is in the audit's files. Raises `StoreError` where one cannot be written.
    fn flush_audit(&self, py: Python<'_>) -> PyResult<()> {
        guarded(py, || py.detach(|| self.engine.flush_audit()).map_err(|error| errors::to_py(py, error)))
    }

    /// Turns the audit on with room for `max_entries` (10,000 by default).
    ///
    /// Where it is on with that size already, nothing changes; another size starts an empty audit.
    #[pyo3(signature = (max_entries = None))]
    fn enable_audit(&self, py: Python<'_>, max_entries: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        guarded(py, || {
            let max_entries = match max_entries {
                Some(max) => usize::try_from(convert::count("max_entries", max)?).unwrap_or(usize::MAX),
                None => checkrein::audit::DEFAULT_MAX_ENTRIES,
            };
            self.engine.enable_audit(max_entries).map_err(|error| errors::to_py(py, error))
        })
    }

    /// Turns the audit off and lets its entries go.
    fn disable_audit(&self, py: Python<'_>) -> PyResult<()> {
        guarded(py, || {
            self.engine.disable_audit();
            Ok(())
        })
    }

    /// The newest `limit` (100 by default) audit entries that pass every filter, oldest first, as plain dicts.
    ///
    /// `keys` is a glob; `since` an aware `datetime`, or nanoseconds since 1970-01-01 UTC. What an entry has nothing to
    /// say of is left out of it. Raises `UsageError` while the audit is off.
    #[pyo3(signature = (limit = None, agent_id = None, session_id = None, operation = None, result = None, keys = None, since = None))]
    #[expect(clippy::too_many_arguments, reason = "they are Python's keywords")]
    fn get_audit_log<'py>(
        &self,
        py: Python<'py>,
        limit: Option<&Bound<'py, PyAny>>,
        agent_id: Option<&Bound<'py, PyAny>>,
        session_id: Option<&Bound<'py, PyAny>>,
        operation: Option<&Bound<'py, PyAny>>,
        result: Option<&Bound<'py, PyAny>>,
        keys: Option<&Bound<'py, PyAny>>,
        since: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyList>> {
        guarded(py, || {
            let filter = Wanted { limit, agent_id, session_id, operation, result, keys, since }.filter(py)?;
            let entries = self.engine.audit_log(&filter).map_err(|error| errors::to_py(py, error))?;
            let dicts: PyResult<Vec<Bound<'py, PyDict>>> =
                entries.iter().map(|entry| audit::to_dict(py, entry)).collect();
            PyList::new(py, dicts?)
        })
    }

    fn __repr__(&self) -> String {
        format!("<PolicyEngine with {} hooks>", self.engine.hooks().len())
    }

    fn __traverse__(&self, visitor: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.store.visit(&visitor)?;
        // An operation under way may hold a removed hook: that one is not shown, and so not taken for garbage.
        registry::visit(&self.engine, &visitor)
    }

    /// Lets go of everything. What could still reach the engine then is refused, never allowed.
    fn __clear__(&self) {
        self.engine.remember(&Error::usage("the policy engine was cleared by the garbage collector"));
        registry::clear(&self.engine);
        self.store.clear();
    }
}
