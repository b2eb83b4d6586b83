//! What another document replaces, what stays, and what operations see meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};

use checkrein::policy::{PolicyAction, RateLimit};
use checkrein::{AuditFilter, Clock, Code, Database, Error, ManualClock, PolicyDocument, PolicyEngine};

use crate::yaml;

fn engine(document: PolicyDocument) -> PolicyEngine {
    let clock = Clock::Manual(ManualClock::new(0));
    PolicyEngine::builder(Database::memory()).clock(clock).document(document).try_build().unwrap()
}

fn remaining(policy: &PolicyEngine) -> Vec<(String, u64)> {
    let mut all: Vec<_> = policy
        .rate_limit_status("write", None)
        .unwrap()
        .into_iter()
        .map(|status| (status.limit, status.remaining))
        .collect();
    all.sort();
    all
}

fn reason(result: Result<(), Error>) -> String {
    result.unwrap_err().violation().unwrap().reason.clone()
}

#[test]
fn a_reload_replaces_the_document_and_keeps_the_host() {
    let policy =
        engine(yaml("version: 1\nhooks: [{on: before_write, keys: 'a/**', action: deny, reason: old}]\n"));
    let handle = policy.before_write("**", |_| PolicyAction::deny_because("host"));
    assert_eq!(reason(policy.put("a/x", "v", None)), "old");
    assert_eq!(reason(policy.put("b/x", "v", None)), "host");

    policy
        .reload(&yaml("version: 1\nhooks: [{on: before_write, keys: 'b/**', action: deny, reason: new}]\n"))
        .unwrap();
    // The document's stand before the host's, though they came later.
    assert_eq!(reason(policy.put("a/x", "v", None)), "host");
    assert_eq!(reason(policy.put("b/x", "v", None)), "new");
    assert!(handle.remove());
    policy.put("a/x", "v", None).unwrap();
    assert_eq!(reason(policy.put("b/x", "v", None)), "new");
    // What is registered later stands behind.
    policy.before_write("b/**", |_| PolicyAction::deny_because("late"));
    assert_eq!(reason(policy.put("b/x", "v", None)), "new");
}

#[test]
fn replacing_hooks_come_in_the_order_of_the_document_and_before_those_of_the_host() {
    let policy = PolicyEngine::new(Database::memory());
    policy.after_read("k", |ctx| [ctx.value.as_deref().unwrap_or_default(), b"!"].concat());
    policy.put("k", "v", None).unwrap();
    policy
        .reload(&yaml(
            "version: 1\nhooks:\n  - {on: after_read, keys: k, replace: first}\n  - {on: after_read, keys: k, replace: \
             second}\n",
        ))
        .unwrap();
    assert_eq!(policy.get("k", None).unwrap().unwrap(), b"second!");
}

#[test]
fn buckets_of_limits_that_did_not_change_keep_their_state() {
    let limit = |list: &str| yaml(&format!("version: 1\nrate_limits: [{list}]\n"));
    let ten = "{operation: write, max_per_minute: 10}";
    let seven = "{operation: write, max_per_hour: 7}";
    let policy = engine(limit(&format!("{ten}, {ten}, {seven}")));
    policy.add_rate_limit("write", RateLimit::per_minute(10)).unwrap();
    policy.put("k", "v", None).unwrap();
    let after_one =
        |texts: &[(&str, u64)]| texts.iter().map(|(text, n)| ((*text).to_owned(), *n)).collect::<Vec<_>>();
    assert_eq!(
        remaining(&policy),
        after_one(&[
            ("write 10/minute", 9),
            ("write 10/minute", 9),
            ("write 10/minute", 9),
            ("write 7/hour", 6)
        ])
    );
    // Three of the document now: two were there, one is new. The host's stays what it is.
    policy.reload(&limit(&format!("{ten}, {ten}, {ten}"))).unwrap();
    assert_eq!(
        remaining(&policy),
        after_one(&[
            ("write 10/minute", 9),
            ("write 10/minute", 9),
            ("write 10/minute", 9),
            ("write 10/minute", 10)
        ])
    );
    // What went and comes again is new.
    policy.reload(&limit(seven)).unwrap();
    assert_eq!(remaining(&policy), after_one(&[("write 10/minute", 9), ("write 7/hour", 7)]));
    // A limit for another operation is another limit, and those for other surfaces are passed over.
    policy.reload(&limit("{operation: all, max_per_hour: 7}, {operation: action, max_per_hour: 7}")).unwrap();
    assert_eq!(remaining(&policy), after_one(&[("all 7/hour", 7), ("write 10/minute", 9)]));
}

