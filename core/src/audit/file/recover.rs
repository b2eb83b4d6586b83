//! What is there when a file is opened: nothing, a whole file, one that a crash left with a torn last line, or a
//! rotation that stopped half-way. A file is written on only where its last line holds.

use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

use super::disk::{self, Handle};
use super::event::{Event, FORMAT, Read as ReadEvent};
use super::failure;
use super::hash::{Hasher, KEYED, PLAIN};
use super::head::Head;
use super::line::{Line, MAX_LINE_BYTES, may_start_a_chain};
use super::names::shown;
use super::setup::Setup;
use super::writer::{Stage, Start, Writer};
use crate::error::{Error, Result};

/// The longest torn line: longer than any group that is written at once.
const MAX_TORN_BYTES: u64 = 32 * 1024 * 1024;

/// Opens the file for writing: begins it, or writes on where it ends. What was repaired is told to `notice`.
pub(super) fn open(
    setup: Setup,
    parent: Option<(Head, String)>,
    notice: &mut impl FnMut(String),
) -> Result<Writer> {
    let label = setup.label.clone();
    let io_error = |error| failure::of_io(&label, "opened", error);
    match std::fs::metadata(setup.names.directory()) {
        Ok(directory) if directory.is_dir() => {}
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(io_error(error)),
        _ => return Err(failure::no_directory(&label, setup.names.directory())),
    }
    let segments = setup.names.segments().map_err(io_error)?;
    let mut torn_bytes = 0;
    let found = match std::fs::metadata(setup.names.current()) {
        Ok(metadata) if !metadata.is_file() => {
            return Err(Error::config(format!("`{label}` is no file: give the path of an audit file")));
        }
        Ok(metadata) => {
            torn_bytes = metadata.len();
            Found::read(setup.names.current(), &label, &setup.hasher)?
        }
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(io_error(error)),
    };
    let Some(found) = found else {
        let start = begin(&setup, segments.last())?;
        if torn_bytes > 0 {
            notice(torn(&label, torn_bytes));
        }
        let mut writer = Writer::new(setup, start, parent);
        writer.ready().map_err(io_error)?;
        return Ok(writer);
    };
    if segments.iter().any(|(number, _)| *number >= found.segment) {
        let what = format!("it is file {} of its chain, and a later one is there already", found.segment);
        return Err(failure::damaged(&label, &what));
    }
    let is_full = found.full_as.is_some();
    if found.full_as.is_some_and(|name| name == shown(setup.names.current())) {
        return Err(Error::config(format!(
            "`{label}` is a full file of a chain: give the path of the file that is written, without the number"
        )));
    }
    let start = Start {
        stage: if is_full { Stage::Sealed } else { Stage::Open },
        handle: Some(found.handle),
        segment: found.segment,
        length: found.length,
        head: found.head,
        torn: found.torn_bytes > 0,
    };
    let mut writer = Writer::new(setup, start, parent);
    if found.torn_bytes > 0 {
        notice(torn(&label, found.torn_bytes));
        writer.event(Event::Repaired { cut_bytes: found.torn_bytes }).map_err(io_error)?;
    }
    if is_full { writer.ready() } else { writer.reopened() }.map_err(io_error)?;
    Ok(writer)
}

fn torn(label: &str, bytes: u64) -> String {
    format!(
        "audit file `{label}` ended in the middle of a line, as after a crash: its last {bytes} bytes were cut off"
    )
}

/// Where a new file starts: at nothing, or after the newest of the rotated ones.
fn begin(setup: &Setup, newest: Option<&(u64, std::path::PathBuf)>) -> Result<Start> {
    let stage = Stage::Missing { moved: false };
    let Some((number, path)) = newest else {
        return Ok(Start { handle: None, stage, segment: 0, length: 0, head: Head::default(), torn: false });
    };
    let label = path.display().to_string();
    match Found::read(path, &label, &setup.hasher)? {
        Some(found) if found.torn_bytes == 0 && found.segment == *number => {
            Ok(Start { handle: None, stage, segment: *number, length: 0, head: found.head, torn: false })
        }
        _ => Err(failure::damaged(&label, "it is not the whole file that its name says")),
    }
}

/// A file of a chain, with its first and last line checked.
struct Found {
    handle: Handle,
    segment: u64,
    head: Head,
    /// Bytes of whole lines.
    length: u64,
    torn_bytes: u64,
    /// The name that it is to get, where its last line says that it is full.
    full_as: Option<String>,
}

impl Found {
    /// Reads a file's ends; none where it holds no whole line and may be begun anew.
    fn read(path: &Path, label: &str, hasher: &Hasher) -> Result<Option<Self>> {
        let io_error = |error| failure::of_io(label, "read", error);
        let mut handle = Handle::open(path).map_err(io_error)?;
        let (start, end) = disk::end_of(handle.file(), 2, MAX_TORN_BYTES).map_err(io_error)?;
        let Some(newline) = memchr::memrchr(b'\n', &end) else {
            return if start == 0 && may_start_a_chain(&end) {
                Ok(None)
            } else {
                Err(failure::foreign(label))
            };
        };
        let whole = end.get(..newline).unwrap_or_default();
        let last = memchr::memrchr(b'\n', whole).map_or(whole, |at| whole.get(at + 1..).unwrap_or_default());
        let first = first_line(handle.file()).map_err(io_error)?;
        let (Ok(header), Some(ReadEvent::Opened { format, algorithm, segment, .. })) =
            (Line::parse(&first), ReadEvent::parse(&first))
        else {
            return Err(failure::foreign(label));
        };
        if format != FORMAT {
            return Err(Error::config(format!(
                "audit file `{label}` has format {format}, this version knows {FORMAT}: update checkrein to use it"
            )));
        }
        check_algorithm(label, &algorithm, hasher)?;
        let line =
            Line::parse(last).map_err(|what| failure::damaged(label, &format!("of its last line {what}")))?;
        if !header.is_whole(hasher) || !line.is_whole(hasher) {
            let what = match hasher {
                Hasher::Plain => "its first or last line was changed",
                Hasher::Keyed(_) => "its key is another one, or its first or last line was changed",
            };
            return Err(failure::damaged(label, what));
        }
        let length = start + newline as u64 + 1;
        Ok(Some(Found {
            segment,
            head: line.head(),
            length,
            torn_bytes: handle.length().map_err(io_error)?.saturating_sub(length),
            full_as: match ReadEvent::parse(last) {
                Some(ReadEvent::Rotated { file, .. }) if line.is_event => Some(file),
                _ => None,
            },
            handle,
        }))
    }
}

/// A chain keeps its algorithm: one with a key goes on with it, one without goes on without.
pub(super) fn check_algorithm(label: &str, found: &str, hasher: &Hasher) -> Result<()> {
    if found == hasher.algorithm() {
        return Ok(());
    }
    Err(Error::config(match found {
        KEYED => format!("audit file `{label}` was written with a key: give that key"),
        PLAIN => {
            format!("audit file `{label}` was written without a key: give none, or give another path")
        }
        other => format!(
            "audit file `{label}` has the algorithm `{}`, which this version does not know: update checkrein to use it",
            crate::text::shortened(other, 60)
        ),
    }))
}

fn first_line(file: &mut std::fs::File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.take(MAX_LINE_BYTES as u64).read_to_end(&mut bytes)?;
    bytes.truncate(memchr::memchr(b'\n', &bytes).unwrap_or(bytes.len()));
    Ok(bytes)
}
