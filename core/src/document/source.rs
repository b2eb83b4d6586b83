//! A document as it is read: bytes, format, and the name it has in messages.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::problem::{Faults, Problems};
use super::{PolicyDocument, read};
use crate::error::{Error, Result};
use crate::text;

/// The largest document, in bytes.
pub const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;

/// How a document is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// YAML 1.2 with its core types, where `no` and `on` are text.
    Yaml,
    /// JSON.
    Json,
    /// TOML 1.1.
    Toml,
}

impl Format {
    /// The format that a file's ending says.
    ///
    /// # Errors
    /// `ConfigError` for any ending other than `.yaml`, `.yml`, `.json` and `.toml`.
    pub fn of_path(path: impl AsRef<Path>) -> Result<Format> {
        let path = path.as_ref();
        let ending = path.extension().map(|ending| ending.to_ascii_lowercase());
        match ending.as_deref().and_then(|ending| ending.to_str()) {
            Some("yaml" | "yml") => Ok(Format::Yaml),
            Some("json") => Ok(Format::Json),
            Some("toml") => Ok(Format::Toml),
            _ => Err(Error::config(format!(
                "`{}` has none of the endings of a policy document: name it .yaml, .yml, .json or .toml",
                shown(path)
            ))),
        }
    }

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Format::Yaml => "yaml",
            Format::Json => "json",
            Format::Toml => "toml",
        }
    }

    /// The format of that name.
    ///
    /// # Errors
    /// `ConfigError` for any word other than `yaml`, `json` and `toml`.
    pub fn parse(word: &str) -> Result<Format> {
        [Format::Yaml, Format::Json, Format::Toml].into_iter().find(|f| f.as_str() == word).ok_or_else(|| {
            let word = text::shown_key(word.as_bytes());
            Error::config(format!(
                "`{word}` is no format of a policy document: write `yaml`, `json` or `toml`"
            ))
        })
    }
}

/// A document that was read and not yet checked: for linters, which want the problems one by one.
#[derive(Clone, Debug)]
pub struct Source {
    text: Vec<u8>,
    format: Format,
    name: String,
}

impl Source {
    /// A text. `name` stands for the file in messages.
    ///
    /// # Errors
    /// `ConfigError` for more than [`MAX_FILE_BYTES`].
    pub fn new(text: impl Into<Vec<u8>>, format: Format, name: &str) -> Result<Self> {
        let text = text.into();
        fits(text.len() as u64, name)?;
        Ok(Source { text, format, name: name.to_owned() })
    }

    /// Reads a file; its ending says the format.
    ///
    /// # Errors
    /// `ConfigError` for a file that cannot be read, has another ending, or holds more than [`MAX_FILE_BYTES`].
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let format = Format::of_path(path)?;
        let name = shown(path);
        let failed = |error: std::io::Error| {
            Error::config(format!("the policy document `{name}` cannot be read: {error}"))
        };
        let file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if metadata.is_dir() {
            return Err(Error::config(format!(
                "the policy document `{name}` is a directory: name the file in it"
            )));
        }
        fits(metadata.len(), &name)?;
        let mut text = Vec::new();
        // One byte more than fits: a pipe, or a file that grows meanwhile, says no size.
        file.take(MAX_FILE_BYTES + 1).read_to_end(&mut text).map_err(failed)?;
        fits(text.len() as u64, &name)?;
        Ok(Source { text, format, name })
    }

    /// The document, or all that is wrong with it.
    ///
    /// # Errors
    /// The problems, each with its place.
    pub fn check(&self) -> Result<PolicyDocument, Problems> {
        let mut faults = Faults::default();
        // An editor's byte-order mark is no part of the text.
        let text = self.text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&self.text);
        let content = match std::str::from_utf8(text) {
            Ok(text) => read::document(text, self.format, &mut faults),
            Err(error) => {
                let at = error.valid_up_to();
                faults.add(at, not_utf8(text, at, self.text.len() - text.len()));
                None
            }
        };
        match content {
            Some(content) if faults.is_empty() => Ok(PolicyDocument { content: content.into() }),
            _ => Err(faults.locate(&self.name, text)),
        }
    }
}

fn not_utf8(text: &[u8], at: usize, skipped: usize) -> String {
    if text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff") {
        return "the document is in UTF-16: save it as UTF-8".to_owned();
    }
    let byte = text.get(at).copied().unwrap_or_default();
    format!(
        "the document is not UTF-8: the byte 0x{byte:02x} at offset {} is no text: save it as UTF-8",
        at + skipped
    )
}

fn fits(bytes: u64, name: &str) -> Result<()> {
    if bytes <= MAX_FILE_BYTES {
        return Ok(());
    }
    Err(Error::config(format!(
        "the policy document `{name}` has {bytes} bytes, at most {MAX_FILE_BYTES} are allowed"
    )))
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
