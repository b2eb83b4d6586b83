//! A hook as the host registers it, and as the engine keeps it.

use std::ffi::c_void;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use checkrein::hook::{Action, Answer, Helper, Phase, Trigger};
use checkrein::operation::{HookCall, Kind};
use checkrein::{Error, Result};

use crate::answer::cr_answer;
use crate::context::cr_context;
use crate::logger::cr_logger;
use crate::user_data::{UserData, cr_drop_fn};
use crate::{fork, input};

/// A moment at which hooks are asked.
pub type cr_trigger = i32;
/// Before a get.
pub const CR_BEFORE_READ: cr_trigger = 0;
/// After a get that found a value.
pub const CR_AFTER_READ: cr_trigger = 1;
/// Before a put.
pub const CR_BEFORE_WRITE: cr_trigger = 2;
/// After a put.
pub const CR_AFTER_WRITE: cr_trigger = 3;
/// Before a delete.
pub const CR_BEFORE_DELETE: cr_trigger = 4;
/// After a delete.
pub const CR_AFTER_DELETE: cr_trigger = 5;

/// What kind of hook a cr_hook is.
pub type cr_hook_kind = i32;
/// `call` is called, in the thread that drives the operation.
pub const CR_HOOK_CALLBACK: cr_hook_kind = 0;
/// The host keeps the callable itself and gets `id` in a step.
pub const CR_HOOK_ID: cr_hook_kind = 1;
/// Refuses.
pub const CR_HOOK_DENY_ALL: cr_hook_kind = 2;
/// Goes on.
pub const CR_HOOK_ALLOW_ALL: cr_hook_kind = 3;
/// Refuses where the context has no `agent_id`, or an empty one.
pub const CR_HOOK_REQUIRE_AGENT_ID: cr_hook_kind = 4;
/// Puts `bytes` in the place of the value.
pub const CR_HOOK_REDACT_VALUE: cr_hook_kind = 5;
/// Tells `logger`, then lets pass, flagged in the audit.
pub const CR_HOOK_LOG: cr_hook_kind = 6;
/// Like CR_HOOK_LOG, with a logger that the host keeps itself and gets as `id` in a step.
pub const CR_HOOK_LOG_ID: cr_hook_kind = 7;

/// What a hook is shown. Everything in it lives until the hook returns.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct cr_call {
    /// `sizeof(cr_call)` of the library: later versions add fields at the end.
    pub size: usize,
    /// When the hook is asked.
    pub trigger: cr_trigger,
    /// How deep this hook stands in others' operations, from 1.
    pub depth: u32,
    /// The key.
    pub key: *const u8,
    /// The key's length.
    pub key_len: usize,
    /// The value to be written or that was read, as the hooks before left it; NULL where there is none. An empty
    /// value is not NULL.
    pub value: *const u8,
    /// The value's length.
    pub value_len: usize,
    /// What the caller said; never NULL.
    pub context: *const cr_context,
    /// Not zero where no hook has changed the value.
    pub value_is_original: i32,
    /// Which key of a batch or get-many it is about, from 0.
    pub at: usize,
}

/// A hook of the host: it calls one of the `cr_reply_` functions with `answer` (the last one counts), and returns. One
/// that replies nothing at all has failed, and the operation is refused. It may be called by several threads at once,
/// may use the engine, and must not throw or jump out.
pub type cr_hook_fn =
    Option<unsafe extern "C" fn(user_data: *mut c_void, call: *const cr_call, answer: *mut cr_answer)>;

