//! Verification: every line of every file of the chain, byte by byte, in the memory of one line.

use std::path::{Path, PathBuf};

use super::event::{FORMAT, Read};
use super::hash::{Hasher, KEYED};
use super::head::Head;
use super::line::Line;
use super::names::{Names, shown};
use super::options::Secret;
use super::read::{Files, Next, Source};
use super::recover::check_algorithm;
use crate::error::{Error, Result};

/// How often a chain is read again that was rotated meanwhile.
const ATTEMPTS: usize = 5;

/// What a chain is held against.
#[derive(Clone, Debug, Default)]
pub struct VerifyOptions {
    /// The key that it was written with.
    pub key: Option<Secret>,
    /// A head that was stored elsewhere: the chain must hold this very line. It may have grown since.
    pub head: Option<Head>,
    /// Where older files were archived and removed: the head of the last line of the newest of them. The files that
    /// are left must go on from there.
    pub after: Option<Head>,
}

/// What a verification found. The counts go up to the first problem.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Files that were read.
    pub segments: u64,
    /// Lines that hold, events included.
    pub lines: u64,
    /// Lines that hold and are the file's own.
    pub events: u64,
    /// The number of the first line; 0 where there is none.
    pub first_sequence: u64,
    /// The last line that holds. Keep it elsewhere: with it, cutting at the end is found later.
    pub head: Head,
    /// How often a torn line was cut off, as the chain tells.
    pub repairs: u64,
    /// How many entries were lost while the file could not be written, as the chain tells.
    pub lost: u64,
    /// Bytes of an unfinished last line, which a crash or a writer at work leaves; not a problem.
    pub torn_bytes: u64,
    /// The first thing that does not hold; none where all does.
    pub problem: Option<Problem>,
}

/// The first thing that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1; 0 where it is the file as a whole.
    pub line: u64,
    /// What is wrong.
    pub what: String,
}

impl Report {
    /// True where everything holds.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.problem.is_none()
    }

    /// The number of the last line that holds.
    #[must_use]
    pub fn last_sequence(&self) -> u64 {
        self.head.sequence
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file.display(), self.what),
            line => write!(f, "{}, line {line}: {}", self.file.display(), self.what),
        }
    }
}

/// Verifies the chain of which `path` is the current file: the rotated files from number 1, then that one.
///
/// Editing, removing, reordering or inserting lines, and cutting anywhere but at the end, is a [`Problem`]; with
/// [`head`](VerifyOptions::head), cutting at the end too. The chain may be written on meanwhile.
///
/// # Errors
/// `StoreError` for what cannot be read, `ConfigError` for a chain with a key where none is given, `UsageError` where
/// `head` is older than `after`, or is another line of that number. A chain that does not hold is no error: see [`Report::problem`].
pub fn verify(path: impl AsRef<Path>, options: &VerifyOptions) -> Result<Report> {
    let path = path.as_ref();
    if let (Some(head), Some(after)) = (options.head, options.after)
        && head.sequence < after.sequence
    {
        return Err(Error::usage(format!(
            "the stored head, line {}, is older than line {}, after which the chain is to be verified: give a newer one",
            head.sequence, after.sequence
        )));
    }
    if let (Some(head), Some(after)) = (options.head, options.after)
        && head.sequence == after.sequence
        && head.hash != after.hash
    {
        // The line itself was archived: that no file holds it must not pass for agreement.
        return Err(Error::usage(format!(
            "the stored head and the line after which the chain is to be verified are both line {}, with two hashes: one \
             of them is of another chain",
            head.sequence
        )));
    }
    let mut attempt = 1;
    loop {
        let files = Files::list(path)?;
        let outcome = Verification::new(options)?.run(path, &files);
        let fine = outcome.as_ref().is_ok_and(Report::is_whole);
        // A rotation while we read moves a file from under its name: that is no problem of the chain's.
        if fine || attempt == ATTEMPTS || Files::list(path)?.numbers() == files.numbers() {
            return outcome;
        }
        attempt += 1;
    }
}

