//! From the tree to the document: one walk, which tells every problem and goes on.

use std::collections::HashMap;
use std::sync::Arc;

use super::dead::Refused;
use super::fields::Fields;
use super::node::{Fault, Node, Value};
use super::problem::Faults;
use super::{Content, Format, json, keys, toml, yaml};
use crate::context::{Context, MAX_ENTRIES, Value as ContextValue};
use crate::error::Error;
use crate::glob::{Glob, MAX_EXPANDED_CHARS};
use crate::hook::Mode;
use crate::text;

/// The most hooks of a document; one for several triggers counts at each.
pub const MAX_HOOKS: usize = 100_000;
/// The most rate limits of a document: each that applies is asked by every operation.
pub const MAX_RATE_LIMITS: usize = 1_000;
/// The most bytes of all patterns of a document, their braces written out.
pub const MAX_PATTERN_BYTES: usize = 16 * 1024 * 1024;
/// The longest name of a document or hook, in bytes.
pub const MAX_NAME_BYTES: usize = 256;
/// The longest reason of a hook, in bytes.
pub const MAX_REASON_BYTES: usize = 4096;

/// What is said of a document without anything.
pub(super) const EMPTY: &str = "the document is empty: begin it with the version, which is 1";

/// What a text says; nothing where it is no document at all. Problems are among the faults in both cases.
pub(super) fn document(source: &str, format: Format, faults: &mut Faults) -> Option<Content> {
    if source.trim().is_empty() {
        faults.add(0, EMPTY);
        return None;
    }
    let read = match format {
        Format::Yaml => yaml::read,
        Format::Json => json::read,
        Format::Toml => toml::read,
    };
    match read(source, faults) {
        Ok(root) => Reading::new(source, faults).document(&root),
        Err(Fault { at, message }) => {
            faults.add(at, message);
            None
        }
    }
}

/// A document while it is walked.
pub(super) struct Reading<'t, 'f> {
    pub(super) source: &'t str,
    pub(super) faults: &'f mut Faults,
    pub(super) content: Content,
    /// Where each name of a hook was given.
    pub(super) names: HashMap<Arc<str>, usize>,
    pub(super) refused: Refused,
    /// Patterns that were read already: aliases repeat them, and people do.
    patterns: HashMap<Arc<str>, Option<Glob>>,
    pattern_bytes: usize,
}

impl<'t, 'f> Reading<'t, 'f> {
    fn new(source: &'t str, faults: &'f mut Faults) -> Self {
        Reading {
            source,
            faults,
            content: Content::default(),
            names: HashMap::new(),
            refused: Refused::default(),
            patterns: HashMap::new(),
            pattern_bytes: 0,
        }
    }

    fn document(mut self, root: &Node) -> Option<Content> {
        if matches!(root.value, Value::Nothing) {
            self.faults.add(root.at, EMPTY);
            return None;
        }
        if let Some(other) = another_version(root) {
            // What another version knows is not ours to judge.
            let mut alone = Faults::default();
            Fields::open(&only(root, other), &keys::DOCUMENT, &mut alone)?;
            *self.faults = alone;
            return None;
        }
        let fields = Fields::open(root, &keys::DOCUMENT, self.faults)?;
        self.content.name = fields.text(keys::NAME).map(str::to_owned);
        self.content.mode = fields.text(keys::MODE).and_then(|word| Mode::parse(word).ok());
        let names = fields.items(keys::REQUIRE_CONTEXT);
        if self.fit_a_context(names.len(), fields.place(keys::REQUIRE_CONTEXT).unwrap_or(fields.at)) {
            names.iter().for_each(|name| self.required_name(name));
        }
        for hook in fields.items(keys::HOOKS) {
            if self.content.hooks.len() >= MAX_HOOKS {
                self.faults
                    .add(hook.at, format!("a document has at most {MAX_HOOKS} hooks, one for each trigger"));
                break;
            }
            self.hook(hook);
        }
        for limit in fields.items(keys::RATE_LIMITS) {
            if self.content.rate_limits.len() >= MAX_RATE_LIMITS {
                self.faults.add(limit.at, format!("a document has at most {MAX_RATE_LIMITS} rate limits"));
                break;
            }
            self.rate_limit(limit);
        }
        if let Some(audit) = fields.get(keys::AUDIT) {
            self.audit(audit);
        }
        Some(self.content)
    }

