//! `checkrein audit`.

use checkrein::audit::Verdict;

use super::support::Place;

const ENTRIES: &[(&[u8], Verdict)] = &[
    (b"system/x\x1b[31m", Verdict::Denied),
    (b"users/\xff", Verdict::Allowed),
    ("users/\u{202e}bob".as_bytes(), Verdict::Allowed),
];

fn audited() -> Place {
    let place = Place::new();
    place.audit("audit.jsonl", None, ENTRIES);
    place
}

fn head(place: &Place) -> String {
    place.line("audit verify audit.jsonl --json").json()["head"].as_str().unwrap().to_owned()
}

#[test]
fn a_chain_that_holds_is_fine() {
    let place = audited();
    let told = place.line("audit verify audit.jsonl");
    let head = head(&place);
    let out = format!(
        "the chain holds: audit.jsonl\n  lines     5 lines, 2 of the file's own, in 1 file\n  sequence  1 to 5\n  head      \
         {head}\n  Keep the head elsewhere: with `--head` lines that are cut off at the end are found too.\n"
    );
    assert_eq!((told.code, told.out, told.err), (0, out, String::new()));
    let told = place.line("audit verify audit.jsonl --json");
    let json = format!(
        "{{\"ok\":true,\"problem\":null,\"segments\":1,\"lines\":5,\"events\":2,\"first_sequence\":1,\
         \"last_sequence\":5,\"head\":\"{head}\",\"repairs\":0,\"lost\":0,\"torn_bytes\":0}}\n"
    );
    assert_eq!((told.code, told.out, told.err), (0, json, String::new()));
    let told = place.line(&format!("audit verify audit.jsonl --head {head}"));
    assert_eq!(told.code, 0);
    assert!(!told.out.contains("--head"), "{}", told.out);
}

#[test]
fn a_chain_that_was_tampered_with_is_not() {
    let place = audited();
    let whole = place.read("audit.jsonl");
    let head = head(&place);
    place.write("audit.jsonl", whole.replace("users/\\\\xff", "users/\\\\xfe"));
    let told = place.line("audit verify audit.jsonl");
    assert_eq!((told.code, told.err.as_str()), (1, ""));
    let start = "the chain does not hold: audit.jsonl, line 3: its hash is not that of its bytes: it was edited\n  \
                 up to there  2 lines, 1 of the file's own\n";
    assert!(told.out.starts_with(start), "{}", told.out);
    let told = place.line("audit verify audit.jsonl --json");
    assert_eq!(told.code, 1);
    let json = told.json();
    assert_eq!((&json["ok"], &json["problem"]["line"]), (&false.into(), &3.into()));
    assert_eq!(json["problem"]["file"], "audit.jsonl");

    // Cut at its end: found with the head that was kept only.
    let lines: Vec<&str> = whole.lines().collect();
    place.write("audit.jsonl", lines[..3].join("\n") + "\n");
    assert_eq!(place.line("audit verify audit.jsonl").code, 0);
    let told = place.line(&format!("audit verify audit.jsonl --head {head}"));
    assert_eq!(told.code, 1);
    assert!(told.out.contains("lines were cut off at its end"), "{}", told.out);

    place.write("audit.jsonl", vec![0; 5 << 20]);
    assert_eq!(place.line("audit verify audit.jsonl --json").code, 1);
    place.write("audit.jsonl", "");
    assert_eq!(place.line("audit verify audit.jsonl").code, 1);
}

#[test]
fn a_key_comes_from_a_file_or_the_environment() {
    let place = Place::new();
    place.audit("audit.jsonl", Some("sixteen bytes ok"), ENTRIES);
    place.write("key", "sixteen bytes ok\n");
    place.write("other", "sixteen bytes no\n");
    place.write("short", "short");
    assert_eq!(place.line("audit verify audit.jsonl --key-file key").code, 0);
    assert_eq!(place.line("audit verify audit.jsonl --key-file=other").code, 1);
    let mut command = place.command(["audit", "verify", "audit.jsonl", "--key-env", "KEY"]);
    command.env("KEY", "sixteen bytes ok");
    assert_eq!(super::support::said(command).code, 0);
    for (line, part) in [
        ("audit verify audit.jsonl", "key"),
        ("audit verify audit.jsonl --key-file missing", "`missing` cannot be read"),
        ("audit verify audit.jsonl --key-file short", "has 5 bytes: give at least 16"),
        ("audit verify audit.jsonl --key-env NO_SUCH_KEY", "the environment has no `NO_SUCH_KEY`"),
        ("audit verify audit.jsonl --key-env A --key-file key", "exclude one another"),
        ("audit verify audit.jsonl --key-file key --head 5", "is not a head"),
        ("audit verify audit.jsonl --key-file key --after x", "is not a head"),
    ] {
        let told = place.line(line);
        assert_eq!((told.code, told.out.as_str()), (2, ""), "{line}");
        assert!(told.err.contains(part), "{line}: {}", told.err);
        assert!(!told.err.contains("sixteen"), "no key is shown");
    }
}

