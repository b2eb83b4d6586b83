//! What is wrong, where, and what is said about it: every class of mistake with its line and column.

use checkrein::document::Format;

use crate::check;

/// The problems of a text, as `line:column: message`.
fn problems(text: &str, format: Format) -> Vec<String> {
    let problems = check(text, format).expect_err(text);
    problems
        .iter()
        .map(|problem| format!("{}:{}: {}", problem.line, problem.column, problem.message))
        .collect()
}

fn each(cases: &[(&str, &[&str])], format: Format, whole: impl Fn(&str) -> String) {
    for (part, wanted) in cases {
        let text = whole(part);
        assert_eq!(problems(&text, format), *wanted, "{text}");
    }
}

#[test]
fn hooks() {
    each(HOOKS, Format::Yaml, |part| format!("version: 1\nhooks:\n  - {{{part}}}\n"));
}

#[test]
fn rate_limits() {
    each(LIMITS, Format::Yaml, |part| format!("version: 1\nrate_limits:\n  - {{operation: write{part}}}\n"));
}

#[test]
fn yaml() {
    each(YAML, Format::Yaml, str::to_owned);
}

#[test]
fn json() {
    each(JSON, Format::Json, str::to_owned);
}

#[test]
fn toml() {
    each(TOML, Format::Toml, str::to_owned);
}

#[test]
fn all_problems_are_told_in_the_order_of_the_text_with_their_lines() {
    let text = "version: 1\nhooks:\n  - on: before_wrte\n    keys: \"a**\"\n    action: deny\n    resaon: not for agents\n";
    let shown = check(text, Format::Yaml).unwrap_err().to_string();
    let guide = include_str!("../../../docs/documents.md");
    assert!(
        guide.contains(&format!("```text\n{shown}\n```")),
        "docs/documents.md shows something else than\n{shown}"
    );
}

