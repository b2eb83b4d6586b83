//! The audit file: JSON lines, each carrying the hash of the one before, so that editing, removing, reordering or
//! inserting any of them shows.
//!
//! [`AuditFile`] writes; [`verify`], [`tail`] and [`stats`] read. It is a resource that does I/O and decides nothing:
//! a driver hands it the entries that an operation made. Promised: appending costs the operation well below a
//! microsecond, or, where the file is strict, one sync that is shared by all who wait; what cannot be written is kept,
//! then counted, and told in the chain, never dropped without a word; a crash leaves a file that is written on after
//! its last whole line. `docs/audit-file.md` describes the format byte by byte.

mod disk;
mod event;
mod failure;
mod hash;
mod head;
mod line;
mod lock;
mod names;
mod options;
mod queue;
mod read;
mod recover;
mod setup;
mod shared;
mod stats;
mod tail;
mod verify;
mod writer;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use arc_swap::ArcSwapOption;

pub use hash::Digest;
pub use head::Head;
pub use options::{
    AuditFileOptions, DEFAULT_ROTATE_BYTES, Fsync, Phase, SHORTEST_KEY_BYTES, SMALLEST_ROTATE_BYTES, Secret,
};
pub use stats::{Stats, stats};
pub use tail::{TailLine, tail};
pub use verify::{Problem, Report, VerifyOptions, verify};

use self::lock::Lock;
use self::names::{Names, shown};
use self::setup::Setup;
use self::shared::{Shared, warn};
use super::{Entry, json};
use crate::error::{Error, Result};

/// An open audit file, shared by threads. Closed when it is dropped, or by [`close`](Self::close).
pub struct AuditFile {
    options: AuditFileOptions,
    path: PathBuf,
    shared: Arc<Shared>,
    /// In the child of a fork: the child's id and its file, which all who had this one share.
    child: ArcSwapOption<(u32, Weak<AuditFile>)>,
}

impl AuditFile {
    /// Opens an audit file and begins it where there is none; one that is there is written on.
    ///
    /// A last line that a crash left unfinished is cut off, with a warning and a line in the chain.
    ///
    /// # Errors
    /// `ConfigError` for settings that cannot be, a directory that is not there, a key that is missing or not wanted;
    /// `StoreError` for a file that another handle has open, that is no audit file, whose last line does not verify,
    /// and for what the file system says.
    pub fn open(options: AuditFileOptions) -> Result<Arc<Self>> {
        options.check()?;
        let names = Names::of_process(&options.path, std::process::id());
        Self::open_at(options, names, None)
    }

    fn open_at(options: AuditFileOptions, names: Names, parent: Option<(Head, String)>) -> Result<Arc<Self>> {
        let names = names.resolved();
        let path = names.current().to_path_buf();
        let setup = Setup::new(&options, names)?;
        Self::over(options, path, setup, parent)
    }

    fn over(
        options: AuditFileOptions,
        path: PathBuf,
        setup: Setup,
        parent: Option<(Head, String)>,
    ) -> Result<Arc<Self>> {
        if !setup.names.directory().is_dir() {
            return Err(failure::no_directory(&setup.label, setup.names.directory()));
        }
        let lock = Lock::take(setup.names.lock(), &setup.label)?;
        let mut notices = Vec::new();
        let writer = recover::open(setup, parent, &mut |notice| notices.push(notice));
        warn(notices);
        Ok(Arc::new(AuditFile {
            options,
            path,
            shared: Arc::new(Shared::new(writer?, lock)),
            child: ArcSwapOption::empty(),
        }))
    }

    /// Queues entries and returns; the file numbers them in the order of the calls. A background thread writes them
    /// within a tenth of a second.
    ///
    /// The disk is waited for only where more than 1 MiB waits for it. While it cannot be written, entries are kept
    /// up to 16 MiB and then counted: see [`lost`](Self::lost) and [`last_error`](Self::last_error).
    ///
    /// # Errors
    /// `StoreError` once the file was closed; `UsageError` in the child of a fork.
    pub fn append(&self, entries: &[Entry], phase: Option<Phase>) -> Result<()> {
        thread_local! {
            static BODIES: std::cell::Cell<Vec<u8>> = const { std::cell::Cell::new(Vec::new()) };
        }
        self.check_process()?;
        let mut bodies = BODIES.try_with(std::cell::Cell::take).unwrap_or_default();
        bodies.clear();
        write_bodies(&mut bodies, entries, phase);
        let outcome = self.shared.append(&bodies, entries.len() as u64);
        bodies.shrink_to(64 * 1024);
        let _ = BODIES.try_with(|place| place.set(bodies));
        outcome
    }

