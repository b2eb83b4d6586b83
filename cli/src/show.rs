//! Text that others wrote, made harmless: keys, reasons and lines of audit files must not drive a terminal.

use std::fmt::Write as _;

use checkrein::text::{escaped_key, shortened};

/// So many characters of a key or reason are shown to people; `--json` has all of it.
const SHOWN: usize = 160;

/// True for characters that could move the cursor, reorder what stands beside them, or be seen as nothing.
pub(crate) fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// A text on one line, shortened; hostile characters as the `\xNN` of their bytes, as a key is written.
pub(crate) fn line(text: &str) -> String {
    escaped(&shortened(text, SHOWN), |_| false)
}

/// A text on one line, whole.
pub(crate) fn whole(text: &str) -> String {
    escaped(text, |_| false)
}

/// A text of several lines, whole.
pub(crate) fn lines(text: &str) -> String {
    escaped(text, |c| c == '\n')
}

/// A text whose characters keep their columns.
pub(crate) fn columns(text: &str) -> String {
    text.chars().map(|c| if is_hostile(c) { '\u{fffd}' } else { c }).collect()
}

/// Bytes in the form of the audit, hostile characters escaped too: as a key may be given on the command line.
pub(crate) fn key(key: &[u8]) -> String {
    line(&escaped_key(key))
}

fn escaped(text: &str, spared: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if !is_hostile(c) || spared(c) {
            out.push(c);
            continue;
        }
        for byte in c.encode_utf8(&mut [0; 4]).bytes() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

/// A count with its noun: `1 line`, `2 lines`.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_drive_a_terminal_is_escaped() {
        assert_eq!(line("a\u{1b}[2Jb\r\n"), "a\\x1b[2Jb\\x0d\\x0a");
        assert_eq!(line("\u{9b}31m"), "\\xc2\\x9b31m");
        assert_eq!(line("a\u{202e}b\u{2066}\u{200b}"), "a\\xe2\\x80\\xaeb\\xe2\\x81\\xa6\\xe2\\x80\\x8b");
        assert_eq!(line("émoji 🙂 中"), "émoji 🙂 中");
        assert_eq!(lines("a\nb\tc"), "a\nb\\x09c");
        assert_eq!(columns("a\u{202e}b"), "a\u{fffd}b");
        assert_eq!(line(&"x".repeat(1000)).chars().count(), SHOWN + 1);
    }
}
