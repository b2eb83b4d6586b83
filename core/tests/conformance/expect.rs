//! What a step gave, beside what was expected of it.

use checkrein::text::escaped_key;
use checkrein::{Code, Error};
use serde_json::{Map, Value, json};

use crate::fields::{bytes, pairs};
use crate::script::{FOREIGN, NONSENSE};

#[derive(Debug)]
pub(crate) enum Got {
    Ok,
    Value(Option<Vec<u8>>),
    /// Of `get_many`.
    Values(Vec<Option<Vec<u8>>>),
    /// Of a scan, and how it ended after those.
    Pairs(Vec<(Vec<u8>, Vec<u8>)>, Stop),
    Cancelled,
    Error(Error),
    /// A list of statuses, of sequences, or a helper's answer.
    Other(Value),
}

/// How a scan came to its end.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Nothing was left, or it was let go.
    End,
    Cancelled,
    Error(Error),
}

/// What a step gave, in the words of the vectors.
pub(crate) fn normalised(got: &Got) -> Value {
    match got {
        Got::Ok => json!({"ok": true}),
        Got::Value(value) => json!({"value": value.as_deref().map(short)}),
        Got::Values(values) => {
            json!({"values": values.iter().map(|value| value.as_deref().map(short)).collect::<Vec<_>>()})
        }
        Got::Pairs(pairs, stop) => {
            let shown: Vec<_> = pairs.iter().map(|(key, value)| json!([short(key), short(value)])).collect();
            match stop {
                Stop::End => json!({"pairs": shown}),
                Stop::Cancelled => json!({"pairs": shown, "cancelled": true}),
                Stop::Error(error) => json!({"pairs": shown, "error": error_fields(error)}),
            }
        }
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
    if let Error::Store(error) = error
        && error.code == Code::StorePartial
    {
        fields.insert("applied".to_owned(), error.applied.into());
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
    if let (Some(Value::Array(want_pairs)), Got::Pairs(have, stop)) = (want.get("pairs"), got) {
        let known = ["pairs", "error", "cancelled"];
        assert!(want.as_object().unwrap().keys().all(|field| known.contains(&field.as_str())), "{want}");
        let want_pairs = pairs(want_pairs);
        if want_pairs != *have {
            let at = want_pairs.iter().zip(have).take_while(|(want, have)| want == have).count();
            let (want, have) = (want_pairs.get(at..), have.get(at..));
            return Err(format!("the pairs from {at} on:\n  want {want:?}\n  got  {have:?}"));
        }
        return match (want.get("error"), want.get("cancelled"), stop) {
            (None, None, Stop::End) | (None, Some(Value::Bool(true)), Stop::Cancelled) => Ok(()),
            (Some(want), None, Stop::Error(error)) => {
                compare_error(want, &Value::Object(error_fields(error)), error)
            }
            _ => Err(format!("the scan ended with {stop:?}\n  want {want}")),
        };
    }
    if let (Some(Value::Object(want)), Got::Other(got)) = (want.get("explain"), got) {
        for (field, want) in want {
            let have = &got["explain"][field];
            if want != have {
                return Err(format!("`{field}` of the explanation:\n  want {want}\n  got  {have}"));
            }
        }
        return Ok(());
    }
    let normalised = normalised(got);
    let (want_error, got_error) = (want.get("error"), normalised.get("error"));
    if let (Some(want), Some(have), Got::Error(error)) = (want_error, got_error, got) {
        return compare_error(want, have, error);
    }
    let same = match (want.get("value"), got) {
        (Some(Value::Null), Got::Value(value)) => value.is_none(),
        (Some(want), Got::Value(Some(value))) => bytes(want) == *value,
        _ => *want == normalised,
    };
    if same { Ok(()) } else { Err(format!("want {want}\n  got  {normalised}")) }
}

fn compare_error(want: &Value, have: &Value, error: &Error) -> Result<(), String> {
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
        let same = match field.as_str() {
            "message" => placeholders(&error.to_string()).contains(want.as_str().unwrap()),
            "key" if !want.is_null() => error.violation().unwrap().key == Some(bytes(want)),
            _ => want == have,
        };
        if !same {
            return Err(format!("`{field}` of the error:\n  want {want}\n  got  {have}"));
        }
    }
    Ok(())
}
