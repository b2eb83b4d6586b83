//! Corners of the data hooks that are easy to get wrong, each with its story.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::error::Error as _;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use checkrein::clock::{Clock, Time};
use checkrein::context::Context;
use checkrein::engine::{Engine, EngineOptions};
use checkrein::error::{Cause, Error};
use checkrein::hook::{Action, Answer, Helper, Trigger};
use checkrein::operation::{LogLevel, Operation, Reply, Request, Step, StoreReply};
use checkrein::policy::{self, PolicyAction, RateLimit};
use checkrein::store::{BoxError, Store};
use checkrein::{AuditFilter, Code, Database, ManualClock, PolicyContext, PolicyEngine};

const NOBODY: &Context = &Context::new();
const NOON_NS: u64 = 43_200_000_000_000;

fn engine(max_open: usize) -> (Engine, Arc<ManualClock>) {
    let clock = ManualClock::new(NOON_NS);
    let options =
        EngineOptions { clock: Clock::Manual(Arc::clone(&clock)), max_open, ..EngineOptions::default() };
    let engine = Engine::new(options).unwrap();
    engine.enable_audit(100).unwrap();
    (engine, clock)
}

fn host() -> Action {
    Action::Host(Arc::new(()))
}

fn last(engine: &Engine) -> checkrein::audit::Entry {
    engine.audit_log(&AuditFilter::new()).unwrap().pop().unwrap()
}

