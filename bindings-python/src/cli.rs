//! The command line, for `python -m checkrein` and the script `checkrein`: the one of the native binary.

use std::ffi::OsString;

use pyo3::prelude::*;

use crate::guard::guarded;

/// Runs the command line on the process's standard streams and gives the exit code.
#[pyfunction]
#[pyo3(name = "_command_line")]
pub(crate) fn command_line(py: Python<'_>, args: Vec<OsString>) -> PyResult<u8> {
    guarded(py, || Ok(py.detach(|| checkrein_cli::main(args.into_iter()))))
}
