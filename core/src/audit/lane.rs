//! The entries that the threads of one lane appended: blocks of places, in the order of their sequences.
//!
//! A lane writes into memory that it wrote before. What two threads that append pay for is the memory that the other
//! core wrote last, not the counter they share: see `docs/audit.md`.

use std::collections::VecDeque;

use super::content::Content;
use super::{AuditFilter, Record};

/// Places that change hands together.
pub(super) type Block = Box<[Content]>;

#[derive(Default)]
pub(super) struct Lane {
    // INVARIANT: sequences grow from place to place and from block to block, because each is drawn while the lane is
    // locked. All blocks but the last are full, and the last has an entry whenever the lane is not locked.
    blocks: VecDeque<Block>,
    /// How many places of the last block are written.
    written: usize,
}

impl Lane {
    /// True where a block has to come before the next entry.
    pub(super) fn is_full(&self) -> bool {
        self.blocks.back().is_none_or(|block| block.len() == self.written)
    }

    /// Takes the oldest block out, if all its entries are older than `oldest`. Only of a lane that is full, or that
    /// keeps another block.
    pub(super) fn give_up(&mut self, oldest: u64) -> Option<Block> {
        let is_last_in_use = self.blocks.len() == 1 && !self.is_full();
        let newest = self.blocks.front()?.last()?.sequence;
        if is_last_in_use || newest >= oldest { None } else { self.blocks.pop_front() }
    }

    /// Adds a block, whatever is in it, to be written next.
    pub(super) fn add(&mut self, block: Block) {
        self.blocks.push_back(block);
        self.written = 0;
    }

    /// Writes the next entry, into a lane that is not full.
    pub(super) fn write(&mut self, sequence: u64, record: &Record<'_>) {
        if let Some(content) = self.blocks.back_mut().and_then(|block| block.get_mut(self.written)) {
            content.write(sequence, record);
            self.written += 1;
        }
    }

    /// Goes back over one block, from the entry before `before`: copies the entries from `oldest` on that a filter
    /// accepts, at most so many, newest first, and gives the sequence that it came to. Nothing where there is no
    /// further entry.
    pub(super) fn copy(
        &self,
        oldest: u64,
        before: u64,
        filter: &AuditFilter,
        most: usize,
        out: &mut Vec<Content>,
    ) -> Option<u64> {
        let starts_before = |block: &Block| block.first().is_some_and(|first| first.sequence < before);
        let at = self.blocks.partition_point(starts_before).checked_sub(1)?;
        let written = if at + 1 == self.blocks.len() { self.written } else { usize::MAX };
        let mut reached = None;
        for content in self.blocks.get(at)?.iter().take(written).rev() {
            if content.sequence < oldest || out.len() == most {
                break;
            }
            if content.sequence < before {
                reached = Some(content.sequence);
                if filter.accepts(content) {
                    out.push(content.clone());
                }
            }
        }
        reached
    }
}
