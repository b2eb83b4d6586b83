//! A real fork while other threads append: the child gets a chain of its own that names its parent's head, and the
//! parent's chain holds.

use std::collections::HashSet;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use checkrein::Code;
use checkrein::audit::file::{AuditFileOptions, Fsync};

use super::support::*;

const FORKS: usize = 20;

#[test]
fn children_forked_under_load_start_chains_that_name_their_parents_head() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.jsonl");
    let options =
        AuditFileOptions { fsync: Fsync::Never, rotate_bytes: 64 * 1024, ..AuditFileOptions::new(&path) };
    let file = open(&options);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let (file, over) = (&file, &over);
            scope.spawn(move || {
                for n in (0..).take_while(|_| !over.load(Ordering::SeqCst)) {
                    file.append(&[keyed(format!("{thread}/{n}"))], None).unwrap();
                    if n % 16 == 0 {
                        // So that the chain does not outgrow the test.
                        file.flush().unwrap();
                        std::thread::yield_now();
                    }
                }
            });
        }
        let entry = keyed("child");
        for _ in 0..FORKS {
            let (parents, entry) = (Arc::clone(&file), entry.clone());
            let mut command = Command::new("true");
            let in_child = move || {
                let code = parents.append(std::slice::from_ref(&entry), None).unwrap_err().code();
                let own = parents.after_fork().map_err(std::io::Error::other)?;
                own.append(std::slice::from_ref(&entry), None).map_err(std::io::Error::other)?;
                own.close().map_err(std::io::Error::other)?;
                parents.close().map_err(std::io::Error::other)?;
                if code == Code::Usage {
                    Ok(())
                } else {
                    Err(std::io::Error::other("the parent's file was written"))
                }
            };
            // SAFETY: what runs between fork and exec here is what is tested: it waits for no lock of the parent's,
            // and the C library makes its allocator usable in a forked child.
            unsafe { command.pre_exec(in_child) };
            assert!(command.status().unwrap().success());
        }
        over.store(true, Ordering::SeqCst);
    });
    file.close().unwrap();
    let parents = whole(&path);
    let heads: HashSet<String> = files(&path)
        .iter()
        .flat_map(|file| lines(file))
        .map(|line| format!("{}:{}", line["sequence"], line["hash"].as_str().unwrap()))
        .collect();
    let mut children = 0;
    for child in std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().path()) {
        if !child.file_name().unwrap().to_str().unwrap().starts_with("audit-") {
            continue;
        }
        children += 1;
        whole(&child);
        let lines = lines(&child);
        assert_eq!((&lines[0]["event"], &lines[0]["parent_file"]), (&"opened".into(), &"audit.jsonl".into()));
        assert_eq!((lines[1]["key"].as_str(), lines.len()), (Some("child"), 3));
        assert!(heads.contains(lines[0]["parent"].as_str().unwrap()), "the head is one of the parent's");
    }
    assert_eq!((children, parents.repairs), (FORKS, 0));
}
