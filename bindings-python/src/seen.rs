//! What Python sees of an operation: keys and values as objects, each made once and only when it is asked for.

use checkrein::error::Error;
use checkrein::hook::Answer;
use checkrein::operation::HookCall;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::call::call3;
use crate::context::Said;
use crate::hook::Callable;
use crate::{answer, depth, errors};

/// The objects of one key, as the caller or the store gave them, or as they were last shown.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) key: Option<Py<PyBytes>>,
    pub(crate) value: Option<Py<PyBytes>>,
}

/// What Python sees of one operation.
pub(crate) struct View<'a> {
    /// Its key; the first of many, or the one that a scan has in hand.
    pub(crate) first: Seen,
    /// The others of a batch or `get_many`.
    pub(crate) rest: Vec<Seen>,
    pub(crate) said: &'a Said,
    /// How deep in hooks the operation stands.
    pub(crate) depth: u32,
}

impl Seen {
    pub(crate) fn of(key: Bound<'_, PyBytes>, value: Option<Bound<'_, PyBytes>>) -> Self {
        Seen { key: Some(key.unbind()), value: value.map(Bound::unbind) }
    }

    /// The object for the key.
    pub(crate) fn key<'py>(&mut self, py: Python<'py>, key: &[u8]) -> Bound<'py, PyBytes> {
        object(py, &mut self.key, key)
    }

    /// The object for a value.
    pub(crate) fn value<'py>(&mut self, py: Python<'py>, value: &[u8]) -> Bound<'py, PyBytes> {
        object(py, &mut self.value, value)
    }
}

impl View<'_> {
    fn at(&mut self, at: usize) -> &mut Seen {
        match at.checked_sub(1).and_then(|at| self.rest.get_mut(at)) {
            Some(seen) => seen,
            None => &mut self.first,
        }
    }

    /// Calls a hook and gives its answer; nothing where the operation may go on as it is.
    pub(crate) fn call(&mut self, py: Python<'_>, call: &HookCall<'_>) -> PyResult<Option<Answer>> {
        let (returned, value) = self.start(py, call)?;
        if answer::passes(&returned, &value) { Ok(None) } else { answer::of(py, returned).map(Some) }
    }

    /// Calls a hook; an async driver awaits what it returns. The value that it was shown stands beside that.
    pub(crate) fn start<'py>(
        &mut self,
        py: Python<'py>,
        call: &HookCall<'_>,
    ) -> PyResult<(PyResult<Bound<'py, PyAny>>, Bound<'py, PyAny>)> {
        let Some(callable) = Callable::of(call.callable) else {
            return Err(errors::to_py(py, Error::Internal("a hook of another language".to_owned())));
        };
        let seen = self.at(call.at);
        let key = seen.key(py, call.key);
        let value = match call.value {
            Some(value) => seen.value(py, value).into_any(),
            None => py.None().into_bound(py),
        };
        let context = self.said.view(py)?;
        let returned = depth::inside(py, call.depth, || call3(callable.bind(py), &key, &value, context));
        Ok((returned, value))
    }
}

/// The object at hand where it holds these bytes, else a new one in its place.
fn object<'py>(py: Python<'py>, known: &mut Option<Py<PyBytes>>, bytes: &[u8]) -> Bound<'py, PyBytes> {
    match known {
        Some(known) if same(known.bind(py).as_bytes(), bytes) => known.bind(py).clone(),
        _ => known.insert(PyBytes::new(py, bytes).unbind()).bind(py).clone(),
    }
}

/// Equal bytes; the same memory is not compared.
fn same(one: &[u8], other: &[u8]) -> bool {
    std::ptr::eq(one, other) || one == other
}
