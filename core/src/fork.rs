//! How the core knows that its process is the child of a fork, and what it does about it.
//!
//! A fork copies the memory of a process and, of its threads, only the one that called it. Locks that the other threads
//! held stay held for ever in the child, and what they were changing stays half changed; open files are shared with
//! the parent. So the child must not use what its parent made: no lock is taken, nothing is written, and what cannot be
//! dropped without either is leaked.
//!
//! Each object that a fork makes unusable remembers the generation that it was born in, and [`child`] begins a new one.
//! What holds locks or files is kept in an `OfProcess`, which the child can neither reach nor drop.

use std::cell::Cell;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::audit::OperationId;

/// How many forks lie between this process and the one that started the program.
static GENERATION: AtomicU32 = AtomicU32::new(0);

/// Held while something of the parent's is made anew. Each generation has another one: one that a thread held when it
/// was forked away stays held for ever.
static RENEWING: [Mutex<()>; 64] = [const { Mutex::new(()) }; 64];

/// Tells the core that this process is the child of a fork: call it in the child right after the fork.
///
/// The bindings register it with `pthread_atfork`; a Rust program that forks calls it itself. It takes no lock and may
/// be called more than once. Objects of the parent then refuse to be used, and what is made afterwards is the child's
/// own: a [`Database`](crate::Database) is opened again after the fork.
pub fn child() {
    // Only the forking thread lives in the child; a thread that it starts later sees what it did before.
    GENERATION.fetch_add(1, Ordering::Relaxed);
    OperationId::start_afresh();
}

/// The number of this process among its forks.
pub(crate) fn generation() -> u32 {
    GENERATION.load(Ordering::Relaxed)
}

/// Makes something of the parent's anew, one thread of the child at a time: two would meet at the files that are opened
/// for it. A logger that is told of something on the way and comes here again is let in.
pub(crate) fn renew(make: impl FnOnce()) {
    thread_local! {
        static INSIDE: Cell<bool> = const { Cell::new(false) };
    }
    if INSIDE.replace(true) {
        return make();
    }
    let at = generation() as usize % RENEWING.len();
    let lock = RENEWING.get(at).map(|lock| lock.lock().unwrap_or_else(PoisonError::into_inner));
    make();
    drop(lock);
    INSIDE.set(false);
}

/// The generation in which an object was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Born(u32);

impl Born {
    /// The present generation.
    pub(crate) fn now() -> Self {
        Born(generation())
    }

    /// True in the child of a fork for what was made before it.
    pub(crate) fn is_of_parent(self) -> bool {
        self.0 != generation()
    }
}

/// A value that only the process that made it can reach. In the child of a fork it is never dropped: that could wait
/// for a lock that nobody will release, or write to a file of the parent's.
#[derive(Debug)]
pub(crate) struct OfProcess<T> {
    born: Born,
    pid: u32,
    /// `None` only while it is dropped.
    value: Option<T>,
}

/// The value belongs to another process, the one with this id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OfParent {
    pub(crate) pid: u32,
}

impl<T> OfProcess<T> {
    pub(crate) fn new(value: T) -> Self {
        OfProcess { born: Born::now(), pid: process::id(), value: Some(value) }
    }

    /// The value, for one load and a comparison. A program that forked and forgot to call [`child`] is not noticed.
    pub(crate) fn get(&self) -> Result<&T, OfParent> {
        if self.born.is_of_parent() {
            return Err(OfParent { pid: self.pid });
        }
        self.value.as_ref().ok_or(OfParent { pid: self.pid })
    }

    /// The value, after the process was asked for its id: for what changes a file.
    pub(crate) fn get_surely(&self) -> Result<&T, OfParent> {
        if self.pid == process::id() { self.get() } else { Err(OfParent { pid: self.pid }) }
    }

    /// The value in any process: for parts of it that never change and need no lock.
    pub(crate) fn constant(&self) -> Option<&T> {
        self.value.as_ref()
    }
}

impl<T> Drop for OfProcess<T> {
    fn drop(&mut self) {
        let value = self.value.take();
        if self.born.is_of_parent() || self.pid != process::id() {
            std::mem::forget(value);
        }
    }
}
