//! The embedded database as a handle.

use std::ffi::c_char;
use std::path::Path;

use checkrein::operation::Kind;
use checkrein::store::{Change, Durability};
use checkrein::{Database, Error, Result};

use crate::many::{changes_of, cr_op};
use crate::page::{self, cr_page};
use crate::{bytes, cr_error, cr_status, guard, input};

/// An embedded key-value store, in a directory or in memory. May be used by several threads at once. An engine that
/// was made over it keeps it alive.
pub struct cr_database(pub(crate) Database);

/// When an acknowledged write is safe from a loss of power.
pub type cr_durability = i32;
/// Once it is acknowledged; the default.
pub const CR_DURABILITY_SYNC: cr_durability = 0;
/// Later: within a second of further writes, at cr_database_flush and at cr_database_close.
pub const CR_DURABILITY_RELAXED: cr_durability = 1;

/// How a database is opened. Zero is the default of every field but `size`.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct cr_database_options {
    /// `sizeof(cr_database_options)`.
    pub size: usize,
    /// When an acknowledged write is safe. Default: CR_DURABILITY_SYNC.
    pub durability: cr_durability,
    /// Not zero: read the whole file and verify every checksum when it is opened. Default: 0.
    pub check: i32,
    /// The most memory for pages of the file, in bytes. Default, with 0: 64 MiB.
    pub cache_bytes: usize,
}

/// Opens the database in a directory; directory and file are created where they are missing. `path` is UTF-8, or
/// whatever bytes the system's paths are made of. `options` may be NULL. Free the handle with cr_database_free.
///
/// Errors: CR_STORE_LOCKED, CR_STORE_DAMAGED, CR_STORE_FULL or CR_STORE; CR_CONFIG for a bad option.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_database_open(
    path: *const c_char,
    path_len: usize,
    options: *const cr_database_options,
    out: *mut *mut cr_database,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid, `path` has `path_len` bytes or a NUL.
    unsafe {
        guard::fallible(error, || {
            let out = input::place(out, "out")?;
            crate::fork::watch()?;
            crate::notices::watch();
            let path = path_of(input::text_bytes(path, path_len, "path")?)?;
            let mut settings = Database::options();
            if let Some(options) = options.as_ref() {
                input::checked_size::<cr_database_options>(options.size, "options")?;
                settings = settings.durability(durability_of(options.durability)?).check(options.check != 0);
                if options.cache_bytes != 0 {
                    settings = settings.cache_bytes(options.cache_bytes);
                }
            }
            out.write(Box::into_raw(Box::new(cr_database(settings.open(path)?))));
            Ok(())
        })
    }
}

/// Makes an empty database in memory; its data is gone with it. Free the handle with cr_database_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_database_memory(
    out: *mut *mut cr_database,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid.
    unsafe {
        guard::fallible(error, || {
            let out = input::place(out, "out")?;
            crate::fork::watch()?;
            crate::notices::watch();
            out.write(Box::into_raw(Box::new(cr_database(Database::memory()))));
            Ok(())
        })
    }
}

/// Reads a key past every hook and limit: `*value` is NULL where there is none. Give the bytes to cr_bytes_free.
///
/// Errors: CR_STORE_CLOSED and the other store codes; CR_USAGE for a key of more than 1 MiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_database_get(
    database: *const cr_database,
    key: *const u8,
    key_len: usize,
    value: *mut *mut u8,
    value_len: *mut usize,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid, and the lengths are theirs.
    unsafe {
        guard::fallible(error, || {
            let (value, value_len) = (input::place(value, "value")?, input::place(value_len, "value_len")?);
            let database = input::borrowed(database, "database")?;
            let found = database.0.get(input::bytes(key, key_len, "key")?)?;
            let (data, len) = found.map_or((std::ptr::null_mut(), 0), bytes::give);
            value.write(data);
            value_len.write(len);
            Ok(())
        })
    }
}

/// Sets a key to a value past every hook and limit.
///
/// Errors: the store codes; CR_USAGE for a key of more than 1 MiB or a value of more than 256 MiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_database_put(
    database: *const cr_database,
    key: *const u8,
    key_len: usize,
    value: *const u8,
    value_len: usize,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid, and the lengths are theirs.
    unsafe {
        guard::fallible(error, || {
            let database = input::borrowed(database, "database")?;
            database.0.put(input::bytes(key, key_len, "key")?, input::bytes(value, value_len, "value")?)
        })
    }
}

