//! A good chain with any one thing changed no longer verifies; cut at its end it is shorter, and with a stored head
//! that is found too.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use checkrein::audit::file::{AuditFileOptions, Head, Report, Secret, VerifyOptions, verify};
use proptest::prelude::*;

use super::support::*;

/// The files of a good chain of three, by name, with its head.
struct Good {
    files: Vec<(String, Vec<u8>)>,
    head: Head,
    key: Option<Secret>,
}

impl Good {
    fn new(key: Option<Secret>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("audit.jsonl");
        let file =
            open(&AuditFileOptions { rotate_bytes: 4096, key: key.clone(), ..AuditFileOptions::new(&path) });
        (0..22).for_each(|n| file.append(&[keyed(format!("users/{n}"))], None).unwrap());
        file.close().unwrap();
        let files = files(&path)
            .into_iter()
            .map(|file| {
                (file.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read(&file).unwrap())
            })
            .collect::<Vec<_>>();
        assert_eq!(files.len(), 3);
        Good { files, head: file.head(), key }
    }

    fn plain() -> &'static Self {
        static GOOD: OnceLock<Good> = OnceLock::new();
        GOOD.get_or_init(|| Good::new(None))
    }

    fn keyed() -> &'static Self {
        static GOOD: OnceLock<Good> = OnceLock::new();
        GOOD.get_or_init(|| Good::new(Some(secret())))
    }

    fn check(&self, files: &[(String, Vec<u8>)], head: Option<Head>) -> Report {
        let directory = tempfile::tempdir().unwrap();
        for (name, content) in files {
            std::fs::write(directory.path().join(name), content).unwrap();
        }
        let options = VerifyOptions { key: self.key.clone(), head, ..VerifyOptions::default() };
        verify(directory.path().join("audit.jsonl"), &options).unwrap()
    }

    /// Checks files with one thing changed: they verify only where nothing but the end of the last file was cut off
    /// or left torn, which is told; with a head only where no whole line was lost.
    fn must_be_found(&self, files: &[(String, Vec<u8>)], what: &str) {
        let whole = |content: &[u8]| content.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let (good, now) = (&self.files[2].1, &files[2].1);
        let lines = &now[..whole(now)];
        let at_end = files[..2] == self.files[..2] && good.starts_with(lines);
        let (report, with_head) = (self.check(files, None), self.check(files, Some(self.head)));
        assert_eq!(report.is_whole(), at_end, "{what}: {report:?}");
        assert_eq!(with_head.is_whole(), at_end && lines == good, "{what}, with a head: {with_head:?}");
        if at_end {
            assert_eq!(report.torn_bytes, (now.len() - lines.len()) as u64, "{what}");
        }
    }

    fn changed(&self, file: usize, change: impl FnOnce(&mut Vec<u8>)) -> Vec<(String, Vec<u8>)> {
        let mut files = self.files.clone();
        change(&mut files[file].1);
        files
    }

    fn with_lines(&self, change: impl FnOnce(&mut Vec<Vec<(usize, Vec<u8>)>>)) -> Vec<(String, Vec<u8>)> {
        let mut lines: Vec<Vec<_>> = self
            .files
            .iter()
            .map(|(_, content)| {
                content.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).enumerate().collect()
            })
            .collect();
        change(&mut lines);
        let content = |lines: &Vec<(usize, Vec<u8>)>| lines.iter().flat_map(|line| line.1.clone()).collect();
        self.files.iter().zip(&lines).map(|(file, lines)| (file.0.clone(), content(lines))).collect()
    }

    fn count(&self, file: usize) -> usize {
        self.files[file].1.iter().filter(|byte| **byte == b'\n').count()
    }
}

#[test]
fn the_good_chain_holds_with_and_without_its_head() {
    for good in [Good::plain(), Good::keyed()] {
        assert_eq!(good.check(&good.files, Some(good.head)).problem, None);
        assert_eq!(good.check(&good.files, None).problem, None);
    }
}

