//! What the handle and its flusher share: the queue, the writer behind a lock of its own, and what is told about
//! failures.
//!
//! Lock order: the writer's, then the queue's. Nothing is logged under a lock, because a logger may be the host's.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};

use super::event::Event;
use super::failure;
use super::head::Head;
use super::lock::Lock;
use super::queue::{Queue, Then, WRITE_OUT_BYTES};
use super::writer::Writer;
use crate::error::{Error, Result};
use crate::group::GroupCommit;

/// The longest that a line waits for others before it is written out.
const WRITE_OUT_AFTER: Duration = Duration::from_millis(100);
/// How long a file that could not be written is left alone, and how often the wish to sync is looked at.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// A buffer larger than this is given back.
const RETAINED_BYTES: usize = 4 * 1024 * 1024;

pub(super) struct Shared {
    pub(super) label: String,
    /// The process that opened the file: no other may touch anything here.
    owner: u32,
    queue: Mutex<Queue>,
    /// There is something for the flusher, or the file was closed.
    wake: Condvar,
    /// The file; none once it was closed.
    outbox: Mutex<Option<Outbox>>,
    strict: GroupCommit<Vec<u8>>,
    /// Readable without a lock: the child of a fork must not wait for one that nobody holds any more.
    head: ArcSwap<Head>,
    lost: AtomicU64,
    last_error: ArcSwapOption<Error>,
}

/// The writer, and what was taken out of the queue for it.
struct Outbox {
    writer: Writer,
    bodies: Vec<u8>,
    /// How many bytes of `bodies` were written.
    done: usize,
    /// Entries lost after all those in `bodies`, for which there is no line yet.
    lost: u64,
    failing: bool,
    /// Lines that were refused may stand in the file: no strict line may follow them.
    broken: bool,
    /// INVARIANT: dropped after the writer, so that nobody opens a file that is being closed.
    _lock: Lock,
}

impl Shared {
    pub(super) fn new(writer: Writer, lock: Lock) -> Self {
        Shared {
            label: writer.setup.label.clone(),
            owner: std::process::id(),
            queue: Mutex::default(),
            wake: Condvar::new(),
            head: ArcSwap::from_pointee(writer.head()),
            outbox: Mutex::new(Some(Outbox {
                writer,
                bodies: Vec::new(),
                done: 0,
                lost: 0,
                failing: false,
                broken: false,
                _lock: lock,
            })),
            strict: GroupCommit::new(),
            lost: AtomicU64::new(0),
            last_error: ArcSwapOption::empty(),
        }
    }

    /// True in the process that opened the file.
    pub(super) fn is_ours(&self) -> bool {
        self.owner == std::process::id()
    }

    pub(super) fn head(&self) -> Head {
        **self.head.load()
    }

    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    pub(super) fn last_error(&self) -> Option<Arc<Error>> {
        self.last_error.load_full()
    }

    /// Queues bodies, each with its newline.
    pub(super) fn append(self: &Arc<Self>, bodies: &[u8], entries: u64) -> Result<()> {
        let (then, attended) = {
            let mut queue = self.queue();
            if queue.closed {
                return Err(failure::closed(&self.label));
            }
            let lost = queue.lost;
            let then = queue.add(bodies, entries);
            if queue.lost > lost {
                self.lost.fetch_add(entries, Ordering::Relaxed);
            }
            (then, std::mem::replace(&mut queue.attended, true))
        };
        if !attended {
            self.start_flusher();
        }
        match then {
            Then::Nothing => {}
            Then::Wake => self.wake.notify_one(),
            // A failure is told by `last_error` and in the chain; the entries are kept.
            Then::Write => drop(self.write_out()),
        }
        Ok(())
    }

    /// Writes bodies and returns once they are on disk, or refused.
    pub(super) fn append_durably(&self, bodies: Vec<u8>) -> Result<()> {
        let bytes = bodies.len();
        let outcome = self.strict.submit(bodies, bytes, |writes| self.commit(writes));
        outcome.unwrap_or_else(|| Err(failure::closed(&self.label)))
    }

