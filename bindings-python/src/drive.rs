//! The driver: performs an operation's steps with Python's callables and stores until it is done.

use std::borrow::Cow;

use checkrein::context::Context;
use checkrein::engine::Engine;
use checkrein::error::Error;
use checkrein::hook::Answer;
use checkrein::operation::{Ask, Kind, Operation, Outcome, Reply, Request, Step, StoreCall, StoreReply};
use checkrein::policy::advance;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::context::Said;
use crate::errors::Failed;
use crate::recent::Recent;
use crate::seen::{Seen, View};
use crate::store::Store;
use crate::{bytes, depth, errors, listen, log, sink};

/// What a caller says who says nothing.
pub(crate) const NOTHING: &Context = &Context::new();

/// Where a driver has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// There is nothing more.
    Done,
    /// A pair of a scan is to be taken.
    Item,
}

/// Runs an operation on one key to its end. `value` is what is to be written, for a write; `said` the caller's context.
pub(crate) fn drive<'py>(
    py: Python<'py>,
    (engine, store, recent): (&Engine, &Store, &Recent),
    kind: Kind,
    key: &Bound<'py, PyBytes>,
    value: Option<&Bound<'py, PyAny>>,
    said: Option<&Bound<'py, PyAny>>,
) -> PyResult<Option<Bound<'py, PyBytes>>> {
    let value = match value.map(|value| bytes::of_argument("value", value)).transpose() {
        Ok(value) => value,
        Err(raised) => {
            let request = Request { kind, ..Request::read(key.as_bytes(), NOTHING) };
            return Err(reject(py, engine, request, raised));
        }
    };
    // What the operation borrows; the view's objects may change.
    let given = value.clone();
    let request = match (kind, &given) {
        (Kind::Write, Some(value)) => Request::write(key.as_bytes(), value.as_bytes(), NOTHING),
        (Kind::Delete, _) => Request::delete(key.as_bytes(), NOTHING),
        _ => Request::read(key.as_bytes(), NOTHING),
    };
    let said = match recent.said(py, said) {
        Ok(said) => said,
        Err(raised) => return Err(reject(py, engine, request, raised)),
    };
    let said = said.as_deref().unwrap_or_else(|| Said::nothing(py));
    let depth = depth::current(py)?;
    let request = Request { context: Cow::Borrowed(&said.context), depth, ..request };
    let mut view = View { first: Seen::of(key.clone(), value), rest: Vec::new(), said, depth };
    let outcome = to_end(py, engine, store, request, &mut view)?;
    Ok(outcome.value.map(|value| view.first.value(py, &value)))
}

/// Runs an operation that is no scan to its end.
pub(crate) fn to_end<'a, 'py>(
    py: Python<'py>,
    engine: &Engine,
    store: &Store,
    request: impl Ask<'a>,
    view: &mut View<'_>,
) -> PyResult<Outcome> {
    let mut operation = engine.start(request);
    // An error on the way drops the operation, which refuses it: audited as abandoned.
    match run(py, engine, store, &mut operation, view)? {
        Stop::Done => operation.finish().map_err(|error| errors::to_py(py, error)),
        Stop::Item => Err(unknown_step(py)),
    }
}

/// Tells the audit of a value or context that cannot be, and gives the exception to raise.
#[cold]
pub(crate) fn reject<'a>(py: Python<'_>, engine: &Engine, request: impl Ask<'a>, raised: PyErr) -> PyErr {
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

/// Performs the steps of an operation until it is done, or has a pair of a scan to give.
///
/// # Errors
/// What is no ordinary error, such as `KeyboardInterrupt`, and faults of the driver: the caller drops the operation
/// then, which ends it.
pub(crate) fn run<'py>(
    py: Python<'py>,
    engine: &Engine,
    store: &Store,
    operation: &mut Operation<'_>,
    view: &mut View<'_>,
) -> PyResult<Stop> {
    let clock = engine.clock();
    loop {
        let reply = match advance(operation, clock, store.database()) {
            Step::CallHook(call) => Reply::Answer(view.call(py, &call)?.unwrap_or(Answer::Allow)),
            Step::Store(call) => Reply::Store(ask(py, store, &call, view)?),
            Step::Item { .. } => return Ok(Stop::Item),
            Step::Log(call) => log::tell(py, &call, view.depth)?,
            Step::Record(call) => sink::record(py, &call)?,
            Step::Notify(call) => listen::notify(py, &call)?,
            Step::Done => return Ok(Stop::Done),
            // A kind that this driver does not know: the operation is dropped, which refuses it.
            _ => return Err(unknown_step(py)),
        };
        // The next step reads the clock, where the time matters.
        operation.resume(reply).map_err(|error| errors::to_py(py, error))?;
    }
}

/// The objects at hand for a call to a store of the host: those of the first key; the others of many are made anew.
pub(crate) fn objects<'py>(
    py: Python<'py>,
    call: &StoreCall<'_>,
    view: &mut View<'_>,
) -> (Option<Bound<'py, PyBytes>>, Option<Bound<'py, PyBytes>>) {
    match *call {
        StoreCall::Put { key, value } if view.rest.is_empty() => {
            (Some(view.first.key(py, key)), Some(view.first.value(py, value)))
        }
        StoreCall::Get { key } | StoreCall::Delete { key } if view.rest.is_empty() => {
            (Some(view.first.key(py, key)), None)
        }
        _ => (None, None),
    }
}

/// Asks a store that waits, or that is the host's.
#[inline(never)]
fn ask<'py>(
    py: Python<'py>,
    store: &Store,
    call: &StoreCall<'_>,
    view: &mut View<'_>,
) -> PyResult<StoreReply> {
    let (key, value) = if store.database().is_none() { objects(py, call, view) } else { (None, None) };
    let (reply, object) = store.perform(py, call, key, value)?;
    if matches!(reply, StoreReply::Value(_)) && view.rest.is_empty() {
        view.first.value = object.map(Bound::unbind);
    }
    Ok(reply)
}

#[cold]
fn unknown_step(py: Python<'_>) -> PyErr {
    errors::to_py(py, Error::Internal("an unknown step".to_owned()))
}
