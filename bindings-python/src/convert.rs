//! Small conversions that several modules share.

use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyInt, PyString};

use crate::{errors, once};

/// An object in a message, by its type only: "a `str`". Never its value.
pub(crate) fn described(object: &Bound<'_, PyAny>) -> String {
    if object.is_none() {
        return "`None`".to_owned();
    }
    let name = type_name(object);
    let article =
        if name.starts_with(['a', 'e', 'i', 'o', 'u', 'A', 'E', 'I', 'O', 'U']) { "an" } else { "a" };
    format!("{article} `{name}`")
}

/// The name of an object's type.
pub(crate) fn type_name(object: &Bound<'_, PyAny>) -> String {
    object.get_type().name().map_or_else(|_| "object".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// Whether an object is to be awaited.
pub(crate) fn is_awaitable(object: &Bound<'_, PyAny>) -> bool {
    // The usual replies first: an attribute that is missing costs an exception.
    !object.is_none() && (is_coroutine(object) || has_await(object))
}

/// Whether an object is what a call of an `async def` gives.
pub(crate) fn is_coroutine(object: &Bound<'_, PyAny>) -> bool {
    static COROUTINE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = object.py();
    let class =
        once::get_or_make(&COROUTINE, py, || Ok(py.import("types")?.getattr("CoroutineType")?.unbind()));
    class.is_ok_and(|class| object.get_type().is(class.bind(py)))
}

fn has_await(object: &Bound<'_, PyAny>) -> bool {
    object.get_type().hasattr(pyo3::intern!(object.py(), "__await__")).unwrap_or(false)
}

/// Lets go of an awaitable that nobody will await: a coroutine is closed, so that Python does not warn of it.
///
/// # Errors
/// What is no ordinary error, such as `KeyboardInterrupt`.
pub(crate) fn close_awaitable(object: &Bound<'_, PyAny>) -> PyResult<()> {
    let close = pyo3::intern!(object.py(), "close");
    if !object.hasattr(close).unwrap_or(false) {
        return Ok(());
    }
    match object.call_method0(close) {
        Err(error) if !error.is_instance_of::<PyException>(object.py()) => Err(error),
        _ => Ok(()),
    }
}

/// A text argument.
///
/// # Errors
/// `UsageError` for anything else.
pub(crate) fn text(what: &str, object: &Bound<'_, PyAny>) -> PyResult<String> {
    let py = object.py();
    match object.cast::<PyString>() {
        Ok(text) => match text.to_str() {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => {
                Err(errors::usage(py, format!("`{what}` holds half a surrogate pair, which is no text")))
            }
        },
        Err(_) => Err(errors::usage(py, format!("`{what}` is {}, not a `str`", described(object)))),
    }
}

/// A whole number that is not negative; one beyond 64 bits is the largest, which every bound refuses.
///
/// # Errors
/// `UsageError` for anything else, `True` and `False` included.
pub(crate) fn count(what: &str, object: &Bound<'_, PyAny>) -> PyResult<u64> {
    let py = object.py();
    if !object.is_instance_of::<PyInt>() || object.is_instance_of::<PyBool>() {
        return Err(errors::usage(py, format!("`{what}` is {}, not an `int`", described(object))));
    }
    if object.lt(0)? {
        return Err(errors::usage(py, format!("`{what}` is negative")));
    }
    Ok(object.extract::<u64>().unwrap_or(u64::MAX))
}
