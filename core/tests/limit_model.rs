//! Random histories against a model that counts tokens in exact fractions.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, reason = "a test")]

use std::collections::HashMap;
use std::sync::Arc;

use checkrein::context::{Context, Value};
use checkrein::limit::{Count, Demand, Limit, LimitSet, RateLimit, Target, Unmet};
use num_rational::Ratio;
use proptest::prelude::*;

type Fraction = Ratio<i128>;

const TARGETS: [Target; 3] = [Target::Read, Target::Write, Target::All];
const MANY: [Target; 3] = [Target::Read, Target::Write, Target::Delete];

#[derive(Clone, Debug)]
struct Declared {
    target: Target,
    tokens: u64,
    period: u8,
    burst: u64,
    scope: Option<&'static str>,
    count: Count,
}

impl Declared {
    fn period_ns(&self) -> i128 {
        [1_000_000_000, 60_000_000_000, 3_600_000_000_000][usize::from(self.period)]
    }

    fn compile(&self) -> Arc<Limit> {
        let make = [RateLimit::per_second, RateLimit::per_minute, RateLimit::per_hour];
        let mut declared = make[usize::from(self.period)](self.tokens).burst(self.burst).count(self.count);
        if let Some(scope) = self.scope {
            // One shard: so the clock that never goes back is the whole table's, as in the model.
            declared = declared.scope(scope).max_keys(100);
        }
        Arc::new(Limit::compile(self.target, &declared).unwrap())
    }
}

/// The buckets of one limit: tokens, and when they were counted.
#[derive(Clone, Debug)]
struct Model {
    declared: Declared,
    tokens: HashMap<Option<String>, (Fraction, u64)>,
    /// The latest time at which a token was taken: of the contexts with the key, and of the others.
    latest: [u64; 2],
}

impl Model {
    fn bucket(&self, context: &Context) -> Option<String> {
        Some(context.get(self.declared.scope?)?.to_text().to_string())
    }

    fn effective(&self, context: &Context, now: u64) -> u64 {
        now.max(self.latest[usize::from(self.bucket(context).is_some())])
    }

    fn level(&self, context: &Context, now: u64) -> Fraction {
        let full = Fraction::from_integer(self.declared.burst.into());
        let Some((tokens, at)) = self.tokens.get(&self.bucket(context)) else { return full };
        let passed = i128::from(self.effective(context, now) - at);
        let due = Fraction::new(passed * i128::from(self.declared.tokens), self.declared.period_ns());
        full.min(tokens + due)
    }

    fn until(&self, wanted: Fraction, context: &Context, now: u64) -> u64 {
        let missing = wanted - self.level(context, now);
        if missing <= Fraction::ZERO {
            return 0;
        }
        let ns = missing * Fraction::new(self.declared.period_ns(), self.declared.tokens.into());
        let then = i128::from(self.effective(context, now)) + ns.ceil().to_integer();
        u64::try_from(then - i128::from(now)).unwrap_or(u64::MAX)
    }

    fn wait(&self, tokens: u64, context: &Context, now: u64) -> u64 {
        self.until(Fraction::from_integer(tokens.into()), context, now)
    }

    fn take(&mut self, tokens: u64, context: &Context, now: u64) {
        let at = self.effective(context, now);
        let left = self.level(context, now) - Fraction::from_integer(tokens.into());
        assert!(left >= Fraction::ZERO);
        self.latest[usize::from(self.bucket(context).is_some())] = at;
        self.tokens.insert(self.bucket(context), (left, at));
    }
}

/// What is asked for: an operation, or a batch of so many reads, writes and deletes.
#[derive(Clone, Debug)]
enum Asked {
    One(Target),
    Many([u64; 3]),
}

impl Asked {
    /// What a limit for this target has to give.
    fn of(&self, limit: Target) -> u64 {
        match (self, limit) {
            (Asked::One(target), limit) => {
                u64::from(*target == limit || [*target, limit].contains(&Target::All))
            }
            (Asked::Many(needed), Target::All) => needed.iter().sum(),
            (Asked::Many(needed), limit) => MANY
                .iter()
                .zip(needed)
                .filter(|(target, _)| **target == limit)
                .map(|(_, needed)| *needed)
                .sum(),
        }
    }

