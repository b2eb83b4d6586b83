//! What a failure of the file system is to the caller: a code, and what to do.

use std::io::{self, ErrorKind};
use std::path::Path;

use crate::error::{Cause, Code, Error, StoreError};

/// The error for a failure of the file system while the file was being opened, read or written.
pub(super) fn of_io(label: &str, doing: &str, error: io::Error) -> Error {
    let (code, message) = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            (Code::StoreFull, format!("no space left for audit file `{label}`: make room"))
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => (
            Code::Store,
            format!(
                "audit file `{label}` could not be {doing}: give this process the right to read and write there"
            ),
        ),
        _ => (Code::Store, format!("audit file `{label}` could not be {doing}")),
    };
    store(code, message, Some(Cause::error("std::io::Error", Box::new(error))))
}

/// The error for a path whose directory is not there.
pub(super) fn no_directory(label: &str, directory: &Path) -> Error {
    Error::config(format!(
        "the directory `{}` of audit file `{label}` does not exist: make it first, or give another path",
        directory.display()
    ))
}

/// The error for a file that someone else has open.
pub(super) fn locked(label: &str, holder: Option<u32>) -> Error {
    let who = match holder {
        Some(pid) if pid == std::process::id() => "by this process".to_owned(),
        Some(pid) => format!("by process {pid}"),
        None => "by another process".to_owned(),
    };
    let message = format!(
        "audit file `{label}` is already open {who}: give each process a file of its own with `{{pid}}` in the path, or close it there first"
    );
    store(Code::StoreLocked, message, None)
}

/// The error for a file that is no audit file at all.
pub(super) fn foreign(label: &str) -> Error {
    store(
        Code::StoreDamaged,
        format!("`{label}` holds something else than an audit file: give another path, or move it away"),
        None,
    )
}

/// The error for a file that is not to be written on: a link of the chain does not hold.
pub(super) fn damaged(label: &str, what: &str) -> Error {
    let message = format!(
        "audit file `{label}` is not written on, because {what}: verify it, then move its files away to start a new chain"
    );
    store(Code::StoreDamaged, message, None)
}

/// The error for a call after `close`.
pub(super) fn closed(label: &str) -> Error {
    store(Code::StoreClosed, format!("audit file `{label}` is closed: open it again to use it"), None)
}

/// The error for a strict append after lines that failed could not be taken back.
pub(super) fn broken(label: &str) -> Error {
    let message = format!(
        "audit file `{label}` failed before and lines that were refused may stand at its end: close it and open it again"
    );
    store(Code::Store, message, None)
}

/// The error for a call in the child of a fork.
pub(super) fn of_parent(label: &str) -> Error {
    Error::usage(format!(
        "audit file `{label}` belongs to the process that opened it, before a fork: use `after_fork` in the child"
    ))
}

fn store(code: Code, message: String, cause: Option<Cause>) -> Error {
    StoreError { message, code, applied: None, cause }.into()
}
