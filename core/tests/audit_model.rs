//! The ring and its filters against the plainest model: a vector of everything that was ever appended.

use checkrein::audit::{AuditFilter, AuditLog, OperationId, Record, Surface, Verb, Verdict};
use checkrein::clock::Time;
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

/// A record that owns its parts.
#[derive(Clone, Debug)]
struct Owned {
    wall_ns: u64,
    id: u128,
    operation: Verb,
    key: Vec<u8>,
    result: Verdict,
    agent_id: Option<String>,
    session_id: Option<String>,
    rule: Option<String>,
    reason: Option<String>,
    logged: bool,
    applied: Option<bool>,
}

#[derive(Clone, Debug)]
struct Question {
    limit: usize,
    agent_id: Option<String>,
    session_id: Option<String>,
    operation: Option<Verb>,
    result: Option<Verdict>,
    first_byte: Option<u8>,
    since_ns: Option<u64>,
}

impl Owned {
    fn record(&self) -> Record<'_> {
        Record {
            time: Time { monotonic_ns: 0, wall_ns: self.wall_ns },
            operation_id: OperationId::from_u128(self.id),
            surface: Surface::Data,
            operation: self.operation,
            key: &self.key,
            result: self.result,
            agent_id: self.agent_id.as_deref(),
            session_id: self.session_id.as_deref(),
            rule: self.rule.as_deref(),
            reason: self.reason.as_deref(),
            logged: self.logged,
            applied: self.applied,
            scanned: None,
        }
    }
}

impl Question {
    fn filter(&self) -> AuditFilter {
        let mut filter = AuditFilter::new().limit(self.limit);
        if let Some(agent_id) = &self.agent_id {
            filter = filter.agent_id(agent_id);
        }
        if let Some(session_id) = &self.session_id {
            filter = filter.session_id(session_id);
        }
        if let Some(operation) = self.operation {
            filter = filter.operation(operation);
        }
        if let Some(result) = self.result {
            filter = filter.result(result);
        }
        if let Some(byte) = self.first_byte {
            filter = filter.keys(move |key| key.first() == Some(&byte));
        }
        if let Some(since_ns) = self.since_ns {
            filter = filter.since_ns(since_ns);
        }
        filter
    }

    fn passes(&self, record: &Owned) -> bool {
        (self.agent_id.is_none() || self.agent_id == record.agent_id)
            && (self.session_id.is_none() || self.session_id == record.session_id)
            && self.operation.is_none_or(|operation| operation == record.operation)
            && self.result.is_none_or(|result| result == record.result)
            && self.first_byte.is_none_or(|byte| record.key.first() == Some(&byte))
            && self.since_ns.is_none_or(|since| record.wall_ns >= since)
    }
}

fn kind() -> impl Strategy<Value = Verb> {
    proptest::sample::select(Verb::ALL.to_vec())
}

fn verdict() -> impl Strategy<Value = Verdict> {
    proptest::sample::select(vec![Verdict::Allowed, Verdict::Denied, Verdict::Error])
}

fn id() -> impl Strategy<Value = Option<String>> {
    of("[ab]{0,2}")
}

fn owned() -> impl Strategy<Value = Owned> {
    let who = (id(), id(), of("[a-z /*é]{0,40}"), of("\\PC{0,60}"));
    let what =
        (0..20_u64, any::<u128>(), kind(), vec(0..4_u8, 0..200), verdict(), any::<bool>(), of(any::<bool>()));
    (who, what).prop_map(|((agent_id, session_id, rule, reason), what)| {
        let (wall_ns, id, operation, key, result, logged, applied) = what;
        Owned { wall_ns, id, operation, key, result, agent_id, session_id, rule, reason, logged, applied }
    })
}

fn question() -> impl Strategy<Value = Question> {
    (0..12_usize, id(), id(), of(kind()), of(verdict()), of(0..4_u8), of(0..20_u64)).prop_map(
        |(limit, agent_id, session_id, operation, result, first_byte, since_ns)| Question {
            limit,
            agent_id,
            session_id,
            operation,
            result,
            first_byte,
            since_ns,
        },
    )
}

proptest! {
    #[test]
    fn the_ring_answers_as_a_vector_would(
        capacity in 1..40_usize,
        records in vec(owned(), 0..100),
        questions in vec(question(), 1..6),
    ) {
        let log = AuditLog::new(capacity).unwrap();
        for record in &records {
            log.append(&record.record());
        }
        prop_assert_eq!(log.len(), records.len().min(capacity));

        for question in questions {
            // Filters first, then the newest: kept, passing, the last `limit` of them.
            let kept = records.len().saturating_sub(capacity);
            let passing: Vec<(u64, &Owned)> =
                (1..).zip(&records).skip(kept).filter(|(_, record)| question.passes(record)).collect();
            let wanted = &passing[passing.len().saturating_sub(question.limit)..];

            let given = log.entries(&question.filter());
            prop_assert_eq!(given.len(), wanted.len());
            for (entry, (sequence, record)) in given.iter().zip(wanted) {
                prop_assert_eq!(entry.sequence(), *sequence);
                prop_assert_eq!(entry.timestamp_ns(), record.wall_ns);
                prop_assert_eq!(entry.operation_id().as_u128(), record.id);
                prop_assert_eq!(entry.operation(), record.operation);
                prop_assert_eq!(entry.key_bytes(), &record.key);
                prop_assert_eq!(entry.result(), record.result);
                prop_assert_eq!(entry.agent_id().map(String::from), record.agent_id.clone());
                prop_assert_eq!(entry.session_id().map(String::from), record.session_id.clone());
                prop_assert_eq!(entry.rule().map(String::from), record.rule.clone());
                prop_assert_eq!(entry.reason().map(String::from), record.reason.clone());
                prop_assert_eq!(entry.logged(), record.logged);
                prop_assert_eq!(entry.applied(), record.applied);
            }
        }
    }
}
