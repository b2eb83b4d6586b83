//! The glob dialect, clause by clause: what each pattern matches and what is refused with which advice.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

use checkrein::glob::{Glob, GlobIndex, MAX_BRACE_DEPTH, MAX_EXPANSIONS, MAX_PATTERN_BYTES};

fn check(pattern: &str, key: &[u8], wanted: bool) {
    let glob = Glob::parse(pattern).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(glob.matches(key), wanted, "glob `{pattern}`, key {:?}", key.escape_ascii().to_string());
    // Alone a pattern is asked directly; among many of its kind it is filed.
    let filler: Vec<Glob> = (0..40)
        .flat_map(|n| [format!("zz{n}*"), format!("*{n}zz"), format!("*z{n}z*"), format!("zz{n}?zz")])
        .map(|p| Glob::parse(&p).unwrap())
        .collect();
    for globs in [vec![&glob], filler.iter().chain([&glob]).collect::<Vec<_>>()] {
        let last = globs.len() as u32 - 1;
        let index = GlobIndex::build((0..).zip(globs.iter().copied()));
        assert_eq!(index.matches(key).contains(&last), wanted, "index `{pattern}`, key {key:?}");
    }
}

macro_rules! table {
    ($($name:ident: $pattern:expr => [$($yes:expr),*] ! [$($no:expr),*];)*) => {$(
        #[test]
        fn $name() {
            let (yes, no): (&[&[u8]], &[&[u8]]) = (&[$($yes.as_ref()),*], &[$($no.as_ref()),*]);
            yes.iter().for_each(|key| check($pattern, key, true));
            no.iter().for_each(|key| check($pattern, key, false));
        }
    )*};
}

