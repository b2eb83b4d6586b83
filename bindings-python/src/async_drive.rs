//! The loop of the async driver. It performs an operation's steps until something is to be awaited: what a hook, the
//! store, a sink or a listener answered with, or a worker thread that waits for a disk. [`Turn`](crate::turn::Turn)
//! goes on from there with what the await gave.

use std::sync::Arc;

use checkrein::Error;
use checkrein::hook::{Answer, HostObject};
use checkrein::operation::{
    HookCall, LogCall, NotifyCall, Operation, RecordCall, RecordTo, Reply, Step, StoreCall, StoreReply,
};
use checkrein::policy::advance;
use pyo3::prelude::*;

use crate::begin::Given;
use crate::context::Said;
use crate::convert::{is_awaitable, is_coroutine};
use crate::drive::objects;
use crate::engine::PyPolicyEngine;
use crate::hook::Callable;
use crate::job::Job;
use crate::mark::Inside;
use crate::reply::{self, Asked};
use crate::seen::{Seen, View};
use crate::{answer, errors, listen, log, sink, worker};

/// What Python sees of an operation, to be kept from one await to the next.
#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) first: Seen<'static>,
    pub(crate) rest: Vec<Seen<'static>>,
    pub(crate) said: Option<Arc<Said>>,
    pub(crate) depth: u32,
    /// How many entries of a step the sink in hand was told.
    pub(crate) told: usize,
}

/// Why the loop has stopped.
pub(crate) enum Pause<'py> {
    /// The operation is done.
    Done,
    /// A pair of a scan is to be taken.
    Item,
    /// The next step may reach beyond this call: the operation is to own what it borrows before that is taken.
    Own,
    /// This is to be awaited.
    Await(Bound<'py, PyAny>, Waits),
}

/// What an awaited answer is for. What runs meanwhile in its task is marked as standing in the hook, listener or sink.
pub(crate) enum Waits {
    Hook(Inside),
    Store(Asked),
    /// A worker thread: the job has the reply.
    Job(Py<Job>),
    /// A logger or a listener: what it gives says nothing.
    Told(Inside),
    Sink(Inside),
}

/// What came of performing a step.
enum Performed<'py> {
    Replied(Reply),
    /// Part of it is done: it is asked for again.
    Partly,
    Later(Bound<'py, PyAny>, Waits),
}

/// Goes on until something is to be awaited. `owned` says that the operation owns what it holds.
///
/// # Errors
/// What is no ordinary error, such as `KeyboardInterrupt`: the caller drops the operation then, which ends it.
pub(crate) fn run<'py>(
    py: Python<'py>,
    engine: &PyPolicyEngine,
    operation: &mut Operation<'_>,
    kept: &mut Kept,
    owned: bool,
) -> PyResult<Pause<'py>> {
    let (clock, database) = (engine.engine.clock(), engine.store.database());
    loop {
        let performed = match advance(operation, clock, database) {
            Step::CallHook(call) => call_hook(py, &call, kept)?,
            Step::Store(_) | Step::Record(_) | Step::Notify(_) if !owned => return Ok(Pause::Own),
            Step::Store(call) => ask_store(py, engine, &call, kept)?,
            Step::Item { .. } => return Ok(Pause::Item),
            Step::Log(call) => tell(py, &call, kept.depth)?,
            Step::Record(call) => record(py, &call, kept)?,
            Step::Notify(call) => notify(py, &call)?,
            Step::Done => return Ok(Pause::Done),
            // A kind that this driver does not know: the operation is dropped, which refuses it.
            _ => return Err(internal(py, "an unknown step")),
        };
        match performed {
            Performed::Replied(reply) => {
                operation.resume(reply).map_err(|error| errors::to_py(py, error))?;
            }
            Performed::Partly => {}
            Performed::Later(awaitable, waits) => return Ok(Pause::Await(awaitable, waits)),
        }
    }
}

