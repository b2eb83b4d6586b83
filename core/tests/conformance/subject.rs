//! What is tested, in two ways: the policy engine of a Rust program, and the engine that a binding drives.

use std::borrow::Cow;
use std::sync::Arc;

use checkrein::audit::{AuditFilter, Entry};
use checkrein::clock::Clock;
use checkrein::document::{Format, PolicyDocument};
use checkrein::engine::{Engine, EngineOptions, Explanation};
use checkrein::error::{Error, Result};
use checkrein::hook::{Action, Answer, Helper, Mode, Trigger};
use checkrein::limit::{LimitStatus, RateLimit};
use checkrein::operation::{
    Ask, BatchRequest, HookCall, Kind, ManyRequest, Operation, Outcome, Reply, Request, ScanRequest, Step,
};
use checkrein::policy::{self, BatchOp, PolicyContext, PolicyEngine};
use checkrein::store::{Abilities, Database, Store};
use serde_json::Value;

use crate::context::{json_of, public_context, raw_context};
use crate::ears::{self, Ear};
use crate::expect::{Got, Stop};
use crate::script::{Reaction, Script, Shown};
use crate::store::ScriptedStore;
use crate::vector::{Options, Said};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Way {
    /// Through `PolicyEngine`.
    Public,
    /// Through `Engine` and `Operation`, as bindings do.
    Stepwise,
}

#[derive(Clone)]
pub(crate) enum Shelf {
    Memory(Database),
    Scripted(Arc<ScriptedStore>),
}

pub(crate) enum Subject {
    Public(PolicyEngine),
    Stepwise(Arc<Engine>, Shelf),
}

/// What is to be registered.
pub(crate) enum Deed {
    DenyAll,
    AllowAll,
    RequireAgentId,
    RedactValue(Vec<u8>),
    LogAndAllow,
    Script(Arc<Script>),
}

/// Takes a registration back.
pub(crate) type Undo = Box<dyn Fn() -> bool + Send + Sync>;

impl Subject {
    pub(crate) fn new(way: Way, shelf: &Shelf, clock: Clock, options: &Options) -> Result<Self> {
        let max_open = options.max_open.map(|max| usize::try_from(max).unwrap());
        let mode = options.mode.as_deref().map(Mode::parse).transpose()?;
        match way {
            Way::Public => {
                let builder = match shelf {
                    Shelf::Memory(database) => PolicyEngine::builder(database.clone()),
                    Shelf::Scripted(store) => PolicyEngine::builder(Arc::clone(store)),
                };
                let builder = builder.clock(clock).require_context(options.require_context.clone());
                let builder = mode.into_iter().fold(builder, |builder, mode| builder.mode(mode));
                let builder =
                    max_open.into_iter().fold(builder, |builder, max| builder.max_open_operations(max));
                let document = options.document.as_ref().map(document_of).transpose()?;
                let builder =
                    document.into_iter().fold(builder, |builder, document| builder.document(document));
                Ok(Subject::Public(builder.build()))
            }
            Way::Stepwise => {
                let default = EngineOptions::default();
                let document = options.document.as_ref().map(document_of).transpose()?;
                let options = EngineOptions {
                    clock,
                    max_open: max_open.unwrap_or(default.max_open),
                    remember_errors: true,
                    mode: mode.unwrap_or(default.mode),
                    require_context: options.require_context.clone(),
                };
                let engine = Engine::new(options)?;
                document.iter().try_for_each(|document| engine.apply(document))?;
                Ok(Subject::Stepwise(Arc::new(engine), shelf.clone()))
            }
        }
    }

    pub(crate) fn operate(
        &self,
        kind: Kind,
        key: &[u8],
        value: Option<&[u8]>,
        said: &Said,
        depth: u32,
    ) -> Got {
        match self {
            Subject::Public(engine) => {
                // Made for another operation on another key, which nobody may believe.
                let context = public_context(said);
                let done = match (kind, value) {
                    (Kind::Write, Some(value)) => engine.put(key, value, Some(&context)).map(|()| Got::Ok),
                    (Kind::Read, _) => engine.get(key, Some(&context)).map(Got::Value),
                    _ => engine.delete(key, Some(&context)).map(|()| Got::Ok),
                };
                done.unwrap_or_else(Got::Error)
            }
            Subject::Stepwise(engine, shelf) => {
                let (context, fault) = raw_context(said);
                let request = match (kind, value) {
                    (Kind::Write, Some(value)) => Request::write(key, value, &context),
                    (Kind::Read, _) => Request::read(key, &context),
                    _ => Request::delete(key, &context),
                };
                match drive(engine, shelf, request.at_depth(depth), fault) {
                    Ran::Done(outcome) if kind == Kind::Read => Got::Value(outcome.value),
                    ran => ran.told(),
                }
            }
        }
    }

