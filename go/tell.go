package checkrein

// #include <checkrein.h>
import "C"

import (
	"log/slog"
	"runtime"
)

// log tells a logger of the host, or the language's own.
func (op *operation) log() {
	level := slog.LevelInfo
	if op.step.level == C.CR_LOG_WARNING {
		level = slog.LevelWarn
	}
	message := textOf(op.step.message)
	logger, _ := op.callable().(*slog.Logger)
	op.logged(nested(func() error {
		tell(logger, level, message)
		return nil
	}))
}

// notify tells a listener of a refusal.
func (op *operation) notify() {
	listen, known := op.callable().(listener)
	if !known {
		op.logged(&InternalError{message: "a listener is not there: please report it"})
		return
	}
	refusal := errorIn(op.step.refusal, op.raised)
	op.logged(nested(func() error {
		listen(refusal)
		return nil
	}))
}

// logged says to the core whether a logger or listener took what it was told.
func (op *operation) logged(failure error) {
	if !op.isDecided() && op.letGo() {
		return
	}
	told, reply := op.took(failure)
	at, length := optionalBytes(reply.bytes)
	C.cr_operation_logged(op.step.operation, told, at, length, reply.token, &op.step)
	runtime.KeepAlive(reply.bytes)
}

// record hands entries to a sink, one after the other, as far as it takes them.
func (op *operation) record() {
	var failure error
	if take, known := op.callable().(sink); known {
		phase := phases[op.step.phase]
		for at := 0; at < int(op.step.count) && failure == nil; at++ {
			entry, err := entryAt(op.step.entries, at)
			if failure = err; failure == nil {
				failure = nested(func() error { return take(entry, phase) })
			}
		}
	} else {
		failure = &InternalError{message: "a sink is not there: please report it"}
	}
	if !op.isDecided() && op.letGo() {
		return
	}
	told, reply := op.took(failure)
	at, length := optionalBytes(reply.bytes)
	C.cr_operation_recorded(op.step.operation, told, at, length, reply.token, &op.step)
	runtime.KeepAlive(reply.bytes)
}

func (op *operation) took(failure error) (C.int32_t, reply) {
	if failure == nil {
		return 1, reply{}
	}
	return 0, op.foreign(failure, 0)
}

// entryAt gives an entry of the audit as Go's own.
func entryAt(log *C.cr_audit_log, at int) (AuditEntry, error) {
	var found C.cr_audit_entry
	if !C.cr_audit_log_at(log, C.size_t(at), &found) {
		return AuditEntry{}, &InternalError{message: "an audit entry is not there: please report it"}
	}
	entry := AuditEntry{
		Sequence:    uint64(found.sequence),
		Timestamp:   textOf(found.timestamp),
		TimestampNS: uint64(found.timestamp_ns),
		OperationID: textOf(found.operation_id),
		Surface:     textOf(found.surface),
		Operation:   textOf(found.operation),
		Key:         textOf(found.key),
		Result:      textOf(found.result),
		AgentID:     optionalText(found.agent_id),
		SessionID:   optionalText(found.session_id),
		Rule:        optionalText(found.rule),
		Reason:      optionalText(found.reason),
		Logged:      found.logged != 0,
		line:        textOf(C.cr_audit_log_json(log, C.size_t(at))),
	}
	if found.applied >= 0 {
		applied := found.applied != 0
		entry.Applied = &applied
	}
	if found.is_scan != 0 {
		given, withheld := uint64(found.given), uint64(found.withheld)
		entry.Given, entry.Withheld = &given, &withheld
	}
	return entry, nil
}

// optionalText copies a text of the library; nil where there is none.
func optionalText(text C.cr_str) *string {
	if text.data == nil {
		return nil
	}
	copied := textOf(text)
	return &copied
}
