//! The embedded database: one handle over a file on disk or a map in memory.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use super::disk::Disk;
use super::memory::{Closed, Memory};
use super::options::Options;
use super::{BoxError, MAX_KEY_BYTES, MAX_VALUE_BYTES, Store};
use crate::error::{Code, Error, Result, StoreError};

/// An ordered key-value store in a directory, or in memory.
///
/// A clone is the same database; it may be shared by any number of threads. One process at a time may have a
/// directory open, by one `open`. The last clone that is dropped closes it; an error at that moment goes to the
/// log, so call [`Database::close`] to see it.
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
    Memory(Memory),
    Disk(Box<Disk>),
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
        Database { place: Arc::new(Place::Memory(Memory::new())) }
    }

    pub(super) fn open_with(path: &Path, options: &Options) -> Result<Self> {
        Ok(Database { place: Arc::new(Place::Disk(Box::new(Disk::open(path, options)?))) })
    }

    /// The value of a key, or `None` where there is none.
    ///
    /// # Errors
    /// A `StoreError`, code `store_closed` after `close`; a `UsageError` for a key longer than
    /// [`MAX_KEY_BYTES`].
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        check_key(key)?;
        match &*self.place {
            Place::Memory(memory) => memory.get(key).map_err(closed),
            Place::Disk(disk) => disk.get(key),
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
        if value.len() > MAX_VALUE_BYTES {
            return Err(Error::usage(format!(
                "the value of `{}` has {} bytes, at most {MAX_VALUE_BYTES} are allowed: split it",
                crate::text::shown_key(key),
                value.len(),
            )));
        }
        match &*self.place {
            Place::Memory(memory) => memory.put(key, value).map_err(closed),
            Place::Disk(disk) => disk.put(key, value),
        }
    }

    /// Removes a key. That there was none is no error.
    ///
    /// # Errors
    /// As [`Database::put`].
    pub fn delete(&self, key: &[u8]) -> Result<()> {
        check_key(key)?;
        match &*self.place {
            Place::Memory(memory) => memory.delete(key).map_err(closed),
            Place::Disk(disk) => disk.delete(key),
        }
    }

    /// Makes every write acknowledged so far durable; of use with [`Durability::Relaxed`](super::Durability).
    ///
    /// # Errors
    /// A `StoreError`.
    pub fn flush(&self) -> Result<()> {
        match &*self.place {
            Place::Memory(memory) if memory.is_closed() => Err(closed(Closed)),
            Place::Memory(_) => Ok(()),
            Place::Disk(disk) => disk.flush(),
        }
    }

    /// Closes the database for all its clones: writes under way are finished and acknowledged, later calls are
    /// refused with the code `store_closed`, and the directory may be opened again. Closing twice is no error.
    ///
    /// # Errors
    /// A `StoreError` where writes acknowledged as [`Durability::Relaxed`](super::Durability) could not be made
    /// durable. The database is closed nevertheless.
    pub fn close(&self) -> Result<()> {
        match &*self.place {
            Place::Memory(memory) => {
                memory.close();
                Ok(())
            }
            Place::Disk(disk) => disk.close(),
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
            Place::Disk(disk) => write!(f, "Database({})", disk.label()),
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

fn closed(_: Closed) -> Error {
    let message = "the database in memory is closed, its data is gone: make a new one".to_owned();
    StoreError { message, code: Code::StoreClosed, applied: None, cause: None }.into()
}

#[cfg(test)]
#[path = "database_tests.rs"]
mod tests;
