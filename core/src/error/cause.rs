//! The host's own error behind one of ours: kept as the very object, so that a driver can show it as itself.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// An error of the host: an exception, a Go error, a Rust error or a panic's payload.
///
/// The core never looks into it. The audit log tells its type, never its message.
#[derive(Clone)]
pub struct Cause {
    type_name: Arc<str>,
    object: Object,
}

#[derive(Clone)]
enum Object {
    None,
    Error(Arc<dyn std::error::Error + Send + Sync>),
    Host(Arc<dyn Any + Send + Sync>),
}

impl Cause {
    /// A cause of which only the type is known.
    pub fn named(type_name: impl Into<Arc<str>>) -> Self {
        Cause { type_name: type_name.into(), object: Object::None }
    }

    /// A Rust error.
    pub fn error(type_name: impl Into<Arc<str>>, error: Box<dyn std::error::Error + Send + Sync>) -> Self {
        Cause { type_name: type_name.into(), object: Object::Error(error.into()) }
    }

    /// An object of another language, for its driver to take out again.
    pub fn host(type_name: impl Into<Arc<str>>, object: Arc<dyn Any + Send + Sync>) -> Self {
        Cause { type_name: type_name.into(), object: Object::Host(object) }
    }

    /// A panic that was caught, with its message where it has one. The payload is dropped here, and a panic in its
    /// own drop ends here too.
    #[must_use]
    pub fn panic(payload: Box<dyn Any + Send>) -> Self {
        let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
        if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            std::mem::forget(again);
        }
        match text {
            Some(text) => Cause::error("panic", text.into()),
            None => Cause::named("panic"),
        }
    }

    /// A Rust error, under the last part of its type's name; what is behind a `Box<dyn Error>` is an `Error`.
    pub fn of_type<E>(error: Box<dyn std::error::Error + Send + Sync>) -> Self {
        let path = std::any::type_name::<E>().split('<').next().unwrap_or_default();
        let name = path.rsplit("::").next().filter(|name| *name != "Box").unwrap_or("Error");
        Cause::error(name, error)
    }

    /// The name of the error's type.
    #[must_use]
    pub fn type_name(&self) -> &str {
        &self.type_name
    }

    /// The Rust error, if it is one.
    #[must_use]
    pub fn as_error(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.object {
            Object::Error(error) => Some(&**error),
            _ => None,
        }
    }

    /// The host's object, if it is one.
    #[must_use]
    pub fn as_host(&self) -> Option<&Arc<dyn Any + Send + Sync>> {
        match &self.object {
            Object::Host(object) => Some(object),
            _ => None,
        }
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cause").field(&self.type_name).finish()
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.object {
            Object::Error(error) => error.fmt(f),
            _ => f.write_str(&self.type_name),
        }
    }
}
