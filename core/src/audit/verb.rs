//! What an audited operation was.

use crate::error::Result;
use crate::operation::Kind;

use super::verdict::unknown_word;

/// What an audited operation was: the `operation` of its entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verb {
    /// A `get`, or one key of a `get_many`.
    Read,
    /// A `put`, or one of a batch.
    Write,
    /// A `delete`, or one of a batch.
    Delete,
    /// A `scan`: the entry's key is the prefix.
    Scan,
}

impl Verb {
    /// All of them.
    pub const ALL: [Verb; 4] = [Verb::Read, Verb::Write, Verb::Delete, Verb::Scan];

    /// The stable word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Verb::Read => Kind::Read.as_str(),
            Verb::Write => Kind::Write.as_str(),
            Verb::Delete => Kind::Delete.as_str(),
            Verb::Scan => "scan",
        }
    }

    /// The one with this word.
    ///
    /// # Errors
    /// `UsageError` for an unknown word; it lists the known ones.
    pub fn parse(word: &str) -> Result<Verb> {
        let found = Verb::ALL.into_iter().find(|verb| verb.as_str() == word);
        found.ok_or_else(|| unknown_word("operation", word, Verb::ALL.iter().map(|verb| verb.as_str())))
    }
}

impl From<Kind> for Verb {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Read => Verb::Read,
            Kind::Write => Verb::Write,
            Kind::Delete => Verb::Delete,
        }
    }
}
