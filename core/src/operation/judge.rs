//! What a hook's answer means at its trigger: the table of answers, in one place.

use std::borrow::Cow;
use std::sync::Arc;

use super::course::Course;
use super::whole::Whole;
use crate::engine::Config;
use crate::error::{Cause, Error, ViolationKind};
use crate::hook::{Answer, Failure, HookEntry, Mode, Phase};
use crate::operation::Kind;

impl Course<'_> {
    /// Applies a hook's answer to the key in hand: goes on, or ends the operation.
    #[inline]
    pub(super) fn judge(&mut self, config: &Config, hook: &HookEntry, answer: Answer) {
        match answer {
            Answer::Nothing | Answer::Allow => {}
            Answer::Log => self.subject.logged = true,
            // The same value again is no change, wherever there is a value.
            Answer::Modify(value) if self.subject.value.as_deref() == Some(value.as_slice()) => {}
            answer if config.mode == Mode::Shadow || hook.mode == Mode::Shadow => {
                self.judge_in_shadow(hook, answer);
            }
            answer => self.enforce(hook, answer),
        }
    }

    fn enforce(&mut self, hook: &HookEntry, answer: Answer) {
        let trigger = hook.trigger;
        match answer {
            Answer::Modify(value) if trigger.may_modify() => {
                self.subject.modified = true;
                self.note_change(hook, None);
                self.subject.value = Some(Cow::Owned(value));
            }
            Answer::Deny(reason) if trigger.phase == Phase::After && trigger.may_deny() => {
                // Hidden: the caller gets "no value".
                self.subject.modified = true;
                self.note_change(hook, Some(why(reason)));
                self.subject.value = None;
                self.finished();
            }
            Answer::Deny(reason) if trigger.may_deny() => {
                self.refuse(ViolationKind::Denied, why(reason), hook, None);
            }
            Answer::Failed(Failure::Own(error)) => self.raised(hook, error),
            answer => {
                let reason = fault_of(hook, &answer);
                let cause =
                    if let Answer::Failed(Failure::Foreign(cause)) = answer { Some(cause) } else { None };
                self.refuse(ViolationKind::HookFailed, reason, hook, cause);
            }
        }
    }

    /// Notes which hook changed a value, and why it hid one. The entry of a scan speaks of no single key.
    #[inline]
    fn note_change(&mut self, hook: &HookEntry, why: Option<String>) {
        if !matches!(self.whole, Whole::Scan(_)) {
            self.subject.changed_by = Some((Arc::clone(&hook.rule), why));
        }
    }

    /// Notes what would be refused, and goes on with everything as it is.
    fn judge_in_shadow(&mut self, hook: &HookEntry, answer: Answer) {
        let reason = match answer {
            Answer::Modify(_) if hook.trigger.may_modify() => return,
            Answer::Deny(reason) if hook.trigger.may_deny() => why(reason),
            answer => fault_of(hook, &answer),
        };
        self.note_denial(Some(&hook.rule), reason);
    }

    /// An error of Checkrein comes out as itself; after a change, inside one that says so.
    fn raised(&mut self, hook: &HookEntry, error: Error) {
        if !self.subject.did_change() {
            return self.fail_in(hook, error);
        }
        let class = error.code().class().as_str();
        let cause = match error {
            Error::Host(host) => host.object,
            error => Cause::error(class, Box::new(error)),
        };
        let reason = format!("the hook failed with `{class}`");
        self.refuse(ViolationKind::HookFailed, reason, hook, Some(cause));
    }
}

/// What is wrong with an answer that the trigger does not take, or that is none.
fn fault_of(hook: &HookEntry, answer: &Answer) -> String {
    let (trigger, kind) = (hook.trigger.as_str(), hook.trigger.kind);
    let did = match answer {
        Answer::Invalid(what) => {
            return format!(
                "the hook answered with {what}, which is no answer: return an action, a value as bytes, or nothing"
            );
        }
        Answer::Failed(Failure::Foreign(cause)) => {
            return format!("the hook failed with `{}`", cause.type_name());
        }
        Answer::Failed(Failure::Own(error)) => match error.violation() {
            Some(violation) => return violation.reason.clone(),
            None => return format!("the hook failed with `{}`", error.code().class().as_str()),
        },
        Answer::Deny(_) => "denied",
        _ => "answered with a value",
    };
    if hook.trigger.phase == Phase::After {
        let verb = if kind == Kind::Delete { "deleted" } else { "written" };
        format!("the hook {did}, but at {trigger} the key is {verb} already: only allow and log fit")
    } else {
        format!("the hook {did}, but at {trigger} there is no value: only allow, deny and log fit")
    }
}

/// The hook's own words, or what stands for them.
fn why(reason: Option<String>) -> String {
    reason.filter(|reason| !reason.is_empty()).unwrap_or_else(|| "denied by the hook".to_owned())
}
