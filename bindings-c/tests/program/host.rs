//! The host's side: hooks, a store and a logger that do whatever a number tells them, and count themselves.

use std::ffi::{c_char, c_void};
use std::ptr::{null, null_mut};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use checkrein_c::answer::*;
use checkrein_c::call::cr_engine_put;
use checkrein_c::cr_status;
use checkrein_c::engine::cr_engine;
use checkrein_c::error::{cr_error_new, cr_error_new_violation};
use checkrein_c::helper::*;
use checkrein_c::hook::*;
use checkrein_c::logger::cr_logger;
use checkrein_c::register::cr_engine_add_hook;
use checkrein_c::step::cr_step;
use checkrein_c::store::*;

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
