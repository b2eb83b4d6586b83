//! Several keys at once: batches and `get_many`; and what would be asked about an operation.

use std::borrow::Cow;

use crate::engine::Explanation;
use crate::error::{Error, Result};
use crate::operation::{Ask, AskedChange, BatchRequest, Kind, ManyRequest, Outcome};
use crate::policy::engine::{NOTHING, said};
use crate::policy::{PolicyContext, PolicyEngine};

/// One operation of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BatchOp<'a> {
    /// Sets a key to a value.
    Put(Cow<'a, [u8]>, Cow<'a, [u8]>),
    /// Removes a key.
    Delete(Cow<'a, [u8]>),
}

impl<'a> BatchOp<'a> {
    /// Sets a key to a value.
    pub fn put<K, V>(key: &'a K, value: &'a V) -> Self
    where
        K: AsRef<[u8]> + ?Sized,
        V: AsRef<[u8]> + ?Sized,
    {
        BatchOp::Put(Cow::Borrowed(key.as_ref()), Cow::Borrowed(value.as_ref()))
    }

    /// Removes a key.
    pub fn delete<K: AsRef<[u8]> + ?Sized>(key: &'a K) -> Self {
        BatchOp::Delete(Cow::Borrowed(key.as_ref()))
    }

    fn asked(&self) -> AskedChange<'_> {
        match self {
            BatchOp::Put(key, value) => (Kind::Write, Cow::Borrowed(key), Some(Cow::Borrowed(value))),
            BatchOp::Delete(key) => (Kind::Delete, Cow::Borrowed(key), None),
        }
    }
}

impl PolicyEngine {
    /// Writes and deletes several keys, all or none. All are judged, in their order, before any is done; limits give a
    /// token for each or none.
    ///
    /// # Errors
    /// As [`PolicyEngine::put`]; a `UsageError` where the store has no atomic batch, for more than 10,000 operations,
    /// and for more tokens than a limit ever holds.
    pub fn batch(&self, operations: &[BatchOp<'_>], context: Option<&PolicyContext<'_>>) -> Result<()> {
        self.drive_batch(operations, true, context)
    }

    /// [`PolicyEngine::batch`] for a store without an atomic batch: judged whole, then done one after the other.
    ///
    /// # Errors
    /// As [`PolicyEngine::batch`]; a failure on the way is a `StoreError` with the code `store_partial` that says how
    /// many operations were applied.
    pub fn batch_one_by_one(
        &self,
        operations: &[BatchOp<'_>],
        context: Option<&PolicyContext<'_>>,
    ) -> Result<()> {
        self.drive_batch(operations, false, context)
    }

    /// The values of several keys, in the order of the keys. What refuses one key refuses the call; a value that a
    /// hook hides is `None`.
    ///
    /// # Errors
    /// As [`PolicyEngine::get`]; a `UsageError` for more than 10,000 keys, and for more tokens than a limit ever holds.
    pub fn get_many<K: AsRef<[u8]>>(
        &self,
        keys: &[K],
        context: Option<&PolicyContext<'_>>,
    ) -> Result<Vec<Option<Vec<u8>>>> {
        let keys = keys.iter().map(|key| Cow::Borrowed(key.as_ref())).collect();
        let request = ManyRequest { keys, context: Cow::Borrowed(NOTHING), depth: Self::depth() };
        let request = match said(context) {
            Ok(context) => ManyRequest { context, ..request },
            Err(error) => return Err(self.engine.reject(request, error)),
        };
        self.finish(request).map(|outcome| outcome.values)
    }

    /// Lists what would be asked about an operation (`read`, `write` or `delete`) and foresees the verdict. Runs no
    /// hook of the program, spends no token and asks no store.
    ///
    /// # Errors
    /// `UsageError` for an unknown operation or a bad context; the registration error that refuses every operation.
    pub fn explain(
        &self,
        operation: &str,
        key: impl AsRef<[u8]>,
        context: Option<&PolicyContext<'_>>,
    ) -> Result<Explanation> {
        self.engine.explain(Kind::parse(operation)?, key.as_ref(), &*said(context)?)
    }

    fn drive_batch(
        &self,
        operations: &[BatchOp<'_>],
        atomic: bool,
        context: Option<&PolicyContext<'_>>,
    ) -> Result<()> {
        let request = BatchRequest {
            changes: operations.iter().map(BatchOp::asked).collect(),
            context: Cow::Borrowed(NOTHING),
            depth: Self::depth(),
            atomic,
            store_can: self.abilities().batch,
        };
        let request = match said(context) {
            Ok(context) => BatchRequest { context, ..request },
            Err(error) => return Err(self.engine.reject(request, error)),
        };
        self.finish(request).map(|_| ())
    }

    fn finish<'a>(&self, request: impl Ask<'a>) -> Result<Outcome> {
        let mut operation = self.engine.start(request);
        if self.run(&mut operation)? {
            return Err(Error::Internal("a pair of a scan where none was asked for".to_owned()));
        }
        operation.finish()
    }
}
