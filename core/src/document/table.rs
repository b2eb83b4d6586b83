//! What a key's value must be: one description that the checks, the messages and the schema for editors share.

use super::fields::listed;

/// A map with known keys.
pub(super) struct Table {
    /// What it is, for messages: "a hook".
    pub(super) what: &'static str,
    pub(super) about: &'static str,
    pub(super) keys: &'static [Key],
    /// Groups of which exactly one key stands, or at most one.
    pub(super) choices: &'static [Choice],
}

impl Table {
    /// The keys that this version knows.
    pub(super) fn known(&self) -> impl Iterator<Item = &'static Key> {
        self.keys.iter().filter(|key| !matches!(key.shape, Shape::Later))
    }
}

/// Keys that exclude one another.
pub(super) struct Choice {
    pub(super) of: &'static [&'static str],
    pub(super) required: bool,
}

/// A known key.
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) about: &'static str,
    pub(super) shape: Shape,
    pub(super) required: bool,
}

/// What a value must be.
pub(super) enum Shape {
    /// The number 1.
    Version,
    /// Text of at least one byte and at most so many.
    Text {
        most_bytes: usize,
    },
    /// Text of any length.
    AnyText,
    /// A pattern.
    Glob,
    Flag,
    Integer {
        least: i64,
        most: i64,
    },
    /// One of these words.
    Word(&'static [&'static str]),
    /// One of these, or a list of at least one.
    OneOrMore(&'static Shape),
    /// A list.
    List(&'static Shape),
    /// A map.
    Map(&'static Table),
    /// A map from names of the context to what their values must be.
    Conditions,
    /// A key that a later version of Checkrein knows.
    Later,
}

impl Shape {
    /// What is expected, for messages.
    pub(super) fn expected(&self) -> String {
        match self {
            Shape::Version => "the number 1".to_owned(),
            Shape::Text { .. } | Shape::AnyText => "text".to_owned(),
            Shape::Glob => "a glob as text".to_owned(),
            Shape::Flag => "`true` or `false`".to_owned(),
            Shape::Integer { least, most } => format!("a whole number from {least} to {most}"),
            Shape::Word(words) => format!("one of {}", listed(words, "and")),
            Shape::OneOrMore(shape) => format!("{}, or a list of such", shape.expected()),
            Shape::List(Shape::Map(table)) => format!("a list, each item {}", table.what),
            Shape::List(_) => "a list of names".to_owned(),
            Shape::Map(_) | Shape::Conditions => "a map".to_owned(),
            Shape::Later => "nothing yet".to_owned(),
        }
    }
}
