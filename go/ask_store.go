package checkrein

// #include <checkrein.h>
import "C"

import (
	"runtime"
	"unsafe"
)

// askStore asks the store of the user's, and hands its reply to the core, which checks it.
func (op *operation) askStore() {
	reply := op.storeReply(op.engine.store)
	at, length := optionalBytes(reply.bytes)
	C.cr_operation_store(op.step.operation, reply.kind, at, length, reply.token, reply.raised, &op.step)
	runtime.KeepAlive(reply.bytes)
}

// storeReply asks the store and gives its reply in the core's words. A store that cannot do what is asked panics here,
// which is its failure: the core asks only for what it was said to be able to.
func (op *operation) storeReply(store Store) reply {
	var answer reply
	var call func() error
	switch op.step.kind {
	case C.CR_STEP_STORE_SCAN:
		call = func() error { return op.askPage(store.(Scanner), &answer) }
	case C.CR_STEP_STORE_BATCH:
		ops := op.changes()
		call = func() error { return store.(Batcher).Batch(ops) }
		answer.kind = C.CR_REPLY_DONE
	case C.CR_STEP_STORE_GET:
		key := copied(op.step.key, op.step.key_len)
		call = func() (err error) {
			answer.kind = C.CR_REPLY_VALUE
			if answer.bytes, err = store.Get(key); answer.bytes == nil {
				answer.kind = C.CR_REPLY_NO_VALUE
			}
			return err
		}
	case C.CR_STEP_STORE_PUT:
		key, value := copied(op.step.key, op.step.key_len), copied(op.step.value, op.step.value_len)
		call = func() error { return store.Put(key, value) }
		answer.kind = C.CR_REPLY_DONE
	default:
		key := copied(op.step.key, op.step.key_len)
		call = func() error { return store.Delete(key) }
		answer.kind = C.CR_REPLY_DONE
	}
	if failure := guarded(call); failure != nil {
		return op.failed(failure, C.CR_REPLY_ERROR, C.CR_REPLY_FOREIGN)
	}
	return answer
}

// askPage asks for a page and packs it, so that it crosses with the reply.
func (op *operation) askPage(store Scanner, answer *reply) error {
	var after []byte
	if op.step.after != nil {
		after = copied(op.step.after, op.step.after_len)
	}
	page, err := store.Scan(copied(op.step.key, op.step.key_len), after, int(op.step.count))
	if err != nil {
		return err
	}
	size := 0
	for _, pair := range page {
		size += 8 + len(pair.Key) + len(pair.Value)
	}
	answer.kind, answer.bytes = C.CR_REPLY_PAGE, make([]byte, 0, size)
	for _, pair := range page {
		answer.bytes = packPair(answer.bytes, pair.Key, pair.Value)
	}
	return nil
}

// changes gives the changes of a batch as copies of the store's own.
func (op *operation) changes() []BatchOp {
	asked := unsafe.Slice(op.step.ops, op.step.count)
	changes := make([]BatchOp, len(asked))
	for at, one := range asked {
		changes[at] = BatchOp{Key: copied(one.key, one.key_len), Delete: one.kind == C.CR_DELETE}
		if !changes[at].Delete {
			changes[at].Value = copied(one.value, one.value_len)
		}
	}
	return changes
}
