//! A guarded walk over keys, as an iterator.

use std::borrow::Cow;

use crate::error::Result;
use crate::operation::{Now, Operation, ScanRequest};
use crate::policy::engine::{NOTHING, said};
use crate::policy::{PolicyContext, PolicyEngine};

/// The pairs of a [`PolicyEngine::scan`], one after the other; after an error nothing follows.
///
/// Dropping it ends the scan: the audit's entry says how many keys it gave.
#[must_use = "a scan does nothing until it is asked for its pairs"]
pub struct Scan {
    engine: PolicyEngine,
    operation: Option<Operation<'static>>,
}

impl PolicyEngine {
    /// Walks over the keys that begin with a prefix, in the order of their bytes, page by page. Each key takes a `read`
    /// token and is judged as a `get` is, when it is asked for; what may not be read is left out.
    ///
    /// A hook that fails, a limit without a token and a store that fails end it with an error, after the pairs already
    /// given. Keys that are written meanwhile may or may not be seen. One entry of the audit tells of the whole scan.
    pub fn scan(&self, prefix: impl AsRef<[u8]>, context: Option<&PolicyContext<'_>>) -> Result<Scan> {
        let request = ScanRequest {
            prefix: Cow::Borrowed(prefix.as_ref()),
            context: Cow::Borrowed(NOTHING),
            depth: Self::depth(),
            store_can: self.abilities().scan,
        };
        let request = match said(context) {
            Ok(context) => ScanRequest { context, ..request },
            Err(error) => return Err(self.engine.reject(request, error)),
        };
        let operation = self.engine.start(request).into_owned();
        Ok(Scan { engine: self.clone(), operation: Some(operation) })
    }
}

impl Iterator for Scan {
    type Item = Result<(Vec<u8>, Vec<u8>)>;

    fn next(&mut self) -> Option<Self::Item> {
        let operation = self.operation.as_mut()?;
        // The usual case: the page has a pair for which neither a hook of the program nor the store is asked.
        if let Some(pair) = operation.next_item(&mut Now::Of(self.engine.engine.clock())) {
            return Some(Ok(pair));
        }
        match self.engine.run(operation) {
            Ok(true) => operation.take_item().map(Ok),
            Ok(false) => self.operation.take()?.finish().err().map(Err),
            Err(error) => {
                self.operation = None;
                Some(Err(error))
            }
        }
    }
}

impl std::iter::FusedIterator for Scan {}

impl std::fmt::Debug for Scan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scan").field("ended", &self.operation.is_none()).finish_non_exhaustive()
    }
}
