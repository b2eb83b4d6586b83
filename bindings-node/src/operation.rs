//! Operations that outlive the call that started them: driven from step to step, abandoned, or forgotten.

use std::sync::Arc;

use checkrein::error::Error;
use checkrein::operation::{Operation, RecordTo, Reply, Step, StoreCall};
use checkrein::policy::advance;
use napi::Unknown;
use napi::bindgen_prelude::{AsyncTask, External};
use napi_derive::napi;

use crate::arguments::Bytes;
use crate::audit::entries_json;
use crate::engine::Guarded;
use crate::failure::native;
use crate::hooks::Ticket;
use crate::packed::pack;
use crate::places::Places;
use crate::reply;
use crate::turn::{Asked, HookTurn, Told, Turn};
use crate::work::{OwnedCall, Waiting, Work};

/// An operation that outlives the call that started it. Dropped, it ends as abandoned.
pub struct Open {
    pub(crate) engine: Arc<Guarded>,
    pub(crate) operation: Operation<'static>,
    pub(crate) shape: Shape,
}

/// What an operation is made of: it decides what the driver has itself, and need not be told.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One key: the driver has it.
    One,
    /// Keys that the driver has in their order.
    Many,
    /// Keys that the store tells.
    Scan,
}

thread_local! {
    /// An operation is taken out while it is driven, so that a panic drops it, and gone once it has ended.
    static OPEN: Places<Box<Open>> = const { Places::new() };
}

/// Hands the reply to the last step; gives the next.
#[napi(catch_unwind)]
pub fn resume(
    open: u32,
    kind: u32,
    payload: Unknown<'_>,
    place: u32,
    mut scratch: Bytes,
) -> napi::Result<Turn> {
    // Out of its place first: whatever fails from here on drops the operation.
    let operation = take(open);
    let reply = reply::read(kind, payload, place)?;
    Ok(resumed(open, operation, reply).in_scratch(&mut scratch, 0))
}

/// The next pair of a scan, or its next step.
#[napi(catch_unwind)]
pub fn next(open: u32, mut scratch: Bytes) -> Turn {
    match take(open) {
        Some(operation) => go_on(Some(open), operation).in_scratch(&mut scratch, 0),
        None => has_ended(),
    }
}

/// Lets go of an operation that has not ended.
#[napi(catch_unwind)]
pub fn abandon(open: u32) {
    drop(take(open));
}

/// An object that lets go of an operation when the garbage collector drops it: for the time in which the
/// driver awaits what may never come.
#[napi(catch_unwind)]
pub fn guard(open: u32) -> External<Guard> {
    External::new(Guard { open })
}

/// See [`guard`].
pub struct Guard {
    open: u32,
}

impl Drop for Guard {
    fn drop(&mut self) {
        // When the thread ends, the list may be gone before its guards are.
        drop(OPEN.try_with(|all| all.take(self.open)));
    }
}

/// Keeps an operation for its driver; gives its number.
pub(crate) fn keep(open: Open) -> u32 {
    OPEN.with(|all| all.keep(Box::new(open)))
}

/// The reply of a step that went through the pool of threads.
pub(crate) fn after_wait(number: u32, reply: Reply) -> Turn {
    match take(number) {
        // Abandoned in the meantime: nobody asks for the outcome any more.
        None => Turn::Done,
        open => resumed(number, open, reply),
    }
}

fn take(open: u32) -> Option<Box<Open>> {
    OPEN.with(|all| all.take(open))
}

fn has_ended() -> Turn {
    Turn::of(Err(Error::usage("the operation has ended: it takes no reply")), Shape::One)
}

fn resumed(number: u32, open: Option<Box<Open>>, reply: Reply) -> Turn {
    let Some(mut open) = open else { return has_ended() };
    // The next step reads the clock, where the time matters.
    match open.operation.resume(reply) {
        Ok(()) => go_on(Some(number), open),
        Err(error) => Turn::of(Err(error), open.shape),
    }
}

