//! How an operation is decided, in the order of the design.

use checkrein::context::Value;
use checkrein::glob::Glob;
use checkrein::hook::{Phase, Trigger};
use checkrein::operation::Kind;
use checkrein::text::shown_key;

use super::history::{DEEPEST, Hook, Move, PAGE, Script, StoreDoes, What};
use super::model::{Key, Model, Refused, Registered, Run, Stage, after_a_change, may_modify};
use super::told::Failed;

const LOGGER_DUE: &str = "the reply does not fit: a logger was to be told";

impl Model {
    pub(crate) fn decide(&mut self, run: &mut Run<'_>) -> Result<(), Refused> {
        let asked = run.asked;
        if asked.bad {
            return Err(match asked.what {
                What::One(_) => plain("usage", "a write takes a value, a read or delete takes none"),
                _ => plain(
                    "nesting_limit",
                    "hooks start operations more than 16 deep: a hook that starts an operation should not be asked \
                     about it again",
                ),
            });
        }
        if let Some((code, why)) = &self.fault {
            return Err(plain(code, why));
        }
        // The operation sees the hooks and limits as they are now.
        let bare = self.settings.shadow
            || (self.hooks.is_empty() && self.limits.is_empty() && !self.settings.required);
        let (hooks, limits) = (self.hooks.clone(), self.limits.len());
        let first = !std::mem::replace(&mut self.used, true);
        if asked.owned == Some(0) {
            self.count(run, None)?;
        }
        if first && bare {
            self.ask(run, None, LOGGER_DUE, |_, _| ())?;
        }
        let has_agent = asked.who.as_ref().is_some_and(|who| *who != Value::from(""));
        if self.settings.required && !has_agent {
            let why = "the context has no `agent_id`: this engine requires it";
            let refused = refused("denied", "denied", Some("require_context".to_owned()), why, false);
            self.refuse_or_note(run, refused)?;
        }
        match &asked.what {
            What::One(_) => self.one(run, &hooks, limits),
            What::Scan(prefix) => self.scan(run, prefix, &hooks, limits),
            _ if run.keys.is_empty() => Ok(()),
            What::Reads(_) => self.several(run, false, &hooks, limits),
            What::Batch(_, atomic) => self.several(run, *atomic, &hooks, limits),
        }
    }

    fn one(&mut self, run: &mut Run<'_>, hooks: &[Registered], limits: usize) -> Result<(), Refused> {
        let hooks = matching(hooks, &run.keys[0]);
        self.look_at_limits(run, limits)?;
        if hooks.iter().any(|hook| matches!(hook.hook, Hook::Host(_) | Hook::Logger { .. })) {
            self.count(run, None)?;
        }
        self.ask_hooks(run, 0, &hooks, Phase::Before)?;
        self.take_limits(run, limits)?;
        self.ask_store(run, 0)?;
        self.after(run, 0, &hooks)
    }

    /// Judged whole before any of it is done.
    fn several(
        &mut self,
        run: &mut Run<'_>,
        atomic: bool,
        hooks: &[Registered],
        limits: usize,
    ) -> Result<(), Refused> {
        self.look_at_limits(run, limits)?;
        self.count(run, None)?;
        let matched: Vec<_> = run.keys.iter().map(|key| matching(hooks, key)).collect();
        for (at, hooks) in matched.iter().enumerate() {
            self.ask_hooks(run, at, hooks, Phase::Before).map_err(|refused| refused.of(at))?;
        }
        self.take_limits(run, limits)?;
        if atomic {
            self.ask_batch(run)?;
        }
        for (at, hooks) in matched.iter().enumerate() {
            let done = match atomic {
                true => Ok(()),
                false => self.ask_store(run, at),
            };
            let done = done.and_then(|()| self.after(run, at, hooks)).map_err(|refused| refused.of(at));
            if let Err(refused) = done {
                let part = !atomic && run.keys[at].kind != Kind::Read && refused.failed.code != "abandoned";
                return Err(if part { in_part(run, refused) } else { refused });
            }
        }
        Ok(())
    }

