//! `checkrein eval`.

use super::support::{Place, Said};

#[track_caller]
fn fine(place: &Place, line: &str, code: i32, out: &str) {
    assert_eq!(place.line(line), Said { code, out: out.to_owned(), err: String::new() }, "{line}");
}

#[test]
fn a_refusal_says_why() {
    let place = Place::with_policy();
    fine(
        &place,
        "eval policy.yaml write system/x --context agent_id=a1",
        1,
        "\
denied: write of `system/x` by agent `a1`
  rule    before_write system/**
  reason  not for agents

hooks, in the order in which they are asked
  deny  before_write  system/**  before_write system/**

rate limits, where nothing was taken yet
  write 100/minute per agent_id  100 of 100 left
",
    );
    assert!(!place.path("audit.jsonl").exists(), "a trial is no part of the audit");
}

#[test]
fn what_passes_says_what_was_asked() {
    let place = Place::with_policy();
    fine(
        &place,
        "eval policy.yaml write system/x",
        0,
        "\
allowed: write of `system/x`

hooks, in the order in which they are asked
  passes over  before_write  system/**  before_write system/**

rate limits, where nothing was taken yet
  write 100/minute per agent_id  100 of 100 left
",
    );
    fine(&place, "eval policy.yaml read other", 0, "allowed: read of `other`\n\nno hook matches the key\n");
}

#[test]
fn a_value_shows_what_becomes_of_it() {
    let place = Place::with_policy();
    fine(
        &place,
        "eval policy.yaml read users/a/email --context redact_pii:=true --value a@example.org",
        0,
        "\
redacted: read of `users/a/email`
  rule   after_read users/*/email
  given  `[REDACTED]`

hooks, in the order in which they are asked
  modify  after_read  users/*/email  after_read users/*/email
",
    );
    let value = |line: &str| {
        let json = place.line(line).json();
        (json["verdict"].as_str().unwrap().to_owned(), json["value"].as_str().map(str::to_owned))
    };
    let pair = |verdict: &str, value: Option<&str>| (verdict.to_owned(), value.map(str::to_owned));
    let read = "eval --json policy.yaml read users/a/email --value";
    assert_eq!(value(&format!("{read} a\\x00\\xff")), pair("allowed", Some("a\0\\xff")));
    let write = "eval --json policy.yaml write";
    assert_eq!(value(&format!("{write} notes/1 --value mine")), pair("modified", Some("checked")));
    assert_eq!(value(&format!("{write} free --value mine")), pair("allowed", Some("mine")));
    assert_eq!(value(&format!("{write} system/x -c agent_id=a --value mine")), pair("denied", None));
    let told = place.line("eval policy.yaml write system/x -c agent_id=a --value mine");
    assert!(told.out.contains("  stored  nothing\n"), "{}", told.out);
    assert!(place.line("eval --json policy.yaml read k").json().get("value").is_none());
}

#[test]
fn json_has_the_whole_explanation() {
    let place = Place::with_policy();
    let told = place.line("eval policy.yaml write system/x --context agent_id=a1 --json");
    assert_eq!((told.code, told.err.as_str()), (1, ""));
    assert_eq!(
        told.out,
        "{\"operation\":\"write\",\"key\":\"system/x\",\"verdict\":\"denied\",\"rule\":\"before_write system/**\",\
         \"reason\":\"not for agents\",\"mode\":\"enforce\",\"hooks\":[{\"rule\":\"before_write system/**\",\
         \"trigger\":\"before_write\",\"keys\":\"system/**\",\"kind\":\"declared\",\"mode\":\"enforce\",\
         \"answer\":\"deny\"}],\"limits\":[{\"limit\":\"write 100/minute per agent_id\",\"operation\":\"write\",\
         \"scope\":\"agent_id\",\"count\":\"operations\",\"capacity\":100,\"remaining\":100,\"retry_after_ns\":0,\
         \"full_after_ns\":0,\"overflow\":false}]}\n"
    );
}

#[test]
fn shadow_is_said_and_passes() {
    let place = Place::with_policy();
    let told = place.line("eval policy.yaml delete keep/x");
    assert_eq!(told.code, 0);
    assert!(told.out.starts_with("would_deny: delete of `keep/x`\n"), "{}", told.out);
    assert!(
        told.out.contains("deny  before_delete  keep/**  before_delete keep/**  shadow\n"),
        "{}",
        told.out
    );
}

