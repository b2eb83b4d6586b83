//! Forks: the core is told in the child, so that it does not use what belongs to the parent.

use std::sync::atomic::{AtomicU32, Ordering};

use checkrein::Result;

/// How many forks lie between this process and the one that loaded the library.
static GENERATION: AtomicU32 = AtomicU32::new(0);

/// The number of this process among its forks.
pub(crate) fn generation() -> u32 {
    GENERATION.load(Ordering::Relaxed)
}

/// Has every later fork of this process tell the core: called before anything is made that a fork makes unusable.
///
/// # Errors
/// `CheckreinError` where the system has no memory left for that.
#[cfg(unix)]
pub(crate) fn watch() -> Result<()> {
    use std::sync::OnceLock;

    static WATCHED: OnceLock<bool> = OnceLock::new();

    extern "C" fn child() {
        GENERATION.fetch_add(1, Ordering::Relaxed);
        checkrein::fork::child();
    }
    // SAFETY: `child` may run in the child of a fork: it takes no lock.
    let watched = WATCHED.get_or_init(|| unsafe { libc::pthread_atfork(None, None, Some(child)) } == 0);
    if *watched {
        return Ok(());
    }
    Err(checkrein::Error::Internal("`pthread_atfork` failed: no memory is left".to_owned()))
}

/// Without forks there is nothing to watch.
#[cfg(not(unix))]
pub(crate) fn watch() -> Result<()> {
    Ok(())
}
