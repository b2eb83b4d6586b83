//! Random patterns and keys, three ways: a naive matcher that tries everything, [`Glob::matches`], and
//! [`GlobIndex`] over up to 200 patterns; and `globset` where both dialects say the same by definition.
//!
//! `PROPTEST_CASES` sets how many cases are run.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests")]

use checkrein::glob::{Glob, GlobIndex};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::Config;

/// A pattern as the generator knows it; the naive matcher never sees the text.
#[derive(Clone, Debug)]
enum Node {
    Text(&'static str),
    Slash,
    Rest,
    One,
    Star,
    Class(&'static [(char, char)], bool),
    Choice(Vec<Vec<Node>>),
}

// Few and short, so that patterns and keys meet often.
const TEXTS: &[&str] =
    &["a", "b", "ab", "aab", "\u{e9}", "*", "[", "{", ",", "\\", "\n", "\0", "}", "-", "."];
const CLASSES: &[&[(char, char)]] =
    &[&[('a', 'a')], &[('a', 'b')], &[('b', 'z')], &[('\u{e0}', '\u{ff}')], &[('a', 'a'), (']', ']')]];
const PIECES: &[&[u8]] = &[
    b"a",
    b"b",
    b"a",
    b"b",
    b"ab",
    b"aab",
    b"/",
    b"/",
    b"/",
    b"\xc3\xa9",
    b"\xc3",
    b"\xa9",
    b"\xff",
    b"\xe2\x82\xac",
    b"*",
    b"[",
    b"{",
    b"}",
    b",",
    b"\\",
    b"\n",
    b"\0",
    b"]",
    b"-",
    b".",
];

fn show(nodes: &[Node], out: &mut String) {
    for node in nodes {
        match node {
            Node::Text(text) => {
                for c in text.chars() {
                    if matches!(c, '*' | '?' | '[' | '{' | '}' | ',' | '\\') {
                        out.push('\\');
                    }
                    out.push(c);
                }
            }
            Node::Slash => out.push('/'),
            Node::Rest => out.push_str("**"),
            Node::One => out.push('?'),
            Node::Star => out.push('*'),
            Node::Class(ranges, negated) => {
                out.push_str(if *negated { "[!" } else { "[" });
                for (first, last) in *ranges {
                    let escape = |c: char| if c == ']' { format!("\\{c}") } else { c.to_string() };
                    out.push_str(&escape(*first));
                    if first != last {
                        out.push('-');
                        out.push_str(&escape(*last));
                    }
                }
                out.push(']');
            }
            Node::Choice(branches) => {
                out.push('{');
                for (n, branch) in branches.iter().enumerate() {
                    if n > 0 {
                        out.push(',');
                    }
                    show(branch, out);
                }
                out.push('}');
            }
        }
    }
}

fn text(nodes: &[Node]) -> String {
    let mut out = String::new();
    show(nodes, &mut out);
    out
}

/// Two `*` side by side would read as `**`.
fn stars_meet(nodes: &[Node]) -> bool {
    nodes.windows(2).any(|pair| matches!(pair, [Node::Star, Node::Star]))
        || nodes.iter().any(|node| match node {
            Node::Choice(branches) => branches.iter().any(|branch| stars_meet(branch)),
            _ => false,
        })
}

/// The pattern without braces, once for each choice.
fn expanded(nodes: &[Node]) -> Vec<Vec<&Node>> {
    let Some((node, after)) = nodes.split_first() else { return vec![vec![]] };
    let heads = match node {
        Node::Choice(branches) => branches.iter().flat_map(|branch| expanded(branch)).collect(),
        node => vec![vec![node]],
    };
    let tails = expanded(after);
    heads.iter().flat_map(|head| tails.iter().map(move |tail| [head.as_slice(), tail].concat())).collect()
}

/// The units of a segment: characters, and bytes that are none.
fn units(segment: &[u8]) -> Vec<Result<char, u8>> {
    let chunk = |chunk: std::str::Utf8Chunk<'_>| {
        let bytes = chunk.invalid().to_vec();
        chunk.valid().chars().map(Ok).chain(bytes.into_iter().map(Err)).collect::<Vec<_>>()
    };
    segment.utf8_chunks().flat_map(chunk).collect()
}

/// True where the nodes of one segment match these units, all of them.
fn segment(nodes: &[&Node], units: &[Result<char, u8>]) -> bool {
    let Some((node, after)) = nodes.split_first() else { return units.is_empty() };
    let first = units.first();
    match node {
        Node::Text(text) => {
            let wanted: Vec<_> = text.chars().map(Ok).collect();
            units.strip_prefix(wanted.as_slice()).is_some_and(|rest| segment(after, rest))
        }
        Node::One => first.is_some() && segment(after, &units[1..]),
        Node::Star => (0..=units.len()).any(|skip| segment(after, &units[skip..])),
        Node::Class(ranges, negated) => {
            let fits = match first {
                Some(Ok(c)) => ranges.iter().any(|(a, z)| a <= c && c <= z) != *negated,
                Some(Err(_)) => *negated,
                None => false,
            };
            fits && segment(after, &units[1..])
        }
        Node::Slash | Node::Rest | Node::Choice(_) => false,
    }
}

/// True where the segments of a pattern match these segments of a key, all of them.
fn path(parts: &[&[&Node]], segments: &[&[u8]]) -> bool {
    match parts {
        [] => segments.is_empty(),
        [[Node::Rest]] => !segments.is_empty(),
        [[Node::Rest], after @ ..] => (0..=segments.len()).any(|skip| path(after, &segments[skip..])),
        [nodes, after @ ..] => {
            let Some((first, rest)) = segments.split_first() else { return false };
            segment(nodes, &units(first)) && path(after, rest)
        }
    }
}

fn naive(nodes: &[Node], key: &[u8]) -> bool {
    let segments: Vec<&[u8]> = key.split(|byte| *byte == b'/').collect();
    expanded(nodes).iter().any(|nodes| {
        let parts: Vec<&[&Node]> = nodes.split(|node| matches!(node, Node::Slash)).collect();
        path(&parts, &segments)
    })
}

fn node() -> impl Strategy<Value = Node> {
    let leaf = prop_oneof![
        6 => prop::sample::select(TEXTS).prop_map(Node::Text),
        2 => Just(Node::One),
        3 => Just(Node::Star),
        2 => (prop::sample::select(CLASSES), any::<bool>()).prop_map(|(ranges, negated)| Node::Class(ranges, negated)),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        let branch = prop_oneof![
            4 => vec(inner.clone(), 0..3),
            1 => vec(inner.clone(), 0..3).prop_map(|nodes| with(nodes, &[Node::Slash], false)),
            1 => vec(inner.clone(), 0..2).prop_map(|nodes| with(nodes, &[Node::Rest, Node::Slash], true)),
            1 => vec(inner, 0..2).prop_map(|nodes| with(nodes, &[Node::Slash, Node::Rest], false)),
            1 => Just(vec![Node::Rest]),
        ];
        vec(branch, 1..3).prop_map(Node::Choice)
    })
}

