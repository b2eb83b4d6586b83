//! How deep the running code is in hooks.
//!
//! The mark is a `contextvars` variable, so that it belongs to what runs (a thread, a greenlet, an asyncio task) and
//! not to the thread that happens to run it: greenlets whose hooks wait at the same time are not nested.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

/// The bound methods of the variable.
struct Variable {
    get: Py<PyAny>,
    set: Py<PyAny>,
    reset: Py<PyAny>,
}

fn variable(py: Python<'_>) -> PyResult<&Variable> {
    static VARIABLE: PyOnceLock<Variable> = PyOnceLock::new();
    VARIABLE.get_or_try_init(py, || {
        let options = pyo3::types::PyDict::new(py);
        options.set_item("default", 0)?;
        let class = py.import("contextvars")?.getattr("ContextVar")?;
        let variable = class.call(("checkrein_hook_depth",), Some(&options))?;
        Ok(Variable {
            get: variable.getattr("get")?.unbind(),
            set: variable.getattr("set")?.unbind(),
            reset: variable.getattr("reset")?.unbind(),
        })
    })
}

/// The depth at which an operation that is started now stands.
pub(crate) fn current(py: Python<'_>) -> PyResult<u32> {
    variable(py)?.get.bind(py).call0()?.extract()
}

/// The mark of one operation's hooks, taken back when it is dropped.
pub(crate) struct Mark<'py>(Option<Bound<'py, PyAny>>);

impl<'py> Mark<'py> {
    pub(crate) fn none() -> Self {
        Mark(None)
    }

    /// Marks what runs from here on as being that deep; once an operation.
    pub(crate) fn set(&mut self, py: Python<'py>, depth: u32) -> PyResult<()> {
        if self.0.is_none() {
            self.0 = Some(variable(py)?.set.bind(py).call1((depth,))?);
        }
        Ok(())
    }
}

impl Drop for Mark<'_> {
    fn drop(&mut self) {
        if let Some(token) = self.0.take() {
            let py = token.py();
            // It can only fail where a hook has switched contexts and not come back; then there is nothing to mend.
            let _ = variable(py).and_then(|variable| variable.reset.bind(py).call1((token,)));
        }
    }
}
