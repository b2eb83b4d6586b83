//! Contexts as the vectors say them, in the two ways of handing them over.

use checkrein::context::{Context, Value as Said1};
use checkrein::error::Error;
use checkrein::policy::PolicyContext;
use serde_json::Value;

use crate::vector::Said;

pub(crate) fn json_of(value: &Said1) -> Value {
    match value {
        Said1::Text(text) => text.as_str().into(),
        Said1::Bool(flag) => (*flag).into(),
        Said1::Int(number) => (*number).into(),
    }
}

fn value_of(value: &Value) -> Option<Said1> {
    match value {
        Value::Null => None,
        Value::Bool(flag) => Some((*flag).into()),
        Value::Number(number) => Some(number.as_i64().unwrap().into()),
        Value::String(text) => Some(text.as_str().into()),
        other => panic!("`{other}` cannot be said in Rust"),
    }
}

pub(crate) fn public_context(said: &Said) -> PolicyContext<'static> {
    said.iter().fold(
        PolicyContext::new("delete", b"public/another"),
        |context, (name, value)| match value_of(value) {
            Some(value) => context.with(name, value),
            None => context,
        },
    )
}

pub(crate) fn raw_context(said: &Said) -> (Context, Option<Error>) {
    let mut context = Context::new();
    for (name, value) in said {
        if let Some(value) = value_of(value)
            && let Err(error) = context.insert(name, value)
        {
            return (Context::new(), Some(error));
        }
    }
    (context, None)
}
