//! The design in plain words: nothing here is shared with the engine but globs, which have a model of their own.

use std::collections::BTreeMap;

use checkrein::context::Value;
use checkrein::glob::Glob;
use checkrein::hook::{Phase, Trigger};
use checkrein::operation::Kind;
use checkrein::text::shown_key;

use super::history::{Asked, Bytes, DEEPEST, Hook, Move, Script, StoreDoes};
use super::limiting::{Limiting, describe};
use super::told::{EPOCH_NS, Entry, Failed, HookSaw, Outcome};

/// An end that is not "allowed", with what the audit says.
struct Refused {
    failed: Failed,
    result: &'static str,
    rule: Option<String>,
    reason: String,
}

#[derive(Clone)]
struct Registered {
    number: usize,
    trigger: Trigger,
    keys: &'static str,
    hook: Hook,
}

/// How far an operation is.
#[derive(Clone, Copy, PartialEq)]
enum Stage {
    Before,
    Store,
    After,
}

/// One operation under way.
struct Run<'a> {
    asked: &'a Asked,
    depth: u32,
    value: Option<Bytes>,
    stage: Stage,
    /// Steps asked for so far.
    steps: usize,
    counted: bool,
    logged: bool,
    changed_by: Option<String>,
    why: Option<String>,
}

