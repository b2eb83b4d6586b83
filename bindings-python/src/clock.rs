//! A clock that tests move by hand.

use std::sync::Arc;

use checkrein::{Clock, ManualClock};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat, PyInt};

use crate::convert::{self, described};
use crate::errors;
use crate::guard::guarded;

/// A clock that stands still until it is moved, so that tests of time need no sleep.
///
/// Its wall reading starts at `wall_ns` nanoseconds since 1970-01-01 UTC, its monotonic reading at zero.
#[pyclass(name = "ManualClock", module = "checkrein", frozen)]
pub(crate) struct PyManualClock(Arc<ManualClock>);

#[pymethods]
impl PyManualClock {
    #[new]
    #[pyo3(signature = (wall_ns = None))]
    fn new(py: Python<'_>, wall_ns: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        guarded(py, || {
            let wall_ns = wall_ns.map_or(Ok(0), |ns| convert::count("wall_ns", ns))?;
            Ok(PyManualClock(ManualClock::new(wall_ns)))
        })
    }

    /// Moves both readings on by so many seconds (an `int`, or a `float` to the nearest nanosecond).
    fn advance(&self, seconds: &Bound<'_, PyAny>) -> PyResult<()> {
        guarded(seconds.py(), || {
            self.0.advance_ns(nanoseconds(seconds)?);
            Ok(())
        })
    }

    /// Moves both readings on by so many nanoseconds.
    fn advance_ns(&self, ns: &Bound<'_, PyAny>) -> PyResult<()> {
        guarded(ns.py(), || {
            self.0.advance_ns(convert::count("ns", ns)?);
            Ok(())
        })
    }

    /// Sets the wall reading alone, as when an administrator sets the machine's clock.
    fn set_wall_ns(&self, ns: &Bound<'_, PyAny>) -> PyResult<()> {
        guarded(ns.py(), || {
            self.0.set_wall_ns(convert::count("ns", ns)?);
            Ok(())
        })
    }

    /// Nanoseconds since 1970-01-01 UTC.
    #[getter]
    fn wall_ns(&self) -> u64 {
        self.0.now().wall_ns
    }

    /// Nanoseconds since the clock was made; they never go back.
    #[getter]
    fn monotonic_ns(&self) -> u64 {
        self.0.now().monotonic_ns
    }

    fn __repr__(&self) -> String {
        let now = self.0.now();
        format!("ManualClock(wall_ns={}, monotonic_ns={})", now.wall_ns, now.monotonic_ns)
    }
}

/// The clock that an engine was given; the machine's where it was given none.
///
/// # Errors
/// `ConfigError` for what is no clock.
pub(crate) fn of_argument(object: Option<&Bound<'_, PyAny>>) -> PyResult<Clock> {
    let Some(object) = object.filter(|object| !object.is_none()) else {
        return Ok(Clock::System);
    };
    match object.cast::<PyManualClock>() {
        Ok(clock) => Ok(Clock::Manual(Arc::clone(&clock.get().0))),
        Err(_) => {
            let what = format!("`clock` is {}: give a `ManualClock`, or leave it out", described(object));
            Err(errors::config(object.py(), what))
        }
    }
}

fn nanoseconds(seconds: &Bound<'_, PyAny>) -> PyResult<u64> {
    let py = seconds.py();
    let wrong = || errors::usage(py, "a clock is moved by 0 or more seconds".to_owned());
    if seconds.is_instance_of::<PyInt>() && !seconds.is_instance_of::<PyBool>() {
        return convert::count("seconds", seconds)?.checked_mul(1_000_000_000).ok_or_else(wrong);
    }
    let seconds = seconds.cast::<PyFloat>().map_err(|_| wrong())?.value();
    let ns = (seconds * 1e9).round();
    // The largest float below 2^64; the comparison is false for what is no number.
    if (0.0..=18_446_744_073_709_549_568.0).contains(&ns) { Ok(ns as u64) } else { Err(wrong()) }
}