table! {
    // The examples that every user sees first.
    seed_system: "system/*" => ["system/config", "system/"] ! ["system", "system/a/b", "xsystem/a"];
    seed_email: "users/*/email" => ["users/alice/email", "users//email"] ! ["users/email", "users/a/b/email"];
    seed_users: "users/**" => ["users/alice", "users/alice/profile/photo", "users/"] ! ["users", "usersx/a", "a/users/b"];
    seed_json: "*.json" => ["config.json", "data.json", ".json"] ! ["a/b.json", "config.json5", "config_json"];
    seed_plus: "a+b/*" => ["a+b/c"] ! ["aab/c", "ab/c"];
    seed_class: "secrets[1]/*" => ["secrets1/x"] ! ["secrets[1]/x", "secrets2/x"];
    seed_paren: "x(y/*" => ["x(y/1"] ! ["xy/1"];

    // Literals: whole key, case, slashes, nothing normalised.
    literal: "a/b" => ["a/b"] ! ["a/b/", "/a/b", "a//b", "A/b", "a/./b", "a"];
    literal_meta: "a.b|c$^()+" => ["a.b|c$^()+"] ! ["axb|c$^()+"];
    literal_comma_bracket: "a,b]c" => ["a,b]c"] ! ["a", "b]c"];
    slashes: "//" => ["//"] ! ["/", "", "///"];
    leading: "/a" => ["/a"] ! ["a", "//a"];
    trailing: "a/" => ["a/"] ! ["a", "a//"];
    unicode: "caf\u{e9}" => ["caf\u{e9}"] ! ["cafe\u{301}", b"caf\xe9"];

    // `*`
    star: "*" => ["", "a", ".hidden", "\n", "\0", b"\xff"] ! ["/", "a/", "/a", "a/b"];
    star_middle: "a*b" => ["ab", "axb", "abab", "a\nb", b"a\xffb"] ! ["a", "b", "a/b", "abc", "xab"];
    star_overlap: "ab*ba" => ["abba", "abxba"] ! ["aba", "ab", "ba"];
    star_many: "*a*b*a*" => ["aba", "xaxbxax"] ! ["ab", "ba", "aab"];
    star_segments: "*/*" => ["/", "a/b", "a/"] ! ["", "a", "a/b/c"];

    // `?` and classes
    one: "a?c" => ["abc", "a\u{e9}c", "a\u{1f600}c", b"a\xffc", "a\nc"] ! ["ac", "abbc", "a/c", b"a\xff\xffc"];
    one_back: "*?c" => ["\u{20ac}c", "ac", b"\xffc"] ! ["c", "/c"];
    one_alone: "?" => ["a", "\u{e9}", "\u{1f600}", b"\xe2", b"\x80"] ! ["", "ab", "/", b"\xe2\x82"];
    one_whole: "*??" => ["ab", "\u{20ac}a", b"\xe2\x82"] ! ["\u{20ac}", "a"];
    class: "[a-c]x" => ["ax", "cx"] ! ["dx", "Ax", "x", "aax"];
    class_negated: "[!a-c]x" => ["dx", "\u{e9}x", b"\xffx", "\nx"] ! ["ax", "x", "/x"];
    class_caret: "[^a]" => ["b", "^", b"\xff"] ! ["a", ""];
    class_bracket: "[]a]" => ["]", "a"] ! ["b", "[]a]"];
    class_negated_bracket: "[!]a]" => ["b"] ! ["]", "a"];
    class_dash: "[-a][a-]" => ["--", "aa", "-a"] ! ["b-"];
    class_escape: "[\\]\\-\\\\\\!]" => ["]", "-", "\\", "!"] ! ["a"];
    class_escaped_first: "[\\!a]" => ["!", "a"] ! ["b"];
    class_other: "[{},*?]" => ["{", "}", ",", "*", "?"] ! ["a", ""];
    class_unicode: "[\u{e0}-\u{ff}]" => ["\u{e9}"] ! ["e", b"\xe9", b"\xc3", "\u{100}"];
    class_over_slash: "a[+-9]b" => ["a.b", "a0b"] ! ["a/b"];

    // `**`
    rest_alone: "**" => ["", "a", "/", "a/b/c", "//", b"\xff/\n"] ! [];
    rest_below: "a/**" => ["a/", "a/x", "a/x/y", "a//", "a/\n"] ! ["a", "ab/x", "/a/x", ""];
    rest_front: "**/x" => ["x", "a/x", "a/b/x", "/x", "//x"] ! ["ax", "x/", "x/a", ""];
    rest_middle: "a/**/b" => ["a/b", "a/x/b", "a/x/y/b", "a//b"] ! ["ab", "a/b/", "a", "a/xb", "b/a/b"];
    rest_twice: "a/**/**/b" => ["a/b", "a/x/b"] ! ["ab", "a"];
    rest_twice_end: "a/**/**" => ["a/", "a/b"] ! ["a"];
    rest_only_twice: "**/**" => ["", "a", "a/b"] ! [];
    rest_star: "**/*" => ["", "a", "a/b"] ! [];
    star_rest: "*/**" => ["a/b", "/", "a/b/c"] ! ["", "a"];
    rest_both: "**/x/**" => ["x/", "a/x/b", "x/x", "x/y/z"] ! ["x", "a/x", ""];
    rest_slash: "**/" => ["", "a/", "a/b/"] ! ["a"];
    slash_rest: "/**" => ["/", "/a", "/a/b"] ! ["", "a"];
    rest_many: "**/a/**/a/**/b" => ["a/a/b", "x/a/x/a/x/b", "a/a/a/b"] ! ["a/b", "a/a/b/c"];
    rest_last_run: "**/a/b" => ["a/b", "a/a/b", "a/b/a/b"] ! ["a/b/a", "b"];

    // `{…}`
    braces: "{a,bc}/x" => ["a/x", "bc/x"] ! ["/x", "ab/x", "{a,bc}/x"];
    braces_empty: "a{,b}" => ["a", "ab"] ! ["b", "a,b"];
    braces_slash: "{a/b,c}/d" => ["a/b/d", "c/d"] ! ["a/d", "b/d"];
    braces_nested: "{a,{b,c{d,}}}" => ["a", "b", "cd", "c"] ! ["d", ""];
    braces_none: "a{}b" => ["ab"] ! ["a{}b"];
    braces_empty_key: "{}" => [""] ! ["{}", "/"];
    braces_wild: "{*.json,img?}" => ["a.json", "img1"] ! ["img"];
    braces_rest: "{**,x}/a" => ["a", "y/a", "x/a"] ! ["x", "a/"];
    braces_rest_end: "a{,/**}" => ["a", "a/", "a/b/c"] ! ["ab"];
    braces_prefix: "{a/,}**" => ["", "b", "a/c"] ! [];
    braces_class: "[{a,b}]" => ["{", "a", ",", "b", "}"] ! ["[a]"];

    // `\`
    escape: "\\*\\?\\[\\{\\}\\\\\\a" => ["*?[{}\\a"] ! ["x?[{}\\a"];
    escape_rest: "a/\\*\\*" => ["a/**"] ! ["a/b"];
    escape_brace: "\\{a,b\\}" => ["{a,b}"] ! ["a", "b"];
    escape_comma: "{a\\,b,c}" => ["a,b", "c"] ! ["a", "b"];
    escape_slash: "a\\/*" => ["a/b"] ! ["a\\/b"];
}

