package checkrein_test

import (
	"context"
	"fmt"
	"testing"

	checkrein "github.com/checkrein/checkrein/go"
)

func TestAmbientFields(t *testing.T) {
	policy := inMemory(t)
	var seen string
	policy.BeforeWrite("*", func(ctx *checkrein.PolicyContext) checkrein.PolicyAction {
		tenant, _ := ctx.Lookup("tenant")
		seen = fmt.Sprint(ctx.AgentID, " ", ctx.SessionID, " ", tenant)
		return checkrein.PolicyAllow
	})
	fields := checkrein.Fields{"agent_id": "outer", "session_id": "s", "tenant": 1}
	outer := checkrein.WithContext(context.Background(), fields)
	fields["agent_id"] = "changed afterwards"
	inner := checkrein.WithContext(outer, checkrein.Fields{"agent_id": "inner", "session_id": nil, "tenant": 2})
	for _, one := range []struct {
		ctx  context.Context
		said any
		want string
	}{
		{context.Background(), nil, "  <nil>"},
		{outer, nil, "outer s 1"},
		{inner, nil, "inner s 2"},
		{inner, map[string]string{"agent_id": "said"}, "said s 2"},
		{inner, map[string]string{"agent_id": ""}, " s 2"},
		{inner, checkrein.Fields{"agent_id": nil, "tenant": 3}, "inner s 3"},
		{inner, map[string]any{"agent_id": nil, "session_id": "t"}, "inner t 2"},
		{checkrein.WithContext(inner, nil), nil, "inner s 2"},
	} {
		succeeded(t, policy.PutContext(one.ctx, []byte("k"), nil, one.said))
		if seen != one.want {
			t.Errorf("%v: got %s, want %s", one.said, seen, one.want)
		}
	}
	// An operation without a context is told nothing of it.
	succeeded(t, policy.Put([]byte("k"), nil, nil))
	if seen != "  <nil>" {
		t.Errorf("got %s", seen)
	}
	for name, err := range everyway(policy, outer, nil) {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	bad := checkrein.WithContext(context.Background(), checkrein.Fields{"tenant": 1.5})
	refused(t, policy.PutContext(bad, []byte("k"), nil, nil), checkrein.ErrUsage)
	succeeded(t, policy.PutContext(bad, []byte("k"), nil, checkrein.Fields{"tenant": "t"}))
	near := checkrein.WithContext(context.Background(), checkrein.Fields{"agentId": "a"})
	refused(t, policy.PutContext(near, []byte("k"), nil, nil), checkrein.ErrUsage)
}

// Every operation takes the fields along, and what a hook starts with its context does too.
func TestAmbientFieldsReachEveryOperation(t *testing.T) {
	policy := inMemory(t, checkrein.WithRequireContext("agent_id"))
	ctx := checkrein.WithContext(context.Background(), checkrein.Fields{"agent_id": "a"})
	for name, err := range everyway(policy, ctx, nil) {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, err := range everyway(policy, context.Background(), nil) {
		refused(t, err, checkrein.ErrDenied)
	}
	policy.BeforeWrite("k", func(ctx *checkrein.PolicyContext) checkrein.PolicyAction {
		if err := policy.PutContext(ctx.Context(), []byte("log"), nil, nil); err != nil {
			return ctx.Fail(err)
		}
		return checkrein.PolicyAllow
	})
	succeeded(t, policy.PutContext(ctx, []byte("k"), nil, nil))
	// What was said with the call itself is the call's alone.
	refused(t, policy.Put([]byte("k"), nil, checkrein.Fields{"agent_id": "a"}), checkrein.ErrDenied)
}

// A goroutine that a hook starts counts as nested in it where it is handed the hook's context.
func TestNestingGoesAlongWithTheContext(t *testing.T) {
	policy := inMemory(t)
	deepest := 0
	policy.BeforeWrite("*", func(ctx *checkrein.PolicyContext) checkrein.PolicyAction {
		deepest++
		failed := make(chan error)
		go func() { failed <- policy.PutContext(ctx.Context(), ctx.Key, nil, nil) }()
		if err := <-failed; err != nil {
			return ctx.Fail(err)
		}
		return checkrein.PolicyAllow
	})
	refused(t, policy.Put([]byte("k"), nil, nil), checkrein.ErrNestingLimit)
	if deepest != 17 {
		t.Errorf("%d deep", deepest)
	}
	made, err := checkrein.NewPolicyContext("write", []byte("k"), nil, nil)
	if err != nil || made.Context() != context.Background() {
		t.Errorf("got %v, %v", made.Context(), err)
	}
}
