//! A directory to run the binary in, files to run it on, and what it said.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use checkrein::audit::file::{AuditFile, AuditFileOptions, Secret};
use checkrein::audit::{AuditFilter, AuditLog, OperationId, Record, Surface, Verb, Verdict};
use checkrein::clock::{Clock, ManualClock, Time};
use tempfile::TempDir;

/// 2026-11-22 17:30:00.123456789 UTC.
pub(crate) const NOW_NS: u64 = 1_795_368_600_123_456_789;

pub(crate) const POLICY: &str = r#"version: 1
name: production
hooks:
  - on: before_write
    keys: "system/**"
    when: {agent_id: present}
    action: deny
    reason: not for agents
  - {on: after_read, keys: "users/*/email", when: {redact_pii: true}, replace: "[REDACTED]"}
  - {on: before_write, keys: "notes/*", replace: "checked"}
  - {on: before_delete, keys: "keep/**", action: deny, mode: shadow}
rate_limits:
  - {operation: write, max_per_minute: 100, scope: agent_id}
audit: {file: {path: "audit.jsonl"}}
"#;

/// What a run gave.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    /// The one JSON document on standard output.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        assert_eq!(self.out.lines().count(), 1, "{self:?}");
        serde_json::from_str(&self.out).unwrap()
    }
}

/// A directory with files, in which the binary is run.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Place(tempfile::tempdir().unwrap())
    }

    /// A directory with the policy above.
    pub(crate) fn with_policy() -> Self {
        let place = Place::new();
        place.write("policy.yaml", POLICY);
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_checkrein"));
        command.args(args).current_dir(self.0.path()).stdin(Stdio::null()).env_remove("NO_COLOR");
        command
    }

    pub(crate) fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Said {
        said(self.command(args))
    }

    /// Runs the words of a line.
    pub(crate) fn line(&self, line: &str) -> Said {
        self.run(line.split_whitespace())
    }

    /// An audit file with a line for each of these keys, the first of which were refused.
    pub(crate) fn audit(&self, name: &str, key: Option<&str>, keys: &[(&[u8], Verdict)]) {
        let clock = Clock::Manual(ManualClock::new(NOW_NS));
        let key = key.map(|key| Secret::new(key.as_bytes()).unwrap());
        let options = AuditFileOptions { clock, key, ..AuditFileOptions::new(self.path(name)) };
        let file = AuditFile::open(options).unwrap();
        for (key, result) in keys {
            let log = AuditLog::new(1).unwrap();
            let denied = *result == Verdict::Denied;
            log.append(&Record {
                time: Time { monotonic_ns: 5, wall_ns: NOW_NS },
                operation_id: OperationId::from_u128(0xabc),
                surface: Surface::Data,
                operation: Verb::Write,
                key,
                result: *result,
                agent_id: Some("a1"),
                session_id: None,
                rule: denied.then_some("before_write system/**"),
                reason: denied.then_some("not\u{1b}[2J for agents"),
                logged: false,
                applied: Some(!denied),
                scanned: None,
            });
            file.append(&log.entries(&AuditFilter::new()), None).unwrap();
        }
        file.close().unwrap();
    }
}

pub(crate) fn said(mut command: Command) -> Said {
    let output = command.output().unwrap();
    Said {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}
