//! The step that is pending, as C sees it.

use checkrein::operation::{RecordTo, Step, StoreCall};

use crate::audit::cr_audit_log;
use crate::context::cr_context;
use crate::cr_error;
use crate::drive;
use crate::hook::{self, Callable, LogTarget};
use crate::listener::Listener;
use crate::logger::level_number;
use crate::many::{cr_op, ops_of};
use crate::operation::cr_operation;
use crate::sink::Sink;
use crate::step::{
    CR_STEP_CALL_HOOK, CR_STEP_ITEM, CR_STEP_LOG, CR_STEP_NOTIFY, CR_STEP_RECORD, CR_STEP_STORE_BATCH,
    CR_STEP_STORE_DELETE, CR_STEP_STORE_GET, CR_STEP_STORE_PUT, CR_STEP_STORE_SCAN, bytes_of, cr_step,
    phase_number,
};
use crate::text::Text;

/// What the last step shows beside the operation's own bytes: it lives as long as the step counts.
#[derive(Default)]
pub(crate) struct Shown {
    message: Option<Text>,
    context: Option<Box<cr_context>>,
    ops: Vec<cr_op>,
    entries: Option<Box<cr_audit_log>>,
    refusal: Option<Box<cr_error>>,
}

// SAFETY: the pointers of `ops` and of the view lead into the operation, which goes along.
unsafe impl Send for Shown {}

/// Shows the step that is pending.
pub(crate) fn step(handle: &mut cr_operation) -> cr_step {
    // The pair is taken when it is shown: whatever comes after, the caller has seen it.
    if handle.item.is_none() {
        handle.item = handle.operation.take_item();
    }
    if let Some((key, value)) = &handle.item {
        return item(key, value);
    }
    let now = drive::now(&handle.engine, &handle.operation);
    let shown = &mut handle.shown;
    match handle.operation.step(now) {
        Step::CallHook(call) => {
            // SAFETY: the view is replaced or dropped no later than the operation.
            let view = Box::new(unsafe { cr_context::view(call.context) });
            let (key, key_len) = bytes_of(call.key);
            let (value, value_len) = call.value.map_or((std::ptr::null(), 0), bytes_of);
            let id = match call.callable.downcast_ref::<Callable>() {
                Some(Callable::Id(host)) => host.id,
                _ => 0,
            };
            cr_step {
                id,
                key,
                key_len,
                value,
                value_len,
                trigger: hook::trigger_number(call.trigger),
                depth: call.depth,
                context: &raw const **shown.context.insert(view),
                value_is_original: call.value_is_original.into(),
                at: call.at,
                ..cr_step::of_kind(CR_STEP_CALL_HOOK)
            }
        }
        Step::Store(call) => store(shown, &call),
        Step::Log(call) => {
            let id = match call.logger.and_then(|logger| logger.downcast_ref::<LogTarget>()) {
                Some(LogTarget::Id(host)) => host.id,
                _ => 0,
            };
            let level = level_number(call.level);
            let message = shown.message.insert(Text::new(call.message)).as_c();
            cr_step { id, level, message, ..cr_step::of_kind(CR_STEP_LOG) }
        }
        Step::Record(call) => {
            let entries = Box::new(cr_audit_log::of(call.entries.to_vec()));
            cr_step {
                id: Sink::id_in(&call),
                is_file: matches!(call.sink, RecordTo::File(_)).into(),
                phase: phase_number(call.phase),
                count: call.entries.len(),
                entries: &raw const **shown.entries.insert(entries),
                depth: call.depth,
                ..cr_step::of_kind(CR_STEP_RECORD)
            }
        }
        Step::Notify(call) => {
            let id = Listener::id_in(&call);
            let refusal = shown.refusal.insert(cr_error::boxed(call.error.clone()));
            cr_step {
                id,
                refusal: &raw const **refusal,
                depth: call.depth,
                ..cr_step::of_kind(CR_STEP_NOTIFY)
            }
        }
        // Not a step that this version can show.
        _ => cr_step::of_kind(-1),
    }
}

fn item(key: &[u8], value: &[u8]) -> cr_step {
    let ((key, key_len), (value, value_len)) = (bytes_of(key), bytes_of(value));
    cr_step { key, key_len, value, value_len, ..cr_step::of_kind(CR_STEP_ITEM) }
}

fn store(shown: &mut Shown, call: &StoreCall<'_>) -> cr_step {
    let (kind, key, value) = match *call {
        StoreCall::Get { key } => (CR_STEP_STORE_GET, key, None),
        StoreCall::Put { key, value } => (CR_STEP_STORE_PUT, key, Some(value)),
        StoreCall::Delete { key } => (CR_STEP_STORE_DELETE, key, None),
        StoreCall::Scan { prefix, after, limit } => {
            let (key, key_len) = bytes_of(prefix);
            let (after, after_len) = after.map_or((std::ptr::null(), 0), bytes_of);
            let step = cr_step::of_kind(CR_STEP_STORE_SCAN);
            return cr_step { key, key_len, after, after_len, count: limit, ..step };
        }
        StoreCall::Batch(changes) => {
            shown.ops = ops_of(&changes);
            let (ops, count) = (shown.ops.as_ptr(), shown.ops.len());
            return cr_step { ops, count, ..cr_step::of_kind(CR_STEP_STORE_BATCH) };
        }
    };
    let (key, key_len) = bytes_of(key);
    let (value, value_len) = value.map_or((std::ptr::null(), 0), bytes_of);
    cr_step { key, key_len, value, value_len, ..cr_step::of_kind(kind) }
}
