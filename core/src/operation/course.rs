//! The course of an operation: requirements and limits looked at, before-hooks, strict sinks, limits taken, the
//! store, after-hooks, the end.
//!
//! There is one course for all operations. A `get`, `put` or `delete` goes through it with one key. A batch asks the
//! before-hooks about all its keys before limits are taken for all of them, and a scan goes round for each key.

use std::borrow::Cow;

use super::ending::Ending;
use super::now::Now;
use super::refusal::Refusal;
use super::subject::{Stage, Subject};
use super::whole::Whole;
use super::{Kind, Outcome};
use crate::audit::OperationId;
use crate::context::Context;
use crate::engine::{Config, Place};
use crate::error::{Code, Error, Result, UsageError};
use crate::hook::{Action, Decision, HookEntry, Phase};

/// The changing part of an operation.
pub(super) struct Course<'a> {
    /// The key in hand.
    pub(super) subject: Subject<'a>,
    pub(super) whole: Whole<'a>,
    pub(super) context: Cow<'a, Context>,
    pub(super) depth: u32,
    pub(super) state: State,
    pub(super) pending: Pending,
    /// The first operation of an engine that refuses nothing tells so.
    warn: bool,
    /// A rate limit's shared overflow bucket was used: the audit says so.
    pub(super) overflow: Option<String>,
    /// Counted among the engine's open operations.
    counted: Option<Place>,
    /// Drawn when the audit needs it first.
    pub(super) id: Option<OperationId>,
    pub(super) result: Result<(), Refusal>,
    /// What is left to be told, where a sink or a listener is to be told by a step.
    pub(super) ending: Option<Box<Ending>>,
}

/// The stations of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Requirements and limits are to be looked at.
    Start,
    /// Before-hooks are asked.
    Before,
    /// Strict sinks are told what was decided.
    Decided,
    /// Limits are to be taken.
    Take,
    /// The store is to be asked, or was asked and has not replied.
    Store,
    /// After-hooks are asked.
    After,
    /// A pair of a scan waits for the caller.
    Item,
    /// Decided, and not yet in the audit.
    Ended,
    /// In the audit's ring; sinks and listeners are told.
    Telling,
    /// Nothing more.
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
    Item,
    /// The sink at this place.
    Sink(usize),
    /// The listener at this place.
    Listener(usize),
}

impl<'a> Course<'a> {
    /// An operation that is to start, or one that a fault has refused already. Built where it stays: it is large.
    #[inline]
    pub(super) fn new(
        subject: Subject<'a>,
        whole: Whole<'a>,
        context: Cow<'a, Context>,
        depth: u32,
        fault: Option<Error>,
        warn: bool,
    ) -> Self {
        let (state, result) = match fault {
            Some(error) => (State::Ended, Err(Refusal::of(error, None))),
            None => (State::Start, Ok(())),
        };
        Course {
            subject,
            whole,
            context,
            depth,
            state,
            pending: Pending::Nothing,
            warn,
            overflow: None,
            counted: None,
            id: None,
            result,
            ending: None,
        }
    }

    /// What stays behind where the real one has gone elsewhere.
    pub(super) fn ended() -> Self {
        const NOTHING: &Context = &Context::new();
        let mut ended = Course::new(Subject::none(), Whole::One, Cow::Borrowed(NOTHING), 0, None, false);
        ended.state = State::Done;
        ended
    }

