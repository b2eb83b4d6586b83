//! One change of a batch.

/// A change of a batch, borrowed from whoever asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<'a> {
    /// Sets a key to a value.
    Put {
        /// The key.
        key: &'a [u8],
        /// Its new value.
        value: &'a [u8],
    },
    /// Removes a key. That there was none is no error.
    Delete {
        /// The key.
        key: &'a [u8],
    },
}

impl<'a> Change<'a> {
    /// The key that is changed.
    #[must_use]
    pub const fn key(&self) -> &'a [u8] {
        match *self {
            Change::Put { key, .. } | Change::Delete { key } => key,
        }
    }

    /// The new value, or `None` where the key is removed.
    #[must_use]
    pub const fn value(&self) -> Option<&'a [u8]> {
        match *self {
            Change::Put { value, .. } => Some(value),
            Change::Delete { .. } => None,
        }
    }
}
