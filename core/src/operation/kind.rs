//! What is done to the data, and the moments at which hooks are asked.

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
}
