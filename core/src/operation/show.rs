//! What a driver is shown of the step that is pending.

use super::course::{Course, Pending, State};
use super::whole::{SCAN_PAGE, Whole};
use super::{HookCall, LogCall, LogLevel, NotifyCall, RecordCall, RecordTo, Step, StoreCall};
use crate::audit::SinkTarget;
use crate::context::AGENT_ID;
use crate::engine::Config;
use crate::hook::{Action, HookEntry, Mode};
use crate::text;

impl Course<'_> {
    /// The step that is pending.
    pub(super) fn show<'o>(&'o self, config: &'o Config) -> Step<'o> {
        match self.pending {
            Pending::Nothing => Step::Done,
            Pending::Store => Step::Store(self.store_call()),
            Pending::Warning => {
                Step::Log(LogCall { logger: None, level: LogLevel::Warning, message: self.warning(config) })
            }
            Pending::Hook(place) => self.show_hook(config, place),
            Pending::Log(place) => self.show_log(config, place),
            Pending::Item => Step::Item {
                key: &self.subject.key,
                value: self.subject.value.as_deref().unwrap_or_default(),
            },
            Pending::Sink(place) => self.show_sink(config, place),
            Pending::Listener(place) => match (config.listeners.get(place), &self.result) {
                (Some((_, listener)), Err(refusal)) => {
                    Step::Notify(NotifyCall { listener, error: &refusal.error, depth: self.depth + 1 })
                }
                _ => Step::Done,
            },
        }
    }

    pub(super) fn store_call(&self) -> StoreCall<'_> {
        match &self.whole {
            Whole::Scan(scan) => {
                StoreCall::Scan { prefix: &scan.prefix, after: scan.after.as_deref(), limit: SCAN_PAGE }
            }
            Whole::Many(many) if many.atomic => StoreCall::Batch(many.changes()),
            Whole::One | Whole::Many(_) => self.subject.store_call(),
        }
    }

    fn show_hook<'o>(&'o self, config: &'o Config, place: u32) -> Step<'o> {
        let Some(hook) = config.hooks_of(self.subject.kind).get(place) else { return Step::Done };
        let Action::Host(callable) = &hook.action else { return Step::Done };
        let at = if let Whole::Many(many) = &self.whole { many.in_hand } else { None };
        Step::CallHook(HookCall {
            hook,
            callable,
            trigger: hook.trigger,
            key: &self.subject.key,
            value: self.subject.value.as_deref(),
            value_is_original: !self.subject.modified,
            context: &self.context,
            depth: self.depth + 1,
            at: at.unwrap_or(0),
        })
    }

    fn show_log<'o>(&'o self, config: &'o Config, place: u32) -> Step<'o> {
        let Some(hook) = config.hooks_of(self.subject.kind).get(place) else { return Step::Done };
        let (logger, remark) = match &hook.action {
            Action::Log(logger) => (Some(logger), None),
            Action::Declared(declared) => (None, declared.remark()),
            Action::Helper(_) | Action::Host(_) => return Step::Done,
        };
        let note = self.note(hook);
        let message = remark.map(|remark| format!("{note}: {remark}")).unwrap_or(note);
        Step::Log(LogCall { logger, level: LogLevel::Info, message })
    }

    fn show_sink<'o>(&'o self, config: &'o Config, place: usize) -> Step<'o> {
        let (Some(sink), Some(ending)) = (config.sinks.get(place), &self.ending) else { return Step::Done };
        let (sink, entries) = match &sink.target {
            SinkTarget::File(file) => (RecordTo::File(file), ending.own()),
            SinkTarget::Host(sink) => (RecordTo::Host(sink), &*ending.entries),
        };
        Step::Record(RecordCall { sink, entries, phase: ending.phase, depth: self.depth + 1 })
    }

    fn warning(&self, config: &Config) -> String {
        match (&self.ending, config.mode) {
            (Some(ending), _) if self.state == State::Telling => ending.warning.clone().unwrap_or_default(),
            (_, Mode::Shadow) => "this policy engine is in shadow mode: it refuses nothing".to_owned(),
            _ => "this policy engine has no hook and no rate limit: everything is allowed".to_owned(),
        }
    }

    /// What `log_and_allow` tells: never a value.
    fn note(&self, hook: &HookEntry) -> String {
        let agent = self.context.text_of(AGENT_ID);
        log_sentence(hook.trigger.as_str(), &self.subject.key, agent.as_deref())
    }
}

/// The sentence of `log_and_allow`: what is said about who acts cannot forge another line of the log.
pub(crate) fn log_sentence(trigger: &str, key: &[u8], agent: Option<&str>) -> String {
    let key = text::shown_key(key);
    match agent.map(|agent| text::shown_key(agent.as_bytes())) {
        Some(agent) => format!("{trigger} `{key}` by agent `{agent}`"),
        None => format!("{trigger} `{key}`"),
    }
}