    fn required_name(&mut self, node: &Node) {
        let Some(name) = node.as_text() else { return };
        if self.is_context_name(name, node.at) {
            if self.content.require_context.iter().any(|known| **known == **name) {
                self.faults
                    .add(node.at, format!("`{}` is here twice: keep one", text::shown_key(name.as_bytes())));
            } else {
                self.content.require_context.push(name.to_string());
            }
        }
    }

    /// Whether a context can hold so many names; where not, that is a problem.
    pub(super) fn fit_a_context(&mut self, names: usize, at: usize) -> bool {
        if names > MAX_ENTRIES {
            self.faults.add(at, format!("here are {names} names, but a context has at most {MAX_ENTRIES}"));
        }
        names <= MAX_ENTRIES
    }

    /// Whether a context can hold the name; where not, that is a problem.
    pub(super) fn is_context_name(&mut self, name: &str, at: usize) -> bool {
        match Context::new().insert(name, ContextValue::Bool(true)) {
            Ok(()) => true,
            Err(error) => {
                self.faults.add(at, error.to_string());
                false
            }
        }
    }

    /// The patterns of a list, or the one; nothing where one of them is none.
    pub(super) fn globs(&mut self, nodes: &[Node]) -> Option<Vec<Glob>> {
        let globs: Vec<_> = nodes.iter().map(|node| self.glob(node)).collect();
        globs.into_iter().collect()
    }

    fn glob(&mut self, node: &Node) -> Option<Glob> {
        let pattern = node.as_text()?;
        if let Some(Some(known)) = self.patterns.get(pattern) {
            let known = known.clone();
            return self.spend(&known, node.at).then_some(known);
        }
        let parsed = match self.pattern_bytes > MAX_PATTERN_BYTES {
            true => None,
            false => Glob::parse(pattern)
                .map_err(|error| {
                    let at = self.inside(node.at, pattern, error.position);
                    let shown = text::shortened(&text::shown_key(pattern.as_bytes()), 60);
                    self.faults.add(at, format!("bad pattern `{shown}`: {}", error.message));
                })
                .ok(),
        };
        let glob = parsed.clone().filter(|glob| self.spend(glob, node.at));
        self.patterns.insert(Arc::clone(pattern), parsed);
        glob
    }

    fn spend(&mut self, glob: &Glob, at: usize) -> bool {
        let before = self.pattern_bytes;
        self.pattern_bytes += (glob.expansions() * glob.as_str().len()).min(MAX_EXPANDED_CHARS);
        let fits = self.pattern_bytes <= MAX_PATTERN_BYTES;
        if !fits && before <= MAX_PATTERN_BYTES {
            self.faults.add(
                at,
                format!("the patterns of the document come to more than {MAX_PATTERN_BYTES} bytes, braces written out"),
            );
        }
        fits
    }

    /// The offset of a place inside a text, where the text stands in the source as it is.
    fn inside(&self, at: usize, text: &str, place: usize) -> usize {
        let here = self.source.get(at..).unwrap_or_default();
        let quoted = usize::from(here.starts_with(['"', '\'']));
        match here.get(quoted..) {
            Some(rest) if rest.starts_with(text) => at + quoted + place,
            _ => at,
        }
    }

    /// Tells what another part of the core found wrong with the values of a map: at the key that it names.
    pub(super) fn blame(&mut self, fields: &Fields<'_>, error: &Error) {
        let message = error.to_string();
        let named =
            message.split('`').nth(1).and_then(|name| fields.place(name).or(fields.place_of_text(name)));
        self.faults.add(named.unwrap_or(fields.at), message);
    }
}

/// The entry of a version that this is not.
fn another_version(root: &Node) -> Option<&super::node::Entry> {
    let Value::Map(entries) = &root.value else { return None };
    let other = |node: &Node| matches!(node.value, Value::Integer(number) if number != 1);
    entries.iter().find(|entry| &*entry.key == keys::VERSION && other(&entry.value))
}

fn only(root: &Node, entry: &super::node::Entry) -> Node {
    Node { at: root.at, value: Value::Map(vec![entry.clone()]) }
}
