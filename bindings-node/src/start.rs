//! Operations started. One that needs nothing of the host is over within the call.

use std::borrow::Cow;

use checkrein::context::Context;
use checkrein::error::Error;
use checkrein::operation::{Ask, BatchRequest, Kind, ManyRequest, Operation, Request, ScanRequest, Step};
use checkrein::policy::advance;
use napi::Unknown;
use napi_derive::napi;

use crate::arguments::{Bytes, Text, context};
use crate::engine::engine_of;
use crate::failure::{Failure, native};
use crate::operation::{Open, Shape, go_on, keep, unknown_kind};
use crate::packed::unpack;
use crate::turn::{Turn, WORDS};

/// Starts an operation. `what` holds, from its lowest bit: the kind (0 read, 1 write, 2 delete) in two bits,
/// whether it is abandoned at once in one, and its depth. In `scratch` the key stands after the words, and
/// the value after it.
#[napi(catch_unwind)]
#[allow(clippy::too_many_arguments, reason = "an argument is cheaper than an object's field")]
pub fn start(
    engine: u32,
    what: u32,
    mut scratch: Bytes,
    key_len: u32,
    value_len: u32,
    agent: Unknown<'_>,
    session: Unknown<'_>,
    rest: Unknown<'_>,
) -> napi::Result<Turn> {
    let engine = engine_of(engine)?;
    let all = scratch.as_slice().get(WORDS..).unwrap_or_default();
    let (key_len, value_len) = (key_len as usize, value_len as usize);
    let (Some(key), Some(value)) = (all.get(..key_len), all.get(key_len..key_len.saturating_add(value_len)))
    else {
        return Err(native("lengths past the end of the bytes"));
    };
    let (said, fault) = match context(&agent, &session, &rest) {
        Ok(said) => (said, None),
        Err(failure) => (Context::new(), Some(failure)),
    };
    let request = request(what, key, value, &said)?;
    if let Some(Failure(error)) = fault {
        return Err(Failure(engine.core.reject(request, error)).into());
    }
    let mut operation = engine.core.start(request);
    if what & 4 != 0 {
        drop(operation);
        return Ok(Turn::Done);
    }
    if matches!(advance(&mut operation, engine.core.clock(), engine.database.as_ref()), Step::Done) {
        let outcome = operation.finish();
        return Ok(Turn::of(outcome, Shape::One).in_scratch(&mut scratch, 0));
    }
    let open = Open { engine, operation: operation.into_owned(), shape: Shape::One };
    Ok(go_on(None, Box::new(open)).in_scratch(&mut scratch, key_len.saturating_add(value_len)))
}

/// Starts a `get_many` or a batch. `what` as for [`start`], but for the kind (0 `get_many`, 1 a batch, 2 one
/// that is not atomic) and one bit more before the depth: whether a store of the host's has an atomic batch.
#[napi(catch_unwind)]
pub fn start_many(
    engine: u32,
    what: u32,
    packed: Bytes,
    agent: Unknown<'_>,
    session: Unknown<'_>,
    rest: Unknown<'_>,
) -> napi::Result<Turn> {
    let engine = engine_of(engine)?;
    let said = context(&agent, &session, &rest);
    let store_can = engine.database.is_some() || what & 8 != 0;
    many(what, &packed, store_can, |request| {
        let operation = match (request, said) {
            (Many::Get(request), Ok(said)) => {
                engine.core.start(ManyRequest { context: Cow::Owned(said), ..request })
            }
            (Many::Batch(request), Ok(said)) => {
                engine.core.start(BatchRequest { context: Cow::Owned(said), ..request })
            }
            (request, Err(Failure(error))) => return Err(Failure(request.reject(&engine.core, error)).into()),
        };
        run(&engine, what, operation)
    })
}

/// Runs an operation on several keys as far as it goes within the call.
fn run(
    engine: &std::sync::Arc<crate::engine::Guarded>,
    what: u32,
    mut operation: Operation<'_>,
) -> napi::Result<Turn> {
    if what & 4 != 0 {
        drop(operation);
        return Ok(Turn::Done);
    }
    if matches!(advance(&mut operation, engine.core.clock(), engine.database.as_ref()), Step::Done) {
        return Ok(Turn::of(operation.finish(), Shape::Many));
    }
    let open = Open { engine: engine.clone(), operation: operation.into_owned(), shape: Shape::Many };
    Ok(go_on(None, Box::new(open)))
}