#[test]
fn every_line_dropped_doubled_or_swapped_is_found() {
    let good = Good::plain();
    for file in 0..3 {
        for line in 0..good.count(file) {
            let dropped = good.with_lines(|lines| drop(lines[file].remove(line)));
            good.must_be_found(&dropped, &format!("line {line} of file {file} dropped"));
            let doubled = good.with_lines(|lines| {
                let copy = lines[file][line].clone();
                lines[file].insert(line, copy);
            });
            good.must_be_found(&doubled, &format!("line {line} of file {file} doubled"));
            if line > 0 {
                let swapped = good.with_lines(|lines| lines[file].swap(line - 1, line));
                good.must_be_found(&swapped, &format!("line {line} of file {file} swapped"));
            }
        }
    }
}

#[test]
fn every_file_removed_swapped_or_renamed_is_found() {
    let good = Good::plain();
    for file in 0..3 {
        let mut without = good.files.clone();
        without.remove(file);
        let report = good.check(&without, None);
        // Without the current file the chain ends with the last rotated one: that is a cut at the end.
        assert_eq!(report.is_whole(), file == 2, "{file} {report:?}");
        assert!(!good.check(&without, Some(good.head)).is_whole());
        if let Some(problem) = report.problem.filter(|_| file == 0) {
            assert!(problem.what.contains("`audit.000001.jsonl` is missing"), "{problem}");
        }
        let mut swapped = good.files.clone();
        let other = (file + 1) % 3;
        let content = std::mem::take(&mut swapped[file].1);
        swapped[file].1 = std::mem::replace(&mut swapped[other].1, content);
        good.must_be_found(&swapped, "swapped");
    }
    let mut renamed = good.files.clone();
    renamed[1].0 = "audit.000003.jsonl".to_owned();
    assert!(!good.check(&renamed, None).is_whole());
}

#[test]
fn archived_files_may_be_left_out_where_their_head_is_given() {
    let good = Good::plain();
    let first = good.files[0].1.clone();
    let after: Head = {
        let text = String::from_utf8(first).unwrap();
        let last: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        format!("{}:{}", last["sequence"], last["hash"].as_str().unwrap()).parse().unwrap()
    };
    let directory = tempfile::tempdir().unwrap();
    for (name, content) in &good.files[1..] {
        std::fs::write(directory.path().join(name), content).unwrap();
    }
    let path = directory.path().join("audit.jsonl");
    let with = |after, head| verify(&path, &VerifyOptions { after, head, ..VerifyOptions::default() });
    assert_eq!(with(Some(after), Some(good.head)).unwrap().problem, None);
    assert!(!with(None, None).unwrap().is_whole());
    assert!(!with(Some(Head { hash: [7; 32], ..after }), None).unwrap().is_whole());
    assert!(with(Some(after), Some(Head { sequence: 1, ..after })).is_err());
    // The same line by its number, another by its hash: no file holds it any more, so nobody would have noticed.
    assert!(with(Some(after), Some(Head { hash: [7; 32], ..after })).is_err());
    assert!(with(Some(after), Some(after)).unwrap().is_whole());
}

#[test]
fn a_chain_that_has_grown_past_the_stored_head_holds_and_one_made_anew_does_not() {
    let good = Good::plain();
    let text = String::from_utf8(good.files[1].1.clone()).unwrap();
    let line: serde_json::Value = serde_json::from_str(text.lines().nth(3).unwrap()).unwrap();
    let inner: Head = format!("{}:{}", line["sequence"], line["hash"].as_str().unwrap()).parse().unwrap();
    assert_eq!(good.check(&good.files, Some(inner)).problem, None);
    let problem = good.check(&good.files, Some(Head { hash: [1; 32], ..inner })).problem.unwrap();
    assert!(problem.what.contains("written anew") && problem.line == 4, "{problem}");
    let problem = good
        .check(&good.files, Some(Head { sequence: good.head.sequence + 1, ..good.head }))
        .problem
        .unwrap();
    assert!(problem.what.contains("cut off at its end"), "{problem}");
}