#[test]
fn a_context_is_typed_and_may_be_long() {
    let place = Place::new();
    place.write(
        "p.json",
        r#"{"version": 1, "require_context": ["level"],
            "hooks": [{"on": "before_read", "keys": "**", "when": {"level": 3, "admin": "absent"}, "action": "deny"}]}"#,
    );
    let verdict = |rest: &str| {
        let told = place.line(&format!("eval p.json read k --json {rest}"));
        (told.code, told.json()["verdict"].as_str().unwrap().to_owned())
    };
    assert_eq!(verdict("--context level:=3"), (1, "denied".to_owned()));
    assert_eq!(verdict("--context level=3 admin:=true"), (0, "allowed".to_owned()));
    assert_eq!(verdict("--context level=3 --context admin:=false"), (1, "denied".to_owned()));
    assert_eq!(verdict("-c level:=4"), (0, "allowed".to_owned()));
    let told = place.line("eval p.json read k --json");
    assert_eq!((told.code, told.json()["rule"].as_str()), (1, Some("require_context")));
    // Before the operands, one at a time.
    assert_eq!(place.line("eval --context level=3 p.json read k").code, 1);
}

#[test]
fn keys_are_bytes_and_are_shown_as_the_audit_writes_them() {
    let place = Place::with_policy();
    let told = place.run(["eval", "policy.yaml", "read", "a\\x1b[2J\\xff\\x5cé", "--json"]);
    assert_eq!(told.json()["key"], "a\u{1b}[2J\\xff\\x5cé");
    let told = place.run(["eval", "policy.yaml", "read", "a\u{1b}\u{202e}\\xff"]);
    assert!(told.out.starts_with("allowed: read of `a\\x1b\\xe2\\x80\\xae\\xff`\n"), "{}", told.out);
    assert_eq!(place.run(["eval", "policy.yaml", "read", "--", "--help"]).code, 0);
    assert_eq!(place.run(["eval", "policy.yaml", "read", ""]).code, 0);
}

#[test]
fn what_cannot_be_tried_is_an_error() {
    let place = Place::with_policy();
    place.write("bad.yaml", "version: 2\n");
    place.write("none.yaml", "version: 1\n");
    let long = "k".repeat((1 << 20) + 1);
    place.write("huge.json", "");
    for (line, part) in [
        ("eval missing.yaml read k", "`missing.yaml` cannot be read"),
        ("eval bad.yaml read k", "bad.yaml:1:10: "),
        ("eval none.yaml read k", "nothing for a policy engine"),
        ("eval huge.json read k", "huge.json:1:1: "),
        ("eval policy.yaml get k", "`get` is no operation: write read, write or delete"),
        ("eval policy.yaml read a\\n", "write `\\x5c` for the character itself"),
        ("eval policy.yaml read k --context agent", "has no `=`"),
        ("eval policy.yaml read k --context agentId=x", "write `agent_id`"),
        ("eval policy.yaml read k --context a:=null", "`NAME:=true`"),
        ("eval policy.yaml read k --context a=1 a=2", "`a` stands in the context twice"),
        ("eval policy.yaml delete k --value v", "a delete has no value"),
        ("eval policy.yaml write k --value v --value w", "`--value` is given twice"),
        ("eval policy.yaml read k extra", "`extra` is one operand too many"),
        ("eval policy.yaml read", "an operand is missing: checkrein eval POLICY OPERATION KEY"),
    ] {
        let told = place.line(line);
        assert_eq!((told.code, told.out.as_str()), (2, ""), "{line}");
        assert!(told.err.starts_with("error: ") && told.err.contains(part), "{line}: {}", told.err);
        let json = place.line(&format!("{} --json", line.replace(" --context", " --json --context")));
        assert_eq!(json.code, 2, "{line}");
        assert!(json.json()["error"]["message"].as_str().unwrap().contains(part), "{line}");
    }
    // Longer than one argument may be on some systems: by way of the library.
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let policy = place.path("policy.yaml").into_os_string();
    let args = ["eval".into(), policy, "read".into(), long.into()];
    assert_eq!(checkrein_cli::run(args.into_iter(), &mut out, &mut err, false), 2);
    assert!(String::from_utf8(err).unwrap().contains("more than 1048576 bytes"));
}
