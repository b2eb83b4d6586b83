//! How operations begin: what a caller gave is made a request of the core, in the context that it says or stands in.
//!
//! Both engines begin theirs here, and then drive them in their own ways. What cannot be is told to the audit, and
//! raised.

use std::borrow::Cow;
use std::sync::Arc;

use checkrein::context::Context;
use checkrein::engine::Engine;
use checkrein::error::Error;
use checkrein::operation::{Ask, BatchRequest, Kind, ManyRequest, Request, ScanRequest};
use pyo3::prelude::*;

use crate::context::Said;
use crate::engine::PyPolicyEngine;
use crate::errors::{self, Failed};
use crate::seen::{Seen, View, lend};
use crate::{bytes, depth, many};

/// What a caller says who says nothing.
const NOTHING: &Context = &Context::new();

/// What goes with a request: its objects, and who asks from where.
pub(crate) struct Given<'a> {
    /// The objects of its key, or of the first of many.
    pub(crate) first: Seen<'a>,
    /// Those of the others.
    pub(crate) rest: &'a mut [Seen<'a>],
    /// What the caller said, if anything.
    pub(crate) said: Option<&'a Arc<Said>>,
    /// How deep in hooks it stands.
    pub(crate) depth: u32,
}

impl<'a> Given<'a> {
    /// What its hooks see.
    pub(crate) fn view<'v>(&'v mut self, py: Python<'v>) -> View<'v, 'a> {
        let said = self.said.map_or_else(|| Said::nothing(py), |said| &**said);
        View { first: &mut self.first, rest: self.rest, said, depth: self.depth }
    }
}

/// Begins a `put`, `get` or `delete`; `value` is what is to be written.
#[inline]
pub(crate) fn one<T>(
    py: Python<'_>,
    engine: &PyPolicyEngine,
    kind: Kind,
    key: &Bound<'_, PyAny>,
    value: Option<&Bound<'_, PyAny>>,
    said: Option<&Bound<'_, PyAny>>,
    then: impl FnOnce(Request<'_>, Given<'_>) -> PyResult<T>,
) -> PyResult<T> {
    let key = bytes::of_argument("key", key)?;
    let value = match value.map(|value| bytes::of_argument("value", value)).transpose() {
        Ok(value) => value,
        Err(raised) => {
            let request = Request { kind, ..Request::read(key.as_bytes(), NOTHING) };
            return Err(reject(py, &engine.engine, request, raised));
        }
    };
    let depth = depth::current(py)?;
    let (key, value) = (lend(&key), value.as_ref().map(lend));
    let asked = |context| Request {
        kind,
        key: Cow::Borrowed(key.1),
        value: value.map(|(_, value)| Cow::Borrowed(value)),
        context,
        depth,
    };
    let said = engine.recent.said(py, said);
    let seen = (Seen::lent(key, value), &mut [][..]);
    hand_on(py, engine, &said, (asked, seen, depth), then)
}

/// Begins a `get_many`.
pub(crate) fn get_many<T>(
    py: Python<'_>,
    engine: &PyPolicyEngine,
    keys: &Bound<'_, PyAny>,
    said: Option<&Bound<'_, PyAny>>,
    then: impl FnOnce(ManyRequest<'_>, Given<'_>) -> PyResult<T>,
) -> PyResult<T> {
    let keys = many::keys_of(keys)?;
    let depth = depth::current(py)?;
    let asked = |context| {
        let keys = keys.iter().map(|key| Cow::Borrowed(key.as_bytes())).collect();
        ManyRequest { keys, context, depth }
    };
    let said = engine.recent.said(py, said);
    let (first, mut rest) = many::seen_keys(&keys);
    hand_on(py, engine, &said, (asked, (first, &mut rest), depth), then)
}

/// Begins a `batch`.
pub(crate) fn batch<T>(
    py: Python<'_>,
    engine: &PyPolicyEngine,
    ops: &Bound<'_, PyAny>,
    said: Option<&Bound<'_, PyAny>>,
    atomic: bool,
    then: impl FnOnce(BatchRequest<'_>, Given<'_>) -> PyResult<T>,
) -> PyResult<T> {
    let (ops, read) = many::ops_of(ops);
    let depth = depth::current(py)?;
    let asked = |context| BatchRequest {
        changes: ops.iter().map(many::Op::changing).collect(),
        context,
        depth,
        atomic,
        store_can: engine.store.abilities().batch,
    };
    let said = read.and_then(|()| engine.recent.said(py, said));
    let (first, mut rest) = many::seen(&ops);
    hand_on(py, engine, &said, (asked, (first, &mut rest), depth), then)
}

/// Begins a `scan`.
pub(crate) fn scan<T>(
    py: Python<'_>,
    engine: &PyPolicyEngine,
    prefix: &Bound<'_, PyAny>,
    said: Option<&Bound<'_, PyAny>>,
    then: impl FnOnce(ScanRequest<'_>, Given<'_>) -> PyResult<T>,
) -> PyResult<T> {
    let prefix = bytes::of_argument("prefix", prefix)?;
    let depth = depth::current(py)?;
    let asked = |context| ScanRequest {
        prefix: Cow::Borrowed(prefix.as_bytes()),
        context,
        depth,
        store_can: engine.store.abilities().scan,
    };
    let said = engine.recent.said(py, said);
    hand_on(py, engine, &said, (asked, (Seen::default(), &mut [][..]), depth), then)
}

/// Hands a request on, in the context that is said, or rejects it where that cannot be. It is handed on before it is an
/// operation: that is large, and made where it stays.
#[inline]
fn hand_on<'a, R: Ask<'a>, T>(
    py: Python<'_>,
    engine: &PyPolicyEngine,
    said: &'a PyResult<Option<Arc<Said>>>,
    (asked, (first, rest), depth): (impl FnOnce(Cow<'a, Context>) -> R, (Seen<'a>, &'a mut [Seen<'a>]), u32),
    then: impl FnOnce(R, Given<'a>) -> PyResult<T>,
) -> PyResult<T> {
    let said = match said {
        Ok(said) => said.as_ref(),
        Err(raised) => {
            let request = asked(Cow::Borrowed(NOTHING));
            return Err(reject(py, &engine.engine, request, raised.clone_ref(py)));
        }
    };
    let context = said.map_or(NOTHING, |said| &said.context);
    then(asked(Cow::Borrowed(context)), Given { first, rest, said, depth })
}

/// Tells the audit of a value or context that cannot be, and gives the exception to raise.
#[cold]
fn reject<'a>(py: Python<'_>, engine: &Engine, request: impl Ask<'a>, raised: PyErr) -> PyErr {
    let error = match errors::sort(py, raised.clone_ref(py)) {
        Ok(Failed::Own(error)) => error,
        Ok(Failed::Foreign(cause)) => {
            Error::usage(format!("the context failed with `{}`", cause.type_name()))
        }
        Err(raised) => return raised,
    };
    let _ = engine.reject(request, error);
    raised
}
