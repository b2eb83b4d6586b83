//! `checkrein check`.

use serde_json::json;

use super::support::{Place, Said};

const BAD: &str =
    "version: 1\nhooks:\n  - on: before_wrte\n    keys: \"a/*\"\n    action: deny\n    resaon: x\n";

#[test]
fn a_good_document_is_fine() {
    let place = Place::with_policy();
    let out = "ok  policy.yaml: 4 hooks, 1 rate limit, audit on\n1 document: no problem\n".to_owned();
    assert_eq!(place.line("check policy.yaml"), Said { code: 0, out, err: String::new() });
    assert!(!place.path("audit.jsonl").exists(), "checking a policy does not open its audit file");
    let checked = place.line("check policy.yaml --json");
    assert_eq!(checked.code, 0);
    assert_eq!(
        checked.out,
        "{\"ok\":true,\"files\":[{\"file\":\"policy.yaml\",\"ok\":true,\"name\":\"production\",\"hooks\":4,\
         \"rate_limits\":1,\"audit\":true,\"problems\":[],\"more_problems\":0,\"warnings\":[]}]}\n"
    );
}

#[test]
fn problems_are_shown_where_they_stand() {
    let place = Place::new();
    place.write("bad.yaml", BAD);
    let out = "\
bad.yaml:3:9: `before_wrte` is no `on`: did you mean `before_write`?
  3 |   - on: before_wrte
    |         ^
bad.yaml:6:5: a hook has no `resaon`: did you mean `reason`?
  6 |     resaon: x
    |     ^
1 document: 2 problems
";
    assert_eq!(place.line("check bad.yaml"), Said { code: 1, out: out.to_owned(), err: String::new() });
    let told = place.line("--json check bad.yaml");
    assert_eq!(told.code, 1);
    let problem = &told.json()["files"][0]["problems"][1];
    let expected = json!({"line": 6, "column": 5, "message": "a hook has no `resaon`: did you mean `reason`?",
        "excerpt": "    resaon: x", "indent": 4});
    assert_eq!(*problem, expected);
}

#[test]
fn every_format_is_checked() {
    let place = Place::new();
    place.write(
        "a.json",
        r#"{"version": 1, "hooks": [{"on": "before_read", "keys": "x", "action": "denny"}]}"#,
    );
    place.write("b.toml", "version = 1\nhook = 1\n");
    let told = place.line("check a.json b.toml");
    assert_eq!(told.code, 1);
    assert!(told.out.contains("a.json:1:71: ") && told.out.contains("b.toml:2:1: "), "{}", told.out);
    assert!(told.out.ends_with("2 documents: 2 problems\n"), "{}", told.out);
}

#[test]
fn a_file_that_cannot_be_read_does_not_hide_the_others() {
    let place = Place::with_policy();
    place.write("bad.yaml", BAD);
    let told = place.line("check missing.yaml bad.yaml policy.yaml policy.txt .");
    assert_eq!(told.code, 2);
    for part in [
        "missing.yaml: error: the policy document `missing.yaml` cannot be read: No such file",
        "bad.yaml:3:9: ",
        "ok  policy.yaml: ",
        "policy.txt: error: `policy.txt` has none of the endings of a policy document",
        "5 documents: 2 problems, 3 not read\n",
    ] {
        assert!(told.out.contains(part), "{part} in {}", told.out);
    }
    let files = place.line("check missing.yaml policy.yaml --json").json();
    assert_eq!(files["ok"], false);
    assert_eq!(files["files"][0]["error"]["code"], "config");
    assert_eq!(files["files"][1]["ok"], true);
}

#[test]
fn bad_bytes_and_too_many_of_them_are_told() {
    let place = Place::new();
    place.write("latin.yaml", b"version: 1\nname: caf\xe9\n");
    let told = place.line("check latin.yaml");
    assert_eq!(told.code, 1);
    assert!(
        told.out.starts_with("latin.yaml:2:10: the document is not UTF-8: the byte 0xe9"),
        "{}",
        told.out
    );
    place.write("huge.yaml", "");
    std::fs::File::options().write(true).open(place.path("huge.yaml")).unwrap().set_len(1 << 34).unwrap();
    let told = place.line("check huge.yaml");
    assert_eq!(told.code, 2);
    assert!(told.out.contains("has 17179869184 bytes, at most 16777216 are allowed"), "{}", told.out);
}

#[test]
fn warnings_of_the_core_are_told_and_are_no_problem() {
    let place = Place::new();
    place.write(
        "shadow.yaml",
        "version: 1\nmode: shadow\nhooks: [{on: before_read, keys: x, action: deny}]\n",
    );
    place.write("bare.yaml", "version: 1\naudit: {}\n");
    place.write("other.yaml", "version: 1\nrate_limits: [{operation: action, max_per_hour: 1}]\n");
    let told = place.line("check shadow.yaml bare.yaml other.yaml");
    assert_eq!(told.code, 0, "{told:?}");
    for part in [
        "shadow.yaml: warning: this policy engine is in shadow mode: it refuses nothing\n",
        "bare.yaml: warning: this policy engine has no hook and no rate limit: everything is allowed\n",
        "other.yaml: warning: the policy document has nothing for a policy engine",
        "3 documents: no problem, 3 warnings\n",
    ] {
        assert!(told.out.contains(part), "{part} in {}", told.out);
    }
    let json = place.line("check bare.yaml --json").json();
    assert_eq!(json["files"][0]["warnings"].as_array().unwrap().len(), 1);
}

#[test]
fn more_problems_than_are_told_are_counted() {
    let place = Place::new();
    let hooks = "  - {on: nowhere, keys: x, action: deny}\n".repeat(30);
    place.write("many.yaml", format!("version: 1\nhooks:\n{hooks}"));
    let told = place.line("check many.yaml");
    assert!(told.out.contains("many.yaml: and 10 more problems\n"), "{}", told.out);
    assert!(told.out.ends_with("1 document: 30 problems\n"), "{}", told.out);
    assert_eq!(place.line("check many.yaml --json").json()["files"][0]["more_problems"], 10);
}

#[test]
fn a_document_cannot_drive_the_terminal() {
    let place = Place::new();
    place.write("evil.yaml", "version: 1\n\"\\e]0;owned\\a\": 1\nna\u{202e}me: x\n");
    for call in ["check evil.yaml", "check evil.yaml --json"] {
        let told = place.line(call);
        assert_eq!(told.code, 1);
        assert!(!told.out.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{told:?}");
    }
}
