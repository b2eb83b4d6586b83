//! One process a file: a lock beside it, `audit.jsonl.lock`, held from `open` to `close`.
//!
//! It is a file of its own because the audit file itself is renamed at each rotation. It is removed at `close`;
//! whoever locked a file that was removed in that moment sees it and tries again.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Write};
use std::path::PathBuf;

use super::{disk, failure};
use crate::error::Result;

/// A lock, held until it is dropped by the process that took it.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
    path: PathBuf,
    /// The child of a fork has a copy of the file, and with it of the lock: it must not give it back.
    owner: u32,
}

impl Lock {
    pub(super) fn take(path: PathBuf, label: &str) -> Result<Self> {
        let io_error = |error| failure::of_io(label, "locked", error);
        loop {
            let mut file = disk::options().create(true).open(&path).map_err(io_error)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let mut text = String::new();
                    let _ = file.take(32).read_to_string(&mut text);
                    return Err(failure::locked(label, text.trim().parse().ok()));
                }
                // A file system without locks: nobody can be told apart there.
                Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
                Err(TryLockError::Error(error)) => return Err(io_error(error)),
            }
            let held = file.metadata().map_err(io_error)?;
            if !std::fs::metadata(&path).is_ok_and(|named| disk::same(&held, &named) != Some(false)) {
                continue;
            }
            // Only for the message that a second process gives.
            let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
            return Ok(Lock { file, path, owner: std::process::id() });
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if self.owner != std::process::id() {
            return;
        }
        // Only where `take` can see that it is another file.
        if cfg!(unix) {
            let _ = std::fs::remove_file(&self.path);
        }
        // Closing the file is not enough: a process that was started a moment ago may still hold a copy of it.
        let _ = self.file.unlock();
    }
}
