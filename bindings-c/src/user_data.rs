//! A pointer of the host's, and the function that lets it go.

use std::ffi::c_void;

/// Lets `user_data` go. Called once, in whichever thread ends the last use.
pub type cr_drop_fn = Option<unsafe extern "C" fn(user_data: *mut c_void)>;

/// A pointer of the host's that belongs to the library.
pub(crate) struct UserData {
    pointer: *mut c_void,
    drop: cr_drop_fn,
}

// SAFETY: the library only hands the pointer back; the header demands that it may be used in any thread, and by
// several at once.
unsafe impl Send for UserData {}
// SAFETY: as above.
unsafe impl Sync for UserData {}

impl UserData {
    pub(crate) fn new(pointer: *mut c_void, drop: cr_drop_fn) -> Self {
        UserData { pointer, drop }
    }

    pub(crate) fn pointer(&self) -> *mut c_void {
        self.pointer
    }
}

impl Drop for UserData {
    fn drop(&mut self) {
        if let Some(drop) = self.drop {
            // SAFETY: the host gave the function for this pointer, and it is called once.
            unsafe { drop(self.pointer) }
        }
    }
}
