//! What an operation asks of its driver, and what the driver may reply.

use std::sync::Arc;

use crate::context::Context;
use crate::error::{Cause, Error};
use crate::hook::{Answer, HookEntry, HostObject, Trigger};

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
    /// Tell a logger.
    Log(LogCall<'o>),
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
}

/// What to ask the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// A driver's reply to a [`Step`].
#[derive(Debug)]
pub enum Reply {
    /// The hook's answer.
    Answer(Answer),
    /// The store's reply.
    Store(StoreReply),
    /// The logger was told.
    Logged,
    /// The logger failed.
    LogFailed(Cause),
}

/// The store's reply.
#[derive(Debug)]
pub enum StoreReply {
    /// To a `Get`: the value, if there is one.
    Value(Option<Vec<u8>>),
    /// To a `Put` or `Delete`: it is done.
    Done,
    /// It failed. An error of Checkrein comes out as itself.
    Failed(Error),
    /// It failed with an error that is not Checkrein's.
    Raised(Cause),
    /// It gave what is no reply, described for the message: "a `str`".
    Invalid(String),
}
