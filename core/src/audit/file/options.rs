//! How an audit file is kept: its path, what is synced when, the key, the size at which a new file is begun.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::clock::Clock;
use crate::error::{Error, Result};

/// The size at which a new file is begun where nobody says: 64 MiB.
pub const DEFAULT_ROTATE_BYTES: u64 = 64 * 1024 * 1024;
/// The smallest size at which a new file may be begun: 4 KiB.
pub const SMALLEST_ROTATE_BYTES: u64 = 4 * 1024;
/// The shortest key: 16 bytes.
pub const SHORTEST_KEY_BYTES: usize = 16;

/// How an audit file is kept. [`new`](Self::new) gives the defaults.
#[derive(Clone, Debug)]
pub struct AuditFileOptions {
    /// The file. `{pid}` in it stands for the process's id; its directory must exist.
    pub path: PathBuf,
    /// Strict: each line is on disk before the operation goes on. Default false.
    pub strict: bool,
    /// When what was written is synced; a strict file is always. Default [`Fsync::Interval`].
    pub fsync: Fsync,
    /// The key of an HMAC chain; none is a plain hash chain.
    pub key: Option<Secret>,
    /// The size, in bytes, that a file is not to pass: the chain goes on in a new one. 0 is never; default 64 MiB.
    pub rotate_bytes: u64,
    /// Where the times of the file's own lines come from.
    pub clock: Clock,
}

impl AuditFileOptions {
    /// The defaults for a file at this path.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        AuditFileOptions {
            path: path.into(),
            strict: false,
            fsync: Fsync::Interval,
            key: None,
            rotate_bytes: DEFAULT_ROTATE_BYTES,
            clock: Clock::System,
        }
    }

    pub(super) fn check(&self) -> Result<()> {
        if self.path.as_os_str().is_empty() {
            return Err(Error::config("the path of the audit file is empty: give the path of a file"));
        }
        if self.path.file_name().is_none() || self.path.as_os_str().as_encoded_bytes().ends_with(b"/") {
            return Err(Error::config(format!(
                "`{}` names no file: give the path of an audit file, such as `audit.jsonl`",
                self.path.display()
            )));
        }
        if self.rotate_bytes != 0 && self.rotate_bytes < SMALLEST_ROTATE_BYTES {
            return Err(Error::config(format!(
                "`rotate_bytes` of the audit file is {}: give at least {SMALLEST_ROTATE_BYTES}, or 0 for never",
                self.rotate_bytes
            )));
        }
        Ok(())
    }

    /// A strict file is synced with each line.
    pub(super) fn synced(&self) -> Fsync {
        if self.strict { Fsync::Always } else { self.fsync }
    }
}

/// When written lines are synced to the disk, so that they survive a loss of power.
///
/// Whatever it says, lines survive a crash of the process once they are written, which is within a tenth of a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fsync {
    /// Never: the operating system decides, usually within half a minute.
    Never,
    /// At most once a second, and when a file is closed or another one begun. The default.
    #[default]
    Interval,
    /// After each write-out. A strict file does this, and waits for it.
    Always,
}

impl Fsync {
    /// The word for it in documents and in the other languages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Fsync::Never => "never",
            Fsync::Interval => "interval",
            Fsync::Always => "always",
        }
    }
}

impl fmt::Display for Fsync {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Fsync {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        [Fsync::Never, Fsync::Interval, Fsync::Always]
            .into_iter()
            .find(|policy| policy.as_str() == text)
            .ok_or_else(|| {
                Error::config(format!(
                    "fsync policy `{}` is not known: write `never`, `interval` or `always`",
                    crate::text::shortened(text, 60)
                ))
            })
    }
}

/// Which half of a strict operation a line tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// It was decided; the store, tool or task has not been asked.
    Decided,
    /// It is over; the line tells how it ended.
    Done,
}

impl Phase {
    /// The stable word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Phase::Decided => "decided",
            Phase::Done => "done",
        }
    }
}

/// The key of an HMAC chain. It is never shown, not even by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<[u8]>);

impl Secret {
    /// A key of at least 16 bytes; 32 random ones are a good choice.
    ///
    /// # Errors
    /// `ConfigError` for a shorter one.
    pub fn new(bytes: &[u8]) -> Result<Self> {
        if bytes.len() < SHORTEST_KEY_BYTES {
            return Err(Error::config(format!(
                "the key of the audit file has {} bytes: give at least {SHORTEST_KEY_BYTES}, better 32 random ones",
                bytes.len()
            )));
        }
        Ok(Secret(bytes.into()))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    #[test]
    fn settings_that_cannot_be_are_refused() {
        let refused = |options: AuditFileOptions| options.check().unwrap_err().to_string();
        assert!(refused(AuditFileOptions::new("")).contains("empty"));
        assert!(refused(AuditFileOptions::new("..")).contains("names no file"));
        assert!(refused(AuditFileOptions::new("audit/")).contains("names no file"));
        let small = AuditFileOptions { rotate_bytes: 4095, ..AuditFileOptions::new("a") };
        assert!(refused(small).contains("at least 4096"));
        assert_eq!(Secret::new(&[1; 15]).unwrap_err().code(), Code::Config);
    }

    #[test]
    fn a_key_is_never_shown() {
        let key = Secret::new(b"0123456789abcdef").unwrap();
        let options = AuditFileOptions { key: Some(key), ..AuditFileOptions::new("a") };
        let shown = format!("{options:?}");
        assert!(
            shown.contains("Secret(…)") && !shown.contains("0123") && !shown.contains("48, 49"),
            "{shown}"
        );
    }

    #[test]
    fn the_words_are_known_and_no_others() {
        for policy in [Fsync::Never, Fsync::Interval, Fsync::Always] {
            assert_eq!(policy.as_str().parse::<Fsync>().unwrap(), policy);
        }
        assert_eq!("Always".parse::<Fsync>().unwrap_err().code(), Code::Config);
    }
}