/// A hook to be registered. Set `size` and zero the rest before you fill in what the kind asks for, or take one of
/// the cr_helper_ functions.
///
/// The library owns `user_data` from the registration on, one that fails included: it calls `drop`, if there is one,
/// when no operation can ask for the hook any more. Do not register the same struct twice where it has a `drop`.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct cr_hook {
    /// `sizeof(cr_hook)`.
    pub size: usize,
    /// What kind of hook it is. Zero: CR_HOOK_CALLBACK.
    pub kind: cr_hook_kind,
    /// For CR_HOOK_CALLBACK: the function.
    pub call: cr_hook_fn,
    /// For CR_HOOK_CALLBACK: handed to `call`; may be NULL.
    pub user_data: *mut c_void,
    /// For CR_HOOK_CALLBACK: lets `user_data` go; may be NULL.
    pub drop: cr_drop_fn,
    /// For CR_HOOK_ID and CR_HOOK_LOG_ID: the host's number.
    pub id: u64,
    /// For CR_HOOK_REDACT_VALUE: what stands in the place of the value. Copied.
    pub bytes: *const u8,
    /// The length of `bytes`.
    pub bytes_len: usize,
    /// For CR_HOOK_LOG: the logger. Copied; NULL for the engine's.
    pub logger: *const cr_logger,
}

/// What the engine keeps for a hook of the host.
pub(crate) enum Callable {
    /// A function in this process.
    Function(unsafe extern "C" fn(*mut c_void, *const cr_call, *mut cr_answer), UserData),
    /// Something that the host knows by number.
    Id(HostId),
}

/// What the engine keeps for a logger of `log_and_allow`.
pub(crate) enum LogTarget {
    /// The engine's own.
    Engine,
    /// A function in this process.
    Function(crate::logger::Logger),
    /// Something that the host knows by number.
    Id(HostId),
}

/// A number of the host's, told back to it when no operation can ask for it any more.
pub(crate) struct HostId {
    pub(crate) id: u64,
    released: Arc<Released>,
}

impl HostId {
    /// A number that is told back to `released` when this is dropped.
    pub(crate) fn new(id: u64, released: &Arc<Released>) -> Self {
        HostId { id, released: Arc::clone(released) }
    }
}

/// The numbers that the host may forget. As many as it has registered, at most.
pub(crate) struct Released {
    ids: Mutex<Vec<u64>>,
    /// In the child of a fork another thread may hold the lock for ever: there nothing is told back.
    born: u32,
}

impl Default for Released {
    fn default() -> Self {
        Released { ids: Mutex::default(), born: fork::generation() }
    }
}

impl Released {
    /// Takes up to `places.len()` numbers out and says how many.
    pub(crate) fn take(&self, places: &mut [std::mem::MaybeUninit<u64>]) -> usize {
        let Some(mut ids) = self.lock() else { return 0 };
        let count = ids.len().min(places.len());
        let rest = ids.len() - count;
        for (place, id) in places.iter_mut().zip(ids.drain(rest..)) {
            place.write(id);
        }
        count
    }

