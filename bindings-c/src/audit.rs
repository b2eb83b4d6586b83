//! The audit: turning it on and off, and reading it.

use std::ffi::c_char;

use checkrein::Result;
use checkrein::audit::{AuditFilter, DEFAULT_MAX_ENTRIES, Entry, Verb};

use crate::engine::cr_engine;
use crate::text::{Lazy, cr_str};
use crate::{cr_error, cr_status, guard, input};

/// `limit` counts, though it is 0.
pub const CR_FILTER_LIMIT: u32 = 1;

/// Which entries are wanted; all conditions must hold. A text that is NULL is no condition; lengths may be CR_NUL.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct cr_audit_filter {
    /// `sizeof(cr_audit_filter)`.
    pub size: usize,
    /// CR_FILTER_ bits of numbers that count although they are 0.
    pub given: u32,
    /// At most so many, the newest of those that pass. Default, with 0: 100.
    pub limit: usize,
    /// Only of this time or later: nanoseconds since 1970-01-01 UTC.
    pub since_ns: u64,
    /// Only of this agent.
    pub agent_id: *const c_char,
    /// Its length.
    pub agent_id_len: usize,
    /// Only of this session.
    pub session_id: *const c_char,
    /// Its length.
    pub session_id_len: usize,
    /// Only of this operation: `read`, `write`, `delete` or `scan`.
    pub operation: *const c_char,
    /// Its length.
    pub operation_len: usize,
    /// Only with this result: `allowed`, `denied`, …
    pub result: *const c_char,
    /// Its length.
    pub result_len: usize,
    /// Only keys that this glob matches.
    pub keys: *const c_char,
    /// Its length.
    pub keys_len: usize,
}

/// Entries of the audit, copied, the oldest first.
pub struct cr_audit_log(Vec<Shown>);

struct Shown {
    entry: Entry,
    json: Lazy,
    timestamp: Lazy,
    operation_id: Lazy,
    surface: Lazy,
    key: Lazy,
    result: Lazy,
    agent_id: Lazy,
    session_id: Lazy,
    rule: Lazy,
    reason: Lazy,
}

/// One entry of the audit. Texts live as long as the log; one that is absent has no data.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct cr_audit_entry {
    /// Its number: from 1, without a gap. 0 where a strict sink is told of what was decided and is not done.
    pub sequence: u64,
    /// When the operation ended: nanoseconds since 1970-01-01 UTC.
    pub timestamp_ns: u64,
    /// The same as RFC 3339 text, UTC, microseconds.
    pub timestamp: cr_str,
    /// Which operation it was.
    pub operation_id: cr_str,
    /// Which surface guarded it: `data`.
    pub surface: cr_str,
    /// `read`, `write`, `delete` or `scan`.
    pub operation: cr_str,
    /// The key (of a scan the prefix) as text: `\` and bytes that are not UTF-8 as `\xNN`.
    pub key: cr_str,
    /// The key's bytes, at most 4,096 of them.
    pub key_bytes: *const u8,
    /// How many there are.
    pub key_bytes_len: usize,
    /// How it ended: `allowed`, `denied`, `rate_limited`, `modified`, `redacted`, `error`, `unknown`, …
    pub result: cr_str,
    /// Who acted, where the context said.
    pub agent_id: cr_str,
    /// In which session, where the context said.
    pub session_id: cr_str,
    /// The hook or limit that decided, where one did.
    pub rule: cr_str,
    /// Why, where there is more to say than the result.
    pub reason: cr_str,
    /// Not zero where a hook answered log.
    pub logged: i32,
    /// Whether the store had done it: 1, 0, or -1 where the entry does not say.
    pub applied: i32,
    /// Not zero where `given` and `withheld` count: of a scan.
    pub is_scan: i32,
    /// How many pairs a scan gave.
    pub given: u64,
    /// How many keys it left out.
    pub withheld: u64,
}

/// Turns the audit on, with a ring of so many entries (CR_DEFAULT: 10,000). Where it is on with that size already, nothing
/// changes; another size starts an empty ring. One that fails is remembered, as for cr_engine_add_hook.
///
/// Errors: CR_CONFIG for 0, and for more than 10,000,000.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_engine_audit_enable(
    engine: *const cr_engine,
    max_entries: usize,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid.
    unsafe {
        guard::fallible(error, || {
            let max_entries =
                if max_entries == input::CR_DEFAULT { DEFAULT_MAX_ENTRIES } else { max_entries };
            input::borrowed(engine, "engine")?.core.enable_audit(max_entries)
        })
    }
}

/// Turns the audit off, lets its entries go and removes its sinks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_engine_audit_disable(
    engine: *const cr_engine,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid.
    unsafe {
        guard::fallible(error, || {
            input::borrowed(engine, "engine")?.core.disable_audit();
            Ok(())
        })
    }
}

/// The newest entries that a filter lets through, the oldest first. `filter` may be NULL: the newest 100. Free the log
/// with cr_audit_log_free.
///
/// Errors: CR_USAGE while the audit is off and for unknown words; CR_PATTERN for a bad glob.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_engine_audit_log(
    engine: *const cr_engine,
    filter: *const cr_audit_filter,
    out: *mut *mut cr_audit_log,
    error: *mut *mut cr_error,
) -> cr_status {
    // SAFETY: the header's contract: the pointers are NULL or valid.
    unsafe {
        guard::fallible(error, || {
            let out = input::place(out, "out")?;
            let engine = input::borrowed(engine, "engine")?;
            let filter =
                filter.as_ref().map_or_else(|| Ok(AuditFilter::new()), |filter| filter_of(filter))?;
            let entries = engine.core.audit_log(&filter)?;
            out.write(Box::into_raw(Box::new(cr_audit_log::of(entries))));
            Ok(())
        })
    }
}