/// Goes on until the driver is needed, and keeps the operation for its reply, under its number or a new one.
pub(crate) fn go_on(number: Option<u32>, mut open: Box<Open>) -> Turn {
    let wanted = match wanted(&mut open) {
        Ok(Some(wanted)) => wanted,
        Ok(None) => return Turn::of(open.operation.finish(), open.shape),
        // Dropping the operation refuses it.
        Err(error) => return Turn::of(Err(error), open.shape),
    };
    let taken = match wanted {
        Wanted::Item => open.operation.take_item(),
        _ => None,
    };
    let open = OPEN.with(|all| match number {
        Some(number) => {
            all.put_back(number, open);
            number
        }
        None => all.keep(open),
    });
    match wanted {
        Wanted::Hook(turn) => Turn::Hook { open, turn },
        Wanted::Store(asked) => Turn::Store { open, asked },
        Wanted::Log { number, message } => Turn::Log { open, number, message },
        Wanted::Item => {
            let (key, value) = taken.unwrap_or_default();
            Turn::Item { open, key, value }
        }
        Wanted::Record { number, depth, entries, phase } => {
            Turn::Record { open, number, depth, entries, phase }
        }
        Wanted::Notify { number, depth, told } => Turn::Notify { open, number, depth, told },
        Wanted::Work(work) => Turn::Wait { open, task: Box::new(AsyncTask::new(Waiting { work, open })) },
    }
}

/// A step, before the operation has its number.
enum Wanted {
    Hook(HookTurn),
    Store(Asked),
    Log { number: Option<u32>, message: String },
    Item,
    Record { number: u32, depth: u32, entries: String, phase: Option<&'static str> },
    Notify { number: u32, depth: u32, told: Told },
    Work(Work),
}

/// What the operation needs next; nothing where it is done.
fn wanted(open: &mut Open) -> Result<Option<Wanted>, Error> {
    let Open { engine, operation, shape } = open;
    let step = advance(operation, engine.core.clock(), engine.database.as_ref());
    Ok(Some(match step {
        Step::Done => return Ok(None),
        Step::CallHook(call) => Wanted::Hook(HookTurn::of(&call, number_of(call.callable)?, *shape)),
        Step::Store(call) => match &engine.database {
            Some(database) => Wanted::Work(Work::Store(OwnedCall::of(&call), database.clone())),
            None => Wanted::Store(asked(&call, *shape)?),
        },
        Step::Item { .. } => Wanted::Item,
        Step::Log(call) => {
            let number = match (call.logger, call.level) {
                (Some(logger), _) => Some(number_of(logger)?),
                (None, checkrein::operation::LogLevel::Info) => Some(0),
                (None, checkrein::operation::LogLevel::Warning) => None,
            };
            Wanted::Log { number, message: call.message }
        }
        Step::Record(call) => match call.sink {
            RecordTo::File(file) => {
                Wanted::Work(Work::Record(Arc::clone(file), call.entries.to_vec(), call.phase))
            }
            RecordTo::Host(sink) => Wanted::Record {
                number: number_of(sink)?,
                depth: call.depth,
                entries: entries_json(call.entries),
                phase: call.phase.map(|phase| phase.as_str()),
            },
        },
        Step::Notify(call) => Wanted::Notify {
            number: number_of(call.listener)?,
            depth: call.depth,
            told: Told::of(call.error.clone()),
        },
        // A kind that this driver does not know.
        _ => return Err(foreign()),
    }))
}

fn number_of(object: &checkrein::hook::HostObject) -> Result<u32, Error> {
    object.downcast_ref::<Ticket>().map(|ticket| ticket.number).ok_or_else(foreign)
}

/// A step that this driver cannot perform.
fn foreign() -> Error {
    Error::Internal("a step that the driver does not know".to_owned())
}

/// A call of the host's store, as the driver needs it.
fn asked(call: &StoreCall<'_>, shape: Shape) -> Result<Asked, Error> {
    let key = |key: &[u8]| (shape != Shape::One).then(|| key.to_vec());
    let packed = |pairs: napi::Result<Vec<u8>>| pairs.map_err(|error| Error::Internal(error.reason.clone()));
    Ok(match *call {
        StoreCall::Get { key: at } => Asked { what: "get", key: key(at), value: None, limit: 0 },
        StoreCall::Put { key: at, value } => {
            Asked { what: "put", key: key(at), value: Some(value.to_vec()), limit: 0 }
        }
        StoreCall::Delete { key: at } => Asked { what: "delete", key: key(at), value: None, limit: 0 },
        StoreCall::Scan { prefix, after, limit } => Asked {
            what: "scan",
            key: Some(prefix.to_vec()),
            value: after.map(<[u8]>::to_vec),
            limit: u32::try_from(limit).unwrap_or(u32::MAX),
        },
        StoreCall::Batch(changes) => Asked {
            what: "batch",
            key: None,
            value: Some(packed(pack(changes.iter().map(|change| (change.key(), change.value()))))?),
            limit: 0,
        },
    })
}

/// A fault of the driver's, for the exports that start operations.
pub(crate) fn unknown_kind() -> napi::Error {
    native("an unknown kind of operation")
}