    pub(crate) fn get_many(&self, keys: &[Vec<u8>], said: &Said) -> Got {
        match self {
            Subject::Public(engine) => {
                engine.get_many(keys, Some(&public_context(said))).map_or_else(Got::Error, Got::Values)
            }
            Subject::Stepwise(engine, shelf) => {
                let (context, fault) = raw_context(said);
                let keys = keys.iter().map(|key| Cow::Borrowed(key.as_slice())).collect();
                let request = ManyRequest { keys, context: Cow::Borrowed(&context), depth: 0 };
                match drive(engine, shelf, request, fault) {
                    Ran::Done(outcome) => Got::Values(outcome.values),
                    ran => ran.told(),
                }
            }
        }
    }

    pub(crate) fn batch(&self, ops: &[(Vec<u8>, Option<Vec<u8>>)], atomic: bool, said: &Said) -> Got {
        match self {
            Subject::Public(engine) => {
                let context = public_context(said);
                let op = |(key, value): &(Vec<u8>, Option<Vec<u8>>)| match value {
                    Some(value) => BatchOp::Put(key.clone().into(), value.clone().into()),
                    None => BatchOp::Delete(key.clone().into()),
                };
                let ops: Vec<BatchOp<'_>> = ops.iter().map(op).collect();
                let done = match atomic {
                    true => engine.batch(&ops, Some(&context)),
                    false => engine.batch_one_by_one(&ops, Some(&context)),
                };
                done.map_or_else(Got::Error, |()| Got::Ok)
            }
            Subject::Stepwise(engine, shelf) => {
                let (context, fault) = raw_context(said);
                let change = |(key, value): &'_ (Vec<u8>, Option<Vec<u8>>)| {
                    let kind = if value.is_some() { Kind::Write } else { Kind::Delete };
                    (kind, Cow::Owned(key.clone()), value.clone().map(Cow::Owned))
                };
                let request = BatchRequest {
                    changes: ops.iter().map(change).collect(),
                    context: Cow::Borrowed(&context),
                    depth: 0,
                    atomic,
                    store_can: shelf.can().batch,
                };
                drive(engine, shelf, request, fault).told()
            }
        }
    }

    /// Walks to the end, or lets go after so many pairs.
    pub(crate) fn scan(&self, prefix: &[u8], said: &Said, take: Option<usize>, depth: u32) -> Got {
        let take = take.unwrap_or(usize::MAX);
        let mut pairs = Vec::new();
        match self {
            Subject::Public(engine) => {
                let mut scan = match engine.scan(prefix, Some(&public_context(said))) {
                    Ok(scan) => scan,
                    Err(error) => return Got::Pairs(pairs, Stop::Error(error)),
                };
                while pairs.len() < take {
                    match scan.next() {
                        Some(Ok(pair)) => pairs.push(pair),
                        Some(Err(error)) => {
                            assert!(scan.next().is_none(), "a pair after the end");
                            return Got::Pairs(pairs, Stop::Error(error));
                        }
                        None => break,
                    }
                }
                Got::Pairs(pairs, Stop::End)
            }
            Subject::Stepwise(engine, shelf) => {
                let (context, fault) = raw_context(said);
                let request = ScanRequest {
                    prefix: Cow::Borrowed(prefix),
                    context: Cow::Borrowed(&context),
                    depth,
                    store_can: shelf.can().scan,
                };
                if let Some(fault) = fault {
                    return Got::Pairs(pairs, Stop::Error(engine.reject(request, fault)));
                }
                let mut operation = engine.start(request).into_owned();
                while pairs.len() < take {
                    match turn(engine, shelf, &mut operation) {
                        Turn::Item => pairs.push(operation.take_item().unwrap()),
                        Turn::Cancelled => return Got::Pairs(pairs, Stop::Cancelled),
                        Turn::Done => {
                            let stop = operation.finish().map_or_else(Stop::Error, |_| Stop::End);
                            return Got::Pairs(pairs, stop);
                        }
                    }
                }
                Got::Pairs(pairs, Stop::End)
            }
        }
    }

    pub(crate) fn explain(&self, operation: &str, key: &[u8], said: &Said) -> Result<Explanation> {
        match self {
            Subject::Public(engine) => engine.explain(operation, key, Some(&public_context(said))),
            Subject::Stepwise(engine, _) => match raw_context(said) {
                (_, Some(fault)) => Err(fault),
                (context, None) => engine.explain(Kind::parse(operation)?, key, &context),
            },
        }
    }

    pub(crate) fn reload(&self, document: &Value) -> Result<()> {
        let document = document_of(document)?;
        match self {
            Subject::Public(engine) => engine.reload(&document),
            Subject::Stepwise(engine, _) => engine.reload(&document),
        }
    }

    pub(crate) fn add_listener(&self, ear: Arc<Ear>) -> Undo {
        match self {
            Subject::Public(engine) => {
                let id = engine.on_denied(move |error| ear.hear_of(error).unwrap());
                let engine = engine.clone();
                Box::new(move || engine.remove_listener(id))
            }
            Subject::Stepwise(engine, _) => {
                let id = engine.on_denied(ear);
                let engine = Arc::downgrade(engine);
                Box::new(move || engine.upgrade().is_some_and(|engine| engine.remove_listener(id)))
            }
        }
    }

    pub(crate) fn add_sink(&self, ear: Arc<Ear>, strict: bool) -> Result<Undo> {
        match self {
            Subject::Public(engine) => {
                let id = engine.add_audit_sink(strict, move |entries, phase| ear.take(entries, phase))?;
                let engine = engine.clone();
                Ok(Box::new(move || engine.remove_audit_sink(id).unwrap()))
            }
            Subject::Stepwise(engine, _) => {
                let id = engine.add_audit_sink(ear, strict)?;
                let engine = Arc::downgrade(engine);
                Ok(Box::new(move || engine.upgrade().is_some_and(|e| e.remove_audit_sink(id).unwrap())))
            }
        }
    }

    pub(crate) fn add_hook(&self, trigger: Trigger, keys: &str, deed: Deed) -> Result<Undo> {
        match self {
            Subject::Public(engine) => {
                let handle = match deed {
                    Deed::DenyAll => register(engine, trigger, keys, policy::deny_all),
                    Deed::AllowAll => register(engine, trigger, keys, policy::allow_all),
                    Deed::RequireAgentId => register(engine, trigger, keys, policy::require_agent_id),
                    Deed::RedactValue(value) => register(engine, trigger, keys, policy::redact_value(value)),
                    Deed::LogAndAllow => {
                        register(engine, trigger, keys, policy::log_and_allow("conformance"))
                    }
                    Deed::Script(script) => {
                        register(engine, trigger, keys, move |ctx: &PolicyContext<'_>| {
                            let context =
                                ctx.iter().map(|(name, value)| (name.to_owned(), json_of(value))).collect();
                            let shown =
                                Shown { key: &ctx.key, value: ctx.value.as_deref(), context, depth: 0 };
                            match script.call(&shown) {
                                Reaction::Answer(answer) => answer,
                                Reaction::Cancel => panic!("a closure cannot cancel its operation"),
                            }
                        })
                    }
                };
                handle.result()?;
                Ok(Box::new(move || handle.remove()))
            }
            Subject::Stepwise(engine, _) => {
                let action = match deed {
                    Deed::DenyAll => Action::Helper(Helper::DenyAll),
                    Deed::AllowAll => Action::Helper(Helper::AllowAll),
                    Deed::RequireAgentId => Action::Helper(Helper::RequireAgentId),
                    Deed::RedactValue(value) => Action::Helper(Helper::RedactValue(value)),
                    Deed::LogAndAllow => Action::Log(Arc::new(())),
                    Deed::Script(script) => Action::Host(script),
                };
                let id = engine.add_hook(trigger, keys, action)?;
                let engine = Arc::downgrade(engine);
                Ok(Box::new(move || engine.upgrade().is_some_and(|engine| engine.remove_hook(id))))
            }
        }
    }

    pub(crate) fn add_rate_limit(&self, operation: &str, limit: RateLimit) -> Result<()> {
        match self {
            Subject::Public(engine) => engine.add_rate_limit(operation, limit),
            Subject::Stepwise(engine, _) => engine.add_rate_limit(operation, &limit),
        }
    }

    pub(crate) fn status(&self, operation: &str, said: &Said) -> Result<Vec<LimitStatus>> {
        match self {
            Subject::Public(engine) => engine.rate_limit_status(operation, Some(&public_context(said))),
            Subject::Stepwise(engine, _) => match raw_context(said) {
                (_, Some(fault)) => Err(fault),
                (context, None) => engine.rate_limit_status(operation, &context),
            },
        }
    }

    pub(crate) fn enable_audit(&self, max_entries: usize) -> Result<()> {
        match self {
            Subject::Public(engine) => engine.enable_audit_with(max_entries),
            Subject::Stepwise(engine, _) => engine.enable_audit(max_entries),
        }
    }

    pub(crate) fn disable_audit(&self) {
        match self {
            Subject::Public(engine) => engine.disable_audit(),
            Subject::Stepwise(engine, _) => engine.disable_audit(),
        }
    }

    pub(crate) fn audit_log(&self, filter: &AuditFilter) -> Result<Vec<Entry>> {
        match self {
            Subject::Public(engine) => engine.audit_log(filter),
            Subject::Stepwise(engine, _) => engine.audit_log(filter),
        }
    }

    pub(crate) fn clear_registration_errors(&self) {
        let _ = match self {
            Subject::Public(engine) => engine.clear_registration_errors(),
            Subject::Stepwise(engine, _) => engine.clear_registration_errors(),
        };
    }
}

