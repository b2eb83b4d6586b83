//! Scans and batches of both kinds of database, against a map.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use checkrein::Code;
use checkrein::store::{Change, Database, Durability, MAX_KEY_BYTES, MAX_VALUE_BYTES, Page};
use proptest::prelude::*;

type Map = BTreeMap<Vec<u8>, Vec<u8>>;

/// One of each kind; the directory lasts as long as they do.
fn both() -> (tempfile::TempDir, [Database; 2]) {
    let directory = tempfile::tempdir().unwrap();
    let disk = Database::options().durability(Durability::Relaxed).open(directory.path()).unwrap();
    (directory, [Database::memory(), disk])
}

/// What a page must be, by a look at every key.
fn expected(map: &Map, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Page {
    let fits = |key: &[u8]| key.starts_with(prefix) && after.is_none_or(|after| key > after);
    let mut left = map.iter().filter(|(key, _)| fits(key)).map(|(key, value)| (key.clone(), value.clone()));
    let pairs = left.by_ref().take(limit).collect();
    Page { pairs, end: left.next().is_none() }
}

/// All pairs under a prefix, page by page.
fn all(database: &Database, prefix: &[u8], limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut found: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    loop {
        let after = found.last().map(|(key, _)| key.clone());
        let page = database.scan(prefix, after.as_deref(), limit).unwrap();
        assert!(page.pairs.len() <= limit && (page.end || !page.pairs.is_empty()));
        found.extend(page.pairs);
        if page.end {
            return found;
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Batch(Vec<(Vec<u8>, Option<Vec<u8>>)>),
    Put(Vec<u8>, Vec<u8>),
    Scan(Vec<u8>, Option<Vec<u8>>, usize),
}

/// Short keys of the bytes where a prefix ends badly.
fn key() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(vec![0, 1, b'a', 0xfe, 0xff]), 0..4)
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..40)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        prop::collection::vec((key(), prop::option::of(value())), 0..12).prop_map(Step::Batch),
        (key(), value()).prop_map(|(key, value)| Step::Put(key, value)),
        (key(), prop::option::of(key()), 1_usize..9)
            .prop_map(|(prefix, after, limit)| Step::Scan(prefix, after, limit)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn both_kinds_scan_and_batch_as_a_map_does(steps in prop::collection::vec(step(), 1..50), limit in 1_usize..20) {
        let (_directory, databases) = both();
        let mut map = Map::new();
        for step in &steps {
            match step {
                Step::Batch(changes) => {
                    let changes: Vec<_> = changes.iter().map(|(key, value)| match value {
                        Some(value) => Change::Put { key, value },
                        None => Change::Delete { key },
                    }).collect();
                    databases.iter().for_each(|database| database.batch(&changes).unwrap());
                    for change in changes {
                        match change.value() {
                            Some(value) => map.insert(change.key().to_vec(), value.to_vec()),
                            None => map.remove(change.key()),
                        };
                    }
                }
                Step::Put(key, value) => {
                    databases.iter().for_each(|database| database.put(key, value).unwrap());
                    map.insert(key.clone(), value.clone());
                }
                Step::Scan(prefix, after, limit) => {
                    let expected = expected(&map, prefix, after.as_deref(), *limit);
                    for database in &databases {
                        prop_assert_eq!(&database.scan(prefix, after.as_deref(), *limit).unwrap(), &expected);
                    }
                }
            }
        }
        for database in &databases {
            for prefix in [&b""[..], b"\0", b"a", b"\xff", b"\xff\xff", b"\xfe\xff"] {
                prop_assert_eq!(all(database, prefix, limit), expected(&map, prefix, None, usize::MAX).pairs);
            }
        }
    }
}

#[test]
fn a_prefix_ends_where_it_should() {
    let (_directory, databases) = both();
    let keys = [
        &b""[..],
        b"a",
        b"a\0",
        b"a\xff",
        b"a\xff\xff",
        b"b",
        b"\xfe\xff",
        b"\xff",
        b"\xff\xff",
        b"\xff\xff\0",
    ];
    for database in &databases {
        for key in keys {
            database.put(key, b"").unwrap();
        }
        let found = |prefix: &[u8], after: Option<&[u8]>| -> Vec<Vec<u8>> {
            let page = database.scan(prefix, after, usize::MAX).unwrap();
            assert!(page.end && page.pairs.iter().all(|(_, value)| value.is_empty()));
            page.pairs.into_iter().map(|(key, _)| key).collect()
        };
        assert_eq!(found(b"", None), keys);
        assert_eq!(found(b"", Some(b"")), keys[1..]);
        assert_eq!(found(b"a", None), keys[1..5]);
        assert_eq!(found(b"a\xff", None), keys[3..5]);
        assert_eq!(found(b"\xff", None), keys[7..]);
        assert_eq!(found(b"\xff\xff", None), keys[8..]);
        assert_eq!(found(b"\xff\xff\xff", None), keys[..0]);
        // Before the prefix, in it but no key, the last one, beyond the prefix.
        assert_eq!(found(b"a", Some(b"")), keys[1..5]);
        assert_eq!(found(b"a", Some(b"a\x01")), keys[3..5]);
        assert_eq!(found(b"a", Some(b"a\xff\xff")), keys[..0]);
        assert_eq!(found(b"a", Some(b"b")), keys[..0]);
        assert_eq!(found(b"a", Some(b"\xff\xff\xff\xff")), keys[..0]);
    }
}

#[test]
fn a_page_is_bounded_by_bytes_too_and_holds_at_least_one_pair() {
    const KIB: usize = 1024;
    let (_directory, databases) = both();
    for database in &databases {
        for (key, size) in
            [(b"a", 5000 * KIB), (b"b", 700 * KIB), (b"c", 300 * KIB), (b"d", 300 * KIB), (b"e", 0)]
        {
            database.put(key, &vec![1; size]).unwrap();
        }
        let keys = |after: Option<&[u8]>| {
            let page = database.scan(b"", after, 100).unwrap();
            let keys: Vec<u8> = page.pairs.iter().map(|(key, _)| key[0]).collect();
            (String::from_utf8(keys).unwrap(), page.end)
        };
        assert_eq!(keys(None), ("a".to_owned(), false));
        assert_eq!(keys(Some(b"a")), ("bc".to_owned(), false));
        assert_eq!(keys(Some(b"c")), ("de".to_owned(), true));
    }
}

#[test]
fn what_is_refused_leaves_nothing() {
    let (_directory, databases) = both();
    let long = vec![b'k'; MAX_KEY_BYTES + 1];
    let huge = vec![0; MAX_VALUE_BYTES + 1];
    for database in &databases {
        database.put(b"kept", b"1").unwrap();
        let first = [Change::Put { key: b"new", value: b"1" }, Change::Delete { key: b"kept" }];
        let last = [
            Change::Put { key: &long, value: b"" },
            Change::Delete { key: &long },
            Change::Put { key: b"huge", value: &huge },
        ];
        for last in last {
            let error = database.batch(&[first[0], first[1], last]).unwrap_err();
            assert_eq!(error.code(), Code::Usage, "{error}");
            assert_eq!(all(database, b"", 10), [(b"kept".to_vec(), b"1".to_vec())]);
        }
        database.batch(&[]).unwrap();
        // In their order: what comes later wins.
        database
            .batch(&[
                first[0],
                Change::Delete { key: b"new" },
                first[1],
                Change::Put { key: b"kept", value: b"2" },
            ])
            .unwrap();
        assert_eq!(all(database, b"", 10), [(b"kept".to_vec(), b"2".to_vec())]);

        for error in [
            database.scan(b"", None, 0).unwrap_err(),
            database.scan(&long, None, 1).unwrap_err(),
            database.scan(b"", Some(&long), 1).unwrap_err(),
        ] {
            assert_eq!(error.code(), Code::Usage, "{error}");
        }
        database.close().unwrap();
        assert_eq!(database.scan(b"", None, 1).unwrap_err().code(), Code::StoreClosed);
        assert_eq!(database.batch(&first).unwrap_err().code(), Code::StoreClosed);
        assert_eq!(database.batch(&[]).unwrap_err().code(), Code::StoreClosed);
    }
}

#[test]
fn a_batch_is_there_after_it_was_opened_again() {
    let directory = tempfile::tempdir().unwrap();
    for round in 0..3_u8 {
        let database = Database::open(directory.path()).unwrap();
        let keys: Vec<_> = (0..200_u8).map(|n| [round, n]).collect();
        let changes: Vec<_> = keys.iter().map(|key| Change::Put { key, value: key }).collect();
        database.batch(&changes).unwrap();
        drop(database);
        let database = Database::open(directory.path()).unwrap();
        assert_eq!(all(&database, &[round], 7).len(), 200);
    }
}

#[test]
fn paging_under_writes_keeps_the_order_and_gives_each_key_once() {
    const PREFIX: &[u8] = b"k/";
    let (_directory, databases) = both();
    for database in &databases {
        // Even keys stay; odd ones come and go; two in one page change together.
        let key = |n: u32| [PREFIX, &n.to_be_bytes()[..]].concat();
        for n in (0..400).step_by(2) {
            database.put(&key(n), b"stays").unwrap();
        }
        let stop = AtomicBool::new(false);
        let stopped = || stop.load(Ordering::Relaxed);
        std::thread::scope(|scope| {
            for thread in 0..2_u32 {
                scope.spawn(move || {
                    for n in (0_u32..).take_while(|_| !stopped()) {
                        let key = key(n.wrapping_mul(7919).wrapping_add(thread * 31) % 200 * 2 + 1);
                        if n % 3 == 0 {
                            database.delete(&key).unwrap()
                        } else {
                            database.put(&key, b"goes").unwrap()
                        }
                    }
                });
            }
            scope.spawn(|| {
                for n in (0_u32..).take_while(|_| !stopped()) {
                    let value = &n.to_be_bytes();
                    let put = |key| Change::Put { key, value };
                    database.batch(&[put(b"twin/1"), put(b"twin/2")]).unwrap();
                }
            });
            // The threads end even where an assertion fails.
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                for limit in 1..30 {
                    let found = all(database, PREFIX, limit);
                    assert!(found.windows(2).all(|two| two[0].0 < two[1].0), "not in order");
                    assert!(found.iter().all(|(key, _)| key.starts_with(PREFIX)));
                    assert_eq!(found.iter().filter(|(_, value)| value == b"stays").count(), 200);
                    let twins = database.scan(b"twin/", None, 2).unwrap().pairs;
                    assert!(twins.is_empty() || twins.len() == 2 && twins[0].1 == twins[1].1, "half a batch");
                }
            }));
            stop.store(true, Ordering::Relaxed);
            outcome.unwrap();
        });
    }
}
