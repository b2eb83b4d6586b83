//! The scripted store of the host, over a map of its own.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use checkrein::error::{Cause, Error, PolicyViolation};
use checkrein::operation::{StoreCall, StoreReply};
use checkrein::store::{Abilities, BoxError, Change, Page, Store};
use serde_json::Value;

use crate::fields::{Fields, text_bytes};
use crate::script::{Breakage, FOREIGN, NONSENSE};

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum StoreWord {
    Ok,
    Raise,
    Nonsense,
    OkThenRaise,
    Violate(String),
    Later,
    Cancel,
    /// Pages that are not what was asked for.
    Page(Fault),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    Short,
    Unordered,
    OutOfPrefix,
    TooMany,
    Text,
}

/// A store as a vector describes it.
#[derive(Clone, Debug)]
pub(crate) struct StoreScript {
    words: Vec<StoreWord>,
    can: Abilities,
    holds: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl StoreScript {
    pub(crate) fn read(title: &str, value: Value) -> Self {
        let mut fields = Fields::new(title, value);
        let words: Vec<StoreWord> =
            fields.list("script").iter().map(|word| StoreWord::read(word.as_str().unwrap())).collect();
        assert!(!words.is_empty(), "{title}: a store's script needs a word");
        let mut can = Abilities::NONE;
        for word in fields.list("can") {
            match word.as_str().unwrap() {
                "scan" => can.scan = true,
                "batch" => can.batch = true,
                other => panic!("{title}: no store can `{other}`"),
            }
        }
        let holds = match fields.take("holds") {
            None => BTreeMap::new(),
            Some(Value::Object(map)) => {
                map.iter().map(|(key, value)| (text_bytes(key), crate::fields::bytes(value))).collect()
            }
            Some(other) => panic!("{title}: a store cannot hold `{other}`"),
        };
        fields.end();
        StoreScript { words, can, holds }
    }

    /// Whether only a driver can do what it is to do.
    pub(crate) fn is_for_drivers(&self) -> bool {
        self.words.iter().any(|word| matches!(word, StoreWord::Cancel | StoreWord::Nonsense))
    }
}

impl StoreWord {
    fn read(word: &str) -> StoreWord {
        match word {
            "ok" => StoreWord::Ok,
            "raise" => StoreWord::Raise,
            "nonsense" => StoreWord::Nonsense,
            "ok_then_raise" => StoreWord::OkThenRaise,
            "later" => StoreWord::Later,
            "cancel" => StoreWord::Cancel,
            "short" => StoreWord::Page(Fault::Short),
            "unordered" => StoreWord::Page(Fault::Unordered),
            "out_of_prefix" => StoreWord::Page(Fault::OutOfPrefix),
            "too_many" => StoreWord::Page(Fault::TooMany),
            "text" => StoreWord::Page(Fault::Text),
            other => match other.strip_prefix("violate:") {
                Some(reason) => StoreWord::Violate(reason.to_owned()),
                None => panic!("unknown word `{other}` of a store"),
            },
        }
    }

    fn failure(self) -> BoxError {
        match self {
            StoreWord::Raise | StoreWord::OkThenRaise => Box::new(Breakage),
            StoreWord::Violate(reason) => Box::new(Error::from(PolicyViolation::new(reason))),
            other => panic!("`{other:?}` is not for a `Store` of Rust"),
        }
    }
}

pub(crate) struct ScriptedStore {
    words: Vec<StoreWord>,
    pub(crate) can: Abilities,
    calls: AtomicUsize,
    map: Mutex<BTreeMap<Vec<u8>, Vec<u8>>>,
}

impl ScriptedStore {
    pub(crate) fn new(script: StoreScript) -> Self {
        let StoreScript { words, can, holds } = script;
        ScriptedStore { words, can, calls: AtomicUsize::new(0), map: Mutex::new(holds) }
    }

    pub(crate) fn holds(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.map.lock().unwrap().get(key).cloned()
    }

    pub(crate) fn fill(&self, pairs: Pairs) {
        self.map.lock().unwrap().extend(pairs);
    }

    fn next(&self) -> StoreWord {
        let call = self.calls.fetch_add(1, Ordering::SeqCst).min(self.words.len() - 1);
        self.words[call].clone()
    }

