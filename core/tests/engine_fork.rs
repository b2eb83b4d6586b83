//! An engine over a fork: limits and audit of its own, no lock of the parent's, an audit file that names the parent's.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test"
)]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use checkrein::audit::AuditFilter;
use checkrein::audit::file::{AuditFile, AuditFileOptions, VerifyOptions, verify};
use checkrein::policy::{PolicyAction, PolicyContext, PolicyEngine, RateLimit};
use checkrein::{Code, Database};

/// Seconds after which a child that hangs is killed by its own alarm, which fails the test.
const WATCHDOG_S: u32 = 60;

/// Runs the closure in a child and gives its exit status; 0 where the closure said true.
fn in_child(act: impl FnOnce() -> bool) -> i32 {
    // SAFETY: the child does nothing but what the test is about, and leaves by `_exit`.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0);
    if pid == 0 {
        // SAFETY: as above.
        unsafe { libc::alarm(WATCHDOG_S) };
        checkrein::fork::child();
        let said = std::panic::catch_unwind(std::panic::AssertUnwindSafe(act));
        let status = i32::from(!matches!(said, Ok(true)));
        // SAFETY: as above.
        unsafe { libc::_exit(status) };
    }
    let mut status = 0;
    // SAFETY: the child's own id, and a place for its status.
    assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
    status
}

fn file_in(directory: &Path) -> Arc<AuditFile> {
    AuditFile::open(AuditFileOptions::new(directory.join("audit.jsonl"))).unwrap()
}

/// A child's engine over a database of its own: what the parent's decided by, with limits and audit afresh.
fn works_in_the_child(policy: &PolicyEngine) -> bool {
    // The parent's database is closed here.
    let closed = policy.put("k", "v", None).unwrap_err();
    let told = policy.audit_log(&AuditFilter::new()).unwrap();
    let limits = policy.rate_limit_status("write", None).unwrap();
    let denied = policy.put("system/x", "v", None).unwrap_err();
    policy.before_read("added in the child", |_| PolicyAction::Allow);
    closed.code() == Code::StoreClosed
        && closed.to_string().contains("after the fork")
        && told.len() == 1
        && told[0].sequence() == 1
        // One token was taken for the put above.
        && limits[0].remaining == 799_999
        && denied.code() == Code::Denied
}

#[test]
fn children_under_load_work_and_their_parent_does_not_notice() {
    let directory = tempfile::tempdir().unwrap();
    let policy = PolicyEngine::new(Database::memory());
    policy.before_write("system/*", |_| PolicyAction::Deny);
    policy.add_rate_limit("write", RateLimit::per_hour(1).burst(800_000)).unwrap();
    policy.add_rate_limit("all", RateLimit::per_hour(1).burst(800_000).scope("agent_id")).unwrap();
    policy.add_audit_file(file_in(directory.path())).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let load: Vec<_> = (0..4)
        .map(|n| {
            let (policy, stop) = (policy.clone(), Arc::clone(&stop));
            thread::spawn(move || {
                let ctx = PolicyContext::new("write", "").with_agent_id(format!("a{n}"));
                let mut done = 0_u32;
                while !stop.load(Ordering::Relaxed) && done < 150_000 {
                    policy.put(format!("k/{}", done % 100), "v", Some(&ctx)).unwrap();
                    if done.is_multiple_of(50) {
                        let handle = policy.before_write("never", |_| PolicyAction::Deny);
                        assert!(handle.remove());
                    }
                    done += 1;
                }
                done
            })
        })
        .collect();
    for _ in 0..20 {
        assert_eq!(in_child(|| works_in_the_child(&policy)), 0);
    }
    stop.store(true, Ordering::Relaxed);
    let done: u32 = load.into_iter().map(|thread| thread.join().unwrap()).sum();
    policy.disable_audit();
    drop(policy);

    let report = verify(directory.path().join("audit.jsonl"), &VerifyOptions::default()).unwrap();
    assert!(report.problem.is_none(), "{report:?}");
    assert!(u64::from(done) < report.lines, "an entry for each put of the parent: {report:?}");
    let mut children = 0;
    for entry in std::fs::read_dir(directory.path()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name.starts_with("audit-") && name.ends_with(".jsonl") {
            let report = verify(&path, &VerifyOptions::default()).unwrap();
            assert!(report.problem.is_none(), "{name}: {report:?}");
            let first = std::fs::read_to_string(&path).unwrap().lines().next().unwrap().to_owned();
            assert!(first.contains("\"parent\":\""), "{first}");
            children += 1;
        }
    }
    assert_eq!(children, 20);
}

#[test]
fn an_operation_that_was_going_on_is_refused_in_the_child() {
    let policy = PolicyEngine::new(Database::memory());
    policy.enable_audit().unwrap();
    let in_child = Arc::new(AtomicBool::new(false));
    let hook_in_child = Arc::clone(&in_child);
    policy.before_write("forks", move |_| {
        // SAFETY: see `in_child`.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            // SAFETY: as above.
            unsafe { libc::alarm(WATCHDOG_S) };
            checkrein::fork::child();
            hook_in_child.store(true, Ordering::Relaxed);
        } else {
            let mut status = 0;
            // SAFETY: as above.
            assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
            assert_eq!(status, 0);
        }
    });
    let outcome = policy.put("forks", "v", None);
    if in_child.load(Ordering::Relaxed) {
        let refused =
            outcome.is_err_and(|error| error.code() == Code::Usage && error.to_string().contains("forked"));
        let open = policy.explain("write", "x", None).is_ok();
        // SAFETY: as above.
        unsafe { libc::_exit(i32::from(!refused || !open)) };
    }
    outcome.unwrap();
}

/// Each of the child's threads opened the child's audit file; those that came second found it locked, and the engine of
/// one of them could be the one that stayed: it refused everything from then on.
#[test]
fn threads_of_a_child_that_come_at_once_get_one_engine() {
    let directory = tempfile::tempdir().unwrap();
    let policy = PolicyEngine::new(Database::memory());
    policy.add_audit_file(file_in(directory.path())).unwrap();
    for _ in 0..10 {
        let all_pass = || {
            let start = std::sync::Barrier::new(8);
            let pass = || {
                start.wait();
                policy.explain("read", "k", None).is_ok()
            };
            thread::scope(|scope| {
                let threads: Vec<_> = (0..8).map(|_| scope.spawn(pass)).collect();
                threads.into_iter().all(|thread| thread.join().unwrap())
            })
        };
        assert_eq!(in_child(all_pass), 0);
    }
}

/// The second engine of the child found the file locked by the first, and refused everything.
#[test]
fn engines_that_share_a_file_share_one_in_the_child_too() {
    let directory = tempfile::tempdir().unwrap();
    let file = file_in(directory.path());
    let engines = [PolicyEngine::new(Database::memory()), PolicyEngine::new(Database::memory())];
    for policy in &engines {
        policy.add_audit_file(Arc::clone(&file)).unwrap();
    }
    drop(file);
    let path = directory.path().to_owned();
    let shared = || {
        let pass = engines.iter().all(|policy| policy.explain("read", "k", None).is_ok());
        for policy in &engines {
            assert_eq!(policy.put("k", "v", None).unwrap_err().code(), Code::StoreClosed);
            policy.flush_audit().unwrap();
        }
        let own = path.join(format!("audit-{}.jsonl", std::process::id()));
        let report = verify(own, &VerifyOptions::default()).unwrap();
        pass && report.is_whole() && report.lines == 3
    };
    assert_eq!(in_child(shared), 0);
}
