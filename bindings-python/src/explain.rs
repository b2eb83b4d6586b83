//! What would be asked about an operation, as a plain dict.

use checkrein::engine::{ExplainedHook, Explanation};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::limits;

/// An explanation as a dict; `rule` and `reason` are `None` where nothing decides.
pub(crate) fn to_dict<'py>(py: Python<'py>, explained: &Explanation) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("operation", explained.operation.as_str())?;
    dict.set_item("verdict", explained.verdict.as_str())?;
    dict.set_item("rule", explained.rule.as_deref())?;
    dict.set_item("reason", explained.reason.as_deref())?;
    dict.set_item("mode", explained.mode.as_str())?;
    let hooks: PyResult<Vec<_>> = explained.hooks.iter().map(|hook| hook_to_dict(py, hook)).collect();
    dict.set_item("hooks", hooks?)?;
    let limits: PyResult<Vec<_>> =
        explained.limits.iter().map(|status| limits::to_dict(py, status)).collect();
    dict.set_item("limits", limits?)?;
    Ok(dict)
}

fn hook_to_dict<'py>(py: Python<'py>, hook: &ExplainedHook) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("rule", &hook.rule)?;
    dict.set_item("trigger", hook.trigger)?;
    dict.set_item("keys", &hook.keys)?;
    dict.set_item("kind", hook.kind)?;
    dict.set_item("mode", hook.mode.as_str())?;
    dict.set_item("answer", hook.answer)?;
    Ok(dict)
}
