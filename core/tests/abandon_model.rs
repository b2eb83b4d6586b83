//! Operations that are let go at every step, borrowed and owned: the audit against a table, one entry for each key,
//! tokens where the store was asked and nowhere else, nothing left open.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::borrow::Cow;
use std::sync::Arc;

use checkrein::clock::Time;
use checkrein::context::Context;
use checkrein::engine::{Engine, EngineOptions};
use checkrein::hook::{Action, Answer, Trigger};
use checkrein::operation::{
    BatchRequest, Kind, ManyRequest, Operation, Reply, Request, ScanRequest, Step, StoreCall, StoreReply,
};
use checkrein::policy::RateLimit;
use checkrein::store::Page;
use checkrein::{AuditFilter, Code};

const NOBODY: &Context = &Context::new();
const TOKENS: u64 = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Get,
    Put,
    Delete,
    Batch,
    OneByOne,
    GetMany,
    Scan,
}

const SHAPES: [Shape; 7] =
    [Shape::Get, Shape::Put, Shape::Delete, Shape::Batch, Shape::OneByOne, Shape::GetMany, Shape::Scan];

impl Shape {
    fn kinds(self) -> &'static [Kind] {
        match self {
            Shape::Get | Shape::Scan => &[Kind::Read],
            Shape::Put => &[Kind::Write],
            Shape::Delete => &[Kind::Delete],
            Shape::Batch | Shape::OneByOne => &[Kind::Write, Kind::Delete],
            Shape::GetMany => &[Kind::Read, Kind::Read],
        }
    }

    fn start(self, engine: &Engine) -> Operation<'static> {
        let context = Cow::Borrowed(NOBODY);
        match self {
            Shape::Get => engine.start(Request::read(b"a", NOBODY)),
            Shape::Put => engine.start(Request::write(b"a", b"v", NOBODY)),
            Shape::Delete => engine.start(Request::delete(b"a", NOBODY)),
            Shape::Batch | Shape::OneByOne => engine.start(BatchRequest {
                changes: vec![
                    (Kind::Write, (&b"a"[..]).into(), Some((&b"v"[..]).into())),
                    (Kind::Delete, (&b"b"[..]).into(), None),
                ],
                context,
                depth: 0,
                atomic: self == Shape::Batch,
                store_can: true,
            }),
            Shape::GetMany => engine.start(ManyRequest {
                keys: vec![(&b"a"[..]).into(), (&b"b"[..]).into()],
                context,
                depth: 0,
            }),
            Shape::Scan => {
                engine.start(ScanRequest { prefix: (&b""[..]).into(), context, depth: 0, store_can: true })
            }
        }
    }
}

/// What the model knows of an operation: what its driver was asked, and replied to.
#[derive(Debug, Default)]
struct Seen {
    /// Store steps that were shown, and replied to.
    asked: usize,
    replied: usize,
    /// After-hooks that were shown.
    after: usize,
    /// Pairs of a scan that were taken.
    given: u64,
    /// The sink was shown the end.
    ended: bool,
}

/// Shows the next step to the model; the reply to it, nothing where the operation is done.
fn look(operation: &mut Operation<'_>, seen: &mut Seen) -> Option<Option<Reply>> {
    Some(Some(match operation.step(Time::default()) {
        Step::CallHook(call) => {
            seen.after += usize::from(call.trigger.as_str().starts_with("after"));
            Reply::Answer(Answer::Nothing)
        }
        Step::Store(call) => {
            seen.asked += 1;
            Reply::Store(match call {
                StoreCall::Get { .. } => StoreReply::Value(Some(b"v".to_vec())),
                StoreCall::Scan { .. } => {
                    let pairs = [b"a", b"b"].map(|key| (key.to_vec(), b"v".to_vec())).to_vec();
                    StoreReply::Page(Page { pairs, end: true })
                }
                _ => StoreReply::Done,
            })
        }
        Step::Record(call) => {
            seen.ended = call.phase.is_some_and(|phase| phase.as_str() == "done");
            Reply::Recorded
        }
        Step::Item { .. } => return Some(None),
        Step::Done => return None,
        step => panic!("{step:?}"),
    }))
}

