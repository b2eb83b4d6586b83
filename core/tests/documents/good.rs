//! What is read: the same document in three formats, and what an engine does under it.

use checkrein::audit::file::Fsync;
use checkrein::document::{DeclaredHmacKey, Format};
use checkrein::hook::Mode;
use checkrein::limit::{RateLimit, Target};
use checkrein::policy::PolicyContext;
use checkrein::{AuditFilter, Code, Database, PolicyDocument, PolicyEngine};

use crate::{check, yaml};

const YAML: &str = r#"
version: 1
name: production
hooks:
  - {on: before_write, keys: "system/**", unless_keys: "system/public/*", when: {agent_id: present}, action: deny, reason: "not for agents"}
  - {on: after_read, keys: "users/*/email", when: {redact_pii: present}, replace: "[REDACTED]"}
rate_limits:
  - {operation: write, max_per_minute: 100, scope: agent_id}
audit: {max_entries: 10000}
"#;

const JSON: &str = r#"{
    "$schema": "checkrein.schema.json",
    "version": 1,
    "name": "production",
    "hooks": [
        {"on": "before_write", "keys": "system/**", "unless_keys": "system/public/*", "when": {"agent_id": "present"},
         "action": "deny", "reason": "not for agents"},
        {"on": "after_read", "keys": "users/*/email", "when": {"redact_pii": "present"}, "replace": "[REDACTED]"}
    ],
    "rate_limits": [{"operation": "write", "max_per_minute": 100, "scope": "agent_id"}],
    "audit": {"max_entries": 10000}
}"#;

const TOML: &str = r#"
version = 1
name = "production"
audit = {max_entries = 10_000}

[[hooks]]
on = "before_write"
keys = "system/**"
unless_keys = "system/public/*"
when.agent_id = "present"
action = "deny"
reason = "not for agents"

[[hooks]]
on = "after_read"
keys = "users/*/email"
when = {redact_pii = "present"}
replace = "[REDACTED]"

[[rate_limits]]
operation = "write"
max_per_minute = 100
scope = "agent_id"
"#;

