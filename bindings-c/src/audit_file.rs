//! Files of the audit: JSON lines chained by their hashes, and their verification.

use std::ffi::c_char;
use std::io::Write as _;
use std::sync::Arc;

use checkrein::Result;
use checkrein::audit::AuditFile;
use checkrein::audit::file::{AuditFileOptions, Head, Report, Secret, VerifyOptions, verify};
use serde_json::{Map, Value};

use crate::database::path_of;
use crate::engine::cr_engine;
use crate::{bytes, cr_error, cr_status, guard, input};

/// A file of the audit, which an engine writes. May be used by several threads at once. The engine keeps it open until
/// the sink is removed, though the handle is freed.
pub struct cr_audit_file(Arc<AuditFile>);

/// `rotate_bytes` counts, though it is 0.
pub const CR_AUDIT_FILE_ROTATE_BYTES: u32 = 1;

/// How a file of the audit is kept. Zero is the default of every field but `size`; a length may be CR_NUL.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct cr_audit_file_options {
    /// `sizeof(cr_audit_file_options)`.
    pub size: usize,
    /// CR_AUDIT_FILE_ bits of numbers that count although they are 0.
    pub given: u32,
    /// Not zero: strict. Each line is on disk before the operation goes on; where that fails, it is refused.
    pub strict: i32,
    /// When what was written is synced: `never`, `interval` or `always`. NULL is the default, `interval`.
    pub fsync: *const c_char,
    /// Its length.
    pub fsync_len: usize,
    /// The key of an HMAC chain, of 16 bytes or more; NULL for a plain hash chain. Copied.
    pub hmac_key: *const u8,
    /// Its length.
    pub hmac_key_len: usize,
    /// The size that a file is not to pass; the chain goes on in a new one. Default: 64 MiB; 0 that is given is never.
    pub rotate_bytes: u64,
}

/// The last line of a chain: kept elsewhere, it shows later whether lines were cut off at the end.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct cr_audit_head {
    /// The line's number; 0 where there is none yet.
    pub sequence: u64,
    /// Number and hash as text, `SEQUENCE:HEX`, NUL-terminated.
    pub text: [c_char; 96],
    /// The text's length.
    pub text_len: usize,
}

/// What a chain is held against. Zero is the default of every field but `size`; a length may be CR_NUL.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct cr_verify_options {
    /// `sizeof(cr_verify_options)`.
    pub size: usize,
    /// The key that it was written with; NULL for a plain hash chain.
    pub hmac_key: *const u8,
    /// Its length.
    pub hmac_key_len: usize,
    /// A head that was kept elsewhere, as text: the chain must hold that very line. May be NULL.
    pub head: *const c_char,
    /// Its length.
    pub head_len: usize,
    /// Where older files were archived and removed: the head of the last line of the newest of them. May be NULL.
    pub after: *const c_char,
    /// Its length.
    pub after_len: usize,
}

/// Writes every entry of the audit to a file too; one that is there is written on. Turns the audit on where it is off.
/// `path` as for cr_database_open; `{pid}` in it stands for the number of the process. `options` may be NULL. `handle`
/// may be NULL, else it gets the number for cr_engine_remove_audit_sink; `file` too, else it gets a handle on the file,
/// to be freed with cr_audit_file_free.
///
/// Errors: CR_CONFIG for settings that cannot be and a directory that is not there; CR_STORE_LOCKED for a file that another
/// handle has open; CR_STORE for one that is no audit file, or whose last line does not verify.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_engine_add_audit_file(
    engine: *const cr_engine,
    path: *const c_char,
    path_len: usize,
    options: *const cr_audit_file_options,
    handle: *mut u64,
    file: *mut *mut cr_audit_file,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid, and the lengths are theirs.
    unsafe {
        guard::fallible(error, || {
            let engine = input::borrowed(engine, "engine")?;
            let path = path_of(input::text_bytes(path, path_len, "path")?)?;
            let mut settings = AuditFileOptions::new(path);
            settings.clock = engine.core.clock().clone();
            if let Some(options) = options.as_ref() {
                input::checked_size::<cr_audit_file_options>(options.size, "options")?;
                settings.strict = options.strict != 0;
                if let Some(word) = input::optional_text(options.fsync, options.fsync_len, "options->fsync")?
                {
                    settings.fsync = word.parse()?;
                }
                settings.key = key_of(options.hmac_key, options.hmac_key_len)?;
                if options.rotate_bytes != 0 || options.given & CR_AUDIT_FILE_ROTATE_BYTES != 0 {
                    settings.rotate_bytes = options.rotate_bytes;
                }
            }
            let opened = AuditFile::open(settings)?;
            let id = engine.core.add_audit_file(Arc::clone(&opened))?;
            if !handle.is_null() {
                handle.write(id.0);
            }
            if !file.is_null() {
                file.write(Box::into_raw(Box::new(cr_audit_file(opened))));
            }
            Ok(())
        })
    }
}

/// The last line that was written; what is still queued is not in it, so flush first where that matters.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_audit_file_head(
    file: *const cr_audit_file,
    head: *mut cr_audit_head,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid.
    unsafe {
        guard::fallible(error, || {
            let head = input::place(head, "head")?;
            head.write(cr_audit_head::of(input::borrowed(file, "file")?.0.head()));
            Ok(())
        })
    }
}

