//! How the operations of an `AsyncPolicyEngine` begin. `checkrein._async` has the class: it holds a `PolicyEngine`, whose
//! hooks, limits and audit are its own, and awaits the turns that begin here.

use std::borrow::Cow;

use checkrein::operation::{BatchRequest, Kind, ManyRequest, Request, ScanRequest};
use pyo3::prelude::*;

use crate::async_drive::Kept;
use crate::drive::{NOTHING, reject};
use crate::engine::PyPolicyEngine;
use crate::guard::guarded;
use crate::options::Given;
use crate::seen::Seen;
use crate::store::Store;
use crate::turn::{Gives, Turn};
use crate::{bytes, depth, many};

/// Begins a `put`: what it gave, or a turn.
#[pyfunction]
#[pyo3(name = "_begin_put")]
pub(crate) fn begin_put<'py>(
    engine: &Bound<'py, PyPolicyEngine>,
    key: &Bound<'py, PyAny>,
    value: &Bound<'py, PyAny>,
    context: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    begin_one(engine, Kind::Write, key, Some(value), context)
}

/// Begins a `get`: what it gave, or a turn.
#[pyfunction]
#[pyo3(name = "_begin_get")]
pub(crate) fn begin_get<'py>(
    engine: &Bound<'py, PyPolicyEngine>,
    key: &Bound<'py, PyAny>,
    context: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    begin_one(engine, Kind::Read, key, None, context)
}

/// Begins a `delete`: what it gave, or a turn.
#[pyfunction]
#[pyo3(name = "_begin_delete")]
pub(crate) fn begin_delete<'py>(
    engine: &Bound<'py, PyPolicyEngine>,
    key: &Bound<'py, PyAny>,
    context: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    begin_one(engine, Kind::Delete, key, None, context)
}

fn begin_one<'py>(
    engine: &Bound<'py, PyPolicyEngine>,
    kind: Kind,
    key: &Bound<'py, PyAny>,
    value: Option<&Bound<'py, PyAny>>,
    said: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let (py, this) = (engine.py(), engine.get());
    guarded(py, || {
        let key = bytes::of_argument("key", key)?;
        let value = match value.map(|value| bytes::of_argument("value", value)).transpose() {
            Ok(value) => value,
            Err(raised) => {
                let request = Request { kind, ..Request::read(key.as_bytes(), NOTHING) };
                return Err(reject(py, &this.engine, request, raised));
            }
        };
        let request = match (kind, &value) {
            (Kind::Write, Some(value)) => Request::write(key.as_bytes(), value.as_bytes(), NOTHING),
            (Kind::Delete, _) => Request::delete(key.as_bytes(), NOTHING),
            _ => Request::read(key.as_bytes(), NOTHING),
        };
        let said = match this.recent.said(py, said) {
            Ok(said) => said,
            Err(raised) => return Err(reject(py, &this.engine, request, raised)),
        };
        let depth = depth::current(py)?;
        let context = Cow::Borrowed(said.as_deref().map_or(NOTHING, |said| &said.context));
        let operation = this.engine.start(Request { context, depth, ..request });
        let gives = if kind == Kind::Read { Gives::Value } else { Gives::Nothing };
        let first = Seen::of(key.clone(), value.clone());
        let kept = Kept { first, said: said.clone(), depth, ..Kept::default() };
        Turn::begin(engine, operation, kept, gives)
    })
}