fn at(operation: &mut Operation<'_>) -> &'static str {
    match operation.step(Time::default()) {
        Step::CallHook(_) => "hook",
        Step::Store(_) => "store",
        Step::Log(_) => "log",
        Step::Done => "done",
        _ => "unknown",
    }
}

/// The count was taken when the first hook was asked: for a key with only an after-hook that was once the store had
/// written, and the caller heard "too many are open", as if nothing had happened.
#[test]
fn too_many_open_operations_are_refused_before_anything_is_written() {
    let (engine, _) = engine(0);
    engine.add_hook(Trigger::AFTER_WRITE, "**", host()).unwrap();
    engine.add_rate_limit("write", &RateLimit::per_hour(5)).unwrap();
    let mut operation = engine.start(Request::write(b"k", b"v", NOBODY));
    assert_eq!(at(&mut operation), "done");
    assert_eq!(operation.finish().unwrap_err().code(), Code::OpenLimit);
    assert_eq!(last(&engine).applied(), Some(false));
    assert_eq!(engine.rate_limit_status("write", NOBODY).unwrap()[0].remaining, 5);
    assert_eq!(engine.open_operations(), 0);
}

#[test]
fn an_operation_that_cannot_outlive_its_call_did_not_ask_the_store() {
    let (engine, _) = engine(0);
    engine.add_hook(Trigger::BEFORE_READ, "**", host()).unwrap();
    let mut operation = engine.start(Request::write(b"k", b"v", NOBODY));
    assert_eq!(at(&mut operation), "store");
    let mut operation = operation.into_owned();
    assert_eq!(at(&mut operation), "done");
    assert_eq!(operation.finish().unwrap_err().code(), Code::OpenLimit);
    assert_eq!(last(&engine).applied(), Some(false));
    assert_eq!(engine.open_operations(), 0);
}

/// An operation that was dropped before its first step was audited as of 1970, and one that waited for its hook as
/// of when the hook was asked.
#[test]
fn an_abandoned_operation_is_audited_as_of_now() {
    let (engine, clock) = engine(10);
    engine.add_hook(Trigger::BEFORE_READ, "**", host()).unwrap();
    drop(engine.start(Request::read(b"k", NOBODY)));
    assert_eq!(last(&engine).timestamp_ns(), NOON_NS);

    let mut operation = engine.start(Request::read(b"k", NOBODY));
    assert_eq!(at(&mut operation), "hook");
    clock.advance_ns(7);
    drop(operation);
    assert_eq!(last(&engine).timestamp_ns(), NOON_NS + 7);
    assert_eq!(last(&engine).reason().as_deref(), Some("abandoned"));
}

/// A bad first request used the warning up, and the engine without any rule stayed silent for ever.
#[test]
fn a_refused_first_operation_does_not_use_up_the_warning() {
    let (engine, _) = engine(10);
    drop(engine.start(Request { value: Some(b"v"[..].into()), ..Request::read(b"k", NOBODY) }));
    let mut operation = engine.start(Request::read(b"k", NOBODY));
    match operation.step(Time::default()) {
        Step::Log(call) => assert_eq!((call.level, call.logger.is_none()), (LogLevel::Warning, true)),
        step => panic!("{step:?}"),
    }
    operation.resume(Reply::LogFailed(Cause::named("OSError"))).unwrap();
    assert_eq!(at(&mut operation), "store", "a warning that cannot be told is no reason to refuse");
}

/// A second reply to a read of nothing was an error for the driver and a success for the caller.
#[test]
fn a_second_reply_refuses_what_is_decided_but_not_done() {
    let (engine, _) = engine(10);
    engine.add_hook(Trigger::BEFORE_WRITE, "**", host()).unwrap();
    let mut operation = engine.start(Request::read(b"k", NOBODY));
    assert_eq!(at(&mut operation), "store");
    operation.resume(Reply::Store(StoreReply::Value(None))).unwrap();
    operation.resume(Reply::Store(StoreReply::Value(None))).unwrap_err();
    assert_eq!(operation.finish().unwrap_err().code(), Code::Usage);
    assert_eq!(last(&engine).result().as_str(), "error");

    let mut denied = engine.start(Request::write(b"k", b"v", NOBODY));
    assert_eq!(at(&mut denied), "hook");
    denied.resume(Reply::Answer(Answer::Deny(None))).unwrap();
    denied.resume(Reply::Answer(Answer::Allow)).unwrap_err();
    assert_eq!(denied.finish().unwrap_err().code(), Code::Denied, "a denial stays one");
}

/// The test ran under the lock of registration: one that looked into the engine never came back.
#[test]
fn the_test_for_hooks_to_remove_may_call_the_engine() {
    let (engine, _) = engine(10);
    for keys in ["a", "b"] {
        engine.add_hook(Trigger::BEFORE_READ, keys, host()).unwrap();
    }
    let removed = engine.remove_hooks(|hook| {
        engine.add_hook(Trigger::BEFORE_READ, "late", host()).unwrap();
        hook.keys.as_str() == "a"
    });
    assert_eq!((removed, engine.hooks().len()), (1, 3));
}

#[test]
fn a_limit_of_another_surface_has_no_status_here() {
    let (engine, _) = engine(10);
    engine.add_rate_limit("all", &RateLimit::per_hour(1)).unwrap();
    assert_eq!(engine.rate_limit_status("action", NOBODY).unwrap_err().code(), Code::Config);
    assert_eq!(engine.rate_limit_status("read", NOBODY).unwrap().len(), 1);
}

#[test]
fn what_a_log_line_tells_cannot_forge_another() {
    let (engine, _) = engine(10);
    engine.add_hook(Trigger::BEFORE_READ, "**", Action::Log(Arc::new(()))).unwrap();
    let mut context = Context::new();
    context.insert("agent_id", "a\nbefore_write `k` by agent `root`".into()).unwrap();
    let mut operation = engine.start(Request::read(b"k\n", &context));
    let Step::Log(call) = operation.step(Time::default()) else { panic!() };
    assert_eq!(call.message, "before_read `k\\n` by agent `a\\nbefore_write `k` by agent `root``");
}

/// A callable is dropped with the last snapshot that holds it, wherever that is, and its drop may call back.
#[test]
fn a_callables_drop_may_call_the_engine() {
    struct Calls(PolicyEngine, Arc<AtomicUsize>);
    impl Drop for Calls {
        fn drop(&mut self) {
            self.0.before_read("dropped/*", |_| PolicyAction::Deny);
            assert_eq!(self.0.get(b"k", None).unwrap(), None);
            self.1.fetch_add(1, Ordering::SeqCst);
        }
    }
    let (policy, drops) = (PolicyEngine::new(Database::memory()), Arc::default());
    let calls = Calls(policy.clone(), Arc::clone(&drops));
    let hook = policy.before_write("**", move |_| {
        let _ = &calls;
        PolicyAction::Allow
    });
    assert!(hook.remove());
    assert_eq!(drops.load(Ordering::SeqCst), 1);

    // The last snapshot is that of an operation whose own hook removes itself.
    let handle: Arc<OnceLock<policy::HookHandle>> = Arc::default();
    let (calls, own) = (Calls(policy.clone(), Arc::clone(&drops)), Arc::clone(&handle));
    let _ = handle.set(policy.before_write("**", move |_| {
        let _ = &calls;
        assert!(own.get().unwrap().remove());
        PolicyAction::Allow
    }));
    policy.put(b"k2", b"v", None).unwrap();
    assert_eq!(drops.load(Ordering::SeqCst), 2);
}

/// A hook that is there before and after must be asked by every operation, whatever comes and goes beside it.
#[test]
fn hooks_come_and_go_while_operations_run() {
    let policy = PolicyEngine::new(Database::memory());
    policy.before_write("secret/*", |_| PolicyAction::Deny);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    assert_eq!(policy.put(b"secret/k", b"v", None).unwrap_err().code(), Code::Denied);
                    policy.put(b"free/k", b"v", None).unwrap();
                }
            });
        }
        let mut handles = Vec::new();
        for n in 0..600 {
            handles.push(policy.before_write("**", |_| PolicyAction::Allow));
            if n % 3 == 2 {
                assert!(handles.swap_remove(n % handles.len()).remove());
            }
        }
        assert!(handles.iter().all(policy::HookHandle::remove));
        over.store(true, Ordering::Relaxed);
    });
    assert_eq!(policy.get(b"free/k", None).unwrap(), Some(b"v".to_vec()));
}

