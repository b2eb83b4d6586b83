//! Whether a refusal is carried out or only told.

use crate::error::{Error, Result};

/// What becomes of a refusal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// It refuses. The default.
    #[default]
    Enforce,
    /// It is told and audited as `would_deny`, and lets pass: for trying a policy before it counts.
    Shadow,
}

impl Mode {
    /// Both modes.
    pub const ALL: [Mode; 2] = [Mode::Enforce, Mode::Shadow];

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
        Mode::ALL.into_iter().find(|mode| mode.as_str() == word).ok_or_else(|| {
            let word = crate::text::shown_key(word.as_bytes());
            Error::config(format!("`{word}` is no mode: write `enforce` or `shadow`"))
        })
    }
}