    /// Page by page, each key as a `get`.
    fn scan(
        &mut self,
        run: &mut Run<'_>,
        prefix: &[u8],
        hooks: &[Registered],
        limits: usize,
    ) -> Result<(), Refused> {
        self.count(run, None)?;
        let mut after: Option<Vec<u8>> = None;
        loop {
            run.scanning = true;
            let does = run.asked.store_at(run.store_calls + 1);
            let page = self.ask_the_store(run, None, |model, _| {
                let later = |key: &[u8]| after.as_ref().is_none_or(|after| key > after.as_slice());
                let below = model.store.iter().filter(|(key, _)| key.starts_with(prefix) && later(key));
                below.take(PAGE).map(|(key, value)| (key.clone(), value.clone())).collect::<Vec<_>>()
            })?;
            store_failed(does, &format!("scan of `{}`", shown_key(prefix)))?;
            let last = page.len() < PAGE;
            after = page.last().map(|(key, _)| key.clone());
            for (key, value) in page {
                self.scan_key(run, key, value, hooks, limits)?;
            }
            if last {
                return Ok(());
            }
        }
    }

    fn scan_key(
        &mut self,
        run: &mut Run<'_>,
        key: Vec<u8>,
        value: Vec<u8>,
        hooks: &[Registered],
        limits: usize,
    ) -> Result<(), Refused> {
        let (logged, would) = (run.keys[0].logged, run.keys[0].would.take());
        run.keys[0] = Key { logged, would, ..Key::new(Kind::Read, &key, None) };
        let hooks = matching(hooks, &run.keys[0]);
        self.look_at_limits(run, limits)?;
        let judge = || {
            self.ask_hooks(run, 0, &hooks, Phase::Before)?;
            self.take_limits(run, limits)?;
            run.keys[0].value = Some(value);
            run.keys[0].stage = Stage::Replied;
            self.after(run, 0, &hooks)
        };
        match judge() {
            Err(refused) if refused.failed.code == "denied" => run.keys[0].value = None,
            judged => judged?,
        }
        let Some(value) = run.keys[0].value.clone() else {
            run.withheld += 1;
            return Ok(());
        };
        self.ask(run, None, "the reply does not fit: the pair is to be taken", |_, run| {
            run.redacted |= run.keys[0].changed_by.is_some();
            run.pairs.push((key, value));
        })
    }

    fn ask_hooks(
        &mut self,
        run: &mut Run<'_>,
        at: usize,
        hooks: &[Registered],
        phase: Phase,
    ) -> Result<(), Refused> {
        for hook in hooks.iter().filter(|hook| hook.trigger.phase == phase) {
            self.ask_hook(run, at, hook)?;
            if phase == Phase::After && run.keys[at].kind == Kind::Read && run.keys[at].value.is_none() {
                break;
            }
        }
        Ok(())
    }

    /// The store has replied.
    fn after(&mut self, run: &mut Run<'_>, at: usize, hooks: &[Registered]) -> Result<(), Refused> {
        if run.keys[at].kind != Kind::Read || run.keys[at].value.is_some() {
            self.ask_hooks(run, at, hooks, Phase::After)?;
        }
        run.keys[at].stage = Stage::Finished;
        Ok(())
    }