/// A payload that panics when it is dropped came through, and left the thread marked as deep in hooks: after 16 of
/// them it could start no operation any more.
#[test]
fn a_panic_whose_payload_panics_is_a_hook_that_failed() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                panic!("again");
            }
        }
    }
    let policy = PolicyEngine::new(Database::memory());
    policy.before_write("bomb", |_| -> PolicyAction { std::panic::panic_any(Bomb) });
    policy.before_write("text", |_| -> PolicyAction { panic!("no such tenant") });
    for _ in 0..20 {
        assert_eq!(policy.put(b"bomb", b"v", None).unwrap_err().code(), Code::HookFailed);
    }
    let error = policy.put(b"text", b"v", None).unwrap_err();
    assert_eq!(error.cause().map(Cause::type_name), Some("panic"));
    assert_eq!(error.source().unwrap().to_string(), "no such tenant");
    policy.put(b"other", b"v", None).unwrap();
}

#[test]
fn a_store_that_panics_has_failed() {
    struct Broken;
    impl Store for Broken {
        fn get(&self, _: &[u8]) -> Result<Option<Vec<u8>>, BoxError> {
            panic!("no disk")
        }
        fn put(&self, _: &[u8], _: &[u8]) -> Result<(), BoxError> {
            Err("full".into())
        }
        fn delete(&self, _: &[u8]) -> Result<(), BoxError> {
            Ok(())
        }
    }
    let policy = PolicyEngine::new(Broken);
    policy.enable_audit().unwrap();
    let error = policy.get(b"k", None).unwrap_err();
    assert_eq!((error.code(), error.cause().map(Cause::type_name)), (Code::Store, Some("panic")));
    assert_eq!(policy.put(b"k", b"v", None).unwrap_err().code(), Code::Store);
    policy.delete(b"k", None).unwrap();
    let told = policy.audit_log(&AuditFilter::new()).unwrap();
    let told: Vec<_> = told.iter().map(|entry| (entry.result().as_str(), entry.applied())).collect();
    assert_eq!(told, [("error", None), ("error", None), ("allowed", Some(true))]);
}

/// Errors of hooks were named by paths of types: `alloc::boxed::Box<dyn core::error::Error + …>`.
#[test]
fn a_hooks_error_is_named_shortly() {
    let policy = PolicyEngine::new(Database::memory());
    policy.before_write("io", |_| Err::<PolicyAction, _>(std::io::Error::other("x")));
    policy.before_write("box", |_| Err::<PolicyAction, BoxError>("x".into()));
    policy.before_write("text", |_| Err::<PolicyAction, _>("x".to_owned()));
    for (key, name) in [("io", "Error"), ("box", "Error"), ("text", "String")] {
        let error = policy.put(key, b"v", None).unwrap_err();
        assert_eq!(error.violation().unwrap().reason, format!("the hook failed with `{name}`"));
    }
}

/// What the caller got wrong in the context left no trace in the audit.
#[test]
fn a_bad_context_refuses_and_is_audited() {
    let policy = PolicyEngine::new(Database::memory());
    policy.enable_audit().unwrap();
    policy.before_read("**", |_| PolicyAction::Allow);
    let context = PolicyContext::new("write", b"k").with_agent_id("a").with("agentId", "b");
    assert_eq!(policy.put(b"k", b"v", Some(&context)).unwrap_err().code(), Code::Usage);
    assert_eq!(policy.rate_limit_status("write", Some(&context)).unwrap_err().code(), Code::Usage);
    let told = policy.audit_log(&AuditFilter::new()).unwrap();
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].result().as_str(), told[0].applied()), ("error", Some(false)));
    assert_eq!(policy.get(b"k", None).unwrap(), None);
}