struct Verification<'a> {
    options: &'a VerifyOptions,
    hasher: Hasher,
    report: Report,
    /// The number of the file in hand, from 1.
    segment: u64,
    /// The newest line says that its file is full.
    sealed: bool,
}

/// Why a verification ends early.
enum Stop {
    Problem(Problem),
    Error(Error),
}

impl<'a> Verification<'a> {
    fn new(options: &'a VerifyOptions) -> Result<Self> {
        let report = Report { head: options.after.unwrap_or_default(), ..Report::default() };
        Ok(Verification {
            options,
            hasher: Hasher::new(options.key.as_ref())?,
            report,
            segment: 0,
            sealed: false,
        })
    }

    fn run(mut self, path: &Path, files: &Files) -> Result<Report> {
        match self.read(path, files) {
            Ok(()) => {}
            Err(Stop::Problem(problem)) => self.report.problem = Some(problem),
            Err(Stop::Error(error)) => return Err(error),
        }
        Ok(self.report)
    }

    fn read(&mut self, path: &Path, files: &Files) -> Result<(), Stop> {
        let names = Names::new(path).resolved();
        let count = files.all().count();
        for (at, source) in files.all().enumerate() {
            if let Some(number) = source.number {
                self.expect_file(number, source.path, &names, false)?;
            }
            self.file(source, &names, at + 1 == count)?;
            self.report.segments += 1;
        }
        let here = |what: String| problem(names.current(), 0, what);
        if self.report.lines == 0 {
            return Err(here("it holds no whole line: there is nothing to verify".to_owned()));
        }
        match self.options.head {
            Some(head) if head.sequence > self.report.head.sequence => Err(here(format!(
                "the chain ends with line {}, before the stored head, line {}: lines were cut off at its end",
                self.report.head.sequence, head.sequence
            ))),
            _ => Ok(()),
        }
    }

    /// Files have to follow one another; where older ones were archived, the first may have any number.
    fn expect_file(&mut self, number: u64, file: &Path, names: &Names, moved: bool) -> Result<(), Stop> {
        let expected = self.segment + 1;
        if self.segment == 0 && self.options.after.is_some() || number == expected {
            return Ok(());
        }
        if number < expected {
            return Err(problem(
                file,
                1,
                format!("it says to be file {number} of the chain, {expected} was expected"),
            ));
        }
        let mut what = format!("`{}` is missing before it", shown(&names.rotated(expected)));
        if moved {
            what.push_str("; it was moved away or removed while it was written: put it back under that name");
        }
        Err(problem(file, 0, what))
    }

    fn file(&mut self, source: Source<'_>, names: &Names, is_last: bool) -> Result<(), Stop> {
        let path = source.path;
        let mut lines = source.lines().map_err(Stop::Error)?;
        let mut at = 0;
        loop {
            at += 1;
            let wrong = |what: &str| Err(problem(path, at, what.to_owned()));
            match lines.next().map_err(|error| Stop::Error(source.error(error)))? {
                None => return Ok(()),
                Some(Next::Line(line)) => self.line(line, at, source, names)?,
                Some(Next::Torn(bytes)) if is_last => self.report.torn_bytes = bytes,
                Some(Next::Torn(_)) => return wrong("the file ends in the middle of it"),
                Some(Next::TooLong) => return wrong("it is longer than any line can be"),
            }
        }
    }

