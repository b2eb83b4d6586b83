//! What is done to the data, and the moments at which hooks are asked.

use crate::error::{Error, Result};

/// An operation on a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `get`.
    Read,
    /// `put`.
    Write,
    /// `delete`.
    Delete,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Kind; 3] = [Kind::Read, Kind::Write, Kind::Delete];

    /// The word for it in limits, hooks, errors and the audit.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Read => "read",
            Kind::Write => "write",
            Kind::Delete => "delete",
        }
    }

    /// The one with this word.
    ///
    /// # Errors
    /// `UsageError` for any other word.
    pub fn parse(word: &str) -> Result<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.as_str() == word).ok_or_else(|| {
            let word = crate::text::shortened(word, 60);
            Error::usage(format!("`{word}` is no operation: write read, write or delete"))
        })
    }
}
