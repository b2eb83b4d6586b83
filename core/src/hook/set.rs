//! The hooks of one operation kind as an immutable set: operations hold the one they started with.
//!
//! A set is a large indexed base and a small overlay in front of it. Adding a hook rebuilds the overlay only; when
//! the overlay has grown to the square root of the base, both are folded into a new base. So n hooks added one by
//! one cost O(n·√n) in all, and a look-up costs two index walks however many hooks there are. Many at once, as a
//! policy document brings them, are one new base.
//!
//! The order of a set is that of its places, base before overlay: the order of registration, with a document's hooks in
//! front. Numbers say nothing about it, as a document may come after hooks that stand behind its own.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::glob::GlobIndex;
use crate::hook::{HookEntry, HookId};

/// The overlay is never folded below this size: rebuilding it is as cheap.
const MIN_OVERLAY: usize = 32;

/// So many hooks are asked one by one: a walk through the index costs more.
const FEW: usize = 4;

/// So many hooks are copied when one of them is removed, and one pointer for each so many others.
const CHUNK: usize = 128;

/// Hooks that match a key, in the order of the set. Small numbers that [`HookSet::get`] understands.
pub(crate) type Matched = SmallVec<[u32; 8]>;

/// Marks a place in the overlay.
const IN_OVERLAY: u32 = 1 << 31;

/// An immutable set of hooks.
#[derive(Clone, Default)]
pub(crate) struct HookSet {
    base: Arc<Layer>,
    overlay: Arc<Layer>,
}

/// An index and the hooks it speaks of. A removed hook leaves a gap, so that its callable is let go at once.
struct Layer {
    index: Arc<GlobIndex>,
    /// The numbers of the hooks, the removed ones too, in the order of the set; the index knows each by its place here.
    ids: Arc<[HookId]>,
    /// The hooks in the same places.
    chunks: Vec<Arc<[Option<Arc<HookEntry>>]>>,
    live: usize,
}

impl Default for Layer {
    fn default() -> Self {
        Layer { index: Arc::new(GlobIndex::build([])), ids: Arc::default(), chunks: Vec::new(), live: 0 }
    }
}

impl Layer {
    fn new(hooks: Vec<Arc<HookEntry>>) -> Arc<Self> {
        let places = 0_u32..;
        let index = Arc::new(GlobIndex::build(places.zip(hooks.iter().map(|hook| &hook.keys))));
        let ids = hooks.iter().map(|hook| hook.id).collect();
        let chunks = hooks.chunks(CHUNK).map(|chunk| chunk.iter().cloned().map(Some).collect()).collect();
        Arc::new(Layer { index, ids, chunks, live: hooks.len() })
    }

    fn iter(&self) -> impl Iterator<Item = &Arc<HookEntry>> {
        self.chunks.iter().flat_map(|chunk| chunk.iter()).flatten()
    }

    /// Appends the places of the hooks that match the key, with this mark, in the order of the set.
    fn collect(&self, key: &[u8], mark: u32, out: &mut Matched) {
        if self.ids.len() <= FEW {
            // All in the first chunk.
            let hooks = self.chunks.first().map_or(&[][..], |chunk| &**chunk);
            for (place, hook) in (0_u32..).zip(hooks) {
                if hook.as_ref().is_some_and(|hook| hook.keys.matches(key)) {
                    out.push(place | mark);
                }
            }
        } else if self.live == self.ids.len() && mark == 0 {
            self.index.collect(key, out);
        } else {
            let mut found = Matched::new();
            self.index.collect(key, &mut found);
            let live = found.into_iter().filter(|place| self.get(*place).is_some());
            out.extend(live.map(|place| place | mark));
        }
    }

    fn get(&self, place: u32) -> Option<&Arc<HookEntry>> {
        self.chunks.get(place as usize / CHUNK)?.get(place as usize % CHUNK)?.as_ref()
    }

