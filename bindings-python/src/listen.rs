//! Who is told of refusals: `on_denied`.

use std::sync::{Arc, Weak};

use checkrein::engine::{Engine, ListenerId};
use checkrein::error::Cause;
use checkrein::operation::{NotifyCall, Reply};
use pyo3::PyTraverseError;
use pyo3::prelude::*;
use pyo3::pyclass::PyVisit;
use pyo3::types::{PyDict, PyTuple};

use crate::convert::{close_awaitable, described, is_awaitable, type_name};
use crate::guard::guarded;
use crate::hook::Callable;
use crate::{depth, errors, log};

/// A callback of `on_denied`, to be removed again. It can be called like the callback itself, so that `@policy.on_denied`
/// leaves a function that works.
#[pyclass(name = "ListenerHandle", module = "checkrein", frozen, weakref)]
pub(crate) struct PyListenerHandle {
    engine: Weak<Engine>,
    id: ListenerId,
    callback: Py<PyAny>,
}

impl PyListenerHandle {
    /// True where the handle is of this engine, whose listener it then removed.
    pub(crate) fn remove_from(&self, engine: &Arc<Engine>) -> bool {
        std::ptr::eq(self.engine.as_ptr(), Arc::as_ptr(engine)) && engine.remove_listener(self.id)
    }
}

#[pymethods]
impl PyListenerHandle {
    /// Removes the callback; `False` where it is gone already.
    fn remove(&self, py: Python<'_>) -> PyResult<bool> {
        guarded(py, || Ok(self.engine.upgrade().is_some_and(|engine| engine.remove_listener(self.id))))
    }

    #[pyo3(signature = (*args, **kwargs))]
    fn __call__<'py>(
        &self,
        py: Python<'py>,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.callback.bind(py).call(args, kwargs)
    }

    fn __repr__(&self) -> String {
        "<ListenerHandle>".to_owned()
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.callback)
    }
}

/// The decorator that `policy.on_denied()` gives: registers a callback and returns it unchanged.
#[pyclass(name = "ListenerRegistrar", module = "checkrein", frozen)]
pub(crate) struct ListenerRegistrar(Weak<Engine>);

impl ListenerRegistrar {
    pub(crate) fn new(engine: &Arc<Engine>) -> Self {
        ListenerRegistrar(Arc::downgrade(engine))
    }
}

#[pymethods]
impl ListenerRegistrar {
    fn __call__<'py>(&self, callback: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = callback.py();
        guarded(py, || {
            let Some(engine) = self.0.upgrade() else {
                return Err(errors::usage(py, "the policy engine of this decorator is gone".to_owned()));
            };
            add(&engine, &callback)?;
            Ok(callback)
        })
    }
}

/// Has a callback told of refusals.
///
/// # Errors
/// `ConfigError` for what cannot be called.
pub(crate) fn add(engine: &Arc<Engine>, callback: &Bound<'_, PyAny>) -> PyResult<PyListenerHandle> {
    if !callback.is_callable() {
        let what = format!("the callback is {}, which cannot be called", described(callback));
        return Err(errors::config(callback.py(), what));
    }
    let id = engine.on_denied(Callable::stored(callback.clone().unbind()));
    Ok(PyListenerHandle { engine: Arc::downgrade(engine), id, callback: callback.clone().unbind() })
}

/// Removes every registration of a callback; says whether there was one. A method is made anew at each look at it, so
/// it is compared.
pub(crate) fn remove(engine: &Engine, callback: &Bound<'_, PyAny>) -> PyResult<bool> {
    let mut removed = false;
    for (id, object) in engine.listeners() {
        let Some(known) = Callable::of(&object) else { continue };
        let known = known.bind(callback.py());
        if callback.is(known) || (callback.get_type().is(known.get_type()) && callback.eq(known)?) {
            removed |= engine.remove_listener(id);
        }
    }
    Ok(removed)
}

/// Tells a callback of a refusal.
///
/// # Errors
/// What is no ordinary error, such as `KeyboardInterrupt`: it ends the operation.
#[cold]
pub(crate) fn notify(py: Python<'_>, call: &NotifyCall<'_>) -> PyResult<Reply> {
    let told = start(py, call);
    let returned = match told {
        Ok(returned) => returned,
        Err(raised) => return Ok(Reply::LogFailed(log::cause_of(py, raised)?)),
    };
    if is_awaitable(&returned) {
        close_awaitable(&returned)?;
        return Ok(Reply::LogFailed(Cause::named(type_name(&returned))));
    }
    Ok(Reply::Logged)
}

/// Calls the callback; an async driver awaits what it returns.
pub(crate) fn start<'py>(py: Python<'py>, call: &NotifyCall<'_>) -> PyResult<Bound<'py, PyAny>> {
    let Some(callback) = Callable::of(call.listener) else {
        return Err(errors::usage(py, "a listener of another language".to_owned()));
    };
    let error = errors::to_py(py, call.error.clone());
    depth::inside(py, call.depth, || callback.bind(py).call1((error.value(py),)))
}
