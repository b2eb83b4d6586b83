package checkrein

// #include <checkrein.h>
// #cgo noescape cr_operation_answer
// #cgo nocallback cr_operation_answer
// #cgo noescape cr_operation_store
// #cgo nocallback cr_operation_store
// #cgo noescape cr_operation_logged
// #cgo nocallback cr_operation_logged
// #cgo noescape cr_operation_finish
// #cgo nocallback cr_operation_finish
import "C"

import (
	"log/slog"
	"runtime"
	"strings"
)

// operation is one that needs something of Go: the driver performs its steps and replies, until it is done.
type operation struct {
	engine *nativeEngine
	step   C.cr_step
	// What the caller said, packed.
	said string
	// The host's own errors, each at the place of its token less one.
	raised []error
}

var operations = [...]string{C.CR_READ: "read", C.CR_WRITE: "write", C.CR_DELETE: "delete"}

// drive brings an operation to its end and gives its outcome. Where a hook or store ends the goroutine on the way, the
// operation is let go, and the audit calls it abandoned.
func (e *nativeEngine) drive(step C.cr_step, said string) ([]byte, error) {
	op := &operation{engine: e, step: step, said: said}
	defer op.release()
	for op.step.kind != C.CR_STEP_DONE {
		op.perform()
	}
	if op.step.status != C.CR_OK {
		failure := op.step.error
		op.step.error = nil
		return nil, errorOf(failure, op.raised)
	}
	if op.step.value_is_owned != 0 {
		return taken(op.step.value, op.step.value_len), nil
	}
	if op.step.value != nil {
		return copied(op.step.value, op.step.value_len), nil
	}
	return nil, nil
}

// release lets go of what is left of the operation.
func (op *operation) release() {
	if op.step.kind != C.CR_STEP_DONE {
		C.cr_operation_free(op.step.operation)
	}
	if op.engine.removed.Load() > 0 {
		op.engine.collect()
	}
	runtime.KeepAlive(op.engine)
}

// perform does what the step asks for and replies. A step of a later version ends the operation as refused.
func (op *operation) perform() {
	switch op.step.kind {
	case C.CR_STEP_CALL_HOOK:
		op.askHook()
	case C.CR_STEP_STORE_GET, C.CR_STEP_STORE_PUT, C.CR_STEP_STORE_DELETE:
		op.askStore()
	case C.CR_STEP_LOG:
		op.log()
	default:
		C.cr_operation_finish(op.step.operation, &op.step)
	}
}

// reply is what goes back to the core.
type reply struct {
	kind  C.int32_t
	bytes []byte
	// By which the core's error finds the host's own one again.
	token  C.uint64_t
	raised *C.cr_error
}

func (op *operation) askHook() {
	reply := op.answerOf(op.callable())
	at, length := optionalBytes(reply.bytes)
	C.cr_operation_answer(op.step.operation, reply.kind, at, length, reply.token, reply.raised, &op.step)
	runtime.KeepAlive(reply.bytes)
}

// callable is what Go holds for the step's number.
func (op *operation) callable() any {
	callable, _ := op.engine.callables.Load(uint64(op.step.id))
	return callable
}

