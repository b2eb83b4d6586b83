package checkrein_test

import (
	"errors"
	"sync"
	"testing"

	checkrein "github.com/checkrein/checkrein/go"
)

// A hook that is asked about what it does itself ends with a clear error, not with the stack.
func TestAHookThatRecursesIsRefused(t *testing.T) {
	policy := inMemory(t)
	calls := 0
	policy.BeforeWrite("**", func(ctx *checkrein.PolicyContext) checkrein.PolicyAction {
		calls++
		// The host's own frames between the operations do not hide them.
		if err := below(90, func() error { return policy.Put(append(ctx.Key, 'x'), nil, nil) }); err != nil {
			return ctx.Fail(err)
		}
		return checkrein.PolicyAllow
	})
	err := policy.Put([]byte("k"), nil, nil)
	refused(t, err, checkrein.ErrNestingLimit)
	var usage *checkrein.UsageError
	if !errors.As(err, &usage) {
		t.Errorf("got %#v", err)
	}
	// The operation at depth 16 still asks its hook; the one below it is refused.
	if calls != 17 {
		t.Errorf("the hook was called %d times", calls)
	}
}

// below calls f that many frames deeper.
//
//go:noinline
func below(frames int, f func() error) error {
	if frames == 0 {
		return f()
	}
	return below(frames-1, f)
}

// A hook that starts a goroutine for what it is asked about again is bounded by the open operations.
func TestAHookThatRecursesOverGoroutinesIsRefused(t *testing.T) {
	policy := inMemory(t, checkrein.WithMaxOpenOperations(100))
	policy.BeforeWrite("**", func(ctx *checkrein.PolicyContext) checkrein.PolicyAction {
		done := make(chan error)
		go func() { done <- policy.Put(ctx.Key, nil, nil) }()
		if err := <-done; err != nil {
			return ctx.Fail(err)
		}
		return checkrein.PolicyAllow
	})
	refused(t, policy.Put([]byte("k"), nil, nil), checkrein.ErrOpenLimit)
}

// Sixteen hooks at once, side by side, are no nesting.
func TestParallelHooksAreNotNested(t *testing.T) {
	policy := inMemory(t)
	const goroutines = 40
	var inside, done sync.WaitGroup
	inside.Add(goroutines)
	policy.BeforeWrite("outer/*", func(ctx *checkrein.PolicyContext) checkrein.PolicyAction {
		inside.Done()
		inside.Wait()
		if err := policy.Put([]byte("inner"), nil, nil); err != nil {
			return ctx.Fail(err)
		}
		return checkrein.PolicyAllow
	})
	for range goroutines {
		done.Add(1)
		go func() {
			defer done.Done()
			if err := policy.Put([]byte("outer/a"), nil, nil); err != nil {
				t.Error(err)
			}
		}()
	}
	done.Wait()
}
