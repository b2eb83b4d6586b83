//! What an operation gives that was not refused.

/// What an operation gives that was not refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The value that was read, as the hooks left it; nothing where there is none, and for writes and deletes.
    pub value: Option<Vec<u8>>,
}
