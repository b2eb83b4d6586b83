//! Runs the conformance vectors in `tests/conformance/vectors` twice: through [`checkrein::PolicyEngine`], as a Rust
//! program uses it, and through the engine and its operations step by step, as a binding does. What only a binding's
//! driver can do (cancel an operation, hand over a store's nonsense) runs the second way alone.
//!
//! `CHECKREIN_BLESS=FILE` writes what was got to a file that `tests/conformance/tidy.py --bless FILE` takes over.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a test"
)]

mod context;
mod ears;
mod expect;
mod fields;
mod script;
mod store;
mod subject;
mod vector;
mod world;

use std::path::PathBuf;

use checkrein::operation::Kind;
use serde_json::{Value, json};

use expect::Got;
use subject::Way;
use vector::Vector;
use world::World;

/// What the Rust runner can do of the capabilities that a vector may need.
const CAPABILITIES: [&str; 3] = ["remembers", "zeros", "replies"];

#[test]
fn conformance() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/conformance/vectors");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
    files.sort();
    let vectors = files.iter().flat_map(|path| {
        let text = std::fs::read_to_string(path).unwrap();
        vector::read_file(&path.file_name().unwrap().to_string_lossy(), &text)
    });

    let only = std::env::var("CHECKREIN_ONLY").ok();
    let (mut run, mut left_out, mut faults, mut got) = (0, Vec::new(), Vec::new(), serde_json::Map::new());
    for vector in vectors {
        if only.as_ref().is_some_and(|only| !vector.name.contains(only.as_str())) {
            continue;
        }
        if let Some(lacks) = vector.needs.iter().find(|need| !CAPABILITIES.contains(&need.as_str())) {
            left_out.push(format!("left out: {} (needs {lacks})", vector.name));
            continue;
        }
        run += 1;
        let ways = [Way::Public, Way::Stepwise];
        for way in ways.into_iter().filter(|way| *way == Way::Stepwise || !vector.for_drivers_only) {
            let (found, blessed) = play(&vector, way);
            faults.extend(found.into_iter().map(|fault| format!("{} ({way:?}): {fault}", vector.name)));
            got.insert(vector.name.clone(), blessed);
        }
    }
    println!("conformance: {run} run, {} left out", left_out.len());
    println!("{}", left_out.join("\n"));
    if let Ok(path) = std::env::var("CHECKREIN_BLESS") {
        std::fs::write(path, Value::Object(got).to_string()).unwrap();
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// Plays one vector; gives what is not as expected, and what was got.
fn play(vector: &Vector, way: Way) -> (Vec<String>, Value) {
    let mut faults = Vec::new();
    let mut seen = Vec::new();
    let made = World::new(vector, way).map_err(Got::Error).and_then(|made| {
        // The builder of a Rust program gives an engine in any case, which remembers the error.
        let remembers = || made.0.subject.operate(Kind::Read, b"k", None, &Vec::new(), 0);
        if vector.options_error.is_some() { Err(remembers()) } else { Ok(made) }
    });
    let (world, set_up) = match (made, &vector.options_error) {
        (Ok(made), _) => made,
        (Err(got), want) => {
            let want = want.as_ref().map_or_else(|| json!({"ok": true}), |error| json!({ "error": error }));
            let fault = expect::compare(&want, &got).err().map(|fault| format!("making the engine: {fault}"));
            return (fault.into_iter().collect(), json!({"steps": [], "audit": null}));
        }
    };
    faults.extend(set_up);
    for (at, step) in vector.steps.iter().enumerate() {
        let got = world.perform(step);
        if let Err(fault) = expect::compare(&step.expect, &got) {
            faults.push(format!("step {}: {fault}", at + 1));
        }
        seen.push(expect::normalised(&got));
    }
    let audit = world.audit();
    match (&vector.audit, &audit) {
        (Some(want), Some(Ok(got))) => {
            for (at, want) in want.iter().enumerate() {
                let got = got.get(at).cloned().unwrap_or_default();
                // Which entries are of one operation is compared where the vector says.
                let got = match (&want["same"], got) {
                    (Value::Null, Value::Object(mut got)) => {
                        got.remove("same");
                        Value::Object(got)
                    }
                    (_, got) => got,
                };
                if got != *want {
                    faults.push(format!("audit entry {}:\n  want {want}\n  got  {got}", at + 1));
                }
            }
            if got.len() > want.len() {
                faults.push(format!("the audit has {} entries, expected {}", got.len(), want.len()));
            }
        }
        (Some(_), other) => faults.push(format!("the audit cannot be read: {other:?}")),
        (None, _) => {}
    }
    let heard = world.heard();
    for (what, want, got) in [("denied", &vector.denied, &heard[0]), ("sunk", &vector.sunk, &heard[1])] {
        if want != got {
            let [want, got] = [want, got].map(|told| Value::Array(told.clone()));
            faults.push(format!("`{what}`:\n  want {want}\n  got  {got}"));
        }
    }
    let audit = match audit {
        Some(Ok(entries)) => Value::Array(entries),
        _ => Value::Null,
    };
    let [denied, sunk] = heard;
    (faults, json!({ "steps": seen, "audit": audit, "denied": denied, "sunk": sunk }))
}