    /// Writes entries and returns once they are on disk, after all that was appended before. Threads that come at
    /// the same time share one sync.
    ///
    /// # Errors
    /// `StoreError` where the lines could not be written or synced: they are not in the file then, or the file takes
    /// no durable lines any more until it is opened again. The others as of [`append`](Self::append).
    pub fn append_durably(&self, entries: &[Entry], phase: Option<Phase>) -> Result<()> {
        self.check_process()?;
        let mut bodies = Vec::with_capacity(entries.len().saturating_mul(384));
        write_bodies(&mut bodies, entries, phase);
        self.shared.append_durably(bodies)
    }

    /// True where the file was opened as strict.
    #[must_use]
    pub fn is_strict(&self) -> bool {
        self.options.strict
    }

    /// Writes out what waits and syncs it, unless the policy is [`Fsync::Never`].
    ///
    /// # Errors
    /// `StoreError` where that fails (what waits is kept) and once the file was closed; `UsageError` in the child of
    /// a fork.
    pub fn flush(&self) -> Result<()> {
        self.check_process()?;
        self.shared.flush()
    }

    /// Writes out what waits, ends the file with a line that says so, and unlocks it. Once more does nothing; in the
    /// child of a fork it does nothing either.
    ///
    /// # Errors
    /// `StoreError` where not everything could be written. The file is closed all the same.
    pub fn close(&self) -> Result<()> {
        if self.shared.is_ours() { self.shared.close() } else { Ok(()) }
    }

    /// The last line that was written: what is still queued is not in it; [`flush`](Self::flush) first where that
    /// matters. Takes no lock.
    #[must_use]
    pub fn head(&self) -> Head {
        self.shared.head()
    }

    /// How many entries could not be kept so far, because the file could not be written for long.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.shared.lost()
    }

    /// The newest failure to write, also where the file is written again by now.
    #[must_use]
    pub fn last_error(&self) -> Option<Arc<Error>> {
        self.shared.last_error()
    }

    /// The file that is written: `{pid}` is replaced.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// In the child of a fork: opens a file of the child's own, whose first line names the parent's head.
    ///
    /// The file is the path with the child's id for `{pid}`, or, where there is no `{pid}`, `audit-PID.jsonl` beside
    /// `audit.jsonl`. No lock of the parent's is waited for and nothing of its file is touched. The head is the last
    /// that the parent had written; entries that waited in its queue are the parent's to write. Where it is open in the
    /// child already, it is given again: engines that share a file share the child's too.
    ///
    /// # Errors
    /// `UsageError` in the process that opened the file; the others as of [`open`](Self::open).
    pub fn after_fork(&self) -> Result<Arc<Self>> {
        if self.shared.is_ours() {
            return Err(Error::usage(format!(
                "`after_fork` is for the child of a fork, and audit file `{}` was opened by this very process",
                self.shared.label
            )));
        }
        let pid = std::process::id();
        let known = self.child.load_full().filter(|child| child.0 == pid);
        if let Some(known) = known.and_then(|child| child.1.upgrade()) {
            return Ok(known);
        }
        self.shared.release_in_child();
        let file = self.open_child(pid)?;
        self.child.store(Some(Arc::new((pid, Arc::downgrade(&file)))));
        Ok(file)
    }

    fn open_child(&self, pid: u32) -> Result<Arc<Self>> {
        let names = Names::of_child(&self.options.path, pid);
        Self::open_at(self.options.clone(), names, Some((self.head(), shown(&self.path))))
    }

    fn check_process(&self) -> Result<()> {
        if self.shared.is_ours() { Ok(()) } else { Err(failure::of_parent(&self.shared.label)) }
    }
}

impl Drop for AuditFile {
    fn drop(&mut self) {
        // A failure was remembered and told as a warning.
        let _ = self.close();
    }
}

impl fmt::Debug for AuditFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditFile")
            .field("path", &self.path)
            .field("strict", &self.options.strict)
            .field("head", &self.head())
            .finish()
    }
}

/// Writes the bodies of entries, each with a newline: no field holds one, JSON escapes them.
fn write_bodies(out: &mut Vec<u8>, entries: &[Entry], phase: Option<Phase>) {
    for entry in entries {
        entry.write_json_fields(out);
        if let Some(phase) = phase {
            json::name(out, "phase");
            json::text(out, phase.as_str());
        }
        out.push(b'\n');
    }
}

#[cfg(test)]
mod writer_tests;
