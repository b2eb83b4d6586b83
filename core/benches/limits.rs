//! What a rate limit costs, beside governor's limiter (keyed with `String`), in the same rounds.
//!
//! Every bucket is large enough never to be empty, as in a system that works: what is measured is the cost of a
//! token taken. The rate leaves the buckets less than full, so keys stay in the tables.
//!
//! With many keys, ids come in an order that no prefetcher guesses. `just come in`: as users meet a limit, the id
//! was formatted a moment ago, for governor into a `String`, for Checkrein into a fresh context as well, a hundred
//! at a time and outside the measured part: what the caller holds is at hand, the limiter's table is not. `kept`:
//! the ids, or whole contexts, were made long ago and are read from memory too. Keys come first in the order of their
//! numbers: were they met in the order in which they came, governor would find the texts it keeps in a row.
//!
//! governor reads the clock itself (a part of the 10 ns of its `one bucket`); Checkrein is told the time.
//!
//! Each row is the median of the rounds, with the lowest and the highest; a ratio is the median of the ratios in
//! each round. `limits TEXT` measures only the groups whose name contains the text.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    reason = "a bench"
)]

use std::hint::black_box;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use checkrein::context::Context;
use checkrein::limit::{Limit, LimitSet, RateLimit, Target};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota};

const KEYS: usize = 100_000;
const BURST: u32 = 1_000_000_000;
const ROUNDS: usize = 31;
const BATCH: usize = 100;

fn id(n: usize) -> String {
    format!("agent-{n:06}")
}

fn context(n: usize) -> Context {
    let mut context = Context::new();
    context.insert("agent_id", id(n).into()).expect("a context");
    context
}

fn shuffled() -> Vec<usize> {
    let mut order: Vec<usize> = (0..KEYS).collect();
    let mut seed = 7_u64;
    for at in (1..KEYS).rev() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        order.swap(at, (seed >> 33) as usize % (at + 1));
    }
    order
}

fn limits(declared: &[RateLimit]) -> LimitSet {
    let compile = |declared| Arc::new(Limit::compile(Target::Write, declared).expect("a limit"));
    declared.iter().map(compile).collect()
}

fn rate() -> RateLimit {
    RateLimit::per_minute(100).burst(u64::from(BURST))
}

fn quota() -> Quota {
    Quota::per_minute(NonZeroU32::new(100).expect("not zero"))
        .allow_burst(NonZeroU32::new(BURST).expect("not zero"))
}

fn take(limits: &LimitSet, context: &Context, now: u64) {
    black_box(limits.take(Target::Write, black_box(context), now)).map(drop).expect("a token");
}

/// The time of each of many calls in a row, in nanoseconds.
fn each(calls: usize, mut call: impl FnMut()) -> f64 {
    let begun = Instant::now();
    (0..calls).for_each(|_| call());
    per(begun.elapsed(), calls)
}

/// The same for each of the keys, with what `make` makes of them right before, a batch at a time.
fn each_made<T>(order: &[usize], make: impl Fn(usize) -> T, mut call: impl FnMut(&T)) -> f64 {
    let mut spent = Duration::ZERO;
    let mut made = Vec::with_capacity(BATCH);
    for batch in order.chunks(BATCH) {
        made.clear();
        made.extend(batch.iter().map(|n| make(*n)));
        let begun = Instant::now();
        made.iter().for_each(&mut call);
        spent += begun.elapsed();
    }
    per(spent, order.len())
}

fn per(spent: Duration, calls: usize) -> f64 {
    spent.as_secs_f64() * 1e9 / calls as f64
}

type Measured<'a> = (&'a str, Box<dyn FnMut() -> f64 + 'a>);

/// Measures each row once a round, after a round for warmth; the last row is what the others are compared with.
fn group(name: &str, mut rows: Vec<Measured<'_>>) {
    rows.iter_mut().for_each(|(_, measure)| {
        black_box(measure());
    });
    let mut times = vec![Vec::new(); rows.len()];
    for _ in 0..ROUNDS {
        for (row, times) in rows.iter_mut().zip(&mut times) {
            times.push((row.1)());
        }
    }
    println!("\n{name}");
    let last = times.last().cloned().unwrap_or_default();
    for ((row, _), times) in rows.iter().zip(&times) {
        let ratio = median(times.iter().zip(&last).map(|(time, last)| time / last).collect());
        let (low, high) =
            (times.iter().copied().fold(f64::MAX, f64::min), times.iter().copied().fold(0.0, f64::max));
        println!("  {row:40} {:7.1} ns  ({low:.1} to {high:.1})  ratio {ratio:.2}", median(times.clone()));
    }
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}

fn one_bucket() {
    let (none, mut now) = (Context::new(), 0);
    let global = limits(&[rate()]);
    let governor = DefaultDirectRateLimiter::direct(quota());
    let ours = move || {
        each(KEYS, || {
            now += 100;
            take(&global, &none, now);
        })
    };
    let theirs = move || each(KEYS, || assert!(governor.check().is_ok()));
    group("one bucket", vec![("checkrein", Box::new(ours)), ("governor", Box::new(theirs))]);
}

