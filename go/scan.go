package checkrein

// #include <checkrein.h>
//
// // As go_run: without pointers for Go to check.
// static void go_next(uintptr_t operation, uint8_t *step) {
//     cr_operation_next((cr_operation *)operation, (cr_step *)step);
// }
// #cgo noescape go_next
// #cgo nocallback go_next
import "C"

import (
	"bytes"
	"context"
	"iter"
	"unsafe"
)

// Scan walks over the pairs whose keys begin with a prefix (an empty one is that of every key), in the order of the
// keys' bytes. The walk begins when the sequence is ranged over, and reads as it goes: each key takes a token of the
// limits on "read" and is judged as [PolicyEngine.Get] judges it, when its turn comes. What may not be read is left
// out, without an error. Keys that are written meanwhile may or may not be seen.
//
//	for pair, err := range policy.Scan([]byte("users/"), context) {
//		if err != nil {
//			return err
//		}
//		…
//	}
//
// An error comes with the last turn, and without a pair: that of a limit without a token left, of a hook or store that
// failed. A loop that is left early (break, return, a panic) lets the walk go; the audit's one entry of it then says
// "abandoned", and how many pairs were given. Ranging over the sequence once more is another walk. With [iter.Pull2],
// call its stop.
//
// context as for [PolicyEngine.Put]. Errors: as for [PolicyEngine.Get]; [*UsageError] where the store is no [Scanner].
func (p *PolicyEngine) Scan(prefix []byte, context any) iter.Seq2[Pair, error] {
	return p.scan(nil, prefix, context)
}

// ScanContext is [PolicyEngine.Scan] with a context, see [PolicyEngine.PutContext]; it is looked at before each pair.
func (p *PolicyEngine) ScanContext(ctx context.Context, prefix []byte, said any) iter.Seq2[Pair, error] {
	return p.scan(ctx, prefix, said)
}

func (p *PolicyEngine) scan(ctx context.Context, prefix []byte, said any) iter.Seq2[Pair, error] {
	// Both are the caller's again, who may change them before the walk begins.
	prefix = bytes.Clone(prefix)
	packed := string(packWith(nil, ctx, said))
	return func(yield func(Pair, error) bool) {
		native, err := p.use()
		if err != nil {
			yield(Pair{}, err)
			return
		}
		op := native.begin(ctx, C.CR_SCAN, 0, prefix, nil, packed)
		// Lets go of the walk wherever the loop is left.
		defer op.release()
		for op.step.kind != C.CR_STEP_DONE {
			if op.step.kind != C.CR_STEP_ITEM {
				op.advance()
			} else if pair := op.pair(); !yield(pair, nil) {
				return
			} else {
				op.next()
			}
		}
		if err := op.failure(); err != nil {
			yield(Pair{}, err)
		}
	}
}

// pair copies the pair that the step shows.
func (op *operation) pair() Pair {
	return pairOf(op.step.key, op.step.key_len, op.step.value, op.step.value_len)
}

// next goes on after a pair, unless nobody waits for another one.
func (op *operation) next() {
	if !op.letGo() {
		C.go_next(C.uintptr_t(uintptr(unsafe.Pointer(op.step.operation))), (*C.uint8_t)(unsafe.Pointer(&op.step)))
	}
}
