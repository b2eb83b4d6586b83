//! A line of the file: how a body becomes one, and how one is taken apart again.
//!
//! ```text
//! {"sequence":7,"timestamp":…,"prev":"64 hex digits","hash":"64 hex digits"}
//!              └── body ───┘
//! └────────────── what is hashed ──────────────────┘
//! ```
//!
//! A body is everything between the number and `prev`, each field with its comma. It starts with `,"event":` where
//! the file speaks of itself, and with `,"timestamp":` where it holds an entry: an entry has no field `event`.

use super::super::json;
use super::hash::{Digest, Hasher, parse_hex};
use super::head::Head;

/// The longest line that a reader takes, newline included. The longest that is ever written has some 50,000 bytes.
pub(super) const MAX_LINE_BYTES: usize = 1024 * 1024;
/// What a line has beyond its body, with the longest number.
pub(super) const FRAME_BYTES: usize =
    START.len() + 20 + PREV.len() + 64 + 1 + HASH.len() + 64 + END.len() + 1;

const START: &[u8] = b"{\"sequence\":";
const PREV: &[u8] = b",\"prev\":\"";
const HASH: &[u8] = b",\"hash\":\"";
const END: &[u8] = b"\"}";
const EVENT: &[u8] = b",\"event\":";
const ENTRY: &[u8] = b",\"timestamp\":";

/// Adds a body's line, newline included, to `out`, and makes it the head.
pub(super) fn seal(out: &mut Vec<u8>, body: &[u8], head: &mut Head, hasher: &Hasher) {
    let start = out.len();
    head.sequence = head.sequence.saturating_add(1);
    out.extend_from_slice(START);
    json::number(out, head.sequence);
    out.extend_from_slice(body);
    out.extend_from_slice(PREV);
    json::hex(out, &head.hash);
    out.push(b'"');
    head.hash = hasher.hash(out.get(start..).unwrap_or_default());
    out.extend_from_slice(HASH);
    json::hex(out, &head.hash);
    out.extend_from_slice(END);
    out.push(b'\n');
}

/// A line, taken apart.
#[derive(Debug)]
pub(super) struct Line<'a> {
    pub(super) sequence: u64,
    pub(super) prev: Digest,
    pub(super) hash: Digest,
    pub(super) is_event: bool,
    hashed: &'a [u8],
}

impl<'a> Line<'a> {
    /// Takes a line without its newline apart; an error says what is wrong with its form.
    pub(super) fn parse(line: &'a [u8]) -> Result<Self, &'static str> {
        const NO_CHAIN: &str = "it does not end with `prev` and `hash`";
        let rest = line.strip_suffix(END).ok_or(NO_CHAIN)?;
        let (rest, hash) = rest.split_last_chunk::<64>().ok_or(NO_CHAIN)?;
        let hashed = rest.strip_suffix(HASH).ok_or(NO_CHAIN)?;
        let rest = hashed.strip_suffix(b"\"").ok_or(NO_CHAIN)?;
        let (rest, prev) = rest.split_last_chunk::<64>().ok_or(NO_CHAIN)?;
        let rest = rest.strip_suffix(PREV).ok_or(NO_CHAIN)?;
        let (Some(prev), Some(hash)) = (parse_hex(prev), parse_hex(hash)) else {
            return Err("`prev` and `hash` are not 64 lower-case hex digits");
        };
        let rest = rest.strip_prefix(START).ok_or("it does not start with `sequence`")?;
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (number, body) = rest.split_at_checked(digits).unwrap_or_default();
        let sequence = match number {
            [] | [b'0', ..] => None,
            digits => std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()),
        };
        let sequence = sequence.ok_or("`sequence` is no number from 1")?;
        let is_event = body.starts_with(EVENT);
        if !is_event && !body.starts_with(ENTRY) {
            return Err("it is neither an entry nor an event");
        }
        Ok(Line { sequence, prev, hash, is_event, hashed })
    }

    /// True where the hash is that of the line's bytes.
    pub(super) fn is_whole(&self, hasher: &Hasher) -> bool {
        hasher.hash(self.hashed) == self.hash
    }

    /// The line as the head of the lines up to it.
    pub(super) fn head(&self) -> Head {
        Head { sequence: self.sequence, hash: self.hash }
    }
}

/// True where these bytes, which have no newline, may be the beginning of a first line: what a crash leaves. Anything
/// else is somebody's own file.
pub(super) fn may_start_a_chain(bytes: &[u8]) -> bool {
    let length = bytes.len().min(START.len());
    bytes.get(..length) == START.get(..length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_taken_apart_as_it_was_sealed() {
        let (mut out, mut head) = (Vec::new(), Head::default());
        seal(&mut out, br#","timestamp":"t","key":"a""#, &mut head, &Hasher::Plain);
        let first = head;
        seal(&mut out, br#","event":"closed""#, &mut head, &Hasher::Plain);
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<Line> = text.lines().map(|line| Line::parse(line.as_bytes()).unwrap()).collect();
        assert_eq!((lines[0].sequence, lines[0].prev, lines[0].is_event), (1, [0; 32], false));
        assert_eq!((lines[1].sequence, lines[1].prev, lines[1].is_event), (2, first.hash, true));
        assert_eq!(lines[1].head(), head);
        assert!(lines.iter().all(|line| line.is_whole(&Hasher::Plain)));
        assert!(text.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
    }

    #[test]
    fn other_forms_are_told_apart() {
        let (mut out, mut head) = (Vec::new(), Head::default());
        seal(&mut out, br#","timestamp":"t""#, &mut head, &Hasher::Plain);
        let good = String::from_utf8(out).unwrap();
        let good = good.trim_end();
        for bad in [
            String::new(),
            good.replace("\"hash\"", "\"hush\""),
            good.replace("sequence\":1", "sequence\":01"),
            good.replace("sequence\":1", "sequence\":"),
            good.replace("sequence\":1", "sequence\":99999999999999999999"),
            good.replace(",\"timestamp\"", ",\"time\""),
            good.replace(",\"timestamp\"", " ,\"timestamp\""),
            good.to_uppercase(),
            format!("{good} "),
        ] {
            assert!(Line::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
