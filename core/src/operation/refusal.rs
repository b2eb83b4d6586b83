//! How an operation that does not simply pass comes to its end, and what the audit is told in every case.

use std::sync::Arc;

use super::now::Now;
use super::progress::{Pending, Progress, State};
use super::{Kind, StoreReply};
use crate::audit::{OperationId, Record, Surface, Verdict};
use crate::context::{AGENT_ID, SESSION_ID};
use crate::engine::Config;
use crate::error::{Cause, Class, Code, Error, PolicyViolation, ViolationKind};
use crate::hook::HookEntry;
use crate::limit::Refused;

/// An end other than "allowed".
pub(super) struct Refusal {
    /// How it stands in the audit.
    verdict: Verdict,
    /// What the caller gets.
    pub(super) error: Error,
    /// Whether the store did it, where that is known.
    applied: Option<bool>,
    /// The hook that raised the error, for the audit; where none did, the error itself says what decided.
    raised_by: Option<Arc<str>>,
}

impl Refusal {
    /// An error that is told as it is.
    pub(super) fn of(error: Error, applied: Option<bool>) -> Self {
        // A violation that a hook raised, a limit's on another engine too, is a deny of this operation.
        let verdict = match error.code() {
            Code::Denied | Code::RateLimited => Verdict::Denied,
            _ => Verdict::Error,
        };
        Refusal { verdict, error, applied, raised_by: None }
    }

    /// The hook or limit that decided, where one did.
    fn rule(&self) -> Option<&str> {
        self.raised_by.as_deref().or_else(|| self.error.violation()?.rule.as_deref())
    }
}

