//! The driver: performs the steps that need nothing but this process, and stops at those that are the host's.

use std::cell::Cell;

use checkrein::clock::Time;
use checkrein::error::Cause;
use checkrein::hook::{Answer, Failure};
use checkrein::operation::{LogCall, Operation, Reply, Step, StoreReply};
use checkrein::{Error, policy};

use crate::engine::{Store, cr_engine};
use crate::hook::{Callable, LogTarget};
use crate::{listener, sink};

thread_local! {
    /// How deep this thread is in hooks that are functions: an operation that one starts stands below it.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// The depth of an operation that starts in this thread.
pub(crate) fn depth() -> u32 {
    DEPTH.get()
}

/// Runs a function of the host with this thread marked as being that deep.
pub(crate) fn nested<T>(depth: u32, run: impl FnOnce() -> T) -> T {
    let before = DEPTH.replace(depth);
    let done = run();
    DEPTH.set(before);
    done
}

/// What a driver wants to be asked, rather than have it performed.
#[derive(Clone, Copy, Default)]
pub(crate) struct Asks {
    /// What may wait for the disk: store steps of a database, and entries for a file of the audit.
    pub(crate) blocking_store: bool,
    /// What the engine's own logger would be told.
    pub(crate) log: bool,
}

/// Goes on until the host is needed: true at the end, false at a step that is the host's.
pub(crate) fn advance(engine: &cr_engine, operation: &mut Operation<'_>, asks: Asks) -> bool {
    let clock = engine.core.clock();
    let database = match &engine.store {
        Store::Database(database) => Some(database),
        _ => None,
    };
    loop {
        let reply = match policy::advance(operation, clock, database) {
            Step::Done => return true,
            Step::CallHook(call) => match call.callable.downcast_ref::<Callable>() {
                Some(callable @ Callable::Function(..)) => {
                    Reply::Answer(nested(call.depth, || callable.ask(&call)).unwrap_or_else(unknown))
                }
                Some(Callable::Id(_)) => return false,
                None => Reply::Answer(unknown()),
            },
            Step::Store(call) => match &engine.store {
                Store::Database(database) if asks.blocking_store && database.blocks() => return false,
                Store::Database(database) => Reply::Store(policy::perform(database, &call)),
                Store::Functions(store) => Reply::Store(store.perform(&call)),
                Store::Steps(_) => return false,
            },
            Step::Log(call) => match tell(engine, call, asks) {
                Some(true) => Reply::Logged,
                Some(false) => Reply::LogFailed(Cause::named("logger")),
                None => return false,
            },
            Step::Record(call) => match sink::record(&call, asks) {
                Some(reply) => reply,
                None => return false,
            },
            Step::Notify(call) => match listener::notify(&call) {
                Some(reply) => reply,
                None => return false,
            },
            Step::Item { .. } => return false,
            // A step of a later version: leaving it unanswered ends the operation as refused.
            _ => return false,
        };
        // These replies fit their steps; one that did not has ended the operation as refused.
        let _ = operation.resume(reply);
    }
}

/// The time, or nothing where the operation has no use for it.
pub(crate) fn now(engine: &cr_engine, operation: &Operation<'_>) -> Time {
    checkrein::policy::time_for(operation, engine.core.clock())
}

/// Replies to a step that is the host's, where the host cannot be asked; false where that is no step to be replied to.
pub(crate) fn refuse(engine: &cr_engine, operation: &mut Operation<'_>) -> bool {
    let now = now(engine, operation);
    match refusal_of(&operation.step(now)) {
        // Its reply fits the step.
        Some(reply) => operation.resume(reply).is_ok(),
        None => false,
    }
}

fn refusal_of(step: &Step<'_>) -> Option<Reply> {
    match step {
        Step::CallHook(_) => Some(Reply::Answer(Answer::Failed(Failure::Own(needs_steps(
            "the hook is known by its number only",
        ))))),
        Step::Store(_) => {
            Some(Reply::Store(StoreReply::Failed(needs_steps("the engine has no store that can be called"))))
        }
        Step::Log(_) => Some(Reply::LogFailed(Cause::named("logger known by its number only"))),
        Step::Record(_) => Some(Reply::RecordFailed(Cause::named("sink known by its number only"))),
        Step::Notify(_) => Some(Reply::LogFailed(Cause::named("listener known by its number only"))),
        _ => None,
    }
}

/// Whether the logger took it, or nothing where it is the host's to tell.
fn tell(engine: &cr_engine, call: LogCall<'_>, asks: Asks) -> Option<bool> {
    match call.logger.map(|logger| logger.downcast_ref::<LogTarget>()) {
        None | Some(Some(LogTarget::Engine)) if asks.log => None,
        None | Some(Some(LogTarget::Engine)) => Some(engine.tell(call.level, call.message)),
        Some(Some(LogTarget::Function(logger))) => Some(logger.tell(call.level, call.message)),
        Some(Some(LogTarget::Id(_))) => None,
        Some(None) => Some(false),
    }
}

fn needs_steps(what: &str) -> Error {
    Error::usage(format!("{what}: drive the operation in steps, with cr_operation_start"))
}

fn unknown() -> Answer {
    Answer::Failed(Failure::Own(Error::Internal("a hook of another binding".to_owned())))
}
