//! The context: from the caller's mapping to the core's, and from there to the read-only view that hooks get.

use checkrein::context::{Context, Value};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyDict, PyInt, PyMapping, PyMappingProxy, PyString, PyTuple};

use crate::convert::described;
use crate::{errors, once};

/// How many entries keep their objects; contexts seldom have more.
pub(crate) const KEPT: usize = 4;

/// What the caller said: the core's copy, the objects that it was made from, and the view that hooks get.
pub(crate) struct Said {
    pub(crate) context: Context,
    /// The first entries as they were given, of Python's own types, which nobody can change.
    kept: [Option<(Py<PyString>, Py<PyAny>)>; KEPT],
    /// How many entries were given, and how many of them could be kept.
    given: usize,
    count: usize,
    /// Made when the first hook asks.
    view: PyOnceLock<Py<PyAny>>,
}

impl Default for Said {
    fn default() -> Self {
        Said {
            context: Context::new(),
            kept: Default::default(),
            given: 0,
            count: 0,
            view: PyOnceLock::new(),
        }
    }
}

impl Said {
    /// Copies what the caller said; `None` says nothing.
    ///
    /// # Errors
    /// `UsageError` for what is no mapping, for a name that is no text, and for a value that is neither text, boolean,
    /// integer nor `None`.
    pub(crate) fn of_argument(object: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let mut said = Said::default();
        let Some(object) = object.filter(|object| !object.is_none()) else {
            return Ok(said);
        };
        if let Ok(dict) = object.cast_exact::<PyDict>() {
            for (name, value) in dict {
                said.insert(&name, &value)?;
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
                item.cast_into::<PyTuple>()?.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>()?;
            said.insert(&name, &value)?;
        }
        Ok(said)
    }

    /// What is said where nothing is.
    pub(crate) fn nothing(py: Python<'_>) -> &Said {
        static NOTHING: PyOnceLock<Said> = PyOnceLock::new();
        NOTHING.get_or_init(py, Said::default)
    }

    /// Adds an entry; one with the value `None` says nothing.
    ///
    /// # Errors
    /// As [`Said::of_argument`].
    pub(crate) fn insert(&mut self, name: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = name.py();
        let name = name_of(name)?;
        self.given += 1;
        if !value.is_none() {
            let said = value_of(name, value)?;
            self.context.insert(text(name)?, said).map_err(|error| errors::to_py(py, error))?;
        }
        let exact = name.is_exact_instance_of::<PyString>()
            && (value.is_exact_instance_of::<PyString>()
                || value.is_exact_instance_of::<PyBool>()
                || value.is_exact_instance_of::<PyInt>()
                || value.is_none());
        if exact && let Some(free) = self.kept.get_mut(self.count) {
            *free = Some((name.clone().unbind(), value.clone().unbind()));
            self.count += 1;
        }
        Ok(())
    }

    /// The objects of all entries, where all were kept.
    pub(crate) fn kept(&self) -> Option<impl Iterator<Item = &(Py<PyString>, Py<PyAny>)>> {
        (self.count == self.given).then(|| self.kept.iter().flatten())
    }

    /// The read-only view that hooks get: what a hook sees is what is judged.
    pub(crate) fn view<'py>(&self, py: Python<'py>) -> PyResult<&Bound<'py, PyAny>> {
        let made = once::get_or_make(&self.view, py, || {
            let dict = PyDict::new(py);
            if let Some(kept) = self.kept() {
                for (name, value) in kept.filter(|(_, value)| !value.is_none(py)) {
                    dict.set_item(name, value)?;
                }
                return PyResult::Ok(read_only(&dict).unbind());
            }
            for (name, value) in self.context.iter() {
                match value {
                    Value::Text(text) => dict.set_item(name, text.as_str())?,
                    Value::Bool(flag) => dict.set_item(name, *flag)?,
                    Value::Int(number) => dict.set_item(name, *number)?,
                }
            }
            Ok(read_only(&dict).unbind())
        })?;
        Ok(made.bind(py))
    }
}

/// A name, which is text.
///
/// # Errors
/// `UsageError` for anything else.
pub(crate) fn name_of<'a, 'py>(name: &'a Bound<'py, PyAny>) -> PyResult<&'a Bound<'py, PyString>> {
    name.cast::<PyString>().map_err(|_| {
        errors::usage(name.py(), format!("a name in the context is {}, not a `str`", described(name)))
    })
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
