//! An operation of the async engine between two awaits, as Python holds it.
//!
//! `checkrein._async` awaits what a turn says and hands back what the await gave or raised, until the turn is settled:
//! the one `await` in which the async driver differs from the sync one. A turn that is let go before that drops its
//! operation, which ends it as refused, or as `unknown` where the store was asked.

use std::sync::{Mutex, PoisonError};

use checkrein::operation::{Operation, Outcome};
use pyo3::PyTraverseError;
use pyo3::prelude::*;
use pyo3::pyclass::PyVisit;
use pyo3::types::{PyBytes, PyList, PyTuple};

use crate::async_drive::{self, Kept, Pause, Waits};
use crate::engine::PyPolicyEngine;
use crate::errors;
use crate::guard::guarded;

/// What an operation gives its caller.
#[derive(Clone, Copy)]
pub(crate) enum Gives {
    Nothing,
    Value,
    Values,
    Pairs,
}

impl Gives {
    /// The object for an outcome.
    fn object<'py>(self, py: Python<'py>, outcome: Outcome, kept: &mut Kept) -> PyResult<Bound<'py, PyAny>> {
        let given = match self {
            Gives::Nothing | Gives::Pairs => None,
            Gives::Value => outcome.value.map(|value| kept.first.value(py, &value).into_any()),
            Gives::Values => {
                let values = outcome.values.iter();
                let values = values.map(|value| value.as_deref().map(|value| PyBytes::new(py, value)));
                Some(PyList::new(py, values.collect::<Vec<_>>())?.into_any())
            }
        };
        Ok(given.unwrap_or_else(|| py.None().into_bound(py)))
    }
}

/// An operation that is under way.
#[pyclass(module = "checkrein._native", frozen)]
pub(crate) struct Turn {
    engine: Py<PyPolicyEngine>,
    gives: Gives,
    /// Never locked while Python code runs: what is at work is taken out.
    state: Mutex<State>,
}

enum State {
    /// It waits for an answer, or between the pairs of a scan for the caller.
    Open(Box<Open>),
    /// It is at work, in another frame or thread.
    Busy,
    /// It has ended, or has a pair; what it gives is there to be taken.
    Settled(Py<PyAny>, Option<Box<Open>>),
}

struct Open {
    operation: Operation<'static>,
    kept: Kept,
    waits: Option<Waits>,
    /// What is to be awaited first, until that is handed out.
    first: Option<Py<PyAny>>,
}

impl Turn {
    /// Runs an operation until something is to be awaited: gives a turn then, else what the operation gave.
    ///
    /// # Errors
    /// What refused it or made it fail, and what is no ordinary error.
    pub(crate) fn begin<'py>(
        engine: &Bound<'py, PyPolicyEngine>,
        mut operation: Operation<'_>,
        mut kept: Kept,
        gives: Gives,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (py, this) = (engine.py(), engine.get());
        let paused = async_drive::run(py, this, &mut operation, &mut kept, false)?;
        if let Pause::Done = paused {
            return ended(py, operation, &mut kept, gives);
        }
        let mut operation = operation.into_owned();
        let paused = match paused {
            Pause::Own => async_drive::run(py, this, &mut operation, &mut kept, true)?,
            paused => paused,
        };
        match paused {
            Pause::Done => ended(py, operation, &mut kept, gives),
            Pause::Await(awaitable, waits) => {
                let open = Open { operation, kept, waits: Some(waits), first: Some(awaitable.unbind()) };
                Ok(Turn::of(engine, gives, open)?.into_any())
            }
            Pause::Item | Pause::Own => Err(async_drive::internal(py, "a step that nobody has asked for")),
        }
    }

    /// A scan, of which nothing has been asked yet.
    pub(crate) fn scan<'py>(
        engine: &Bound<'py, PyPolicyEngine>,
        operation: Operation<'static>,
        kept: Kept,
    ) -> PyResult<Bound<'py, Turn>> {
        Turn::of(engine, Gives::Pairs, Open { operation, kept, waits: None, first: None })
    }

    fn of<'py>(engine: &Bound<'py, PyPolicyEngine>, gives: Gives, open: Open) -> PyResult<Bound<'py, Turn>> {
        let state = Mutex::new(State::Open(Box::new(open)));
        Bound::new(engine.py(), Turn { engine: engine.clone().unbind(), gives, state })
    }

    fn swap(&self, next: State) -> State {
        std::mem::replace(&mut *self.state.lock().unwrap_or_else(PoisonError::into_inner), next)
    }

    /// Takes the operation out, to work at it; nothing where it is settled.
    fn take(&self, py: Python<'_>) -> PyResult<Option<Box<Open>>> {
        match self.swap(State::Busy) {
            State::Open(open) => Ok(Some(open)),
            State::Settled(given, open) => {
                drop(self.swap(State::Settled(given, open)));
                Ok(None)
            }
            State::Busy => Err(errors::usage(
                py,
                "this scan is at work in another task: give each task its own".to_owned(),
            )),
        }
    }

    /// Goes on with what an await gave. Gives what is to be awaited next; nothing where the turn is settled.
    fn over<'py>(
        &self,
        py: Python<'py>,
        awaited: PyResult<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(mut open) = self.take(py)? else { return Ok(None) };
        let Some(waits) = open.waits.take() else {
            self.swap(State::Open(open));
            return Err(errors::usage(py, "an answer that nobody has asked for".to_owned()));
        };
        // Whatever is raised from here on drops the operation.
        let settled = self.go_on(py, open, Some((waits, awaited)));
        settled.inspect_err(|_| drop(self.swap(nothing(py))))
    }

    fn go_on<'py>(
        &self,
        py: Python<'py>,
        mut open: Box<Open>,
        answer: Option<(Waits, PyResult<Bound<'py, PyAny>>)>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let (this, Open { operation, kept, .. }) = (self.engine.get(), &mut *open);
        let paused = match answer {
            Some(answer) => async_drive::resume(py, this, operation, kept, answer)?,
            None => async_drive::run(py, this, operation, kept, true)?,
        };
        match paused {
            Pause::Await(awaitable, waits) => {
                open.waits = Some(waits);
                self.swap(State::Open(open));
                Ok(Some(awaitable))
            }
            Pause::Item => {
                let Some((key, value)) = open.operation.take_item() else {
                    return Err(async_drive::internal(py, "a pair that is none"));
                };
                let pair = PyTuple::new(py, [PyBytes::new(py, &key), PyBytes::new(py, &value)])?;
                self.swap(State::Settled(pair.into_any().unbind(), Some(open)));
                Ok(None)
            }
            Pause::Done => {
                let Open { operation, mut kept, .. } = *open;
                let given = ended(py, operation, &mut kept, self.gives)?;
                self.swap(State::Settled(given.unbind(), None));
                Ok(None)
            }
            Pause::Own => Err(async_drive::internal(py, "an operation that owns what it holds already")),
        }
    }
}

