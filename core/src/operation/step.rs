//! What an operation asks of its driver, and what the driver may reply.

use std::sync::Arc;

use super::subject::Subject;
use crate::audit::{AuditFile, Entry, Phase};
use crate::context::Context;
use crate::error::{Cause, Error};
use crate::hook::{Answer, HookEntry, HostObject, Trigger};
use crate::store::{Change, Page};

/// What the operation needs next. A driver performs it and calls [`Operation::resume`](super::Operation::resume).
///
/// Later surfaces add kinds (a human to ask, a task to dispatch); a driver that meets a kind it does not know
/// drops the operation, which refuses it.
#[derive(Debug)]
#[non_exhaustive]
pub enum Step<'o> {
    /// Call this hook of the host and reply with its [`Answer`].
    CallHook(HookCall<'o>),
    /// Ask the store.
    Store(StoreCall<'o>),
    /// Give the caller this pair of a scan: [`Operation::take_item`](super::Operation::take_item) is the reply.
    Item {
        /// The key.
        key: &'o [u8],
        /// The value, as the hooks left it.
        value: &'o [u8],
    },
    /// Tell a logger.
    Log(LogCall<'o>),
    /// Tell a sink of the audit.
    Record(RecordCall<'o>),
    /// Tell a listener that the operation is refused.
    Notify(NotifyCall<'o>),
    /// Nothing more: take the outcome.
    Done,
}

/// A hook to be called.
#[derive(Debug)]
pub struct HookCall<'o> {
    /// The hook.
    pub hook: &'o Arc<HookEntry>,
    /// The host's callable.
    pub callable: &'o HostObject,
    /// When it is called.
    pub trigger: Trigger,
    /// The key.
    pub key: &'o [u8],
    /// The value to be written or that was read, as the hooks before left it.
    pub value: Option<&'o [u8]>,
    /// True where no hook has changed the value, so that a driver can show the caller's own object.
    pub value_is_original: bool,
    /// The context.
    pub context: &'o Context,
    /// The depth at which operations that the hook starts stand: hand it to them.
    pub depth: u32,
    /// Which key of a batch or `get_many` it is about, from 0; 0 for any other operation.
    pub at: usize,
}

/// What to ask the store.
#[derive(Clone, Copy, Debug)]
pub enum StoreCall<'o> {
    /// Reply with the value, if there is one.
    Get {
        /// The key.
        key: &'o [u8],
    },
    /// Set the key to the value.
    Put {
        /// The key.
        key: &'o [u8],
        /// The value.
        value: &'o [u8],
    },
    /// Remove the key, if it is there.
    Delete {
        /// The key.
        key: &'o [u8],
    },
    /// Reply with a page: the pairs whose keys begin with the prefix, in the order of their bytes, from the first
    /// key greater than `after`, at most `limit`.
    Scan {
        /// The prefix.
        prefix: &'o [u8],
        /// The last key of the page before.
        after: Option<&'o [u8]>,
        /// The most pairs.
        limit: usize,
    },
    /// Do all of these in their order, or none.
    Batch(Changes<'o>),
}

/// The writes and deletes of a batch, in their order, as the hooks left them.
#[derive(Clone, Copy)]
pub struct Changes<'o>(&'o [Subject<'o>]);

impl<'o> Changes<'o> {
    pub(super) fn new<'a: 'o>(subjects: &'o [Subject<'a>]) -> Self {
        Changes(subjects)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True where there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One after the other.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Change<'o>> + use<'o> {
        self.0.iter().map(|subject| match subject.store_call() {
            StoreCall::Put { key, value } => Change::Put { key, value },
            StoreCall::Get { key } | StoreCall::Delete { key } => Change::Delete { key },
            // A subject has one key.
            StoreCall::Scan { .. } | StoreCall::Batch(_) => Change::Delete { key: &[] },
        })
    }
}

impl std::fmt::Debug for Changes<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Changes({})", self.len())
    }
}

/// What to tell a logger.
#[derive(Debug)]
pub struct LogCall<'o> {
    /// The logger that `log_and_allow` was given, or nothing for the language's own.
    pub logger: Option<&'o HostObject>,
    /// How grave it is. A warning that cannot be told is no reason to refuse; a note that cannot, is.
    pub level: LogLevel,
    /// The sentence. It never holds a value.
    pub message: String,
}

/// How grave a log message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// What `log_and_allow` tells.
    Info,
    /// Something that its users should mend.
    Warning,
}

/// Entries for a sink. Reply with [`Reply::Recorded`] once the sink has them.
#[derive(Debug)]
pub struct RecordCall<'o> {
    /// Where they go.
    pub sink: RecordTo<'o>,
    /// One entry, or one for each key of a batch or `get_many`; for a sink of the host those before it too that ended
    /// without a driver.
    pub entries: &'o [Entry],
    /// Which moment it is, for a strict sink.
    pub phase: Option<Phase>,
    /// The depth at which operations that a sink of the host starts stand: hand it to them.
    pub depth: u32,
}

/// Where entries go.
#[derive(Debug)]
pub enum RecordTo<'o> {
    /// To a file, which waits for the disk: [`policy::record`](crate::policy::record) does it.
    File(&'o Arc<AuditFile>),
    /// To a callable of the host.
    Host(&'o HostObject),
}

/// A refusal to be told. What the listener makes of it changes nothing.
#[derive(Debug)]
pub struct NotifyCall<'o> {
    /// The host's callable.
    pub listener: &'o HostObject,
    /// What the caller will get.
    pub error: &'o Error,
    /// The depth at which operations that the listener starts stand: hand it to them.
    pub depth: u32,
}

/// A driver's reply to a [`Step`].
#[derive(Debug)]
pub enum Reply {
    /// The hook's answer.
    Answer(Answer),
    /// The store's reply.
    Store(StoreReply),
    /// The logger was told, or the listener.
    Logged,
    /// The logger failed, or the listener.
    LogFailed(Cause),
    /// The sink has the entries.
    Recorded,
    /// The sink failed.
    RecordFailed(Cause),
}

/// The store's reply.
#[derive(Debug)]
pub enum StoreReply {
    /// To a `Get`: the value, if there is one.
    Value(Option<Vec<u8>>),
    /// To a `Put`, `Delete` or `Batch`: it is done.
    Done,
    /// To a `Scan`.
    Page(Page),
    /// It failed. An error of Checkrein comes out as itself.
    Failed(Error),
    /// It failed with an error that is not Checkrein's.
    Raised(Cause),
    /// It gave what is no reply, described for the message: "a `str`".
    Invalid(String),
}
