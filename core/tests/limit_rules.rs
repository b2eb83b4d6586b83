//! What a rate limit promises, sentence by sentence.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, reason = "a test")]

use std::sync::Arc;

use checkrein::context::{Context, Value};
use checkrein::error::{PolicyViolation, RateLimitExceeded};
use checkrein::limit::{Count, Limit, LimitSet, RateLimit, RateLimitOptions, Target};
use checkrein::operation::Kind;
use checkrein::{Code, Error};

const SECOND: u64 = 1_000_000_000;
const MINUTE: u64 = 60 * SECOND;

fn limit(target: Target, declared: RateLimit) -> Arc<Limit> {
    Arc::new(Limit::compile(target, &declared).unwrap())
}

fn set(limits: &[(Target, RateLimit)]) -> LimitSet {
    limits.iter().map(|(target, declared)| limit(*target, declared.clone())).collect()
}

fn context(entries: &[(&str, Value)]) -> Context {
    let mut context = Context::new();
    for (name, value) in entries {
        context.insert(name, value.clone()).unwrap();
    }
    context
}

fn agent(id: &str) -> Context {
    context(&[("agent_id", id.into())])
}

/// How many of `tries` whole operations pass at one moment.
fn passing(limits: &LimitSet, target: Target, context: &Context, now: u64, tries: u64) -> u64 {
    let pass =
        |_: &u64| limits.start(target, context, now).is_ok() && limits.take(target, context, now).is_ok();
    (0..tries).filter(pass).count() as u64
}

#[test]
fn a_bucket_holds_its_rate_unless_a_burst_is_given() {
    for (declared, burst) in [
        (RateLimit::per_second(3), 3),
        (RateLimit::per_minute(100), 100),
        (RateLimit::per_hour(5), 5),
        (RateLimit::per_minute(100).burst(7), 7),
        (RateLimit::per_minute(1).burst(20), 20),
    ] {
        assert_eq!(
            passing(&set(&[(Target::Write, declared)]), Target::Write, &Context::new(), 0, 200),
            burst
        );
    }
}

#[test]
fn refill_does_not_truncate() {
    // 100 a minute, empty: after 11.52 s exactly 19.2 tokens are due.
    let limits = set(&[(Target::Write, RateLimit::per_minute(100))]);
    assert_eq!(passing(&limits, Target::Write, &Context::new(), 0, 200), 100);
    assert_eq!(passing(&limits, Target::Write, &Context::new(), 11_520_000_000, 200), 19);
    // The fifth of a token was not lost: 0.8 more come in 0.48 s.
    assert_eq!(passing(&limits, Target::Write, &Context::new(), 12_000_000_000 - 1, 1), 0);
    assert_eq!(passing(&limits, Target::Write, &Context::new(), 12_000_000_000, 2), 1);
}

#[test]
fn retry_after_is_never_too_early_and_late_by_less_than_a_nanosecond() {
    let limits = set(&[(Target::Write, RateLimit::per_minute(7).burst(1))]);
    let none = Context::new();
    let _ = limits.take(Target::Write, &none, 5).unwrap();
    let refused = limits.start(Target::Write, &none, 5).unwrap_err();
    assert_eq!(refused.retry_after_ns(), 8_571_428_572, "60 s / 7 = 8571428571.43 ns");
    assert!(limits.take(Target::Write, &none, 5 + 8_571_428_571).is_err());
    assert!(limits.take(Target::Write, &none, 5 + 8_571_428_572).is_ok());
}

#[test]
fn every_limit_added_is_its_own_bucket() {
    // 100 and 10 a minute on the same operation and scope: the 10 is enforced.
    let limits =
        set(&[(Target::Write, RateLimit::per_minute(100)), (Target::Write, RateLimit::per_minute(10))]);
    assert_eq!(passing(&limits, Target::Write, &Context::new(), 0, 50), 10);
    let twice =
        set(&[(Target::Write, RateLimit::per_minute(10)), (Target::Write, RateLimit::per_minute(10))]);
    assert_eq!(passing(&twice, Target::Write, &Context::new(), 0, 50), 10);
    let remaining: Vec<_> =
        twice.status(Target::Write, &Context::new(), 0).iter().map(|s| s.remaining).collect();
    assert_eq!(remaining, [0, 0]);
}

