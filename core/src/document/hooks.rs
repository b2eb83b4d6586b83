//! The hooks of a document.

use std::sync::Arc;

use super::dead::all_left_alone;
use super::fields::Fields;
use super::node::Node;
use super::read::Reading;
use super::{DocumentHook, keys};
use crate::glob::Glob;
use crate::hook::{Condition, Declared, Effect, Keys, Mode, Trigger};
use crate::text;

impl Reading<'_, '_> {
    pub(super) fn hook(&mut self, node: &Node) {
        let Some(fields) = Fields::open(node, &keys::HOOK, self.faults) else { return };
        let triggers = self.triggers(&fields);
        let globs = self.globs(fields.items(keys::KEYS));
        let unless = self.globs(fields.items(keys::UNLESS_KEYS));
        let when = match fields.get(keys::WHEN) {
            Some(node) => self.conditions(node),
            None => Some(Vec::new()),
        };
        let effect = self.effect(&fields, &triggers);
        let name = self.hook_name(&fields);
        let mode = fields.text(keys::MODE).and_then(|word| Mode::parse(word).ok()).unwrap_or_default();
        let (Some(globs), Some(unless), Some(when), Some(effect)) = (globs, unless, when, effect) else {
            return;
        };
        if globs.is_empty() || triggers.is_empty() {
            return;
        }
        self.can_decide(&fields, &triggers, &globs, &unless);
        let refuses = matches!(effect, Effect::Deny(_)) && mode == Mode::Enforce;
        if refuses && when.is_empty() && unless.is_empty() && self.content.mode != Some(Mode::Shadow) {
            for trigger in &triggers {
                self.refused.add(*trigger, &globs, node.at);
            }
        }
        self.add(&triggers, &globs, &unless, when, effect, name, mode);
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of a hook, each read by itself")]
    fn add(
        &mut self,
        triggers: &[Trigger],
        globs: &[Glob],
        unless: &[Glob],
        when: Vec<Condition>,
        effect: Effect,
        name: Option<Arc<str>>,
        mode: Mode,
    ) {
        let keys = Glob::any(globs);
        let unless = (!unless.is_empty()).then(|| Keys::new(Glob::any(unless)));
        let declared = Arc::new(Declared { unless, when: when.into(), effect });
        for &trigger in triggers {
            let rule = name.clone().unwrap_or_else(|| default_name(trigger, globs));
            let (keys, declared) = (keys.clone(), Arc::clone(&declared));
            self.content.hooks.push(DocumentHook { trigger, keys, declared, rule, mode });
        }
    }

    fn triggers(&mut self, fields: &Fields<'_>) -> Vec<Trigger> {
        let mut triggers = Vec::new();
        for node in fields.items(keys::ON) {
            let Some(trigger) = node.as_text().and_then(|word| Trigger::parse(word).ok()) else { continue };
            if triggers.contains(&trigger) {
                self.faults.add(node.at, format!("`{}` is here twice: keep one", trigger.as_str()));
            } else {
                triggers.push(trigger);
            }
        }
        triggers
    }

    /// What the hook does; nothing where it does not say, or could not do it at one of the triggers.
    fn effect(&mut self, fields: &Fields<'_>, triggers: &[Trigger]) -> Option<Effect> {
        let reason = fields.text(keys::REASON).map(|reason| Arc::from(reason.trim()));
        let action = fields.text(keys::ACTION);
        if let (Some(at), Some(word)) =
            (fields.place(keys::REASON), action.or(fields.text(keys::REPLACE).map(|_| keys::REPLACE)))
            && (word == keys::ALLOW || fields.mentions(keys::REPLACE))
        {
            let word = if fields.mentions(keys::REPLACE) { "`replace`" } else { "`action: allow`" };
            self.faults
                .add(at, format!("nobody is told a `reason` with {word}: leave it out, or write a comment"));
        }
        let effect = match action {
            Some(keys::DENY) => Effect::Deny(reason),
            Some(keys::LOG) => Effect::Log(reason.map(|reason| one_line(&reason))),
            Some(_) => Effect::Allow,
            None => Effect::Replace(Arc::clone(fields.get(keys::REPLACE)?.as_text()?)),
        };
        let (word, why, fits): (&str, &str, fn(Trigger) -> bool) = match effect {
            Effect::Deny(_) => {
                ("deny", "it has happened by then: use a before_ trigger, or `log`", Trigger::may_deny)
            }
            Effect::Replace(_) => (
                "replace",
                "there is no value to replace: use before_write or after_read",
                Trigger::may_modify,
            ),
            Effect::Allow | Effect::Log(_) => return Some(effect),
        };
        let mut sound = true;
        for node in fields.items(keys::ON) {
            let trigger = node.as_text().and_then(|word| Trigger::parse(word).ok());
            if let Some(trigger) = trigger.filter(|trigger| triggers.contains(trigger) && !fits(*trigger)) {
                let why = match (word, trigger.phase) {
                    ("replace", crate::hook::Phase::After) => {
                        "it has happened by then: use before_write or after_read"
                    }
                    _ => why,
                };
                self.faults
                    .add(node.at, format!("`{word}` can mean nothing at `{}`: {why}", trigger.as_str()));
                sound = false;
            }
        }
        sound.then_some(effect)
    }

    fn hook_name(&mut self, fields: &Fields<'_>) -> Option<Arc<str>> {
        let node = fields.get(keys::NAME)?;
        let name = node.as_text()?;
        if let Some(first) = self.names.get(name) {
            let line = self.faults.line_of(self.source, *first);
            let shown = text::shown_key(name.as_bytes());
            self.faults.add(
                node.at,
                format!("the hook in line {line} is called `{shown}` too: give each a name of its own"),
            );
        } else {
            self.names.insert(Arc::clone(name), node.at);
        }
        Some(Arc::clone(name))
    }

    /// Tells the cheap cases of a hook that can never decide anything.
    fn can_decide(&mut self, fields: &Fields<'_>, triggers: &[Trigger], globs: &[Glob], unless: &[Glob]) {
        if !unless.is_empty() && all_left_alone(globs, unless) {
            let at = fields.place(keys::UNLESS_KEYS).unwrap_or(fields.at);
            self.faults.add(at, "`unless_keys` leaves all of `keys` alone: the hook could never decide");
        }
        if let Some(earlier) = self.refused.covers(triggers, globs) {
            let line = self.faults.line_of(self.source, earlier);
            self.faults.add(
                fields.at,
                format!(
                    "the hook in line {line} denies all of these keys first: this one could never decide"
                ),
            );
        }
    }
}

/// Without control characters: a remark cannot forge another line of the log.
fn one_line(reason: &str) -> Arc<str> {
    reason.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().into()
}

fn default_name(trigger: Trigger, globs: &[Glob]) -> Arc<str> {
    let first = globs.first().map(Glob::as_str).unwrap_or_default();
    match globs.len() {
        0 | 1 => format!("{} {first}", trigger.as_str()).into(),
        more => format!("{} {first} (and {} more)", trigger.as_str(), more - 1).into(),
    }
}