/// Removes a key past every hook and limit. That there was none is no error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_database_delete(
    database: *const cr_database,
    key: *const u8,
    key_len: usize,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid, and the lengths are theirs.
    unsafe {
        guard::fallible(error, || {
            input::borrowed(database, "database")?.0.delete(input::bytes(key, key_len, "key")?)
        })
    }
}

/// Does several puts and deletes (CR_WRITE, CR_DELETE) in their order past every hook and limit, all or none.
///
/// Errors: as cr_database_put; CR_USAGE for what is no put or delete.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_database_batch(
    database: *const cr_database,
    ops: *const cr_op,
    ops_len: usize,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid, and the lengths are theirs.
    unsafe {
        guard::fallible(error, || {
            let database = input::borrowed(database, "database")?;
            let asked = changes_of(ops, ops_len)?;
            let changes = asked.iter().map(|(kind, key, value)| match (kind, value) {
                (Kind::Write, Some(value)) => Ok(Change::Put { key, value }),
                (Kind::Delete, None) => Ok(Change::Delete { key }),
                _ => Err(Error::usage("a batch takes CR_WRITE with a value, and CR_DELETE without one")),
            });
            database.0.batch(&changes.collect::<Result<Vec<_>>>()?)
        })
    }
}

/// The pairs whose keys begin with a prefix, in the order of their bytes, from the first key that is greater than
/// `after` (NULL: from the first), past every hook and limit; at most `limit`, and fewer where that is a better page. Go
/// on with the last key as the next `after`, until a page is empty. Free the page with cr_page_free.
///
/// Errors: the store codes; CR_USAGE for a limit of 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_database_scan(
    database: *const cr_database,
    prefix: *const u8,
    prefix_len: usize,
    after: *const u8,
    after_len: usize,
    limit: usize,
    out: *mut *mut cr_page,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid, and the lengths are theirs.
    unsafe {
        guard::fallible(error, || {
            let out = input::place(out, "out")?;
            let database = input::borrowed(database, "database")?;
            let prefix = input::bytes(prefix, prefix_len, "prefix")?;
            let given = input::bytes(after, after_len, "after")?;
            let after = (!after.is_null()).then_some(given);
            out.write(page::give(database.0.scan(prefix, after, limit)?));
            Ok(())
        })
    }
}

/// Makes every write acknowledged so far durable; of use with CR_DURABILITY_RELAXED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_database_flush(
    database: *const cr_database,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid.
    unsafe { guard::fallible(error, || input::borrowed(database, "database")?.0.flush()) }
}

/// Closes the database for everybody who uses it: later calls fail with CR_STORE_CLOSED, and the directory may be
/// opened again. Closing twice is no error. The handle is still to be freed.
///
/// Errors: a store code where relaxed writes could not be made durable; it is closed nevertheless.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_database_close(
    database: *const cr_database,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid.
    unsafe { guard::fallible(error, || input::borrowed(database, "database")?.0.close()) }
}

/// Whether a call may wait for the disk. False for one in memory, and for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_database_blocks(database: *const cr_database) -> bool {
    // SAFETY: the header's contract: NULL or a live handle.
    guard::infallible(false, || unsafe { database.as_ref() }.is_some_and(|database| database.0.blocks()))
}

/// Lets the handle go. The database is closed with its last handle and engine. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_database_free(database: *mut cr_database) {
    guard::infallible((), || {
        if !database.is_null() {
            // SAFETY: the header's contract: made by this library, and freed once.
            drop(unsafe { Box::from_raw(database) });
        }
    });
}

fn durability_of(number: cr_durability) -> Result<Durability> {
    match number {
        CR_DURABILITY_SYNC => Ok(Durability::Sync),
        CR_DURABILITY_RELAXED => Ok(Durability::Relaxed),
        other => Err(Error::config(format!(
            "durability {other} is not known: write CR_DURABILITY_SYNC or CR_DURABILITY_RELAXED"
        ))),
    }
}

#[cfg(unix)]
pub(crate) fn path_of(bytes: &[u8]) -> Result<&Path> {
    use std::os::unix::ffi::OsStrExt as _;
    Ok(Path::new(std::ffi::OsStr::from_bytes(bytes)))
}

#[cfg(not(unix))]
pub(crate) fn path_of(bytes: &[u8]) -> Result<&Path> {
    input::utf8(bytes, "path").map(Path::new)
}
