//! A disk that is full, a directory that goes, a file that is moved, replaced or written to by others.

use std::path::Path;
use std::process::Command;

use checkrein::Code;
use checkrein::audit::file::{AuditFile, AuditFileOptions, Fsync};

use super::support::*;

const CHILD: &str = "CHECKREIN_TEST_AUDIT_FULL";

fn options(path: &Path) -> AuditFileOptions {
    AuditFileOptions { fsync: Fsync::Never, ..AuditFileOptions::new(path) }
}

/// Not a test of its own: the process whose files may have 32 KiB, when `CHILD` names one.
#[test]
fn child() {
    let Ok(path) = std::env::var(CHILD) else { return };
    let path = Path::new(&path);
    let file = open(&options(path));
    let more = |count: usize| (0..count).for_each(|n| file.append(&[keyed(format!("{n}"))], None).unwrap());
    more(50);
    file.flush().unwrap();
    // Nearly the 16 MiB that are kept.
    (0..3_900).for_each(|n| file.append(&[keyed(format!("{n}{}", "x".repeat(4_000)))], None).unwrap());
    let error = file.flush().unwrap_err();
    assert_eq!(
        (error.code(), file.last_error().unwrap().code()),
        (Code::StoreFull, Code::StoreFull),
        "{error}"
    );
    assert_eq!(file.lost(), 0);
    (0..400).for_each(|n| file.append(&[keyed(format!("{n}{}", "y".repeat(4_000)))], None).unwrap());
    let lost = file.lost();
    assert!((1..400).contains(&lost), "{lost}");
    let error = file.append_durably(&[keyed("strict")], None).unwrap_err();
    assert_eq!(error.code(), Code::StoreFull, "{error}");
    // The file is what it was before the write that failed: whole lines.
    assert!(std::fs::read(path).unwrap().ends_with(b"\n"));
    assert_eq!(checked(path).torn_bytes, 0);
    println!("\nlost {lost}");
    assert!(file.close().is_err(), "what could not be written is told at close too");
    assert!(file.lost() > 4_000);
}

#[cfg(unix)]
#[test]
fn a_full_disk_keeps_whole_lines_and_counts_what_it_loses() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.jsonl");
    // Blocks of 512 or 1,024 bytes, as the shell has them; the signal would end the process.
    let output = Command::new("sh")
        .args([
            "-c",
            "trap '' XFSZ; ulimit -f 64; exec \"$0\" faults::child --exact --nocapture --test-threads 1",
        ])
        .arg(std::env::current_exe().unwrap())
        .env(CHILD, &path)
        .output()
        .unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("lost "), "{text}");
    whole(&path);
    // With room again the file is written on.
    open(&options(&path)).append(&[keyed("after")], None).unwrap();
    whole(&path);
}

#[test]
fn a_directory_that_goes_and_comes_back_costs_nothing() {
    let parent = tempfile::tempdir().unwrap();
    let (here, away) = (parent.path().join("here"), parent.path().join("away"));
    std::fs::create_dir(&here).unwrap();
    let path = here.join("audit.jsonl");
    let file = open(&options(&path));
    file.append(&[keyed("a")], None).unwrap();
    file.flush().unwrap();
    std::fs::rename(&here, &away).unwrap();
    file.append(&[keyed("b")], None).unwrap();
    assert_eq!(file.flush().unwrap_err().code(), Code::Store);
    assert!(file.append_durably(&[keyed("refused")], None).is_err());
    std::fs::rename(&away, &here).unwrap();
    file.append(&[keyed("c")], None).unwrap();
    file.close().unwrap();
    assert_eq!(told(&path), ["opened", "a", "b", "c", "closed"]);
    assert_eq!((whole(&path).lines, file.lost()), (5, 0));
}

#[test]
fn a_directory_that_was_removed_and_made_again_gets_a_new_file_and_verification_says_so() {
    let parent = tempfile::tempdir().unwrap();
    let here = parent.path().join("here");
    std::fs::create_dir(&here).unwrap();
    let path = here.join("audit.jsonl");
    let file = open(&options(&path));
    file.append(&[keyed("a")], None).unwrap();
    file.flush().unwrap();
    std::fs::remove_dir_all(&here).unwrap();
    file.append(&[keyed("b")], None).unwrap();
    assert!(file.flush().is_err());
    std::fs::create_dir(&here).unwrap();
    file.flush().unwrap();
    assert_eq!(told(&path), ["opened", "b"]);
    let problem = checked(&path).problem.unwrap();
    assert!(
        problem.what.contains("`audit.000001.jsonl` is missing") && problem.what.contains("moved away"),
        "{problem}"
    );
}