    fn line(&mut self, bytes: &[u8], at: u64, source: Source<'_>, names: &Names) -> Result<(), Stop> {
        let path = source.path;
        let wrong = |what: String| problem(path, at, what);
        let line = Line::parse(bytes).map_err(|what| wrong(what.to_owned()))?;
        let event = if line.is_event { Read::parse(bytes) } else { None };
        if !line.is_whole(&self.hasher) {
            if let (Some(Read::Opened { algorithm, .. }), None, 1) = (&event, &self.options.key, at)
                && algorithm == KEYED
            {
                // Without the key nothing can be said about a chain with one.
                check_algorithm(&path.display().to_string(), algorithm, &self.hasher).map_err(Stop::Error)?;
            }
            let what = "its hash is not that of its bytes: it was edited";
            let hint = if self.options.key.is_some() && self.report.lines == 0 {
                ", or the key is another one"
            } else {
                ""
            };
            return Err(wrong(format!("{what}{hint}")));
        }
        if at == 1 {
            self.header(event.as_ref(), source, names)?;
        } else if self.sealed {
            return Err(wrong(
                "it follows the line that says that the file was full: it was inserted".to_owned(),
            ));
        }
        let expected = self.report.head.sequence.saturating_add(1);
        if line.sequence != expected {
            let how = if line.sequence > expected {
                "lines are missing before it"
            } else {
                "it was moved or inserted"
            };
            return Err(wrong(format!(
                "it is line {} of the chain, {expected} was expected: {how}",
                line.sequence
            )));
        }
        if line.prev != self.report.head.hash {
            return Err(wrong(
                "its `prev` is not the hash of the line before: one of the two was replaced".to_owned(),
            ));
        }
        if let Some(head) = self.options.head.filter(|head| head.sequence == line.sequence)
            && head != line.head()
        {
            return Err(wrong(
                "it is not the line of the stored head: the chain was written anew".to_owned(),
            ));
        }
        self.sealed = false;
        match event {
            None if line.is_event => {
                return Err(wrong("it is an event that this version does not know".to_owned()));
            }
            Some(Read::Opened { .. }) if at > 1 => {
                return Err(wrong("only the first line of a file can say that it was opened".to_owned()));
            }
            Some(Read::Rotated { segment, .. }) if segment != self.segment => {
                return Err(wrong(format!("it speaks of file {segment}, but this is file {}", self.segment)));
            }
            Some(Read::Rotated { .. }) => self.sealed = true,
            Some(Read::Repaired) => self.report.repairs += 1,
            Some(Read::Lost { entries }) => self.report.lost = self.report.lost.saturating_add(entries),
            _ => {}
        }
        if self.report.lines == 0 {
            self.report.first_sequence = line.sequence;
        }
        self.report.lines += 1;
        self.report.events += u64::from(line.is_event);
        self.report.head = line.head();
        Ok(())
    }

    /// The first line of each file says which file of the chain it is; the one before has to end by saying that it
    /// was full, unless it was taken away before it could.
    fn header(&mut self, event: Option<&Read>, source: Source<'_>, names: &Names) -> Result<(), Stop> {
        let Source { path, number, .. } = source;
        let wrong = |what: String| problem(path, 1, what);
        let Some(Read::Opened { format, algorithm, segment, moved }) = event else {
            return Err(wrong(
                "the first line of the file is missing: it says that the file was opened".to_owned(),
            ));
        };
        if *format != FORMAT {
            return Err(wrong(format!("the file has format {format}, this version knows {FORMAT}")));
        }
        if algorithm != self.hasher.algorithm() {
            let given = self.hasher.algorithm();
            return Err(wrong(format!(
                "the file is said to be of `{algorithm}`, it is verified as `{given}`"
            )));
        }
        self.expect_file(*segment, path, names, *moved)?;
        if number.is_some_and(|number| number != *segment) {
            return Err(wrong(format!("it says to be file {segment} of the chain, which its name does not")));
        }
        if self.report.lines > 0 && !self.sealed && !moved {
            return Err(wrong(
                "the file before does not end by saying that it was full: its end was cut off".to_owned(),
            ));
        }
        self.segment = *segment;
        Ok(())
    }
}

fn problem(file: &Path, line: u64, what: String) -> Stop {
    Stop::Problem(Problem { file: file.to_path_buf(), line, what })
}
