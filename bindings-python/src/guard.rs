//! The one place where panics are caught: no `PanicException` ever reaches Python, where `except Exception` would
//! miss it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use checkrein::Error;
use pyo3::prelude::*;

use crate::{errors, notices};

/// Runs an entry point. A panic becomes a `CheckreinError` with the code `internal`; the operation under way was
/// dropped by then, and so refused.
pub(crate) fn guarded<T>(py: Python<'_>, entry: impl FnOnce() -> PyResult<T>) -> PyResult<T> {
    let done = caught(py, entry);
    notices::tell(py);
    done
}

fn caught<T>(py: Python<'_>, entry: impl FnOnce() -> PyResult<T>) -> PyResult<T> {
    // INVARIANT: what a panic may leave half-done is dropped with the entry; shared state is the core's, which
    // changes it by one atomic swap.
    match catch_unwind(AssertUnwindSafe(entry)) {
        Ok(result) => result,
        Err(payload) => {
            let what = payload
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| payload.downcast_ref::<String>().cloned())
                .unwrap_or_else(|| "a panic".to_owned());
            Err(errors::to_py(py, Error::Internal(what)))
        }
    }
}

/// Panics behind the guard, for the test of it.
#[pyfunction]
#[pyo3(name = "_provoke_panic")]
pub(crate) fn provoke_panic(py: Python<'_>) -> PyResult<()> {
    #[expect(clippy::panic, reason = "this is what it is for")]
    guarded(py, || panic!("provoked"))
}
