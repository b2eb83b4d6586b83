//! The storage engine behind a narrow door: open, commit, view, close, and no panic comes through.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};

use redb::backends::FileBackend;
use redb::{Durability as Level, ReadOnlyTable, ReadableDatabase, StorageBackend, TableDefinition};

use super::failure::{self, Doing};
use crate::error::Result;
use crate::store::options::Options;
use crate::store::page::{self, PageBuilder};
use crate::store::{Change, Page};

/// The format of the data that this version writes: the tables below.
const FORMAT: u64 = 1;

const DATA: TableDefinition<'static, &[u8], &[u8]> = TableDefinition::new("data");
const META: TableDefinition<'static, &str, u64> = TableDefinition::new("meta");
const META_FORMAT: &str = "format";

/// What one writer writes.
#[derive(Debug)]
pub(super) enum Write {
    Put(Box<[u8]>, Box<[u8]>),
    Delete(Box<[u8]>),
    /// Several, in their order.
    Batch(Vec<Write>),
    /// No change, but the commit is synced.
    Flush,
}

impl Write {
    /// What it counts for in bounds: its bytes and some for the bookkeeping.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Write::Put(key, value) => key.len().saturating_add(value.len()).saturating_add(64),
            Write::Delete(key) => key.len().saturating_add(64),
            Write::Batch(writes) => writes.iter().map(Write::bytes).fold(0, usize::saturating_add),
            Write::Flush => 0,
        }
    }

    fn apply(&self, data: &mut redb::Table<'_, &'static [u8], &'static [u8]>) -> Result<(), redb::Error> {
        match self {
            Write::Put(key, value) => drop(data.insert(&**key, &**value)?),
            Write::Delete(key) => drop(data.remove(&**key)?),
            Write::Batch(writes) => return writes.iter().try_for_each(|write| write.apply(data)),
            Write::Flush => {}
        }
        Ok(())
    }
}

impl From<&Change<'_>> for Write {
    fn from(change: &Change<'_>) -> Self {
        match *change {
            Change::Put { key, value } => Write::Put(key.into(), value.into()),
            Change::Delete { key } => Write::Delete(key.into()),
        }
    }
}

pub(super) struct Engine {
    /// `None` only while it is dropped.
    database: Option<redb::Database>,
}

/// The data as some commit left it; later commits do not change it.
pub(super) struct View {
    /// `None` only while it is dropped.
    data: Option<ReadOnlyTable<&'static [u8], &'static [u8]>>,
}

impl Engine {
    /// Makes a new, empty database in an empty file, and closes it.
    pub(super) fn create(label: &str, file: File, options: &Options) -> Result<()> {
        let backend = backend(label, file)?;
        Self::open(label, backend, false, options)?.close(label)
    }

    /// Opens a data file.
    pub(super) fn open_file(label: &str, file: File, options: &Options) -> Result<Self> {
        let length = file.metadata().map_err(|error| failure::of_io(label, Doing::Open, error))?.len();
        // The engine takes an empty file for a new database; here it is one that lost its content.
        if length == 0 {
            return Err(failure::damaged(label, None));
        }
        Self::open(label, backend(label, file)?, options.check, options)
    }

    /// Opens the database in a storage; an empty storage becomes a new one.
    pub(super) fn open(
        label: &str,
        backend: impl StorageBackend,
        check: bool,
        options: &Options,
    ) -> Result<Self> {
        let engine = guarded(label, Doing::Open, || {
            let mut builder = redb::Builder::new();
            builder.set_cache_size(options.cache_bytes).set_check_integrity_on_open(check);
            Ok(Engine { database: Some(builder.create_with_backend(backend)?) })
        })?;
        let found = guarded(label, Doing::Open, || engine.format())?;
        match found {
            FORMAT => Ok(engine),
            newer if newer > FORMAT => Err(failure::newer(label, newer, FORMAT)),
            _ => Err(failure::damaged(label, None)),
        }
    }

