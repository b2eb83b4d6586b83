//! What is written: the format, the chain, rotation, opening again, the lock.

use std::path::Path;
use std::process::{Command, Stdio};

use checkrein::audit::Record;
use checkrein::audit::file::{AuditFile, AuditFileOptions, Fsync, Phase, VerifyOptions, verify};
use checkrein::clock::{Clock, ManualClock};
use checkrein::{Code, Error};

use super::support::*;

const CHILD: &str = "CHECKREIN_TEST_AUDIT_LOCK";

fn refused(options: AuditFileOptions) -> Error {
    AuditFile::open(options).unwrap_err()
}

#[test]
fn lines_are_entries_with_a_number_and_two_hashes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.jsonl");
    let clock = Clock::Manual(ManualClock::new(NOW_NS));
    let file = open(&AuditFileOptions { clock, ..AuditFileOptions::new(&path) });
    let entry = entry(&Record { reason: Some("\"event\":\n"), applied: Some(true), ..PLAIN });
    file.append(&[entry.clone(), entry.clone()], None).unwrap();
    file.append(std::slice::from_ref(&entry), Some(Phase::Decided)).unwrap();
    file.flush().unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let zeros = "0".repeat(64);
    let header = format!(
        concat!(
            r#"{{"sequence":1,"event":"opened","format":1,"algorithm":"sha256","timestamp":"2026-11-22T17:30:00.123456Z","#,
            r#""timestamp_ns":1795368600123456789,"pid":{},"segment":1,"prev":"{}","hash":""#
        ),
        std::process::id(),
        zeros
    );
    assert!(lines[0].starts_with(&header), "{}", lines[0]);
    for (at, phase) in [(1, ""), (2, ""), (3, r#","phase":"decided""#)] {
        let own = entry.to_json_line().replacen("\"sequence\":1", &format!("\"sequence\":{}", at + 1), 1);
        let own = own.strip_suffix('}').unwrap();
        let before = &lines[at - 1][lines[at - 1].len() - 66..][..64];
        let start = format!("{own}{phase},\"prev\":\"{before}\",\"hash\":\"");
        assert!(lines[at].starts_with(&start), "{}\n{start}", lines[at]);
    }
    assert_eq!(file.head().to_string(), format!("4:{}", &lines[3][lines[3].len() - 66..][..64]));
    assert_eq!(whole(&path).head, file.head());
    file.close().unwrap();
    file.close().unwrap();
    assert_eq!(told(&path).last().unwrap(), "closed");
    assert_eq!(file.append(&[entry], None).unwrap_err().code(), Code::StoreClosed);
    assert_eq!(file.flush().unwrap_err().code(), Code::StoreClosed);
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&path.metadata().unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn a_file_that_was_closed_or_dropped_is_written_on() {
    let directory = tempfile::tempdir().unwrap();
    let options = AuditFileOptions::new(directory.path().join("audit.jsonl"));
    for key in ["a", "b", "c"] {
        open(&options).append(&[keyed(key)], None).unwrap();
    }
    assert_eq!(
        told(&options.path),
        ["opened", "a", "closed", "reopened", "b", "closed", "reopened", "c", "closed"]
    );
    let report = whole(&options.path);
    assert_eq!((report.lines, report.events, report.first_sequence, report.last_sequence()), (9, 6, 1, 9));
    assert!(!directory.path().join("audit.jsonl.lock").exists(), "the lock file goes at close");
}

#[test]
fn a_clock_that_goes_back_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let clock = ManualClock::new(NOW_NS);
    let path = directory.path().join("audit.jsonl");
    let options = AuditFileOptions { clock: Clock::Manual(clock.clone()), ..AuditFileOptions::new(path) };
    open(&options).append(&[keyed("a")], None).unwrap();
    clock.set_wall_ns(5);
    open(&options).append(&[keyed("b")], None).unwrap();
    whole(&options.path);
    assert_eq!(lines(&options.path)[3]["timestamp"], "1970-01-01T00:00:00.000000Z");
}

