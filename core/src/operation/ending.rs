//! The end of an operation: the audit's ring and its sinks, then who listens for refusals.

use super::course::{Course, Pending, State};
use super::now::Now;
use super::subject::{Stage, Subject, WouldDeny};
use super::whole::Whole;
use crate::audit::{AuditLog, Entry, OperationId, Phase, Record, SinkTarget, Surface, Verb, Verdict};
use crate::clock::Time;
use crate::context::{AGENT_ID, SESSION_ID};
use crate::engine::Config;
use crate::error::{Cause, Code};
use crate::operation::{Kind, MAX_DEPTH};

/// What is left to be told.
#[derive(Default)]
pub(super) struct Ending {
    /// The operation's own entries, behind those that sinks of the host have not been told of yet.
    pub(super) entries: Vec<Entry>,
    /// How many of them are such.
    late: usize,
    /// Which moment the entries tell of.
    pub(super) phase: Option<Phase>,
    /// The next sink and the next listener.
    sink: usize,
    listener: usize,
    /// A warning that is due.
    pub(super) warning: Option<String>,
}

impl Ending {
    /// The operation's own entries.
    pub(super) fn own(&self) -> &[Entry] {
        self.entries.get(self.late..).unwrap_or_default()
    }
}

impl Course<'_> {
    /// Tells the strict sinks what was decided, one after the other; then tokens are taken.
    #[inline]
    pub(super) fn tell_decided(&mut self, config: &Config, now: &mut Now<'_>) {
        if config.has_strict_sink && config.audit.is_some() && self.tell_next_strict(config, now) {
            return;
        }
        self.state = match self.whole {
            Whole::Scan(_) => State::Store,
            Whole::One | Whole::Many(_) => State::Take,
        };
    }

    /// Tells the next strict sink what was decided; false where all were told.
    #[inline(never)]
    fn tell_next_strict(&mut self, config: &Config, now: &mut Now<'_>) -> bool {
        let at = match &self.ending {
            Some(ending) => ending.sink,
            None => {
                let entries = self.entries(None, now.get());
                let ending = Ending { entries, phase: Some(Phase::Decided), ..Ending::default() };
                self.ending = Some(Box::new(ending));
                0
            }
        };
        let strict = |place: &usize| config.sinks.get(*place).is_some_and(|sink| sink.strict);
        let next = (at..config.sinks.len()).find(strict);
        match (next, &mut self.ending) {
            (Some(place), Some(ending)) => {
                ending.sink = place + 1;
                self.pending = Pending::Sink(place);
            }
            _ => self.ending = None,
        }
        next.is_some()
    }

    /// Tells the audit how it ended, and sees who else is to be told.
    #[inline(never)]
    pub(super) fn conclude(&mut self, config: &Config, now: &mut Now<'_>) {
        let told_alone = matches!(self.whole, Whole::One) && config.sinks.is_empty();
        if let (true, Some(audit)) = (told_alone, &config.audit) {
            self.tell_ring(audit, now);
        }
        if told_alone && self.subject.would_deny.is_none() && !self.has_listeners(config) {
            return self.done(config);
        }
        self.tell_others(config, if told_alone { None } else { config.audit.as_deref() }, now);
    }

    /// The usual case: nothing is copied but into the ring.
    #[inline(never)]
    fn tell_ring(&mut self, audit: &AuditLog, now: &mut Now<'_>) {
        let id = self.id();
        self.with_record(&self.subject, None, id, now.get(), |record| audit.append(record));
    }

    /// Tells the ring, where one is given, and the sinks that need no step; sees what is left to be told by steps.
    #[inline(never)]
    fn tell_others(&mut self, config: &Config, ring: Option<&AuditLog>, now: &mut Now<'_>) {
        self.take_in_hand(None);
        self.ending = None;
        let mut entries = ring.map(|ring| self.entries(Some(ring), now.get())).unwrap_or_default();
        let mut warnings: Vec<String> = self.shadow_warning().into_iter().collect();
        for file in config.sinks.iter().filter_map(|sink| sink.takes_at_once()) {
            // It keeps what it cannot write and tells of that itself; one that was closed keeps nothing.
            if let Err(error) = file.append(&entries, None) {
                warnings.push(format!("a sink of the audit failed: {error}"));
            }
        }
        let sinks = !entries.is_empty() && config.sinks.iter().any(|sink| sink.takes_at_once().is_none());
        let (mut late, mut lost) = (Vec::new(), 0);
        if sinks && config.has_host_sink() && self.may_tell_host() {
            (late, lost) = config.untold.take();
        }
        if lost > 0 {
            warnings.push(format!("{lost} audit entries were not told to the sinks: too many waited"));
        }
        let warning = (!warnings.is_empty()).then(|| warnings.join("; "));
        if sinks || warning.is_some() || self.has_listeners(config) {
            let before = late.len();
            late.append(&mut entries);
            self.ending =
                Some(Box::new(Ending { entries: late, late: before, warning, ..Ending::default() }));
            self.state = State::Telling;
        } else {
            self.done(config);
        }
    }

    /// Nothing more: until here it counts as open.
    #[inline]
    fn done(&mut self, config: &Config) {
        self.uncount(config);
        self.state = State::Done;
    }

    /// What a sink or listener of the host starts is told to it again. At the end of the nesting that stops: a refusal
    /// for being too deep is told late, by an operation that is not.
    fn may_tell_host(&self) -> bool {
        self.depth <= MAX_DEPTH
    }

    #[inline]
    fn has_listeners(&self, config: &Config) -> bool {
        let refused = || matches!(&self.result, Err(refusal) if refusal.error.violation().is_some());
        self.result.is_err() && !config.listeners.is_empty() && self.may_tell_host() && refused()
    }

    /// Tells the next of those who are left: a logger, the sinks, and of a refusal the listeners.
    #[inline(never)]
    pub(super) fn tell_next(&mut self, config: &Config) {
        let (listens, to_host) = (self.has_listeners(config), self.may_tell_host());
        let Some(ending) = &mut self.ending else {
            return self.done(config);
        };
        if ending.warning.is_some() {
            self.pending = Pending::Warning;
            return;
        }
        let by_step = |place: &usize| {
            config.sinks.get(*place).is_some_and(|sink| match &sink.target {
                SinkTarget::File(_) => sink.strict,
                SinkTarget::Host(_) => to_host,
            })
        };
        let sinks = if ending.entries.is_empty() { 0 } else { config.sinks.len() };
        if let Some(place) = (ending.sink..sinks).find(by_step) {
            ending.sink = place + 1;
            let strict = config.sinks.get(place).is_some_and(|sink| sink.strict);
            ending.phase = strict.then_some(Phase::Done);
            self.pending = Pending::Sink(place);
            return;
        }
        ending.sink = sinks;
        if listens && ending.listener < config.listeners.len() {
            self.pending = Pending::Listener(ending.listener);
            ending.listener += 1;
            return;
        }
        if !to_host && config.has_host_sink() {
            config.untold.add(ending.entries.drain(..));
        }
        self.ending = None;
        self.done(config);
    }

    /// Tells what can be told without a driver, and is done: for an operation that is let go.
    pub(super) fn tell_all(&mut self, config: &Config) {
        if self.state == State::Ended {
            self.pending = Pending::Nothing;
            // Nobody hands over the time here, and the last reading may be long past, or none at all.
            self.conclude(config, &mut Now::Of(&config.clock));
        }
        // One that was about to be told has not said that it was.
        let pending = if let Pending::Sink(at) = std::mem::replace(&mut self.pending, Pending::Nothing) {
            Some(at)
        } else {
            None
        };
        if let Some(ending) = self.ending.take() {
            let mut host = false;
            for sink in config.sinks.iter().skip(pending.unwrap_or(ending.sink)) {
                match &sink.target {
                    SinkTarget::File(file) if sink.strict => {
                        let _ = file.append(ending.own(), Some(Phase::Done));
                    }
                    SinkTarget::File(_) => {}
                    SinkTarget::Host(_) => host = true,
                }
            }
            if host {
                config.untold.add(ending.entries);
            }
        }
        self.done(config);
    }

    /// The warning that was due was told.
    pub(super) fn warned(&mut self) {
        if let Some(ending) = &mut self.ending {
            ending.warning = None;
        }
    }

    /// Says a warning before whatever comes next.
    pub(super) fn warn_of(&mut self, warning: String) {
        self.ending.get_or_insert_default().warning = Some(warning);
    }

    /// The callback that listens for refusals failed: the refusal stands.
    pub(super) fn listener_failed(&mut self, cause: &Cause) {
        self.warn_of(format!("a callback of `on_denied` failed with `{}`", cause.type_name()));
    }

    /// The loud half of "lets pass, loudly".
    fn shadow_warning(&self) -> Option<String> {
        let told = |subject: &Subject<'_>| {
            let would = subject.would_deny.as_ref()?;
            let rule = would.rule.as_deref().map(|rule| format!(" (`{rule}`)")).unwrap_or_default();
            let (what, key) = match &self.whole {
                Whole::Scan(scan) => (Verb::Scan, &scan.prefix),
                Whole::One | Whole::Many(_) => (subject.kind.into(), &subject.key),
            };
            let key = crate::text::shown_key(key);
            let reason = crate::text::shown_key(would.reason.as_bytes());
            Some(format!("shadow: {} of `{key}` would be denied{rule}: {reason}", what.as_str()))
        };
        match &self.whole {
            Whole::One | Whole::Scan(_) => told(&self.subject),
            // What was noted before any key was in hand stands with the one that is in hand then: none.
            Whole::Many(many) => told(&self.subject).or_else(|| many.subjects.iter().find_map(told)),
        }
    }

    fn id(&mut self) -> OperationId {
        *self.id.get_or_insert_with(OperationId::next)
    }

    /// The entries of the operation as things stand, appended to a ring where one is given.
    fn entries(&mut self, ring: Option<&AuditLog>, time: Time) -> Vec<Entry> {
        let id = self.id();
        let append = |record: &Record<'_>| Entry::of(ring.map_or(0, |ring| ring.append(record)), record);
        match &self.whole {
            Whole::One | Whole::Scan(_) => vec![self.with_record(&self.subject, None, id, time, append)],
            Whole::Many(many) => {
                let numbered = many.subjects.iter().enumerate();
                numbered.map(|(at, subject)| self.with_record(subject, Some(at), id, time, append)).collect()
            }
        }
    }

    /// Makes the record of one key and does something with it.
    fn with_record<T>(
        &self,
        subject: &Subject<'_>,
        at: Option<usize>,
        operation_id: OperationId,
        time: Time,
        then: impl FnOnce(&Record<'_>) -> T,
    ) -> T {
        let (agent_id, session_id) = (self.context.text_of(AGENT_ID), self.context.text_of(SESSION_ID));
        let told = self.told(subject, at);
        let (operation, key, scanned) = match &self.whole {
            Whole::Scan(scan) => (Verb::Scan, &scan.prefix, Some(scan.count)),
            Whole::One | Whole::Many(_) => (Verb::from(subject.kind), &subject.key, None),
        };
        then(&Record {
            time,
            operation_id,
            surface: Surface::Data,
            operation,
            key,
            result: told.verdict,
            agent_id: agent_id.as_deref(),
            session_id: session_id.as_deref(),
            rule: told.rule,
            reason: told.reason.as_deref().or(self.overflow.as_deref()),
            logged: subject.logged,
            applied: subject.applied().filter(|_| scanned.is_none() && self.state != State::Decided),
            scanned,
        })
    }

    /// How a key ended, by what and why.
    fn told<'o>(&'o self, subject: &'o Subject<'_>, at: Option<usize>) -> Told<'o> {
        match &self.result {
            Err(refusal) if refusal.error.code() == Code::Abandoned && refusal.rule().is_none() => {
                self.abandoned(subject)
            }
            // Another key of the batch was done before this one failed.
            Err(refusal) if refusal.at.is_some() && refusal.at != at && subject.stage != Stage::Asked => {
                match subject.stage {
                    Stage::Replied | Stage::Finished => self.passed(subject),
                    Stage::Unasked | Stage::Asked => Told {
                        verdict: refusal.verdict,
                        rule: refusal.rule(),
                        reason: Some(match subject.kind {
                            Kind::Read => "another key of the call was refused or failed".to_owned(),
                            _ => "another operation of the batch was refused or failed".to_owned(),
                        }),
                    },
                }
            }
            Err(refusal) => {
                Told { verdict: refusal.verdict, rule: refusal.rule(), reason: Some(refusal.reason()) }
            }
            Ok(()) => self.passed(subject),
        }
    }

    fn abandoned(&self, subject: &Subject<'_>) -> Told<'_> {
        let verdict = match (&self.whole, subject.stage) {
            // What a scan gave it has given: its entry says how much.
            (Whole::Scan(scan), _) if scan.asked => self.verdict_of(subject),
            (_, Stage::Unasked) => Verdict::Denied,
            (_, Stage::Asked | Stage::Replied) => Verdict::Unknown,
            (_, Stage::Finished) => self.verdict_of(subject),
        };
        Told { verdict, rule: None, reason: Some("abandoned".to_owned()) }
    }

    /// A key that was not refused.
    fn passed<'o>(&'o self, subject: &'o Subject<'_>) -> Told<'o> {
        let verdict = self.verdict_of(subject);
        // A scan's entry is about all its keys, so no hook of the last one is named.
        let (rule, reason) = match (self.would_deny(subject), &subject.changed_by) {
            (Some(would), _) => (would.rule.as_deref(), Some(would.reason.clone())),
            (None, Some((rule, why))) => (Some(&**rule), why.clone()),
            (None, None) => (None, None),
        };
        Told { verdict, rule, reason }
    }

    /// How a key that was not refused stands in the audit.
    fn verdict_of(&self, subject: &Subject<'_>) -> Verdict {
        let modified = match &self.whole {
            Whole::Scan(scan) => scan.modified || scan.count.withheld > 0,
            Whole::One | Whole::Many(_) => subject.modified,
        };
        let verdict = match (modified, subject.kind) {
            (true, Kind::Read) => Verdict::Redacted,
            (true, _) => Verdict::Modified,
            _ => Verdict::Allowed,
        };
        match self.would_deny(subject) {
            Some(_) => verdict.max(Verdict::WouldDeny),
            None => verdict,
        }
    }

    /// What would have refused a key: of a batch also what would have refused it whole, which is noted with what
    /// the course has in hand while it has no key.
    fn would_deny<'o>(&'o self, subject: &'o Subject<'_>) -> Option<&'o WouldDeny> {
        subject.would_deny.as_deref().or(self.subject.would_deny.as_deref())
    }
}

/// What an entry tells of how it ended.
struct Told<'o> {
    verdict: Verdict,
    rule: Option<&'o str>,
    reason: Option<String>,
}