fn document_of(document: &Value) -> Result<PolicyDocument> {
    PolicyDocument::parse(document.to_string().as_bytes(), Format::Json, "policy.json")
}

fn register<F, R>(engine: &PolicyEngine, trigger: Trigger, keys: &str, hook: F) -> policy::HookHandle
where
    F: Fn(&PolicyContext<'_>) -> R + Send + Sync + 'static,
    R: Into<Answer>,
{
    match trigger {
        Trigger::BEFORE_READ => engine.before_read(keys, hook),
        Trigger::AFTER_READ => engine.after_read(keys, hook),
        Trigger::BEFORE_WRITE => engine.before_write(keys, hook),
        Trigger::AFTER_WRITE => engine.after_write(keys, hook),
        Trigger::BEFORE_DELETE => engine.before_delete(keys, hook),
        _ => engine.after_delete(keys, hook),
    }
}

/// What came of an operation that was driven.
enum Ran {
    Done(Outcome),
    Cancelled,
    Error(Error),
}

impl Ran {
    fn told(self) -> Got {
        match self {
            Ran::Done(_) => Got::Ok,
            Ran::Cancelled => Got::Cancelled,
            Ran::Error(error) => Got::Error(error),
        }
    }
}

/// Drives an operation step by step to its end, as a binding does.
fn drive<'a>(engine: &Engine, shelf: &Shelf, request: impl Ask<'a>, fault: Option<Error>) -> Ran {
    if let Some(fault) = fault {
        return Ran::Error(engine.reject(request, fault));
    }
    let mut operation = engine.start(request);
    match turn(engine, shelf, &mut operation) {
        Turn::Cancelled => Ran::Cancelled,
        Turn::Done | Turn::Item => operation.finish().map_or_else(Ran::Error, Ran::Done),
    }
}

