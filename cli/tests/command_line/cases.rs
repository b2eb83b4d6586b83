//! `cli/tests/cases`: calls whose every byte is written down. `python -m checkrein` and `npx checkrein` are held to the
//! same ones by the tests of those packages.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::support::said;

/// What one call says, in the form of `cases.json`.
fn case(args: &Value, folder: &Path) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_checkrein"));
    command.args(args.as_array().unwrap().iter().map(|arg| arg.as_str().unwrap()));
    command.current_dir(folder).stdin(Stdio::null());
    let told = said(command);
    json!({"args": args, "code": told.code, "out": told.out, "err": told.err})
}

#[test]
fn the_binary_says_what_is_written_down() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let path = folder.join("cases.json");
    let cases: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let said: Vec<Value> = cases.iter().map(|known| case(&known["args"], &folder)).collect();
    if std::env::var_os("UPDATE_CASES").is_some() {
        std::fs::write(&path, serde_json::to_string_pretty(&said).unwrap() + "\n").unwrap();
        return;
    }
    assert!(cases.len() >= 10, "{}", cases.len());
    for (known, said) in cases.iter().zip(&said) {
        assert_eq!(known, said, "run `UPDATE_CASES=1 cargo test -p checkrein-cli cases` where it is right");
    }
}
