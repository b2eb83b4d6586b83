//! Any hooks, limits, sinks, listeners, steps and replies, fitting or not, enforced or in shadow mode: no panic, every
//! operation comes to its end, one audit entry for every key that was asked about and one for every scan, which tells
//! how much it gave; the store asked at most once a key and never after an answer that refuses; nothing left open.
#![no_main]

use std::borrow::Cow;
use std::sync::Arc;

use checkrein::audit::AuditFilter;
use checkrein::clock::{Clock, ManualClock, Time};
use checkrein::context::Context;
use checkrein::engine::{Engine, EngineOptions};
use checkrein::error::{Cause, Error, PolicyViolation};
use checkrein::hook::{Action, Answer, Failure, Helper, Mode, Trigger};
use checkrein::limit::{Count, RateLimit};
use checkrein::operation::{
    Ask, BatchRequest, Kind, ManyRequest, Operation, Reply, Request, ScanRequest, Step, StoreCall, StoreReply,
};
use checkrein::store::Page;
use libfuzzer_sys::fuzz_target;

const KEYS: [&[u8]; 4] = [b"a/x", b"b", b"", b"\xff"];
const GLOBS: [&str; 5] = ["a/*", "**", "b", "a/**", "["];
/// Fewer than the audit's ring holds.
const MOST_ENTRIES: usize = 4_000;
/// More than any operation here takes to its end once its store says no more than it must.
const MOST_STEPS: usize = 10_000;

fuzz_target!(|data: &[u8]| {
    let mut program = data.iter().copied();
    let clock = ManualClock::new(0);
    let setting = program.next().unwrap_or_default();
    let shadow = setting & 0x40 != 0;
    let options = EngineOptions {
        clock: Clock::Manual(Arc::clone(&clock)),
        max_open: usize::from(setting % 8),
        remember_errors: data.len() % 2 == 0,
        mode: if shadow { Mode::Shadow } else { Mode::Enforce },
        require_context: if setting & 0x80 == 0 { Vec::new() } else { vec!["agent_id".to_owned()] },
    };
    let engine = Engine::new(options).unwrap();
    engine.enable_audit(4096).unwrap();
    let (mut under_way, mut entries, mut taken) = (Vec::<Running>::new(), 0, 0);
    while let (Some(what), Some(which)) = (program.next(), program.next()) {
        let pick = usize::from(which);
        match what % 24 {
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
            5 => drop(engine.add_audit_sink(Arc::new(()), pick % 2 == 0).unwrap()),
            6 => {
                let sinks = engine.audit_sinks();
                if let Some(id) = sinks.get(pick % sinks.len().max(1)) {
                    assert!(engine.remove_audit_sink(id.0).unwrap());
                }
            }
            7 => drop(engine.on_denied(Arc::new(()))),
            8 => {
                let listeners = engine.listeners();
                if let Some(id) = listeners.get(pick % listeners.len().max(1)) {
                    assert!(engine.remove_listener(id.0));
                }
            }
            9..=13 if under_way.len() < 64 && entries < MOST_ENTRIES => {
                let mut context = Context::new();
                if which % 2 == 0 {
                    drop(context.insert("agent_id", i64::from(which % 8).into()));
                }
                let running = start(&engine, what % 24, which, &context, shadow);
                entries += running.entries;
                under_way.push(running);
            }
            _ if under_way.is_empty() => {}
            14 => taken += under_way.swap_remove(pick % under_way.len()).taken,
            15 => {
                let running = under_way.swap_remove(pick % under_way.len());
                taken += running.taken;
                let refused = running.refused;
                assert!(!refused || running.operation.finish().is_err());
            }
            16 => {
                let mut running = under_way.swap_remove(pick % under_way.len());
                running.to_its_end(clock.now());
                taken += running.taken;
            }
            _ => {
                let at = usize::from(what) % under_way.len();
                under_way[at].go_on(which, clock.now());
            }
        }
    }
    for mut running in under_way {
        // Every other one is forgotten.
        if running.asked % 2 == 0 {
            running.to_its_end(clock.now());
        }
        taken += running.taken;
    }
    let told = engine.audit_log(&AuditFilter::new().limit(usize::MAX)).unwrap();
    assert_eq!((told.len(), engine.open_operations()), (entries, 0));
    let given: u64 = told.iter().filter_map(|entry| entry.scanned()).map(|scanned| scanned.given).sum();
    assert_eq!(given, taken, "a scan's entry tells how many pairs the caller took");
});

