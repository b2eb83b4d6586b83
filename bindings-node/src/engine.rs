//! Engines: hooks, limits and audit of the core behind a handle.

use std::sync::Arc;

use checkrein::clock::Clock;
use checkrein::engine::{Engine, EngineOptions};
use checkrein::error::{Code, Error};
use checkrein::hook::{Action, Answer, Helper, HookId, HostObject, Mode, Trigger};
use checkrein::{Database, ManualClock, PolicyDocument};
use napi::Unknown;
use napi::bindgen_prelude::{Either, External};
use napi_derive::napi;

use crate::arguments::{Bytes, Text, context};
use crate::failure::{Failure, Result, native};
use crate::hooks::LetGo;
use crate::places::Places;

/// An engine, and what its operations need: shared with those that outlive the call that started them.
pub struct Guarded {
    pub(crate) core: Engine,
    /// The embedded database; nothing where the store is the host's.
    pub(crate) database: Option<Database>,
    pub(crate) let_go: LetGo,
}

/// An engine's handle: the engine can be found by its number while it is there.
pub struct Engined {
    pub(crate) guarded: Arc<Guarded>,
    number: u32,
}

/// What JavaScript holds; the garbage collector drops it.
pub type EngineHandle = External<Engined>;

thread_local! {
    static ENGINES: Places<Arc<Guarded>> = const { Places::new() };
}

impl std::ops::Deref for Engined {
    type Target = Guarded;

    fn deref(&self) -> &Guarded {
        &self.guarded
    }
}

impl Drop for Engined {
    fn drop(&mut self) {
        // When the thread ends, the list may be gone before its handles are.
        drop(ENGINES.try_with(|engines| engines.take(self.number)));
    }
}

/// The engine of a number.
pub(crate) fn engine_of(number: u32) -> napi::Result<Arc<Guarded>> {
    ENGINES.with(|engines| engines.get(number)).ok_or_else(|| native("an engine that is not there"))
}

/// The number under which [`start`](crate::start::start) finds an engine.
#[napi(catch_unwind)]
pub fn engine_number(engine: &EngineHandle) -> u32 {
    engine.number
}

/// An engine over a database, or over a store of the host's.
///
/// # Errors
/// `ConfigError` for an unknown mode, a name that no context can have, and a document that does not fit.
#[napi(catch_unwind)]
pub fn new_engine(
    database: Option<&External<Database>>,
    clock: Option<&External<Arc<ManualClock>>>,
    max_open: Option<f64>,
    mode: Option<Text>,
    require_context: Option<Vec<String>>,
    document: Option<&External<PolicyDocument>>,
) -> napi::Result<EngineHandle> {
    let mut options = EngineOptions::default();
    if let Some(clock) = clock {
        options.clock = Clock::Manual(Arc::clone(clock));
    }
    if let Some(max_open) = max_open {
        options.max_open = max_open as usize;
    }
    if let Some(mode) = mode {
        options.mode = Mode::parse(&mode.0).map_err(Failure)?;
    }
    options.require_context = require_context.unwrap_or_default();
    let core = Engine::new(options).map_err(Failure)?;
    if let Some(document) = document {
        core.apply(document).map_err(Failure)?;
    }
    let database = database.map(|database| Database::clone(database));
    let guarded = Arc::new(Guarded { core, database, let_go: LetGo::default() });
    let number = ENGINES.with(|engines| engines.keep(Arc::clone(&guarded)));
    Ok(External::new(Engined { guarded, number }))
}

/// Adds a hook and gives its id. `action` is `host` or `log` with the callable's number, or a helper's name.
#[napi(catch_unwind)]
pub fn add_hook(
    engine: &EngineHandle,
    trigger: Text,
    keys: Text,
    action: Text,
    number: u32,
    replacement: Option<Bytes>,
) -> napi::Result<f64> {
    let ticket = || -> HostObject { Arc::new(engine.let_go.ticket(number)) };
    let action = match action.0.as_str() {
        "host" => Action::Host(ticket()),
        "log" => Action::Log(ticket()),
        name => Action::Helper(helper(name, replacement)?),
    };
    let add = || -> Result<HookId> {
        let trigger = Trigger::parse(&trigger.0)?;
        Ok(engine.core.add_hook(trigger, &keys.0, action)?)
    };
    // Ids count from one, so they stay exact as numbers of JavaScript.
    Ok(add()?.0 as f64)
}

/// Removes a hook; false where it is not there.
#[napi(catch_unwind)]
pub fn remove_hook(engine: &EngineHandle, id: f64) -> bool {
    engine.core.remove_hook(HookId(id as u64))
}

/// The numbers of callables that nothing can ask for any more, each told once.
#[napi(catch_unwind)]
pub fn let_go(engine: &EngineHandle) -> Vec<u32> {
    engine.let_go.take()
}

/// How many operations have gone out to hooks, or outlive the call that started them.
#[napi(catch_unwind)]
pub fn open_operations(engine: &EngineHandle) -> u32 {
    u32::try_from(engine.core.open_operations()).unwrap_or(u32::MAX)
}

/// What a helper answers, as the words of the hook's answers: `[action, reason or replacement]`.
#[napi(catch_unwind)]
pub fn ask_helper(
    name: Text,
    agent: Unknown<'_>,
    session: Unknown<'_>,
    rest: Unknown<'_>,
) -> napi::Result<Vec<String>> {
    let context = context(&agent, &session, &rest)?;
    Ok(match helper(&name.0, None)?.answer(&context) {
        Answer::Deny(reason) => ["deny".to_owned()].into_iter().chain(reason).collect(),
        _ => vec!["allow".to_owned()],
    })
}

fn helper(name: &str, replacement: Option<Bytes>) -> napi::Result<Helper> {
    match (name, replacement) {
        ("deny_all", _) => Ok(Helper::DenyAll),
        ("allow_all", _) => Ok(Helper::AllowAll),
        ("require_agent_id", _) => Ok(Helper::RequireAgentId),
        ("redact_value", Some(replacement)) => Ok(Helper::RedactValue(replacement.as_slice().to_vec())),
        _ => Err(native("an unknown helper")),
    }
}

/// The codes of all errors: `[word, number, class, …]`.
#[napi(catch_unwind)]
pub fn codes() -> Vec<Either<String, i32>> {
    let row = |code: &Code| {
        let (word, class) = (code.as_str().to_owned(), code.class().as_str().to_owned());
        [Either::A(word), Either::B(code.number()), Either::A(class)]
    };
    Code::ALL.iter().flat_map(row).collect()
}

/// Panics on purpose, so that a test can show what becomes of a panic.
#[napi(catch_unwind)]
#[allow(clippy::panic, reason = "the panic is what is asked for")]
pub fn fault() {
    std::panic::panic_any(Error::Internal("on purpose".to_owned()));
}
