//! A small number for each thread, for what is kept in several places so that threads seldom meet at one.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

/// This thread's number, given out by turns from 0: threads that start one after another fall to different places.
pub(crate) fn of_this_thread() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static TURN: Cell<usize> = const { Cell::new(usize::MAX) });
    TURN.with(|turn| {
        if turn.get() == usize::MAX {
            turn.set(NEXT.fetch_add(1, Ordering::Relaxed));
        }
        turn.get()
    })
}
