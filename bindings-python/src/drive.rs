//! The driver: performs an operation's steps with Python's callables and stores until it is done.

use checkrein::error::Error;
use checkrein::hook::Answer;
use checkrein::operation::{Ask, Operation, Outcome, Reply, Step, StoreCall, StoreReply};
use checkrein::policy::advance;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::begin::Given;
use crate::engine::PyPolicyEngine;
use crate::seen::View;
use crate::store::Store;
use crate::{errors, listen, log, sink};

/// Where a driver has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// There is nothing more.
    Done,
    /// A pair of a scan is to be taken.
    Item,
}

/// Runs an operation that is no scan to its end.
#[inline]
pub(crate) fn to_end<'a>(
    py: Python<'_>,
    engine: &PyPolicyEngine,
    request: impl Ask<'a>,
    given: &mut Given<'_>,
) -> PyResult<Outcome> {
    let mut operation = engine.engine.start(request);
    // An error on the way drops the operation, which refuses it: audited as abandoned.
    match run(py, engine, &mut operation, &mut given.view(py))? {
        Stop::Done => operation.end().map_err(|error| errors::to_py(py, error)),
        Stop::Item => Err(unknown_step(py)),
    }
}

/// Performs the steps of an operation until it is done, or has a pair of a scan to give.
///
/// # Errors
/// What is no ordinary error, such as `KeyboardInterrupt`, and faults of the driver: the caller drops the operation
/// then, which ends it.
pub(crate) fn run(
    py: Python<'_>,
    engine: &PyPolicyEngine,
    operation: &mut Operation<'_>,
    view: &mut View<'_, '_>,
) -> PyResult<Stop> {
    let (clock, database) = (engine.engine.clock(), engine.store.database());
    loop {
        let reply = match advance(operation, clock, database) {
            Step::CallHook(call) => Reply::Answer(view.call(py, &call)?.unwrap_or(Answer::Allow)),
            Step::Store(call) => Reply::Store(ask(py, &engine.store, &call, view)?),
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
    view: &mut View<'_, '_>,
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
    view: &mut View<'_, '_>,
) -> PyResult<StoreReply> {
    let (key, value) = if store.database().is_none() { objects(py, call, view) } else { (None, None) };
    let (reply, object) = store.perform(py, call, key, value)?;
    if matches!(reply, StoreReply::Value(_)) && view.rest.is_empty() {
        view.first.set_value(object);
    }
    Ok(reply)
}

#[cold]
fn unknown_step(py: Python<'_>) -> PyErr {
    errors::to_py(py, Error::Internal("an unknown step".to_owned()))
}
