//! How bytes and long texts are shown to people: in messages, audit entries and tables.

use std::fmt::Write as _;

/// The longest key, in bytes, that an audit entry keeps whole; of a longer one it keeps this much and says so.
pub const MAX_AUDITED_KEY_BYTES: usize = 4096;

/// A key as text: UTF-8 as it is; `\` and bytes that are not UTF-8 as `\xNN`, so that two keys never look alike.
#[must_use]
pub fn escaped_key(key: &[u8]) -> String {
    let mut out = String::with_capacity(key.len());
    for chunk in key.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' => out.push_str("\\x5c"),
                c => out.push(c),
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

/// A key in a message: escaped, control characters too, and shortened to about 100 characters.
#[must_use]
pub fn shown_key(key: &[u8]) -> String {
    let head = key.get(..400).unwrap_or(key);
    let mut out = String::new();
    for c in escaped_key(head).chars() {
        match c {
            c if c.is_control() => {
                let _ = write!(out, "{}", c.escape_default());
            }
            c => out.push(c),
        }
    }
    let cut = shortened(&out, 100);
    if cut.len() == out.len() && head.len() < key.len() { format!("{cut}…") } else { cut }
}

/// The first `limit` characters of a text, with `…` where something was cut.
#[must_use]
pub fn shortened(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_shown_without_two_looking_alike() {
        assert_eq!(escaped_key(b"users/\xc3\xa9"), "users/é");
        assert_eq!(escaped_key(b"a\\xff"), "a\\x5cxff");
        assert_eq!(escaped_key(b"a\xff"), "a\\xff");
        assert_eq!(escaped_key(b"a\n\0"), "a\n\0");
    }

    #[test]
    fn messages_hold_no_control_characters_and_no_long_keys() {
        assert_eq!(shown_key(b"a\nb"), "a\\nb");
        assert_eq!(shown_key(&[b'k'; 1 << 20]).chars().count(), 101);
    }
}
