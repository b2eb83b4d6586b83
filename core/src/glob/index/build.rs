//! Builds the trie: literal children straight into the table, children with wildcards gathered node by node first.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;

use super::table::{Place, Table};
use super::wild::{self, Edge};
use super::{CHILDREN, GlobIndex, NONE, Node, ROOT, literal_bit};
use crate::glob::Glob;
use crate::glob::path::Part;
use crate::glob::segment::Segment;

pub(super) struct Builder {
    nodes: Vec<Node>,
    table: Table,
    /// The child behind each node's `*`, and behind each of its segments with wildcards.
    any: HashMap<u32, u32, FixedState>,
    wild: HashMap<(u32, Arc<Segment>), u32, FixedState>,
    ends: Vec<(u32, u32)>,
}

const NEW: Node = Node { wild: NONE, rest: NONE, ids: (0, 0), literals: 0 };

impl Default for Builder {
    fn default() -> Self {
        Builder {
            nodes: vec![NEW],
            table: Table::default(),
            any: HashMap::default(),
            wild: HashMap::default(),
            ends: Vec::new(),
        }
    }
}

impl Builder {
    pub(super) fn add(&mut self, id: u32, glob: &Glob) {
        for path in glob.paths() {
            let end = path.parts.iter().fold(ROOT, |at, part| self.child(at, part));
            self.ends.push((end, id));
        }
    }

    fn child(&mut self, at: u32, part: &Part) -> u32 {
        let fresh = self.nodes.len() as u32;
        let child = match part {
            Part::Rest => {
                let known = self.nodes.get(at as usize).map_or(NONE, |node| node.rest);
                if known == NONE { fresh } else { known }
            }
            Part::Any => *self.any.entry(at).or_insert(fresh),
            Part::Wild(segment) => *self.wild.entry((at, Arc::clone(segment))).or_insert(fresh),
            Part::Literal(text) => {
                self.table.get_or_insert_with(Place { node: at, used_as: CHILDREN }, text, || fresh)
            }
        };
        if child == fresh {
            self.nodes.push(NEW);
            if let Some(node) = self.nodes.get_mut(at as usize) {
                match part {
                    Part::Rest => node.rest = fresh,
                    Part::Literal(text) => node.literals |= literal_bit(text),
                    Part::Any | Part::Wild(_) => {}
                }
            }
        }
        child
    }

    pub(super) fn finish(mut self) -> GlobIndex {
        let wilds = self.wilds();
        let ids = self.ids();
        self.table.shrink();
        GlobIndex { nodes: self.nodes.into(), wilds, table: self.table, ids }
    }

    fn wilds(&mut self) -> Box<[wild::Wild]> {
        // Children were numbered as they came, so sorting by them makes the index the same for the same patterns.
        let any = self.any.drain().map(|(at, child)| (at, child, None));
        let wild = self.wild.drain().map(|((at, segment), child)| (at, child, Some(segment)));
        let mut children: Vec<(u32, u32, Option<Arc<Segment>>)> = any.chain(wild).collect();
        children.sort_unstable_by_key(|&(at, child, _)| (at, child));

        let mut wilds = Vec::new();
        for of_node in children.chunk_by_mut(|(one, ..), (other, ..)| one == other) {
            let Some(&mut (at, ..)) = of_node.first_mut() else { continue };
            let any = of_node.iter().find(|(_, _, segment)| segment.is_none()).map(|&(_, child, _)| child);
            let edges = of_node.iter_mut().filter_map(|(_, child, segment)| {
                let segment = segment.take()?;
                Some(Edge { segment, child: *child })
            });
            if let Some(node) = self.nodes.get_mut(at as usize) {
                node.wild = wilds.len() as u32;
            }
            wilds.push(wild::build(at, any, edges.collect(), &mut self.table));
        }
        wilds.into()
    }

    fn ids(&mut self) -> Box<[u32]> {
        self.ends.sort_unstable();
        self.ends.dedup();
        let mut start = 0;
        for of_node in self.ends.chunk_by(|(one, _), (other, _)| one == other) {
            let end = start + of_node.len() as u32;
            if let Some(node) = of_node.first().and_then(|(at, _)| self.nodes.get_mut(*at as usize)) {
                node.ids = (start, end);
            }
            start = end;
        }
        self.ends.iter().map(|&(_, id)| id).collect()
    }
}
