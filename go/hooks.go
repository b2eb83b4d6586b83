package checkrein

// #include <checkrein.h>
//
// // Flat, so that no Go memory holds a pointer to other Go memory.
// static cr_status go_add_hook(const cr_engine *engine, cr_trigger trigger, const char *keys, size_t keys_len,
//                              cr_hook_kind kind, uint64_t id, const uint8_t *bytes, size_t bytes_len,
//                              uint64_t *handle, cr_error **error) {
//     cr_hook hook = {0};
//     hook.size = sizeof hook;
//     hook.kind = kind;
//     hook.id = id;
//     hook.bytes = bytes;
//     hook.bytes_len = bytes_len;
//     return cr_engine_add_hook(engine, trigger, keys, keys_len, &hook, handle, error);
// }
import "C"

import (
	"runtime"
	"runtime/debug"
)

// HookHandle is a registered hook, to be removed again. It may be ignored: a registration that failed is remembered by
// the engine, which refuses every operation until [PolicyEngine.ClearRegistrationErrors].
type HookHandle struct {
	policy *PolicyEngine
	// The core's number.
	id C.uint64_t
	// Ours, where the core asks Go for the hook.
	number uint64
	err    error
}

// BeforeRead asks a hook before keys are read: it may allow, deny or log. keys is a glob: * is any run without /, ** as
// a whole segment any number of segments, ? one character, […] a class, {a,b} either; docs/globs.md tells the rest.
func (p *PolicyEngine) BeforeRead(keys string, hook Hook) *HookHandle {
	return p.register(C.CR_BEFORE_READ, keys, hook)
}

// AfterRead shows a hook what was read: it may redact (answer with a value) or hide (deny). keys as for BeforeRead.
func (p *PolicyEngine) AfterRead(keys string, hook Hook) *HookHandle {
	return p.register(C.CR_AFTER_READ, keys, hook)
}

// BeforeWrite asks a hook before keys are written: it may answer anything. keys as for BeforeRead.
func (p *PolicyEngine) BeforeWrite(keys string, hook Hook) *HookHandle {
	return p.register(C.CR_BEFORE_WRITE, keys, hook)
}

// AfterWrite tells a hook what was written: it may allow or log. keys as for BeforeRead.
func (p *PolicyEngine) AfterWrite(keys string, hook Hook) *HookHandle {
	return p.register(C.CR_AFTER_WRITE, keys, hook)
}

// BeforeDelete asks a hook before keys are deleted: it may allow, deny or log. keys as for BeforeRead.
func (p *PolicyEngine) BeforeDelete(keys string, hook Hook) *HookHandle {
	return p.register(C.CR_BEFORE_DELETE, keys, hook)
}

// AfterDelete tells a hook what was deleted: it may allow or log. keys as for BeforeRead.
func (p *PolicyEngine) AfterDelete(keys string, hook Hook) *HookHandle {
	return p.register(C.CR_AFTER_DELETE, keys, hook)
}

// Remove removes the hook; false where it is gone or was never registered. Operations that have started still ask it.
func (h *HookHandle) Remove() bool {
	native, err := h.policy.use()
	if err != nil || h.err != nil {
		return false
	}
	var removed C.bool
	status := C.cr_engine_remove(native.engine, h.id, &removed, nil)
	runtime.KeepAlive(native)
	if status != C.CR_OK || !bool(removed) {
		return false
	}
	if h.number != 0 {
		native.removed.Add(1)
		native.collect()
	}
	return true
}

// Err says whether the hook was registered: a [*PatternError] for a bad glob, a [*ConfigError] for a ready-made hook
// that can mean nothing at the trigger, and for nil.
func (h *HookHandle) Err() error { return h.err }

func (p *PolicyEngine) register(trigger C.cr_trigger, keys string, hook Hook) *HookHandle {
	native, err := p.use()
	if err != nil {
		return &HookHandle{policy: p, err: err}
	}
	id, number, err := native.register(trigger, keys, hook)
	return &HookHandle{policy: p, id: id, number: number, err: err}
}

// register gives the core's number of the hook and, where the core asks Go for it, ours.
func (e *nativeEngine) register(trigger C.cr_trigger, keys string, hook Hook) (C.uint64_t, uint64, error) {
	if hook == nil {
		return 0, 0, e.remember(configErrorf("the hook is nil: give a function"))
	}
	ready, known := recognised(hook)
	if !known {
		ready.kind = C.CR_HOOK_ID
	}
	number := uint64(0)
	if ready.kind == C.CR_HOOK_ID || ready.kind == C.CR_HOOK_LOG_ID {
		number = e.lastID.Add(1)
		if known {
			e.callables.Store(number, ready.logger)
		} else {
			e.callables.Store(number, hook)
		}
	}
	chars, length := charsOf(keys)
	bytes, bytesLength := bytesOf(ready.bytes)
	var handle C.uint64_t
	var failure *C.cr_error
	status := C.go_add_hook(
		e.engine, trigger, chars, length, ready.kind, C.uint64_t(number), bytes, bytesLength, &handle, &failure)
	runtime.KeepAlive(e)
	if status != C.CR_OK {
		if number != 0 {
			e.removed.Add(1)
			e.collect()
		}
		return 0, 0, errorOf(failure, nil)
	}
	return handle, number, nil
}

// callHook calls a hook of the host. What it panics with is its failure. [runtime.Goexit] is none: it goes on as
// itself, and the operation is let go on the way.
//
// It stands on the stack once for each hook that this goroutine is in, which is how nesting is counted.
//
//go:noinline
func callHook(hook Hook, ctx *PolicyContext) (action PolicyAction, failure error) {
	hooksRunning.Add(1)
	returned := false
	defer func() {
		hooksRunning.Add(-1)
		if !returned {
			failure = failureOf(recover())
		}
	}()
	action = hook(ctx)
	returned = true
	return action, nil
}

// nested runs what else of the host's may start operations: listeners, sinks, loggers. It counts as [callHook] does.
//
//go:noinline
func nested(run func() error) (failure error) {
	hooksRunning.Add(1)
	defer hooksRunning.Add(-1)
	return guarded(run)
}

// guarded runs code of the host's: what it panics with is its failure.
func guarded(run func() error) (failure error) {
	returned := false
	defer func() {
		if !returned {
			failure = failureOf(recover())
		}
	}()
	failure = run()
	returned = true
	return failure
}

// failureOf is the error that a panic's value stands for; nil where there was no panic.
func failureOf(value any) error {
	if value == nil {
		return nil
	}
	if err, ok := value.(error); ok {
		if _, own := ownError(err); own {
			return err
		}
	}
	return &PanicError{Value: value, Stack: debug.Stack()}
}