#[test]
fn the_same_limit_added_twice_is_one() {
    let one = limit(Target::Write, RateLimit::per_minute(10));
    let limits = LimitSet::new().with(Arc::clone(&one)).with(one);
    assert_eq!(limits.len(), 1);
    assert_eq!(passing(&limits, Target::Write, &Context::new(), 0, 50), 10);
}

#[test]
fn sets_share_the_buckets_of_the_limits_they_share() {
    let old = set(&[(Target::Write, RateLimit::per_minute(10))]);
    let new = old.with(limit(Target::Read, RateLimit::per_minute(1)));
    assert_eq!(passing(&old, Target::Write, &Context::new(), 0, 4), 4);
    assert_eq!(passing(&new, Target::Write, &Context::new(), 0, 50), 6);
    assert_eq!(passing(&new.fresh(), Target::Write, &Context::new(), 0, 50), 10);
}

#[test]
fn a_limit_applies_to_its_operation_and_all_to_every_one() {
    for target in Target::ALL {
        let limits = set(&[(target, RateLimit::per_minute(1))]);
        for asked in Target::ALL {
            let passed = passing(&limits.fresh(), asked, &Context::new(), 0, 3);
            let applies = asked == target || target == Target::All || asked == Target::All;
            assert_eq!(passed, if applies { 1 } else { 3 }, "{target:?} {asked:?}");
        }
    }
    let kinds: Vec<_> = Kind::ALL.into_iter().map(Target::from).collect();
    assert_eq!(kinds, [Target::Read, Target::Write, Target::Delete]);
}

#[test]
fn each_value_of_the_scope_has_a_bucket_and_its_text_is_what_counts() {
    let limits = set(&[(Target::Write, RateLimit::per_minute(2).scope("team"))]);
    let of = |value: Value| context(&[("team", value)]);
    assert_eq!(passing(&limits, Target::Write, &of("a".into()), 0, 5), 2);
    assert_eq!(passing(&limits, Target::Write, &of("b".into()), 0, 5), 2);
    assert_eq!(passing(&limits, Target::Write, &of(Value::Int(1)), 0, 5), 2);
    assert_eq!(passing(&limits, Target::Write, &of("1".into()), 0, 5), 0, "the integer's bucket");
    assert_eq!(passing(&limits, Target::Write, &of(Value::Bool(true)), 0, 5), 2);
    assert_eq!(passing(&limits, Target::Write, &of("true".into()), 0, 5), 0, "the boolean's bucket");
}

#[test]
fn contexts_without_the_key_share_one_bucket_that_no_value_can_name() {
    let limits = set(&[(Target::Write, RateLimit::per_minute(2).scope("agent_id"))]);
    assert_eq!(passing(&limits, Target::Write, &Context::new(), 0, 1), 1);
    assert_eq!(passing(&limits, Target::Write, &context(&[("session_id", "s".into())]), 0, 5), 1);
    for name in ["", "unknown", "global", "none", "null", "anonymous", "\0"] {
        assert_eq!(passing(&limits, Target::Write, &agent(name), 0, 5), 2, "{name:?}");
    }
}

#[test]
fn all_that_apply_are_taken_or_none() {
    let limits = set(&[
        (Target::Write, RateLimit::per_minute(100)),
        (Target::All, RateLimit::per_minute(2).scope("agent_id")),
    ]);
    assert_eq!(passing(&limits, Target::Write, &agent("a"), 0, 50), 2);
    for _ in 0..50 {
        let _ = limits.take(Target::Write, &agent("a"), 0).unwrap_err();
    }
    // One agent's refusals do not lock out the others.
    let left: Vec<_> = limits.status(Target::Write, &agent("b"), 0).iter().map(|s| s.remaining).collect();
    assert_eq!(left, [98, 2]);
}

#[test]
fn starting_and_status_change_nothing() {
    let limits = set(&[(Target::Write, RateLimit::per_minute(2).scope("agent_id"))]);
    let before = limits.status(Target::Write, &agent("a"), 0);
    for _ in 0..10 {
        let _ = limits.start(Target::Write, &agent("a"), 0).unwrap();
    }
    assert_eq!(limits.status(Target::Write, &agent("a"), 0), before);
    assert_eq!(limits.iter().map(|limit| limit.tracked_keys()).sum::<usize>(), 0);
}

