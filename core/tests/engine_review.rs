//! Corners of the engine's newer parts that are easy to get wrong, each with its story.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::Arc;

use checkrein::audit::file::{AuditFile, AuditFileOptions, VerifyOptions, verify};
use checkrein::clock::Time;
use checkrein::context::Context;
use checkrein::document::Format;
use checkrein::engine::{Engine, EngineOptions};
use checkrein::hook::{Action, Answer, Trigger};
use checkrein::operation::{LogLevel, Operation, Reply, Request, ScanRequest, Step, StoreReply};
use checkrein::policy::{self, PolicyAction, RateLimit};
use checkrein::store::Page;
use checkrein::{AuditFilter, Code, Database, PolicyDocument, PolicyEngine};

const NOBODY: &Context = &Context::new();

fn yaml(text: &str) -> PolicyDocument {
    PolicyDocument::parse(text.as_bytes(), Format::Yaml, "policy.yaml").unwrap()
}

/// A document with an audit file, with further settings of that file.
fn with_file(path: &Path, settings: &str) -> PolicyDocument {
    yaml(&format!("version: 1\naudit: {{file: {{path: '{}'{settings}}}}}\n", path.display()))
}

fn without_file() -> PolicyDocument {
    yaml("version: 1\naudit: {}\n")
}

fn text_of(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// Performs what the operation asks of files and loggers: true where the store is asked then, false where it is done.
fn goes_on(operation: &mut Operation<'_>) -> bool {
    loop {
        let reply = match operation.step(Time::default()) {
            Step::Record(call) => policy::record(&call).unwrap(),
            Step::Log(_) => Reply::Logged,
            Step::Store(_) => return true,
            Step::Done => return false,
            step => panic!("{step:?}"),
        };
        operation.resume(reply).unwrap();
    }
}

/// The file was closed under an operation that had started with it: its entry was in no file, and nobody heard of it.
#[test]
fn an_operation_that_a_reload_overtakes_is_still_in_the_file_it_started_with() {
    let directory = tempfile::tempdir().unwrap();
    for strict in ["", ", strict: true"] {
        let path = directory.path().join(format!("audit{}.jsonl", strict.len()));
        let engine = Engine::new(EngineOptions::default()).unwrap();
        engine.apply(&with_file(&path, strict)).unwrap();
        let mut operation = engine.start(Request::write(b"overtaken", b"v", NOBODY));
        assert!(goes_on(&mut operation));
        engine.reload(&without_file()).unwrap();
        operation.resume(Reply::Store(StoreReply::Done)).unwrap();
        assert!(!goes_on(&mut operation));
        operation.finish().unwrap();
        assert!(text_of(&path).contains(r#""key":"overtaken","result":"allowed""#), "{}", text_of(&path));
        let report = verify(&path, &VerifyOptions::default()).unwrap();
        assert!(report.is_whole(), "{report:?}");
        // With the last operation it was closed: it can be opened again.
        engine.reload(&with_file(&path, strict)).unwrap();
    }
}

/// A reload that leaves the file alone looked whether it is open, and another one closed it before the first was
/// through: the document asked for a file and the engine wrote none.
#[test]
fn reloads_at_once_leave_the_file_that_the_last_one_asks_for() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.jsonl");
    let policy =
        PolicyEngine::builder(Database::memory()).document(with_file(&path, "")).try_build().unwrap();
    let (with, without) = (with_file(&path, ""), without_file());
    std::thread::scope(|scope| {
        for turn in 0..4 {
            let (policy, with, without) = (&policy, &with, &without);
            scope.spawn(move || {
                for round in 0..25 {
                    // One that comes while the file is being opened or closed may be told so; it changes nothing then.
                    let _ = policy.reload(if (turn + round) % 2 == 0 { with } else { without });
                }
            });
        }
    });
    policy.reload(&with).unwrap();
    policy.put("at the end", "v", None).unwrap();
    policy.flush_audit().unwrap();
    assert!(text_of(&path).contains("at the end"));
}

/// Where the file was closed under them, writes failed after they had happened.
#[test]
fn no_write_suffers_from_reloads_that_change_its_strict_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.jsonl");
    let (with, without) = (with_file(&path, ", strict: true"), without_file());
    let policy = PolicyEngine::builder(Database::memory()).document(with.clone()).try_build().unwrap();
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..3)
            .map(|_| scope.spawn(|| (0..150).try_for_each(|n| policy.put(format!("k/{n}"), "v", None))))
            .collect();
        while !writers.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            policy.reload(&without).unwrap();
            // A writer may have it open for a moment yet: then nothing changes.
            let _ = policy.reload(&with);
        }
        writers.into_iter().for_each(|writer| writer.join().unwrap().unwrap());
    });
    policy.reload(&without).unwrap();
    let report = verify(&path, &VerifyOptions::default()).unwrap();
    assert!(report.is_whole() && report.torn_bytes == 0, "{report:?}");
    let text = text_of(&path);
    let phase = |phase: &str| text.matches(&format!("\"phase\":\"{phase}\"")).count();
    assert_eq!(phase("decided"), phase("done"));
}

