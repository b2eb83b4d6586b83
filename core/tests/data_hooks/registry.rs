//! Hooks that come and go: what is remembered, when a closure is dropped, and that its drop may use the engine.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use checkrein::policy::{PolicyAction, PolicyContext, PolicyEngine, RateLimit};
use checkrein::{Code, Database};

fn engine() -> PolicyEngine {
    PolicyEngine::new(Database::memory())
}

/// A hook that holds a thing, and the thing seen from outside.
fn holding() -> (impl Fn(&PolicyContext<'_>) -> PolicyAction + Send + Sync + 'static, Weak<()>) {
    let thing = Arc::new(());
    let outside = Arc::downgrade(&thing);
    let hook = move |_: &PolicyContext<'_>| {
        let _ = &thing;
        PolicyAction::Allow
    };
    (hook, outside)
}

#[test]
fn a_bad_glob_that_nobody_looked_at_refuses_until_it_is_cleared() {
    let policy = engine();
    policy.before_write("users/**x", |_| PolicyAction::Deny);
    for refused in
        [policy.put("k", "v", None).err(), policy.get("k", None).err(), policy.delete("k", None).err()]
    {
        assert_eq!(refused.unwrap().code(), Code::Pattern);
    }
    let cleared = policy.clear_registration_errors().unwrap();
    assert_eq!(cleared.code(), Code::Pattern);
    policy.put("k", "v", None).unwrap();
    assert!(policy.clear_registration_errors().is_none());
}

#[test]
fn a_handle_tells_what_went_wrong() {
    let policy = engine();
    let handle = policy.after_read("[a", |_| ());
    assert_eq!(handle.result().unwrap_err().code(), Code::Pattern);
    assert!(!handle.remove());
    assert!(policy.before_read("a", |_| ()).result().is_ok());
    assert!(policy.add_rate_limit("write", RateLimit::per_minute(0)).is_err());
    assert_eq!(policy.get("k", None).unwrap_err().code(), Code::Pattern, "the first error stays");
}

#[test]
fn a_removed_closure_is_dropped() {
    let policy = engine();
    let (hook, outside) = holding();
    let handle = policy.before_write("k", hook);
    policy.put("k", "v", None).unwrap();
    assert!(outside.upgrade().is_some());
    assert!(handle.remove());
    assert!(outside.upgrade().is_none());
    assert!(!handle.remove());
}

#[test]
fn a_closure_lives_as_long_as_an_operation_that_can_ask_it() {
    let policy = engine();
    let (hook, outside) = holding();
    let second = Arc::new(std::sync::OnceLock::<checkrein::policy::HookHandle>::new());
    let (handle, seen) = (Arc::clone(&second), outside.clone());
    policy.before_write("k", move |_| {
        assert!(handle.get().unwrap().remove());
        assert!(seen.upgrade().is_some(), "this operation still asks it");
    });
    second.set(policy.before_write("k", hook)).unwrap();
    policy.put("k", "v", None).unwrap();
    assert!(outside.upgrade().is_none());
}

#[test]
fn an_engine_that_goes_takes_its_hooks_along() {
    let policy = engine();
    let (hook, outside) = holding();
    let handle = policy.before_write("**", hook);
    drop(policy.clone());
    assert!(outside.upgrade().is_some());
    drop(policy);
    assert!(outside.upgrade().is_none());
    assert!(!handle.remove());
}

/// Uses the engine when it is dropped.
struct Farewell(PolicyEngine);

impl Drop for Farewell {
    fn drop(&mut self) {
        self.0.before_read("farewell", |_| ());
        self.0.put("farewell", "v", None).unwrap();
        self.0.add_rate_limit("read", RateLimit::per_minute(5)).unwrap();
    }
}

#[test]
fn a_hook_may_use_the_engine_while_it_is_dropped() {
    let policy = engine();
    let farewell = Farewell(policy.clone());
    let handle = policy.before_write("k", move |_| {
        let _ = &farewell;
    });
    assert!(handle.remove());
    assert_eq!(policy.get("farewell", None).unwrap().as_deref(), Some(&b"v"[..]));
}

#[test]
fn hooks_may_be_added_and_removed_from_inside_a_hook() {
    let policy = engine();
    let inside = policy.clone();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    policy.before_write("k", move |_| {
        let counted = Arc::clone(&counted);
        let added = inside.before_write("k", move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        inside.put("other", "v", None).unwrap();
        assert!(added.result().is_ok());
    });
    for expected in [0, 1, 3, 6] {
        policy.put("k", "v", None).unwrap();
        assert_eq!(calls.load(Ordering::Relaxed), expected);
    }
}

#[test]
fn ten_thousand_hooks_one_by_one_are_all_asked_in_order() {
    let policy = engine();
    let seen = Arc::new(AtomicUsize::new(0));
    let handles: Vec<_> = (0..10_000)
        .map(|n| {
            let seen = Arc::clone(&seen);
            let keys = if n % 1000 == 0 { "hot/*".to_owned() } else { format!("cold/{n}/*") };
            policy.before_write(&keys, move |_| {
                assert!(seen.swap(n, Ordering::Relaxed) <= n, "out of order");
            })
        })
        .collect();
    policy.put("hot/k", "v", None).unwrap();
    assert_eq!(seen.load(Ordering::Relaxed), 9_000);
    seen.store(0, Ordering::Relaxed);
    // The one at 0 stays.
    for handle in handles.iter().step_by(1000).skip(1) {
        assert!(handle.remove());
    }
    policy.put("hot/k", "v", None).unwrap();
    assert_eq!(seen.load(Ordering::Relaxed), 0);
}
