//! What is wrong with a document, where, and how it is shown.

use std::fmt;

use crate::error::Error;
use crate::text;

/// So many problems of a document are told; of more, how many there are.
pub const MAX_PROBLEMS: usize = 20;

/// So many characters of a long line are shown, around the fault.
const SHOWN_LINE: usize = 120;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong and what to write instead.
    pub message: String,
    /// The offending line, or the part of a long one that the fault is in.
    excerpt: String,
    /// How many characters of the excerpt stand before the fault.
    indent: usize,
}

impl Problem {
    /// The offending line, or the part of a long one that the fault is in; without control characters.
    #[must_use]
    pub fn excerpt(&self) -> &str {
        &self.excerpt
    }

    /// How many characters of the excerpt stand before the fault: where a caret belongs.
    #[must_use]
    pub fn indent(&self) -> usize {
        self.indent
    }
}

/// All that is wrong with a document, as far as it is told: in the order of the text, never empty.
#[derive(Clone, Debug)]
pub struct Problems {
    name: String,
    list: Vec<Problem>,
    untold: usize,
}

impl Problems {
    /// What the document is called in messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first [`MAX_PROBLEMS`].
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Problem> {
        self.list.iter()
    }

    /// How many more there are, at least.
    #[must_use]
    pub fn untold(&self) -> usize {
        self.untold
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, problem) in self.list.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            let Problem { line, column, message, excerpt, indent } = problem;
            write!(f, "{}:{line}:{column}: {message}", self.name)?;
            let gutter = line.to_string();
            let margin = " ".repeat(gutter.len());
            write!(f, "\n  {gutter} | {excerpt}\n  {margin} | {}^", " ".repeat(*indent))?;
        }
        match self.untold {
            0 => Ok(()),
            1 => f.write_str("\nand 1 more problem"),
            more => write!(f, "\nand {more} more problems"),
        }
    }
}

impl std::error::Error for Problems {}

impl From<Problems> for Error {
    fn from(problems: Problems) -> Self {
        Error::config(problems.to_string())
    }
}

/// The problems of a document while it is read: byte offsets, and a bound.
#[derive(Debug, Default)]
pub(super) struct Faults {
    found: Vec<(usize, String)>,
    untold: usize,
}

impl Faults {
    /// Takes down a problem at a byte offset. The same one is told once, however many aliases lead to it.
    pub(super) fn add(&mut self, at: usize, message: impl Into<String>) {
        let message = message.into();
        if self.found.iter().any(|(known_at, known)| *known_at == at && *known == message) {
            return;
        }
        match self.is_full() {
            false => self.found.push((at, message)),
            true => self.skip(),
        }
    }

    /// Whether what is added now is counted only: then nobody needs to look for the words.
    pub(super) fn is_full(&self) -> bool {
        self.found.len() >= MAX_PROBLEMS
    }

    /// Counts one that is not told.
    pub(super) fn skip(&mut self) {
        self.untold += 1;
    }

    /// How many there are, told or not.
    pub(super) fn count(&self) -> usize {
        self.found.len() + self.untold
    }

    /// The line of an offset, for a message. Of those that nobody will see it is not counted: a document may repeat
    /// one mistake a hundred thousand times.
    pub(super) fn line_of(&self, source: &str, at: usize) -> usize {
        let before = if self.is_full() { None } else { source.as_bytes().get(..at) };
        1 + memchr::memchr_iter(b'\n', before.unwrap_or_default()).count()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// With lines and columns, in the order of the text.
    pub(super) fn locate(mut self, name: &str, source: &[u8]) -> Problems {
        self.found.sort_by_key(|(at, _)| *at);
        let list = self.found.into_iter().map(|(at, message)| locate(source, at, message)).collect();
        Problems { name: name.to_owned(), list, untold: self.untold }
    }
}

fn locate(source: &[u8], at: usize, message: String) -> Problem {
    let (before, after) = source.split_at(at.min(source.len()));
    let line = 1 + memchr::memchr_iter(b'\n', before).count();
    let start = memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
    // A byte that continues a character is no column of its own.
    let before = before.get(start..).unwrap_or_default();
    let column = before.iter().filter(|byte| **byte & 0xc0 != 0x80).count();
    let after = after.get(..memchr::memchr(b'\n', after).unwrap_or(after.len())).unwrap_or_default();
    let (excerpt, indent) = excerpt(before, after);
    Problem { line, column: column + 1, message, excerpt, indent }
}

/// The line that these two make, or the part of it around the place where they meet, without control characters.
fn excerpt(before: &[u8], after: &[u8]) -> (String, usize) {
    // Four bytes a character at most: enough for what is shown.
    let tail = before.get(before.len().saturating_sub(4 * SHOWN_LINE)..).unwrap_or_default();
    let head = after.get(..4 * SHOWN_LINE).unwrap_or(after);
    let visible = |c: char| if c.is_control() { ' ' } else { c };
    let tail: Vec<char> = String::from_utf8_lossy(tail).chars().map(visible).collect();
    let head: String = String::from_utf8_lossy(head).chars().map(visible).collect();
    let keep = if tail.len() + head.chars().count() <= SHOWN_LINE { SHOWN_LINE } else { SHOWN_LINE / 2 };
    let cut = tail.len().saturating_sub(keep);
    let mut shown: String =
        if cut > 0 || tail.len() < before.len() / 4 { "…".into() } else { String::new() };
    shown.extend(tail.get(cut..).unwrap_or_default());
    let indent = shown.chars().count();
    shown.push_str(&text::shortened(head.trim_end(), SHOWN_LINE.saturating_sub(indent).max(SHOWN_LINE / 4)));
    (shown, indent)
}
