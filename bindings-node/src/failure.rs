//! An error of the core as JSON, from which the driver makes the JavaScript error.

use checkrein::error::{Cause, Error, ViolationKind};
use serde_json::{Map, Value, json};

/// An error of the core on its way to JavaScript.
#[derive(Debug)]
pub struct Failure(pub(crate) Error);

/// What reading a caller's arguments gives.
pub type Result<T> = std::result::Result<T, Failure>;

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure(error)
    }
}

impl From<checkrein::error::PatternError> for Failure {
    fn from(error: checkrein::error::PatternError) -> Self {
        Failure(error.into())
    }
}

/// Thrown, with the JSON as its message.
impl From<Failure> for napi::Error {
    fn from(failure: Failure) -> Self {
        napi::Error::from_reason(failure.to_json())
    }
}

impl Failure {
    /// All that the JavaScript error needs; a host's object as its place among those that the driver keeps.
    pub(crate) fn to_json(&self) -> String {
        fields(&self.0).to_string()
    }
}

fn fields(error: &Error) -> Value {
    let mut fields = Map::new();
    let mut set = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    set("code", error.code().as_str().into());
    set("message", error.to_string().into());
    if let Error::Pattern(pattern) = error {
        set("pattern", pattern.pattern.as_str().into());
        set("position", pattern.position.into());
    }
    if let Error::Store(store) = error
        && let Some(applied) = store.applied
    {
        set("applied", applied.into());
    }
    if let Some(violation) = error.violation() {
        set("reason", violation.reason.as_str().into());
        set("rule", violation.rule.as_deref().into());
        set("operation", violation.operation.map(checkrein::operation::Kind::as_str).into());
        set("applied", violation.applied.into());
        if let ViolationKind::RateLimited(limit) = &violation.kind {
            set("limit", limit.limit.as_str().into());
            set("scope", limit.scope.as_str().into());
            set("retryAfterNs", limit.retry_after.as_nanos().to_string().into());
        }
    }
    if let Some(cause) = error.cause() {
        set("cause", shown(cause));
    }
    Value::Object(fields)
}

/// What a host threw: its place in the array in which the driver of that operation keeps such objects.
pub struct Thrown(pub(crate) u32);

/// A thrown object as the core keeps it.
pub(crate) fn thrown(type_name: String, place: u32) -> Cause {
    Cause::host(type_name, std::sync::Arc::new(Thrown(place)))
}

/// The place of the host's object behind a cause.
pub(crate) fn place_of(cause: &Cause) -> Option<u32> {
    Some(cause.as_host()?.downcast_ref::<Thrown>()?.0)
}

fn shown(cause: &Cause) -> Value {
    if let Some(place) = place_of(cause) {
        return json!({ "place": place });
    }
    // One of ours: of a batch that ended half-way, what ended it.
    if let Some(own) = cause.as_error().and_then(|error| error.downcast_ref::<Error>()) {
        let key = own.violation().and_then(|violation| violation.key.as_deref());
        return json!({ "own": fields(own).to_string(), "key": key });
    }
    json!({ "type": cause.type_name(), "message": cause.to_string() })
}

/// A fault of the driver's: it called an export with what does not fit.
pub(crate) fn native(message: &str) -> napi::Error {
    napi::Error::from_reason(Failure(Error::Internal(message.to_owned())).to_json())
}
