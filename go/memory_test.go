package checkrein_test

import (
	"fmt"
	"runtime"
	"sync"
	"testing"

	checkrein "github.com/checkrein/checkrein/go"
)

// Everything that the core made for Go is freed again: closed or forgotten, with hooks that refer to their engine.
func TestHandlesAreFreed(t *testing.T) {
	before := checkrein.LiveHandles()
	for n := range 50 {
		makeAndForget(t, n%2 == 0)
	}
	// A cleanup may need several collections: each frees what the one before made unreachable.
	for range 50 {
		if checkrein.LiveHandles() <= before {
			return
		}
		runtime.GC()
		runtime.Gosched()
	}
	if after := checkrein.LiveHandles(); after > before {
		t.Errorf("%d handles live, %d before", after, before)
	}
}

func makeAndForget(t *testing.T, closed bool) {
	db := checkrein.OpenMemory()
	clock := checkrein.NewManualClock()
	policy := checkrein.NewPolicyEngine(db, checkrein.WithClock(clock))
	policy.BeforeWrite("*", func(ctx *checkrein.PolicyContext) checkrein.PolicyAction {
		if _, err := policy.Get(ctx.Key, nil); err != nil {
			return ctx.Fail(err)
		}
		return ctx.Modify([]byte("x"))
	})
	policy.BeforeWrite("denied", checkrein.DenyAll)
	succeeded(t, policy.Put([]byte("k"), []byte("v"), nil))
	refused(t, policy.Put([]byte("denied"), nil, nil), checkrein.ErrDenied)
	if closed {
		succeeded(t, policy.Close())
		succeeded(t, db.Close())
	}
}

// A callable goes with the last operation that can ask for it, and its hook's closure with it.
func TestCallablesAreLetGo(t *testing.T) {
	policy := inMemory(t)
	for n := range 1000 {
		handle := policy.BeforeWrite(fmt.Sprintf("k/%d", n), allow)
		succeeded(t, handle.Err())
		handle.Remove()
	}
	succeeded(t, policy.Put([]byte("k"), nil, nil))
	if kept := checkrein.HostHooks(policy); kept != 0 {
		t.Errorf("%d callables are kept", kept)
	}
}

// The collector runs all the time while operations, hooks and handles come and go.
func TestUnderPressureOfTheCollector(t *testing.T) {
	stop := make(chan struct{})
	var collector, users sync.WaitGroup
	collector.Add(1)
	go func() {
		defer collector.Done()
		for {
			select {
			case <-stop:
				return
			default:
				runtime.GC()
			}
		}
	}()
	for n := range 4 {
		users.Add(1)
		go func() {
			defer users.Done()
			for round := range 30 {
				makeAndForget(t, round%2 == 0)
				db := checkrein.OpenMemory()
				for m := range 20 {
					key := fmt.Appendf(nil, "%d/%d", n, m)
					// The engine is used once and forgotten at once: the call itself must keep it.
					policy := checkrein.NewPolicyEngine(db)
					if err := policy.Put(key, key, map[string]string{"agent_id": string(key)}); err != nil {
						t.Error(err)
					}
					value, err := checkrein.NewPolicyEngine(db).Get(key, checkrein.Fields{"n": m})
					if string(value) != string(key) || err != nil {
						t.Errorf("got %q, %v", value, err)
					}
				}
			}
		}()
	}
	users.Wait()
	close(stop)
	collector.Wait()
}
