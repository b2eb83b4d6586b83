//! Checks a map against its table: unknown and missing keys, wrong types. What passes can be taken out by name.

use super::node::{Entry, Node, Value};
use super::problem::Faults;
use super::table::{Key, Shape, Table};
use crate::text;

/// The keys of a map that are known and have a value of the right shape.
pub(super) struct Fields<'n> {
    pub(super) at: usize,
    sound: Vec<(&'static Key, &'n Entry)>,
    /// Every key of the table that stands in the map, also with a value that does not fit.
    given: Vec<(&'static str, usize)>,
    /// What misspelt keys were probably meant to be: nobody needs to be told that these are missing.
    meant: Vec<&'static str>,
}

impl<'n> Fields<'n> {
    /// Checks a map; nothing where the value is no map.
    pub(super) fn open(node: &'n Node, table: &'static Table, faults: &mut Faults) -> Option<Self> {
        let Value::Map(entries) = &node.value else {
            faults.add(node.at, format!("{} is a map, not {}", table.what, node.found()));
            return None;
        };
        let mut fields = Fields { at: node.at, sound: Vec::new(), given: Vec::new(), meant: Vec::new() };
        for entry in entries {
            let Some(key) = table.keys.iter().find(|key| key.name == &*entry.key) else {
                if faults.is_full() {
                    faults.skip();
                    continue;
                }
                let meant = near(&entry.key, table.known().map(|key| key.name));
                faults.add(entry.at, unknown(&entry.key, meant, table));
                fields.meant.extend(meant);
                continue;
            };
            fields.given.push((key.name, entry.at));
            if fits(&entry.value, key.name, &key.shape, entry.at, faults) {
                fields.sound.push((key, entry));
            }
        }
        fields.complete(table, faults);
        Some(fields)
    }

    fn complete(&self, table: &'static Table, faults: &mut Faults) {
        for key in table.keys.iter().filter(|key| key.required) {
            let name = key.name;
            if self.mentions(name) || self.meant.contains(&name) {
                continue;
            }
            faults.add(self.at, format!("{} needs `{name}`: {}", table.what, key.shape.expected()));
        }
        for choice in table.choices {
            let mut given = self.given.iter().filter(|(name, _)| choice.of.contains(name));
            match (given.next(), given.next()) {
                (Some((first, _)), Some((second, at))) => faults.add(
                    *at,
                    format!(
                        "`{second}` cannot stand beside `{first}`: keep one of {}",
                        listed(choice.of, "and")
                    ),
                ),
                (None, _) if choice.required && !choice.of.iter().any(|name| self.meant.contains(name)) => {
                    faults.add(self.at, format!("{} needs one of {}", table.what, listed(choice.of, "and")));
                }
                _ => {}
            }
        }
    }

    /// A value of the right shape.
    pub(super) fn get(&self, name: &str) -> Option<&'n Node> {
        self.sound.iter().find(|(key, _)| key.name == name).map(|(_, entry)| &entry.value)
    }

    pub(super) fn text(&self, name: &str) -> Option<&'n str> {
        self.get(name)?.as_text().map(|text| &**text)
    }

    pub(super) fn number(&self, name: &str) -> Option<u64> {
        match self.get(name)?.value {
            Value::Integer(number) => u64::try_from(number).ok(),
            _ => None,
        }
    }

    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        match self.get(name)?.value {
            Value::Bool(flag) => Some(flag),
            _ => None,
        }
    }

    /// The items of a list; none where it is not there.
    pub(super) fn items(&self, name: &str) -> &'n [Node] {
        self.get(name).map_or(&[], Node::one_or_more)
    }

    /// Whether the key stands there, with whatever value.
    pub(super) fn mentions(&self, name: &str) -> bool {
        self.place(name).is_some()
    }

    /// Where this text stands as a value.
    pub(super) fn place_of_text(&self, text: &str) -> Option<usize> {
        let same = |entry: &&&Entry| entry.value.as_text().is_some_and(|value| **value == *text);
        self.sound.iter().map(|(_, entry)| entry).find(same).map(|entry| entry.value.at)
    }

    /// Where the key stands.
    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.given.iter().find(|(given, _)| *given == name).map(|(_, at)| *at)
    }
}

