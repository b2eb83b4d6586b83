//! Several keys at once: the operations of a batch, the keys of a `get_many`.

use std::borrow::Cow;

use checkrein::operation::{Kind, MAX_MANY};
use checkrein::store::Change;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString, PyTuple};

use crate::convert::described;
use crate::seen::{Seen, lend};
use crate::{bytes, errors};

/// One operation of a batch as it was given.
pub(crate) struct Op<'py> {
    pub(crate) kind: Kind,
    pub(crate) key: Bound<'py, PyBytes>,
    pub(crate) value: Option<Bound<'py, PyBytes>>,
}

/// A change as the core takes it.
pub(crate) type Changing<'a> = (Kind, Cow<'a, [u8]>, Option<Cow<'a, [u8]>>);

impl<'py> Op<'py> {
    pub(crate) fn changing(&self) -> Changing<'_> {
        let value = self.value.as_ref().map(|value| Cow::Borrowed(value.as_bytes()));
        (self.kind, Cow::Borrowed(self.key.as_bytes()), value)
    }

    pub(crate) fn change(&self) -> Change<'_> {
        let key = self.key.as_bytes();
        match (self.kind, &self.value) {
            (Kind::Write, Some(value)) => Change::Put { key, value: value.as_bytes() },
            _ => Change::Delete { key },
        }
    }

    fn seen(&self) -> Seen<'_> {
        Seen::lent(lend(&self.key), self.value.as_ref().map(lend))
    }
}

/// The objects of many keys: of the first, and of the rest.
pub(crate) fn seen<'a>(ops: &'a [Op<'_>]) -> (Seen<'a>, Vec<Seen<'a>>) {
    split(ops.iter().map(Op::seen))
}

/// The same for the keys of a `get_many`.
pub(crate) fn seen_keys<'a>(keys: &'a [Bound<'_, PyBytes>]) -> (Seen<'a>, Vec<Seen<'a>>) {
    split(keys.iter().map(|key| Seen::lent(lend(key), None)))
}

fn split<'a>(mut all: impl Iterator<Item = Seen<'a>>) -> (Seen<'a>, Vec<Seen<'a>>) {
    (all.next().unwrap_or_default(), all.collect())
}

/// All operations of an unguarded batch, however many.
///
/// # Errors
/// `UsageError` for what is no list of operations.
pub(crate) fn all_ops_of<'py>(given: &Bound<'py, PyAny>) -> PyResult<Vec<Op<'py>>> {
    let (ops, read) = read_ops(given, usize::MAX);
    read.map(|()| ops)
}

/// The operations of a batch, up to the first that cannot be: that one and why beside those before it, so that the
/// audit can be told of all that were named.
pub(crate) fn ops_of<'py>(given: &Bound<'py, PyAny>) -> (Vec<Op<'py>>, PyResult<()>) {
    // The core says how many are too many.
    read_ops(given, MAX_MANY + 1)
}

fn read_ops<'py>(given: &Bound<'py, PyAny>, most: usize) -> (Vec<Op<'py>>, PyResult<()>) {
    let mut ops = Vec::new();
    let read = items(given, "the batch", "a list of operations").and_then(|items| {
        for (place, item) in items.enumerate() {
            let (op, wrong) = op_of(place, &item?);
            ops.extend(op);
            wrong?;
            if ops.len() >= most {
                break;
            }
        }
        Ok(())
    });
    (ops, read)
}

/// The keys of a `get_many`.
///
/// # Errors
/// `UsageError` for what is no list of keys.
pub(crate) fn keys_of<'py>(given: &Bound<'py, PyAny>) -> PyResult<Vec<Bound<'py, PyBytes>>> {
    let items = items(given, "the keys", "a list of keys")?;
    items.take(MAX_MANY + 1).map(|item| bytes::of_argument("key", &item?)).collect()
}

/// Goes through any iterable, but not through texts, bytes and mappings, which are mistakes.
fn items<'py>(
    given: &Bound<'py, PyAny>,
    what: &str,
    give: &str,
) -> PyResult<impl Iterator<Item = PyResult<Bound<'py, PyAny>>> + use<'py>> {
    let mistaken = given.is_instance_of::<PyString>()
        || given.is_instance_of::<PyBytes>()
        || given.cast::<pyo3::types::PyMapping>().is_ok();
    match given.try_iter() {
        Ok(items) if !mistaken => Ok(items),
        _ => {
            let have = described(given);
            let verb = if what.ends_with('s') { "are" } else { "is" };
            Err(errors::usage(given.py(), format!("{what} {verb} {have}: give {give}")))
        }
    }
}

/// One operation; where only its value cannot be, it comes without beside the reason.
fn op_of<'py>(place: usize, item: &Bound<'py, PyAny>) -> (Option<Op<'py>>, PyResult<()>) {
    let py = item.py();
    let wrong = |what: &str| {
        let message = format!(
            "operation {} of the batch is {what}: give `(\"put\", key, value)` or `(\"delete\", key)`",
            place + 1
        );
        (None, Err(errors::usage(py, message)))
    };
    let parts: Vec<Bound<'py, PyAny>> = if let Ok(tuple) = item.cast::<PyTuple>() {
        tuple.iter().collect()
    } else if let Ok(list) = item.cast::<PyList>() {
        list.iter().collect()
    } else {
        return wrong(&described(item));
    };
    let word = parts.first().and_then(|word| word.cast::<PyString>().ok()?.to_str().ok());
    let (kind, key, value) = match (word, parts.as_slice()) {
        (Some("put"), [_, key, value]) => (Kind::Write, key, Some(value)),
        (Some("delete"), [_, key]) => (Kind::Delete, key, None),
        (Some("put"), parts) => return wrong(&format!("a put with {} parts", parts.len())),
        (Some("delete"), parts) => return wrong(&format!("a delete with {} parts", parts.len())),
        (Some(_), _) => return wrong("neither a put nor a delete"),
        (None, _) => return wrong("without a word for what to do"),
    };
    let key = match bytes::of_argument("key", key) {
        Ok(key) => key,
        Err(raised) => return (None, Err(raised)),
    };
    match value.map(|value| bytes::of_argument("value", value)).transpose() {
        Ok(value) => (Some(Op { kind, key, value }), Ok(())),
        Err(raised) => (Some(Op { kind, key, value: None }), Err(raised)),
    }
}
