//! The file as the operating system has it: appended to, cut, synced, and compared with what its path names now.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// An open file of a chain. Everything is written at its end, wherever that is.
#[derive(Debug)]
pub(super) struct Handle {
    file: File,
    identity: Identity,
    #[cfg(test)]
    pub(super) faults: std::sync::Arc<super::writer_tests::Faults>,
}

/// What tells two files apart that bear the same name one after the other.
#[cfg(unix)]
type Identity = (u64, u64);
#[cfg(not(unix))]
type Identity = ();

impl Handle {
    /// Opens a file that is there.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Self::over(options().open(path)?)
    }

    /// Makes a file that is not there yet, for its owner's eyes only.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        Self::over(options().create_new(true).open(path)?)
    }

    fn over(file: File) -> io::Result<Self> {
        Ok(Handle {
            identity: identity(&file.metadata()?),
            file,
            #[cfg(test)]
            faults: std::sync::Arc::default(),
        })
    }

    pub(super) fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        #[cfg(test)]
        if let Some(room) = self.faults.room(bytes.len()) {
            self.file.write_all(&bytes[..room])?;
            return Err(ErrorKind::StorageFull.into());
        }
        self.file.write_all(bytes)
    }

    /// Cuts everything off beyond so many bytes.
    pub(super) fn cut(&self, bytes: u64) -> io::Result<()> {
        #[cfg(test)]
        self.faults.cut()?;
        self.file.set_len(bytes)
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        #[cfg(test)]
        self.faults.sync()?;
        self.file.sync_data()
    }

    pub(super) fn length(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// True where the path still names this file; false where it names another one or none.
    pub(super) fn is_at(&self, path: &Path) -> io::Result<bool> {
        match std::fs::metadata(path) {
            Ok(metadata) => Ok(identity(&metadata) == self.identity),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The file itself, to be read.
    pub(super) fn file(&mut self) -> &mut File {
        &mut self.file
    }
}

/// The end of a file: as many bytes as hold so many newlines, at most `limit`, and where they start.
pub(super) fn end_of(file: &mut File, newlines: usize, limit: u64) -> io::Result<(u64, Vec<u8>)> {
    let length = file.metadata()?.len();
    let mut wanted = 64 * 1024;
    loop {
        let start = length.saturating_sub(wanted.min(limit));
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(start))?;
        file.take(length - start).read_to_end(&mut bytes)?;
        if start == 0
            || wanted >= limit
            || memchr::memchr_iter(b'\n', &bytes).nth(newlines.saturating_sub(1)).is_some()
        {
            return Ok((start, bytes));
        }
        wanted = wanted.saturating_mul(8);
    }
}

/// Makes what was renamed or created in a directory durable.
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    // Elsewhere a directory cannot be opened, and needs no sync.
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}

/// Whether both are the same file; none where this system does not tell.
pub(super) fn same(one: &Metadata, other: &Metadata) -> Option<bool> {
    if cfg!(unix) { Some(identity(one) == identity(other)) } else { None }
}

pub(super) fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(unix)]
fn identity(metadata: &Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> Identity {}
