//! TOML, through the spanned tables of its own parser.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::node::{Budget, Entry, Fault, MAX_NODES, Node, Value};
use super::problem::Faults;

/// The most words of a TOML text.
const MAX_WORDS: usize = 5 * MAX_NODES;

/// The tree of a TOML text.
pub(super) fn read(text: &str, faults: &mut Faults) -> Result<Node, Fault> {
    bounded(text)?;
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        let message = error.message().lines().collect::<Vec<_>>().join(", ");
        Fault::new(at, format!("this is no TOML: {message}"))
    })?;
    Reader { text, faults, budget: Budget::default() }.table(0, table.get_ref(), 0)
}

/// The parser has no bound of its own and takes some 100 bytes for each word: what a document of so many values has
/// at most is counted first.
fn bounded(text: &str) -> Result<(), Fault> {
    let mut words = 0;
    let mut inside = false;
    for (at, byte) in text.bytes().enumerate() {
        let word = byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-') || !byte.is_ascii();
        let goes_on = byte.is_ascii_whitespace() || (word && inside);
        words += usize::from(!goes_on);
        inside = word;
        if words > MAX_WORDS {
            return Err(Fault::new(at, format!("the document has more than {} words", MAX_WORDS)));
        }
    }
    Ok(())
}

struct Reader<'t, 'f> {
    text: &'t str,
    faults: &'f mut Faults,
    budget: Budget,
}

impl Reader<'_, '_> {
    fn table(&mut self, at: usize, table: &DeTable<'_>, depth: usize) -> Result<Node, Fault> {
        self.budget.spend(1, at)?;
        Budget::depth(depth + 1, at)?;
        // The parser sorts by key; problems are told, and hooks stand, in the order of the text.
        let mut sorted: Vec<_> = table.iter().collect();
        sorted.sort_by_key(|(key, _)| key.span().start);
        let mut entries = Vec::with_capacity(sorted.len());
        for (key, value) in sorted {
            let (at, key) = (key.span().start, key.get_ref().as_ref().into());
            entries.push(Entry { at, key, value: self.node(value, depth + 1)? });
        }
        Ok(Node::map(at, entries, self.text, self.faults))
    }

    fn node(&mut self, value: &Spanned<DeValue<'_>>, depth: usize) -> Result<Node, Fault> {
        let at = value.span().start;
        let value = match value.get_ref() {
            DeValue::Table(table) => return self.table(at, table, depth),
            DeValue::Array(array) => {
                Budget::depth(depth + 1, at)?;
                let mut items = Vec::with_capacity(array.len());
                for item in array.iter() {
                    items.push(self.node(item, depth + 1)?);
                }
                Value::List(items)
            }
            DeValue::String(text) => Value::Text(text.as_ref().into()),
            DeValue::Boolean(flag) => Value::Bool(*flag),
            DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) => Value::Integer(number),
                Err(_) => Value::Other("a number out of range"),
            },
            DeValue::Float(_) => Value::Other("a number with a fraction or exponent"),
            DeValue::Datetime(_) => Value::Other("a date or time"),
        };
        self.budget.spend(1, at)?;
        Ok(Node { at, value })
    }
}
