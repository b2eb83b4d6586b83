//! The driver's replies: a small number for the kind, a payload, and the place of what the host threw.

use checkrein::error::{
    Cause, Class, Code, Error, HostError, PatternError, PolicyViolation, RateLimitExceeded, StoreError,
    UsageError, ViolationKind,
};
use checkrein::hook::{Answer, Failure as HookFailure};
use checkrein::operation::{Reply, StoreReply};
use checkrein::store::Page;
use napi::Unknown;
use napi::bindgen_prelude::FromNapiValue as _;
use serde_json::Value;

use crate::arguments::{Bytes, text};
use crate::failure::{Result, native, thrown};
use crate::packed::unpack;

/// Reads a reply.
///
/// # Errors
/// For a kind that is not known, and a payload that does not fit it.
pub(crate) fn read(kind: u32, payload: Unknown<'_>, place: u32) -> napi::Result<Reply> {
    let said = || -> Result<String> { Ok(text(&payload)?.unwrap_or_default()) };
    let bytes = || Bytes::from_unknown(payload).map(|bytes| bytes.as_slice().to_vec());
    Ok(match kind {
        0 => Reply::Answer(Answer::Nothing),
        1 => Reply::Answer(Answer::Allow),
        2 => Reply::Answer(Answer::Log),
        3 => Reply::Answer(Answer::Deny(text(&payload)?)),
        4 => Reply::Answer(Answer::Modify(bytes()?)),
        5 => Reply::Answer(Answer::Invalid(said()?)),
        6 => Reply::Answer(Answer::foreign(thrown(said()?, place))),
        7 => Reply::Answer(Answer::Failed(HookFailure::Own(own(&said()?, place)?))),
        8 => Reply::Store(StoreReply::Done),
        9 => Reply::Store(StoreReply::Value(None)),
        10 => Reply::Store(StoreReply::Value(Some(bytes()?))),
        11 => Reply::Store(StoreReply::Invalid(said()?)),
        12 => Reply::Store(StoreReply::Raised(thrown(said()?, place))),
        13 => Reply::Store(StoreReply::Failed(own(&said()?, place)?)),
        14 => Reply::Logged,
        15 => Reply::LogFailed(thrown(said()?, place)),
        16 => Reply::Store(StoreReply::Page(page(&bytes()?)?)),
        17 => Reply::Recorded,
        18 => Reply::RecordFailed(thrown(said()?, place)),
        _ => return Err(native("an unknown kind of reply")),
    })
}

/// A page of a scan. The host's store ends one by a page without pairs.
fn page(packed: &[u8]) -> napi::Result<Page> {
    let owned = |(key, value): (&[u8], Option<&[u8]>)| (key.to_vec(), value.unwrap_or_default().to_vec());
    let pairs: Vec<_> = unpack(packed)?.into_iter().map(owned).collect();
    Ok(Page { end: pairs.is_empty(), pairs })
}

/// One of Checkrein's own errors that came out of the host's code, with the object that it came as.
fn own(json: &str, place: u32) -> napi::Result<Error> {
    let fields: Value = serde_json::from_str(json).map_err(|_| native("an error that is no JSON"))?;
    let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let word = text("code");
    let code = Code::ALL.iter().copied().find(|code| code.as_str() == word).unwrap_or(Code::Internal);
    let message = text("message");
    let error = match code.class() {
        Class::Violation | Class::RateLimit => violation(code, &fields, &text).into(),
        Class::Pattern => {
            let position = fields.get("position").and_then(Value::as_u64).unwrap_or_default();
            let position = usize::try_from(position).unwrap_or_default();
            PatternError { pattern: text("pattern"), position, message: text("detail") }.into()
        }
        Class::Config => Error::config(message),
        Class::Store => StoreError { message, code, applied: applied(&fields), cause: None }.into(),
        Class::Usage => Error::Usage(UsageError { message, code }),
        _ => Error::Internal(message),
    };
    let class = code.class().as_str();
    let object = host(class, place);
    Ok(Error::Host(Box::new(HostError { error, object })))
}

/// How many operations of a batch were done, where the error says so.
fn applied(fields: &Value) -> Option<usize> {
    fields.get("applied").and_then(Value::as_u64).and_then(|applied| usize::try_from(applied).ok())
}

fn host(class: &str, place: u32) -> Cause {
    thrown(class.to_owned(), place)
}

fn violation(code: Code, fields: &Value, text: &dyn Fn(&str) -> String) -> PolicyViolation {
    let kind = match code {
        Code::RateLimited => {
            let ns = text("retryAfterNs").parse().unwrap_or_default();
            ViolationKind::RateLimited(RateLimitExceeded {
                limit: text("limit"),
                scope: text("scope"),
                retry_after: std::time::Duration::from_nanos(ns),
            })
        }
        Code::HookFailed => ViolationKind::HookFailed,
        Code::Abandoned => ViolationKind::Abandoned,
        Code::AuditFailed => ViolationKind::AuditFailed,
        _ => ViolationKind::Denied,
    };
    let rule = fields.get("rule").and_then(Value::as_str).map(str::to_owned);
    PolicyViolation { reason: text("reason"), rule, kind, ..PolicyViolation::default() }
}