/// Where driving stops.
enum Turn {
    Done,
    Item,
    Cancelled,
}

fn turn(engine: &Engine, shelf: &Shelf, operation: &mut Operation<'_>) -> Turn {
    loop {
        let now = engine.clock().now();
        let reply = match operation.step(now) {
            Step::CallHook(call) => match call_hook(&call) {
                Reaction::Answer(answer) => Reply::Answer(answer),
                Reaction::Cancel => return Turn::Cancelled,
            },
            Step::Store(call) => match shelf {
                Shelf::Memory(database) => Reply::Store(policy::perform(database, &call)),
                Shelf::Scripted(store) => match store.reply(&call) {
                    Some(reply) => Reply::Store(reply),
                    None => return Turn::Cancelled,
                },
            },
            Step::Item { .. } => return Turn::Item,
            Step::Log(_) => Reply::Logged,
            Step::Record(call) => ears::record(&call),
            Step::Notify(call) => ears::notify(&call),
            Step::Done => return Turn::Done,
            other => panic!("an unknown step: {other:?}"),
        };
        operation.resume(reply).unwrap();
    }
}

fn call_hook(call: &HookCall<'_>) -> Reaction {
    let script = call.callable.downcast_ref::<Script>().unwrap();
    let context = call.context.iter().map(|(name, value)| (name.to_owned(), json_of(value))).collect();
    script.call(&Shown { key: call.key, value: call.value, context, depth: call.depth })
}

impl Shelf {
    pub(crate) fn fill(&self, pairs: Vec<(Vec<u8>, Vec<u8>)>) -> Result<()> {
        match self {
            Shelf::Memory(database) => {
                pairs.into_iter().try_for_each(|(key, value)| database.put(&key, &value))
            }
            Shelf::Scripted(store) => {
                store.fill(pairs);
                Ok(())
            }
        }
    }

    fn can(&self) -> Abilities {
        match self {
            Shelf::Memory(_) => Abilities::ALL,
            Shelf::Scripted(store) => store.can,
        }
    }

    pub(crate) fn holds(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        match self {
            Shelf::Memory(database) => database.get(key),
            Shelf::Scripted(store) => Ok(store.holds(key)),
        }
    }
}

const _: fn() = || {
    fn is_store<T: Store>() {}
    is_store::<Arc<ScriptedStore>>();
};
