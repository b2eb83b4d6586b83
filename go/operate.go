package checkrein

// #include <checkrein.h>
//
// // The step as plain bytes and the engine as a number: Go then has no pointers to check, and leaves the step on its
// // stack.
// static void go_run(uintptr_t engine, cr_kind kind, uint32_t flags, uint32_t depth, const uint8_t *key,
//                    size_t key_len, const uint8_t *value, size_t value_len, const uint8_t *packed,
//                    size_t packed_len, uint8_t *buffer, size_t buffer_len, uint8_t *step) {
//     cr_operation_run((const cr_engine *)engine, kind, CR_ASK_LOG | flags, depth, key, key_len, value, value_len,
//                      packed, packed_len, buffer, buffer_len, (cr_step *)step);
// }
// #cgo noescape go_run
// #cgo nocallback go_run
import "C"

import (
	"context"
	"runtime"
	"unsafe"
)

// packedRoom is the room for a packed context without an allocation: some six entries.
const packedRoom = 256

// readRoom is the room for a value that is read to come back with the call.
const readRoom = 512

// Put sets a key to a value, if hooks and limits allow it. context says who acts: a map[string]string, [Fields], or
// nil.
//
// Errors: [*PolicyViolation] where it was refused ([*RateLimitExceeded] by a limit), [*StoreError] where the store
// failed, [*UsageError] for a bad context; that of a registration that failed.
func (p *PolicyEngine) Put(key, value []byte, context any) error {
	return p.change(nil, C.CR_WRITE, key, value, context)
}

// PutContext is [PolicyEngine.Put] with a context: its fields ([WithContext]) hold where said says nothing else, hooks
// find it in [PolicyContext.Context], and once it is cancelled or its deadline has passed the operation ends as
// abandoned. That is looked at before it starts and between any two steps that Go takes for it: nothing that runs is
// interrupted, and what has been done by then stays done. The error is a [*PolicyViolation] with the code "abandoned",
// and errors.Is holds for ctx.Err() too.
func (p *PolicyEngine) PutContext(ctx context.Context, key, value []byte, said any) error {
	return p.change(ctx, C.CR_WRITE, key, value, said)
}

// Delete removes a key, if hooks and limits allow it; one that is not there is no error. context and errors as for
// [PolicyEngine.Put].
func (p *PolicyEngine) Delete(key []byte, context any) error {
	return p.change(nil, C.CR_DELETE, key, nil, context)
}

// DeleteContext is [PolicyEngine.Delete] with a context, see [PolicyEngine.PutContext].
func (p *PolicyEngine) DeleteContext(ctx context.Context, key []byte, said any) error {
	return p.change(ctx, C.CR_DELETE, key, nil, said)
}

// Get gives the value of a key, as the hooks leave it: nil where there is none or it was hidden, a slice that is not
// nil where it is empty. context and errors as for [PolicyEngine.Put].
func (p *PolicyEngine) Get(key []byte, context any) ([]byte, error) {
	return p.read(nil, key, context)
}

// GetContext is [PolicyEngine.Get] with a context, see [PolicyEngine.PutContext].
func (p *PolicyEngine) GetContext(ctx context.Context, key []byte, said any) ([]byte, error) {
	return p.read(ctx, key, said)
}

func (p *PolicyEngine) change(ctx context.Context, kind C.cr_kind, key, value []byte, said any) error {
	native, err := p.use()
	if err != nil {
		return err
	}
	var room [packedRoom]byte
	packed := packWith(room[:0], ctx, said)
	var step C.cr_step
	cut := native.start(ctx, kind, 0, key, value, packed, nil, &step)
	if step.kind == C.CR_STEP_DONE && step.status == C.CR_OK {
		return nil
	}
	_, err = native.drive(ctx, step, string(packed), cut)
	return err
}

func (p *PolicyEngine) read(ctx context.Context, key []byte, said any) ([]byte, error) {
	native, err := p.use()
	if err != nil {
		return nil, err
	}
	var room [packedRoom]byte
	packed := packWith(room[:0], ctx, said)
	var step C.cr_step
	var buffer [readRoom]byte
	cut := native.start(ctx, C.CR_READ, 0, key, nil, packed, buffer[:], &step)
	if step.kind == C.CR_STEP_DONE && step.status == C.CR_OK && step.value_is_owned == 0 {
		if step.value == nil {
			return nil, nil
		}
		return append(make([]byte, 0, step.value_len), buffer[:step.value_len]...), nil
	}
	return native.drive(ctx, step, string(packed), cut)
}

// start starts an operation and runs it as far as the core can take it, in one call: to its end, where nothing of Go
// is needed. One whose caller has gone already is started and let go, so that the audit tells it; why is given back.
func (e *nativeEngine) start(
	ctx context.Context, kind C.cr_kind, flags C.uint32_t, key, value, packed, buffer []byte, step *C.cr_step,
) (cut error) {
	var below uint32
	if ctx != nil {
		if cut = cancelled(ctx); cut != nil {
			flags |= C.CR_ASK_NOTHING
		}
		below = depthIn(ctx)
	}
	step.size = C.sizeof_cr_step
	keyAt, keyLength := bytesOf(key)
	valueAt, valueLength := bytesOf(value)
	packedAt, packedLength := bytesOf(packed)
	bufferAt, bufferLength := bytesOf(buffer)
	C.go_run(
		C.uintptr_t(uintptr(unsafe.Pointer(e.engine))), kind, flags, C.uint32_t(max(depth(), below)), keyAt, keyLength,
		valueAt, valueLength, packedAt, packedLength, bufferAt, bufferLength, (*C.uint8_t)(unsafe.Pointer(step)))
	runtime.KeepAlive(e)
	return cut
}
