//! The audit's file: opening it, its handle, and reading what one holds.

use std::path::PathBuf;
use std::sync::{Arc, Weak};

use checkrein::audit::SinkId;
use checkrein::audit::file::{
    AuditFile, AuditFileOptions, Head, Report, Secret, Stats, TailLine, VerifyOptions, stats, tail, verify,
};
use checkrein::engine::Engine;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::document::path_of;
use crate::guard::guarded;
use crate::{bytes, convert, errors};

/// A file that the audit is written to.
///
/// In the child of a fork the engine writes a file of its own; a handle of the parent's is refused there.
#[pyclass(name = "AuditFileHandle", module = "checkrein", frozen, weakref)]
pub(crate) struct PyAuditFileHandle {
    engine: Weak<Engine>,
    id: SinkId,
    file: Arc<AuditFile>,
}

impl PyAuditFileHandle {
    /// True where the handle is of this engine, whose sink it then removed; what it was told is written first.
    pub(crate) fn remove_from(&self, py: Python<'_>, engine: &Arc<Engine>) -> PyResult<bool> {
        if !std::ptr::eq(self.engine.as_ptr(), Arc::as_ptr(engine)) {
            return Ok(false);
        }
        py.detach(|| engine.remove_audit_sink(self.id)).map_err(|error| errors::to_py(py, error))
    }
}

#[pymethods]
impl PyAuditFileHandle {
    /// The number and the hash of the last line that was written, as `SEQUENCE:HEX`; `flush` first where what is on its
    /// way matters. Kept elsewhere, it shows later whether lines were cut off: see `checkrein.verify_audit`.
    fn head(&self, py: Python<'_>) -> PyResult<String> {
        guarded(py, || Ok(self.file.head().to_string()))
    }

    /// Waits until every entry so far is in the file. Raises `StoreError` where it cannot be written.
    fn flush(&self, py: Python<'_>) -> PyResult<()> {
        guarded(py, || py.detach(|| self.file.flush()).map_err(|error| errors::to_py(py, error)))
    }

    /// Removes the file from the engine's sinks, writes out what waits and closes it. Closing twice is no error.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        guarded(py, || {
            let engine = self.engine.upgrade();
            let closed = py.detach(|| {
                let removed = engine.as_ref().map_or(Ok(false), |engine| engine.remove_audit_sink(self.id));
                self.file.close().and(removed)
            });
            closed.map(|_| ()).map_err(|error| errors::to_py(py, error))
        })
    }

    /// The file that is written; `{pid}` is replaced.
    #[getter]
    fn path(&self) -> PathBuf {
        self.file.path().to_path_buf()
    }

    /// How many entries could not be kept so far, because the file could not be written for long.
    #[getter]
    fn lost(&self) -> u64 {
        self.file.lost()
    }

    /// The newest failure to write, or `None`; also where the file is written again by now.
    #[getter]
    fn last_error<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        guarded(py, || {
            let error = self.file.last_error();
            Ok(error
                .map(|error| errors::to_py(py, (*error).clone()).into_value(py).into_bound(py).into_any()))
        })
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let path = self.file.path().to_string_lossy().into_pyobject(py)?.repr()?;
        Ok(format!("<AuditFileHandle {}>", path.to_string_lossy()))
    }
}

/// The arguments of `add_audit_file`, as they were given.
pub(crate) struct Given<'a, 'py> {
    pub(crate) path: &'a Bound<'py, PyAny>,
    pub(crate) strict: bool,
    pub(crate) fsync: Option<&'a Bound<'py, PyAny>>,
    pub(crate) hmac_key: Option<&'a Bound<'py, PyAny>>,
    pub(crate) rotate_bytes: Option<&'a Bound<'py, PyAny>>,
}

impl Given<'_, '_> {
    /// Opens the file and adds it to an engine's sinks.
    ///
    /// # Errors
    /// `ConfigError` for settings that cannot be, `StoreError` where the file cannot be opened.
    pub(crate) fn add(&self, py: Python<'_>, engine: &Arc<Engine>) -> PyResult<PyAuditFileHandle> {
        let mut options = AuditFileOptions::new(path_of(self.path)?);
        options.strict = self.strict;
        options.clock = engine.clock().clone();
        options.key = secret(py, self.hmac_key)?;
        if let Some(fsync) = self.fsync {
            let word = convert::text("fsync", fsync)?;
            options.fsync = word.parse().map_err(|error| errors::to_py(py, error))?;
        }
        if let Some(bytes) = self.rotate_bytes {
            options.rotate_bytes = convert::count("rotate_bytes", bytes)?;
        }
        let ours = |error| errors::to_py(py, error);
        let file = py.detach(|| AuditFile::open(options)).map_err(ours)?;
        let id = engine.add_audit_file(Arc::clone(&file)).map_err(ours)?;
        Ok(PyAuditFileHandle { engine: Arc::downgrade(engine), id, file })
    }
}

