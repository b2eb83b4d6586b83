//! Who is told: scripted listeners of refusals and scripted sinks of the audit.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use checkrein::audit::{Entry, Phase};
use checkrein::error::{Cause, Error};
use checkrein::operation::{NotifyCall, RecordCall, RecordTo, Reply};
use checkrein::store::BoxError;
use checkrein::text::escaped_key;
use serde_json::{Map, Value};

use crate::script::{Breakage, FOREIGN};
use crate::vector::EarScript;

/// What was told, in order.
pub(crate) type Heard = Arc<Mutex<Vec<Value>>>;

/// A scripted listener or sink.
pub(crate) struct Ear {
    script: EarScript,
    calls: AtomicUsize,
    heard: Heard,
}

impl Ear {
    pub(crate) fn new(script: EarScript, heard: &Heard) -> Arc<Self> {
        Arc::new(Ear { script, calls: AtomicUsize::new(0), heard: Arc::clone(heard) })
    }

    /// Notes what it is told; false where it is to fail.
    fn hear(&self, told: Map<String, Value>) -> bool {
        self.heard.lock().unwrap().push(Value::Object(told));
        let words = &self.script.words;
        let call = self.calls.fetch_add(1, Ordering::SeqCst).min(words.len() - 1);
        words[call]
    }

    /// As a listener of refusals.
    pub(crate) fn hear_of(&self, error: &Error) -> Result<(), Breakage> {
        let mut told = Map::new();
        told.insert("listener".to_owned(), self.script.name.as_str().into());
        told.insert("code".to_owned(), error.code().as_str().into());
        if let Some(key) = error.violation().and_then(|violation| violation.key.as_deref()) {
            told.insert("key".to_owned(), escaped_key(key).into());
        }
        if self.hear(told) { Ok(()) } else { Err(Breakage) }
    }

    /// As a sink: called once for each entry, up to the first that fails.
    pub(crate) fn take(&self, entries: &[Entry], phase: Option<Phase>) -> Result<(), BoxError> {
        for entry in entries {
            let mut told = Map::new();
            told.insert("sink".to_owned(), self.script.name.as_str().into());
            if let Some(phase) = phase {
                told.insert("phase".to_owned(), phase.as_str().into());
            }
            let known = ["operation", "key", "result", "applied", "rule"];
            let fields = entry.fields().filter(|(name, _)| known.contains(name));
            told.extend(fields.map(|(name, value)| (name.to_owned(), value.into())));
            if !self.hear(told) {
                return Err(Box::new(Breakage));
            }
        }
        Ok(())
    }
}

/// What a binding's driver replies for its callables.
pub(crate) fn notify(call: &NotifyCall<'_>) -> Reply {
    match call.listener.downcast_ref::<Ear>().unwrap().hear_of(call.error) {
        Ok(()) => Reply::Logged,
        Err(failed) => Reply::LogFailed(Cause::error(FOREIGN[0], Box::new(failed))),
    }
}

pub(crate) fn record(call: &RecordCall<'_>) -> Reply {
    let RecordTo::Host(sink) = call.sink else { panic!("no vector writes to a file") };
    match sink.downcast_ref::<Ear>().unwrap().take(call.entries, call.phase) {
        Ok(()) => Reply::Recorded,
        Err(failed) => Reply::RecordFailed(Cause::error(FOREIGN[0], failed)),
    }
}
