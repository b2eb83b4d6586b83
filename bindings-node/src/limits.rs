//! Rate limits: declared, and how they stand.

use checkrein::limit::{LimitStatus, RateLimit, RateLimitOptions};
use napi::Unknown;
use napi_derive::napi;
use serde_json::{Value, json};

use crate::arguments::{Text, context};
use crate::engine::EngineHandle;
use crate::failure::{Result, native};

/// Adds a rate limit; the options as JSON, under the core's names.
#[napi(catch_unwind)]
pub fn add_rate_limit(engine: &EngineHandle, operation: Text, options: Text) -> napi::Result<()> {
    let options: Value = serde_json::from_str(&options.0).map_err(|_| native("options that are no JSON"))?;
    let number = |name: &str| options.get(name).and_then(Value::as_u64);
    let text = |name: &str| options.get(name).and_then(Value::as_str);
    let declared = RateLimitOptions {
        max_per_second: number("max_per_second"),
        max_per_minute: number("max_per_minute"),
        max_per_hour: number("max_per_hour"),
        scope: text("scope"),
        burst: number("burst"),
        count: text("count"),
        max_keys: number("max_keys"),
    };
    let add = || -> Result<()> {
        Ok(engine.core.add_rate_limit(&operation.0, &RateLimit::from_options(&declared)?)?)
    };
    Ok(add()?)
}

/// How every limit that applies to an operation stands, as JSON; nanoseconds as text.
#[napi(catch_unwind)]
pub fn rate_limit_status(
    engine: &EngineHandle,
    operation: Text,
    agent: Unknown<'_>,
    session: Unknown<'_>,
    rest: Unknown<'_>,
) -> napi::Result<String> {
    let ask = || -> Result<Value> {
        let context = context(&agent, &session, &rest)?;
        let limits = engine.core.rate_limit_status(&operation.0, &context)?;
        Ok(limits.iter().map(shown).collect())
    };
    Ok(ask()?.to_string())
}

/// How a limit stands, as JSON; nanoseconds as text.
pub(crate) fn shown(limit: &LimitStatus) -> Value {
    json!({
        "limit": limit.limit,
        "operation": limit.operation.as_str(),
        "scope": limit.scope,
        "count": limit.count.as_str(),
        "capacity": limit.capacity,
        "remaining": limit.remaining,
        "retryAfterNs": limit.retry_after_ns.to_string(),
        "fullAfterNs": limit.full_after_ns.to_string(),
        "overflow": limit.overflow,
    })
}
