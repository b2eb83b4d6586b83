//! Operations as a driver holds them: let go at each step, replied to wrongly, bounded, moved between threads.

use std::sync::Arc;

use checkrein::audit::AuditFilter;
use checkrein::clock::Time;
use checkrein::context::Context;
use checkrein::engine::{Engine, EngineOptions};
use checkrein::error::Cause;
use checkrein::hook::{Action, Answer, Trigger};
use checkrein::limit::RateLimit;
use checkrein::operation::{MAX_DEPTH, Operation, Reply, Request, Step, StoreReply};
use checkrein::{Code, Error};

const NOTHING: &Context = &Context::new();

/// An engine with a hook of the host before and after each kind of operation, and the audit on.
fn engine(options: EngineOptions) -> Engine {
    let engine = Engine::new(options).unwrap();
    for trigger in Trigger::ALL {
        engine.add_hook(trigger, "**", Action::Host(Arc::new(()))).unwrap();
    }
    engine.enable_audit(100).unwrap();
    engine
}

/// The name of the next step, and a reply that fits it.
fn next(operation: &mut Operation<'_>) -> (&'static str, Option<Reply>) {
    let read = operation.kind() == checkrein::operation::Kind::Read;
    match operation.step(Time::default()) {
        Step::CallHook(call) => (call.trigger.as_str(), Some(Reply::Answer(Answer::Allow))),
        Step::Store(_) if read => ("store", Some(Reply::Store(StoreReply::Value(Some(b"v".to_vec()))))),
        Step::Store(_) => ("store", Some(Reply::Store(StoreReply::Done))),
        Step::Log(_) => ("log", Some(Reply::Logged)),
        _ => ("done", None),
    }
}

fn last_entry(engine: &Engine) -> (String, Option<String>, Option<bool>) {
    let entries = engine.audit_log(&AuditFilter::new()).unwrap();
    let entry = entries.last().unwrap();
    (entry.result().to_string(), entry.reason().map(|reason| reason.into_owned()), entry.applied())
}

#[test]
fn an_operation_that_is_dropped_is_refused_or_unknown_and_audited() {
    // After how many replies it is dropped, and what the audit says then.
    let ends = [
        ("before_write", "denied", Some(false)),
        ("store", "unknown", None),
        ("after_write", "unknown", Some(true)),
    ];
    for (replies, (at, result, applied)) in ends.into_iter().enumerate() {
        let engine = engine(EngineOptions::default());
        let mut operation = engine.start(Request::write(b"k", b"v", NOTHING));
        for _ in 0..replies {
            let (_, reply) = next(&mut operation);
            operation.resume(reply.unwrap()).unwrap();
        }
        assert_eq!(next(&mut operation).0, at);
        drop(operation);
        assert_eq!(
            last_entry(&engine),
            (result.to_owned(), Some("abandoned".to_owned()), applied),
            "at {at}"
        );
        assert_eq!(engine.open_operations(), 0);
    }
}

#[test]
fn an_operation_that_nobody_stepped_is_refused_when_dropped() {
    let engine = engine(EngineOptions::default());
    drop(engine.start(Request::read(b"k", NOTHING)));
    assert_eq!(last_entry(&engine), ("denied".to_owned(), Some("abandoned".to_owned()), None));
    let abandoned = engine.start(Request::delete(b"k", NOTHING)).finish().unwrap_err();
    assert_eq!(abandoned.code(), Code::Abandoned);
}

#[test]
fn a_finished_operation_is_audited_once() {
    let engine = engine(EngineOptions::default());
    let mut operation = engine.start(Request::write(b"k", b"v", NOTHING));
    while let (_, Some(reply)) = next(&mut operation) {
        operation.resume(reply).unwrap();
    }
    operation.abandon();
    assert!(operation.finish().is_ok());
    assert_eq!(engine.audit_log(&AuditFilter::new()).unwrap().len(), 1);
    assert_eq!(last_entry(&engine).0, "allowed");
}

#[test]
fn asking_again_gives_the_same_step() {
    let engine = engine(EngineOptions::default());
    let mut operation = engine.start(Request::read(b"k", NOTHING));
    assert_eq!(next(&mut operation).0, "before_read");
    assert_eq!(next(&mut operation).0, "before_read");
    operation.resume(Reply::Answer(Answer::Allow)).unwrap();
    assert_eq!(next(&mut operation).0, "store");
    assert_eq!(next(&mut operation).0, "store");
}

/// Checks that a reply ended the operation as refused, with a `UsageError`.
fn refused_by_misuse(engine: &Engine, mut operation: Operation<'_>, reply: Reply) {
    let misuse = operation.resume(reply).unwrap_err();
    assert_eq!(misuse.code(), Code::Usage);
    assert_eq!(next(&mut operation).0, "done");
    assert_eq!(operation.finish().unwrap_err().to_string(), misuse.to_string());
    assert_eq!(last_entry(engine).0, "error");
    assert_eq!(engine.open_operations(), 0);
}

