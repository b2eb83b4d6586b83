//! The audit's entries and filters, sentence by sentence of `docs/audit.md`.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use checkrein::Code;
use checkrein::audit::{
    AuditFilter, AuditLog, DEFAULT_MAX_ENTRIES, Entry, FieldValue, LARGEST_MAX_ENTRIES, OperationId, Record,
    ScanCount, Surface, Verb, Verdict,
};
use checkrein::clock::Time;
use checkrein::text::MAX_AUDITED_KEY_BYTES;

/// 2026-11-22 17:30:00.123456789 UTC.
const NOW_NS: u64 = 1_795_368_600_123_456_789;

const PLAIN: Record<'static> = Record {
    time: Time { monotonic_ns: 5, wall_ns: NOW_NS },
    operation_id: OperationId::from_u128(0xabc),
    surface: Surface::Data,
    operation: Verb::Write,
    key: b"users/alice",
    result: Verdict::Allowed,
    agent_id: None,
    session_id: None,
    rule: None,
    reason: None,
    logged: false,
    applied: None,
    scanned: None,
};

/// The entry that one record becomes.
fn entry(record: Record<'_>) -> Entry {
    let log = AuditLog::new(4).unwrap();
    log.append(&record);
    log.entries(&AuditFilter::new()).pop().unwrap()
}

fn sequences(entries: &[Entry]) -> Vec<u64> {
    entries.iter().map(Entry::sequence).collect()
}

#[test]
fn an_entry_is_a_plain_map_in_the_canonical_order() {
    let full = Record {
        result: Verdict::Denied,
        agent_id: Some("agent_001"),
        session_id: Some("s-1"),
        rule: Some("before_write system/*"),
        reason: Some("not for \"agents\"\n"),
        logged: true,
        applied: Some(false),
        scanned: Some(ScanCount { given: 3, withheld: 2 }),
        ..PLAIN
    };
    let full = entry(full);
    let names: Vec<&str> = full.fields().map(|(name, _)| name).collect();
    let wanted = "sequence timestamp timestamp_ns operation_id surface operation key result agent_id session_id rule \
                  reason logged applied given withheld";
    assert_eq!(names.join(" "), wanted);
    assert_eq!(
        full.to_json_line(),
        concat!(
            r#"{"sequence":1,"timestamp":"2026-11-22T17:30:00.123456Z","timestamp_ns":1795368600123456789,"#,
            r#""operation_id":"00000000000000000000000000000abc","surface":"data","operation":"write","#,
            r#""key":"users/alice","result":"denied","agent_id":"agent_001","session_id":"s-1","#,
            r#""rule":"before_write system/*","reason":"not for \"agents\"\n","logged":true,"applied":false,"given":3,"withheld":2}"#,
        )
    );
}

#[test]
fn absent_is_none_and_logged_is_always_there() {
    let plain = entry(PLAIN);
    let names: Vec<&str> = plain.fields().map(|(name, _)| name).collect();
    assert_eq!(
        names.join(" "),
        "sequence timestamp timestamp_ns operation_id surface operation key result logged"
    );
    assert_eq!(plain.fields().last(), Some(("logged", FieldValue::Bool(false))));
    assert_eq!((plain.agent_id(), plain.rule(), plain.applied()), (None, None, None));

    let empty = entry(Record { agent_id: Some(""), ..PLAIN });
    assert_eq!(empty.agent_id().as_deref(), Some(""), "empty is not absent");
}

#[test]
fn a_json_line_is_what_a_json_parser_reads_back() {
    let odd = entry(Record { key: b"a\"\\\n\0\xff\xc3\xa9", reason: Some("é\u{2028}\u{1}"), ..PLAIN });
    let line = odd.to_json_line();
    assert!(!line.contains('\n'));
    let parsed: serde_json::Value = serde_json::from_str(&line).unwrap();
    for (name, value) in odd.fields() {
        assert_eq!(parsed[name], serde_json::Value::from(value), "{name}");
    }
}