#[test]
fn the_first_problem_is_named_with_its_file_and_line() {
    let good = Good::plain();
    let edited = good.with_lines(|lines| {
        let line = String::from_utf8(lines[1][4].1.clone()).unwrap();
        lines[1][4].1 = line.replace("users/", "usurs/").into_bytes();
    });
    let problem = good.check(&edited, None).problem.unwrap();
    assert_eq!(problem.file.file_name(), Some(Path::new("audit.000002.jsonl").as_os_str()));
    assert_eq!(
        (problem.line, problem.what.as_str()),
        (5, "its hash is not that of its bytes: it was edited")
    );
    let shown = problem.to_string();
    assert!(shown.contains("audit.000002.jsonl, line 5: its hash"), "{shown}");
}

#[test]
fn a_cut_at_every_byte_of_the_last_file_is_a_shorter_chain_or_a_torn_line_and_can_be_written_on() {
    let good = Good::plain();
    let length = good.files[2].1.len();
    for bytes in (0..length).step_by(7).chain(length - 3..length) {
        let cut = good.changed(2, |content| content.truncate(bytes));
        good.must_be_found(&cut, &format!("cut at {bytes}"));
        let directory = tempfile::tempdir().unwrap();
        for (name, content) in &cut {
            std::fs::write(directory.path().join(name), content).unwrap();
        }
        let path: PathBuf = directory.path().join("audit.jsonl");
        open(&AuditFileOptions {
            fsync: checkrein::audit::file::Fsync::Never,
            ..AuditFileOptions::new(&path)
        })
        .append(&[keyed("on")], None)
        .unwrap();
        let report = whole(&path);
        let torn = !cut[2].1.is_empty() && !cut[2].1.ends_with(b"\n");
        assert_eq!(report.repairs, u64::from(torn), "cut at {bytes}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_byte_changed_is_found(file in 0..3_usize, at in any::<prop::sample::Index>(), with in 1..=255_u8, keyed in any::<bool>()) {
        let good = if keyed { Good::keyed() } else { Good::plain() };
        let at = at.index(good.files[file].1.len());
        let files = good.changed(file, |content| content[at] ^= with);
        good.must_be_found(&files, &format!("byte {at} of file {file} changed by {with}"));
    }

    #[test]
    fn any_bytes_inserted_or_removed_are_found(
        file in 0..3_usize, at in any::<prop::sample::Index>(),
        bytes in prop::collection::vec(any::<u8>(), 1..40), removed in 0..300_usize,
    ) {
        let good = Good::plain();
        let at = at.index(good.files[file].1.len());
        let inserted = good.changed(file, |content| drop(content.splice(at..at, bytes.iter().copied())));
        good.must_be_found(&inserted, &format!("{bytes:?} inserted at {at} of file {file}"));
        let cut = good.changed(file, |content| drop(content.drain(at..(at + removed).min(content.len()))));
        good.must_be_found(&cut, &format!("{removed} bytes removed at {at} of file {file}"));
    }

    #[test]
    fn any_line_moved_or_copied_elsewhere_is_found(
        from in (0..3_usize, any::<prop::sample::Index>()), to in (0..3_usize, any::<prop::sample::Index>()), keep in any::<bool>(),
    ) {
        let good = Good::plain();
        let files = good.with_lines(|lines| {
            let at = from.1.index(lines[from.0].len());
            let line = lines[from.0][at].clone();
            if !keep {
                lines[from.0].remove(at);
            }
            let at = to.1.index(lines[to.0].len() + 1);
            lines[to.0].insert(at, line);
        });
        good.must_be_found(&files, &format!("a line of {from:?} to {to:?}, kept {keep}"));
    }

    #[test]
    fn a_cut_anywhere_is_found_or_torn_or_shorter(file in 0..3_usize, at in any::<prop::sample::Index>()) {
        let good = Good::plain();
        let at = at.index(good.files[file].1.len());
        let files = good.changed(file, |content| content.truncate(at));
        let report = good.check(&files, None);
        prop_assert!(file == 2 || !report.is_whole());
        good.must_be_found(&files, &format!("file {file} cut at {at}"));
    }
}
