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
		if err := policy.Put(append(ctx.Key, 'x'), nil, nil); err != nil {
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
