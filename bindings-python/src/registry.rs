//! What is registered with an engine, sync or async: added, found again by the object, shown to the garbage collector.

use std::sync::Arc;

use checkrein::engine::Engine;
use checkrein::hook::{Action, HookId, Trigger};
use pyo3::PyTraverseError;
use pyo3::prelude::*;
use pyo3::pyclass::PyVisit;

use crate::handle::{register, registrar};
use crate::hook::{self, Callable, callable_of};
use crate::{convert, helpers};

/// The hook argument: left out, it asks for a decorator; `None` is a mistake.
pub(crate) enum HookArgument<'py> {
    LeftOut,
    Given(Bound<'py, PyAny>),
}

impl<'py> FromPyObject<'_, 'py> for HookArgument<'py> {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        Ok(HookArgument::Given(object.to_owned()))
    }
}

/// Adds a hook, and gives its handle; without one it gives a decorator.
///
/// # Errors
/// `PatternError` for a bad glob, `ConfigError` for what is no hook, or a helper that means nothing at the trigger.
pub(crate) fn add<'py>(
    py: Python<'py>,
    engine: &Arc<Engine>,
    trigger: Trigger,
    keys: &Bound<'py, PyAny>,
    hook: HookArgument<'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let keys = convert::text("keys", keys)?;
    Ok(match hook {
        HookArgument::LeftOut => Bound::new(py, registrar(py, engine, trigger, keys)?)?.into_any(),
        HookArgument::Given(hook) => Bound::new(py, register(engine, trigger, &keys, &hook)?)?.into_any(),
    })
}

/// The hooks that an object was registered as. A method is made anew at each look at it, so it is compared.
pub(crate) fn registered(engine: &Engine, hook: &Bound<'_, PyAny>) -> PyResult<Vec<HookId>> {
    let py = hook.py();
    let helper = helpers::recognise(hook)?;
    let types = py.import("types")?;
    let kind = hook.get_type();
    let is_method = kind.is(types.getattr("MethodType")?) || kind.is(types.getattr("BuiltinMethodType")?);
    let mut found = Vec::new();
    for entry in engine.hooks() {
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

/// Shows every callable to the garbage collector.
pub(crate) fn visit(engine: &Engine, visitor: &PyVisit<'_>) -> Result<(), PyTraverseError> {
    engine.hooks().iter().try_for_each(|entry| hook::visit(entry, visitor))?;
    let sinks = engine.audit_sinks().into_iter().map(|(_, object)| object);
    let listeners = engine.listeners().into_iter().map(|(_, object)| object);
    for object in sinks.chain(listeners) {
        if let Some(callable) = Callable::of(&object) {
            visitor.call(callable)?;
        }
    }
    Ok(())
}

/// Lets go of every callable.
pub(crate) fn clear(engine: &Engine) {
    engine.remove_hooks(|_| true);
    for (id, _) in engine.listeners() {
        engine.remove_listener(id);
    }
    for (id, _) in engine.audit_sinks() {
        // A callable has nothing to write out.
        let _ = engine.remove_audit_sink(id);
    }
}
