//! When an acknowledged write is safe from a loss of power.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// When an acknowledged write is safe from a crash or a loss of power.
///
/// Neither level ever leaves a damaged file or keeps a later write while it loses an earlier one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Durability {
    /// Once it is acknowledged: `put` returns after the disk has confirmed it. The default.
    #[default]
    Sync,
    /// Later: a write is acknowledged once it is in memory. The latest writes may be lost when the process is
    /// killed or the power fails, but only those since the last sync.
    ///
    /// A sync happens with the first write after a second has passed since the last one, with the write that
    /// makes 8 MiB since then, at `flush` and at `close`. Writes before a pause thus stay unsafe until one of these.
    Relaxed,
}

impl Durability {
    /// The word for it in documents and in the other languages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Durability::Sync => "sync",
            Durability::Relaxed => "relaxed",
        }
    }
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Durability {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "sync" => Ok(Durability::Sync),
            "relaxed" => Ok(Durability::Relaxed),
            other => Err(Error::config(format!(
                "durability `{}` is not known: write `sync` or `relaxed`",
                crate::text::shortened(other, 60)
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    #[test]
    fn the_words_are_known_and_no_others() {
        for level in [Durability::Sync, Durability::Relaxed] {
            assert_eq!(level.as_str().parse::<Durability>().unwrap(), level);
        }
        for other in ["", "Sync", "none", " sync"] {
            assert_eq!(other.parse::<Durability>().unwrap_err().code(), Code::Config);
        }
    }
}
