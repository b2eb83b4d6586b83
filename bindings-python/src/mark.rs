//! How deep an async task is in hooks.
//!
//! Tasks take turns on one thread, so what runs cannot be known by the thread: an async hook leaves a mark in its
//! task's `contextvars` while it is asked. A task that the hook starts takes the mark along and stands as deep as long
//! as the hook runs; once the hook has answered, the mark says nothing any more, however long that task lives.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;

use crate::once;

/// How many hooks are being asked with a mark: where there is none, nobody need look for one.
static LIVE: AtomicUsize = AtomicUsize::new(0);

/// What stands in the context of a task that is in a hook.
#[pyclass(module = "checkrein._native", frozen)]
struct Mark {
    /// The depth at which operations that the hook starts stand.
    depth: u32,
    live: AtomicBool,
    /// The hook around it.
    outer: Option<Py<Mark>>,
}

/// A hook that is being asked. Dropping it ends that, in whatever context; it runs no Python code then.
pub(crate) struct Inside {
    mark: Py<Mark>,
    token: Py<PyAny>,
}

impl Inside {
    /// Marks what runs from now on in this context as standing that deep.
    pub(crate) fn enter(py: Python<'_>, depth: u32) -> PyResult<Self> {
        let outer = innermost(py)?.map(Bound::unbind);
        let mark = Py::new(py, Mark { depth, live: AtomicBool::new(true), outer })?;
        let token = variable(py)?.call_method1(pyo3::intern!(py, "set"), (&mark,))?.unbind();
        LIVE.fetch_add(1, Ordering::Relaxed);
        Ok(Inside { mark, token })
    }

    /// The hook has answered.
    pub(crate) fn leave(self, py: Python<'_>) {
        // Fails in another context than it was entered in: the dead mark is enough there.
        let _ = variable(py).and_then(|it| it.call_method1(pyo3::intern!(py, "reset"), (&self.token,)));
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        if self.mark.get().live.swap(false, Ordering::Relaxed) {
            LIVE.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Whether any hook is being asked with a mark.
#[inline]
pub(crate) fn any() -> bool {
    LIVE.load(Ordering::Relaxed) != 0
}

/// The depth at which an operation that this task starts now stands.
pub(crate) fn depth(py: Python<'_>) -> PyResult<u32> {
    Ok(innermost(py)?.map_or(0, |mark| mark.get().depth))
}

/// The innermost hook that is still being asked.
fn innermost(py: Python<'_>) -> PyResult<Option<Bound<'_, Mark>>> {
    if !any() {
        return Ok(None);
    }
    let mut found = variable(py)?.call_method0(pyo3::intern!(py, "get"))?.cast_into::<Mark>().ok();
    while let Some(mark) = &found
        && !mark.get().live.load(Ordering::Relaxed)
    {
        found = mark.get().outer.as_ref().map(|outer| outer.bind(py).clone());
    }
    Ok(found)
}

fn variable(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static VARIABLE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let variable = once::get_or_make(&VARIABLE, py, || {
        let default = PyDict::new(py);
        default.set_item("default", py.None())?;
        let class = py.import("contextvars")?.getattr("ContextVar")?;
        Ok(class.call(("checkrein_hooks",), Some(&default))?.unbind())
    })?;
    Ok(variable.bind(py))
}
