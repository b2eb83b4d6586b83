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
pub(crate) struct Seen<'a> {
    key: Object<'a>,
    value: Object<'a>,
}

/// The object at hand for some bytes.
#[derive(Default)]
struct Object<'a> {
    /// The caller's, who holds it for as long as the operation runs: it need not be counted.
    lent: Option<Lent<'a>>,
    own: Option<Py<PyBytes>>,
}

/// An object of the caller's, and what it holds.
pub(crate) type Lent<'a> = (&'a Py<PyBytes>, &'a [u8]);

/// What Python sees of one operation.
pub(crate) struct View<'v, 'a> {
    /// Its key; the first of many, or the one that a scan has in hand.
    pub(crate) first: &'v mut Seen<'a>,
    /// The others of a batch or `get_many`.
    pub(crate) rest: &'v mut [Seen<'a>],
    pub(crate) said: &'v Said,
    /// How deep in hooks the operation stands.
    pub(crate) depth: u32,
}

impl<'a> Seen<'a> {
    pub(crate) fn lent(key: Lent<'a>, value: Option<Lent<'a>>) -> Self {
        let lent = |object| Object { lent: Some(object), own: None };
        Seen { key: lent(key), value: value.map(lent).unwrap_or_default() }
    }

    /// The same with objects of its own, to outlive the call that began the operation.
    pub(crate) fn into_owned(self, py: Python<'_>) -> Seen<'static> {
        Seen { key: self.key.into_owned(py), value: self.value.into_owned(py) }
    }

    /// The object for the key.
    pub(crate) fn key<'py>(&mut self, py: Python<'py>, key: &[u8]) -> Bound<'py, PyBytes> {
        self.key.of(py, key).clone()
    }

    /// The object for a value.
    pub(crate) fn value<'py>(&mut self, py: Python<'py>, value: &[u8]) -> Bound<'py, PyBytes> {
        self.value.of(py, value).clone()
    }

    /// The store has given this object for the value, or none.
    pub(crate) fn set_value(&mut self, value: Option<Bound<'_, PyBytes>>) {
        self.value = Object { lent: None, own: value.map(Bound::unbind) };
    }
}

impl Object<'_> {
    /// The object at hand where it holds these bytes, else a new one in its place.
    #[inline]
    fn of<'py>(&mut self, py: Python<'py>, bytes: &[u8]) -> &Bound<'py, PyBytes> {
        match self.lent {
            Some((lent, holds)) if same(holds, bytes) => lent.bind(py),
            _ => self.own(py, bytes),
        }
    }

    #[inline(never)]
    fn own<'py>(&mut self, py: Python<'py>, bytes: &[u8]) -> &Bound<'py, PyBytes> {
        if !self.own.as_ref().is_some_and(|known| same(known.bind(py).as_bytes(), bytes)) {
            self.own = None;
        }
        self.own.get_or_insert_with(|| PyBytes::new(py, bytes).unbind()).bind(py)
    }

    fn into_owned(self, py: Python<'_>) -> Object<'static> {
        Object { lent: None, own: self.own.or_else(|| self.lent.map(|(lent, _)| lent.clone_ref(py))) }
    }
}

impl<'a> View<'_, 'a> {
    fn at(&mut self, at: usize) -> &mut Seen<'a> {
        match at.checked_sub(1).and_then(|at| self.rest.get_mut(at)) {
            Some(seen) => seen,
            None => self.first,
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
        let said = self.said;
        let context = said.view(py)?;
        let seen = self.at(call.at);
        let key = seen.key.of(py, call.key);
        let value = match call.value {
            Some(value) => seen.value.of(py, value).clone().into_any(),
            None => py.None().into_bound(py),
        };
        let returned = depth::inside(py, call.depth, || call3(callable.bind(py), key, &value, context));
        Ok((returned, value))
    }
}

/// An object that the caller holds.
#[inline]
pub(crate) fn lend<'a>(object: &'a Bound<'_, PyBytes>) -> Lent<'a> {
    (object.as_unbound(), object.as_bytes())
}

/// Equal bytes; the same memory is not compared.
fn same(one: &[u8], other: &[u8]) -> bool {
    std::ptr::eq(one, other) || one == other
}
