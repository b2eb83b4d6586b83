//! Policy documents: hooks, limits and audit from a file.

use std::ffi::c_char;

use checkrein::PolicyDocument;
use checkrein::document::Format;

use crate::database::path_of;
use crate::engine::cr_engine;
use crate::{cr_error, cr_status, guard, input};

/// A policy document that was read and checked (docs/documents.md). May be used by several threads at once, and for
/// several engines.
pub struct cr_document(pub(crate) PolicyDocument);

/// Reads and checks a document; its ending says the format: `.yaml`, `.yml`, `.json` or `.toml`. `path` as for
/// cr_database_open. Free it with cr_document_free.
///
/// Errors: CR_CONFIG, with every problem that was found: file, line, column and the offending line.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_document_load(
    path: *const c_char,
    path_len: usize,
    out: *mut *mut cr_document,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid, and the length is that of `path`.
    unsafe {
        guard::fallible(error, || {
            let out = input::place(out, "out")?;
            let path = path_of(input::text_bytes(path, path_len, "path")?)?;
            out.write(Box::into_raw(Box::new(cr_document(PolicyDocument::load(path)?))));
            Ok(())
        })
    }
}

/// Checks a document that is at hand. `format` is `yaml`, `json` or `toml`; `name` stands for the file in messages.
/// Lengths may be CR_NUL. Free it with cr_document_free.
///
/// Errors: as cr_document_load; CR_CONFIG for an unknown format.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_document_parse(
    text: *const c_char,
    text_len: usize,
    format: *const c_char,
    format_len: usize,
    name: *const c_char,
    name_len: usize,
    out: *mut *mut cr_document,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid, and the lengths are theirs.
    unsafe {
        guard::fallible(error, || {
            let out = input::place(out, "out")?;
            let text = input::text_bytes(text, text_len, "text")?;
            let format = Format::parse(input::text(format, format_len, "format")?)?;
            let name = input::text(name, name_len, "name")?;
            out.write(Box::into_raw(Box::new(cr_document(PolicyDocument::parse(text, format, name)?))));
            Ok(())
        })
    }
}

/// Lets a document go; engines keep what they need of it. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_document_free(document: *mut cr_document) {
    guard::infallible((), || {
        if !document.is_null() {
            // SAFETY: the header's contract: made by this library, and freed once.
            drop(unsafe { Box::from_raw(document) });
        }
    });
}

/// Puts a document in the place of the one before, in one step: an operation sees all of the old one or all of the new
/// one. The program's own hooks, limits and sinks stay, and so do the buckets of limits that both documents declare alike.
///
/// Errors: CR_CONFIG for a document with nothing for a policy engine, and for an audit file that cannot be opened; then
/// everything is as it was. CR_STORE where the old document's audit file could not be written out; the new one holds.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_engine_reload(
    engine: *const cr_engine,
    document: *const cr_document,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid.
    unsafe {
        guard::fallible(error, || {
            let document = &input::borrowed(document, "document")?.0;
            input::borrowed(engine, "engine")?.core.reload(document)
        })
    }
}
