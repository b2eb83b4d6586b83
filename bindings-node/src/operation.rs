//! Operations: started, resumed, abandoned.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use checkrein::Database;
use checkrein::clock::Time;
use checkrein::context::Context;
use checkrein::error::Error;
use checkrein::operation::{Kind, Operation, Reply, Request, Step, StoreCall, StoreReply};
use checkrein::policy::advance;
use napi::bindgen_prelude::{AsyncTask, External, Task};
use napi::{Env, Unknown};
use napi_derive::napi;

use crate::arguments::{Bytes, Text, context};
use crate::database::OwnedCall;
use crate::engine::{Guarded, engine_of};
use crate::failure::{Failure, native};
use crate::hooks::Ticket;
use crate::places::Places;
use crate::reply;
use crate::turn::{Turn, WORDS};

/// An operation that outlives the call that started it. Dropped, it ends as abandoned.
struct Open {
    engine: Arc<Guarded>,
    operation: Operation<'static>,
}

thread_local! {
    /// An operation is taken out while it is driven, so that a panic drops it, and gone once it has ended.
    static OPEN: Places<Open> = const { Places::new() };
}

/// Starts an operation. `what` holds, from its lowest bit: the kind (0 read, 1 write, 2 delete) in two bits, whether
/// it is abandoned at once in one, and its depth. In `scratch` the key stands after the words, and the value after it.
#[napi(catch_unwind)]
#[allow(clippy::too_many_arguments, reason = "an argument is cheaper than an object's field")]
pub fn start(
    engine: u32,
    what: u32,
    mut scratch: Bytes,
    key_len: u32,
    value_len: u32,
    agent: Unknown<'_>,
    session: Unknown<'_>,
    rest: Unknown<'_>,
) -> napi::Result<Turn> {
    let engine = engine_of(engine)?;
    let all = scratch.as_slice().get(WORDS..).unwrap_or_default();
    let (key_len, value_len) = (key_len as usize, value_len as usize);
    let (Some(key), Some(value)) = (all.get(..key_len), all.get(key_len..key_len.saturating_add(value_len)))
    else {
        return Err(native("lengths past the end of the bytes"));
    };
    let (said, fault) = match context(&agent, &session, &rest) {
        Ok(said) => (said, None),
        Err(failure) => (Context::new(), Some(failure)),
    };
    let request = request(what, key, value, &said)?;
    if let Some(Failure(error)) = fault {
        return Err(Failure(engine.core.reject(request, error)).into());
    }
    let mut operation = engine.core.start(request);
    if what & 4 != 0 {
        drop(operation);
        return Ok(Turn::Done);
    }
    if matches!(advance(&mut operation, engine.core.clock(), engine.database.as_ref()), Step::Done) {
        let outcome = operation.finish();
        return Ok(Turn::of(outcome).in_scratch(&mut scratch, 0));
    }
    let operation = operation.into_owned();
    Ok(go_on(None, Open { engine, operation }).in_scratch(&mut scratch, key_len.saturating_add(value_len)))
}

/// For the benchmark: the same operation, without context, so many times within one crossing; nanoseconds for each.
#[napi(catch_unwind)]
pub fn core_cost(engine: u32, what: u32, scratch: Bytes, key_len: u32, rounds: u32) -> napi::Result<f64> {
    let engine = engine_of(engine)?;
    let said = Context::new();
    let (key, value) = scratch.as_slice().split_at_checked(key_len as usize).unwrap_or_default();
    let before = std::time::Instant::now();
    for _ in 0..rounds {
        let mut operation = engine.core.start(request(what, key, value, &said)?);
        let step = advance(&mut operation, engine.core.clock(), engine.database.as_ref());
        if !matches!(step, Step::Done) {
            return Err(native("only what needs nothing of the host can be measured"));
        }
        operation.finish().map_err(Failure)?;
    }
    Ok(before.elapsed().as_nanos() as f64 / f64::from(rounds.max(1)))
}

/// Tells the audit of an operation that the driver refuses for what the caller gave, before anything is asked.
#[napi(catch_unwind)]
pub fn reject(engine: u32, what: u32, key: Bytes, message: Text) -> napi::Result<()> {
    let nothing = Context::new();
    let request = request(what, key.as_slice(), &[], &nothing)?;
    engine_of(engine)?.core.reject(request, Error::usage(message.0));
    Ok(())
}

