//! An entry as it is read: a plain map whose names and order are the same in every language.

use std::borrow::Cow;
use std::fmt;

use super::content::{Content, Part, cut_mark};
use super::json;
use super::{OperationId, Record, ScanCount, Surface, Verb, Verdict};

/// One audited operation, copied out of the ring.
///
/// It holds the key's bytes and makes its texts when they are asked for.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry(Content);

/// The value of one field of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldValue<'a> {
    /// Text.
    Text(Cow<'a, str>),
    /// An integer, 0 or more.
    Int(u64),
    /// A boolean.
    Bool(bool),
}

impl Entry {
    pub(super) fn new(content: Content) -> Self {
        Entry(content)
    }

    /// A record that stands in no ring: its sequence is the one given.
    pub(crate) fn of(sequence: u64, record: &Record<'_>) -> Self {
        let mut content = Content::empty();
        content.write(sequence, record);
        Entry(content)
    }

    /// Its number: from 1, without a gap, in the order of appending. 0 for one that was decided and is not done.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.0.sequence
    }

    /// When the operation ended: RFC 3339 text, UTC, microseconds (the nanoseconds are cut, not rounded).
    #[must_use]
    pub fn timestamp(&self) -> String {
        humantime::format_rfc3339_micros(json::system_time(self.0.wall_ns)).to_string()
    }

    /// When the operation ended: nanoseconds since 1970-01-01 UTC.
    #[must_use]
    pub fn timestamp_ns(&self) -> u64 {
        self.0.wall_ns
    }

    /// Which operation it was.
    #[must_use]
    pub fn operation_id(&self) -> OperationId {
        self.0.operation_id
    }

    /// Which surface guarded it.
    #[must_use]
    pub fn surface(&self) -> Surface {
        self.0.surface
    }

    /// What was to be done.
    #[must_use]
    pub fn operation(&self) -> Verb {
        self.0.operation
    }

    /// The key as text: `\` and bytes that are not UTF-8 as `\xNN`; a cut one ends with `…(+N bytes)`.
    #[must_use]
    pub fn key(&self) -> String {
        let mut key = crate::text::escaped_key(self.0.key());
        if self.0.key_omitted > 0 {
            key.push_str(&cut_mark(self.0.key_omitted));
        }
        key
    }

    /// The key's bytes, at most [`MAX_AUDITED_KEY_BYTES`](crate::text::MAX_AUDITED_KEY_BYTES) of them.
    #[must_use]
    pub fn key_bytes(&self) -> &[u8] {
        self.0.key()
    }

    /// How it ended.
    #[must_use]
    pub fn result(&self) -> Verdict {
        self.0.result
    }

    /// Who acted, where the context said.
    #[must_use]
    pub fn agent_id(&self) -> Option<Cow<'_, str>> {
        self.text(Part::AgentId)
    }

    /// In which session, where the context said.
    #[must_use]
    pub fn session_id(&self) -> Option<Cow<'_, str>> {
        self.text(Part::SessionId)
    }

    /// The hook or limit that decided, where one did.
    #[must_use]
    pub fn rule(&self) -> Option<Cow<'_, str>> {
        self.text(Part::Rule)
    }

    /// Why, where there is more to say than the result.
    #[must_use]
    pub fn reason(&self) -> Option<Cow<'_, str>> {
        self.text(Part::Reason)
    }

    /// True where a hook answered `Log`.
    #[must_use]
    pub fn logged(&self) -> bool {
        self.0.logged
    }

    /// Whether the store had done it, where the result alone does not say.
    #[must_use]
    pub fn applied(&self) -> Option<bool> {
        self.0.applied
    }

    /// What a scan gave; none for any other operation.
    #[must_use]
    pub fn scanned(&self) -> Option<ScanCount> {
        self.0.scanned()
    }

    /// The entry as a plain map: names and values in the canonical order, absent ones left out.
    ///
    /// `agent_id`, `session_id`, `rule`, `reason` and `applied` may be absent, and `given` and `withheld` are there
    /// for a scan only; all others are always there, `logged` as false where nothing was flagged. What a strict sink
    /// is told before the store is asked has no `sequence` yet.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, FieldValue<'_>)> {
        let word = |word: &'static str| Some(FieldValue::Text(Cow::Borrowed(word)));
        let number = |number: Option<u64>| number.map(FieldValue::Int);
        let scanned = self.scanned();
        let made = |text: String| Some(FieldValue::Text(Cow::Owned(text)));
        [
            ("sequence", number(Some(self.sequence()).filter(|sequence| *sequence > 0))),
            ("timestamp", made(self.timestamp())),
            ("timestamp_ns", Some(FieldValue::Int(self.timestamp_ns()))),
            ("operation_id", made(self.operation_id().to_string())),
            ("surface", word(self.surface().as_str())),
            ("operation", word(self.operation().as_str())),
            ("key", made(self.key())),
            ("result", word(self.result().as_str())),
            ("agent_id", self.agent_id().map(FieldValue::Text)),
            ("session_id", self.session_id().map(FieldValue::Text)),
            ("rule", self.rule().map(FieldValue::Text)),
            ("reason", self.reason().map(FieldValue::Text)),
            ("logged", Some(FieldValue::Bool(self.logged()))),
            ("applied", self.applied().map(FieldValue::Bool)),
            ("given", number(scanned.map(|scanned| scanned.given))),
            ("withheld", number(scanned.map(|scanned| scanned.withheld))),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
    }

    /// The entry as one canonical line of JSON, without a newline: [`fields`](Self::fields) in their order, no
    /// spaces, only `"`, `\` and control characters escaped.
    #[must_use]
    pub fn to_json_line(&self) -> String {
        let mut line = Vec::with_capacity(320);
        if self.sequence() > 0 {
            line.extend_from_slice(b"{\"sequence\":");
            json::number(&mut line, self.sequence());
        }
        self.write_json_fields(&mut line);
        // Without a sequence the first comma stands where the brace belongs.
        if let Some(first) = line.first_mut() {
            *first = b'{';
        }
        line.push(b'}');
        String::from_utf8_lossy(&line).into_owned()
    }

    /// The fields after `sequence`, each with a comma before it: what an audit file numbers itself.
    pub(super) fn write_json_fields(&self, out: &mut Vec<u8>) {
        json::time(out, self.0.wall_ns);
        json::name(out, "operation_id");
        out.push(b'"');
        json::hex(out, &self.0.operation_id.as_u128().to_be_bytes());
        out.push(b'"');
        let text = |out: &mut Vec<u8>, name: &str, text: &str| {
            json::name(out, name);
            json::text(out, text);
        };
        text(out, "surface", self.surface().as_str());
        text(out, "operation", self.operation().as_str());
        match std::str::from_utf8(self.0.key()) {
            Ok(key) if self.0.key_omitted == 0 && !key.contains('\\') => text(out, "key", key),
            _ => text(out, "key", &self.key()),
        }
        text(out, "result", self.result().as_str());
        for (name, part) in [
            ("agent_id", Part::AgentId),
            ("session_id", Part::SessionId),
            ("rule", Part::Rule),
            ("reason", Part::Reason),
        ] {
            if let Some(value) = self.text(part) {
                text(out, name, &value);
            }
        }
        json::name(out, "logged");
        json::flag(out, self.logged());
        if let Some(applied) = self.applied() {
            json::name(out, "applied");
            json::flag(out, applied);
        }
        if let Some(ScanCount { given, withheld }) = self.scanned() {
            json::name(out, "given");
            json::number(out, given);
            json::name(out, "withheld");
            json::number(out, withheld);
        }
    }

    fn text(&self, part: Part) -> Option<Cow<'_, str>> {
        self.0.part(part).map(String::from_utf8_lossy)
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_json_line())
    }
}

