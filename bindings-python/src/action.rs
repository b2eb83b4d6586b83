//! `PolicyAction`: what a hook answers.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

use checkrein::hook::Answer;

use crate::guard::guarded;
use crate::{bytes, convert};

/// The kinds of action, as they are compared and shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Allow,
    Deny,
    Log,
    Modify,
}

impl Kind {
    const fn upper(self) -> &'static str {
        match self {
            Kind::Allow => "ALLOW",
            Kind::Deny => "DENY",
            Kind::Log => "LOG",
            Kind::Modify => "MODIFY",
        }
    }

    const fn lower(self) -> &'static str {
        match self {
            Kind::Allow => "allow",
            Kind::Deny => "deny",
            Kind::Log => "log",
            Kind::Modify => "modify",
        }
    }
}

/// A hook's answer: `PolicyAction.ALLOW`, `DENY` or `LOG`, `PolicyAction.deny("why")` or `PolicyAction.modify(b"…")`.
///
/// `PolicyAction.MODIFY` alone is the name of the kind; as an answer it is an error, because it has no value.
#[pyclass(name = "PolicyAction", module = "checkrein", frozen)]
pub(crate) struct PyPolicyAction {
    kind: Kind,
    reason: Option<String>,
    value: Option<Py<PyBytes>>,
}

impl PyPolicyAction {
    const fn plain(kind: Kind) -> Self {
        PyPolicyAction { kind, reason: None, value: None }
    }

    pub(crate) fn is_allow(&self) -> bool {
        self.kind == Kind::Allow
    }

    /// The core's answer for it.
    pub(crate) fn answer(&self, py: Python<'_>) -> Answer {
        match (self.kind, &self.value) {
            (Kind::Allow, _) => Answer::Allow,
            (Kind::Log, _) => Answer::Log,
            (Kind::Deny, _) => Answer::Deny(self.reason.clone()),
            (Kind::Modify, Some(value)) => Answer::Modify(value.bind(py).as_bytes().to_vec()),
            (Kind::Modify, None) => Answer::Invalid("`MODIFY` without a value".to_owned()),
        }
    }

    /// An answer of the core's as an action.
    pub(crate) fn of(py: Python<'_>, answer: Answer) -> Self {
        match answer {
            Answer::Deny(reason) => PyPolicyAction { reason, ..Self::plain(Kind::Deny) },
            Answer::Modify(value) => {
                PyPolicyAction { value: Some(PyBytes::new(py, &value).unbind()), ..Self::plain(Kind::Modify) }
            }
            Answer::Log => Self::plain(Kind::Log),
            _ => Self::plain(Kind::Allow),
        }
    }

    fn same(&self, py: Python<'_>, other: &Self) -> bool {
        let bytes = |action: &Self| action.value.as_ref().map(|value| value.bind(py).as_bytes().to_vec());
        self.kind == other.kind && self.reason == other.reason && bytes(self) == bytes(other)
    }
}

#[pymethods]
impl PyPolicyAction {
    /// Go on.
    #[classattr]
    const ALLOW: PyPolicyAction = PyPolicyAction::plain(Kind::Allow);
    /// Refuse; after a read, hide the value.
    #[classattr]
    const DENY: PyPolicyAction = PyPolicyAction::plain(Kind::Deny);
    /// Go on, and flag the audit entry.
    #[classattr]
    const LOG: PyPolicyAction = PyPolicyAction::plain(Kind::Log);
    /// The name of the kind; an answer needs a value: `PolicyAction.modify(b"…")`.
    #[classattr]
    const MODIFY: PyPolicyAction = PyPolicyAction::plain(Kind::Modify);

    /// Refuse with a reason, which the error and the audit show.
    #[staticmethod]
    fn deny(py: Python<'_>, reason: &Bound<'_, PyAny>) -> PyResult<Self> {
        guarded(py, || {
            let reason = Some(convert::text("reason", reason)?);
            Ok(PyPolicyAction { reason, ..Self::plain(Kind::Deny) })
        })
    }

    /// Go on with this value in the place of the one the hook saw.
    #[staticmethod]
    fn modify(py: Python<'_>, value: &Bound<'_, PyAny>) -> PyResult<Self> {
        guarded(py, || {
            let value = Some(bytes::of_argument("value", value)?.unbind());
            Ok(PyPolicyAction { value, ..Self::plain(Kind::Modify) })
        })
    }

    /// `"allow"`, `"deny"`, `"log"` or `"modify"`.
    #[getter]
    fn kind(&self) -> &'static str {
        self.kind.lower()
    }

    /// The reason that `deny` was given, or `None`.
    #[getter]
    fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// The value that `modify` was given, or `None`.
    #[getter]
    fn value(&self, py: Python<'_>) -> Option<Py<PyBytes>> {
        self.value.as_ref().map(|value| value.clone_ref(py))
    }

    fn __eq__(&self, py: Python<'_>, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        match other.cast_exact::<PyPolicyAction>() {
            Ok(other) => Ok(self.same(py, other.get()).into_pyobject(py)?.to_owned().into_any().unbind()),
            Err(_) => Ok(py.NotImplemented()),
        }
    }

    fn __hash__(&self, py: Python<'_>) -> PyResult<isize> {
        let value = self.value(py);
        (self.kind.lower(), self.reason.as_deref(), value).into_pyobject(py)?.hash()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(match (&self.reason, &self.value) {
            (Some(reason), _) => {
                format!("PolicyAction.deny({})", reason.into_pyobject(py)?.repr()?.to_string_lossy())
            }
            // A value is a user's secret, often enough: it is not shown.
            (_, Some(value)) => format!("PolicyAction.modify(<{} bytes>)", value.bind(py).as_bytes().len()),
            _ => format!("PolicyAction.{}", self.kind.upper()),
        })
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyTuple>> {
        let (py, this, class) = (slf.py(), slf.get(), slf.get_type());
        let (call, args) = match (&this.reason, &this.value) {
            (Some(reason), _) => (class.getattr("deny")?, (reason,).into_pyobject(py)?),
            (_, Some(value)) => (class.getattr("modify")?, (value.bind(py),).into_pyobject(py)?),
            _ => (py.import("builtins")?.getattr("getattr")?, (class, this.kind.upper()).into_pyobject(py)?),
        };
        (call, args).into_pyobject(py)
    }
}
