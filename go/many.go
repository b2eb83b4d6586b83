package checkrein

// #include <checkrein.h>
import "C"

import (
	"context"
	"unsafe"
)

// BatchOption is a setting of [PolicyEngine.Batch].
type BatchOption func(*batchOptions)

type batchOptions struct{ flags C.uint32_t }

// OneByOne makes the changes one after the other where the store has no atomic batch. All are judged before the first
// is made; where one fails, those before it stay made, and the error is a [*StoreError] with the code "store_partial"
// whose Applied says how many they are.
func OneByOne() BatchOption {
	return func(options *batchOptions) { options.flags |= C.CR_ASK_ONE_BY_ONE }
}

// Batch makes several changes, all or none: they are judged whole, in their order, before the first is made, and a
// limit gives a token for each of them or none. Each has its own entry in the audit. At most 10,000. context as for
// [PolicyEngine.Put].
//
// Errors: as for [PolicyEngine.Put]; [*UsageError] where the store is no [Batcher] and [OneByOne] is not given, and for
// more tokens than a limit ever holds.
func (p *PolicyEngine) Batch(ops []BatchOp, context any, options ...BatchOption) error {
	return p.batch(nil, ops, context, options)
}

// BatchContext is [PolicyEngine.Batch] with a context, see [PolicyEngine.PutContext].
func (p *PolicyEngine) BatchContext(ctx context.Context, ops []BatchOp, said any, options ...BatchOption) error {
	return p.batch(ctx, ops, said, options)
}

// GetMany gives the values of several keys, in their order: nil where there is none or it was hidden. What refuses one
// key refuses all of them, and a limit gives a token for each or none. At most 10,000 keys. context and errors as for
// [PolicyEngine.Get].
func (p *PolicyEngine) GetMany(keys [][]byte, context any) ([][]byte, error) {
	return p.readMany(nil, keys, context)
}

// GetManyContext is [PolicyEngine.GetMany] with a context, see [PolicyEngine.PutContext].
func (p *PolicyEngine) GetManyContext(ctx context.Context, keys [][]byte, said any) ([][]byte, error) {
	return p.readMany(ctx, keys, said)
}

func (p *PolicyEngine) batch(ctx context.Context, ops []BatchOp, said any, options []BatchOption) error {
	var settings batchOptions
	for _, option := range options {
		option(&settings)
	}
	size := 0
	for _, op := range ops {
		size += 9 + len(op.Key) + len(op.Value)
	}
	packed := make([]byte, 0, size)
	for _, op := range ops {
		if op.Delete {
			packed = packOp(packed, C.CR_DELETE, op.Key, nil)
		} else {
			packed = packOp(packed, C.CR_WRITE, op.Key, op.Value)
		}
	}
	_, err := p.several(ctx, C.CR_BATCH, settings.flags, packed, said)
	return err
}

func (p *PolicyEngine) readMany(ctx context.Context, keys [][]byte, said any) ([][]byte, error) {
	size := 0
	for _, key := range keys {
		size += 9 + len(key)
	}
	packed := make([]byte, 0, size)
	for _, key := range keys {
		packed = packOp(packed, C.CR_READ, key, nil)
	}
	return p.several(ctx, C.CR_GET_MANY, 0, packed, said)
}

// several runs an operation on several keys, and gives the values that it read.
func (p *PolicyEngine) several(
	ctx context.Context, kind C.cr_kind, flags C.uint32_t, ops []byte, said any,
) ([][]byte, error) {
	native, err := p.use()
	if err != nil {
		return nil, err
	}
	packed := string(packWith(nil, ctx, said))
	op := native.begin(ctx, kind, flags, nil, ops, packed)
	defer op.release()
	for op.step.kind != C.CR_STEP_DONE {
		op.advance()
	}
	if err := op.failure(); err != nil {
		return nil, err
	}
	return op.values(), nil
}

// begin starts an operation that outlives its first crossing.
func (e *nativeEngine) begin(
	ctx context.Context, kind C.cr_kind, flags C.uint32_t, key, value []byte, said string,
) *operation {
	op := &operation{engine: e, ctx: ctx, said: said}
	op.cut = e.start(ctx, kind, flags, key, value, []byte(said), nil, &op.step)
	return op
}

// values takes what a get-many has read.
func (op *operation) values() [][]byte {
	values := [][]byte{}
	if found := op.step.values; found != nil {
		defer C.cr_values_free(found)
		for _, value := range unsafe.Slice(found.items, found.len) {
			if value.data == nil {
				values = append(values, nil)
			} else {
				values = append(values, copied(value.data, value.len))
			}
		}
	}
	return values
}