impl From<FieldValue<'_>> for serde_json::Value {
    fn from(value: FieldValue<'_>) -> Self {
        match value {
            FieldValue::Text(text) => text.into(),
            FieldValue::Int(number) => number.into(),
            FieldValue::Bool(flag) => flag.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::*;

    use super::*;
    use crate::audit::{AuditFilter, AuditLog, Record};
    use crate::clock::Time;

    /// The line as `fields` and `serde_json` make it, slowly.
    fn slowly(entry: &Entry) -> String {
        let mut line = String::new();
        for (name, value) in entry.fields() {
            line.push(if line.is_empty() { '{' } else { ',' });
            write!(line, "\"{name}\":{}", serde_json::Value::from(value)).unwrap();
        }
        line + "}"
    }

    proptest! {
        #[test]
        fn the_line_is_what_the_fields_say(
            key in proptest::collection::vec(any::<u8>(), 0..40),
            texts in proptest::collection::vec(proptest::option::of(any::<String>()), 4),
            wall_ns in any::<u64>(), id in any::<u128>(), logged in any::<bool>(), applied in any::<Option<bool>>(),
            scanned in any::<Option<(u64, u64)>>(),
            long in proptest::bool::weighted(0.1),
        ) {
            let log = AuditLog::new(1).unwrap();
            let key = if long { key.repeat(1000) } else { key };
            log.append(&Record {
                time: Time { monotonic_ns: 0, wall_ns },
                operation_id: OperationId::from_u128(id),
                surface: Surface::Data,
                operation: Verb::Scan,
                key: &key,
                result: Verdict::RateLimited,
                agent_id: texts[0].as_deref(),
                session_id: texts[1].as_deref(),
                rule: texts[2].as_deref(),
                reason: texts[3].as_deref(),
                logged,
                applied,
                scanned: scanned.map(|(given, withheld)| ScanCount { given, withheld }),
            });
            let entry = log.entries(&AuditFilter::new()).pop().unwrap();
            prop_assert_eq!(entry.to_json_line(), slowly(&entry));
        }
    }
}
