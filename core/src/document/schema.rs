//! The JSON Schema of policy documents, made from the table of keys: for editors that complete and check as one types.

use serde_json::{Map, Value, json};

use super::keys::{ABSENT, DOCUMENT, PRESENT};
use super::table::{Choice, Key, Shape, Table};
use crate::glob::MAX_PATTERN_BYTES;

/// The schema, as `docs/checkrein.schema.json` holds it (draft 2020-12).
///
/// It says less than the checks of the core, which know where a hook can mean something and what a pattern may be.
#[must_use]
pub fn json_schema() -> Value {
    let mut schema = of_table(&DOCUMENT);
    schema.insert("$schema".into(), "https://json-schema.org/draft/2020-12/schema".into());
    schema.insert("title".into(), "Checkrein policy document".into());
    Value::Object(schema)
}

fn of_table(table: &Table) -> Map<String, Value> {
    let required: Vec<&str> = table.known().filter(|key| key.required).map(|key| key.name).collect();
    let properties: Map<_, _> = table.known().map(|key| (key.name.to_owned(), of_key(key))).collect();
    let mut schema = Map::new();
    schema.insert("type".into(), "object".into());
    schema.insert("description".into(), table.about.into());
    schema.insert("properties".into(), Value::Object(properties));
    schema.insert("additionalProperties".into(), false.into());
    if !required.is_empty() {
        schema.insert("required".into(), required.into());
    }
    for Choice { of, required } in table.choices {
        let alone: Vec<Value> = of.iter().map(|name| json!({"required": [name]})).collect();
        if *required {
            schema.insert("oneOf".into(), alone.into());
        } else {
            schema.insert("not".into(), json!({"required": of}));
        }
    }
    schema
}

fn of_key(key: &Key) -> Value {
    let mut schema = of_shape(&key.shape);
    schema.insert("title".into(), key.title.into());
    schema.insert("description".into(), key.about.into());
    Value::Object(schema)
}

fn of_shape(shape: &Shape) -> Map<String, Value> {
    let schema = match shape {
        Shape::Version => json!({"const": 1}),
        Shape::Text { most_bytes } => json!({"type": "string", "minLength": 1, "maxLength": most_bytes}),
        Shape::AnyText => json!({"type": "string"}),
        Shape::Glob => json!({"type": "string", "minLength": 1, "maxLength": MAX_PATTERN_BYTES}),
        Shape::Flag => json!({"type": "boolean"}),
        Shape::Integer { least, most } => json!({"type": "integer", "minimum": least, "maximum": most}),
        Shape::Word(words) => json!({"enum": words}),
        Shape::OneOrMore(one) => {
            json!({"anyOf": [of_shape(one), {"type": "array", "items": of_shape(one), "minItems": 1}]})
        }
        Shape::List(one) => json!({"type": "array", "items": of_shape(one)}),
        Shape::Map(table) => Value::Object(of_table(table)),
        Shape::Conditions => json!({
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {"anyOf": [
                {"enum": [PRESENT, ABSENT]},
                {"type": ["string", "boolean", "integer"]},
                {"type": "array", "items": {"type": ["string", "boolean", "integer"]}, "minItems": 1},
            ]},
        }),
        Shape::Later => json!(false),
    };
    match schema {
        Value::Object(schema) => schema,
        _ => Map::new(),
    }
}
