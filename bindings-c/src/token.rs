//! A number by which the host finds its own error object again.

use std::any::Any;
use std::sync::Arc;

use checkrein::error::{Cause, HostError};
use checkrein::{Error, Result};

use crate::input;

/// The host's number for an error of its own.
pub(crate) struct Token(pub(crate) u64);

/// A foreign error of the host.
pub(crate) fn cause(type_name: &str, token: u64) -> Cause {
    if token == 0 { Cause::named(type_name) } else { Cause::host(type_name, object(token)) }
}

/// One of Checkrein's errors, that the host raised as an object of its own.
pub(crate) fn own(error: Error, token: u64) -> Error {
    if token == 0 {
        return error;
    }
    // A host error never holds another one.
    let error = match error {
        Error::Host(host) => host.error,
        error => error,
    };
    let object = Cause::host(error.code().class().as_str(), object(token));
    Error::Host(Box::new(HostError { error, object }))
}

/// The token of an error: of itself, or of its cause.
pub(crate) fn of(error: &Error) -> u64 {
    let cause = match error {
        Error::Host(host) => Some(&host.object),
        error => error.cause(),
    };
    let object = cause.and_then(Cause::as_host);
    object.and_then(|object| object.downcast_ref::<Token>()).map_or(0, |token| token.0)
}

/// The name of a foreign error's type, which must say something.
pub(crate) fn type_name(bytes: &[u8]) -> Result<&str> {
    let name = input::utf8(bytes, "type_name")?;
    Ok(if name.is_empty() { "error" } else { name })
}

fn object(token: u64) -> Arc<dyn Any + Send + Sync> {
    Arc::new(Token(token))
}
