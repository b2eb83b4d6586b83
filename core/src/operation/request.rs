//! What a caller asks for.

use std::borrow::Cow;

use super::operation::Begin;
use super::subject::Subject;
use super::whole::{Many, Scan, Whole};
use crate::context::Context;
use crate::error::{Code, Error, Result, UsageError};
use crate::operation::Kind;

/// The longest key, in bytes.
pub const MAX_KEY_BYTES: usize = 1 << 20;

/// The most keys of one batch or `get_many`.
pub const MAX_MANY: usize = 10_000;

/// How deep operations may be nested in one another's hooks.
pub const MAX_DEPTH: u32 = 16;

/// What a caller asks for. What it borrows is copied only where the operation outlives the call.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// Read, write or delete.
    pub kind: Kind,
    /// The key.
    pub key: Cow<'a, [u8]>,
    /// The value to be written; nothing for reads and deletes.
    pub value: Option<Cow<'a, [u8]>>,
    /// Who acts, and what else the caller says.
    pub context: Cow<'a, Context>,
    /// Zero, or the depth that the hook call said from inside which the operation is started.
    pub depth: u32,
}

/// Reads of several keys at once: the hooks are asked about all of them, and limits give a token for each or none,
/// before the store is asked. What refuses one refuses all.
#[derive(Clone, Debug)]
pub struct ManyRequest<'a> {
    /// The keys, at most [`MAX_MANY`].
    pub keys: Vec<Cow<'a, [u8]>>,
    /// Who acts, and what else the caller says.
    pub context: Cow<'a, Context>,
    /// As in [`Request`].
    pub depth: u32,
}

/// A write or a delete of a batch: which of the two, the key, and for a write the value.
pub type AskedChange<'a> = (Kind, Cow<'a, [u8]>, Option<Cow<'a, [u8]>>);

/// Writes and deletes that are judged together, in their order, before any of them is done.
#[derive(Clone, Debug)]
pub struct BatchRequest<'a> {
    /// In the order in which they are judged and done, at most [`MAX_MANY`].
    pub changes: Vec<AskedChange<'a>>,
    /// Who acts, and what else the caller says.
    pub context: Cow<'a, Context>,
    /// As in [`Request`].
    pub depth: u32,
    /// All are done or none; where false, the store does one after the other, and a failure says how many were done.
    pub atomic: bool,
    /// Whether the store has an atomic batch: without one, a batch that is `atomic` is a `UsageError`.
    pub store_can: bool,
}

/// A walk over the keys that begin with a prefix.
#[derive(Clone, Debug)]
pub struct ScanRequest<'a> {
    /// The prefix; an empty one is that of every key.
    pub prefix: Cow<'a, [u8]>,
    /// Who acts, and what else the caller says.
    pub context: Cow<'a, Context>,
    /// As in [`Request`].
    pub depth: u32,
    /// Whether the store can scan: without, it is a `UsageError`.
    pub store_can: bool,
}

/// What an engine starts an operation from: one of the requests of this module.
pub trait Ask<'a> {
    #[doc(hidden)]
    fn check(&self) -> Result<()>;

    #[doc(hidden)]
    fn begin(self) -> Begin<'a>;
}

impl<'a> Request<'a> {
    /// A `get`.
    #[must_use]
    pub fn read(key: &'a [u8], context: &'a Context) -> Self {
        let (key, context) = (Cow::Borrowed(key), Cow::Borrowed(context));
        Request { kind: Kind::Read, key, value: None, context, depth: 0 }
    }

    /// A `put`.
    #[must_use]
    pub fn write(key: &'a [u8], value: &'a [u8], context: &'a Context) -> Self {
        Request { kind: Kind::Write, value: Some(Cow::Borrowed(value)), ..Request::read(key, context) }
    }

    /// A `delete`.
    #[must_use]
    pub fn delete(key: &'a [u8], context: &'a Context) -> Self {
        Request { kind: Kind::Delete, ..Request::read(key, context) }
    }

