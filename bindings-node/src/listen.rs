//! Who is told beside the audit's ring: listeners for refusals, and sinks of the host's.

use std::sync::Arc;

use checkrein::audit::SinkId;
use checkrein::engine::ListenerId;
use checkrein::error::Error;
use checkrein::hook::HostObject;
use napi::Env;
use napi::bindgen_prelude::{AsyncTask, Task};
use napi_derive::napi;

use crate::document::caught;
use crate::engine::{EngineHandle, Guarded};
use crate::failure::Failure;

/// Adds a listener by its callable's number; gives its id.
#[napi(catch_unwind)]
pub fn add_listener(engine: &EngineHandle, number: u32) -> f64 {
    let ticket: HostObject = Arc::new(engine.let_go.ticket(number));
    engine.core.on_denied(ticket).0 as f64
}

/// Removes a listener; false where it is not there.
#[napi(catch_unwind)]
pub fn remove_listener(engine: &EngineHandle, id: f64) -> bool {
    engine.core.remove_listener(ListenerId(id as u64))
}

/// Adds a sink by its callable's number; gives its id.
#[napi(catch_unwind)]
pub fn add_sink(engine: &EngineHandle, number: u32, strict: bool) -> napi::Result<f64> {
    let ticket: HostObject = Arc::new(engine.let_go.ticket(number));
    Ok(engine.core.add_audit_sink(ticket, strict).map_err(Failure)?.0 as f64)
}

/// Removes a sink that is a callable; false where it is not there.
#[napi(catch_unwind)]
pub fn remove_sink(engine: &EngineHandle, id: f64) -> napi::Result<bool> {
    Ok(engine.core.remove_audit_sink(SinkId(id as u64)).map_err(Failure)?)
}

/// Writes what waits for the audit's files.
#[napi(catch_unwind)]
pub fn flush_audit(engine: &EngineHandle) -> AsyncTask<Flush> {
    AsyncTask::new(Flush { engine: Arc::clone(&engine.guarded) })
}

/// The files of an engine, to be flushed.
pub struct Flush {
    engine: Arc<Guarded>,
}

impl Task for Flush {
    type Output = Result<(), Error>;
    type JsValue = ();

    fn compute(&mut self) -> napi::Result<Self::Output> {
        Ok(caught(|| self.engine.core.flush_audit()))
    }

    fn resolve(&mut self, _: Env, flushed: Self::Output) -> napi::Result<()> {
        Ok(flushed.map_err(Failure)?)
    }
}
