//! The context's view of the last operation: most operations of an engine say the same again.

use std::sync::Mutex;

use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::context::{KEPT, Said};

/// The last view that hooks were shown, with the objects that it was made of.
///
/// It is shown again where an operation says the very same objects: texts, booleans and integers of Python's own types,
/// which nobody can change. Nothing else is held, so the garbage collector need not see it.
#[derive(Default)]
pub(crate) struct LastView(Mutex<Option<Last>>);

struct Last {
    kept: [Option<(Py<PyString>, Py<PyAny>)>; KEPT],
    view: Py<PyAny>,
}

impl LastView {
    /// The read-only view of what was said.
    pub(crate) fn of<'py>(&self, py: Python<'py>, said: &Said<'py>) -> PyResult<Bound<'py, PyAny>> {
        let Some(kept) = said.kept() else {
            return said.view(py);
        };
        // A lock that another thread holds is not worth a wait: the view is made anew.
        if let Ok(last) = self.0.try_lock()
            && let Some(last) = &*last
            && last.kept.iter().zip(kept).all(|(last, said)| match (last, said) {
                (Some(last), Some(said)) => said.0.is(&last.0) && said.1.is(&last.1),
                (None, None) => true,
                _ => false,
            })
        {
            return Ok(last.view.bind(py).clone());
        }
        let view = said.view(py)?;
        let kept = kept
            .each_ref()
            .map(|entry| entry.as_ref().map(|(name, value)| (name.clone().unbind(), value.clone().unbind())));
        let next = Last { kept, view: view.clone().unbind() };
        // What is replaced is let go after the lock.
        let _old = self.0.try_lock().ok().and_then(|mut last| last.replace(next));
        Ok(view)
    }
}
