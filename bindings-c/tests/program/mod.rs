//! An interpreter that turns any bytes into calls of the C functions: handles in every state, texts and bytes with
//! their true lengths, NULL now and then, hooks that answer, fail, nest and register. What the header promises is
//! checked on the way: a failure has an error of its status, success none, and what the library owns is let go once.

mod host;
mod input;

use std::ptr::{null, null_mut};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use checkrein_c::audit::*;
use checkrein_c::bytes::cr_bytes_free;
use checkrein_c::call::*;
use checkrein_c::context::*;
use checkrein_c::database::*;
use checkrein_c::document::*;
use checkrein_c::engine::*;
use checkrein_c::error::*;
use checkrein_c::explain::*;
use checkrein_c::limit::*;
use checkrein_c::listener::*;
use checkrein_c::many::*;
use checkrein_c::operation::*;
use checkrein_c::page::cr_pair;
use checkrein_c::register::*;
use checkrein_c::reply::CR_REPLY_PAGE;
use checkrein_c::scan::*;
use checkrein_c::sink::*;
use checkrein_c::step::*;
use checkrein_c::text::cr_str;
use checkrein_c::{cr_error, cr_status};

use host::Counts;
use input::Input;

/// Everything that a program has made and not let go.
struct World {
    counts: Arc<Counts>,
    database: *mut cr_database,
    engines: Vec<*mut cr_engine>,
    contexts: Vec<*mut cr_context>,
    operations: Vec<*mut cr_operation>,
    scans: Vec<*mut cr_scan>,
    errors: Vec<*mut cr_error>,
}

/// Runs one program to its end.
pub(crate) fn run(program: &[u8]) {
    let mut input = Input::new(program);
    let mut world = World {
        counts: Arc::default(),
        database: null_mut(),
        engines: Vec::new(),
        contexts: Vec::new(),
        operations: Vec::new(),
        scans: Vec::new(),
        errors: Vec::new(),
    };
    // SAFETY: every pointer and length that is handed over here is NULL or true.
    unsafe {
        assert_eq!(cr_database_memory(&raw mut world.database, null_mut()), cr_status::CR_OK);
        world.new_engine(&mut input);
        while !input.is_empty() {
            world.instruction(&mut input);
        }
        world.end(&mut input);
    }
}

impl World {
    unsafe fn instruction(&mut self, input: &mut Input<'_>) {
        // SAFETY: as above.
        unsafe {
            match input.byte() % 20 {
                0 => self.new_engine(input),
                1 => self.add_hook(input),
                2 => self.add_limit(input),
                3 => self.change_context(input),
                4..6 => self.whole(input),
                6..9 => self.start(input),
                9..12 => self.resume(input),
                12 => self.remove(input),
                13 => self.read_audit(input),
                14 => self.look_at_error(input),
                15 => self.several(input),
                16 => self.walk(input),
                17 => self.tell(input),
                18 => self.explain(input),
                _ => self.let_go(input),
            }
        }
    }

    /// Checks what every fallible function promises, and keeps the error.
    fn checked(&mut self, status: cr_status, error: *mut cr_error) -> bool {
        // SAFETY: NULL or an error that the library gave.
        assert_eq!(unsafe { cr_error_status(error) }, status);
        if !error.is_null() {
            self.errors.push(error);
        }
        status == cr_status::CR_OK
    }

    fn engine(&self, input: &mut Input<'_>) -> *mut cr_engine {
        input.pick(&self.engines).unwrap_or(null_mut())
    }

    fn context(&self, input: &mut Input<'_>) -> *mut cr_context {
        input.pick(&self.contexts).unwrap_or(null_mut())
    }