pub(crate) struct Model {
    pub(crate) store: BTreeMap<Bytes, Bytes>,
    pub(crate) audit: Vec<Entry>,
    pub(crate) trace: Vec<HookSaw>,
    hooks: Vec<Registered>,
    registered: usize,
    limits: Vec<Limiting>,
    now_ns: u64,
    fault: Option<(&'static str, String)>,
    used: bool,
    open: usize,
    max_open: usize,
}

impl Model {
    pub(crate) fn new(max_open: usize) -> Self {
        Model {
            store: BTreeMap::new(),
            audit: Vec::new(),
            trace: Vec::new(),
            hooks: Vec::new(),
            registered: 0,
            limits: Vec::new(),
            now_ns: 0,
            fault: None,
            used: false,
            open: 0,
            max_open,
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
        let value = (asked.kind == Kind::Write).then(|| asked.value.clone());
        let mut run = Run {
            asked,
            depth,
            value,
            stage: Stage::Before,
            steps: 0,
            counted: false,
            logged: false,
            changed_by: None,
            why: None,
        };
        let end = self.decide(&mut run);
        self.open -= usize::from(run.counted);
        let write = asked.kind != Kind::Read;
        let (result, rule, reason, applied) = match &end {
            Ok(()) => {
                let result = match (&run.changed_by, write) {
                    (None, _) => "allowed",
                    (_, true) => "modified",
                    (_, false) => "redacted",
                };
                (result, run.changed_by.clone(), run.why.clone(), Some(true))
            }
            Err(refused) => {
                let applied = match run.stage {
                    Stage::Before => Some(false),
                    Stage::Store => None,
                    Stage::After => Some(true),
                };
                (refused.result, refused.rule.clone(), Some(refused.reason.clone()), applied)
            }
        };
        self.audit.push(Entry {
            sequence: self.audit.len() as u64 + 1,
            timestamp_ns: EPOCH_NS + self.now_ns,
            operation: asked.kind.as_str(),
            key: asked.key.to_vec(),
            result,
            agent_id: asked.who.as_ref().map(ToString::to_string),
            session_id: asked.who.as_ref().map(|_| "s".to_owned()),
            rule,
            reason,
            logged: run.logged,
            applied: applied.filter(|_| write),
        });
        match end {
            Ok(()) => Ok(run.value.filter(|_| !write)),
            Err(refused) => Err(refused.failed),
        }
    }

    fn decide(&mut self, run: &mut Run<'_>) -> Result<(), Refused> {
        let asked = run.asked;
        if asked.bad {
            return Err(plain("usage", "a write takes a value, a read or delete takes none"));
        }
        if let Some((code, why)) = &self.fault {
            return Err(plain(code, why));
        }
        // The operation sees the hooks and limits as they are now.
        let bare = self.hooks.is_empty() && self.limits.is_empty();
        let limits = self.limits.len();
        let matching = |hook: &&Registered| {
            hook.trigger.kind == asked.kind && Glob::parse(hook.keys).unwrap().matches(asked.key)
        };
        let hooks: Vec<Registered> = self.hooks.iter().filter(matching).cloned().collect();
        let first = !std::mem::replace(&mut self.used, true);

        if asked.owned == Some(0) {
            self.count(run)?;
        }
        if first && bare {
            self.ask(run, "the reply does not fit: a logger was to be told", |_, _| ())?;
        }
        self.take(limits, asked, true)?;
        self.look(limits, asked, false)?;
        if hooks.iter().any(|hook| matches!(hook.hook, Hook::Host(_) | Hook::Logger { .. })) {
            self.count(run)?;
        }
        for hook in hooks.iter().filter(|hook| hook.trigger.phase == Phase::Before) {
            self.ask_hook(run, hook)?;
        }
        self.take(limits, asked, false)?;
        run.stage = Stage::Store;
        self.ask_store(run)?;
        if asked.kind == Kind::Read && run.value.is_none() {
            return Ok(());
        }
        run.stage = Stage::After;
        for hook in hooks.iter().filter(|hook| hook.trigger.phase == Phase::After) {
            self.ask_hook(run, hook)?;
            if run.value.is_none() && asked.kind == Kind::Read {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Among the open operations from here on.
    fn count(&mut self, run: &mut Run<'_>) -> Result<(), Refused> {
        if !run.counted {
            run.counted = true;
            self.open += 1;
            if self.open > self.max_open {
                run.stage = Stage::Before;
                let max = self.max_open;
                let why = format!("no more than {max} operations may be open at once: let some end first");
                return Err(plain("open_limit", &why));
            }
        }
        Ok(())
    }

    /// A step that the driver performs, or fails to.
    fn ask<T>(
        &mut self,
        run: &mut Run<'_>,
        misfit: &str,
        perform: impl FnOnce(&mut Self, &mut Run<'_>) -> T,
    ) -> Result<T, Refused> {
        run.steps += 1;
        if run.asked.owned == Some(run.steps) {
            self.count(run)?;
        }
        if run.asked.dropped == Some((run.steps, false)) {
            return Err(abandoned(run));
        }
        let reply = perform(self, run);
        if run.asked.dropped == Some((run.steps, true)) {
            return Err(abandoned(run));
        }
        if run.asked.misfit == Some(run.steps) {
            return Err(plain("usage", misfit));
        }
        Ok(reply)
    }

    fn ask_hook(&mut self, run: &mut Run<'_>, hook: &Registered) -> Result<(), Refused> {
        let rule = format!("{} {}", hook.trigger.as_str(), hook.keys);
        let script = match &hook.hook {
            Hook::Host(script) => {
                let due = "the reply does not fit: a hook's answer is due";
                self.ask(run, due, |model, run| model.call(run, &rule, script))?;
                script.clone()
            }
            Hook::Logger { fails } => {
                self.ask(run, "the reply does not fit: a logger was to be told", |_, _| ())?;
                if *fails {
                    return Err(hook_failed(run, rule, "the hook failed with `LoggerError`"));
                }
                Script::Log
            }
            Hook::AllowAll => Script::Allow,
            Hook::DenyAll => Script::Deny(Some("denied by deny_all")),
            Hook::RequireAgentId => match &run.asked.who {
                Some(who) if *who != Value::from("") => Script::Allow,
                _ => Script::Deny(Some("the context has no `agent_id`: say which agent acts")),
            },
            Hook::Redact(value) => Script::Modify(value.clone()),
        };
        let trigger = hook.trigger;
        let done = if trigger.kind == Kind::Delete { "deleted" } else { "written" };
        let too_late = |did: &str| {
            let on = trigger.as_str();
            format!("the hook {did}, but at {on} the key is {done} already: only allow and log fit")
        };
        match script {
            Script::Log => run.logged = true,
            Script::Deny(_) if after_a_change(trigger) => {
                return Err(hook_failed(run, rule, &too_late("denied")));
            }
            Script::Deny(why) if trigger == Trigger::AFTER_READ => {
                run.value = None;
                run.changed_by = Some(rule);
                run.why = Some(why.filter(|why| !why.is_empty()).unwrap_or("denied by the hook").to_owned());
            }
            Script::Deny(why) => {
                let why = why.filter(|why| !why.is_empty()).unwrap_or("denied by the hook");
                return Err(refused("denied", "denied", Some(rule), why, false));
            }
            Script::Modify(value) if run.value.as_ref() == Some(&value) => {}
            Script::Modify(value) if may_modify(trigger) => {
                run.value = Some(value);
                run.changed_by = Some(rule);
            }
            Script::Modify(_) if after_a_change(trigger) => {
                return Err(hook_failed(run, rule, &too_late("answered with a value")));
            }
            Script::Modify(_) => {
                let on = trigger.as_str();
                let why = format!(
                    "the hook answered with a value, but at {on} there is no value: only allow, deny and log fit"
                );
                return Err(hook_failed(run, rule, &why));
            }
            Script::Nonsense => {
                let why = "the hook answered with a `str`, which is no answer: return an action, a value as \
                           bytes, or nothing";
                return Err(hook_failed(run, rule, why));
            }
            Script::Raise => return Err(hook_failed(run, rule, "the hook failed with `ValueError`")),
            Script::RaiseViolation if after_a_change(trigger) => {
                return Err(hook_failed(run, rule, "the hook failed with `PolicyViolation`"));
            }
            Script::RaiseViolation => {
                let as_itself = refused("denied", "denied", None, "raised", false);
                return Err(Refused { rule: Some(rule), ..as_itself });
            }
            Script::RaiseUsage if after_a_change(trigger) => {
                return Err(hook_failed(run, rule, "the hook failed with `UsageError`"));
            }
            Script::RaiseUsage => return Err(Refused { rule: Some(rule), ..plain("usage", "misused") }),
            _ => {}
        }
        Ok(())
    }

    fn call(&mut self, run: &mut Run<'_>, rule: &str, script: &Script) {
        let depth = run.depth + 1;
        self.trace.push((rule.to_owned(), run.value.clone(), run.changed_by.is_none(), depth));
        match script {
            Script::Slow(ns) => self.now_ns += ns,
            Script::Add(trigger, keys, script) => {
                self.make(&Move::Add(*trigger, keys, Hook::Host((**script).clone())));
            }
            Script::Remove(pick) => drop(self.make(&Move::Remove(*pick))),
            Script::Operate(asked) if depth <= DEEPEST => drop(self.operate(asked, depth)),
            _ => {}
        }
    }

    fn ask_store(&mut self, run: &mut Run<'_>) -> Result<(), Refused> {
        let asked = run.asked;
        let works = matches!(asked.store, StoreDoes::Works);
        self.ask(run, "the reply does not fit: the store's reply is due", |model, run| {
            let key = asked.key.to_vec();
            match asked.kind {
                _ if !works => {}
                Kind::Read => run.value = model.store.get(&key).cloned(),
                Kind::Write => drop(model.store.insert(key, run.value.clone().unwrap())),
                Kind::Delete => drop(model.store.remove(&key)),
            }
        })?;
        let what = format!("{} of `{}`", asked.kind.as_str(), shown_key(asked.key));
        match asked.store {
            StoreDoes::Works => Ok(()),
            StoreDoes::FailsWithOurs => Err(plain("usage", "not like this")),
            StoreDoes::Raises => Err(plain("store", "the store failed with `OSError`")),
            StoreDoes::RepliesNonsense => Err(plain(
                "store",
                &format!("the store replied to the {what} with a `str`, which is no reply"),
            )),
            StoreDoes::RepliesToAnother => {
                Err(plain("store", &format!("the store's reply does not fit the {what}")))
            }
        }
    }

    /// Takes a token of each limit that applies, of all or none.
    fn take(&mut self, limits: usize, asked: &Asked, attempts: bool) -> Result<(), Refused> {
        self.look(limits, asked, attempts)?;
        for at in self.applying(limits, asked, attempts) {
            self.limits[at].take(asked, self.now_ns);
        }
        Ok(())
    }

    fn look(&mut self, limits: usize, asked: &Asked, attempts: bool) -> Result<(), Refused> {
        let mut worst = None;
        for at in self.applying(limits, asked, attempts) {
            let wait = self.limits[at].wait_ns(asked, self.now_ns);
            if wait > worst.map_or(0, |(_, wait)| wait) {
                worst = Some((at, wait));
            }
        }
        let Some((at, _)) = worst else { return Ok(()) };
        let all = [self.applying(limits, asked, true), self.applying(limits, asked, false)].concat();
        let waits = all.into_iter().map(|at| self.limits[at].wait_ns(asked, self.now_ns));
        let retry_after_ns = waits.max();
        let limit = describe(&self.limits[at].declared);
        let why = format!("limit `{limit}` has no token left");
        let mut refused = refused("rate_limited", "rate_limited", Some(limit), &why, false);
        refused.failed.retry_after_ns = retry_after_ns;
        Err(refused)
    }

    fn applying(&self, limits: usize, asked: &Asked, attempts: bool) -> Vec<usize> {
        let applies = |at: &usize| {
            let limit = &self.limits[*at].declared;
            limit.attempts == attempts && [asked.kind.as_str(), "all"].contains(&limit.target)
        };
        (0..limits).filter(applies).collect()
    }
}

fn after_a_change(trigger: Trigger) -> bool {
    [Trigger::AFTER_WRITE, Trigger::AFTER_DELETE].contains(&trigger)
}

fn may_modify(trigger: Trigger) -> bool {
    [Trigger::BEFORE_WRITE, Trigger::AFTER_READ].contains(&trigger)
}

/// A violation, which the audit tells of as it is.
fn refused(
    code: &'static str,
    result: &'static str,
    rule: Option<String>,
    reason: &str,
    applied: bool,
) -> Refused {
    let reason = reason.to_owned();
    let failed =
        Failed { code, rule: rule.clone(), reason: Some(reason.clone()), applied, retry_after_ns: None };
    Refused { failed, result, rule, reason }
}

/// An error that is no violation.
fn plain(code: &'static str, reason: &str) -> Refused {
    let failed = Failed { code, rule: None, reason: None, applied: false, retry_after_ns: None };
    Refused { failed, result: "error", rule: None, reason: reason.to_owned() }
}

fn hook_failed(run: &Run<'_>, rule: String, why: &str) -> Refused {
    refused("hook_failed", "error", Some(rule), why, happened(run))
}

fn abandoned(run: &Run<'_>) -> Refused {
    let result = if run.stage == Stage::Before { "denied" } else { "unknown" };
    refused("abandoned", result, None, "abandoned", happened(run))
}

fn happened(run: &Run<'_>) -> bool {
    run.stage == Stage::After && run.asked.kind != Kind::Read
}
