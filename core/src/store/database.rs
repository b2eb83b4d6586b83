//! The embedded database: one handle over a file on disk or a map in memory.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use super::disk::Disk;
use super::memory::{Closed, Memory};
use super::options::Options;
use super::{Abilities, BoxError, Change, MAX_KEY_BYTES, MAX_VALUE_BYTES, Page, Store};
use crate::error::{Code, Error, Result, StoreError};
use crate::fork::{OfParent, OfProcess};

/// An ordered key-value store in a directory, or in memory.
///
/// A clone is the same database; it may be shared by any number of threads. One process at a time may have a
/// directory open, by one `open`. The last clone that is dropped closes it; an error at that moment goes to the
/// log, so call [`Database::close`] to see it.
///
/// After a fork the child's database is closed, see [`fork::child`](crate::fork::child): it is opened again there. The
/// parent's goes on.
///
/// ```
/// use checkrein::store::Database;
///
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("data");
/// let database = Database::open(&path)?;
/// database.put(b"users/alice", b"1")?; // on disk when this returns
/// assert_eq!(database.get(b"users/alice")?, Some(b"1".to_vec()));
/// database.close()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Database {
    place: Arc<Place>,
}

enum Place {
    Memory(OfProcess<Memory>),
    Disk(OfProcess<Box<Disk>>),
}

