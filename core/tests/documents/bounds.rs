//! What is large, deep, repeated or no text is refused without harm.

use checkrein::document::{Format, MAX_FILE_BYTES, MAX_PROBLEMS, Source};
use checkrein::{Code, PolicyDocument};

use crate::check;

const FORMATS: [Format; 3] = [Format::Yaml, Format::Json, Format::Toml];

/// The problems of a text, which stay few and short however much there is of it.
fn refused(text: &str, format: Format) -> String {
    let problems = check(text, format).unwrap_err().to_string();
    assert!(problems.len() < 20_000, "{}", problems.len());
    problems
}

#[test]
fn a_hundred_megabytes_are_refused_unread() {
    let folder = tempfile::tempdir().unwrap();
    for format in FORMATS {
        let path = folder.path().join(format!("large.{}", format.as_str()));
        std::fs::File::create(&path).unwrap().set_len(100 << 20).unwrap();
        let error = PolicyDocument::load(&path).unwrap_err();
        assert_eq!(error.code(), Code::Config);
        assert!(error.to_string().contains("104857600 bytes, at most 16777216 are allowed"), "{error}");
    }
    let text = vec![b' '; MAX_FILE_BYTES as usize + 1];
    assert!(Source::new(text, Format::Yaml, "large").is_err());
}