    fn demand(&self) -> Demand {
        match self {
            Asked::One(target) => Demand::one(*target),
            Asked::Many(needed) => MANY
                .into_iter()
                .zip(*needed)
                .fold(Demand::new(), |all, (target, needed)| all.with(target, needed)),
        }
    }
}

/// Which limit refuses and the wait, or that it can never give so many.
#[derive(Clone, Debug, PartialEq, Eq)]
enum No<T> {
    Wait(T, u64),
    Never(T),
}

type Verdict = Result<(), No<usize>>;

#[derive(Clone, Debug)]
struct World(Vec<Model>);

impl World {
    fn new(declared: &[Declared]) -> Self {
        let model = |declared: &Declared| Model {
            declared: declared.clone(),
            tokens: HashMap::new(),
            latest: [0; 2],
        };
        World(declared.iter().map(model).collect())
    }

    /// Each limit that has something to give, and how much.
    fn applying(&self, asked: &Asked) -> impl Iterator<Item = (usize, &Model, u64)> {
        let needed = self.0.iter().map(|model| asked.of(model.declared.target));
        self.0
            .iter()
            .enumerate()
            .zip(needed)
            .map(|((at, model), n)| (at, model, n))
            .filter(|(_, _, n)| *n > 0)
    }

    fn possible(&self, asked: &Asked) -> Verdict {
        let mut worst = (Fraction::ONE.ceil(), None);
        for (index, model, needed) in self.applying(asked) {
            let parts = Fraction::new(needed.into(), model.declared.burst.into()).ceil();
            if parts > worst.0 {
                worst = (parts, Some(index));
            }
        }
        worst.1.map_or(Ok(()), |index| Err(No::Never(index)))
    }

    fn judge(&self, count: Count, asked: &Asked, context: &Context, now: u64) -> Verdict {
        let mut worst = (0, 0);
        let mut longest = 0;
        for (index, model, needed) in self.applying(asked) {
            let wait = model.wait(needed, context, now);
            longest = longest.max(wait);
            if model.declared.count == count && wait > worst.1 {
                worst = (index, wait);
            }
        }
        if worst.1 == 0 { Ok(()) } else { Err(No::Wait(worst.0, longest)) }
    }

    fn take(&mut self, count: Count, asked: &Asked, context: &Context, now: u64) -> Verdict {
        self.possible(asked)?;
        self.judge(count, asked, context, now)?;
        let applying: Vec<(usize, u64)> =
            self.applying(asked).map(|(index, _, needed)| (index, needed)).collect();
        for (index, needed) in applying {
            if self.0[index].declared.count == count {
                self.0[index].take(needed, context, now);
            }
        }
        Ok(())
    }

    fn start(&mut self, asked: &Asked, context: &Context, now: u64) -> Verdict {
        self.take(Count::Attempts, asked, context, now)?;
        self.judge(Count::Operations, asked, context, now)
    }

    fn call(&mut self, event: &Event, context: &Context, now: u64) -> Verdict {
        match event.call {
            Call::Start => self.start(&event.asked, context, now),
            Call::Take => self.take(Count::Operations, &event.asked, context, now),
            Call::Pass => {
                self.take(Count::Attempts, &event.asked, context, now)?;
                self.take(Count::Operations, &event.asked, context, now)
            }
        }
    }
}

#[derive(Clone, Debug)]
enum Move {
    On(u64),
    Back(u64),
    To(u64),
    /// To where the last refusal said, give or take a nanosecond.
    Retry(i8),
}

#[derive(Clone, Copy, Debug)]
enum Call {
    Start,
    Take,
    Pass,
}

#[derive(Clone, Debug)]
struct Event {
    time: Move,
    asked: Asked,
    agent: u8,
    team: u8,
    call: Call,
}

fn context(agent: u8, team: u8) -> Context {
    let values =
        [None, Some(Value::from("a")), Some(Value::from("1")), Some(Value::Int(1)), Some(Value::from(""))];
    let mut context = Context::new();
    for (name, chosen) in [("agent_id", agent), ("team", team)] {
        if let Some(value) = &values[usize::from(chosen)] {
            context.insert(name, value.clone()).unwrap();
        }
    }
    context
}