/// One hook, without its braces, in line 3 from column 6.
const HOOKS: &[(&str, &[&str])] = &[
    (
        "keys: a, action: deny",
        &[
            "3:5: a hook needs `on`: one of `before_read`, `after_read`, `before_write`, `after_write`, `before_delete` and `after_delete`, or a list of such",
        ],
    ),
    ("on: before_read, action: deny", &["3:5: a hook needs `keys`: a glob as text, or a list of such"]),
    ("on: before_read, keys: a", &["3:5: a hook needs one of `action` and `replace`"]),
    (
        "on: before_read, keys: a, action: deny, replace: x",
        &["3:46: `replace` cannot stand beside `action`: keep one of `action` and `replace`"],
    ),
    (
        "on: before_wrte, keys: a, action: deny",
        &["3:10: `before_wrte` is no `on`: did you mean `before_write`?"],
    ),
    (
        "on: write, keys: a, action: deny",
        &[
            "3:10: `write` is no `on`: write `before_read`, `after_read`, `before_write`, `after_write`, `before_delete` or `after_delete`",
        ],
    ),
    (
        "on: [before_read, before_read], keys: a, action: deny",
        &["3:24: `before_read` is here twice: keep one"],
    ),
    (
        "on: [], keys: a, action: deny",
        &[
            "3:10: `on` must be one of `before_read`, `after_read`, `before_write`, `after_write`, `before_delete` and `after_delete`, or a list of such, not an empty list",
        ],
    ),
    ("on: before_read, key: a, action: deny", &["3:23: a hook has no `key`: did you mean `keys`?"]),
    (
        "on: before_read, keys: 7, action: deny",
        &["3:29: `keys` must be a glob as text, not the number 7: put it in quotes"],
    ),
    (
        "on: before_read, keys: 'a**', action: deny",
        &[
            "3:31: bad pattern `a**`: `**` must be a whole segment: write `a/**` for all that lies below `a/`, or one `*` for any text within a segment",
        ],
    ),
    (
        "on: before_read, keys: [a, '{b'], action: deny",
        &["3:34: bad pattern `{b`: this `{` is never closed: add the `}`, or write `\\{` for the character"],
    ),
    (
        "on: before_read, keys: \"\\x61**\", action: deny",
        &[
            "3:29: bad pattern `a**`: `**` must be a whole segment: write `a/**` for all that lies below `a/`, or one `*` for any text within a segment",
        ],
    ),
    (
        "on: before_read, keys: '', action: deny",
        &["3:30: bad pattern ``: the pattern is empty: write `**` for every key, or `{}` for the empty key"],
    ),
    (
        "on: before_read, keys: a, action: block",
        &["3:40: `block` is no `action`: write `deny`, `allow` or `log`"],
    ),
    (
        "on: before_delete, keys: a, replace: x",
        &[
            "3:10: `replace` can mean nothing at `before_delete`: there is no value to replace: use before_write or after_read",
        ],
    ),
    (
        "on: after_delete, keys: a, replace: x",
        &[
            "3:10: `replace` can mean nothing at `after_delete`: it has happened by then: use before_write or after_read",
        ],
    ),
    (
        "on: [before_write, after_write], keys: a, action: deny",
        &[
            "3:25: `deny` can mean nothing at `after_write`: it has happened by then: use a before_ trigger, or `log`",
        ],
    ),
    (
        "on: before_read, keys: a, action: allow, reason: x",
        &["3:47: nobody is told a `reason` with `action: allow`: leave it out, or write a comment"],
    ),
    (
        "on: before_write, keys: a, replace: y, reason: x",
        &["3:45: nobody is told a `reason` with `replace`: leave it out, or write a comment"],
    ),
    (
        "on: before_write, keys: a, replace: 5",
        &["3:42: `replace` must be text, not the number 5: put it in quotes"],
    ),
    (
        "on: before_read, keys: a, action: deny, when: {agentId: present}",
        &["3:53: `agentId` in the context is not a known name: write `agent_id`"],
    ),
    (
        "on: before_read, keys: a, action: deny, when: {}",
        &["3:52: `when` is empty: leave it out for a hook without conditions"],
    ),
    (
        "on: before_read, keys: a, action: deny, when: {x: []}",
        &["3:56: no value of `x` is in an empty list: the hook could never decide"],
    ),
    (
        "on: before_read, keys: a, action: deny, when: {x: [present]}",
        &["3:57: `present` stands alone, not in a list: for the text itself write `[p]resent`"],
    ),
    (
        "on: before_read, keys: a, action: deny, when: {x: 1.5}",
        &[
            "3:56: `x` must be `present`, `absent`, a glob in quotes, or a list of globs, not a number with a fraction or exponent",
        ],
    ),
    (
        "on: before_read, keys: a, action: deny, when: {x: '[a'}",
        &["3:57: bad pattern `[a`: this `[` is never closed: add the `]`, or write `\\[` for the character"],
    ),
    (
        "on: before_read, keys: a, action: deny, when: present",
        &["3:52: `when` must be a map, not the text `present`"],
    ),
    (
        "on: before_read, keys: [a, b], unless_keys: [b, a], action: deny",
        &["3:37: `unless_keys` leaves all of `keys` alone: the hook could never decide"],
    ),
    (
        "on: before_read, keys: a, unless_keys: '**', action: deny",
        &["3:32: `unless_keys` leaves all of `keys` alone: the hook could never decide"],
    ),
];

