//! The audit: arguments to the core's filter, and its entries as plain dicts.

use checkrein::AuditFilter;
use checkrein::audit::{Entry, FieldValue};
use checkrein::glob::Glob;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyInt, PyString};

use crate::convert::{self, described};
use crate::errors;

/// The arguments of `get_audit_log`, as they were given.
pub(crate) struct Wanted<'a, 'py> {
    pub(crate) limit: Option<&'a Bound<'py, PyAny>>,
    pub(crate) agent_id: Option<&'a Bound<'py, PyAny>>,
    pub(crate) session_id: Option<&'a Bound<'py, PyAny>>,
    pub(crate) operation: Option<&'a Bound<'py, PyAny>>,
    pub(crate) result: Option<&'a Bound<'py, PyAny>>,
    pub(crate) keys: Option<&'a Bound<'py, PyAny>>,
    pub(crate) since: Option<&'a Bound<'py, PyAny>>,
}

impl Wanted<'_, '_> {
    /// The core's filter.
    ///
    /// # Errors
    /// `UsageError` for a wrong type or an unknown word, `PatternError` for a bad glob.
    pub(crate) fn filter(&self, py: Python<'_>) -> PyResult<AuditFilter> {
        let ours = |error| errors::to_py(py, error);
        let mut filter = AuditFilter::new();
        if let Some(limit) = self.limit {
            filter = filter.limit(usize::try_from(convert::count("limit", limit)?).unwrap_or(usize::MAX));
        }
        if let Some(agent_id) = self.agent_id {
            filter = filter.agent_id(convert::text("agent_id", agent_id)?);
        }
        if let Some(session_id) = self.session_id {
            filter = filter.session_id(convert::text("session_id", session_id)?);
        }
        if let Some(operation) = self.operation {
            filter = filter.operation_named(&convert::text("operation", operation)?).map_err(ours)?;
        }
        if let Some(result) = self.result {
            filter = filter.result_named(&convert::text("result", result)?).map_err(ours)?;
        }
        if let Some(keys) = self.keys {
            let glob = Glob::parse(&convert::text("keys", keys)?).map_err(|error| ours(error.into()))?;
            filter = filter.keys(move |key| glob.matches(key));
        }
        if let Some(since) = self.since {
            filter = filter.since_ns(nanoseconds(since)?);
        }
        Ok(filter)
    }
}

/// A moment: an aware `datetime`, or nanoseconds since 1970-01-01 UTC as in an entry's `timestamp_ns`.
fn nanoseconds(since: &Bound<'_, PyAny>) -> PyResult<u64> {
    let py = since.py();
    if since.is_instance_of::<PyInt>() {
        return convert::count("since", since);
    }
    let module = py.import("datetime")?;
    if !since.is_instance(&module.getattr("datetime")?)? {
        let what = described(since);
        let advice = "give an aware `datetime`, or nanoseconds since 1970-01-01 UTC as an `int`";
        return Err(errors::usage(py, format!("`since` is {what}: {advice}")));
    }
    if since.call_method0("utcoffset")?.is_none() {
        let advice = "`since` has no time zone: write `datetime(…, tzinfo=timezone.utc)`";
        return Err(errors::usage(py, advice.to_owned()));
    }
    let utc = module.getattr("timezone")?.getattr("utc")?;
    let epoch = module.getattr("datetime")?.call1((1970, 1, 1, 0, 0, 0, 0, utc))?;
    let microsecond = module.getattr("timedelta")?.call1((0, 0, 1))?;
    let since = since.sub(epoch)?.floor_div(microsecond)?.mul(1000)?;
    // A moment before 1970 is before every entry.
    if since.lt(0)? { Ok(0) } else { Ok(since.extract().unwrap_or(u64::MAX)) }
}

/// An entry as a dict; what is absent is left out.
pub(crate) fn to_dict<'py>(py: Python<'py>, entry: &Entry) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (name, value) in entry.fields() {
        let name = PyString::intern(py, name);
        match value {
            FieldValue::Text(text) => dict.set_item(name, text)?,
            FieldValue::Int(number) => dict.set_item(name, number)?,
            FieldValue::Bool(flag) => dict.set_item(name, flag)?,
            _ => {
                let what = "a field of an audit entry that this package does not know".to_owned();
                return Err(errors::to_py(py, checkrein::Error::Internal(what)));
            }
        }
    }
    Ok(dict)
}