    fn lock(&self) -> Option<MutexGuard<'_, Vec<u64>>> {
        let ours = self.born == fork::generation();
        ours.then(|| self.ids.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for HostId {
    fn drop(&mut self) {
        if let Some(mut ids) = self.released.lock() {
            ids.push(self.id);
        }
    }
}

impl Callable {
    /// Asks the hook, if it is a function.
    pub(crate) fn ask(&self, call: &HookCall<'_>) -> Option<Answer> {
        let Callable::Function(function, user_data) = self else { return None };
        // SAFETY: the view is gone with this call, as the header says.
        let context = unsafe { cr_context::view(call.context) };
        let shown = cr_call::of(call, &context);
        let mut answer = cr_answer::unanswered();
        // SAFETY: the host gave the function with this data; `shown` and `answer` live until it returns.
        unsafe { function(user_data.pointer(), &raw const shown, &raw mut answer) };
        Some(answer.take())
    }
}

impl cr_call {
    fn of(call: &HookCall<'_>, context: &cr_context) -> Self {
        cr_call {
            size: size_of::<cr_call>(),
            trigger: trigger_number(call.trigger),
            depth: call.depth,
            key: input::address_of(call.key),
            key_len: call.key.len(),
            value: call.value.map_or(std::ptr::null(), input::address_of),
            value_len: call.value.map_or(0, <[u8]>::len),
            context,
            value_is_original: call.value_is_original.into(),
            at: call.at,
        }
    }
}

/// Makes what the engine keeps of a hook. It takes over `user_data`, where this fails too.
///
/// # Safety
/// `hook` is NULL or points to a struct that holds to the header.
pub(crate) unsafe fn action_of(hook: *const cr_hook, released: &Arc<Released>) -> Result<Action> {
    // SAFETY: as promised by the caller.
    let hook = unsafe { input::borrowed(hook, "hook") }?;
    input::checked_size::<cr_hook>(hook.size, "hook")?;
    // From here on the data is ours: dropped with this value unless a callable takes it over.
    let user_data = UserData::new(hook.user_data, hook.drop);
    let id = || HostId::new(hook.id, released);
    Ok(match hook.kind {
        CR_HOOK_CALLBACK => {
            let function = hook.call.ok_or_else(|| {
                Error::usage(
                    "`hook->call` is NULL: give a function, or another `hook->kind` than CR_HOOK_CALLBACK",
                )
            })?;
            Action::Host(Arc::new(Callable::Function(function, user_data)))
        }
        CR_HOOK_ID => Action::Host(Arc::new(Callable::Id(id()))),
        CR_HOOK_LOG => {
            // SAFETY: as promised by the caller.
            let target = match unsafe { hook.logger.as_ref() } {
                Some(logger) => LogTarget::Function(logger.take()?),
                None => LogTarget::Engine,
            };
            Action::Log(Arc::new(target))
        }
        CR_HOOK_LOG_ID => Action::Log(Arc::new(LogTarget::Id(id()))),
        // SAFETY: as promised by the caller.
        _ => Action::Helper(unsafe { helper_of(hook) }?),
    })
}

/// The helper that a hook is.
///
/// # Safety
/// `bytes` of a CR_HOOK_REDACT_VALUE holds to the header.
pub(crate) unsafe fn helper_of(hook: &cr_hook) -> Result<Helper> {
    match hook.kind {
        CR_HOOK_DENY_ALL => Ok(Helper::DenyAll),
        CR_HOOK_ALLOW_ALL => Ok(Helper::AllowAll),
        CR_HOOK_REQUIRE_AGENT_ID => Ok(Helper::RequireAgentId),
        CR_HOOK_REDACT_VALUE => {
            // SAFETY: as promised by the caller.
            let bytes = unsafe { input::bytes(hook.bytes, hook.bytes_len, "hook->bytes") }?;
            Ok(Helper::RedactValue(bytes.to_vec()))
        }
        kind => {
            Err(Error::usage(format!("`hook->kind` is {kind}, which is not known: use a CR_HOOK_ constant")))
        }
    }
}

pub(crate) fn trigger_of(number: cr_trigger) -> Result<Trigger> {
    match number {
        CR_BEFORE_READ => Ok(Trigger::BEFORE_READ),
        CR_AFTER_READ => Ok(Trigger::AFTER_READ),
        CR_BEFORE_WRITE => Ok(Trigger::BEFORE_WRITE),
        CR_AFTER_WRITE => Ok(Trigger::AFTER_WRITE),
        CR_BEFORE_DELETE => Ok(Trigger::BEFORE_DELETE),
        CR_AFTER_DELETE => Ok(Trigger::AFTER_DELETE),
        other => Err(Error::config(format!("{other} is no trigger: use CR_BEFORE_READ to CR_AFTER_DELETE"))),
    }
}

pub(crate) fn trigger_number(trigger: Trigger) -> cr_trigger {
    match (trigger.phase, trigger.kind) {
        (Phase::Before, Kind::Read) => CR_BEFORE_READ,
        (Phase::After, Kind::Read) => CR_AFTER_READ,
        (Phase::Before, Kind::Write) => CR_BEFORE_WRITE,
        (Phase::After, Kind::Write) => CR_AFTER_WRITE,
        (Phase::Before, Kind::Delete) => CR_BEFORE_DELETE,
        (Phase::After, Kind::Delete) => CR_AFTER_DELETE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn triggers_go_there_and_back() {
        for trigger in Trigger::ALL {
            assert_eq!(trigger_of(trigger_number(trigger)).unwrap(), trigger);
        }
        assert!(trigger_of(6).is_err() && trigger_of(-1).is_err());
    }
}
