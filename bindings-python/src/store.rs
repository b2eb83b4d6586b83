//! What stands behind an engine: the embedded database, an object of the host with `put`, `get` and `delete`, or a
//! well-known client of the host, through its adapter.

use std::sync::{Mutex, PoisonError};

use checkrein::Database;
use checkrein::operation::{StoreCall, StoreReply};
use checkrein::store::Abilities;
use pyo3::PyTraverseError;
use pyo3::prelude::*;
use pyo3::pyclass::PyVisit;
use pyo3::types::{PyBytes, PyType};

use crate::convert::described;
use crate::database::PyDatabase;
use crate::reply::{self, Asked};
use crate::{adapters, errors};

/// The store behind an engine.
pub(crate) enum Store {
    /// The embedded one: its steps need nothing of Python.
    Database(Database),
    /// The host's. Empty once the garbage collector has cleared the engine. The lock is held to take another
    /// reference, and never while Python code runs.
    Host { object: Mutex<Option<Py<PyAny>>>, abilities: Abilities },
}

const METHODS: [&str; 3] = ["put", "get", "delete"];

impl Store {
    /// The store that an engine was given.
    ///
    /// # Errors
    /// `ConfigError` for an object that lacks a method, for a class in the place of an instance, and for a client that
    /// the adapters refuse.
    pub(crate) fn of_argument(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        Store::of(object, adapters::for_sync_engine)
    }

    /// The store that an async engine was given; `put`, `get` and `delete` may be async.
    ///
    /// # Errors
    /// As [`Store::of_argument`].
    pub(crate) fn of_async_argument(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        Store::of(object, adapters::for_async_engine)
    }

    fn of<'py>(
        object: &Bound<'py, PyAny>,
        adapted: impl FnOnce(&Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>>,
    ) -> PyResult<Self> {
        let py = object.py();
        if let Ok(database) = object.cast::<PyDatabase>() {
            return Ok(Store::Database(database.get().core().clone()));
        }
        if let Ok(class) = object.cast::<PyType>() {
            let name = class.name()?;
            return Err(errors::config(
                py,
                format!("`{name}` is a class: give an instance of it as the store"),
            ));
        }
        let object = &adapted(object)?;
        let lacks = |method: &&str| !object.getattr(*method).is_ok_and(|method| method.is_callable());
        let missing: Vec<_> = METHODS.into_iter().filter(lacks).map(|method| format!("`{method}`")).collect();
        if missing.is_empty() {
            let abilities = Abilities { scan: !lacks(&"scan"), batch: !lacks(&"batch") };
            return Ok(Store::Host { object: Mutex::new(Some(object.clone().unbind())), abilities });
        }
        let (what, missing) = (described(object), missing.join(", "));
        Err(errors::config(
            py,
            format!(
                "{what} is no store, it lacks {missing}: give a `Database`, or an object with `put(key, value)`, \
                 `get(key)` and `delete(key)`"
            ),
        ))
    }

    /// The embedded database, if it is that.
    pub(crate) fn database(&self) -> Option<&Database> {
        match self {
            Store::Database(database) => Some(database),
            Store::Host { .. } => None,
        }
    }

    /// The host's object; nothing where it is a database, or was cleared.
    pub(crate) fn object(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        let Store::Host { object, .. } = self else { return None };
        object.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|it| it.clone_ref(py))
    }

    /// What it can do beside the three.
    pub(crate) fn abilities(&self) -> Abilities {
        match self {
            Store::Database(_) => Abilities::ALL,
            Store::Host { abilities, .. } => *abilities,
        }
    }

    /// Performs a store step; a wait for the disk with the interpreter let go. `key` and `value` are the objects of a
    /// step about one key, for a store of the host. What its `get` gave is handed back too, so that hooks can be shown
    /// the very object.
    ///
    /// # Errors
    /// What is no ordinary error, such as `KeyboardInterrupt`: it ends the operation.
    pub(crate) fn perform<'py>(
        &self,
        py: Python<'py>,
        call: &StoreCall<'_>,
        key: Option<Bound<'py, PyBytes>>,
        value: Option<Bound<'py, PyBytes>>,
    ) -> PyResult<(StoreReply, Option<Bound<'py, PyBytes>>)> {
        match self {
            Store::Database(database) if database.blocks() => {
                Ok((py.detach(|| checkrein::policy::perform(database, call)), None))
            }
            Store::Database(database) => Ok((checkrein::policy::perform(database, call), None)),
            Store::Host { object, .. } => {
                let store =
                    object.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|it| it.clone_ref(py));
                match store {
                    Some(store) => {
                        let replied = reply::call(store.bind(py), call, key, value);
                        reply::of(py, Asked::from(call), replied)
                    }
                    None => {
                        let gone = "the engine was cleared by the garbage collector".to_owned();
                        Ok((StoreReply::Failed(checkrein::Error::Internal(gone)), None))
                    }
                }
            }
        }
    }

    pub(crate) fn visit(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self {
            // A lock that is held is held by a thread that works with the engine: it is no garbage then.
            Store::Host { object, .. } => object.try_lock().map_or(Ok(()), |store| visit.call(&*store)),
            Store::Database(_) => Ok(()),
        }
    }

    pub(crate) fn clear(&self) {
        if let Store::Host { object, .. } = self {
            let store = object.lock().unwrap_or_else(PoisonError::into_inner).take();
            // Let go after the lock: it may run Python code.
            drop(store);
        }
    }
}
