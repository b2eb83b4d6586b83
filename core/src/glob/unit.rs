//! What `?` and a class take from a key: one whole UTF-8 character where the key holds one, else one byte.
//!
//! Reading a key from its front or from its back gives the same units, because the first byte of a character can
//! never stand inside another one. The units that a literal matches are whole for the same reason: patterns are UTF-8.

/// One unit of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// A UTF-8 character.
    Char(char),
    /// A byte that belongs to no UTF-8 character.
    Byte,
}

/// The first unit and what follows it.
pub(super) fn split_first(bytes: &[u8]) -> Option<(Unit, &[u8])> {
    let (&byte, after) = bytes.split_first()?;
    let width = match byte {
        0..0x80 => return Some((Unit::Char(char::from(byte)), after)),
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return Some((Unit::Byte, after)),
    };
    match bytes.split_at_checked(width).and_then(|(head, tail)| Some((whole_char(head)?, tail))) {
        Some((c, tail)) => Some((Unit::Char(c), tail)),
        None => Some((Unit::Byte, after)),
    }
}

/// The last unit and what stands before it.
pub(super) fn split_last(bytes: &[u8]) -> Option<(Unit, &[u8])> {
    let (&byte, before) = bytes.split_last()?;
    if byte < 0x80 {
        return Some((Unit::Char(char::from(byte)), before));
    }
    for width in 2..=4 {
        let Some(start) = bytes.len().checked_sub(width) else { break };
        if let Some((head, tail)) = bytes.split_at_checked(start)
            && let Some(c) = whole_char(tail)
        {
            return Some((Unit::Char(c), head));
        }
    }
    Some((Unit::Byte, before))
}

/// The character that these bytes are, if they are exactly one.
fn whole_char(bytes: &[u8]) -> Option<char> {
    let mut chars = std::str::from_utf8(bytes).ok()?.chars();
    let c = chars.next()?;
    chars.next().is_none().then_some(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_see_the_same_units() {
        let samples: [&[u8]; 9] = [
            b"",
            b"abc",
            "a\u{e9}\u{20ac}\u{1f600}z".as_bytes(),
            b"\xff\xfe",
            b"\xc3",
            b"\xa9\xc3\xa9\xa9",
            b"\xe2\x82",
            b"\xf0\x9f\x98\x80\x80",
            b"\xed\xa0\x80\xc0\x80",
        ];
        for bytes in samples {
            let (mut forth, mut rest) = (Vec::new(), bytes);
            while let Some((unit, after)) = split_first(rest) {
                forth.push((unit, rest.len() - after.len()));
                rest = after;
            }
            let (mut back, mut rest) = (Vec::new(), bytes);
            while let Some((unit, before)) = split_last(rest) {
                back.push((unit, rest.len() - before.len()));
                rest = before;
            }
            back.reverse();
            assert_eq!(forth, back, "{bytes:?}");
            assert_eq!(forth.iter().map(|(_, width)| width).sum::<usize>(), bytes.len());
        }
    }
}