#[test]
fn a_file_that_was_moved_away_is_followed_by_one_that_carries_the_chain_on() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.jsonl");
    let away = directory.path().join("audit.jsonl.1");
    for with_empty in [false, true] {
        let file = open(&options(&path));
        file.append(&[keyed("a")], None).unwrap();
        file.flush().unwrap();
        std::fs::rename(&path, &away).unwrap();
        if with_empty {
            // As some rotating tools do.
            std::fs::write(&path, "").unwrap();
        }
        file.append(&[keyed("b")], None).unwrap();
        file.append_durably(&[keyed("c")], None).unwrap();
        assert_eq!(told(&path), ["opened", "b", "c"]);
        assert_eq!(lines(&path)[0]["moved"], true);
        assert!(!checked(&path).is_whole());
        // Under the name that the chain expects, everything is there.
        std::fs::rename(&away, directory.path().join("audit.000001.jsonl")).unwrap();
        assert_eq!(whole(&path).segments, 2);
        file.close().unwrap();
        for name in ["audit.jsonl", "audit.000001.jsonl"] {
            std::fs::remove_file(directory.path().join(name)).unwrap();
        }
    }
}

#[test]
fn a_file_that_was_copied_and_emptied_begins_anew_in_place() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.jsonl");
    let file = open(&options(&path));
    file.append(&[keyed("a")], None).unwrap();
    file.flush().unwrap();
    std::fs::copy(&path, directory.path().join("audit.000001.jsonl")).unwrap();
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(0).unwrap();
    file.append(&[keyed("b")], None).unwrap();
    file.close().unwrap();
    assert_eq!(told(&path), ["opened", "b", "closed"]);
    assert_eq!(whole(&path).segments, 2);
}

#[test]
fn another_file_in_its_place_is_not_written_to() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.jsonl");
    let file = open(&options(&path));
    file.append(&[keyed("a")], None).unwrap();
    file.flush().unwrap();
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, "somebody's\n").unwrap();
    file.append(&[keyed("b")], None).unwrap();
    let error = file.flush().unwrap_err();
    assert!(error.to_string().contains("another file stands at its path"), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "somebody's\n");
    std::fs::remove_file(&path).unwrap();
    file.flush().unwrap();
    assert_eq!(told(&path), ["opened", "b"]);
}

#[test]
fn lines_that_somebody_else_wrote_or_cut_are_told_and_found() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.jsonl");
    for cut in [false, true] {
        let file = open(&options(&path));
        (0..3).for_each(|n| file.append(&[keyed(format!("{n}"))], None).unwrap());
        file.flush().unwrap();
        let content = std::fs::read(&path).unwrap();
        let changed =
            if cut { content[..content.len() - 200].to_vec() } else { [&content[..], b"own\n"].concat() };
        // In place: another file under the name would be noticed as that.
        let own = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        own.set_len(0).unwrap();
        std::io::Write::write_all(&mut &own, &changed).unwrap();
        file.append(&[keyed("on")], None).unwrap();
        file.close().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("\"event\":\"disturbed\"") && text.contains("\"key\":\"on\""), "{text}");
        assert_eq!(checked(&path).problem.unwrap().line, if cut { 4 } else { 5 });
        std::fs::remove_file(&path).unwrap();
    }
}

#[test]
fn a_damaged_last_line_is_not_written_on() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.jsonl");
    open(&options(&path)).append(&[keyed("a")], None).unwrap();
    let content = std::fs::read_to_string(&path).unwrap();
    for changed in [
        content.replace("closed", "clozed"),
        content.replace("\"segment\":1", "\"segment\":2"),
        content.clone() + "{}\n",
        content.clone() + "\n",
    ] {
        std::fs::write(&path, &changed).unwrap();
        let error = AuditFile::open(options(&path)).unwrap_err();
        assert!(
            error.code() == Code::StoreDamaged && error.to_string().contains("is not written on"),
            "{error}"
        );
        assert_eq!(std::fs::read_to_string(&path).unwrap(), changed);
    }
}
