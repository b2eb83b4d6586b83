package checkrein_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	checkrein "github.com/checkrein/checkrein/go"
)

func TestPutGetDelete(t *testing.T) {
	policy := inMemory(t)
	key := []byte("users/alice")
	value, err := policy.Get(key, nil)
	if value != nil || err != nil {
		t.Fatalf("a missing key gave %q, %v", value, err)
	}
	succeeded(t, policy.Put(key, []byte("data"), nil))
	value, err = policy.Get(key, nil)
	if string(value) != "data" || err != nil {
		t.Fatalf("got %q, %v", value, err)
	}
	for _, empty := range [][]byte{{}, nil} {
		succeeded(t, policy.Put(key, empty, nil))
		value, err = policy.Get(key, nil)
		if value == nil || len(value) != 0 || err != nil {
			t.Fatalf("an empty value came back as %#v, %v", value, err)
		}
	}
	succeeded(t, policy.Delete(key, nil))
	succeeded(t, policy.Delete(key, nil))
	value, err = policy.Get(key, nil)
	if value != nil || err != nil {
		t.Fatalf("a deleted key gave %q, %v", value, err)
	}
}

// A hook on every key sees each of these as it is.
func TestUnusualKeys(t *testing.T) {
	policy := inMemory(t)
	var seen [][]byte
	policy.BeforeWrite("**", func(ctx *checkrein.PolicyContext) checkrein.PolicyAction {
		seen = append(seen, ctx.Key)
		return checkrein.PolicyAllow
	})
	keys := [][]byte{{}, []byte("a\nb"), []byte("a\x00b"), {0xff, 0xfe}, bytes.Repeat([]byte("k"), 1<<20)}
	for _, key := range keys {
		succeeded(t, policy.Put(key, []byte("v"), nil))
		value, err := policy.Get(key, nil)
		if string(value) != "v" || err != nil {
			t.Fatalf("got %q, %v", value, err)
		}
	}
	if len(seen) != len(keys) {
		t.Fatalf("the hook saw %d keys of %d", len(seen), len(keys))
	}
	for at := range keys {
		if !bytes.Equal(seen[at], keys[at]) {
			t.Errorf("the hook saw %.20q, want %.20q", seen[at], keys[at])
		}
	}
	long := bytes.Repeat([]byte("k"), 1<<20+1)
	refused(t, policy.Put(long, nil, nil), checkrein.ErrUsage)
	large := bytes.Repeat([]byte("v"), 1<<20)
	succeeded(t, policy.Put([]byte("large"), large, nil))
	value, err := policy.Get([]byte("large"), nil)
	if !bytes.Equal(value, large) || err != nil {
		t.Fatalf("a large value came back as %d bytes, %v", len(value), err)
	}
}

func TestContext(t *testing.T) {
	policy := inMemory(t)
	var seen *checkrein.PolicyContext
	policy.BeforeWrite("**", func(ctx *checkrein.PolicyContext) checkrein.PolicyAction {
		seen = ctx
		return checkrein.PolicyAllow
	})
	key := []byte("k")
	succeeded(t, policy.Put(key, []byte("v"), checkrein.Fields{
		"agent_id": "a", "session_id": 7, "flag": true, "n": int64(-3), "small": uint8(9), "text": "", "none": nil,
	}))
	if seen.Operation != "write" || string(seen.Key) != "k" || string(seen.Value) != "v" {
		t.Errorf("seen: %+v", seen)
	}
	if seen.AgentID != "a" || seen.SessionID != "7" {
		t.Errorf("seen: %+v", seen)
	}
	for name, want := range map[string]string{"flag": "true", "n": "-3", "small": "9", "text": "", "none": "", "x": ""} {
		if got := seen.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]any{"flag": true, "n": int64(-3), "text": "", "agent_id": "a"} {
		if got, said := seen.Lookup(name); got != want || !said {
			t.Errorf("%s is %v, %v, want %v", name, got, said, want)
		}
	}
	if _, said := seen.Lookup("none"); said {
		t.Error("nil is absent")
	}
	succeeded(t, policy.Put(key, nil, map[string]string{"agent_id": "b"}))
	if seen.AgentID != "b" || seen.Get("agent_id") != "b" {
		t.Errorf("seen: %+v", seen)
	}
	var none map[string]string
	for _, context := range []any{nil, none, map[string]string{}, checkrein.Fields{}, map[string]any{}} {
		succeeded(t, policy.Put(key, nil, context))
		if seen.AgentID != "" || seen.Get("agent_id") != "" {
			t.Errorf("seen: %+v", seen)
		}
	}
}

