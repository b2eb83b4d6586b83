use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What a test makes a file do.
#[derive(Debug)]
pub(super) struct Faults {
    /// How many more bytes can be written.
    room: AtomicU64,
    no_cut: AtomicBool,
    no_sync: AtomicBool,
}

impl Default for Faults {
    fn default() -> Self {
        Faults {
            room: AtomicU64::new(u64::MAX),
            no_cut: AtomicBool::default(),
            no_sync: AtomicBool::default(),
        }
    }
}

impl Faults {
    /// How much of a write there is room for, where that is not all of it.
    pub(super) fn room(&self, bytes: usize) -> Option<usize> {
        let room = self.room.load(Ordering::SeqCst);
        if room == u64::MAX {
            return None;
        }
        let fits = room.min(bytes as u64);
        self.room.store(room - fits, Ordering::SeqCst);
        (fits < bytes as u64).then_some(fits as usize)
    }

    pub(super) fn cut(&self) -> io::Result<()> {
        if self.no_cut.load(Ordering::SeqCst) { Err(io::Error::other("no cut")) } else { Ok(()) }
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        if self.no_sync.load(Ordering::SeqCst) { Err(io::Error::other("no sync")) } else { Ok(()) }
    }
}