    unsafe fn new_engine(&mut self, input: &mut Input<'_>) {
        let (mut engine, mut error) = (null_mut(), null_mut());
        let logger = host::logger(&self.counts);
        let name = input.name();
        let name = cr_str { data: name.as_ptr().cast(), len: name.len() };
        let options = cr_engine_options {
            size: size_of::<cr_engine_options>() + usize::from(input.one_in(20)),
            max_open_operations: usize::from(input.byte() % 16),
            clock: null(),
            logger: &raw const logger,
            require_context: &raw const name,
            require_context_len: usize::from(input.one_in(10)),
            mode: i32::from(input.byte() % 16) / 5,
            store_can: u32::from(input.byte() % 4) + 4 * u32::from(input.one_in(30)),
            given: u32::from(input.one_in(10)) + 2 * u32::from(input.one_in(30)),
            document: if input.one_in(4) { self.document(input) } else { null() },
        };
        if options.size != size_of::<cr_engine_options>() {
            // A struct of another size is not touched.
            self.counts.made.fetch_sub(1, Ordering::SeqCst);
            host::forget(logger.user_data);
        }
        let store = host::store(&self.counts, input.byte());
        // SAFETY: as above.
        let status = unsafe {
            match input.byte() % 3 {
                0 => cr_engine_new_with_store(
                    &raw const store,
                    &raw const options,
                    &raw mut engine,
                    &raw mut error,
                ),
                kind => {
                    self.counts.made.fetch_sub(1, Ordering::SeqCst);
                    host::forget(store.user_data);
                    match kind {
                        1 => cr_engine_new_in_steps(&raw const options, &raw mut engine, &raw mut error),
                        _ => {
                            cr_engine_new(self.database, &raw const options, &raw mut engine, &raw mut error)
                        }
                    }
                }
            }
        };
        // SAFETY: the engine keeps what it needs of it.
        unsafe { cr_document_free(options.document.cast_mut()) };
        if self.checked(status, error) {
            self.engines.push(engine);
            // SAFETY: as above.
            unsafe { cr_engine_audit_enable(engine, 8, null_mut()) };
        }
    }

    unsafe fn add_hook(&mut self, input: &mut Input<'_>) {
        let (mut handle, mut error) = (0, null_mut());
        let engine = self.engine(input);
        let hook = host::hook(&self.counts, engine, input);
        let keys = input.pattern();
        let trigger = i32::from(input.byte() % 7);
        // SAFETY: as above.
        let status = unsafe {
            cr_engine_add_hook(
                engine,
                trigger,
                keys.as_ptr().cast(),
                keys.len(),
                &raw const hook,
                &raw mut handle,
                &raw mut error,
            )
        };
        if !self.checked(status, error) && !input.one_in(6) {
            // SAFETY: as above.
            unsafe { cr_engine_clear_registration_errors(engine, null_mut(), null_mut()) };
        }
    }

    unsafe fn add_limit(&mut self, input: &mut Input<'_>) {
        let mut error = null_mut();
        let words: [&str; 4] = ["write", "all", "read", "scan"];
        let operation = words[usize::from(input.byte()) % words.len()];
        let scope = input.text();
        let limit = cr_rate_limit {
            size: size_of::<cr_rate_limit>(),
            given: u32::from(input.byte()),
            max_per_second: u64::from(input.byte() % 3),
            max_per_minute: u64::from(input.byte() % 3),
            max_per_hour: 0,
            burst: u64::from(input.byte()),
            max_keys: u64::from(input.byte() % 2),
            scope: if input.one_in(2) { null() } else { scope.as_ptr().cast() },
            scope_len: scope.len(),
            count: null(),
            count_len: 0,
        };
        let engine = self.engine(input);
        // SAFETY: as above.
        unsafe {
            let (word, len) = (operation.as_ptr().cast(), operation.len());
            let status = cr_engine_add_rate_limit(engine, word, len, &raw const limit, &raw mut error);
            self.checked(status, error);
            cr_engine_clear_registration_errors(engine, null_mut(), null_mut());
            let (mut list, mut error) = (null_mut(), null_mut());
            let context = self.context(input);
            let status =
                cr_engine_rate_limit_status(engine, word, len, context, &raw mut list, &raw mut error);
            if self.checked(status, error) {
                for index in 0..=cr_limit_list_len(list) {
                    let mut status = std::mem::MaybeUninit::uninit();
                    assert_eq!(
                        cr_limit_list_at(list, index, status.as_mut_ptr()),
                        index < cr_limit_list_len(list)
                    );
                }
                cr_limit_list_free(list);
            }
        }
    }

