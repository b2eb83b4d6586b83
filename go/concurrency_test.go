package checkrein_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	checkrein "github.com/checkrein/checkrein/go"
)

// Goroutines register, remove and operate at once; each operation sees one consistent set of hooks.
func TestRegisteringWhileOperating(t *testing.T) {
	policy := inMemory(t)
	var called atomic.Int64
	var stop atomic.Bool
	var operators, registrars sync.WaitGroup
	for n := range 4 {
		operators.Add(1)
		go func() {
			defer operators.Done()
			key := fmt.Appendf(nil, "users/%d", n)
			for !stop.Load() {
				if err := policy.Put(key, key, map[string]string{"agent_id": "a"}); err != nil {
					t.Error(err)
					return
				}
				if value, err := policy.Get(key, nil); string(value) != string(key) || err != nil {
					t.Errorf("got %q, %v", value, err)
					return
				}
			}
		}()
	}
	for range 2 {
		registrars.Add(1)
		go func() {
			defer registrars.Done()
			for n := range 300 {
				handle := policy.BeforeWrite("users/*", func(ctx *checkrein.PolicyContext) checkrein.PolicyAction {
					called.Add(1)
					return ctx.Modify(ctx.Value)
				})
				if n%3 != 0 && !handle.Remove() {
					t.Error("it was not there")
				}
			}
		}()
	}
	registrars.Wait()
	stop.Store(true)
	operators.Wait()
	succeeded(t, policy.Put([]byte("users/x"), nil, nil))
	if called.Load() == 0 {
		t.Error("no hook was called")
	}
	if kept := checkrein.HostHooks(policy); kept != 200 {
		t.Errorf("%d callables are kept, want the 200 that are registered", kept)
	}
}

// Close while operations run: each ends well or with an error that says so.
func TestClosingWhileOperating(t *testing.T) {
	for round := range 50 {
		db := checkrein.OpenMemory()
		policy := checkrein.NewPolicyEngine(db)
		policy.BeforeWrite("hook/*", allow)
		var started, done sync.WaitGroup
		for n := range 4 {
			started.Add(1)
			done.Add(1)
			go func() {
				defer done.Done()
				key := []byte([]string{"hook/k", "plain"}[n%2])
				for first := true; ; first = false {
					err := policy.Put(key, key, nil)
					if first {
						started.Done()
					}
					if err == nil {
						continue
					}
					if !errors.Is(err, checkrein.ErrUsage) && !errors.Is(err, checkrein.ErrStoreClosed) {
						t.Errorf("round %d: %v", round, err)
					}
					return
				}
			}()
		}
		started.Wait()
		if round%2 == 0 {
			succeeded(t, policy.Close())
		}
		succeeded(t, db.Close())
		done.Wait()
		succeeded(t, policy.Close())
	}
}