impl Progress<'_> {
    /// For writes and deletes: true once the store has done it, and nothing before that.
    pub(super) fn did_change(&self) -> Option<bool> {
        (self.kind != Kind::Read && self.state == State::After).then_some(true)
    }

    /// What the audit says of `applied` as things stand: nothing for reads, nor while the store has not replied.
    fn applied(&self) -> Option<bool> {
        match (self.kind, self.state) {
            (Kind::Read, _) => None,
            (_, State::After) => Some(true),
            (_, State::Store) => None,
            _ => Some(false),
        }
    }

    fn end(&mut self, verdict: Verdict, error: Error) {
        self.result = Err(Refusal { verdict, error, applied: self.applied(), raised_by: None });
        self.state = State::Ended;
    }

    /// Ends with an error that is told as it is.
    pub(super) fn fail(&mut self, error: Error) {
        self.result = Err(Refusal::of(error, self.applied()));
        self.state = State::Ended;
    }

    /// Ends with an error that its driver found, unless it is in the audit.
    pub(super) fn reject(&mut self, error: Error) {
        if self.state != State::Done {
            self.state = State::Start;
            self.pending = Pending::Nothing;
            self.fail(error);
        }
    }

    /// Ends with an error that a hook raised; the error is told as it is, the audit names the hook.
    pub(super) fn fail_in(&mut self, hook: &HookEntry, error: Error) {
        self.fail(error);
        if let Err(refusal) = &mut self.result {
            refusal.raised_by = Some(Arc::clone(&hook.rule));
        }
    }

    /// Ends as refused by a hook.
    pub(super) fn refuse(
        &mut self,
        kind: ViolationKind,
        reason: String,
        hook: &HookEntry,
        cause: Option<Cause>,
    ) {
        let applied = self.did_change().is_some();
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

    /// A violation that names this operation.
    fn violation(&self) -> PolicyViolation {
        PolicyViolation {
            operation: Some(self.kind),
            key: Some(self.key.to_vec()),
            ..PolicyViolation::default()
        }
    }

    /// Ends because the store failed, or gave what is no reply.
    pub(super) fn fail_by_store(&mut self, reply: StoreReply) {
        let what = format!("{} of `{}`", self.kind.as_str(), crate::text::shown_key(&self.key));
        let error = match reply {
            StoreReply::Failed(error) => error,
            StoreReply::Raised(cause) => Error::store(format!("the store failed at the {what}"), Some(cause)),
            StoreReply::Invalid(got) => {
                Error::store(format!("the store replied to the {what} with {got}, which is no reply"), None)
            }
            StoreReply::Value(_) | StoreReply::Done => {
                Error::store(format!("the store's reply does not fit the {what}"), None)
            }
        };
        self.end(Verdict::Error, error);
    }

    /// A reply that does not fit ends an operation that is still going on.
    pub(super) fn misuse(&mut self, pending: Pending) -> Error {
        let asked = match pending {
            _ if matches!(self.state, State::Ended | State::Done) => {
                "the operation is decided: it takes no reply"
            }
            Pending::Nothing => "no reply is due: ask for the next step first",
            Pending::Warning | Pending::Log(_) => "the reply does not fit: a logger was to be told",
            Pending::Hook(_) => "the reply does not fit: a hook's answer is due",
            Pending::Store => "the reply does not fit: the store's reply is due",
        };
        let error = Error::usage(asked);
        // One that is decided stays refused where it was, and becomes so where it was not and nothing has happened.
        if self.state != State::Done && self.result.is_ok() {
            self.end(Verdict::Error, error.clone());
        }
        error
    }

    /// Ended, and in the audit.
    #[inline]
    pub(super) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Ends as abandoned, unless it is decided, and tells the audit. Not for one that is done.
    pub(super) fn abandon(&mut self, config: &Config) {
        if self.state != State::Ended {
            let asked =
                matches!((self.state, self.pending), (State::Store, Pending::Store) | (State::After, _));
            let verdict = if asked { Verdict::Unknown } else { Verdict::Denied };
            let reason = "abandoned".to_owned();
            let kind = ViolationKind::Abandoned;
            let applied = self.did_change().is_some();
            let violation = PolicyViolation { kind, reason, applied, ..self.violation() };
            self.end(verdict, violation.into());
        }
        self.pending = Pending::Nothing;
        // Nobody hands over the time here, and the last reading may be long past, or none at all.
        self.conclude(config, &mut Now::Of(&config.clock));
    }

    /// Tells the audit how it ended.
    pub(super) fn conclude(&mut self, config: &Config, now: &mut Now<'_>) {
        self.state = State::Done;
        self.uncount(config);
        let Some(audit) = &config.audit else { return };
        let (agent_id, session_id) = (self.context.text_of(AGENT_ID), self.context.text_of(SESSION_ID));
        let (changed_by, hidden_for) = match &self.changed_by {
            Some((rule, why)) => (Some(&**rule), why.as_deref()),
            None => (None, None),
        };
        let failed_for = self.result.as_ref().err().map(|refusal| reason_of(&refusal.error));
        let (result, applied, rule, reason) = match &self.result {
            Ok(()) => (self.passed(), (self.kind != Kind::Read).then_some(true), changed_by, hidden_for),
            Err(refusal) => (refusal.verdict, refusal.applied, refusal.rule(), failed_for.as_deref()),
        };
        audit.append(&Record {
            time: now.get(),
            operation_id: OperationId::next(),
            surface: Surface::Data,
            operation: self.kind,
            key: &self.key,
            result,
            agent_id: agent_id.as_deref(),
            session_id: session_id.as_deref(),
            rule,
            reason: reason.or(self.overflow.as_deref()),
            logged: self.logged,
            applied,
        });
    }

    /// How an operation that was not refused stands in the audit.
    fn passed(&self) -> Verdict {
        match (self.modified, self.kind) {
            (true, Kind::Read) => Verdict::Redacted,
            (true, _) => Verdict::Modified,
            _ => Verdict::Allowed,
        }
    }
}

/// The reason that the audit gives an error: never a foreign error's message.
fn reason_of(error: &Error) -> String {
    match (error, error.cause()) {
        (Error::Host(host), _) => reason_of(&host.error),
        (Error::Violation(violation), _) => violation.reason.clone(),
        (Error::Store(_), Some(cause)) => format!("the store failed with `{}`", cause.type_name()),
        (Error::Store(store), None) if store.code != Code::Store => store.code.as_str().to_owned(),
        (error, _) if error.code().class() == Class::Internal => error.code().as_str().to_owned(),
        (error, _) => error.to_string(),
    }
}
