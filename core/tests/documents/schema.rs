//! The committed schema is the one that the core makes. `UPDATE_SCHEMA=1 cargo test -p checkrein --test documents
//! schema` writes it.

use std::path::Path;

#[test]
fn the_committed_schema_is_up_to_date() {
    let made = checkrein::document::json_schema();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/checkrein.schema.json");
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(&path, serde_json::to_string_pretty(&made).unwrap() + "\n").unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let committed: serde_json::Value = serde_json::from_str(&committed).unwrap_or_default();
    assert!(
        made == committed,
        "checkrein.schema.json is stale: run `UPDATE_SCHEMA=1 cargo test -p checkrein --test documents schema`"
    );
}

#[test]
fn every_key_has_a_title_and_a_description() {
    fn walk(schema: &serde_json::Value, seen: &mut usize) {
        if let Some(properties) = schema.get("properties").and_then(|properties| properties.as_object()) {
            for (name, property) in properties {
                *seen += 1;
                for word in ["title", "description"] {
                    assert!(property[word].as_str().is_some_and(|text| text.len() > 3), "{name}: {word}");
                }
                walk(property, seen);
            }
        }
        if let Some(items) = schema.get("items") {
            walk(items, seen);
        }
    }
    let mut seen = 0;
    walk(&checkrein::document::json_schema(), &mut seen);
    assert!(seen > 30, "{seen}");
}
