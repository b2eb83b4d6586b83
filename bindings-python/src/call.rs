//! The call of a hook, without a tuple for its arguments.

use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// Calls `hook(key, value, context)`.
pub(crate) fn call3<'py>(
    hook: &Bound<'py, PyAny>,
    key: &Bound<'py, PyBytes>,
    value: &Bound<'py, PyAny>,
    context: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    // The stable interface before 3.12 has no vectorcall but this one: a list of arguments that ends with null.
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
