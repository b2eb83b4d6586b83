//! The six moments at which hooks are asked, and what may be answered at each.

use crate::error::{Error, Result};
use crate::operation::Kind;

/// Before or after the store is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// The store has not been asked.
    Before,
    /// The store has answered.
    After,
}

/// A moment at which hooks are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Trigger {
    /// Before or after the store is asked.
    pub phase: Phase,
    /// What is done to the data.
    pub kind: Kind,
}

impl Trigger {
    /// Before a `get`.
    pub const BEFORE_READ: Trigger = Trigger { phase: Phase::Before, kind: Kind::Read };
    /// After a `get` that found a value.
    pub const AFTER_READ: Trigger = Trigger { phase: Phase::After, kind: Kind::Read };
    /// Before a `put`.
    pub const BEFORE_WRITE: Trigger = Trigger { phase: Phase::Before, kind: Kind::Write };
    /// After a `put`.
    pub const AFTER_WRITE: Trigger = Trigger { phase: Phase::After, kind: Kind::Write };
    /// Before a `delete`.
    pub const BEFORE_DELETE: Trigger = Trigger { phase: Phase::Before, kind: Kind::Delete };
    /// After a `delete`.
    pub const AFTER_DELETE: Trigger = Trigger { phase: Phase::After, kind: Kind::Delete };

    /// All six.
    pub const ALL: [Trigger; 6] = [
        Trigger::BEFORE_READ,
        Trigger::AFTER_READ,
        Trigger::BEFORE_WRITE,
        Trigger::AFTER_WRITE,
        Trigger::BEFORE_DELETE,
        Trigger::AFTER_DELETE,
    ];

    /// The word for it: `before_write`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match (self.phase, self.kind) {
            (Phase::Before, Kind::Read) => "before_read",
            (Phase::After, Kind::Read) => "after_read",
            (Phase::Before, Kind::Write) => "before_write",
            (Phase::After, Kind::Write) => "after_write",
            (Phase::Before, Kind::Delete) => "before_delete",
            (Phase::After, Kind::Delete) => "after_delete",
        }
    }

    /// The trigger of that name.
    ///
    /// # Errors
    /// `ConfigError` for any other word; it lists the six.
    pub fn parse(word: &str) -> Result<Trigger> {
        Trigger::ALL.into_iter().find(|t| t.as_str() == word).ok_or_else(|| {
            let known: Vec<_> = Trigger::ALL.iter().map(|t| t.as_str()).collect();
            let word = crate::text::shortened(word, 60);
            Error::config(format!("`{word}` is no trigger: write one of {}", known.join(", ")))
        })
    }

    /// Whether a hook may deny here: not once a write or delete has happened.
    #[must_use]
    pub const fn may_deny(self) -> bool {
        matches!((self.phase, self.kind), (Phase::Before, _) | (Phase::After, Kind::Read))
    }

    /// Whether a hook may put another value in the place of the one it sees.
    #[must_use]
    pub const fn may_modify(self) -> bool {
        matches!((self.phase, self.kind), (Phase::Before, Kind::Write) | (Phase::After, Kind::Read))
    }
}
