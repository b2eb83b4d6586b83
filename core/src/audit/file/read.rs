//! Reading a chain's files in their order, line by line, in the memory of a line.

use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::failure;
use super::line::MAX_LINE_BYTES;
use super::names::Names;
use crate::error::{Code, Error, Result, StoreError};

const BUFFER_BYTES: usize = 256 * 1024;

/// The files of a chain that are there: the rotated ones by number, then the current one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Files {
    pub(super) rotated: Vec<(u64, PathBuf)>,
    /// None where it is not there: while a rotation is under way, or after one that stopped half-way.
    pub(super) current: Option<PathBuf>,
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
            Ok(_) => Some(names.current().to_path_buf()),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(io_error(error)),
        };
        let rotated = match names.segments() {
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            listed => listed.map_err(io_error)?,
        };
        if current.is_none() && rotated.is_empty() {
            let message =
                format!("there is no audit file `{label}`: give the path of the file that is written");
            return Err(StoreError { message, code: Code::Store, cause: None }.into());
        }
        Ok(Files { rotated, current })
    }

    /// All files, the oldest first, each with its number where it is a rotated one.
    pub(super) fn all(&self) -> impl DoubleEndedIterator<Item = (Option<u64>, &Path)> {
        let rotated = self.rotated.iter().map(|(number, path)| (Some(*number), path.as_path()));
        rotated.chain(self.current.iter().map(|path| (None, path.as_path())))
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
    /// The number of the newest line, from 1.
    pub(super) number: u64,
}

impl Lines {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let open = || File::open(path).map(|file| BufReader::with_capacity(BUFFER_BYTES, file));
        let reader = open().map_err(|error| failure::of_io(&path.display().to_string(), "read", error))?;
        Ok(Lines { reader, line: Vec::new(), number: 0 })
    }

    pub(super) fn next(&mut self) -> io::Result<Option<Next<'_>>> {
        self.line.clear();
        let read = (&mut self.reader).take(MAX_LINE_BYTES as u64).read_until(b'\n', &mut self.line)?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
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
