//! `explain` against the engine itself: where nothing of the program is asked, what it foresees is what then happens.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use checkrein::clock::Clock;
use checkrein::document::Format;
use checkrein::{AuditFilter, Database, ManualClock, PolicyContext, PolicyDocument, PolicyEngine};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

const NOON_NS: u64 = 43_200_000_000_000;
const KEYS: [&str; 3] = ["a", "a/b", "b/c"];
/// Longer than any replacement, so that each of those changes it.
const STORED: &str = "as it was stored";

/// A hook of a document, in JSON.
fn hook() -> impl Strategy<Value = String> {
    let on = select(vec!["before_read", "after_read", "before_write", "before_delete", "after_write"]);
    let keys = select(vec!["**", "a", "a/*", "b/**", "{a,b/c}"]);
    let unless = select(vec!["", r#", "unless_keys": "a/b""#, r#", "unless_keys": "b/*""#]);
    let when = select(vec![
        "",
        r#", "when": {"agent_id": "present"}"#,
        r#", "when": {"agent_id": "absent"}"#,
        r#", "when": {"agent_id": "x*"}"#,
    ]);
    let does = select(vec![
        r#""action": "deny""#,
        r#""action": "deny", "reason": "no""#,
        r#""action": "allow""#,
        r#""replace": "one""#,
        r#""replace": "two""#,
    ]);
    let mode = select(vec!["", "", r#", "mode": "shadow""#]);
    (on, keys, unless, when, does, mode).prop_map(|(on, keys, unless, when, does, mode)| {
        format!(r#"{{"on": "{on}", "keys": "{keys}"{unless}{when}, {does}{mode}}}"#)
    })
}

fn limit() -> impl Strategy<Value = String> {
    let operation = select(vec!["read", "write", "delete", "all"]);
    let scope = select(vec!["", r#", "scope": "agent_id""#]);
    let count = select(vec!["", "", r#", "count": "attempts""#]);
    (operation, select(vec![1, 2, 7, 60]), 1..4, scope, count).prop_map(
        |(operation, rate, burst, scope, count)| {
            format!(
                r#"{{"operation": "{operation}", "max_per_hour": {rate}, "burst": {burst}{scope}{count}}}"#
            )
        },
    )
}

fn document() -> impl Strategy<Value = String> {
    let mode = select(vec!["", "", r#", "mode": "shadow""#]);
    let required = select(vec!["", "", "", r#", "require_context": ["session_id"]"#]);
    (vec(hook(), 0..6), vec(limit(), 0..4), mode, required).prop_map(|(hooks, limits, mode, required)| {
        let (hooks, limits) = (hooks.join(", "), limits.join(", "));
        format!(
            r#"{{"version": 1, "audit": {{}}{mode}{required}, "hooks": [{hooks}], "rate_limits": [{limits}]}}"#
        )
    })
}

/// An operation: which, on which key, by whom, in which session, after how many minutes.
type Asked = (&'static str, &'static str, &'static str, bool, u64);

fn asked() -> impl Strategy<Value = Asked> {
    let operations = select(vec!["read", "write", "delete"]);
    (operations, select(KEYS.to_vec()), select(vec!["", "x1", "y"]), any::<bool>(), select(vec![0, 0, 0, 11]))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_foreseen_is_what_happens(text in document(), asked in vec(asked(), 1..12)) {
        // A hook that can mean nothing, or never decide, makes no document.
        let Ok(document) = PolicyDocument::parse(text.as_bytes(), Format::Json, "policy.json") else {
            return Ok(());
        };
        let database = Database::memory();
        let clock = ManualClock::new(NOON_NS);
        let policy = PolicyEngine::builder(database.clone())
            .clock(Clock::Manual(std::sync::Arc::clone(&clock)))
            .document(document)
            .try_build()
            .unwrap();
        for (operation, key, agent, session, minutes) in asked {
            database.put(key.as_bytes(), STORED.as_bytes()).unwrap();
            clock.advance_ns(minutes * 60_000_000_000);
            let mut context = PolicyContext::new(operation, key);
            if !agent.is_empty() {
                context = context.with_agent_id(agent);
            }
            if session {
                context = context.with_session_id("s");
            }
            let context = Some(&context);
            let foreseen = policy.explain(operation, key, context).unwrap();
            let passed = match operation {
                "read" => policy.get(key, context).is_ok(),
                "write" => policy.put(key, STORED, context).is_ok(),
                _ => policy.delete(key, context).is_ok(),
            };
            let told = policy.audit_log(&AuditFilter::new()).unwrap().pop().unwrap();
            let foresaw = (foreseen.verdict.as_str(), foreseen.rule);
            let happened = (told.result().as_str(), told.rule().map(|rule| rule.into_owned()));
            prop_assert_eq!(foresaw, happened, "{} of {} in {}", operation, key, text);
            let refused = matches!(told.result().as_str(), "denied" | "rate_limited");
            prop_assert_eq!(passed, !refused);
        }
    }
}
