//! A class: `[…]` matches one of some characters, `[!…]` anything but them.

use super::unit::Unit;

/// The characters that a class names, as ranges of code points.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Class {
    ranges: Box<[(char, char)]>,
    negated: bool,
}

impl Class {
    pub(super) fn new(mut ranges: Vec<(char, char)>, negated: bool) -> Self {
        ranges.sort_unstable();
        ranges.dedup();
        Class { ranges: ranges.into(), negated }
    }

    /// A byte outside of UTF-8 is no character: only a negated class matches it.
    pub(super) fn matches(&self, unit: Unit) -> bool {
        match unit {
            Unit::Char(c) => {
                let named = self.ranges.iter().any(|&(first, last)| first <= c && c <= last);
                named != self.negated
            }
            Unit::Byte => self.negated,
        }
    }
}
