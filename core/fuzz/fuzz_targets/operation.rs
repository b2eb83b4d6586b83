//! Any hooks, limits, steps and replies, fitting or not: no panic, one audit entry for every operation, the store
//! asked at most once and never after an answer that refuses, nothing left open.
#![no_main]

use std::sync::Arc;

use checkrein::audit::AuditFilter;
use checkrein::clock::{Clock, ManualClock};
use checkrein::context::Context;
use checkrein::engine::{Engine, EngineOptions};
use checkrein::error::{Cause, PolicyViolation};
use checkrein::hook::{Action, Answer, Failure, Helper, Trigger};
use checkrein::limit::{Count, RateLimit};
use checkrein::operation::{Operation, Reply, Request, Step, StoreReply};
use libfuzzer_sys::fuzz_target;

const KEYS: [&[u8]; 4] = [b"a/x", b"b", b"", b"\xff"];
const GLOBS: [&str; 5] = ["a/*", "**", "b", "a/**", "["];

fuzz_target!(|data: &[u8]| {
    let mut program = data.iter().copied();
    let clock = ManualClock::new(0);
    let options = EngineOptions {
        clock: Clock::Manual(Arc::clone(&clock)),
        max_open: usize::from(program.next().unwrap_or_default() % 8),
        remember_errors: data.len() % 2 == 0,
    };
    let engine = Engine::new(options).unwrap();
    if engine.enable_audit(4096).is_err() {
        return;
    }
    let (mut under_way, mut started) = (Vec::<Running>::new(), 0);
    while let (Some(what), Some(which)) = (program.next(), program.next()) {
        let pick = usize::from(which);
        match what % 12 {
            0 => drop(engine.add_hook(Trigger::ALL[pick % 6], GLOBS[pick / 6 % 5], action(pick / 30))),
            1 => {
                let hooks = engine.hooks();
                let removed = hooks.get(pick % hooks.len().max(1)).map(|hook| engine.remove_hook(hook.id));
                assert_ne!(removed, Some(false));
            }
            2 => {
                let count = if pick % 2 == 0 { Count::Operations } else { Count::Attempts };
                let limit = RateLimit::per_second(which.into()).scope("agent_id").count(count);
                drop(engine.add_rate_limit(["read", "write", "all", "x"][pick % 4], &limit));
            }
            3 => clock.advance_ns(u64::from(which) << (which % 32)),
            4 => drop(engine.clear_registration_errors()),
            5 | 6 if under_way.len() < 64 => {
                let mut context = Context::new();
                if which % 2 == 0 {
                    drop(context.insert("agent_id", i64::from(which % 8).into()));
                }
                let key = KEYS[pick % 4];
                let request = match pick / 4 % 4 {
                    0 => Request::read(key, &context),
                    1 => Request::write(key, b"v", &context),
                    2 => Request::delete(key, &context),
                    _ => Request { value: None, ..Request::write(key, b"v", &context) },
                };
                let request = request.at_depth(u32::from(which / 13));
                under_way.push(Running {
                    operation: engine.start(request).into_owned(),
                    asked: 0,
                    refused: false,
                });
                started += 1;
            }
            _ if under_way.is_empty() => {}
            7 => drop(under_way.swap_remove(pick % under_way.len())),
            8 => {
                let running = under_way.swap_remove(pick % under_way.len());
                let refused = running.refused;
                assert!(!refused || running.operation.finish().is_err());
            }
            _ => {
                let at = usize::from(what) % under_way.len();
                under_way[at].go_on(which, clock.now());
            }
        }
    }
    drop(under_way);
    let entries = engine.audit_log(&AuditFilter::new().limit(usize::MAX)).unwrap_or_default();
    assert_eq!((entries.len(), engine.open_operations()), (started, 0));
});

fn action(which: usize) -> Action {
    match which {
        0 => Action::Helper(Helper::DenyAll),
        1 => Action::Helper(Helper::RequireAgentId),
        2 => Action::Helper(Helper::RedactValue(b"-".to_vec())),
        3 => Action::Log(Arc::new(())),
        _ => Action::Host(Arc::new(())),
    }
}

struct Running {
    operation: Operation<'static>,
    /// How often the store was asked.
    asked: usize,
    /// A reply was given that refuses.
    refused: bool,
}

impl Running {
    /// One step, and the reply that a byte says, whether it fits or not; a high bit leaves the step alone.
    fn go_on(&mut self, byte: u8, now: checkrein::clock::Time) {
        let before = match self.operation.step(now) {
            Step::CallHook(call) => Some(call.trigger.may_deny() && call.trigger != Trigger::AFTER_READ),
            Step::Store(_) => {
                assert!(!self.refused, "the store is asked after a refusal");
                None
            }
            _ => None,
        };
        if byte & 0x80 != 0 {
            return;
        }
        let reply = match byte % 16 {
            0 => Reply::Answer(Answer::Nothing),
            1 => Reply::Answer(Answer::Log),
            2 => Reply::Answer(Answer::Modify(vec![byte; 2])),
            3 | 4 => Reply::Answer(Answer::Deny(None)),
            5 => Reply::Answer(Answer::Invalid("a `str`".to_owned())),
            6 => Reply::Answer(Answer::foreign(Cause::named("E"))),
            7 => Reply::Answer(Answer::Failed(Failure::Own(PolicyViolation::new("no").into()))),
            8 | 9 => Reply::Store(StoreReply::Done),
            10 => Reply::Store(StoreReply::Value(Some(b"v".to_vec()))),
            11 => Reply::Store(StoreReply::Value(None)),
            12 => Reply::Store(StoreReply::Raised(Cause::named("E"))),
            13 => Reply::LogFailed(Cause::named("E")),
            14 => Reply::Logged,
            _ => Reply::Answer(Answer::Allow),
        };
        let denies = matches!(reply, Reply::Answer(Answer::Deny(_) | Answer::Invalid(_) | Answer::Failed(_)));
        let asks_store = matches!(self.operation.step(now), Step::Store(_));
        let misfit = self.operation.resume(reply).is_err();
        self.asked += usize::from(asks_store);
        assert!(self.asked <= 1, "the store is asked twice");
        self.refused |= before == Some(true) && denies && !misfit;
    }
}
