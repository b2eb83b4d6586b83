//! A guarded walk over keys, pair by pair: hooks, store and logger are functions of the process.

use std::borrow::Cow;
use std::sync::Arc;

use checkrein::Result;
use checkrein::operation::{Operation, ScanRequest};

use crate::context::{NOTHING, cr_context, said};
use crate::drive::{self, Asks};
use crate::engine::cr_engine;
use crate::step::bytes_of;
use crate::{cr_error, cr_status, guard, input};

/// A scan that has started. It may go from thread to thread, and be used by one at a time.
pub struct cr_scan {
    engine: Arc<cr_engine>,
    /// Nothing once it has ended.
    operation: Option<Operation<'static>>,
    /// The pair that was given last.
    pair: (Vec<u8>, Vec<u8>),
}

/// Starts a walk over the keys that begin with a prefix (an empty one is that of every key), in the order of their
/// bytes. `context` may be NULL. Ask for the pairs with cr_scan_next, and end it with cr_scan_free.
///
/// Each key takes a `read` token and is judged as a get is, when it is asked for; what may not be read is left out. Keys
/// that are written meanwhile may or may not be seen. One entry of the audit tells of the whole scan.
///
/// Errors: CR_USAGE for a bad context. All others come with cr_scan_next.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_engine_scan(
    engine: *const cr_engine,
    prefix: *const u8,
    prefix_len: usize,
    context: *const cr_context,
    out: *mut *mut cr_scan,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid, and the lengths are theirs.
    unsafe {
        guard::fallible(error, || {
            let out = input::place(out, "out")?;
            let handle = input::borrowed(engine, "engine")?;
            let said = said(context);
            let request = ScanRequest {
                prefix: Cow::Borrowed(input::bytes(prefix, prefix_len, "prefix")?),
                context: Cow::Borrowed(*said.as_ref().unwrap_or(&&NOTHING)),
                depth: drive::depth(),
                store_can: handle.abilities().scan,
            };
            if let Err(fault) = said {
                return Err(handle.core.reject(request, fault));
            }
            let operation = Some(handle.core.start(request).into_owned());
            let engine = cr_engine::share(engine);
            out.write(Box::into_raw(Box::new(cr_scan { engine, operation, pair: Default::default() })));
            Ok(())
        })
    }
}

/// The next pair: `*key` is NULL at the end. Key and value live until the next call with this scan. After an error there
/// are no more pairs.
///
/// Errors: as cr_engine_get; a refusal of one key is none, but a limit without a token is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_scan_next(
    scan: *mut cr_scan,
    key: *mut *const u8,
    key_len: *mut usize,
    value: *mut *const u8,
    value_len: *mut usize,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid, and nobody else uses the scan.
    unsafe {
        guard::fallible(error, || {
            let (key, key_len) = (input::place(key, "key")?, input::place(key_len, "key_len")?);
            let (value, value_len) = (input::place(value, "value")?, input::place(value_len, "value_len")?);
            let (of_key, of_value) = match input::borrowed_mut(scan, "scan")?.next()? {
                Some((key, value)) => (bytes_of(key), bytes_of(value)),
                None => ((std::ptr::null(), 0), (std::ptr::null(), 0)),
            };
            key.write(of_key.0);
            key_len.write(of_key.1);
            value.write(of_value.0);
            value_len.write(of_value.1);
            Ok(())
        })
    }
}

/// Ends a scan, wherever it stands: the audit's entry says how many pairs it gave. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_scan_free(scan: *mut cr_scan) {
    guard::infallible((), || {
        if !scan.is_null() {
            // SAFETY: the header's contract: made by cr_engine_scan, and freed once.
            drop(unsafe { Box::from_raw(scan) });
        }
    });
}

impl cr_scan {
    fn next(&mut self) -> Result<Option<(&[u8], &[u8])>> {
        // Out of its place, so that a panic on the way ends it.
        let Some(mut operation) = self.operation.take() else { return Ok(None) };
        while !drive::advance(&self.engine, &mut operation, Asks::default()) {
            if let Some(pair) = operation.take_item() {
                self.pair = pair;
                self.operation = Some(operation);
                return Ok(Some((&self.pair.0, &self.pair.1)));
            }
            if !drive::refuse(&self.engine, &mut operation) {
                break;
            }
        }
        operation.finish().map(|_| None)
    }
}
