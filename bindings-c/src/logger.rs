//! Where an engine's sentences go: a function of the host, or the standard error.

use std::ffi::{c_char, c_void};
use std::io::Write as _;

use checkrein::operation::LogLevel;
use checkrein::{Error, Result};

use crate::input;
use crate::text::Text;
use crate::user_data::{UserData, cr_drop_fn};

/// How grave a message is.
pub type cr_log_level = i32;
/// What log_and_allow tells.
pub const CR_LOG_INFO: cr_log_level = 0;
/// Something that its users should mend.
pub const CR_LOG_WARNING: cr_log_level = 1;

/// Takes one sentence, of `len` bytes with a NUL behind them, and says whether that worked: 0 is a failure. A note of
/// log_and_allow that cannot be told refuses its operation; a warning that cannot, does not. It may be called by
/// several threads at once, and must not throw or jump out.
pub type cr_log_fn = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        level: cr_log_level,
        message: *const c_char,
        len: usize,
    ) -> i32,
>;

/// A logger of the host. The library owns `user_data` from the call on that it is given to, one that fails included,
/// and calls `drop` with its last use.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct cr_logger {
    /// `sizeof(cr_logger)`.
    pub size: usize,
    /// Takes a sentence.
    pub log: cr_log_fn,
    /// Handed to `log`; may be NULL.
    pub user_data: *mut c_void,
    /// Lets `user_data` go; may be NULL.
    pub drop: cr_drop_fn,
}

/// A logger as the library keeps it.
pub(crate) struct Logger {
    log: unsafe extern "C" fn(*mut c_void, cr_log_level, *const c_char, usize) -> i32,
    user_data: UserData,
}

impl cr_logger {
    pub(crate) fn take(&self) -> Result<Logger> {
        input::checked_size::<cr_logger>(self.size, "logger")?;
        let user_data = UserData::new(self.user_data, self.drop);
        let log = self.log.ok_or_else(|| Error::usage("`logger->log` is NULL: give a function"))?;
        Ok(Logger { log, user_data })
    }
}

impl Logger {
    /// Whether the host took the sentence.
    pub(crate) fn tell(&self, level: LogLevel, message: String) -> bool {
        let message = Text::new(message);
        let text = message.as_c();
        // SAFETY: the host gave the function with this data; the text lives until it returns.
        unsafe { (self.log)(self.user_data.pointer(), level_number(level), text.data, text.len) != 0 }
    }
}

/// Without a logger of the host: a line on the standard error, which may fail like any other.
pub(crate) fn standard_error(level: LogLevel, message: &str) -> bool {
    let word = match level {
        LogLevel::Info => "info",
        LogLevel::Warning => "warning",
    };
    line(&format!("checkrein: {word}: {message}\n")).is_ok()
}

/// Past the lock of `stderr`: another thread may have held it at a fork.
#[cfg(unix)]
fn line(line: &str) -> std::io::Result<()> {
    use std::os::fd::FromRawFd as _;
    // SAFETY: the descriptor is borrowed, for it is not closed here.
    let mut file = std::mem::ManuallyDrop::new(unsafe { std::fs::File::from_raw_fd(2) });
    file.write_all(line.as_bytes())
}

#[cfg(not(unix))]
fn line(line: &str) -> std::io::Result<()> {
    std::io::stderr().write_all(line.as_bytes())
}

pub(crate) fn level_number(level: LogLevel) -> cr_log_level {
    match level {
        LogLevel::Info => CR_LOG_INFO,
        LogLevel::Warning => CR_LOG_WARNING,
    }
}
