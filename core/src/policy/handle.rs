//! What registering a hook gives.

use std::sync::{Arc, Weak};

use crate::engine::Engine;
use crate::error::Result;
use crate::hook::HookId;

/// A registered hook, to be removed again. May be ignored: a registration that failed is remembered by the engine,
/// which refuses every operation until [`PolicyEngine::clear_registration_errors`] is called.
///
/// [`PolicyEngine::clear_registration_errors`]: super::PolicyEngine::clear_registration_errors
#[derive(Clone, Debug)]
pub struct HookHandle {
    engine: Weak<Engine>,
    registered: Result<HookId>,
}

impl HookHandle {
    pub(super) fn new(engine: &Arc<Engine>, registered: Result<HookId>) -> Self {
        HookHandle { engine: Arc::downgrade(engine), registered }
    }

    /// Removes the hook; false where it is gone or was never registered. Operations that have started still ask it.
    pub fn remove(&self) -> bool {
        match (&self.registered, self.engine.upgrade()) {
            (Ok(id), Some(engine)) => engine.remove_hook(*id),
            _ => false,
        }
    }

    /// Whether the hook was registered.
    ///
    /// # Errors
    /// `PatternError` for a bad glob, `ConfigError` for a helper that can mean nothing at the trigger.
    pub fn result(&self) -> Result<()> {
        self.registered.clone().map(|_| ())
    }
}