#[test]
fn tail_shows_the_newest_lines_in_columns() {
    let place = audited();
    let told = place.line("audit tail audit.jsonl -n 4");
    assert_eq!((told.code, told.err.as_str()), (0, ""));
    let pid = std::process::id();
    let expected = format!(
        "\
LINE  TIME                         RESULT   OPERATION  AGENT  KEY                    WHY
2     2026-11-22T17:30:00.123456Z  denied   write      a1     system/x\\x1b[31m       before_write system/**: not\\x1b[2J for agents
3     2026-11-22T17:30:00.123456Z  allowed  write      a1     users/\\xff
4     2026-11-22T17:30:00.123456Z  allowed  write      a1     users/\\xe2\\x80\\xaebob
5     2026-11-22T17:30:00.123456Z  closed   (file)                                   pid={pid}
"
    );
    assert_eq!(told.out, expected);
    assert_eq!(place.line("audit tail audit.jsonl -n 0").out, "");
    assert_eq!(place.line("audit tail audit.jsonl").out.lines().count(), 6);
}

#[test]
fn tail_as_json_gives_each_line_as_it_stands() {
    let place = audited();
    let told = place.line("audit tail audit.jsonl -n2 --json");
    assert!(told.out.chars().all(|c| c == '\n' || !c.is_control() && c != '\u{202e}'), "{}", told.out);
    let lines = told.json()["lines"].as_array().unwrap().clone();
    assert_eq!((&lines[0]["kind"], &lines[1]["kind"]), (&"entry".into(), &"event".into()));
    assert_eq!(lines[0]["line"]["key"], "users/\u{202e}bob");
    let stored: Vec<serde_json::Value> =
        place.read("audit.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["line"], stored[3]);
}

#[test]
fn what_is_no_audit_file_is_shown_harmlessly() {
    let place = Place::new();
    place.write("log", b"one\n\x1b]0;title\x07two\xff\n{\"sequence\":1}\ntorn");
    let told = place.line("audit tail log");
    assert_eq!(told.code, 0);
    assert!(told.out.contains("?     \\x1b]0;title\\x07two\u{fffd}"), "{}", told.out);
    assert_eq!(place.line("audit tail log --json").json()["lines"][2]["kind"], "unreadable");
    let told = place.line("audit stats log");
    assert!(told.out.contains("unreadable lines      3\n"), "{}", told.out);
    assert_eq!(place.line("audit verify log").code, 1);
}

#[test]
fn stats_count_what_there_is() {
    let place = audited();
    let told = place.line("audit stats audit.jsonl");
    assert_eq!((told.code, told.err.as_str()), (0, ""));
    assert_eq!(
        told.out,
        "\
files                 1
lines                 5
entries               3
the file's own lines  2
first                 2026-11-22T17:30:00.123456Z
last                  2026-11-22T17:30:00.123456Z

results
  2  allowed
  1  denied

operations
  3  write

agents with the most entries
  3  a1

rules with the most entries
  1  before_write system/**
"
    );
    let json = place.line("audit stats audit.jsonl --json").json();
    assert_eq!((&json["entries"], &json["events"], &json["segments"]), (&3.into(), &2.into(), &1.into()));
    assert_eq!(json["results"][0], serde_json::json!({"name": "allowed", "count": 2}));
    assert_eq!(json["first"], "2026-11-22T17:30:00.123456Z");
}

#[test]
fn a_file_that_is_not_there_is_an_error_everywhere() {
    let place = Place::new();
    for command in ["verify", "tail", "stats"] {
        for (file, part) in [("nope.jsonl", "there is no audit file `nope.jsonl`"), (".", "is no file")] {
            let told = place.line(&format!("audit {command} {file}"));
            assert_eq!((told.code, told.out.as_str()), (2, ""), "{command} {file}");
            assert!(told.err.contains(part), "{command} {file}: {}", told.err);
        }
        let json = place.line(&format!("audit {command} nope.jsonl --json")).json();
        assert_eq!(json["error"]["code"], "store");
    }
}
