//! A Rust closure as a hook, and what it answers when it panics.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::error::{Cause, Error};
use crate::hook::{Action, Answer, HostObject};
use crate::operation::HookCall;
use crate::policy::{PolicyContext, helpers};

/// A closure with its answer's type taken away.
type Erased = Box<dyn Fn(&PolicyContext<'_>) -> Answer + Send + Sync>;

/// What an engine stores for a closure.
struct NativeHook(Erased);

/// A closure as the engine takes it; a ready-made hook as what it is.
pub(super) fn action_of<F, R>(hook: F) -> Action
where
    F: Fn(&PolicyContext<'_>) -> R + Send + Sync + 'static,
    R: Into<Answer>,
{
    match helpers::recognise(&hook) {
        Some(helper) => Action::Helper(helper),
        None => {
            let erased: Erased = Box::new(move |ctx: &PolicyContext<'_>| hook(ctx).into());
            Action::Host(Arc::new(NativeHook(erased)) as HostObject)
        }
    }
}

/// Calls a closure; a panic is a hook that failed.
pub(super) fn call(call: &HookCall<'_>) -> Answer {
    let Some(hook) = call.callable.downcast_ref::<NativeHook>() else {
        return Answer::Failed(crate::hook::Failure::Own(Error::Internal(
            "a hook of another language".to_owned(),
        )));
    };
    let ctx = PolicyContext::of_call(call);
    // INVARIANT: the closure gets shared references only, so nothing of ours is left half-changed by a panic.
    catch_unwind(AssertUnwindSafe(|| (hook.0)(&ctx)))
        .unwrap_or_else(|payload| Answer::foreign(Cause::panic(payload)))
}
