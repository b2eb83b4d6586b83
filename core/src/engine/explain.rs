//! What would be asked about an operation, without asking anyone.

use std::sync::Arc;

use super::Engine;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::hook::{Action, Answer, Decision, HookEntry, Matched, Mode, Phase};
use crate::limit::{Count, LimitStatus, Target};
use crate::operation::{Kind, MAX_KEY_BYTES};

/// What is asked about an operation, in the order in which it is.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// What would be done.
    pub operation: Kind,
    /// The verdict as far as it can be told without the host.
    pub verdict: Foreseen,
    /// What decides: the rule of a hook, a limit, or `require_context`.
    pub rule: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// The hooks that match the key, first those before and then those after, in the order in which they are asked.
    pub hooks: Vec<ExplainedHook>,
    /// How the limits that apply stand for the context.
    pub limits: Vec<LimitStatus>,
    /// The engine's mode.
    pub mode: Mode,
}

/// A hook that matches.
#[derive(Clone, Debug)]
pub struct ExplainedHook {
    /// Its name in errors and in the audit.
    pub rule: String,
    /// When it is asked.
    pub trigger: &'static str,
    /// Its key pattern.
    pub keys: String,
    /// What it is: `host` for a callable, `log`, the name of a ready-made hook, or what a document declares.
    pub kind: &'static str,
    /// Its own mode.
    pub mode: Mode,
    /// What it would answer: `allow`, `deny`, `modify`, `log`, `passes over` where its conditions do not hold, or
    /// `unknown` for a callable of the host.
    pub answer: &'static str,
}

/// A verdict that is foreseen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreseen {
    /// It would pass.
    Allowed,
    /// It would pass with another value.
    Modified,
    /// The caller would get another value, or none.
    Redacted,
    /// It would be refused.
    Denied,
    /// A limit would refuse it.
    RateLimited,
    /// It would be refused, but the mode is shadow.
    WouldDeny,
    /// That depends on hooks of the host.
    Unknown,
}

impl Foreseen {
    /// The stable word for it; the same as an audit entry's `result` would have.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Foreseen::Allowed => "allowed",
            Foreseen::Modified => "modified",
            Foreseen::Redacted => "redacted",
            Foreseen::Denied => "denied",
            Foreseen::RateLimited => "rate_limited",
            Foreseen::WouldDeny => "would_deny",
            Foreseen::Unknown => "unknown",
        }
    }
}

impl Engine {
    /// Lists what would be asked about an operation and foresees the verdict. Runs no code of the host, spends no
    /// token, asks no store and leaves no entry in the audit: a read is judged as if the key had a value.
    ///
    /// # Errors
    /// `UsageError` for a key that is too long; the registration error that refuses every operation.
    pub fn explain(&self, operation: Kind, key: &[u8], context: &Context) -> Result<Explanation> {
        if key.len() > MAX_KEY_BYTES {
            return Err(Error::usage(format!("the key has more than {MAX_KEY_BYTES} bytes")));
        }
        let config = self.load();
        if let Some(fault) = &config.fault {
            return Err(fault.clone());
        }
        let now_ns = self.clock().now().monotonic_ns;
        let limits = config.limits.status(Target::from(operation), context, now_ns);
        let mut matched = Matched::new();
        let set = config.hooks_of(operation);
        set.collect(key, &mut matched);
        let of = |phase| {
            matched.iter().filter_map(|place| set.get(*place)).filter(move |h| h.trigger.phase == phase)
        };
        let hooks: Vec<&Arc<HookEntry>> = of(Phase::Before).chain(of(Phase::After)).collect();

        let mut foreseen = Foresight::new(config.mode);
        if let Some(name) = config.lacks(context) {
            let reason = format!("the context has no `{name}`: this engine requires it");
            foreseen.refused(Mode::Enforce, Foreseen::Denied, "require_context", Some(reason));
        }
        // Those that count attempts come first; of several the one with the longest wait refuses, of equal ones the first.
        let gravity = |limit: &&LimitStatus| (limit.count == Count::Attempts, limit.retry_after_ns);
        if let Some(empty) = limits.iter().rev().filter(|limit| limit.retry_after_ns > 0).max_by_key(gravity)
        {
            foreseen.refused(Mode::Enforce, Foreseen::RateLimited, &empty.limit, None);
        }
        let answers = hooks.iter().map(|hook| (hook, answer_of(hook, key, context)));
        let hooks = answers.map(|(hook, answer)| foreseen.hook(hook, answer)).collect();
        let Foresight { verdict, rule, reason, mode, .. } = foreseen;
        Ok(Explanation { operation, verdict, rule, reason, hooks, limits, mode })
    }
}