    unsafe fn change_context(&mut self, input: &mut Input<'_>) {
        // SAFETY: as above.
        unsafe {
            let mut error = null_mut();
            if self.contexts.is_empty() || input.one_in(3) {
                let mut context = null_mut();
                assert_eq!(cr_context_new(&raw mut context, null_mut()), cr_status::CR_OK);
                self.contexts.push(context);
            }
            let (context, name, text) = (self.context(input), input.name(), input.text());
            let (at, len) = (name.as_ptr().cast(), name.len());
            let status = match input.byte() % 4 {
                0 => cr_context_set_text(context, at, len, text.as_ptr().cast(), text.len(), &raw mut error),
                1 => cr_context_set_bool(context, at, len, i32::from(input.byte()), &raw mut error),
                2 => cr_context_set_int(context, at, len, i64::from(input.byte()) - 9, &raw mut error),
                _ => cr_context_clear(context, &raw mut error),
            };
            self.checked(status, error);
            cr_context_has(context, at, len);
            cr_context_at(context, cr_context_len(context), null_mut(), null_mut());
        }
    }

    unsafe fn whole(&mut self, input: &mut Input<'_>) {
        let (engine, context, key, value) =
            (self.engine(input), self.context(input), input.key(), input.text());
        let (mut read, mut len, mut error) = (null_mut(), 0, null_mut());
        let (at, key_len) = (if key.is_empty() { null() } else { key.as_ptr() }, key.len());
        // SAFETY: as above.
        unsafe {
            let status = match input.byte() % 3 {
                0 => cr_engine_put(engine, at, key_len, value.as_ptr(), value.len(), context, &raw mut error),
                1 => {
                    let status = cr_engine_get(
                        engine,
                        at,
                        key_len,
                        context,
                        &raw mut read,
                        &raw mut len,
                        &raw mut error,
                    );
                    cr_bytes_free(read, len);
                    status
                }
                _ => cr_engine_delete(engine, at, key_len, context, &raw mut error),
            };
            self.checked(status, error);
        }
    }

    unsafe fn start(&mut self, input: &mut Input<'_>) {
        let (engine, context, key, value) =
            (self.engine(input), self.context(input), input.key(), input.text());
        let (kind, flags) =
            (i32::from(input.byte()) % 7, u32::from(input.byte() % 8) + 8 * u32::from(input.one_in(40)));
        let value = if matches!(kind, CR_BATCH | CR_GET_MANY) { input.several() } else { value };
        let mut step = host::blank();
        let mut buffer = [0_u8; 4];
        let ops = ops(input);
        // SAFETY: as above.
        unsafe {
            let status = if input.one_in(2) {
                let packed = input.packed();
                cr_operation_run(
                    engine,
                    kind,
                    flags,
                    u32::from(input.byte() % 20),
                    key.as_ptr(),
                    key.len(),
                    value.as_ptr(),
                    if matches!(kind, CR_WRITE | CR_BATCH | CR_GET_MANY) { value.len() } else { 0 },
                    packed.as_ptr(),
                    packed.len(),
                    buffer.as_mut_ptr(),
                    buffer.len(),
                    &raw mut step,
                )
            } else {
                let request = cr_request {
                    size: size_of::<cr_request>(),
                    kind,
                    flags,
                    key: key.as_ptr(),
                    key_len: key.len(),
                    value: value.as_ptr(),
                    value_len: if kind == CR_WRITE { value.len() } else { 0 },
                    context,
                    depth: 0,
                    ops: ops.as_ptr(),
                    ops_len: if matches!(kind, CR_BATCH | CR_GET_MANY) { ops.len() } else { 0 },
                };
                cr_operation_start(engine, &raw const request, &raw mut step)
            };
            assert_eq!(status, step.status);
            self.took(step);
        }
    }

