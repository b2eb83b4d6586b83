package checkrein_test

import (
	"errors"
	"testing"

	checkrein "github.com/checkrein/checkrein/go"
)

// refused fails the test unless the error is of the family and of the sentinel's code.
func refused(t *testing.T, err, sentinel error) {
	t.Helper()
	var own checkrein.Error
	if !errors.Is(err, sentinel) || !errors.As(err, &own) {
		t.Fatalf("got %v, want %v", err, sentinel)
	}
}

// violation gives the refusal that an error is.
func violation(t *testing.T, err error) *checkrein.PolicyViolation {
	t.Helper()
	var refusal *checkrein.PolicyViolation
	if !errors.As(err, &refusal) {
		t.Fatalf("got %v, want a PolicyViolation", err)
	}
	return refusal
}

func succeeded(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// inMemory gives an engine over a database in memory.
func inMemory(t *testing.T, options ...checkrein.EngineOption) *checkrein.PolicyEngine {
	t.Helper()
	db := checkrein.OpenMemory()
	policy := checkrein.NewPolicyEngine(db, options...)
	t.Cleanup(func() {
		succeeded(t, policy.Close())
		succeeded(t, db.Close())
	})
	return policy
}

func allow(*checkrein.PolicyContext) checkrein.PolicyAction { return checkrein.PolicyAllow }