/// What follows `operation: write` of one limit in line 3.
const LIMITS: &[(&str, &[&str])] = &[
    ("", &["3:5: a rate limit needs one of `max_per_second`, `max_per_minute` and `max_per_hour`"]),
    (
        ", max_per_minute: 1, max_per_hour: 5",
        &[
            "3:43: `max_per_hour` cannot stand beside `max_per_minute`: keep one of `max_per_second`, `max_per_minute` and `max_per_hour`",
        ],
    ),
    (
        ", max_per_minute: 0",
        &["3:40: `max_per_minute` must be a whole number from 1 to 1000000000, not the number 0"],
    ),
    (
        ", max_per_minute: '10'",
        &[
            "3:40: `max_per_minute` must be a whole number from 1 to 1000000000, not the text `10`: leave the quotes away",
        ],
    ),
    (
        ", max_per_minute: -1",
        &["3:40: `max_per_minute` must be a whole number from 1 to 1000000000, not the number -1"],
    ),
    (
        ", max_per_minute: 1e3",
        &[
            "3:40: `max_per_minute` must be a whole number from 1 to 1000000000, not a number with a fraction or exponent",
        ],
    ),
    (", max_per_minute: 5, scope: Global", &["3:50: `Global` is no scope of a rate limit: write `global`"]),
    (
        ", max_per_minute: 5, scope: agentId",
        &[
            "3:50: `agentId` cannot be the scope of a rate limit: `agentId` in the context is not a known name: write `agent_id`",
        ],
    ),
    (
        ", max_per_minute: 5, max_keys: 5",
        &[
            "3:43: `max_keys` means nothing for a limit with the scope `global`, which has one bucket: leave it out, or give a context key as scope",
        ],
    ),
    (
        ", max_per_hour: 1, burst: 1000000000",
        &[
            "3:41: a bucket of 1000000000 tokens at 1/hour needs more than 100 years to fill: make `burst` smaller",
        ],
    ),
    (
        ", max_per_minute: 5, count: operation",
        &["3:50: `operation` is no `count`: did you mean `operations`?"],
    ),
    (", max_per_min: 5", &["3:24: a rate limit has no `max_per_min`: did you mean `max_per_minute`?"]),
];

