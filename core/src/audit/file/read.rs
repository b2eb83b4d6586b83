//! Reading a chain's files in their order, line by line, in the memory of a line.

use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek};
use std::path::{Path, PathBuf};

use super::disk::same;
use super::failure;
use super::line::MAX_LINE_BYTES;
use super::names::Names;
use crate::error::{Code, Error, Result, StoreError};

const BUFFER_BYTES: usize = 256 * 1024;

/// The files of a chain as they were at one moment: the rotated ones by number, then the current one.
///
/// The current file is opened before the others are listed. Where it is among them by then, a rotation came between,
/// and it is the last of this moment: so a chain may be read while it is written.
#[derive(Debug)]
pub(super) struct Files {
    rotated: Vec<(u64, PathBuf)>,
    /// None where it is not there: while a rotation is under way, or after one that stopped half-way.
    current: Option<(PathBuf, File)>,
}

impl Files {
    /// Lists the files around the path of the current one.
    pub(super) fn list(path: &Path) -> Result<Self> {
        let label = path.display().to_string();
        let io_error = |error| failure::of_io(&label, "read", error);
        let names = Names::new(path).resolved();
        let current = match std::fs::metadata(names.current()) {
            Ok(metadata) if !metadata.is_file() => {
                return Err(Error::usage(format!("`{label}` is no file: give the path of an audit file")));
            }
            _ => match File::open(names.current()) {
                Ok(file) => Some((names.current().to_path_buf(), file)),
                Err(error) if error.kind() == ErrorKind::NotFound => None,
                Err(error) => return Err(io_error(error)),
            },
        };
        let mut rotated = match names.segments() {
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            listed => listed.map_err(io_error)?,
        };
        if current.is_none() && rotated.is_empty() {
            let message =
                format!("there is no audit file `{label}`: give the path of the file that is written");
            return Err(StoreError { message, code: Code::Store, applied: None, cause: None }.into());
        }
        if let Some((_, file)) = &current {
            let opened = file.metadata().map_err(io_error)?;
            let is_it = |path: &Path| std::fs::metadata(path).is_ok_and(|m| same(&m, &opened) == Some(true));
            // It is among the newest, if at all.
            let at = rotated.iter().rposition(|(_, path)| is_it(path));
            rotated.truncate(at.unwrap_or(rotated.len()));
        }
        Ok(Files { rotated, current })
    }

    /// The names and numbers that were there.
    pub(super) fn numbers(&self) -> (Vec<u64>, bool) {
        (self.rotated.iter().map(|(number, _)| *number).collect(), self.current.is_some())
    }

    /// All files, the oldest first, each with its number where it bears one.
    pub(super) fn all(&self) -> impl DoubleEndedIterator<Item = Source<'_>> {
        let rotated = self.rotated.iter();
        let rotated = rotated.map(|(number, path)| Source { number: Some(*number), path, opened: None });
        let current = self.current.iter();
        rotated.chain(current.map(|(path, file)| Source { number: None, path, opened: Some(file) }))
    }
}

/// A file to read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a> {
    pub(super) number: Option<u64>,
    pub(super) path: &'a Path,
    opened: Option<&'a File>,
}

impl Source<'_> {
    pub(super) fn error(&self, error: io::Error) -> Error {
        failure::of_io(&self.path.display().to_string(), "read", error)
    }

    /// The file, at its beginning.
    pub(super) fn open(&self) -> Result<File> {
        let open = || match self.opened {
            None => File::open(self.path),
            Some(opened) => {
                let mut file = opened.try_clone()?;
                file.rewind()?;
                Ok(file)
            }
        };
        open().map_err(|error| self.error(error))
    }

    pub(super) fn lines(&self) -> Result<Lines> {
        Ok(Lines { reader: BufReader::with_capacity(BUFFER_BYTES, self.open()?), line: Vec::new() })
    }
}

/// What comes next in a file.
#[derive(Debug)]
pub(super) enum Next<'a> {
    /// A line, without its newline.
    Line(&'a [u8]),
    /// A line that is longer than any can be.
    TooLong,
    /// The last bytes of the file, without a newline.
    Torn(u64),
}

/// The lines of a file.
pub(super) struct Lines {
    reader: BufReader<File>,
    line: Vec<u8>,
}

impl Lines {
    pub(super) fn next(&mut self) -> io::Result<Option<Next<'_>>> {
        self.line.clear();
        let read = (&mut self.reader).take(MAX_LINE_BYTES as u64).read_until(b'\n', &mut self.line)?;
        if read == 0 {
            return Ok(None);
        }
        if self.line.last() == Some(&b'\n') {
            return Ok(Some(Next::Line(self.line.strip_suffix(b"\n").unwrap_or_default())));
        }
        let mut bytes = read as u64;
        loop {
            let buffer = self.reader.fill_buf()?;
            if buffer.is_empty() {
                return Ok(Some(Next::Torn(bytes)));
            }
            let (skipped, found) = match memchr::memchr(b'\n', buffer) {
                Some(at) => (at + 1, true),
                None => (buffer.len(), false),
            };
            self.reader.consume(skipped);
            bytes += skipped as u64;
            if found {
                return Ok(Some(Next::TooLong));
            }
        }
    }
}
