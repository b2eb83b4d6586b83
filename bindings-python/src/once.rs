//! Things made once, without a lock around their making.
//!
//! `PyOnceLock::get_or_init` runs the making inside its lock. Where that runs Python code, another thread can get its
//! turn and fork: in the child the lock would then be held for ever. Here what is made twice by chance is made twice,
//! and the first one stays.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

/// What the cell holds; made where it is empty.
///
/// # Errors
/// That of the making; the cell then stays empty.
pub(crate) fn get_or_make<'a, T>(
    cell: &'a PyOnceLock<T>,
    py: Python<'_>,
    make: impl FnOnce() -> PyResult<T>,
) -> PyResult<&'a T> {
    if let Some(made) = cell.get(py) {
        return Ok(made);
    }
    let made = make()?;
    // One that comes second is let go.
    let _ = cell.set(py, made);
    cell.get(py).ok_or_else(|| {
        crate::errors::to_py(py, checkrein::Error::Internal("a cell that was set is empty".to_owned()))
    })
}
