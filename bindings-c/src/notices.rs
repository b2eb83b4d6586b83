//! What the core's resources say on their own: an audit file that cannot be written, one whose torn end was cut off.
//! It belongs to no engine, and is said on any thread, so a logger of the process hears it.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use checkrein::operation::LogLevel;

use crate::logger::{Logger, cr_logger, standard_error};
use crate::{cr_error, cr_status, guard};

/// No lock: one that another thread held at a fork would be held in the child for ever.
static LOGGER: ArcSwapOption<Logger> = ArcSwapOption::const_empty();

struct Notices;

impl log::Log for Notices {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::Level::Warn
    }

    fn log(&self, record: &log::Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        // Most often a thread of the library's, where nobody waits for the outcome.
        guard::infallible((), || {
            let notice = record.args().to_string();
            match LOGGER.load_full() {
                Some(logger) => logger.tell(LogLevel::Warning, notice),
                None => standard_error(LogLevel::Warning, &notice),
            };
        });
    }

    fn flush(&self) {}
}

/// Has the notices told from here on: called before anything is made that could have one.
pub(crate) fn watch() {
    // A Rust program that links this crate may have set a logger of its own, which hears them then.
    if log::set_logger(&Notices).is_ok() {
        log::set_max_level(log::LevelFilter::Warn);
    }
}

/// Sets the process's logger for what is no operation's: the warning of an audit file whose torn end was cut off, that
/// was moved away, that cannot be written or has lost entries. NULL is a line on the standard error, as before the
/// first call. The struct is copied. It is called in any thread, those of the library included, and what it says of its
/// success changes nothing. A fork's child goes on with it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_set_notice_logger(
    logger: *const cr_logger,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid.
    unsafe {
        guard::fallible(error, || {
            let taken = logger.as_ref().map(cr_logger::take).transpose()?.map(Arc::new);
            watch();
            LOGGER.store(taken);
            Ok(())
        })
    }
}
