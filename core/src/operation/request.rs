//! What a caller asks for.

use std::borrow::Cow;

use crate::context::Context;
use crate::error::{Code, Error, Result, UsageError};
use crate::operation::Kind;

/// The longest key, in bytes.
pub const MAX_KEY_BYTES: usize = 1 << 20;

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

    pub(crate) fn check(&self) -> Result<()> {
        if self.key.len() > MAX_KEY_BYTES {
            let have = self.key.len();
            return Err(Error::usage(format!(
                "the key has {have} bytes, at most {MAX_KEY_BYTES} are allowed"
            )));
        }
        if self.value.is_some() != (self.kind == Kind::Write) {
            return Err(Error::usage("a write takes a value, a read or delete takes none"));
        }
        if self.depth > MAX_DEPTH {
            return Err(Error::Usage(UsageError {
                code: Code::NestingLimit,
                message: format!(
                    "hooks start operations more than {MAX_DEPTH} deep: a hook that starts an operation should \
                     not be asked about it again"
                ),
            }));
        }
        Ok(())
    }
}
