//! What would be asked about an operation.

use checkrein::operation::Kind;
use napi::Unknown;
use napi_derive::napi;
use serde_json::{Value, json};

use crate::arguments::{Bytes, Text, context};
use crate::engine::EngineHandle;
use crate::failure::Result;
use crate::limits;

/// Lists what would be asked about an operation and foresees the verdict, as JSON.
#[napi(catch_unwind)]
pub fn explain(
    engine: &EngineHandle,
    operation: Text,
    key: Bytes,
    agent: Unknown<'_>,
    session: Unknown<'_>,
    rest: Unknown<'_>,
) -> napi::Result<String> {
    let ask = || -> Result<Value> {
        let context = context(&agent, &session, &rest)?;
        let told = engine.core.explain(Kind::parse(&operation.0)?, key.as_slice(), &context)?;
        let hooks = told.hooks.iter().map(|hook| {
            json!({
                "rule": hook.rule,
                "trigger": hook.trigger,
                "keys": hook.keys,
                "kind": hook.kind,
                "mode": hook.mode.as_str(),
                "answer": hook.answer,
            })
        });
        Ok(json!({
            "operation": told.operation.as_str(),
            "verdict": told.verdict.as_str(),
            "rule": told.rule,
            "reason": told.reason,
            "mode": told.mode.as_str(),
            "hooks": hooks.collect::<Value>(),
            "limits": told.limits.iter().map(limits::shown).collect::<Value>(),
        }))
    };
    Ok(ask()?.to_string())
}