#[track_caller]
fn refused(pattern: &str, position: usize, says: &str) {
    let error = Glob::parse(pattern).expect_err(pattern);
    assert_eq!((error.position, error.pattern.as_str()), (position, pattern), "{error}");
    assert!(error.message.contains(says), "{error}");
}

#[test]
fn what_has_no_clear_meaning_is_refused_with_the_place_and_advice() {
    refused("", 0, "write `**`");
    refused("a**", 1, "whole segment");
    refused("x/**.json", 2, "whole segment");
    refused("a/***", 2, "more than two");
    refused("{a,b}**", 5, "whole segment");
    refused("{a,**}b", 3, "whole segment");
    refused("{,*}*", 4, "two `*` meet");
    refused("*{,a}*", 5, "two `*` meet");
    refused("a\\", 1, "at the end");
    refused("[a\\", 2, "at the end");
    refused("ab[cd", 2, "never closed");
    refused("[]", 0, "never closed");
    refused("[!]", 0, "never closed");
    refused("a[z-a]", 2, "write `a-z`");
    refused("[a/b]", 2, "never matches `/`");
    refused("[.-/]", 3, "never matches `/`");
    refused("[\\/]", 1, "never matches `/`");
    refused("[[:alpha:]]", 1, "named classes");
    refused("[a-c-e]", 4, "write `\\-`");
    refused("x{a,b", 1, "never closed");
    refused("{a,{b}", 0, "never closed");
    refused("a}", 1, "closes nothing");
}

#[test]
fn bounds_are_inclusive_and_named() {
    assert!(Glob::parse(&"a".repeat(MAX_PATTERN_BYTES)).is_ok());
    refused(&"a".repeat(MAX_PATTERN_BYTES + 1), MAX_PATTERN_BYTES, "4097 bytes");

    let nested = |depth| format!("{}a{}", "{".repeat(depth), "}".repeat(depth));
    assert!(Glob::parse(&nested(MAX_BRACE_DEPTH)).is_ok());
    refused(&nested(MAX_BRACE_DEPTH + 1), MAX_BRACE_DEPTH, "deeper than 8");

    let ten = "{0,1,2,3,4,5,6,7,8,9}";
    assert_eq!(10_usize.pow(3), MAX_EXPANSIONS);
    assert!(Glob::parse(&ten.repeat(3)).unwrap().matches(b"407"));
    refused(&ten.repeat(4), 3 * ten.len(), "more than 1000 patterns");
    refused(&format!("{}{}", ten.repeat(3), "a".repeat(100)), 3 * ten.len() + 62, "65536 characters");
    refused(&"{a,b}".repeat(800), 45, "more than 1000 patterns");
}

