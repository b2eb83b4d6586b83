//! How a database is opened.

use std::path::Path;

use super::database::Database;
use super::durability::Durability;
use crate::clock::Clock;
use crate::error::Result;

/// The settings of a database on disk, all with a default.
///
/// ```
/// use checkrein::store::{Database, Durability};
///
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("data");
/// let database = Database::options().durability(Durability::Relaxed).open(&path)?;
/// database.put(b"counters/visits", b"1")?;
/// database.close()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Options {
    pub(super) durability: Durability,
    pub(super) cache_bytes: usize,
    pub(super) check: bool,
    pub(super) clock: Clock,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            durability: Durability::Sync,
            cache_bytes: 64 * 1024 * 1024,
            check: true,
            clock: Clock::System,
        }
    }
}

impl Options {
    /// When an acknowledged write is on disk. Default: [`Durability::Sync`].
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// The most memory for pages of the file, in bytes. Default: 64 MiB; at least 1 MiB is used.
    #[must_use]
    pub fn cache_bytes(mut self, bytes: usize) -> Self {
        self.cache_bytes = bytes.max(1024 * 1024);
        self
    }

    /// Whether to read the whole file and verify every checksum when it is opened. Default: `true`.
    ///
    /// It takes about a second for each gigabyte that the system has in memory. Without it a file that was altered from outside may give
    /// wrong values, or end the process when a damaged page is met. A file that was not closed properly is always
    /// checked.
    #[must_use]
    pub fn check(mut self, check: bool) -> Self {
        self.check = check;
        self
    }

    /// The clock that tells [`Durability::Relaxed`] when a second has passed. Default: the machine's.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Opens the database in a directory; directory and file are created where they are missing.
    ///
    /// # Errors
    /// A `StoreError`: the database is open elsewhere, damaged, without space, made by a newer version, or the
    /// directory cannot be used.
    pub fn open(self, path: impl AsRef<Path>) -> Result<Database> {
        Database::open_with(path.as_ref(), &self)
    }
}
