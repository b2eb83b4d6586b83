//! What the core's resources say on their own (an audit file that cannot be written, one whose torn end was cut
//! off), handed to JavaScript.
//!
//! They say it on any thread, so it is queued for a thread of JavaScript's: the first that loaded the package and
//! still runs. The queue keeps no process alive and nobody waits for it: past [`MOST`] notices, those that come are
//! let go.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once, PoisonError};

use napi::Status;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi_derive::napi;

const MOST: usize = 1_000;

/// A function of JavaScript's that takes a notice. It does not hold its thread's loop.
type Tell = ThreadsafeFunction<String, (), String, Status, false, true, MOST>;

struct Notices {
    told: Mutex<Vec<Tell>>,
}

static NOTICES: Notices = Notices { told: Mutex::new(Vec::new()) };

/// This is the child of a fork: no loop of JavaScript's runs here, and a lock may be held for ever.
static IN_CHILD: AtomicBool = AtomicBool::new(false);

impl log::Log for Notices {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::Level::Warn && !IN_CHILD.load(Ordering::Relaxed)
    }

    fn log(&self, record: &log::Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        // A panic here would end the thread that writes the audit.
        drop(catch_unwind(AssertUnwindSafe(|| self.tell(&record.args().to_string()))));
    }

    fn flush(&self) {}
}

impl Notices {
    /// Queues a notice. The lock is held for that long only, and JavaScript does not run under it.
    fn tell(&self, notice: &str) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        // A thread of JavaScript's that has ended takes nothing any more.
        while let Some(first) = told.first() {
            match first.call(notice.to_owned(), ThreadsafeFunctionCallMode::NonBlocking) {
                Status::Ok | Status::QueueFull => return,
                // Never let go: Node may have freed what stands behind it.
                _ => std::mem::forget(told.remove(0)),
            }
        }
    }
}

/// Has notices handed to a function of JavaScript's from here on. It must not throw.
#[napi(catch_unwind)]
pub fn watch_notices(tell: Tell) {
    static WATCHED: Once = Once::new();

    let mut told = NOTICES.told.lock().unwrap_or_else(PoisonError::into_inner);
    told.retain(|tell| !tell.aborted());
    told.push(tell);
    drop(told);
    WATCHED.call_once(|| {
        // Nobody else can have set it: the module has a `log` of its own.
        if log::set_logger(&NOTICES).is_ok() {
            log::set_max_level(log::LevelFilter::Warn);
        }
    });
}

/// Called in the child of a fork.
pub fn child() {
    IN_CHILD.store(true, Ordering::Relaxed);
}