    /// The place of a hook, if it is there.
    fn find(&self, id: HookId) -> Option<usize> {
        // One by one, because a set may have any order: 10,000 numbers in a row take some microseconds.
        let place = self.ids.iter().position(|known| *known == id)?;
        self.get(u32::try_from(place).ok()?).map(|_| place)
    }

    /// The layer with a gap in the place of a hook, or nothing if it is not there.
    fn without(&self, id: HookId) -> Option<Arc<Self>> {
        let gap = self.find(id)?;
        let live = self.live - 1;
        if live <= self.ids.len() / 2 {
            return Some(Layer::new(self.iter().filter(|hook| hook.id != id).cloned().collect()));
        }
        let mut chunks = self.chunks.clone();
        if let Some(hook) =
            chunks.get_mut(gap / CHUNK).map(Arc::make_mut).and_then(|chunk| chunk.get_mut(gap % CHUNK))
        {
            *hook = None;
        }
        Some(Arc::new(Layer { index: Arc::clone(&self.index), ids: Arc::clone(&self.ids), chunks, live }))
    }
}

impl HookSet {
    /// How many hooks there are.
    pub(crate) fn len(&self) -> usize {
        self.base.live + self.overlay.live
    }

    /// All hooks, in their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<HookEntry>> {
        self.base.iter().chain(self.overlay.iter())
    }

    /// A set of these hooks, in this order.
    pub(crate) fn of(hooks: Vec<Arc<HookEntry>>) -> HookSet {
        HookSet { base: Layer::new(hooks), overlay: Arc::default() }
    }

    /// The set with one more hook, behind all others.
    pub(crate) fn with(&self, hook: Arc<HookEntry>) -> HookSet {
        let limit = MIN_OVERLAY.max(self.base.ids.len().isqrt());
        if self.overlay.live >= limit {
            let all = self.iter().cloned().chain([hook]).collect();
            return HookSet { base: Layer::new(all), overlay: Arc::default() };
        }
        let overlay = Layer::new(self.overlay.iter().cloned().chain([hook]).collect());
        HookSet { base: Arc::clone(&self.base), overlay }
    }

    /// True where a hook is there.
    pub(crate) fn contains(&self, id: HookId) -> bool {
        self.overlay.find(id).or_else(|| self.base.find(id)).is_some()
    }

    /// The set without a hook, or nothing if it is not there.
    pub(crate) fn without(&self, id: HookId) -> Option<HookSet> {
        if let Some(overlay) = self.overlay.without(id) {
            return Some(HookSet { base: Arc::clone(&self.base), overlay });
        }
        let base = self.base.without(id)?;
        Some(HookSet { base, overlay: Arc::clone(&self.overlay) })
    }

    /// Puts the hooks that match the key into `out`, in the order of the set.
    pub(crate) fn collect(&self, key: &[u8], out: &mut Matched) {
        // INVARIANT: every hook in the overlay stands behind all in the base.
        self.base.collect(key, 0, out);
        self.overlay.collect(key, IN_OVERLAY, out);
    }

    /// The hook at a place that [`HookSet::collect`] gave.
    pub(crate) fn get(&self, place: u32) -> Option<&Arc<HookEntry>> {
        let layer = if place & IN_OVERLAY == 0 { &self.base } else { &self.overlay };
        layer.get(place & !IN_OVERLAY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::glob::Glob;
    use crate::hook::{Action, Helper, Trigger};
    use proptest::prelude::*;

    fn hook(id: u64, keys: &str) -> Arc<HookEntry> {
        let keys = Glob::parse(keys).unwrap();
        Arc::new(HookEntry::new(HookId(id), Trigger::BEFORE_READ, keys, Action::Helper(Helper::AllowAll)))
    }

    fn matching(set: &HookSet, key: &str) -> Vec<u64> {
        let mut matched = Matched::new();
        set.collect(key.as_bytes(), &mut matched);
        matched.iter().map(|place| set.get(*place).unwrap().id.0).collect()
    }

    proptest! {
        /// Whatever is added and removed, a set gives what a plain list gives, in the order of registration.
        #[test]
        fn a_set_is_a_list(steps in prop::collection::vec((0_u8..4, any::<prop::sample::Index>()), 1..300)) {
            let globs = ["a/*", "b", "**", "a/x"];
            let (mut set, mut list) = (HookSet::default(), Vec::<(u64, &str)>::new());
            for (number, (which, pick)) in steps.into_iter().enumerate() {
                if which == 3 && !list.is_empty() {
                    let (id, _) = list.remove(pick.index(list.len()));
                    set = set.without(HookId(id)).unwrap();
                    prop_assert!(set.without(HookId(id)).is_none());
                } else {
                    let keys = globs[pick.index(globs.len())];
                    set = set.with(hook(number as u64, keys));
                    list.push((number as u64, keys));
                }
                prop_assert_eq!(set.len(), list.len());
            }
            for key in ["a/x", "b", "c"] {
                let want: Vec<u64> = list
                    .iter()
                    .filter(|(_, keys)| Glob::parse(keys).unwrap().matches(key.as_bytes()))
                    .map(|(id, _)| *id)
                    .collect();
                prop_assert_eq!(matching(&set, key), want);
            }
        }
    }

    /// A document's hooks come with greater numbers than those of the host that stand behind them.
    #[test]
    fn the_order_is_that_of_places_whatever_the_numbers() {
        for before in [2, 50] {
            let document = (0..before).map(|n| hook(1_000 + n, "**"));
            let mut set = HookSet::of(document.chain([hook(1, "**"), hook(2, "**")]).collect());
            set = set.with(hook(5_000, "**")).with(hook(5_001, "**"));
            let mut want: Vec<u64> = (1_000..1_000 + before).chain([1, 2, 5_000, 5_001]).collect();
            assert_eq!(matching(&set, "k"), want);
            for gone in [1_001, 1, 5_000] {
                set = set.without(HookId(gone)).unwrap();
                want.retain(|id| *id != gone);
                assert_eq!(matching(&set, "k"), want);
            }
        }
    }

    #[test]
    fn a_removal_copies_one_chunk_and_lets_the_hook_go_at_once() {
        let hooks: Vec<_> = (0..1_000).map(|id| hook(id, "k/*")).collect();
        let before = HookSet { base: Layer::new(hooks.clone()), overlay: Arc::default() };
        let after = before.without(HookId(300)).unwrap();
        let shared =
            before.base.chunks.iter().zip(&after.base.chunks).filter(|(old, new)| Arc::ptr_eq(old, new));
        assert_eq!((before.base.chunks.len(), shared.count()), (8, 7));
        assert!(before.contains(HookId(300)) && !after.contains(HookId(300)) && after.contains(HookId(301)));
        drop(before);
        assert_eq!(hooks.iter().filter(|hook| Arc::strong_count(hook) == 1).count(), 1);
    }

    #[test]
    fn ten_thousand_hooks_one_by_one_are_few_rebuilds() {
        let mut set = HookSet::default();
        let (mut indexed, mut folds) = (0, 0);
        for n in 0..10_000 {
            let next = set.with(hook(n, "k/*"));
            let folded = !Arc::ptr_eq(&next.base, &set.base);
            folds += u32::from(folded);
            indexed += if folded { next.base.ids.len() } else { next.overlay.ids.len() };
            set = next;
            assert!(set.overlay.ids.len() <= 101);
        }
        assert_eq!(set.len(), 10_000);
        // Of n hooks: 2·√n folds of n/2 hooks, and n overlays of √n/2. One index for each would be 50,000,000.
        assert!(folds <= 200 && indexed <= 2_000_000, "{folds} folds, {indexed} hooks indexed");
    }
}
