//! Entries to append, files to look at.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use checkrein::audit::file::{AuditFile, AuditFileOptions, Report, Secret, VerifyOptions, verify};
use checkrein::audit::{AuditFilter, AuditLog, Entry, OperationId, Record, Surface, Verb, Verdict};
use checkrein::clock::Time;

/// 2026-11-22 17:30:00.123456789 UTC.
pub(crate) const NOW_NS: u64 = 1_795_368_600_123_456_789;

pub(crate) const PLAIN: Record<'static> = Record {
    time: Time { monotonic_ns: 5, wall_ns: NOW_NS },
    operation_id: OperationId::from_u128(0xabc),
    surface: Surface::Data,
    operation: Verb::Write,
    key: b"users/alice",
    result: Verdict::Allowed,
    agent_id: None,
    session_id: None,
    rule: None,
    reason: None,
    logged: false,
    applied: None,
    scanned: None,
};

/// The entry that a record becomes.
pub(crate) fn entry(record: &Record<'_>) -> Entry {
    let log = AuditLog::new(1).unwrap();
    log.append(record);
    log.entries(&AuditFilter::new()).pop().unwrap()
}

/// An entry with this key.
pub(crate) fn keyed(key: impl AsRef<[u8]>) -> Entry {
    entry(&Record { key: key.as_ref(), ..PLAIN })
}

pub(crate) fn secret() -> Secret {
    Secret::new(b"sixteen bytes ok").unwrap()
}

pub(crate) fn open(options: &AuditFileOptions) -> Arc<AuditFile> {
    AuditFile::open(options.clone()).unwrap()
}

pub(crate) fn checked(path: &Path) -> Report {
    verify(path, &VerifyOptions::default()).unwrap()
}

/// The report of a chain that holds.
pub(crate) fn whole(path: &Path) -> Report {
    let report = checked(path);
    assert_eq!(report.problem, None, "{}", path.display());
    report
}

pub(crate) fn lines(path: &Path) -> Vec<serde_json::Value> {
    std::fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The events and keys in a file, in order.
pub(crate) fn told(path: &Path) -> Vec<String> {
    let text = |line: &serde_json::Value, name: &str| line[name].as_str().map(str::to_owned);
    lines(path).iter().map(|line| text(line, "event").or_else(|| text(line, "key")).unwrap()).collect()
}

/// All files of a chain, the oldest first.
pub(crate) fn files(path: &Path) -> Vec<PathBuf> {
    let mut rotated: Vec<PathBuf> = std::fs::read_dir(path.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|file| {
            let name = file.file_name().unwrap().to_str().unwrap();
            name.split('.').any(|part| part.len() == 6 && part.bytes().all(|byte| byte.is_ascii_digit()))
        })
        .collect();
    rotated.sort();
    rotated.push(path.to_path_buf());
    rotated
}
