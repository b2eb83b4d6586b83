//! The ready-made hooks as Rust functions of a hook's shape. The engine recognises them and decides them itself;
//! called by hand, in a user's test, they answer the same.

use std::any::{Any, TypeId};

use crate::hook::{Answer, Helper};
use crate::operation::log_sentence;
use crate::policy::{PolicyAction, PolicyContext};

/// Refuses everything.
#[must_use]
pub fn deny_all(ctx: &PolicyContext<'_>) -> PolicyAction {
    action_of(&Helper::DenyAll, ctx)
}

/// Lets everything pass.
#[must_use]
pub fn allow_all(ctx: &PolicyContext<'_>) -> PolicyAction {
    action_of(&Helper::AllowAll, ctx)
}

/// Refuses where the context has no `agent_id`, or an empty one.
#[must_use]
pub fn require_agent_id(ctx: &PolicyContext<'_>) -> PolicyAction {
    action_of(&Helper::RequireAgentId, ctx)
}

/// Puts these bytes in the place of the value. Fits `after_read` and `before_write`.
pub fn redact_value(
    replacement: impl Into<Vec<u8>>,
) -> impl Fn(&PolicyContext<'_>) -> PolicyAction + Send + Sync + 'static {
    redactor(replacement.into())
}

// Not generic, so that all redactors are of one type and can be recognised by it.
fn redactor(replacement: Vec<u8>) -> impl Fn(&PolicyContext<'_>) -> PolicyAction + Send + Sync + 'static {
    move |_: &PolicyContext<'_>| PolicyAction::Modify(replacement.clone())
}

/// Tells the `log` crate's logger, at level info and under this target, and lets the operation pass, flagged in
/// the audit. The sentence names trigger, key and agent, never a value.
pub fn log_and_allow(
    target: impl Into<String>,
) -> impl Fn(&PolicyContext<'_>) -> PolicyAction + Send + Sync + 'static {
    let target = target.into();
    move |ctx: &PolicyContext<'_>| {
        let sentence = log_sentence(ctx.moment(), &ctx.key, ctx.agent_id.as_deref());
        log::info!(target: &target, "{sentence}");
        PolicyAction::Log
    }
}

/// The helper that a hook is, if it is one of the above that the core decides.
pub(super) fn recognise<F: Fn(&PolicyContext<'_>) -> R + 'static, R: Into<Answer>>(
    hook: &F,
) -> Option<Helper> {
    fn is<T: Any>(id: TypeId, _: &T) -> bool {
        id == TypeId::of::<T>()
    }
    let id = hook.type_id();
    if is(id, &deny_all) {
        Some(Helper::DenyAll)
    } else if is(id, &allow_all) {
        Some(Helper::AllowAll)
    } else if is(id, &require_agent_id) {
        Some(Helper::RequireAgentId)
    } else if is(id, &redactor(Vec::new())) {
        // A redactor ignores what it is shown and gives its replacement.
        match hook(&PolicyContext::new("read", b"")).into() {
            Answer::Modify(replacement) => Some(Helper::RedactValue(replacement)),
            _ => None,
        }
    } else {
        None
    }
}

fn action_of(helper: &Helper, ctx: &PolicyContext<'_>) -> PolicyAction {
    let context = ctx.to_context();
    match helper.answer(context.as_deref().unwrap_or(ctx.said())) {
        Answer::Deny(Some(reason)) => PolicyAction::DenyBecause(reason),
        Answer::Deny(None) => PolicyAction::Deny,
        Answer::Modify(value) => PolicyAction::Modify(value),
        _ => PolicyAction::Allow,
    }
}
