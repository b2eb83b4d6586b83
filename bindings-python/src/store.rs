//! What stands behind an engine: the embedded database, an object of the host with `put`, `get` and `delete`, or a
//! well-known client of the host, through its adapter.

use std::sync::{Mutex, PoisonError};

use checkrein::Database;
use checkrein::operation::{StoreCall, StoreReply};
use pyo3::PyTraverseError;
use pyo3::prelude::*;
use pyo3::pyclass::PyVisit;
use pyo3::types::{PyBool, PyBytes, PyInt, PyType};

use crate::adapters;
use crate::bytes;
use crate::call::{method1, method2};
use crate::convert::{close_awaitable, described, is_awaitable, type_name};
use crate::database::PyDatabase;
use crate::errors::{self, Failed};

/// The store behind an engine.
pub(crate) enum Store {
    /// The embedded one: its steps need nothing of Python.
    Database(Database),
    /// The host's. Empty once the garbage collector has cleared the engine. The lock is held to take another
    /// reference, and never while Python code runs.
    Host(Mutex<Option<Py<PyAny>>>),
}

const METHODS: [&str; 3] = ["put", "get", "delete"];

impl Store {
    /// The store that an engine was given.
    ///
    /// # Errors
    /// `ConfigError` for an object that lacks a method, for a class in the place of an instance, and for a client that
    /// the adapters refuse.
    pub(crate) fn of_argument(object: &Bound<'_, PyAny>) -> PyResult<Self> {
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
        let object = &adapters::for_sync_engine(object)?;
        let lacks = |method: &&str| !object.getattr(*method).is_ok_and(|method| method.is_callable());
        let missing: Vec<_> = METHODS.into_iter().filter(lacks).map(|method| format!("`{method}`")).collect();
        if missing.is_empty() {
            return Ok(Store::Host(Mutex::new(Some(object.clone().unbind()))));
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
            Store::Host(_) => None,
        }
    }

    /// Performs a store step; a wait for the disk with the interpreter let go. What a `get` of the host gave is
    /// handed back too, so that hooks can be shown the very object.
    ///
    /// # Errors
    /// What is no ordinary error, such as `KeyboardInterrupt`: it ends the operation.
    pub(crate) fn perform<'py>(
        &self,
        py: Python<'py>,
        call: &StoreCall<'_>,
        key: &Bound<'py, PyBytes>,
        value: Option<Bound<'py, PyBytes>>,
    ) -> PyResult<(StoreReply, Option<Bound<'py, PyBytes>>)> {
        match self {
            Store::Database(database) if database.blocks() => {
                Ok((py.detach(|| checkrein::policy::perform(database, call)), None))
            }
            Store::Database(database) => Ok((checkrein::policy::perform(database, call), None)),
            Store::Host(store) => {
                let store =
                    store.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|it| it.clone_ref(py));
                match store {
                    Some(store) => ask(store.bind(py), call, key, value),
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
            Store::Host(store) => store.try_lock().map_or(Ok(()), |store| visit.call(&*store)),
            Store::Database(_) => Ok(()),
        }
    }

    pub(crate) fn clear(&self) {
        if let Store::Host(store) = self {
            let store = store.lock().unwrap_or_else(PoisonError::into_inner).take();
            // Let go after the lock: it may run Python code.
            drop(store);
        }
    }
}

fn ask<'py>(
    store: &Bound<'py, PyAny>,
    call: &StoreCall<'_>,
    key: &Bound<'py, PyBytes>,
    value: Option<Bound<'py, PyBytes>>,
) -> PyResult<(StoreReply, Option<Bound<'py, PyBytes>>)> {
    let py = store.py();
    let replied = match call {
        StoreCall::Get { .. } => method1(store, pyo3::intern!(py, "get"), key),
        StoreCall::Put { value: bytes, .. } => {
            let value = value.unwrap_or_else(|| PyBytes::new(py, bytes));
            method2(store, pyo3::intern!(py, "put"), key, &value)
        }
        StoreCall::Delete { .. } => method1(store, pyo3::intern!(py, "delete"), key),
    };
    let reply = match replied {
        Ok(reply) => reply,
        Err(raised) => {
            let failed = match errors::sort(py, raised)? {
                Failed::Own(error) => StoreReply::Failed(error),
                Failed::Foreign(cause) => StoreReply::Raised(cause),
            };
            return Ok((failed, None));
        }
    };
    Ok(match call {
        StoreCall::Get { .. } if reply.is_none() => (StoreReply::Value(None), None),
        StoreCall::Get { .. } => match bytes::of_buffer(&reply) {
            Some(value) => (StoreReply::Value(Some(value.as_bytes().to_vec())), Some(value)),
            None => (nonsense(&reply)?, None),
        },
        _ if acknowledges(call, &reply) => (StoreReply::Done, None),
        _ => (nonsense(&reply)?, None),
    })
}

/// Whether a reply to `put` or `delete` is one: nothing, or as many clients do `True`; to `delete` also whether or how
/// many it removed. Anything else may mean that it was not done.
fn acknowledges(call: &StoreCall<'_>, reply: &Bound<'_, PyAny>) -> bool {
    let is_delete = matches!(call, StoreCall::Delete { .. });
    reply.is_none()
        || reply.cast::<PyBool>().is_ok_and(|flag| is_delete || flag.is_true())
        || (is_delete && reply.is_instance_of::<PyInt>())
}

/// What is no reply, described.
#[cold]
fn nonsense(reply: &Bound<'_, PyAny>) -> PyResult<StoreReply> {
    if is_awaitable(reply) {
        close_awaitable(reply)?;
        return Ok(StoreReply::Invalid(format!("an awaitable (`{}`)", type_name(reply))));
    }
    Ok(StoreReply::Invalid(match reply.cast::<PyBool>() {
        Ok(flag) if !flag.is_true() => "`False`".to_owned(),
        _ => described(reply),
    }))
}
