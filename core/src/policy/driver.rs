//! The native driver: performs what needs nothing of the host, so that an operation crosses into the host's
//! language only for the host's own hooks and stores. The bindings drive their operations through this too.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::clock::{Clock, Time};
use crate::error::{Cause, Error};
use crate::operation::{Now, Operation, RecordCall, RecordTo, Reply, Step, StoreCall, StoreReply};
use crate::store::{Database, Store};

/// The time, or nothing where the operation has no use for it.
#[must_use]
pub fn time_for(operation: &Operation<'_>, clock: &Clock) -> Time {
    if operation.needs_time() { clock.now() } else { Time::default() }
}

/// Goes on until the host is needed: past the store steps that `database` can perform without waiting for a disk. The
/// clock is read only where the time matters on the way.
/// Pass `None` where the store is the host's, or where the caller wants to perform the store steps itself.
pub fn advance<'o>(operation: &'o mut Operation<'_>, clock: &Clock, database: Option<&Database>) -> Step<'o> {
    let now = &mut Now::Of(clock);
    if let Some(database) = database.filter(|database| !database.blocks()) {
        while let Some(call) = operation.store_step(now) {
            let reply = perform(database, &call);
            // A reply to a store step always fits it.
            let _ = operation.resume(Reply::Store(reply));
        }
        return operation.shown();
    }
    operation.step_by(now)
}

/// Performs a store step. A store that panics has failed.
pub fn perform<S: Store + ?Sized>(store: &S, call: &StoreCall<'_>) -> StoreReply {
    let done = catch_unwind(AssertUnwindSafe(|| match *call {
        StoreCall::Get { key } => store.get(key).map(StoreReply::Value),
        StoreCall::Put { key, value } => store.put(key, value).map(|()| StoreReply::Done),
        StoreCall::Delete { key } => store.delete(key).map(|()| StoreReply::Done),
        StoreCall::Scan { prefix, after, limit } => store.scan(prefix, after, limit).map(StoreReply::Page),
        StoreCall::Batch(changes) => {
            store.batch(&changes.iter().collect::<Vec<_>>()).map(|()| StoreReply::Done)
        }
    }));
    match done {
        Ok(Ok(reply)) => reply,
        Ok(Err(error)) => match error.downcast::<Error>() {
            Ok(own) => StoreReply::Failed(*own),
            Err(foreign) => StoreReply::Raised(Cause::error("Error", foreign)),
        },
        Err(payload) => StoreReply::Raised(Cause::panic(payload)),
    }
}

/// Performs a step that hands entries to a file of the audit, which waits for the disk. Nothing where they are for a
/// callable of the host.
#[must_use]
pub fn record(call: &RecordCall<'_>) -> Option<Reply> {
    let RecordTo::File(file) = call.sink else { return None };
    Some(match file.append_durably(call.entries, call.phase) {
        Ok(()) => Reply::Recorded,
        Err(error) => Reply::RecordFailed(Cause::error(error.code().class().as_str(), Box::new(error))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Code, PolicyViolation};
    use crate::store::BoxError;

    /// A store that fails, each method in its own way.
    struct Failing;

    impl Store for Failing {
        fn get(&self, _: &[u8]) -> Result<Option<Vec<u8>>, BoxError> {
            panic!("no more")
        }
        fn put(&self, _: &[u8], _: &[u8]) -> Result<(), BoxError> {
            Err(Error::from(PolicyViolation::new("not now")).into())
        }
        fn delete(&self, _: &[u8]) -> Result<(), BoxError> {
            Err(std::io::Error::other("no route").into())
        }
    }

    #[test]
    fn an_error_of_ours_comes_out_as_itself_and_a_foreign_one_as_the_cause() {
        match perform(&Failing, &StoreCall::Put { key: b"k", value: b"v" }) {
            StoreReply::Failed(own) => assert_eq!(own.code(), Code::Denied),
            other => panic!("{other:?}"),
        }
        match perform(&Failing, &StoreCall::Delete { key: b"k" }) {
            StoreReply::Raised(cause) => assert_eq!(cause.to_string(), "no route"),
            other => panic!("{other:?}"),
        }
        match perform(&Failing, &StoreCall::Get { key: b"k" }) {
            StoreReply::Raised(cause) => assert_eq!(cause.type_name(), "panic"),
            other => panic!("{other:?}"),
        }
    }
}