#[test]
fn a_full_file_gets_a_number_and_the_chain_goes_on() {
    for (name, first, strict) in [("a.jsonl", "a.000001.jsonl", false), ("b", "b.000001", true)] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(name);
        let options = AuditFileOptions { strict, rotate_bytes: 4096, ..AuditFileOptions::new(&path) };
        for round in 0..3 {
            let file = open(&options);
            assert_eq!(file.is_strict(), strict);
            for n in 0..20 {
                let entries = [keyed(format!("{round}/{n}")), keyed("more")];
                if strict {
                    file.append_durably(&entries, Some(Phase::Done)).unwrap();
                } else {
                    file.append(&entries, None).unwrap();
                }
            }
            // A line that is longer than a file may be stands alone in one.
            file.append(&[keyed(vec![0xff; 5000])], None).unwrap();
        }
        let (report, files) = (whole(&path), files(&path));
        assert!(report.segments > 8 && files.len() as u64 == report.segments, "{report:?}");
        assert_eq!(report.lines - report.events, 3 * 41);
        for (at, file) in files.iter().enumerate() {
            let lines = lines(file);
            assert_eq!((&lines[0]["event"], &lines[0]["segment"]), (&"opened".into(), &(at + 1).into()));
            // The file's own lines may stand beyond the bound.
            let entries = lines.iter().filter(|line| line["event"].is_null()).count();
            assert!(std::fs::metadata(file).unwrap().len() < 4096 + 1024 || entries == 1, "{file:?}");
        }
        assert_eq!(lines(&files[1])[0]["continues"], first);
        let error = refused(AuditFileOptions::new(&files[0]));
        assert!(error.to_string().contains("full file of a chain"), "{error}");
        let last = lines(&files[0]).pop().unwrap();
        assert_eq!(
            (&last["event"], &last["file"], &last["next"]),
            (&"rotated".into(), &first.into(), &name.into())
        );
    }
}

#[test]
fn rotation_under_four_threads_keeps_every_entry_once_and_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.jsonl");
    let file =
        open(&AuditFileOptions { rotate_bytes: 20_000, fsync: Fsync::Never, ..AuditFileOptions::new(&path) });
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (file, path) = (&file, &path);
            scope.spawn(move || {
                for n in 0..500 {
                    let entries = [keyed(format!("{thread}/{n}"))];
                    if n % 50 == 7 {
                        file.append_durably(&entries, None).unwrap();
                        // The chain holds at any moment, also while it is rotated.
                        whole(path);
                    } else {
                        file.append(&entries, None).unwrap();
                    }
                }
            });
        }
    });
    file.close().unwrap();
    let report = whole(&path);
    assert!(report.segments > 20);
    let told: Vec<String> = files(&path).iter().flat_map(|file| told(file)).collect();
    for thread in 0..4 {
        let own = told.iter().filter_map(|key| key.strip_prefix(&format!("{thread}/")));
        assert!(own.map(|n| n.parse::<u32>().unwrap()).eq(0..500), "thread {thread}");
    }
}

#[test]
fn a_rotation_that_stopped_at_any_step_is_finished_at_the_next_opening() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.jsonl");
    let options = AuditFileOptions { rotate_bytes: 4096, ..AuditFileOptions::new(&path) };
    {
        let file = open(&options);
        (0..20).for_each(|n| file.append(&[keyed(format!("{n}"))], None).unwrap());
    }
    let first = directory.path().join("audit.000001.jsonl");
    let header = std::fs::read(&path).unwrap();
    let state = |dir: &Path, renamed: bool, begun: Option<usize>| {
        let copy = if renamed { "audit.000001.jsonl" } else { "audit.jsonl" };
        std::fs::copy(&first, dir.join(copy)).unwrap();
        if let Some(bytes) = begun {
            std::fs::write(dir.join("audit.jsonl"), &header[..bytes]).unwrap();
        }
    };
    for (renamed, begun) in [(false, None), (true, None), (true, Some(0)), (true, Some(5)), (true, Some(100))]
    {
        let crashed = tempfile::tempdir().unwrap();
        state(crashed.path(), renamed, begun);
        let path = crashed.path().join("audit.jsonl");
        let before = whole(&path);
        open(&AuditFileOptions { path: path.clone(), ..options.clone() })
            .append(&[keyed("on")], None)
            .unwrap();
        let after = whole(&path);
        let torn = begun.is_some_and(|bytes| bytes > 0);
        assert_eq!(
            (after.segments, after.lines),
            (2, before.lines + 3 + u64::from(torn)),
            "{renamed} {begun:?}"
        );
        let all: &[&str] =
            if torn { &["opened", "repaired", "on", "closed"] } else { &["opened", "on", "closed"] };
        assert_eq!(told(&path), all);
    }
}