/// Whole documents.
const YAML: &[(&str, &[&str])] = &[
    ("", &["1:1: the document is empty: begin it with the version, which is 1"]),
    ("# nothing\n", &["1:1: the document is empty: begin it with the version, which is 1"]),
    ("[1]", &["1:1: a policy document is a map, not a list"]),
    ("name: x\n", &["1:1: a policy document needs `version`: the number 1"]),
    ("version: 2\nnew: x\n", &["1:10: this version of checkrein reads documents with `version: 1`, not 2"]),
    ("version: '1'\n", &["1:10: `version` must be the number 1, not the text `1`: leave the quotes away"]),
    ("version: 1.0\n", &["1:10: `version` must be the number 1, not a number with a fraction or exponent"]),
    (
        "version: 1\n---\nversion: 1\n",
        &["2:1: here a second document begins: a policy document is one, put each in a file of its own"],
    ),
    ("version: 1\nname: a\nname: b\n", &["3:1: `name` is here twice, first in line 2: keep one of them"]),
    ("version: 1\nhoks: []\n", &["2:1: a policy document has no `hoks`: did you mean `hooks`?"]),
    ("version: 1\nHooks: []\n", &["2:1: a policy document has no `Hooks`: did you mean `hooks`?"]),
    (
        "version: 1\npolicies: []\n",
        &[
            "2:1: a policy document has no `policies`: it knows `version`, `$schema`, `name`, `mode`, `require_context`, `hooks`, `rate_limits` and `audit`",
        ],
    ),
    ("version: 1\nrules: []\n", &["2:1: this version of checkrein does not have `rules` yet: take it out"]),
    (
        "version: 1\ndefault_action: block\n",
        &["2:1: this version of checkrein does not have `default_action` yet: take it out"],
    ),
    (
        "version: 1\neffects: []\n",
        &["2:1: this version of checkrein does not have `effects` yet: take it out"],
    ),
    (
        "version: 1\nhooks: {}\n",
        &[
            "2:8: `hooks` must be a list, each item a hook, not a map: begin each with `- ` in YAML, with `[[hooks]]` in TOML",
        ],
    ),
    ("version: 1\nhooks:\n", &["2:1: `hooks` must be a list, each item a hook, not nothing"]),
    ("version: 1\nhooks:\n  - deny\n", &["3:5: a hook is a map, not the text `deny`"]),
    ("version: 1\nname: 5\n", &["2:7: `name` must be text, not the number 5: put it in quotes"]),
    ("version: 1\nname: ''\n", &["2:7: `name` is empty: write something, or leave it out"]),
    ("version: 1\nmode: shadowed\n", &["2:7: `shadowed` is no `mode`: did you mean `shadow`?"]),
    ("version: 1\nmode: on\n", &["2:7: `on` is no `mode`: write `enforce` or `shadow`"]),
    (
        "version: 1\nrequire_context: agent_id\n",
        &["2:18: `require_context` must be a list of names, not the text `agent_id`: put it in brackets"],
    ),
    (
        "version: 1\nrequire_context: [agentId, a, a]\n",
        &[
            "2:19: `agentId` in the context is not a known name: write `agent_id`",
            "2:31: `a` is here twice: keep one",
        ],
    ),
    ("version: 1\n  name: x\n", &["2:7: this is no YAML: mapping values are not allowed in this context"]),
    ("version: 1\nname: [a\n", &["2:7: this is no YAML: unclosed bracket '['"]),
    ("version: 1\n\tname: x\n", &["1:10: this is no YAML: while scanning a plain scalar, found a tab"]),
    ("version: 1\nname: !mine x\n", &["2:13: the tag `!mine` does not fit here: leave it away"]),
    ("version: 1\nname: !!int x\n", &["2:13: `x` is not what its tag `!!int` says: leave the tag away"]),
    ("version: 1\n? [a]\n: b\n", &["2:3: a key is text, not a list or map"]),
    (
        "version: 1\nbase: &b {on: before_read}\nhooks: [{<<: *b, keys: x}]\n",
        &["3:10: merge keys (`<<`) are not supported: write the keys out"],
    ),
    ("version: 1\nname: *missing\n", &["2:7: this is no YAML: while parsing node, found unknown anchor"]),
    (
        "version: 1\nname: \"\\ud83d\"\n",
        &[
            "2:7: this is no YAML: while parsing a quoted scalar, found high surrogate without following low surrogate",
        ],
    ),
    (
        "version: 1\nrequire_context: [agent_id]\nhooks:\n  - {on: before_read, keys: a, action: deny, when: {agent_id: absent}}\n",
        &["4:63: `agent_id` can never be absent: `require_context` refuses operations without it"],
    ),
    (
        "version: 1\nhooks:\n  - {on: before_read, keys: a, action: deny, name: n}\n  - {on: before_read, keys: b, action: deny, name: n}\n",
        &["4:52: the hook in line 3 is called `n` too: give each a name of its own"],
    ),
    (
        "version: 1\nhooks:\n  - {on: [before_read, before_write], keys: [a, b], action: deny}\n  - {on: before_write, keys: b, action: log}\n",
        &["4:5: the hook in line 3 denies all of these keys first: this one could never decide"],
    ),
    (
        "version: 1\nhooks:\n  - {on: before_write, keys: '**', action: deny}\n  - {on: before_write, keys: b, action: log}\n",
        &["4:5: the hook in line 3 denies all of these keys first: this one could never decide"],
    ),
    (
        "version: 1\nrate_limits:\n  - {operation: put, max_per_minute: 1}\n",
        &["3:17: `put` is no `operation`: write `read`, `write`, `delete`, `action`, `effect` or `all`"],
    ),
    ("version: 1\naudit: true\n", &["2:8: `audit` must be a map, not the boolean `true`"]),
    ("version: 1\naudit:\n", &["2:1: `audit` must be a map, not nothing"]),
    (
        "version: 1\naudit: {max_entries: 0}\n",
        &["2:22: `max_entries` must be a whole number from 1 to 10000000, not the number 0"],
    ),
    (
        "version: 1\naudit: {max_entries: 99999999}\n",
        &["2:22: `max_entries` must be a whole number from 1 to 10000000, not the number 99999999"],
    ),
    ("version: 1\naudit: {file: audit.jsonl}\n", &["2:15: `file` must be a map, not the text `audit.jsonl`"]),
    ("version: 1\naudit: {file: {}}\n", &["2:15: the audit's file needs `path`: text"]),
    (
        "version: 1\naudit: {file: {path: 'a-{date}'}}\n",
        &["2:22: `path` may hold `{pid}`, and no other braces or zero bytes"],
    ),
    (
        "version: 1\naudit: {file: {path: a, strict: 'yes', fsync: sometimes}}\n",
        &[
            "2:33: `strict` must be `true` or `false`, not the text `yes`",
            "2:47: `sometimes` is no `fsync`: write `never`, `interval` or `always`",
        ],
    ),
    (
        "version: 1\naudit: {file: {path: a, hmac_key_env: A, hmac_key_file: b}}\n",
        &[
            "2:42: `hmac_key_file` cannot stand beside `hmac_key_env`: keep one of `hmac_key_env` and `hmac_key_file`",
        ],
    ),
];