/// Settled, with nothing to give.
fn nothing(py: Python<'_>) -> State {
    State::Settled(py.None(), None)
}

fn ended<'py>(
    py: Python<'py>,
    operation: Operation<'_>,
    kept: &mut Kept,
    gives: Gives,
) -> PyResult<Bound<'py, PyAny>> {
    let outcome = operation.finish().map_err(|error| errors::to_py(py, error))?;
    gives.object(py, outcome, kept)
}

#[pymethods]
impl Turn {
    /// What is to be awaited first, handed out once.
    fn first(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        guarded(py, || {
            let taken = match &mut *self.state.lock().unwrap_or_else(PoisonError::into_inner) {
                State::Open(open) => open.first.take(),
                State::Busy | State::Settled(..) => None,
            };
            taken.ok_or_else(|| errors::usage(py, "there is nothing to be awaited".to_owned()))
        })
    }

    /// Goes on with what the await gave. Gives what is to be awaited next, and `None` once the turn is settled.
    fn resume<'py>(&self, answer: Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = answer.py();
        guarded(py, || self.over(py, Ok(answer)))
    }

    /// The same with what the await raised. Raises what is no ordinary error again.
    fn fail<'py>(&self, raised: Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = raised.py();
        guarded(py, || self.over(py, Err(PyErr::from_value(raised))))
    }

    /// Asks for the next pair of a scan. Gives what is to be awaited, and `None` where the turn is settled.
    fn proceed<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        guarded(py, || {
            let Some(open) = self.take(py)? else { return Ok(None) };
            if open.waits.is_some() {
                self.swap(State::Open(open));
                let said = "this scan is awaited in another task: give each task its own";
                return Err(errors::usage(py, said.to_owned()));
            }
            self.go_on(py, open, None).inspect_err(|_| drop(self.swap(nothing(py))))
        })
    }

    /// What a settled turn gives: a value, values, a pair of a scan or `None`. A pair is handed out once.
    fn result(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        guarded(py, || {
            let (given, next) = match self.swap(State::Busy) {
                State::Settled(given, Some(open)) => (Ok(given), State::Open(open)),
                State::Settled(given, None) => (Ok(given), nothing(py)),
                other => (Err(errors::usage(py, "this operation has not ended".to_owned())), other),
            };
            self.swap(next);
            given
        })
    }

    /// Lets go of an operation that has not ended: the audit calls it abandoned.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        guarded(py, || {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if let State::Busy = *state {
                return Err(errors::usage(py, "this scan is at work in another task".to_owned()));
            }
            let ended = std::mem::replace(&mut *state, nothing(py));
            drop(state);
            // What it held is let go after the lock: that may run Python code.
            drop(ended);
            Ok(())
        })
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.engine)?;
        // A lock that is held is held by who works with it: it is no garbage then.
        let Ok(state) = self.state.try_lock() else { return Ok(()) };
        match &*state {
            State::Open(open) => open.visit(&visit),
            State::Settled(given, open) => {
                visit.call(given)?;
                open.as_ref().map_or(Ok(()), |open| open.visit(&visit))
            }
            State::Busy => Ok(()),
        }
    }

    fn __clear__(&self) {
        drop(self.swap(State::Busy));
    }
}

impl Open {
    fn visit(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.first)
    }
}