/// How many entries there are; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_audit_log_len(log: *const cr_audit_log) -> usize {
    // SAFETY: the header's contract: NULL or a live log.
    guard::infallible(0, || unsafe { log.as_ref() }.map_or(0, |log| log.0.len()))
}

/// The entry at a place; false past the end, and for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_audit_log_at(
    log: *const cr_audit_log,
    index: usize,
    out: *mut cr_audit_entry,
) -> bool {
    guard::infallible(false, || {
        // SAFETY: the header's contract: the pointers are NULL or valid.
        unsafe {
            let Some(shown) = log.as_ref().and_then(|log| log.0.get(index)) else { return false };
            if !out.is_null() {
                out.write(shown.as_c());
            }
            true
        }
    })
}

/// The entry at a place as one canonical line of JSON, without a newline. No data past the end, and for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_audit_log_json(log: *const cr_audit_log, index: usize) -> cr_str {
    guard::infallible(cr_str::NONE, || {
        // SAFETY: the header's contract: NULL or a live log.
        match unsafe { log.as_ref() }.and_then(|log| log.0.get(index)) {
            Some(shown) => shown.json.get(|| shown.entry.to_json_line()),
            None => cr_str::NONE,
        }
    })
}

/// Lets a log go, with its texts. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cr_audit_log_free(log: *mut cr_audit_log) {
    guard::infallible((), || {
        if !log.is_null() {
            // SAFETY: the header's contract: given by this library, and freed once.
            drop(unsafe { Box::from_raw(log) });
        }
    });
}

impl cr_audit_log {
    pub(crate) fn of(entries: Vec<Entry>) -> Self {
        cr_audit_log(entries.into_iter().map(Shown::new).collect())
    }
}

fn verb_word(verb: Verb) -> cr_str {
    cr_str::terminated(match verb {
        Verb::Read => "read\0",
        Verb::Write => "write\0",
        Verb::Delete => "delete\0",
        Verb::Scan => "scan\0",
        // Every verb has its word, as a test sees to.
        _ => "\0",
    })
}

impl Shown {
    fn new(entry: Entry) -> Self {
        let json = Lazy::default;
        Shown {
            entry,
            json: json(),
            timestamp: json(),
            operation_id: json(),
            surface: json(),
            key: json(),
            result: json(),
            agent_id: json(),
            session_id: json(),
            rule: json(),
            reason: json(),
        }
    }

    fn as_c(&self) -> cr_audit_entry {
        let entry = &self.entry;
        let key = entry.key_bytes();
        let scanned = entry.scanned();
        cr_audit_entry {
            sequence: entry.sequence(),
            timestamp_ns: entry.timestamp_ns(),
            timestamp: self.timestamp.get(|| entry.timestamp()),
            operation_id: self.operation_id.get(|| entry.operation_id().to_string()),
            surface: self.surface.get_some(Some(entry.surface().as_str())),
            operation: verb_word(entry.operation()),
            key: self.key.get(|| entry.key()),
            key_bytes: input::address_of(key),
            key_bytes_len: key.len(),
            result: self.result.get_some(Some(entry.result().as_str())),
            agent_id: self.agent_id.get_some(entry.agent_id().as_deref()),
            session_id: self.session_id.get_some(entry.session_id().as_deref()),
            rule: self.rule.get_some(entry.rule().as_deref()),
            reason: self.reason.get_some(entry.reason().as_deref()),
            logged: entry.logged().into(),
            applied: entry.applied().map_or(-1, i32::from),
            is_scan: scanned.is_some().into(),
            given: scanned.map_or(0, |count| count.given),
            withheld: scanned.map_or(0, |count| count.withheld),
        }
    }
}

/// # Safety
/// The texts are NULL or valid, and the lengths are theirs.
unsafe fn filter_of(filter: &cr_audit_filter) -> Result<AuditFilter> {
    input::checked_size::<cr_audit_filter>(filter.size, "filter")?;
    let mut made = AuditFilter::new();
    if filter.limit != 0 || filter.given & CR_FILTER_LIMIT != 0 {
        made = made.limit(filter.limit);
    }
    if filter.since_ns != 0 {
        made = made.since_ns(filter.since_ns);
    }
    // SAFETY: as promised by the caller.
    unsafe {
        if let Some(agent) = input::optional_text(filter.agent_id, filter.agent_id_len, "filter->agent_id")? {
            made = made.agent_id(agent);
        }
        if let Some(session) =
            input::optional_text(filter.session_id, filter.session_id_len, "filter->session_id")?
        {
            made = made.session_id(session);
        }
        if let Some(word) = input::optional_text(filter.operation, filter.operation_len, "filter->operation")?
        {
            made = made.operation_named(word)?;
        }
        if let Some(word) = input::optional_text(filter.result, filter.result_len, "filter->result")? {
            made = made.result_named(word)?;
        }
        if let Some(keys) = input::optional_text(filter.keys, filter.keys_len, "filter->keys")? {
            made = made.keys_matching(keys)?;
        }
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_those_of_the_core() {
        for verb in Verb::ALL {
            // SAFETY: the words are constants.
            let word = unsafe { std::ffi::CStr::from_ptr(verb_word(verb).data) };
            assert_eq!(word.to_str().unwrap(), verb.as_str());
        }
    }
}
