//! The database on disk: one process, one file, each write in a commit that it may share with others.
//!
//! A write goes through the [`group`](crate::group) queue to a transaction of the storage engine (`redb`, copy-on-write
//! B-trees with checksums). After each commit the leader publishes a view of the new state; reads take the
//! current view without a lock. The view is published before any writer of the group is told, so a writer
//! always reads its own write. After the first failure every call is refused until the database is opened again.

mod directory;
mod engine;
mod failure;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use arc_swap::ArcSwapOption;

use self::directory::Directory;
use self::engine::{Engine, View, Write};
use super::durability::Durability;
use super::options::Options;
use super::{Change, Page};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::group::GroupCommit;

/// With [`Durability::Relaxed`], a commit is synced once this much time has passed since the last that was.
const SYNC_AFTER_NS: u64 = 1_000_000_000;
/// With [`Durability::Relaxed`], a commit is synced once this much was written since the last that was.
const SYNC_AFTER_BYTES: usize = 8 * 1024 * 1024;

/// An open database in a directory.
pub(super) struct Disk {
    label: String,
    durability: Durability,
    clock: Clock,
    /// What reads see; `None` once the database was closed or has failed.
    view: ArcSwapOption<View>,
    writes: GroupCommit<Write>,
    /// The engine, for the leader of a group; `None` once the database was closed.
    open: Mutex<Option<Open>>,
    /// The first failure.
    failed: OnceLock<Error>,
}

struct Open {
    engine: Engine,
    /// Monotonic time of the last sync.
    synced_ns: u64,
    unsynced_bytes: usize,
    /// INVARIANT: dropped after the engine, so that nobody opens a file that is being closed.
    _directory: Option<Directory>,
}

impl Disk {
    pub(super) fn open(path: &Path, options: &Options) -> Result<Self> {
        let directory = Directory::lock(path)?;
        let label = directory.label().to_owned();
        let file = directory.data(|file| Engine::create(&label, file, options))?;
        let engine = Engine::open_file(&label, file, options)?;
        Self::over(label, Some(directory), engine, options)
    }

    /// A database over a storage of the tests', new where it is empty.
    #[cfg(test)]
    fn with_backend(backend: impl redb::StorageBackend, options: &Options) -> Result<Self> {
        let label = "test".to_owned();
        let engine = Engine::open(&label, backend, options.check, options)?;
        Self::over(label, None, engine, options)
    }

    // The directory comes before the engine: where this fails, the file is closed before it is unlocked.
    fn over(label: String, directory: Option<Directory>, engine: Engine, options: &Options) -> Result<Self> {
        let view = engine.view(&label)?;
        Ok(Disk {
            durability: options.durability,
            clock: options.clock.clone(),
            view: ArcSwapOption::from_pointee(view),
            writes: GroupCommit::new(),
            open: Mutex::new(Some(Open {
                engine,
                synced_ns: options.clock.now().monotonic_ns,
                unsynced_bytes: 0,
                _directory: directory,
            })),
            failed: OnceLock::new(),
            label,
        })
    }

    /// The directory as messages name it.
    pub(super) fn label(&self) -> &str {
        &self.label
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let view = self.view.load();
        let Some(view) = view.as_ref() else { return Err(self.refusal()) };
        view.get(&self.label, key).map_err(|error| self.fail(error))
    }

    pub(super) fn put(&self, key: &[u8], value: &[u8]) -> Result<()> {
        self.submit(Write::Put(key.into(), value.into()))
    }

    pub(super) fn delete(&self, key: &[u8]) -> Result<()> {
        self.submit(Write::Delete(key.into()))
    }

    /// All changes in one commit.
    pub(super) fn batch(&self, changes: &[Change<'_>]) -> Result<()> {
        self.submit(Write::Batch(changes.iter().map(Write::from).collect()))
    }

    pub(super) fn scan(&self, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Page> {
        let view = self.view.load();
        let Some(view) = view.as_ref() else { return Err(self.refusal()) };
        view.scan(&self.label, prefix, after, limit).map_err(|error| self.fail(error))
    }

    pub(super) fn flush(&self) -> Result<()> {
        self.submit(Write::Flush)
    }

    /// Finishes the writes under way, closes the file and unlocks the directory.
    pub(super) fn close(&self) -> Result<()> {
        self.writes.close();
        let Some(open) = self.lock().take() else { return Ok(()) };
        self.view.store(None);
        let closed = open.engine.close(&self.label);
        // After a failure the engine only repeats that there was one; its caller knows, but whoever wrote before
        // and was told that it is not yet on disk does not.
        match self.failed.get() {
            Some(first) if open.unsynced_bytes > 0 => Err(first.clone()),
            Some(_) => Ok(()),
            None => closed,
        }
    }

    fn submit(&self, write: Write) -> Result<()> {
        let bytes = write.bytes();
        let outcome = self.writes.submit(write, bytes, |writes| self.commit(writes));
        outcome.unwrap_or_else(|| Err(failure::closed(&self.label)))
    }

    /// Commits a group; only its leader is here, so the lock is never waited for.
    fn commit(&self, writes: &[Write]) -> Result<()> {
        if let Some(first) = self.failed.get() {
            return Err(failure::again(&self.label, first));
        }
        let mut open = self.lock();
        let Some(open) = open.as_mut() else { return Err(failure::closed(&self.label)) };
        let now = self.clock.now().monotonic_ns;
        let bytes = writes.iter().map(Write::bytes).fold(open.unsynced_bytes, usize::saturating_add);
        let sync = self.durability == Durability::Sync
            || bytes >= SYNC_AFTER_BYTES
            || now.saturating_sub(open.synced_ns) >= SYNC_AFTER_NS
            || writes.iter().any(|write| matches!(write, Write::Flush));
        let view = open.engine.commit(&self.label, writes, sync).map_err(|error| self.fail(error))?;
        self.view.store(Some(view.into()));
        // A read may have failed meanwhile, before this view was there to be taken away.
        if self.failed.get().is_some() {
            self.view.store(None);
        }
        if sync {
            open.synced_ns = now;
        }
        open.unsynced_bytes = if sync { 0 } else { bytes };
        Ok(())
    }

    /// Remembers the first failure: what is in memory may not be what is on disk, so nothing is read or written
    /// until the database was opened again.
    fn fail(&self, error: Error) -> Error {
        if error.code() != crate::error::Code::StoreClosed {
            let _ = self.failed.set(error.clone());
            self.view.store(None);
        }
        error
    }

    /// Why there is no view.
    fn refusal(&self) -> Error {
        match self.failed.get() {
            Some(first) if self.lock().is_some() => failure::again(&self.label, first),
            _ => failure::closed(&self.label),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            log::warn!("{error}");
        }
    }
}

#[cfg(test)]
mod tests;
