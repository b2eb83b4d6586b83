//! A Python callable as the engine stores it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use checkrein::hook::{Action, HookEntry, HostObject};
use pyo3::PyTraverseError;
use pyo3::prelude::*;
use pyo3::pyclass::PyVisit;

/// A hook, or what `log_and_allow` tells: one strong reference, which the engine shows to the garbage collector.
pub(crate) struct Callable {
    callable: Py<PyAny>,
    /// It has answered with a task or the like, which started to run before it was seen.
    starts_tasks: AtomicBool,
}

impl Callable {
    pub(crate) fn stored(callable: Py<PyAny>) -> HostObject {
        Arc::new(Callable { callable, starts_tasks: AtomicBool::new(false) })
    }

    /// The callable that the core gives back.
    pub(crate) fn of(object: &HostObject) -> Option<&Py<PyAny>> {
        object.downcast_ref::<Callable>().map(|callable| &callable.callable)
    }

    /// Whether it is known to answer with tasks: the async driver then marks what they run in before the call.
    pub(crate) fn starts_tasks(object: &HostObject) -> bool {
        let callable = object.downcast_ref::<Callable>();
        callable.is_some_and(|callable| callable.starts_tasks.load(Ordering::Relaxed))
    }

    /// It has answered with a task.
    pub(crate) fn has_started_task(object: &HostObject) {
        if let Some(callable) = object.downcast_ref::<Callable>() {
            callable.starts_tasks.store(true, Ordering::Relaxed);
        }
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
