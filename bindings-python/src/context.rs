//! The context: from the caller's mapping to the core's, and from there to the read-only view that hooks get.

use checkrein::context::{Context, Value};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyDict, PyInt, PyMapping, PyMappingProxy, PyString, PyTuple};

use crate::convert::described;
use crate::errors;

/// How many entries keep their objects for the hooks' view; contexts seldom have more.
pub(crate) const KEPT: usize = 4;

/// Names and values as they were given, all of Python's own types.
pub(crate) type Kept<'py> = [Option<(Bound<'py, PyString>, Bound<'py, PyAny>)>; KEPT];

/// What the caller said: the core's copy, and the objects that it was made from, for the view.
#[derive(Default)]
pub(crate) struct Said<'py> {
    pub(crate) context: Context,
    /// The entries as they were given, where all are of Python's own types, which nobody can change.
    kept: Kept<'py>,
    /// How many entries could be kept.
    count: usize,
}

impl<'py> Said<'py> {
    /// Copies what the caller said; `None` says nothing.
    ///
    /// # Errors
    /// `UsageError` for what is no mapping, for a name that is no text, and for a value that is neither text, boolean,
    /// integer nor `None`.
    pub(crate) fn of_argument(object: Option<&Bound<'py, PyAny>>) -> PyResult<Self> {
        let mut said = Said::default();
        let Some(object) = object.filter(|object| !object.is_none()) else {
            return Ok(said);
        };
        if let Ok(dict) = object.cast_exact::<PyDict>() {
            for (name, value) in dict {
                said.insert(name, value)?;
            }
            return Ok(said);
        }
        let py = object.py();
        let Ok(mapping) = object.cast::<PyMapping>() else {
            let what = described(object);
            return Err(errors::usage(py, format!("the context is {what}, not a mapping: give a `dict`")));
        };
        for item in mapping.items()? {
            let (name, value) =
                item.cast_into::<PyTuple>()?.extract::<(Bound<'py, PyAny>, Bound<'py, PyAny>)>()?;
            said.insert(name, value)?;
        }
        Ok(said)
    }

    fn insert(&mut self, name: Bound<'py, PyAny>, value: Bound<'py, PyAny>) -> PyResult<()> {
        let py = name.py();
        let name = name.cast_into::<PyString>().map_err(|error| {
            errors::usage(
                py,
                format!("a name in the context is {}, not a `str`", described(&error.into_inner())),
            )
        })?;
        if value.is_none() {
            return Ok(());
        }
        let said = value_of(&name, &value)?;
        self.context.insert(text(&name)?, said).map_err(|error| errors::to_py(py, error))?;
        let exact = name.is_exact_instance_of::<PyString>()
            && (value.is_exact_instance_of::<PyString>()
                || value.is_exact_instance_of::<PyBool>()
                || value.is_exact_instance_of::<PyInt>());
        if exact && let Some(free) = self.kept.get_mut(self.count) {
            *free = Some((name, value));
            self.count += 1;
        }
        Ok(())
    }

    /// The objects of all entries, where they were kept and there are any.
    pub(crate) fn kept(&self) -> Option<&Kept<'py>> {
        (self.count == self.context.len() && self.count > 0).then_some(&self.kept)
    }

    /// The read-only view that hooks get: what a hook sees is what is judged.
    pub(crate) fn view(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        static EMPTY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        if self.context.is_empty() {
            let empty = EMPTY.get_or_try_init(py, || Ok::<_, PyErr>(read_only(&PyDict::new(py)).unbind()))?;
            return Ok(empty.bind(py).clone());
        }
        let dict = PyDict::new(py);
        if let Some(kept) = self.kept() {
            for (name, value) in kept.iter().flatten() {
                dict.set_item(name, value)?;
            }
            return Ok(read_only(&dict));
        }
        for (name, value) in self.context.iter() {
            match value {
                Value::Text(text) => dict.set_item(name, text.as_str())?,
                Value::Bool(flag) => dict.set_item(name, *flag)?,
                Value::Int(number) => dict.set_item(name, *number)?,
            }
        }
        Ok(read_only(&dict))
    }
}

fn value_of(name: &Bound<'_, PyString>, value: &Bound<'_, PyAny>) -> PyResult<Value> {
    let wrong = |what: String| {
        let name = name.to_string_lossy();
        Err(errors::usage(value.py(), format!("`{name}` in the context {what}")))
    };
    if let Ok(value) = value.cast::<PyString>() {
        Ok(Value::from(text(value)?))
    } else if let Ok(flag) = value.cast::<PyBool>() {
        Ok(Value::from(flag.is_true()))
    } else if value.is_instance_of::<PyInt>() {
        match value.extract::<i64>() {
            Ok(number) => Ok(Value::from(number)),
            Err(_) => wrong("does not fit in 64 bits: give it as text".to_owned()),
        }
    } else {
        wrong(format!("is {}: a value is text, a boolean, an integer or `None`", described(value)))
    }
}

fn text<'a>(text: &'a Bound<'_, PyString>) -> PyResult<&'a str> {
    text.to_str().map_err(|_| {
        errors::usage(text.py(), "the context holds half a surrogate pair, which is no text".to_owned())
    })
}

fn read_only<'py>(dict: &Bound<'py, PyDict>) -> Bound<'py, PyAny> {
    PyMappingProxy::new(dict.py(), dict.as_mapping()).into_any()
}
