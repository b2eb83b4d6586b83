package checkrein

// #include <checkrein.h>
import "C"

import (
	"runtime"
	"sync"
)

// listener is a callable that is told of refusals, sink one that takes entries of the audit: as the engine keeps them.
type (
	listener func(error)
	sink     func(AuditEntry, AuditPhase) error
)

// sinkCount counts the sinks in Go that an engine has. Its lock makes adding, removing and turning the audit off follow
// one another.
type sinkCount struct {
	sync.Mutex
	count int64
}

// ListenerHandle is a registered listener, to be removed again.
type ListenerHandle struct {
	policy *PolicyEngine
	id     C.uint64_t
	err    error
}

// OnDenied has a function told of every refusal, with the error that the caller gets, before the caller gets it and in
// its goroutine. What the function makes of it changes nothing: one that panics is logged. It is not told of a key that
// a scan leaves out, nor of an operation that is let go.
func (p *PolicyEngine) OnDenied(listen func(error)) *ListenerHandle {
	native, err := p.use()
	if err != nil {
		return &ListenerHandle{policy: p, err: err}
	}
	if listen == nil {
		fault := native.remember(configErrorf("the listener is nil: give a function"))
		return &ListenerHandle{policy: p, err: fault}
	}
	number := native.keep(listener(listen))
	handle := &ListenerHandle{policy: p}
	var failure *C.cr_error
	status := C.cr_engine_on_denied_id(native.engine, C.uint64_t(number), &handle.id, &failure)
	if handle.err = statusError(status, failure); handle.err != nil {
		native.lose()
	}
	runtime.KeepAlive(native)
	return handle
}

// Remove removes the listener; false where it is gone or was never registered. Operations that have started still tell
// it.
func (h *ListenerHandle) Remove() bool {
	native, err := h.policy.use()
	if err != nil || h.err != nil {
		return false
	}
	var removed C.bool
	status := C.cr_engine_remove_listener(native.engine, h.id, &removed, nil)
	runtime.KeepAlive(native)
	if status != C.CR_OK || !bool(removed) {
		return false
	}
	native.lose()
	return true
}

// Err says whether the listener was registered: a [*ConfigError] for nil, which the engine remembers.
func (h *ListenerHandle) Err() error { return h.err }

// keep stores a callable before the core knows it, and gives its number.
func (e *nativeEngine) keep(callable any) uint64 {
	number := e.lastID.Add(1)
	e.callables.Store(number, callable)
	return number
}

// lose notes that one more callable was removed, and lets go of those that nobody asks for.
func (e *nativeEngine) lose() {
	e.removed.Add(1)
	e.collect()
}
