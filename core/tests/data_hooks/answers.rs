//! What closures may return, and what becomes of their errors and panics.

use std::io;

use checkrein::policy::{PolicyAction, PolicyContext, PolicyEngine};
use checkrein::{Code, Database, Error, PolicyViolation};

use crate::{entries, results};

fn engine() -> PolicyEngine {
    let policy = PolicyEngine::new(Database::memory());
    policy.enable_audit().unwrap();
    policy
}

#[test]
fn a_hook_that_panics_refuses_and_unwinds_no_further() {
    let policy = engine();
    let handle = policy.before_write("k", |_| -> PolicyAction { panic!("a secret of the user") });
    let refused = policy.put("k", "v", None).unwrap_err();
    assert_eq!(refused.code(), Code::HookFailed);
    assert_eq!(refused.cause().unwrap().type_name(), "panic");
    assert!(!format!("{:?}", entries(&policy)).contains("secret"));
    assert_eq!(policy.get("k", None).unwrap(), None);

    assert!(handle.remove());
    policy.put("k", "v", None).unwrap();
    assert_eq!(results(&policy), ["error", "allowed", "allowed"]);
}

#[test]
fn a_panic_after_the_write_says_applied() {
    let policy = engine();
    policy.after_write("k", |_| -> () { panic!("too late") });
    let failed = policy.put("k", "v", None).unwrap_err();
    assert!(failed.violation().unwrap().applied);
    assert_eq!(policy.get("k", None).unwrap().as_deref(), Some(&b"v"[..]));
    assert_eq!(entries(&policy)[0].applied(), Some(true));
}

#[test]
fn a_panic_inside_nested_hooks_leaves_the_depth_as_it_was() {
    let policy = engine();
    let inner = policy.clone();
    policy.before_write("outer", move |_| inner.put("inner", "v", None));
    policy.before_write("inner", |_| -> () { panic!("inside") });
    for _ in 0..40 {
        assert_eq!(policy.put("outer", "v", None).unwrap_err().code(), Code::HookFailed);
    }
}

#[test]
fn the_errors_of_a_hook_are_causes_that_can_be_taken_out() {
    let policy = engine();
    policy.before_write("k", |_| -> Result<PolicyAction, io::Error> {
        let port: u16 = "no number".parse().map_err(io::Error::other)?;
        Ok(if port > 0 { PolicyAction::Allow } else { PolicyAction::Deny })
    });
    let refused = policy.put("k", "v", None).unwrap_err();
    assert_eq!(refused.code(), Code::HookFailed);
    let cause = refused.cause().unwrap();
    assert_eq!(cause.type_name(), "Error", "the last part of its path");
    assert!(cause.as_error().unwrap().downcast_ref::<io::Error>().is_some());
    let source = std::error::Error::source(&refused).unwrap();
    assert!(source.to_string().contains("invalid digit"), "{source}");
    assert!(!entries(&policy)[0].reason().unwrap().contains("invalid digit"), "messages are not audited");
}

#[test]
fn an_error_of_ours_comes_out_as_itself() {
    let policy = engine();
    policy.before_write("own", |_| Err::<(), _>(Error::usage("not like this")));
    policy.before_write("violation", |_| Err::<(), _>(PolicyViolation::new("mine")));
    let boxed = |_: &PolicyContext<'_>| -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Err(PolicyViolation::new("boxed"))?
    };
    policy.before_write("boxed", boxed);

    assert_eq!(policy.put("own", "v", None).unwrap_err().to_string(), "not like this");
    for (key, reason) in [("violation", "mine"), ("boxed", "boxed")] {
        let refused = policy.put(key, "v", None).unwrap_err();
        assert_eq!((refused.code(), refused.to_string().as_str()), (Code::Denied, reason));
    }
    assert_eq!(results(&policy), ["error", "denied", "denied"]);
}

#[test]
fn everything_that_is_an_answer_can_be_returned() {
    let policy = engine();
    policy.before_write("nothing", |_| ());
    policy.before_write("none", |_| None::<PolicyAction>);
    policy.before_write("some", |_| Some(b"x"));
    policy.before_write("vec", |_| b"x".to_vec());
    policy.before_write("slice", |_| -> &'static [u8] { b"x" });
    policy.before_write("array", |_| b"x");
    policy.before_write("result", |_| Ok::<_, io::Error>(PolicyAction::modify("x")));
    for key in ["nothing", "none"] {
        policy.put(key, "v", None).unwrap();
        assert_eq!(policy.get(key, None).unwrap().as_deref(), Some(&b"v"[..]), "{key}");
    }
    for key in ["some", "vec", "slice", "array", "result"] {
        policy.put(key, "v", None).unwrap();
        assert_eq!(policy.get(key, None).unwrap().as_deref(), Some(&b"x"[..]), "{key}");
    }
}

#[test]
fn a_context_made_for_another_key_is_not_believed() {
    let policy = engine();
    policy.before_write("system/*", |ctx| {
        assert_eq!((&*ctx.operation, &*ctx.key), ("write", &b"system/config"[..]));
        assert_eq!(ctx.value.as_deref(), Some(&b"v"[..]));
        assert_eq!(ctx.agent_id.as_deref(), Some("rogue"));
        PolicyAction::Deny
    });
    let ctx = PolicyContext::new("read", "public/x").with_agent_id("rogue").with_value("another");
    assert_eq!(policy.put("system/config", "v", Some(&ctx)).unwrap_err().code(), Code::Denied);
    assert_eq!(policy.get("system/config", None).unwrap(), None);
}

#[test]
fn the_fields_of_a_context_count_however_they_were_set() {
    let policy = engine();
    policy.before_write("k", checkrein::policy::require_agent_id);
    let mut ctx = PolicyContext::new("write", "k");
    ctx.agent_id = Some("set by hand".into());
    policy.put("k", "v", Some(&ctx)).unwrap();
    assert_eq!(entries(&policy)[0].agent_id().as_deref(), Some("set by hand"));

    let ctx = PolicyContext::new("write", "k").with("agentId", "near miss");
    assert_eq!(policy.put("k", "v", Some(&ctx)).unwrap_err().code(), Code::Usage);
    assert_eq!(results(&policy), ["allowed", "error"]);
}
