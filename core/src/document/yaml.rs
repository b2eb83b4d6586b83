//! YAML 1.2 with its core types, from the events of a parser: no recursion, aliases written out within a bound.

use std::collections::HashMap;
use std::sync::Arc;

use granit_parser::{Event, Options, Parser, ScalarStyle, ScanError, Span, Tag};

use super::node::{Budget, Entry, Fault, MAX_DEPTH, Node, Value};
use super::problem::Faults;
use super::read::EMPTY;
use crate::text;

/// The tree of a YAML text.
pub(super) fn read(text: &str, faults: &mut Faults) -> Result<Node, Fault> {
    let mut options = Options::default();
    options.set_emit_comments(false);
    // One more than the tree takes, so that the message is the tree's.
    options.flow_nesting_limit = MAX_DEPTH + 1;
    options.block_nesting_limit = MAX_DEPTH + 1;
    let mut builder = Builder {
        text,
        faults,
        budget: Budget::default(),
        open: Vec::new(),
        known: HashMap::new(),
        root: None,
    };
    for next in Parser::new_from_str_with_options(text, options) {
        let (event, span) = next.map_err(|error| syntax(&error))?;
        builder.take(event, &span)?;
    }
    builder.root.ok_or_else(|| Fault::new(0, EMPTY))
}

fn syntax(error: &ScanError) -> Fault {
    Fault::new(error.marker().byte_offset().unwrap_or_default(), format!("this is no YAML: {}", error.info()))
}

/// A list or map whose end has not come.
struct Open {
    at: usize,
    anchor: usize,
    parts: Parts,
}

enum Parts {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, key: Option<(usize, Arc<str>)> },
}

struct Builder<'t, 'f> {
    text: &'t str,
    faults: &'f mut Faults,
    budget: Budget,
    open: Vec<Open>,
    /// What has an anchor, by its number.
    known: HashMap<usize, Node>,
    root: Option<Node>,
}