    /// Replies something to some operation, whether it fits or not.
    unsafe fn resume(&mut self, input: &mut Input<'_>) {
        let Some(place) = input.place(self.operations.len()) else { return };
        let operation = self.operations.swap_remove(place);
        let bytes = input.text();
        let (at, len) = if input.one_in(4) { (null(), 0) } else { (bytes.as_ptr(), bytes.len()) };
        let kind = i32::from(input.byte() % 10);
        let token = u64::from(input.byte() % 2);
        let raised = if input.one_in(2) { self.errors.pop().unwrap_or(null_mut()) } else { null_mut() };
        let mut step = host::blank();
        let place = &raw mut step;
        // SAFETY: as above.
        unsafe {
            // A first step that shows what is due, so that most replies fit.
            cr_operation_step(operation, place);
            let fits = !input.one_in(8);
            let hand_back = |raised| cr_error_free(raised);
            match (step.kind, input.byte() % 8) {
                (CR_STEP_DONE, _) => hand_back(raised),
                (_, 0) if !fits => {
                    hand_back(raised);
                    cr_operation_finish(step.operation, place);
                }
                (CR_STEP_ITEM, _) if fits => {
                    hand_back(raised);
                    cr_operation_next(step.operation, place);
                }
                (CR_STEP_RECORD, _) if fits => {
                    hand_back(raised);
                    cr_operation_recorded(step.operation, kind, at, len, token, place);
                }
                (CR_STEP_STORE_SCAN, 2..6) => {
                    hand_back(raised);
                    let pairs = [cr_pair { key: b"a/k".as_ptr(), key_len: 3, value: at, value_len: len }];
                    let count = usize::from(input.byte() % 2);
                    cr_operation_page(step.operation, pairs.as_ptr(), count, kind, place);
                }
                (CR_STEP_STORE_SCAN, _) if fits => {
                    let page = input.several();
                    let (at, len) = (page.as_ptr(), page.len());
                    let kind = CR_REPLY_PAGE + kind % 2;
                    cr_operation_store(step.operation, kind, at, len, token, raised, place);
                }
                (CR_STEP_LOG | CR_STEP_NOTIFY, _) if fits => {
                    hand_back(raised);
                    cr_operation_logged(step.operation, kind, at, len, token, place);
                }
                (CR_STEP_CALL_HOOK, _) if fits => {
                    cr_operation_answer(step.operation, kind, at, len, token, raised, place);
                }
                (_, 1) => {
                    hand_back(raised);
                    cr_operation_perform_store(step.operation, place);
                }
                _ => {
                    cr_operation_store(step.operation, kind, at, len, token, raised, place);
                }
            }
            self.took(step);
        }
    }

    /// Takes what a step gave.
    unsafe fn took(&mut self, step: cr_step) {
        if step.kind == CR_STEP_DONE {
            assert!(step.operation.is_null());
            self.checked(step.status, step.error);
            if step.value_is_owned != 0 {
                // SAFETY: the value is the caller's.
                unsafe { cr_bytes_free(step.value.cast_mut(), step.value_len) };
            }
            // SAFETY: NULL or the caller's.
            unsafe { cr_values_free(step.values) };
            return;
        }
        assert!((CR_STEP_CALL_HOOK..=CR_STEP_NOTIFY).contains(&step.kind));
        assert!(!step.operation.is_null() && step.error.is_null() && step.status == cr_status::CR_OK);
        self.operations.push(step.operation);
    }

    /// A document, sound or not; NULL where it is not.
    fn document(&mut self, input: &mut Input<'_>) -> *mut cr_document {
        let text: &[u8] = match input.byte() % 4 {
            0 => input.text(),
            1 => b"{\"version\": 1, \"audit\": {}}",
            2 => b"{\"version\": 1, \"rate_limits\": [{\"operation\": \"effect\", \"max_per_hour\": 1}]}",
            _ => b"{\"version\": 1, \"hooks\": [{\"on\": \"before_write\", \"keys\": \"k\", \"action\": \"deny\"}]}",
        };
        let (mut document, mut error) = (null_mut(), null_mut());
        let word = if input.one_in(9) { c"xml" } else { c"json" };
        // SAFETY: as above.
        let status = unsafe {
            let (at, len) = (text.as_ptr().cast(), text.len());
            let (word, name) = (word.as_ptr(), c"p".as_ptr());
            cr_document_parse(at, len, word, usize::MAX, name, 1, &raw mut document, &raw mut error)
        };
        self.checked(status, error);
        document
    }

