//! All patterns of a set at once: a trie over the segments of the patterns, walked along the segments of a key.
//!
//! A node's literal children stand in one hash table, so ten and ten thousand of them cost the same. Its children
//! with wildcards are found through literals that a match must hold ([`wild`]), and then verified. A `**` leads to a
//! node that stays in force for all segments that follow; each such node enters the walk once, every other at most
//! once a segment, so a walk takes at most (segments of the key) × (nodes of the trie), and no pattern can make it
//! explode.

mod build;
mod table;
mod wild;

use smallvec::SmallVec;

use super::Glob;
use table::{Place, Table};
use wild::Wild;

/// An immutable index over patterns, each with a number; the default one holds none.
///
/// ```
/// # fn main() -> Result<(), checkrein::error::PatternError> {
/// use checkrein::glob::{Glob, GlobIndex};
///
/// let globs = [Glob::parse("users/**")?, Glob::parse("*.json")?, Glob::parse("users/*/email")?];
/// let index = GlobIndex::build((0..).zip(&globs));
/// assert_eq!(index.matches(b"users/alice/email").as_slice(), [0, 2]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct GlobIndex {
    nodes: Box<[Node]>,
    wilds: Box<[Wild]>,
    table: Table,
    // The numbers of the patterns that end at the nodes, node by node.
    ids: Box<[u32]>,
}

/// No such node or place.
const NONE: u32 = u32::MAX;
/// The first node, where each walk begins.
const ROOT: u32 = 0;
/// The use of the table for literal children.
const CHILDREN: u32 = 0;

#[derive(Clone, Copy, Debug)]
struct Node {
    /// Where the children with wildcards are in `wilds`.
    wild: u32,
    /// The child behind `**`.
    rest: u32,
    /// Patterns that end here; behind `**`, those that match all that follows.
    ids: (u32, u32),
    /// One bit for each kind of literal child, by length and first byte; zero where there is none.
    literals: u64,
}

impl GlobIndex {
    /// Builds the index; numbers may be given more than once.
    #[must_use]
    pub fn build<'g>(globs: impl IntoIterator<Item = (u32, &'g Glob)>) -> Self {
        let mut builder = build::Builder::default();
        for (id, glob) in globs {
            builder.add(id, glob);
        }
        builder.finish()
    }

    /// The numbers of the patterns that match a key: ascending, each once.
    #[must_use]
    pub fn matches(&self, key: &[u8]) -> SmallVec<[u32; 8]> {
        let mut out = SmallVec::new();
        self.collect(key, &mut out);
        out
    }

    /// Appends the numbers of the patterns that match a key: ascending, each once.
    pub fn collect(&self, key: &[u8], out: &mut SmallVec<[u32; 8]>) {
        let start = out.len();
        Walk { index: self, out, resting: SmallVec::new(), reached: SmallVec::new() }.run(key);
        if out.len() - start > 1 {
            sort_and_dedup(out, start);
        }
    }

    fn node(&self, at: u32) -> Option<&Node> {
        self.nodes.get(at as usize)
    }
}

/// Several expansions of one pattern may match, and numbers come in the order of the walk.
fn sort_and_dedup(out: &mut SmallVec<[u32; 8]>, start: usize) {
    let mut found: SmallVec<[u32; 8]> = out.drain(start..).collect();
    found.sort_unstable();
    found.dedup();
    out.extend(found);
}

type Nodes = SmallVec<[u32; 16]>;

struct Walk<'i, 'o> {
    index: &'i GlobIndex,
    out: &'o mut SmallVec<[u32; 8]>,
    /// Nodes behind a `**` that have children: in force until the key ends.
    resting: Nodes,
    /// All nodes behind a `**` that were reached, sorted: each is entered once.
    reached: Nodes,
}

impl Walk<'_, '_> {
    fn run(&mut self, key: &[u8]) {
        let mut active: Nodes = SmallVec::from_slice(&[ROOT]);
        let mut next = Nodes::new();
        let mut rest = Some(key);
        while let Some(bytes) = rest {
            let segment = match memchr::memchr(b'/', bytes) {
                Some(at) => {
                    rest = bytes.get(at + 1..);
                    bytes.get(..at).unwrap_or_default()
                }
                None => {
                    rest = None;
                    bytes
                }
            };
            for &at in &active {
                self.enter_rest(at);
            }
            for &at in active.iter().chain(&self.resting) {
                self.index.step(at, segment, &mut next);
            }
            if rest.is_none() {
                for &at in &next {
                    self.emit(at);
                }
                return;
            }
            if next.is_empty() && self.resting.is_empty() {
                return;
            }
            std::mem::swap(&mut active, &mut next);
            next.clear();
        }
    }

    /// Puts the node behind `**` in force, if there is one and it is not yet: here is at least one more segment.
    fn enter_rest(&mut self, at: u32) {
        let rest = self.index.node(at).map_or(NONE, |node| node.rest);
        let Some(node) = self.index.node(rest) else { return };
        let Err(place) = self.reached.binary_search(&rest) else { return };
        self.reached.insert(place, rest);
        if node.literals != 0 || node.wild != NONE {
            self.resting.push(rest);
        }
        self.emit(rest);
    }

    fn emit(&mut self, at: u32) {
        if let Some(node) = self.index.node(at) {
            let (start, end) = node.ids;
            self.out.extend_from_slice(self.index.ids.get(start as usize..end as usize).unwrap_or_default());
        }
    }
}

impl GlobIndex {
    /// Appends the children of a node that match a segment, each once.
    fn step(&self, at: u32, segment: &[u8], next: &mut Nodes) {
        let Some(node) = self.node(at) else { return };
        if node.literals & literal_bit(segment) != 0 {
            next.extend(self.table.get(Place { node: at, used_as: CHILDREN }, segment));
        }
        if let Some(wild) = self.wilds.get(node.wild as usize) {
            wild.step(&self.table, at, segment, next);
        }
    }
}

/// The bit of a literal child in [`Node::literals`].
fn literal_bit(segment: &[u8]) -> u64 {
    let first = segment.first().copied().unwrap_or_default();
    1 << ((usize::from(first) + 13 * segment.len()) % 64)
}