fn with(mut nodes: Vec<Node>, more: &[Node], in_front: bool) -> Vec<Node> {
    let at = if in_front { 0 } else { nodes.len() };
    nodes.splice(at..at, more.iter().cloned());
    nodes
}

/// Segments with a slash between each two.
fn nodes() -> impl Strategy<Value = Vec<Node>> {
    let part = prop_oneof![1 => Just(vec![Node::Rest]), 3 => vec(node(), 0..4)];
    vec(part, 1..5).prop_map(|parts| {
        let mut nodes = Vec::new();
        for (n, part) in parts.into_iter().enumerate() {
            if n > 0 {
                nodes.push(Node::Slash);
            }
            nodes.extend(part);
        }
        nodes
    })
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    vec(prop::sample::select(PIECES), 0..10).prop_map(|pieces| pieces.concat())
}

/// Patterns that parse: `**` may stand beside something else and all may be empty, which is refused.
fn pattern(nodes: impl Strategy<Value = Vec<Node>>) -> impl Strategy<Value = (Vec<Node>, Glob)> {
    nodes.prop_filter_map("refused", |nodes| {
        let glob = if stars_meet(&nodes) { None } else { Glob::parse(&text(&nodes)).ok() };
        glob.map(|glob| (nodes, glob))
    })
}

