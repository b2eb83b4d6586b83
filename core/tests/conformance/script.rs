//! The scripted host: hooks that do one word of their script at each call.

use std::fmt;
use std::sync::Weak;
use std::sync::atomic::{AtomicUsize, Ordering};

use checkrein::error::{Error, PolicyViolation};
use checkrein::hook::{Answer, Failure};
use checkrein::operation::Kind;
use checkrein::policy::PolicyAction;

use crate::expect::{Got, Stop};
use crate::fields::text_bytes;
use crate::vector::Said;
use crate::world::World;

/// The names that `{foreign}` stands for: that of [`Breakage`], and what the core calls a store's error.
pub(crate) const FOREIGN: [&str; 2] = ["Breakage", "Error"];
/// The descriptions that `{nonsense}` stands for.
pub(crate) const NONSENSE: [&str; 2] = ["the number 5", "`MODIFY` without a value"];

/// An error that is not Checkrein's.
#[derive(Debug)]
pub(crate) struct Breakage;

impl fmt::Display for Breakage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a message that no audit entry may hold")
    }
}

impl std::error::Error for Breakage {}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Word {
    Allow,
    Deny(Option<String>),
    Log,
    Nothing,
    Modify(Vec<u8>),
    Same,
    Raise,
    Violate(String),
    Misuse(String),
    Nonsense,
    BareModify,
    Later(Box<Word>),
    Add(String),
    Remove(String),
    Put(Vec<u8>, Vec<u8>),
    Get(Vec<u8>),
    Scan(Vec<u8>),
    Cancel,
    Check(String, String),
    Lacks(String),
    Sees(Option<Vec<u8>>),
    Key(Vec<u8>),
}

impl Word {
    pub(crate) fn read(text: &str) -> Word {
        let (word, rest) =
            text.split_once(':').map_or((text, None), |(word, rest)| (word, Some(rest.to_owned())));
        match (word, rest) {
            ("allow", None) => Word::Allow,
            ("deny", reason) => Word::Deny(reason),
            ("log", None) => Word::Log,
            ("nothing", None) => Word::Nothing,
            ("modify", Some(value)) => Word::Modify(text_bytes(&value)),
            ("same", None) => Word::Same,
            ("raise", None) => Word::Raise,
            ("violate", Some(reason)) => Word::Violate(reason),
            ("misuse", Some(message)) => Word::Misuse(message),
            ("nonsense", None) => Word::Nonsense,
            ("bare_modify", None) => Word::BareModify,
            ("later", Some(word)) => Word::Later(Box::new(Word::read(&word))),
            ("add", Some(name)) => Word::Add(name),
            ("remove", Some(name)) => Word::Remove(name),
            ("put", Some(rest)) => {
                let (key, value) = rest.split_once('=').unwrap();
                Word::Put(text_bytes(key), text_bytes(value))
            }
            ("get", Some(key)) => Word::Get(text_bytes(&key)),
            ("scan", Some(prefix)) => Word::Scan(text_bytes(&prefix)),
            ("cancel", None) => Word::Cancel,
            ("check", Some(rest)) => {
                let (name, text) = rest.split_once('=').unwrap();
                Word::Check(name.to_owned(), text.to_owned())
            }
            ("lacks", Some(name)) => Word::Lacks(name),
            ("sees", Some(value)) => Word::Sees(Some(text_bytes(&value))),
            ("sees_nothing", None) => Word::Sees(None),
            ("key", Some(key)) => Word::Key(text_bytes(&key)),
            other => panic!("unknown word {other:?}"),
        }
    }
}

/// What a hook is shown.
pub(crate) struct Shown<'a> {
    pub(crate) key: &'a [u8],
    pub(crate) value: Option<&'a [u8]>,
    pub(crate) context: Said,
    pub(crate) depth: u32,
}

/// What becomes of a call: an answer, or the operation is cancelled.
pub(crate) enum Reaction {
    Answer(Answer),
    Cancel,
}

/// A scripted hook.
pub(crate) struct Script {
    words: Vec<Word>,
    calls: AtomicUsize,
    world: Weak<World>,
}

impl Script {
    pub(crate) fn new(words: Vec<Word>, world: Weak<World>) -> Self {
        Script { words, calls: AtomicUsize::new(0), world }
    }

    /// What the hook does at its next call.
    pub(crate) fn call(&self, shown: &Shown<'_>) -> Reaction {
        let call = self.calls.fetch_add(1, Ordering::SeqCst).min(self.words.len() - 1);
        let allow_if = |fits| {
            if fits { PolicyAction::Allow } else { PolicyAction::deny_because("not what was expected") }
        };
        let answer: Answer = match &self.words[call] {
            Word::Allow => PolicyAction::Allow.into(),
            Word::Deny(None) => PolicyAction::Deny.into(),
            Word::Deny(Some(reason)) => PolicyAction::deny_because(reason.as_str()).into(),
            Word::Log => PolicyAction::Log.into(),
            Word::Nothing => ().into(),
            Word::Modify(value) => value.clone().into(),
            Word::Same => shown.value.map(<[u8]>::to_vec).into(),
            Word::Raise => Err::<(), Breakage>(Breakage).into(),
            Word::Violate(reason) => Err::<(), PolicyViolation>(PolicyViolation::new(reason.as_str())).into(),
            Word::Misuse(message) => Err::<(), Error>(Error::usage(message.as_str())).into(),
            // What no closure can answer: the bindings hand it to the core in these words.
            Word::Nonsense => Answer::Invalid(NONSENSE[0].to_owned()),
            Word::BareModify => Answer::Invalid(NONSENSE[1].to_owned()),
            Word::Later(_) => panic!("this runner awaits nothing"),
            Word::Add(name) => {
                self.world().add_hook(name).unwrap();
                PolicyAction::Allow.into()
            }
            Word::Remove(name) => {
                self.world().remove_hook(name);
                PolicyAction::Allow.into()
            }
            Word::Put(key, value) => return self.nested(Kind::Write, key, Some(value), shown),
            Word::Get(key) => return self.nested(Kind::Read, key, None, shown),
            Word::Scan(prefix) => {
                let got = self.world().subject.scan(prefix, &shown.context, None, shown.depth);
                return Self::passes_on(got);
            }
            Word::Cancel => return Reaction::Cancel,
            Word::Check(name, text) => allow_if(said(shown, name).as_deref() == Some(text)).into(),
            Word::Lacks(name) => allow_if(said(shown, name).is_none()).into(),
            Word::Sees(value) => allow_if(shown.value == value.as_deref()).into(),
            Word::Key(key) => allow_if(shown.key == key).into(),
        };
        Reaction::Answer(answer)
    }

    fn world(&self) -> std::sync::Arc<World> {
        self.world.upgrade().unwrap()
    }

    fn nested(&self, kind: Kind, key: &[u8], value: Option<&Vec<u8>>, shown: &Shown<'_>) -> Reaction {
        let value = value.map(Vec::as_slice);
        Self::passes_on(self.world().subject.operate(kind, key, value, &shown.context, shown.depth))
    }

    fn passes_on(got: Got) -> Reaction {
        match got {
            Got::Cancelled | Got::Pairs(_, Stop::Cancelled) => Reaction::Cancel,
            Got::Error(error) | Got::Pairs(_, Stop::Error(error)) => {
                Reaction::Answer(Answer::Failed(Failure::Own(error)))
            }
            _ => Reaction::Answer(PolicyAction::Allow.into()),
        }
    }
}

fn said(shown: &Shown<'_>, name: &str) -> Option<String> {
    let value = shown.context.iter().find(|(known, _)| known == name).map(|(_, value)| value)?;
    Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}
