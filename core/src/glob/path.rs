//! A pattern without braces, as its segments, and the match of one such pattern with a key.
//!
//! `**` cuts the pattern into runs of segments. As with `*` inside a segment, the first run stands at the front, the
//! last at the back, and each of the others where it first fits, so nothing is ever tried twice.

use std::sync::Arc;

use super::segment::Segment;

/// One segment of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// `**`: any number of whole segments; at the end of a pattern at least one.
    Rest,
    /// `*`: any one segment.
    Any,
    /// Exactly these bytes.
    Literal(Box<[u8]>),
    /// A segment with a wildcard in it.
    Wild(Arc<Segment>),
}

impl Part {
    fn matches(&self, segment: &[u8]) -> bool {
        match self {
            Part::Rest | Part::Any => true,
            Part::Literal(text) => **text == *segment,
            Part::Wild(pattern) => pattern.matches(segment),
        }
    }
}

/// The segments of a pattern without braces. INVARIANT: no two `Rest` stand side by side.
#[derive(Clone, Debug)]
pub(super) struct Path {
    pub(super) parts: Box<[Part]>,
}

impl Path {
    pub(super) fn matches(&self, key: &[u8]) -> bool {
        let mut runs = self.parts.split(|part| matches!(part, Part::Rest));
        let mut left = Segments { rest: Some(key) };
        let Some(head) = runs.next() else { return false };
        if !left.strip_front(head) {
            return false;
        }
        let Some(tail) = runs.next_back() else { return left.rest.is_none() };
        // An empty last run: the pattern ends in `**`, for which one segment is kept.
        let fits = if tail.is_empty() { left.pop_back().is_some() } else { left.strip_back(tail) };
        fits && runs.all(|run| left.skip_past(run))
    }
}

/// The segments of a key that are left; none at all is something else than one empty one.
#[derive(Clone, Copy)]
struct Segments<'k> {
    rest: Option<&'k [u8]>,
}

impl<'k> Segments<'k> {
    fn pop_front(&mut self) -> Option<&'k [u8]> {
        let rest = self.rest?;
        match memchr::memchr(b'/', rest).and_then(|at| Some((rest.get(..at)?, rest.get(at + 1..)?))) {
            Some((segment, after)) => {
                self.rest = Some(after);
                Some(segment)
            }
            None => self.rest.take(),
        }
    }

    fn pop_back(&mut self) -> Option<&'k [u8]> {
        let rest = self.rest?;
        match memchr::memrchr(b'/', rest).and_then(|at| Some((rest.get(..at)?, rest.get(at + 1..)?))) {
            Some((before, segment)) => {
                self.rest = Some(before);
                Some(segment)
            }
            None => self.rest.take(),
        }
    }

    fn strip_front(&mut self, run: &[Part]) -> bool {
        run.iter().all(|part| match part {
            Part::Literal(text) => self.strip_literal(text),
            part => self.pop_front().is_some_and(|segment| part.matches(segment)),
        })
    }

    /// Goes past a first segment that is this text: without a look for where it ends.
    fn strip_literal(&mut self, text: &[u8]) -> bool {
        match self.rest.and_then(|rest| rest.strip_prefix(text)) {
            Some([b'/', after @ ..]) => self.rest = Some(after),
            Some([]) => self.rest = None,
            _ => return false,
        }
        true
    }

    fn strip_back(&mut self, run: &[Part]) -> bool {
        run.iter().rev().all(|part| self.pop_back().is_some_and(|segment| part.matches(segment)))
    }

    /// Goes past the first place where the run fits.
    fn skip_past(&mut self, run: &[Part]) -> bool {
        loop {
            let mut attempt = *self;
            if attempt.strip_front(run) {
                *self = attempt;
                return true;
            }
            if self.pop_front().is_none() {
                return false;
            }
        }
    }
}
