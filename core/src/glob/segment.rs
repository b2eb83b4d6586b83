//! One segment of a pattern that holds a wildcard, as the pieces between its `*`.
//!
//! The first piece stands at the front, the last at the back, and each of the others where it first fits after the
//! one before it: taking the first fit is always right, since a piece spans a fixed number of units. So a segment
//! costs at most its own length times the key's, and there is nothing to go back to.

use memchr::memmem;

use super::class::Class;
use super::unit;

/// A segment with at least one `*`, `?` or class.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Segment {
    head: Piece,
    // What follows the first `*`; none where there is no `*`.
    starred: Option<Starred>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Starred {
    middle: Box<[Piece]>,
    tail: Piece,
}

/// What stands between two `*`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Piece {
    atoms: Vec<Atom>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Atom {
    Text(Vec<u8>),
    /// `?`
    One,
    Class(Class),
}

impl Segment {
    /// The segment of these pieces, with a `*` between each two.
    pub(super) fn new(pieces: Vec<Piece>) -> Self {
        let mut pieces = pieces.into_iter();
        let head = pieces.next().unwrap_or_default();
        let starred = pieces.next_back().map(|tail| Starred { middle: pieces.collect(), tail });
        Segment { head, starred }
    }

    /// True where the pattern matches the whole of a key's segment.
    pub(super) fn matches(&self, segment: &[u8]) -> bool {
        let Some(rest) = self.head.strip_front(segment) else { return false };
        let Some(starred) = &self.starred else { return rest.is_empty() };
        let Some(mut rest) = starred.tail.strip_back(rest) else { return false };
        for piece in &starred.middle {
            match piece.find(rest) {
                Some(after) => rest = after,
                None => return false,
            }
        }
        true
    }

    /// The literal bytes that every match begins with.
    pub(super) fn prefix(&self) -> &[u8] {
        match self.head.atoms.first() {
            Some(Atom::Text(text)) => text,
            _ => b"",
        }
    }

    /// The literal bytes that every match ends with; never overlaps the prefix in a match.
    pub(super) fn suffix(&self) -> &[u8] {
        let last = match &self.starred {
            Some(starred) => starred.tail.atoms.last(),
            // One atom alone is the prefix already.
            None => self.head.atoms.get(1..).and_then(<[Atom]>::last),
        };
        match last {
            Some(Atom::Text(text)) => text,
            _ => b"",
        }
    }

    /// Every literal that a match must hold.
    pub(super) fn literals(&self) -> impl Iterator<Item = &[u8]> {
        let starred = self.starred.iter();
        let rest = starred.flat_map(|starred| starred.middle.iter().chain([&starred.tail]));
        std::iter::once(&self.head).chain(rest).flat_map(|piece| &piece.atoms).filter_map(|atom| match atom {
            Atom::Text(text) => Some(text.as_slice()),
            _ => None,
        })
    }
}

impl Piece {
    pub(super) fn push_char(&mut self, c: char) {
        let mut buffer = [0; 4];
        let bytes = c.encode_utf8(&mut buffer).as_bytes();
        match self.atoms.last_mut() {
            Some(Atom::Text(text)) => text.extend_from_slice(bytes),
            _ => self.atoms.push(Atom::Text(bytes.to_vec())),
        }
    }

    pub(super) fn push_one(&mut self) {
        self.atoms.push(Atom::One);
    }

    pub(super) fn push_class(&mut self, class: Class) {
        self.atoms.push(Atom::Class(class));
    }

    fn strip_front<'k>(&self, mut bytes: &'k [u8]) -> Option<&'k [u8]> {
        for atom in &self.atoms {
            bytes = match atom {
                Atom::Text(text) => bytes.strip_prefix(text.as_slice())?,
                Atom::One => unit::split_first(bytes)?.1,
                Atom::Class(class) => {
                    let (unit, after) = unit::split_first(bytes)?;
                    class.matches(unit).then_some(after)?
                }
            };
        }
        Some(bytes)
    }

    fn strip_back<'k>(&self, mut bytes: &'k [u8]) -> Option<&'k [u8]> {
        for atom in self.atoms.iter().rev() {
            bytes = match atom {
                Atom::Text(text) => bytes.strip_suffix(text.as_slice())?,
                Atom::One => unit::split_last(bytes)?.1,
                Atom::Class(class) => {
                    let (unit, before) = unit::split_last(bytes)?;
                    class.matches(unit).then_some(before)?
                }
            };
        }
        Some(bytes)
    }

    /// What follows the first place where the piece fits.
    fn find<'k>(&self, mut bytes: &'k [u8]) -> Option<&'k [u8]> {
        if let [Atom::Text(text)] = self.atoms.as_slice() {
            let at = memmem::find(bytes, text)?;
            return bytes.get(at + text.len()..);
        }
        loop {
            if let Some(after) = self.strip_front(bytes) {
                return Some(after);
            }
            bytes = unit::split_first(bytes)?.1;
        }
    }
}
