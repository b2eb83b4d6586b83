package checkrein

import (
	"reflect"
	"runtime"
	"sync/atomic"
)

// hooksRunning counts the calls of hooks, sinks, listeners and loggers in progress, in the whole process. Where there
// are fewer than the core allows to be nested, no operation can be nested too deep, and asking costs one atomic load.
var hooksRunning atomic.Int64

// maxDepth is how deep the core lets operations be nested in one another's hooks. It is only the point from which the
// depth is worth looking for: the core decides.
const maxDepth = 16

// The addresses of the functions that call hooks and what else is nested: their frames on a stack are the depth.
var (
	callHookEntry = reflect.ValueOf(callHook).Pointer()
	nestedEntry   = reflect.ValueOf(nested).Pointer()
)

// depth is how deep in hooks this goroutine is, as far as the core has to know. A goroutine that a hook starts is at
// depth zero, unless it is handed the hook's context ([PolicyContext.Context]); it is bounded by the number of open
// operations.
func depth() uint32 {
	if hooksRunning.Load() < maxDepth {
		return 0
	}
	return stackDepth()
}

// stackDepth counts the frames of callHook and nested. It stops where the core would refuse, so a deep stack costs no
// more.
func stackDepth() uint32 {
	var found uint32
	var pcs [256]uintptr
	for skip := 2; found <= maxDepth; skip += len(pcs) {
		n := runtime.Callers(skip, pcs[:])
		for _, pc := range pcs[:n] {
			// A frame's return address lies behind the call: one byte before it is inside the function.
			function := runtime.FuncForPC(pc - 1)
			if function != nil && (function.Entry() == callHookEntry || function.Entry() == nestedEntry) {
				found++
			}
		}
		if n < len(pcs) {
			break
		}
	}
	return found
}