#[test]
fn with_a_key_the_chain_is_only_for_those_who_have_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.jsonl");
    let options = AuditFileOptions { key: Some(secret()), ..AuditFileOptions::new(&path) };
    open(&options).append(&[keyed("a")], None).unwrap();
    let with = |key| verify(&path, &VerifyOptions { key, ..VerifyOptions::default() });
    assert_eq!(with(Some(secret())).unwrap().problem, None);
    let error = with(None).unwrap_err();
    assert_eq!(error.code(), Code::Config);
    assert!(error.to_string().contains("was written with a key"), "{error}");
    let other = checkrein::audit::file::Secret::new(b"another key of 24 bytes.").unwrap();
    let problem = with(Some(other.clone())).unwrap().problem.unwrap();
    assert!(problem.line == 1 && problem.what.contains("the key is another one"), "{problem}");

    let error = refused(AuditFileOptions { key: None, ..options.clone() });
    assert!(error.code() == Code::Config && error.to_string().contains("give that key"), "{error}");
    let error = refused(AuditFileOptions { key: Some(other), ..options.clone() });
    assert!(
        error.code() == Code::StoreDamaged && error.to_string().contains("its key is another one"),
        "{error}"
    );

    let plain = AuditFileOptions::new(directory.path().join("plain.jsonl"));
    open(&plain).append(&[keyed("a")], None).unwrap();
    let error = refused(AuditFileOptions { key: Some(secret()), ..plain.clone() });
    assert!(error.code() == Code::Config && error.to_string().contains("without a key"), "{error}");
    let report =
        verify(&plain.path, &VerifyOptions { key: Some(secret()), ..VerifyOptions::default() }).unwrap();
    assert!(report.problem.is_some(), "a chain made anew without the key does not pass with it");
}

#[test]
fn what_is_no_place_for_an_audit_file_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| AuditFileOptions::new(directory.path().join(name));
    let error = refused(at("missing/audit.jsonl"));
    assert!(error.code() == Code::Config && error.to_string().contains("does not exist"), "{error}");
    assert_eq!(refused(AuditFileOptions::new(directory.path())).code(), Code::Config);
    for (name, content) in
        [("notes.txt", "my notes"), ("lines.txt", "my\nnotes\n"), ("json.jsonl", "{\"a\":1}\n")]
    {
        std::fs::write(directory.path().join(name), content).unwrap();
        let error = refused(at(name));
        assert!(
            error.code() == Code::StoreDamaged && error.to_string().contains("something else"),
            "{error}"
        );
        assert_eq!(std::fs::read_to_string(directory.path().join(name)).unwrap(), content);
    }
}

/// Not a test of its own: the second process, when `CHILD` names a file.
#[test]
fn child() {
    let Ok(path) = std::env::var(CHILD) else { return };
    match AuditFile::open(AuditFileOptions::new(path)) {
        Ok(file) => println!("\nopened {}", file.path().display()),
        Err(error) => println!("\nrefused {} {error}", error.code().as_str()),
    }
}

#[test]
fn a_second_process_is_told_to_use_a_file_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.jsonl");
    let second = |path: &Path| {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["chain::child", "--exact", "--nocapture", "--test-threads", "1"])
            .env(CHILD, path)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines()
            .find(|line| line.starts_with("opened") || line.starts_with("refused"))
            .unwrap()
            .to_owned()
    };
    let file = open(&AuditFileOptions::new(&path));
    let said = second(&path);
    let by = format!("by process {}", std::process::id());
    assert!(
        said.starts_with("refused store_locked") && said.contains("{pid}") && said.contains(&by),
        "{said}"
    );
    let again = refused(AuditFileOptions::new(&path));
    assert!(again.code() == Code::StoreLocked && again.to_string().contains("by this process"), "{again}");
    let own = second(&directory.path().join("audit-{pid}.jsonl"));
    assert!(own.starts_with("opened") && !own.contains("{pid}"), "{own}");
    file.close().unwrap();
    assert!(second(&path).starts_with("opened"));
    whole(&path);
}

#[cfg(unix)]
#[test]
fn a_symbolic_link_leads_to_the_one_file() {
    let directory = tempfile::tempdir().unwrap();
    let (link, real) = (directory.path().join("link.jsonl"), directory.path().join("real.jsonl"));
    std::fs::write(&real, "").unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    let file = open(&AuditFileOptions { rotate_bytes: 4096, ..AuditFileOptions::new(&link) });
    assert_eq!(refused(AuditFileOptions::new(&real)).code(), Code::StoreLocked);
    (0..30).for_each(|n| file.append(&[keyed(format!("{n}"))], None).unwrap());
    file.close().unwrap();
    assert!(directory.path().join("real.000001.jsonl").exists());
    assert_eq!(whole(&link), whole(&real));
}

#[test]
fn a_fork_is_only_for_a_child() {
    let directory = tempfile::tempdir().unwrap();
    let file = open(&AuditFileOptions::new(directory.path().join("audit.jsonl")));
    assert_eq!(file.after_fork().unwrap_err().code(), Code::Usage);
}