    /// Several keys in one call.
    unsafe fn several(&mut self, input: &mut Input<'_>) {
        let (engine, context, ops) = (self.engine(input), self.context(input), ops(input));
        let mut error = null_mut();
        // SAFETY: as above.
        unsafe {
            let status = match input.byte() % 4 {
                0 => {
                    let keys: Vec<_> =
                        ops.iter().map(|op| cr_bytes { data: op.key, len: op.key_len }).collect();
                    let mut values = null_mut();
                    let status = cr_engine_get_many(
                        engine,
                        keys.as_ptr(),
                        keys.len(),
                        context,
                        &raw mut values,
                        &raw mut error,
                    );
                    if let Some(values) = values.as_ref() {
                        assert_eq!(values.len, keys.len());
                    }
                    cr_values_free(values);
                    status
                }
                1 => cr_database_batch(self.database, ops.as_ptr(), ops.len(), &raw mut error),
                flags => {
                    let flags = u32::from(flags) - 2 + 2 * u32::from(input.one_in(30));
                    cr_engine_batch(engine, ops.as_ptr(), ops.len(), flags, context, &raw mut error)
                }
            };
            self.checked(status, error);
        }
    }

    /// Starts a scan, goes on with one, or lets one go.
    unsafe fn walk(&mut self, input: &mut Input<'_>) {
        let mut error = null_mut();
        // SAFETY: as above.
        unsafe {
            match (input.byte() % 4, input.place(self.scans.len())) {
                (0, Some(place)) => cr_scan_free(self.scans.swap_remove(place)),
                (1, _) | (_, None) => {
                    let (engine, context) = (self.engine(input), self.context(input));
                    let prefix: &[u8] = if input.one_in(4) { input.text() } else { b"" };
                    let (at, len, mut scan) = (prefix.as_ptr(), prefix.len(), null_mut());
                    let status = cr_engine_scan(engine, at, len, context, &raw mut scan, &raw mut error);
                    if self.checked(status, error) {
                        self.scans.push(scan);
                    }
                }
                (_, Some(place)) => {
                    let Some(scan) = self.scans.get(place).copied() else { return };
                    let (mut key, mut value, mut len) = (null(), null(), [0; 2]);
                    let [key_len, value_len] = &mut len;
                    let status =
                        cr_scan_next(scan, &raw mut key, key_len, &raw mut value, value_len, &raw mut error);
                    if self.checked(status, error) {
                        assert_eq!(key.is_null(), value.is_null());
                    }
                }
            }
        }
    }

    /// Adds and removes who is told; reloads a document.
    unsafe fn tell(&mut self, input: &mut Input<'_>) {
        let engine = self.engine(input);
        let (mut handle, mut error) = (0, null_mut());
        let (place, fault) = (&raw mut handle, &raw mut error);
        // SAFETY: as above.
        unsafe {
            let status = match input.byte() % 7 {
                0 => {
                    let listener = host::listener(&self.counts, engine, input);
                    cr_engine_on_denied(engine, &raw const listener, place, fault)
                }
                1 => {
                    let sink = host::sink(&self.counts, engine, input);
                    cr_engine_add_audit_sink(engine, &raw const sink, place, fault)
                }
                2 => cr_engine_on_denied_id(engine, 77, place, fault),
                3 => cr_engine_add_audit_sink_id(engine, 78, i32::from(input.byte() % 2), place, fault),
                4 => cr_engine_remove_listener(engine, u64::from(input.byte() % 8), null_mut(), fault),
                5 => cr_engine_remove_audit_sink(engine, u64::from(input.byte() % 8), null_mut(), fault),
                _ => {
                    let document = self.document(input);
                    let status = cr_engine_reload(engine, document, fault);
                    cr_document_free(document);
                    status
                }
            };
            self.checked(status, error);
        }
    }

    unsafe fn explain(&mut self, input: &mut Input<'_>) {
        let (engine, context, key) = (self.engine(input), self.context(input), input.key());
        let words = [c"read", c"write", c"delete", c"scan"];
        let Some(word) = words.get(usize::from(input.byte() % 4)) else { return };
        let (mut json, mut len, mut error) = (null_mut(), 0, null_mut());
        // SAFETY: as above.
        unsafe {
            let status = cr_engine_explain(
                engine,
                word.as_ptr(),
                usize::MAX,
                key.as_ptr(),
                key.len(),
                context,
                &raw mut json,
                &raw mut len,
                &raw mut error,
            );
            if self.checked(status, error) {
                assert!(std::str::from_utf8(std::slice::from_raw_parts(json, len)).is_ok());
                cr_bytes_free(json, len);
            }
        }
    }