    /// Started from inside a hook, at the depth that the hook's call said.
    #[must_use]
    pub fn at_depth(self, depth: u32) -> Self {
        Request { depth, ..self }
    }
}

impl<'a> Ask<'a> for Request<'a> {
    #[inline]
    fn check(&self) -> Result<()> {
        check_key(&self.key)?;
        check_value(self.kind, self.value.is_some())?;
        check_depth(self.depth)
    }

    #[inline]
    fn begin(self) -> Begin<'a> {
        let subject = Subject::new(self.kind, self.key, self.value);
        Begin { subject, whole: Whole::One, context: self.context, depth: self.depth }
    }
}

impl<'a> Ask<'a> for ManyRequest<'a> {
    fn check(&self) -> Result<()> {
        check_count(self.keys.len())?;
        self.keys.iter().try_for_each(|key| check_key(key))?;
        check_depth(self.depth)
    }

    fn begin(self) -> Begin<'a> {
        let subjects = self.keys.into_iter().map(|key| Subject::new(Kind::Read, key, None)).collect();
        let whole = Whole::Many(Box::new(Many::new(subjects, false)));
        Begin { subject: Subject::none(), whole, context: self.context, depth: self.depth }
    }
}

impl<'a> Ask<'a> for BatchRequest<'a> {
    fn check(&self) -> Result<()> {
        if self.atomic && !self.store_can {
            return Err(Error::usage(
                "the store has no atomic batch: pass `atomic` as false to write one key after the other",
            ));
        }
        check_count(self.changes.len())?;
        for (kind, key, value) in &self.changes {
            if *kind == Kind::Read {
                return Err(Error::usage("a batch takes writes and deletes: read with `get_many`"));
            }
            check_key(key)?;
            check_value(*kind, value.is_some())?;
        }
        check_depth(self.depth)
    }

    fn begin(self) -> Begin<'a> {
        let changes = self.changes.into_iter();
        let subjects = changes.map(|(kind, key, value)| Subject::new(kind, key, value)).collect();
        let whole = Whole::Many(Box::new(Many::new(subjects, self.atomic)));
        Begin { subject: Subject::none(), whole, context: self.context, depth: self.depth }
    }
}

impl<'a> Ask<'a> for ScanRequest<'a> {
    fn check(&self) -> Result<()> {
        if !self.store_can {
            return Err(Error::usage("the store cannot scan: it has no `scan(prefix, after, limit)`"));
        }
        check_key(&self.prefix)?;
        check_depth(self.depth)
    }

    fn begin(self) -> Begin<'a> {
        let whole = Whole::Scan(Box::new(Scan::new(self.prefix)));
        Begin { subject: Subject::none(), whole, context: self.context, depth: self.depth }
    }
}

fn check_key(key: &[u8]) -> Result<()> {
    if key.len() > MAX_KEY_BYTES {
        let have = key.len();
        return Err(Error::usage(format!("the key has {have} bytes, at most {MAX_KEY_BYTES} are allowed")));
    }
    Ok(())
}

fn check_value(kind: Kind, given: bool) -> Result<()> {
    if given != (kind == Kind::Write) {
        return Err(Error::usage("a write takes a value, a read or delete takes none"));
    }
    Ok(())
}

fn check_depth(depth: u32) -> Result<()> {
    if depth > MAX_DEPTH {
        return Err(Error::Usage(UsageError {
            code: Code::NestingLimit,
            message: format!(
                "hooks start operations more than {MAX_DEPTH} deep: a hook that starts an operation should not be \
                 asked about it again"
            ),
        }));
    }
    Ok(())
}

fn check_count(have: usize) -> Result<()> {
    if have > MAX_MANY {
        return Err(Error::usage(format!("{have} keys at once: at most {MAX_MANY} are allowed, split them")));
    }
    Ok(())
}