// answerOf calls the hook and gives its answer in the core's words.
func (op *operation) answerOf(callable any) reply {
	hook, known := callable.(Hook)
	if !known {
		fault := &InternalError{message: "a hook is not there: please report it"}
		return op.failed(fault, C.CR_ANSWER_ERROR, C.CR_ANSWER_FOREIGN)
	}
	var value []byte
	if op.step.value != nil {
		value = copied(op.step.value, op.step.value_len)
	}
	ctx := contextOf(operations[op.step.trigger/2], copied(op.step.key, op.step.key_len), value, op.said)
	action, failure := callHook(hook, ctx)
	if action == failedAction {
		failure = ctx.failure
	}
	if failure != nil {
		return op.failed(failure, C.CR_ANSWER_ERROR, C.CR_ANSWER_FOREIGN)
	}
	switch action {
	case PolicyAllow:
		return reply{kind: C.CR_ANSWER_ALLOW}
	case PolicyDeny:
		return reply{kind: C.CR_ANSWER_DENY}
	case PolicyLog:
		return reply{kind: C.CR_ANSWER_LOG}
	}
	if reason, denies := strings.CutPrefix(string(action), denyBecause); denies {
		return reply{kind: C.CR_ANSWER_DENY, bytes: []byte(reason)}
	}
	if value, modifies := strings.CutPrefix(string(action), modifyPrefix); modifies {
		return reply{kind: C.CR_ANSWER_MODIFY, bytes: []byte(value)}
	}
	return reply{kind: C.CR_ANSWER_INVALID, bytes: []byte(described(action))}
}

// described tells what a hook gave instead of an answer.
func described(action PolicyAction) string {
	if action == "" {
		return "nothing"
	}
	return "`" + strings.ToValidUTF8(string(action[:min(len(action), 60)]), "\uFFFD") + "`"
}

func (op *operation) askStore() {
	reply := op.storeReply(op.engine.store)
	at, length := optionalBytes(reply.bytes)
	C.cr_operation_store(op.step.operation, reply.kind, at, length, reply.token, reply.raised, &op.step)
	runtime.KeepAlive(reply.bytes)
}

// storeReply asks the store of the user's and gives its reply in the core's words.
func (op *operation) storeReply(store Store) reply {
	key := copied(op.step.key, op.step.key_len)
	var value []byte
	var failure error
	switch op.step.kind {
	case C.CR_STEP_STORE_GET:
		failure = guarded(func() (err error) {
			value, err = store.Get(key)
			return err
		})
	case C.CR_STEP_STORE_PUT:
		given := copied(op.step.value, op.step.value_len)
		failure = guarded(func() error { return store.Put(key, given) })
	default:
		failure = guarded(func() error { return store.Delete(key) })
	}
	switch {
	case failure != nil:
		return op.failed(failure, C.CR_REPLY_ERROR, C.CR_REPLY_FOREIGN)
	case op.step.kind != C.CR_STEP_STORE_GET:
		return reply{kind: C.CR_REPLY_DONE}
	case value == nil:
		return reply{kind: C.CR_REPLY_NO_VALUE}
	}
	return reply{kind: C.CR_REPLY_VALUE, bytes: value}
}

// log tells a logger of the host, or the language's own.
func (op *operation) log() {
	level := slog.LevelInfo
	if op.step.level == C.CR_LOG_WARNING {
		level = slog.LevelWarn
	}
	message := textOf(op.step.message)
	logger, _ := op.callable().(*slog.Logger)
	told, reply := C.int32_t(1), reply{}
	failure := guarded(func() error {
		tell(logger, level, message)
		return nil
	})
	if failure != nil {
		told = 0
		reply = op.foreign(failure, 0)
	}
	at, length := optionalBytes(reply.bytes)
	C.cr_operation_logged(op.step.operation, told, at, length, reply.token, &op.step)
	runtime.KeepAlive(reply.bytes)
}

// failed is the reply of a hook or store that failed: with one of Checkrein's errors, or with one of its own.
func (op *operation) failed(failure error, own, foreign C.int32_t) reply {
	if known, is := ownError(failure); is {
		if raised := nativeError(known); raised != nil {
			op.raised = append(op.raised, failure)
			return reply{kind: own, token: C.uint64_t(len(op.raised)), raised: raised}
		}
	}
	return op.foreign(failure, foreign)
}

// foreign is the reply that tells of a failure its type only, and where it is found again.
func (op *operation) foreign(failure error, kind C.int32_t) reply {
	op.raised = append(op.raised, failure)
	return reply{kind: kind, bytes: []byte(typeName(failure)), token: C.uint64_t(len(op.raised))}
}

// guarded runs code of the host's store or logger: what it panics with is its failure.
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
