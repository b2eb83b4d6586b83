//! The directory of a database: its lock, its data file, and how that file comes to be.
//!
//! ```text
//! data/lock            held while the database is open; tells the holder's process id
//! data/checkrein.redb  the data
//! data/checkrein.new   a data file in the making, of no meaning once nobody holds the lock
//! ```
//!
//! A data file is made whole under another name and then renamed, so a crash at creation never leaves one that
//! cannot be opened, and an empty or truncated file is known to be damage.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use super::failure::{self, Doing};
use crate::error::{Error, Result};

const LOCK: &str = "lock";
const DATA: &str = "checkrein.redb";
const UNFINISHED: &str = "checkrein.new";

/// A directory that this handle has locked, until it is dropped.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    label: String,
    lock: File,
    /// Who locked it: the child of a fork shares the lock, and must not take it from its parent.
    owner: u32,
}

impl Directory {
    /// Makes the directory where it is missing, and locks it.
    pub(super) fn lock(path: &Path) -> Result<Self> {
        if path.as_os_str().is_empty() {
            return Err(Error::config("the path of the database is empty: give the path of a directory"));
        }
        let label = path.display().to_string();
        let io_error = |error| failure::of_io(&label, Doing::Open, error);
        if path.exists() && !path.is_dir() {
            return Err(Error::store(
                format!("`{label}` is a file, a database is a directory: give the path of a directory"),
                None,
            ));
        }
        create_directories(path).map_err(io_error)?;
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path.join(LOCK))
            .map_err(io_error)?;
        match lock.try_lock() {
            Ok(()) => {
                // Only for the message that a second process gives.
                let _ = lock
                    .set_len(0)
                    .and_then(|()| lock.rewind())
                    .and_then(|()| writeln!(lock, "{}", std::process::id()));
            }
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let _ = lock.take(32).read_to_string(&mut text);
                return Err(failure::locked(&label, text.trim().parse().ok()));
            }
            // A file system without locks: the engine's own lock has the last word there.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(io_error(error)),
        }
        Ok(Directory { path: path.to_path_buf(), label, lock, owner: std::process::id() })
    }

    /// The directory as messages name it.
    pub(super) fn label(&self) -> &str {
        &self.label
    }

    /// Opens the data file, and makes it with `make` where there is none.
    pub(super) fn data(&self, make: impl FnOnce(File) -> Result<()>) -> Result<File> {
        let io_error = |error| failure::of_io(&self.label, Doing::Open, error);
        let data = self.path.join(DATA);
        match open(&data) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            found => return found.map_err(io_error),
        }
        let unfinished = self.path.join(UNFINISHED);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&unfinished)
            .map_err(io_error)?;
        make(file)?;
        std::fs::rename(&unfinished, &data).map_err(io_error)?;
        sync(&self.path).map_err(io_error)?;
        open(&data).map_err(io_error)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // Closing the file is not enough: a process that was started a moment ago may still hold a copy of it, until
        // it runs its program, and with it the lock.
        if self.owner == std::process::id() {
            let _ = self.lock.unlock();
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open(path)
}

/// Makes the directories that are missing, each synced into the one above: a new database then survives a loss
/// of power together with its first write.
fn create_directories(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    create_directories(parent)?;
    match std::fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => sync(parent),
    }
}

fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}
