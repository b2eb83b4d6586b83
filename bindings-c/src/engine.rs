//! The engine as a handle: the core's engine, its store and its logger.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use checkrein::clock::Clock;
use checkrein::engine::{Engine, EngineOptions};
use checkrein::hook::Mode;
use checkrein::operation::LogLevel;
use checkrein::store::Abilities;
use checkrein::{Database, Error, PolicyDocument, Result};

use crate::clock::cr_manual_clock;
use crate::database::cr_database;
use crate::document::cr_document;
use crate::hook::Released;
use crate::logger::{self, Logger, cr_logger};
use crate::store::{HostStore, cr_store};
use crate::text::cr_str;
use crate::{cr_error, cr_status, guard, input};

/// Stands between a program and its store: every put, get and delete is judged by the hooks and limits. May be used by
/// several threads at once, and from inside hooks.
pub struct cr_engine {
    pub(crate) core: Engine,
    pub(crate) store: Store,
    pub(crate) released: Arc<Released>,
    /// No lock: one that another thread held at a fork would be held in the child for ever.
    logger: ArcSwapOption<Logger>,
}

/// What stands behind an engine.
pub(crate) enum Store {
    /// The embedded database.
    Database(Database),
    /// Functions of the host.
    Functions(HostStore),
    /// The host performs store steps itself, and can do this beside the three.
    Steps(Abilities),
}

/// Whether refusals are enforced.
pub type cr_mode = i32;
/// What the core does where nobody says: it enforces.
pub const CR_MODE_DEFAULT: cr_mode = 0;
/// Refusals are enforced.
pub const CR_MODE_ENFORCE: cr_mode = 1;
/// Nothing is refused by a hook, a limit or a requirement: the audit and a warning say what would have been.
pub const CR_MODE_SHADOW: cr_mode = 2;

/// `max_open_operations` counts, though it is 0.
pub const CR_ENGINE_MAX_OPEN_OPERATIONS: u32 = 1;

/// The host's store can be asked for pages.
pub const CR_STORE_CAN_SCAN: u32 = 1;
/// The host's store can do several puts and deletes, all or none.
pub const CR_STORE_CAN_BATCH: u32 = 2;

/// What an engine is made with. Zero is the default of every field but `size`.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct cr_engine_options {
    /// `sizeof(cr_engine_options)`.
    pub size: usize,
    /// The most operations that may be open at once. Default, with 0: 10,000.
    pub max_open_operations: usize,
    /// Where the time is read; NULL is the machine's clock. The engine keeps it alive.
    pub clock: *const cr_manual_clock,
    /// Where the engine's sentences go: the warning of an engine without any hook or limit, and log_and_allow without
    /// a logger of its own. NULL is a line on the standard error. Copied.
    pub logger: *const cr_logger,
    /// Names that every context must have: an operation without one of them is refused. Copied; a length may be CR_NUL.
    pub require_context: *const cr_str,
    /// How many names there are.
    pub require_context_len: usize,
    /// Whether refusals are enforced: a CR_MODE_ constant.
    pub mode: cr_mode,
    /// For cr_engine_new_in_steps: CR_STORE_CAN_ bits. What the store cannot, is refused.
    pub store_can: u32,
    /// CR_ENGINE_ bits of numbers that count although they are 0.
    pub given: u32,
    /// A policy document to begin with; NULL for none. Making the engine fails where it cannot be applied.
    pub document: *const cr_document,
}

impl cr_engine {
    /// Tells the engine's logger; no lock is held while the host runs.
    pub(crate) fn tell(&self, level: LogLevel, message: String) -> bool {
        match self.logger.load_full() {
            Some(logger) => logger.tell(level, message),
            None => logger::standard_error(level, &message),
        }
    }

    /// One more owner of a handle.
    ///
    /// # Safety
    /// `engine` is a live handle.
    pub(crate) unsafe fn share(engine: *const cr_engine) -> Arc<cr_engine> {
        // SAFETY: every handle comes from `Arc::into_raw`, and lives as promised by the caller.
        unsafe {
            Arc::increment_strong_count(engine);
            Arc::from_raw(engine)
        }
    }

