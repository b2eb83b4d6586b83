//! Keys, values and answers: whatever is like bytes, as a `bytes` object that nobody can change.

use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyByteArrayMethods, PyBytes, PyMemoryView, PyString};

use crate::convert::described;
use crate::errors;

/// The bytes of a key or value. A `bytes` object is taken as it is, everything else is copied.
///
/// # Errors
/// `UsageError` for what is not like bytes; a `str` is told to be encoded.
pub(crate) fn of_argument<'py>(what: &str, object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    if let Ok(bytes) = object.cast_exact::<PyBytes>() {
        return Ok(bytes.clone());
    }
    if let Some(bytes) = of_buffer(object) {
        return Ok(bytes);
    }
    let advice = if object.is_instance_of::<PyString>() {
        format!("the {what} is a `str`, not bytes: encode it, as in `{what}.encode()`")
    } else {
        format!("the {what} is {}, not bytes", described(object))
    };
    Err(errors::usage(object.py(), advice))
}

/// The bytes of an object like bytes, or nothing.
///
/// A subclass of `bytes` is copied: it could show a hook something else than it holds.
pub(crate) fn of_buffer<'py>(object: &Bound<'py, PyAny>) -> Option<Bound<'py, PyBytes>> {
    let py = object.py();
    if let Ok(bytes) = object.cast::<PyBytes>() {
        return Some(if bytes.is_exact_instance_of::<PyBytes>() {
            bytes.clone()
        } else {
            PyBytes::new(py, bytes.as_bytes())
        });
    }
    if let Ok(array) = object.cast::<PyByteArray>() {
        return Some(PyBytes::new(py, &array.to_vec()));
    }
    let view = PyMemoryView::from(object).ok()?;
    view.call_method0(pyo3::intern!(py, "tobytes")).ok()?.cast_into::<PyBytes>().ok()
}