#[test]
fn attempts_are_counted_at_the_start_and_not_again() {
    let limits = set(&[(Target::Write, RateLimit::per_minute(3).count(Count::Attempts))]);
    for _ in 0..3 {
        let _ = limits.start(Target::Write, &Context::new(), 0).unwrap();
    }
    let _ = limits.take(Target::Write, &Context::new(), 0).unwrap();
    let refused = limits.start(Target::Write, &Context::new(), 0).unwrap_err();
    assert_eq!(refused.retry_after_ns(), MINUTE / 3);
}

#[test]
fn an_attempt_counts_even_where_another_limit_refuses_it() {
    let limits = set(&[
        (Target::Write, RateLimit::per_minute(5).count(Count::Attempts)),
        (Target::Write, RateLimit::per_minute(1)),
    ]);
    assert_eq!(passing(&limits, Target::Write, &Context::new(), 0, 3), 1);
    let status = limits.status(Target::Write, &Context::new(), 0);
    assert_eq!((status[0].remaining, status[1].remaining), (2, 0));
    // Refused by the attempts, an operation takes none of several attempts either.
    let limits = set(&[
        (Target::Write, RateLimit::per_minute(5).count(Count::Attempts)),
        (Target::Write, RateLimit::per_minute(1).count(Count::Attempts)),
    ]);
    assert_eq!(passing(&limits, Target::Write, &Context::new(), 0, 3), 1);
    assert_eq!(limits.status(Target::Write, &Context::new(), 0)[0].remaining, 4);
}

#[test]
fn of_several_that_refuse_the_longest_wait_is_told() {
    let limits = set(&[
        (Target::Write, RateLimit::per_second(1)),
        (Target::Write, RateLimit::per_hour(1).scope("agent_id")),
        (Target::Write, RateLimit::per_minute(1)),
    ]);
    let _ = limits.take(Target::Write, &agent("a"), 0).unwrap();
    for refused in [limits.take(Target::Write, &agent("a"), 0), limits.start(Target::Write, &agent("a"), 0)] {
        let refused = refused.unwrap_err();
        assert_eq!(refused.limit(), "write 1/hour per agent_id");
        assert_eq!(refused.scope(), "agent_id");
        assert_eq!(refused.retry_after_ns(), 60 * MINUTE);
    }
}

#[test]
fn the_wait_counts_the_limits_that_did_not_refuse_this_time() {
    // At 60 s the attempt is counted and the other limit refuses for 30 s more; but the next attempt is due 60 s
    // later, so sooner no try can pass.
    let limits = set(&[
        (Target::Write, RateLimit::per_minute(1).count(Count::Attempts)),
        (Target::Write, RateLimit::per_hour(40).burst(1)),
    ]);
    assert_eq!(passing(&limits, Target::Write, &Context::new(), 0, 1), 1);
    let refused = limits.start(Target::Write, &Context::new(), MINUTE).unwrap_err();
    assert_eq!((refused.limit(), refused.retry_after_ns()), ("write 40/hour, burst 1", MINUTE));
    assert_eq!(passing(&limits, Target::Write, &Context::new(), 2 * MINUTE, 1), 1);
}

#[test]
fn a_refusal_becomes_the_error_of_the_family() {
    let limits = set(&[(Target::Write, RateLimit::per_minute(7).burst(1))]);
    let _ = limits.take(Target::Write, &Context::new(), 0).unwrap();
    let refused = limits.take(Target::Write, &Context::new(), 0).unwrap_err();
    let error = Error::from(PolicyViolation::from(&refused));
    assert_eq!(error.code(), Code::RateLimited);
    let exceeded: &RateLimitExceeded = error.rate_limit().unwrap();
    assert_eq!(exceeded, &RateLimitExceeded::from(&refused));
    assert_eq!(exceeded.retry_after.as_nanos(), 8_571_428_572);
    assert_eq!(
        error.to_string(),
        "limit `write 7/minute, burst 1` has no token left: retry after 8s 571ms 429us"
    );
}

