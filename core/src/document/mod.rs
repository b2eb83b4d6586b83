//! Policy documents: hooks, limits and audit as one file in YAML, JSON or TOML that every language loads.
//!
//! A file is read ([`Source`]), parsed by the front end of its format into one small tree that knows where each value
//! stands, and checked against the table of known keys. What is not understood is a [`Problem`] with its line and
//! column; all of them are told, not only the first. What was checked is a [`PolicyDocument`], which
//! [`Engine::apply`](crate::engine::Engine::apply) and [`Engine::reload`](crate::engine::Engine::reload) take. The
//! format is described in `docs/documents.md`; [`json_schema`] describes it to editors.
//!
//! ```
//! use checkrein::{Database, PolicyDocument, PolicyEngine};
//!
//! # fn main() -> checkrein::Result<()> {
//! let text = br#"{"version": 1, "hooks": [{"on": "before_write", "keys": "system/**", "action": "deny"}]}"#;
//! let document = PolicyDocument::parse(text, checkrein::document::Format::Json, "policy.json")?;
//! let policy = PolicyEngine::builder(Database::memory()).document(document).try_build()?;
//! assert!(policy.put("system/config", "x", None).is_err());
//! # Ok(())
//! # }
//! ```

mod audit;
mod conditions;
mod dead;
mod fields;
mod hooks;
mod json;
mod keys;
mod limits;
mod node;
mod problem;
mod read;
mod schema;
mod source;
mod table;
mod toml;
mod yaml;

use std::path::Path;
use std::sync::Arc;

pub use audit::{DeclaredAudit, DeclaredAuditFile, DeclaredHmacKey};
pub use node::{MAX_DEPTH, MAX_NODES};
pub use problem::{MAX_PROBLEMS, Problem, Problems};
pub use read::{MAX_HOOKS, MAX_NAME_BYTES, MAX_PATTERN_BYTES, MAX_RATE_LIMITS, MAX_REASON_BYTES};
pub use schema::json_schema;
pub use source::{Format, MAX_FILE_BYTES, Source};

use crate::error::Result;
use crate::glob::Glob;
use crate::hook::{Declared, Mode, Trigger};
use crate::limit::{RateLimit, Target};

/// A policy document: read, checked, and ready to be applied. Cloning gives another handle on the same content.
#[derive(Clone, Debug)]
pub struct PolicyDocument {
    content: Arc<Content>,
}

/// What a document says.
#[derive(Clone, Debug, Default)]
struct Content {
    name: Option<String>,
    hooks: Vec<DocumentHook>,
    rate_limits: Vec<(Target, RateLimit)>,
    audit: Option<DeclaredAudit>,
    require_context: Vec<String>,
    mode: Option<Mode>,
}

/// A hook of a document at one trigger.
#[derive(Clone, Debug)]
pub(crate) struct DocumentHook {
    pub(crate) trigger: Trigger,
    pub(crate) keys: Glob,
    pub(crate) declared: Arc<Declared>,
    pub(crate) rule: Arc<str>,
    pub(crate) mode: Mode,
}

impl PolicyDocument {
    /// Reads and checks a file; its ending says the format: `.yaml`, `.yml`, `.json` or `.toml`.
    ///
    /// # Errors
    /// `ConfigError` for a file that cannot be read, has another ending or is too large, and for a document with
    /// problems; its text shows each with file, line, column and the offending line.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        Ok(Source::read(path)?.check()?)
    }

    /// Checks a text. `name` stands for the file in messages.
    ///
    /// # Errors
    /// As [`PolicyDocument::load`].
    pub fn parse(text: &[u8], format: Format, name: &str) -> Result<Self> {
        Ok(Source::new(text.to_vec(), format, name)?.check()?)
    }

    /// The document's own name.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.content.name.as_deref()
    }

    /// The rate limits, for all surfaces, in their order.
    #[must_use]
    pub fn rate_limits(&self) -> &[(Target, RateLimit)] {
        &self.content.rate_limits
    }

    /// What it says about the audit; the audit is on where it says anything.
    #[must_use]
    pub fn audit(&self) -> Option<&DeclaredAudit> {
        self.content.audit.as_ref()
    }

    /// The names that the context of every operation must hold.
    #[must_use]
    pub fn require_context(&self) -> &[String] {
        &self.content.require_context
    }

    /// Whether refusals count, where it says so.
    #[must_use]
    pub fn mode(&self) -> Option<Mode> {
        self.content.mode
    }

    /// How many hooks there are; one for several triggers counts at each.
    #[must_use]
    pub fn hook_count(&self) -> usize {
        self.content.hooks.len()
    }

    /// The same document without the file of its audit: for trying it beside the program that writes that file.
    #[must_use]
    pub fn without_audit_file(&self) -> Self {
        if self.audit().is_none_or(|audit| audit.file.is_none()) {
            return self.clone();
        }
        let mut content = Content::clone(&self.content);
        if let Some(audit) = &mut content.audit {
            audit.file = None;
        }
        PolicyDocument { content: content.into() }
    }

    pub(crate) fn hooks(&self) -> &[DocumentHook] {
        &self.content.hooks
    }

    /// The rate limits that data hooks are judged by.
    pub(crate) fn data_limits(&self) -> impl Iterator<Item = &(Target, RateLimit)> {
        let of_data = |target| !matches!(target, Target::Action | Target::Effect);
        self.content.rate_limits.iter().filter(move |(target, _)| of_data(*target))
    }

    /// True where there is nothing that the data hooks could be judged by.
    pub(crate) fn is_bare_for_data(&self) -> bool {
        let content = &*self.content;
        content.hooks.is_empty()
            && content.audit.is_none()
            && content.require_context.is_empty()
            && self.data_limits().next().is_none()
    }
}
