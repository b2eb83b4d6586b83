//! `PolicyEngine` as Python sees it: thin methods over the core's engine and the driver.

use std::sync::Arc;

use checkrein::engine::{DEFAULT_MAX_OPEN, Engine, EngineOptions};
use checkrein::error::Error;
use checkrein::hook::{Action, HookId, Trigger};
use checkrein::limit::{RateLimit, RateLimitOptions};
use checkrein::operation::Kind;
use pyo3::PyTraverseError;
use pyo3::prelude::*;
use pyo3::pyclass::PyVisit;
use pyo3::types::{PyBytes, PyDict, PyList};

use crate::audit::{self, Wanted};
use crate::context::Said;
use crate::convert;
use crate::drive::drive;
use crate::guard::guarded;
use crate::handle::{PyHookHandle, register, registrar};
use crate::hook::{callable_of, visit};
use crate::recent::Recent;
use crate::store::Store;
use crate::{bytes, clock, errors, helpers, limits};

/// Stands between a program and its store: every `put`, `get` and `delete` is judged by the hooks and limits.
///
/// `db` is a `Database`, a `redis.Redis`, a `sochdb.Database`, or any object with `put(key, value)`, `get(key)` and
/// `delete(key)`; an object that lacks one is a `ConfigError`. `clock` is a `ManualClock` for tests. At most `max_open_operations` (10,000 by default) may be
/// in hooks at the same time. An engine may be shared by threads.
#[pyclass(name = "PolicyEngine", module = "checkrein", frozen, weakref)]
pub(crate) struct PyPolicyEngine {
    engine: Arc<Engine>,
    store: Store,
    recent: Recent,
}

/// The hook argument: left out, it asks for a decorator; `None` is a mistake.
enum HookArgument<'py> {
    LeftOut,
    Given(Bound<'py, PyAny>),
}

impl<'py> FromPyObject<'_, 'py> for HookArgument<'py> {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        Ok(HookArgument::Given(object.to_owned()))
    }
}

impl PyPolicyEngine {
    fn add<'py>(
        &self,
        py: Python<'py>,
        trigger: Trigger,
        keys: &Bound<'py, PyAny>,
        hook: HookArgument<'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        guarded(py, || {
            let keys = convert::text("keys", keys)?;
            Ok(match hook {
                HookArgument::LeftOut => {
                    Bound::new(py, registrar(py, &self.engine, trigger, keys)?)?.into_any()
                }
                HookArgument::Given(hook) => {
                    Bound::new(py, register(&self.engine, trigger, &keys, &hook)?)?.into_any()
                }
            })
        })
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
            let key = bytes::of_argument("key", key)?;
            drive(py, (&self.engine, &self.store, &self.recent), kind, &key, value, context)
        })
    }

    /// The hooks that an object was registered as. A method is made anew at each look at it, so it is compared.
    fn registered(&self, hook: &Bound<'_, PyAny>) -> PyResult<Vec<HookId>> {
        let py = hook.py();
        let helper = helpers::recognise(hook)?;
        let types = py.import("types")?;
        let kind = hook.get_type();
        let is_method = kind.is(types.getattr("MethodType")?) || kind.is(types.getattr("BuiltinMethodType")?);
        let mut found = Vec::new();
        for entry in self.engine.hooks() {
            let same = match (&entry.action, callable_of(&entry)) {
                (Action::Helper(known), _) => helper.as_ref() == Some(known),
                (_, Some(callable)) => {
                    let callable = callable.bind(py);
                    helpers::is_registered_as(hook, callable)
                        || (is_method && callable.get_type().is(&kind) && hook.eq(callable)?)
                }
                (_, None) => false,
            };
            if same {
                found.push(entry.id);
            }
        }
        Ok(found)
    }
}

#[pymethods]
impl PyPolicyEngine {
    #[new]
    #[pyo3(signature = (db, *, clock = None, max_open_operations = None))]
    fn new(
        db: &Bound<'_, PyAny>,
        clock: Option<&Bound<'_, PyAny>>,
        max_open_operations: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let py = db.py();
        guarded(py, || {
            let max_open = match max_open_operations {
                Some(max) => {
                    usize::try_from(convert::count("max_open_operations", max)?).unwrap_or(usize::MAX)
                }
                None => DEFAULT_MAX_OPEN,
            };
            if max_open == 0 {
                return Err(errors::config(
                    py,
                    "`max_open_operations` is 0: no hook could ever run".to_owned(),
                ));
            }
            let clock = clock::of_argument(clock)?;
            let options = EngineOptions { clock, max_open, ..EngineOptions::default() };
            let (engine, store) = (Arc::new(Engine::new(options)), Store::of_argument(db)?);
            Ok(PyPolicyEngine { engine, store, recent: Recent::default() })
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

    /// Removes a hook by its handle, or every registration of a function; says whether there was one.
    ///
    /// Operations that have started still ask it.
    fn remove(&self, hook: &Bound<'_, PyAny>) -> PyResult<bool> {
        guarded(hook.py(), || {
            if let Ok(handle) = hook.cast::<PyHookHandle>() {
                return Ok(handle.get().remove_from(&self.engine));
            }
            let mut removed = false;
            for id in self.registered(hook)? {
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
            let number = |name: &str, given: Option<&Bound<'_, PyAny>>| {
                given.map(|given| convert::count(name, given)).transpose()
            };
            let text = |name: &str, given: Option<&Bound<'_, PyAny>>| {
                given.map(|given| convert::text(name, given)).transpose()
            };
            let (scope, count) = (text("scope", scope)?, text("count", count)?);
            let options = RateLimitOptions {
                max_per_second: number("max_per_second", max_per_second)?,
                max_per_minute: number("max_per_minute", max_per_minute)?,
                max_per_hour: number("max_per_hour", max_per_hour)?,
                scope: scope.as_deref(),
                burst: number("burst", burst)?,
                count: count.as_deref(),
                max_keys: number("max_keys", max_keys)?,
            };
            let operation = convert::text("operation", operation)?;
            let added = RateLimit::from_options(&options)
                .and_then(|limit| self.engine.add_rate_limit(&operation, &limit));
            added.map_err(|error| errors::to_py(py, error))
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
            let context = Said::of_argument(context)?.context;
            let status = self.engine.rate_limit_status(&operation, &context);
            let status = status.map_err(|error| errors::to_py(py, error))?;
            let dicts: PyResult<Vec<_>> = status.iter().map(|status| limits::to_dict(py, status)).collect();
            PyList::new(py, dicts?)
        })
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
        self.engine.hooks().iter().try_for_each(|hook| visit(hook, &visitor))
    }

    /// Lets go of everything. What could still reach the engine then is refused, never allowed.
    fn __clear__(&self) {
        self.engine.remember(&Error::usage("the policy engine was cleared by the garbage collector"));
        self.engine.remove_hooks(|_| true);
        self.store.clear();
    }
}
