//! How many operations are open: counted by thread, so that two threads do not meet at one counter.
//!
//! Each thread counts in one of a few places. While no place holds more than its share of the bound, the sum cannot
//! pass it, and nobody needs to look at the others' places.

use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_utils::CachePadded;

use crate::turn;

const PLACES: usize = 16;

/// Where an operation was counted: it may end on another thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place(usize);

/// The open operations of an engine, and the most that there may be.
pub(crate) struct OpenCount {
    places: [CachePadded<AtomicUsize>; PLACES],
    /// How many places hold more than their share.
    above_share: CachePadded<AtomicUsize>,
    max: usize,
}

impl OpenCount {
    pub(crate) fn new(max: usize) -> Self {
        OpenCount { places: Default::default(), above_share: CachePadded::default(), max }
    }

    /// The most operations that may be open.
    pub(crate) fn max(&self) -> usize {
        self.max
    }

    /// Counts one more; false where that makes too many. It is counted in either case.
    pub(crate) fn enter(&self) -> (Place, bool) {
        let place = Place(turn::of_this_thread() % PLACES);
        if self.add(place, |count| count.fetch_add(1, Ordering::SeqCst)) == self.max / PLACES {
            self.above_share.fetch_add(1, Ordering::SeqCst);
        }
        let passes = self.above_share.load(Ordering::SeqCst) == 0 || self.total() <= self.max;
        (place, passes)
    }

    /// One less.
    pub(crate) fn leave(&self, place: Place) {
        if self.add(place, |count| count.fetch_sub(1, Ordering::SeqCst)) == self.max / PLACES + 1 {
            self.above_share.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// How many there are.
    pub(crate) fn total(&self) -> usize {
        self.places.iter().map(|count| count.load(Ordering::SeqCst)).sum()
    }

    /// Changes the count of a place and gives what it was.
    fn add(&self, place: Place, change: impl FnOnce(&AtomicUsize) -> usize) -> usize {
        self.places.get(place.0).map_or(0, |count| change(count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_is_exact_on_one_thread() {
        for max in [0, 1, 15, 16, 17, 100] {
            let open = OpenCount::new(max);
            let places: Vec<Place> = (0..max)
                .map(|_| {
                    let (place, passes) = open.enter();
                    assert!(passes, "of {max}");
                    place
                })
                .collect();
            let (one_more, passes) = open.enter();
            assert!(!passes, "one more than {max}");
            assert_eq!(open.total(), max + 1);
            open.leave(one_more);
            places.into_iter().for_each(|place| open.leave(place));
            assert_eq!((open.total(), open.above_share.load(Ordering::SeqCst)), (0, 0));
        }
    }

    #[test]
    fn the_bound_holds_for_threads_together() {
        const MAX: usize = 40;
        let open = OpenCount::new(MAX);
        let entered: Vec<(Place, bool)> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..8).map(|_| scope.spawn(|| (0..20).map(|_| open.enter()).collect::<Vec<_>>())).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
        });
        assert_eq!((entered.len(), open.total()), (160, 160));
        let passed = entered.iter().filter(|(_, passes)| *passes).count();
        assert!(passed <= MAX, "{passed}");
        // They end on another thread than they started on.
        entered.into_iter().for_each(|(place, _)| open.leave(place));
        assert_eq!((open.total(), open.above_share.load(Ordering::SeqCst)), (0, 0));
    }
}
