//! Where the data is: the [`Store`] trait that a program of the user's implements, and [`Database`], the
//! embedded default.
//!
//! A store maps byte strings to byte strings and decides nothing. `Database` promises more than the trait asks
//! for: it is ordered, it survives a crash at any moment, and each acknowledged write is on disk unless
//! [`Durability::Relaxed`] was asked for. `docs/database.md` has the details.

mod database;
mod disk;
mod durability;
mod memory;
mod options;

use std::sync::Arc;

pub use database::Database;
pub use durability::Durability;
pub use options::Options;

use crate::error::{Cause, Error, Result};

/// The longest key of a [`Database`], in bytes: the longest that an operation takes. Keys are copied into the inner
/// pages of the tree, so long ones are slow.
pub const MAX_KEY_BYTES: usize = crate::operation::MAX_KEY_BYTES;
/// The longest value of a [`Database`], in bytes: a value is held in memory whole, several times while it is
/// written.
pub const MAX_VALUE_BYTES: usize = 256 * 1024 * 1024;

/// Any error of a store.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A key-value store of the user's.
///
/// The methods take `&self`, since operations may run on several threads at once. After `put` returned, `get`
/// gives the new value. An error that is a [`crate::Error`] comes out of the engine as itself; any other becomes
/// the cause of a `StoreError`.
///
/// ```
/// use std::collections::BTreeMap;
/// use std::sync::{Mutex, PoisonError};
///
/// use checkrein::store::{BoxError, Store};
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
/// }
///
/// let shelf = Shelf::default();
/// shelf.put(b"users/alice", b"1")?;
/// assert_eq!(shelf.get(b"users/alice")?, Some(b"1".to_vec()));
/// shelf.delete(b"users/alice")?;
/// assert_eq!(shelf.get(b"users/alice")?, None);
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
        }
    )*};
}

store_behind!(&T, Arc<T>, Box<T>);

/// What a store's error is to the caller: a [`crate::Error`] as itself, any other as the cause of a
/// `StoreError` that names the method (`get`, `put`, `delete`) that failed.
#[must_use]
pub fn failed(method: &str, error: BoxError) -> Error {
    match error.downcast::<Error>() {
        Ok(own) => *own,
        Err(foreign) => {
            let type_name = if foreign.is::<std::io::Error>() { "std::io::Error" } else { "Error" };
            Error::store(format!("the store failed at `{method}`"), Some(Cause::error(type_name, foreign)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Code, PolicyViolation};

    #[test]
    fn an_error_of_ours_comes_out_as_itself_and_a_foreign_one_as_the_cause() {
        let own = failed("put", Box::new(Error::from(PolicyViolation::new("not now"))));
        assert_eq!(own.code(), Code::Denied);

        let foreign = failed("put", Box::new(std::io::Error::other("no route")));
        assert_eq!(foreign.code(), Code::Store);
        assert_eq!(foreign.to_string(), "the store failed at `put`: no route");
        assert_eq!(foreign.cause().map(Cause::type_name), Some("std::io::Error"));
    }

    #[test]
    fn pointers_to_stores_are_stores() {
        fn sees(store: impl Store) -> bool {
            store.get(b"k").unwrap().is_some()
        }
        let database = Database::memory();
        database.put(b"k", b"v").unwrap();
        let shared: Arc<dyn Store> = Arc::new(database.clone());
        assert!(sees(&database) && sees(shared) && sees(Box::new(database)));
    }
}
