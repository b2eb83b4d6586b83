//! Key patterns: Checkrein's own glob dialect on raw bytes, and an index over many of them.
//!
//! A pattern is read once, strictly: what could not be meant is a [`PatternError`] that points at the place, never a
//! pattern that silently matches nothing. A key is any bytes; nothing about it is normalised, and matching takes
//! time in proportion to the pattern times the key at worst, whatever both hold. [`Glob::matches`] asks one pattern;
//! [`GlobIndex`] asks all of a set at once, at a cost that does not grow with the set. Both give the same answers.
//! The dialect is described clause by clause in `docs/globs.md`.

mod class;
mod expand;
mod index;
mod parse;
mod path;
mod segment;
mod unit;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use compact_str::CompactString;

pub use index::GlobIndex;

use crate::error::PatternError;
use path::Path;

/// The longest pattern, in bytes.
pub const MAX_PATTERN_BYTES: usize = 4096;
/// How deep `{…}` may stand in `{…}`.
pub const MAX_BRACE_DEPTH: usize = 8;
/// The most patterns without braces that one pattern may expand to.
pub const MAX_EXPANSIONS: usize = 1000;
/// The most characters that all expansions of one pattern may have together.
pub const MAX_EXPANDED_CHARS: usize = 64 * 1024;

/// A key pattern, read and checked.
///
/// ```
/// # fn main() -> Result<(), checkrein::error::PatternError> {
/// use checkrein::glob::Glob;
///
/// let glob = Glob::parse("users/**")?;
/// assert!(glob.matches(b"users/alice/profile/photo"));
/// assert!(!glob.matches(b"users"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Glob {
    text: CompactString,
    // One for each expansion of the braces; the glob matches where one of them does.
    paths: Arc<[Path]>,
}

impl Glob {
    /// Reads a pattern.
    ///
    /// # Errors
    /// `PatternError` where the pattern is empty, does not follow the dialect, or passes one of the bounds of this
    /// module; it names the byte position and what to write instead.
    pub fn parse(pattern: &str) -> Result<Self, PatternError> {
        let paths = expand::paths(pattern, &parse::items(pattern)?)?;
        Ok(Glob { text: pattern.into(), paths: paths.into() })
    }

    /// What matches where one of several patterns does; its text is theirs, one after the other.
    pub(crate) fn any(globs: &[Glob]) -> Self {
        if let [glob] = globs {
            return glob.clone();
        }
        let texts: Vec<_> = globs.iter().map(Glob::as_str).collect();
        let paths = globs.iter().flat_map(|glob| glob.paths.iter().cloned()).collect();
        Glob { text: texts.join(", ").into(), paths }
    }

    /// How many patterns without braces it stands for.
    pub(crate) fn expansions(&self) -> usize {
        self.paths.len()
    }

    /// The pattern as it was given; where a hook of a policy document has several, all of them, parted by commas.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// True where the pattern matches the whole key.
    #[must_use]
    pub fn matches(&self, key: &[u8]) -> bool {
        self.paths.iter().any(|path| path.matches(key))
    }

    fn paths(&self) -> &[Path] {
        &self.paths
    }
}

impl FromStr for Glob {
    type Err = PatternError;

    fn from_str(pattern: &str) -> Result<Self, PatternError> {
        Glob::parse(pattern)
    }
}

impl fmt::Debug for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Glob").field(&self.text).finish()
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
