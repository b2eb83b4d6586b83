//! What one place of the ring holds: the entry's numbers, and all its texts in one buffer that is used again.

use smallvec::SmallVec;

use super::record::{MAX_TEXT_BYTES, Record, ScanCount, Surface};
use super::{OperationId, Verb, Verdict};
use crate::text::MAX_AUDITED_KEY_BYTES;

/// Bytes of key and texts that fit without an allocation: most entries do (a key of 30 bytes, two ids of 12, a
/// rule of 25).
const INLINE_BYTES: usize = 96;
/// `…(+N bytes)` with the largest N that a text can have.
const MARK_BYTES: usize = 32;
/// A place gives a buffer larger than this back when its next entry needs less.
const RETAINED_BYTES: usize = 1024;
/// The length that stands for "absent". Real lengths stay far below: 4,096 at most, and the mark of a cut.
const ABSENT: u16 = u16::MAX;

/// The parts of the buffer, in their order.
#[derive(Clone, Copy)]
pub(super) enum Part {
    Key,
    AgentId,
    SessionId,
    Rule,
    Reason,
    /// The two numbers of a scan, 8 bytes each, little-endian: so seldom there that they have no field.
    Scanned,
}

/// One entry, packed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Content {
    /// 0 where nothing was ever written, and while something is.
    pub(super) sequence: u64,
    pub(super) wall_ns: u64,
    pub(super) operation_id: OperationId,
    /// Bytes of the key that were cut off.
    pub(super) key_omitted: usize,
    lengths: [u16; 6],
    pub(super) surface: Surface,
    pub(super) operation: Verb,
    pub(super) result: Verdict,
    pub(super) logged: bool,
    pub(super) applied: Option<bool>,
    bytes: SmallVec<[u8; INLINE_BYTES]>,
}

impl Content {
    /// A place where nothing was written yet.
    pub(super) fn empty() -> Self {
        Content {
            sequence: 0,
            wall_ns: 0,
            operation_id: OperationId::default(),
            key_omitted: 0,
            lengths: [ABSENT; 6],
            surface: Surface::Data,
            operation: Verb::Read,
            result: Verdict::Unknown,
            logged: false,
            applied: None,
            bytes: SmallVec::new(),
        }
    }

    /// Writes a record over whatever was here, in the same buffer where that is not overly large.
    pub(super) fn write(&mut self, sequence: u64, record: &Record<'_>) {
        self.sequence = 0;
        self.wall_ns = record.time.wall_ns;
        self.operation_id = record.operation_id;
        self.surface = record.surface;
        self.operation = record.operation;
        self.result = record.result;
        self.logged = record.logged;
        self.applied = record.applied;

        let key = record.key.get(..MAX_AUDITED_KEY_BYTES).unwrap_or(record.key);
        self.key_omitted = record.key.len() - key.len();
        let texts = [record.agent_id, record.session_id, record.rule, record.reason];
        let counts = if record.scanned.is_some() { 2 * size_of::<u64>() } else { 0 };
        self.make_room(key.len() + texts.iter().flatten().map(|text| room(text)).sum::<usize>() + counts);
        self.bytes.extend_from_slice(key);
        let [agent_id, session_id, rule, reason] = texts.map(|text| self.push_text(text));
        let scanned = self.push_counts(record.scanned);
        self.lengths = [length(key.len()), agent_id, session_id, rule, reason, scanned];
        self.sequence = sequence;
    }

    /// A part as bytes; none where it is absent.
    pub(super) fn part(&self, part: Part) -> Option<&[u8]> {
        let at = part as usize;
        let present = |length: &u16| if *length == ABSENT { 0 } else { usize::from(*length) };
        let start: usize = self.lengths.iter().take(at).map(present).sum();
        let length = self.lengths.get(at).filter(|length| **length != ABSENT)?;
        self.bytes.get(start..start + usize::from(*length))
    }

    /// The key, or as much of it as is kept.
    pub(super) fn key(&self) -> &[u8] {
        self.part(Part::Key).unwrap_or_default()
    }

    /// What a scan gave; none for anything else.
    pub(super) fn scanned(&self) -> Option<ScanCount> {
        let (given, withheld) = self.part(Part::Scanned)?.split_first_chunk::<8>()?;
        let withheld = withheld.first_chunk::<8>()?;
        Some(ScanCount { given: u64::from_le_bytes(*given), withheld: u64::from_le_bytes(*withheld) })
    }

