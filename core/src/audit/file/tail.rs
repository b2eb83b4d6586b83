//! The newest lines of a chain, read from its end.

use std::path::{Path, PathBuf};

use super::disk::end_of;
use super::line::Line;
use super::read::Files;
use crate::error::Result;

/// The most bytes of lines that are given; older ones are left out.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// A line, as it stands in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TailLine {
    /// The file.
    pub file: PathBuf,
    /// Its number in the chain; none where it is no line of an audit file.
    pub sequence: Option<u64>,
    /// True for the file's own lines, false for entries.
    pub is_event: bool,
    /// The line, without its newline.
    pub text: String,
}

/// The newest `count` lines of the chain of which `path` is the current file, oldest first: entries and events.
///
/// Nothing is verified. An unfinished last line is left out. At most 64 MiB of lines are given.
///
/// # Errors
/// `StoreError` where there is no such file or it cannot be read.
pub fn tail(path: impl AsRef<Path>, count: usize) -> Result<Vec<TailLine>> {
    let files = Files::list(path.as_ref())?;
    let mut found = Vec::new();
    let mut bytes_left = MAX_BYTES;
    for source in files.all().rev() {
        let wanted = count.saturating_sub(found.len());
        if wanted == 0 || bytes_left == 0 {
            break;
        }
        let mut open = source.open()?;
        let (start, bytes) =
            end_of(&mut open, wanted.saturating_add(1), bytes_left).map_err(|error| source.error(error))?;
        bytes_left = bytes_left.saturating_sub(bytes.len() as u64);
        let whole = memchr::memrchr(b'\n', &bytes).map_or(&[][..], |at| bytes.get(..at).unwrap_or_default());
        if whole.is_empty() && !bytes.starts_with(b"\n") {
            continue;
        }
        let mut lines: Vec<&[u8]> = whole.split(|byte| *byte == b'\n').collect();
        if start > 0 {
            // It may have begun before what was read.
            lines.remove(0);
        }
        found.extend(lines.into_iter().rev().take(wanted).map(|text| {
            let line = Line::parse(text).ok();
            TailLine {
                file: source.path.to_path_buf(),
                sequence: line.as_ref().map(|line| line.sequence),
                is_event: line.is_some_and(|line| line.is_event),
                text: String::from_utf8_lossy(text).into_owned(),
            }
        }));
    }
    found.reverse();
    Ok(found)
}