/// Whole documents.
const JSON: &[(&str, &[&str])] = &[
    ("", &["1:1: the document is empty: begin it with the version, which is 1"]),
    ("{\"version\": 1,}", &["1:15: this is no JSON: key must be a string"]),
    ("{\"version\": 1} x", &["1:16: this is no JSON: trailing characters"]),
    ("{'version': 1}", &["1:2: this is no JSON: key must be a string"]),
    (
        "{\n \"version\": 1,\n \"version\": 1\n}",
        &["3:2: `version` is here twice, first in line 2: keep one of them"],
    ),
    ("{\"version\": 1, \"name\": \"\\ud83d\"}", &["1:31: this is no JSON: unexpected end of hex escape"]),
    ("{\"version\": 1, \"name\": NaN}", &["1:24: this is no JSON: expected value"]),
    (
        "{\"version\": 1, \"name\": \"a\nb\"}",
        &["1:25: this is no JSON: control character (\\u0000-\\u001F) found while parsing a string"],
    ),
    (
        "{\"version\": 12345678901234567890}",
        &["1:13: `version` must be the number 1, not a number out of range"],
    ),
    ("{\"version\": 1, // c\n \"name\": \"x\"}", &["1:16: this is no JSON: key must be a string"]),
    (
        "{\"version\": 1, \"hooks\": [{\"on\": \"before_read\", \"keys\": \"é**\", \"action\": \"deny\"}]}",
        &[
            "1:58: bad pattern `é**`: `**` must be a whole segment: write `a/**` for all that lies below `a/`, or one `*` for any text within a segment",
        ],
    ),
];

/// Whole documents.
const TOML: &[(&str, &[&str])] = &[
    ("", &["1:1: the document is empty: begin it with the version, which is 1"]),
    ("version = 1\nversion = 1\n", &["2:1: this is no TOML: duplicate key"]),
    ("version = \n", &["1:11: this is no TOML: string values must be quoted, expected literal string"]),
    (
        "version = 1\n[[hooks]]\non = 'before_read'\nkeys = 'a**'\naction = 'deny'\n",
        &[
            "4:10: bad pattern `a**`: `**` must be a whole segment: write `a/**` for all that lies below `a/`, or one `*` for any text within a segment",
        ],
    ),
    ("version = 1\nname = 2026-11-22\n", &["2:8: `name` must be text, not a date or time: put it in quotes"]),
    (
        "version = 1\n[hooks]\non = 'before_read'\n",
        &[
            "2:1: `hooks` must be a list, each item a hook, not a map: begin each with `- ` in YAML, with `[[hooks]]` in TOML",
        ],
    ),
    (
        "version = 1\n[[hooks]]\non = 'before_read'\nkeys = 'a'\nactoin = 'deny'\n",
        &["5:1: a hook has no `actoin`: did you mean `action`?"],
    ),
    (
        "version = 1\n[audit]\nmax_entries = 1\n[audit.file]\nfsync = 'always'\n",
        &["4:1: the audit's file needs `path`: text"],
    ),
];
