//! The design in plain words: nothing here is shared with the engine but globs, which have a model of their own.

use std::collections::BTreeMap;

use checkrein::glob::Glob;
use checkrein::hook::Trigger;
use checkrein::operation::Kind;

use super::Settings;
use super::history::{Asked, Bytes, Hook, Move, What};
use super::limiting::Limiting;
use super::told::{EPOCH_NS, Entry, Failed, HookSaw, Outcome};

/// An end that is not "allowed", with what the audit says.
pub(crate) struct Refused {
    pub(crate) failed: Failed,
    pub(crate) result: &'static str,
    pub(crate) rule: Option<String>,
    pub(crate) reason: String,
    /// The key of several that it is about; nothing where it is about all.
    pub(crate) at: Option<usize>,
}

/// What would have refused, and why.
pub(crate) type Would = Option<(String, String)>;

#[derive(Clone)]
pub(crate) struct Registered {
    number: usize,
    pub(crate) trigger: Trigger,
    pub(crate) keys: &'static str,
    pub(crate) hook: Hook,
}

/// How far the store is with a key.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Stage {
    Unasked,
    Asked,
    Replied,
    Finished,
}

/// One key under way.
pub(crate) struct Key {
    pub(crate) kind: Kind,
    pub(crate) key: Bytes,
    pub(crate) value: Option<Bytes>,
    pub(crate) stage: Stage,
    pub(crate) logged: bool,
    pub(crate) changed_by: Option<String>,
    pub(crate) why: Option<String>,
    pub(crate) would: Would,
}

/// One operation under way.
pub(crate) struct Run<'a> {
    pub(crate) asked: &'a Asked,
    pub(crate) depth: u32,
    /// The keys; of a scan the one in hand.
    pub(crate) keys: Vec<Key>,
    /// Steps asked for so far, and how many of them were the store's.
    pub(crate) steps: usize,
    pub(crate) store_calls: usize,
    pub(crate) counted: bool,
    /// What would have refused several keys whole.
    pub(crate) would: Would,
    /// Of a scan: whether the store was asked, what was given, how many keys were left out, whether a value that
    /// was given is not the store's.
    pub(crate) scanning: bool,
    pub(crate) pairs: Vec<(Bytes, Bytes)>,
    pub(crate) withheld: u64,
    pub(crate) redacted: bool,
}

pub(crate) struct Model {
    pub(crate) store: BTreeMap<Bytes, Bytes>,
    pub(crate) audit: Vec<Entry>,
    pub(crate) trace: Vec<HookSaw>,
    pub(crate) settings: Settings,
    pub(crate) hooks: Vec<Registered>,
    registered: usize,
    pub(crate) limits: Vec<Limiting>,
    pub(crate) now_ns: u64,
    pub(crate) fault: Option<(&'static str, String)>,
    pub(crate) used: bool,
    pub(crate) open: usize,
}

impl Key {
    pub(crate) fn new(kind: Kind, key: &[u8], value: Option<Bytes>) -> Self {
        Key {
            kind,
            key: key.to_vec(),
            value,
            stage: Stage::Unasked,
            logged: false,
            changed_by: None,
            why: None,
            would: None,
        }
    }

    /// What the audit says of `applied`.
    fn applied(&self) -> Option<bool> {
        match self.stage {
            _ if self.kind == Kind::Read => None,
            Stage::Asked => None,
            Stage::Unasked => Some(false),
            Stage::Replied | Stage::Finished => Some(true),
        }
    }

    pub(crate) fn did_change(&self) -> bool {
        self.applied() == Some(true)
    }
}

impl Model {
    pub(crate) fn new(settings: Settings) -> Self {
        Model {
            store: BTreeMap::new(),
            audit: Vec::new(),
            trace: Vec::new(),
            settings,
            hooks: Vec::new(),
            registered: 0,
            limits: Vec::new(),
            now_ns: 0,
            fault: None,
            used: false,
            open: 0,
        }
    }

    pub(crate) fn make(&mut self, a_move: &Move) -> bool {
        match a_move {
            Move::Add(trigger, keys, hook) => {
                let fits = match hook {
                    Hook::DenyAll | Hook::RequireAgentId => !after_a_change(*trigger),
                    Hook::Redact(_) => may_modify(*trigger),
                    _ => true,
                };
                if let Err(error) = Glob::parse(keys) {
                    return self.remember("pattern", checkrein::Error::from(error).to_string());
                }
                if !fits {
                    let (name, places) = match hook {
                        Hook::Redact(_) => ("redact_value", "before_write or after_read"),
                        Hook::DenyAll => {
                            ("deny_all", "before_read, after_read, before_write or before_delete")
                        }
                        _ => ("require_agent_id", "before_read, after_read, before_write or before_delete"),
                    };
                    let on = trigger.as_str();
                    let why = format!("`{name}` can mean nothing at `{on}`: register it at {places}");
                    return self.remember("config", why);
                }
                let number = self.registered;
                self.registered += 1;
                self.hooks.push(Registered { number, trigger: *trigger, keys, hook: hook.clone() });
                true
            }
            Move::Remove(pick) => {
                let before = self.hooks.len();
                if self.registered > 0 {
                    let number = pick.index(self.registered);
                    self.hooks.retain(|hook| hook.number != number);
                }
                self.hooks.len() < before
            }
            Move::Limit(limit) => {
                let why = match (limit.target, limit.tokens, limit.period) {
                    ("nothing", ..) => {
                        "`nothing` is no operation of a rate limit: write one of `read`, `write`, `delete`, \
                         `action`, `effect`, `all`"
                            .to_owned()
                    }
                    ("action", ..) => {
                        "a limit on `action` never applies to a policy engine: write read, write, \
                                       delete or all"
                            .to_owned()
                    }
                    (_, 0, period) => format!(
                        "`max_per_{period}` of a rate limit is 0: leave the limit out, and deny with a hook or \
                         rule instead"
                    ),
                    _ => String::new(),
                };
                if !why.is_empty() {
                    return self.remember("config", why);
                }
                self.limits.push(Limiting::new(limit.clone()));
                true
            }
            Move::Advance(ns) => {
                self.now_ns += ns;
                true
            }
            Move::ClearErrors => self.fault.take().is_some(),
            Move::Operate(_) => unreachable!(),
        }
    }

