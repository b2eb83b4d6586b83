//! The memory of a limit with a million keys, as the allocator counts it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, reason = "a test")]
#![expect(unsafe_code, reason = "an allocator cannot be written without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, Ordering};

use checkrein::context::Context;
use checkrein::limit::{BYTES_FIXED, BYTES_PER_KEY, Limit, LimitSet, RateLimit, Target};

struct Counting;

static LIVE: AtomicIsize = AtomicIsize::new(0);
static PEAK: AtomicIsize = AtomicIsize::new(0);

// SAFETY: every call is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let live =
            LIVE.fetch_add(layout.size().cast_signed(), Ordering::Relaxed) + layout.size().cast_signed();
        PEAK.fetch_max(live, Ordering::Relaxed);
        // SAFETY: the caller's promise is the system allocator's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size().cast_signed(), Ordering::Relaxed);
        // SAFETY: the caller's promise is the system allocator's.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// What the test harness may allocate beside the test.
const HARNESS: usize = 4096;
const SECOND: u64 = 1_000_000_000;

fn live() -> usize {
    LIVE.load(Ordering::Relaxed).try_into().unwrap()
}

// One test: the allocator counts what every thread does.
#[test]
fn a_million_agents_stay_within_the_bound_and_memory_falls_when_they_are_idle() {
    let id = "x".repeat(1_000);
    let agent = |n: u32| {
        let mut context = Context::new();
        context.insert("agent_id", format!("{id}{n}").into()).unwrap();
        context
    };
    let keys = 1_000_000;
    let before = live();
    let limit =
        Arc::new(Limit::compile(Target::Write, &RateLimit::per_minute(60).scope("agent_id")).unwrap());
    let limits = LimitSet::new().with(Arc::clone(&limit));
    for n in 0..keys {
        assert!(limits.take(Target::Write, &agent(n), 0).unwrap().overflow().is_none());
    }
    assert_eq!(limit.tracked_keys(), keys as usize);
    let bound = BYTES_FIXED + keys as usize * BYTES_PER_KEY;
    let (held, peak) = (live() - before, PEAK.load(Ordering::Relaxed).cast_unsigned() - before);
    println!("{keys} keys: {held} bytes held, {peak} at the peak, {} estimated", limit.memory_bytes());
    assert!(held <= bound && peak <= bound, "{held} and {peak} bytes, at most {bound}");
    assert!(limit.memory_bytes() <= held && held - limit.memory_bytes() < HARNESS);

    // The next ones find no room, take no memory, and reset nothing.
    for n in keys..keys + 1_000 {
        let _ = limits.take(Target::Write, &agent(n), 0);
    }
    assert_eq!(limit.tracked_keys(), keys as usize);
    assert!(live() - before <= held + HARNESS);

    // Idle for two seconds: one agent that goes on is enough for the memory to fall.
    let mut takes = 0;
    while live() - before > BYTES_FIXED + HARNESS {
        takes += 1;
        let _ = limits.take(Target::Write, &agent(0), (2 + takes) * SECOND);
        assert!(takes < 50_000, "{} keys are still tracked", limit.tracked_keys());
    }
    println!("fell to {} bytes, {} keys after {takes} takes", live() - before, limit.tracked_keys());
    limits.release_idle(u64::MAX);
    assert_eq!(limit.tracked_keys(), 0);
    assert!(live() - before <= BYTES_FIXED + HARNESS);
    assert!(Limit::compile(Target::Write, &RateLimit::per_minute(60)).unwrap().memory_bytes() <= 600);
}
