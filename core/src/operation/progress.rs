//! How far an operation has come: limits looked at, before-hooks, limits taken, the store, after-hooks, audit.

use std::borrow::Cow;
use std::sync::Arc;

use super::now::Now;
use super::refusal::Refusal;
use super::{HookCall, Kind, LogCall, LogLevel, Outcome, Reply, Request, Step, StoreCall, StoreReply};
use crate::context::{AGENT_ID, Context};
use crate::engine::{Config, Place};
use crate::error::{Code, Error, Result, UsageError};
use crate::hook::{Action, Answer, Decision, HookEntry, Matched, Phase};
use crate::limit::{Taken, Target};
use crate::text;

/// The changing part of an operation.
pub(super) struct Progress<'a> {
    pub(super) kind: Kind,
    pub(super) key: Cow<'a, [u8]>,
    pub(super) value: Option<Cow<'a, [u8]>>,
    pub(super) context: Cow<'a, Context>,
    depth: u32,
    /// The places of the hooks that match the key, before and after, in the order of registration.
    matched: Matched,
    /// The next of `matched` to be asked.
    next: usize,
    pub(super) state: State,
    pub(super) pending: Pending,
    /// The first operation of an engine without any rule tells so.
    warn: bool,
    /// A hook has put another value in the place of the caller's or the store's.
    pub(super) modified: bool,
    /// The hook that did so last, and why it hid a value: for the audit.
    pub(super) changed_by: Option<(Arc<str>, Option<String>)>,
    /// A hook has flagged the audit entry.
    pub(super) logged: bool,
    /// A rate limit's shared overflow bucket was used: the audit says so.
    pub(super) overflow: Option<String>,
    /// Counted among the engine's open operations.
    counted: Option<Place>,
    pub(super) result: Result<(), Refusal>,
}

/// The stations of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Limits are to be looked at.
    Start,
    /// Before-hooks are asked.
    Before,
    /// Limits are to be taken.
    Take,
    /// The store is to be asked, or was asked and has not replied.
    Store,
    /// After-hooks are asked.
    After,
    /// Decided, and not yet in the audit.
    Ended,
    /// In the audit.
    Done,
}

/// What the driver was asked for and has not replied to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pending {
    Nothing,
    Warning,
    Hook(u32),
    Log(u32),
    Store,
}

impl<'a> Progress<'a> {
    /// An operation that is to start, or one that a fault has refused already. Built where it stays: it is large.
    #[inline]
    pub(super) fn new(request: Request<'a>, fault: Option<Error>, warn: bool) -> Self {
        let Request { kind, key, value, context, depth } = request;
        let (state, result) = match fault {
            Some(error) => (State::Ended, Err(Refusal::of(error, (kind != Kind::Read).then_some(false)))),
            None => (State::Start, Ok(())),
        };
        Progress {
            kind,
            key,
            value,
            context,
            depth,
            matched: Matched::new(),
            next: 0,
            state,
            pending: Pending::Nothing,
            warn,
            modified: false,
            changed_by: None,
            logged: false,
            overflow: None,
            counted: None,
            result,
        }
    }

    /// What stays behind where the real one has gone elsewhere.
    pub(super) fn ended() -> Self {
        const NOTHING: &Context = &Context::new();
        let mut ended = Progress::new(Request::read(&[], NOTHING), None, false);
        ended.state = State::Done;
        ended
    }

