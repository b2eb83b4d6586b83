//! What a hook may say, and the ways in which it can fail to say anything.

use crate::error::{Cause, Error};

/// A hook's answer, as its driver understood it. The core decides what it means at the hook's trigger.
#[derive(Clone, Debug)]
pub enum Answer {
    /// No answer (`None`, `undefined`, `()`): go on.
    Nothing,
    /// Go on.
    Allow,
    /// Go on, and flag the audit entry.
    Log,
    /// Refuse, with the hook's reason if it gave one; after a read, hide the value.
    Deny(Option<String>),
    /// Go on with this value in the place of the one the hook saw.
    Modify(Vec<u8>),
    /// What is no answer, described for the error's message: "a `str`", "`MODIFY` without a value".
    Invalid(String),
    /// The hook failed.
    Failed(Failure),
}

/// How a hook failed.
#[derive(Clone, Debug)]
pub enum Failure {
    /// It raised an error of Checkrein, which comes out as itself: a violation is a refusal with its reason.
    Own(Error),
    /// It raised an error of its own, which becomes the cause of a `PolicyViolation`.
    Foreign(Cause),
}

impl Answer {
    /// The hook failed with an error that is not Checkrein's.
    #[must_use]
    pub fn foreign(cause: Cause) -> Self {
        Answer::Failed(Failure::Foreign(cause))
    }
}