fn agent(key: &'static [u8]) -> PolicyContext<'static> {
    PolicyContext::new("write", key).with_agent_id("rogue")
}

#[test]
fn three_formats_say_the_same() {
    for (text, format) in [(YAML, Format::Yaml), (JSON, Format::Json), (TOML, Format::Toml)] {
        let document = check(text, format).unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(document.name(), Some("production"));
        assert_eq!(document.hook_count(), 2);
        assert_eq!(document.rate_limits(), [(Target::Write, RateLimit::per_minute(100).scope("agent_id"))]);

        let policy = PolicyEngine::builder(Database::memory()).document(document).try_build().unwrap();
        let key = b"system/config";
        let refused = policy.put(key, "x", Some(&agent(key))).unwrap_err();
        assert_eq!(refused.code(), Code::Denied);
        let violation = refused.violation().unwrap();
        assert_eq!(violation.reason, "not for agents");
        assert_eq!(violation.rule.as_deref(), Some("before_write system/**"));
        policy.put(key, "x", None).unwrap();
        policy.put("system/public/a", "x", Some(&agent(b""))).unwrap();

        policy.put("users/alice/email", "alice@example.com", None).unwrap();
        let redacting = PolicyContext::new("read", b"").with("redact_pii", true);
        let seen = policy.get("users/alice/email", Some(&redacting)).unwrap().unwrap();
        assert_eq!(seen, b"[REDACTED]");
        let kept = policy.get("users/alice/email", None).unwrap().unwrap();
        assert_eq!(kept, b"alice@example.com");

        let entries = policy.audit_log(&AuditFilter::new()).unwrap();
        let results: Vec<_> = entries.iter().map(|entry| entry.result().as_str()).collect();
        assert_eq!(results, ["denied", "allowed", "allowed", "allowed", "redacted", "allowed"]);
        let status = policy.rate_limit_status("write", Some(&agent(b""))).unwrap();
        assert_eq!(status[0].remaining, 99);
    }
}

#[test]
fn the_samples_of_the_guide_are_sound() {
    let guide = include_str!("../../../docs/documents.md");
    for format in [Format::Yaml, Format::Json, Format::Toml] {
        let (_, sample) = guide.split_once(&format!("```{}\n", format.as_str())).unwrap();
        let (sample, _) = sample.split_once("```").unwrap();
        let document = check(sample, format).unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(format!("{document:?}"), format!("{:?}", check(YAML, Format::Yaml).unwrap()));
    }
}

#[test]
fn everything_that_can_be_said_is_read() {
    let document = yaml(
        r#"
version: 1
mode: shadow
require_context: [agent_id, tenant]
hooks:
  - on: [before_write, before_delete]
    keys: ["a/**", "b/*"]
    unless_keys: ["a/x", "b/y"]
    when:
      agent_id: absent-minded
      tier: [gold, "silver*", 3, true]
      debug: false
      beta: absent
    action: log
    reason: told to the log
    name: watched
    mode: shadow
  - {on: after_write, keys: "**", action: allow}
rate_limits:
  - {operation: all, max_per_second: 5, burst: 10, count: attempts}
  - {operation: read, max_per_hour: 7, scope: tenant, max_keys: 50}
  - {operation: action, max_per_minute: 3}
  - {operation: effect, max_per_minute: 4}
audit:
  file: {path: "audit-{pid}.jsonl", strict: true, fsync: interval, hmac_key_env: AUDIT_KEY, rotate_bytes: 1000000}
"#,
    );
    assert_eq!(document.mode(), Some(Mode::Shadow));
    assert_eq!(document.require_context(), ["agent_id", "tenant"]);
    assert_eq!(document.hook_count(), 3);
    assert_eq!(document.rate_limits().len(), 4);
    assert_eq!(document.rate_limits()[1].1, RateLimit::per_hour(7).scope("tenant").max_keys(50));
    let audit = document.audit().unwrap();
    assert_eq!(audit.max_entries, 10_000);
    let file = audit.file.as_ref().unwrap();
    assert_eq!(file.path, "audit-{pid}.jsonl");
    assert_eq!((file.strict, file.fsync), (Some(true), Some(Fsync::Interval)));
    assert_eq!(file.hmac_key, Some(DeclaredHmacKey::Env("AUDIT_KEY".into())));
    assert_eq!(file.rotate_bytes, Some(1_000_000));
}

#[test]
fn hooks_carry_names_and_modes_and_their_origin() {
    let document = yaml(
        "version: 1\nhooks:\n  - {on: [before_read, after_read], keys: [a, b, c], action: deny, name: secret}\n  \
         - {on: before_write, keys: [a, b, c], action: deny, mode: shadow}\n",
    );
    let engine = checkrein::engine::Engine::new(Default::default()).unwrap();
    engine.apply(&document).unwrap();
    let hooks = engine.hooks();
    let rules: Vec<_> = hooks.iter().map(|hook| &*hook.rule).collect();
    assert_eq!(rules, ["secret", "secret", "before_write a (and 2 more)"]);
    assert_eq!(hooks[2].mode, Mode::Shadow);
    assert!(hooks.iter().all(|hook| hook.from_document));
    assert_eq!(hooks[2].keys.as_str(), "a, b, c");
    assert!(hooks[2].keys.matches(b"b") && !hooks[2].keys.matches(b"d"));
}

#[test]
fn yaml_is_1_2_and_json_is_whole() {
    // `no` and `on` are text; anchors and core tags are understood.
    let document = yaml(
        "%YAML 1.2\n---\nversion: !!int 0x1\nname: no\nhooks:\n  - &h {on: before_read, keys: &k [on, off], action: \
         deny}\n  - {on: before_write, keys: *k, action: deny, reason: !!str 5}\n",
    );
    assert_eq!(document.name(), Some("no"));
    assert_eq!(document.hook_count(), 2);
    let document = check(
        "\u{feff}{\"version\":1,\"name\":\"\\ud83d\\ude00 \\u00e9\\/\",\n\t\"hooks\":[{\"on\":\"before_read\",\"keys\":\"*\",\"action\":\"deny\"}]}",
        Format::Json,
    )
    .unwrap();
    assert_eq!(document.name(), Some("😀 é/"));
    // Longer than what YAML takes as a key.
    let long = "n".repeat(200);
    let text = format!(
        r#"{{"version":1,"hooks":[{{"on":"before_read","keys":"*","when":{{"{long}":"x"}},"action":"deny"}}]}}"#
    );
    check(&text, Format::Json).unwrap();
}

#[test]
fn files_are_read_by_their_ending() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("a.yaml", YAML), ("b.YML", YAML), ("c.json", JSON), ("d.toml", TOML)] {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        assert_eq!(PolicyDocument::load(&path).unwrap().hook_count(), 2);
    }
    for name in ["a.txt", "yaml", "missing.yaml"] {
        let error = PolicyDocument::load(folder.path().join(name)).unwrap_err();
        assert_eq!(error.code(), Code::Config);
        assert!(error.to_string().contains(name), "{error}");
    }
    let path = folder.path().join("bad.yaml");
    std::fs::write(&path, "version: 1\nhook: []\n").unwrap();
    let error = PolicyDocument::load(&path).unwrap_err().to_string();
    let wanted = format!(
        "{}:2:1: a policy document has no `hook`: did you mean `hooks`?\n  2 | hook: []\n    | ^",
        path.display()
    );
    assert_eq!(error, wanted);
}

#[test]
fn a_document_without_anything_for_data_hooks_is_refused() {
    for text in
        ["version: 1\n", "version: 1\nhooks: []\nrate_limits: [{operation: action, max_per_minute: 1}]\n"]
    {
        let document = yaml(text);
        let error =
            PolicyEngine::builder(Database::memory()).document(document.clone()).try_build().unwrap_err();
        assert_eq!(error.code(), Code::Config);
        // Built in spite of it, the engine refuses.
        let policy = PolicyEngine::builder(Database::memory()).document(document).build();
        assert_eq!(policy.put("k", "v", None).unwrap_err().code(), Code::Config);
    }
}

#[test]
fn a_document_can_be_tried_without_its_audit_file() {
    let whole = yaml("version: 1\naudit: {max_entries: 7, file: {path: /nowhere/audit.jsonl}}\n");
    let tried = whole.without_audit_file();
    assert_eq!(tried.audit().map(|audit| (audit.max_entries, audit.file.is_some())), Some((7, false)));
    assert!(whole.audit().unwrap().file.is_some(), "the other one keeps it");
    let open = |document| PolicyEngine::builder(Database::memory()).document(document).try_build();
    assert!(open(whole).is_err());
    assert!(open(tried).is_ok());
}

#[test]
fn a_log_hook_goes_on_and_flags_the_audit() {
    let policy = PolicyEngine::builder(Database::memory())
        .document(yaml(
            "version: 1\nhooks: [{on: before_write, keys: '**', action: log, reason: why}]\naudit: {}\n",
        ))
        .build();
    policy.put("k", "v", None).unwrap();
    assert!(policy.audit_log(&AuditFilter::new()).unwrap()[0].logged());
}
