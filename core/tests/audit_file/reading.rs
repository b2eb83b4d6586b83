//! The newest lines, the counts, and the speed of verification.

use checkrein::audit::file::{AuditFileOptions, Fsync, Phase, stats, tail};
use checkrein::audit::{Record, Verb, Verdict};
use checkrein::clock::Time;

use super::support::*;

#[test]
fn the_newest_lines_are_given_across_files() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.jsonl");
    let file = open(&AuditFileOptions { rotate_bytes: 4096, ..AuditFileOptions::new(&path) });
    (0..40).for_each(|n| file.append(&[keyed(format!("{n}"))], None).unwrap());
    file.flush().unwrap();
    let all: Vec<(u64, String)> = files(&path)
        .iter()
        .flat_map(|file| {
            std::fs::read_to_string(file).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()
        })
        .zip(1..)
        .map(|(line, sequence)| (sequence, line))
        .collect();
    for count in [0, 1, 2, 5, 11, 12, 13, 30, all.len(), all.len() + 1, usize::MAX] {
        let given = tail(&path, count).unwrap();
        let wanted = &all[all.len().saturating_sub(count)..];
        assert_eq!(given.len(), wanted.len());
        for (line, (sequence, text)) in given.iter().zip(wanted) {
            assert_eq!((line.sequence, &line.text), (Some(*sequence), text));
            assert_eq!(line.is_event, text.contains("\"event\":"));
        }
    }
    // A torn line is none, and an empty current file hides nothing.
    let content = std::fs::read(&path).unwrap();
    std::fs::write(&path, [&content[..], b"{\"sequence\":"].concat()).unwrap();
    assert_eq!(tail(&path, 1).unwrap()[0].text, all.last().unwrap().1);
    std::fs::write(&path, "").unwrap();
    let last = files(&path).into_iter().rev().nth(1).unwrap();
    assert_eq!(tail(&path, 1).unwrap()[0].file, last);
    assert!(tail(directory.path().join("other.jsonl"), 1).is_err());
}

#[test]
fn entries_are_counted_by_what_they_tell() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.jsonl");
    let file = open(&AuditFileOptions { fsync: Fsync::Never, ..AuditFileOptions::new(&path) });
    for n in 0..60_u64 {
        let agent = format!("agent_{}", n % 12);
        let record = Record {
            time: Time { monotonic_ns: 0, wall_ns: 1000 - n },
            operation: if n % 2 == 0 { Verb::Read } else { Verb::Write },
            result: if n % 3 == 0 { Verdict::Denied } else { Verdict::Allowed },
            agent_id: (n > 5).then_some(agent.as_str()),
            rule: (n % 3 == 0).then_some("no"),
            ..PLAIN
        };
        let phase = [None, Some(Phase::Decided), Some(Phase::Done)][n as usize / 20];
        file.append(&[entry(&record)], phase).unwrap();
    }
    file.close().unwrap();
    let stats = stats(&path).unwrap();
    assert_eq!((stats.lines, stats.entries, stats.decided, stats.events), (62, 40, 20, 2));
    assert_eq!(stats.time_span_ns, Some((941, 1000)));
    assert_eq!(stats.results, [("allowed".to_owned(), 27), ("denied".to_owned(), 13)]);
    assert_eq!(stats.operations, [("read".to_owned(), 20), ("write".to_owned(), 20)]);
    assert_eq!(stats.rules, [("no".to_owned(), 13)]);
    assert_eq!(stats.agents.len(), 10);
    assert!(stats.agents.is_sorted_by(|one, other| one.1 >= other.1), "{:?}", stats.agents);
    assert_eq!((stats.unreadable, stats.uncounted, stats.repairs, stats.lost), (0, 0, 0, 0));
}

#[test]
fn names_beyond_ten_thousand_are_counted_together() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.jsonl");
    let file = open(&AuditFileOptions { fsync: Fsync::Never, ..AuditFileOptions::new(&path) });
    for n in 0..10_500 {
        let agent = format!("agent_{n}");
        file.append(&[entry(&Record { agent_id: Some(&agent), ..PLAIN })], None).unwrap();
    }
    file.close().unwrap();
    let stats = stats(&path).unwrap();
    assert_eq!((stats.entries, stats.uncounted), (10_500, 500));
    assert_eq!(whole(&path).lines, 10_502);
}
