package checkrein

// #include <checkrein.h>
import "C"

import "runtime"

// AuditPhase is which moment of an operation a sink is told of.
type AuditPhase string

const (
	// PhaseNone: the operation has ended; of sinks that are not strict.
	PhaseNone AuditPhase = ""
	// PhaseDecided: a strict sink is told what was decided, before the store is asked.
	PhaseDecided AuditPhase = "decided"
	// PhaseDone: a strict sink is told how the operation ended.
	PhaseDone AuditPhase = "done"
)

var phases = [...]AuditPhase{
	C.CR_PHASE_NONE: PhaseNone, C.CR_PHASE_DECIDED: PhaseDecided, C.CR_PHASE_DONE: PhaseDone,
}

// AuditSink is where the audit's entries go beside its ring: what [PolicyEngine.AddAuditSink] gives, and an
// [*AuditFile].
type AuditSink interface {
	// Err says whether it was added.
	Err() error

	handle() *SinkHandle
}

// SinkHandle is a sink of the audit, to be removed again with [PolicyEngine.RemoveAuditSink].
type SinkHandle struct {
	policy *PolicyEngine
	id     C.uint64_t
	// Whether the core asks Go for it.
	hosts bool
	err   error
}

// Err says whether the sink was added: a [*ConfigError] for nil, which the engine remembers.
func (s *SinkHandle) Err() error { return s.err }

func (s *SinkHandle) handle() *SinkHandle { return s }

// AddAuditSink hands every entry of the audit to a function too, in the goroutine of the operation; the audit is turned
// on where it is off. Of a batch or a GetMany it is called for one entry after the other.
//
// A sink that is not strict is told after the operation; where it fails, by an error or a panic, that is logged and
// changes nothing. A strict one is told before the store is asked too, and where it fails then, the operation is
// refused with [ErrAuditFailed]; where it fails afterwards, the error says Applied. Of an operation that is let go, or
// refused before it starts, it is told with the next one.
func (p *PolicyEngine) AddAuditSink(take func(AuditEntry, AuditPhase) error, strict bool) *SinkHandle {
	native, err := p.use()
	if err != nil {
		return &SinkHandle{policy: p, err: err}
	}
	if take == nil {
		return &SinkHandle{policy: p, err: native.remember(configErrorf("the sink is nil: give a function"))}
	}
	native.sinks.Lock()
	defer native.sinks.Unlock()
	number := native.keep(sink(take))
	handle := &SinkHandle{policy: p, hosts: true}
	var failure *C.cr_error
	status := C.cr_engine_add_audit_sink_id(
		native.engine, C.uint64_t(number), flag(strict), &handle.id, &failure)
	if handle.err = statusError(status, failure); handle.err != nil {
		native.lose()
	} else {
		native.sinks.count++
	}
	runtime.KeepAlive(native)
	return handle
}

// RemoveAuditSink removes a sink; false where it is gone or was never added. A file is written out first. Operations
// that have started still tell it.
//
// Errors: [*StoreError] where a file could not be written; it is removed nevertheless.
func (p *PolicyEngine) RemoveAuditSink(sink AuditSink) (bool, error) {
	native, err := p.use()
	if err != nil {
		return false, err
	}
	if sink == nil {
		return false, nil
	}
	handle := sink.handle()
	if handle == nil || handle.err != nil || handle.policy != p {
		return false, nil
	}
	native.sinks.Lock()
	defer native.sinks.Unlock()
	var removed C.bool
	var failure *C.cr_error
	status := C.cr_engine_remove_audit_sink(native.engine, handle.id, &removed, &failure)
	runtime.KeepAlive(native)
	if status != C.CR_OK {
		return true, errorOf(failure, nil)
	}
	if bool(removed) && handle.hosts {
		native.sinks.count--
		native.lose()
	}
	return bool(removed), nil
}

// FlushAudit makes sure that every entry so far is in the audit's files.
//
// Errors: [*StoreError] of the first file that could not be written.
func (p *PolicyEngine) FlushAudit() error {
	native, err := p.use()
	if err != nil {
		return err
	}
	var failure *C.cr_error
	status := C.cr_engine_flush_audit(native.engine, &failure)
	runtime.KeepAlive(native)
	return statusError(status, failure)
}

func flag(is bool) C.int32_t {
	if is {
		return 1
	}
	return 0
}