/// Goes on with what an await gave, or raised.
///
/// # Errors
/// As [`run`], `CancelledError` among it.
pub(crate) fn resume<'py>(
    py: Python<'py>,
    engine: &PyPolicyEngine,
    operation: &mut Operation<'_>,
    kept: &mut Kept,
    (waits, awaited): (Waits, PyResult<Bound<'py, PyAny>>),
) -> PyResult<Pause<'py>> {
    let reply = match waits {
        Waits::Hook(inside) => {
            inside.leave(py);
            Some(Reply::Answer(answer::of(py, awaited)?))
        }
        Waits::Store(asked) => Some(stored(py, asked, awaited, kept)?),
        Waits::Job(job) => {
            let raised = awaited.err().map(|raised| log::cause_of(py, raised)).transpose()?;
            Some(job.get().take(raised))
        }
        Waits::Told(inside) => {
            inside.leave(py);
            Some(log::told(py, awaited)?)
        }
        Waits::Sink(inside) => {
            inside.leave(py);
            recorded(py, awaited, kept)?
        }
    };
    if let Some(reply) = reply {
        operation.resume(reply).map_err(|error| errors::to_py(py, error))?;
    }
    run(py, engine, operation, kept, true)
}

fn call_hook<'py>(py: Python<'py>, call: &HookCall<'_>, kept: &mut Kept) -> PyResult<Performed<'py>> {
    let marked = mark(py, call.callable, call.depth)?;
    let (returned, value) = kept.view(py).start(py, call)?;
    if marked.is_none() && answer::passes(&returned, &value) {
        return Ok(Performed::Replied(Reply::Answer(Answer::Allow)));
    }
    if let Some((awaitable, inside)) = awaits(py, &returned, call.callable, call.depth, marked)? {
        return Ok(Performed::Later(awaitable, Waits::Hook(inside)));
    }
    Ok(Performed::Replied(Reply::Answer(answer::of(py, returned)?)))
}

/// A mark for what a callable starts, where it is known to start tasks. A coroutine does not run before it is awaited:
/// for it the mark is set when it is there, so that sync callables cost none.
fn mark(py: Python<'_>, callable: &HostObject, depth: u32) -> PyResult<Option<Inside>> {
    if Callable::starts_tasks(callable) { Inside::enter(py, depth).map(Some) } else { Ok(None) }
}

/// What a callable returned, where that is to be awaited, with the mark for what runs meanwhile; else the mark is taken
/// back.
fn awaits<'py>(
    py: Python<'py>,
    returned: &PyResult<Bound<'py, PyAny>>,
    callable: &HostObject,
    depth: u32,
    marked: Option<Inside>,
) -> PyResult<Option<(Bound<'py, PyAny>, Inside)>> {
    let Some(awaitable) = returned.as_ref().ok().filter(|returned| is_awaitable(returned)) else {
        if let Some(inside) = marked {
            inside.leave(py);
        }
        return Ok(None);
    };
    if !is_coroutine(awaitable) {
        Callable::has_started_task(callable);
    }
    let inside = marked.map_or_else(|| Inside::enter(py, depth), Ok)?;
    Ok(Some((awaitable.clone(), inside)))
}

fn ask_store<'py>(
    py: Python<'py>,
    engine: &PyPolicyEngine,
    call: &StoreCall<'_>,
    kept: &mut Kept,
) -> PyResult<Performed<'py>> {
    if let Some(database) = engine.store.database() {
        return work(py, Job::store(database, call));
    }
    let Some(object) = engine.store.object(py) else {
        let gone = Error::Internal("the engine was cleared by the garbage collector".to_owned());
        return Ok(Performed::Replied(Reply::Store(StoreReply::Failed(gone))));
    };
    let (key, value) = objects(py, call, &mut kept.view(py));
    let asked = Asked::from(call);
    match reply::call(object.bind(py), call, key, value) {
        Ok(awaitable) if is_awaitable(&awaitable) => Ok(Performed::Later(awaitable, Waits::Store(asked))),
        replied => stored(py, asked, replied, kept).map(Performed::Replied),
    }
}