/// A key of a chain, where one was given.
fn secret(py: Python<'_>, key: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Secret>> {
    let Some(key) = key.filter(|key| !key.is_none()) else { return Ok(None) };
    let key = bytes::of_argument("hmac_key", key)?;
    Secret::new(key.as_bytes()).map(Some).map_err(|error| errors::to_py(py, error))
}

/// A head, where one was given.
fn head(name: &str, head: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Head>> {
    let Some(head) = head.filter(|head| !head.is_none()) else { return Ok(None) };
    let text = convert::text(name, head)?;
    text.parse().map(Some).map_err(|error| errors::to_py(head.py(), error))
}

/// Verifies the chain of an audit file: the rotated files and then the current one, at `path`.
///
/// Gives a dict: `ok`; `segments`, `lines` and `events` (how much holds); `first_sequence`; `head`, the last line that
/// holds; `repairs`, `lost`, `torn_bytes`; and `problem`, `None` or a dict of `file`, `line` and `what` for the first thing
/// that does not hold. `hmac_key` is the key that it was written with, `head` a head that was stored elsewhere, `after` the
/// head before files that were archived and removed. A chain that does not hold raises nothing.
#[pyfunction]
#[pyo3(signature = (path, *, hmac_key = None, head = None, after = None))]
pub(crate) fn verify_audit<'py>(
    path: &Bound<'py, PyAny>,
    hmac_key: Option<&Bound<'py, PyAny>>,
    head: Option<&Bound<'py, PyAny>>,
    after: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let py = path.py();
    guarded(py, || {
        let path = path_of(path)?;
        let options = VerifyOptions {
            key: secret(py, hmac_key)?,
            head: self::head("head", head)?,
            after: self::head("after", after)?,
        };
        let report = py.detach(|| verify(path, &options)).map_err(|error| errors::to_py(py, error))?;
        report_to_dict(py, &report)
    })
}

fn report_to_dict<'py>(py: Python<'py>, report: &Report) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("ok", report.is_whole())?;
    dict.set_item("segments", report.segments)?;
    dict.set_item("lines", report.lines)?;
    dict.set_item("events", report.events)?;
    dict.set_item("first_sequence", report.first_sequence)?;
    dict.set_item("head", report.head.to_string())?;
    dict.set_item("repairs", report.repairs)?;
    dict.set_item("lost", report.lost)?;
    dict.set_item("torn_bytes", report.torn_bytes)?;
    let problem = match &report.problem {
        Some(problem) => {
            let told = PyDict::new(py);
            told.set_item("file", problem.file.to_string_lossy())?;
            told.set_item("line", problem.line)?;
            told.set_item("what", &problem.what)?;
            Some(told)
        }
        None => None,
    };
    dict.set_item("problem", problem)?;
    Ok(dict)
}

/// The newest `count` lines of the chain of which `path` is the current file, oldest first, as dicts of `file`,
/// `sequence`, `is_event` and `text`. Nothing is verified.
#[pyfunction]
#[pyo3(name = "_audit_tail")]
pub(crate) fn audit_tail<'py>(
    path: &Bound<'py, PyAny>,
    count: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyList>> {
    let py = path.py();
    guarded(py, || {
        let (path, count) = (path_of(path)?, convert::count("count", count)?);
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let lines = py.detach(|| tail(path, count)).map_err(|error| errors::to_py(py, error))?;
        let lines: PyResult<Vec<_>> = lines.iter().map(|line| line_to_dict(py, line)).collect();
        PyList::new(py, lines?)
    })
}

fn line_to_dict<'py>(py: Python<'py>, line: &TailLine) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("file", line.file.to_string_lossy())?;
    dict.set_item("sequence", line.sequence)?;
    dict.set_item("is_event", line.is_event)?;
    dict.set_item("text", &line.text)?;
    Ok(dict)
}

/// What the chain holds of which `path` is the current file, counted, as a dict. Nothing is verified.
#[pyfunction]
#[pyo3(name = "_audit_stats")]
pub(crate) fn audit_stats<'py>(path: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyDict>> {
    let py = path.py();
    guarded(py, || {
        let path = path_of(path)?;
        let counted = py.detach(|| stats(path)).map_err(|error| errors::to_py(py, error))?;
        stats_to_dict(py, &counted)
    })
}

fn stats_to_dict<'py>(py: Python<'py>, stats: &Stats) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (name, number) in [
        ("segments", stats.segments),
        ("lines", stats.lines),
        ("entries", stats.entries),
        ("decided", stats.decided),
        ("events", stats.events),
        ("unreadable", stats.unreadable),
        ("torn_bytes", stats.torn_bytes),
        ("repairs", stats.repairs),
        ("lost", stats.lost),
        ("uncounted", stats.uncounted),
    ] {
        dict.set_item(name, number)?;
    }
    dict.set_item("time_span_ns", stats.time_span_ns)?;
    for (name, counts) in [
        ("results", &stats.results),
        ("operations", &stats.operations),
        ("agents", &stats.agents),
        ("rules", &stats.rules),
    ] {
        let told = PyDict::new(py);
        for (word, number) in counts {
            told.set_item(word, number)?;
        }
        dict.set_item(name, told)?;
    }
    Ok(dict)
}
