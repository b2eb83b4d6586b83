//! Batches at the limits: many tokens in one step, all or none, or never.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test")]

use std::sync::Arc;

use checkrein::context::Context;
use checkrein::error::Code;
use checkrein::limit::{
    Count, Demand, Impossible, Limit, LimitSet, RateLimit, Refused, Taken, Target, Unmet,
};

const MINUTE: u64 = 60_000_000_000;

fn set(declared: &[(Target, RateLimit)]) -> LimitSet {
    declared.iter().map(|(target, limit)| Arc::new(Limit::compile(*target, limit).unwrap())).collect()
}

fn agent(id: &str) -> Context {
    let mut context = Context::new();
    context.insert("agent_id", id.into()).unwrap();
    context
}

fn batch(writes: u64, deletes: u64) -> Demand {
    Demand::new().with(Target::Write, writes).with(Target::Delete, deletes)
}

fn remaining(limits: &LimitSet, context: &Context) -> Vec<u64> {
    limits.status(Target::All, context, 0).iter().map(|status| status.remaining).collect()
}

fn refused(done: Result<Taken, Unmet>) -> Refused {
    match done.unwrap_err() {
        Unmet::Refused(refused) => refused,
        Unmet::Impossible(never) => panic!("{:?}", never.error("batch")),
    }
}

fn impossible(done: Result<Taken, Unmet>) -> Impossible {
    match done.unwrap_err() {
        Unmet::Impossible(never) => never,
        Unmet::Refused(refused) => panic!("{}", refused.reason()),
    }
}

#[test]
fn a_limit_gives_for_its_kind_and_one_on_all_for_the_sum() {
    let minute = RateLimit::per_minute;
    let targets = [Target::Read, Target::Write, Target::Delete, Target::Action, Target::All];
    let limits = set(&targets.map(|target| (target, minute(20))));
    let _ = limits.take_many(&batch(12, 3), &Context::new(), 0).unwrap();
    assert_eq!(remaining(&limits, &Context::new()), [20, 8, 17, 20, 5]);
    // What is asked of `all` is an operation of every kind, as for one token.
    let _ = limits.take_many(&Demand::one(Target::All), &Context::new(), 0).unwrap();
    assert_eq!(remaining(&limits, &Context::new()), [19, 7, 16, 19, 4]);
    // Nothing needed is nothing taken, also where there is nothing.
    let none = set(&[(Target::Write, minute(1))]);
    let _ = none.take(Target::Write, &Context::new(), 0).unwrap();
    assert!(none.pass_many(&Demand::new().with(Target::Read, 7), &Context::new(), 0).is_ok());
    assert!(none.pass_many(&Demand::new(), &Context::new(), 0).is_ok());
}

#[test]
fn refused_takes_nothing_from_any_limit_and_leaves_no_key_behind() {
    let limits = set(&[
        (Target::Write, RateLimit::per_minute(100).scope("agent_id")),
        (Target::Delete, RateLimit::per_minute(3)),
        (Target::All, RateLimit::per_minute(200)),
    ]);
    let _ = limits.take(Target::Delete, &agent("a"), 0).unwrap();
    for _ in 0..50 {
        let no = refused(limits.take_many(&batch(12, 3), &agent("a"), 0));
        assert_eq!((no.limit(), no.retry_after_ns()), ("delete 3/minute", MINUTE / 3));
        assert_eq!(no.reason(), "limit `delete 3/minute` has fewer than 3 tokens left: retry after 20s");
    }
    assert_eq!(remaining(&limits, &agent("a")), [100, 2, 199]);
    assert_eq!(limits.iter().map(|limit| limit.tracked_keys()).sum::<usize>(), 0);
    assert!(limits.take_many(&batch(12, 3), &agent("a"), MINUTE / 3 - 1).is_err());
    assert!(limits.take_many(&batch(12, 3), &agent("a"), MINUTE / 3).is_ok());
}

