//! What a document says about the audit.

use std::sync::Arc;

use super::fields::Fields;
use super::keys;
use super::node::Node;
use super::read::Reading;
use crate::audit::DEFAULT_MAX_ENTRIES;
use crate::audit::file::{AuditFile, AuditFileOptions, Fsync, Secret};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::text;

/// The audit as a document declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredAudit {
    /// How many entries the ring keeps.
    pub max_entries: usize,
    /// The file that the audit is written to as well.
    pub file: Option<DeclaredAuditFile>,
}

/// An audit file as a document declares it; what is absent is for the sink to choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredAuditFile {
    /// Where it is; `{pid}` stands for the number of the process.
    pub path: String,
    /// Whether an operation waits until its decision is in the file.
    pub strict: Option<bool>,
    /// When lines are forced to the disk.
    pub fsync: Option<Fsync>,
    /// Where the key for the hashes is.
    pub hmac_key: Option<DeclaredHmacKey>,
    /// The size at which a new file begins.
    pub rotate_bytes: Option<u64>,
}

/// Where the key for an audit file's hashes is; the document does not hold it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeclaredHmacKey {
    /// In this environment variable.
    Env(String),
    /// In this file.
    File(String),
}

impl DeclaredAuditFile {
    /// Opens the file, with the key from where the document says.
    pub(crate) fn open(&self, clock: &Clock) -> Result<Arc<AuditFile>> {
        let defaults = AuditFileOptions::new(&self.path);
        AuditFile::open(AuditFileOptions {
            strict: self.strict.unwrap_or(defaults.strict),
            fsync: self.fsync.unwrap_or(defaults.fsync),
            key: self.hmac_key.as_ref().map(DeclaredHmacKey::read).transpose()?,
            rotate_bytes: self.rotate_bytes.unwrap_or(defaults.rotate_bytes),
            clock: clock.clone(),
            ..defaults
        })
    }
}

impl DeclaredHmacKey {
    /// The key: the variable's text, or the file's bytes without a newline at their end.
    ///
    /// # Errors
    /// `ConfigError` where the variable or file is not there, and for a key that is too short.
    pub fn read(&self) -> Result<Secret> {
        match self {
            DeclaredHmacKey::Env(name) => {
                let shown = text::shown_key(name.as_bytes());
                let value = std::env::var_os(name).ok_or_else(|| {
                    Error::config(format!(
                        "the key of the audit file: the environment has no `{shown}`: set it to the key"
                    ))
                })?;
                Secret::new(value.as_encoded_bytes())
            }
            DeclaredHmacKey::File(path) => {
                let shown = text::shown_key(path.as_bytes());
                let bytes = std::fs::read(path).map_err(|error| {
                    Error::config(format!("the key of the audit file: `{shown}` cannot be read: {error}"))
                })?;
                let key = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
                Secret::new(key.strip_suffix(b"\r").unwrap_or(key))
            }
        }
    }
}

impl Reading<'_, '_> {
    pub(super) fn audit(&mut self, node: &Node) {
        let Some(fields) = Fields::open(node, &keys::AUDIT_TABLE, self.faults) else { return };
        let max_entries = match fields.number(keys::MAX_ENTRIES) {
            Some(number) => usize::try_from(number).unwrap_or(usize::MAX),
            None => DEFAULT_MAX_ENTRIES,
        };
        let file = fields.get(keys::FILE).and_then(|node| self.audit_file(node));
        self.content.audit = Some(DeclaredAudit { max_entries, file });
    }

    fn audit_file(&mut self, node: &Node) -> Option<DeclaredAuditFile> {
        let fields = Fields::open(node, &keys::AUDIT_FILE, self.faults)?;
        let path = fields.text(keys::PATH)?;
        if path.replace("{pid}", "").contains(['{', '}']) || path.contains('\0') {
            let at = fields.get(keys::PATH).map_or(fields.at, |node| node.at);
            self.faults.add(at, "`path` may hold `{pid}`, and no other braces or zero bytes");
        }
        let key_env = fields.text(keys::HMAC_KEY_ENV).map(|name| DeclaredHmacKey::Env(name.to_owned()));
        let key_file = fields.text(keys::HMAC_KEY_FILE).map(|path| DeclaredHmacKey::File(path.to_owned()));
        let fsync = fields.text(keys::FSYNC);
        Some(DeclaredAuditFile {
            path: path.to_owned(),
            strict: fields.flag(keys::STRICT),
            fsync: fsync.and_then(|word| word.parse().ok()),
            hmac_key: key_env.or(key_file),
            rotate_bytes: fields.number(keys::ROTATE_BYTES),
        })
    }
}
