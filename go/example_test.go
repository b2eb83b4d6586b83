package checkrein_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
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

// A scan reads as it goes, and leaves out what may not be read.
func ExamplePolicyEngine_Scan() {
	policy := checkrein.NewPolicyEngine(checkrein.OpenMemory())
	defer policy.Close()
	policy.BeforeRead("users/root", checkrein.DenyAll)
	for _, name := range []string{"alice", "bob", "root", "zoe"} {
		_ = policy.Put([]byte("users/"+name), []byte("data"), nil)
	}
	for pair, err := range policy.Scan([]byte("users/"), map[string]string{"agent_id": "agent_001"}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s %s\n", pair.Key, pair.Value)
	}
	// Output:
	// users/alice data
	// users/bob data
	// users/zoe data
}

// A batch is judged whole before any of it is written.
func ExamplePolicyEngine_Batch() {
	policy := checkrein.NewPolicyEngine(checkrein.OpenMemory())
	defer policy.Close()
	policy.BeforeDelete("users/root", checkrein.DenyAll)
	fmt.Println(policy.Batch([]checkrein.BatchOp{
		{Key: []byte("users/alice"), Value: []byte("data")},
		{Key: []byte("users/root"), Delete: true},
	}, nil))
	value, err := policy.Get([]byte("users/alice"), nil)
	fmt.Println(value == nil, err)
	// Output:
	// delete of `users/root` denied (`before_delete users/root`): denied by deny_all
	// true <nil>
}

// Whoever is handed the context acts in that name, in another goroutine too.
func ExampleWithContext() {
	policy := checkrein.NewPolicyEngine(checkrein.OpenMemory(), checkrein.WithRequireContext("agent_id"))
	defer policy.Close()
	policy.EnableAudit(checkrein.AuditOptions{})
	ctx := checkrein.WithContext(context.Background(), checkrein.Fields{"agent_id": "agent_001"})
	done := make(chan error)
	go func() { done <- policy.PutContext(ctx, []byte("k"), []byte("v"), nil) }()
	fmt.Println(<-done)
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	err := policy.PutContext(ctx, []byte("k"), []byte("v"), nil)
	fmt.Println(errors.Is(err, checkrein.ErrAbandoned), errors.Is(err, context.Canceled))
	entries, _ := policy.AuditLog(checkrein.AuditFilter{})
	for _, entry := range entries {
		fmt.Println(*entry.AgentID, entry.Result)
	}
	// Output:
	// <nil>
	// true true
	// agent_001 allowed
	// agent_001 denied
}

// A policy document, tried out before it counts.
func ExampleParseDocument() {
	text := "version: 1\nname: try\n" +
		"hooks: [{on: before_write, keys: 'system/**', action: deny, reason: not for agents}]\n"
	document, err := checkrein.ParseDocument([]byte(text), "yaml", "policy.yaml")
	if err != nil {
		fmt.Println(err)
		return
	}
	policy := checkrein.NewPolicyEngine(checkrein.OpenMemory(), checkrein.WithDocument(document))
	defer policy.Close()
	policy.OnDenied(func(err error) { fmt.Println("denied:", err) })
	explanation, err := policy.Explain("write", []byte("system/config"), nil)
	fmt.Println(explanation.Verdict, explanation.Reason, err)
	_ = policy.Put([]byte("system/config"), nil, nil)
	// Output:
	// denied not for agents <nil>
	// denied: write of `system/config` denied (`before_write system/**`): not for agents
}

// The audit as a file whose lines are chained: what was changed later is found.
func ExampleVerifyAudit() {
	folder, err := os.MkdirTemp("", "audit")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "audit.jsonl")
	policy := checkrein.NewPolicyEngine(checkrein.OpenMemory())
	defer policy.Close()
	policy.BeforeWrite("system/*", checkrein.DenyAll)
	file, err := policy.AddAuditFile(checkrein.AuditFileOptions{Path: path})
	if err != nil {
		panic(err)
	}
	_ = policy.Put([]byte("system/config"), nil, nil)
	fmt.Println(file.Close())
	report, err := checkrein.VerifyAudit(path, checkrein.VerifyOptions{})
	fmt.Println(report.OK, err)
	lines, _ := os.ReadFile(path)
	_ = os.WriteFile(path, bytes.Replace(lines, []byte("denied"), []byte("allowed"), 1), 0o600)
	report, err = checkrein.VerifyAudit(path, checkrein.VerifyOptions{})
	fmt.Println(report.OK, err)
	// Output:
	// <nil>
	// true <nil>
	// false <nil>
}
