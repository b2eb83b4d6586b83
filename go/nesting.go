package checkrein

import (
	"reflect"
	"runtime"
	"sync/atomic"
)

// hooksRunning counts the calls of hooks in progress, in the whole process. Where there are fewer than the core allows
// to be nested, no operation can be nested too deep, and asking costs one atomic load.
var hooksRunning atomic.Int64

// maxDepth is how deep the core lets operations be nested in one another's hooks. It is only the point from which the
// depth is worth looking for: the core decides.
const maxDepth = 16

// callHookEntry is the address of the function that calls hooks: its frames on a stack are the depth.
var callHookEntry = reflect.ValueOf(callHook).Pointer()

// depth is how deep in hooks this goroutine is, as far as the core has to know. A goroutine that a hook starts is at
// depth zero: it is bounded by the number of open operations instead.
func depth() uint32 {
	if hooksRunning.Load() < maxDepth {
		return 0
	}
	return stackDepth()
}

// stackDepth counts the frames of callHook. It stops where the core would refuse, so a deep stack costs no more.
func stackDepth() uint32 {
	var found uint32
	var pcs [256]uintptr
	for skip := 2; found <= maxDepth; skip += len(pcs) {
		n := runtime.Callers(skip, pcs[:])
		for _, pc := range pcs[:n] {
			// A frame's return address lies behind the call: one byte before it is inside the function.
			if function := runtime.FuncForPC(pc - 1); function != nil && function.Entry() == callHookEntry {
				found++
			}
		}
		if n < len(pcs) {
			break
		}
	}
	return found
}
