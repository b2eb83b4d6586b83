//! What a document says about the audit.

use super::fields::Fields;
use super::keys;
use super::node::Node;
use super::read::Reading;
use crate::audit::DEFAULT_MAX_ENTRIES;

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

/// When lines are forced to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fsync {
    /// Left to the system.
    Never,
    /// Now and then.
    Interval,
    /// Each one.
    Always,
}

impl Fsync {
    /// All three.
    pub const ALL: [Fsync; 3] = [Fsync::Never, Fsync::Interval, Fsync::Always];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Fsync::Never => keys::NEVER,
            Fsync::Interval => keys::INTERVAL,
            Fsync::Always => keys::ALWAYS,
        }
    }
}

/// Where the key for an audit file's hashes is; the document does not hold it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeclaredHmacKey {
    /// In this environment variable.
    Env(String),
    /// In this file.
    File(String),
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
            fsync: fsync.and_then(|word| Fsync::ALL.into_iter().find(|fsync| fsync.as_str() == word)),
            hmac_key: key_env.or(key_file),
            rotate_bytes: fields.number(keys::ROTATE_BYTES),
        })
    }
}
