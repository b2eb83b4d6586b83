//! The error family: the core's errors as Python's exceptions, and back.
//!
//! The classes are Python's own (`checkrein.errors`); an exception of ours that came out of a hook or store is kept
//! as the very object, and raised again as that.

use std::time::Duration;

use checkrein::error::{
    Cause, HostError, PatternError, RateLimitExceeded, StoreError, UsageError, ViolationKind,
};
use checkrein::operation::Kind;
use checkrein::{Class, Code, Error, PolicyViolation};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyTuple, PyType};

use crate::{convert, once};

/// An exception inside one of the core's errors.
struct Raised(PyErr);

/// The classes, in the order of [`place`].
struct Classes([Py<PyType>; 7]);

const NAMES: [Class; 7] = [
    Class::Violation,
    Class::RateLimit,
    Class::Pattern,
    Class::Config,
    Class::Store,
    Class::Usage,
    Class::Internal,
];

fn class(py: Python<'_>, wanted: Class) -> PyResult<&Bound<'_, PyType>> {
    static CLASSES: PyOnceLock<Classes> = PyOnceLock::new();
    let Classes(classes) = once::get_or_make(&CLASSES, py, || {
        let module = py.import("checkrein.errors")?;
        let class = |class: Class| -> PyResult<Py<PyType>> {
            Ok(module.getattr(class.as_str())?.cast_into::<PyType>()?.unbind())
        };
        let [a, b, c, d, e, f, g] = NAMES;
        PyResult::Ok(Classes([class(a)?, class(b)?, class(c)?, class(d)?, class(e)?, class(f)?, class(g)?]))
    })?;
    let [violation, limit, pattern, config, store, usage, internal] = classes;
    Ok(match wanted {
        Class::Violation => violation,
        Class::RateLimit => limit,
        Class::Pattern => pattern,
        Class::Config => config,
        Class::Store => store,
        Class::Usage => usage,
        _ => internal,
    }
    .bind(py))
}

/// A `UsageError`.
pub(crate) fn usage(py: Python<'_>, message: String) -> PyErr {
    to_py(py, Error::usage(message))
}

/// A `ConfigError`.
pub(crate) fn config(py: Python<'_>, message: String) -> PyErr {
    to_py(py, Error::config(message))
}

/// An error of the core as an exception to raise.
pub(crate) fn to_py(py: Python<'_>, error: Error) -> PyErr {
    if let Error::Host(host) = &error
        && let Some(raised) = raised_of(&host.object)
    {
        return raised.clone_ref(py);
    }
    // What goes wrong while an exception is made is an exception too.
    make(py, &error).unwrap_or_else(|failed| failed)
}

fn make(py: Python<'_>, error: &Error) -> PyResult<PyErr> {
    let class = class(py, error.code().class())?;
    let fields = PyDict::new(py);
    fields.set_item("code", error.code().as_str())?;
    let message = error.to_string();
    let first = match error {
        Error::Violation(violation) => {
            fill_violation(&fields, violation)?;
            fields.set_item("message", message)?;
            violation.reason.clone()
        }
        Error::Store(store) => {
            fields.set_item("applied", store.applied)?;
            message
        }
        Error::Pattern(pattern) => {
            fields.set_item("pattern", &pattern.pattern)?;
            fields.set_item("position", pattern.position)?;
            message
        }
        _ => message,
    };
    let raised = PyErr::from_value(class.call((first,), Some(&fields))?);
    if let Some(cause) = error.cause() {
        raised.set_cause(py, raised_cause(py, cause));
    }
    Ok(raised)
}

fn fill_violation(fields: &Bound<'_, PyDict>, violation: &PolicyViolation) -> PyResult<()> {
    fields.set_item("rule", violation.rule.as_deref())?;
    fields.set_item("operation", violation.operation.map(Kind::as_str))?;
    fields.set_item("key", violation.key.as_deref().map(|key| PyBytes::new(fields.py(), key)))?;
    fields.set_item("applied", violation.applied)?;
    if let ViolationKind::RateLimited(limit) = &violation.kind {
        let ns = u64::try_from(limit.retry_after.as_nanos()).unwrap_or(u64::MAX);
        fields.set_item("retry_after_ns", ns)?;
        fields.set_item("retry_after", seconds_never_early(ns))?;
        fields.set_item("limit", &limit.limit)?;
        fields.set_item("scope", &limit.scope)?;
    }
    Ok(())
}

/// The smallest float that is no less than so many nanoseconds, in seconds.
pub(crate) fn seconds_never_early(ns: u64) -> f64 {
    let mut seconds = ns as f64 / 1e9;
    // The division is right to one unit in the last place: one or two steps at most.
    while !is_at_least(seconds, ns) {
        seconds = seconds.next_up();
    }
    seconds
}

/// Whether a float of seconds is at least so many nanoseconds, without rounding: its bits are `m * 2^-shift`.
fn is_at_least(seconds: f64, ns: u64) -> bool {
    if ns == 0 {
        return true;
    }
    let bits = seconds.to_bits();
    let mantissa = u128::from(bits & ((1 << 52) - 1) | 1 << 52);
    let shift = 1075 - ((bits >> 52) & 0x7ff);
    // No nanosecond is below 2^-30 s, so the shift is at most 82; both sides are nearly equal, so neither passes 2^84.
    mantissa * 1_000_000_000 >= u128::from(ns) << shift.min(82)
}

/// What an exception is to the core: one of ours as itself, any other as a cause.
pub(crate) enum Failed {
    Own(Error),
    Foreign(Cause),
}

/// Sorts an exception that host code raised.
///
/// # Errors
/// The exception itself where it is no `Exception` (`KeyboardInterrupt`, `CancelledError`): it ends the operation.
pub(crate) fn sort(py: Python<'_>, raised: PyErr) -> PyResult<Failed> {
    if !raised.is_instance_of::<pyo3::exceptions::PyException>(py) {
        return Err(raised);
    }
    let type_name = convert::type_name(raised.value(py));
    let own = own_error(py, &raised);
    let object = Cause::host(type_name, std::sync::Arc::new(Raised(raised)));
    Ok(match own {
        Some(error) => Failed::Own(Error::Host(Box::new(HostError { error, object }))),
        None => Failed::Foreign(object),
    })
}

/// What made an error, as an exception: the host's own, or one of ours that the core knows as a cause.
fn raised_cause(py: Python<'_>, cause: &Cause) -> Option<PyErr> {
    if let Some(raised) = raised_of(cause) {
        return Some(raised.clone_ref(py));
    }
    let ours = cause.as_error()?.downcast_ref::<Error>()?;
    Some(to_py(py, ours.clone()))
}

fn raised_of(cause: &Cause) -> Option<&PyErr> {
    Some(&cause.as_host()?.downcast_ref::<Raised>()?.0)
}

/// The core's error for an exception of our family, for the audit and for who looks at the code.
fn own_error(py: Python<'_>, raised: &PyErr) -> Option<Error> {
    let is = |wanted| class(py, wanted).is_ok_and(|class| raised.is_instance(py, class));
    if !is(Class::Internal) {
        return None;
    }
    let value = raised.value(py);
    let message =
        value.str().map_or_else(|_| convert::type_name(value), |text| text.to_string_lossy().into_owned());
    let text = |name: &str| value.getattr(name).ok()?.extract::<String>().ok();
    let code = |class: Class, default: Code| {
        let word = text("code").unwrap_or_default();
        let known = Code::ALL.iter().copied().find(|code| code.as_str() == word && code.class() == class);
        known.unwrap_or(default)
    };
    let violation = |kind| PolicyViolation {
        reason: text("reason").unwrap_or_else(|| message.clone()),
        rule: text("rule"),
        kind,
        ..PolicyViolation::default()
    };
    Some(if is(Class::RateLimit) {
        let ns = value.getattr("retry_after_ns").ok().and_then(|ns| ns.extract().ok()).unwrap_or_default();
        violation(ViolationKind::RateLimited(RateLimitExceeded {
            limit: text("limit").unwrap_or_default(),
            scope: text("scope").unwrap_or_default(),
            retry_after: Duration::from_nanos(ns),
        }))
        .into()
    } else if is(Class::Violation) {
        violation(match code(Class::Violation, Code::Denied) {
            Code::HookFailed => ViolationKind::HookFailed,
            Code::Abandoned => ViolationKind::Abandoned,
            Code::AuditFailed => ViolationKind::AuditFailed,
            _ => ViolationKind::Denied,
        })
        .into()
    } else if is(Class::Pattern) {
        PatternError { pattern: text("pattern").unwrap_or_default(), position: 0, message }.into()
    } else if is(Class::Config) {
        Error::Config(message)
    } else if is(Class::Store) {
        let applied = value.getattr("applied").ok().and_then(|applied| applied.extract().ok());
        StoreError { message, code: code(Class::Store, Code::Store), applied, cause: None }.into()
    } else if is(Class::Usage) {
        Error::Usage(UsageError { message, code: code(Class::Usage, Code::Usage) })
    } else {
        Error::Internal(message)
    })
}

/// Every code of the core: its word, its number and the class that is raised for it.
#[pyfunction]
#[pyo3(name = "_codes")]
pub(crate) fn codes(py: Python<'_>) -> PyResult<Bound<'_, PyTuple>> {
    let rows = Code::ALL.iter().map(|code| (code.as_str(), code.number(), code.class().as_str()));
    PyTuple::new(py, rows.collect::<Vec<_>>())
}
