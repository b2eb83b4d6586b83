//! How an operation that does not simply pass comes to its end.

use std::sync::Arc;

use super::StoreReply;
use super::course::{Course, Pending, State};
use super::subject::{Stage, WouldDeny};
use super::whole::Whole;
use crate::audit::Verdict;
use crate::engine::Config;
use crate::error::{Cause, Class, Code, Error, PolicyViolation, StoreError, ViolationKind};
use crate::hook::{HookEntry, Mode};
use crate::limit::Refused;
use crate::operation::Kind;

/// An end other than "allowed".
pub(super) struct Refusal {
    /// How it stands in the audit.
    pub(super) verdict: Verdict,
    /// What the caller gets.
    pub(super) error: Error,
    /// The key of many that it is about; none where it is about all.
    pub(super) at: Option<usize>,
    /// The hook that raised the error, for the audit; where none did, the error itself says what decided.
    raised_by: Option<Arc<str>>,
    /// Why, for the audit, where the error that the caller gets tells of more than this key.
    why: Option<String>,
}

impl Refusal {
    /// An error that is told as it is.
    pub(super) fn of(error: Error, at: Option<usize>) -> Self {
        // A violation that a hook raised, a limit's on another engine too, is a deny of this operation.
        let verdict = match error.code() {
            Code::Denied | Code::RateLimited => Verdict::Denied,
            _ => Verdict::Error,
        };
        Refusal { verdict, error, at, raised_by: None, why: None }
    }

    /// The hook or limit that decided, where one did.
    pub(super) fn rule(&self) -> Option<&str> {
        self.raised_by.as_deref().or_else(|| self.error.violation()?.rule.as_deref())
    }

    /// Why.
    pub(super) fn reason(&self) -> String {
        self.why.clone().unwrap_or_else(|| reason_of(&self.error))
    }
}

