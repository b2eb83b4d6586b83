//! What a Rust hook returns, and how it becomes an answer.

use crate::error::{Cause, Error};
use crate::hook::{Answer, Failure};

/// A hook's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PolicyAction {
    /// Go on.
    Allow,
    /// Refuse; after a read, hide the value.
    Deny,
    /// Refuse with a reason. Made by [`PolicyAction::deny_because`].
    DenyBecause(String),
    /// Go on, and flag the audit entry.
    Log,
    /// Go on with this value in the place of the one the hook saw.
    Modify(Vec<u8>),
}

impl PolicyAction {
    /// Refuses with a reason, which the error and the audit show.
    pub fn deny_because(reason: impl Into<String>) -> Self {
        PolicyAction::DenyBecause(reason.into())
    }

    /// Goes on with another value.
    pub fn modify(value: impl Into<Vec<u8>>) -> Self {
        PolicyAction::Modify(value.into())
    }
}

impl From<PolicyAction> for Answer {
    fn from(action: PolicyAction) -> Self {
        match action {
            PolicyAction::Allow => Answer::Allow,
            PolicyAction::Deny => Answer::Deny(None),
            PolicyAction::DenyBecause(reason) => Answer::Deny(Some(reason)),
            PolicyAction::Log => Answer::Log,
            PolicyAction::Modify(value) => Answer::Modify(value),
        }
    }
}

impl From<()> for Answer {
    fn from((): ()) -> Self {
        Answer::Nothing
    }
}

impl From<Vec<u8>> for Answer {
    fn from(value: Vec<u8>) -> Self {
        Answer::Modify(value)
    }
}

impl From<&[u8]> for Answer {
    fn from(value: &[u8]) -> Self {
        Answer::Modify(value.to_vec())
    }
}

impl<const N: usize> From<&[u8; N]> for Answer {
    fn from(value: &[u8; N]) -> Self {
        Answer::Modify(value.to_vec())
    }
}

impl<T: Into<Answer>> From<Option<T>> for Answer {
    fn from(answer: Option<T>) -> Self {
        answer.map_or(Answer::Nothing, Into::into)
    }
}

/// A hook that fails refuses; an error of Checkrein comes out as itself.
impl<T: Into<Answer>, E: Into<Box<dyn std::error::Error + Send + Sync>>> From<Result<T, E>> for Answer {
    fn from(result: Result<T, E>) -> Self {
        match result {
            Ok(answer) => answer.into(),
            Err(error) => Answer::Failed(match error.into().downcast::<Error>() {
                Ok(own) => Failure::Own(*own),
                Err(foreign) => match foreign.downcast::<crate::error::PolicyViolation>() {
                    Ok(violation) => Failure::Own(Error::Violation(violation)),
                    Err(foreign) => Failure::Foreign(Cause::of_type::<E>(foreign)),
                },
            }),
        }
    }
}
