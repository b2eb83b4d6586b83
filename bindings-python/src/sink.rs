//! Sinks of the audit: callables that are handed every entry, and what a driver does for them.

use std::sync::{Arc, Weak};

use checkrein::audit::SinkId;
use checkrein::engine::Engine;
use checkrein::error::Cause;
use checkrein::operation::{RecordCall, RecordTo, Reply};
use pyo3::prelude::*;

use crate::convert::{close_awaitable, described, is_awaitable, type_name};
use crate::guard::guarded;
use crate::hook::Callable;
use crate::{audit, depth, errors, log};

/// A sink of the audit, to be removed again.
#[pyclass(name = "AuditSinkHandle", module = "checkrein", frozen, weakref)]
pub(crate) struct PyAuditSinkHandle {
    engine: Weak<Engine>,
    id: SinkId,
}

impl PyAuditSinkHandle {
    /// True where the handle is of this engine, whose sink it then removed.
    pub(crate) fn remove_from(&self, py: Python<'_>, engine: &Arc<Engine>) -> PyResult<bool> {
        if !std::ptr::eq(self.engine.as_ptr(), Arc::as_ptr(engine)) {
            return Ok(false);
        }
        engine.remove_audit_sink(self.id).map_err(|error| errors::to_py(py, error))
    }
}

#[pymethods]
impl PyAuditSinkHandle {
    /// Removes the sink; `False` where it is gone already.
    fn remove(&self, py: Python<'_>) -> PyResult<bool> {
        guarded(py, || match self.engine.upgrade() {
            Some(engine) => self.remove_from(py, &engine),
            None => Ok(false),
        })
    }

    fn __repr__(&self) -> String {
        "<AuditSinkHandle>".to_owned()
    }
}

/// Hands every entry to a callable too.
///
/// # Errors
/// `ConfigError` for what cannot be called.
pub(crate) fn add(
    engine: &Arc<Engine>,
    sink: &Bound<'_, PyAny>,
    strict: bool,
) -> PyResult<PyAuditSinkHandle> {
    let py = sink.py();
    if !sink.is_callable() {
        return Err(errors::config(py, format!("the sink is {}, which cannot be called", described(sink))));
    }
    let stored = Callable::stored(sink.clone().unbind());
    let id = engine.add_audit_sink(stored, strict).map_err(|error| errors::to_py(py, error))?;
    Ok(PyAuditSinkHandle { engine: Arc::downgrade(engine), id })
}

/// Hands the entries of a step to its sink: to a file with the interpreter let go, to a callable one by one.
///
/// # Errors
/// What is no ordinary error, such as `KeyboardInterrupt`: it ends the operation.
#[cold]
pub(crate) fn record(py: Python<'_>, call: &RecordCall<'_>) -> PyResult<Reply> {
    if let RecordTo::File(_) = call.sink {
        let reply = py.detach(|| checkrein::policy::record(call));
        return Ok(reply.unwrap_or_else(|| Reply::RecordFailed(Cause::named("no file"))));
    }
    for place in 0..call.entries.len() {
        let returned = match start(py, call, place) {
            Ok(returned) => returned,
            Err(raised) => return Ok(Reply::RecordFailed(log::cause_of(py, raised)?)),
        };
        if is_awaitable(&returned) {
            close_awaitable(&returned)?;
            return Ok(Reply::RecordFailed(Cause::named(type_name(&returned))));
        }
    }
    Ok(Reply::Recorded)
}

/// Hands the entry at a place to the callable, as `sink(entry, phase)`; an async driver awaits what it returns.
pub(crate) fn start<'py>(
    py: Python<'py>,
    call: &RecordCall<'_>,
    place: usize,
) -> PyResult<Bound<'py, PyAny>> {
    let callable = match call.sink {
        RecordTo::Host(object) => Callable::of(object),
        RecordTo::File(_) => None,
    };
    let (Some(callable), Some(entry)) = (callable, call.entries.get(place)) else {
        return Err(errors::usage(py, "a sink of another language".to_owned()));
    };
    let entry = audit::to_dict(py, entry)?;
    let phase = call.phase.map(checkrein::audit::Phase::as_str);
    depth::inside(py, call.depth, || callable.bind(py).call1((entry, phase)))
}