    /// Among the open operations from here on.
    fn count(&mut self, run: &mut Run<'_>, at: Option<usize>) -> Result<(), Refused> {
        if !run.counted {
            run.counted = true;
            self.open += 1;
            if self.open > self.settings.max_open {
                if let Some(at) = at {
                    run.keys[at].stage = Stage::Unasked;
                }
                let max = self.settings.max_open;
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
        at: Option<usize>,
        misfit: &str,
        perform: impl FnOnce(&mut Self, &mut Run<'_>) -> T,
    ) -> Result<T, Refused> {
        run.steps += 1;
        let (dropped, misfits) = (run.asked.dropped, run.asked.misfit == Some(run.steps));
        if run.asked.owned == Some(run.steps) {
            self.count(run, at)?;
        }
        if dropped == Some((run.steps, false)) {
            return Err(abandoned(run));
        }
        let dropped_after = dropped == Some((run.steps, true));
        // A pair that is not taken is not given.
        if misfits && !dropped_after && misfit.ends_with("taken") {
            return Err(plain("usage", misfit));
        }
        let reply = perform(self, run);
        if dropped_after {
            return Err(abandoned(run));
        }
        if misfits {
            return Err(plain("usage", misfit));
        }
        Ok(reply)
    }

    fn ask_hook(&mut self, run: &mut Run<'_>, at: usize, hook: &Registered) -> Result<(), Refused> {
        let rule = format!("{} {}", hook.trigger.as_str(), hook.keys);
        let script = match &hook.hook {
            Hook::Host(script) => {
                let due = "the reply does not fit: a hook's answer is due";
                self.ask(run, Some(at), due, |model, run| model.call(run, at, &rule, script))?;
                script.clone()
            }
            Hook::Logger { fails } => {
                self.ask(run, Some(at), LOGGER_DUE, |_, _| ())?;
                if *fails {
                    let failed = hook_failed(run, at, rule, "the hook failed with `LoggerError`");
                    return self.refuse_key_or_note(run, at, failed);
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
        let shadow = self.settings.shadow;
        match judge(run, at, hook.trigger, rule, script, shadow) {
            Ok(()) => Ok(()),
            Err(refused) => self.refuse_key_or_note(run, at, refused),
        }
    }

    fn call(&mut self, run: &mut Run<'_>, at: usize, rule: &str, script: &Script) {
        let (depth, key) = (run.depth + 1, &run.keys[at]);
        self.trace.push((rule.to_owned(), key.value.clone(), key.changed_by.is_none(), depth));
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

    /// The store does what is asked for one key.
    fn ask_store(&mut self, run: &mut Run<'_>, at: usize) -> Result<(), Refused> {
        let does = run.asked.store_at(run.store_calls + 1);
        run.keys[at].stage = Stage::Asked;
        self.ask_the_store(run, Some(at), |model, run| model.change(run, at))?;
        let key = &run.keys[at];
        store_failed(does, &format!("{} of `{}`", key.kind.as_str(), shown_key(&key.key)))?;
        run.keys[at].stage = Stage::Replied;
        Ok(())
    }

    /// The store does a batch in one step.
    fn ask_batch(&mut self, run: &mut Run<'_>) -> Result<(), Refused> {
        let does = run.asked.store_at(run.store_calls + 1);
        run.keys.iter_mut().for_each(|key| key.stage = Stage::Asked);
        self.ask_the_store(run, None, |model, run| (0..run.keys.len()).for_each(|at| model.change(run, at)))?;
        store_failed(does, &format!("batch of {} operations", run.keys.len()))?;
        run.keys.iter_mut().for_each(|key| key.stage = Stage::Replied);
        Ok(())
    }

    fn change(&mut self, run: &mut Run<'_>, at: usize) {
        let key = &mut run.keys[at];
        match key.kind {
            Kind::Read => key.value = self.store.get(&key.key).cloned(),
            Kind::Write => drop(self.store.insert(key.key.clone(), key.value.clone().unwrap())),
            Kind::Delete => drop(self.store.remove(&key.key)),
        }
    }

    /// A step of the store, which does nothing where it does not work.
    fn ask_the_store<T: Default>(
        &mut self,
        run: &mut Run<'_>,
        at: Option<usize>,
        perform: impl FnOnce(&mut Self, &mut Run<'_>) -> T,
    ) -> Result<T, Refused> {
        let works = matches!(run.asked.store_at(run.store_calls + 1), StoreDoes::Works);
        run.store_calls += 1;
        self.ask(run, at, "the reply does not fit: the store's reply is due", |model, run| match works {
            true => perform(model, run),
            false => T::default(),
        })
    }

    /// Ends all of it, or in shadow mode notes what would have.
    pub(crate) fn refuse_or_note(&self, run: &mut Run<'_>, refused: Refused) -> Result<(), Refused> {
        if !self.settings.shadow {
            return Err(refused);
        }
        let would = match run.asked.what {
            What::One(_) | What::Scan(_) => &mut run.keys[0].would,
            _ => &mut run.would,
        };
        would.get_or_insert((refused.rule.unwrap(), refused.reason));
        Ok(())
    }

    /// The same for what a hook made of one key.
    fn refuse_key_or_note(&self, run: &mut Run<'_>, at: usize, refused: Refused) -> Result<(), Refused> {
        if !self.settings.shadow {
            return Err(refused);
        }
        run.keys[at].would.get_or_insert((refused.rule.unwrap(), refused.reason));
        Ok(())
    }
}

impl Refused {
    fn of(self, at: usize) -> Self {
        Refused { at: Some(at), ..self }
    }
}

fn matching(hooks: &[Registered], key: &Key) -> Vec<Registered> {
    let matches = |hook: &&Registered| {
        hook.trigger.kind == key.kind && Glob::parse(hook.keys).unwrap().matches(&key.key)
    };
    hooks.iter().filter(matches).cloned().collect()
}

/// The table of answers.
fn judge(
    run: &mut Run<'_>,
    at: usize,
    trigger: Trigger,
    rule: String,
    script: Script,
    shadow: bool,
) -> Result<(), Refused> {
    let done = if trigger.kind == Kind::Delete { "deleted" } else { "written" };
    let too_late = |did: &str| {
        let on = trigger.as_str();
        format!("the hook {did}, but at {on} the key is {done} already: only allow and log fit")
    };
    let key = &mut run.keys[at];
    let why = match script {
        Script::Log => {
            key.logged = true;
            return Ok(());
        }
        Script::Deny(_) if after_a_change(trigger) => too_late("denied"),
        Script::Deny(why) => {
            let why = why.filter(|why| !why.is_empty()).unwrap_or("denied by the hook");
            if trigger == Trigger::AFTER_READ && !shadow {
                key.value = None;
                key.changed_by = Some(rule);
                key.why = Some(why.to_owned());
                return Ok(());
            }
            return Err(refused("denied", "denied", Some(rule), why, false));
        }
        Script::Modify(value) if key.value.as_ref() == Some(&value) => return Ok(()),
        Script::Modify(value) if may_modify(trigger) => {
            if !shadow {
                key.value = Some(value);
                key.changed_by = Some(rule);
                key.why = None;
            }
            return Ok(());
        }
        Script::Modify(_) if after_a_change(trigger) => too_late("answered with a value"),
        Script::Modify(_) => {
            let on = trigger.as_str();
            format!(
                "the hook answered with a value, but at {on} there is no value: only allow, deny and log fit"
            )
        }
        Script::Nonsense => {
            "the hook answered with a `str`, which is no answer: return an action, a value as bytes, \
                             or nothing"
                .to_owned()
        }
        Script::Raise => "the hook failed with `ValueError`".to_owned(),
        Script::RaiseViolation if after_a_change(trigger) && !shadow => {
            "the hook failed with `PolicyViolation`".to_owned()
        }
        Script::RaiseViolation => {
            let as_itself = refused("denied", "denied", None, "raised", false);
            return Err(Refused { rule: Some(rule), ..as_itself });
        }
        Script::RaiseUsage if after_a_change(trigger) || shadow => {
            "the hook failed with `UsageError`".to_owned()
        }
        Script::RaiseUsage => return Err(Refused { rule: Some(rule), ..plain("usage", "misused") }),
        _ => return Ok(()),
    };
    Err(hook_failed(run, at, rule, &why))
}

fn store_failed(does: StoreDoes, what: &str) -> Result<(), Refused> {
    match does {
        StoreDoes::Works => Ok(()),
        StoreDoes::FailsWithOurs => Err(plain("usage", "not like this")),
        StoreDoes::Raises => Err(plain("store", "the store failed with `OSError`")),
        StoreDoes::RepliesNonsense => {
            Err(plain("store", &format!("the store replied to the {what} with a `str`, which is no reply")))
        }
        StoreDoes::RepliesToAnother => {
            Err(plain("store", &format!("the store's reply does not fit the {what}")))
        }
    }
}

/// A batch that was not atomic ended half-way: the error says how far it came, the audit why.
fn in_part(run: &Run<'_>, refused: Refused) -> Refused {
    let done = |key: &&Key| matches!(key.stage, Stage::Replied | Stage::Finished);
    let first = Some(run.keys.iter().filter(done).count());
    Refused { failed: Failed { first, ..plain("store_partial", "").failed }, ..refused }
}

/// A violation, which the audit tells of as it is.
pub(crate) fn refused(
    code: &'static str,
    result: &'static str,
    rule: Option<String>,
    reason: &str,
    applied: bool,
) -> Refused {
    let (why, reason) = (Some(reason.to_owned()), reason.to_owned());
    let failed = Failed { code, rule: rule.clone(), reason: why, applied, retry_after_ns: None, first: None };
    Refused { failed, result, rule, reason, at: None }
}

/// An error that is no violation.
pub(crate) fn plain(code: &'static str, reason: &str) -> Refused {
    let failed = Failed { code, rule: None, reason: None, applied: false, retry_after_ns: None, first: None };
    Refused { failed, result: "error", rule: None, reason: reason.to_owned(), at: None }
}

fn hook_failed(run: &Run<'_>, at: usize, rule: String, why: &str) -> Refused {
    refused("hook_failed", "error", Some(rule), why, run.keys[at].did_change())
}

/// The driver let go of it; the audit says of each key what became of it.
fn abandoned(run: &Run<'_>) -> Refused {
    refused("abandoned", "", None, "abandoned", run.keys.iter().any(Key::did_change))
}
