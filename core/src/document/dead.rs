//! The cheap cases of hooks that can never decide anything.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::glob::Glob;
use crate::hook::Trigger;

/// Matches every key.
const EVERY: &str = "**";

/// The patterns that earlier hooks refuse without any condition, and where these hooks stand.
#[derive(Default)]
pub(super) struct Refused {
    patterns: HashMap<Trigger, HashMap<Arc<str>, usize>>,
}

impl Refused {
    /// Every key that one of the patterns matches is refused at the trigger.
    pub(super) fn add(&mut self, trigger: Trigger, globs: &[Glob], at: usize) {
        let patterns = self.patterns.entry(trigger).or_default();
        for glob in globs {
            patterns.entry(glob.as_str().into()).or_insert(at);
        }
    }

    /// Where an earlier hook stands that leaves nothing for these patterns at any of the triggers.
    pub(super) fn covers(&self, triggers: &[Trigger], globs: &[Glob]) -> Option<usize> {
        let at_one = |trigger: &Trigger| {
            let patterns = self.patterns.get(trigger)?;
            let refused = |glob: &Glob| patterns.get(EVERY).or_else(|| patterns.get(glob.as_str())).copied();
            globs.iter().map(refused).collect::<Option<Vec<_>>>()?.into_iter().max()
        };
        triggers.iter().map(at_one).collect::<Option<Vec<_>>>()?.into_iter().max()
    }
}

/// Whether what is left alone is all that there is.
pub(super) fn all_left_alone(globs: &[Glob], unless: &[Glob]) -> bool {
    let unless: HashSet<&str> = unless.iter().map(Glob::as_str).collect();
    unless.contains(EVERY) || globs.iter().all(|glob| unless.contains(glob.as_str()))
}
