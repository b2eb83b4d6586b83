package checkrein_test

import (
	"path/filepath"
	"testing"

	"github.com/checkrein/checkrein/go"
)

// TestSeedSample runs the sample of the data hooks as it was asked for, with the package's name alone changed.
func TestSeedSample(t *testing.T) {
	t.Chdir(t.TempDir())

	db, _ := checkrein.Open("./agent_data")
	policy := checkrein.NewPolicyEngine(db)

	// Block writes to system keys
	policy.BeforeWrite("system/*", func(ctx *checkrein.PolicyContext) checkrein.PolicyAction {
		if ctx.AgentID != "" {
			return checkrein.PolicyDeny
		}
		return checkrein.PolicyAllow
	})

	// Use policy-wrapped operations
	err := policy.Put([]byte("users/alice"), []byte("data"), map[string]string{
		"agent_id": "agent_001",
	})

	if err != nil {
		t.Fatal(err)
	}
	if value, err := policy.Get([]byte("users/alice"), nil); string(value) != "data" || err != nil {
		t.Fatalf("got %q, %v", value, err)
	}
	err = policy.Put([]byte("system/config"), []byte("x"), map[string]string{"agent_id": "rogue"})
	refused(t, err, checkrein.ErrDenied)
	if err := policy.Put([]byte("system/config"), []byte("x"), nil); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if found, _ := filepath.Glob("agent_data/*"); len(found) == 0 {
		t.Fatal("nothing was written")
	}
}