/// Checks a value, and the items of a list that are no maps: maps are opened by whoever reads them.
fn fits(node: &Node, name: &str, shape: &Shape, key_at: usize, faults: &mut Faults) -> bool {
    match (shape, &node.value) {
        (Shape::Later, _) => {
            faults.add(key_at, format!("this version of checkrein does not have `{name}` yet: take it out"));
            false
        }
        (Shape::OneOrMore(one), Value::List(items)) if !items.is_empty() => {
            all_fit(items, name, one, key_at, faults)
        }
        (Shape::OneOrMore(one), value)
            if !matches!(value, Value::List(_) | Value::Map(_) | Value::Nothing) =>
        {
            fits(node, name, one, key_at, faults)
        }
        (Shape::List(Shape::Map(_)), Value::List(_))
        | (Shape::Map(_) | Shape::Conditions, Value::Map(_))
        | (Shape::AnyText, Value::Text(_))
        | (Shape::Flag, Value::Bool(_))
        | (Shape::Version, Value::Integer(1)) => true,
        (Shape::List(one), Value::List(items)) => all_fit(items, name, one, key_at, faults),
        (Shape::Glob, Value::Text(_)) => true,
        (Shape::Text { most_bytes }, Value::Text(text))
            if text.trim().is_empty() || text.len() > *most_bytes =>
        {
            let message = match text.trim().is_empty() {
                true => format!("`{name}` is empty: write something, or leave it out"),
                false => format!("`{name}` has {} bytes, at most {most_bytes} are allowed", text.len()),
            };
            faults.add(node.at, message);
            false
        }
        (Shape::Text { .. }, Value::Text(_)) => true,
        (Shape::Integer { least, most }, Value::Integer(number)) if least <= number && number <= most => true,
        (Shape::Word(words), Value::Text(text)) if words.contains(&&**text) => true,
        (Shape::Word(words), Value::Text(word)) => {
            let shown = text::shown_key(word.as_bytes());
            let advice = match near(word, words.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("write {}", listed(words, "or")),
            };
            faults.add(node.at, format!("`{shown}` is no `{name}`: {advice}"));
            false
        }
        _ => {
            // Nothing has no place of its own.
            let at = if matches!(node.value, Value::Nothing) { key_at } else { node.at };
            faults.add(at, mismatch(node, name, shape));
            false
        }
    }
}

/// Checks every item, also behind one that does not fit.
fn all_fit(items: &[Node], name: &str, shape: &Shape, key_at: usize, faults: &mut Faults) -> bool {
    let unfit = items.iter().filter(|item| !fits(item, name, shape, key_at, faults));
    unfit.count() == 0
}

fn mismatch(node: &Node, name: &str, shape: &Shape) -> String {
    if let (Shape::Version, Value::Integer(number)) = (shape, &node.value) {
        return format!("this version of checkrein reads documents with `{name}: 1`, not {number}");
    }
    let (expected, found) = (shape.expected(), node.found());
    let leaf = match shape {
        Shape::OneOrMore(shape) => shape,
        shape => shape,
    };
    let advice = match (leaf, &node.value) {
        (
            Shape::Text { .. } | Shape::AnyText | Shape::Glob,
            Value::Bool(_) | Value::Integer(_) | Value::Other(_),
        ) => ": put it in quotes",
        (Shape::Integer { .. } | Shape::Version, Value::Text(text)) if text.parse::<u64>().is_ok() => {
            ": leave the quotes away"
        }
        (Shape::Flag, Value::Text(text)) if matches!(&**text, "true" | "false") => ": leave the quotes away",
        (Shape::List(Shape::Map(_)), Value::Map(_)) => {
            return format!(
                "`{name}` must be {expected}, not {found}: begin each with `- ` in YAML, with `[[{name}]]` in TOML"
            );
        }
        (Shape::List(_), Value::Text(_)) => ": put it in brackets",
        _ => "",
    };
    format!("`{name}` must be {expected}, not {found}{advice}")
}

fn unknown(key: &str, meant: Option<&str>, table: &Table) -> String {
    let shown = text::shown_key(key.as_bytes());
    match meant {
        Some(meant) => format!("{} has no `{shown}`: did you mean `{meant}`?", table.what),
        None => {
            let names: Vec<_> = table.known().map(|key| key.name).collect();
            format!("{} has no `{shown}`: it knows {}", table.what, listed(&names, "and"))
        }
    }
}

/// The known word that was probably meant.
pub(super) fn near<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    if word.len() > 40 {
        return None;
    }
    let bare = |word: &str| word.replace(['-', '_', ' '], "").to_lowercase();
    let meant = bare(word);
    let distance = |known: &str| {
        let known = bare(known);
        // A beginning of some length is as near as two slips are.
        if meant.len() > 3 && known.starts_with(&meant) {
            return 2.min(known.len() - meant.len());
        }
        strsim::damerau_levenshtein(&meant, &known)
    };
    known
        .map(|known| (distance(known), known))
        .filter(|(distance, known)| *distance <= (known.len() / 3).min(2))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// The words in backticks: "`a`, `b` or `c`".
pub(super) fn listed(words: &[&str], last: &str) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((end, [])) => end.clone(),
        Some((end, before)) => format!("{} {last} {end}", before.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant_is_near() {
        let known = ["on", "keys", "unless_keys", "max_per_minute", "max_per_hour", "hooks"];
        for (word, meant) in [
            ("key", "keys"),
            ("Keys", "keys"),
            ("unlessKeys", "unless_keys"),
            ("max_per_min", "max_per_minute"),
            ("max-per-hour", "max_per_hour"),
            ("hoosk", "hooks"),
            ("unless", "unless_keys"),
            ("ON", "on"),
        ] {
            assert_eq!(near(word, known.into_iter()), Some(meant), "{word}");
        }
        for word in ["", "in", "policies", "max", "keyring"] {
            assert_eq!(near(word, known.into_iter()), None, "{word}");
        }
    }
}