fn declared() -> impl Strategy<Value = Declared> {
    let tokens = prop_oneof![1_u64..20, Just(7), Just(997), 1_u64..=1_000_000_000];
    let burst = prop_oneof![1_u64..5, 1_u64..5, Just(100)];
    let scope = prop_oneof![Just(None), Just(Some("agent_id")), Just(Some("team"))];
    let count = prop_oneof![3 => Just(Count::Operations), 1 => Just(Count::Attempts)];
    (prop::sample::select(&TARGETS[..]), tokens, 0_u8..3, burst, scope, count).prop_map(
        |(target, tokens, period, burst, scope, count)| Declared {
            target,
            tokens,
            period,
            burst,
            scope,
            count,
        },
    )
}

fn event(back: bool) -> impl Strategy<Value = Event> {
    let time = prop_oneof![
        4 => Just(Move::On(0)),
        4 => (0_u64..10).prop_map(Move::On),
        4 => (0_u64..20_000_000_000).prop_map(Move::On),
        1 => (0_u64..10_000_000_000_000).prop_map(Move::On),
        4 => (-1_i8..=1).prop_map(Move::Retry),
        2 => (0_u64..30_000_000_000).prop_map(move |ns| if back { Move::Back(ns) } else { Move::On(ns) }),
        1 => prop_oneof![Just(u64::MAX), Just(u64::MAX - 7), any::<u64>()]
            .prop_map(move |to| if back && to % 5 == 0 { Move::To(to) } else { Move::On(to % 1_000) }),
    ];
    let few = [0_u64..4, 0..4, 0..4];
    let asked = prop_oneof![
        4 => prop::sample::select(&TARGETS[..]).prop_map(Asked::One),
        4 => few.prop_map(Asked::Many),
        1 => [0_u64..110, 0..110, 0..110].prop_map(Asked::Many),
    ];
    let call = prop::sample::select(&[Call::Start, Call::Take, Call::Pass][..]);
    (time, asked, 0_u8..5, 0_u8..5, call).prop_map(|(time, asked, agent, team, call)| Event {
        time,
        asked,
        agent,
        team,
        call,
    })
}

fn moved(now: u64, retry: u64, time: &Move) -> u64 {
    match time {
        Move::On(ns) => now.saturating_add(*ns),
        Move::Back(ns) => now.saturating_sub(*ns),
        Move::To(ns) => *ns,
        Move::Retry(off) => now.saturating_add(retry).saturating_add_signed(i64::from(*off)),
    }
}

fn play(limits: &LimitSet, event: &Event, now: u64) -> Result<(), No<String>> {
    let context = context(event.agent, event.team);
    let done = match (&event.asked, event.call) {
        (Asked::One(target), Call::Start) => limits.start(*target, &context, now).map_err(Unmet::from),
        (Asked::One(target), Call::Take) => limits.take(*target, &context, now).map_err(Unmet::from),
        (Asked::One(target), Call::Pass) => limits.pass(*target, &context, now).map_err(Unmet::from),
        (many, Call::Start) => limits.start_many(&many.demand(), &context, now),
        (many, Call::Take) => limits.take_many(&many.demand(), &context, now),
        (many, Call::Pass) => limits.pass_many(&many.demand(), &context, now),
    };
    done.map(drop).map_err(|unmet| match unmet {
        Unmet::Refused(refused) => No::Wait(refused.limit().to_owned(), refused.retry_after_ns()),
        Unmet::Impossible(never) => No::Never(never.limit().to_owned()),
    })
}

fn wait<T>(done: &Result<(), No<T>>) -> Option<u64> {
    match done {
        Err(No::Wait(_, wait)) => Some(*wait),
        Err(No::Never(_)) | Ok(()) => None,
    }
}