fn request<'a>(what: u32, key: &'a [u8], value: &'a [u8], said: &'a Context) -> napi::Result<Request<'a>> {
    let request = match what & 3 {
        0 => Request::read(key, said),
        1 => Request::write(key, value, said),
        2 => Request::delete(key, said),
        _ => return Err(native("an unknown kind of operation")),
    };
    Ok(request.at_depth(what >> 3))
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

/// Lets go of an operation that has not ended.
#[napi(catch_unwind)]
pub fn abandon(open: u32) {
    drop(take(open));
}

/// An object that lets go of an operation when the garbage collector drops it: for the time in which the driver
/// awaits what may never come.
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

fn take(open: u32) -> Option<Open> {
    OPEN.with(|all| all.take(open))
}

fn resumed(number: u32, open: Option<Open>, reply: Reply) -> Turn {
    let Some(mut open) = open else {
        return Turn::of(Err(Error::usage("the operation has ended: it takes no reply")));
    };
    // The next step reads the clock, where the time matters.
    match open.operation.resume(reply) {
        Ok(()) => go_on(Some(number), open),
        Err(error) => Turn::of(Err(error)),
    }
}

/// Goes on until the driver is needed, and keeps the operation for its reply, under its number or a new one.
fn go_on(number: Option<u32>, mut open: Open) -> Turn {
    let Open { engine, operation } = &mut open;
    let step = match advance(operation, engine.core.clock(), engine.database.as_ref()) {
        Step::Done => return Turn::of(open.operation.finish()),
        Step::CallHook(call) => {
            let Some(ticket) = call.callable.downcast_ref::<Ticket>() else { return foreign() };
            let is_the_callers = call.value_is_original && call.trigger.kind == Kind::Write;
            let value = call.value.filter(|_| !is_the_callers).map(<[u8]>::to_vec);
            Wanted::Hook { number: ticket.number, depth: call.depth, value }
        }
        Step::Store(call) => match &engine.database {
            Some(database) => Wanted::Disk(OwnedCall::of(&call), database.clone()),
            None => Wanted::Store(match call {
                StoreCall::Get { .. } => ("get", None),
                StoreCall::Put { value, .. } => ("put", Some(value.to_vec())),
                StoreCall::Delete { .. } => ("delete", None),
            }),
        },
        Step::Log(call) => match call.logger.map(|logger| logger.downcast_ref::<Ticket>()) {
            Some(Some(ticket)) => Wanted::Log { number: ticket.number, message: call.message },
            Some(None) => return foreign(),
            None => Wanted::Log { number: 0, message: call.message },
        },
        // A kind that this driver does not know: dropping the operation refuses it.
        _ => return foreign(),
    };
    let open = OPEN.with(|all| match number {
        Some(number) => {
            all.put_back(number, open);
            number
        }
        None => all.keep(open),
    });
    match step {
        Wanted::Hook { number, depth, value } => Turn::Hook { open, number, depth, value },
        Wanted::Store((what, value)) => Turn::Store { open, what, value },
        Wanted::Log { number, message } => Turn::Log { open, number, message },
        Wanted::Disk(call, database) => {
            Turn::Wait { open, task: Box::new(AsyncTask::new(Waiting { call, database, open })) }
        }
    }
}

/// A step, before the operation has its number.
enum Wanted {
    Hook { number: u32, depth: u32, value: Option<Vec<u8>> },
    Store((&'static str, Option<Vec<u8>>)),
    Log { number: u32, message: String },
    Disk(OwnedCall, Database),
}

/// A step that this driver cannot perform.
fn foreign() -> Turn {
    Turn::of(Err(Error::Internal("a step that the driver does not know".to_owned())))
}

/// A store step on its way through Node's pool of threads. The operation stays where it can be abandoned.
pub struct Waiting {
    call: OwnedCall,
    database: Database,
    open: u32,
}

impl Task for Waiting {
    type Output = StoreReply;
    type JsValue = Turn;

    fn compute(&mut self) -> napi::Result<StoreReply> {
        Ok(self.call.perform(&self.database))
    }

    fn resolve(&mut self, _: Env, reply: StoreReply) -> napi::Result<Turn> {
        // Nothing may unwind into Node's code, which calls this without the guard of an export.
        let turn = catch_unwind(AssertUnwindSafe(|| match take(self.open) {
            // Abandoned in the meantime: nobody asks for the outcome any more.
            None => Turn::Done,
            open => resumed(self.open, open, Reply::Store(reply)),
        }));
        turn.map_err(|_| native("a panic after the disk's reply"))
    }
}