#[test]
fn the_error_reads_well() {
    let error = Glob::parse("users/**.json").unwrap_err();
    assert_eq!(
        error.to_string(),
        "pattern `users/**.json`, position 6: `**` must be a whole segment: write `a/**` for all that lies below \
         `a/`, or one `*` for any text within a segment"
    );
}

#[test]
fn an_index_gives_each_number_once_and_appends() {
    let globs = ["{a,*,**}", "**/{a,a}", "b", "**"].map(|p| Glob::parse(p).unwrap());
    let index = GlobIndex::build([(7, &globs[0]), (3, &globs[1]), (5, &globs[2]), (3, &globs[3])]);
    assert_eq!(index.matches(b"a").as_slice(), [3, 7]);
    assert_eq!(index.matches(b"b").as_slice(), [3, 5, 7]);
    let mut out = smallvec::smallvec![9, 3];
    index.collect(b"b", &mut out);
    assert_eq!(out.as_slice(), [9, 3, 3, 5, 7]);
    assert!(GlobIndex::build([]).matches(b"a").is_empty());
}

#[test]
fn hostile_keys_and_patterns_stay_near_linear() {
    // A matcher that tries again what it tried before would not end in a lifetime.
    let patterns = [
        "**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/b".to_owned(),
        format!("{}b", "*a".repeat(60)),
        format!("{}/b", "*a*a*a*a*b/".repeat(30)),
        format!("{}b", "**/*a*/".repeat(60)),
        format!("{}b", "**/?/[ab]/a*/".repeat(40)),
        format!("{}c", "{a,a*}/".repeat(9)),
    ];
    let globs: Vec<Glob> = patterns.iter().map(|p| Glob::parse(p).unwrap()).collect();
    let index = GlobIndex::build((0..).zip(&globs));
    for key in ["a/".repeat(20_000), "a".repeat(40_000), "aaaaaaa/".repeat(5_000), "/".repeat(40_000)] {
        assert_eq!(index.matches(key.as_bytes()).len(), 0);
        assert!(globs.iter().all(|glob| !glob.matches(key.as_bytes())));
    }
}

#[test]
fn a_child_found_by_several_windows_is_walked_once() {
    // `aaaa` holds `aa` three times: walked three times at each of 40 segments, this would never end.
    let level = |depth: usize| "*aa*/".repeat(depth);
    let siblings = (0..40).flat_map(|depth| (0..6).map(move |n| format!("{}*q{n}*", level(depth))));
    let globs: Vec<Glob> = siblings.chain([level(40)]).map(|p| Glob::parse(&p).unwrap()).collect();
    let index = GlobIndex::build((0..).zip(&globs));
    assert_eq!(index.matches("aaaa/".repeat(40).as_bytes()).as_slice(), [240]);
    assert!(index.matches("aaaa/".repeat(41).as_bytes()).is_empty());
}

#[test]
fn siblings_that_share_both_ends_are_told_apart() {
    let patterns: Vec<String> = (0..400).map(|n| format!("p{}*{}s", n / 20, n % 20)).collect();
    let globs: Vec<Glob> = patterns.iter().map(|p| Glob::parse(p).unwrap()).collect();
    let index = GlobIndex::build((0..).zip(&globs));
    for (key, wanted) in [
        ("p3-7s", vec![67]),
        // An empty `*`, and ends that must not overlap.
        ("p37s", vec![67]),
        ("p12s", vec![22]),
        ("p11s", vec![21]),
        ("p1s", vec![]),
        ("p12-13s", vec![23, 33, 243, 253]),
    ] {
        assert_eq!(index.matches(key.as_bytes()).to_vec(), wanted, "{key}");
        let alone = (0..).zip(&globs).filter(|(_, glob)| glob.matches(key.as_bytes())).map(|(id, _)| id);
        assert_eq!(alone.collect::<Vec<u32>>(), wanted, "{key}");
    }
}