/// How many entries could not be kept so far, because the file could not be written for long; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_audit_file_lost(file: *const cr_audit_file) -> u64 {
    // SAFETY: the header's contract: NULL or a live handle.
    guard::infallible(0, || unsafe { file.as_ref() }.map_or(0, |file| file.0.lost()))
}

/// Writes out what waits and syncs it, unless `fsync` is `never`.
///
/// Errors: CR_STORE where that fails (what waits is kept), and once the file was closed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_audit_file_flush(
    file: *const cr_audit_file,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid.
    unsafe { guard::fallible(error, || input::borrowed(file, "file")?.0.flush()) }
}

/// Writes out what waits, ends the file with a line that says so, and unlocks it. Once more does nothing. An engine that
/// still has it as a sink cannot write it any more: remove the sink first.
///
/// Errors: CR_STORE where not everything could be written; it is closed nevertheless.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_audit_file_close(
    file: *const cr_audit_file,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid.
    unsafe { guard::fallible(error, || input::borrowed(file, "file")?.0.close()) }
}

/// Lets the handle go. The file is closed with its last handle and engine. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_audit_file_free(file: *mut cr_audit_file) {
    guard::infallible((), || {
        if !file.is_null() {
            // SAFETY: the header's contract: made by cr_engine_add_audit_file, and freed once.
            drop(unsafe { Box::from_raw(file) });
        }
    });
}

/// Verifies the chain of which `path` is the current file, and says what was found as one line of JSON: `ok`, `segments`,
/// `lines`, `events`, `first_sequence`, `head`, `repairs`, `lost`, `torn_bytes`, and `problem`, null or the first thing that
/// does not hold: `file`, `line` (0: the file as a whole) and `what`. The text is UTF-8, and not NUL-terminated: give it
/// to cr_bytes_free. `options` may be NULL. The chain may be written meanwhile.
///
/// Errors: CR_STORE for what cannot be read, CR_CONFIG for a chain with a key where none is given, CR_USAGE for a head
/// that is none. A chain that does not hold is no error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_verify_audit(
    path: *const c_char,
    path_len: usize,
    options: *const cr_verify_options,
    json: *mut *mut u8,
    json_len: *mut usize,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid, and the lengths are theirs.
    unsafe {
        guard::fallible(error, || {
            let (json, json_len) = (input::place(json, "json")?, input::place(json_len, "json_len")?);
            let path = path_of(input::text_bytes(path, path_len, "path")?)?;
            let mut against = VerifyOptions::default();
            if let Some(options) = options.as_ref() {
                input::checked_size::<cr_verify_options>(options.size, "options")?;
                against.key = key_of(options.hmac_key, options.hmac_key_len)?;
                against.head = head_of(options.head, options.head_len, "options->head")?;
                against.after = head_of(options.after, options.after_len, "options->after")?;
            }
            let report = to_json(&verify(path, &against)?);
            let (data, len) = bytes::give(report.to_string().into_bytes());
            json.write(data);
            json_len.write(len);
            Ok(())
        })
    }
}

impl cr_audit_head {
    fn of(head: Head) -> Self {
        let mut text = [0_u8; 96];
        let room = text.len();
        let mut rest = &mut text[..];
        // A head has 85 characters at most, so this cannot fail; the last byte stays a NUL.
        let _ = write!(rest, "{head}");
        let text_len = room - rest.len();
        cr_audit_head { sequence: head.sequence, text: text.map(|byte| byte as c_char), text_len }
    }
}

/// # Safety
/// `key` is NULL or points to `len` bytes.
unsafe fn key_of(key: *const u8, len: usize) -> Result<Option<Secret>> {
    // SAFETY: as promised by the caller.
    let given = unsafe { input::bytes(key, len, "options->hmac_key") }?;
    if key.is_null() { Ok(None) } else { Secret::new(given).map(Some) }
}

/// # Safety
/// `head` is NULL or valid, and the length is its.
unsafe fn head_of(head: *const c_char, len: usize, name: &str) -> Result<Option<Head>> {
    // SAFETY: as promised by the caller.
    let text = unsafe { input::optional_text(head, len, name) }?;
    text.map(str::parse).transpose()
}

fn to_json(report: &Report) -> Value {
    let mut map = Map::new();
    let mut put = |name: &str, value: Value| map.insert(name.to_owned(), value);
    put("ok", report.is_whole().into());
    put("segments", report.segments.into());
    put("lines", report.lines.into());
    put("events", report.events.into());
    put("first_sequence", report.first_sequence.into());
    put("head", report.head.to_string().into());
    put("repairs", report.repairs.into());
    put("lost", report.lost.into());
    put("torn_bytes", report.torn_bytes.into());
    let problem = report.problem.as_ref().map(|problem| {
        let file = problem.file.to_string_lossy();
        serde_json::json!({ "file": file, "line": problem.line, "what": problem.what })
    });
    put("problem", problem.unwrap_or(Value::Null));
    Value::Object(map)
}