#[test]
fn times_are_text_in_utc_with_microseconds_and_whole_nanoseconds() {
    let at = |wall_ns| entry(Record { time: Time { monotonic_ns: 0, wall_ns }, ..PLAIN });
    for (wall_ns, text) in [
        (0, "1970-01-01T00:00:00.000000Z"),
        (999, "1970-01-01T00:00:00.000000Z"),
        (1_000, "1970-01-01T00:00:00.000001Z"),
        (951_782_400_000_000_000, "2000-02-29T00:00:00.000000Z"),
        (NOW_NS, "2026-11-22T17:30:00.123456Z"),
        (u64::MAX, "2554-07-21T23:34:33.709551Z"),
    ] {
        assert_eq!(at(wall_ns).timestamp(), text);
        assert_eq!(at(wall_ns).timestamp_ns(), wall_ns);
    }
}

#[test]
fn keys_are_text_and_no_two_look_alike() {
    for (key, text) in [
        (&b"users/\xc3\xa9"[..], "users/é"),
        (b"a\xff/b", "a\\xff/b"),
        (b"a\\xff/b", "a\\x5cxff/b"),
        (b"", ""),
        (b"a\nb", "a\nb"),
    ] {
        let entry = entry(Record { key, ..PLAIN });
        assert_eq!(entry.key(), text);
        assert_eq!(entry.key_bytes(), key);
    }
}

#[test]
fn an_overlong_key_is_cut_and_says_so() {
    let whole = vec![b'k'; MAX_AUDITED_KEY_BYTES];
    assert_eq!(entry(Record { key: &whole, ..PLAIN }).key().len(), MAX_AUDITED_KEY_BYTES);

    let long = vec![b'k'; MAX_AUDITED_KEY_BYTES + 7];
    let cut = entry(Record { key: &long, ..PLAIN });
    assert_eq!(cut.key(), format!("{}…(+7 bytes)", "k".repeat(MAX_AUDITED_KEY_BYTES)));
    assert_eq!(cut.key_bytes().len(), MAX_AUDITED_KEY_BYTES);
}

#[test]
fn an_overlong_reason_is_cut_and_says_so() {
    let reason = "r".repeat(100_000);
    let cut = entry(Record { reason: Some(&reason), rule: Some("a rule"), ..PLAIN });
    assert_eq!(cut.reason().unwrap(), format!("{}…(+98976 bytes)", "r".repeat(1024)));
    assert_eq!(cut.rule().unwrap(), "a rule");
}

#[test]
fn the_bound_is_checked_with_a_message_that_says_what_to_give() {
    for bad in [0, LARGEST_MAX_ENTRIES + 1, usize::MAX] {
        let error = AuditLog::new(bad).unwrap_err();
        assert_eq!(error.code(), Code::Config);
        assert!(error.to_string().contains("from 1 to 10000000"), "{error}");
    }
    assert_eq!(AuditLog::new(DEFAULT_MAX_ENTRIES).unwrap().capacity(), 10_000);
    assert!(AuditLog::new(LARGEST_MAX_ENTRIES).is_ok(), "memory is taken as it fills");
}

#[test]
fn the_ring_keeps_the_newest_and_the_sequence_goes_on() {
    for capacity in [1, 2, 3, 255, 256, 257, 600] {
        let log = AuditLog::new(capacity).unwrap();
        assert!(log.is_empty());
        for n in 1..=capacity as u64 * 2 + 1 {
            assert_eq!(log.append(&PLAIN), n);
            assert_eq!(log.len(), capacity.min(n as usize));
        }
        let kept = log.entries(&AuditFilter::new().limit(usize::MAX));
        let newest = capacity as u64 * 2 + 1;
        assert_eq!(sequences(&kept), (newest - capacity as u64 + 1..=newest).collect::<Vec<_>>());
    }
}

#[test]
fn the_limit_is_100_by_default_takes_the_newest_and_gives_the_oldest_first() {
    let log = AuditLog::new(1000).unwrap();
    for _ in 0..300 {
        log.append(&PLAIN);
    }
    assert_eq!(sequences(&log.entries(&AuditFilter::new())), (201..=300).collect::<Vec<_>>());
}

