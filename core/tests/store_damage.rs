//! What is no database, or no longer one, is a clear error: never a panic, never an empty database instead.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::print_stdout)]

use std::fs;
use std::path::Path;

use checkrein::store::{Database, Durability};
use checkrein::{Code, Error};

const FILE: &str = "checkrein.redb";

fn key(n: u32) -> Vec<u8> {
    format!("key/{n}").into_bytes()
}

fn value(n: u32) -> Vec<u8> {
    vec![n as u8; if n.is_multiple_of(20) { 10_000 } else { 100 }]
}

const COUNT: u32 = 200;

/// A directory with a database that holds something, and its file.
fn filled() -> (tempfile::TempDir, Vec<u8>) {
    let directory = tempfile::tempdir().unwrap();
    let database = Database::options().durability(Durability::Relaxed).open(directory.path()).unwrap();
    for n in 0..COUNT {
        database.put(&key(n), &value(n)).unwrap();
    }
    database.close().unwrap();
    let file = fs::read(directory.path().join(FILE)).unwrap();
    (directory, file)
}

/// Opens a file of that content, and where it opens, reads and writes all of it: values must be right or the
/// database must say that it is damaged.
fn open_with(directory: &Path, content: &[u8]) -> Result<(), Error> {
    fs::write(directory.join(FILE), content).unwrap();
    let database = Database::options().durability(Durability::Relaxed).open(directory)?;
    for n in 0..COUNT {
        assert_eq!(database.get(&key(n))?, Some(value(n)), "{n}");
    }
    for n in 0..COUNT {
        database.put(&key(n), b"new")?;
    }
    database.close()
}

fn assert_damaged(directory: &Path, content: &[u8], what: &str) {
    let error = open_with(directory, content).expect_err(what);
    assert_eq!(error.code(), Code::StoreDamaged, "{what}: {error}");
    let text = error.to_string();
    assert!(
        text.contains("restore it from a backup") && text.contains(directory.to_str().unwrap()),
        "{text}"
    );
}

#[test]
fn a_file_that_is_no_database_is_damaged() {
    let (directory, file) = filled();
    let text = "not a database\n".repeat(1000);
    let mut header = file.clone();
    header[..4096].fill(0);
    let mut magic = file.clone();
    magic[0] ^= 1;
    for (what, content) in [
        ("empty", &[][..]),
        ("one byte", b"r"),
        ("text", text.as_bytes()),
        ("zeros", &vec![0; 1 << 20]),
        ("no header", &header),
        ("wrong first byte", &magic),
    ] {
        assert_damaged(directory.path(), content, what);
    }
    // The file was not touched, and whoever brings the right one back has it all.
    open_with(directory.path(), &file).unwrap();
}

#[test]
fn a_file_cut_short_is_damaged_or_recovered() {
    let (directory, file) = filled();
    for eighths in 0..8 {
        for length in [file.len() * eighths / 8, file.len() * eighths / 8 + 1000] {
            if let Err(error) = open_with(directory.path(), &file[..length]) {
                assert_eq!(error.code(), Code::StoreDamaged, "{length} bytes: {error}");
            }
        }
    }
}

#[test]
fn flipped_bytes_are_damage_or_harmless_but_never_a_wrong_value() {
    let (directory, file) = filled();
    let mut seed = 1_u64;
    let mut random = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize
    };
    let mut damaged = 0;
    for round in 0..140 {
        let mut content = file.clone();
        // Through the header first, then anywhere.
        let places: Vec<usize> =
            if round < 100 { vec![round * 3] } else { (0..8).map(|_| random() % file.len()).collect() };
        for place in places {
            content[place] ^= (1 << (random() % 8)) as u8;
        }
        if let Err(error) = open_with(directory.path(), &content) {
            assert!(matches!(error.code(), Code::StoreDamaged | Code::Store), "{error}");
            damaged += 1;
        }
    }
    assert!(damaged > 0);
}

#[test]
fn a_file_of_another_program_is_not_taken_for_ours() {
    let directory = tempfile::tempdir().unwrap();
    let other = redb::Database::create(directory.path().join(FILE)).unwrap();
    let write = other.begin_write().unwrap();
    write.open_table(redb::TableDefinition::<u64, u64>::new("theirs")).unwrap().insert(1, 1).unwrap();
    write.commit().unwrap();
    drop(other);
    assert_eq!(Database::open(directory.path()).unwrap_err().code(), Code::StoreDamaged);
}

#[test]
fn a_file_of_a_newer_version_says_to_update() {
    let directory = tempfile::tempdir().unwrap();
    Database::open(directory.path()).unwrap().close().unwrap();
    let newer = redb::Database::open(directory.path().join(FILE)).unwrap();
    let write = newer.begin_write().unwrap();
    write.open_table(redb::TableDefinition::<&str, u64>::new("meta")).unwrap().insert("format", 2).unwrap();
    write.commit().unwrap();
    drop(newer);
    let error = Database::open(directory.path()).unwrap_err();
    assert_eq!(error.code(), Code::Store);
    assert!(error.to_string().contains("update checkrein"), "{error}");
}

#[test]
fn wrong_kinds_of_places_are_clear_errors() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "x").unwrap();
    let error = Database::open(&file).unwrap_err();
    assert!(error.to_string().contains("give the path of a directory"), "{error}");
    let error = Database::open(file.join("below")).unwrap_err();
    assert_eq!(error.code(), Code::Store);

    let odd = directory.path().join("odd");
    fs::create_dir_all(odd.join(FILE)).unwrap();
    let error = Database::open(&odd).unwrap_err();
    assert_eq!(error.code(), Code::Store, "{error}");
    assert!(error.cause().is_some());

    assert_eq!(Database::open("").unwrap_err().code(), Code::Config);
}

#[test]
fn a_database_left_in_the_making_is_made_again() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("checkrein.new"), "half").unwrap();
    let database = Database::open(directory.path()).unwrap();
    database.put(b"k", b"v").unwrap();
    assert!(!directory.path().join("checkrein.new").exists());
}

#[cfg(unix)]
#[test]
fn a_directory_without_rights_says_so() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let inner = directory.path().join("inner");
    fs::create_dir(&inner).unwrap();
    fs::set_permissions(&inner, fs::Permissions::from_mode(0o500)).unwrap();
    let opened = Database::open(&inner);
    fs::set_permissions(&inner, fs::Permissions::from_mode(0o700)).unwrap();
    match opened {
        Err(error) => assert!(error.to_string().contains("the right to read and write"), "{error}"),
        // The administrator may do everything.
        Ok(database) => database.close().unwrap(),
    }
}