    unsafe fn remove(&mut self, input: &mut Input<'_>) {
        let mut ids = [0; 3];
        let engine = self.engine(input);
        // SAFETY: as above.
        unsafe {
            cr_engine_remove(engine, u64::from(input.byte() % 8), null_mut(), null_mut());
            assert!(cr_engine_take_released(engine, ids.as_mut_ptr(), ids.len()) <= ids.len());
        }
    }

    unsafe fn read_audit(&mut self, input: &mut Input<'_>) {
        let (mut log, mut error) = (null_mut(), null_mut());
        let engine = self.engine(input);
        // SAFETY: as above.
        unsafe {
            let status = cr_engine_audit_log(engine, null(), &raw mut log, &raw mut error);
            if self.checked(status, error) {
                for index in 0..=cr_audit_log_len(log) {
                    let mut entry = std::mem::MaybeUninit::uninit();
                    let there = cr_audit_log_at(log, index, entry.as_mut_ptr());
                    assert_eq!(there, !cr_audit_log_json(log, index).data.is_null());
                }
                cr_audit_log_free(log);
            }
        }
    }

    unsafe fn look_at_error(&mut self, input: &mut Input<'_>) {
        let Some(error) = input.pick(&self.errors) else { return };
        let mut info = std::mem::MaybeUninit::uninit();
        // SAFETY: as above.
        unsafe {
            assert!(cr_error_get_info(error, info.as_mut_ptr()));
            let info = info.assume_init();
            assert_ne!(info.status, cr_status::CR_INTERNAL);
            let text = std::slice::from_raw_parts(info.message.data.cast::<u8>(), info.message.len + 1);
            assert_eq!(text.last(), Some(&0));
            assert!(std::str::from_utf8(text).is_ok());
            if input.one_in(2) {
                self.errors.push(cr_error_clone(error));
            }
        }
    }

    unsafe fn let_go(&mut self, input: &mut Input<'_>) {
        // SAFETY: each handle is taken out of the world as it is freed.
        unsafe {
            match input.byte() % 5 {
                0 if self.engines.len() > 1 => {
                    // Those that hooks still know stay to the end.
                }
                1 => input.place(self.contexts.len()).into_iter().for_each(|place| {
                    cr_context_free(self.contexts.swap_remove(place));
                }),
                2 => input.place(self.operations.len()).into_iter().for_each(|place| {
                    cr_operation_free(self.operations.swap_remove(place));
                }),
                3 => input.place(self.errors.len()).into_iter().for_each(|place| {
                    cr_error_free(self.errors.swap_remove(place));
                }),
                _ if input.one_in(30) => {
                    cr_database_close(self.database, null_mut());
                }
                _ => {}
            }
        }
    }

    /// Frees everything, engines sometimes before their operations.
    unsafe fn end(self, input: &mut Input<'_>) {
        let engines_first = input.one_in(2);
        // SAFETY: each handle is freed once.
        unsafe {
            if engines_first {
                self.engines.iter().for_each(|engine| cr_engine_free(*engine));
            }
            self.operations.iter().for_each(|operation| cr_operation_free(*operation));
            self.scans.iter().for_each(|scan| cr_scan_free(*scan));
            if !engines_first {
                self.engines.iter().for_each(|engine| {
                    assert_eq!(cr_engine_open_operations(*engine), 0);
                    cr_engine_free(*engine);
                });
            }
            self.contexts.iter().for_each(|context| cr_context_free(*context));
            self.errors.iter().for_each(|error| cr_error_free(*error));
            cr_database_free(self.database);
        }
        let (made, dropped) =
            (self.counts.made.load(Ordering::SeqCst), self.counts.dropped.load(Ordering::SeqCst));
        assert_eq!(made, dropped, "what the host gave is let go once");
    }
}

/// Operations on several keys, which may be of any kind.
fn ops(input: &mut Input<'_>) -> Vec<cr_op> {
    let count = input.byte() % 4;
    let op = |_| {
        let (key, value) = (input.key(), input.text());
        let kind = i32::from(input.byte() % 16) % 5 % 4;
        let value_len = if kind == CR_WRITE || input.one_in(20) { value.len() } else { 0 };
        cr_op { kind, key: key.as_ptr(), key_len: key.len(), value: value.as_ptr(), value_len }
    };
    (0..count).map(op).collect()
}