    /// A registration that failed: the first one refuses every operation.
    fn remember(&mut self, code: &'static str, why: String) -> bool {
        self.fault.get_or_insert((code, why));
        false
    }

    pub(crate) fn operate(&mut self, asked: &Asked, depth: u32) -> Outcome {
        let one = |kind: Kind, key: &[u8], value: &Bytes| {
            Key::new(kind, key, (kind == Kind::Write).then(|| value.clone()))
        };
        let keys = match &asked.what {
            What::One((kind, key, value)) => vec![one(*kind, key, value)],
            What::Reads(keys) => keys.iter().map(|key| Key::new(Kind::Read, key, None)).collect(),
            What::Batch(changes, _) => {
                changes.iter().map(|(kind, key, value)| one(*kind, key, value)).collect()
            }
            What::Scan(_) => vec![Key::new(Kind::Read, b"", None)],
        };
        let mut run = Run {
            asked,
            depth,
            keys,
            steps: 0,
            store_calls: 0,
            counted: false,
            would: None,
            scanning: false,
            pairs: Vec::new(),
            withheld: 0,
            redacted: false,
        };
        let end = self.decide(&mut run);
        self.open -= usize::from(run.counted);
        for at in 0..run.keys.len() {
            let entry = self.entry(&run, at, &end);
            self.audit.push(entry);
        }
        let reads = matches!(&asked.what, What::One((Kind::Read, ..)) | What::Reads(_)) && end.is_ok();
        let values = run.keys.into_iter().filter(|_| reads).map(|key| key.value).collect();
        Outcome { values, pairs: run.pairs, failed: end.err().map(|refused| refused.failed) }
    }

    /// What the audit says of a key; of a scan what it says of all of it.
    fn entry(&self, run: &Run<'_>, at: usize, end: &Result<(), Refused>) -> Entry {
        let key = &run.keys[at];
        let (result, rule, reason) = match end {
            Err(refused) if refused.failed.code == "abandoned" => {
                (abandoned(run, key), None, refused.reason.clone())
            }
            // Another of several keys is what it ended by.
            Err(refused) if refused.at.is_some() && refused.at != Some(at) && key.stage != Stage::Asked => {
                if key.stage == Stage::Unasked {
                    let what =
                        if key.kind == Kind::Read { "key of the call" } else { "operation of the batch" };
                    (refused.result, refused.rule.clone(), format!("another {what} was refused or failed"))
                } else {
                    passed(run, key)
                }
            }
            Err(refused) => (refused.result, refused.rule.clone(), refused.reason.clone()),
            Ok(()) => passed(run, key),
        };
        let scan = if let What::Scan(prefix) = run.asked.what { Some(prefix) } else { None };
        let who = &run.asked.who;
        Entry {
            sequence: self.audit.len() as u64 + 1,
            timestamp_ns: EPOCH_NS + self.now_ns,
            operation: if scan.is_some() { "scan" } else { key.kind.as_str() },
            key: scan.map_or(key.key.clone(), <[u8]>::to_vec),
            result,
            agent_id: who.as_ref().map(ToString::to_string),
            session_id: who.as_ref().map(|_| "s".to_owned()),
            rule,
            reason: Some(reason).filter(|reason| !reason.is_empty()),
            logged: key.logged,
            applied: key.applied(),
            scanned: scan.map(|_| (run.pairs.len() as u64, run.withheld)),
        }
    }
}

/// A key that was not refused: its result, by what, and why.
fn passed(run: &Run<'_>, key: &Key) -> (&'static str, Option<String>, String) {
    let result = verdict(run, key);
    match key.would.as_ref().or(run.would.as_ref()) {
        Some((rule, why)) => (result, Some(rule.clone()), why.clone()),
        None if matches!(run.asked.what, What::Scan(_)) => (result, None, String::new()),
        None => (result, key.changed_by.clone(), key.why.clone().unwrap_or_default()),
    }
}

fn verdict(run: &Run<'_>, key: &Key) -> &'static str {
    let changed = match run.asked.what {
        What::Scan(_) => run.redacted || run.withheld > 0,
        _ => key.changed_by.is_some(),
    };
    match (key.would.is_some() || run.would.is_some(), changed, key.kind) {
        (true, ..) => "would_deny",
        (_, false, _) => "allowed",
        (_, true, Kind::Read) => "redacted",
        (_, true, _) => "modified",
    }
}

/// How a key of an operation that was let go stands.
fn abandoned(run: &Run<'_>, key: &Key) -> &'static str {
    match key.stage {
        _ if run.scanning => verdict(run, key),
        Stage::Unasked => "denied",
        Stage::Asked | Stage::Replied => "unknown",
        Stage::Finished => verdict(run, key),
    }
}

pub(crate) fn after_a_change(trigger: Trigger) -> bool {
    [Trigger::AFTER_WRITE, Trigger::AFTER_DELETE].contains(&trigger)
}

pub(crate) fn may_modify(trigger: Trigger) -> bool {
    [Trigger::BEFORE_WRITE, Trigger::AFTER_READ].contains(&trigger)
}