impl Builder<'_, '_> {
    fn take(&mut self, event: Event<'_>, span: &Span) -> Result<(), Fault> {
        let at = span.start.byte_offset().unwrap_or_default();
        match event {
            Event::DocumentStart(..) if self.root.is_some() => Err(Fault::new(
                at,
                "here a second document begins: a policy document is one, put each in a file of its own",
            )),
            Event::Scalar(text, style, anchor, tag) => {
                if self.awaits_key() {
                    return self.key(at, &text, style, anchor, tag.is_some());
                }
                let value = scalar(at, &text, style, tag.as_deref())?;
                self.place(Node { at, value }, anchor, 1)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.begin(at, anchor, tag.as_deref(), "seq", Parts::List(Vec::new()))
            }
            Event::MappingStart(_, anchor, tag) => {
                self.begin(at, anchor, tag.as_deref(), "map", Parts::Map { entries: Vec::new(), key: None })
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(number) => self.alias(at, number),
            _ => Ok(()),
        }
    }

    fn awaits_key(&self) -> bool {
        matches!(self.open.last(), Some(Open { parts: Parts::Map { key: None, .. }, .. }))
    }

    fn key(
        &mut self,
        at: usize,
        text: &str,
        style: ScalarStyle,
        anchor: usize,
        tagged: bool,
    ) -> Result<(), Fault> {
        if tagged {
            return Err(Fault::new(at, "a key has no tag: write it as plain text"));
        }
        if style == ScalarStyle::Plain && text == "<<" {
            return Err(Fault::new(at, "merge keys (`<<`) are not supported: write the keys out"));
        }
        if style == ScalarStyle::Plain && text.is_empty() {
            return Err(Fault::new(at, "here a key is missing"));
        }
        if anchor != 0 {
            self.known.insert(anchor, Node { at, value: Value::Text(text.into()) });
        }
        if let Some(Open { parts: Parts::Map { key, .. }, .. }) = self.open.last_mut() {
            *key = Some((at, text.into()));
        }
        Ok(())
    }

    fn begin(
        &mut self,
        at: usize,
        anchor: usize,
        tag: Option<&Tag>,
        core: &str,
        parts: Parts,
    ) -> Result<(), Fault> {
        if self.awaits_key() {
            return Err(Fault::new(at, "a key is text, not a list or map"));
        }
        if let Some(tag) = tag.filter(|tag| !tag.is_yaml_core_schema_tag(core)) {
            return Err(unknown_tag(at, tag));
        }
        Budget::depth(self.open.len() + 1, at)?;
        self.open.push(Open { at, anchor, parts });
        Ok(())
    }

    fn end(&mut self) -> Result<(), Fault> {
        let Some(Open { at, anchor, parts }) = self.open.pop() else { return Ok(()) };
        let node = match parts {
            Parts::List(items) => Node { at, value: Value::List(items) },
            Parts::Map { entries, .. } => Node::map(at, entries, self.text, self.faults),
        };
        self.place(node, anchor, 1)
    }

    fn alias(&mut self, at: usize, number: usize) -> Result<(), Fault> {
        if self.awaits_key() {
            return Err(Fault::new(at, "a key is text, not an alias"));
        }
        let Some(node) = self.known.get(&number) else {
            return Err(Fault::new(at, "this alias stands inside what it repeats"));
        };
        let (nodes, depth) = node.extent();
        self.budget.spend(nodes, at)?;
        Budget::depth(self.open.len() + depth, at)?;
        let node = node.clone();
        self.place(node, 0, 0)
    }

    /// Puts a finished value into what is open.
    fn place(&mut self, node: Node, anchor: usize, nodes: usize) -> Result<(), Fault> {
        self.budget.spend(nodes, node.at)?;
        if anchor != 0 {
            // The copy counts: anchors within anchors hold what is in them again.
            self.budget.spend(node.extent().0, node.at)?;
            self.known.insert(anchor, node.clone());
        }
        match self.open.last_mut().map(|open| &mut open.parts) {
            None => self.root = Some(node),
            Some(Parts::List(items)) => items.push(node),
            Some(Parts::Map { entries, key }) => {
                if let Some((at, key)) = key.take() {
                    entries.push(Entry { at, key, value: node });
                }
            }
        }
        Ok(())
    }
}

/// The value of a scalar by the core schema; a tag of the core says which one is meant.
fn scalar(at: usize, text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, Fault> {
    let Some(tag) = tag else {
        return Ok(if style == ScalarStyle::Plain { core(text) } else { Value::Text(text.into()) });
    };
    let value = core(text);
    let fits = |core: &str| {
        matches!(
            (core, &value),
            ("null", Value::Nothing)
                | ("bool", Value::Bool(_))
                | ("int", Value::Integer(_))
                | ("float", Value::Other(_) | Value::Integer(_))
        )
    };
    // `!` alone says only that the value is no number.
    if tag.is_yaml_core_schema_tag("str") || full_name(tag) == "!" {
        return Ok(Value::Text(text.into()));
    }
    match ["null", "bool", "int", "float"].into_iter().find(|core| tag.is_yaml_core_schema_tag(core)) {
        Some(core) if fits(core) => Ok(value),
        Some(core) => {
            let shown = text::shown_key(text.as_bytes());
            Err(Fault::new(at, format!("`{shown}` is not what its tag `!!{core}` says: leave the tag away")))
        }
        None => Err(unknown_tag(at, tag)),
    }
}

/// A plain scalar by YAML 1.2's core schema.
fn core(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Nothing,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    let digits = |text: &str, of: fn(&char) -> bool| !text.is_empty() && text.chars().all(|c| of(&c));
    let number =
        |parsed: Result<i64, _>| parsed.map_or(Value::Other("a number out of range"), Value::Integer);
    if let Some(octal) = text.strip_prefix("0o").filter(|text| digits(text, |c| c.is_digit(8))) {
        return number(i64::from_str_radix(octal, 8));
    }
    if let Some(hex) = text.strip_prefix("0x").filter(|text| digits(text, char::is_ascii_hexdigit)) {
        return number(i64::from_str_radix(hex, 16));
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits(unsigned, char::is_ascii_digit) {
        return number(text.parse());
    }
    if is_float(unsigned) || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Value::Other("a number with a fraction or exponent");
    }
    Value::Text(text.into())
}

/// `[-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?` without its sign, or infinity.
fn is_float(text: &str) -> bool {
    if matches!(text, ".inf" | ".Inf" | ".INF") {
        return true;
    }
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let mantissa = match mantissa.split_once('.') {
        Some(("", fraction)) => digits(fraction),
        Some((whole, fraction)) => digits(whole) && (fraction.is_empty() || digits(fraction)),
        None => digits(mantissa),
    };
    mantissa && exponent.is_none_or(|exponent| digits(exponent.strip_prefix(['-', '+']).unwrap_or(exponent)))
}

fn full_name(tag: &Tag) -> String {
    format!("{}{}", tag.handle(), tag.suffix())
}

fn unknown_tag(at: usize, tag: &Tag) -> Fault {
    let shown = text::shown_key(full_name(tag).as_bytes());
    Fault::new(at, format!("the tag `{shown}` does not fit here: leave it away"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_are_what_the_core_schema_says() {
        for text in [
            "no", "on", "yes", "0b1", "1_000", "0o8", "0x", "1e", "1.2.3", "-", "+", ".", "-0x1", "nULL",
            "=", "1:30",
        ] {
            assert!(matches!(core(text), Value::Text(_)), "{text}");
        }
        for (text, number) in [("0", 0), ("-19", -19), ("+7", 7), ("007", 7), ("0o17", 15), ("0xFf", 255)] {
            assert!(matches!(core(text), Value::Integer(found) if found == number), "{text}");
        }
        for text in ["1.0", "-.5", "1.", "1e3", "+12e-03", ".inf", "-.INF", ".nan", "9223372036854775808"] {
            assert!(matches!(core(text), Value::Other(_)), "{text}");
        }
        for text in ["", "~", "null", "NULL"] {
            assert!(matches!(core(text), Value::Nothing), "{text}");
        }
        assert!(matches!((core("true"), core("False")), (Value::Bool(true), Value::Bool(false))));
    }

    #[test]
    fn tags_say_what_is_meant() {
        let value = |text: &str| read(text, &mut Faults::default()).map(|node| node.value).ok();
        assert!(matches!(value("!!str 5"), Some(Value::Text(_))));
        assert!(matches!(value("! 5"), Some(Value::Text(_))));
        assert!(matches!(value("!!int '5'"), Some(Value::Integer(5))));
        assert!(matches!(value("!!seq [1]"), Some(Value::List(_))));
        for text in ["!!int x", "!!seq {a: 1}", "!mine 5", "!!set {a}", "!!binary aGk="] {
            assert!(value(text).is_none(), "{text}");
        }
    }
}
