//! A guarded walk over keys, as an iterator.

use std::sync::{Arc, Mutex, PoisonError};

use checkrein::operation::Operation;
use pyo3::PyTraverseError;
use pyo3::prelude::*;
use pyo3::pyclass::PyVisit;
use pyo3::types::PyBytes;

use crate::context::Said;
use crate::drive::{Stop, run};
use crate::engine::PyPolicyEngine;
use crate::errors;
use crate::guard::guarded;
use crate::seen::{Seen, View};

/// The pairs of a `scan`, one after the other; after an error nothing follows.
///
/// It is lazy: each key is judged when it is asked for. A scan that is closed before its end, or that nobody holds any
/// more, ends there, and its audit entry says `abandoned` and how many keys it gave; it is a context manager that closes
/// itself. It may go from thread to thread, one at a time may use it.
#[pyclass(name = "Scan", module = "checkrein", frozen, weakref)]
pub(crate) struct PyScan(Mutex<State>);

/// The lock around it is held to take a walk out or to put it back, and never while Python code runs.
enum State {
    Idle(Box<Walk>),
    /// A thread has taken the walk out.
    Busy,
    Ended,
}

/// The walk, with all that it needs to go on.
pub(crate) struct Walk {
    /// Shown to the garbage collector. A removed hook that only the walk's snapshot still holds is not, and so not
    /// taken for garbage.
    engine: Py<PyPolicyEngine>,
    operation: Operation<'static>,
    said: Option<Arc<Said>>,
    depth: u32,
}

type Pair<'py> = (Bound<'py, PyBytes>, Bound<'py, PyBytes>);

impl Walk {
    pub(crate) fn new(
        engine: Py<PyPolicyEngine>,
        operation: Operation<'static>,
        said: Option<Arc<Said>>,
        depth: u32,
    ) -> Self {
        Walk { engine, operation, said, depth }
    }

    fn next<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Pair<'py>>> {
        let engine = self.engine.get();
        let said = self.said.as_deref().unwrap_or_else(|| Said::nothing(py));
        let mut first = Seen::default();
        let mut view = View { first: &mut first, rest: &mut [], said, depth: self.depth };
        match run(py, engine, &mut self.operation, &mut view)? {
            Stop::Done => Ok(None),
            Stop::Item => Ok(self
                .operation
                .take_item()
                .map(|(key, value)| (first.key(py, &key), first.value(py, &value)))),
        }
    }
}

impl PyScan {
    pub(crate) fn new(walk: Walk) -> Self {
        PyScan(Mutex::new(State::Idle(Box::new(walk))))
    }

    fn swap(&self, next: State) -> State {
        std::mem::replace(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner), next)
    }

    /// Takes the walk out, for one to use it; nothing where it has ended.
    fn take(&self, py: Python<'_>) -> PyResult<Option<Turn<'_>>> {
        match self.swap(State::Busy) {
            State::Idle(walk) => Ok(Some(Turn { scan: self, walk: Some(walk) })),
            State::Ended => {
                self.swap(State::Ended);
                Ok(None)
            }
            State::Busy => {
                let advice =
                    "the scan is in use: one thread at a time may ask it for pairs, and no hook of its own";
                Err(errors::usage(py, advice.to_owned()))
            }
        }
    }
}

/// The walk in the hands of the one that uses it. Put back where it is left in, ended otherwise.
struct Turn<'a> {
    scan: &'a PyScan,
    walk: Option<Box<Walk>>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.scan.swap(self.walk.take().map_or(State::Ended, State::Idle));
    }
}

#[pymethods]
impl PyScan {
    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Pair<'py>>> {
        guarded(py, || {
            let Some(mut turn) = self.take(py)? else { return Ok(None) };
            let Some(mut walk) = turn.walk.take() else { return Ok(None) };
            // What is raised, or panics, lets go of the walk, which ends it: audited as abandoned.
            match walk.next(py)? {
                Some(pair) => {
                    turn.walk = Some(walk);
                    Ok(Some(pair))
                }
                None => {
                    let ended = walk.operation.finish();
                    ended.map(|_| None).map_err(|error| errors::to_py(py, error))
                }
            }
        })
    }

    /// Ends the scan, audited as abandoned unless it has given everything. Closing twice is no error.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        guarded(py, || {
            let walk = self.take(py)?.and_then(|mut turn| turn.walk.take());
            drop(walk);
            Ok(())
        })
    }

    fn __enter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __exit__(
        &self,
        py: Python<'_>,
        exc_type: &Bound<'_, PyAny>,
        exc_value: &Bound<'_, PyAny>,
        traceback: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let _ = (exc_type, exc_value, traceback);
        self.close(py)
    }

    fn __repr__(&self) -> String {
        let ended = match self.0.try_lock() {
            Ok(state) if matches!(*state, State::Ended) => ", ended",
            _ => "",
        };
        format!("<Scan{ended}>")
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // One that is in use is held by who uses it: it is no garbage then.
        match self.0.try_lock() {
            Ok(state) => match &*state {
                State::Idle(walk) => visit.call(&walk.engine),
                State::Busy | State::Ended => Ok(()),
            },
            Err(_) => Ok(()),
        }
    }

    fn __clear__(&self) {
        // Let go after the lock: it may run Python code.
        let walk = self.swap(State::Ended);
        drop(walk);
    }
}