#[test]
fn the_audit_keeps_its_entries_where_the_size_is_the_same() {
    let sized = |entries: usize| yaml(&format!("version: 1\naudit: {{max_entries: {entries}}}\n"));
    let policy = engine(sized(50));
    let count = || policy.audit_log(&AuditFilter::new()).unwrap().len();
    policy.put("k", "v", None).unwrap();
    policy.reload(&sized(50)).unwrap();
    assert_eq!(count(), 1);
    policy.reload(&yaml("version: 1\nhooks: [{on: before_read, keys: x, action: deny}]\n")).unwrap();
    assert_eq!(count(), 1);
    policy.reload(&sized(60)).unwrap();
    assert_eq!(count(), 0);
}

#[test]
fn a_reload_that_fails_leaves_everything_as_it_was() {
    let policy = engine(yaml("version: 1\nhooks: [{on: before_write, keys: 'a/**', action: deny}]\n"));
    let error = policy.reload(&yaml("version: 1\nname: nothing\n")).unwrap_err();
    assert_eq!(error.code(), Code::Config);
    assert_eq!(policy.put("a/x", "v", None).unwrap_err().code(), Code::Denied);
    policy.put("b", "v", None).unwrap();
}

#[test]
fn a_document_is_applied_once() {
    let document = yaml("version: 1\nhooks: [{on: before_write, keys: a, action: deny}]\n");
    let engine = checkrein::engine::Engine::new(Default::default()).unwrap();
    engine.apply(&document).unwrap();
    assert_eq!(engine.apply(&document).unwrap_err().code(), Code::Config);
    assert_eq!(engine.hooks().len(), 1);
    engine.reload(&document).unwrap();
    assert_eq!(engine.hooks().len(), 1);
}

#[test]
fn an_operation_sees_all_of_one_document() {
    // Under one document a write becomes `a` and is flagged, under the other it becomes `b` and is not.
    let documents = [
        yaml(
            "version: 1\nhooks:\n  - {on: before_write, keys: 'k/**', replace: a}\n  - {on: before_write, keys: 'k/**', \
             action: log}\n",
        ),
        yaml("version: 1\nhooks:\n  - {on: before_write, keys: 'k/**', replace: b}\n"),
    ];
    let database = Database::memory();
    let policy = PolicyEngine::builder(database.clone()).document(documents[0].clone()).try_build().unwrap();
    policy.enable_audit_with(1_000_000).unwrap();
    let seen: [AtomicBool; 2] = Default::default();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for thread in 0..2 {
            let (policy, database, seen, done) = (policy.clone(), &database, &seen, &done);
            scope.spawn(move || {
                for n in 0.. {
                    let key = format!("k/{thread}/{n}");
                    policy.put(&key, "v", None).unwrap();
                    let written = database.get(key.as_bytes()).unwrap().unwrap();
                    seen[usize::from(written == b"b")].store(true, Ordering::Relaxed);
                    if n >= 500 && done.load(Ordering::Relaxed) {
                        break;
                    }
                }
            });
        }
        let mut rounds = 0;
        while rounds < 200 || !seen.iter().all(|seen| seen.load(Ordering::Relaxed)) {
            policy.reload(&documents[rounds % 2]).unwrap();
            // Hooks of the program come and go meanwhile.
            let handle = policy.before_write("k/**", |_| ());
            assert!(handle.remove());
            rounds += 1;
        }
        done.store(true, Ordering::Relaxed);
    });
    let entries = policy.audit_log(&AuditFilter::new().limit(usize::MAX)).unwrap();
    assert!(entries.len() > 1_000);
    for entry in entries {
        let written = database.get(entry.key_bytes()).unwrap().unwrap();
        assert_eq!(written, if entry.logged() { b"a" } else { b"b" }, "{}", entry.key());
    }
}