    pub(super) fn into_owned(self) -> Course<'static> {
        Course {
            subject: self.subject.into_owned(),
            whole: self.whole.into_owned(),
            context: Cow::Owned(self.context.into_owned()),
            depth: self.depth,
            state: self.state,
            pending: self.pending,
            warn: self.warn,
            overflow: self.overflow,
            counted: self.counted,
            id: self.id,
            result: self.result,
            ending: self.ending,
        }
    }

    /// Goes on until the driver is needed, or to the end. What is seldom needed is kept out of this loop, so that the
    /// usual way through it is short: it is gone at least twice for every operation.
    pub(super) fn run(&mut self, config: &Config, now: &mut Now<'_>) {
        if config.is_of_parent() {
            self.orphan();
        }
        while self.pending == Pending::Nothing {
            match self.state {
                State::Start => self.start(config, now),
                State::Before => self.ask_next(config, Phase::Before),
                State::Decided => self.tell_decided(config, now),
                State::Take => self.take_limits(config, now),
                State::Store => self.ask_store(config, now),
                State::After => self.ask_next(config, Phase::After),
                State::Item => self.pending = Pending::Item,
                State::Ended => self.conclude(config, now),
                State::Telling => self.tell_next(config),
                State::Done => return,
            }
        }
    }

    #[inline(never)]
    fn start(&mut self, config: &Config, now: &mut Now<'_>) {
        if std::mem::take(&mut self.warn) {
            self.pending = Pending::Warning;
            return;
        }
        if let Some(name) = config.lacks(&self.context)
            && self.lacks(config, name)
        {
            return;
        }
        match self.whole {
            Whole::One => self.start_one(config, now),
            Whole::Many(_) => self.start_many(config, now),
            // Counted before anything happens; its keys are judged one by one.
            Whole::Scan(_) => {
                if self.count(config) {
                    self.state = State::Decided;
                }
            }
        }
    }

    /// The context has no such name: true where that refuses the operation.
    #[cold]
    fn lacks(&mut self, config: &Config, name: &str) -> bool {
        let reason = format!("the context has no `{name}`: this engine requires it");
        self.refuse_or_note(config, "require_context", reason)
    }

    #[inline]
    fn start_one(&mut self, config: &Config, now: &mut Now<'_>) {
        self.subject.match_hooks(config);
        if !self.look_at_limits(config, now) {
            return;
        }
        if self.takes_at_once(config) {
            self.state = State::Store;
        } else if self.subject.matched.is_empty() {
            self.state = State::Decided;
        } else if !self.subject.asks_host(config) || self.count(config) {
            // Counted before anything happens: too many open ones are refused while nothing is taken or written.
            self.state = State::Before;
        }
    }

    #[inline(never)]
    fn start_many(&mut self, config: &Config, now: &mut Now<'_>) {
        let Whole::Many(many) = &self.whole else { return };
        if many.subjects.is_empty() {
            self.state = State::Ended;
            return;
        }
        if !config.limits.is_empty() {
            let demand = many.demand();
            let judged = config.limits.start_many(&demand, &self.context, now.get().monotonic_ns);
            if !self.limits_pass_many(config, judged) {
                return;
            }
        }
        if self.count(config) {
            self.take_in_hand(Some(0));
            self.subject.match_hooks(config);
            self.state = State::Before;
        }
    }

    /// Of a key of a scan the store has given the value already.
    pub(super) fn show_value(&mut self) {
        if let Whole::Scan(scan) = &mut self.whole {
            self.subject.value = scan.value.take().map(Cow::Owned);
            self.subject.stage = Stage::Replied;
            self.state = State::After;
        }
    }

    /// Asks the next matching hook of a phase, or goes on to what comes after the phase.
    fn ask_next(&mut self, config: &Config, phase: Phase) {
        let Some(&place) = self.subject.matched.get(self.subject.next) else {
            self.subject.next = 0;
            return match phase {
                Phase::Before => self.judged(config),
                Phase::After => self.finished(),
            };
        };
        self.subject.next += 1;
        let hooks = config.hooks_of(self.subject.kind);
        let Some(hook) = hooks.get(place).filter(|hook| hook.trigger.phase == phase) else { return };
        match &hook.action {
            Action::Host(_) => self.pending = Pending::Hook(place),
            Action::Log(_) => self.pending = Pending::Log(place),
            Action::Helper(_) | Action::Declared(_) => self.answer(config, hook, place),
        }
    }

    /// The core knows itself what such a hook answers.
    fn answer(&mut self, config: &Config, hook: &HookEntry, place: u32) {
        match &hook.action {
            Action::Host(_) | Action::Log(_) => {}
            Action::Helper(helper) => self.judge(config, hook, helper.answer(&self.context)),
            Action::Declared(declared) => match declared.decide(&self.subject.key, &self.context) {
                None => {}
                Some(Decision::Answer(answer)) => self.judge(config, hook, answer),
                Some(Decision::Log) => self.pending = Pending::Log(place),
            },
        }
    }

    /// The before-hooks let the key in hand pass.
    fn judged(&mut self, config: &Config) {
        self.state = match &self.whole {
            Whole::One => State::Decided,
            Whole::Scan(_) => State::Take,
            Whole::Many(many) => {
                let next = many.in_hand.map_or(0, |at| at + 1);
                let next = (next < many.subjects.len()).then_some(next);
                return self.judge_key(config, next);
            }
        };
    }

    /// Goes on to the before-hooks of another key of many; there is none once all are judged.
    #[inline(never)]
    fn judge_key(&mut self, config: &Config, next: Option<usize>) {
        self.take_in_hand(next);
        self.state = if next.is_some() {
            self.subject.match_hooks(config);
            State::Before
        } else {
            State::Decided
        };
    }

    #[inline]
    fn ask_store(&mut self, config: &Config, now: &mut Now<'_>) {
        if let Whole::One = self.whole {
            self.subject.stage = Stage::Asked;
            self.pending = Pending::Store;
        } else {
            self.ask_store_for_many(config, now);
        }
    }

    #[inline(never)]
    fn ask_store_for_many(&mut self, config: &Config, now: &mut Now<'_>) {
        match &mut self.whole {
            Whole::One => {}
            Whole::Many(many) if many.atomic => {
                many.subjects.iter_mut().for_each(|subject| subject.stage = Stage::Asked);
                self.pending = Pending::Store;
                return;
            }
            Whole::Many(many) if many.in_hand.is_none() => self.take_in_hand(Some(0)),
            Whole::Many(_) => {}
            Whole::Scan(scan) => match scan.page.next() {
                Some((key, value)) => {
                    scan.value = Some(value);
                    self.subject.turn_to(key);
                    return self.start_key(config, now);
                }
                None if scan.ended => {
                    self.state = State::Ended;
                    return;
                }
                None => scan.asked = true,
            },
        }
        self.subject.stage = Stage::Asked;
        self.pending = Pending::Store;
    }

    /// The next key of a scan.
    fn start_key(&mut self, config: &Config, now: &mut Now<'_>) {
        self.subject.match_hooks(config);
        if !self.look_at_limits(config, now) {
            return;
        }
        if self.takes_at_once(config) {
            self.show_value();
            self.finished();
        } else if config.limits.is_empty() && !self.subject.has_hook_before(config) {
            // Nothing is asked before and nothing is taken: on to the after-hooks.
            self.show_value();
        } else {
            self.state = State::Before;
        }
    }

    /// The after-hooks are through with the key in hand, or a hook has hidden its value.
    #[inline]
    pub(super) fn finished(&mut self) {
        self.subject.stage = Stage::Finished;
        if let Whole::One = self.whole {
            self.state = State::Ended;
        } else {
            self.finished_of_many();
        }
    }

    #[inline(never)]
    fn finished_of_many(&mut self) {
        self.state = match &mut self.whole {
            Whole::One => State::Ended,
            Whole::Many(many) => {
                let next = many.in_hand.map(|at| at + 1).filter(|at| *at < many.subjects.len());
                self.take_in_hand(next);
                match (next, self.subject.stage) {
                    (None, _) => State::Ended,
                    (Some(_), Stage::Replied) => State::After,
                    (Some(_), _) => State::Store,
                }
            }
            Whole::Scan(_) if self.subject.value.is_some() => State::Item,
            Whole::Scan(scan) => {
                scan.count.withheld += 1;
                State::Store
            }
        };
    }

    /// Takes another one of many in hand, or none.
    pub(super) fn take_in_hand(&mut self, next: Option<usize>) {
        if let Whole::Many(many) = &mut self.whole {
            many.hand_over(&mut self.subject, next);
        }
    }

    /// Counts the operation among the open ones: where a hook of the host matches its key, and where it outlives
    /// the call that started it. False where that makes too many, which ends it.
    #[inline(never)]
    pub(super) fn count(&mut self, config: &Config) -> bool {
        if self.counted.is_some() || matches!(self.state, State::Ended | State::Telling | State::Done) {
            return true;
        }
        let (place, passes) = config.open.enter();
        self.counted = Some(place);
        if !passes {
            let max = config.open.max();
            let message = format!("no more than {max} operations may be open at once: let some end first");
            if std::mem::replace(&mut self.pending, Pending::Nothing) == Pending::Store {
                // The step was shown and is taken back: the store has not been asked.
                self.subject.stage = Stage::Unasked;
            }
            self.fail(Error::Usage(UsageError { message, code: Code::OpenLimit }));
        }
        passes
    }

    /// No longer among the open operations of its engine.
    pub(super) fn uncount(&mut self, config: &Config) {
        if let Some(place) = self.counted.take() {
            config.open.leave(place);
        }
    }

    #[inline]
    pub(super) fn take_outcome(&mut self) -> Result<Outcome> {
        // Looked at first: what is not there need not be moved, and it is large.
        if self.result.is_err()
            && let Err(refusal) = std::mem::replace(&mut self.result, Ok(()))
        {
            return Err(refusal.error);
        }
        Ok(match &self.whole {
            Whole::One => Outcome { value: self.subject.take_read(), values: Vec::new() },
            Whole::Many(_) => self.outcome_of_many(),
            Whole::Scan(_) => Outcome::default(),
        })
    }

    #[inline(never)]
    fn outcome_of_many(&mut self) -> Outcome {
        match &mut self.whole {
            Whole::Many(many) if many.kind() == Some(Kind::Read) => {
                let values = many.subjects.iter_mut().map(Subject::take_read).collect();
                Outcome { value: None, values }
            }
            _ => Outcome::default(),
        }
    }
}
