//! Word of forks for the core. Node itself forks only to start another program, but what a package's native
//! part forks must not write to its parent's files.

/// Registers the handler that runs in the child, once for the process, however many threads load the module.
#[cfg(unix)]
#[napi_derive::module_init]
fn init() {
    static REGISTERED: std::sync::Once = std::sync::Once::new();

    extern "C" fn child() {
        checkrein::fork::child();
    }

    REGISTERED.call_once(|| {
        // SAFETY: the handler lives as long as the module, and only changes atomics.
        unsafe { libc::pthread_atfork(None, None, Some(child)) };
    });
}
