//! The arguments that an engine is made with, sync or async.

use checkrein::engine::EngineOptions;
use checkrein::hook::Mode;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::convert::described;
use crate::{clock, convert, errors};

/// The arguments as they were given.
pub(crate) struct Given<'a, 'py> {
    pub(crate) require_context: Option<&'a Bound<'py, PyAny>>,
    pub(crate) mode: Option<&'a Bound<'py, PyAny>>,
    pub(crate) clock: Option<&'a Bound<'py, PyAny>>,
    pub(crate) max_open_operations: Option<&'a Bound<'py, PyAny>>,
}

impl Given<'_, '_> {
    /// The core's options.
    ///
    /// # Errors
    /// `ConfigError` for a mode that is none and for what is no clock, `UsageError` for a wrong type.
    pub(crate) fn options(&self, py: Python<'_>) -> PyResult<EngineOptions> {
        let mut options =
            EngineOptions { clock: clock::of_argument(self.clock)?, ..EngineOptions::default() };
        if let Some(max) = self.max_open_operations {
            let max = convert::count("max_open_operations", max)?;
            options.max_open = usize::try_from(max).unwrap_or(usize::MAX);
        }
        if let Some(mode) = self.mode {
            let mode = Mode::parse(&convert::text("mode", mode)?);
            options.mode = mode.map_err(|error| errors::to_py(py, error))?;
        }
        if let Some(names) = self.require_context.filter(|names| !names.is_none()) {
            options.require_context = names_of(names)?;
        }
        Ok(options)
    }
}

/// Names, as any iterable of texts; one text alone is a mistake.
fn names_of(given: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
    let alone = given.is_instance_of::<PyString>() || given.is_instance_of::<PyBytes>();
    let Some(names) = given.try_iter().ok().filter(|_| !alone) else {
        let what = described(given);
        return Err(errors::usage(
            given.py(),
            format!("`require_context` is {what}: give a tuple of names, as in `(\"agent_id\",)`"),
        ));
    };
    names.map(|name| convert::text("require_context", &name?)).collect()
}
