//! Whole guarded operations on the in-memory database: how the cost grows with the hooks, what a hook, a keyed
//! limit and the audit add, and what a second thread brings. Medians of several rounds, and the machine's floors.

#![allow(clippy::print_stdout, clippy::expect_used, reason = "a bench shows its figures and may fail")]

use std::hint::black_box;
use std::time::Instant;

use checkrein::policy::{PolicyAction, RateLimit};
use checkrein::{Database, PolicyContext, PolicyEngine};

const KEY: &str = "users/alice/email";
const ROUNDS: usize = 15;
const CALLS: u32 = 40_000;

fn main() {
    // `cargo test --benches` runs this too: one short round is enough to see that it works.
    let rounds = if std::env::args().any(|arg| arg == "--bench") { ROUNDS } else { 1 };
    floors(rounds);
    println!("\nA guarded get, no hook matches");
    let costs: Vec<f64> = [10, 100, 1_000, 10_000].map(|hooks| growing(hooks, rounds)).into();
    if let [_, hundred, _, ten_thousand] = costs.as_slice() {
        println!("  10,000 hooks cost {:.2} times 100", ten_thousand / hundred);
    }
    println!("\nA guarded get with what is usual");
    usual(rounds);
    println!("\nTwo threads, as a multiple of one");
    threads("no audit, same key", &guarded(100), rounds);
    let hooked = guarded(100);
    hooked.before_read("users/**", |_| PolicyAction::Allow);
    threads("a native hook, same key", &hooked, rounds);
    let audited = guarded(100);
    audited.enable_audit().expect("the default size is allowed");
    threads("with audit, same key", &audited, rounds);
}

fn floors(rounds: usize) {
    println!("Floors of this machine");
    let clock = Instant::now();
    report("  a reading of the clock", rounds, || {
        black_box(clock.elapsed());
    });
    let lock = std::sync::Mutex::new(0_u64);
    report("  a mutex", rounds, || *lock.lock().unwrap_or_else(std::sync::PoisonError::into_inner) += 1);
    let database = Database::memory();
    database.put(KEY.as_bytes(), b"alice@example.com").expect("memory takes it");
    report("  an unguarded get", rounds, || drop(black_box(database.get(KEY.as_bytes()))));
}

/// An engine with hooks of several forms, none of which matches the key.
fn guarded(hooks: usize) -> PolicyEngine {
    let policy = PolicyEngine::new(Database::memory());
    policy.put(KEY, "alice@example.com", None).expect("nothing forbids it");
    for n in 0..hooks {
        let keys = match n % 5 {
            0 => format!("system{n}/*"),
            1 => format!("users/*/field{n}"),
            2 => format!("*.ext{n}"),
            3 => format!("tenants/t{n}/**"),
            _ => format!("**/tmp{n}/*"),
        };
        policy.before_read(&keys, |_| PolicyAction::Deny);
    }
    policy
}

fn growing(hooks: usize, rounds: usize) -> f64 {
    let policy = guarded(hooks);
    report(&format!("  {hooks} hooks"), rounds, || drop(black_box(policy.get(KEY, None))))
}

fn usual(rounds: usize) {
    let policy = guarded(1_000);
    let context = PolicyContext::new("read", KEY).with_agent_id("agent_001");
    let get = || drop(black_box(policy.get(KEY, Some(&context))));
    report("  1,000 hooks, a context", rounds, get);
    let limited = guarded(1_000);
    let limit = || RateLimit::per_second(1_000_000_000).scope("agent_id");
    limited.add_rate_limit("read", limit()).expect("a limit within the bounds");
    report("  1,000 hooks, a context and a keyed limit", rounds, || {
        drop(black_box(limited.get(KEY, Some(&context))));
    });
    policy.before_read("users/*/email", |ctx| {
        if ctx.agent_id.is_some() { PolicyAction::Allow } else { PolicyAction::Deny }
    });
    report("  and a native hook that matches", rounds, get);
    policy.add_rate_limit("read", limit()).expect("a limit within the bounds");
    report("  and a keyed limit", rounds, get);
    policy.enable_audit_with(CALLS as usize).expect("a size within the bounds");
    report("  and the audit, filling", 1, get);
    policy.disable_audit();
    policy.enable_audit().expect("the default size is allowed");
    report("  and the audit, full", rounds, get);
}

/// What two threads do in the time in which one does as much alone.
fn threads(what: &str, policy: &PolicyEngine, rounds: usize) {
    let ratios = (0..rounds).map(|_| {
        let alone = together(policy, 1);
        2.0 * alone / together(policy, 2)
    });
    println!("  {what}: {:.2}", median(ratios.collect()));
}

/// Seconds in which each of so many threads makes its calls.
fn together(policy: &PolicyEngine, threads: u32) -> f64 {
    let started = Instant::now();
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let context = PolicyContext::new("read", KEY).with_agent_id(format!("agent_{thread}"));
            scope
                .spawn(move || (0..4 * CALLS).for_each(|_| drop(black_box(policy.get(KEY, Some(&context))))));
        }
    });
    started.elapsed().as_secs_f64()
}

/// Prints and gives the median cost of a call, in nanoseconds.
fn report(what: &str, rounds: usize, mut call: impl FnMut()) -> f64 {
    let costs = (0..rounds).map(|_| {
        let started = Instant::now();
        (0..CALLS).for_each(|_| call());
        started.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS)
    });
    let cost = median(costs.collect());
    println!("{what}: {cost:.0} ns");
    cost
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}
