//! What a hook's answer means at its trigger: the table of answers, in one place.

use std::borrow::Cow;
use std::sync::Arc;

use super::progress::{Progress, State};
use crate::error::{Error, ViolationKind};
use crate::hook::{Answer, Failure, HookEntry, Phase};
use crate::operation::Kind;

impl Progress<'_> {
    /// Applies a hook's answer: goes on, or ends the operation.
    pub(super) fn judge(&mut self, hook: &HookEntry, answer: Answer) {
        let trigger = hook.trigger;
        match answer {
            Answer::Nothing | Answer::Allow => {}
            Answer::Log => self.logged = true,
            // The same value again is no change, wherever there is a value.
            Answer::Modify(value) if self.value.as_deref() == Some(value.as_slice()) => {}
            Answer::Modify(value) if trigger.may_modify() => {
                self.modified = true;
                self.changed_by = Some((Arc::clone(&hook.rule), None));
                self.value = Some(Cow::Owned(value));
            }
            Answer::Deny(reason) if trigger.phase == Phase::After && trigger.may_deny() => {
                // Hidden: the caller gets "no value".
                self.modified = true;
                self.changed_by = Some((Arc::clone(&hook.rule), Some(why(reason))));
                self.value = None;
                self.state = State::Ended;
            }
            Answer::Deny(reason) if trigger.may_deny() => {
                self.refuse(ViolationKind::Denied, why(reason), hook, None);
            }
            Answer::Deny(_) => self.misfit(hook, "denied"),
            Answer::Modify(_) => self.misfit(hook, "answered with a value"),
            Answer::Invalid(what) => {
                let reason = format!(
                    "the hook answered with {what}, which is no answer: return an action, a value as bytes, or \
                     nothing"
                );
                self.refuse(ViolationKind::HookFailed, reason, hook, None);
            }
            Answer::Failed(Failure::Foreign(cause)) => {
                let reason = format!("the hook failed with `{}`", cause.type_name());
                self.refuse(ViolationKind::HookFailed, reason, hook, Some(cause));
            }
            Answer::Failed(Failure::Own(error)) => self.raised(hook, error),
        }
    }

    /// An answer that the trigger does not take.
    fn misfit(&mut self, hook: &HookEntry, did: &str) {
        let trigger = hook.trigger.as_str();
        let reason = match (hook.trigger.phase, hook.trigger.kind) {
            (Phase::After, kind) => {
                let verb = if kind == Kind::Delete { "deleted" } else { "written" };
                format!("the hook {did}, but at {trigger} the key is {verb} already: only allow and log fit")
            }
            _ => format!("the hook {did}, but at {trigger} there is no value: only allow, deny and log fit"),
        };
        self.refuse(ViolationKind::HookFailed, reason, hook, None);
    }

    /// An error of Checkrein comes out as itself; after a change, inside one that says so.
    fn raised(&mut self, hook: &HookEntry, error: Error) {
        if self.did_change().is_none() {
            return self.fail_in(hook, error);
        }
        let class = error.code().class().as_str();
        let cause = match error {
            Error::Host(host) => host.object,
            error => crate::error::Cause::error(class, Box::new(error)),
        };
        let reason = format!("the hook failed with `{class}`");
        self.refuse(ViolationKind::HookFailed, reason, hook, Some(cause));
    }
}

/// The hook's own words, or what stands for them.
fn why(reason: Option<String>) -> String {
    reason.filter(|reason| !reason.is_empty()).unwrap_or_else(|| "denied by the hook".to_owned())
}
