//! The real engine, driven by hand.

use std::borrow::Cow;
use std::cell::{Cell, Ref, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;

use checkrein::audit::AuditFilter;
use checkrein::clock::{Clock, ManualClock};
use checkrein::engine::{Engine, EngineOptions};
use checkrein::error::{Cause, Error, PolicyViolation};
use checkrein::hook::{Action, Answer, Failure, Helper, HookId, Mode};
use checkrein::limit::{Count, RateLimit};
use checkrein::operation::{
    BatchRequest, HookCall, Kind, MAX_DEPTH, ManyRequest, Operation, Reply, Request, ScanRequest, Step,
    StoreCall, StoreReply,
};
use checkrein::store::{Change, Page};

use super::Settings;
use super::history::{Asked, Bytes, DEEPEST, Hook, Limit, Move, One, PAGE, Script, StoreDoes, What};
use super::told::{EPOCH_NS, Entry, Failed, HookSaw, Outcome};

pub(crate) struct World {
    pub(crate) engine: Engine,
    clock: Arc<ManualClock>,
    /// In the order of registration, the removed ones too.
    ids: RefCell<Vec<HookId>>,
    store: RefCell<BTreeMap<Bytes, Bytes>>,
    trace: RefCell<Vec<HookSaw>>,
    store_does: Cell<StoreDoes>,
}

/// What came of driving an operation.
type Driven = (checkrein::Result<checkrein::operation::Outcome>, Vec<(Bytes, Bytes)>);

impl World {
    pub(crate) fn new(settings: Settings) -> Self {
        let clock = ManualClock::new(EPOCH_NS);
        let options = EngineOptions {
            clock: Clock::Manual(Arc::clone(&clock)),
            max_open: settings.max_open,
            remember_errors: true,
            mode: if settings.shadow { Mode::Shadow } else { Mode::Enforce },
            require_context: settings.required.then(|| "agent_id".to_owned()).into_iter().collect(),
        };
        let engine = Engine::new(options).unwrap();
        engine.enable_audit(10_000).unwrap();
        World {
            engine,
            clock,
            ids: RefCell::default(),
            store: RefCell::default(),
            trace: RefCell::default(),
            store_does: Cell::new(StoreDoes::Works),
        }
    }

    /// Makes a move other than an operation; says whether it did something.
    pub(crate) fn make(&self, a_move: &Move) -> bool {
        match a_move {
            Move::Add(trigger, keys, hook) => {
                let action = match hook.clone() {
                    Hook::Host(script) => Action::Host(Arc::new(script)),
                    Hook::DenyAll => Action::Helper(Helper::DenyAll),
                    Hook::AllowAll => Action::Helper(Helper::AllowAll),
                    Hook::RequireAgentId => Action::Helper(Helper::RequireAgentId),
                    Hook::Redact(value) => Action::Helper(Helper::RedactValue(value)),
                    Hook::Logger { fails } => Action::Log(Arc::new(fails)),
                };
                let added = self.engine.add_hook(*trigger, keys, action);
                self.ids.borrow_mut().extend(added.as_ref().ok());
                added.is_ok()
            }
            Move::Remove(pick) => {
                let ids = self.ids.borrow();
                !ids.is_empty() && self.engine.remove_hook(ids[pick.index(ids.len())])
            }
            Move::Limit(limit) => self.engine.add_rate_limit(limit.target, &declared(limit)).is_ok(),
            Move::Advance(ns) => {
                self.clock.advance_ns(*ns);
                true
            }
            Move::ClearErrors => self.engine.clear_registration_errors().is_some(),
            Move::Operate(_) => unreachable!(),
        }
    }

    pub(crate) fn operate(&self, asked: &Asked, depth: u32) -> Outcome {
        let context = Cow::Owned(asked.context());
        let many_depth = if asked.bad { MAX_DEPTH + 1 } else { depth };
        let operation = match &asked.what {
            What::One((kind, key, value)) => {
                let written = (*kind == Kind::Write) != asked.bad;
                self.engine.start(Request {
                    kind: *kind,
                    key: Cow::Borrowed(*key),
                    value: written.then_some(Cow::Borrowed(value.as_slice())),
                    context,
                    depth,
                })
            }
            What::Reads(keys) => {
                let keys = keys.iter().map(|key| Cow::Borrowed(*key)).collect();
                self.engine.start(ManyRequest { keys, context, depth: many_depth })
            }
            What::Batch(changes, atomic) => {
                let change = |(kind, key, value): &One| {
                    (*kind, Cow::Borrowed(*key), (*kind == Kind::Write).then(|| Cow::Owned(value.clone())))
                };
                self.engine.start(BatchRequest {
                    changes: changes.iter().map(change).collect(),
                    context,
                    depth: many_depth,
                    atomic: *atomic,
                    store_can: true,
                })
            }
            What::Scan(prefix) => self.engine.start(ScanRequest {
                prefix: Cow::Borrowed(*prefix),
                context,
                depth: many_depth,
                store_can: true,
            }),
        };
        let (done, pairs) = self.drive(operation, asked);
        match (done, &asked.what) {
            (Ok(outcome), What::One((Kind::Read, ..))) => {
                Outcome { values: vec![outcome.value], pairs, failed: None }
            }
            (Ok(outcome), _) => Outcome { values: outcome.values, pairs, failed: None },
            (Err(error), _) => Outcome { values: Vec::new(), pairs, failed: Some(failed(&error)) },
        }
    }

    fn drive(&self, mut operation: Operation<'_>, asked: &Asked) -> Driven {
        if asked.owned == Some(0) {
            operation = operation.into_owned();
        }
        let (mut pairs, mut store_calls) = (Vec::new(), 0);
        for at in 1.. {
            let now = || self.clock.now();
            if matches!(operation.step(now()), Step::Done) {
                break;
            }
            if asked.owned == Some(at) {
                operation = operation.into_owned();
            }
            if asked.dropped == Some((at, false)) {
                break;
            }
            let dropped_after = asked.dropped == Some((at, true));
            let reply = match operation.step(now()) {
                Step::CallHook(call) => Reply::Answer(self.call(&call)),
                Step::Store(call) => {
                    store_calls += 1;
                    self.store_does.set(asked.store_at(store_calls));
                    Reply::Store(self.ask_store(&call))
                }
                Step::Log(call) => match call.logger.map(|logger| logger.downcast_ref::<bool>()) {
                    None | Some(Some(false)) => Reply::Logged,
                    _ => Reply::LogFailed(Cause::named("LoggerError")),
                },
                Step::Item { .. } if dropped_after || asked.misfit != Some(at) => {
                    pairs.push(operation.take_item().unwrap());
                    if dropped_after {
                        break;
                    }
                    continue;
                }
                Step::Item { .. } => Reply::Logged,
                Step::Done => break,
                _ => unreachable!(),
            };
            if dropped_after {
                break;
            }
            let reply = match reply {
                reply if asked.misfit != Some(at) => reply,
                Reply::Store(_) => Reply::Answer(Answer::Allow),
                _ => Reply::Store(StoreReply::Done),
            };
            if operation.resume(reply).is_err() {
                break;
            }
            if asked.misfit == Some(at) {
                panic!("a reply that does not fit was taken");
            }
        }
        (operation.finish(), pairs)
    }

    fn call(&self, call: &HookCall<'_>) -> Answer {
        let value = call.value.map(<[u8]>::to_vec);
        let rule = call.hook.rule.to_string();
        self.trace.borrow_mut().push((rule, value, call.value_is_original, call.depth));
        match call.callable.downcast_ref::<Script>().unwrap() {
            Script::Nothing => Answer::Nothing,
            Script::Allow => Answer::Allow,
            Script::Log => Answer::Log,
            Script::Deny(why) => Answer::Deny(why.map(str::to_owned)),
            Script::Modify(value) => Answer::Modify(value.clone()),
            Script::Nonsense => Answer::Invalid("a `str`".to_owned()),
            Script::Raise => Answer::foreign(Cause::named("ValueError")),
            Script::RaiseViolation => Answer::Failed(Failure::Own(PolicyViolation::new("raised").into())),
            Script::RaiseUsage => Answer::Failed(Failure::Own(Error::usage("misused"))),
            Script::Slow(ns) => self.made(&Move::Advance(*ns)),
            Script::Add(trigger, keys, script) => {
                self.made(&Move::Add(*trigger, keys, Hook::Host((**script).clone())))
            }
            Script::Remove(pick) => self.made(&Move::Remove(*pick)),
            Script::Operate(asked) => {
                if call.depth <= DEEPEST {
                    let _ = self.operate(asked, call.depth);
                }
                Answer::Allow
            }
        }
    }

    fn made(&self, a_move: &Move) -> Answer {
        self.make(a_move);
        Answer::Allow
    }

    fn ask_store(&self, call: &StoreCall<'_>) -> StoreReply {
        match self.store_does.get() {
            StoreDoes::Works => {}
            StoreDoes::FailsWithOurs => return StoreReply::Failed(Error::usage("not like this")),
            StoreDoes::Raises => return StoreReply::Raised(Cause::named("OSError")),
            StoreDoes::RepliesNonsense => return StoreReply::Invalid("a `str`".to_owned()),
            StoreDoes::RepliesToAnother => {
                return match call {
                    StoreCall::Get { .. } | StoreCall::Scan { .. } => StoreReply::Done,
                    _ => StoreReply::Value(None),
                };
            }
        }
        let mut store = self.store.borrow_mut();
        match *call {
            StoreCall::Get { key } => return StoreReply::Value(store.get(key).cloned()),
            StoreCall::Put { key, value } => drop(store.insert(key.to_vec(), value.to_vec())),
            StoreCall::Delete { key } => drop(store.remove(key)),
            StoreCall::Batch(changes) => {
                for change in changes.iter() {
                    match change {
                        Change::Put { key, value } => drop(store.insert(key.to_vec(), value.to_vec())),
                        Change::Delete { key } => drop(store.remove(key)),
                    }
                }
            }
            StoreCall::Scan { prefix, after, .. } => {
                let pairs: Vec<_> = store
                    .iter()
                    .filter(|(key, _)| {
                        key.starts_with(prefix) && after.is_none_or(|after| key.as_slice() > after)
                    })
                    .take(PAGE)
                    .map(|(key, value)| (key.clone(), value.clone()))
                    .collect();
                let end = pairs.len() < PAGE;
                return StoreReply::Page(Page { pairs, end });
            }
        }
        StoreReply::Done
    }

    pub(crate) fn store(&self) -> Ref<'_, BTreeMap<Bytes, Bytes>> {
        self.store.borrow()
    }

    pub(crate) fn trace(&self) -> Ref<'_, Vec<HookSaw>> {
        self.trace.borrow()
    }

    pub(crate) fn audit(&self) -> Vec<Entry> {
        let entries = self.engine.audit_log(&AuditFilter::new().limit(usize::MAX)).unwrap();
        let text = |text: Option<Cow<'_, str>>| text.map(Cow::into_owned);
        let told = entries.iter().map(|entry| Entry {
            sequence: entry.sequence(),
            timestamp_ns: entry.timestamp_ns(),
            operation: entry.operation().as_str(),
            key: entry.key_bytes().to_vec(),
            result: entry.result().as_str(),
            agent_id: text(entry.agent_id()),
            session_id: text(entry.session_id()),
            rule: text(entry.rule()),
            reason: entry.reason().map(|reason| without_wait(&reason)),
            logged: entry.logged(),
            applied: entry.applied(),
            scanned: entry.scanned().map(|count| (count.given, count.withheld)),
        });
        told.collect()
    }
}

fn failed(error: &Error) -> Failed {
    Failed {
        code: error.code().as_str(),
        rule: error.violation().and_then(|violation| violation.rule.clone()),
        reason: error.violation().map(|violation| without_wait(&violation.reason)),
        applied: error.violation().is_some_and(|violation| violation.applied),
        retry_after_ns: error.rate_limit().map(|limit| limit.retry_after.as_nanos()),
        first: match error {
            Error::Store(error) => error.applied,
            _ => None,
        },
    }
}

fn declared(limit: &Limit) -> RateLimit {
    let made = match limit.period {
        "second" => RateLimit::per_second(limit.tokens),
        _ => RateLimit::per_minute(limit.tokens),
    };
    let made = made.scope(if limit.per_agent { "agent_id" } else { "global" });
    let made = made.count(if limit.attempts { Count::Attempts } else { Count::Operations });
    match limit.burst {
        Some(burst) => made.burst(burst),
        None => made,
    }
}

/// A reason without the wait, which is compared as a number.
fn without_wait(reason: &str) -> String {
    reason.split(": retry after ").next().unwrap_or_default().to_owned()
}