    fn push_counts(&mut self, counts: Option<ScanCount>) -> u16 {
        let Some(ScanCount { given, withheld }) = counts else { return ABSENT };
        self.bytes.extend_from_slice(&given.to_le_bytes());
        self.bytes.extend_from_slice(&withheld.to_le_bytes());
        length(2 * size_of::<u64>())
    }

    fn make_room(&mut self, needed: usize) {
        self.bytes.clear();
        if self.bytes.capacity() > needed.max(RETAINED_BYTES) {
            self.bytes = SmallVec::new();
        }
        self.bytes.reserve_exact(needed);
    }

    fn push_text(&mut self, text: Option<&str>) -> u16 {
        let Some(text) = text else { return ABSENT };
        let before = self.bytes.len();
        let mut end = text.len().min(MAX_TEXT_BYTES);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        self.bytes.extend_from_slice(text.as_bytes().get(..end).unwrap_or_default());
        if end < text.len() {
            self.bytes.extend_from_slice(cut_mark(text.len() - end).as_bytes());
        }
        length(self.bytes.len() - before)
    }
}

/// How many bytes a text takes at most, with its mark where it is to be cut.
fn room(text: &str) -> usize {
    if text.len() <= MAX_TEXT_BYTES { text.len() } else { MAX_TEXT_BYTES + MARK_BYTES }
}

/// What stands where bytes were cut off: at most [`MARK_BYTES`] of text.
pub(super) fn cut_mark(omitted: usize) -> String {
    format!("…(+{omitted} bytes)")
}

fn length(bytes: usize) -> u16 {
    u16::try_from(bytes).unwrap_or(ABSENT - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Time;

    fn record<'a>(key: &'a [u8], reason: Option<&'a str>) -> Record<'a> {
        Record {
            time: Time::default(),
            operation_id: OperationId::default(),
            surface: Surface::Data,
            operation: Verb::Write,
            key,
            result: Verdict::Allowed,
            agent_id: Some(""),
            session_id: None,
            rule: None,
            reason,
            logged: false,
            applied: None,
            scanned: None,
        }
    }

    #[test]
    fn absent_and_empty_are_told_apart() {
        let mut content = Content::empty();
        content.write(1, &record(b"", Some("why")));
        assert_eq!(content.part(Part::Key), Some(&b""[..]));
        assert_eq!(content.part(Part::AgentId), Some(&b""[..]));
        assert_eq!(content.part(Part::SessionId), None);
        assert_eq!(content.part(Part::Reason), Some(&b"why"[..]));
    }

    #[test]
    fn a_usual_entry_allocates_nothing() {
        let mut content = Content::empty();
        content.write(1, &record(&[b'k'; 40], Some(&"r".repeat(50))));
        assert!(!content.bytes.spilled());
    }

    #[test]
    fn an_unusually_large_buffer_is_given_back() {
        let mut content = Content::empty();
        content.write(1, &record(&[b'k'; 1 << 20], Some(&"r".repeat(1 << 20))));
        assert_eq!(content.bytes.capacity(), MAX_AUDITED_KEY_BYTES + MAX_TEXT_BYTES + MARK_BYTES);
        assert!(cut_mark(usize::MAX).len() <= MARK_BYTES);
        content.write(2, &record(b"k", None));
        assert!(!content.bytes.spilled());
        content.write(3, &record(&[b'k'; 500], None));
        content.write(4, &record(b"k", None));
        assert_eq!(content.bytes.capacity(), 500, "a moderate buffer is used again");
    }

    #[test]
    fn texts_are_cut_at_a_character() {
        let reason = "é".repeat(MAX_TEXT_BYTES);
        let odd = format!("x{reason}");
        let mut content = Content::empty();
        content.write(1, &record(b"k", Some(&odd)));
        let kept = std::str::from_utf8(content.part(Part::Reason).unwrap()).unwrap();
        assert_eq!(kept, format!("x{}…(+{} bytes)", "é".repeat(511), 2048 - 1022));
    }

    #[test]
    fn a_place_in_the_ring_is_three_cache_lines_at_most() {
        assert!(size_of::<Content>() <= 192, "{}", size_of::<Content>());
    }
}
