//! Operations: started, resumed, abandoned.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use checkrein::clock::{Clock, Time};
use checkrein::error::Error;
use checkrein::operation::{Kind, LogLevel, Operation, Reply, Request, Step, StoreCall, StoreReply};
use checkrein::policy::advance;
use napi::bindgen_prelude::{AsyncTask, External, Task};
use napi::{Env, Unknown};
use napi_derive::napi;

use crate::arguments::{Bytes, context};
use crate::database::OwnedCall;
use crate::engine::{EngineHandle, Guarded};
use crate::failure::native;
use crate::hooks::Ticket;
use crate::reply;
use crate::turn::{Given, Turn};

/// An operation that outlives the call that started it. Dropped by the driver or by the garbage collector, it ends
/// as abandoned.
pub struct Open {
    engine: Arc<Guarded>,
    /// Taken out while it is driven, so that a panic drops it, and gone once it has ended.
    operation: Mutex<Option<Operation<'static>>>,
}

/// Starts an operation. `what` holds, from its lowest bit: the kind (0 read, 1 write, 2 delete) in two bits, whether
/// it is abandoned at once in one, and its depth. `bytes` begins with the key, which the value follows.
#[napi(catch_unwind)]
#[expect(clippy::too_many_arguments, reason = "an argument is cheaper than an object's field")]
pub fn start(
    engine: &EngineHandle,
    what: u32,
    mut bytes: Bytes,
    key_len: u32,
    value_len: u32,
    agent: Unknown<'_>,
    session: Unknown<'_>,
    rest: Unknown<'_>,
) -> napi::Result<Given> {
    let context = context(&agent, &session, &rest)?;
    let engine: &Arc<Guarded> = engine;
    let all = bytes.as_slice();
    let (key_len, value_len) = (key_len as usize, value_len as usize);
    let (Some(key), Some(value)) = (all.get(..key_len), all.get(key_len..key_len.saturating_add(value_len)))
    else {
        return Err(native("lengths past the end of the bytes"));
    };
    let (kind, value) = match what & 3 {
        0 => (Kind::Read, None),
        1 => (Kind::Write, Some(Cow::Borrowed(value))),
        2 => (Kind::Delete, None),
        _ => return Err(native("an unknown kind of operation")),
    };
    let request =
        Request { kind, key: Cow::Borrowed(key), value, context: Cow::Borrowed(&context), depth: what >> 3 };
    let mut operation = engine.core.start(request);
    if what & 4 != 0 {
        drop(operation);
        return Ok(Given { turn: Turn::Done, open: None });
    }
    if matches!(advance(&mut operation, engine.core.clock(), engine.database.as_ref()), Step::Done) {
        let outcome = operation.finish();
        return Ok(Given { turn: Turn::of(outcome, Some(&mut bytes)), open: None });
    }
    let open = Arc::new(Open { engine: Arc::clone(engine), operation: Mutex::new(None) });
    let turn = open.go_on(operation.into_owned());
    let open = open.holds().then_some(open);
    Ok(Given { turn, open })
}

/// Hands the reply to the last step; gives the next.
#[napi(catch_unwind)]
pub fn resume(
    open: &External<Arc<Open>>,
    kind: u32,
    payload: Unknown<'_>,
    place: u32,
) -> napi::Result<Given> {
    let open: &Arc<Open> = open;
    // Out of its place first: whatever fails from here on drops the operation.
    let operation = open.take();
    let reply = reply::read(kind, payload, place)?;
    Ok(Given { turn: open.resume(operation, reply), open: None })
}

/// Lets go of an operation that has not ended.
#[napi(catch_unwind)]
pub fn abandon(open: &External<Arc<Open>>) {
    drop(open.take());
}

impl Open {
    fn take(&self) -> Option<Operation<'static>> {
        self.operation.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn holds(&self) -> bool {
        self.operation.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn resume(self: &Arc<Self>, operation: Option<Operation<'static>>, reply: Reply) -> Turn {
        let Some(mut operation) = operation else {
            return Turn::of(Err(Error::usage("the operation has ended: it takes no reply")), None);
        };
        let now = time_for(&operation, self.engine.core.clock());
        match operation.resume(reply, now) {
            Ok(()) => self.go_on(operation),
            Err(error) => Turn::of(Err(error), None),
        }
    }

    /// Goes on until the driver is needed, and keeps the operation for its reply.
    fn go_on(self: &Arc<Self>, mut operation: Operation<'static>) -> Turn {
        let engine = &self.engine;
        let turn = match advance(&mut operation, engine.core.clock(), engine.database.as_ref()) {
            Step::Done => return Turn::of(operation.finish(), None),
            Step::CallHook(call) => {
                let Some(ticket) = call.callable.downcast_ref::<Ticket>() else { return foreign() };
                Turn::Hook {
                    number: ticket.number,
                    depth: call.depth,
                    value: changed(call.value, call.value_is_original && call.trigger.kind == Kind::Write),
                }
            }
            Step::Store(call) if engine.database.is_some() => Turn::Wait(Box::new(AsyncTask::new(Waiting {
                call: OwnedCall::of(&call),
                open: Arc::clone(self),
            }))),
            Step::Store(StoreCall::Get { .. }) => Turn::Store { what: "get", value: None },
            Step::Store(StoreCall::Put { value, .. }) => {
                Turn::Store { what: "put", value: Some(value.to_vec()) }
            }
            Step::Store(StoreCall::Delete { .. }) => Turn::Store { what: "delete", value: None },
            Step::Log(call) => {
                let number = match call.logger.map(|logger| logger.downcast_ref::<Ticket>()) {
                    Some(Some(ticket)) => ticket.number,
                    Some(None) => return foreign(),
                    None => 0,
                };
                debug_assert_eq!(number == 0, call.level == LogLevel::Warning);
                Turn::Log { number, message: call.message }
            }
            // A kind that this driver does not know: dropping the operation refuses it.
            _ => return foreign(),
        };
        *self.operation.lock().unwrap_or_else(PoisonError::into_inner) = Some(operation);
        turn
    }
}

/// A step that this driver cannot perform.
fn foreign() -> Turn {
    Turn::of(Err(Error::Internal("a step that the driver does not know".to_owned())), None)
}

/// The value that a hook sees, unless the driver has it already.
fn changed(value: Option<&[u8]>, is_the_callers: bool) -> Option<Vec<u8>> {
    value.filter(|_| !is_the_callers).map(<[u8]>::to_vec)
}

fn time_for(operation: &Operation<'_>, clock: &Clock) -> Time {
    if operation.needs_time() { clock.now() } else { Time::default() }
}

/// A store step on its way through Node's pool of threads.
pub struct Waiting {
    call: OwnedCall,
    open: Arc<Open>,
}

impl Task for Waiting {
    type Output = StoreReply;
    type JsValue = Given;

    fn compute(&mut self) -> napi::Result<StoreReply> {
        let database = self.open.engine.database.as_ref().ok_or_else(|| native("no database"))?;
        Ok(self.call.perform(database))
    }

    fn resolve(&mut self, _: Env, reply: StoreReply) -> napi::Result<Given> {
        // Nothing may unwind into Node's code, which calls this without the guard of an export.
        let turn = catch_unwind(AssertUnwindSafe(|| match self.open.take() {
            // Abandoned in the meantime: nobody asks for the outcome any more.
            None => Turn::Done,
            operation => self.open.resume(operation, Reply::Store(reply)),
        }));
        let turn = turn.map_err(|_| native("a panic after the disk's reply"))?;
        Ok(Given { turn, open: None })
    }
}
