//! The words of a limit: what it is for, and when an operation counts.

use crate::error::{Error, Result};
use crate::operation::Kind;
use crate::text;

/// What a limit is for, and what an operation is when limits are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// Reading a key, or one key of a scan.
    Read,
    /// Writing a key.
    Write,
    /// Deleting a key.
    Delete,
    /// Calling a tool.
    Action,
    /// Dispatching a side effect.
    Effect,
    /// Every operation: a limit for `all` applies to each of the others.
    All,
}

impl Target {
    /// Every target.
    pub const ALL: [Target; 6] =
        [Target::Read, Target::Write, Target::Delete, Target::Action, Target::Effect, Target::All];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Target::Read => "read",
            Target::Write => "write",
            Target::Delete => "delete",
            Target::Action => "action",
            Target::Effect => "effect",
            Target::All => "all",
        }
    }

    /// The target of a word, exactly as written by [`Target::as_str`].
    ///
    /// # Errors
    /// `ConfigError` for any other word: it lists the known ones.
    pub fn parse(word: &str) -> Result<Self> {
        parse("operation", word, &Self::ALL, Self::as_str)
    }

    /// True where a limit for `self` applies to an operation of kind `asked`. Asked about `all`, every limit
    /// applies.
    #[must_use]
    pub fn applies_to(self, asked: Target) -> bool {
        self == asked || self == Target::All || asked == Target::All
    }
}

impl From<Kind> for Target {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Read => Target::Read,
            Kind::Write => Target::Write,
            Kind::Delete => Target::Delete,
        }
    }
}

/// When an operation takes its token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Count {
    /// Right before the store, tool or task is asked: what is refused takes nothing. The default.
    #[default]
    Operations,
    /// When the operation starts, whatever becomes of it: for an agent that only hits denials.
    Attempts,
}

impl Count {
    /// Both ways to count.
    pub const ALL: [Count; 2] = [Count::Operations, Count::Attempts];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Count::Operations => "operations",
            Count::Attempts => "attempts",
        }
    }

    /// The way to count that a word names, exactly as written by [`Count::as_str`].
    ///
    /// # Errors
    /// `ConfigError` for any other word: it lists the known ones.
    pub fn parse(word: &str) -> Result<Self> {
        parse("count", word, &Self::ALL, Self::as_str)
    }
}

fn parse<T: Copy>(option: &str, word: &str, known: &[T], name: fn(T) -> &'static str) -> Result<T> {
    known.iter().copied().find(|value| name(*value) == word).ok_or_else(|| {
        let names: Vec<String> = known.iter().map(|value| format!("`{}`", name(*value))).collect();
        let shown = text::shown_key(word.as_bytes());
        Error::config(format!("`{shown}` is no {option} of a rate limit: write one of {}", names.join(", ")))
    })
}
