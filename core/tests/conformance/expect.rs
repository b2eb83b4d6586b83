//! What a step gave, beside what was expected of it.

use checkrein::Error;
use checkrein::text::escaped_key;
use serde_json::{Map, Value, json};

use crate::fields::bytes;
use crate::script::{FOREIGN, NONSENSE};

#[derive(Debug)]
pub(crate) enum Got {
    Ok,
    Value(Option<Vec<u8>>),
    Cancelled,
    Error(Error),
    /// A list of statuses, of sequences, or a helper's answer.
    Other(Value),
}

/// What a step gave, in the words of the vectors.
pub(crate) fn normalised(got: &Got) -> Value {
    match got {
        Got::Ok => json!({"ok": true}),
        Got::Value(value) => json!({"value": value.as_deref().map(short)}),
        Got::Cancelled => json!({"cancelled": true}),
        Got::Error(error) => json!({"error": error_fields(error)}),
        Got::Other(value) => value.clone(),
    }
}

/// Bytes for a blessed vector: a long run of one byte in the short way.
fn short(value: &[u8]) -> Value {
    match value {
        [first, rest @ ..] if value.len() > 100 && rest.iter().all(|byte| byte == first) => {
            json!({"repeat": escaped_key(&[*first]), "times": value.len()})
        }
        _ => escaped_key(value).into(),
    }
}

fn error_fields(error: &Error) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("class".to_owned(), error.code().class().as_str().into());
    fields.insert("code".to_owned(), error.code().as_str().into());
    match error.violation() {
        Some(violation) => {
            fields.insert("reason".to_owned(), placeholders(&violation.reason).into());
            fields.insert("rule".to_owned(), violation.rule.clone().into());
            fields.insert("operation".to_owned(), violation.operation.map(|kind| kind.as_str()).into());
            fields.insert("key".to_owned(), violation.key.as_deref().map_or(Value::Null, short));
            fields.insert("applied".to_owned(), violation.applied.into());
        }
        None => {
            fields.insert("message".to_owned(), placeholders(&error.to_string()).into());
        }
    }
    if let Error::Pattern(error) = error {
        fields.insert("position".to_owned(), error.position.into());
    }
    if let Some(limit) = error.rate_limit() {
        fields.insert("limit".to_owned(), limit.limit.clone().into());
        fields.insert("scope".to_owned(), limit.scope.clone().into());
        let retry_after = u64::try_from(limit.retry_after.as_nanos()).unwrap();
        fields.insert("retry_after_ns".to_owned(), retry_after.into());
    }
    let cause = error.cause().map(|cause| match cause.type_name() {
        name if FOREIGN.contains(&name) => "{foreign}".to_owned(),
        name => name.to_owned(),
    });
    fields.insert("cause".to_owned(), cause.into());
    fields
}

/// Names of this runner's own types and descriptions, as the vectors write them.
pub(crate) fn placeholders(text: &str) -> String {
    let text =
        FOREIGN.iter().fold(text.to_owned(), |text, name| text.replace(&format!("`{name}`"), "`{foreign}`"));
    NONSENSE.iter().fold(text, |text, name| text.replace(name, "{nonsense}"))
}

pub(crate) fn compare(want: &Value, got: &Got) -> Result<(), String> {
    let normalised = normalised(got);
    let (want_error, got_error) = (want.get("error"), normalised.get("error"));
    if let (Some(want), Some(have)) = (want_error, got_error) {
        return compare_error(want, have, got);
    }
    let same = match (want.get("value"), got) {
        (Some(Value::Null), Got::Value(value)) => value.is_none(),
        (Some(want), Got::Value(Some(value))) => bytes(want) == *value,
        _ => *want == normalised,
    };
    if same { Ok(()) } else { Err(format!("want {want}\n  got  {normalised}")) }
}

fn compare_error(want: &Value, have: &Value, got: &Got) -> Result<(), String> {
    const KNOWN: [&str; 13] = [
        "class",
        "code",
        "reason",
        "message",
        "rule",
        "operation",
        "key",
        "applied",
        "position",
        "retry_after_ns",
        "limit",
        "scope",
        "cause",
    ];
    for (field, want) in want.as_object().unwrap() {
        assert!(KNOWN.contains(&field.as_str()), "unknown field `{field}` of an error");
        let null = Value::Null;
        let have = have.get(field).unwrap_or(&null);
        let same = match (field.as_str(), got) {
            ("message", Got::Error(error)) => {
                placeholders(&error.to_string()).contains(want.as_str().unwrap())
            }
            ("key", Got::Error(error)) => error.violation().unwrap().key == Some(bytes(want)),
            _ => want == have,
        };
        if !same {
            return Err(format!("`{field}` of the error:\n  want {want}\n  got  {have}"));
        }
    }
    Ok(())
}
