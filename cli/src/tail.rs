//! `checkrein audit tail`: the newest lines of an audit file, as a table or as they stand.

use std::path::Path;

use checkrein::audit::file::{TailLine, tail as newest};
use checkrein::error::Result;
use serde_json::{Map, Value};

use crate::json::Json;
use crate::paint::{Paint, Table};
use crate::{FINE, Reply, show};

/// Fields of the file's own lines that say nothing to people.
const PLUMBING: [&str; 6] = ["event", "sequence", "timestamp", "timestamp_ns", "prev", "hash"];

/// Shows the newest `count` lines of the chain of which `file` is the current file.
pub(crate) fn tail(file: &Path, count: usize, json: bool, paint: Paint) -> Result<Reply> {
    let lines = newest(file, count)?;
    if json {
        let lines = Json::list(lines.iter().map(in_json));
        return Ok(Reply::json(FINE, &Json::object([("lines", lines)])));
    }
    let mut table = Table::new(2);
    if !lines.is_empty() {
        table.row(["LINE", "TIME", "RESULT", "OPERATION", "AGENT", "KEY", "WHY"]);
    }
    for line in &lines {
        table.row(cells(line));
    }
    Ok(Reply::new(FINE, table.draw(paint, "")))
}

fn in_json(line: &TailLine) -> Json {
    let whole = line.sequence.and_then(|_| Json::raw(&line.text));
    let kind = match (&whole, line.is_event) {
        (None, _) => "unreadable",
        (Some(_), true) => "event",
        (Some(_), false) => "entry",
    };
    Json::object([
        ("file", line.file.to_string_lossy().into_owned().into()),
        ("kind", kind.into()),
        ("line", whole.unwrap_or_else(|| line.text.as_str().into())),
    ])
}

fn cells(line: &TailLine) -> Vec<String> {
    let (Some(sequence), Ok(Value::Object(fields))) = (line.sequence, serde_json::from_str(&line.text))
    else {
        return vec!["?".into(), show::line(&line.text), "unreadable".into()];
    };
    let text = |name: &str| fields.get(name).map(said).unwrap_or_default();
    let mut cells = vec![sequence.to_string(), text("timestamp")];
    if line.is_event {
        cells.extend([text("event"), "(file)".into(), String::new(), String::new(), details(&fields)]);
        return cells;
    }
    let phase = if text("phase") == "decided" { "decided, not done" } else { "" };
    let scanned = fields
        .contains_key("given")
        .then(|| format!("given {}, withheld {}", text("given"), text("withheld")));
    let why = [text("rule"), text("reason"), scanned.unwrap_or_default(), phase.to_owned()];
    let why: Vec<String> = why.into_iter().filter(|part| !part.is_empty()).collect();
    cells.extend([text("result"), text("operation"), text("agent_id"), text("key"), why.join(": ")]);
    cells
}

/// What an event says beside when it was.
fn details(fields: &Map<String, Value>) -> String {
    let told = fields.iter().filter(|(name, _)| !PLUMBING.contains(&name.as_str()));
    let told: Vec<String> =
        told.map(|(name, value)| format!("{}={}", show::line(name), said(value))).collect();
    told.join(" ")
}

/// A value for people.
fn said(value: &Value) -> String {
    match value {
        Value::String(text) => show::line(text),
        other => show::line(&other.to_string()),
    }
}
