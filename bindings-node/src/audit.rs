//! The audit's switch and its reader.

use checkrein::AuditFilter;
use checkrein::audit::{DEFAULT_MAX_ENTRIES, Entry, FieldValue};
use napi_derive::napi;
use serde_json::Value;

use crate::arguments::Text;
use crate::engine::EngineHandle;
use crate::failure::{Failure, Result, native};

/// Turns the audit on.
#[napi(catch_unwind)]
pub fn enable_audit(engine: &EngineHandle, max_entries: Option<f64>) -> napi::Result<()> {
    let size = max_entries.map_or(DEFAULT_MAX_ENTRIES, |size| size as usize);
    Ok(engine.core.enable_audit(size).map_err(Failure)?)
}

/// Turns the audit off.
#[napi(catch_unwind)]
pub fn disable_audit(engine: &EngineHandle) {
    engine.core.disable_audit();
}

/// The entries that a filter (JSON) lets through, as a JSON array; `timestamp_ns` as text, since a number of
/// JavaScript does not hold it.
#[napi(catch_unwind)]
pub fn audit_log(engine: &EngineHandle, filter: Text) -> napi::Result<String> {
    let wanted: Value = serde_json::from_str(&filter.0).map_err(|_| native("a filter that is no JSON"))?;
    let entries = engine.core.audit_log(&read(&wanted)?).map_err(Failure)?;
    Ok(entries_json(&entries))
}

/// Entries as a JSON array; `timestamp_ns` as text.
pub(crate) fn entries_json(entries: &[Entry]) -> String {
    let shown = entries.iter().map(|entry| {
        let fields = entry.fields().map(|(name, value)| match (name, value) {
            ("timestamp_ns", FieldValue::Int(ns)) => (name.to_owned(), ns.to_string().into()),
            (name, value) => (name.to_owned(), value.into()),
        });
        Value::Object(fields.collect())
    });
    Value::Array(shown.collect()).to_string()
}

fn read(wanted: &Value) -> Result<AuditFilter> {
    let text = |name: &str| wanted.get(name).and_then(Value::as_str);
    let mut filter = AuditFilter::new();
    if let Some(limit) = wanted.get("limit").and_then(Value::as_u64) {
        filter = filter.limit(usize::try_from(limit).unwrap_or(usize::MAX));
    }
    if let Some(agent) = text("agentId") {
        filter = filter.agent_id(agent);
    }
    if let Some(session) = text("sessionId") {
        filter = filter.session_id(session);
    }
    if let Some(operation) = text("operation") {
        filter = filter.operation_named(operation)?;
    }
    if let Some(result) = text("result") {
        filter = filter.result_named(result)?;
    }
    if let Some(keys) = text("keys") {
        filter = filter.keys_matching(keys)?;
    }
    if let Some(since) = text("since").and_then(|since| since.parse().ok()) {
        filter = filter.since_ns(since);
    }
    Ok(filter)
}
