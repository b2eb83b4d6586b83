//! Calls as such: help, what is no call, streams that fail, colours.

use std::ffi::OsString;
use std::process::Stdio;

use super::support::{Place, Said, said};

#[test]
fn help_is_there_for_every_command() {
    let place = Place::new();
    for command in ["", "check", "eval", "audit", "audit verify", "audit tail", "audit stats", "schema"] {
        let name = format!("checkrein {command}");
        let told = place.line(&format!("{command} --help"));
        assert_eq!((told.code, told.err.as_str()), (0, ""), "{command}");
        assert!(told.out.contains(&format!("Usage: {}", name.trim())), "{command}: {}", told.out);
        assert!(told.out.lines().all(|line| line.chars().count() <= 110), "{command}");
        assert_eq!(place.line(&format!("help {command}")), told, "{command}");
        assert_eq!(place.line(&format!("{command} -h")), told, "{command}");
    }
    let version = Said { code: 0, out: "checkrein 0.1.0\n".to_owned(), err: String::new() };
    assert_eq!(place.line("--version"), version);
    assert_eq!(place.line("-V"), version);
}

#[test]
fn the_schema_is_the_one_that_editors_are_given() {
    let told = Place::new().line("schema");
    assert_eq!(told.code, 0);
    assert_eq!(told.out, include_str!("../../../docs/checkrein.schema.json"));
}

#[test]
fn what_is_no_call_says_what_is() {
    let place = Place::new();
    for (line, part) in [
        ("", "no command was given: see `checkrein --help`"),
        ("audit", "no command was given: see `checkrein audit --help`"),
        ("chek x", "`chek` is no command of `checkrein`: did you mean `check`?"),
        ("nonsense", "`nonsense` is no command of `checkrein`: see `checkrein --help`"),
        ("audit tali x", "did you mean `tail`?"),
        ("help nonsense", "`nonsense` is no command"),
        ("--what", "`--what` is no option of `checkrein`"),
        ("check -x a.yaml", "`-x` is no option of `checkrein check`: see `checkrein check --help`"),
        ("check", "an operand is missing: checkrein check POLICY..."),
        ("schema x", "`x` is one operand too many"),
        ("schema --json=1", "`--json` takes no value: see `checkrein schema --help`"),
        ("audit stats", "an operand is missing: checkrein audit stats FILE"),
        ("audit stats a b", "`b` is one operand too many"),
        ("audit stats a -n 1", "`-n` is no option of `checkrein audit stats`"),
        ("audit tail a --n 1", "`--n` is no option"),
        ("audit tail a -n", "`-n` needs a value: see `checkrein audit tail --help`"),
        ("audit tail a -n x", "`-n x`: give a number of lines"),
        ("audit tail a -n -1", "`-n -1`: give a number of lines"),
        ("audit tail a -n 1 -n 2", "`-n` is given twice"),
    ] {
        let told = place.line(line);
        assert_eq!((told.code, told.out.as_str()), (2, ""), "{line}");
        assert!(told.err.starts_with("error: ") && told.err.contains(part), "{line}: {}", told.err);
    }
    let told = place.run(["check", "--\u{1b}[2J"]);
    assert_eq!(
        told.err,
        "error: `--\\x1b[2J` is no option of `checkrein check`: see `checkrein check --help`\n"
    );
    let json = place.line("--what --json").json();
    assert_eq!(json["error"]["code"], "usage");
}

#[cfg(unix)]
#[test]
fn arguments_need_not_be_text() {
    use std::os::unix::ffi::OsStringExt as _;
    let place = Place::with_policy();
    let bytes = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
    let eval = |key: &[u8]| place.run(["eval".into(), "policy.yaml".into(), "read".into(), bytes(key)]);
    assert_eq!(eval(b"a\xff").out, "allowed: read of `a\\xff`\n\nno hook matches the key\n");
    let told = place.run(["eval".into(), "policy.yaml".into(), bytes(b"\xff"), "k".into()]);
    assert_eq!((told.code, told.err.as_str()), (2, "error: `OPERATION` is not UTF-8: `\u{fffd}`\n"));
    assert_eq!(place.run(["check".into(), bytes(b"\xff.yaml")]).code, 2);
    assert_eq!(place.run([bytes(b"\xff")]).code, 2);
    assert_eq!(place.run(["check".into(), bytes(b"--\xff")]).code, 2);
}

#[cfg(unix)]
#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let place = Place::with_policy();
    for (line, code) in [("--help", 0), ("schema", 0), ("eval policy.yaml write system/x -c agent_id=a", 1)] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = place.command(line.split_whitespace());
        let child = command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
        drop(command);
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(code), &b""[..]), "{line}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_an_error() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let place = Place::new();
    let mut command = place.command(["--version"]);
    let child = command.stdout(full).stderr(Stdio::piped()).spawn().unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(err.starts_with("error: the output cannot be written: No space left"), "{err}");
}

#[test]
fn colours_are_for_terminals_only() {
    let place = Place::with_policy();
    let mut command = place.command(["eval", "policy.yaml", "write", "system/x", "-c", "agent_id=a"]);
    command.env("TERM", "xterm-256color").env("FORCE_COLOR", "1");
    let plain = said(command);
    assert!(!plain.out.contains('\u{1b}'), "{plain:?}");

    let policy = place.path("policy.yaml").into_os_string();
    let args = ["eval".into(), policy, "write".into(), "system/x".into(), "-cagent_id=a".into()];
    let (mut out, mut err) = (Vec::new(), Vec::new());
    assert_eq!(checkrein_cli::run(args.into_iter(), &mut out, &mut err, true), 1);
    let coloured = String::from_utf8(out).unwrap();
    assert!(coloured.starts_with("\u{1b}[1;31mdenied\u{1b}[0m: write of `system/x`"), "{coloured:?}");
    let stripped = ["1", "2", "32", "1;31", "33", "0"]
        .iter()
        .fold(coloured, |text, code| text.replace(&format!("\u{1b}[{code}m"), ""));
    assert_eq!(stripped, plain.out, "colours change nothing else");
}
