//! What an operation is made of: one key, many that are judged together, or the keys of a scan one after the other.

use std::vec::IntoIter;

use super::subject::{Stage, Subject};
use super::{Changes, Kind};
use crate::audit::ScanCount;
use crate::limit::{Demand, Target};

/// How many pairs of a scan are asked for at once.
pub const SCAN_PAGE: usize = 256;

/// What an operation is made of.
pub(super) enum Whole<'a> {
    /// One key, which is the course's subject.
    One,
    /// Keys that are judged together: a batch, or a `get_many`.
    Many(Box<Many<'a>>),
    /// The keys below a prefix.
    Scan(Box<Scan<'a>>),
}

/// Keys that are judged together.
pub(super) struct Many<'a> {
    /// In the order in which they were given. The one in hand is with the course; here is something in its place.
    pub(super) subjects: Vec<Subject<'a>>,
    /// Which one the course has in hand.
    pub(super) in_hand: Option<usize>,
    /// All are written in one step of the store, or none.
    pub(super) atomic: bool,
}

/// The keys below a prefix, in pages.
pub(super) struct Scan<'a> {
    pub(super) prefix: std::borrow::Cow<'a, [u8]>,
    /// What is left of the page.
    pub(super) page: IntoIter<(Vec<u8>, Vec<u8>)>,
    /// The last key that the store gave.
    pub(super) after: Option<Vec<u8>>,
    /// The value of the key in hand: before-hooks do not see it.
    pub(super) value: Option<Vec<u8>>,
    /// Nothing follows the page.
    pub(super) ended: bool,
    /// The store was asked.
    pub(super) asked: bool,
    pub(super) count: ScanCount,
    /// A hook has changed a value that was given.
    pub(super) modified: bool,
}

impl<'a> Many<'a> {
    pub(super) fn new(subjects: Vec<Subject<'a>>, atomic: bool) -> Self {
        Many { subjects, in_hand: None, atomic }
    }

    /// Gives the course another one in hand, or none, and takes back the one that it had.
    pub(super) fn hand_over(&mut self, hand: &mut Subject<'a>, next: Option<usize>) {
        for at in [self.in_hand.take(), next].into_iter().flatten() {
            if let Some(place) = self.subjects.get_mut(at) {
                std::mem::swap(place, hand);
            }
        }
        self.in_hand = next.filter(|at| *at < self.subjects.len());
    }

    /// The writes and deletes, for the store. Nothing may be in hand.
    pub(super) fn changes(&self) -> Changes<'_> {
        Changes::new(&self.subjects)
    }

    /// How many tokens they take.
    pub(super) fn demand(&self) -> Demand {
        let add = |demand: Demand, subject: &Subject<'_>| demand.with(Target::from(subject.kind), 1);
        self.subjects.iter().fold(Demand::new(), add)
    }

    /// How many of them the store has done. Nothing may be in hand.
    pub(super) fn applied(&self) -> usize {
        let done = |subject: &&Subject<'_>| matches!(subject.stage, Stage::Replied | Stage::Finished);
        self.subjects.iter().filter(done).count()
    }

    /// What all of them do, where that is the same.
    pub(super) fn kind(&self) -> Option<Kind> {
        let first = self.subjects.first()?.kind;
        self.subjects.iter().all(|subject| subject.kind == first).then_some(first)
    }

    fn into_owned(self) -> Many<'static> {
        let subjects = self.subjects.into_iter().map(Subject::into_owned).collect();
        Many { subjects, in_hand: self.in_hand, atomic: self.atomic }
    }
}

impl<'a> Scan<'a> {
    pub(super) fn new(prefix: std::borrow::Cow<'a, [u8]>) -> Self {
        Scan {
            prefix,
            page: Vec::new().into_iter(),
            after: None,
            value: None,
            ended: false,
            asked: false,
            count: ScanCount::default(),
            modified: false,
        }
    }

    /// What is wrong with a page that the store gave, described for the message.
    pub(super) fn fault_of(&self, pairs: &[(Vec<u8>, Vec<u8>)]) -> Option<String> {
        if pairs.len() > SCAN_PAGE {
            return Some(format!("{} pairs where {SCAN_PAGE} were asked for", pairs.len()));
        }
        let shown = crate::text::shown_key;
        let keys = || pairs.iter().map(|(key, _)| key.as_slice());
        let mut before = self.after.as_deref();
        for key in keys() {
            if before.is_some_and(|before| key <= before) {
                // A key without the prefix is told as that, wherever it stands.
                let other = keys().find(|key| !key.starts_with(&self.prefix));
                return Some(match other {
                    Some(other) => without_prefix(other),
                    None => format!("the key `{}` out of order or twice", shown(key)),
                });
            }
            before = Some(key);
        }
        // In order, whatever stands between two keys with the prefix has it too.
        let mut ends = keys().next().into_iter().chain(keys().next_back());
        ends.find(|key| !key.starts_with(&self.prefix)).map(without_prefix)
    }

    fn into_owned(self) -> Scan<'static> {
        Scan {
            prefix: std::borrow::Cow::Owned(self.prefix.into_owned()),
            page: self.page,
            after: self.after,
            value: self.value,
            ended: self.ended,
            asked: self.asked,
            count: self.count,
            modified: self.modified,
        }
    }
}

impl Whole<'_> {
    pub(super) fn into_owned(self) -> Whole<'static> {
        match self {
            Whole::One => Whole::One,
            Whole::Many(many) => Whole::Many(Box::new(many.into_owned())),
            Whole::Scan(scan) => Whole::Scan(Box::new(scan.into_owned())),
        }
    }
}

fn without_prefix(key: &[u8]) -> String {
    format!("the key `{}`, which does not begin with the prefix", crate::text::shown_key(key))
}
