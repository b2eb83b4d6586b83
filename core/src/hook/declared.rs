//! A hook that a policy document declares: its conditions and what it does, decided here without the host.

use std::sync::Arc;

use compact_str::CompactString;

use crate::context::{Context, Value};
use crate::glob::{Glob, GlobIndex};
use crate::hook::Answer;

/// So many patterns are asked one by one: a walk through an index costs more.
const FEW: usize = 4;

/// What a declared hook asks for and does.
#[derive(Debug)]
pub struct Declared {
    /// Keys that the hook leaves alone.
    pub(crate) unless: Option<Keys>,
    /// What the context must say; all must hold.
    pub(crate) when: Box<[Condition]>,
    pub(crate) effect: Effect,
}

/// What a declared hook does where its conditions hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Allow,
    /// With the reason that the document gives.
    Deny(Option<Arc<str>>),
    /// Puts this text in the place of the value.
    Replace(Arc<str>),
    /// Tells the language's own logger, with this remark, and flags the audit entry.
    Log(Option<Arc<str>>),
}

/// What a declared hook wants done for an operation.
pub(crate) enum Decision {
    /// Judge this answer.
    Answer(Answer),
    /// Tell the logger.
    Log,
}

/// Patterns that are asked together.
#[derive(Debug)]
pub(crate) struct Keys {
    glob: Glob,
    index: Option<GlobIndex>,
}

impl Keys {
    pub(crate) fn new(glob: Glob) -> Self {
        let index = (glob.expansions() > FEW).then(|| GlobIndex::build([(0, &glob)]));
        Keys { glob, index }
    }

    pub(crate) fn matches(&self, key: &[u8]) -> bool {
        match &self.index {
            Some(index) => !index.matches(key).is_empty(),
            None => self.glob.matches(key),
        }
    }
}

/// One name of the context and what its value must be.
#[derive(Debug)]
pub(crate) struct Condition {
    pub(crate) name: CompactString,
    pub(crate) test: Test,
}

/// What a value of the context must be.
#[derive(Debug)]
pub(crate) enum Test {
    /// There, not empty, not false.
    Present,
    /// Not there, or empty, or false.
    Absent,
    /// There, with a text that one of these matches.
    Matches(Keys),
}

impl Condition {
    fn holds(&self, context: &Context) -> bool {
        let value = context.get(&self.name);
        match &self.test {
            Test::Present => value.is_some_and(Value::is_present),
            Test::Absent => !value.is_some_and(Value::is_present),
            Test::Matches(keys) => {
                context.text_of(&self.name).is_some_and(|text| keys.matches(text.as_bytes()))
            }
        }
    }
}

impl Declared {
    /// What is to be done for a key that the hook's own pattern matches, or nothing.
    pub(crate) fn decide(&self, key: &[u8], context: &Context) -> Option<Decision> {
        let left_alone = || self.unless.as_ref().is_some_and(|unless| unless.matches(key));
        if !self.when.iter().all(|condition| condition.holds(context)) || left_alone() {
            return None;
        }
        Some(match &self.effect {
            Effect::Allow => Decision::Answer(Answer::Allow),
            Effect::Deny(reason) => {
                Decision::Answer(Answer::Deny(reason.as_ref().map(|reason| reason.to_string())))
            }
            Effect::Replace(text) => Decision::Answer(Answer::Modify(text.as_bytes().to_vec())),
            Effect::Log(_) => Decision::Log,
        })
    }

    /// Whether it goes out to the host: only to tell the logger.
    pub(crate) fn logs(&self) -> bool {
        matches!(self.effect, Effect::Log(_))
    }

    /// What the document wants said beside the usual sentence of the log.
    pub(crate) fn remark(&self) -> Option<&str> {
        match &self.effect {
            Effect::Log(remark) => remark.as_deref(),
            _ => None,
        }
    }

    /// What it does, in one word: for listings.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self.effect {
            Effect::Allow => "allow",
            Effect::Deny(_) => "deny",
            Effect::Replace(_) => "replace",
            Effect::Log(_) => "log",
        }
    }
}
