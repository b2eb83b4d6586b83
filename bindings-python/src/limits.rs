//! Rate limits: the core's status as plain dicts.

use checkrein::engine::Engine;
use checkrein::limit::{LimitStatus, RateLimit, RateLimitOptions};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::convert;
use crate::errors::{self, seconds_never_early};

/// The arguments of `add_rate_limit`, as they were given.
pub(crate) struct Given<'a, 'py> {
    pub(crate) max_per_second: Option<&'a Bound<'py, PyAny>>,
    pub(crate) max_per_minute: Option<&'a Bound<'py, PyAny>>,
    pub(crate) max_per_hour: Option<&'a Bound<'py, PyAny>>,
    pub(crate) scope: Option<&'a Bound<'py, PyAny>>,
    pub(crate) burst: Option<&'a Bound<'py, PyAny>>,
    pub(crate) count: Option<&'a Bound<'py, PyAny>>,
    pub(crate) max_keys: Option<&'a Bound<'py, PyAny>>,
}

impl Given<'_, '_> {
    /// Adds the limit to an engine.
    ///
    /// # Errors
    /// `ConfigError` for what cannot be, `UsageError` for a wrong type.
    pub(crate) fn add(&self, engine: &Engine, operation: &Bound<'_, PyAny>) -> PyResult<()> {
        let number = |name: &str, given: Option<&Bound<'_, PyAny>>| {
            given.map(|given| convert::count(name, given)).transpose()
        };
        let text = |name: &str, given: Option<&Bound<'_, PyAny>>| {
            given.map(|given| convert::text(name, given)).transpose()
        };
        let (scope, count) = (text("scope", self.scope)?, text("count", self.count)?);
        let options = RateLimitOptions {
            max_per_second: number("max_per_second", self.max_per_second)?,
            max_per_minute: number("max_per_minute", self.max_per_minute)?,
            max_per_hour: number("max_per_hour", self.max_per_hour)?,
            scope: scope.as_deref(),
            burst: number("burst", self.burst)?,
            count: count.as_deref(),
            max_keys: number("max_keys", self.max_keys)?,
        };
        let py = operation.py();
        let operation = convert::text("operation", operation)?;
        let added =
            RateLimit::from_options(&options).and_then(|limit| engine.add_rate_limit(&operation, &limit));
        added.map_err(|error| errors::to_py(py, error))
    }
}

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
