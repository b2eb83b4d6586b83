//! The context: what the caller says about who acts, as a map from names to text, booleans and integers.
//!
//! It never says what is judged: key, value and operation are always those really used.

use std::borrow::Cow;
use std::fmt;

use compact_str::{CompactString, ToCompactString};

use crate::error::{Error, Result};

/// The most entries a context may have.
pub const MAX_ENTRIES: usize = 64;
/// The longest name, in bytes.
pub const MAX_NAME_BYTES: usize = 256;
/// The longest text value, in bytes.
pub const MAX_TEXT_BYTES: usize = 64 * 1024;
/// The longest `agent_id` or `session_id`, in bytes: the audit keeps both whole.
pub const MAX_ID_BYTES: usize = 1024;

/// The name under which the acting agent is known to limits, hooks and the audit.
pub const AGENT_ID: &str = "agent_id";
/// The name under which the session is known to limits, hooks and the audit.
pub const SESSION_ID: &str = "session_id";

/// A value in a context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Text.
    Text(CompactString),
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
}

impl Value {
    /// The value as patterns and limits see it: text as it is, `true` or `false`, an integer in decimal.
    #[must_use]
    pub fn to_text(&self) -> CompactString {
        match self {
            Value::Text(text) => text.clone(),
            Value::Bool(flag) => flag.to_compact_string(),
            Value::Int(number) => number.to_compact_string(),
        }
    }

    /// There, not empty, not false: what `require_agent_id` and `present` ask for.
    #[must_use]
    pub fn is_present(&self) -> bool {
        match self {
            Value::Text(text) => !text.is_empty(),
            Value::Bool(flag) => *flag,
            Value::Int(_) => true,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::Text(text.into())
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Value::Bool(flag)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Value::Int(number)
    }
}

/// A checked context: at most [`MAX_ENTRIES`] entries, no near miss of a known name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    // Sorted by name; contexts are small, so a vector beats a map.
    entries: Vec<(CompactString, Value)>,
}

impl Context {
    /// A context without entries.
    #[must_use]
    pub const fn new() -> Self {
        Context { entries: Vec::new() }
    }

    /// Sets a name to a value.
    ///
    /// # Errors
    /// `UsageError` for an empty or overlong name, an overlong text, too many entries, and a near miss of a
    /// known name (`agentId`, `AGENT-ID`): a hook that looks for `agent_id` would never see it.
    pub fn insert(&mut self, name: &str, value: Value) -> Result<()> {
        check(name, &value)?;
        match self.entries.binary_search_by(|(known, _)| known.as_str().cmp(name)) {
            Ok(at) => {
                if let Some(entry) = self.entries.get_mut(at) {
                    entry.1 = value;
                }
            }
            Err(_) if self.entries.len() >= MAX_ENTRIES => {
                return Err(Error::usage(format!("a context has at most {MAX_ENTRIES} entries")));
            }
            Err(at) => self.entries.insert(at, (name.into(), value)),
        }
        Ok(())
    }

    /// The value of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        // A linear look is faster than a search at these sizes.
        self.entries.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// All entries, sorted by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.entries.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True where there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The value of a name as text, copied only where it is none.
    pub(crate) fn text_of(&self, name: &str) -> Option<Cow<'_, str>> {
        self.get(name).map(|value| match value {
            Value::Text(text) => Cow::Borrowed(text.as_str()),
            other => Cow::Owned(other.to_text().into_string()),
        })
    }

    /// Takes a name out.
    pub(crate) fn remove(&mut self, name: &str) {
        self.entries.retain(|(known, _)| known != name);
    }

    /// The acting agent, as text.
    #[must_use]
    pub fn agent_id(&self) -> Option<CompactString> {
        self.get(AGENT_ID).map(Value::to_text)
    }

    /// The session, as text.
    #[must_use]
    pub fn session_id(&self) -> Option<CompactString> {
        self.get(SESSION_ID).map(Value::to_text)
    }
}

fn check(name: &str, value: &Value) -> Result<()> {
    if name.is_empty() || name.len() > MAX_NAME_BYTES {
        return Err(Error::usage(format!("a name in a context has 1 to {MAX_NAME_BYTES} bytes")));
    }
    let known = name == AGENT_ID || name == SESSION_ID;
    if !known && let Some(meant) = near_miss(name) {
        return Err(Error::usage(format!("`{name}` in the context is not a known name: write `{meant}`")));
    }
    if let Value::Text(text) = value {
        let limit = if known { MAX_ID_BYTES } else { MAX_TEXT_BYTES };
        if text.len() > limit {
            return Err(Error::usage(format!(
                "`{}` in the context has {} bytes, at most {limit} are allowed",
                crate::text::shortened(name, 60),
                text.len(),
            )));
        }
    }
    Ok(())
}

/// The known name that differs from `name` in case and separators only.
fn near_miss(name: &str) -> Option<&'static str> {
    // Names longer than this cannot be one: `session_id` and a few separators.
    if name.len() > 16 {
        return None;
    }
    let bare =
        || name.bytes().filter(|b| !matches!(b, b'_' | b'-' | b' ' | b'.')).map(|b| b.to_ascii_lowercase());
    if bare().eq(*b"agentid") {
        Some(AGENT_ID)
    } else if bare().eq(*b"sessionid") {
        Some(SESSION_ID)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_misses_are_refused_with_the_name_that_was_meant() {
        for name in ["agentId", "AgentID", "agent-id", "AGENT_ID", "agentid"] {
            let error = Context::new().insert(name, "a".into()).unwrap_err();
            assert!(error.to_string().contains("write `agent_id`"), "{error}");
        }
        assert!(Context::new().insert("agent", "a".into()).is_ok());
    }

    #[test]
    fn presence_is_there_not_empty_not_false() {
        assert!(!Value::from("").is_present());
        assert!(!Value::from(false).is_present());
        assert!(Value::from(0).is_present());
        assert!(Value::from("x").is_present());
    }

    #[test]
    fn bounds_hold() {
        let mut context = Context::new();
        for n in 0..MAX_ENTRIES {
            context.insert(&format!("k{n}"), Value::Int(1)).unwrap();
        }
        assert!(context.insert("one-more", Value::Int(1)).is_err());
        assert!(context.insert("k0", Value::Int(2)).is_ok(), "a known name can be set again");
        assert!(Context::new().insert("agent_id", "x".repeat(MAX_ID_BYTES + 1).into()).is_err());
        assert!(Context::new().insert("", Value::Int(1)).is_err());
    }
}