#[test]
fn status_tells_how_a_limit_stands() {
    let limits = set(&[(Target::Write, RateLimit::per_minute(6).burst(3).scope("agent_id"))]);
    assert_eq!(passing(&limits, Target::Write, &agent("a"), 0, 9), 3);
    let status = limits.status(Target::Write, &agent("a"), 4 * SECOND);
    let one = &status[0];
    assert_eq!(one.limit, "write 6/minute per agent_id, burst 3");
    assert_eq!((one.operation, one.scope.as_str(), one.capacity), (Target::Write, "agent_id", 3));
    assert_eq!((one.remaining, one.retry_after_ns, one.full_after_ns), (0, 6 * SECOND, 26 * SECOND));
    let later = &limits.status(Target::Write, &agent("a"), 25 * SECOND)[0];
    assert_eq!((later.remaining, later.retry_after_ns, later.full_after_ns), (2, 0, 5 * SECOND));
    let full = &limits.status(Target::Write, &agent("a"), 30 * SECOND)[0];
    assert_eq!((full.remaining, full.retry_after_ns, full.full_after_ns), (3, 0, 0));
    assert!(limits.status(Target::Read, &agent("a"), 0).is_empty());
}

#[test]
fn a_clock_that_goes_back_makes_no_token() {
    for declared in [RateLimit::per_second(2), RateLimit::per_second(2).scope("agent_id")] {
        let limits = set(&[(Target::Write, declared)]);
        assert_eq!(passing(&limits, Target::Write, &agent("a"), 10 * SECOND, 5), 2);
        for back in [9 * SECOND, 0, 10 * SECOND - 1] {
            assert_eq!(passing(&limits, Target::Write, &agent("a"), back, 5), 0);
            let refused = limits.take(Target::Write, &agent("a"), back).unwrap_err();
            assert_eq!(back + refused.retry_after_ns(), 10 * SECOND + SECOND / 2);
        }
        // Swinging to and fro gives what the time between the ends gives, once.
        let mut passed = 0;
        for _ in 0..100 {
            passed += passing(&limits, Target::Write, &agent("a"), 10 * SECOND, 5);
            passed += passing(&limits, Target::Write, &agent("a"), 20 * SECOND, 5);
            limits.release_idle(20 * SECOND);
        }
        assert_eq!(passed, 2);
        assert_eq!(passing(&limits, Target::Write, &agent("a"), u64::MAX, 5), 2);
        assert_eq!(passing(&limits, Target::Write, &agent("a"), 0, 5), 0);
    }
}

#[test]
fn a_bucket_that_was_let_go_does_not_come_back_in_the_past() {
    let limits = set(&[(Target::Write, RateLimit::per_second(2).scope("agent_id").max_keys(9))]);
    assert_eq!(passing(&limits, Target::Write, &agent("a"), 0, 5), 2);
    limits.release_idle(20 * SECOND);
    assert_eq!(limits.iter().next().unwrap().tracked_keys(), 0);
    assert_eq!(passing(&limits, Target::Write, &agent("a"), 10 * SECOND, 5), 2);
    assert_eq!(
        passing(&limits, Target::Write, &agent("a"), 20 * SECOND, 5),
        0,
        "those were the tokens of now"
    );
}

#[test]
fn new_keys_share_the_overflow_bucket_and_known_keys_lose_nothing() {
    let limits = set(&[(Target::Write, RateLimit::per_minute(10).scope("agent_id").max_keys(3))]);
    let known = ["a", "b", "c"];
    for id in known {
        assert_eq!(passing(&limits, Target::Write, &agent(id), 0, 4), 4);
    }
    let taken = limits.take(Target::Write, &agent("d"), 0).unwrap();
    assert_eq!(taken.overflow(), Some("write 10/minute per agent_id"));
    assert_eq!(passing(&limits, Target::Write, &agent("e"), 0, 50), 9, "one was taken by another");
    let refused = limits.start(Target::Write, &agent("f"), 0).unwrap_err();
    assert!(refused.overflow() && refused.reason().contains("overflow bucket"));
    assert!(limits.status(Target::Write, &agent("f"), 0)[0].overflow);
    for id in known {
        assert_eq!(passing(&limits, Target::Write, &agent(id), 0, 50), 6, "{id}");
        assert_eq!(passing(&limits, Target::Write, &agent(id), 0, 50), 0, "a flood of keys resets no quota");
    }
    assert_eq!(
        passing(&limits, Target::Write, &Context::new(), 0, 50),
        10,
        "nor does it touch those without"
    );
    // Full again after a minute: there is room for new keys, and a look is enough to find it.
    assert!(limits.start(Target::Write, &agent("f"), MINUTE).is_ok());
    assert_eq!(limits.take(Target::Write, &agent("f"), MINUTE).unwrap().overflow(), None);
    assert_eq!(passing(&limits, Target::Write, &agent("f"), MINUTE, 50), 9);
}

