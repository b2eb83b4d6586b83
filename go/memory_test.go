package checkrein_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
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
	document, err := checkrein.ParseDocument([]byte(`{"version": 1, "audit": {}}`), "json", "policy.json")
	succeeded(t, err)
	policy := checkrein.NewPolicyEngine(db, checkrein.WithClock(clock), checkrein.WithDocument(document))
	policy.OnDenied(func(error) { _ = policy.Err() })
	policy.AddAuditSink(func(checkrein.AuditEntry, checkrein.AuditPhase) error { _ = policy.Err(); return nil }, true)
	policy.BeforeWrite("*", func(ctx *checkrein.PolicyContext) checkrein.PolicyAction {
		if _, err := policy.Get(ctx.Key, nil); err != nil {
			return ctx.Fail(err)
		}
		return ctx.Modify([]byte("x"))
	})
	policy.BeforeWrite("denied", checkrein.DenyAll)
	succeeded(t, policy.Put([]byte("k"), []byte("v"), nil))
	refused(t, policy.Put([]byte("denied"), nil, nil), checkrein.ErrDenied)
	succeeded(t, policy.Reload(document))
	for _, err := range policy.Scan(nil, nil) {
		succeeded(t, err)
		break
	}
	_ = policy.Scan(nil, nil) // Never ranged over: it has not begun.
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

// What the core gives with each call (values, errors, operations, audit entries) is given back.
func TestCallsLeaveNothingBehind(t *testing.T) {
	resident := func() int {
		debug.FreeOSMemory() // So that what the tests before have left for the collector counts at neither end.
		text, err := os.ReadFile("/proc/self/statm")
		if err != nil {
			t.Skip("there is no /proc to read the memory from")
		}
		pages, err := strconv.Atoi(strings.Fields(string(text))[1])
		succeeded(t, err)
		return pages * os.Getpagesize()
	}
	policy := inMemory(t)
	succeeded(t, policy.EnableAudit(checkrein.AuditOptions{MaxEntries: 10}))
	policy.BeforeWrite("hook/*", func(ctx *checkrein.PolicyContext) checkrein.PolicyAction { return ctx.Modify(ctx.Key) })
	policy.BeforeWrite("fail/*", func(ctx *checkrein.PolicyContext) checkrein.PolicyAction { return ctx.Fail(errOwn) })
	policy.BeforeWrite("own/*", func(ctx *checkrein.PolicyContext) checkrein.PolicyAction {
		return ctx.Fail(&checkrein.PolicyViolation{Reason: "no"})
	})
	policy.BeforeWrite("denied/*", checkrein.DenyAll)
	policy.OnDenied(func(error) {})
	policy.AddAuditSink(func(checkrein.AuditEntry, checkrein.AuditPhase) error { return errOwn }, false)
	gone, stop := context.WithCancel(context.Background())
	stop()
	large := make([]byte, 1000)
	round := func() {
		for _, key := range []string{"hook/k", "fail/k", "own/k", "denied/k", "plain"} {
			_ = policy.Put([]byte(key), large, map[string]string{"agent_id": "a"})
			_, _ = policy.Get([]byte(key), map[string]string{"agentId": "a"})
			_, _ = policy.Get([]byte(key), nil)
		}
		_, _ = policy.GetMany([][]byte{[]byte("plain"), []byte("hook/k")}, nil)
		_ = policy.Batch([]checkrein.BatchOp{put("plain", "1"), put("denied/k", "1")}, nil)
		_ = policy.Batch([]checkrein.BatchOp{put("plain", "1"), put("fail/k", "1")}, nil, checkrein.OneByOne())
		_, _ = policy.Explain("write", []byte("denied/k"), nil)
		_ = policy.PutContext(gone, []byte("plain"), nil, nil)
		for range policy.Scan(nil, nil) {
			break
		}
		_, _ = policy.AuditLog(checkrein.AuditFilter{})
		_ = policy.AddRateLimit("write", checkrein.RateLimit{})
		policy.ClearRegistrationErrors()
	}
	const rounds = 1500
	for range rounds {
		round()
	}
	before := resident()
	for range 2 * rounds {
		round()
	}
	// A round makes nine errors of some hundred bytes each: forgotten, they would be 4 MB and more by now. The
	// collectors' own ups and downs are less than 2 MB.
	grown := resident() - before
	t.Logf("%d KB more", grown>>10)
	if grown > 3<<20 {
		t.Errorf("%d KB more after %d rounds", grown>>10, 2*rounds)
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
