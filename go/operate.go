package checkrein

// #include <checkrein.h>
//
// // The step as plain bytes and the engine as a number: Go then has no pointers to check, and leaves the step on its
// // stack.
// static void go_run(uintptr_t engine, cr_kind kind, uint32_t depth, const uint8_t *key, size_t key_len,
//                    const uint8_t *value, size_t value_len, const uint8_t *packed, size_t packed_len,
//                    uint8_t *buffer, size_t buffer_len, uint8_t *step) {
//     cr_operation_run((const cr_engine *)engine, kind, CR_ASK_LOG, depth, key, key_len, value, value_len, packed,
//                      packed_len, buffer, buffer_len, (cr_step *)step);
// }
// #cgo noescape go_run
// #cgo nocallback go_run
import "C"

import (
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
	native, err := p.use()
	if err != nil {
		return err
	}
	var room [packedRoom]byte
	packed := pack(room[:0], context)
	var step C.cr_step
	native.start(C.CR_WRITE, key, value, packed, nil, &step)
	if step.kind == C.CR_STEP_DONE && step.status == C.CR_OK {
		return nil
	}
	_, err = native.drive(step, string(packed))
	return err
}

// Get gives the value of a key, as the hooks leave it: nil where there is none or it was hidden, a slice that is not
// nil where it is empty. context and errors as for [PolicyEngine.Put].
func (p *PolicyEngine) Get(key []byte, context any) ([]byte, error) {
	native, err := p.use()
	if err != nil {
		return nil, err
	}
	var room [packedRoom]byte
	packed := pack(room[:0], context)
	var step C.cr_step
	var buffer [readRoom]byte
	native.start(C.CR_READ, key, nil, packed, buffer[:], &step)
	if step.kind == C.CR_STEP_DONE && step.status == C.CR_OK && step.value_is_owned == 0 {
		if step.value == nil {
			return nil, nil
		}
		return append(make([]byte, 0, step.value_len), buffer[:step.value_len]...), nil
	}
	return native.drive(step, string(packed))
}

// Delete removes a key, if hooks and limits allow it; one that is not there is no error. context and errors as for
// [PolicyEngine.Put].
func (p *PolicyEngine) Delete(key []byte, context any) error {
	native, err := p.use()
	if err != nil {
		return err
	}
	var room [packedRoom]byte
	packed := pack(room[:0], context)
	var step C.cr_step
	native.start(C.CR_DELETE, key, nil, packed, nil, &step)
	if step.kind == C.CR_STEP_DONE && step.status == C.CR_OK {
		return nil
	}
	_, err = native.drive(step, string(packed))
	return err
}

// start starts an operation and runs it as far as the core can take it, in one call: to its end, where nothing of Go
// is needed.
func (e *nativeEngine) start(kind C.cr_kind, key, value, packed, buffer []byte, step *C.cr_step) {
	step.size = C.sizeof_cr_step
	keyAt, keyLength := bytesOf(key)
	valueAt, valueLength := bytesOf(value)
	packedAt, packedLength := bytesOf(packed)
	bufferAt, bufferLength := bytesOf(buffer)
	C.go_run(
		C.uintptr_t(uintptr(unsafe.Pointer(e.engine))), kind, C.uint32_t(depth()), keyAt, keyLength,
		valueAt, valueLength, packedAt, packedLength, bufferAt, bufferLength, (*C.uint8_t)(unsafe.Pointer(step)))
	runtime.KeepAlive(e)
}
