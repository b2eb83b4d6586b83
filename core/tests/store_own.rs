//! A store of the user's own: the three methods and the two that it may add, over a database that is not ours.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::ops::Bound;
use std::sync::Arc;

use checkrein::store::{Abilities, BoxError, Change, Page, Store};
use checkrein::{PolicyAction, PolicyEngine};
use redb::{Database as Redb, ReadableDatabase, TableDefinition};

const TABLE: TableDefinition<'static, &[u8], &[u8]> = TableDefinition::new("mine");

/// Plain `redb`, as its users use it.
struct Own(Redb);

impl Own {
    fn new(directory: &tempfile::TempDir) -> Self {
        let database = Redb::create(directory.path().join("own.redb")).unwrap();
        let write = database.begin_write().unwrap();
        drop(write.open_table(TABLE).unwrap());
        write.commit().unwrap();
        Own(database)
    }
}

impl Store for Own {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, BoxError> {
        let table = self.0.begin_read()?.open_table(TABLE)?;
        Ok(table.get(key)?.map(|value| value.value().to_vec()))
    }

    fn put(&self, key: &[u8], value: &[u8]) -> Result<(), BoxError> {
        self.batch(&[Change::Put { key, value }])
    }

    fn delete(&self, key: &[u8]) -> Result<(), BoxError> {
        self.batch(&[Change::Delete { key }])
    }

    fn abilities(&self) -> Abilities {
        Abilities::ALL
    }

    fn scan(&self, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Page, BoxError> {
        let start = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        let table = self.0.begin_read()?.open_table(TABLE)?;
        let mut pairs = Vec::new();
        for pair in table.range::<&[u8]>((start, Bound::Unbounded))? {
            let (key, value) = pair?;
            if !key.value().starts_with(prefix) {
                return Ok(Page { pairs, end: true });
            }
            if pairs.len() == limit {
                return Ok(Page { pairs, end: false });
            }
            pairs.push((key.value().to_vec(), value.value().to_vec()));
        }
        Ok(Page { pairs, end: true })
    }

    fn batch(&self, changes: &[Change<'_>]) -> Result<(), BoxError> {
        let write = self.0.begin_write()?;
        let mut table = write.open_table(TABLE)?;
        for change in changes {
            match *change {
                Change::Put { key, value } => drop(table.insert(key, value)?),
                Change::Delete { key } => drop(table.remove(key)?),
            }
        }
        drop(table);
        Ok(write.commit()?)
    }
}

#[test]
fn a_database_of_the_users_own_is_a_store() {
    let directory = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(Own::new(&directory));
    assert_eq!(store.abilities(), Abilities::ALL);
    let put = |key, value| Change::Put { key, value };
    store.batch(&[put(b"a/1", b"1"), put(b"a/2", b"2"), put(b"a/3", b"3"), put(b"b", b"4")]).unwrap();
    store.batch(&[Change::Delete { key: b"a/2" }, put(b"a/4", b"")]).unwrap();
    let keys = |page: Page| -> Vec<Vec<u8>> { page.pairs.into_iter().map(|(key, _)| key).collect() };
    let first = store.scan(b"a/", None, 2).unwrap();
    assert!(!first.end);
    assert_eq!(keys(first), [b"a/1", b"a/3"]);
    let last = store.scan(b"a/", Some(b"a/3"), 2).unwrap();
    assert!(last.end);
    assert_eq!(keys(last), [b"a/4"]);
}

#[test]
fn an_engine_guards_it() {
    let directory = tempfile::tempdir().unwrap();
    let engine = PolicyEngine::new(Own::new(&directory));
    engine.before_write("system/**", |_| PolicyAction::Deny);
    engine.put("users/alice", "1", None).unwrap();
    engine.put("system/clock", "1", None).unwrap_err();
    assert_eq!(engine.get("users/alice", None).unwrap(), Some(b"1".to_vec()));
    assert_eq!(engine.get("system/clock", None).unwrap(), None);
    engine.delete("users/alice", None).unwrap();
    assert_eq!(engine.get("users/alice", None).unwrap(), None);
}
