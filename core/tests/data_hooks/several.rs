//! Several keys at once: batches, `get_many` and scans.

use std::borrow::Cow;

use checkrein::audit::AuditFilter;
use checkrein::clock::Time;
use checkrein::context::Context;
use checkrein::engine::{Engine, EngineOptions};
use checkrein::operation::{BatchRequest, Kind, Reply, Step, StoreReply};
use checkrein::policy::{
    BatchOp, PolicyAction, PolicyContext, PolicyEngine, RateLimit, deny_all, redact_value,
};
use checkrein::store::Page;
use checkrein::{Code, Database, PolicyViolation};

use crate::{entries, results};

fn engine() -> PolicyEngine {
    let policy = PolicyEngine::new(Database::memory());
    for n in 0..5 {
        policy.put(format!("a/{n}"), format!("v{n}"), None).unwrap();
    }
    policy.put("b/1", "other", None).unwrap();
    policy.enable_audit().unwrap();
    policy
}

fn keys(policy: &PolicyEngine, prefix: &str) -> Vec<String> {
    let pairs = policy.scan(prefix, None).unwrap().map(Result::unwrap);
    pairs.map(|(key, _)| String::from_utf8(key).unwrap()).collect()
}

#[test]
fn a_scan_leaves_out_what_may_not_be_read_and_hides_and_redacts() {
    let policy = engine();
    policy.before_read("a/1", deny_all);
    policy.before_read("a/2", |_| Err::<(), _>(PolicyViolation::new("mine")));
    policy.after_read("a/3", deny_all);
    policy.after_read("a/4", redact_value("[REDACTED]"));
    let pairs: Vec<_> = policy.scan("a/", None).unwrap().map(Result::unwrap).collect();
    assert_eq!(pairs, [(b"a/0".to_vec(), b"v0".to_vec()), (b"a/4".to_vec(), b"[REDACTED]".to_vec())]);
    let entry = &entries(&policy)[0];
    assert_eq!(entry.operation().as_str(), "scan");
    assert_eq!(entry.key(), "a/");
    assert_eq!(entry.result().as_str(), "redacted");
    let scanned = entry.scanned().unwrap();
    assert_eq!((scanned.given, scanned.withheld), (2, 3));
    assert_eq!(results(&policy).len(), 1);
}

#[test]
fn a_scan_that_is_dropped_tells_what_it_gave_and_spends_what_it_took() {
    let policy = engine();
    policy.add_rate_limit("read", RateLimit::per_hour(3)).unwrap();
    let mut scan = policy.scan("", None).unwrap();
    scan.next().unwrap().unwrap();
    scan.next().unwrap().unwrap();
    drop(scan);
    let mut scan = policy.scan("", None).unwrap();
    scan.next().unwrap().unwrap();
    let refused = scan.next().unwrap().unwrap_err();
    assert_eq!(refused.code(), Code::RateLimited);
    assert!(scan.next().is_none());
    let told = entries(&policy);
    assert_eq!((told[0].result().as_str(), told[0].scanned().unwrap().given), ("allowed", 2));
    assert_eq!(told[0].reason().unwrap(), "abandoned");
    assert_eq!((told[1].result().as_str(), told[1].scanned().unwrap().given), ("rate_limited", 1));
}

#[test]
fn a_hook_that_fails_ends_a_scan_after_the_pairs_already_given() {
    let policy = engine();
    policy.after_read("a/2", |_| -> PolicyAction { panic!("no") });
    let mut scan = policy.scan("a/", None).unwrap();
    assert_eq!(scan.next().unwrap().unwrap().0, b"a/0");
    assert_eq!(scan.next().unwrap().unwrap().0, b"a/1");
    assert_eq!(scan.next().unwrap().unwrap_err().code(), Code::HookFailed);
    assert!(scan.next().is_none());
}

#[test]
fn a_hook_may_write_during_a_scan() {
    let policy = engine();
    let inner = policy.clone();
    policy.after_read("a/*", move |ctx| {
        inner.put([b"c/", &ctx.key[2..]].concat(), "copy", None).map(|()| PolicyAction::Allow)
    });
    assert_eq!(keys(&policy, "a/").len(), 5);
    assert_eq!(keys(&policy, "c/").len(), 5);
}

