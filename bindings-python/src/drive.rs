//! The driver: performs an operation's steps with Python's callables and stores until it is done.

use std::borrow::Cow;

use checkrein::clock::Time;
use checkrein::context::Context;
use checkrein::engine::Engine;
use checkrein::error::Error;
use checkrein::hook::Answer;
use checkrein::operation::{HookCall, Kind, Operation, Reply, Request, Step, StoreCall, StoreReply};
use checkrein::policy::advance;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::call::call3;
use crate::context::Said;
use crate::errors::Failed;
use crate::hook::Callable;
use crate::recent::Recent;
use crate::store::Store;
use crate::{answer, bytes, depth, errors, log};

/// What a caller says who says nothing.
const NOTHING: &Context = &Context::new();

/// What Python sees of one operation, each object made once and only when it is asked for.
struct View<'a, 'py> {
    key: &'a Bound<'py, PyBytes>,
    /// The value as the caller or the store gave it, or as it was last shown.
    value: Option<Bound<'py, PyBytes>>,
    said: &'a Said,
}

impl<'py> View<'_, 'py> {
    /// The object for a value: the one at hand where it holds these bytes.
    fn shown(&mut self, py: Python<'py>, value: &[u8]) -> Bound<'py, PyBytes> {
        match &self.value {
            Some(known) if same(known.as_bytes(), value) => known.clone(),
            _ => self.value.insert(PyBytes::new(py, value)).clone(),
        }
    }

    /// Calls a hook and gives its answer; nothing where the operation may go on as it is.
    fn call(&mut self, py: Python<'py>, call: &HookCall<'_>) -> PyResult<Option<Answer>> {
        let Some(callable) = Callable::of(call.callable) else {
            return Err(errors::to_py(py, Error::Internal("a hook of another language".to_owned())));
        };
        let value = match call.value {
            Some(value) => self.shown(py, value).into_any(),
            None => py.None().into_bound(py),
        };
        let context = self.said.view(py)?;
        let returned = depth::inside(py, call.depth, || call3(callable.bind(py), self.key, &value, context));
        if answer::passes(&returned, &value) { Ok(None) } else { answer::of(py, returned).map(Some) }
    }
}

/// Equal bytes; the same memory is not compared.
fn same(one: &[u8], other: &[u8]) -> bool {
    std::ptr::eq(one, other) || one == other
}

/// Runs an operation to its end. `value` is what is to be written, for a write; `said` the caller's context.
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
    // What the operation borrows; the view's value may change.
    let given = value.clone();
    let request = match (kind, &given) {
        (Kind::Write, Some(value)) => Request::write(key.as_bytes(), value.as_bytes(), NOTHING),
        (Kind::Delete, _) => Request::delete(key.as_bytes(), NOTHING),
        _ => Request::read(key.as_bytes(), NOTHING),
    };
    let said = match recent.said(said) {
        Ok(said) => said,
        Err(raised) => return Err(reject(py, engine, request, raised)),
    };
    let said = said.as_deref().unwrap_or_else(|| Said::nothing(py));
    let request = Request { context: Cow::Borrowed(&said.context), ..request };
    let mut operation = engine.start(request.at_depth(depth::current(py)?));
    let mut view = View { key, value, said };
    // An error on the way drops the operation, which refuses it: audited as abandoned.
    run(py, engine, store, &mut operation, &mut view)?;
    let outcome = operation.finish().map_err(|error| errors::to_py(py, error))?;
    Ok(outcome.value.map(|value| view.shown(py, &value)))
}

/// Tells the audit of a value or context that cannot be, and gives the exception to raise.
#[cold]
fn reject(py: Python<'_>, engine: &Engine, request: Request<'_>, raised: PyErr) -> PyErr {
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

fn run<'py>(
    py: Python<'py>,
    engine: &Engine,
    store: &Store,
    operation: &mut Operation<'_>,
    view: &mut View<'_, 'py>,
) -> PyResult<()> {
    let clock = engine.clock();
    loop {
        let reply = match advance(operation, clock, store.database()) {
            Step::CallHook(call) => Reply::Answer(view.call(py, &call)?.unwrap_or(Answer::Allow)),
            Step::Store(call) => {
                let value = match call {
                    StoreCall::Put { value, .. } if store.database().is_none() => Some(view.shown(py, value)),
                    _ => None,
                };
                let (reply, object) = store.perform(py, &call, view.key, value)?;
                if let StoreReply::Value(_) = reply {
                    view.value = object;
                }
                Reply::Store(reply)
            }
            Step::Log(call) => log::tell(py, &call)?,
            Step::Done => return Ok(()),
            // A kind that this driver does not know: the operation is dropped, which refuses it.
            _ => return Err(errors::to_py(py, Error::Internal("an unknown step".to_owned()))),
        };
        // The next step reads the clock, where the time matters.
        operation.resume(reply).map_err(|error| errors::to_py(py, error))?;
    }
}
