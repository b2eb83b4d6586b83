//! Many threads through the same limits: exactly what the buckets hold is given out, and nobody waits for ever.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, reason = "a test")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};

use checkrein::context::{Context, Value};
use checkrein::limit::{Demand, Limit, LimitSet, RateLimit, Target};

const THREADS: i64 = 8;

fn limit(target: Target, declared: &RateLimit) -> Arc<Limit> {
    Arc::new(Limit::compile(target, declared).unwrap())
}

fn agent(id: i64) -> Context {
    let mut context = Context::new();
    context.insert("agent_id", Value::Int(id)).unwrap();
    context
}

fn run(body: impl Fn(i64) + Sync) {
    let barrier = Barrier::new(usize::try_from(THREADS).unwrap());
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (body, barrier) = (&body, &barrier);
            scope.spawn(move || {
                barrier.wait();
                body(thread);
            });
        }
    });
}

#[test]
fn exactly_the_burst_is_given_out() {
    for declared in [RateLimit::per_hour(10_000), RateLimit::per_hour(10_000).scope("agent_id")] {
        let limits = LimitSet::new().with(limit(Target::Write, &declared));
        let passed = AtomicU64::new(0);
        run(|_| {
            for _ in 0..5_000 {
                if limits.take(Target::Write, &agent(1), 0).is_ok() {
                    passed.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        assert_eq!(passed.into_inner(), 10_000);
    }
}

#[test]
fn across_limits_it_is_all_or_none_in_whatever_order_they_were_listed() {
    let all = limit(Target::All, &RateLimit::per_hour(9_000));
    let own = limit(Target::Write, &RateLimit::per_hour(1_500).scope("agent_id"));
    let few = limit(Target::Write, &RateLimit::per_hour(7_000).scope("team"));
    let limits = [&all, &own, &few];
    let sets: Vec<LimitSet> = [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]]
        .map(|order| order.into_iter().map(|index| Arc::clone(limits[index])).collect())
        .into();
    let passed: Vec<AtomicU64> = (0..4).map(|_| AtomicU64::new(0)).collect();
    run(|thread| {
        for turn in 0..4_000 {
            let id = (thread + turn) % 4;
            let set = &sets[usize::try_from(turn % 4).unwrap()];
            if set.take(Target::Write, &agent(id), 0).is_ok() {
                passed[usize::try_from(id).unwrap()].fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    let passed: Vec<u64> = passed.into_iter().map(AtomicU64::into_inner).collect();
    assert_eq!(passed, [1_500; 4]);
    for id in 0..4 {
        let left: Vec<u64> =
            sets[0].status(Target::Write, &agent(id), 0).iter().map(|s| s.remaining).collect();
        assert_eq!(left, [3_000, 0, 1_000], "every limit gave out what passed, and no more");
    }
}

#[test]
fn batches_through_two_keyed_limits_neither_wait_for_ever_nor_exceed() {
    let own = limit(Target::Write, &RateLimit::per_hour(3_000).scope("agent_id"));
    let team = limit(Target::All, &RateLimit::per_hour(5_000).scope("team"));
    // Listed in both orders, with keys that cross: whoever holds one agent meets every team.
    let sets: [LimitSet; 2] =
        [[&own, &team], [&team, &own]].map(|order| order.into_iter().map(Arc::clone).collect());
    let context = |id: i64, team: i64| {
        let mut context = agent(id);
        context.insert("team", Value::Int(team)).unwrap();
        context
    };
    let given: Vec<AtomicU64> = (0..4).map(|_| AtomicU64::new(0)).collect();
    run(|thread| {
        for turn in 0..3_000_i64 {
            let (id, team) = ((thread + turn) % 2, (thread / 2 + turn / 2) % 2);
            let (writes, deletes) = (u64::try_from(turn % 5).unwrap(), u64::try_from(turn % 3).unwrap());
            let demand = Demand::new().with(Target::Write, writes).with(Target::Delete, deletes);
            let set = &sets[usize::try_from((thread + turn) % 2).unwrap()];
            if set.pass_many(&demand, &context(id, team), 0).is_ok() {
                given[usize::try_from(id).unwrap()].fetch_add(writes, Ordering::Relaxed);
                given[usize::try_from(2 + team).unwrap()].fetch_add(writes + deletes, Ordering::Relaxed);
            }
        }
    });
    let given: Vec<u64> = given.into_iter().map(AtomicU64::into_inner).collect();
    for at in 0..2_i64 {
        let index = usize::try_from(at).unwrap();
        let left: Vec<u64> =
            sets[0].status(Target::All, &context(at, at), 0).iter().map(|status| status.remaining).collect();
        assert_eq!(
            left,
            [3_000 - given[index], 5_000 - given[2 + index]],
            "given is what passed, in whole batches"
        );
    }
    // Somebody was refused: there was something to exceed.
    assert!(given[2] > 4_990 && given[3] > 4_990, "{given:?}");
}

#[test]
fn keys_come_and_go_under_load_within_the_bound() {
    let limit =
        limit(Target::Write, &RateLimit::per_second(1_000_000).burst(1).scope("agent_id").max_keys(2_000));
    let limits = LimitSet::new().with(Arc::clone(&limit));
    run(|thread| {
        for turn in 0..20_000_i64 {
            let now = u64::try_from(turn).unwrap() * 5;
            let _ = limits.take(Target::Write, &agent(thread * 1_000_000 + turn), now);
            if turn % 64 == 0 {
                assert!(limit.tracked_keys() <= 2_000);
                let _ = limits.status(Target::Write, &agent(turn), now);
            }
        }
    });
    limits.release_idle(u64::MAX);
    assert_eq!(limit.tracked_keys(), 0, "what was counted in was counted out");
}
