//! What a failure of the storage engine or of the file system is to the caller: a code, and what to do.

use std::io;

use crate::error::{Cause, Code, Error, StoreError};

/// What the database was about to do when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    /// Opening, or creating.
    Open,
    /// Reading a value.
    Read,
    /// Writing, or making writes durable.
    Write,
}

/// The error for a failure of the storage engine.
pub(super) fn engine(label: &str, doing: Doing, error: redb::Error) -> Error {
    match error {
        redb::Error::Io(error) => of_io(label, doing, error),
        redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch => locked(label, None),
        redb::Error::DatabaseClosed => closed(label),
        redb::Error::UpgradeRequired(_) => store(
            Code::Store,
            format!(
                "database `{label}` has a file format that this version cannot read: open it with the version that wrote it"
            ),
            None,
        ),
        error @ (redb::Error::Corrupted(_)
        | redb::Error::TableTypeMismatch { .. }
        | redb::Error::TableIsMultimap(_)
        | redb::Error::TypeDefinitionChanged { .. }
        | redb::Error::TableDoesNotExist(_)) => damaged(label, Some(cause("redb::Error", error))),
        error => store(Code::Store, failed(label, doing), Some(cause("redb::Error", error))),
    }
}

/// The error for a failure of the file system.
pub(super) fn of_io(label: &str, doing: Doing, error: io::Error) -> Error {
    use io::ErrorKind;
    let kind = error.kind();
    let cause = Some(cause("std::io::Error", error));
    match kind {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => store(
            Code::StoreFull,
            format!("no space left for database `{label}`: make room, then close it and open it again"),
            cause,
        ),
        // What the engine says of a file that is none of its own, or that ends too early.
        ErrorKind::InvalidData | ErrorKind::UnexpectedEof => damaged(label, cause),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => store(
            Code::Store,
            format!(
                "database `{label}` may not be used: give this process the right to read and write there"
            ),
            cause,
        ),
        _ => store(Code::Store, failed(label, doing), cause),
    }
}

/// The error for a panic inside the storage engine, which is how it meets some damaged files.
pub(super) fn panicked(label: &str, payload: &(dyn std::any::Any + Send)) -> Error {
    let text = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("the storage engine gave up");
    damaged(label, Some(cause("panic", io::Error::other(crate::text::shortened(text, 200)))))
}

/// The error for a file whose content cannot be.
pub(super) fn damaged(label: &str, cause: Option<Cause>) -> Error {
    let message = format!(
        "database `{label}` is damaged: close it and restore it from a backup, or move the directory away to start with an empty one"
    );
    store(Code::StoreDamaged, message, cause)
}

/// The error for a database that someone else has open; `holder` is the other process, where it is known.
pub(super) fn locked(label: &str, holder: Option<u32>) -> Error {
    let who = match holder {
        Some(pid) if pid == std::process::id() => "by this process".to_owned(),
        Some(pid) => format!("by process {pid}"),
        None => "by another process".to_owned(),
    };
    let message = format!(
        "database `{label}` is already open {who}: close it there first, or use the handle that has it open"
    );
    store(Code::StoreLocked, message, None)
}

/// The error for a call after `close`.
pub(super) fn closed(label: &str) -> Error {
    store(Code::StoreClosed, format!("database `{label}` is closed: open it again to use it"), None)
}

/// The error for a call after a failure: the code and the cause stay, so that a full disk is still a full disk.
pub(super) fn again(label: &str, first: &Error) -> Error {
    let message = format!(
        "database `{label}` failed before and refuses every call: see to the cause, then close it and open it again"
    );
    store(first.code(), message, first.cause().cloned())
}

/// The error for a file that a later version wrote.
pub(super) fn newer(label: &str, found: u64, known: u64) -> Error {
    let message = format!(
        "database `{label}` was written by a newer checkrein (format {found}, this one knows {known}): update checkrein to open it"
    );
    store(Code::Store, message, None)
}

fn failed(label: &str, doing: Doing) -> String {
    match doing {
        Doing::Open => format!("database `{label}` could not be opened: see to the cause and try again"),
        Doing::Read => {
            format!("database `{label}` could not be read: see to the cause, then close it and open it again")
        }
        Doing::Write => format!(
            "database `{label}` could not be written, and the write may or may not have happened: see to the cause, then close it and open it again"
        ),
    }
}

fn store(code: Code, message: String, cause: Option<Cause>) -> Error {
    StoreError { message, code, applied: None, cause }.into()
}

fn cause(type_name: &str, error: impl std::error::Error + Send + Sync + 'static) -> Cause {
    Cause::error(type_name, Box::new(error))
}
