//! What a hook returned, as the core's answer.

use checkrein::hook::{Answer, Failure};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::action::PyPolicyAction;
use crate::bytes;
use crate::convert::{close_awaitable, described, is_awaitable};
use crate::errors::{self, Failed};

/// Whether a hook lets the operation go on as it is: the usual answers, told without making an [`Answer`], which is
/// large. `shown` is the value that the hook was given.
pub(crate) fn passes(returned: &PyResult<Bound<'_, PyAny>>, shown: &Bound<'_, PyAny>) -> bool {
    let Ok(answer) = returned else { return false };
    answer.is_none()
        || answer.cast_exact::<PyPolicyAction>().is_ok_and(|action| action.get().is_allow())
        // The core takes an equal value for `Allow`: this saves it a copy and a look.
        || answer.is(shown)
}

/// The answer that a hook gave.
///
/// # Errors
/// What is no ordinary error, such as `KeyboardInterrupt`: it ends the operation.
pub(crate) fn of<'py>(py: Python<'py>, returned: PyResult<Bound<'py, PyAny>>) -> PyResult<Answer> {
    let answer = match returned {
        Ok(answer) => answer,
        Err(raised) => {
            return Ok(Answer::Failed(match errors::sort(py, raised)? {
                Failed::Own(error) => Failure::Own(error),
                Failed::Foreign(cause) => Failure::Foreign(cause),
            }));
        }
    };
    if answer.is_none() {
        return Ok(Answer::Nothing);
    }
    if let Ok(action) = answer.cast_exact::<PyPolicyAction>() {
        return Ok(action.get().answer(py));
    }
    if let Ok(value) = answer.cast_exact::<PyBytes>() {
        return Ok(Answer::Modify(value.as_bytes().to_vec()));
    }
    nonsense(&answer)
}

/// The seldom ones: other things like bytes, and what is no answer.
#[cold]
fn nonsense(answer: &Bound<'_, PyAny>) -> PyResult<Answer> {
    if is_awaitable(answer) {
        close_awaitable(answer)?;
        return Ok(Answer::Invalid(format!("an awaitable (`{}`)", crate::convert::type_name(answer))));
    }
    Ok(match bytes::of_buffer(answer) {
        Some(value) => Answer::Modify(value.as_bytes().to_vec()),
        None => Answer::Invalid(described(answer)),
    })
}
