//! What the core wants told: to `log_and_allow`'s callable, or to the logger `checkrein`.

use checkrein::error::Cause;
use checkrein::operation::{LogCall, LogLevel, Reply};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::errors::{self, Failed};
use crate::hook::Callable;
use crate::{depth, once};

/// Tells it. `depth` is that of the operation.
///
/// # Errors
/// What is no ordinary error, such as `KeyboardInterrupt`: it ends the operation.
#[cold]
pub(crate) fn tell(py: Python<'_>, call: &LogCall<'_>, depth: u32) -> PyResult<Reply> {
    told(py, start(py, call, depth))
}

/// Calls the logger; an async driver awaits what it returns.
pub(crate) fn start<'py>(py: Python<'py>, call: &LogCall<'_>, depth: u32) -> PyResult<Bound<'py, PyAny>> {
    depth::inside(py, depth.saturating_add(1), || match call.logger.and_then(Callable::of) {
        Some(callable) => callable.bind(py).call1((&call.message,)),
        None => logger(py).and_then(|logger| {
            let method = match call.level {
                LogLevel::Info => pyo3::intern!(py, "info"),
                LogLevel::Warning => pyo3::intern!(py, "warning"),
            };
            logger.call_method1(method, (&call.message,))
        }),
    })
}

/// What a logger or listener made of what it was told.
pub(crate) fn told(py: Python<'_>, told: PyResult<Bound<'_, PyAny>>) -> PyResult<Reply> {
    match told {
        Ok(_) => Ok(Reply::Logged),
        Err(raised) => Ok(Reply::LogFailed(cause_of(py, raised)?)),
    }
}

/// What made a logger, listener or sink fail.
///
/// # Errors
/// What is no ordinary error, such as `KeyboardInterrupt`: it ends the operation.
pub(crate) fn cause_of(py: Python<'_>, raised: PyErr) -> PyResult<Cause> {
    Ok(match errors::sort(py, raised)? {
        Failed::Foreign(cause) => cause,
        Failed::Own(checkrein::Error::Host(host)) => host.object,
        Failed::Own(error) => Cause::named(error.code().class().as_str()),
    })
}

/// Python's logger `checkrein`.
pub(crate) fn logger(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static LOGGER: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let logger = once::get_or_make(&LOGGER, py, || {
        PyResult::Ok(py.import("logging")?.call_method1("getLogger", ("checkrein",))?.unbind())
    })?;
    Ok(logger.bind(py))
}
