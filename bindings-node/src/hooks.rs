//! Host callables as the core holds them: numbers, and word of those that it has let go.

use std::sync::{Arc, Mutex, PoisonError};

/// The numbers of callables that no snapshot of an engine can ask for any more.
#[derive(Clone, Default)]
pub struct LetGo(Arc<Mutex<Vec<u32>>>);

impl LetGo {
    /// A callable's stand-in, to be given to the core.
    pub(crate) fn ticket(&self, number: u32) -> Ticket {
        Ticket { number, let_go: self.clone() }
    }

    /// Takes what has been let go since the last time.
    pub(crate) fn take(&self) -> Vec<u32> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The core's side of a host callable: dropped with the last snapshot that can still ask for it.
pub struct Ticket {
    pub(crate) number: u32,
    let_go: LetGo,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.let_go.0.lock().unwrap_or_else(PoisonError::into_inner).push(self.number);
    }
}
