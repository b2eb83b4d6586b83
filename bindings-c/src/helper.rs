//! The ready-made hooks.

use crate::answer::cr_answer;
use crate::hook::{self, cr_call, cr_hook};
use crate::hook::{
    CR_HOOK_ALLOW_ALL, CR_HOOK_DENY_ALL, CR_HOOK_LOG, CR_HOOK_REDACT_VALUE, CR_HOOK_REQUIRE_AGENT_ID,
    cr_hook_kind,
};
use crate::logger::cr_logger;
use crate::{cr_error, cr_status, guard, input};

const fn of_kind(kind: cr_hook_kind) -> cr_hook {
    cr_hook {
        size: size_of::<cr_hook>(),
        kind,
        call: None,
        user_data: std::ptr::null_mut(),
        drop: None,
        id: 0,
        bytes: std::ptr::null(),
        bytes_len: 0,
        logger: std::ptr::null(),
    }
}

/// A hook that refuses.
#[unsafe(no_mangle)]
pub extern "C" fn cr_helper_deny_all() -> cr_hook {
    of_kind(CR_HOOK_DENY_ALL)
}

/// A hook that goes on.
#[unsafe(no_mangle)]
pub extern "C" fn cr_helper_allow_all() -> cr_hook {
    of_kind(CR_HOOK_ALLOW_ALL)
}

/// A hook that refuses where the context has no `agent_id`, or an empty one.
#[unsafe(no_mangle)]
pub extern "C" fn cr_helper_require_agent_id() -> cr_hook {
    of_kind(CR_HOOK_REQUIRE_AGENT_ID)
}

/// A hook that puts these bytes in the place of the value; for CR_AFTER_READ and CR_BEFORE_WRITE. The bytes are copied
/// when the hook is registered, and must live until then.
#[unsafe(no_mangle)]
pub extern "C" fn cr_helper_redact_value(replacement: *const u8, replacement_len: usize) -> cr_hook {
    cr_hook { bytes: replacement, bytes_len: replacement_len, ..of_kind(CR_HOOK_REDACT_VALUE) }
}

/// A hook that tells a logger trigger, key and agent, never a value, and lets the operation pass, flagged in the audit.
/// A logger that fails refuses it. NULL is the engine's logger. The struct is copied when the hook is registered.
#[unsafe(no_mangle)]
pub extern "C" fn cr_helper_log_and_allow(logger: *const cr_logger) -> cr_hook {
    cr_hook { logger, ..of_kind(CR_HOOK_LOG) }
}

/// Asks a hook by hand, as a test of it does: a function, or one of the helpers that the library decides. Of `call`,
/// helpers look at the context only, which may be NULL. `log_and_allow` and hooks known by number cannot be asked.
///
/// Errors: CR_USAGE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_hook_ask(
    hook: *const cr_hook,
    call: *const cr_call,
    answer: *mut cr_answer,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid.
    unsafe {
        guard::fallible(error, || {
            input::place(answer, "answer")?;
            let (hook, shown) = (input::borrowed(hook, "hook")?, input::borrowed(call, "call")?);
            input::checked_size::<cr_hook>(hook.size, "hook")?;
            if let (hook::CR_HOOK_CALLBACK, Some(function)) = (hook.kind, hook.call) {
                function(hook.user_data, call, answer);
                return Ok(());
            }
            let helper = hook::helper_of(hook)?;
            let said = helper.answer(crate::context::said(shown.context)?);
            input::borrowed_mut(answer, "answer")?.set(said);
            Ok(())
        })
    }
}
