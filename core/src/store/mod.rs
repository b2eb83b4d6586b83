//! Where the data is: the [`Store`] trait that a program of the user's implements, and [`Database`], the
//! embedded default.
//!
//! A store maps byte strings to byte strings and decides nothing. `Database` promises more than the trait asks
//! for: it is ordered, it survives a crash at any moment, and each acknowledged write is on disk unless
//! [`Durability::Relaxed`] was asked for. `docs/database.md` has the details.

mod change;
mod database;
mod disk;
mod durability;
mod memory;
mod options;
mod page;

use std::sync::Arc;

pub use change::Change;
pub use database::Database;
pub use durability::Durability;
pub use options::Options;
pub use page::Page;

use crate::error::Error;

/// The longest key of a [`Database`], in bytes: the longest that an operation takes. Keys are copied into the inner
/// pages of the tree, so long ones are slow.
pub const MAX_KEY_BYTES: usize = crate::operation::MAX_KEY_BYTES;
/// The longest value of a [`Database`], in bytes: a value is held in memory whole, several times while it is
/// written.
pub const MAX_VALUE_BYTES: usize = 256 * 1024 * 1024;

/// Any error of a store.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What a store can do beyond `get`, `put` and `delete`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Abilities {
    /// It has a [`Store::scan`].
    pub scan: bool,
    /// It has a [`Store::batch`] that is atomic.
    pub batch: bool,
}

impl Abilities {
    /// The three methods and no more.
    pub const NONE: Abilities = Abilities { scan: false, batch: false };
    /// Everything there is.
    pub const ALL: Abilities = Abilities { scan: true, batch: true };
}

/// A key-value store of the user's.
///
/// The methods take `&self`, since operations may run on several threads at once. After `put` returned, `get`
/// gives the new value. An error that is a [`crate::Error`] comes out of the engine as itself; any other becomes
/// the cause of a `StoreError`.
///
/// `get`, `put` and `delete` make a store. One that keeps its keys in order can have `scan` too, and one that can make
/// several changes at once `batch`; it says so by its `abilities`.
///
/// ```
/// use std::collections::BTreeMap;
/// use std::ops::Bound;
/// use std::sync::{Mutex, PoisonError};
///
/// use checkrein::store::{Abilities, BoxError, Change, Page, Store};
///
/// #[derive(Default)]
/// struct Shelf(Mutex<BTreeMap<Vec<u8>, Vec<u8>>>);
///
/// impl Shelf {
///     fn books(&self) -> std::sync::MutexGuard<'_, BTreeMap<Vec<u8>, Vec<u8>>> {
///         self.0.lock().unwrap_or_else(PoisonError::into_inner)
///     }
/// }
///
/// impl Store for Shelf {
///     fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, BoxError> {
///         Ok(self.books().get(key).cloned())
///     }
///     fn put(&self, key: &[u8], value: &[u8]) -> Result<(), BoxError> {
///         self.books().insert(key.to_vec(), value.to_vec());
///         Ok(())
///     }
///     fn delete(&self, key: &[u8]) -> Result<(), BoxError> {
///         self.books().remove(key);
///         Ok(())
///     }
///
///     fn abilities(&self) -> Abilities {
///         Abilities { scan: true, batch: true }
///     }
///     fn scan(&self, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Page, BoxError> {
///         let start = match after {
///             Some(after) if after >= prefix => Bound::Excluded(after),
///             _ => Bound::Included(prefix),
///         };
///         let books = self.books();
///         let found = books.range::<[u8], _>((start, Bound::Unbounded));
///         let found = found.take_while(|(key, _)| key.starts_with(prefix)).take(limit);
///         let pairs: Vec<_> = found.map(|(key, value)| (key.clone(), value.clone())).collect();
///         Ok(Page { end: pairs.len() < limit, pairs })
///     }
///     fn batch(&self, changes: &[Change<'_>]) -> Result<(), BoxError> {
///         let mut books = self.books();
///         for change in changes {
///             match *change {
///                 Change::Put { key, value } => books.insert(key.to_vec(), value.to_vec()),
///                 Change::Delete { key } => books.remove(key),
///             };
///         }
///         Ok(())
///     }
/// }
///
/// let shelf = Shelf::default();
/// shelf.put(b"users/alice", b"1")?;
/// assert_eq!(shelf.get(b"users/alice")?, Some(b"1".to_vec()));
/// shelf.delete(b"users/alice")?;
/// assert_eq!(shelf.get(b"users/alice")?, None);
///
/// shelf.batch(&[Change::Put { key: b"users/bob", value: b"2" }, Change::Delete { key: b"users/carol" }])?;
/// assert_eq!(shelf.scan(b"users/", None, 10)?.pairs, [(b"users/bob".to_vec(), b"2".to_vec())]);
/// # Ok::<(), BoxError>(())
/// ```
pub trait Store: Send + Sync {
    /// The value of a key, or `None` where there is none.
    ///
    /// # Errors
    /// Whatever went wrong; the operation is then refused.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, BoxError>;

