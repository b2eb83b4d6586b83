//! How the operations of an `AsyncPolicyEngine` begin. `checkrein._async` has the class: it holds a `PolicyEngine`, whose
//! hooks, limits and audit are its own, and awaits the turns that begin here.

use checkrein::operation::Kind;
use pyo3::prelude::*;

use crate::async_drive::Kept;
use crate::begin;
use crate::engine::PyPolicyEngine;
use crate::guard::guarded;
use crate::options::Given;
use crate::store::Store;
use crate::turn::{Gives, Turn};

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
        begin::one(py, this, kind, key, value, said, |request, given| {
            let gives = if kind == Kind::Read { Gives::Value } else { Gives::Nothing };
            Turn::begin(engine, this.engine.start(request), Kept::of(py, given), gives)
        })
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
        begin::get_many(py, this, keys, context, |request, given| {
            Turn::begin(engine, this.engine.start(request), Kept::of(py, given), Gives::Values)
        })
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
        begin::batch(py, this, ops, context, atomic, |request, given| {
            Turn::begin(engine, this.engine.start(request), Kept::of(py, given), Gives::Nothing)
        })
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
        begin::scan(py, this, prefix, context, |request, given| {
            Turn::scan(engine, this.engine.start(request).into_owned(), Kept::of(py, given))
        })
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