#[test]
fn what_never_fits_is_a_usage_error_and_takes_nothing() {
    let limits = set(&[
        (Target::Write, RateLimit::per_minute(500).count(Count::Attempts)),
        (Target::Write, RateLimit::per_minute(10)),
        (Target::Write, RateLimit::per_minute(100).burst(4)),
        (Target::Delete, RateLimit::per_minute(1).count(Count::Attempts)),
    ]);
    let _ = limits.take(Target::Write, &Context::new(), 0).unwrap();
    for ask in [LimitSet::start_many, LimitSet::take_many, LimitSet::pass_many] {
        // 12 in bursts of 4 are three parts, more than those that 10 a minute asks for.
        let never = impossible(ask(&limits, &batch(12, 0), &Context::new(), 0));
        assert_eq!((never.limit(), never.tokens(), never.capacity()), ("write 100/minute, burst 4", 12, 4));
        // A limit that counts attempts says so as well, before anything is taken.
        let never = impossible(ask(&limits, &batch(4, 2), &Context::new(), 0));
        assert_eq!(never.limit(), "delete 1/minute, counting attempts");
        // The least number, and the greatest.
        assert_eq!(impossible(ask(&limits, &batch(5, 0), &Context::new(), 0)).tokens(), 5);
        assert_eq!(impossible(ask(&limits, &batch(u64::MAX, 9), &Context::new(), 0)).tokens(), u64::MAX);
    }
    assert_eq!(remaining(&limits, &Context::new()), [500, 9, 3, 1]);
    let only = set(&[(Target::Write, RateLimit::per_minute(10))]);
    let error = impossible(only.start_many(&batch(12, 3), &Context::new(), 0)).error("batch");
    assert_eq!(error.code(), Code::Usage);
    assert_eq!(
        error.to_string(),
        "the batch needs 12 tokens of `write 10/minute`, which never holds more than 10: split it"
    );
    // As many as it holds is not too many.
    assert!(only.pass_many(&batch(10, 3), &Context::new(), 0).is_ok());
    assert_eq!(refused(only.take_many(&batch(10, 3), &Context::new(), 0)).retry_after_ns(), MINUTE);
}

#[test]
fn attempts_are_counted_at_the_start_each_for_itself() {
    let limits = set(&[
        (Target::Write, RateLimit::per_minute(20).count(Count::Attempts)),
        (Target::All, RateLimit::per_minute(15)),
    ]);
    let _ = limits.start_many(&batch(9, 1), &Context::new(), 0).unwrap();
    assert_eq!(remaining(&limits, &Context::new()), [11, 15]);
    let _ = limits.take_many(&batch(9, 1), &Context::new(), 0).unwrap();
    assert_eq!(remaining(&limits, &Context::new()), [11, 5]);
    // The look refuses after the attempts were counted, as for one operation; the next start finds too few of them.
    assert_eq!(refused(limits.start_many(&batch(9, 1), &Context::new(), 0)).limit(), "all 15/minute");
    assert_eq!(remaining(&limits, &Context::new()), [2, 5]);
    let no = refused(limits.start_many(&batch(9, 1), &Context::new(), 0));
    assert_eq!(no.limit(), "write 20/minute, counting attempts");
    assert_eq!(no.retry_after_ns(), 7 * MINUTE / 20);
    assert_eq!(remaining(&limits, &Context::new()), [2, 5]);
}

#[test]
fn a_new_key_takes_many_from_the_overflow_bucket_where_there_is_no_room() {
    let limits = set(&[(Target::Write, RateLimit::per_minute(6).scope("agent_id").max_keys(1))]);
    assert!(limits.take_many(&batch(1, 0), &agent("a"), 0).unwrap().overflow().is_none());
    let taken = limits.take_many(&batch(4, 0), &agent("b"), 0).unwrap();
    assert_eq!(taken.overflow(), Some("write 6/minute per agent_id"));
    let no = refused(limits.take_many(&batch(3, 0), &agent("c"), 0));
    assert_eq!((no.overflow(), no.retry_after_ns()), (true, MINUTE / 6));
    assert_eq!(
        no.reason(),
        "limit `write 6/minute per agent_id` has fewer than 3 tokens left in the overflow bucket, which new keys \
         share: retry after 10s"
    );
    assert!(limits.take_many(&batch(5, 0), &agent("a"), 0).is_ok(), "a known key loses nothing");
}