    /// The format of the data; a new database gets the present one.
    fn format(&self) -> Result<u64, redb::Error> {
        let read = self.database()?.begin_read()?;
        match read.open_table(META) {
            Ok(meta) => return Ok(meta.get(META_FORMAT)?.map_or(0, |format| format.value())),
            // A file with other tables than ours is not ours.
            Err(redb::TableError::TableDoesNotExist(_)) if read.list_tables()?.next().is_none() => {}
            Err(redb::TableError::TableDoesNotExist(_)) => return Ok(0),
            Err(error) => return Err(error.into()),
        }
        let write = self.database()?.begin_write()?;
        write.open_table(META)?.insert(META_FORMAT, FORMAT)?;
        drop(write.open_table(DATA)?);
        write.commit()?;
        Ok(FORMAT)
    }

    /// Applies writes in their order, all or none, and returns the view after them.
    pub(super) fn commit(&self, label: &str, writes: &[Write], sync: bool) -> Result<View> {
        guarded(label, Doing::Write, || {
            let mut transaction = self.database()?.begin_write()?;
            // It cannot fail here: it is refused only for savepoints and shared files.
            let _ = transaction.set_durability(if sync { Level::Immediate } else { Level::None });
            let mut data = transaction.open_table(DATA)?;
            writes.iter().try_for_each(|write| write.apply(&mut data))?;
            drop(data);
            transaction.commit()?;
            self.read()
        })
    }

    /// The view of what is committed.
    pub(super) fn view(&self, label: &str) -> Result<View> {
        guarded(label, Doing::Read, || self.read())
    }

    fn read(&self) -> Result<View, redb::Error> {
        Ok(View { data: Some(self.database()?.begin_read()?.open_table(DATA)?) })
    }

    /// Makes everything durable and closes the file.
    pub(super) fn close(mut self, label: &str) -> Result<()> {
        let database = self.database.take();
        guarded(label, Doing::Write, || Ok(database.map_or(Ok(()), redb::Database::close)?))
    }

    fn database(&self) -> Result<&redb::Database, redb::Error> {
        self.database.as_ref().ok_or(redb::Error::DatabaseClosed)
    }
}

impl View {
    /// The value of a key.
    pub(super) fn get(&self, label: &str, key: &[u8]) -> Result<Option<Vec<u8>>> {
        guarded(label, Doing::Read, || {
            let data = self.data.as_ref().ok_or(redb::Error::DatabaseClosed)?;
            Ok(data.get(key)?.map(|value| value.value().to_vec()))
        })
    }

    /// A page of the pairs whose keys begin with a prefix.
    pub(super) fn scan(
        &self,
        label: &str,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Page> {
        guarded(label, Doing::Read, || {
            let data = self.data.as_ref().ok_or(redb::Error::DatabaseClosed)?;
            let mut page = PageBuilder::new(prefix, limit);
            for pair in data.range::<&[u8]>(page::range(prefix, after))? {
                let (key, value) = pair?;
                if !page.takes(key.value(), value.value()) {
                    break;
                }
            }
            Ok(page.finish())
        })
    }
}

// Letting go of the engine's objects takes its locks, which panics after an earlier panic has poisoned them.
impl Drop for Engine {
    fn drop(&mut self) {
        let database = self.database.take();
        let _ = catch_unwind(AssertUnwindSafe(|| drop(database)));
    }
}

impl Drop for View {
    fn drop(&mut self) {
        let data = self.data.take();
        let _ = catch_unwind(AssertUnwindSafe(|| drop(data)));
    }
}

fn backend(label: &str, file: File) -> Result<FileBackend> {
    FileBackend::new(file).map_err(|error| failure::engine(label, Doing::Open, error.into()))
}

/// Runs a step of the engine. It trusts its file and panics on some damage; that must not reach the caller.
fn guarded<T>(label: &str, doing: Doing, step: impl FnOnce() -> Result<T, redb::Error>) -> Result<T> {
    // After a panic the database is not used again, see `Disk::fail`.
    match catch_unwind(AssertUnwindSafe(step)) {
        Ok(result) => result.map_err(|error| failure::engine(label, doing, error)),
        Err(payload) => Err(failure::panicked(label, &*payload)),
    }
}