/// It was told that the file is open already, and to close it "there".
#[test]
fn a_reload_that_would_keep_its_file_in_another_way_changes_nothing_and_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.jsonl");
    let policy =
        PolicyEngine::builder(Database::memory()).document(with_file(&path, "")).try_build().unwrap();
    let refused = policy.reload(&with_file(&path, ", strict: true")).unwrap_err();
    assert_eq!(refused.code(), Code::Config);
    assert!(refused.to_string().contains("with other settings"), "{refused}");
    policy.put("after", "v", None).unwrap();
    policy.flush_audit().unwrap();
    assert!(text_of(&path).contains(r#""key":"after""#));
    policy.reload(&without_file()).unwrap();
    policy.reload(&with_file(&path, ", strict: true")).unwrap();
    policy.put("strictly", "v", None).unwrap();
    assert!(text_of(&path).contains(r#""phase":"decided""#));
    assert!(verify(&path, &VerifyOptions::default()).unwrap().is_whole());
}

/// A size that no file can have passed the check, and the engine refused it without a place.
#[test]
fn a_document_is_told_where_its_rotation_is_too_small() {
    for size in ["1", "4095"] {
        let text = format!("version: 1\naudit:\n  file:\n    path: a.jsonl\n    rotate_bytes: {size}\n");
        let error = PolicyDocument::parse(text.as_bytes(), Format::Yaml, "policy.yaml").unwrap_err();
        assert!(error.to_string().contains("policy.yaml:5:"), "{error}");
    }
    with_file(Path::new("a.jsonl"), ", rotate_bytes: 4096");
}

/// The sink was passed over, and the operation ended as if it had been told.
#[test]
fn a_reply_that_does_not_fit_is_no_acknowledgement_of_a_strict_sink() {
    let engine = Engine::new(EngineOptions::default()).unwrap();
    engine.add_audit_sink(Arc::new(()), true).unwrap();
    engine.add_rate_limit("write", &RateLimit::per_hour(9)).unwrap();
    let mut operation = engine.start(Request::write(b"k", b"v", NOBODY));
    assert!(matches!(operation.step(Time::default()), Step::Record(_)));
    operation.resume(Reply::Recorded).unwrap();
    assert!(matches!(operation.step(Time::default()), Step::Store(_)));
    operation.resume(Reply::Store(StoreReply::Done)).unwrap();
    assert!(matches!(operation.step(Time::default()), Step::Record(_)));
    assert_eq!(operation.resume(Reply::Logged).unwrap_err().code(), Code::Usage);
    assert!(matches!(operation.step(Time::default()), Step::Done));
    let error = operation.finish().unwrap_err();
    assert_eq!(error.code(), Code::AuditFailed);
    assert!(error.violation().unwrap().applied);
}

/// The entry of a scan named the hook that had changed the last key, and none where it was any other.
#[test]
fn the_entry_of_a_scan_names_no_hook_of_its_last_key() {
    let engine = Engine::new(EngineOptions::default()).unwrap();
    engine.enable_audit(10).unwrap();
    engine.add_hook(Trigger::AFTER_READ, "{first,last}", Action::Host(Arc::new(()))).unwrap();
    let mut rules = Vec::new();
    for keys in [["first", "zzz"], ["aaa", "last"]] {
        let request = ScanRequest {
            prefix: (&b""[..]).into(),
            context: std::borrow::Cow::Borrowed(NOBODY),
            depth: 0,
            store_can: true,
        };
        let mut operation = engine.start(request);
        assert!(matches!(operation.step(Time::default()), Step::Store(_)));
        let pairs = keys.map(|key| (key.as_bytes().to_vec(), b"v".to_vec())).to_vec();
        operation.resume(Reply::Store(StoreReply::Page(Page { pairs, end: true }))).unwrap();
        loop {
            match operation.step(Time::default()) {
                Step::CallHook(_) => {
                    operation.resume(Reply::Answer(Answer::Modify(b"-".to_vec()))).unwrap();
                }
                Step::Item { .. } => drop(operation.take_item()),
                Step::Done => break,
                step => panic!("{step:?}"),
            }
        }
        operation.finish().unwrap();
        let entry = engine.audit_log(&AuditFilter::new()).unwrap().pop().unwrap();
        assert_eq!(entry.result().as_str(), "redacted");
        rules.push(entry.rule().map(std::borrow::Cow::into_owned));
    }
    assert_eq!(rules[0], rules[1]);
}

/// Nothing of an engine is locked while the host runs: what a callback does to its own engine cannot hang.
#[test]
fn callbacks_may_change_the_engine_that_called_them() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.jsonl");
    let policy =
        PolicyEngine::builder(Database::memory()).document(with_file(&path, "")).try_build().unwrap();
    let (inner, document, other) = (policy.clone(), with_file(&path, ""), without_file());
    policy.before_write("hook", move |_| {
        inner.reload(&other).unwrap();
        inner.reload(&document).ok();
        inner.flush_audit().unwrap();
        inner.add_audit_sink(false, |_, _| Ok(())).unwrap();
        PolicyAction::deny_because("after all that")
    });
    let inner = policy.clone();
    let id = Arc::new(std::sync::OnceLock::new());
    let own = Arc::clone(&id);
    let known = policy.on_denied(move |_| {
        assert!(inner.remove_listener(*own.get().unwrap()));
        inner.disable_audit();
        inner.enable_audit().unwrap();
    });
    id.set(known).unwrap();
    assert_eq!(policy.put("hook", "v", None).unwrap_err().code(), Code::Denied);
    policy.put("other", "v", None).unwrap();
}

/// Its entries went nowhere and nobody was told: the file that was closed is still a sink.
#[test]
fn a_file_that_was_closed_while_it_is_a_sink_is_warned_of() {
    let directory = tempfile::tempdir().unwrap();
    let file = AuditFile::open(AuditFileOptions::new(directory.path().join("audit.jsonl"))).unwrap();
    let engine = Engine::new(EngineOptions {
        require_context: vec!["agent_id".to_owned()],
        ..EngineOptions::default()
    });
    let engine = engine.unwrap();
    engine.add_audit_file(Arc::clone(&file)).unwrap();
    file.close().unwrap();
    let mut operation = engine.start(Request::write(b"k", b"v", NOBODY));
    let Step::Log(call) = operation.step(Time::default()) else { panic!("no warning") };
    assert!(call.level == LogLevel::Warning && call.message.contains("is closed"), "{}", call.message);
    operation.resume(Reply::Logged).unwrap();
    assert!(!goes_on(&mut operation));
    assert_eq!(operation.finish().unwrap_err().code(), Code::Denied);
}