    /// Writes out what waits, and syncs where that is due.
    pub(super) fn write_out(&self) -> Result<()> {
        self.with_outbox(|outbox, notices| self.deliver(outbox, notices, Writer::sync_if_due))
    }

    /// Writes out what waits, and syncs unless the policy is never to.
    pub(super) fn flush(&self) -> Result<()> {
        if self.queue().closed {
            return Err(failure::closed(&self.label));
        }
        self.with_outbox(|outbox, notices| self.deliver(outbox, notices, Writer::sync_unless_never))
    }

    pub(super) fn close(&self) -> Result<()> {
        self.queue().closed = true;
        self.wake.notify_all();
        self.strict.close();
        let Some(mut outbox) = self.outbox().take() else { return Ok(()) };
        let mut notices = Vec::new();
        let outcome = self.deliver(&mut outbox, &mut notices, |writer| {
            writer.event(Event::Closed)?;
            writer.sync_unless_never()
        });
        self.head.store(Arc::new(outbox.writer.head()));
        let left = outbox.bodies.get(outbox.done..).unwrap_or_default();
        let queue = self.queue();
        let lines = |bodies: &[u8]| memchr::memchr_iter(b'\n', bodies).count() as u64;
        let never_written = lines(left) + lines(&queue.bodies);
        let told = outbox.lost + queue.lost;
        drop(queue);
        if never_written + told > 0 {
            self.lost.fetch_add(never_written, Ordering::Relaxed);
            notices.push(format!(
                "audit file `{}` was closed while it could not be written: {} entries are lost",
                self.label,
                never_written + told
            ));
        }
        drop(outbox);
        warn(notices);
        outcome
    }

    /// In the child of a fork: lets go of the files, where no thread was at them when the fork happened.
    pub(super) fn release_in_child(&self) {
        if let Ok(mut outbox) = self.outbox.try_lock() {
            drop(outbox.take());
        }
    }

    /// Writes a strict group; only its leader is here.
    fn commit(&self, writes: &[Vec<u8>]) -> Result<()> {
        self.with_outbox(|outbox, notices| {
            self.deliver(outbox, notices, |_| Ok(()))?;
            if outbox.broken {
                return Err(failure::broken(&self.label));
            }
            let outcome = outbox.writer.write_durably(writes);
            self.head.store(Arc::new(outbox.writer.head()));
            outcome.map_err(|error| {
                outbox.broken = outbox.writer.is_dirty();
                self.remember(failure::of_io(&self.label, "written", error))
            })
        })
    }

    fn with_outbox(&self, act: impl FnOnce(&mut Outbox, &mut Vec<String>) -> Result<()>) -> Result<()> {
        let mut notices = Vec::new();
        let outcome = match self.outbox().as_mut() {
            Some(outbox) => act(outbox, &mut notices),
            None => Err(failure::closed(&self.label)),
        };
        warn(notices);
        outcome
    }

    /// Writes what waits, in its order, then does what is left to do. The first of several failures is a warning.
    fn deliver(
        &self,
        outbox: &mut Outbox,
        notices: &mut Vec<String>,
        finally: impl FnOnce(&mut Writer) -> io::Result<()>,
    ) -> Result<()> {
        let outcome = self.deliver_all(outbox, notices).and_then(|()| finally(&mut outbox.writer));
        self.head.store(Arc::new(outbox.writer.head()));
        let mut queue = self.queue();
        queue.failing = outcome.is_err();
        queue.held_bytes = outbox.bodies.len().saturating_sub(outbox.done);
        queue.unsynced = outbox.writer.is_unsynced();
        drop(queue);
        let failed_before = std::mem::replace(&mut outbox.failing, outcome.is_err());
        match outcome {
            Ok(()) => {
                if failed_before {
                    notices.push(format!("audit file `{}` is written again", self.label));
                }
                Ok(())
            }
            Err(error) => {
                let error = self.remember(failure::of_io(&self.label, "written", error));
                if !failed_before {
                    notices.push(format!("{error}; entries are kept for now, up to 16 MiB"));
                }
                Err(error)
            }
        }
    }

