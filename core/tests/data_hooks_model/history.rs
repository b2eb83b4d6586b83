//! What may happen in a history.

use checkrein::context::{Context, Value};
use checkrein::hook::Trigger;
use checkrein::operation::Kind;
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;

pub(crate) type Bytes = Vec<u8>;

/// What a hook of the host does when it is called.
#[derive(Clone, Debug)]
pub(crate) enum Script {
    Nothing,
    Allow,
    Log,
    Deny(Option<&'static str>),
    Modify(Bytes),
    Nonsense,
    Raise,
    RaiseViolation,
    RaiseUsage,
    /// Moves the clock, then allows.
    Slow(u64),
    /// Adds a hook, then allows.
    Add(Trigger, &'static str, Box<Script>),
    /// Removes a hook, then allows.
    Remove(prop::sample::Index),
    /// Starts an operation, then allows whatever became of it. Only where it is not deep in such hooks already.
    Operate(Box<Asked>),
}

/// What is registered.
#[derive(Clone, Debug)]
pub(crate) enum Hook {
    Host(Script),
    DenyAll,
    AllowAll,
    RequireAgentId,
    Redact(Bytes),
    /// `log_and_allow`, with a logger that fails or does not.
    Logger {
        fails: bool,
    },
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum StoreDoes {
    Works,
    FailsWithOurs,
    Raises,
    RepliesNonsense,
    RepliesToAnother,
}

/// One key, and what is done to it.
pub(crate) type One = (Kind, &'static [u8], Bytes);

/// What is asked for.
#[derive(Clone, Debug)]
pub(crate) enum What {
    One(One),
    /// A `get_many`.
    Reads(Vec<&'static [u8]>),
    /// Writes and deletes, atomic or not.
    Batch(Vec<One>, bool),
    /// The keys below a prefix.
    Scan(&'static [u8]),
}

/// An operation, and what befalls its driver.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) what: What,
    pub(crate) who: Option<Value>,
    /// The request is not well made.
    pub(crate) bad: bool,
    /// What the store does at its nth call and from then on; before that it works.
    pub(crate) store: (StoreDoes, usize),
    /// Dropped when that step was asked for: before it is performed, or after.
    pub(crate) dropped: Option<(usize, bool)>,
    /// Answered with a reply that does not fit, at that step.
    pub(crate) misfit: Option<usize>,
    /// Made owned before its first step (0), or when that step was asked for.
    pub(crate) owned: Option<usize>,
}

#[derive(Clone, Debug)]
pub(crate) struct Limit {
    pub(crate) target: &'static str,
    pub(crate) tokens: u64,
    pub(crate) period: &'static str,
    pub(crate) burst: Option<u64>,
    pub(crate) per_agent: bool,
    pub(crate) attempts: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Move {
    Add(Trigger, &'static str, Hook),
    Remove(prop::sample::Index),
    Limit(Limit),
    Advance(u64),
    ClearErrors,
    Operate(Asked),
}

/// How deep hooks may start operations here: enough to see that it works, little enough to end soon.
pub(crate) const DEEPEST: u32 = 2;

/// The most pairs that the store here gives at once.
pub(crate) const PAGE: usize = 2;

impl Asked {
    /// Whether the store works at its nth call, from 1.
    pub(crate) fn store_at(&self, call: usize) -> StoreDoes {
        if call < self.store.1 { StoreDoes::Works } else { self.store.0 }
    }

    pub(crate) fn context(&self) -> Context {
        let mut context = Context::new();
        if let Some(who) = &self.who {
            context.insert("agent_id", who.clone()).unwrap();
            context.insert("session_id", "s".into()).unwrap();
        }
        context
    }
}

pub(crate) fn history() -> impl Strategy<Value = Vec<Move>> {
    let a_move = prop_oneof![
        4 => (trigger(), keys(), hook()).prop_map(|(trigger, keys, hook)| Move::Add(trigger, keys, hook)),
        1 => any::<prop::sample::Index>().prop_map(Move::Remove),
        1 => limit().prop_map(Move::Limit),
        1 => wait().prop_map(Move::Advance),
        2 => Just(Move::ClearErrors),
        8 => asked().prop_map(Move::Operate),
    ];
    vec(a_move, 1..40)
}

fn trigger() -> impl Strategy<Value = Trigger> {
    prop::sample::select(Trigger::ALL.to_vec())
}

/// One of them is no glob.
fn keys() -> impl Strategy<Value = &'static str> {
    prop_oneof![80 => prop::sample::select(vec!["a/*", "**", "a/**", "b", "*", "{b,a/x}"]), 1 => Just("a[")]
}

fn value() -> impl Strategy<Value = Bytes> {
    prop::sample::select(vec![b"".to_vec(), b"one".to_vec(), b"two".to_vec()])
}

fn wait() -> impl Strategy<Value = u64> {
    prop::sample::select(vec![1, 333_333_333, 333_333_334, 1_000_000_000, 60_000_000_000])
}

fn script() -> impl Strategy<Value = Script> {
    let plain = prop_oneof![
        2 => Just(Script::Nothing),
        2 => Just(Script::Allow),
        2 => Just(Script::Log),
        1 => prop::sample::select(vec![None, Some(""), Some("why")]).prop_map(Script::Deny),
        3 => value().prop_map(Script::Modify),
        1 => Just(Script::Nonsense),
        1 => Just(Script::Raise),
        1 => Just(Script::RaiseViolation),
        1 => Just(Script::RaiseUsage),
        2 => wait().prop_map(Script::Slow),
        1 => any::<prop::sample::Index>().prop_map(Script::Remove),
    ];
    plain.prop_recursive(2, 4, 1, |inner| {
        prop_oneof![
            4 => inner.clone(),
            1 => (trigger(), keys(), inner).prop_map(|(on, keys, script)| Script::Add(on, keys, script.into())),
            1 => asked().prop_map(|asked| Script::Operate(asked.into())),
        ]
    })
}

fn hook() -> impl Strategy<Value = Hook> {
    prop_oneof![
        8 => script().prop_map(Hook::Host),
        1 => Just(Hook::DenyAll),
        1 => Just(Hook::AllowAll),
        1 => Just(Hook::RequireAgentId),
        1 => value().prop_map(Hook::Redact),
        1 => any::<bool>().prop_map(|fails| Hook::Logger { fails }),
    ]
}

fn limit() -> impl Strategy<Value = Limit> {
    let target = prop_oneof![
        20 => prop::sample::select(vec!["read", "write", "delete", "all"]),
        1 => prop::sample::select(vec!["action", "nothing"]),
    ];
    let period = prop::sample::select(vec!["second", "minute"]);
    (
        target,
        prop_oneof![20 => 1_u64..5, 1 => Just(0)],
        period,
        weighted(0.3, 1_u64..4),
        any::<bool>(),
        prop::bool::weighted(0.3),
    )
        .prop_map(|(target, tokens, period, burst, per_agent, attempts)| Limit {
            target,
            tokens,
            period,
            burst,
            per_agent,
            attempts,
        })
}

fn asked() -> impl Strategy<Value = Asked> {
    let who = prop::sample::select(vec![
        None,
        Some(Value::from("a")),
        Some(Value::from("7")),
        Some(Value::from(7)),
        Some(Value::from("")),
    ]);
    let store = prop_oneof![
        12 => Just(StoreDoes::Works),
        1 => Just(StoreDoes::FailsWithOurs),
        1 => Just(StoreDoes::Raises),
        1 => Just(StoreDoes::RepliesNonsense),
        1 => Just(StoreDoes::RepliesToAnother),
    ];
    let driver = (
        weighted(0.15, (1_usize..7, any::<bool>())),
        weighted(0.05, 1_usize..7),
        weighted(0.3, 0_usize..5),
        prop::bool::weighted(0.03),
    );
    (what(), who, (store, 1_usize..4), driver).prop_map(
        |(what, who, store, (dropped, misfit, owned, bad))| Asked {
            what,
            who,
            bad,
            store,
            dropped,
            misfit,
            owned,
        },
    )
}

fn key() -> impl Strategy<Value = &'static [u8]> {
    prop::sample::select(vec![&b"a/x"[..], b"a/y/z", b"b", b"", b"\xff"])
}

fn what() -> impl Strategy<Value = What> {
    let change = (prop::sample::select(vec![Kind::Write, Kind::Write, Kind::Delete]), key(), value());
    prop_oneof![
        8 => (prop::sample::select(Kind::ALL.to_vec()), key(), value()).prop_map(What::One),
        2 => vec(key(), 0..4).prop_map(What::Reads),
        5 => (vec(change, 0..5), any::<bool>()).prop_map(|(changes, atomic)| What::Batch(changes, atomic)),
        3 => prop::sample::select(vec![&b""[..], b"", b"a/", b"b", b"c"]).prop_map(What::Scan),
    ]
}