#[test]
fn a_batch_is_judged_whole_before_any_of_it_is_written() {
    let policy = engine();
    policy.before_write("a/3", |_| PolicyAction::deny_because("not this one"));
    policy.before_write("a/1", |_| PolicyAction::modify("changed"));
    let ops = [BatchOp::put("a/1", "x"), BatchOp::delete("a/2"), BatchOp::put("a/3", "x")];
    let refused = policy.batch(&ops, None).unwrap_err();
    assert_eq!(refused.code(), Code::Denied);
    assert_eq!(refused.violation().unwrap().key.as_deref(), Some(&b"a/3"[..]));
    assert_eq!(policy.get("a/2", None).unwrap().as_deref(), Some(&b"v2"[..]));
    assert_eq!(results(&policy)[..3], ["denied", "denied", "denied"]);
    let told = entries(&policy);
    assert_eq!(told[0].operation_id(), told[2].operation_id());
    assert_eq!(told[0].reason().unwrap(), "another operation of the batch was refused or failed");
    assert_eq!(told[2].reason().unwrap(), "not this one");
    assert_eq!(told[0].applied(), Some(false));

    policy.batch(&ops[..2], None).unwrap();
    assert_eq!(
        policy.get_many(&["a/1", "a/2", "b/1"], None).unwrap(),
        [Some(b"changed".to_vec()), None, Some(b"other".to_vec())]
    );
    assert_eq!(results(&policy)[4..], ["modified", "allowed", "allowed", "allowed", "allowed"]);
}

#[test]
fn limits_give_a_token_for_each_or_none() {
    let policy = engine();
    policy.add_rate_limit("write", RateLimit::per_hour(3)).unwrap();
    let ops = [BatchOp::put("a/1", "x"), BatchOp::put("a/2", "x")];
    policy.batch(&ops, None).unwrap();
    assert_eq!(policy.batch(&ops, None).unwrap_err().code(), Code::RateLimited);
    policy.put("a/1", "y", None).unwrap();
    let four: Vec<_> = ["1", "2", "3", "4"].iter().map(|key| BatchOp::put(*key, "x")).collect();
    let never = policy.batch(&four, None).unwrap_err();
    assert_eq!(never.code(), Code::Usage);
    assert!(never.to_string().contains("split it"), "{never}");
}

#[test]
fn an_after_hook_that_fails_says_that_the_batch_was_applied() {
    let policy = engine();
    policy.after_write("a/2", |_| -> PolicyAction { panic!("late") });
    let ops = [BatchOp::put("a/1", "x"), BatchOp::put("a/2", "x"), BatchOp::put("a/3", "x")];
    let failed = policy.batch(&ops, None).unwrap_err();
    assert!(failed.violation().unwrap().applied);
    assert_eq!(results(&policy), ["allowed", "error", "allowed"]);
    assert!(entries(&policy).iter().all(|entry| entry.applied() == Some(true)));

    let failed = policy.batch_one_by_one(&ops, None).unwrap_err();
    assert_eq!(failed.code(), Code::StorePartial);
    assert!(
        failed.to_string().starts_with("the first 2 of 3 operations of the batch were applied"),
        "{failed}"
    );
    let told: Vec<_> = entries(&policy)[3..].iter().map(|e| (e.result().as_str(), e.applied())).collect();
    assert_eq!(told, [("allowed", Some(true)), ("error", Some(true)), ("error", Some(false))]);
}

#[test]
fn get_many_is_refused_whole_and_hides_single_values() {
    let policy = engine();
    policy.after_read("a/1", deny_all);
    assert_eq!(policy.get_many(&["a/0", "a/1"], None).unwrap(), [Some(b"v0".to_vec()), None]);
    policy.before_read("a/2", deny_all);
    assert_eq!(policy.get_many(&["a/0", "a/2"], None).unwrap_err().code(), Code::Denied);
    let nothing: [&str; 0] = [];
    assert!(policy.get_many(&nothing, None).unwrap().is_empty());
    policy.batch(&[], None).unwrap();
    assert_eq!(policy.get_many(&vec!["k"; 10_001], None).unwrap_err().code(), Code::Usage);
    let bad = PolicyContext::new("read", "").with("agentId", "x");
    assert_eq!(policy.scan("a/", Some(&bad)).unwrap_err().code(), Code::Usage);
    assert_eq!(*results(&policy).last().unwrap(), "error");
}

#[test]
fn a_reply_for_one_key_does_not_pass_for_that_of_a_batch() {
    let engine = Engine::new(EngineOptions::default()).unwrap();
    engine.enable_audit(10).unwrap();
    for reply in
        [StoreReply::Value(None), StoreReply::Value(Some(b"v".to_vec())), StoreReply::Page(Page::default())]
    {
        let request = BatchRequest {
            changes: vec![(Kind::Write, b"k".into(), Some(b"v".into()))],
            context: Cow::Owned(Context::new()),
            depth: 0,
            atomic: true,
            store_can: true,
        };
        let mut batch = engine.start(request);
        while !matches!(batch.step(Time::default()), Step::Store(_)) {
            batch.resume(Reply::Logged).unwrap();
        }
        batch.resume(Reply::Store(reply)).unwrap();
        assert!(matches!(batch.step(Time::default()), Step::Done));
        assert_eq!(batch.finish().unwrap_err().code(), Code::Store);
    }
    let told = engine.audit_log(&AuditFilter::new()).unwrap();
    assert!(told.iter().all(|entry| entry.result().as_str() == "error" && entry.applied().is_none()));
}