/// Starts a scan and gives its number: [`next`](crate::operation::next) asks for its pairs. `what` as for
/// [`start_many`], without a kind.
#[napi(catch_unwind)]
pub fn start_scan(
    engine: u32,
    what: u32,
    prefix: Bytes,
    agent: Unknown<'_>,
    session: Unknown<'_>,
    rest: Unknown<'_>,
) -> napi::Result<u32> {
    let engine = engine_of(engine)?;
    let said = context(&agent, &session, &rest);
    let request = ScanRequest {
        prefix: Cow::Borrowed(prefix.as_slice()),
        context: Cow::Owned(Context::new()),
        depth: what >> 4,
        store_can: engine.database.is_some() || what & 8 != 0,
    };
    let request = match said {
        Ok(said) => ScanRequest { context: Cow::Owned(said), ..request },
        Err(Failure(error)) => return Err(Failure(engine.core.reject(request, error)).into()),
    };
    let operation = engine.core.start(request).into_owned();
    if what & 4 != 0 {
        drop(operation);
        return Ok(0);
    }
    Ok(keep(Open { engine, operation, shape: Shape::Scan }))
}

/// For the benchmark: the same operation, without context, so many times within one crossing; nanoseconds for
/// each.
#[napi(catch_unwind)]
pub fn core_cost(engine: u32, what: u32, scratch: Bytes, key_len: u32, rounds: u32) -> napi::Result<f64> {
    let engine = engine_of(engine)?;
    let said = Context::new();
    let (key, value) = scratch.as_slice().split_at_checked(key_len as usize).unwrap_or_default();
    let before = std::time::Instant::now();
    for _ in 0..rounds {
        let mut operation = engine.core.start(request(what, key, value, &said)?);
        let step = advance(&mut operation, engine.core.clock(), engine.database.as_ref());
        if !matches!(step, Step::Done) {
            return Err(native("only what needs nothing of the host can be measured"));
        }
        operation.finish().map_err(Failure)?;
    }
    Ok(before.elapsed().as_nanos() as f64 / f64::from(rounds.max(1)))
}

/// Tells the audit of an operation that the driver refuses for what the caller gave, before anything is
/// asked.
#[napi(catch_unwind)]
pub fn reject(engine: u32, what: u32, key: Bytes, message: Text) -> napi::Result<()> {
    let nothing = Context::new();
    let request = request(what, key.as_slice(), &[], &nothing)?;
    engine_of(engine)?.core.reject(request, Error::usage(message.0));
    Ok(())
}

/// [`reject`] for what [`start_many`] starts.
#[napi(catch_unwind)]
pub fn reject_many(engine: u32, what: u32, packed: Bytes, message: Text) -> napi::Result<()> {
    let engine = engine_of(engine)?;
    many(what, &packed, false, |request| {
        request.reject(&engine.core, Error::usage(message.0));
        Ok(())
    })
}

/// [`reject`] for a scan.
#[napi(catch_unwind)]
pub fn reject_scan(engine: u32, prefix: Bytes, message: Text) -> napi::Result<()> {
    let context = Cow::Owned(Context::new());
    let prefix = Cow::Borrowed(prefix.as_slice());
    let request = ScanRequest { prefix, context, depth: 0, store_can: true };
    engine_of(engine)?.core.reject(request, Error::usage(message.0));
    Ok(())
}

fn request<'a>(what: u32, key: &'a [u8], value: &'a [u8], said: &'a Context) -> napi::Result<Request<'a>> {
    let request = match what & 3 {
        0 => Request::read(key, said),
        1 => Request::write(key, value, said),
        2 => Request::delete(key, said),
        _ => return Err(unknown_kind()),
    };
    Ok(request.at_depth(what >> 3))
}

/// A request for several keys.
enum Many<'a> {
    Get(ManyRequest<'a>),
    Batch(BatchRequest<'a>),
}

impl Many<'_> {
    fn reject(self, engine: &checkrein::engine::Engine, error: Error) -> Error {
        fn of<'a>(engine: &checkrein::engine::Engine, request: impl Ask<'a>, error: Error) -> Error {
            engine.reject(request, error)
        }
        match self {
            Many::Get(request) => of(engine, request, error),
            Many::Batch(request) => of(engine, request, error),
        }
    }
}

/// Makes a request for several keys, without its context, and does something with it.
fn many<'p, T>(
    what: u32,
    packed: &'p Bytes,
    store_can: bool,
    then: impl FnOnce(Many<'p>) -> napi::Result<T>,
) -> napi::Result<T> {
    let pairs = unpack(packed.as_slice())?;
    let context = Cow::Owned(Context::new());
    let depth = what >> 4;
    then(match what & 3 {
        0 => {
            let keys = pairs.into_iter().map(|(key, _)| Cow::Borrowed(key)).collect();
            Many::Get(ManyRequest { keys, context, depth })
        }
        kind @ (1 | 2) => {
            let change = |(key, value): (&'p [u8], Option<&'p [u8]>)| {
                let kind = if value.is_some() { Kind::Write } else { Kind::Delete };
                (kind, Cow::Borrowed(key), value.map(Cow::Borrowed))
            };
            let changes = pairs.into_iter().map(change).collect();
            Many::Batch(BatchRequest { changes, context, depth, atomic: kind == 1, store_can })
        }
        _ => return Err(unknown_kind()),
    })
}
