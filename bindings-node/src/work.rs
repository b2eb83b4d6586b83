//! Steps that wait for a disk: they go through Node's pool of threads, with copies of what they are about.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use checkrein::Database;
use checkrein::audit::{AuditFile, Entry, Phase};
use checkrein::error::Cause;
use checkrein::operation::{RecordCall, RecordTo, Reply, StoreCall, StoreReply};
use checkrein::policy::{perform, record};
use checkrein::store::Change;
use napi::Env;
use napi::bindgen_prelude::Task;

use crate::failure::native;
use crate::operation::after_wait;
use crate::turn::Turn;

/// A step to be performed on another thread.
pub enum Work {
    /// A call of the embedded database.
    Store(OwnedCall, Database),
    /// Entries for an audit file that is waited for.
    Record(Arc<AuditFile>, Vec<Entry>, Option<Phase>),
}

/// A call of a store with what it is about.
pub enum OwnedCall {
    /// As the call of the store that has its name.
    Get(Vec<u8>),
    /// As above.
    Put(Vec<u8>, Vec<u8>),
    /// As above.
    Delete(Vec<u8>),
    /// Prefix, the key before, and the most pairs.
    Scan(Vec<u8>, Option<Vec<u8>>, usize),
    /// Keys with their values; without one they are removed.
    Batch(Vec<OwnedChange>),
}

/// A key with its new value, or without one where it is removed.
type OwnedChange = (Vec<u8>, Option<Vec<u8>>);

impl OwnedCall {
    pub(crate) fn of(call: &StoreCall<'_>) -> Self {
        match *call {
            StoreCall::Get { key } => OwnedCall::Get(key.to_vec()),
            StoreCall::Put { key, value } => OwnedCall::Put(key.to_vec(), value.to_vec()),
            StoreCall::Delete { key } => OwnedCall::Delete(key.to_vec()),
            StoreCall::Scan { prefix, after, limit } => {
                OwnedCall::Scan(prefix.to_vec(), after.map(<[u8]>::to_vec), limit)
            }
            StoreCall::Batch(changes) => {
                let owned = |change: Change<'_>| (change.key().to_vec(), change.value().map(<[u8]>::to_vec));
                OwnedCall::Batch(changes.iter().map(owned).collect())
            }
        }
    }

    /// Performs it. A panic of the store is a failure of the store.
    pub(crate) fn perform(&self, database: &Database) -> StoreReply {
        let call = match self {
            OwnedCall::Get(key) => StoreCall::Get { key },
            OwnedCall::Put(key, value) => StoreCall::Put { key, value },
            OwnedCall::Delete(key) => StoreCall::Delete { key },
            OwnedCall::Scan(prefix, after, limit) => {
                StoreCall::Scan { prefix, after: after.as_deref(), limit: *limit }
            }
            OwnedCall::Batch(changes) => return perform_batch(database, changes),
        };
        perform(database, &call)
    }
}

/// What [`perform`] does, for changes that are owned.
fn perform_batch(database: &Database, changes: &[OwnedChange]) -> StoreReply {
    let changes: Vec<_> = changes.iter().map(borrowed).collect();
    match catch_unwind(AssertUnwindSafe(|| database.batch(&changes))) {
        Ok(Ok(())) => StoreReply::Done,
        Ok(Err(error)) => StoreReply::Failed(error),
        Err(payload) => StoreReply::Raised(Cause::panic(payload)),
    }
}

fn borrowed((key, value): &OwnedChange) -> Change<'_> {
    match value {
        Some(value) => Change::Put { key, value },
        None => Change::Delete { key },
    }
}

/// A step on its way through the pool. The operation stays where it can be abandoned.
pub struct Waiting {
    pub(crate) work: Work,
    pub(crate) open: u32,
}

impl Task for Waiting {
    type Output = Reply;
    type JsValue = Turn;

    fn compute(&mut self) -> napi::Result<Reply> {
        Ok(match &self.work {
            Work::Store(call, database) => Reply::Store(call.perform(database)),
            Work::Record(file, entries, phase) => {
                let call = RecordCall { sink: RecordTo::File(file), entries, phase: *phase, depth: 0 };
                let done = catch_unwind(AssertUnwindSafe(|| record(&call)));
                let done = done.unwrap_or_else(|payload| Some(Reply::RecordFailed(Cause::panic(payload))));
                done.ok_or_else(|| native("an audit file that is none"))?
            }
        })
    }

    fn resolve(&mut self, _: Env, reply: Reply) -> napi::Result<Turn> {
        // Nothing may unwind into Node's code, which calls this without the guard of an export.
        let turn = catch_unwind(AssertUnwindSafe(|| after_wait(self.open, reply)));
        turn.map_err(|_| native("a panic after the disk's reply"))
    }
}
