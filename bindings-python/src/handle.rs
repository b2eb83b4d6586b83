//! What registering a hook gives: a handle, or a decorator.

use std::sync::{Arc, Weak};

use checkrein::engine::Engine;
use checkrein::glob::Glob;
use checkrein::hook::{HookId, Trigger};
use pyo3::prelude::*;

use crate::guard::guarded;
use crate::{errors, helpers};

/// A registered hook, to be removed again.
#[pyclass(name = "HookHandle", module = "checkrein", frozen, weakref)]
pub(crate) struct PyHookHandle {
    engine: Weak<Engine>,
    id: HookId,
    rule: String,
}

impl PyHookHandle {
    /// True where the handle is of this engine, whose hook it then removed.
    pub(crate) fn remove_from(&self, engine: &Arc<Engine>) -> bool {
        std::ptr::eq(self.engine.as_ptr(), Arc::as_ptr(engine)) && engine.remove_hook(self.id)
    }
}

#[pymethods]
impl PyHookHandle {
    /// Removes the hook; `False` where it is gone already. Operations that have started still ask it.
    fn remove(&self, py: Python<'_>) -> PyResult<bool> {
        guarded(py, || Ok(self.engine.upgrade().is_some_and(|engine| engine.remove_hook(self.id))))
    }

    /// The hook's name in errors and in the audit: `before_write system/*`.
    #[getter]
    fn rule(&self) -> &str {
        &self.rule
    }

    fn __repr__(&self) -> String {
        format!("<HookHandle `{}`>", self.rule)
    }
}

/// The decorator that `policy.before_write("…")` gives: registers a function and returns it unchanged.
#[pyclass(name = "Registrar", module = "checkrein", frozen)]
pub(crate) struct Registrar {
    /// Weak, so that a decorator that somebody keeps does not keep the engine's hooks from the garbage collector.
    engine: Weak<Engine>,
    trigger: Trigger,
    keys: String,
}

#[pymethods]
impl Registrar {
    fn __call__<'py>(&self, hook: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = hook.py();
        guarded(py, || {
            let Some(engine) = self.engine.upgrade() else {
                return Err(errors::usage(py, "the policy engine of this decorator is gone".to_owned()));
            };
            register(&engine, self.trigger, &self.keys, &hook)?;
            Ok(hook)
        })
    }

    fn __repr__(&self) -> String {
        format!("<decorator `{} {}`>", self.trigger.as_str(), self.keys)
    }
}

/// A decorator for hooks on these keys.
///
/// # Errors
/// `PatternError` for a bad glob: at the line that gives it, not where the decorator is used.
pub(crate) fn registrar(
    py: Python<'_>,
    engine: &Arc<Engine>,
    trigger: Trigger,
    keys: String,
) -> PyResult<Registrar> {
    Glob::parse(&keys).map_err(|error| errors::to_py(py, error.into()))?;
    Ok(Registrar { engine: Arc::downgrade(engine), trigger, keys })
}

/// Registers a hook.
///
/// # Errors
/// `PatternError` for a bad glob, `ConfigError` for what is no hook, or a helper that means nothing at the trigger.
pub(crate) fn register(
    engine: &Arc<Engine>,
    trigger: Trigger,
    keys: &str,
    hook: &Bound<'_, PyAny>,
) -> PyResult<PyHookHandle> {
    let action = helpers::action_of(hook)?;
    let id = engine.add_hook(trigger, keys, action).map_err(|error| errors::to_py(hook.py(), error))?;
    let rule = format!("{} {keys}", trigger.as_str());
    Ok(PyHookHandle { engine: Arc::downgrade(engine), id, rule })
}
