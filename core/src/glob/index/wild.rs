//! The children of one node whose segments hold wildcards.
//!
//! Asking each of them would cost as many looks as there are children. So each child is filed under a literal that
//! every match must hold, the rarest among its siblings: its prefix, its suffix, both, or up to three bytes from
//! anywhere in it. A segment of a key looks up what it holds itself (one look for each length in use, three-byte
//! windows for the last kind) and verifies only the children it finds there. A filing only ever narrows down: what
//! matches is decided by [`Segment::matches`]. Children without any literal byte (`?*`, `[0-9]`) are asked one by one.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;
use smallvec::SmallVec;

use super::Nodes;
use super::table::{Place, Table};
use crate::glob::segment::Segment;

/// Up to so many children, asking each is cheaper than a look-up.
const FEW: usize = 4;
/// A filing is good enough if at most so many siblings share it.
const CROWD: u32 = 8;
/// The longest window of [`Shape::Inner`], in bytes.
const WINDOW: usize = 3;

/// A child and the segment that leads to it.
#[derive(Clone, Debug)]
pub(super) struct Edge {
    pub(super) segment: Arc<Segment>,
    pub(super) child: u32,
}

/// The children of one node whose segments hold wildcards.
#[derive(Clone, Debug)]
pub(super) struct Wild {
    /// The child behind `*`.
    any: Option<u32>,
    /// Asked one by one.
    plain: Box<[Edge]>,
    filings: Box<[Filing]>,
    /// What is filed together, for all filings of the node.
    drawers: Box<[Box<[Edge]>]>,
}

/// What a child can be filed under: literals of these lengths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Shape {
    Prefix(u32),
    Suffix(u32),
    Both(u32, u32),
    Inner(u32),
}

#[derive(Clone, Copy, Debug)]
struct Filing {
    shape: Shape,
    /// The use of the table.
    used_as: u32,
    /// One bit for each literal filed, by its first and last byte.
    bits: u64,
}

impl Wild {
    /// Appends the children that match a segment, each once.
    pub(super) fn step(&self, table: &Table, node: u32, segment: &[u8], next: &mut Nodes) {
        next.extend(self.any);
        ask(&self.plain, segment, next);
        for filing in &self.filings {
            let place = Place { node, used_as: filing.used_as };
            let drawer = match filing.shape {
                Shape::Inner(width) => {
                    self.windows(filing, width as usize, table, place, segment, next);
                    continue;
                }
                Shape::Prefix(len) => {
                    segment.get(..len as usize).and_then(|text| filing.look(table, place, text))
                }
                Shape::Suffix(len) => {
                    let start = segment.len().checked_sub(len as usize);
                    start
                        .and_then(|start| segment.get(start..))
                        .and_then(|text| filing.look(table, place, text))
                }
                Shape::Both(prefix, suffix) => both(segment, prefix as usize, suffix as usize)
                    .and_then(|text| filing.look(table, place, &text)),
            };
            if let Some(edges) = drawer.and_then(|at| self.drawers.get(at as usize)) {
                ask(edges, segment, next);
            }
        }
    }

    fn windows(
        &self,
        filing: &Filing,
        width: usize,
        table: &Table,
        place: Place,
        segment: &[u8],
        next: &mut Nodes,
    ) {
        let mut found: SmallVec<[u32; 16]> = SmallVec::new();
        for window in segment.windows(width) {
            found.extend(filing.look(table, place, window));
        }
        // The same bytes may stand at several places.
        if found.len() > 1 {
            found.sort_unstable();
            found.dedup();
        }
        for edges in found.iter().filter_map(|at| self.drawers.get(*at as usize)) {
            ask(edges, segment, next);
        }
    }
}

fn ask(edges: &[Edge], segment: &[u8], next: &mut Nodes) {
    next.extend(edges.iter().filter(|edge| edge.segment.matches(segment)).map(|edge| edge.child));
}

fn both(segment: &[u8], prefix: usize, suffix: usize) -> Option<SmallVec<[u8; 64]>> {
    let start = segment.len().checked_sub(suffix).filter(|start| *start >= prefix)?;
    let mut text = SmallVec::from_slice(segment.get(..prefix)?);
    text.extend_from_slice(segment.get(start..)?);
    Some(text)
}

impl Filing {
    fn look(&self, table: &Table, place: Place, text: &[u8]) -> Option<u32> {
        if self.bits & bit(text) == 0 { None } else { table.get(place, text) }
    }
}

