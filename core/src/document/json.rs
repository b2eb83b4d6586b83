//! JSON: each list or map is taken apart into slices of the text, whose addresses say where they stand.
//!
//! The whole text is checked first, so all that follows is well-formed. Each level is scanned again by its parent:
//! at most [`MAX_DEPTH`](super::MAX_DEPTH) times.

use std::fmt;
use std::sync::Arc;

use serde_core::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::node::{Budget, Entry, Fault, MAX_NODES, Node, Value};
use super::problem::Faults;

/// The tree of a JSON text.
pub(super) fn read(text: &str, faults: &mut Faults) -> Result<Node, Fault> {
    let whole: &RawValue = serde_json::from_str(text).map_err(|error| syntax(text, 0, &error))?;
    Reader { text, faults, budget: Budget::default() }.node(whole, 0)
}

struct Reader<'t, 'f> {
    text: &'t str,
    faults: &'f mut Faults,
    budget: Budget,
}

impl<'t> Reader<'t, '_> {
    fn node(&mut self, raw: &'t RawValue, depth: usize) -> Result<Node, Fault> {
        let at = self.offset(raw);
        self.budget.spend(1, at)?;
        let text = raw.get();
        let value = match text.as_bytes().first() {
            Some(b'"') => Value::Text(self.text(raw)?),
            Some(b'[') => {
                let mut items = Vec::new();
                for (_, item) in self.children(raw, depth)? {
                    items.push(self.node(item, depth + 1)?);
                }
                Value::List(items)
            }
            Some(b'{') => {
                let mut entries = Vec::new();
                for (key, value) in self.children(raw, depth)? {
                    let Some(key) = key else { continue };
                    let (at, key) = (self.offset(key), self.text(key)?);
                    entries.push(Entry { at, key, value: self.node(value, depth + 1)? });
                }
                return Ok(Node::map(at, entries, self.text, self.faults));
            }
            Some(b't') => Value::Bool(true),
            Some(b'f') => Value::Bool(false),
            Some(b'n') => Value::Nothing,
            _ => match text.parse() {
                Ok(number) => Value::Integer(number),
                Err(_) if text.contains(['.', 'e', 'E']) => {
                    Value::Other("a number with a fraction or exponent")
                }
                Err(_) => Value::Other("a number out of range"),
            },
        };
        Ok(Node { at, value })
    }

    fn children(&self, raw: &'t RawValue, depth: usize) -> Result<Vec<Child<'t>>, Fault> {
        let at = self.offset(raw);
        Budget::depth(depth + 1, at)?;
        let Children(children) =
            serde_json::from_str(raw.get()).map_err(|error| syntax(raw.get(), at, &error))?;
        Ok(children)
    }

    /// A text with its escapes resolved.
    fn text(&self, raw: &RawValue) -> Result<Arc<str>, Fault> {
        let text: String =
            serde_json::from_str(raw.get()).map_err(|error| syntax(raw.get(), self.offset(raw), &error))?;
        Ok(text.into())
    }

    /// Where a slice of the text begins in it.
    fn offset(&self, raw: &RawValue) -> usize {
        raw.get().as_ptr().addr().saturating_sub(self.text.as_ptr().addr())
    }
}

/// What the parser says about a part of the text that begins at an offset.
fn syntax(part: &str, at: usize, error: &serde_json::Error) -> Fault {
    let line = error.line().saturating_sub(1);
    let start: usize = part.split_inclusive('\n').take(line).map(str::len).sum();
    let place = (start + error.column().saturating_sub(1)).min(part.len());
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or_default();
    Fault::new(at + place, format!("this is no JSON: {message}"))
}

type Child<'t> = (Option<&'t RawValue>, &'t RawValue);

/// The parts of a list or map, untouched.
struct Children<'t>(Vec<Child<'t>>);

impl<'t> Deserialize<'t> for Children<'t> {
    fn deserialize<D: Deserializer<'t>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ChildrenVisitor)
    }
}

struct ChildrenVisitor;

impl ChildrenVisitor {
    fn fits<E: serde_core::de::Error>(count: usize) -> Result<(), E> {
        if count <= MAX_NODES { Ok(()) } else { Err(E::custom(format!("more than {MAX_NODES} values"))) }
    }
}

impl<'t> Visitor<'t> for ChildrenVisitor {
    type Value = Children<'t>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list or map")
    }

    fn visit_seq<A: SeqAccess<'t>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut children = Vec::new();
        while let Some(item) = items.next_element()? {
            children.push((None, item));
            Self::fits::<A::Error>(children.len())?;
        }
        Ok(Children(children))
    }

    fn visit_map<A: MapAccess<'t>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut children = Vec::new();
        while let Some((key, value)) = entries.next_entry()? {
            children.push((Some(key), value));
            Self::fits::<A::Error>(children.len())?;
        }
        Ok(Children(children))
    }
}