#[test]
fn filters_come_before_the_limit() {
    let log = AuditLog::new(1000).unwrap();
    log.append(&Record { agent_id: Some("rare"), ..PLAIN });
    for _ in 0..500 {
        log.append(&Record { agent_id: Some("busy"), ..PLAIN });
    }
    assert_eq!(sequences(&log.entries(&AuditFilter::new().limit(1).agent_id("rare"))), [1]);
    assert_eq!(sequences(&log.entries(&AuditFilter::new().limit(2).agent_id("busy"))), [500, 501]);
    assert!(log.entries(&AuditFilter::new().limit(0)).is_empty());
}

#[test]
fn each_filter_asks_for_its_own_field_and_all_must_hold() {
    let log = AuditLog::new(10).unwrap();
    let at = |wall_ns| Time { monotonic_ns: 0, wall_ns };
    log.append(&Record { agent_id: Some("a"), session_id: Some("b"), time: at(10), ..PLAIN });
    log.append(&Record { agent_id: Some("b"), session_id: Some("a"), time: at(20), ..PLAIN });
    log.append(&Record { operation: Verb::Read, key: b"orders/1", time: at(30), ..PLAIN });
    // The wall clock was set back: the filter goes by the time, the order by the sequence.
    log.append(&Record { result: Verdict::Denied, rule: Some("a"), time: at(15), ..PLAIN });

    let all = AuditFilter::new;
    let given = |filter: AuditFilter| sequences(&log.entries(&filter));
    assert_eq!(given(all().agent_id("a")), [1]);
    assert_eq!(given(all().session_id("a")), [2]);
    assert_eq!(given(all().agent_id("")), [0_u64; 0], "an entry without an agent is of no agent");
    assert_eq!(given(all().operation(Verb::Read)), [3]);
    assert_eq!(given(all().operation_named("write").unwrap()), [1, 2, 4]);
    assert_eq!(given(all().result(Verdict::Denied)), [4]);
    assert_eq!(given(all().result_named("allowed").unwrap()), [1, 2, 3]);
    assert_eq!(given(all().keys(|key| key.starts_with(b"orders/"))), [3]);
    assert_eq!(given(all().since_ns(15)), [2, 3, 4], "`since` is inclusive");
    assert_eq!(given(all().since_ns(16)), [2, 3]);
    assert_eq!(given(all().since_ns(15).agent_id("b").operation(Verb::Write)), [2]);
    assert_eq!(given(all().agent_id("b").result(Verdict::Denied)), [0_u64; 0]);
}

#[test]
fn unknown_words_are_refused_with_the_known_ones() {
    let error = AuditFilter::new().operation_named("put").unwrap_err();
    assert_eq!(error.code(), Code::Usage);
    assert_eq!(error.to_string(), "`put` is not a known operation: use one of read, write, delete, scan");
    let error = AuditFilter::new().result_named("refused").unwrap_err();
    assert!(
        error.to_string().starts_with("`refused` is not a known result: use one of allowed, "),
        "{error}"
    );
}

#[test]
fn a_test_of_keys_may_itself_lead_to_an_entry() {
    let log = std::sync::Arc::new(AuditLog::new(1).unwrap());
    log.append(&PLAIN);
    let inner = log.clone();
    let filter = AuditFilter::new().keys(move |_| inner.append(&PLAIN) > 0);
    assert_eq!(sequences(&log.entries(&filter)), [1], "nothing is locked while it is asked");
    assert_eq!(sequences(&log.entries(&AuditFilter::new())), [2]);
}

#[test]
fn a_test_of_keys_that_panics_leaves_the_log_usable() {
    let log = AuditLog::new(2).unwrap();
    log.append(&PLAIN);
    let filter = AuditFilter::new().keys(|_| panic!("a fault of the test"));
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| log.entries(&filter)));
    assert!(outcome.is_err());
    log.append(&PLAIN);
    assert_eq!(log.entries(&AuditFilter::new()).len(), 2);
}
