//! Calls of hooks and stores, without a tuple for the arguments.
//!
//! The stable interface before 3.12 has no vectorcall but these: a list of arguments that ends with null.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

/// Calls `hook(key, value, context)`.
pub(crate) fn call3<'py>(
    hook: &Bound<'py, PyAny>,
    key: &Bound<'py, PyBytes>,
    value: &Bound<'py, PyAny>,
    context: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: all pointers are of live objects, which the arguments of this function keep alive during the call; the
    // result is a new reference, or null with an exception set, as `from_owned_ptr_or_err` expects.
    unsafe {
        let result = pyo3::ffi::PyObject_CallFunctionObjArgs(
            hook.as_ptr(),
            key.as_ptr(),
            value.as_ptr(),
            context.as_ptr(),
            std::ptr::null_mut::<pyo3::ffi::PyObject>(),
        );
        Bound::from_owned_ptr_or_err(hook.py(), result)
    }
}

/// Calls `object.name(key)`.
pub(crate) fn method1<'py>(
    object: &Bound<'py, PyAny>,
    name: &Bound<'py, PyString>,
    key: &Bound<'py, PyBytes>,
) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: as in `call3`.
    unsafe {
        let result = pyo3::ffi::PyObject_CallMethodObjArgs(
            object.as_ptr(),
            name.as_ptr(),
            key.as_ptr(),
            std::ptr::null_mut::<pyo3::ffi::PyObject>(),
        );
        Bound::from_owned_ptr_or_err(object.py(), result)
    }
}

/// Calls `object.name(key, value)`.
pub(crate) fn method2<'py>(
    object: &Bound<'py, PyAny>,
    name: &Bound<'py, PyString>,
    key: &Bound<'py, PyBytes>,
    value: &Bound<'py, PyBytes>,
) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: as in `call3`.
    unsafe {
        let result = pyo3::ffi::PyObject_CallMethodObjArgs(
            object.as_ptr(),
            name.as_ptr(),
            key.as_ptr(),
            value.as_ptr(),
            std::ptr::null_mut::<pyo3::ffi::PyObject>(),
        );
        Bound::from_owned_ptr_or_err(object.py(), result)
    }
}
