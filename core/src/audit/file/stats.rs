//! What a chain holds, counted in one pass and in bounded memory.

use std::collections::HashMap;
use std::path::Path;

use serde_json::Value;

use super::super::record::MAX_TEXT_BYTES;
use super::event::Read;
use super::line::Line;
use super::read::{Files, Next};
use crate::error::Result;

/// So many different names are counted; of more only how often they came.
const MAX_NAMES: usize = 10_000;
/// A longer name is none that an entry can have: its texts, and the mark of a cut one.
const MAX_NAME_BYTES: usize = MAX_TEXT_BYTES + 32;
/// So many names are given.
const TOP: usize = 10;

/// What a chain holds. Nothing of it is verified.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Files that were read.
    pub segments: u64,
    /// Whole lines.
    pub lines: u64,
    /// Entries of operations that are over.
    pub entries: u64,
    /// Entries of strict files that tell a decision only; those of operations that are over follow as `entries`.
    pub decided: u64,
    /// The file's own lines.
    pub events: u64,
    /// Lines that are none of an audit file.
    pub unreadable: u64,
    /// Bytes of an unfinished last line.
    pub torn_bytes: u64,
    /// How often a torn line was cut off, as the chain tells.
    pub repairs: u64,
    /// How many entries were lost while the file could not be written, as the chain tells.
    pub lost: u64,
    /// The earliest and the latest time of an entry, in nanoseconds since 1970-01-01 UTC.
    pub time_span_ns: Option<(u64, u64)>,
    /// How many entries there are of each result, the most frequent first.
    pub results: Vec<(String, u64)>,
    /// How many entries there are of each operation, the most frequent first.
    pub operations: Vec<(String, u64)>,
    /// The ten agents with the most entries.
    pub agents: Vec<(String, u64)>,
    /// The ten rules with the most entries.
    pub rules: Vec<(String, u64)>,
    /// Entries whose agent or rule was not counted by name, because there are more than 10,000 of them.
    pub uncounted: u64,
}

/// Counts what the chain holds of which `path` is the current file, in the memory of a line and 10,000 names of each
/// kind.
///
/// # Errors
/// `StoreError` where there is no such file or it cannot be read.
pub fn stats(path: impl AsRef<Path>) -> Result<Stats> {
    let files = Files::list(path.as_ref())?;
    let mut stats = Stats::default();
    let (mut results, mut operations) = (Names::default(), Names::default());
    let (mut agents, mut rules) = (Names::default(), Names::default());
    for source in files.all() {
        stats.segments += 1;
        let mut lines = source.lines()?;
        while let Some(next) = lines.next().map_err(|error| source.error(error))? {
            let line = match next {
                Next::Line(line) => line,
                Next::TooLong => {
                    stats.lines += 1;
                    stats.unreadable += 1;
                    continue;
                }
                Next::Torn(bytes) => {
                    stats.torn_bytes += bytes;
                    continue;
                }
            };
            stats.lines += 1;
            if Line::parse(line).is_ok_and(|line| line.is_event) {
                stats.events += 1;
                match Read::parse(line) {
                    Some(Read::Repaired) => stats.repairs += 1,
                    Some(Read::Lost { entries }) => stats.lost = stats.lost.saturating_add(entries),
                    _ => {}
                }
                continue;
            }
            let Some(Value::Object(entry)) =
                Line::parse(line).ok().and_then(|_| serde_json::from_slice(line).ok())
            else {
                stats.unreadable += 1;
                continue;
            };
            if let Some(at) = entry.get("timestamp_ns").and_then(Value::as_u64) {
                let (first, last) = stats.time_span_ns.unwrap_or((at, at));
                stats.time_span_ns = Some((first.min(at), last.max(at)));
            }
            let text = |name| entry.get(name).and_then(Value::as_str);
            if text("phase") == Some("decided") {
                stats.decided += 1;
                continue;
            }
            stats.entries += 1;
            let mut counted = true;
            for (names, name) in [
                (&mut results, "result"),
                (&mut operations, "operation"),
                (&mut agents, "agent_id"),
                (&mut rules, "rule"),
            ] {
                counted &= text(name).is_none_or(|name| names.count(name));
            }
            stats.uncounted += u64::from(!counted);
        }
    }
    stats.results = results.top(usize::MAX);
    stats.operations = operations.top(usize::MAX);
    stats.agents = agents.top(TOP);
    stats.rules = rules.top(TOP);
    Ok(stats)
}

/// How often each of a bounded number of names came.
#[derive(Default)]
struct Names(HashMap<String, u64>);

impl Names {
    /// Counts a name; false where there is no room for one more.
    fn count(&mut self, name: &str) -> bool {
        if let Some(count) = self.0.get_mut(name) {
            *count += 1;
            return true;
        }
        let room = self.0.len() < MAX_NAMES && name.len() <= MAX_NAME_BYTES;
        if room {
            self.0.insert(name.to_owned(), 1);
        }
        room
    }

    /// The most frequent names; of equals the first by name.
    fn top(self, count: usize) -> Vec<(String, u64)> {
        let mut all: Vec<(String, u64)> = self.0.into_iter().collect();
        all.sort_unstable_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
        all.truncate(count);
        all
    }
}