#[test]
fn a_wrong_reply_ends_it_as_refused() {
    let engine = engine(EngineOptions::default());
    let start = || engine.start(Request::write(b"k", b"v", NOTHING));
    refused_by_misuse(&engine, start(), Reply::Answer(Answer::Allow));

    let wrong = [Reply::Store(StoreReply::Done), Reply::Logged, Reply::LogFailed(Cause::named("E"))];
    for reply in wrong {
        let mut operation = start();
        assert_eq!(next(&mut operation).0, "before_write");
        refused_by_misuse(&engine, operation, reply);
    }
    let mut operation = start();
    next(&mut operation);
    operation.resume(Reply::Answer(Answer::Allow)).unwrap();
    refused_by_misuse(&engine, operation, Reply::Answer(Answer::Allow));
}

#[test]
fn a_value_in_reply_to_a_write_is_a_store_error() {
    let engine = engine(EngineOptions::default());
    let mut operation = engine.start(Request::write(b"k", b"v", NOTHING));
    next(&mut operation);
    operation.resume(Reply::Answer(Answer::Allow)).unwrap();
    next(&mut operation);
    operation.resume(Reply::Store(StoreReply::Value(None))).unwrap();
    assert_eq!(next(&mut operation).0, "done");
    assert_eq!(operation.finish().unwrap_err().code(), Code::Store);
}

#[test]
fn a_reply_after_the_end_is_a_usage_error_and_changes_nothing() {
    let engine = engine(EngineOptions::default());
    let mut operation = engine.start(Request::delete(b"k", NOTHING));
    while let (_, Some(reply)) = next(&mut operation) {
        operation.resume(reply).unwrap();
    }
    let late = operation.resume(Reply::Store(StoreReply::Done)).unwrap_err();
    assert_eq!(late.code(), Code::Usage);
    assert!(operation.finish().is_ok(), "what was decided stays");
}

#[test]
fn open_operations_are_bounded() {
    let engine = engine(EngineOptions { max_open: 2, ..EngineOptions::default() });
    let start = || {
        let mut operation = engine.start(Request::read(b"k", NOTHING));
        let step = next(&mut operation).0;
        (operation, step)
    };
    let (first, second) = (start(), start());
    assert_eq!((first.1, second.1, engine.open_operations()), ("before_read", "before_read", 2));
    let third = start();
    assert_eq!(third.1, "done");
    assert_eq!(third.0.finish().unwrap_err().code(), Code::OpenLimit);
    assert_eq!(engine.open_operations(), 2);
    drop(first);
    assert_eq!(start().1, "before_read");
}

#[test]
fn an_operation_that_outlives_its_call_is_open() {
    let engine = engine(EngineOptions { max_open: 1, ..EngineOptions::default() });
    let owned = {
        let key = b"made on the stack".to_vec();
        engine.start(Request::read(&key, NOTHING)).into_owned()
    };
    assert_eq!(engine.open_operations(), 1);
    let mut second = engine.start(Request::read(b"k", NOTHING)).into_owned();
    assert_eq!(next(&mut second).0, "done");
    drop(owned);
    assert_eq!(engine.open_operations(), 0);
}

#[test]
fn an_operation_may_go_from_thread_to_thread() {
    let engine = engine(EngineOptions::default());
    let mut operation = engine.start(Request::write(b"k", b"v", NOTHING));
    let mut steps = Vec::new();
    while let (step, Some(reply)) = next(&mut operation) {
        steps.push(step);
        operation = std::thread::scope(|scope| {
            let thread = scope.spawn(move || {
                operation.resume(reply).unwrap();
                operation
            });
            thread.join().unwrap()
        });
    }
    assert_eq!(steps, ["before_write", "store", "after_write"]);
    assert!(operation.finish().is_ok());
}

#[test]
fn nesting_stops_at_its_bound() {
    let engine = engine(EngineOptions::default());
    let at = |depth| {
        let mut operation = engine.start(Request::read(b"k", NOTHING).at_depth(depth));
        next(&mut operation).0
    };
    assert_eq!(at(MAX_DEPTH), "before_read");
    assert_eq!(at(MAX_DEPTH + 1), "done");
    let refused = engine.start(Request::read(b"k", NOTHING).at_depth(MAX_DEPTH + 1)).finish().unwrap_err();
    assert_eq!(refused.code(), Code::NestingLimit);
}

#[test]
fn what_the_driver_found_wrong_is_audited_once() {
    let engine = engine(EngineOptions::default());
    let given = engine.reject(Request::read(b"k", NOTHING), Error::usage("`agentId` is not a known name"));
    assert_eq!(given.to_string(), "`agentId` is not a known name");
    assert_eq!(last_entry(&engine), ("error".to_owned(), Some(given.to_string()), None));
    assert_eq!(engine.audit_log(&AuditFilter::new()).unwrap().len(), 1);
}

#[test]
fn an_operation_that_expects_to_wait_is_refused_before_a_token_is_taken() {
    let options = EngineOptions { max_open: 0, ..EngineOptions::default() };
    let engine = Engine::new(options).unwrap();
    engine.add_rate_limit("write", &RateLimit::per_hour(1)).unwrap();
    let context = Context::new();
    let mut operation = engine.start(Request::write(b"k", b"v", &context));
    operation.expect_wait();
    assert!(matches!(operation.step(Time::default()), Step::Done));
    assert_eq!(operation.finish().unwrap_err().code(), Code::OpenLimit);
    assert_eq!(engine.rate_limit_status("write", &context).unwrap()[0].remaining, 1);
}