#[test]
fn the_fields_of_a_context_win_over_what_was_said() {
    let policy = PolicyEngine::new(Database::memory());
    let seen: Arc<Mutex<Vec<Option<String>>>> = Arc::default();
    let sees = Arc::clone(&seen);
    policy.before_read("**", move |ctx| {
        sees.lock().unwrap().push(ctx.get("agent_id").map(ToString::to_string));
    });
    let mut context = PolicyContext::new("read", b"k").with_agent_id("a");
    policy.get(b"k", Some(&context)).unwrap();
    context.agent_id = Some("b".into());
    policy.get(b"k", Some(&context)).unwrap();
    assert_eq!(policy::require_agent_id(&context), PolicyAction::Allow);
    context.agent_id = None;
    policy.get(b"k", Some(&context)).unwrap();
    assert!(matches!(policy::require_agent_id(&context), PolicyAction::DenyBecause(_)));
    assert_eq!(*seen.lock().unwrap(), [Some("a".to_owned()), Some("b".to_owned()), None]);
}

#[test]
fn an_empty_reason_is_as_none() {
    let (engine, _) = engine(10);
    engine.add_hook(Trigger::AFTER_READ, "**", host()).unwrap();
    let mut operation = engine.start(Request::read(b"k", NOBODY));
    assert_eq!(at(&mut operation), "store");
    operation.resume(Reply::Store(StoreReply::Value(Some(b"v".to_vec())))).unwrap();
    assert_eq!(at(&mut operation), "hook");
    operation.resume(Reply::Answer(Answer::Deny(Some(String::new())))).unwrap();
    assert_eq!(operation.finish().unwrap().value, None);
    assert_eq!(
        (last(&engine).result().as_str(), last(&engine).reason().as_deref()),
        ("redacted", Some("denied by the hook"))
    );
}

/// Hooks that start operations on one another's keys end, with an error that says why.
#[test]
fn nesting_has_a_bound() {
    let policy = PolicyEngine::new(Database::memory());
    let (inner, calls) = (policy.clone(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&calls);
    let handle = policy.before_read("**", move |ctx| {
        counted.fetch_add(1, Ordering::SeqCst);
        inner.get(&ctx.key, None).map(|_| PolicyAction::Allow)
    });
    assert_eq!(policy.get(b"k", None).unwrap_err().code(), Code::NestingLimit);
    assert_eq!(calls.load(Ordering::SeqCst), 17, "depths 0 to 16");
    assert!(handle.remove(), "and its clone of the engine with it");
    policy.get(b"k", None).unwrap();
}

/// Threads, a guard from one and a drop on another: the operation goes where its driver goes.
#[test]
fn an_operation_may_end_on_another_thread_than_it_started_on() {
    let (engine, _) = engine(10);
    let id = engine.add_hook(Trigger::BEFORE_WRITE, "**", host()).unwrap();
    engine.add_hook(Trigger::BEFORE_WRITE, "**", Action::Helper(Helper::AllowAll)).unwrap();
    let mut operations: Vec<_> = (0..9).map(|_| engine.start(Request::write(b"k", b"v", NOBODY))).collect();
    assert!(operations.iter_mut().all(|operation| at(operation) == "hook"));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            assert!(engine.remove_hook(id));
            for mut operation in operations {
                operation.resume(Reply::Answer(Answer::Allow)).unwrap();
                assert_eq!(at(&mut operation), "store");
                operation.resume(Reply::Store(StoreReply::Done)).unwrap();
                operation.finish().unwrap_err();
            }
        });
    });
    assert_eq!(engine.open_operations(), 0);
    assert_eq!(last(&engine).result().as_str(), "unknown", "finished before it was done");
    assert_eq!(last(&engine).applied(), Some(true));
}

#[test]
fn an_error_of_ours_from_a_hook_is_itself_whatever_it_is() {
    let policy = PolicyEngine::new(Database::memory());
    policy.before_write("**", |_| Err::<(), _>(Error::config("wrong setting")));
    assert_eq!(policy.put(b"k", b"v", None).unwrap_err().code(), Code::Config);
}
