//! Worker threads, for what waits for a disk: `checkrein._worker` knows the event loops.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::job::Job;
use crate::once;

/// What is to be awaited for a job to be done in a worker thread.
pub(crate) fn run<'py>(job: &Bound<'py, Job>) -> PyResult<Bound<'py, PyAny>> {
    static RUN: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = job.py();
    let run = once::get_or_make(&RUN, py, || Ok(py.import("checkrein._worker")?.getattr("run")?.unbind()))?;
    run.bind(py).call1((job.getattr(pyo3::intern!(py, "perform"))?,))
}
