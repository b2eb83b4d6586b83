//! The ambient context: what `with checkrein.context(…)` says for every operation in it.
//!
//! It is kept in a `contextvars` variable of `checkrein.ambient`, as a dict that nobody changes. A program that never
//! enters one pays a look at a flag for it.

use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyMapping, PyTuple};

use crate::context::{self, Said};
use crate::convert::described;
use crate::guard::guarded;
use crate::{errors, once};

static USED: AtomicBool = AtomicBool::new(false);
static VARIABLE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// From here on operations look for an ambient context, in this variable.
#[pyfunction]
#[pyo3(name = "_begin_ambient")]
pub(crate) fn begin_ambient(py: Python<'_>, variable: Bound<'_, PyAny>) -> PyResult<()> {
    guarded(py, || {
        once::get_or_make(&VARIABLE, py, || Ok(variable.unbind()))?;
        USED.store(true, Ordering::Release);
        Ok(())
    })
}

/// An ambient context with more said inside it, checked as the context of an operation is.
#[pyfunction]
#[pyo3(name = "_merged_context")]
pub(crate) fn merged_context<'py>(
    outer: Option<Bound<'py, PyDict>>,
    said: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyDict>> {
    let py = said.py();
    guarded(py, || {
        let merged = match outer {
            Some(outer) => merge(&outer, said)?,
            None => merge(&PyDict::new(py), said)?,
        };
        Said::of_argument(Some(&merged))?;
        Ok(merged)
    })
}

/// Whether the program has ever entered one.
#[inline]
pub(crate) fn is_used() -> bool {
    USED.load(Ordering::Relaxed)
}

/// The ambient context of the running code, if there is one.
pub(crate) fn current(py: Python<'_>) -> PyResult<Option<Bound<'_, PyDict>>> {
    let Some(variable) = VARIABLE.get(py) else { return Ok(None) };
    let said = variable.bind(py).call_method1(pyo3::intern!(py, "get"), (py.None(),))?;
    if said.is_none() { Ok(None) } else { Ok(Some(said.cast_into::<PyDict>()?)) }
}

/// What is said inside an ambient context: a value that is given wins, `None` says nothing.
///
/// # Errors
/// `UsageError` for what is no mapping, and for a name that is no text.
pub(crate) fn merge<'py>(
    ambient: &Bound<'py, PyDict>,
    said: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyDict>> {
    let merged = ambient.copy()?;
    if let Ok(dict) = said.cast_exact::<PyDict>() {
        for (name, value) in dict {
            add(&merged, &name, &value)?;
        }
        return Ok(merged);
    }
    let Ok(mapping) = said.cast::<PyMapping>() else {
        let what = described(said);
        return Err(errors::usage(said.py(), format!("the context is {what}, not a mapping: give a `dict`")));
    };
    for item in mapping.items()? {
        let (name, value) = item.cast_into::<PyTuple>()?.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>()?;
        add(&merged, &name, &value)?;
    }
    Ok(merged)
}

fn add(merged: &Bound<'_, PyDict>, name: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let name = context::name_of(name)?;
    if value.is_none() { Ok(()) } else { merged.set_item(name, value) }
}
