//! What an operation hands over to be audited.

use super::{OperationId, Verb, Verdict};
use crate::clock::Time;

/// The longest `agent_id`, `session_id`, `rule` and `reason`, in bytes, that an entry keeps whole.
///
/// A longer one is cut at a character and ends with `…(+N bytes)`. A checked context holds no longer id.
pub const MAX_TEXT_BYTES: usize = crate::context::MAX_ID_BYTES;

/// Which of the guarded surfaces an operation belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Surface {
    /// Reads, writes and deletes of a key-value store.
    Data,
}

impl Surface {
    /// The stable word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Surface::Data => "data",
        }
    }
}

/// One operation as it ended, borrowed from the operation: [`AuditLog::append`](super::AuditLog::append) copies it.
///
/// It never holds a value. `reason` is the operation's to choose: of a foreign exception it names the type only.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// When the operation ended; the entry keeps the wall reading.
    pub time: Time,
    /// Which operation it was.
    pub operation_id: OperationId,
    /// Which surface guarded it.
    pub surface: Surface,
    /// What was to be done.
    pub operation: Verb,
    /// The key that it was really done to, as bytes.
    pub key: &'a [u8],
    /// How it ended: of several verdicts the gravest.
    pub result: Verdict,
    /// Who acted, where the context says.
    pub agent_id: Option<&'a str>,
    /// In which session, where the context says.
    pub session_id: Option<&'a str>,
    /// The hook or limit that decided, where one did.
    pub rule: Option<&'a str>,
    /// Why, where there is more to say than the result.
    pub reason: Option<&'a str>,
    /// True where a hook answered `Log`.
    pub logged: bool,
    /// Whether the store had done it, where the result alone does not say.
    pub applied: Option<bool>,
    /// What a scan gave, for a scan.
    pub scanned: Option<ScanCount>,
}

/// How many keys of a scan reached its caller, and how many were withheld.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScanCount {
    /// Keys given to the caller.
    pub given: u64,
    /// Keys that the hooks kept from the caller.
    pub withheld: u64,
}
