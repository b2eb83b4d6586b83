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
// #cgo noescape cr_operation_recorded
// #cgo nocallback cr_operation_recorded
import "C"

import (
	"context"
	"runtime"
	"strings"
)

// operation is one that needs something of Go: the driver performs its steps and replies, until it is done.
type operation struct {
	engine *nativeEngine
	step   C.cr_step
	// Who waits for it; nil where the caller did not say.
	ctx context.Context
	// Why it was let go, where its context is the reason.
	cut error
	// What the caller said, packed.
	said string
	// The host's own errors, each at the place of its token less one.
	raised []error
}

var operations = [...]string{C.CR_READ: "read", C.CR_WRITE: "write", C.CR_DELETE: "delete"}

// drive brings an operation to its end and gives its outcome. Where a hook or store ends the goroutine on the way, the
// operation is let go, and the audit calls it abandoned.
func (e *nativeEngine) drive(ctx context.Context, step C.cr_step, said string, cut error) ([]byte, error) {
	op := &operation{engine: e, step: step, ctx: ctx, said: said, cut: cut}
	defer op.release()
	for op.step.kind != C.CR_STEP_DONE {
		op.advance()
	}
	if err := op.failure(); err != nil {
		return nil, err
	}
	if op.step.value_is_owned != 0 {
		return taken(op.step.value, op.step.value_len), nil
	}
	if op.step.value != nil {
		return copied(op.step.value, op.step.value_len), nil
	}
	return nil, nil
}

// failure gives what an operation that is done failed with, once; nil where it went well.
func (op *operation) failure() error {
	if op.step.status == C.CR_OK {
		return nil
	}
	failure := op.step.error
	op.step.error = nil
	err := errorOf(failure, op.raised)
	if violation, is := err.(*PolicyViolation); is && op.cut != nil && violation.kind == codeAbandoned {
		violation.cause = op.cut
	}
	return err
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

// advance performs the step that is pending, or lets the operation go where nobody waits for it any more. What is
// decided already is told to the end.
func (op *operation) advance() {
	if op.isDecided() || !op.letGo() {
		op.perform()
	}
}

// letGo ends the operation where its context is done, and says whether it did. It is asked before a step is performed,
// and once more before a reply that lets the operation go on.
func (op *operation) letGo() bool {
	if op.ctx == nil {
		return false
	}
	if op.cut = cancelled(op.ctx); op.cut == nil {
		return false
	}
	C.cr_operation_finish(op.step.operation, &op.step)
	return true
}

// isDecided is whether the step tells of an operation that has ended.
func (op *operation) isDecided() bool {
	switch op.step.kind {
	case C.CR_STEP_NOTIFY:
		return true
	case C.CR_STEP_RECORD:
		return op.step.phase != C.CR_PHASE_DECIDED
	}
	return false
}

// perform does what the step asks for and replies. A step of a later version ends the operation as refused.
func (op *operation) perform() {
	switch op.step.kind {
	case C.CR_STEP_CALL_HOOK:
		op.askHook()
	case C.CR_STEP_STORE_GET, C.CR_STEP_STORE_PUT, C.CR_STEP_STORE_DELETE, C.CR_STEP_STORE_SCAN,
		C.CR_STEP_STORE_BATCH:
		op.askStore()
	case C.CR_STEP_LOG:
		op.log()
	case C.CR_STEP_RECORD:
		op.record()
	case C.CR_STEP_NOTIFY:
		op.notify()
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
	if op.letGo() {
		C.cr_error_free(reply.raised)
		return
	}
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
	ctx.caller, ctx.depth = op.ctx, uint32(op.step.depth)
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
