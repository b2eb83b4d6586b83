//! What holds the file: it makes lines of bodies, writes them, begins new files, and always knows how many bytes of
//! the file are good.
//!
//! After a failure the file is what it was before the write, or `dirty` says that it could not be cut back, and the
//! next write begins with that. The chain's head moves only with lines that were written, so a body that failed can
//! be written later under another number.

use std::io::{self, ErrorKind};

use super::disk::{self, Handle};
use super::event::{Event, Parent};
use super::head::Head;
use super::line::{FRAME_BYTES, MAX_LINE_BYTES, may_start_a_chain, seal};
use super::names::shown;
use super::options::Fsync;
use super::setup::Setup;

/// Lines are written together up to this many bytes.
const CHUNK_BYTES: usize = 256 * 1024;
/// With [`Fsync::Interval`], a write is synced once this much time has passed since the last sync.
const SYNC_AFTER_NS: u64 = 1_000_000_000;

pub(super) struct Writer {
    pub(super) setup: Setup,
    /// The file, where there is one; the old one until a new one has its header.
    handle: Option<Handle>,
    stage: Stage,
    /// The number of the file in the chain, from 1; 0 before the first.
    segment: u64,
    /// Bytes of whole lines that are ours.
    length: u64,
    /// Lines in the file; of one that was found, 2 stands for any number from 2.
    lines: u64,
    head: Head,
    /// There may be bytes beyond `length`: a write failed, and cutting it off too.
    dirty: bool,
    unsynced: bool,
    synced_ns: u64,
    /// What a forked child's first line tells of its parent.
    parent: Option<(Head, String)>,
    out: Vec<u8>,
}

/// INVARIANT: lines are written only at `Open`; every other stage is on its way there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The path names our file.
    Open,
    /// Its last line says that it is full: it has to be renamed.
    Sealed,
    /// There is no file of ours at the path. `moved`: because somebody took it away.
    Missing { moved: bool },
}

/// Where a writer starts: what recovery found.
pub(super) struct Start {
    pub(super) handle: Option<Handle>,
    pub(super) stage: Stage,
    pub(super) segment: u64,
    pub(super) length: u64,
    pub(super) head: Head,
    /// There are bytes beyond `length`, to be cut off.
    pub(super) torn: bool,
}

impl Writer {
    pub(super) fn new(setup: Setup, start: Start, parent: Option<(Head, String)>) -> Self {
        #[cfg_attr(not(test), expect(unused_mut, reason = "faults are for tests"))]
        let mut handle = start.handle;
        #[cfg(test)]
        if let Some(handle) = &mut handle {
            handle.faults = setup.faults.clone();
        }
        Writer {
            handle,
            stage: start.stage,
            segment: start.segment,
            length: start.length,
            lines: 2,
            head: start.head,
            dirty: start.torn,
            unsynced: false,
            synced_ns: setup.clock.now().monotonic_ns,
            parent,
            out: Vec::new(),
            setup,
        }
    }

    /// The last line that was written.
    pub(super) fn head(&self) -> Head {
        self.head
    }

    /// True where lines wait for a sync that the policy wants.
    pub(super) fn is_unsynced(&self) -> bool {
        self.unsynced && self.setup.fsync != Fsync::Never
    }

    /// True where refused lines may stand at the end of the file.
    pub(super) fn is_dirty(&self) -> bool {
        self.dirty
    }

    /// Looks whether the file is still the one that the path names, and as long as we left it. What was noticed is
    /// told to `notice`, and goes into the chain.
    pub(super) fn look(&mut self, notice: &mut impl FnMut(String)) -> io::Result<()> {
        if self.stage != Stage::Open {
            return Ok(());
        }
        let Some(handle) = &self.handle else { return Ok(()) };
        let label = &self.setup.label;
        if !handle.is_at(self.setup.names.current())? {
            notice(format!(
                "audit file `{label}` was moved away, removed or replaced: the chain goes on in a new file"
            ));
            if self.unsynced {
                let _ = handle.sync();
            }
            self.stage = Stage::Missing { moved: true };
            return Ok(());
        }
        let found = handle.length()?;
        if found == self.length || self.dirty && found > self.length {
            return Ok(());
        }
        notice(format!(
            "audit file `{label}` has {found} bytes instead of {}: somebody else wrote into it or cut it",
            self.length
        ));
        if found == 0 {
            // Copied and then emptied: what was in it is elsewhere, as after a move.
            self.handle = None;
            self.stage = Stage::Missing { moved: true };
            return Ok(());
        }
        let expected = std::mem::replace(&mut self.length, found);
        self.event(Event::Disturbed { expected_bytes: expected, found_bytes: found })
    }