    pub(super) fn into_owned(self) -> Progress<'static> {
        Progress {
            key: Cow::Owned(self.key.into_owned()),
            value: self.value.map(|value| Cow::Owned(value.into_owned())),
            context: Cow::Owned(self.context.into_owned()),
            matched: self.matched,
            overflow: self.overflow,
            result: self.result,
            kind: self.kind,
            depth: self.depth,
            next: self.next,
            state: self.state,
            pending: self.pending,
            warn: self.warn,
            modified: self.modified,
            changed_by: self.changed_by,
            logged: self.logged,
            counted: self.counted,
        }
    }

    /// Goes on until the driver is needed, or to the end.
    pub(super) fn run(&mut self, config: &Config, now: &mut Now<'_>) {
        while self.pending == Pending::Nothing {
            match self.state {
                State::Start => self.start(config, now),
                State::Before => self.ask_next(config, Phase::Before, State::Take),
                State::Take => self.take_limits(config, now),
                State::Store => self.pending = Pending::Store,
                State::After => self.ask_next(config, Phase::After, State::Ended),
                State::Ended => self.conclude(config, now),
                State::Done => return,
            }
        }
    }

    fn start(&mut self, config: &Config, now: &mut Now<'_>) {
        if std::mem::take(&mut self.warn) {
            self.pending = Pending::Warning;
            return;
        }
        let hooks = config.hooks_of(self.kind);
        hooks.collect(&self.key, &mut self.matched);
        let alone = self.matched.is_empty();
        if !config.limits.is_empty() {
            let target = Target::from(self.kind);
            let now_ns = now.get().monotonic_ns;
            // Where no hook is to be asked, looking and taking are one.
            let judged = match alone {
                true => config.limits.pass(target, &self.context, now_ns),
                false => config.limits.start(target, &self.context, now_ns),
            };
            match judged {
                Ok(taken) => self.note_overflow(&taken),
                Err(refused) => return self.refuse_by_limit(&refused),
            }
        }
        if alone {
            self.state = State::Store;
            return;
        }
        let host = |place: &u32| hooks.get(*place).is_some_and(|hook| hook.action.asks_host());
        // Counted before anything happens: too many open ones are refused while nothing is taken or written.
        if !self.matched.iter().any(host) || self.count(config) {
            self.state = State::Before;
        }
    }

    fn take_limits(&mut self, config: &Config, now: &mut Now<'_>) {
        if !config.limits.is_empty() {
            let target = Target::from(self.kind);
            match config.limits.take(target, &self.context, now.get().monotonic_ns) {
                Ok(taken) => self.note_overflow(&taken),
                Err(refused) => return self.refuse_by_limit(&refused),
            }
        }
        self.state = State::Store;
    }

    fn note_overflow(&mut self, taken: &Taken) {
        if let Some(limit) = taken.overflow() {
            self.overflow = Some(format!("limit `{limit}` tracks no more keys: its shared bucket was used"));
        }
    }

    /// Asks the next matching hook of a phase, or goes on to the state `then`.
    fn ask_next(&mut self, config: &Config, phase: Phase, then: State) {
        let Some(&place) = self.matched.get(self.next) else {
            self.next = 0;
            self.state = then;
            return;
        };
        self.next += 1;
        let Some(hook) = config.hooks_of(self.kind).get(place).filter(|hook| hook.trigger.phase == phase)
        else {
            return;
        };
        match &hook.action {
            Action::Helper(helper) => self.judge(hook, helper.answer(&self.context)),
            Action::Host(_) => self.pending = Pending::Hook(place),
            Action::Log(_) => self.pending = Pending::Log(place),
            Action::Declared(declared) => match declared.decide(&self.key, &self.context) {
                None => {}
                Some(Decision::Answer(answer)) => self.judge(hook, answer),
                Some(Decision::Log) => self.pending = Pending::Log(place),
            },
        }
    }

    /// Counts the operation among the open ones: where a hook of the host matches its key, and where it outlives
    /// the call that started it. False where that makes too many, which ends it.
    pub(super) fn count(&mut self, config: &Config) -> bool {
        if self.counted.is_some() || matches!(self.state, State::Ended | State::Done) {
            return true;
        }
        let (place, passes) = config.open.enter();
        self.counted = Some(place);
        if !passes {
            let max = config.open.max();
            let message = format!("no more than {max} operations may be open at once: let some end first");
            if std::mem::replace(&mut self.pending, Pending::Nothing) == Pending::Store {
                // The step was shown and is taken back: the store has not been asked.
                self.state = State::Take;
            }
            self.fail(Error::Usage(UsageError { message, code: Code::OpenLimit }));
        }
        passes
    }

    #[inline]
    pub(super) fn resume(&mut self, config: &Config, reply: Reply) -> Result<()> {
        // The usual replies first: taking any other apart copies it, and it is large.
        match (self.pending, &reply) {
            (Pending::Hook(_), Reply::Answer(Answer::Nothing | Answer::Allow)) => {}
            (Pending::Store, Reply::Store(StoreReply::Done)) if self.kind != Kind::Read => {
                self.state = State::After;
            }
            _ => return self.resume_otherwise(config, reply),
        }
        self.pending = Pending::Nothing;
        Ok(())
    }

    fn resume_otherwise(&mut self, config: &Config, reply: Reply) -> Result<()> {
        let pending = std::mem::replace(&mut self.pending, Pending::Nothing);
        let place = match pending {
            Pending::Hook(place) | Pending::Log(place) => Some(place),
            _ => None,
        };
        let hook = place.and_then(|place| config.hooks_of(self.kind).get(place));
        match (pending, reply, hook) {
            (Pending::Warning, Reply::Logged | Reply::LogFailed(_), _) => {}
            (Pending::Hook(_), Reply::Answer(answer), Some(hook)) => self.judge(hook, answer),
            (Pending::Log(_), Reply::Logged, Some(hook)) => self.judge(hook, Answer::Log),
            (Pending::Log(_), Reply::LogFailed(cause), Some(hook)) => {
                self.judge(hook, Answer::foreign(cause))
            }
            (Pending::Store, Reply::Store(reply), _) => self.take_reply(reply),
            _ => return Err(self.misuse(pending)),
        }
        Ok(())
    }

    fn take_reply(&mut self, reply: StoreReply) {
        match (reply, self.kind) {
            (StoreReply::Value(value), Kind::Read) => {
                self.state = if value.is_some() { State::After } else { State::Ended };
                self.value = value.map(Cow::Owned);
            }
            (StoreReply::Done, Kind::Write | Kind::Delete) => self.state = State::After,
            (reply, _) => self.fail_by_store(reply),
        }
    }

    pub(super) fn take_outcome(&mut self) -> Result<Outcome> {
        match std::mem::replace(&mut self.result, Ok(())) {
            Ok(()) if self.kind == Kind::Read => {
                Ok(Outcome { value: self.value.take().map(Cow::into_owned) })
            }
            Ok(()) => Ok(Outcome::default()),
            Err(refusal) => Err(refusal.error),
        }
    }

    /// No longer among the open operations of its engine.
    pub(super) fn uncount(&mut self, config: &Config) {
        if let Some(place) = self.counted.take() {
            config.open.leave(place);
        }
    }

    /// The step that is pending.
    pub(super) fn show<'o>(&'o self, config: &'o Config) -> Step<'o> {
        let hook = |place| config.hooks_of(self.kind).get(place);
        match self.pending {
            Pending::Nothing => Step::Done,
            Pending::Store => Step::Store(self.store_call()),
            Pending::Warning => Step::Log(LogCall {
                logger: None,
                level: LogLevel::Warning,
                message: "this policy engine has no hook and no rate limit: everything is allowed".to_owned(),
            }),
            Pending::Hook(place) => match hook(place).map(|hook| (hook, &hook.action)) {
                Some((hook, Action::Host(callable))) => Step::CallHook(HookCall {
                    hook,
                    callable,
                    trigger: hook.trigger,
                    key: &self.key,
                    value: self.value.as_deref(),
                    value_is_original: !self.modified,
                    context: &self.context,
                    depth: self.depth + 1,
                }),
                _ => Step::Done,
            },
            Pending::Log(place) => match hook(place).map(|hook| (hook, &hook.action)) {
                Some((hook, Action::Log(logger))) => Step::Log(LogCall {
                    logger: Some(logger),
                    level: LogLevel::Info,
                    message: self.note(hook),
                }),
                Some((hook, Action::Declared(declared))) => Step::Log(LogCall {
                    logger: None,
                    level: LogLevel::Info,
                    message: match declared.remark() {
                        Some(remark) => format!("{}: {remark}", self.note(hook)),
                        None => self.note(hook),
                    },
                }),
                _ => Step::Done,
            },
        }
    }

    pub(super) fn store_call(&self) -> StoreCall<'_> {
        let (key, value) = (&*self.key, self.value.as_deref().unwrap_or_default());
        match self.kind {
            Kind::Read => StoreCall::Get { key },
            Kind::Write => StoreCall::Put { key, value },
            Kind::Delete => StoreCall::Delete { key },
        }
    }

    /// What `log_and_allow` tells: never a value.
    fn note(&self, hook: &HookEntry) -> String {
        log_sentence(hook.trigger.as_str(), &self.key, self.context.text_of(AGENT_ID).as_deref())
    }
}

/// The sentence of `log_and_allow`: what is said about who acts cannot forge another line of the log.
pub(crate) fn log_sentence(trigger: &str, key: &[u8], agent: Option<&str>) -> String {
    let key = text::shown_key(key);
    match agent.map(|agent| text::shown_key(agent.as_bytes())) {
        Some(agent) => format!("{trigger} `{key}` by agent `{agent}`"),
        None => format!("{trigger} `{key}`"),
    }
}