proptest! {
    #[test]
    fn verdicts_waits_and_levels_are_those_of_exact_fractions(
        limits in prop::collection::vec(declared(), 1..5),
        events in prop::collection::vec(event(true), 1..80),
    ) {
        let set: LimitSet = limits.iter().map(Declared::compile).collect();
        let names: Vec<String> = set.iter().map(|limit| limit.describe().to_owned()).collect();
        let mut world = World::new(&limits);
        let (mut now, mut retry) = (0, 0);
        for event in &events {
            now = moved(now, retry, &event.time);
            let context = context(event.agent, event.team);
            let wanted = world.call(event, &context, now).map_err(|no| match no {
                No::Wait(index, wait) => No::Wait(names[index].clone(), wait),
                No::Never(index) => No::Never(names[index].clone()),
            });
            let got = play(&set, event, now);
            prop_assert_eq!(&got, &wanted);
            retry = wait(&got).unwrap_or(0);

            // Every level, of the limits that had nothing to give too.
            let status = set.status(Target::All, &context, now);
            prop_assert_eq!(status.len(), world.0.len());
            for (model, status) in world.0.iter().zip(&status) {
                let full = Fraction::from_integer(model.declared.burst.into());
                prop_assert_eq!(i128::from(status.remaining), model.level(&context, now).floor().to_integer());
                prop_assert_eq!(status.retry_after_ns, model.wait(1, &context, now));
                prop_assert_eq!(status.full_after_ns, model.until(full, &context, now));
            }
        }
    }

    /// Without the model: whatever came before, the advertised wait is exact.
    #[test]
    fn an_operation_passes_at_its_retry_after_and_not_a_nanosecond_before(
        limits in prop::collection::vec(declared(), 1..4),
        events in prop::collection::vec(event(true), 1..30),
    ) {
        let replay = |count: usize| {
            let set: LimitSet = limits.iter().map(Declared::compile).collect();
            let (mut now, mut waited) = (0, None);
            for event in events.iter().take(count) {
                now = moved(now, waited.unwrap_or(0), &event.time);
                waited = wait(&play(&set, event, now));
            }
            (set, now, waited)
        };
        for count in 1..=events.len() {
            let (set, now, Some(wait)) = replay(count) else { continue };
            let Some(then) = now.checked_add(wait) else { continue };
            let event = &events[count - 1];
            let context = context(event.agent, event.team);
            let demand = event.asked.demand();
            let passes = |set: &LimitSet, now| match event.asked {
                Asked::One(target) => {
                    set.start(target, &context, now).is_ok() && set.take(target, &context, now).is_ok()
                }
                Asked::Many(_) => {
                    set.start_many(&demand, &context, now).is_ok() && set.take_many(&demand, &context, now).is_ok()
                }
            };
            prop_assert!(!passes(&set, then - 1));
            prop_assert!(passes(&replay(count).0, then));
        }
    }

    /// However many keys come: known buckets that are not full keep every taken token, and the bound holds.
    #[test]
    fn a_flood_of_keys_resets_nothing(
        max_keys in 1_u64..40,
        keys in prop::collection::vec((0_u16..120, 0_u64..2_000_000_000), 1..600),
    ) {
        let declared = RateLimit::per_minute(6).burst(3).scope("agent_id").max_keys(max_keys);
        let limit = Arc::new(Limit::compile(Target::Write, &declared).unwrap());
        let set = LimitSet::new().with(Arc::clone(&limit));
        // What each key took, whichever bucket it came from.
        let mut history: HashMap<u16, Vec<u64>> = HashMap::new();
        let mut now = 0;
        for (key, passed) in keys {
            now += passed;
            let mut context = Context::new();
            context.insert("agent_id", Value::from(i64::from(key))).unwrap();
            if set.take(Target::Write, &context, now).is_ok_and(|taken| taken.overflow().is_none()) {
                history.entry(key).or_default().push(now);
            }
            prop_assert!(limit.tracked_keys() as u64 <= max_keys);
        }
        // In any stretch of time no key got more from buckets of its own than one bucket gives.
        for times in history.values() {
            for (first, from) in times.iter().enumerate() {
                for (last, to) in times.iter().enumerate().skip(first) {
                    prop_assert!((last - first) as u64 <= 2 + (to - from) / 10_000_000_000);
                }
            }
        }
    }
}