#[test]
fn a_hundred_thousand_levels_are_one_problem() {
    let levels = 100_000;
    let deep = [
        (Format::Yaml, "[".repeat(levels)),
        (Format::Yaml, "{a: ".repeat(levels)),
        (Format::Yaml, format!("{}a", "- ".repeat(levels))),
        (Format::Yaml, (0..400).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect()),
        (Format::Json, format!("{}{}", "[".repeat(levels), "]".repeat(levels))),
        (Format::Json, "[".repeat(levels)),
        (Format::Json, format!("{}1{}", r#"{"a":"#.repeat(levels), "}".repeat(levels))),
        (Format::Toml, format!("a = {}", "[".repeat(levels))),
        (Format::Toml, format!("a = {}{}", "[".repeat(levels), "]".repeat(levels))),
        (Format::Toml, format!("a = {}", "{a = ".repeat(levels))),
        (Format::Toml, format!("{}a = 1", "a.".repeat(levels))),
        (Format::Toml, format!("[{}a]", "a.".repeat(levels))),
        (Format::Toml, format!("[[{}a]]", "a.".repeat(levels))),
    ];
    for (format, text) in deep {
        refused(&text, format);
    }
}

#[test]
fn sixty_five_levels_are_too_many_in_each_format() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let of = |depth: usize| {
        [
            (Format::Yaml, format!("version: 1\nname: {}\n", nested(depth - 1))),
            (Format::Json, format!("{{\"version\": 1, \"name\": {}}}", nested(depth - 1))),
            (Format::Toml, format!("version = 1\nname = {}\n", nested(depth - 1))),
        ]
    };
    for (format, text) in of(64) {
        let problems = refused(&text, format);
        assert!(problems.contains("`name` must be text, not a list"), "{problems}");
    }
    for (format, text) in of(65) {
        let problems = refused(&text, format);
        assert!(problems.contains("more than 64 deep"), "{problems}");
    }
}

#[test]
fn alias_bombs_do_not_go_off() {
    // Nine levels of nine: the billion laughs.
    let mut laughs = String::from("version: 1\na0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..9 {
        let before = format!("*a{}", level - 1);
        laughs.push_str(&format!("a{level}: &a{level} [{}]\n", [before.as_str(); 9].join(", ")));
    }
    let problems = refused(&laughs, Format::Yaml);
    assert!(problems.contains("more than 1000000 values"), "{problems}");
    // Deeper through aliases than it looks.
    let mut steps = String::from("version: 1\na0: &a0 [x]\n");
    for level in 1..80 {
        steps.push_str(&format!("a{level}: &a{level} [*a{}]\n", level - 1));
    }
    let problems = refused(&steps, Format::Yaml);
    assert!(problems.contains("more than 64 deep"), "{problems}");
    // What repeats itself.
    let problems = refused("version: 1\nhooks: &a [*a]\n", Format::Yaml);
    assert!(problems.contains("alias"), "{problems}");
    // A long text, and a hook with costly patterns, again and again.
    let long =
        format!("version: 1\nname: &n {}\nhooks: [{}*n]\n", "x".repeat(1_000_000), "*n, ".repeat(300_000));
    refused(&long, Format::Yaml);
    let costly = "{a,b,c,d,e,f,g,h,i,j}".repeat(3);
    let hooks = format!(
        "version: 1\nhooks: [&h {{on: [before_read, before_write], keys: ['{costly}'], action: deny}}{}]\n",
        ", *h".repeat(40_000)
    );
    let problems = refused(&hooks, Format::Yaml);
    assert!(problems.contains("braces written out") || problems.contains("could never decide"), "{problems}");
}

#[test]
fn many_values_are_too_many() {
    let items = "1,".repeat(1_100_000);
    for (format, text) in [
        (Format::Yaml, format!("version: 1\nname: [{items}]\n")),
        (Format::Json, format!("{{\"version\": 1, \"name\": [{items}1]}}")),
        (Format::Toml, format!("version = 1\nname = [{items}]\n")),
    ] {
        let problems = refused(&text, format);
        assert!(problems.contains("1000000 values"), "{problems}");
    }
}

#[test]
fn more_names_than_a_context_has_are_too_many() {
    let names: Vec<String> = (0..65).map(|n| format!("n{n}")).collect();
    let problems = refused(&format!("version: 1\nrequire_context: [{}]\n", names.join(", ")), Format::Yaml);
    assert!(
        problems.starts_with("policy.yaml:2:1: here are 65 names, but a context has at most 64"),
        "{problems}"
    );
    let when = names.join(": present, ");
    let hook = format!("{{on: before_read, keys: a, action: deny, when: {{{when}: present}}}}");
    let problems = refused(&format!("version: 1\nhooks:\n  - {hook}\n"), Format::Yaml);
    assert!(problems.contains("here are 65 names"), "{problems}");
    let text = format!("version: 1\nhooks:\n  - {}\n", hook.replace("n64: present", ""));
    assert!(check(&text, Format::Yaml).is_ok());
}

#[test]
fn many_problems_are_told_up_to_a_bound() {
    let text =
        format!("version: 1\nhooks:\n{}", "  - {on: before_read, keys: k, action: dney}\n".repeat(10_000));
    let problems = check(&text, Format::Yaml).unwrap_err();
    assert_eq!(problems.iter().len(), MAX_PROBLEMS);
    assert_eq!(problems.untold(), 10_000 - MAX_PROBLEMS);
    assert!(problems.to_string().ends_with("\nand 9980 more problems"));
    let same = format!(
        "version: 1\nhooks:\n{}",
        "  - {on: after_write, keys: k, action: log, name: same}\n".repeat(10_000)
    );
    assert!(refused(&same, Format::Yaml).contains("the hook in line 3 is called `same` too"));
}

#[test]
fn a_long_line_is_shown_around_the_fault() {
    let text = format!(
        r#"{{"version": 1, "name": "{}", "hoks": [], "x": "{}"}}"#,
        "é".repeat(100),
        "y".repeat(100_000)
    );
    let problems = check(&text, Format::Json).unwrap_err();
    let first = problems.iter().next().unwrap();
    assert_eq!((first.line, first.column), (1, 128));
    let shown = problems.to_string();
    let lines: Vec<&str> = shown.lines().collect();
    assert!(lines[1].chars().count() < 140, "{}", lines[1]);
    let caret = lines[2].chars().position(|c| c == '^').unwrap();
    assert_eq!(lines[1].chars().skip(caret).take(6).collect::<String>(), "\"hoks\"");
}

#[test]
fn what_is_not_utf_8_is_named_with_its_place() {
    for format in FORMATS {
        let bytes = b"version: 1\nname: caf\xe9\n";
        let error = PolicyDocument::parse(bytes, format, "policy").unwrap_err().to_string();
        assert!(
            error
                .starts_with("policy:2:10: the document is not UTF-8: the byte 0xe9 at offset 20 is no text"),
            "{error}"
        );
        let utf_16: Vec<u8> = "version: 1".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let utf_16 = [b"\xff\xfe".to_vec(), utf_16].concat();
        let error = PolicyDocument::parse(&utf_16, format, "policy").unwrap_err().to_string();
        assert!(error.contains("UTF-16: save it as UTF-8"), "{error}");
    }
}

#[test]
fn what_is_cut_anywhere_is_refused_or_read_and_never_panics() {
    let yaml = "version: 1\nhooks:\n  - {on: before_write, keys: \"s/**\", when: {agent_id: [a, \"b*\"]}, action: deny}\n";
    let json = r#"{"version":1,"hooks":[{"on":["before_write"],"keys":"sé/**","action":"deny","reason":"\ud83d\ude00"}]}"#;
    let toml =
        "version = 1\n[[hooks]]\non = \"before_write\"\nkeys = 's/**'\nwhen.x = true\naction = \"deny\"\n";
    for (format, text) in [(Format::Yaml, yaml), (Format::Json, json), (Format::Toml, toml)] {
        check(text, format).unwrap();
        for end in 0..text.len() {
            let _ = PolicyDocument::parse(&text.as_bytes()[..end], format, "cut");
            let mut changed = text.as_bytes().to_vec();
            for byte in [b'{', b'"', b'\n', 0, 0xff, b'&'] {
                changed[end] = byte;
                let _ = PolicyDocument::parse(&changed, format, "changed");
            }
        }
    }
}