func TestContextThatIsNone(t *testing.T) {
	policy := inMemory(t)
	asked := false
	policy.BeforeWrite("**", func(*checkrein.PolicyContext) checkrein.PolicyAction {
		asked = true
		return checkrein.PolicyAllow
	})
	for _, context := range []any{
		"agent", 7, struct{}{}, map[string]int{"a": 1}, checkrein.Fields{"f": 1.5}, checkrein.Fields{"b": []byte("x")},
		checkrein.Fields{"n": uint64(1) << 63}, map[string]string{"agentId": "a"}, map[string]string{"": "a"},
		map[string]string{"bad": "\xff"}, map[string]string{"\xff": "a"},
		map[string]string{"long": strings.Repeat("x", 64*1024+1)},
	} {
		err := policy.Put([]byte("k"), nil, context)
		refused(t, err, checkrein.ErrUsage)
		var usage *checkrein.UsageError
		if !errors.As(err, &usage) || usage.Code() != "usage" {
			t.Errorf("got %#v", err)
		}
		_, err = policy.Get([]byte("k"), context)
		refused(t, err, checkrein.ErrUsage)
		refused(t, policy.Delete([]byte("k"), context), checkrein.ErrUsage)
	}
	if asked {
		t.Error("a hook was asked about an operation with a bad context")
	}
}

func TestHooksAtEveryTrigger(t *testing.T) {
	policy := inMemory(t)
	var order []string
	note := func(name string) func(*checkrein.PolicyContext) checkrein.PolicyAction {
		return func(ctx *checkrein.PolicyContext) checkrein.PolicyAction {
			order = append(order, name+" "+ctx.Operation)
			return checkrein.PolicyAllow
		}
	}
	policy.BeforeRead("*", note("before"))
	policy.AfterRead("*", note("after"))
	policy.BeforeWrite("*", note("before"))
	policy.AfterWrite("*", note("after"))
	policy.BeforeDelete("*", note("before"))
	policy.AfterDelete("*", note("after"))
	succeeded(t, policy.Put([]byte("k"), nil, nil))
	_, err := policy.Get([]byte("k"), nil)
	succeeded(t, err)
	succeeded(t, policy.Delete([]byte("k"), nil))
	got := strings.Join(order, ", ")
	want := "before write, after write, before read, after read, before delete, after delete"
	if got != want {
		t.Errorf("got %s", got)
	}
}

func TestModifyRedactAndHide(t *testing.T) {
	policy := inMemory(t)
	policy.BeforeWrite("m/*", func(ctx *checkrein.PolicyContext) checkrein.PolicyAction {
		return ctx.Modify(append(ctx.Value, '1'))
	})
	policy.BeforeWrite("m/*", func(ctx *checkrein.PolicyContext) checkrein.PolicyAction {
		return ctx.Modify(append(ctx.Value, '2'))
	})
	policy.AfterRead("h/*", func(*checkrein.PolicyContext) checkrein.PolicyAction { return checkrein.PolicyDeny })
	policy.AfterRead("r/*", func(ctx *checkrein.PolicyContext) checkrein.PolicyAction {
		if ctx.Get("redact_pii") == "true" {
			return ctx.Modify(nil)
		}
		return ctx.Modify(ctx.Value)
	})
	for _, key := range []string{"m/k", "h/k", "r/k"} {
		succeeded(t, policy.Put([]byte(key), []byte("v"), nil))
	}
	value, err := policy.Get([]byte("m/k"), nil)
	if string(value) != "v12" || err != nil {
		t.Errorf("modified: %q, %v", value, err)
	}
	value, err = policy.Get([]byte("h/k"), nil)
	if value != nil || err != nil {
		t.Errorf("hidden: %q, %v", value, err)
	}
	value, err = policy.Get([]byte("r/k"), checkrein.Fields{"redact_pii": true})
	if value == nil || len(value) != 0 || err != nil {
		t.Errorf("redacted: %#v, %v", value, err)
	}
	value, err = policy.Get([]byte("r/k"), nil)
	if string(value) != "v" || err != nil {
		t.Errorf("not redacted: %q, %v", value, err)
	}
}

