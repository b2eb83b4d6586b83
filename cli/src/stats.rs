//! `checkrein audit stats`: what an audit file holds.

use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use checkrein::audit::file::{Stats, stats as counted};
use checkrein::error::Result;

use crate::json::Json;
use crate::paint::{Paint, Table};
use crate::{FINE, Reply, show};

/// Counts what the chain holds of which `file` is the current file.
pub(crate) fn stats(file: &Path, json: bool, paint: Paint) -> Result<Reply> {
    let stats = counted(file)?;
    Ok(match json {
        true => Reply::json(FINE, &in_json(&stats)),
        false => Reply::new(FINE, in_text(&stats, paint)),
    })
}

fn in_json(stats: &Stats) -> Json {
    let names =
        |names: &[(String, u64)]| {
            Json::list(names.iter().map(|(name, count)| {
                Json::object([("name", name.as_str().into()), ("count", (*count).into())])
            }))
        };
    let (first, last) = stats.time_span_ns.unzip();
    Json::object([
        ("segments", stats.segments.into()),
        ("lines", stats.lines.into()),
        ("entries", stats.entries.into()),
        ("decided", stats.decided.into()),
        ("events", stats.events.into()),
        ("unreadable", stats.unreadable.into()),
        ("torn_bytes", stats.torn_bytes.into()),
        ("repairs", stats.repairs.into()),
        ("lost", stats.lost.into()),
        ("first", first.map(time).into()),
        ("last", last.map(time).into()),
        ("first_ns", first.into()),
        ("last_ns", last.into()),
        ("results", names(&stats.results)),
        ("operations", names(&stats.operations)),
        ("agents", names(&stats.agents)),
        ("rules", names(&stats.rules)),
        ("uncounted", stats.uncounted.into()),
    ])
}

fn in_text(stats: &Stats, paint: Paint) -> String {
    let mut facts = Table::new(usize::MAX);
    for (name, count, always) in [
        ("files", stats.segments, true),
        ("lines", stats.lines, true),
        ("entries", stats.entries, true),
        ("decisions of strict files", stats.decided, false),
        ("the file's own lines", stats.events, true),
        ("unreadable lines", stats.unreadable, false),
        ("bytes of a torn line", stats.torn_bytes, false),
        ("repairs", stats.repairs, false),
        ("lost entries", stats.lost, false),
        ("not counted by name", stats.uncounted, false),
    ] {
        if always || count > 0 {
            facts.row([name.to_owned(), count.to_string()]);
        }
    }
    if let Some((first, last)) = stats.time_span_ns {
        facts.row(["first", &time(first)]);
        facts.row(["last", &time(last)]);
    }
    let mut text = facts.draw(paint, "");
    for (heading, names, painted) in [
        ("results", &stats.results, 1),
        ("operations", &stats.operations, usize::MAX),
        ("agents with the most entries", &stats.agents, usize::MAX),
        ("rules with the most entries", &stats.rules, usize::MAX),
    ] {
        if names.is_empty() {
            continue;
        }
        let widest = names.iter().map(|(_, count)| count.to_string().len()).max().unwrap_or_default();
        let mut table = Table::new(painted);
        for (name, count) in names {
            table.row([format!("{count:>widest$}"), show::line(name)]);
        }
        text.push_str(&format!("\n{}\n{}", paint.bold(heading), table.draw(paint, "  ")));
    }
    text
}

/// RFC 3339, UTC, in microseconds, as the entries have it.
fn time(ns: u64) -> String {
    humantime::format_rfc3339_micros(UNIX_EPOCH + Duration::from_nanos(ns)).to_string()
}