/// The entry that a key is to have: its result and `applied`.
fn table(shape: Shape, at: usize, seen: &Seen) -> (&'static str, Option<bool>) {
    let kind = shape.kinds()[at];
    let (asked, replied, finished) = match shape {
        Shape::Scan => {
            // What it gave is known, whenever it is let go.
            return if seen.asked > 0 { ("allowed", None) } else { ("denied", None) };
        }
        Shape::Batch => (seen.asked > 0, seen.replied > 0, seen.after > at + 1),
        _ => (seen.asked > at, seen.replied > at, seen.asked > at + 1),
    };
    let (result, applied) = match (seen.ended || finished, replied, asked) {
        (true, ..) => ("allowed", Some(true)),
        (_, true, _) => ("unknown", Some(true)),
        (_, _, true) => ("unknown", None),
        _ => ("denied", Some(false)),
    };
    (result, applied.filter(|_| kind != Kind::Read))
}

/// Lets an operation go after so many replies; with the next step shown or not. False where it was done before.
fn let_go(shape: Shape, replies: usize, shown: bool, owned: bool) -> bool {
    let story = format!("{shape:?} after {replies} replies, shown: {shown}, owned: {owned}");
    let engine = Engine::new(EngineOptions { max_open: 1, ..EngineOptions::default() }).unwrap();
    engine.enable_audit(100).unwrap();
    engine.add_audit_sink(Arc::new(()), true).unwrap();
    for trigger in Trigger::ALL {
        engine.add_hook(trigger, "**", Action::Host(Arc::new(()))).unwrap();
    }
    engine.add_rate_limit("all", &RateLimit::per_hour(1).burst(TOKENS)).unwrap();
    let mut operation = shape.start(&engine);
    let mut seen = Seen::default();
    for _ in 0..replies {
        if owned {
            operation = operation.into_owned();
        }
        let Some(reply) = look(&mut operation, &mut seen) else { return false };
        if owned {
            operation = operation.into_owned();
        }
        match reply {
            Some(reply) => {
                seen.replied += usize::from(matches!(reply, Reply::Store(_)));
                operation.resume(reply).unwrap();
            }
            None => seen.given += u64::from(operation.take_item().is_some()),
        }
    }
    if shown && look(&mut operation, &mut seen).is_none() {
        return false;
    }
    if owned {
        operation = operation.into_owned();
    }
    assert_eq!(engine.open_operations(), usize::from(replies > 0 || shown || owned), "{story}");
    if seen.ended {
        drop(operation);
    } else {
        assert_eq!(operation.finish().unwrap_err().code(), Code::Abandoned, "{story}");
    }
    assert_eq!(engine.open_operations(), 0, "{story}");

    let told = engine.audit_log(&AuditFilter::new()).unwrap();
    assert_eq!(told.len(), shape.kinds().len(), "{story}");
    for (at, entry) in told.iter().enumerate() {
        let found = (entry.result().as_str(), entry.applied());
        assert_eq!(found, table(shape, at, &seen), "{story}, key {at}: {seen:?}");
        assert_eq!(entry.reason().as_deref(), (!seen.ended).then_some("abandoned"), "{story}");
        if let Some(count) = entry.scanned() {
            assert_eq!((count.given, count.withheld), (seen.given, 0), "{story}");
        }
    }
    let taken = match shape {
        Shape::Scan => seen.after as u64,
        _ if seen.asked > 0 => shape.kinds().len() as u64,
        _ => 0,
    };
    let left = engine.rate_limit_status("all", NOBODY).unwrap()[0].remaining;
    assert_eq!(left, TOKENS - taken, "{story}: {seen:?}");
    true
}

#[test]
fn what_is_let_go_is_told_as_far_as_it_came() {
    for shape in SHAPES {
        for owned in [false, true] {
            for shown in [false, true] {
                let steps = (0..).take_while(|replies| let_go(shape, *replies, shown, owned)).count();
                assert!(steps >= 5, "{shape:?}: {steps}");
            }
        }
    }
}
