package checkrein_test

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"time"

	checkrein "github.com/checkrein/checkrein/go"
)

func Example() {
	policy := checkrein.NewPolicyEngine(checkrein.OpenMemory())
	defer policy.Close()
	policy.BeforeWrite("system/*", func(ctx *checkrein.PolicyContext) checkrein.PolicyAction {
		if ctx.AgentID != "" {
			return ctx.Deny("agents may not write here")
		}
		return checkrein.PolicyAllow
	})
	policy.AfterRead("users/*/email", checkrein.RedactValue([]byte("[REDACTED]")))

	rogue := map[string]string{"agent_id": "rogue"}
	fmt.Println(policy.Put([]byte("system/config"), []byte("malicious"), rogue))
	fmt.Println(policy.Put([]byte("users/alice/email"), []byte("alice@example.org"), rogue))
	email, err := policy.Get([]byte("users/alice/email"), rogue)
	fmt.Println(string(email), err)
	// Output:
	// write of `system/config` denied (`before_write system/*`): agents may not write here
	// <nil>
	// [REDACTED] <nil>
}

func ExamplePolicyEngine_AddRateLimit() {
	clock := checkrein.NewManualClock()
	policy := checkrein.NewPolicyEngine(checkrein.OpenMemory(), checkrein.WithClock(clock))
	defer policy.Close()
	policy.AddRateLimit("write", checkrein.RateLimit{MaxPerMinute: 1, Scope: "agent_id"})

	alice := map[string]string{"agent_id": "alice"}
	fmt.Println(policy.Put([]byte("k"), []byte("1"), alice))
	err := policy.Put([]byte("k"), []byte("2"), alice)
	var limited *checkrein.RateLimitExceeded
	if errors.As(err, &limited) {
		fmt.Println("again in", limited.RetryAfter)
	}
	clock.Advance(time.Minute)
	fmt.Println(policy.Put([]byte("k"), []byte("2"), alice))
	// Output:
	// <nil>
	// again in 1m0s
	// <nil>
}

func ExamplePolicyEngine_AuditLog() {
	policy := checkrein.NewPolicyEngine(checkrein.OpenMemory())
	defer policy.Close()
	policy.EnableAudit(checkrein.AuditOptions{})
	policy.BeforeDelete("**", checkrein.DenyAll)
	_ = policy.Delete([]byte("users/alice"), checkrein.Fields{"agent_id": "agent_001"})
	entries, err := policy.AuditLog(checkrein.AuditFilter{Result: "denied"})
	for _, entry := range entries {
		fmt.Println(entry.Operation, entry.Key, *entry.AgentID, *entry.Rule)
	}
	fmt.Println(err)
	// Output:
	// delete users/alice agent_001 before_delete **
	// <nil>
}

type shelf struct{ sync.Map }

func (s *shelf) Put(k, v []byte) error { s.Store(string(k), bytes.Clone(v)); return nil }
func (s *shelf) Delete(k []byte) error { s.Map.Delete(string(k)); return nil }
func (s *shelf) Get(k []byte) ([]byte, error) {
	if value, is := s.Load(string(k)); is {
		return value.([]byte), nil
	}
	return nil, nil
}

// A store of one's own, over a map.
func ExampleStore() {
	policy := checkrein.NewPolicyEngine(&shelf{})
	defer policy.Close()
	policy.BeforeDelete("**", checkrein.DenyAll)
	fmt.Println(policy.Put([]byte("users/alice"), []byte("data"), nil))
	fmt.Println(policy.Delete([]byte("users/alice"), nil))
	value, err := policy.Get([]byte("users/alice"), nil)
	fmt.Println(string(value), err)
	// Output:
	// <nil>
	// delete of `users/alice` denied (`before_delete **`): denied by deny_all
	// data <nil>
}
