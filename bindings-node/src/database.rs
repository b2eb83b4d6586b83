//! The embedded database: calls that may wait for the disk run on Node's pool of threads.

use std::panic::{AssertUnwindSafe, catch_unwind};

use checkrein::Database;
use checkrein::error::Error;
use checkrein::operation::{SCAN_PAGE, StoreReply};
use checkrein::store::Durability;
use napi::bindgen_prelude::{AsyncTask, Buffer, Either, External, Task, ToNapiValue, TypeName};
use napi::{Env, ValueType, sys};
use napi_derive::napi;

use crate::arguments::{Bytes, Text};
use crate::failure::Failure;
use crate::packed::{pack, unpack};
use crate::work::OwnedCall;

/// A database in memory.
#[napi(catch_unwind)]
pub fn memory_database() -> External<Database> {
    External::new(Database::memory())
}

/// Opens the database in a directory.
#[napi(catch_unwind)]
pub fn open_database(path: Text, durability: Option<Text>) -> AsyncTask<Open> {
    AsyncTask::new(Open { path: path.0, durability: durability.map(|word| word.0) })
}

/// A database to be opened.
pub struct Open {
    path: String,
    durability: Option<String>,
}

impl Task for Open {
    type Output = Result<Database, Error>;
    type JsValue = Opened;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        let open = || {
            let mut options = Database::options();
            if let Some(word) = &self.durability {
                options = options.durability(word.parse::<Durability>()?);
            }
            options.open(&self.path)
        };
        Ok(caught(open))
    }

    fn resolve(&mut self, _: Env, opened: Self::Output) -> napi::Result<Opened> {
        Ok(Opened(opened.map_err(Failure)?))
    }
}

/// A database on its way into a handle.
pub struct Opened(Database);

impl TypeName for Opened {
    fn type_name() -> &'static str {
        "Database"
    }

    fn value_type() -> ValueType {
        ValueType::External
    }
}

impl ToNapiValue for Opened {
    unsafe fn to_napi_value(env: sys::napi_env, opened: Self) -> napi::Result<sys::napi_value> {
        // SAFETY: napi hands a valid environment.
        unsafe { External::to_napi_value(env, External::new(opened.0)) }
    }
}

/// Closes a database; doing so twice is no error.
#[napi(catch_unwind)]
pub fn close_database(database: &External<Database>) -> AsyncTask<Close> {
    AsyncTask::new(Close { database: Database::clone(database) })
}

/// A database to be closed.
pub struct Close {
    database: Database,
}

impl Task for Close {
    type Output = Result<(), Error>;
    type JsValue = ();

    fn compute(&mut self) -> napi::Result<Self::Output> {
        Ok(caught(|| self.database.close()))
    }

    fn resolve(&mut self, _: Env, closed: Self::Output) -> napi::Result<()> {
        Ok(closed.map_err(Failure)?)
    }
}

/// A call on a database itself, past every hook.
pub struct Direct {
    database: Database,
    call: OwnedCall,
}

type Value = Option<Buffer>;

impl Direct {
    fn run(database: &Database, call: OwnedCall) -> napi::Result<Either<Value, AsyncTask<Direct>>> {
        let direct = Direct { database: database.clone(), call };
        if database.blocks() {
            return Ok(Either::B(AsyncTask::new(direct)));
        }
        value_of(direct.call.perform(database)).map(Either::A)
    }
}

impl Task for Direct {
    type Output = StoreReply;
    type JsValue = Value;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        Ok(self.call.perform(&self.database))
    }

    fn resolve(&mut self, _: Env, reply: Self::Output) -> napi::Result<Value> {
        value_of(reply)
    }
}

fn value_of(reply: StoreReply) -> napi::Result<Value> {
    match reply {
        StoreReply::Value(value) => Ok(value.map(Buffer::from)),
        StoreReply::Done => Ok(None),
        StoreReply::Page(page) => {
            let pairs = page.pairs.iter().map(|(key, value)| (&**key, Some(&**value)));
            Ok(Some(pack(pairs)?.into()))
        }
        StoreReply::Failed(error) => Err(Failure(error).into()),
        StoreReply::Raised(cause) => {
            Err(Failure(Error::store("the database failed".to_owned(), Some(cause))).into())
        }
        StoreReply::Invalid(what) => Err(Failure(Error::Internal(what)).into()),
    }
}

/// Reads a key of a database.
#[napi(catch_unwind)]
pub fn database_get(
    database: &External<Database>,
    key: Bytes,
) -> napi::Result<Either<Value, AsyncTask<Direct>>> {
    Direct::run(database, OwnedCall::Get(key.as_slice().to_vec()))
}

/// Writes a key of a database.
#[napi(catch_unwind)]
pub fn database_put(
    database: &External<Database>,
    key: Bytes,
    value: Bytes,
) -> napi::Result<Either<Value, AsyncTask<Direct>>> {
    Direct::run(database, OwnedCall::Put(key.as_slice().to_vec(), value.as_slice().to_vec()))
}

/// Removes a key of a database.
#[napi(catch_unwind)]
pub fn database_delete(
    database: &External<Database>,
    key: Bytes,
) -> napi::Result<Either<Value, AsyncTask<Direct>>> {
    Direct::run(database, OwnedCall::Delete(key.as_slice().to_vec()))
}

/// The next pairs of a database whose keys begin with a prefix, packed.
#[napi(catch_unwind)]
pub fn database_scan(
    database: &External<Database>,
    prefix: Bytes,
    after: Option<Bytes>,
) -> napi::Result<Either<Value, AsyncTask<Direct>>> {
    let after = after.map(|after| after.as_slice().to_vec());
    Direct::run(database, OwnedCall::Scan(prefix.as_slice().to_vec(), after, SCAN_PAGE))
}

/// Writes and removes several keys (packed), all or none.
#[napi(catch_unwind)]
pub fn database_batch(
    database: &External<Database>,
    changes: Bytes,
) -> napi::Result<Either<Value, AsyncTask<Direct>>> {
    let changes = unpack(changes.as_slice())?.into_iter();
    let owned = changes.map(|(key, value)| (key.to_vec(), value.map(<[u8]>::to_vec)));
    Direct::run(database, OwnedCall::Batch(owned.collect()))
}

/// Nothing may unwind into the pool's C code.
fn caught<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(Error::Internal("a panic in the database".to_owned())))
}
