//! Where an operation meets the rate limits: looked at when it starts, taken of right before the store is asked.

use super::Kind;
use super::course::{Course, State};
use super::now::Now;
use super::whole::Whole;
use crate::engine::Config;
use crate::error::Result;
use crate::hook::Mode;
use crate::limit::{Refused, Taken, Target, Unmet};

impl Course<'_> {
    /// Whether limits can be looked at and taken at one moment: no hook and no sink is to be asked in between. A
    /// refusal that is only noted must not keep the other limits from being taken, so not in shadow mode.
    pub(super) fn takes_at_once(&self, config: &Config) -> bool {
        self.subject.matched.is_empty() && !config.has_strict_sink && config.mode == Mode::Enforce
    }

    /// Looks at the limits for the key in hand; takes of them too where that can be at once.
    #[inline]
    pub(super) fn look_at_limits(&mut self, config: &Config, now: &mut Now<'_>) -> bool {
        config.limits.is_empty() || self.look_at_each_limit(config, now)
    }

    #[inline(never)]
    fn look_at_each_limit(&mut self, config: &Config, now: &mut Now<'_>) -> bool {
        let target = Target::from(self.subject.kind);
        let now_ns = now.get().monotonic_ns;
        let judged = match self.takes_at_once(config) {
            true => config.limits.pass(target, &self.context, now_ns),
            false => config.limits.start(target, &self.context, now_ns),
        };
        self.limits_pass(config, judged)
    }

    #[inline]
    pub(super) fn take_limits(&mut self, config: &Config, now: &mut Now<'_>) {
        if !config.limits.is_empty() && !self.take_each_limit(config, now) {
            return;
        }
        match self.whole {
            Whole::Scan(_) => self.show_value(),
            Whole::One | Whole::Many(_) => self.state = State::Store,
        }
    }

    #[inline(never)]
    fn take_each_limit(&mut self, config: &Config, now: &mut Now<'_>) -> bool {
        let now_ns = now.get().monotonic_ns;
        match &self.whole {
            Whole::Many(many) => {
                let judged = config.limits.take_many(&many.demand(), &self.context, now_ns);
                self.limits_pass_many(config, judged)
            }
            Whole::One | Whole::Scan(_) => {
                let target = Target::from(self.subject.kind);
                let judged = config.limits.take(target, &self.context, now_ns);
                self.limits_pass(config, judged)
            }
        }
    }

    pub(super) fn limits_pass_many(&mut self, config: &Config, judged: Result<Taken, Unmet>) -> bool {
        match judged {
            Ok(taken) => self.limits_pass(config, Ok(taken)),
            Err(Unmet::Refused(refused)) => self.limits_pass(config, Err(refused)),
            Err(Unmet::Impossible(impossible)) => {
                let reads = matches!(&self.whole, Whole::Many(many) if many.kind() == Some(Kind::Read));
                let error = impossible.error(if reads { "call" } else { "batch" });
                if config.mode == Mode::Shadow {
                    self.note_denial(Some(impossible.limit()), error.to_string());
                    return true;
                }
                self.fail(error);
                false
            }
        }
    }

    /// Notes what was taken, or refuses; false where the operation has ended.
    fn limits_pass(&mut self, config: &Config, judged: Result<Taken, Refused>) -> bool {
        match judged {
            Ok(taken) => {
                if let Some(limit) = taken.overflow() {
                    let note = format!("limit `{limit}` tracks no more keys: its shared bucket was used");
                    self.overflow = Some(note);
                }
                true
            }
            Err(refused) if config.mode == Mode::Shadow => {
                self.note_denial(Some(refused.limit()), refused.reason());
                true
            }
            Err(refused) => {
                self.refuse_by_limit(&refused);
                false
            }
        }
    }
}
