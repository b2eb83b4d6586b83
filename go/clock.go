package checkrein

// #include <checkrein.h>
import "C"

import (
	"math"
	"runtime"
	"sync/atomic"
	"time"
)

// ManualClock stands still until it is moved, so that tests of time need no sleep. It starts at 1970-01-01 UTC.
type ManualClock struct {
	native *C.cr_manual_clock
	wallNS atomic.Int64
}

// NewManualClock makes a clock for [WithClock].
func NewManualClock() *ManualClock {
	clock := &ManualClock{}
	var failure *C.cr_error
	if C.cr_manual_clock_new(0, &clock.native, &failure) != C.CR_OK {
		// There is nothing that can fail in it but memory, and then the process ends.
		panic(errorOf(failure, nil))
	}
	native := clock.native
	track(clock, func() { C.cr_manual_clock_free(native) })
	return clock
}

// Advance moves the clock on. It never goes back: less than nothing is nothing.
func (c *ManualClock) Advance(d time.Duration) {
	if d <= 0 {
		return
	}
	C.cr_manual_clock_advance_ns(c.native, C.uint64_t(d), nil)
	c.wallNS.Add(int64(d))
	runtime.KeepAlive(c)
}

// SetWall sets what the audit calls the time, and nothing else, as when an administrator sets the machine's clock.
func (c *ManualClock) SetWall(t time.Time) {
	ns := wallNS(t)
	C.cr_manual_clock_set_wall_ns(c.native, C.uint64_t(ns), nil)
	c.wallNS.Store(ns)
	runtime.KeepAlive(c)
}

// Now is what the audit would call the time.
func (c *ManualClock) Now() time.Time { return time.Unix(0, c.wallNS.Load()) }

// wallNS is a time in nanoseconds since 1970, or the nearest that there is: from then on, until 2262.
func wallNS(t time.Time) int64 {
	switch seconds := t.Unix(); {
	case seconds < 0:
		return 0
	case seconds >= math.MaxInt64/int64(time.Second):
		return math.MaxInt64
	}
	return t.UnixNano()
}
