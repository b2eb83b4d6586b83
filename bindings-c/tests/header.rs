//! The committed header is the one that the crate makes. `UPDATE_HEADER=1 cargo test -p checkrein-c --test header`
//! writes it.

use std::path::Path;

#[test]
fn the_committed_header_is_up_to_date() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).unwrap();
    let mut made = Vec::new();
    cbindgen::Builder::new().with_crate(root).with_config(config).generate().unwrap().write(&mut made);
    let made = String::from_utf8(made).unwrap();
    let path = root.join("include/checkrein.h");
    if std::env::var_os("UPDATE_HEADER").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        made == committed,
        "checkrein.h is stale: run `UPDATE_HEADER=1 cargo test -p checkrein-c --test header`"
    );
}

/// A function that no test in C calls might as well not link.
#[test]
fn every_function_is_called_by_a_test_in_c() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let header = std::fs::read_to_string(root.join("include/checkrein.h")).unwrap();
    let tests: String = std::fs::read_dir(root.join("tests"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "c"))
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    let declared = |line: &str| {
        let (before, _) = line.split_once('(')?;
        let name = before.rsplit([' ', '*']).next()?;
        (!line.starts_with([' ', '/', '#']) && name.starts_with("cr_")).then(|| name.to_owned())
    };
    let functions: Vec<String> = header.lines().filter_map(declared).collect();
    assert!(functions.len() > 100, "{}", functions.len());
    for function in functions {
        assert!(tests.contains(&format!("{function}(")), "no test calls {function}");
    }
}
