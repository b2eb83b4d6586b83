//! One engine, many threads: hooks come and go while operations run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use checkrein::engine::Engine;
use checkrein::operation::Operation;
use checkrein::policy::{HookHandle, PolicyAction, PolicyEngine, RateLimit};
use checkrein::{Clock, Code, Database, Error, ManualClock};

use crate::entries;

const _: fn() = || {
    fn shared<T: Send + Sync>() {}
    fn sent<T: Send>() {}
    shared::<PolicyEngine>();
    shared::<Engine>();
    shared::<HookHandle>();
    shared::<Database>();
    shared::<Error>();
    sent::<Operation<'static>>();
};

#[test]
fn hooks_come_and_go_while_operations_run() {
    const OPERATIONS: usize = 400;
    let policy = PolicyEngine::new(Database::memory());
    policy.enable_audit().unwrap();
    let (denied, running) = (AtomicUsize::new(0), AtomicUsize::new(2));
    std::thread::scope(|scope| {
        for thread in 0..2 {
            let (policy, denied, running) = (policy.clone(), &denied, &running);
            scope.spawn(move || {
                for n in 0..OPERATIONS {
                    match policy.put(format!("k/{thread}/{n}"), "v", None) {
                        Ok(()) => {}
                        Err(error) => {
                            assert_eq!(error.code(), Code::Denied, "{error}");
                            denied.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                }
                running.fetch_sub(1, Ordering::Relaxed);
            });
        }
        // Comes and goes for as long as they run, and at least so often.
        let mut rounds = 0;
        while running.load(Ordering::Relaxed) > 0 || rounds < 20 {
            let handles = [
                policy.before_write("k/**", |_| PolicyAction::Deny),
                policy.after_write("k/**", |_| ()),
                policy.before_read("**", |_| ()),
            ];
            assert!(handles.iter().all(HookHandle::remove));
            rounds += 1;
        }
    });
    policy.put("k/0/0", "v", None).unwrap();
    let entries = entries(&policy);
    assert_eq!(entries.len(), 2 * OPERATIONS + 1);
    let refused = entries.iter().filter(|entry| entry.result().as_str() == "denied").count();
    assert_eq!(refused, denied.into_inner());
}

#[test]
fn a_limit_holds_over_all_threads() {
    let clock = Clock::Manual(ManualClock::new(0));
    let policy = PolicyEngine::builder(Database::memory()).clock(clock).build();
    policy.add_rate_limit("write", RateLimit::per_hour(100)).unwrap();
    let passed: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| (0..100).filter(|_| policy.put("k", "v", None).is_ok()).count()))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(passed, 100);
}

#[test]
fn a_hook_that_waits_holds_up_nobody() {
    let policy = PolicyEngine::new(Database::memory());
    let (entered, leave) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (inside, go) = (Arc::clone(&entered), Arc::clone(&leave));
    policy.before_write("slow", move |_| {
        inside.store(true, Ordering::Release);
        while !go.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
    });
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| policy.put("slow", "v", None));
        while !entered.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
        // With a hook running: operations, registrations, removals and limits go on.
        policy.put("fast", "v", None).unwrap();
        assert!(policy.before_write("late", |_| ()).remove());
        policy.add_rate_limit("read", RateLimit::per_minute(5)).unwrap();
        policy.enable_audit().unwrap();
        leave.store(true, Ordering::Release);
        waiting.join().unwrap().unwrap();
    });
    assert!(entries(&policy).is_empty(), "the slow write started before the audit was on");
}