    /// What the store can do beside the three.
    pub(crate) fn abilities(&self) -> Abilities {
        match &self.store {
            Store::Database(_) => Abilities::ALL,
            Store::Functions(store) => store.abilities(),
            Store::Steps(abilities) => *abilities,
        }
    }

    fn make(store: Store, settings: Settings) -> Result<*mut cr_engine> {
        crate::fork::watch()?;
        let core = Engine::new(settings.options)?;
        if let Some(document) = settings.document {
            core.apply(&document)?;
        }
        let engine =
            cr_engine { core, store, released: Arc::default(), logger: ArcSwapOption::new(settings.logger) };
        Ok(Arc::into_raw(Arc::new(engine)).cast_mut())
    }
}

/// What the options of C come to.
struct Settings {
    options: EngineOptions,
    logger: Option<Arc<Logger>>,
    store_can: Abilities,
    document: Option<PolicyDocument>,
}

impl Settings {
    /// Takes over the logger, so this comes before all else that can fail.
    ///
    /// # Safety
    /// `options` is NULL or points to a struct that holds to the header.
    unsafe fn take(options: *const cr_engine_options) -> Result<Self> {
        let mut settings = Settings {
            options: EngineOptions { remember_errors: true, ..EngineOptions::default() },
            logger: None,
            store_can: Abilities::NONE,
            document: None,
        };
        // SAFETY: as promised by the caller.
        let Some(options) = (unsafe { options.as_ref() }) else { return Ok(settings) };
        input::checked_size::<cr_engine_options>(options.size, "options")?;
        if options.max_open_operations != 0 || options.given & CR_ENGINE_MAX_OPEN_OPERATIONS != 0 {
            settings.options.max_open = options.max_open_operations;
        }
        // SAFETY: as promised by the caller.
        if let Some(clock) = unsafe { options.clock.as_ref() } {
            settings.options.clock = Clock::Manual(Arc::clone(&clock.0));
        }
        // SAFETY: as promised by the caller.
        if let Some(logger) = unsafe { options.logger.as_ref() } {
            settings.logger = Some(Arc::new(logger.take()?));
        }
        // SAFETY: as promised by the caller.
        let names = unsafe {
            input::array(options.require_context, options.require_context_len, "options->require_context")
        }?;
        for name in names {
            // SAFETY: as promised by the caller.
            let name = unsafe { input::text(name.data, name.len, "options->require_context") }?;
            settings.options.require_context.push(name.to_owned());
        }
        settings.options.mode = mode_of(options.mode, settings.options.mode)?;
        if options.store_can & !(CR_STORE_CAN_SCAN | CR_STORE_CAN_BATCH) != 0 {
            let bits = options.store_can;
            return Err(Error::config(format!(
                "`options->store_can` is {bits:#x}: only the CR_STORE_CAN_ bits are known"
            )));
        }
        // SAFETY: as promised by the caller.
        settings.document = unsafe { options.document.as_ref() }.map(|document| document.0.clone());
        settings.store_can = Abilities {
            scan: options.store_can & CR_STORE_CAN_SCAN != 0,
            batch: options.store_can & CR_STORE_CAN_BATCH != 0,
        };
        Ok(settings)
    }
}

fn mode_of(number: cr_mode, default: Mode) -> Result<Mode> {
    match number {
        CR_MODE_DEFAULT => Ok(default),
        CR_MODE_ENFORCE => Ok(Mode::Enforce),
        CR_MODE_SHADOW => Ok(Mode::Shadow),
        other => {
            Err(Error::config(format!("`options->mode` is {other}: write CR_MODE_ENFORCE or CR_MODE_SHADOW")))
        }
    }
}

/// Makes an engine over a database, which it keeps alive. `options` may be NULL. Free it with cr_engine_free.
///
/// Errors: CR_CONFIG for an unknown mode, for a name in `require_context` that no context can have, and for a document
/// that cannot be applied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_engine_new(
    database: *const cr_database,
    options: *const cr_engine_options,
    out: *mut *mut cr_engine,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid.
    unsafe {
        guard::fallible(error, || {
            let settings = Settings::take(options)?;
            let out = input::place(out, "out")?;
            let database = input::borrowed(database, "database")?.0.clone();
            out.write(cr_engine::make(Store::Database(database), settings)?);
            Ok(())
        })
    }
}

