//! Tells the core that its process is the child of a fork.
//!
//! What the child finds of its parent's is the core's to judge. The binding's own locks cannot be held over a fork: a
//! fork of Python's is made with the interpreter's lock held, and no lock of the binding is held while that one is
//! given away (`recent` and `store` hold theirs to copy a reference; what is made once is made outside of its lock, see
//! `once`).

/// Has the core told of every fork from here on.
///
/// # Errors
/// The number of the operating system's error: no memory for one more handler.
#[cfg(unix)]
pub(crate) fn watch() -> Result<(), i32> {
    extern "C" fn child() {
        checkrein::fork::child();
    }
    // SAFETY: `child` takes no lock and allocates nothing, as a handler that runs in the child must not; it lives as long
    // as the process, since CPython never unloads a module's library.
    match unsafe { libc::pthread_atfork(None, None, Some(child)) } {
        0 => Ok(()),
        failed => Err(failed),
    }
}

/// There is no fork to be told of.
#[cfg(not(unix))]
pub(crate) fn watch() -> Result<(), i32> {
    Ok(())
}