    fn change(&self, changes: &[Change<'_>]) {
        let mut map = self.map.lock().unwrap();
        for change in changes {
            match change {
                Change::Put { key, value } => map.insert(key.to_vec(), value.to_vec()),
                Change::Delete { key } => map.remove(*key),
            };
        }
    }

    fn changed(&self, changes: &[Change<'_>]) -> Result<(), BoxError> {
        let word = self.next();
        if matches!(word, StoreWord::Ok | StoreWord::OkThenRaise) {
            self.change(changes);
        }
        if word == StoreWord::Ok { Ok(()) } else { Err(word.failure()) }
    }

    fn page(&self, fault: Option<Fault>, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Page {
        let map = self.map.lock().unwrap();
        let start = after.map_or(Bound::Included(prefix), Bound::Excluded);
        let range = map.range::<[u8], _>((start, Bound::Unbounded));
        let below = range.take_while(|(key, _)| key.starts_with(prefix));
        let most = match fault {
            Some(Fault::Short) => 1,
            Some(Fault::TooMany) => limit + 1,
            _ => limit,
        };
        let mut pairs: Pairs = below.take(most).map(|(key, value)| (key.clone(), value.clone())).collect();
        match fault {
            Some(Fault::Unordered) => pairs.reverse(),
            Some(Fault::OutOfPrefix) => pairs.push((b"\xff elsewhere".to_vec(), b"x".to_vec())),
            Some(Fault::Text) => panic!("keys of Rust are bytes"),
            _ => {}
        }
        // As a store of another language, which never says that a page is the last one.
        Page { pairs, end: false }
    }

    /// The reply that a binding's driver gives, or nothing where the operation is cancelled.
    pub(crate) fn reply(&self, call: &StoreCall<'_>) -> Option<StoreReply> {
        let word = self.next();
        match (&word, call) {
            (StoreWord::Cancel, _) => return None,
            (StoreWord::Nonsense, _) => return Some(StoreReply::Invalid(NONSENSE[0].to_owned())),
            (StoreWord::Ok, StoreCall::Get { key }) => return Some(StoreReply::Value(self.holds(key))),
            (StoreWord::Ok | StoreWord::Page(_), &StoreCall::Scan { prefix, after, limit }) => {
                let fault = if let StoreWord::Page(fault) = word { Some(fault) } else { None };
                return Some(StoreReply::Page(self.page(fault, prefix, after, limit)));
            }
            (StoreWord::Ok | StoreWord::OkThenRaise, StoreCall::Put { key, value }) => {
                self.change(&[Change::Put { key, value }]);
            }
            (StoreWord::Ok | StoreWord::OkThenRaise, StoreCall::Delete { key }) => {
                self.change(&[Change::Delete { key }]);
            }
            (StoreWord::Ok | StoreWord::OkThenRaise, StoreCall::Batch(changes)) => {
                self.change(&changes.iter().collect::<Vec<_>>());
            }
            _ => {}
        }
        Some(match word {
            StoreWord::Ok => StoreReply::Done,
            StoreWord::Violate(reason) => StoreReply::Failed(PolicyViolation::new(reason).into()),
            _ => StoreReply::Raised(Cause::error(FOREIGN[0], Box::new(Breakage))),
        })
    }
}

impl Store for ScriptedStore {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, BoxError> {
        match self.next() {
            StoreWord::Ok => Ok(self.holds(key)),
            other => Err(other.failure()),
        }
    }

    fn put(&self, key: &[u8], value: &[u8]) -> Result<(), BoxError> {
        self.changed(&[Change::Put { key, value }])
    }

    fn delete(&self, key: &[u8]) -> Result<(), BoxError> {
        self.changed(&[Change::Delete { key }])
    }

    fn abilities(&self) -> Abilities {
        self.can
    }

    fn scan(&self, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Page, BoxError> {
        match self.next() {
            StoreWord::Ok => Ok(self.page(None, prefix, after, limit)),
            StoreWord::Page(fault) => Ok(self.page(Some(fault), prefix, after, limit)),
            other => Err(other.failure()),
        }
    }

    fn batch(&self, changes: &[Change<'_>]) -> Result<(), BoxError> {
        self.changed(changes)
    }
}