fn one_key() {
    let (context, id, mut now) = (context(0), id(0), 0);
    let keyed = limits(&[rate().scope("agent_id")]);
    let governor = DefaultKeyedRateLimiter::<String>::keyed(quota());
    let ours = || {
        each(KEYS, || {
            now += 100;
            take(&keyed, &context, now);
        })
    };
    let theirs = || each(KEYS, || assert!(governor.check_key(black_box(&id)).is_ok()));
    let mut later = 0;
    let three = limits(&[rate(), rate().scope("agent_id"), rate().scope("agent_id").burst(1_000_000_000)]);
    let all_three = || {
        each(KEYS, || {
            later += 100_000;
            take(&three, &context, later);
        })
    };
    let empty = limits(&[RateLimit::per_hour(1).scope("agent_id")]);
    take(&empty, &context, 0);
    let refused =
        || each(KEYS, || assert!(black_box(empty.take(Target::Write, black_box(&context), 1)).is_err()));
    group(
        "one key",
        vec![
            ("checkrein", Box::new(ours)),
            ("checkrein, three limits", Box::new(all_three)),
            ("checkrein, refused", Box::new(refused)),
            ("governor", Box::new(theirs)),
        ],
    );
}

fn many_keys() {
    let order = shuffled();
    let keyed = limits(&[rate().scope("agent_id")]);
    let governor = DefaultKeyedRateLimiter::<String>::keyed(quota());
    let now = std::cell::Cell::new(0);
    let tick = || now.replace(now.get() + 100);
    // The keys came in another order than they are met in later.
    (0..KEYS).for_each(|n| take(&keyed, &context(n), tick()));
    (0..KEYS).for_each(|n| assert!(governor.check_key(&id(n)).is_ok()));
    let ours = || each_made(&order, context, |context| take(&keyed, context, tick()));
    let looked = || {
        each_made(&order, context, |context| {
            let _ = black_box(keyed.start(Target::Write, context, tick())).expect("a token");
            take(&keyed, context, now.get());
        })
    };
    let theirs = || each_made(&order, id, |id| assert!(governor.check_key(black_box(id)).is_ok()));
    group(
        "100000 keys, ids just come in",
        vec![
            ("checkrein", Box::new(ours)),
            ("checkrein, look and take", Box::new(looked)),
            ("governor", Box::new(theirs)),
        ],
    );
    let bytes: usize = keyed.iter().map(|limit| limit.memory_bytes()).sum();
    println!("  checkrein holds {bytes} bytes");

    let contexts: Vec<Context> = (0..KEYS).map(context).collect();
    let ids: Vec<String> = (0..KEYS).map(id).collect();
    let kept = |call: &mut dyn FnMut(usize)| {
        let mut at = order.iter();
        each(KEYS, || call(at.next().copied().unwrap_or_default()))
    };
    let ours = || kept(&mut |n| take(&keyed, &contexts[n], tick()));
    let theirs = || kept(&mut |n| assert!(governor.check_key(black_box(&ids[n])).is_ok()));
    group("100000 keys, kept ids", vec![("checkrein", Box::new(ours)), ("governor", Box::new(theirs))]);
}

/// The cost of a take while another thread takes for other keys.
fn two_threads() {
    let order = shuffled();
    let keyed = limits(&[rate().scope("agent_id")]);
    let governor = DefaultKeyedRateLimiter::<String>::keyed(quota());
    (0..KEYS).for_each(|n| take(&keyed, &context(n), 0));
    (0..KEYS).for_each(|n| assert!(governor.check_key(&id(n)).is_ok()));
    let check = |id: &String| assert!(governor.check_key(black_box(id)).is_ok());
    let ours = || beside(&order, |keys| each_made(keys, context, |context| take(&keyed, context, 0)));
    let theirs = || beside(&order, |keys| each_made(keys, id, check));
    group(
        "100000 keys, beside another thread",
        vec![("checkrein", Box::new(ours)), ("governor", Box::new(theirs))],
    );
}

/// Measures one half of the keys while another thread goes through the other half again and again.
fn beside(order: &[usize], measure: impl Fn(&[usize]) -> f64 + Sync) -> f64 {
    let (mine, theirs) = order.split_at(KEYS / 2);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for batch in theirs.chunks(BATCH).cycle().take_while(|_| !stop.load(Ordering::Relaxed)) {
                measure(batch);
            }
        });
        let measured = measure(mine);
        stop.store(true, Ordering::Relaxed);
        measured
    })
}

fn main() {
    let groups: [(&str, fn()); 4] = [
        ("one bucket", one_bucket),
        ("one key", one_key),
        ("100000 keys", many_keys),
        ("threads", two_threads),
    ];
    let asked: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    for (name, measure) in groups {
        if asked.is_empty() || asked.iter().any(|asked| name.contains(asked.as_str())) {
            measure();
        }
    }
}
