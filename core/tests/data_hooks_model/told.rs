//! What is compared: outcomes, what hooks saw, audit entries.

use super::history::Bytes;

pub(crate) const EPOCH_NS: u64 = 1_000_000_000_000;

/// What a caller gets.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// What was read: one for a `get`, one for each key of a `get_many`.
    pub(crate) values: Vec<Option<Bytes>>,
    /// What a scan gave.
    pub(crate) pairs: Vec<(Bytes, Bytes)>,
    pub(crate) failed: Option<Failed>,
}

/// Its rule, the value, whether that is the original one, and the depth.
pub(crate) type HookSaw = (String, Option<Bytes>, bool, u32);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failed {
    pub(crate) code: &'static str,
    pub(crate) rule: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) applied: bool,
    pub(crate) retry_after_ns: Option<u128>,
    /// How many operations of a batch were done, where the error says so.
    pub(crate) first: Option<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) sequence: u64,
    pub(crate) timestamp_ns: u64,
    pub(crate) operation: &'static str,
    pub(crate) key: Bytes,
    pub(crate) result: &'static str,
    pub(crate) agent_id: Option<String>,
    pub(crate) session_id: Option<String>,
    pub(crate) rule: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) logged: bool,
    pub(crate) applied: Option<bool>,
    /// What a scan gave and left out.
    pub(crate) scanned: Option<(u64, u64)>,
}
