use proptest::prelude::*;

use super::super::Durability;
use super::*;
use crate::clock::{Clock, ManualClock};

fn on_disk() -> (tempfile::TempDir, Database) {
    let directory = tempfile::tempdir().unwrap();
    let database = Database::open(directory.path().join("a/b")).unwrap();
    (directory, database)
}

fn code<T: fmt::Debug>(result: Result<T>) -> Code {
    result.unwrap_err().code()
}

#[test]
fn both_kinds_keep_the_same_contract() {
    let (_directory, disk) = on_disk();
    for database in [Database::memory(), disk] {
        assert_eq!(database.blocks(), !database.is_memory());
        assert_eq!(database.get(b"").unwrap(), None);
        for (key, value) in
            [(&b""[..], &b""[..]), (b"", b"x"), (b"a", b""), (b"\xff\0", b"\0\xff"), (b"a", b"2")]
        {
            database.put(key, value).unwrap();
            assert_eq!(database.get(key).unwrap().as_deref(), Some(value));
        }
        database.delete(b"a").unwrap();
        database.delete(b"never there").unwrap();
        assert_eq!(database.get(b"a").unwrap(), None);
        database.flush().unwrap();

        let long = vec![b'k'; MAX_KEY_BYTES + 1];
        assert_eq!(code(database.get(&long)), Code::Usage);
        assert_eq!(code(database.put(&long, b"")), Code::Usage);
        assert_eq!(code(database.delete(&long)), Code::Usage);
        let longest = &long[1..];
        database.put(longest, longest).unwrap();
        assert_eq!(database.get(longest).unwrap().as_deref(), Some(longest));
        assert_eq!(code(database.put(b"k", &vec![0; MAX_VALUE_BYTES + 1])), Code::Usage);
    }
}

#[test]
fn close_is_for_all_clones_and_says_what_to_do() {
    let (_directory, disk) = on_disk();
    for database in [Database::memory(), disk] {
        let clone = database.clone();
        database.put(b"k", b"v").unwrap();
        clone.close().unwrap();
        database.close().unwrap();
        for error in [
            database.get(b"k").unwrap_err(),
            database.put(b"k", b"v").unwrap_err(),
            database.delete(b"k").unwrap_err(),
            database.flush().unwrap_err(),
        ] {
            assert_eq!(error.code(), Code::StoreClosed);
            let text = error.to_string();
            assert!(text.contains("open it again") || text.contains("make a new one"), "{text}");
        }
    }
}

#[test]
fn what_was_written_is_there_after_close_and_after_drop() {
    for relaxed in [false, true] {
        let directory = tempfile::tempdir().unwrap();
        let open = || {
            let durability = if relaxed { Durability::Relaxed } else { Durability::Sync };
            Database::options().durability(durability).check(true).open(directory.path()).unwrap()
        };
        let database = open();
        database.put(b"closed", b"1").unwrap();
        database.close().unwrap();
        let database = open();
        assert_eq!(database.get(b"closed").unwrap().as_deref(), Some(&b"1"[..]));
        database.put(b"dropped", b"2").unwrap();
        database.delete(b"closed").unwrap();
        drop(database);
        let database = open();
        assert_eq!(database.get(b"closed").unwrap(), None);
        assert_eq!(database.get(b"dropped").unwrap().as_deref(), Some(&b"2"[..]));
    }
}

#[test]
fn threads_read_their_own_writes_and_close_ends_them_cleanly() {
    let directory = tempfile::tempdir().unwrap();
    let disk = Database::options().durability(Durability::Relaxed).open(directory.path()).unwrap();
    for database in [Database::memory(), disk] {
        let (some, closing) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            for thread in 0..4_u8 {
                let (database, some) = (database.clone(), some.clone());
                scope.spawn(move || {
                    for n in 0_u32.. {
                        match database.put(&[thread], &n.to_be_bytes()) {
                            Ok(()) => {}
                            Err(error) => return assert_eq!(error.code(), Code::StoreClosed),
                        }
                        match database.get(&[thread]) {
                            Ok(value) => assert_eq!(value.as_deref(), Some(&n.to_be_bytes()[..])),
                            Err(error) => return assert_eq!(error.code(), Code::StoreClosed),
                        }
                        if n == 100 {
                            some.send(()).unwrap();
                        }
                    }
                });
            }
            (0..4).for_each(|_| closing.recv().unwrap());
            database.close().unwrap();
        });
    }
}

#[test]
fn handles_may_be_shared_and_show_where_they_are() {
    fn shared<T: Send + Sync + 'static>(_: &T) {}
    let (directory, disk) = on_disk();
    shared(&disk);
    assert_eq!(format!("{:?}", Database::memory()), "Database(memory)");
    assert_eq!(format!("{disk:?}"), format!("Database({})", directory.path().join("a/b").display()));
}

#[test]
fn a_relaxed_database_takes_a_clock_for_its_syncs() {
    let directory = tempfile::tempdir().unwrap();
    let clock = ManualClock::new(0);
    let options = Database::options().durability(Durability::Relaxed).clock(Clock::Manual(clock.clone()));
    let database = options.open(directory.path()).unwrap();
    for n in 0..10_u8 {
        database.put(&[n], &[n]).unwrap();
        clock.advance_ns(400_000_000);
    }
    assert_eq!(database.get(&[9]).unwrap(), Some(vec![9]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn both_kinds_do_what_a_map_does(
        steps in prop::collection::vec((prop::collection::vec(0_u8..3, 0..3), prop::option::of(prop::collection::vec(any::<u8>(), 0..5000))), 1..60)
    ) {
        let directory = tempfile::tempdir().unwrap();
        let disk = Database::options().durability(Durability::Relaxed).open(directory.path()).unwrap();
        let mut model = std::collections::BTreeMap::new();
        for (key, value) in steps {
            for database in [&Database::memory(), &disk] {
                match &value {
                    Some(value) => database.put(&key, value).unwrap(),
                    None => database.delete(&key).unwrap(),
                }
                prop_assert_eq!(database.get(&key).unwrap(), value.clone());
            }
            match value {
                Some(value) => model.insert(key, value),
                None => model.remove(&key),
            };
        }
        disk.close().unwrap();
        let disk = Database::open(directory.path()).unwrap();
        for a in 0..3 {
            for b in 0..3 {
                for key in [&[][..], &[a], &[a, b]] {
                    prop_assert_eq!(disk.get(key).unwrap(), model.get(key).cloned());
                }
            }
        }
    }
}
