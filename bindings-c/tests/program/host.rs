//! The host's side: hooks, a store and a logger that do whatever a number tells them, and count themselves.

use std::ffi::{c_char, c_void};
use std::ptr::{null, null_mut};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use checkrein_c::answer::*;
use checkrein_c::audit::{cr_audit_log, cr_audit_log_json, cr_audit_log_len};
use checkrein_c::call::cr_engine_put;
use checkrein_c::engine::cr_engine;
use checkrein_c::error::{cr_error_new, cr_error_new_violation, cr_error_status};
use checkrein_c::helper::*;
use checkrein_c::hook::*;
use checkrein_c::listener::cr_listener;
use checkrein_c::logger::cr_logger;
use checkrein_c::many::cr_op;
use checkrein_c::register::cr_engine_add_hook;
use checkrein_c::sink::cr_sink;
use checkrein_c::step::{CR_DELETE, CR_PHASE_DONE, CR_PHASE_NONE, CR_WRITE, cr_step};
use checkrein_c::store::*;
use checkrein_c::{cr_error, cr_status};

use super::input::Input;

/// How many things the library was given, and how many it has let go.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) made: AtomicUsize,
    pub(crate) dropped: AtomicUsize,
}

struct Held {
    counts: Arc<Counts>,
    word: u8,
    engine: *mut cr_engine,
}

fn held(counts: &Arc<Counts>, word: u8, engine: *mut cr_engine) -> *mut c_void {
    counts.made.fetch_add(1, Ordering::SeqCst);
    Box::into_raw(Box::new(Held { counts: Arc::clone(counts), word, engine })).cast()
}

/// Takes back what was not handed over after all.
pub(crate) fn forget(user_data: *mut c_void) {
    // SAFETY: made by `held`, and nobody else's.
    drop(unsafe { Box::from_raw(user_data.cast::<Held>()) });
}

unsafe extern "C" fn dropped(user_data: *mut c_void) {
    // SAFETY: made by `held`, and let go once.
    let held = unsafe { Box::from_raw(user_data.cast::<Held>()) };
    held.counts.dropped.fetch_add(1, Ordering::SeqCst);
}

/// A step to be filled in.
pub(crate) fn blank() -> cr_step {
    // SAFETY: a struct of numbers and pointers, for which zero is a value; status 0 is CR_OK.
    let step: cr_step = unsafe { std::mem::zeroed() };
    cr_step { size: u32::try_from(size_of::<cr_step>()).unwrap_or(0), ..step }
}

unsafe extern "C" fn told(_: *mut c_void, level: i32, message: *const c_char, len: usize) -> i32 {
    // SAFETY: the library's text has a NUL behind it.
    assert_eq!(unsafe { *message.add(len) }, 0);
    i32::from(level != 0)
}

pub(crate) fn logger(counts: &Arc<Counts>) -> cr_logger {
    cr_logger {
        size: size_of::<cr_logger>(),
        log: Some(told),
        user_data: held(counts, 0, null_mut()),
        drop: Some(dropped),
    }
}

/// A hook of any kind.
pub(crate) fn hook(counts: &Arc<Counts>, engine: *mut cr_engine, input: &mut Input<'_>) -> cr_hook {
    let word = input.byte();
    let plain = cr_helper_allow_all();
    match word % 32 {
        0 => cr_helper_deny_all(),
        1 => cr_helper_require_agent_id(),
        2 => cr_helper_redact_value(b"***".as_ptr(), 3),
        3 => cr_helper_log_and_allow(null()),
        4..12 => cr_hook { kind: CR_HOOK_ID, id: u64::from(word), ..plain },
        12 | 13 => cr_hook { kind: CR_HOOK_LOG_ID, id: u64::from(word), ..plain },
        14 => cr_hook { kind: i32::from(input.byte() % 16), id: 9, ..plain },
        _ => cr_hook {
            kind: CR_HOOK_CALLBACK,
            call: if input.one_in(30) { None } else { Some(asked) },
            user_data: held(counts, input.byte(), engine),
            drop: Some(dropped),
            ..plain
        },
    }
}

unsafe extern "C" fn asked(user_data: *mut c_void, call: *const cr_call, answer: *mut cr_answer) {
    // SAFETY: the library hands back what it was given, and what it shows lives until this returns.
    unsafe {
        let (held, call) = (&*user_data.cast::<Held>(), &*call);
        match held.word % 12 {
            0 => drop(cr_reply_allow(answer)),
            1 => drop(cr_reply_deny(answer, c"no".as_ptr(), usize::MAX)),
            2 => drop(cr_reply_modify(answer, b"changed".as_ptr(), 7)),
            3 => drop(cr_reply_modify(answer, call.value, call.value_len)),
            4 => drop(cr_reply_foreign(answer, c"E".as_ptr(), 1, 5)),
            5 => drop(cr_reply_error(answer, cr_error_new_violation(c"mine".as_ptr(), 4), 6)),
            6 => {}
            7 => {
                let mut error = null_mut();
                let (key, len) = (call.key, call.key_len);
                match cr_engine_put(held.engine, key, len, key, len, call.context, &raw mut error) {
                    cr_status::CR_OK => drop(cr_reply_nothing(answer)),
                    _ => drop(cr_reply_error(answer, error, 0)),
                }
            }
            8 => {
                let deny = cr_helper_deny_all();
                let keys = c"later/**".as_ptr();
                let mut handle = 0;
                let place = &raw mut handle;
                cr_engine_add_hook(held.engine, CR_BEFORE_READ, keys, 8, &raw const deny, place, null_mut());
                cr_reply_log(answer);
            }
            9 => drop(cr_reply_error(answer, cr_error_new(30, c"odd".as_ptr(), 3), 0)),
            10 => drop(cr_reply_invalid(answer, c"a list".as_ptr(), usize::MAX)),
            _ => drop(cr_reply_nothing(answer)),
        }
    }
}