/// Makes an engine over a store of the host's. It owns `store->user_data` from this call on, one that fails included.
///
/// Errors: CR_CONFIG where a function is missing, naming it; as cr_engine_new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_engine_new_with_store(
    store: *const cr_store,
    options: *const cr_engine_options,
    out: *mut *mut cr_engine,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid.
    unsafe {
        guard::fallible(error, || {
            // Both take over what is the library's from here on.
            let (store, settings) = (HostStore::take(store), Settings::take(options));
            let (store, settings) = (store?, settings?);
            let out = input::place(out, "out")?;
            out.write(cr_engine::make(Store::Functions(store), settings)?);
            Ok(())
        })
    }
}

/// Makes an engine whose store the host asks itself, in steps: for drivers of other languages. cr_engine_put,
/// cr_engine_get and cr_engine_delete cannot be used with it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_engine_new_in_steps(
    options: *const cr_engine_options,
    out: *mut *mut cr_engine,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid.
    unsafe {
        guard::fallible(error, || {
            let settings = Settings::take(options)?;
            let out = input::place(out, "out")?;
            let store = Store::Steps(settings.store_can);
            out.write(cr_engine::make(store, settings)?);
            Ok(())
        })
    }
}

/// Sets the engine's logger; NULL for lines on the standard error. The struct is copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_engine_set_logger(
    engine: *const cr_engine,
    logger: *const cr_logger,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid.
    unsafe {
        guard::fallible(error, || {
            let taken = logger.as_ref().map(cr_logger::take).transpose()?.map(Arc::new);
            let engine = input::borrowed(engine, "engine")?;
            engine.logger.store(taken);
            Ok(())
        })
    }
}

/// How many operations have gone out to hooks, or outlive the call that started them; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_engine_open_operations(engine: *const cr_engine) -> usize {
    // SAFETY: the header's contract: NULL or a live handle.
    guard::infallible(0, || unsafe { engine.as_ref() }.map_or(0, |engine| engine.core.open_operations()))
}

/// The first registration that failed and was not cleared: every operation is refused with it. `*found` is NULL where
/// there is none; else free it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_engine_registration_error(
    engine: *const cr_engine,
    found: *mut *mut cr_error,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid.
    unsafe {
        guard::fallible(error, || {
            let found = input::place(found, "found")?;
            let fault = input::borrowed(engine, "engine")?.core.registration_error();
            found.write(fault.map_or(std::ptr::null_mut(), cr_error::into_raw));
            Ok(())
        })
    }
}

/// Makes every operation fail with a copy of this error, as a registration that failed does, until
/// cr_engine_clear_registration_errors; the first one stays. For drivers of other languages, that refuse what they
/// are given before it can be registered.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_engine_remember_error(
    engine: *const cr_engine,
    fault: *const cr_error,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid.
    unsafe {
        guard::fallible(error, || {
            let fault = input::borrowed(fault, "fault")?;
            input::borrowed(engine, "engine")?.core.remember(&fault.error);
            Ok(())
        })
    }
}

/// Lets operations pass again after a registration that failed. `cleared` may be NULL; else it gets the error that
/// was cleared, to be freed, or NULL where there was none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_engine_clear_registration_errors(
    engine: *const cr_engine,
    cleared: *mut *mut cr_error,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid.
    unsafe {
        guard::fallible(error, || {
            let fault = input::borrowed(engine, "engine")?.core.clear_registration_errors();
            if !cleared.is_null() {
                cleared.write(fault.map_or(std::ptr::null_mut(), cr_error::into_raw));
            }
            Ok(())
        })
    }
}

/// Lets the handle go. Operations that are still open keep the engine alive; with the last of them its hooks, store
/// and logger are let go. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_engine_free(engine: *mut cr_engine) {
    guard::infallible((), || {
        if !engine.is_null() {
            // SAFETY: the header's contract: made by this library, and freed once.
            drop(unsafe { Arc::from_raw(engine.cast_const()) });
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_may_go_from_thread_to_thread() {
        fn shared<T: Send + Sync>() {}
        fn sent<T: Send>() {}
        shared::<cr_engine>();
        shared::<crate::cr_error>();
        sent::<crate::operation::cr_operation>();
    }
}