fn config() -> Config {
    // The default of the library, 256, is too many for each run of the tests in debug.
    let default = Config::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { default.cases } else { 64 };
    Config {
        cases,
        failure_persistence: None,
        max_local_rejects: 1 << 20,
        max_global_rejects: 1 << 20,
        ..default
    }
}

fn agree(patterns: &[(Vec<Node>, Glob)], keys: &[Vec<u8>]) -> Result<(), TestCaseError> {
    let index = GlobIndex::build((0..).zip(patterns.iter().map(|(_, glob)| glob)));
    for key in keys {
        let mut wanted = Vec::new();
        for (id, (nodes, glob)) in (0..).zip(patterns) {
            let matches = naive(nodes, key);
            prop_assert_eq!(glob.matches(key), matches, "`{}` on {}", glob, key.escape_ascii());
            if matches {
                wanted.push(id);
            }
        }
        let found = index.matches(key);
        prop_assert_eq!(found.as_slice(), wanted.as_slice(), "index on {}", key.escape_ascii());
    }
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn all_three_agree(patterns in vec(pattern(nodes()), 1..200), keys in vec(key(), 1..30)) {
        agree(&patterns, &keys)?;
    }

    /// One segment, so that the filing of siblings under their literals is what is tried.
    #[test]
    fn crowded_siblings_agree(patterns in vec(pattern(vec(node(), 1..5)), 1..200), keys in vec(key(), 1..30)) {
        agree(&patterns, &keys)?;
    }

    /// The common part: ASCII, no negated class, `**` outside of braces.
    #[test]
    fn globset_agrees(
        parts in vec(vec("[abc.]|\\?|\\*|\\[a-b\\]|\\{a,b?\\}|\\{,a\\*c,c/a\\}|\\\\\\*", 0..4), 1..5),
        rests in vec(prop::bool::weighted(0.25), 5),
        keys in vec("[abc.*/\n\0]{0,10}", 1..50),
    ) {
        let parts: Vec<String> =
            parts.iter().zip(&rests).map(|(part, rest)| if *rest { "**".into() } else { part.concat() }).collect();
        let pattern = parts.join("/");
        // What we refuse, `globset` reads in its own way; it reads `**/` at the end as `**`, too.
        let odd = pattern.ends_with("**/") || pattern.contains("**//") ;
        if let (Ok(glob), false) = (Glob::parse(&pattern), odd) {
            let oracle = globset::GlobBuilder::new(&pattern)
                .literal_separator(true)
                .backslash_escape(true)
                .empty_alternates(true)
                .build()
                .unwrap()
                .compile_matcher();
            for key in &keys {
                prop_assert_eq!(glob.matches(key.as_bytes()), oracle.is_match(key), "`{}` on {:?}", pattern, key);
            }
        }
    }

    /// Whatever is given as a pattern is read or refused, with a position inside the text.
    #[test]
    fn any_text_is_read_or_refused(text in "([a*?/,{}!^\\-\\[\\]\\\\\u{e9}]|\\PC){0,24}", key in key()) {
        match Glob::parse(&text) {
            Ok(glob) => {
                let index = GlobIndex::build([(1, &glob)]);
                prop_assert_eq!(index.matches(&key).len(), usize::from(glob.matches(&key)));
                prop_assert_eq!(glob.as_str(), text);
            }
            Err(error) => {
                prop_assert!(error.position <= text.len() && text.is_char_boundary(error.position));
                prop_assert!(!error.message.is_empty());
            }
        }
    }
}
