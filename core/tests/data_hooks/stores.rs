//! Stores of a Rust program: over a map, failing, panicking, and the database on disk.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use checkrein::policy::{PolicyAction, PolicyEngine};
use checkrein::store::{BoxError, Store};
use checkrein::{Code, Database, Error};

use crate::{entries, results};

#[derive(Default)]
struct Shelf {
    books: Mutex<BTreeMap<Vec<u8>, Vec<u8>>>,
}

impl Store for Shelf {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, BoxError> {
        match key {
            b"raises" => Err(io::Error::other("no route to a host that nobody may know").into()),
            b"panics" => panic!("a store must not do this"),
            b"own" => Err(Error::config("the shelf was not set up").into()),
            key => Ok(self.books.lock().unwrap().get(key).cloned()),
        }
    }

    fn put(&self, key: &[u8], value: &[u8]) -> Result<(), BoxError> {
        self.books.lock().unwrap().insert(key.to_vec(), value.to_vec());
        Ok(())
    }

    fn delete(&self, key: &[u8]) -> Result<(), BoxError> {
        self.books.lock().unwrap().remove(key);
        Ok(())
    }
}

#[test]
fn a_map_is_a_store() {
    let shelf = Arc::new(Shelf::default());
    let policy = PolicyEngine::new(Arc::clone(&shelf));
    policy.before_write("k", |_| PolicyAction::modify("written"));
    policy.after_read("k", |_| PolicyAction::modify("read"));
    policy.put("k", "v", None).unwrap();
    assert_eq!(shelf.get(b"k").unwrap().as_deref(), Some(&b"written"[..]));
    assert_eq!(policy.get("k", None).unwrap().as_deref(), Some(&b"read"[..]));
    policy.delete("k", None).unwrap();
    assert_eq!(policy.get("k", None).unwrap(), None);
}

#[test]
fn a_store_that_fails_is_a_cause_that_can_be_taken_out() {
    let policy = PolicyEngine::new(Shelf::default());
    policy.enable_audit().unwrap();
    let failed = policy.get("raises", None).unwrap_err();
    assert_eq!(failed.code(), Code::Store);
    assert!(failed.cause().unwrap().as_error().unwrap().downcast_ref::<io::Error>().is_some());
    assert!(!format!("{:?}", entries(&policy)).contains("nobody may know"));

    let panicked = policy.get("panics", None).unwrap_err();
    assert_eq!((panicked.code(), panicked.cause().unwrap().type_name()), (Code::Store, "panic"));
    assert_eq!(policy.get("own", None).unwrap_err().to_string(), "the shelf was not set up");
    policy.put("k", "v", None).unwrap();
    assert_eq!(results(&policy), ["error", "error", "error", "allowed"]);
}

#[test]
fn a_database_on_disk_is_guarded_and_kept() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data");
    let database = Database::open(&path).unwrap();
    let policy = PolicyEngine::new(database.clone());
    policy.enable_audit().unwrap();
    policy.before_delete("keep/*", checkrein::policy::deny_all);
    policy.put("keep/k", "v", None).unwrap();
    assert_eq!(policy.delete("keep/k", None).unwrap_err().code(), Code::Denied);
    database.close().unwrap();
    assert_eq!(policy.get("keep/k", None).unwrap_err().code(), Code::StoreClosed);
    assert_eq!(entries(&policy)[2].reason().as_deref(), Some("store_closed"));

    let policy = PolicyEngine::new(Database::open(&path).unwrap());
    assert_eq!(policy.get("keep/k", None).unwrap().as_deref(), Some(&b"v"[..]));
}
