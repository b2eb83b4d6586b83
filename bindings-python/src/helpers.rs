//! The ready-made hooks: recognised when they are registered, and then decided in the core; called by hand, in a
//! user's test, they answer the same.

use checkrein::hook::{Action, Helper};
use pyo3::PyTraverseError;
use pyo3::prelude::*;
use pyo3::pyclass::PyVisit;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyBytes;

use crate::action::PyPolicyAction;
use crate::context::Said;
use crate::guard::guarded;
use crate::hook::Callable;
use crate::{bytes, errors, once};

/// What `redact_value` gives: a hook that puts its bytes in the place of the value.
#[pyclass(module = "checkrein.policy", frozen)]
pub(crate) struct RedactValue(Vec<u8>);

#[pymethods]
impl RedactValue {
    #[new]
    fn new(py: Python<'_>, replacement: &Bound<'_, PyAny>) -> PyResult<Self> {
        guarded(py, || Ok(RedactValue(bytes::of_argument("replacement", replacement)?.as_bytes().to_vec())))
    }

    #[pyo3(signature = (key, value, context))]
    fn __call__(
        &self,
        py: Python<'_>,
        key: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
        context: &Bound<'_, PyAny>,
    ) -> PyResult<PyPolicyAction> {
        let _ = (key, value);
        guarded(py, || answer(&Helper::RedactValue(self.0.clone()), context))
    }

    /// The bytes that it puts in the place of values.
    #[getter]
    fn replacement<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0)
    }

    fn __repr__(&self) -> String {
        format!("redact_value(<{} bytes>)", self.0.len())
    }
}

/// What `log_and_allow` gives: a hook that tells a callable and lets the operation pass, flagged in the audit.
#[pyclass(module = "checkrein.policy", frozen)]
pub(crate) struct LogAndAllow(Py<PyAny>);

#[pymethods]
impl LogAndAllow {
    #[new]
    fn new(py: Python<'_>, tell: Bound<'_, PyAny>) -> PyResult<Self> {
        guarded(py, || match tell.is_callable() {
            true => Ok(LogAndAllow(tell.unbind())),
            false => Err(errors::config(
                py,
                format!(
                    "the logger is {}: give a `logging.Logger` or a function",
                    crate::convert::described(&tell)
                ),
            )),
        })
    }

    #[pyo3(signature = (key, value, context))]
    fn __call__<'py>(
        &self,
        py: Python<'py>,
        key: &Bound<'py, PyAny>,
        value: &Bound<'py, PyAny>,
        context: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let _ = value;
        guarded(py, || {
            let note = note_of(key, context)?;
            self.0.bind(py).call1((note,))?;
            py.get_type::<PyPolicyAction>().getattr("LOG")
        })
    }

    fn __repr__(&self) -> String {
        "log_and_allow(…)".to_owned()
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.0)
    }
}

/// What `log_and_allow` tells when it is called by hand: like the engine's sentence, without the trigger.
#[pyfunction]
#[pyo3(name = "_note_of")]
pub(crate) fn note_of(key: &Bound<'_, PyAny>, context: &Bound<'_, PyAny>) -> PyResult<String> {
    let key = bytes::of_argument("key", key)?;
    let key = checkrein::text::shown_key(key.as_bytes());
    Ok(match Said::of_argument(Some(context))?.context.agent_id() {
        Some(agent) => format!("`{key}` by agent `{agent}`"),
        None => format!("`{key}`"),
    })
}

/// The answer of `deny_all`, `allow_all` or `require_agent_id`, called by hand.
#[pyfunction]
#[pyo3(name = "_answer_of")]
pub(crate) fn answer_of(
    py: Python<'_>,
    helper: &str,
    context: &Bound<'_, PyAny>,
) -> PyResult<PyPolicyAction> {
    guarded(py, || {
        let helper = [Helper::DenyAll, Helper::AllowAll, Helper::RequireAgentId]
            .into_iter()
            .find(|known| known.as_str() == helper)
            .ok_or_else(|| errors::usage(py, format!("`{helper}` is no helper")))?;
        answer(&helper, context)
    })
}

fn answer(helper: &Helper, context: &Bound<'_, PyAny>) -> PyResult<PyPolicyAction> {
    let py = context.py();
    let context = Said::of_argument(Some(context))?.context;
    Ok(PyPolicyAction::of(py, helper.answer(&context)))
}

/// What the core is to do for a hook: a helper as what it is, anything else as a call.
///
/// # Errors
/// `ConfigError` for what cannot be called.
pub(crate) fn action_of(hook: &Bound<'_, PyAny>) -> PyResult<Action> {
    let py = hook.py();
    if let Some(helper) = recognise(hook)? {
        return Ok(Action::Helper(helper));
    }
    if let Ok(log) = hook.cast_exact::<LogAndAllow>() {
        return Ok(Action::Log(Callable::stored(log.get().0.clone_ref(py))));
    }
    if !hook.is_callable() {
        let what = crate::convert::described(hook);
        return Err(errors::config(py, format!("the hook is {what}, which cannot be called")));
    }
    Ok(Action::Host(Callable::stored(hook.clone().unbind())))
}

/// The helper that an object is, if it is one that the core decides.
pub(crate) fn recognise(hook: &Bound<'_, PyAny>) -> PyResult<Option<Helper>> {
    static KNOWN: PyOnceLock<[(Helper, Py<PyAny>); 3]> = PyOnceLock::new();
    let py = hook.py();
    let known = once::get_or_make(&KNOWN, py, || {
        let module = py.import("checkrein.policy")?;
        let named = |helper: Helper| -> PyResult<_> {
            let function = module.getattr(helper.as_str())?.unbind();
            Ok((helper, function))
        };
        PyResult::Ok([named(Helper::DenyAll)?, named(Helper::AllowAll)?, named(Helper::RequireAgentId)?])
    })?;
    if let Ok(redact) = hook.cast_exact::<RedactValue>() {
        return Ok(Some(Helper::RedactValue(redact.get().0.clone())));
    }
    Ok(known.iter().find(|(_, function)| hook.is(function)).map(|(helper, _)| helper.clone()))
}

/// Whether a stored callable came from this object: the object itself, or what its `log_and_allow` tells.
pub(crate) fn is_registered_as(hook: &Bound<'_, PyAny>, stored: &Bound<'_, PyAny>) -> bool {
    match hook.cast_exact::<LogAndAllow>() {
        Ok(log) => log.get().0.is(stored),
        Err(_) => hook.is(stored),
    }
}
