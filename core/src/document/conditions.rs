//! `when`: what the context must say.

use compact_str::ToCompactString;

use super::keys::{ABSENT, PRESENT};
use super::node::{Entry, Node, Value};
use super::read::Reading;
use crate::glob::Glob;
use crate::hook::{Condition, Keys, Test};
use crate::text;

impl Reading<'_, '_> {
    /// The conditions of a hook; nothing where one of them is none.
    pub(super) fn conditions(&mut self, node: &Node) -> Option<Vec<Condition>> {
        let Value::Map(entries) = &node.value else { return None };
        if entries.is_empty() {
            self.faults.add(node.at, "`when` is empty: leave it out for a hook without conditions");
            return None;
        }
        if !self.fit_a_context(entries.len(), node.at) {
            return None;
        }
        let conditions: Vec<_> = entries.iter().map(|entry| self.condition(entry)).collect();
        conditions.into_iter().collect()
    }

    fn condition(&mut self, entry: &Entry) -> Option<Condition> {
        let Entry { at, key: name, value } = entry;
        let known = self.is_context_name(name, *at);
        let test = match &value.value {
            Value::Text(word) if &**word == PRESENT => Some(Test::Present),
            Value::Text(word) if &**word == ABSENT => {
                if self.content.require_context.iter().any(|required| **required == **name) {
                    let name = text::shown_key(name.as_bytes());
                    self.faults.add(
                        value.at,
                        format!(
                            "`{name}` can never be absent: `require_context` refuses operations without it"
                        ),
                    );
                }
                Some(Test::Absent)
            }
            Value::List(items) if items.is_empty() => {
                let name = text::shown_key(name.as_bytes());
                self.faults.add(
                    value.at,
                    format!("no value of `{name}` is in an empty list: the hook could never decide"),
                );
                None
            }
            Value::List(items) => {
                let globs: Vec<_> = items.iter().map(|item| self.value_glob(name, item, true)).collect();
                globs
                    .into_iter()
                    .collect::<Option<Vec<_>>>()
                    .map(|globs| Test::Matches(Keys::new(Glob::any(&globs))))
            }
            _ => self.value_glob(name, value, false).map(|glob| Test::Matches(Keys::new(glob))),
        };
        test.filter(|_| known).map(|test| Condition { name: name.to_compact_string(), test })
    }

    /// The pattern for a value: a glob, or the text that a boolean or integer stands for.
    fn value_glob(&mut self, name: &str, node: &Node, in_list: bool) -> Option<Glob> {
        let text = match &node.value {
            Value::Bool(flag) => flag.to_string(),
            Value::Integer(number) => number.to_string(),
            Value::Text(word) if in_list && (&**word == PRESENT || &**word == ABSENT) => {
                let first = word.get(..1).unwrap_or_default();
                let rest = word.get(1..).unwrap_or_default();
                self.faults.add(
                    node.at,
                    format!(
                        "`{word}` stands alone, not in a list: for the text itself write `[{first}]{rest}`"
                    ),
                );
                return None;
            }
            Value::Text(_) => return self.globs(std::slice::from_ref(node))?.pop(),
            _ => {
                let name = text::shown_key(name.as_bytes());
                let found = node.found();
                self.faults.add(
                    node.at,
                    format!("`{name}` must be `present`, `absent`, a glob in quotes, or a list of globs, not {found}"),
                );
                return None;
            }
        };
        Glob::parse(&text).ok()
    }
}
