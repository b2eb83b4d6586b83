//! The database in memory: an ordered map behind a lock that readers on several threads do not contend for.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use crossbeam_utils::sync::ShardedLock;

/// `None` once it was closed.
type Map = Option<BTreeMap<Box<[u8]>, Box<[u8]>>>;

/// A call on a memory that was closed.
#[derive(Debug)]
pub(super) struct Closed;

/// A map whose reads take one of eight locks, chosen by thread, and whose writes take all of them.
pub(super) struct Memory {
    map: ShardedLock<Map>,
}

impl Memory {
    pub(super) fn new() -> Self {
        Memory { map: ShardedLock::new(Some(BTreeMap::new())) }
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Closed> {
        // A poisoned lock is no reason to stop: an insert or a removal leaves the map whole.
        let map = self.map.read().unwrap_or_else(PoisonError::into_inner);
        let map = map.as_ref().ok_or(Closed)?;
        Ok(map.get(key).map(|value| value.to_vec()))
    }

    pub(super) fn put(&self, key: &[u8], value: &[u8]) -> Result<(), Closed> {
        // Copied before, dropped after the lock is held: both may take a while. The key is copied where it is new.
        let value = value.into();
        let old = self.write(|map| match map.get_mut(key) {
            Some(known) => Some(std::mem::replace(known, value)),
            None => map.insert(key.into(), value),
        })?;
        drop(old);
        Ok(())
    }

    pub(super) fn delete(&self, key: &[u8]) -> Result<(), Closed> {
        let old = self.write(|map| map.remove(key))?;
        drop(old);
        Ok(())
    }

    /// Closes it and lets go of everything in it.
    pub(super) fn close(&self) {
        let map = self.map.write().unwrap_or_else(PoisonError::into_inner).take();
        drop(map);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.map.read().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    fn write<T>(&self, change: impl FnOnce(&mut BTreeMap<Box<[u8]>, Box<[u8]>>) -> T) -> Result<T, Closed> {
        let mut map = self.map.write().unwrap_or_else(PoisonError::into_inner);
        map.as_mut().map(change).ok_or(Closed)
    }
}