pub(crate) fn store(counts: &Arc<Counts>, word: u8) -> cr_store {
    cr_store {
        size: size_of::<cr_store>(),
        user_data: held(counts, word, null_mut()),
        get: Some(get),
        put: if word == 250 { None } else { Some(put) },
        delete_: Some(delete),
        drop: Some(dropped),
        scan: if word % 3 == 1 { None } else { Some(scan) },
        batch: if word % 5 == 1 { None } else { Some(batch) },
    }
}

/// Who is told of refusals; now and then without a function.
pub(crate) fn listener(counts: &Arc<Counts>, engine: *mut cr_engine, input: &mut Input<'_>) -> cr_listener {
    cr_listener {
        size: size_of::<cr_listener>(),
        denied: if input.one_in(20) { None } else { Some(denied) },
        user_data: held(counts, input.byte(), engine),
        drop: Some(dropped),
    }
}

/// A sink of the audit, strict or not.
pub(crate) fn sink(counts: &Arc<Counts>, engine: *mut cr_engine, input: &mut Input<'_>) -> cr_sink {
    cr_sink {
        size: size_of::<cr_sink>(),
        record: if input.one_in(20) { None } else { Some(recorded) },
        user_data: held(counts, input.byte(), engine),
        drop: Some(dropped),
        strict: i32::from(input.byte() % 3),
    }
}

unsafe extern "C" fn denied(user_data: *mut c_void, error: *const cr_error) -> i32 {
    // SAFETY: as for `asked`.
    unsafe {
        assert_ne!(cr_error_status(error), cr_status::CR_OK);
        busy(&*user_data.cast::<Held>())
    }
}

unsafe extern "C" fn recorded(user_data: *mut c_void, entries: *const cr_audit_log, phase: i32) -> i32 {
    // SAFETY: as for `asked`.
    unsafe {
        assert!(cr_audit_log_len(entries) > 0 && (CR_PHASE_NONE..=CR_PHASE_DONE).contains(&phase));
        assert!(!cr_audit_log_json(entries, 0).data.is_null());
        busy(&*user_data.cast::<Held>())
    }
}

/// Works, fails, or uses the engine again.
unsafe fn busy(held: &Held) -> i32 {
    thread_local! {
        /// Several who each start something multiply: so not too deep.
        static BUSY: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
    }
    if held.word.is_multiple_of(4) && BUSY.get() < 3 {
        BUSY.set(BUSY.get() + 1);
        let key = b"a/k".as_ptr();
        // SAFETY: the engine lives until the end of the program.
        unsafe { cr_engine_put(held.engine, key, 3, key, 3, null(), null_mut()) };
        BUSY.set(BUSY.get() - 1);
    }
    i32::from(held.word % 3)
}

unsafe extern "C" fn scan(
    user_data: *mut c_void,
    prefix: *const u8,
    prefix_len: usize,
    after: *const u8,
    after_len: usize,
    limit: usize,
    place: *mut cr_store_reply,
) {
    // SAFETY: as for `asked`.
    unsafe {
        assert!(!prefix.is_null() && limit > 0 && (after_len == 0 || !after.is_null()));
        let word = (*user_data.cast::<Held>()).word;
        for _ in 0..word % 4 {
            cr_store_reply_pair(place, b"a/k".as_ptr(), 3, prefix, prefix_len);
        }
        match word % 7 {
            0 => reply(user_data, place),
            1 => drop(cr_store_reply_pair(place, null(), 4, null(), 0)),
            2 => {}
            _ => drop(cr_store_reply_page(place, i32::from(word % 2))),
        }
    }
}

unsafe extern "C" fn batch(
    user_data: *mut c_void,
    ops: *const cr_op,
    len: usize,
    place: *mut cr_store_reply,
) {
    // SAFETY: as for `asked`.
    unsafe {
        let ops = std::slice::from_raw_parts(ops, len);
        assert!(ops.iter().all(|op| op.kind == CR_WRITE || op.kind == CR_DELETE));
        reply(user_data, place);
    }
}

unsafe fn reply(user_data: *mut c_void, reply: *mut cr_store_reply) {
    // SAFETY: as for `asked`.
    unsafe {
        match (*user_data.cast::<Held>()).word % 6 {
            0 => drop(cr_store_reply_done(reply)),
            1 => drop(cr_store_reply_no_value(reply)),
            2 => drop(cr_store_reply_value(reply, b"stored".as_ptr(), 6)),
            3 => drop(cr_store_reply_foreign(reply, c"E".as_ptr(), 1, c"no route".as_ptr(), 8, 0)),
            4 => drop(cr_store_reply_error(reply, cr_error_new_violation(c"mine".as_ptr(), 4), 1)),
            _ => {}
        }
    }
}

unsafe extern "C" fn get(user_data: *mut c_void, _: *const u8, _: usize, place: *mut cr_store_reply) {
    // SAFETY: handed on.
    unsafe { reply(user_data, place) }
}

unsafe extern "C" fn put(
    user_data: *mut c_void,
    _: *const u8,
    _: usize,
    _: *const u8,
    _: usize,
    place: *mut cr_store_reply,
) {
    // SAFETY: handed on.
    unsafe { reply(user_data, place) }
}

unsafe extern "C" fn delete(user_data: *mut c_void, _: *const u8, _: usize, place: *mut cr_store_reply) {
    // SAFETY: handed on.
    unsafe { reply(user_data, place) }
}
