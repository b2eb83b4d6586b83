//! What is tested, in two ways: the policy engine of a Rust program, and the engine that a binding drives.

use std::sync::Arc;

use checkrein::audit::{AuditFilter, Entry};
use checkrein::clock::Clock;
use checkrein::context::{Context, Value as Said1};
use checkrein::engine::{Engine, EngineOptions};
use checkrein::error::{Error, Result};
use checkrein::hook::{Action, Answer, Helper, Trigger};
use checkrein::limit::{LimitStatus, RateLimit};
use checkrein::operation::{HookCall, Kind, Reply, Request, Step};
use checkrein::policy::{self, PolicyContext, PolicyEngine};
use checkrein::store::{Database, Store};
use serde_json::Value;

use crate::expect::Got;
use crate::script::{Reaction, Script, ScriptedStore, Shown};
use crate::vector::Said;

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
    pub(crate) fn new(way: Way, shelf: &Shelf, clock: Clock, max_open: Option<u64>) -> Self {
        let max_open = max_open.map(|max| usize::try_from(max).unwrap());
        match way {
            Way::Public => {
                let builder = match shelf {
                    Shelf::Memory(database) => PolicyEngine::builder(database.clone()),
                    Shelf::Scripted(store) => PolicyEngine::builder(Arc::clone(store)),
                };
                let builder = builder.clock(clock);
                Subject::Public(match max_open {
                    Some(max) => builder.max_open_operations(max).build(),
                    None => builder.build(),
                })
            }
            Way::Stepwise => {
                let default = EngineOptions::default();
                let max_open = max_open.unwrap_or(default.max_open);
                let options =
                    EngineOptions { clock, max_open, remember_errors: true, ..EngineOptions::default() };
                Subject::Stepwise(Arc::new(Engine::new(options).unwrap()), shelf.clone())
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
                match fault {
                    Some(fault) => Got::Error(engine.reject(request, fault)),
                    None => drive(engine, shelf, request.at_depth(depth)),
                }
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

/// Drives an operation step by step, as a binding does.
fn drive(engine: &Engine, shelf: &Shelf, request: Request<'_>) -> Got {
    let kind = request.kind;
    let mut operation = engine.start(request);
    loop {
        let now = engine.clock().now();
        let reply = match operation.step(now) {
            Step::CallHook(call) => match call_hook(&call) {
                Reaction::Answer(answer) => Reply::Answer(answer),
                Reaction::Cancel => return Got::Cancelled,
            },
            Step::Store(call) => match shelf {
                Shelf::Memory(database) => Reply::Store(policy::perform(database, &call)),
                Shelf::Scripted(store) => match store.reply(&call) {
                    Some(reply) => Reply::Store(reply),
                    None => return Got::Cancelled,
                },
            },
            Step::Log(_) => Reply::Logged,
            _ => break,
        };
        operation.resume(reply).unwrap();
    }
    match operation.finish() {
        Ok(outcome) if kind == Kind::Read => Got::Value(outcome.value),
        Ok(_) => Got::Ok,
        Err(error) => Got::Error(error),
    }
}

fn call_hook(call: &HookCall<'_>) -> Reaction {
    let script = call.callable.downcast_ref::<Script>().unwrap();
    let context = call.context.iter().map(|(name, value)| (name.to_owned(), json_of(value))).collect();
    script.call(&Shown { key: call.key, value: call.value, context, depth: call.depth })
}

fn json_of(value: &Said1) -> Value {
    match value {
        Said1::Text(text) => text.as_str().into(),
        Said1::Bool(flag) => (*flag).into(),
        Said1::Int(number) => (*number).into(),
    }
}

fn value_of(value: &Value) -> Option<Said1> {
    match value {
        Value::Null => None,
        Value::Bool(flag) => Some((*flag).into()),
        Value::Number(number) => Some(number.as_i64().unwrap().into()),
        Value::String(text) => Some(text.as_str().into()),
        other => panic!("`{other}` cannot be said in Rust"),
    }
}

pub(crate) fn public_context(said: &Said) -> PolicyContext<'static> {
    said.iter().fold(
        PolicyContext::new("delete", b"public/another"),
        |context, (name, value)| match value_of(value) {
            Some(value) => context.with(name, value),
            None => context,
        },
    )
}

pub(crate) fn raw_context(said: &Said) -> (Context, Option<Error>) {
    let mut context = Context::new();
    for (name, value) in said {
        if let Some(value) = value_of(value)
            && let Err(error) = context.insert(name, value)
        {
            return (Context::new(), Some(error));
        }
    }
    (context, None)
}

impl Shelf {
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
