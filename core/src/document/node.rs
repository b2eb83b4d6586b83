//! The tree that all formats are read into: values that know where they stand.

use std::collections::HashMap;
use std::sync::Arc;

use super::problem::Faults;
use crate::text;

/// How deep lists and maps may stand in one another.
pub const MAX_DEPTH: usize = 64;
/// The most values that a document may have, those that aliases repeat included.
pub const MAX_NODES: usize = 1_000_000;

/// A value and the byte offset at which it stands.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) at: usize,
    pub(super) value: Value,
}

#[derive(Clone, Debug)]
pub(super) enum Value {
    Nothing,
    Bool(bool),
    Integer(i64),
    Text(Arc<str>),
    List(Vec<Node>),
    Map(Vec<Entry>),
    /// A value that no key takes, named for the message.
    Other(&'static str),
}

#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) at: usize,
    pub(super) key: Arc<str>,
    pub(super) value: Node,
}

/// What ended the reading of a document.
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) message: String,
}

impl Fault {
    pub(super) fn new(at: usize, message: impl Into<String>) -> Self {
        Fault { at, message: message.into() }
    }
}

/// Counts what a document holds.
#[derive(Default)]
pub(super) struct Budget {
    nodes: usize,
}

impl Budget {
    /// So many more values.
    pub(super) fn spend(&mut self, nodes: usize, at: usize) -> Result<(), Fault> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes <= MAX_NODES {
            return Ok(());
        }
        Err(Fault::new(
            at,
            format!("the document has more than {MAX_NODES} values, those that aliases repeat included"),
        ))
    }

    /// Lists and maps stand this deep here.
    pub(super) fn depth(depth: usize, at: usize) -> Result<(), Fault> {
        if depth <= MAX_DEPTH {
            return Ok(());
        }
        Err(Fault::new(at, format!("lists and maps stand more than {MAX_DEPTH} deep in one another")))
    }
}

impl Node {
    /// A map; a key that was there before is a fault.
    pub(super) fn map(at: usize, mut entries: Vec<Entry>, source: &str, faults: &mut Faults) -> Node {
        let mut known: HashMap<Arc<str>, usize> = HashMap::with_capacity(entries.len());
        entries.retain(|entry| match known.get(&entry.key) {
            None => known.insert(Arc::clone(&entry.key), entry.at).is_none(),
            Some(first) => {
                let line = faults.line_of(source, *first);
                let key = text::shown_key(entry.key.as_bytes());
                faults
                    .add(entry.at, format!("`{key}` is here twice, first in line {line}: keep one of them"));
                false
            }
        });
        Node { at, value: Value::Map(entries) }
    }

    /// How many values there are in it, itself included, and how deep lists and maps stand in it.
    pub(super) fn extent(&self) -> (usize, usize) {
        let add = |(nodes, depth): (usize, usize), child: &Node| {
            let (more, deep) = child.extent();
            (nodes + more, depth.max(deep))
        };
        match &self.value {
            Value::List(items) => {
                let (nodes, depth) = items.iter().fold((1, 0), add);
                (nodes, depth + 1)
            }
            Value::Map(entries) => {
                let (nodes, depth) = entries.iter().map(|entry| &entry.value).fold((1, 0), add);
                (nodes, depth + 1)
            }
            _ => (1, 0),
        }
    }

    pub(super) fn as_text(&self) -> Option<&Arc<str>> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A list's items, or the value itself.
    pub(super) fn one_or_more(&self) -> &[Node] {
        match &self.value {
            Value::List(items) => items,
            _ => std::slice::from_ref(self),
        }
    }

    /// What it is, for messages.
    pub(super) fn found(&self) -> String {
        match &self.value {
            Value::Nothing => "nothing".to_owned(),
            Value::Bool(flag) => format!("the boolean `{flag}`"),
            Value::Integer(number) => format!("the number {number}"),
            Value::Text(text) => format!("the text `{}`", text::shown_key(text.as_bytes())),
            Value::List(items) if items.is_empty() => "an empty list".to_owned(),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a map".to_owned(),
            Value::Other(what) => (*what).to_owned(),
        }
    }
}
