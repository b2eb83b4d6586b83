//! The embedded database: calls that may wait for the disk run on Node's pool of threads.

use std::panic::{AssertUnwindSafe, catch_unwind};

use checkrein::Database;
use checkrein::error::Error;
use checkrein::operation::{StoreCall, StoreReply};
use checkrein::policy::perform;
use checkrein::store::Durability;
use napi::bindgen_prelude::{AsyncTask, Buffer, Either, External, Task, ToNapiValue, TypeName};
use napi::{Env, ValueType, sys};
use napi_derive::napi;

use crate::arguments::{Bytes, Text};
use crate::failure::Failure;

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

/// A call of a store with what it is about, to be taken to another thread.
pub struct OwnedCall {
    kind: Wanted,
    key: Vec<u8>,
}

enum Wanted {
    Get,
    Put(Vec<u8>),
    Delete,
}

impl OwnedCall {
    pub(crate) fn of(call: &StoreCall<'_>) -> Self {
        match *call {
            StoreCall::Get { key } => OwnedCall { kind: Wanted::Get, key: key.to_vec() },
            StoreCall::Put { key, value } => {
                OwnedCall { kind: Wanted::Put(value.to_vec()), key: key.to_vec() }
            }
            StoreCall::Delete { key } => OwnedCall { kind: Wanted::Delete, key: key.to_vec() },
        }
    }

    /// Performs it. A panic of the store is a failure of the store.
    pub(crate) fn perform(&self, database: &Database) -> StoreReply {
        let key = &self.key;
        perform(
            database,
            &match &self.kind {
                Wanted::Get => StoreCall::Get { key },
                Wanted::Put(value) => StoreCall::Put { key, value },
                Wanted::Delete => StoreCall::Delete { key },
            },
        )
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
    Direct::run(database, OwnedCall { kind: Wanted::Get, key: key.as_slice().to_vec() })
}

/// Writes a key of a database.
#[napi(catch_unwind)]
pub fn database_put(
    database: &External<Database>,
    key: Bytes,
    value: Bytes,
) -> napi::Result<Either<Value, AsyncTask<Direct>>> {
    let kind = Wanted::Put(value.as_slice().to_vec());
    Direct::run(database, OwnedCall { kind, key: key.as_slice().to_vec() })
}

/// Removes a key of a database.
#[napi(catch_unwind)]
pub fn database_delete(
    database: &External<Database>,
    key: Bytes,
) -> napi::Result<Either<Value, AsyncTask<Direct>>> {
    Direct::run(database, OwnedCall { kind: Wanted::Delete, key: key.as_slice().to_vec() })
}

/// Nothing may unwind into the pool's C code.
fn caught<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(Error::Internal("a panic in the database".to_owned())))
}
