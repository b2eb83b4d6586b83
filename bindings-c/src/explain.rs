//! What would be asked about an operation, as JSON.

use std::ffi::c_char;

use checkrein::engine::{ExplainedHook, Explanation};
use checkrein::limit::LimitStatus;
use checkrein::operation::Kind;
use serde_json::{Map, Value};

use crate::context::{cr_context, said};
use crate::engine::cr_engine;
use crate::{bytes, cr_error, cr_status, guard, input};

/// Lists what would be asked about an operation (`read`, `write` or `delete`) and foresees the verdict, as one line of
/// JSON: `operation`, `verdict`, `rule` and `reason` (null where nothing decides), `mode`, `hooks` and `limits`. Runs no
/// hook of the program, spends no token and asks no store. `context` may be NULL. The text is UTF-8, and not
/// NUL-terminated: give it to cr_bytes_free.
///
/// Errors: CR_USAGE for an unknown operation or a bad context; the code of a registration that failed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_engine_explain(
    engine: *const cr_engine,
    operation: *const c_char,
    operation_len: usize,
    key: *const u8,
    key_len: usize,
    context: *const cr_context,
    json: *mut *mut u8,
    json_len: *mut usize,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid, and the lengths are theirs.
    unsafe {
        guard::fallible(error, || {
            let (json, json_len) = (input::place(json, "json")?, input::place(json_len, "json_len")?);
            let engine = input::borrowed(engine, "engine")?;
            let operation = Kind::parse(input::text(operation, operation_len, "operation")?)?;
            let key = input::bytes(key, key_len, "key")?;
            let explanation = engine.core.explain(operation, key, said(context)?)?;
            let (data, len) = bytes::give(to_json(explanation).to_string().into_bytes());
            json.write(data);
            json_len.write(len);
            Ok(())
        })
    }
}

fn to_json(explanation: Explanation) -> Value {
    let Explanation { operation, verdict, rule, reason, hooks, limits, mode } = explanation;
    let mut map = Map::new();
    map.insert("operation".to_owned(), operation.as_str().into());
    map.insert("verdict".to_owned(), verdict.as_str().into());
    map.insert("rule".to_owned(), rule.into());
    map.insert("reason".to_owned(), reason.into());
    map.insert("mode".to_owned(), mode.as_str().into());
    map.insert("hooks".to_owned(), hooks.into_iter().map(hook).collect());
    map.insert("limits".to_owned(), limits.into_iter().map(limit).collect());
    Value::Object(map)
}

fn hook(hook: ExplainedHook) -> Value {
    let ExplainedHook { rule, trigger, keys, kind, mode, answer } = hook;
    serde_json::json!({
        "rule": rule, "trigger": trigger, "keys": keys, "kind": kind, "mode": mode.as_str(), "answer": answer,
    })
}

fn limit(status: LimitStatus) -> Value {
    let LimitStatus {
        limit,
        operation,
        scope,
        count,
        capacity,
        remaining,
        retry_after_ns,
        full_after_ns,
        overflow,
    } = status;
    serde_json::json!({
        "limit": limit, "operation": operation.as_str(), "scope": scope, "count": count.as_str(), "capacity": capacity,
        "remaining": remaining, "retry_after_ns": retry_after_ns, "full_after_ns": full_after_ns, "overflow": overflow,
    })
}
