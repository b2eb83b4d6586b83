//! The lines in which the file speaks of itself: opened, rotated, repaired. They are links of the chain like entries.

use serde_json::Value;

use super::super::json;
use super::hash::Hasher;
use super::head::Head;

/// The format that this version writes and reads.
pub(super) const FORMAT: u64 = 1;

/// Something that happened to the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event<'a> {
    /// The first line of every file. `segment` counts the files of the chain from 1.
    Opened { segment: u64, continues: Option<&'a str>, moved: bool, parent: Option<Parent<'a>> },
    /// The file was there already, and is written on.
    Reopened { parent: Option<Parent<'a>> },
    /// A line that a crash had left unfinished was cut off.
    Repaired { cut_bytes: u64 },
    /// The last line of a file that was full; `file` is the name that it gets.
    Rotated { segment: u64, file: &'a str, next: &'a str },
    /// So many entries could not be kept while the file could not be written.
    Lost { entries: u64 },
    /// Somebody else wrote into the file, or cut it.
    Disturbed { expected_bytes: u64, found_bytes: u64 },
    /// The file was closed in order.
    Closed,
}

/// Where a forked process comes from: the last line that its parent had written, and in which file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parent<'a> {
    pub(super) head: Head,
    pub(super) file: &'a str,
}

impl Event<'_> {
    fn name(&self) -> &'static str {
        match self {
            Event::Opened { .. } => "opened",
            Event::Reopened { .. } => "reopened",
            Event::Repaired { .. } => "repaired",
            Event::Rotated { .. } => "rotated",
            Event::Lost { .. } => "lost",
            Event::Disturbed { .. } => "disturbed",
            Event::Closed => "closed",
        }
    }

    /// Writes the event's body, for [`seal`](super::line::seal) to make a line of.
    pub(super) fn write(&self, out: &mut Vec<u8>, hasher: &Hasher, wall_ns: u64) {
        let text = |out: &mut Vec<u8>, name: &str, text: &str| {
            json::name(out, name);
            json::text(out, text);
        };
        let number = |out: &mut Vec<u8>, name: &str, number: u64| {
            json::name(out, name);
            json::number(out, number);
        };
        text(out, "event", self.name());
        if let Event::Opened { .. } = self {
            number(out, "format", FORMAT);
            text(out, "algorithm", hasher.algorithm());
        }
        json::time(out, wall_ns);
        number(out, "pid", u64::from(std::process::id()));
        match *self {
            Event::Opened { segment, continues, moved, .. } => {
                number(out, "segment", segment);
                if let Some(continues) = continues {
                    text(out, "continues", continues);
                }
                if moved {
                    json::name(out, "moved");
                    json::flag(out, true);
                }
            }
            Event::Repaired { cut_bytes } => number(out, "cut_bytes", cut_bytes),
            Event::Rotated { segment, file, next } => {
                number(out, "segment", segment);
                text(out, "file", file);
                text(out, "next", next);
            }
            Event::Lost { entries } => number(out, "entries", entries),
            Event::Disturbed { expected_bytes, found_bytes } => {
                number(out, "expected_bytes", expected_bytes);
                number(out, "found_bytes", found_bytes);
            }
            Event::Reopened { .. } | Event::Closed => {}
        }
        if let Event::Opened { parent: Some(parent), .. } | Event::Reopened { parent: Some(parent) } = self {
            text(out, "parent", &parent.head.to_string());
            text(out, "parent_file", parent.file);
        }
    }
}

/// What a reader needs of an event's line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Read {
    Opened { format: u64, algorithm: String, segment: u64, moved: bool },
    Rotated { segment: u64, file: String },
    Repaired,
    Lost { entries: u64 },
    Other,
}

impl Read {
    /// Reads the line of an event; none where it is none that this version knows.
    pub(super) fn parse(line: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(line).ok()?;
        let number = |name: &str| value.get(name).and_then(Value::as_u64);
        Some(match value.get("event")?.as_str()? {
            "opened" => Read::Opened {
                format: number("format")?,
                algorithm: value.get("algorithm")?.as_str()?.to_owned(),
                segment: number("segment")?,
                moved: value.get("moved").and_then(Value::as_bool).unwrap_or(false),
            },
            "rotated" => Read::Rotated {
                segment: number("segment")?,
                file: value.get("file").and_then(Value::as_str).unwrap_or_default().to_owned(),
            },
            "repaired" => Read::Repaired,
            "lost" => Read::Lost { entries: number("entries")? },
            "reopened" | "disturbed" | "closed" => Read::Other,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::line::{Line, seal};
    use super::*;

    #[test]
    fn every_event_is_read_back() {
        let parent = Some(Parent { head: Head::default(), file: "a \"quoted\" name" });
        for (event, read) in [
            (
                Event::Opened { segment: 3, continues: Some("audit.000002.jsonl"), moved: true, parent },
                Some(Read::Opened { format: 1, algorithm: "sha256".into(), segment: 3, moved: true }),
            ),
            (Event::Reopened { parent }, Some(Read::Other)),
            (Event::Repaired { cut_bytes: 5 }, Some(Read::Repaired)),
            (
                Event::Rotated { segment: 3, file: "f", next: "n" },
                Some(Read::Rotated { segment: 3, file: "f".into() }),
            ),
            (Event::Lost { entries: 9 }, Some(Read::Lost { entries: 9 })),
            (Event::Disturbed { expected_bytes: 1, found_bytes: 2 }, Some(Read::Other)),
            (Event::Closed, Some(Read::Other)),
        ] {
            let (mut body, mut line, mut head) = (Vec::new(), Vec::new(), Head::default());
            event.write(&mut body, &Hasher::Plain, 5);
            seal(&mut line, &body, &mut head, &Hasher::Plain);
            let line = line.trim_ascii_end();
            assert!(Line::parse(line).unwrap().is_event);
            assert_eq!(Read::parse(line), read, "{event:?}");
        }
        assert_eq!(Read::parse(br#"{"event":"invented"}"#), None);
        assert_eq!(Read::parse(b"{"), None);
    }
}
