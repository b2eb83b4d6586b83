//! Policy documents: loaded, parsed, and put in the place of the one before.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use checkrein::PolicyDocument;
use checkrein::document::Format;
use checkrein::error::Error;
use napi::bindgen_prelude::{AsyncTask, External, Task, ToNapiValue, TypeName};
use napi::{Env, ValueType, sys};
use napi_derive::napi;

use crate::arguments::{Bytes, Text};
use crate::engine::{EngineHandle, Guarded};
use crate::failure::Failure;

/// Reads and checks a file.
#[napi(catch_unwind)]
pub fn load_document(path: Text) -> AsyncTask<Load> {
    AsyncTask::new(Load { path: path.0 })
}

/// A document to be loaded.
pub struct Load {
    path: String,
}

impl Task for Load {
    type Output = Result<PolicyDocument, Error>;
    type JsValue = Loaded;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        Ok(caught(|| PolicyDocument::load(&self.path)))
    }

    fn resolve(&mut self, _: Env, loaded: Self::Output) -> napi::Result<Loaded> {
        Ok(Loaded(loaded.map_err(Failure)?))
    }
}

/// A document on its way into a handle.
pub struct Loaded(PolicyDocument);

impl TypeName for Loaded {
    fn type_name() -> &'static str {
        "PolicyDocument"
    }

    fn value_type() -> ValueType {
        ValueType::External
    }
}

impl ToNapiValue for Loaded {
    unsafe fn to_napi_value(env: sys::napi_env, loaded: Self) -> napi::Result<sys::napi_value> {
        // SAFETY: napi hands a valid environment.
        unsafe { External::to_napi_value(env, External::new(loaded.0)) }
    }
}

/// Checks a text.
#[napi(catch_unwind)]
pub fn parse_document(text: Bytes, format: Text, name: Text) -> napi::Result<External<PolicyDocument>> {
    let format = Format::parse(&format.0).map_err(Failure)?;
    let document = PolicyDocument::parse(text.as_slice(), format, &name.0).map_err(Failure)?;
    Ok(External::new(document))
}

/// A document's own name.
#[napi(catch_unwind)]
pub fn document_name(document: &External<PolicyDocument>) -> Option<String> {
    document.name().map(str::to_owned)
}

/// Puts a document in the place of the engine's.
#[napi(catch_unwind)]
pub fn reload_document(engine: &EngineHandle, document: &External<PolicyDocument>) -> AsyncTask<Reload> {
    let document = PolicyDocument::clone(document);
    AsyncTask::new(Reload { engine: Arc::clone(&engine.guarded), document })
}

/// A document to be put in its place.
pub struct Reload {
    engine: Arc<Guarded>,
    document: PolicyDocument,
}

impl Task for Reload {
    type Output = Result<(), Error>;
    type JsValue = ();

    fn compute(&mut self) -> napi::Result<Self::Output> {
        Ok(caught(|| self.engine.core.reload(&self.document)))
    }

    fn resolve(&mut self, _: Env, reloaded: Self::Output) -> napi::Result<()> {
        Ok(reloaded.map_err(Failure)?)
    }
}

/// Nothing may unwind into the pool's C code.
pub(crate) fn caught<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(Error::Internal("a panic on another thread".to_owned())))
}