impl Database {
    /// Opens the database in a directory with the default [`Options`].
    ///
    /// # Errors
    /// See [`Options::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Options::default().open(path)
    }

    /// The settings to open a database with.
    #[must_use]
    pub fn options() -> Options {
        Options::default()
    }

    /// A new, empty database in memory. It is gone with its last clone.
    #[must_use]
    pub fn memory() -> Self {
        Database { place: Arc::new(Place::Memory(OfProcess::new(Memory::new()))) }
    }

    pub(super) fn open_with(path: &Path, options: &Options) -> Result<Self> {
        let disk = Box::new(Disk::open(path, options)?);
        Ok(Database { place: Arc::new(Place::Disk(OfProcess::new(disk))) })
    }

    /// The value of a key, or `None` where there is none.
    ///
    /// # Errors
    /// A `StoreError`, code `store_closed` after `close`; a `UsageError` for a key longer than
    /// [`MAX_KEY_BYTES`].
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        check_key(key)?;
        match &*self.place {
            Place::Memory(memory) => memory.get().map_err(forked)?.get(key).map_err(closed),
            Place::Disk(disk) => disk.get().map_err(forked)?.get(key),
        }
    }

    /// Sets a key to a value. Key and value may be empty.
    ///
    /// # Errors
    /// A `StoreError`: the write may or may not have happened, and on disk the database refuses every later
    /// call until it was opened again. A `UsageError`, before anything is written, for a key longer than
    /// [`MAX_KEY_BYTES`] or a value longer than [`MAX_VALUE_BYTES`].
    pub fn put(&self, key: &[u8], value: &[u8]) -> Result<()> {
        check_key(key)?;
        check_value(key, value)?;
        match &*self.place {
            Place::Memory(memory) => memory.get().map_err(forked)?.put(key, value).map_err(closed),
            Place::Disk(disk) => disk.get_surely().map_err(forked)?.put(key, value),
        }
    }

    /// Removes a key. That there was none is no error.
    ///
    /// # Errors
    /// As [`Database::put`].
    pub fn delete(&self, key: &[u8]) -> Result<()> {
        check_key(key)?;
        match &*self.place {
            Place::Memory(memory) => memory.get().map_err(forked)?.delete(key).map_err(closed),
            Place::Disk(disk) => disk.get_surely().map_err(forked)?.delete(key),
        }
    }

    /// Makes all changes in their order, or none of them. On disk they are one write: durable together, and never
    /// there in part. Readers see all of them or none; a scan sees that in each of its pages.
    ///
    /// ```
    /// use checkrein::store::{Change, Database};
    ///
    /// let database = Database::memory();
    /// database.batch(&[
    ///     Change::Put { key: b"accounts/alice", value: b"90" },
    ///     Change::Put { key: b"accounts/bob", value: b"110" },
    ///     Change::Delete { key: b"transfers/4711" },
    /// ])?;
    /// assert_eq!(database.get(b"accounts/bob")?, Some(b"110".to_vec()));
    /// # Ok::<(), checkrein::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Database::put`]; the bounds of all changes are checked before any is made.
    pub fn batch(&self, changes: &[Change<'_>]) -> Result<()> {
        for change in changes {
            check_key(change.key())?;
            check_value(change.key(), change.value().unwrap_or_default())?;
        }
        match &*self.place {
            Place::Memory(memory) => memory.get().map_err(forked)?.batch(changes).map_err(closed),
            Place::Disk(disk) => disk.get_surely().map_err(forked)?.batch(changes),
        }
    }

    /// A page of the pairs whose keys begin with `prefix`, in ascending order of the keys' bytes: from the first key
    /// that is greater than `after`, at most `limit` of them, and at most 1 MiB of keys and values or one pair.
    ///
    /// A page shows one moment. The next one may show a later moment: keys written or deleted meanwhile may or may not
    /// be among its pairs, but each key comes at most once, and in order.
    ///
    /// ```
    /// use checkrein::Database;
    ///
    /// let database = Database::memory();
    /// for key in [&b"users/alice"[..], b"users/bob", b"users/carol", b"visits"] {
    ///     database.put(key, b"1")?;
    /// }
    /// let mut users = Vec::new();
    /// loop {
    ///     let after = users.last().map(|(key, _): &(Vec<u8>, _)| key.as_slice());
    ///     let page = database.scan(b"users/", after, 2)?;
    ///     users.extend(page.pairs);
    ///     if page.end {
    ///         break;
    ///     }
    /// }
    /// assert_eq!(users.len(), 3);
    /// # Ok::<(), checkrein::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Database::get`]; a `UsageError` for a limit of 0, and for a prefix or `after` longer than
    /// [`MAX_KEY_BYTES`].
    pub fn scan(&self, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Page> {
        check_key(prefix)?;
        after.map_or(Ok(()), check_key)?;
        if limit == 0 {
            return Err(Error::usage("the limit of a scan is 0: ask for at least one pair"));
        }
        match &*self.place {
            Place::Memory(memory) => memory.get().map_err(forked)?.scan(prefix, after, limit).map_err(closed),
            Place::Disk(disk) => disk.get().map_err(forked)?.scan(prefix, after, limit),
        }
    }

    /// Makes every write acknowledged so far durable; of use with [`Durability::Relaxed`](super::Durability).
    ///
    /// # Errors
    /// A `StoreError`.
    pub fn flush(&self) -> Result<()> {
        match &*self.place {
            Place::Memory(memory) if memory.get().map_err(forked)?.is_closed() => Err(closed(Closed)),
            Place::Memory(_) => Ok(()),
            Place::Disk(disk) => disk.get_surely().map_err(forked)?.flush(),
        }
    }

    /// Closes the database for all its clones: writes under way are finished and acknowledged, later calls are
    /// refused with the code `store_closed`, and the directory may be opened again. Closing twice is no error, and nor
    /// is closing in the child of a fork, where it is closed already: it does nothing there.
    ///
    /// # Errors
    /// A `StoreError` where writes acknowledged as [`Durability::Relaxed`](super::Durability) could not be made
    /// durable. The database is closed nevertheless.
    pub fn close(&self) -> Result<()> {
        match &*self.place {
            Place::Memory(memory) => {
                if let Ok(memory) = memory.get() {
                    memory.close();
                }
                Ok(())
            }
            Place::Disk(disk) => disk.get_surely().map_or(Ok(()), |disk| disk.close()),
        }
    }

    /// True for a database in memory.
    #[must_use]
    pub fn is_memory(&self) -> bool {
        matches!(&*self.place, Place::Memory(_))
    }

    /// True where a call may wait for the disk: a binding then lets go of its interpreter around it.
    #[must_use]
    pub fn blocks(&self) -> bool {
        !self.is_memory()
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.place {
            Place::Memory(_) => f.write_str("Database(memory)"),
            Place::Disk(disk) => {
                write!(f, "Database({})", disk.constant().map_or("", |disk| disk.label()))
            }
        }
    }
}

impl Store for Database {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, BoxError> {
        Ok(Database::get(self, key)?)
    }

    fn put(&self, key: &[u8], value: &[u8]) -> Result<(), BoxError> {
        Ok(Database::put(self, key, value)?)
    }

    fn delete(&self, key: &[u8]) -> Result<(), BoxError> {
        Ok(Database::delete(self, key)?)
    }

    fn abilities(&self) -> Abilities {
        Abilities::ALL
    }

    fn scan(&self, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Page, BoxError> {
        Ok(Database::scan(self, prefix, after, limit)?)
    }

    fn batch(&self, changes: &[Change<'_>]) -> Result<(), BoxError> {
        Ok(Database::batch(self, changes)?)
    }
}

fn check_key(key: &[u8]) -> Result<()> {
    if key.len() > MAX_KEY_BYTES {
        return Err(Error::usage(format!(
            "the key `{}` has {} bytes, at most {MAX_KEY_BYTES} are allowed",
            crate::text::shown_key(key),
            key.len(),
        )));
    }
    Ok(())
}

fn check_value(key: &[u8], value: &[u8]) -> Result<()> {
    if value.len() > MAX_VALUE_BYTES {
        return Err(Error::usage(format!(
            "the value of `{}` has {} bytes, at most {MAX_VALUE_BYTES} are allowed: split it",
            crate::text::shown_key(key),
            value.len(),
        )));
    }
    Ok(())
}

/// The error in the child of a fork.
fn forked(OfParent { pid }: OfParent) -> Error {
    let message = format!(
        "this database was opened by process {pid} and is closed in the fork: open it after the fork"
    );
    StoreError { message, code: Code::StoreClosed, applied: None, cause: None }.into()
}

fn closed(_: Closed) -> Error {
    let message = "the database in memory is closed, its data is gone: make a new one".to_owned();
    StoreError { message, code: Code::StoreClosed, applied: None, cause: None }.into()
}

#[cfg(test)]
#[path = "database_tests.rs"]
mod tests;
