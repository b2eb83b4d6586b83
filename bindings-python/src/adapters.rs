//! Well-known clients of the host, found by their type and wrapped into stores by `checkrein.adapters`.

use pyo3::prelude::*;

use crate::convert::type_name;
use crate::errors;

/// What an async engine is to take for an object: a sync client that has no async one works in worker threads.
///
/// # Errors
/// As [`for_sync_engine`], for a sync client that has an async one.
pub(crate) fn for_async_engine<'py>(object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    object.py().import("checkrein._worker")?.call_method1("store_of", (object,))
}

/// What a sync engine is to take for an object: its adapter where it is a well-known client, else the object
/// itself.
///
/// # Errors
/// `ConfigError` for an async client, and for what belongs to a known package but can be no store.
pub(crate) fn for_sync_engine<'py>(object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = object.py();
    let adapter = py.import("checkrein.adapters")?.call_method1("adapt", (object,))?;
    if adapter.is_none() {
        return Ok(object.clone());
    }
    if adapter.getattr("is_async")?.is_truthy()? {
        let (name, module) = (type_name(object), object.get_type().module()?);
        return Err(errors::config(
            py,
            format!(
                "the `{name}` of `{module}` is an async client and this is the sync engine: give it the sync \
                 client, or take an `AsyncPolicyEngine`"
            ),
        ));
    }
    Ok(adapter)
}
