//! How deep the running code is in hooks, so that hooks cannot start operations without end.
//!
//! A sync operation cannot be left half-way, except that a greenlet may wait inside a hook while another one of the
//! same thread goes on. So what runs is known by its thread and its greenlet: each thread has a list of the hooks that
//! are running on it, and each knows its greenlet where the package `greenlet` is loaded. This is the binding's only
//! thread-local state.
//!
//! A `contextvars` variable would tell the same at several times the cost (it was measured: 200 ns of an operation's
//! 1,000), and would be carried away by tasks and threads that outlive the hook.

use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyDictMethods};

use crate::{mark, once};

/// A hook that runs on this thread.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Running {
    /// The greenlet that it runs in, by its address; zero where there were no greenlets when it was called.
    greenlet: usize,
    /// The depth at which operations that it starts stand.
    depth: u32,
}

thread_local! {
    static RUNNING: RefCell<Vec<Running>> = const { RefCell::new(Vec::new()) };
}

/// The depth at which an operation that is started now stands.
#[inline]
pub(crate) fn current(py: Python<'_>) -> PyResult<u32> {
    if mark::any() || !RUNNING.with_borrow(Vec::is_empty) { in_hooks(py) } else { Ok(0) }
}

#[cold]
fn in_hooks(py: Python<'_>) -> PyResult<u32> {
    let of_task = mark::depth(py)?;
    if RUNNING.with_borrow(Vec::is_empty) {
        return Ok(of_task);
    }
    let greenlet = greenlet(py)?;
    // A sync hook may run in an async one, and an event loop in a sync one: the deepest is the one in hand.
    let of_thread = RUNNING.with_borrow(|running| {
        running
            .iter()
            .rev()
            .find(|hook| hook.greenlet == greenlet || hook.greenlet == 0)
            .map_or(0, |hook| hook.depth)
    });
    Ok(of_task.max(of_thread))
}

/// Runs a hook with what it starts marked as standing that deep.
pub(crate) fn inside<T>(py: Python<'_>, depth: u32, hook: impl FnOnce() -> PyResult<T>) -> PyResult<T> {
    let mark = Mark(Running { greenlet: greenlet(py)?, depth });
    RUNNING.with_borrow_mut(|running| running.push(mark.0));
    hook()
}

/// Takes the mark back, also where the hook's caller panics.
struct Mark(Running);

impl Drop for Mark {
    fn drop(&mut self) {
        RUNNING.with_borrow_mut(|running| {
            // Greenlets end in any order: it need not be the last.
            if let Some(place) = running.iter().rposition(|hook| *hook == self.0) {
                running.remove(place);
            }
        });
    }
}

/// The running greenlet's address, which no other has while the hook runs; zero without the package.
fn greenlet(py: Python<'_>) -> PyResult<usize> {
    static MODULES: PyOnceLock<Py<PyDict>> = PyOnceLock::new();
    /// How many modules were loaded when the package was last found missing: most often nothing has changed.
    static MISSING_AMONG: AtomicUsize = AtomicUsize::new(usize::MAX);
    let modules = once::get_or_make(&MODULES, py, || {
        PyResult::Ok(py.import("sys")?.getattr("modules")?.cast_into::<PyDict>()?.unbind())
    })?
    .bind(py);
    let loaded = modules.len();
    if MISSING_AMONG.load(Ordering::Relaxed) == loaded {
        return Ok(0);
    }
    match modules.get_item(pyo3::intern!(py, "greenlet"))? {
        Some(module) if !module.is_none() => {
            Ok(module.call_method0(pyo3::intern!(py, "getcurrent"))?.as_ptr() as usize)
        }
        _ => {
            MISSING_AMONG.store(loaded, Ordering::Relaxed);
            Ok(0)
        }
    }
}
