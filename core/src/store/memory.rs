//! The database in memory: an ordered map behind a lock that readers on several threads do not contend for.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use crossbeam_utils::sync::ShardedLock;

use super::page::{self, PageBuilder};
use super::{Change, Page};

type Map = BTreeMap<Box<[u8]>, Box<[u8]>>;

/// A call on a memory that was closed.
#[derive(Debug)]
pub(super) struct Closed;

/// A map whose reads take one of eight locks, chosen by thread, and whose writes take all of them.
pub(super) struct Memory {
    /// `None` once it was closed.
    map: ShardedLock<Option<Map>>,
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
        let old = self.write(|map| set(map, key, value))?;
        drop(old);
        Ok(())
    }

    pub(super) fn delete(&self, key: &[u8]) -> Result<(), Closed> {
        let old = self.write(|map| map.remove(key))?;
        drop(old);
        Ok(())
    }

    /// All changes at once: no reader sees some of them.
    pub(super) fn batch(&self, changes: &[Change<'_>]) -> Result<(), Closed> {
        let copied: Vec<_> = changes.iter().map(|change| change.value().map(Box::from)).collect();
        let mut old = Vec::with_capacity(changes.len());
        self.write(|map| {
            for (change, value) in changes.iter().zip(copied) {
                old.push(match value {
                    Some(value) => set(map, change.key(), value),
                    None => map.remove(change.key()),
                });
            }
        })?;
        drop(old);
        Ok(())
    }

    pub(super) fn scan(&self, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Page, Closed> {
        let mut page = PageBuilder::new(prefix, limit);
        let map = self.map.read().unwrap_or_else(PoisonError::into_inner);
        let map = map.as_ref().ok_or(Closed)?;
        for (key, value) in map.range::<[u8], _>(page::range(prefix, after)) {
            if !page.takes(key, value) {
                break;
            }
        }
        Ok(page.finish())
    }

    /// Closes it and lets go of everything in it.
    pub(super) fn close(&self) {
        let map = self.map.write().unwrap_or_else(PoisonError::into_inner).take();
        drop(map);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.map.read().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    fn write<T>(&self, change: impl FnOnce(&mut Map) -> T) -> Result<T, Closed> {
        let mut map = self.map.write().unwrap_or_else(PoisonError::into_inner);
        map.as_mut().map(change).ok_or(Closed)
    }
}

/// Sets a key, and gives back what it replaced.
fn set(map: &mut Map, key: &[u8], value: Box<[u8]>) -> Option<Box<[u8]>> {
    match map.get_mut(key) {
        Some(known) => Some(std::mem::replace(known, value)),
        None => map.insert(key.into(), value),
    }
}
