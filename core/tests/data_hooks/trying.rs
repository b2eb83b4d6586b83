//! Seeing and trying: shadow mode, requirements, listeners, sinks, explanations.

use std::sync::{Arc, Mutex};

use checkrein::policy::{Mode, Phase, PolicyAction, PolicyContext, PolicyEngine, RateLimit, deny_all};
use checkrein::{Code, Database};

use crate::{entries, results};

#[test]
fn a_shadow_engine_lets_pass_and_audits_what_it_would_deny() {
    let policy =
        PolicyEngine::builder(Database::memory()).mode(Mode::Shadow).require_context(["tenant"]).build();
    policy.enable_audit().unwrap();
    policy.before_write("system/*", deny_all);
    policy.before_write("**", |_| PolicyAction::modify("never"));
    policy.add_rate_limit("write", RateLimit::per_hour(1)).unwrap();
    let ctx = PolicyContext::new("write", "").with("tenant", "t");
    policy.put("system/x", "v", Some(&ctx)).unwrap();
    policy.put("other", "v", Some(&ctx)).unwrap();
    policy.put("other", "v", None).unwrap();
    assert_eq!(policy.get("system/x", Some(&ctx)).unwrap().as_deref(), Some(&b"v"[..]));
    assert_eq!(results(&policy), ["would_deny", "would_deny", "would_deny", "allowed"]);
    let told = entries(&policy);
    assert_eq!(told[0].rule().unwrap(), "before_write system/*");
    assert_eq!(told[1].rule().unwrap(), "write 1/hour");
    assert_eq!(told[2].rule().unwrap(), "require_context");
    assert_eq!(told[0].applied(), Some(true));
}

#[test]
fn what_a_context_must_have_is_asked_for_first() {
    let policy = PolicyEngine::builder(Database::memory()).require_context(["agent_id"]).build();
    policy.enable_audit().unwrap();
    let refused = policy.put("k", "v", None).unwrap_err();
    assert_eq!(
        (refused.code(), refused.violation().unwrap().rule.as_deref()),
        (Code::Denied, Some("require_context"))
    );
    let ctx = PolicyContext::new("write", "").with_agent_id("a");
    policy.put("k", "v", Some(&ctx)).unwrap();
    assert_eq!(results(&policy), ["denied", "allowed"]);
    let broken = PolicyEngine::builder(Database::memory()).require_context(["agentId"]).build();
    assert_eq!(broken.put("k", "v", None).unwrap_err().code(), Code::Config);
}

#[test]
fn a_listener_is_told_of_each_refusal_and_changes_nothing() {
    let policy = PolicyEngine::new(Database::memory());
    policy.before_write("no", deny_all);
    let told = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&told);
    let id = policy.on_denied(move |error| seen.lock().unwrap().push(error.to_string()));
    policy.on_denied(|_| panic!("a listener"));
    assert_eq!(policy.put("no", "v", None).unwrap_err().code(), Code::Denied);
    policy.put("yes", "v", None).unwrap();
    assert!(policy.remove_listener(id));
    assert!(!policy.remove_listener(id));
    assert_eq!(policy.put("no", "v", None).unwrap_err().code(), Code::Denied);
    assert_eq!(*told.lock().unwrap(), ["write of `no` denied (`before_write no`): denied by deny_all"]);
}

#[test]
fn a_strict_sink_is_told_before_the_store_is_asked() {
    let policy = PolicyEngine::new(Database::memory());
    policy.before_write("no", deny_all);
    policy.add_rate_limit("write", RateLimit::per_hour(2)).unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&told);
    let works = Arc::new(Mutex::new(true));
    let on = Arc::clone(&works);
    let id = policy
        .add_audit_sink(true, move |entries, phase| {
            for entry in entries {
                let phase = phase.map(Phase::as_str);
                seen.lock().unwrap().push(format!("{phase:?} {} {}", entry.key(), entry.result().as_str()));
            }
            if *on.lock().unwrap() { Ok(()) } else { Err("full".into()) }
        })
        .unwrap();
    policy.put("yes", "v", None).unwrap();
    policy.put("no", "v", None).unwrap_err();
    assert_eq!(
        *told.lock().unwrap(),
        [r#"Some("decided") yes allowed"#, r#"Some("done") yes allowed"#, r#"Some("done") no denied"#]
    );
    *works.lock().unwrap() = false;
    assert_eq!(policy.put("next", "v", None).unwrap_err().code(), Code::AuditFailed);
    assert!(policy.remove_audit_sink(id).unwrap());
    assert_eq!(policy.get("next", None).unwrap(), None);
    assert_eq!(results(&policy), ["allowed", "denied", "error", "allowed"]);
    policy.put("takes the token that the refused one did not", "v", None).unwrap();
}

#[test]
fn an_explanation_runs_no_hook_and_spends_nothing() {
    let policy = PolicyEngine::new(Database::memory());
    policy.before_write("system/*", deny_all);
    policy.before_write("**", |_| -> PolicyAction { panic!("not asked") });
    policy.add_rate_limit("write", RateLimit::per_hour(1)).unwrap();
    let told = policy.explain("write", "system/x", None).unwrap();
    assert_eq!((told.verdict.as_str(), told.rule.as_deref()), ("denied", Some("before_write system/*")));
    assert_eq!(told.hooks.len(), 2);
    assert_eq!((told.hooks[1].kind, told.hooks[1].answer), ("host", "unknown"));
    assert_eq!(told.limits[0].remaining, 1);
    assert_eq!(policy.explain("write", "x", None).unwrap().verdict.as_str(), "unknown");
    assert_eq!(policy.explain("read", "x", None).unwrap().verdict.as_str(), "allowed");
    assert_eq!(policy.explain("put", "x", None).unwrap_err().code(), Code::Usage);
}

#[test]
fn a_sink_that_writes_to_its_own_engine_comes_to_an_end() {
    let policy = PolicyEngine::new(Database::memory());
    let (inner, calls) = (policy.clone(), Arc::new(Mutex::new(0)));
    let counted = Arc::clone(&calls);
    policy
        .add_audit_sink(false, move |entries, _| {
            for _ in entries {
                *counted.lock().unwrap() += 1;
                let _ = inner.put("audit/copy", "v", None);
            }
            Ok(())
        })
        .unwrap();
    let listening = policy.clone();
    policy.on_denied(move |_| drop(listening.put("no", "v", None)));
    policy.before_write("no", deny_all);
    policy.put("k", "v", None).unwrap();
    let after_one = *calls.lock().unwrap();
    assert!((16..40).contains(&after_one), "{after_one}");
    assert_eq!(policy.put("no", "v", None).unwrap_err().code(), Code::Denied);
}

#[test]
fn what_ended_without_a_driver_is_told_with_the_next_operation() {
    let policy = PolicyEngine::new(Database::memory());
    let told = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&told);
    policy
        .add_audit_sink(false, move |entries, _| {
            seen.lock().unwrap().extend(entries.iter().map(|entry| (entry.sequence(), entry.key())));
            Ok(())
        })
        .unwrap();
    let bad = PolicyContext::new("write", "").with("agentId", "x");
    policy.put("rejected", "v", Some(&bad)).unwrap_err();
    drop(policy.scan("abandoned", None).unwrap());
    assert!(told.lock().unwrap().is_empty());
    policy.put("k", "v", None).unwrap();
    let wanted = [(1, "rejected".to_owned()), (2, "abandoned".to_owned()), (3, "k".to_owned())];
    assert_eq!(*told.lock().unwrap(), wanted);
}