    /// Writes the lines of as many bodies as it can; `done` is how many of the bytes were written, before and after.
    /// Each body ends with a newline.
    pub(super) fn write(&mut self, bodies: &[u8], done: &mut usize) -> io::Result<()> {
        while let Some(rest) = bodies.get(*done..).filter(|rest| !rest.is_empty()) {
            self.ready()?;
            let mut out = std::mem::take(&mut self.out);
            out.clear();
            let (mut head, mut lines, mut start, mut full) = (self.head, 0, 0, false);
            for end in memchr::memchr_iter(b'\n', rest) {
                let before = (out.len(), head);
                seal(&mut out, rest.get(start..end).unwrap_or_default(), &mut head, &self.setup.hasher);
                if self.is_past(out.len(), lines) {
                    out.truncate(before.0);
                    head = before.1;
                    full = true;
                    break;
                }
                lines += 1;
                start = end + 1;
                if out.len() >= CHUNK_BYTES {
                    break;
                }
            }
            let written = self.put(&out, head, lines);
            self.out = out;
            written?;
            *done += start;
            if full {
                self.seal_file()?;
            } else if lines == 0 {
                // No newline at all: nothing that was queued, so nothing that could be waited for.
                *done = bodies.len();
            }
        }
        Ok(())
    }

    /// Writes all of these bodies, or none of them, into one file, and syncs it.
    pub(super) fn write_durably(&mut self, writes: &[Vec<u8>]) -> io::Result<()> {
        let bytes: usize = writes.iter().map(Vec::len).sum();
        let bodies: usize = writes.iter().map(|write| memchr::memchr_iter(b'\n', write).count()).sum();
        self.ready()?;
        if self.is_past(bytes.saturating_add(bodies.saturating_mul(FRAME_BYTES)), 0) {
            self.seal_file()?;
            self.ready()?;
        }
        let before = (self.length, self.head, self.lines);
        let mut out = std::mem::take(&mut self.out);
        out.clear();
        let mut head = self.head;
        for body in
            writes.iter().flat_map(|write| write.split(|byte| *byte == b'\n')).filter(|body| !body.is_empty())
        {
            seal(&mut out, body, &mut head, &self.setup.hasher);
        }
        let written = self.put(&out, head, bodies as u64);
        out.shrink_to(CHUNK_BYTES * 2);
        self.out = out;
        written?;
        let Err(error) = self.sync() else { return Ok(()) };
        (self.length, self.head, self.lines) = before;
        self.dirty = true;
        if let Some(handle) = &self.handle
            && handle.cut(self.length).and_then(|()| handle.sync()).is_ok()
        {
            self.dirty = false;
        }
        Err(error)
    }

    /// Writes the line of an event.
    pub(super) fn event(&mut self, event: Event<'_>) -> io::Result<()> {
        self.ready()?;
        self.put_event(event)
    }

    /// Syncs what was written, where the policy wants it now.
    pub(super) fn sync_if_due(&mut self) -> io::Result<()> {
        let waited = || self.setup.clock.now().monotonic_ns.saturating_sub(self.synced_ns);
        let due = match self.setup.fsync {
            Fsync::Never => false,
            Fsync::Always => true,
            Fsync::Interval => self.unsynced && waited() >= SYNC_AFTER_NS,
        };
        if due { self.sync() } else { Ok(()) }
    }

    /// Syncs what was written, unless the policy is never to.
    pub(super) fn sync_unless_never(&mut self) -> io::Result<()> {
        if self.setup.fsync == Fsync::Never { Ok(()) } else { self.sync() }
    }

    fn sync(&mut self) -> io::Result<()> {
        if let Some(handle) = self.handle.as_ref().filter(|_| self.unsynced) {
            handle.sync()?;
            self.unsynced = false;
        }
        self.synced_ns = self.setup.clock.now().monotonic_ns;
        Ok(())
    }

    /// Goes on to `Open`: finishes a rotation, and begins the file where there is none.
    pub(super) fn ready(&mut self) -> io::Result<()> {
        loop {
            match self.stage {
                Stage::Open => return Ok(()),
                Stage::Sealed => self.rename()?,
                Stage::Missing { moved } => {
                    let current = self.setup.names.current();
                    // A directory that was away comes back with the file in it.
                    match &self.handle {
                        Some(handle) if moved && handle.is_at(current)? => self.stage = Stage::Open,
                        _ => self.begin(moved)?,
                    }
                }
            }
        }
    }

