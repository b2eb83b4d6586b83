//! Which entries a reader wants: the filters first, then the newest of what is left.

use std::fmt;
use std::sync::Arc;

use super::content::{Content, Part};
use super::{Verb, Verdict};
use crate::error::Result;
use crate::glob::Glob;

/// How many entries a reader gets who does not say.
pub const DEFAULT_LIMIT: usize = 100;

/// A test of a key's bytes: a compiled glob, as a rule.
pub type KeyFilter = Arc<dyn Fn(&[u8]) -> bool + Send + Sync>;

/// Which entries a reader wants; all conditions must hold, and without any every entry passes.
///
/// ```
/// use checkrein::audit::AuditFilter;
///
/// let filter = AuditFilter::new().limit(20).agent_id("agent_001").result_named("denied")?;
/// # let _ = filter;
/// # Ok::<(), checkrein::Error>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct AuditFilter {
    pub(super) limit: usize,
    agent_id: Option<String>,
    session_id: Option<String>,
    operation: Option<Verb>,
    result: Option<Verdict>,
    since_ns: Option<u64>,
    pub(super) keys: Option<KeyFilter>,
}

impl AuditFilter {
    /// Every entry, the newest [`DEFAULT_LIMIT`] of them.
    pub fn new() -> Self {
        AuditFilter {
            limit: DEFAULT_LIMIT,
            agent_id: None,
            session_id: None,
            operation: None,
            result: None,
            since_ns: None,
            keys: None,
        }
    }

    /// At most so many entries, the newest of those that pass; 0 gives none.
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Only of this agent; entries without an agent do not pass.
    pub fn agent_id(mut self, agent_id: impl Into<String>) -> Self {
        self.agent_id = Some(agent_id.into());
        self
    }

    /// Only of this session; entries without a session do not pass.
    pub fn session_id(mut self, session_id: impl Into<String>) -> Self {
        self.session_id = Some(session_id.into());
        self
    }

    /// Only of this operation.
    pub fn operation(mut self, operation: impl Into<Verb>) -> Self {
        self.operation = Some(operation.into());
        self
    }

    /// Only of the operation with this word.
    ///
    /// # Errors
    /// `UsageError` for an unknown word.
    pub fn operation_named(self, word: &str) -> Result<Self> {
        Ok(self.operation(Verb::parse(word)?))
    }

    /// Only with this result.
    pub fn result(mut self, result: Verdict) -> Self {
        self.result = Some(result);
        self
    }

    /// Only with the result of this word.
    ///
    /// # Errors
    /// `UsageError` for an unknown word.
    pub fn result_named(self, word: &str) -> Result<Self> {
        Ok(self.result(Verdict::parse(word)?))
    }

    /// Only keys that this test accepts.
    ///
    /// It sees the key's bytes (of an overlong key those that were kept), and is asked while nothing is locked,
    /// after all other conditions.
    pub fn keys(mut self, test: impl Fn(&[u8]) -> bool + Send + Sync + 'static) -> Self {
        self.keys = Some(Arc::new(test));
        self
    }

    /// Only keys that this glob matches.
    ///
    /// # Errors
    /// `PatternError` for a bad glob.
    pub fn keys_matching(self, glob: &str) -> Result<Self> {
        let glob = Glob::parse(glob)?;
        Ok(self.keys(move |key| glob.matches(key)))
    }

    /// Only entries of this time or later, by the wall clock: nanoseconds since 1970-01-01 UTC.
    pub fn since_ns(mut self, since_ns: u64) -> Self {
        self.since_ns = Some(since_ns);
        self
    }

    /// True where all conditions but that on the key hold.
    pub(super) fn accepts(&self, content: &Content) -> bool {
        let same = |wanted: &Option<String>, part| match wanted {
            Some(wanted) => content.part(part) == Some(wanted.as_bytes()),
            None => true,
        };
        self.operation.is_none_or(|operation| operation == content.operation)
            && self.result.is_none_or(|result| result == content.result)
            && self.since_ns.is_none_or(|since| content.wall_ns >= since)
            && same(&self.agent_id, Part::AgentId)
            && same(&self.session_id, Part::SessionId)
    }
}

impl Default for AuditFilter {
    fn default() -> Self {
        AuditFilter::new()
    }
}

impl fmt::Debug for AuditFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditFilter")
            .field("limit", &self.limit)
            .field("agent_id", &self.agent_id)
            .field("session_id", &self.session_id)
            .field("operation", &self.operation)
            .field("result", &self.result)
            .field("since_ns", &self.since_ns)
            .field("keys", &self.keys.as_ref().map(|_| "a test"))
            .finish()
    }
}