fn bit(text: &[u8]) -> u64 {
    let first = text.first().copied().unwrap_or_default();
    let last = text.last().copied().unwrap_or_default();
    1 << ((usize::from(first) + 11 * usize::from(last)) % 64)
}

type Literal = SmallVec<[u8; 32]>;
type Counts = HashMap<Choice, u32, FixedState>;

/// Files the children of one node; `table` gets the literals.
pub(super) fn build(node: u32, any: Option<u32>, edges: Vec<Edge>, table: &mut Table) -> Wild {
    let mut wild = Wild { any, plain: Box::default(), filings: Box::default(), drawers: Box::default() };
    if edges.len() <= FEW {
        wild.plain = edges.into();
        return wild;
    }
    let mut counts = Counts::default();
    for edge in &edges {
        ends(&edge.segment, |choice| *counts.entry(choice).or_default() += 1);
    }
    // Windows are many and dearer to look up, so they are weighed only where the ends are crowded.
    for edge in &edges {
        if best(&counts, |visit| ends(&edge.segment, visit)).is_none_or(|(crowd, _)| crowd > CROWD) {
            windows(&edge.segment, |choice| *counts.entry(choice).or_default() += 1);
        }
    }
    let mut plain = Vec::new();
    let mut filings: Vec<Filing> = Vec::new();
    let mut drawers: Vec<Vec<Edge>> = Vec::new();
    for edge in edges {
        let Some((shape, literal)) = choose(&edge.segment, &counts) else {
            plain.push(edge);
            continue;
        };
        let at = match filings.iter().position(|filing| filing.shape == shape) {
            Some(at) => at,
            None => {
                // Use 0 of the table is the literal children.
                filings.push(Filing { shape, used_as: filings.len() as u32 + 1, bits: 0 });
                filings.len() - 1
            }
        };
        let Some(filing) = filings.get_mut(at) else { continue };
        filing.bits |= bit(&literal);
        let place = Place { node, used_as: filing.used_as };
        let drawer = table.get_or_insert_with(place, &literal, || drawers.len() as u32);
        match drawers.get_mut(drawer as usize) {
            Some(drawer) => drawer.push(edge),
            None => drawers.push(vec![edge]),
        }
    }
    filings.sort_unstable_by_key(|filing| filing.shape);
    wild.plain = plain.into();
    wild.filings = filings.into();
    wild.drawers = drawers.into_iter().map(Vec::into_boxed_slice).collect();
    wild
}

type Choice = (Shape, Literal);

/// The literals at the ends of a segment, the cheapest look-up first.
fn ends(segment: &Segment, mut visit: impl FnMut(Choice)) {
    let (prefix, suffix) = (segment.prefix(), segment.suffix());
    if !prefix.is_empty() {
        visit((Shape::Prefix(prefix.len() as u32), prefix.into()));
    }
    if !suffix.is_empty() {
        visit((Shape::Suffix(suffix.len() as u32), suffix.into()));
    }
    if !prefix.is_empty() && !suffix.is_empty() {
        let mut text = Literal::from_slice(prefix);
        text.extend_from_slice(suffix);
        visit((Shape::Both(prefix.len() as u32, suffix.len() as u32), text));
    }
}

/// The windows of all literals of a segment; the same one may come twice.
fn windows(segment: &Segment, mut visit: impl FnMut(Choice)) {
    for literal in segment.literals() {
        let width = literal.len().clamp(1, WINDOW);
        for window in literal.windows(width) {
            visit((Shape::Inner(width as u32), window.into()));
        }
    }
}

/// The first choice that is not crowded, else the least crowded one; what was not counted is no choice.
fn best(counts: &Counts, each: impl FnOnce(&mut dyn FnMut(Choice))) -> Option<(u32, Choice)> {
    let mut best: Option<(u32, Choice)> = None;
    each(&mut |choice| {
        let Some(&crowd) = counts.get(&choice) else { return };
        if best.as_ref().is_none_or(|(known, _)| *known > CROWD && crowd < *known) {
            best = Some((crowd, choice));
        }
    });
    best
}

fn choose(segment: &Segment, counts: &Counts) -> Option<Choice> {
    let choice = best(counts, |visit| {
        ends(segment, &mut *visit);
        windows(segment, visit);
    });
    choice.map(|(_, choice)| choice)
}