// What a hook does to the slices it is shown changes neither what the next hook nor what the store sees.
func TestHooksGetCopies(t *testing.T) {
	policy := inMemory(t)
	key, value := []byte("key"), []byte("value")
	policy.BeforeWrite("*", func(ctx *checkrein.PolicyContext) checkrein.PolicyAction {
		clear(ctx.Key)
		clear(ctx.Value)
		return checkrein.PolicyAllow
	})
	policy.BeforeWrite("*", func(ctx *checkrein.PolicyContext) checkrein.PolicyAction {
		if string(ctx.Key) != "key" || string(ctx.Value) != "value" {
			return checkrein.PolicyDeny
		}
		return checkrein.PolicyAllow
	})
	succeeded(t, policy.Put(key, value, nil))
	stored, err := policy.Get(key, nil)
	if string(stored) != "value" || string(key) != "key" || string(value) != "value" || err != nil {
		t.Errorf("stored %q, key %q, value %q, %v", stored, key, value, err)
	}
}

// The caller may change key, value and context from inside a hook: what is judged is what was given.
func TestTheCallIsCopiedBeforeAHookRuns(t *testing.T) {
	policy := inMemory(t)
	key, value := []byte("allowed"), []byte("v")
	context := map[string]string{"agent_id": "a"}
	policy.BeforeWrite("*", func(*checkrein.PolicyContext) checkrein.PolicyAction {
		copy(key, "refused")
		copy(value, "X")
		context["agent_id"] = "b"
		return checkrein.PolicyAllow
	})
	var agent string
	policy.BeforeWrite("*", func(ctx *checkrein.PolicyContext) checkrein.PolicyAction {
		agent = ctx.AgentID
		return checkrein.PolicyAllow
	})
	succeeded(t, policy.Put(key, value, context))
	stored, err := policy.Get([]byte("allowed"), nil)
	if string(stored) != "v" || agent != "a" || err != nil {
		t.Errorf("stored %q for %q, %v", stored, agent, err)
	}
}

func TestRateLimits(t *testing.T) {
	clock := checkrein.NewManualClock()
	policy := inMemory(t, checkrein.WithClock(clock))
	succeeded(t, policy.AddRateLimit("write", checkrein.RateLimit{MaxPerMinute: 2, Scope: "agent_id"}))
	alice := map[string]string{"agent_id": "alice"}
	for range 2 {
		succeeded(t, policy.Put([]byte("k"), nil, alice))
	}
	err := policy.Put([]byte("k"), nil, alice)
	refused(t, err, checkrein.ErrRateLimited)
	var limited *checkrein.RateLimitExceeded
	if !errors.As(err, &limited) || limited.RetryAfter != 30*time.Second || limited.Scope != "agent_id" {
		t.Fatalf("got %#v", err)
	}
	if refusal := violation(t, err); refusal.Rule != "write 2/minute per agent_id" || refusal.Operation != "write" {
		t.Errorf("as a violation: %#v", refusal)
	}
	succeeded(t, policy.Put([]byte("k"), nil, map[string]string{"agent_id": "bob"}))
	status, err := policy.RateLimitStatus("write", alice)
	succeeded(t, err)
	want := checkrein.LimitStatus{
		Limit: "write 2/minute per agent_id", Operation: "write", Scope: "agent_id", Count: "operations",
		Capacity: 2, Remaining: 0, RetryAfter: 30 * time.Second, FullAfter: time.Minute,
	}
	if len(status) != 1 || status[0] != want {
		t.Errorf("got %+v", status)
	}
	clock.Advance(limited.RetryAfter - 1)
	refused(t, policy.Put([]byte("k"), nil, alice), checkrein.ErrRateLimited)
	clock.Advance(1)
	succeeded(t, policy.Put([]byte("k"), nil, alice))

	_, err = policy.RateLimitStatus("wriet", nil)
	refused(t, err, checkrein.ErrConfig)
}