/// Begins a `get_many`: what it gave, or a turn.
#[pyfunction]
#[pyo3(name = "_begin_get_many")]
pub(crate) fn begin_get_many<'py>(
    engine: &Bound<'py, PyPolicyEngine>,
    keys: &Bound<'py, PyAny>,
    context: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let (py, this) = (engine.py(), engine.get());
    guarded(py, || {
        let keys = many::keys_of(keys)?;
        let depth = depth::current(py)?;
        let (first, rest) = many::seen_keys(&keys);
        let keys = keys.iter().map(|key| Cow::Borrowed(key.as_bytes())).collect();
        let request = ManyRequest { keys, context: Cow::Borrowed(NOTHING), depth };
        let said = match this.recent.said(py, context) {
            Ok(said) => said,
            Err(raised) => return Err(reject(py, &this.engine, request, raised)),
        };
        let context = Cow::Borrowed(said.as_deref().map_or(NOTHING, |said| &said.context));
        let operation = this.engine.start(ManyRequest { context, ..request });
        let kept = Kept { first, rest, said: said.clone(), depth, told: 0 };
        Turn::begin(engine, operation, kept, Gives::Values)
    })
}

/// Begins a `batch`: what it gave, or a turn.
#[pyfunction]
#[pyo3(name = "_begin_batch")]
pub(crate) fn begin_batch<'py>(
    engine: &Bound<'py, PyPolicyEngine>,
    ops: &Bound<'py, PyAny>,
    context: Option<&Bound<'py, PyAny>>,
    atomic: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let (py, this) = (engine.py(), engine.get());
    guarded(py, || {
        let (ops, read) = many::ops_of(ops);
        let depth = depth::current(py)?;
        let (first, rest) = many::seen(&ops);
        let request = BatchRequest {
            changes: ops.iter().map(many::Op::changing).collect(),
            context: Cow::Borrowed(NOTHING),
            depth,
            atomic,
            store_can: this.store.abilities().batch,
        };
        let said = match read.and_then(|()| this.recent.said(py, context)) {
            Ok(said) => said,
            Err(raised) => return Err(reject(py, &this.engine, request, raised)),
        };
        let context = Cow::Borrowed(said.as_deref().map_or(NOTHING, |said| &said.context));
        let operation = this.engine.start(BatchRequest { context, ..request });
        let kept = Kept { first, rest, said: said.clone(), depth, told: 0 };
        Turn::begin(engine, operation, kept, Gives::Nothing)
    })
}

/// Starts a scan: a turn that gives its pairs.
#[pyfunction]
#[pyo3(name = "_begin_scan")]
pub(crate) fn begin_scan<'py>(
    engine: &Bound<'py, PyPolicyEngine>,
    prefix: &Bound<'py, PyAny>,
    context: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, Turn>> {
    let (py, this) = (engine.py(), engine.get());
    guarded(py, || {
        let prefix = bytes::of_argument("prefix", prefix)?;
        let depth = depth::current(py)?;
        let request = ScanRequest {
            prefix: Cow::Borrowed(prefix.as_bytes()),
            context: Cow::Borrowed(NOTHING),
            depth,
            store_can: this.store.abilities().scan,
        };
        let said = match this.recent.said(py, context) {
            Ok(said) => said,
            Err(raised) => return Err(reject(py, &this.engine, request, raised)),
        };
        let context = Cow::Borrowed(said.as_deref().map_or(NOTHING, |said| &said.context));
        let operation = this.engine.start(ScanRequest { context, ..request }).into_owned();
        Turn::scan(engine, operation, Kept { said, depth, ..Kept::default() })
    })
}

/// What an `AsyncPolicyEngine` holds: an engine over a store that may be async.
#[pyfunction]
#[pyo3(name = "_engine_over", signature = (db, document = None, *, require_context = None, mode = None, clock = None, max_open_operations = None))]
pub(crate) fn engine_over(
    db: &Bound<'_, PyAny>,
    document: Option<&Bound<'_, PyAny>>,
    require_context: Option<&Bound<'_, PyAny>>,
    mode: Option<&Bound<'_, PyAny>>,
    clock: Option<&Bound<'_, PyAny>>,
    max_open_operations: Option<&Bound<'_, PyAny>>,
) -> PyResult<PyPolicyEngine> {
    let py = db.py();
    guarded(py, || {
        let given = Given { require_context, mode, clock, max_open_operations };
        PyPolicyEngine::make(py, || Store::of_async_argument(db), document, &given)
    })
}
