//! Rate limits: the core's status as plain dicts.

use checkrein::limit::LimitStatus;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::seconds_never_early;

/// How a limit stands, as a dict.
pub(crate) fn to_dict<'py>(py: Python<'py>, status: &LimitStatus) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("limit", &status.limit)?;
    dict.set_item("operation", status.operation.as_str())?;
    dict.set_item("scope", &status.scope)?;
    dict.set_item("count", status.count.as_str())?;
    dict.set_item("capacity", status.capacity)?;
    dict.set_item("remaining", status.remaining)?;
    dict.set_item("retry_after", seconds_never_early(status.retry_after_ns))?;
    dict.set_item("retry_after_ns", status.retry_after_ns)?;
    dict.set_item("full_after_ns", status.full_after_ns)?;
    dict.set_item("overflow", status.overflow)?;
    Ok(dict)
}