#[test]
fn what_a_refused_operation_kept_room_for_is_given_back() {
    let limits = set(&[
        (Target::Write, RateLimit::per_minute(10).scope("agent_id").max_keys(2)),
        (Target::Write, RateLimit::per_minute(1)),
    ]);
    assert_eq!(passing(&limits, Target::Write, &agent("a"), 0, 1), 1);
    for n in 0..20 {
        assert!(limits.take(Target::Write, &agent(&n.to_string()), 0).is_err());
    }
    assert_eq!(limits.iter().next().unwrap().tracked_keys(), 1);
    assert!(!limits.status(Target::Write, &agent("new"), 0)[0].overflow);
}

#[test]
fn descriptions_are_short_and_tell_what_differs() {
    for (target, declared, text) in [
        (Target::Write, RateLimit::per_minute(1000), "write 1000/minute"),
        (Target::Write, RateLimit::per_minute(100).scope("agent_id"), "write 100/minute per agent_id"),
        (Target::All, RateLimit::per_second(5).burst(9), "all 5/second, burst 9"),
        (
            Target::Action,
            RateLimit::per_hour(5).burst(5).count(Count::Attempts),
            "action 5/hour, counting attempts",
        ),
    ] {
        assert_eq!(limit(target, declared).describe(), text);
    }
}

#[test]
fn unknown_words_are_errors_that_list_the_known_ones() {
    for target in Target::ALL {
        assert_eq!(Target::parse(target.as_str()).unwrap(), target);
    }
    let error = Target::parse("writes").unwrap_err();
    assert_eq!(error.code(), Code::Config);
    assert_eq!(
        error.to_string(),
        "`writes` is no operation of a rate limit: write one of `read`, `write`, `delete`, `action`, `effect`, `all`"
    );
    for count in Count::ALL {
        assert_eq!(Count::parse(count.as_str()).unwrap(), count);
    }
    assert!(Count::parse("Attempts").unwrap_err().to_string().contains("`operations`, `attempts`"));
}

#[test]
fn what_cannot_be_a_limit_is_refused_with_the_reason() {
    for (declared, said) in [
        (RateLimit::per_minute(0), "`max_per_minute` of a rate limit is 0"),
        (RateLimit::per_minute(1).burst(0), "`burst` of a rate limit is 0"),
        (RateLimit::per_minute(1).scope("agent_id").max_keys(0), "`max_keys` of a rate limit is 0"),
        (RateLimit::per_second(u64::MAX), "at most 1000000000 is allowed"),
        (RateLimit::per_second(1).burst(u64::MAX), "at most 1000000000 is allowed"),
        (RateLimit::per_second(1).scope("a").max_keys(u64::MAX), "at most 100000000 is allowed"),
        (RateLimit::per_hour(1).burst(1_000_000), "more than 100 years"),
        (RateLimit::per_minute(1).max_keys(5), "`max_keys` means nothing"),
        (RateLimit::per_minute(1).scope(""), "cannot be the scope"),
        (RateLimit::per_minute(1).scope("agentId"), "write `agent_id`"),
        (RateLimit::per_minute(1).scope("Global"), "write `global`"),
    ] {
        let error = Limit::compile(Target::Write, &declared).unwrap_err();
        assert_eq!(error.code(), Code::Config);
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[test]
fn options_are_the_same_declaration() {
    let options = RateLimitOptions { max_per_minute: Some(100), ..RateLimitOptions::default() };
    assert_eq!(RateLimit::from_options(&options).unwrap(), RateLimit::per_minute(100));
    let all = RateLimitOptions {
        scope: Some("agent_id"),
        burst: Some(5),
        count: Some("attempts"),
        max_keys: Some(9),
        ..options
    };
    assert_eq!(
        RateLimit::from_options(&all).unwrap(),
        RateLimit::per_minute(100).scope("agent_id").burst(5).count(Count::Attempts).max_keys(9)
    );
    for (bad, said) in [
        (RateLimitOptions::default(), "none was given"),
        (RateLimitOptions { max_per_hour: Some(1), ..options }, "several were given"),
        (RateLimitOptions { count: Some("tries"), ..options }, "`tries` is no count"),
        (RateLimitOptions { burst: Some(0), ..options }, "`burst` of a rate limit is 0"),
    ] {
        let error = RateLimit::from_options(&bad).unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
    }
}