/// What a store of the host replied.
fn stored<'py>(
    py: Python<'py>,
    asked: Asked,
    replied: PyResult<Bound<'py, PyAny>>,
    kept: &mut Kept,
) -> PyResult<Reply> {
    let (reply, object) = reply::of(py, asked, replied)?;
    if matches!(reply, StoreReply::Value(_)) && kept.rest.is_empty() {
        kept.first.set_value(object);
    }
    Ok(Reply::Store(reply))
}

/// Hands the next entry of a step to its sink.
fn record<'py>(py: Python<'py>, call: &RecordCall<'_>, kept: &mut Kept) -> PyResult<Performed<'py>> {
    let sink = match call.sink {
        RecordTo::Host(sink) => sink,
        RecordTo::File(_) => {
            return match Job::record(call) {
                Some(job) => work(py, job),
                None => Err(internal(py, "an audit file that is none")),
            };
        }
    };
    if kept.told >= call.entries.len() {
        kept.told = 0;
        return Ok(Performed::Replied(Reply::Recorded));
    }
    let marked = mark(py, sink, call.depth)?;
    let told = sink::start(py, call, kept.told);
    if let Some((awaitable, inside)) = awaits(py, &told, sink, call.depth, marked)? {
        return Ok(Performed::Later(awaitable, Waits::Sink(inside)));
    }
    Ok(recorded(py, told, kept)?.map_or(Performed::Partly, Performed::Replied))
}

/// What a sink made of an entry: nothing to reply yet where it took it.
fn recorded(py: Python<'_>, told: PyResult<Bound<'_, PyAny>>, kept: &mut Kept) -> PyResult<Option<Reply>> {
    match told {
        Ok(_) => {
            kept.told += 1;
            Ok(None)
        }
        Err(raised) => {
            kept.told = 0;
            Ok(Some(Reply::RecordFailed(log::cause_of(py, raised)?)))
        }
    }
}

fn tell<'py>(py: Python<'py>, call: &LogCall<'_>, depth: u32) -> PyResult<Performed<'py>> {
    let deeper = depth.saturating_add(1);
    let marked = call.logger.map_or(Ok(None), |logger| mark(py, logger, deeper))?;
    let told = log::start(py, call, depth);
    if let Some(logger) = call.logger
        && let Some((awaitable, inside)) = awaits(py, &told, logger, deeper, marked)?
    {
        return Ok(Performed::Later(awaitable, Waits::Told(inside)));
    }
    Ok(Performed::Replied(log::told(py, told)?))
}

fn notify<'py>(py: Python<'py>, call: &NotifyCall<'_>) -> PyResult<Performed<'py>> {
    let marked = mark(py, call.listener, call.depth)?;
    let told = listen::start(py, call);
    if let Some((awaitable, inside)) = awaits(py, &told, call.listener, call.depth, marked)? {
        return Ok(Performed::Later(awaitable, Waits::Told(inside)));
    }
    Ok(Performed::Replied(log::told(py, told)?))
}

fn work(py: Python<'_>, job: Job) -> PyResult<Performed<'_>> {
    let job = Bound::new(py, job)?;
    let awaitable = worker::run(&job)?;
    Ok(Performed::Later(awaitable, Waits::Job(job.unbind())))
}

impl Kept {
    /// What an operation was given, with what is lent held.
    pub(crate) fn of(py: Python<'_>, given: Given<'_>) -> Self {
        let Given { first, rest, said, depth } = given;
        let rest = rest.iter_mut().map(|seen| std::mem::take(seen).into_owned(py)).collect();
        Kept { first: first.into_owned(py), rest, said: said.cloned(), depth, told: 0 }
    }

    fn view<'v>(&'v mut self, py: Python<'v>) -> View<'v, 'static> {
        let said = self.said.as_deref().unwrap_or_else(|| Said::nothing(py));
        View { first: &mut self.first, rest: &mut self.rest, said, depth: self.depth }
    }
}

#[cold]
pub(crate) fn internal(py: Python<'_>, what: &str) -> PyErr {
    errors::to_py(py, Error::Internal(what.to_owned()))
}
