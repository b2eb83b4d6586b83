//! Calls of a host's store, and what it replied as the core's reply. The sync and the async driver share both: between
//! them lies nothing, or an `await`.

use checkrein::operation::{Changes, StoreCall, StoreReply};
use checkrein::store::{Change, Page};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyInt, PyList, PyTuple};

use crate::bytes;
use crate::call::{method1, method2};
use crate::convert::{close_awaitable, described, is_awaitable, type_name};
use crate::errors::{self, Failed};

/// What a store was asked for, once the call itself is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Get,
    Put,
    Delete,
    Scan,
    Batch,
}

impl From<&StoreCall<'_>> for Asked {
    fn from(call: &StoreCall<'_>) -> Self {
        match call {
            StoreCall::Get { .. } => Asked::Get,
            StoreCall::Put { .. } => Asked::Put,
            StoreCall::Delete { .. } => Asked::Delete,
            StoreCall::Scan { .. } => Asked::Scan,
            StoreCall::Batch(_) => Asked::Batch,
        }
    }
}

/// Calls the store's method. `key` and `value` are the objects of a call about one key; they are made where there are
/// none.
pub(crate) fn call<'py>(
    store: &Bound<'py, PyAny>,
    call: &StoreCall<'_>,
    key: Option<Bound<'py, PyBytes>>,
    value: Option<Bound<'py, PyBytes>>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = store.py();
    let made =
        |object: Option<Bound<'py, PyBytes>>, bytes: &[u8]| object.unwrap_or_else(|| PyBytes::new(py, bytes));
    match *call {
        StoreCall::Get { key: bytes } => method1(store, pyo3::intern!(py, "get"), &made(key, bytes)),
        StoreCall::Put { key: key_bytes, value: bytes } => {
            method2(store, pyo3::intern!(py, "put"), &made(key, key_bytes), &made(value, bytes))
        }
        StoreCall::Delete { key: bytes } => method1(store, pyo3::intern!(py, "delete"), &made(key, bytes)),
        StoreCall::Scan { prefix, after, limit } => {
            let after = after.map(|after| PyBytes::new(py, after));
            store.call_method1(pyo3::intern!(py, "scan"), (PyBytes::new(py, prefix), after, limit))
        }
        StoreCall::Batch(changes) => store.call_method1(pyo3::intern!(py, "batch"), (to_list(py, changes)?,)),
    }
}

/// A batch as a store gets it: `[("put", key, value), ("delete", key)]`.
fn to_list<'py>(py: Python<'py>, changes: Changes<'_>) -> PyResult<Bound<'py, PyList>> {
    let ops: PyResult<Vec<_>> = changes
        .iter()
        .map(|change| match change {
            Change::Put { key, value } => {
                let (key, value) = (PyBytes::new(py, key), PyBytes::new(py, value));
                (pyo3::intern!(py, "put"), key, value).into_pyobject(py)
            }
            Change::Delete { key } => (pyo3::intern!(py, "delete"), PyBytes::new(py, key)).into_pyobject(py),
        })
        .collect();
    PyList::new(py, ops?)
}

/// What the store replied, or raised. The value of a `get` is handed back too, so that hooks can be shown the very
/// object.
///
/// # Errors
/// What is no ordinary error, such as `KeyboardInterrupt`: it ends the operation.
pub(crate) fn of<'py>(
    py: Python<'py>,
    asked: Asked,
    replied: PyResult<Bound<'py, PyAny>>,
) -> PyResult<(StoreReply, Option<Bound<'py, PyBytes>>)> {
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
    Ok(match asked {
        Asked::Get if reply.is_none() => (StoreReply::Value(None), None),
        Asked::Get => match bytes::of_buffer(&reply) {
            Some(value) => (StoreReply::Value(Some(value.as_bytes().to_vec())), Some(value)),
            None => (nonsense(&reply)?, None),
        },
        Asked::Scan => match page_of(&reply) {
            Some(Ok(page)) => (StoreReply::Page(page), None),
            Some(Err(wrong)) => (StoreReply::Invalid(wrong), None),
            None => (nonsense(&reply)?, None),
        },
        Asked::Put | Asked::Delete | Asked::Batch if acknowledges(asked, &reply) => (StoreReply::Done, None),
        Asked::Put | Asked::Delete | Asked::Batch => (nonsense(&reply)?, None),
    })
}

/// Whether a reply to a write is one: nothing, or as many clients do `True`; to `delete` also whether or how many it
/// removed. Anything else may mean that it was not done.
fn acknowledges(asked: Asked, reply: &Bound<'_, PyAny>) -> bool {
    let is_delete = asked == Asked::Delete;
    reply.is_none()
        || reply.cast::<PyBool>().is_ok_and(|flag| is_delete || flag.is_true())
        || (is_delete && reply.is_instance_of::<PyInt>())
}

/// A page: a list or tuple of pairs of bytes. Only an empty one is the end. Nothing where it is no list.
fn page_of(reply: &Bound<'_, PyAny>) -> Option<Result<Page, String>> {
    let pairs: Result<Vec<_>, String> = if let Ok(list) = reply.cast::<PyList>() {
        list.iter().map(|pair| pair_of(&pair)).collect()
    } else {
        reply.cast::<PyTuple>().ok()?.iter().map(|pair| pair_of(&pair)).collect()
    };
    Some(pairs.map(|pairs| Page { end: pairs.is_empty(), pairs }))
}

fn pair_of(pair: &Bound<'_, PyAny>) -> Result<(Vec<u8>, Vec<u8>), String> {
    let Some([key, value]) = two(pair) else {
        return Err(format!("a page in which {} stands for a pair of key and value", described(pair)));
    };
    let of = |what: &str, object: &Bound<'_, PyAny>| match bytes::of_buffer(object) {
        Some(bytes) => Ok(bytes.as_bytes().to_vec()),
        None => Err(format!("a page with {} as a {what}", described(object))),
    };
    Ok((of("key", &key)?, of("value", &value)?))
}

fn two<'py>(pair: &Bound<'py, PyAny>) -> Option<[Bound<'py, PyAny>; 2]> {
    let (key, value) = if let Ok(pair) = pair.cast::<PyTuple>() {
        (pair.len() == 2).then(|| (pair.get_item(0), pair.get_item(1)))?
    } else {
        let pair = pair.cast::<PyList>().ok()?;
        (pair.len() == 2).then(|| (pair.get_item(0), pair.get_item(1)))?
    };
    Some([key.ok()?, value.ok()?])
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
