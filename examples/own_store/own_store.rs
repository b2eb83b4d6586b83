//! A store of one's own in Rust: three methods; `scan`, `batch` and `abilities` are there for those that can do more.

use std::collections::BTreeMap;
use std::sync::RwLock;

use checkrein::policy::{PolicyEngine, deny_all};
use checkrein::store::{BoxError, Store};

// README: a store
#[derive(Default)]
struct MapStore(RwLock<BTreeMap<Vec<u8>, Vec<u8>>>);

impl Store for MapStore {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, BoxError> {
        Ok(self.0.read().map_err(|_| "poisoned")?.get(key).cloned())
    }
    fn put(&self, key: &[u8], value: &[u8]) -> Result<(), BoxError> {
        self.0.write().map_err(|_| "poisoned")?.insert(key.into(), value.into());
        Ok(())
    }
    fn delete(&self, key: &[u8]) -> Result<(), BoxError> {
        self.0.write().map_err(|_| "poisoned")?.remove(key);
        Ok(())
    }
}
// README: end

#[expect(clippy::print_stdout, reason = "an example")]
fn main() -> checkrein::Result<()> {
    let policy = PolicyEngine::new(MapStore::default());
    policy.before_write("secret/*", deny_all);
    policy.put("users/alice", "data", None)?;
    let value = policy.get("users/alice", None)?.unwrap_or_default();
    println!("get users/alice: {}", String::from_utf8_lossy(&value));
    policy.delete("users/alice", None)?;
    if policy.get("users/alice", None)?.is_none() {
        println!("get users/alice: None");
    }
    if let Err(refused) = policy.put("secret/key", "x", None) {
        println!("put secret/key: {}", refused.code().as_str());
    }
    Ok(())
}