    /// Sets a key to a value.
    ///
    /// # Errors
    /// Whatever went wrong; the caller is told that the write may or may not have happened.
    fn put(&self, key: &[u8], value: &[u8]) -> Result<(), BoxError>;

    /// Removes a key. That there was none is no error.
    ///
    /// # Errors
    /// Whatever went wrong; the caller is told that the removal may or may not have happened.
    fn delete(&self, key: &[u8]) -> Result<(), BoxError>;

    /// What it can do beyond these three. Default: nothing.
    fn abilities(&self) -> Abilities {
        Abilities::NONE
    }

    /// The pairs whose keys begin with `prefix`, in ascending order of the keys' bytes, from the first key that is
    /// greater than `after`; at most `limit`, and fewer where that is a better page.
    ///
    /// A caller goes on with the last key of a page as the next `after`, until a page says that it is the end or has
    /// no pairs. `after` need not be there, nor begin with the prefix. `limit` is at least 1.
    ///
    /// # Errors
    /// Whatever went wrong; the scan then ends. Default: that the store cannot scan.
    fn scan(&self, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Page, BoxError> {
        let _ = (prefix, after, limit);
        Err(cannot("scan"))
    }

    /// Makes all changes in their order, or none of them.
    ///
    /// # Errors
    /// Whatever went wrong; the caller is told that the changes may or may not have happened. Default: that the store
    /// has no atomic batch.
    fn batch(&self, changes: &[Change<'_>]) -> Result<(), BoxError> {
        let _ = changes;
        Err(cannot("batch"))
    }
}

fn cannot(method: &str) -> BoxError {
    Error::usage(format!(
        "the store has no `{method}`: implement it and say so in `abilities`, or use a store that has it"
    ))
    .into()
}

macro_rules! store_behind {
    ($($pointer:ty),*) => {$(
        impl<T: Store + ?Sized> Store for $pointer {
            fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, BoxError> {
                (**self).get(key)
            }
            fn put(&self, key: &[u8], value: &[u8]) -> Result<(), BoxError> {
                (**self).put(key, value)
            }
            fn delete(&self, key: &[u8]) -> Result<(), BoxError> {
                (**self).delete(key)
            }
            fn abilities(&self) -> Abilities {
                (**self).abilities()
            }
            fn scan(&self, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Page, BoxError> {
                (**self).scan(prefix, after, limit)
            }
            fn batch(&self, changes: &[Change<'_>]) -> Result<(), BoxError> {
                (**self).batch(changes)
            }
        }
    )*};
}

store_behind!(&T, Arc<T>, Box<T>);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    /// A store with the three methods only.
    struct Plain;

    impl Store for Plain {
        fn get(&self, _: &[u8]) -> Result<Option<Vec<u8>>, BoxError> {
            Ok(None)
        }
        fn put(&self, _: &[u8], _: &[u8]) -> Result<(), BoxError> {
            Ok(())
        }
        fn delete(&self, _: &[u8]) -> Result<(), BoxError> {
            Ok(())
        }
    }

    #[test]
    fn a_store_without_scan_and_batch_says_so() {
        assert_eq!(Plain.abilities(), Abilities::NONE);
        for error in [Plain.scan(b"", None, 1).unwrap_err(), Plain.batch(&[]).unwrap_err()] {
            let error = error.downcast::<Error>().unwrap();
            assert_eq!(error.code(), Code::Usage);
            assert!(error.to_string().contains("say so in `abilities`"), "{error}");
        }
    }

    #[test]
    fn pointers_to_stores_are_stores() {
        fn sees(store: impl Store) -> bool {
            assert_eq!(store.abilities(), Abilities::ALL);
            store.batch(&[Change::Put { key: b"l", value: b"v" }]).unwrap();
            store.get(b"k").unwrap().is_some() && store.scan(b"", None, 9).unwrap().pairs.len() == 2
        }
        let database = Database::memory();
        database.put(b"k", b"v").unwrap();
        let shared: Arc<dyn Store> = Arc::new(database.clone());
        assert!(sees(&database) && sees(shared) && sees(Box::new(database)));
    }
}
