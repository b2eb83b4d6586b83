//! A Python callable as the engine stores it.

use checkrein::hook::{Action, HookEntry, HostObject};
use pyo3::PyTraverseError;
use pyo3::prelude::*;
use pyo3::pyclass::PyVisit;

/// A hook, or what `log_and_allow` tells: one strong reference, which the engine shows to the garbage collector.
pub(crate) struct Callable(Py<PyAny>);

impl Callable {
    pub(crate) fn stored(callable: Py<PyAny>) -> HostObject {
        std::sync::Arc::new(Callable(callable))
    }

    /// The callable that the core gives back.
    pub(crate) fn of(object: &HostObject) -> Option<&Py<PyAny>> {
        object.downcast_ref::<Callable>().map(|callable| &callable.0)
    }
}

/// The Python object behind a registered hook; the core's own helpers have none.
pub(crate) fn callable_of(hook: &HookEntry) -> Option<&Py<PyAny>> {
    match &hook.action {
        Action::Host(object) | Action::Log(object) => Callable::of(object),
        Action::Helper(_) | Action::Declared(_) => None,
    }
}

/// Shows a hook's callable to the garbage collector.
pub(crate) fn visit(hook: &HookEntry, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
    callable_of(hook).map_or(Ok(()), |callable| visit.call(callable))
}
