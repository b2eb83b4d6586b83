//! What the core's resources say on their own (an audit file that cannot be written, one whose torn end was cut off),
//! handed to Python's logger `checkrein`.
//!
//! They say it on any thread, most often one that Python does not know. So it is put aside, and told by the next call
//! that comes from Python. Of more than [`MOST`] the oldest are let go.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;

use crate::log::logger;

const MOST: usize = 100;

struct Notices {
    waiting: Mutex<VecDeque<String>>,
    any: AtomicBool,
}

static NOTICES: Notices = Notices { waiting: Mutex::new(VecDeque::new()), any: AtomicBool::new(false) };

impl ::log::Log for Notices {
    fn enabled(&self, metadata: &::log::Metadata<'_>) -> bool {
        metadata.level() <= ::log::Level::Warn
    }

    fn log(&self, record: &::log::Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let notice = record.args().to_string();
        // The lock is held for some nanoseconds. It is not waited for: in the child of a fork that came just then it is
        // held for ever.
        for _ in 0..1_000 {
            if let Ok(mut waiting) = self.waiting.try_lock() {
                if waiting.len() >= MOST {
                    waiting.pop_front();
                }
                waiting.push_back(notice);
                self.any.store(true, Ordering::Release);
                return;
            }
            std::hint::spin_loop();
        }
    }

    fn flush(&self) {}
}

/// Has the core's notices put aside from here on.
pub(crate) fn watch() {
    // Nobody else can have set it: the library has a logger of its own.
    if ::log::set_logger(&NOTICES).is_ok() {
        ::log::set_max_level(::log::LevelFilter::Warn);
    }
}

/// Tells what was put aside; costs a look at a flag where nothing was.
#[inline]
pub(crate) fn tell(py: Python<'_>) {
    if NOTICES.any.load(Ordering::Relaxed) {
        tell_all(py);
    }
}

#[cold]
fn tell_all(py: Python<'_>) {
    let Ok(mut waiting) = NOTICES.waiting.try_lock() else { return };
    NOTICES.any.store(false, Ordering::Relaxed);
    let notices = std::mem::take(&mut *waiting);
    drop(waiting);
    for notice in notices {
        let told =
            logger(py).and_then(|logger| logger.call_method1(pyo3::intern!(py, "warning"), ("%s", &notice)));
        if let Err(raised) = told {
            raised.write_unraisable(py, None);
        }
    }
}