impl Course<'_> {
    /// Which of many keys is in hand.
    fn in_hand(&self) -> Option<usize> {
        match &self.whole {
            Whole::Many(many) => many.in_hand,
            Whole::One | Whole::Scan(_) => None,
        }
    }

    fn end(&mut self, verdict: Verdict, error: Error) {
        self.end_by(Refusal { verdict, error, at: self.in_hand(), raised_by: None, why: None });
    }

    fn end_by(&mut self, refusal: Refusal) {
        if self.withholds(&refusal) {
            return;
        }
        self.result = Err(self.in_part(refusal));
        self.state = State::Ended;
    }

    /// A key of a scan that may not be read is left out, and the scan goes on.
    fn withholds(&mut self, refusal: &Refusal) -> bool {
        let judged = matches!(self.state, State::Before | State::After);
        match &mut self.whole {
            Whole::Scan(scan) if judged && refusal.error.code() == Code::Denied => {
                scan.count.withheld += 1;
                scan.value = None;
                self.subject.value = None;
                self.state = State::Store;
                true
            }
            _ => false,
        }
    }

    /// Where a batch that is not atomic ends once the store was asked, the error says how much was applied.
    fn in_part(&mut self, refusal: Refusal) -> Refusal {
        let Whole::Many(many) = &mut self.whole else { return refusal };
        let in_hand = many.in_hand;
        let asked = self.subject.stage != Stage::Unasked || in_hand.is_some_and(|at| at > 0);
        let writes = self.subject.kind != Kind::Read;
        if many.atomic || !writes || !asked || !matches!(self.state, State::Store | State::After) {
            return refusal;
        }
        many.hand_over(&mut self.subject, None);
        let (applied, of) = (many.applied(), many.subjects.len());
        many.hand_over(&mut self.subject, in_hand);
        let rule = refusal.rule().map(Arc::from);
        let why = Some(refusal.reason());
        let class = refusal.error.code().class().as_str();
        let cause = match refusal.error {
            Error::Host(host) => host.object,
            error => Cause::error(class, Box::new(error)),
        };
        let message = format!("the first {applied} of {of} operations of the batch were applied");
        let error =
            StoreError { message, code: Code::StorePartial, applied: Some(applied), cause: Some(cause) };
        Refusal { error: error.into(), raised_by: rule, why, ..refusal }
    }

    /// Ends with an error that is told as it is.
    pub(super) fn fail(&mut self, error: Error) {
        self.end_by(Refusal::of(error, self.in_hand()));
    }

    /// Ends with an error that its driver found, unless it is in the audit.
    pub(super) fn reject(&mut self, error: Error) {
        if !self.is_told() {
            self.state = State::Start;
            self.pending = Pending::Nothing;
            self.fail(error);
        }
    }

    /// Ends with an error that a hook raised; the error is told as it is, the audit names the hook.
    pub(super) fn fail_in(&mut self, hook: &HookEntry, error: Error) {
        let raised_by = Some(Arc::clone(&hook.rule));
        self.end_by(Refusal { raised_by, ..Refusal::of(error, self.in_hand()) });
    }

    /// Ends as refused by a hook.
    pub(super) fn refuse(
        &mut self,
        kind: ViolationKind,
        reason: String,
        hook: &HookEntry,
        cause: Option<Cause>,
    ) {
        let applied = self.subject.did_change();
        let verdict = if kind == ViolationKind::Denied { Verdict::Denied } else { Verdict::Error };
        let rule = Some(hook.rule.to_string());
        let violation = PolicyViolation { kind, reason, rule, applied, cause, ..self.violation() };
        self.end(verdict, violation.into());
    }

    /// Ends as refused by a rate limit.
    pub(super) fn refuse_by_limit(&mut self, refused: &Refused) {
        let PolicyViolation { operation, key, .. } = self.violation();
        let violation = PolicyViolation { operation, key, ..refused.into() };
        self.end(Verdict::RateLimited, violation.into());
    }

    /// Ends as refused by a requirement of the engine, or notes it where the engine does not enforce; false there.
    pub(super) fn refuse_or_note(&mut self, config: &Config, rule: &str, reason: String) -> bool {
        if config.mode == Mode::Shadow {
            self.note_denial(Some(rule), reason);
            return false;
        }
        let violation = PolicyViolation { reason, rule: Some(rule.to_owned()), ..self.violation() };
        self.end(Verdict::Denied, violation.into());
        true
    }

    /// Notes what would have been refused; of several the first.
    pub(super) fn note_denial(&mut self, rule: Option<&str>, reason: String) {
        let rule = rule.map(str::to_owned);
        self.subject.would_deny.get_or_insert_with(|| Box::new(WouldDeny { rule, reason }));
    }

    /// A strict sink failed: refuses, or says that it was too late for that.
    pub(super) fn sink_failed(&mut self, config: &Config, at: usize, cause: Cause) {
        if !config.sinks.get(at).is_some_and(|sink| sink.strict) {
            self.warn_of(format!("a sink of the audit failed with `{}`", cause.type_name()));
            return;
        }
        let told = self.is_told();
        if told && self.result.is_err() {
            return;
        }
        let reason = format!("a strict sink of the audit failed with `{}`", cause.type_name());
        let applied = self.applied_at_all();
        let kind = ViolationKind::AuditFailed;
        let violation = PolicyViolation { kind, reason, applied, cause: Some(cause), ..self.violation() };
        let refusal = Refusal {
            verdict: Verdict::Error,
            error: violation.into(),
            at: None,
            raised_by: None,
            why: None,
        };
        if told {
            self.result = Err(refusal);
        } else {
            self.end_by(refusal);
        }
    }

    /// Whether the store has done any write or delete.
    fn applied_at_all(&self) -> bool {
        match &self.whole {
            Whole::Many(many) => many.subjects.iter().any(super::subject::Subject::did_change),
            Whole::One | Whole::Scan(_) => self.subject.did_change(),
        }
    }

    /// A violation that names this operation: the key in hand, or the prefix of a scan.
    fn violation(&self) -> PolicyViolation {
        let (operation, key) = match &self.whole {
            Whole::Many(many) if many.in_hand.is_none() => (many.kind(), None),
            // Of a key that is through nothing is said.
            Whole::Scan(scan) if self.is_told() || self.subject.key.is_empty() => {
                (Some(Kind::Read), Some(scan.prefix.to_vec()))
            }
            _ => (Some(self.subject.kind), Some(self.subject.key.to_vec())),
        };
        PolicyViolation { operation, key, ..PolicyViolation::default() }
    }

    /// Ends because the store failed, or gave what is no reply.
    pub(super) fn fail_by_store(&mut self, reply: StoreReply) {
        let what = match &self.whole {
            Whole::Scan(scan) => format!("scan of `{}`", crate::text::shown_key(&scan.prefix)),
            Whole::Many(many) if many.atomic => format!("batch of {} operations", many.subjects.len()),
            _ => {
                let kind = self.subject.kind.as_str();
                format!("{kind} of `{}`", crate::text::shown_key(&self.subject.key))
            }
        };
        let error = match reply {
            StoreReply::Failed(error) => error,
            StoreReply::Raised(cause) => Error::store(format!("the store failed at the {what}"), Some(cause)),
            StoreReply::Invalid(got) => {
                Error::store(format!("the store replied to the {what} with {got}, which is no reply"), None)
            }
            StoreReply::Value(_) | StoreReply::Done | StoreReply::Page(_) => {
                Error::store(format!("the store's reply does not fit the {what}"), None)
            }
        };
        self.end(Verdict::Error, error);
    }

    /// A reply that does not fit ends an operation that is still going on.
    pub(super) fn misuse(&mut self, config: &Config, pending: Pending) -> Error {
        let asked = match pending {
            _ if matches!(self.state, State::Ended | State::Done) => {
                "the operation is decided: it takes no reply"
            }
            Pending::Nothing => "no reply is due: ask for the next step first",
            Pending::Warning | Pending::Log(_) => "the reply does not fit: a logger was to be told",
            Pending::Hook(_) => "the reply does not fit: a hook's answer is due",
            Pending::Store => "the reply does not fit: the store's reply is due",
            Pending::Item => "the reply does not fit: the pair is to be taken",
            Pending::Sink(_) => "the reply does not fit: a sink was to be told",
            Pending::Listener(_) => "the reply does not fit: a listener was to be told",
        };
        let error = Error::usage(asked);
        // One that is decided stays refused where it was, and becomes so where it was not and nothing has happened.
        if !self.is_told() && self.result.is_ok() {
            self.end(Verdict::Error, error.clone());
        } else if let (Pending::Sink(at), true) = (pending, self.is_told()) {
            // The sink has not said that it has the entries.
            self.sink_failed(
                config,
                at,
                Cause::error(error.code().class().as_str(), Box::new(error.clone())),
            );
        }
        error
    }

    /// Nothing more is to be done.
    #[inline]
    pub(super) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// The audit's ring knows of it.
    fn is_told(&self) -> bool {
        matches!(self.state, State::Telling | State::Done)
    }

    /// Ends as abandoned, unless it is decided, and tells the audit. Not for one that is done.
    pub(super) fn abandon(&mut self, config: &Config) {
        if config.is_of_parent() {
            return self.orphan();
        }
        if !self.is_told() && self.state != State::Ended {
            let kind = ViolationKind::Abandoned;
            let applied = self.applied_at_all() || self.subject.did_change();
            let reason = "abandoned".to_owned();
            let violation = PolicyViolation { kind, reason, applied, ..self.violation() };
            // What became of each key says the key itself, see `Course::told`.
            let refusal = Refusal {
                verdict: Verdict::Denied,
                error: violation.into(),
                at: None,
                raised_by: None,
                why: None,
            };
            self.result = Err(refusal);
            self.state = State::Ended;
        }
        self.tell_all(config);
    }

    /// The process was forked while the operation was going on: in the child it ends, and touches nothing of what
    /// its parent's other threads may have held.
    #[cold]
    pub(super) fn orphan(&mut self) {
        if !self.is_done() {
            let error = Error::usage(
                "the process was forked while this operation was going on: in the child it is refused, start \
                 another one",
            );
            self.result = Err(Refusal::of(error, None));
            self.pending = Pending::Nothing;
            self.state = State::Done;
        }
    }
}

/// The reason that the audit gives an error: never a foreign error's message.
fn reason_of(error: &Error) -> String {
    match (error, error.cause()) {
        (Error::Host(host), _) => reason_of(&host.error),
        (Error::Violation(violation), _) => violation.reason.clone(),
        (Error::Store(store), _) if store.code == Code::StorePartial => store.code.as_str().to_owned(),
        (Error::Store(_), Some(cause)) => format!("the store failed with `{}`", cause.type_name()),
        (Error::Store(store), None) if store.code != Code::Store => store.code.as_str().to_owned(),
        (error, _) if error.code().class() == Class::Internal => error.code().as_str().to_owned(),
        (error, _) => error.to_string(),
    }
}