    fn deliver_all(&self, outbox: &mut Outbox, notices: &mut Vec<String>) -> io::Result<()> {
        outbox.writer.look(&mut |notice| notices.push(notice))?;
        outbox.write(notices, &self.label)?;
        {
            let mut queue = self.queue();
            std::mem::swap(&mut queue.bodies, &mut outbox.bodies);
            outbox.lost = std::mem::take(&mut queue.lost);
            queue.held_bytes = outbox.bodies.len();
        }
        outbox.write(notices, &self.label)
    }

    fn remember(&self, error: Error) -> Error {
        self.last_error.store(Some(Arc::new(error.clone())));
        error
    }

    /// Starts the thread that writes out; where that fails, the next append tries again.
    fn start_flusher(self: &Arc<Self>) {
        let shared = Arc::clone(self);
        let thread = std::thread::Builder::new().name("checkrein-audit".to_owned());
        if thread.spawn(move || shared.attend()).is_err() {
            self.queue().attended = false;
            let _ = self.write_out();
        }
    }

    /// The flusher: writes out what has waited long enough or is enough, until the file is closed.
    fn attend(&self) {
        let mut queue = self.queue();
        while !queue.closed {
            if queue.failing || queue.bodies.is_empty() {
                let idle = !queue.failing && !queue.unsynced;
                let waited = if idle {
                    wait(&self.wake, queue, None)
                } else {
                    wait(&self.wake, queue, Some(TRY_AGAIN_AFTER))
                };
                queue = waited.0;
                if !waited.1 {
                    continue;
                }
            } else if queue.bodies.len() < WRITE_OUT_BYTES {
                queue = wait(&self.wake, queue, Some(WRITE_OUT_AFTER)).0;
            }
            if queue.closed {
                return;
            }
            drop(queue);
            let _ = self.write_out();
            queue = self.queue();
        }
    }

    /// Runs a test's code as the child of a fork would find us that happened while a thread was writing.
    #[cfg(test)]
    pub(super) fn with_locks_held<R>(&self, run: impl FnOnce() -> R) -> R {
        let _held = (self.outbox(), self.queue());
        run()
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // No code of others runs under the locks, so what a panic left behind is whole.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn outbox(&self) -> MutexGuard<'_, Option<Outbox>> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outbox {
    /// Writes what was taken out of the queue, and then the line about what was lost after it.
    fn write(&mut self, notices: &mut Vec<String>, label: &str) -> io::Result<()> {
        self.writer.write(&self.bodies, &mut self.done)?;
        self.bodies.clear();
        self.bodies.shrink_to(RETAINED_BYTES);
        self.done = 0;
        if self.lost > 0 {
            self.writer.event(Event::Lost { entries: self.lost })?;
            notices.push(format!(
                "audit file `{label}` lost {} entries while it could not be written",
                self.lost
            ));
            self.lost = 0;
        }
        Ok(())
    }
}

/// Waits, and tells whether the time ran out.
fn wait<'a>(
    condvar: &Condvar,
    guard: MutexGuard<'a, Queue>,
    time: Option<Duration>,
) -> (MutexGuard<'a, Queue>, bool) {
    match time {
        None => (condvar.wait(guard).unwrap_or_else(PoisonError::into_inner), false),
        Some(time) => {
            let (guard, waited) = condvar.wait_timeout(guard, time).unwrap_or_else(PoisonError::into_inner);
            (guard, waited.timed_out())
        }
    }
}

pub(super) fn warn(notices: Vec<String>) {
    for notice in notices {
        log::warn!("{notice}");
    }
}
