//! Policy documents as Python sees them.

use std::path::PathBuf;

use checkrein::PolicyDocument;
use checkrein::document::{Format, Problems, Source};
use checkrein::engine::Engine;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::guard::guarded;
use crate::{bytes, convert, errors};

/// A policy document: hooks, rate limits and the audit as one file in YAML, JSON or TOML, read and checked.
///
/// `PolicyEngine(db, document)` and `reload` take it. Made by `checkrein.load(path)` and `PolicyDocument.parse`.
#[pyclass(name = "PolicyDocument", module = "checkrein", frozen)]
pub(crate) struct PyPolicyDocument(PolicyDocument);

#[pymethods]
impl PyPolicyDocument {
    /// Reads and checks a file; its ending says the format: `.yaml`, `.yml`, `.json` or `.toml`.
    ///
    /// Raises `ConfigError` for a file that cannot be read, and for a document with problems: its text shows each with
    /// file, line, column and the offending line, and its `problems` are the same as dicts.
    #[staticmethod]
    fn load(path: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = path.py();
        guarded(py, || {
            let path = path_of(path)?;
            checked(py, py.detach(|| Source::read(path).map(|source| source.check())))
        })
    }

    /// Checks a text (`str`, or bytes of UTF-8) in a format: `"yaml"`, `"json"` or `"toml"`. `name` stands for the file in
    /// messages. Raises `ConfigError` as `load` does.
    #[staticmethod]
    #[pyo3(signature = (text, format, name = None))]
    fn parse(
        text: &Bound<'_, PyAny>,
        format: &Bound<'_, PyAny>,
        name: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let py = text.py();
        guarded(py, || {
            let text = match bytes::of_buffer(text) {
                Some(bytes) => bytes.as_bytes().to_vec(),
                None => convert::text("text", text)?.into_bytes(),
            };
            let format = Format::parse(&convert::text("format", format)?);
            let format = format.map_err(|error| errors::to_py(py, error))?;
            let name = match name {
                Some(name) => convert::text("name", name)?,
                None => format!("policy.{}", format.as_str()),
            };
            checked(py, py.detach(|| Source::new(text, format, &name).map(|source| source.check())))
        })
    }

    /// The document's own name, or `None`.
    #[getter]
    fn name(&self) -> Option<&str> {
        self.0.name()
    }

    /// How many hooks there are; one for several triggers counts at each.
    #[getter]
    fn hook_count(&self) -> usize {
        self.0.hook_count()
    }

    /// How many rate limits there are.
    #[getter]
    fn rate_limit_count(&self) -> usize {
        self.0.rate_limits().len()
    }

    /// The names that the context of every operation must hold.
    #[getter]
    fn require_context(&self) -> Vec<&str> {
        self.0.require_context().iter().map(String::as_str).collect()
    }

    /// `"enforce"` or `"shadow"`, or `None` where the document does not say.
    #[getter]
    fn mode(&self) -> Option<&'static str> {
        self.0.mode().map(checkrein::hook::Mode::as_str)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let name = self.0.name().into_pyobject(py)?.repr()?;
        Ok(format!("<PolicyDocument {} with {} hooks>", name.to_string_lossy(), self.0.hook_count()))
    }
}

/// The document, or a `ConfigError` with all that is wrong with it.
fn checked(
    py: Python<'_>,
    read: checkrein::Result<Result<PolicyDocument, Problems>>,
) -> PyResult<PyPolicyDocument> {
    match read.map_err(|error| errors::to_py(py, error))? {
        Ok(document) => Ok(PyPolicyDocument(document)),
        Err(problems) => {
            let listed: PyResult<Vec<_>> = problems
                .iter()
                .map(|problem| {
                    let dict = PyDict::new(py);
                    dict.set_item("line", problem.line)?;
                    dict.set_item("column", problem.column)?;
                    dict.set_item("message", &problem.message)?;
                    Ok(dict)
                })
                .collect();
            let raised = errors::to_py(py, problems.into());
            raised.value(py).setattr("problems", listed?)?;
            Err(raised)
        }
    }
}

/// The path that was given.
///
/// # Errors
/// `UsageError` for what is no path.
pub(crate) fn path_of(path: &Bound<'_, PyAny>) -> PyResult<PathBuf> {
    path.extract::<PathBuf>().map_err(|_| {
        let what = convert::described(path);
        errors::usage(path.py(), format!("the path is {what}: give a `str` or a `pathlib.Path`"))
    })
}

fn document_of<'a>(document: &'a Bound<'_, PyAny>) -> PyResult<&'a PolicyDocument> {
    match document.cast::<PyPolicyDocument>() {
        Ok(document) => Ok(&document.get().0),
        Err(_) => {
            let what = convert::described(document);
            let advice = "give what `checkrein.load(path)` or `PolicyDocument.parse(…)` returned";
            Err(errors::usage(document.py(), format!("the document is {what}: {advice}")))
        }
    }
}

/// Takes hooks, limits and audit from a document, for an engine that is being made; nothing for `None`.
///
/// # Errors
/// `UsageError` for what is no document, `ConfigError` for one with nothing for a policy engine, and what opening its
/// audit file says.
pub(crate) fn apply(engine: &Engine, document: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
    let Some(document) = document.filter(|document| !document.is_none()) else { return Ok(()) };
    let (py, document) = (document.py(), document_of(document)?);
    py.detach(|| engine.apply(document)).map_err(|error| errors::to_py(py, error))
}

/// Puts a document in the place of the one before.
///
/// # Errors
/// As [`apply`].
pub(crate) fn reload(engine: &Engine, document: &Bound<'_, PyAny>) -> PyResult<()> {
    let (py, document) = (document.py(), document_of(document)?);
    py.detach(|| engine.reload(document)).map_err(|error| errors::to_py(py, error))
}
