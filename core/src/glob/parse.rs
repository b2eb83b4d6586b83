//! Reads the text of a pattern into items. Strict: what has no clear meaning is an error that says what to write.

use super::class::Class;
use super::{MAX_BRACE_DEPTH, MAX_PATTERN_BYTES};
use crate::error::PatternError;

/// An item of a pattern, and the byte position where it stands.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) at: usize,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    Char(char),
    Slash,
    /// `?`
    One,
    /// `*`
    Star,
    /// `**`
    Rest,
    Class(Class),
    /// `{…}`, with its alternatives.
    Choice(Vec<Vec<Item>>),
}

/// The items of a pattern.
pub(super) fn items(pattern: &str) -> Result<Vec<Item>, PatternError> {
    if pattern.is_empty() {
        return Err(error(
            pattern,
            0,
            "the pattern is empty: write `**` for every key, or `{}` for the empty key",
        ));
    }
    if pattern.len() > MAX_PATTERN_BYTES {
        let message =
            format!("the pattern has {} bytes, at most {MAX_PATTERN_BYTES} are allowed", pattern.len());
        return Err(error(pattern, MAX_PATTERN_BYTES, message));
    }
    let mut parser = Parser { pattern, at: 0 };
    parser.sequence(0)
}

pub(super) fn error(pattern: &str, position: usize, message: impl Into<String>) -> PatternError {
    PatternError { pattern: pattern.to_owned(), position, message: message.into() }
}

struct Parser<'p> {
    pattern: &'p str,
    at: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<char> {
        self.pattern.get(self.at..)?.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn next_if(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.at += wanted.len_utf8();
        }
        found
    }

    fn error(&self, position: usize, message: impl Into<String>) -> PatternError {
        error(self.pattern, position, message)
    }

    /// Items up to the end, or inside braces (`depth` above zero) up to the `,` or `}` that ends an alternative.
    fn sequence(&mut self, depth: usize) -> Result<Vec<Item>, PatternError> {
        let mut items = Vec::new();
        while let Some(c) = self.peek() {
            if depth > 0 && matches!(c, ',' | '}') {
                break;
            }
            let at = self.at;
            self.next();
            let kind = match c {
                '/' => Kind::Slash,
                '?' => Kind::One,
                '*' => self.star(at)?,
                '[' => Kind::Class(self.class(at)?),
                '{' => Kind::Choice(self.choice(at, depth + 1)?),
                '}' => return Err(self.error(at, "this `}` closes nothing: write `\\}` for the character")),
                '\\' => match self.escaped(at)? {
                    '/' => Kind::Slash,
                    c => Kind::Char(c),
                },
                c => Kind::Char(c),
            };
            items.push(Item { at, kind });
        }
        Ok(items)
    }

    fn star(&mut self, at: usize) -> Result<Kind, PatternError> {
        if !self.next_if('*') {
            return Ok(Kind::Star);
        }
        if self.peek() == Some('*') {
            return Err(
                self.error(at, "more than two `*` in a row: write `*` within a segment, `**` for segments")
            );
        }
        Ok(Kind::Rest)
    }

    fn escaped(&mut self, at: usize) -> Result<char, PatternError> {
        self.next().ok_or_else(|| {
            self.error(
                at,
                "a `\\` at the end escapes nothing: write `\\\\` for the character, or leave it out",
            )
        })
    }

    fn choice(&mut self, at: usize, depth: usize) -> Result<Vec<Vec<Item>>, PatternError> {
        if depth > MAX_BRACE_DEPTH {
            let message = format!("braces are nested deeper than {MAX_BRACE_DEPTH}: write several patterns");
            return Err(self.error(at, message));
        }
        let mut branches = Vec::new();
        loop {
            branches.push(self.sequence(depth)?);
            match self.next() {
                Some(',') => {}
                Some(_) => return Ok(branches),
                None => {
                    let message = "this `{` is never closed: add the `}`, or write `\\{` for the character";
                    return Err(self.error(at, message));
                }
            }
        }
    }

    fn class(&mut self, at: usize) -> Result<Class, PatternError> {
        let negated = self.next_if('!') || self.next_if('^');
        let mut ranges = Vec::new();
        let start = self.at;
        loop {
            let from = self.at;
            let first = self.member(at)?;
            if first == Member::Plain(']') && from > start {
                return Ok(Class::new(ranges, negated));
            }
            // A `-` stands for a range unless it is the first or the last thing in the class.
            if first == Member::Plain('-') && from > start && self.peek() != Some(']') {
                let message =
                    "this `-` is neither first nor last, nor in a range: write `\\-` for the character";
                return Err(self.error(from, message));
            }
            let first = first.char();
            let rest = self.pattern.get(self.at..).unwrap_or_default();
            if !rest.starts_with('-') || rest.starts_with("-]") {
                ranges.push((first, first));
                continue;
            }
            self.next();
            let last = self.member(at)?.char();
            if last < first {
                let message = format!("the range `{first}-{last}` is reversed: write `{last}-{first}`");
                return Err(self.error(from, message));
            }
            ranges.push((first, last));
        }
    }

    /// The next character of the class that opened at `open`.
    fn member(&mut self, open: usize) -> Result<Member, PatternError> {
        let at = self.at;
        let member = match self.next() {
            Some('\\') => Member::Escaped(self.escaped(at)?),
            Some('[') if matches!(self.peek(), Some(':' | '.' | '=')) => {
                let message = "named classes such as `[:alpha:]` are not known: write the characters, as in `[a-z]`, \
                               or `\\[` for the character";
                return Err(self.error(at, message));
            }
            Some(c) => Member::Plain(c),
            None => {
                let message = "this `[` is never closed: add the `]`, or write `\\[` for the character";
                return Err(self.error(open, message));
            }
        };
        if member.char() == '/' {
            return Err(self.error(at, "a class never matches `/`: leave it out, or write `{…,/}`"));
        }
        Ok(member)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Member {
    Plain(char),
    Escaped(char),
}

impl Member {
    fn char(self) -> char {
        match self {
            Member::Plain(c) | Member::Escaped(c) => c,
        }
    }
}
