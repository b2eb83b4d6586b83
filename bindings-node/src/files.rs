//! The audit's files: opened, looked at, closed and verified. All that waits for a disk runs on Node's pool
//! of threads.

use std::sync::Arc;

use checkrein::audit::file::{AuditFileOptions, Report};
use checkrein::audit::file::{Fsync, Head, Secret, VerifyOptions, verify};
use checkrein::audit::{AuditFile, SinkId};
use checkrein::error::Result;
use napi::bindgen_prelude::{AsyncTask, External, Task, ToNapiValue, TypeName};
use napi::{Env, ValueType, sys};
use napi_derive::napi;
use serde_json::{Value, json};

use crate::arguments::{Bytes, Text};
use crate::document::caught;
use crate::engine::{EngineHandle, Guarded};
use crate::failure::{self, Failure};

/// A file that an engine writes its audit to.
pub struct Attached {
    file: Arc<AuditFile>,
    id: SinkId,
}

/// Opens a file, and has the engine write its audit to it.
#[napi(catch_unwind)]
pub fn add_audit_file(
    engine: &EngineHandle,
    path: Text,
    strict: Option<bool>,
    fsync: Option<Text>,
    hmac_key: Option<Bytes>,
    rotate_bytes: Option<f64>,
) -> napi::Result<AsyncTask<Attach>> {
    let read = || -> failure::Result<AuditFileOptions> {
        let mut options = AuditFileOptions::new(path.0);
        options.clock = engine.core.clock().clone();
        options.strict = strict.unwrap_or(options.strict);
        if let Some(word) = fsync {
            options.fsync = word.0.parse::<Fsync>()?;
        }
        options.key = secret(hmac_key)?;
        options.rotate_bytes = rotate_bytes.map_or(options.rotate_bytes, |bytes| bytes as u64);
        Ok(options)
    };
    Ok(AsyncTask::new(Attach { engine: Arc::clone(&engine.guarded), options: read()? }))
}

fn secret(key: Option<Bytes>) -> failure::Result<Option<Secret>> {
    Ok(key.map(|key| Secret::new(key.as_slice())).transpose()?)
}

/// A file to be opened.
pub struct Attach {
    engine: Arc<Guarded>,
    options: AuditFileOptions,
}

impl Task for Attach {
    type Output = Result<Attached>;
    type JsValue = AttachedHandle;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        Ok(caught(|| {
            let file = AuditFile::open(self.options.clone())?;
            let id = self.engine.core.add_audit_file(Arc::clone(&file))?;
            Ok(Attached { file, id })
        }))
    }

    fn resolve(&mut self, _: Env, attached: Self::Output) -> napi::Result<AttachedHandle> {
        Ok(AttachedHandle(attached.map_err(Failure)?))
    }
}

/// A file on its way into a handle.
pub struct AttachedHandle(Attached);

impl TypeName for AttachedHandle {
    fn type_name() -> &'static str {
        "AuditFile"
    }

    fn value_type() -> ValueType {
        ValueType::External
    }
}

impl ToNapiValue for AttachedHandle {
    unsafe fn to_napi_value(env: sys::napi_env, handle: Self) -> napi::Result<sys::napi_value> {
        // SAFETY: napi hands a valid environment.
        unsafe { External::to_napi_value(env, External::new(handle.0)) }
    }
}

/// The last line that was written, as `SEQUENCE:HEX`.
#[napi(catch_unwind)]
pub fn audit_file_head(file: &External<Attached>) -> String {
    file.file.head().to_string()
}

/// The file that is written.
#[napi(catch_unwind)]
pub fn audit_file_path(file: &External<Attached>) -> String {
    file.file.path().display().to_string()
}

/// How many entries could not be kept so far.
#[napi(catch_unwind)]
pub fn audit_file_lost(file: &External<Attached>) -> f64 {
    file.file.lost() as f64
}

/// Writes what waits.
#[napi(catch_unwind)]
pub fn flush_audit_file(file: &External<Attached>) -> AsyncTask<Deed> {
    let file = Arc::clone(&file.file);
    AsyncTask::new(Deed(Box::new(move || file.flush().map(|()| true))))
}

/// Takes a file from its engine; false where it is gone already. What it was told is written.
#[napi(catch_unwind)]
pub fn remove_audit_file(engine: &EngineHandle, file: &External<Attached>) -> AsyncTask<Deed> {
    let (engine, id) = (Arc::clone(&engine.guarded), file.id);
    AsyncTask::new(Deed(Box::new(move || engine.core.remove_audit_sink(id))))
}

/// Takes a file from its engine and closes it.
#[napi(catch_unwind)]
pub fn close_audit_file(engine: &EngineHandle, file: &External<Attached>) -> AsyncTask<Deed> {
    let (engine, id, file) = (Arc::clone(&engine.guarded), file.id, Arc::clone(&file.file));
    AsyncTask::new(Deed(Box::new(move || {
        // Closed in any case: closing tells of the same failure.
        let removed = engine.core.remove_audit_sink(id);
        file.close()?;
        removed
    })))
}

type Work = Box<dyn Fn() -> Result<bool> + Send>;

/// Something that is done on another thread, and says whether there was something to do.
pub struct Deed(Work);

impl Task for Deed {
    type Output = Result<bool>;
    type JsValue = bool;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        Ok(caught(&self.0))
    }

    fn resolve(&mut self, _: Env, done: Self::Output) -> napi::Result<bool> {
        Ok(done.map_err(Failure)?)
    }
}

/// Verifies the chain of a file; its report as JSON.
#[napi(catch_unwind)]
pub fn verify_audit(
    path: Text,
    hmac_key: Option<Bytes>,
    head: Option<Text>,
) -> napi::Result<AsyncTask<Verify>> {
    let read = || -> failure::Result<VerifyOptions> {
        let head = head.map(|head| head.0.parse::<Head>()).transpose()?;
        Ok(VerifyOptions { key: secret(hmac_key)?, head, ..VerifyOptions::default() })
    };
    Ok(AsyncTask::new(Verify { path: path.0, options: read()? }))
}

/// A file to be verified.
pub struct Verify {
    path: String,
    options: VerifyOptions,
}

impl Task for Verify {
    type Output = Result<Report>;
    type JsValue = String;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        Ok(caught(|| verify(&self.path, &self.options)))
    }

    fn resolve(&mut self, _: Env, report: Self::Output) -> napi::Result<String> {
        Ok(shown(&report.map_err(Failure)?).to_string())
    }
}

fn shown(report: &Report) -> Value {
    let problem = report.problem.as_ref().map(|problem| {
        json!({ "file": problem.file.to_string_lossy(), "line": problem.line, "message": problem.what })
    });
    json!({
        "ok": report.is_whole(),
        "problem": problem,
        "segments": report.segments,
        "lines": report.lines,
        "events": report.events,
        "firstSequence": report.first_sequence,
        "lastSequence": report.last_sequence(),
        "head": report.head.to_string(),
        "repairs": report.repairs,
        "lost": report.lost,
        "tornBytes": report.torn_bytes,
    })
}
