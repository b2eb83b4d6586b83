//! Writes out the braces of a pattern and cuts each expansion into segments.

use std::sync::Arc;

use super::parse::{Item, Kind, error};
use super::path::{Part, Path};
use super::segment::{Piece, Segment};
use super::{MAX_EXPANDED_CHARS, MAX_EXPANSIONS};
use crate::error::PatternError;

type Expansion<'i> = Vec<&'i Item>;

/// The segments of each expansion of a pattern.
pub(super) fn paths(pattern: &str, items: &[Item]) -> Result<Box<[Path]>, PatternError> {
    expansions(pattern, items)?.into_iter().map(|items| path(pattern, &items)).collect()
}

fn expansions<'i>(pattern: &str, items: &'i [Item]) -> Result<Vec<Expansion<'i>>, PatternError> {
    let mut all = vec![Expansion::new()];
    let mut chars = 0;
    for item in items {
        if let Kind::Choice(branches) = &item.kind {
            let mut tails = Vec::new();
            for branch in branches {
                tails.extend(expansions(pattern, branch)?);
                check(pattern, item, tails.len(), 0)?;
            }
            let count = all.len() * tails.len();
            // Each pair of a head and a tail becomes one expansion.
            chars = chars * tails.len() + all.len() * tails.iter().map(Vec::len).sum::<usize>();
            check(pattern, item, count, chars)?;
            let pairs =
                all.iter().flat_map(|head| tails.iter().map(move |tail| [head.as_slice(), tail].concat()));
            all = pairs.collect();
        } else {
            chars += all.len();
            check(pattern, item, all.len(), chars)?;
            for expansion in &mut all {
                expansion.push(item);
            }
        }
    }
    Ok(all)
}

fn check(pattern: &str, item: &Item, count: usize, chars: usize) -> Result<(), PatternError> {
    if count > MAX_EXPANSIONS {
        let message =
            format!("the braces expand to more than {MAX_EXPANSIONS} patterns: write several patterns");
        return Err(error(pattern, item.at, message));
    }
    if chars > MAX_EXPANDED_CHARS {
        let message = format!(
            "the braces expand to more than {MAX_EXPANDED_CHARS} characters in all: write several patterns"
        );
        return Err(error(pattern, item.at, message));
    }
    Ok(())
}

fn path(pattern: &str, items: &[&Item]) -> Result<Path, PatternError> {
    let mut parts: Vec<Part> = Vec::new();
    for segment in items.split(|item| matches!(item.kind, Kind::Slash)) {
        let part = part(pattern, segment)?;
        // `**/**` says no more than `**`.
        if part != Part::Rest || parts.last() != Some(&Part::Rest) {
            parts.push(part);
        }
    }
    Ok(Path { parts: parts.into() })
}

fn part(pattern: &str, items: &[&Item]) -> Result<Part, PatternError> {
    match items {
        [Item { kind: Kind::Rest, .. }] => return Ok(Part::Rest),
        [Item { kind: Kind::Star, .. }] => return Ok(Part::Any),
        _ => {}
    }
    let mut literal = Some(Vec::new());
    let mut pieces = vec![];
    let mut piece = Piece::default();
    let mut after_star = false;
    for item in items {
        let is_star = matches!(item.kind, Kind::Star);
        if is_star && after_star {
            let message = "two `*` meet when the braces are written out: write one `*`";
            return Err(error(pattern, item.at, message));
        }
        after_star = is_star;
        match &item.kind {
            Kind::Char(c) => {
                piece.push_char(*c);
                if let Some(literal) = &mut literal {
                    literal.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
                continue;
            }
            Kind::One => piece.push_one(),
            Kind::Class(class) => piece.push_class(class.clone()),
            Kind::Star => pieces.push(std::mem::take(&mut piece)),
            Kind::Rest => {
                let message = "`**` must be a whole segment: write `a/**` for all that lies below `a/`, or one `*` \
                               for any text within a segment";
                return Err(error(pattern, item.at, message));
            }
            // Slashes cut the segments, and the braces are written out.
            Kind::Slash | Kind::Choice(_) => {}
        }
        literal = None;
    }
    pieces.push(piece);
    Ok(match literal {
        Some(literal) => Part::Literal(literal.into()),
        None => Part::Wild(Arc::new(Segment::new(pieces))),
    })
}
