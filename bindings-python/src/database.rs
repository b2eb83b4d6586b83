//! The embedded database as Python sees it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use checkrein::Database;
use checkrein::operation::SCAN_PAGE;
use checkrein::store::Durability;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use crate::guard::guarded;
use crate::{convert, errors, many};

/// An ordered key-value store in a directory, or in memory.
///
/// It may be shared by any number of threads. One process at a time may have a directory open, by one `open`. It is a
/// context manager that closes itself; one that nobody holds any more is closed too.
#[pyclass(name = "Database", module = "checkrein", frozen)]
pub(crate) struct PyDatabase {
    database: Database,
    closed: AtomicBool,
}

impl PyDatabase {
    fn new(database: Database) -> Self {
        PyDatabase { database, closed: AtomicBool::new(false) }
    }

    pub(crate) fn core(&self) -> &Database {
        &self.database
    }

    /// Does something that may wait for the disk, with the interpreter let go where it does.
    fn call<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&Database) -> checkrein::Result<T> + Send,
    ) -> PyResult<T> {
        let done =
            if self.database.blocks() { py.detach(|| work(&self.database)) } else { work(&self.database) };
        done.map_err(|error| errors::to_py(py, error))
    }
}

#[pymethods]
impl PyDatabase {
    /// Opens the database in a directory, which is made where it is missing.
    ///
    /// `durability` is `"sync"` (the default: a write that returned is on disk) or `"relaxed"` (the latest writes may be lost in a
    /// crash, never part of them). Raises `StoreError` where it is open elsewhere (`store_locked`), damaged
    /// (`store_damaged`) or cannot be used, `ConfigError` for another durability.
    #[staticmethod]
    #[pyo3(signature = (path, durability = None))]
    fn open(path: &Bound<'_, PyAny>, durability: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let py = path.py();
        guarded(py, || {
            let Ok(path) = path.extract::<PathBuf>() else {
                let what = convert::described(path);
                return Err(errors::usage(
                    py,
                    format!("the path is {what}: give a `str` or a `pathlib.Path`"),
                ));
            };
            let durability = durability.map(|word| convert::text("durability", word)).transpose()?;
            let opened = py.detach(|| {
                let durability = durability.map_or(Ok(Durability::default()), |word| word.parse())?;
                Database::options().durability(durability).open(&path)
            });
            opened.map(PyDatabase::new).map_err(|error| errors::to_py(py, error))
        })
    }

    /// A new, empty database in memory. It is gone when nobody holds it any more.
    #[staticmethod]
    fn memory(py: Python<'_>) -> PyResult<Self> {
        guarded(py, || Ok(PyDatabase::new(Database::memory())))
    }

    /// Sets a key to a value, unguarded.
    fn put(&self, py: Python<'_>, key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        guarded(py, || {
            let key = crate::bytes::of_argument("key", key)?;
            let value = crate::bytes::of_argument("value", value)?;
            let (key, value) = (key.as_bytes(), value.as_bytes());
            self.call(py, |database| database.put(key, value))
        })
    }

    /// The value of a key, or `None`, unguarded.
    fn get<'py>(&self, py: Python<'py>, key: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        guarded(py, || {
            let key = crate::bytes::of_argument("key", key)?;
            let key = key.as_bytes();
            let value = self.call(py, |database| database.get(key))?;
            Ok(value.map(|value| PyBytes::new(py, &value)))
        })
    }

    /// Removes a key, unguarded; one that is not there is no error.
    fn delete(&self, py: Python<'_>, key: &Bound<'_, PyAny>) -> PyResult<()> {
        guarded(py, || {
            let key = crate::bytes::of_argument("key", key)?;
            let key = key.as_bytes();
            self.call(py, |database| database.delete(key))
        })
    }

    /// Makes all changes in their order, or none, unguarded: `[("put", key, value), ("delete", key), …]`.
    fn batch(&self, py: Python<'_>, ops: &Bound<'_, PyAny>) -> PyResult<()> {
        guarded(py, || {
            let ops = many::all_ops_of(ops)?;
            let changes: Vec<_> = ops.iter().map(many::Op::change).collect();
            self.call(py, |database| database.batch(&changes))
        })
    }

    /// A page of the pairs whose keys begin with `prefix`, unguarded: in the order of the keys' bytes, from the first
    /// key greater than `after`, at most `limit` of them (256 unless told otherwise) and at most 1 MiB.
    ///
    /// The next page is asked for with the last key as `after`; an empty page is the end.
    #[pyo3(signature = (prefix, after = None, limit = None))]
    fn scan<'py>(
        &self,
        py: Python<'py>,
        prefix: &Bound<'py, PyAny>,
        after: Option<&Bound<'py, PyAny>>,
        limit: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyList>> {
        guarded(py, || {
            let prefix = crate::bytes::of_argument("prefix", prefix)?;
            let after = after.map(|after| crate::bytes::of_argument("after", after)).transpose()?;
            let limit = match limit {
                Some(limit) => usize::try_from(convert::count("limit", limit)?).unwrap_or(usize::MAX),
                None => SCAN_PAGE,
            };
            let (prefix, after) = (prefix.as_bytes(), after.as_ref().map(|after| after.as_bytes()));
            let page = self.call(py, |database| database.scan(prefix, after, limit))?;
            let pairs =
                page.pairs.iter().map(|(key, value)| (PyBytes::new(py, key), PyBytes::new(py, value)));
            PyList::new(py, pairs)
        })
    }

    /// Makes every write acknowledged so far durable; of use with `durability="relaxed"`.
    fn flush(&self, py: Python<'_>) -> PyResult<()> {
        guarded(py, || self.call(py, Database::flush))
    }

    /// Closes the database: later calls raise `StoreError` with the code `store_closed`. Closing twice is no error.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        guarded(py, || {
            self.closed.store(true, Ordering::Release);
            self.call(py, Database::close)
        })
    }

    /// True once it was closed.
    #[getter]
    fn closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    fn __enter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __exit__(
        &self,
        py: Python<'_>,
        exc_type: &Bound<'_, PyAny>,
        exc_value: &Bound<'_, PyAny>,
        traceback: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let _ = (exc_type, exc_value, traceback);
        self.close(py)
    }

    fn __repr__(&self) -> String {
        let closed = if self.closed() { ", closed" } else { "" };
        let name = format!("{:?}", self.database);
        format!("<{name}{closed}>")
    }
}