/// What a hook answers where that can be told without the host.
enum Told {
    Answer(Answer),
    Logs,
    PassesOver,
    Unknown,
}

fn answer_of(hook: &HookEntry, key: &[u8], context: &Context) -> Told {
    match &hook.action {
        Action::Helper(helper) => Told::Answer(helper.answer(context)),
        Action::Log(_) => Told::Logs,
        Action::Host(_) => Told::Unknown,
        Action::Declared(declared) => match declared.decide(key, context) {
            None => Told::PassesOver,
            Some(Decision::Answer(answer)) => Told::Answer(answer),
            Some(Decision::Log) => Told::Logs,
        },
    }
}

/// The verdict as it takes shape.
struct Foresight {
    verdict: Foreseen,
    rule: Option<String>,
    reason: Option<String>,
    mode: Mode,
    /// What the hooks so far have put in the place of the value: the same again is no change.
    value: Option<Vec<u8>>,
    /// A hook has hidden the value: those after it are not asked.
    hidden: bool,
}

impl Foresight {
    fn new(mode: Mode) -> Self {
        Foresight { verdict: Foreseen::Allowed, rule: None, reason: None, mode, value: None, hidden: false }
    }

    /// True where it is settled: whatever comes after it changes nothing.
    fn is_settled(&self) -> bool {
        self.hidden || matches!(self.verdict, Foreseen::Denied | Foreseen::RateLimited | Foreseen::Unknown)
    }

    fn is_shadow(&self, mode: Mode) -> bool {
        mode == Mode::Shadow || self.mode == Mode::Shadow
    }

    fn refused(&mut self, mode: Mode, verdict: Foreseen, rule: &str, reason: Option<String>) {
        let shadow = self.is_shadow(mode);
        // What would only be noted gives way to what is enforced.
        if self.is_settled() || (shadow && self.verdict == Foreseen::WouldDeny) {
            return;
        }
        self.verdict = if shadow { Foreseen::WouldDeny } else { verdict };
        self.rule = Some(rule.to_owned());
        self.reason = reason;
    }

    /// What was noted to be refused is told before any change.
    fn changed(&mut self, hook: &HookEntry, reason: Option<String>) {
        if self.is_settled() || self.verdict == Foreseen::WouldDeny {
            return;
        }
        let read = hook.trigger.kind == Kind::Read;
        self.verdict = if read { Foreseen::Redacted } else { Foreseen::Modified };
        self.rule = Some(hook.rule.to_string());
        self.reason = reason;
    }

    fn denied(&mut self, hook: &HookEntry, reason: Option<String>) {
        if hook.trigger.phase == Phase::After && !self.is_shadow(hook.mode) {
            self.changed(hook, reason);
            self.hidden = true;
        } else {
            self.refused(hook.mode, Foreseen::Denied, &hook.rule, reason);
        }
    }

    fn replaced(&mut self, hook: &HookEntry, value: Vec<u8>) {
        if !self.is_shadow(hook.mode) && self.value.as_ref() != Some(&value) {
            self.changed(hook, None);
            self.value = Some(value);
        }
    }

    fn hook(&mut self, hook: &HookEntry, told: Told) -> ExplainedHook {
        let answer = match told {
            Told::Unknown => {
                if !self.is_settled() && !self.is_shadow(hook.mode) {
                    self.verdict = Foreseen::Unknown;
                    self.rule = Some(hook.rule.to_string());
                    self.reason = Some("it depends on a hook of the program".to_owned());
                }
                "unknown"
            }
            Told::PassesOver => "passes over",
            Told::Logs | Told::Answer(Answer::Log) => "log",
            Told::Answer(Answer::Deny(reason)) => {
                self.denied(hook, reason);
                "deny"
            }
            Told::Answer(Answer::Modify(value)) => {
                self.replaced(hook, value);
                "modify"
            }
            Told::Answer(_) => "allow",
        };
        ExplainedHook {
            rule: hook.rule.to_string(),
            trigger: hook.trigger.as_str(),
            keys: hook.keys.as_str().to_owned(),
            kind: hook.action.as_str(),
            mode: hook.mode,
            answer,
        }
    }
}
