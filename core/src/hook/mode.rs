//! Whether refusals are enforced, or only told.

use crate::error::{Error, Result};

/// Whether refusals are enforced, or only told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// What is refused does not happen.
    #[default]
    Enforce,
    /// For trying a policy: what would be refused happens, is audited as `would_deny` and told to the log as a
    /// warning; what would be changed stays as it is.
    Shadow,
}

impl Mode {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Mode::Enforce => "enforce",
            Mode::Shadow => "shadow",
        }
    }

    /// The mode of that name.
    ///
    /// # Errors
    /// `ConfigError` for any other word.
    pub fn parse(word: &str) -> Result<Mode> {
        [Mode::Enforce, Mode::Shadow].into_iter().find(|mode| mode.as_str() == word).ok_or_else(|| {
            let word = crate::text::shortened(word, 60);
            Error::config(format!("`{word}` is no mode: write `enforce` or `shadow`"))
        })
    }
}