    fn rename(&mut self) -> io::Result<()> {
        self.sync_unless_never()?;
        let names = &self.setup.names;
        let ours = match &self.handle {
            Some(handle) => handle.is_at(names.current())?,
            None => true,
        };
        if ours {
            let target = names.rotated(self.segment);
            if target.symlink_metadata().is_ok() {
                return Err(io::Error::other(format!(
                    "`{}` is there already: move it away",
                    target.display()
                )));
            }
            std::fs::rename(names.current(), target)?;
            if self.setup.fsync != Fsync::Never {
                disk::sync_directory(names.directory())?;
            }
        } else {
            // Gone with its directory: it may come back.
            std::fs::metadata(names.directory())?;
        }
        self.stage = Stage::Missing { moved: false };
        Ok(())
    }

    fn begin(&mut self, moved: bool) -> io::Result<()> {
        let names = &self.setup.names;
        let mut torn_bytes = 0;
        let mut handle = match Handle::create(names.current()) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                let mut handle = Handle::open(names.current())?;
                let (_, bytes) = disk::end_of(handle.file(), 1, MAX_LINE_BYTES as u64)?;
                if bytes.contains(&b'\n') || !may_start_a_chain(&bytes) {
                    return Err(io::Error::other("another file stands at its path: move it away"));
                }
                handle.cut(0)?;
                torn_bytes = bytes.len() as u64;
                handle
            }
            created => created?,
        };
        #[cfg(test)]
        {
            handle.faults = self.setup.faults.clone();
        }
        let before = shown(&names.rotated(self.segment));
        let event = Event::Opened {
            segment: self.segment.saturating_add(1),
            continues: (self.segment > 0).then_some(before.as_str()),
            moved,
            parent: self.parent.as_ref().map(|(head, file)| Parent { head: *head, file }),
        };
        let (mut body, mut line, mut head) = (Vec::new(), Vec::new(), self.head);
        event.write(&mut body, &self.setup.hasher, self.setup.clock.now().wall_ns);
        seal(&mut line, &body, &mut head, &self.setup.hasher);
        if let Err(error) = handle.write_all(&line) {
            let _ = handle.cut(0);
            return Err(error);
        }
        if self.setup.fsync != Fsync::Never {
            handle.sync()?;
            disk::sync_directory(names.directory())?;
        }
        self.handle = Some(handle);
        self.stage = Stage::Open;
        self.segment = self.segment.saturating_add(1);
        self.length = line.len() as u64;
        self.lines = 1;
        self.head = head;
        self.dirty = false;
        self.unsynced = true;
        self.parent = None;
        if torn_bytes > 0 { self.put_event(Event::Repaired { cut_bytes: torn_bytes }) } else { Ok(()) }
    }

    /// Writes the last line of a full file.
    fn seal_file(&mut self) -> io::Result<()> {
        let names = &self.setup.names;
        let (file, next) = (shown(&names.rotated(self.segment)), shown(names.current()));
        self.put_event(Event::Rotated { segment: self.segment, file: &file, next: &next })?;
        self.stage = Stage::Sealed;
        Ok(())
    }

    fn put_event(&mut self, event: Event<'_>) -> io::Result<()> {
        let (mut body, mut line, mut head) = (Vec::new(), Vec::new(), self.head);
        event.write(&mut body, &self.setup.hasher, self.setup.clock.now().wall_ns);
        seal(&mut line, &body, &mut head, &self.setup.hasher);
        self.put(&line, head, 1)
    }

    /// Writes whole lines, and makes their head the chain's; on failure the file and the head are as before.
    fn put(&mut self, lines: &[u8], head: Head, count: u64) -> io::Result<()> {
        let Some(handle) = self.handle.as_mut().filter(|_| !lines.is_empty()) else { return Ok(()) };
        if self.dirty {
            handle.cut(self.length)?;
            self.dirty = false;
        }
        if let Err(error) = handle.write_all(lines) {
            self.dirty = handle.cut(self.length).is_err();
            return Err(error);
        }
        self.length = self.length.saturating_add(lines.len() as u64);
        self.lines = self.lines.saturating_add(count);
        self.head = head;
        self.unsynced = true;
        Ok(())
    }

    /// True where so many more bytes belong into a new file. A file has a line of its own beside its header, however
    /// long that line is.
    fn is_past(&self, bytes: usize, lines: u64) -> bool {
        let limit = self.setup.rotate_bytes;
        limit > 0 && self.length.saturating_add(bytes as u64) > limit && self.lines.saturating_add(lines) > 1
    }
}

/// A forked child writes a line about its parent into a file that was there already.
impl Writer {
    /// Says that a file is written on.
    pub(super) fn reopened(&mut self) -> io::Result<()> {
        let parent = self.parent.take();
        let parent = parent.as_ref().map(|(head, file)| Parent { head: *head, file });
        self.event(Event::Reopened { parent })
    }
}
