//! What an operation gives that was not refused.

/// What an operation gives that was not refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The value that was read, as the hooks left it; nothing where there is none, and for writes and deletes.
    pub value: Option<Vec<u8>>,
    /// The values of a `get_many`, one for each key in the order of the keys; empty for anything else.
    pub values: Vec<Option<Vec<u8>>>,
}