func TestAudit(t *testing.T) {
	clock := checkrein.NewManualClock()
	clock.SetWall(time.Unix(1_700_000_000, 0))
	policy := inMemory(t, checkrein.WithClock(clock))
	_, err := policy.AuditLog(checkrein.AuditFilter{})
	refused(t, err, checkrein.ErrUsage)
	succeeded(t, policy.EnableAudit(checkrein.AuditOptions{}))
	policy.BeforeWrite("system/*", checkrein.DenyAll)
	policy.BeforeWrite("users/*", checkrein.LogAndAllow(discard()))
	_ = policy.Put([]byte("system/a"), []byte("secret"), map[string]string{"agent_id": "rogue", "session_id": "s"})
	clock.Advance(time.Second)
	succeeded(t, policy.Put([]byte("users/\xff"), []byte("secret"), nil))

	entries, err := policy.AuditLog(checkrein.AuditFilter{})
	succeeded(t, err)
	if len(entries) != 2 {
		t.Fatalf("got %v", entries)
	}
	refusal, allowed := entries[0], entries[1]
	if refusal.Result != "denied" || *refusal.AgentID != "rogue" || *refusal.SessionID != "s" || *refusal.Applied ||
		*refusal.Rule != "before_write system/*" || refusal.Timestamp != "2023-11-14T22:13:20.000000Z" {
		t.Errorf("got %v", refusal)
	}
	if allowed.Key != `users/\xff` || !allowed.Logged || allowed.AgentID != nil || allowed.Reason != nil {
		t.Errorf("got %v", allowed)
	}
	if line := allowed.String(); !strings.HasPrefix(line, `{"sequence":2,"timestamp":"2023-11-14T22:13:21.000000Z",`) {
		t.Errorf("got %s", line)
	}
	if _, there := allowed.Map()["agent_id"]; there || allowed.Map()["sequence"] != uint64(2) {
		t.Errorf("got %v", allowed.Map())
	}
	for _, filter := range []checkrein.AuditFilter{
		{Limit: 1}, {Operation: "write", Result: "allowed"}, {Keys: "users/*"}, {Since: time.Unix(1_700_000_001, 0)},
	} {
		entries, err := policy.AuditLog(filter)
		if len(entries) != 1 || entries[0].Sequence != 2 || err != nil {
			t.Errorf("%+v gave %v, %v", filter, entries, err)
		}
	}
	entries, err = policy.AuditLog(checkrein.AuditFilter{AgentID: "rogue", SessionID: "s"})
	if len(entries) != 1 || entries[0].Sequence != 1 || err != nil {
		t.Errorf("got %v, %v", entries, err)
	}
	for filter, want := range map[checkrein.AuditFilter]error{
		{Operation: "wriet"}: checkrein.ErrUsage, {Result: "deny"}: checkrein.ErrUsage,
		{Limit: -1}: checkrein.ErrUsage, {Keys: "[a"}: checkrein.ErrPattern,
	} {
		_, err := policy.AuditLog(filter)
		refused(t, err, want)
	}
	policy.DisableAudit()
	_, err = policy.AuditLog(checkrein.AuditFilter{})
	refused(t, err, checkrein.ErrUsage)
}
