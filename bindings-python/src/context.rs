//! The context: from the caller's mapping to the core's, and from there to the read-only view that hooks get.

use checkrein::context::{Context, Value};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyDict, PyInt, PyMapping, PyMappingProxy, PyString, PyTuple};

use crate::convert::described;
use crate::errors;

/// The core's copy of what the caller said; `None` says nothing.
///
/// # Errors
/// `UsageError` for what is no mapping, for a name that is no text, and for a value that is neither text, boolean,
/// integer nor `None`.
pub(crate) fn of_argument(object: Option<&Bound<'_, PyAny>>) -> PyResult<Context> {
    let mut context = Context::new();
    let Some(object) = object.filter(|object| !object.is_none()) else {
        return Ok(context);
    };
    if let Ok(dict) = object.cast_exact::<PyDict>() {
        for (name, value) in dict {
            insert(&mut context, &name, &value)?;
        }
        return Ok(context);
    }
    let py = object.py();
    let Ok(mapping) = object.cast::<PyMapping>() else {
        let what = described(object);
        return Err(errors::usage(py, format!("the context is {what}, not a mapping: give a `dict`")));
    };
    for item in mapping.items()? {
        let (name, value) = item.cast_into::<PyTuple>()?.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>()?;
        insert(&mut context, &name, &value)?;
    }
    Ok(context)
}

fn insert(context: &mut Context, name: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = name.py();
    let Ok(name) = name.cast::<PyString>() else {
        return Err(errors::usage(py, format!("a name in the context is {}, not a `str`", described(name))));
    };
    let name = text(name)?;
    let value = if value.is_none() {
        return Ok(());
    } else if let Ok(value) = value.cast::<PyString>() {
        Value::from(text(value)?)
    } else if let Ok(flag) = value.cast::<PyBool>() {
        Value::from(flag.is_true())
    } else if value.is_instance_of::<PyInt>() {
        match value.extract::<i64>() {
            Ok(number) => Value::from(number),
            Err(_) => {
                let what = format!("`{name}` in the context does not fit in 64 bits: give it as text");
                return Err(errors::usage(py, what));
            }
        }
    } else {
        let what = format!(
            "`{name}` in the context is {}: a value is text, a boolean, an integer or `None`",
            described(value)
        );
        return Err(errors::usage(py, what));
    };
    context.insert(name, value).map_err(|error| errors::to_py(py, error))
}

fn text<'a>(text: &'a Bound<'_, PyString>) -> PyResult<&'a str> {
    text.to_str().map_err(|_| {
        errors::usage(text.py(), "the context holds half a surrogate pair, which is no text".to_owned())
    })
}

/// The read-only view that hooks get: what a hook sees is what is judged.
///
/// `said` is what the caller gave. Where that is a dict that still says what the core has copied, a copy of it is
/// shown, which is cheaper than to make every text anew; otherwise the view is made from the core's copy.
pub(crate) fn view<'py>(
    py: Python<'py>,
    said: Option<&Bound<'py, PyAny>>,
    context: &Context,
) -> PyResult<Bound<'py, PyAny>> {
    static EMPTY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    if context.is_empty() {
        let empty = EMPTY.get_or_try_init(py, || read_only(&PyDict::new(py)).map(Bound::unbind))?;
        return Ok(empty.bind(py).clone());
    }
    if let Some(said) = said.and_then(|said| said.cast_exact::<PyDict>().ok()) {
        let copy = said.copy()?;
        if says(&copy, context) {
            return read_only(&copy);
        }
    }
    let dict = PyDict::new(py);
    for (name, value) in context.iter() {
        match value {
            Value::Text(text) => dict.set_item(name, text.as_str())?,
            Value::Bool(flag) => dict.set_item(name, *flag)?,
            Value::Int(number) => dict.set_item(name, *number)?,
        }
    }
    read_only(&dict)
}

fn read_only<'py>(dict: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyAny>> {
    Ok(PyMappingProxy::new(dict.py(), dict.as_mapping()).into_any())
}

/// Whether a dict holds these entries and no others, all of Python's own types.
fn says(dict: &Bound<'_, PyDict>, context: &Context) -> bool {
    dict.len() == context.len()
        && dict.iter().all(|(name, value)| {
            let name = name.cast_exact::<PyString>().ok();
            match name.as_ref().and_then(|name| context.get(name.to_str().ok()?)) {
                Some(Value::Text(text)) => value
                    .cast_exact::<PyString>()
                    .is_ok_and(|value| value.to_str().is_ok_and(|value| value == text)),
                Some(Value::Bool(flag)) => {
                    value.cast_exact::<PyBool>().is_ok_and(|value| value.is_true() == *flag)
                }
                Some(Value::Int(number)) => {
                    value.is_exact_instance_of::<PyInt>()
                        && value.extract::<i64>().is_ok_and(|value| value == *number)
                }
                None => false,
            }
        })
}
