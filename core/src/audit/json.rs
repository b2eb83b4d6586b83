//! The one writer of audit JSON: entries and the events of an audit file go through these few functions, straight into
//! a buffer that the caller uses again.
//!
//! Texts and numbers are `serde_json`'s own, so that a line is what any JSON parser and our ring say alike.

use std::io::Write as _;
use std::time::{Duration, SystemTime};

/// `,"name":`; the name needs no escapes.
pub(super) fn name(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

/// A text with its quotes: only `"`, `\` and control characters are escaped.
pub(super) fn text(out: &mut Vec<u8>, text: &str) {
    // Writing to a buffer cannot fail.
    let _ = serde_json::to_writer(out, text);
}

/// A whole number.
pub(super) fn number(out: &mut Vec<u8>, number: u64) {
    let _ = serde_json::to_writer(out, &number);
}

/// `true` or `false`.
pub(super) fn flag(out: &mut Vec<u8>, flag: bool) {
    out.extend_from_slice(if flag { b"true" } else { b"false" });
}

/// Bytes as lower-case hex digits, without quotes.
pub(super) fn hex(out: &mut Vec<u8>, bytes: &[u8]) {
    let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
    out.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
}

/// `,"timestamp":"…","timestamp_ns":…`: RFC 3339, UTC, microseconds (cut, not rounded), and whole nanoseconds.
pub(super) fn time(out: &mut Vec<u8>, wall_ns: u64) {
    name(out, "timestamp");
    let _ = write!(out, "\"{}\"", humantime::format_rfc3339_micros(system_time(wall_ns)));
    name(out, "timestamp_ns");
    number(out, wall_ns);
}

/// A wall reading as the standard library's time.
pub(super) fn system_time(wall_ns: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_nanos(wall_ns)).unwrap_or(SystemTime::UNIX_EPOCH)
}