fn start(engine: &Engine, what: u8, which: u8, context: &Context, shadow: bool) -> Running {
    let (pick, depth) = (usize::from(which), u32::from(which / 13));
    let (key, context) = (KEYS[pick % 4], Cow::Borrowed(context));
    let keys = (0..pick / 4 % 4).map(|n| Cow::Borrowed(KEYS[(pick + n) % 4]));
    let count = keys.len();
    let store_can = which & 0x40 == 0;
    // What it asks the store at most.
    let (operation, most, entries) = match what {
        9 | 10 => {
            let request = match pick / 4 % 4 {
                0 => Request::read(key, &context),
                1 => Request::write(key, b"v", &context),
                2 => Request::delete(key, &context),
                _ => Request { value: None, ..Request::write(key, b"v", &context) },
            };
            (begin(engine, request.at_depth(depth)), 1, 1)
        }
        11 => (begin(engine, ManyRequest { keys: keys.collect(), context, depth }), count, count),
        12 => {
            let kinds = [
                Kind::Write,
                Kind::Delete,
                Kind::Write,
                if which & 2 == 0 { Kind::Read } else { Kind::Delete },
            ];
            let changes = keys.zip(kinds).map(|(key, kind)| {
                let value = (kind == Kind::Write).then_some(Cow::Borrowed(&b"v"[..]));
                (kind, key, value)
            });
            let atomic = which & 0x20 == 0;
            let request = BatchRequest { changes: changes.collect(), context, depth, atomic, store_can };
            (begin(engine, request), if atomic { 1 } else { count }, count)
        }
        _ => {
            let request = ScanRequest { prefix: Cow::Borrowed(key), context, depth, store_can };
            (begin(engine, request), usize::MAX, 1)
        }
    };
    // A scan leaves out what is denied, and in shadow mode nothing is.
    let refuses = most != usize::MAX && !shadow;
    Running { operation, most, entries, refuses, asked: 0, refused: false, taken: 0 }
}

fn begin<'a>(engine: &Engine, request: impl Ask<'a>) -> Operation<'static> {
    engine.start(request).into_owned()
}

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
    /// How often the store may be asked.
    most: usize,
    /// How many audit entries it has.
    entries: usize,
    /// Whether a hook that denies refuses it.
    refuses: bool,
    /// How often the store was asked.
    asked: usize,
    /// A reply was given that refuses.
    refused: bool,
    /// How many pairs of a scan were taken.
    taken: u64,
}

impl Running {
    /// One step, and the reply that a byte says, whether it fits or not; a high bit leaves the step alone.
    fn go_on(&mut self, byte: u8, now: Time) {
        let before = match self.operation.step(now) {
            Step::CallHook(call) => {
                assert!(call.at < self.entries, "a hook is asked about no key");
                call.trigger.may_deny() && call.trigger != Trigger::AFTER_READ
            }
            Step::Store(_) => {
                assert!(!self.refused, "the store is asked after a refusal");
                false
            }
            Step::Notify(call) => {
                assert!(call.error.violation().is_some(), "a listener hears of what is no refusal");
                false
            }
            Step::Record(call) => {
                assert!(!call.entries.is_empty(), "a sink is told nothing");
                false
            }
            _ => false,
        };
        if byte & 0x80 != 0 {
            return;
        }
        let reply = match byte & 0x40 {
            0 => reply_of(byte),
            _ => match fitting(&self.operation.step(now), byte) {
                Some(reply) => reply,
                None => return self.take(),
            },
        };
        let denies = matches!(reply, Reply::Answer(Answer::Deny(_) | Answer::Invalid(_) | Answer::Failed(_)));
        let asks_store = matches!(self.operation.step(now), Step::Store(_));
        let misfit = self.operation.resume(reply).is_err();
        self.asked += usize::from(asks_store);
        assert!(self.asked <= self.most, "the store is asked twice");
        self.refused |= self.refuses && before && denies && !misfit;
    }

    /// Takes the pair of a scan, where one is shown.
    fn take(&mut self) {
        self.taken += u64::from(self.operation.take_item().is_some());
    }

    /// With replies that fit, until nothing more is asked.
    fn to_its_end(&mut self, now: Time) {
        for _ in 0..MOST_STEPS {
            let step = self.operation.step(now);
            if matches!(step, Step::Done) {
                return;
            }
            match fitting(&step, 0) {
                Some(reply) => self.operation.resume(reply).expect("the reply fits"),
                None => self.take(),
            }
        }
        panic!("the operation does not end");
    }
}

/// A reply that fits a step; none where a pair is to be taken, or nothing is asked. Zero is a store that has nothing
/// more.
fn fitting(step: &Step<'_>, byte: u8) -> Option<Reply> {
    Some(match step {
        Step::CallHook(_) => Reply::Answer(Answer::Allow),
        Step::Store(StoreCall::Get { .. }) => {
            Reply::Store(StoreReply::Value((byte & 1 == 0).then(|| b"v".to_vec())))
        }
        Step::Store(StoreCall::Scan { prefix, after, .. }) => {
            // Longer keys are greater, and begin with what they were made from.
            let grown = |by: u8| [after.unwrap_or(prefix), &[by][..]].concat();
            let pairs = (0..byte & 3).map(|by| (grown(by), b"v".to_vec())).collect();
            Reply::Store(StoreReply::Page(Page { pairs, end: byte & 4 == 0 }))
        }
        Step::Store(_) => Reply::Store(StoreReply::Done),
        Step::Log(_) | Step::Notify(_) => Reply::Logged,
        Step::Record(_) => Reply::Recorded,
        _ => return None,
    })
}

fn reply_of(byte: u8) -> Reply {
    match byte % 22 {
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
        15 => Reply::Recorded,
        16 => Reply::RecordFailed(Cause::named("E")),
        17 => Reply::Store(StoreReply::Invalid("a `str`".to_owned())),
        18 => Reply::Store(StoreReply::Failed(Error::usage("no"))),
        19 => Reply::Store(StoreReply::Page(Page { pairs: Vec::new(), end: false })),
        20 => {
            Reply::Store(StoreReply::Page(Page { pairs: vec![(b"c".to_vec(), b"v".to_vec()); 2], end: true }))
        }
        _ => Reply::Answer(Answer::Allow),
    }
}
