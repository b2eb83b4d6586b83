//! What waits for a disk, as a piece of work for a worker thread: it holds all that it needs, so that the operation
//! can end while a thread that nobody can stop is still at it.

use std::sync::{Arc, Mutex, PoisonError};

use checkrein::Database;
use checkrein::audit::{AuditFile, Entry, Phase};
use checkrein::error::Cause;
use checkrein::operation::{RecordCall, RecordTo, Reply, StoreCall, StoreReply};
use checkrein::store::Change;
use pyo3::prelude::*;

use crate::guard::guarded;

/// A piece of work. Performed once, it keeps the reply for the operation.
#[pyclass(module = "checkrein._native", frozen)]
pub(crate) struct Job {
    work: Mutex<Option<Work>>,
    reply: Mutex<Option<Reply>>,
}

enum Work {
    Store(Database, OwnedCall),
    Record(Arc<AuditFile>, Vec<Entry>, Option<Phase>),
}

/// A [`StoreCall`] with everything it borrowed copied.
enum OwnedCall {
    Get(Vec<u8>),
    Put(Vec<u8>, Vec<u8>),
    Delete(Vec<u8>),
    Scan { prefix: Vec<u8>, after: Option<Vec<u8>>, limit: usize },
    Batch(Vec<(Vec<u8>, Option<Vec<u8>>)>),
}

impl Job {
    fn of(work: Work) -> Self {
        Job { work: Mutex::new(Some(work)), reply: Mutex::new(None) }
    }

    /// A step of the database.
    pub(crate) fn store(database: &Database, call: &StoreCall<'_>) -> Self {
        Job::of(Work::Store(database.clone(), OwnedCall::of(call)))
    }

    /// Entries for a file; nothing where they are for a callable.
    pub(crate) fn record(call: &RecordCall<'_>) -> Option<Self> {
        let RecordTo::File(file) = call.sink else { return None };
        Some(Job::of(Work::Record(Arc::clone(file), call.entries.to_vec(), call.phase)))
    }

    /// The reply for the operation. `raised` is what kept the worker from its work.
    pub(crate) fn take(&self, raised: Option<Cause>) -> Reply {
        let reply = self.reply.lock().unwrap_or_else(PoisonError::into_inner).take();
        reply.unwrap_or_else(|| {
            let cause = raised.unwrap_or_else(|| Cause::named("no reply"));
            match &*self.work.lock().unwrap_or_else(PoisonError::into_inner) {
                Some(Work::Record(..)) => Reply::RecordFailed(cause),
                _ => Reply::Store(StoreReply::Raised(cause)),
            }
        })
    }
}

#[pymethods]
impl Job {
    /// Does it, with the interpreter let go.
    fn perform(&self, py: Python<'_>) -> PyResult<()> {
        guarded(py, || {
            py.detach(|| {
                let work = self.work.lock().unwrap_or_else(PoisonError::into_inner).take();
                let reply = work.map(|work| work.perform());
                *self.reply.lock().unwrap_or_else(PoisonError::into_inner) = reply;
            });
            Ok(())
        })
    }
}

impl Work {
    fn perform(&self) -> Reply {
        match self {
            Work::Store(database, call) => Reply::Store(call.perform(database)),
            Work::Record(file, entries, phase) => {
                let call = RecordCall { sink: RecordTo::File(file), entries, phase: *phase, depth: 0 };
                let internal = || Reply::RecordFailed(Cause::named("no file"));
                checkrein::policy::record(&call).unwrap_or_else(internal)
            }
        }
    }
}

impl OwnedCall {
    fn of(call: &StoreCall<'_>) -> Self {
        match *call {
            StoreCall::Get { key } => OwnedCall::Get(key.to_vec()),
            StoreCall::Put { key, value } => OwnedCall::Put(key.to_vec(), value.to_vec()),
            StoreCall::Delete { key } => OwnedCall::Delete(key.to_vec()),
            StoreCall::Scan { prefix, after, limit } => {
                OwnedCall::Scan { prefix: prefix.to_vec(), after: after.map(<[u8]>::to_vec), limit }
            }
            StoreCall::Batch(changes) => OwnedCall::Batch(
                changes
                    .iter()
                    .map(|change| match change {
                        Change::Put { key, value } => (key.to_vec(), Some(value.to_vec())),
                        Change::Delete { key } => (key.to_vec(), None),
                    })
                    .collect(),
            ),
        }
    }

    fn perform(&self, database: &Database) -> StoreReply {
        let call = match self {
            OwnedCall::Get(key) => StoreCall::Get { key },
            OwnedCall::Put(key, value) => StoreCall::Put { key, value },
            OwnedCall::Delete(key) => StoreCall::Delete { key },
            OwnedCall::Scan { prefix, after, limit } => {
                StoreCall::Scan { prefix, after: after.as_deref(), limit: *limit }
            }
            OwnedCall::Batch(changes) => return batch(database, changes),
        };
        checkrein::policy::perform(database, &call)
    }
}

fn batch(database: &Database, changes: &[(Vec<u8>, Option<Vec<u8>>)]) -> StoreReply {
    let changes = changes.iter().map(|(key, value)| match value {
        Some(value) => Change::Put { key, value },
        None => Change::Delete { key },
    });
    match database.batch(&changes.collect::<Vec<_>>()) {
        Ok(()) => StoreReply::Done,
        Err(error) => StoreReply::Failed(error),
    }
}
