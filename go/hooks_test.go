package checkrein_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"testing"

	checkrein "github.com/checkrein/checkrein/go"
)

var errOwn = errors.New("boom")

func answering(action checkrein.PolicyAction) func(*checkrein.PolicyContext) checkrein.PolicyAction {
	return func(*checkrein.PolicyContext) checkrein.PolicyAction { return action }
}

func TestDenyTellsWhatAndWhy(t *testing.T) {
	policy := inMemory(t)
	policy.BeforeWrite("a/*", func(ctx *checkrein.PolicyContext) checkrein.PolicyAction { return ctx.Deny("not today") })
	err := policy.Put([]byte("a/b"), nil, nil)
	refused(t, err, checkrein.ErrDenied)
	refusal := violation(t, err)
	if refusal.Reason != "not today" || refusal.Rule != "before_write a/*" || refusal.Operation != "write" ||
		string(refusal.Key) != "a/b" || refusal.Applied || refusal.Unwrap() != nil || refusal.Code() != "denied" {
		t.Errorf("got %#v", refusal)
	}
	if got := err.Error(); got != "write of `a/b` denied (`before_write a/*`): not today" {
		t.Errorf("got %s", got)
	}
	if value, err := policy.Get([]byte("a/b"), nil); value != nil || err != nil {
		t.Errorf("it was written: %q, %v", value, err)
	}
}

func TestNonsenseRefuses(t *testing.T) {
	for action, told := range map[checkrein.PolicyAction]string{
		"":        "nothing",
		"DENY":    "`DENY`",
		"allowed": "`allowed`",
		"modify":  "`modify`",
		"failed":  "`failed`",
	} {
		policy := inMemory(t)
		policy.BeforeWrite("*", answering(action))
		err := policy.Put([]byte("k"), nil, nil)
		refused(t, err, checkrein.ErrHookFailed)
		if !strings.Contains(err.Error(), told) {
			t.Errorf("%q: %v", action, err)
		}
	}
	policy := inMemory(t)
	policy.BeforeDelete("*", answering("modify:x"))
	refused(t, policy.Delete([]byte("k"), nil), checkrein.ErrHookFailed)
}

// An error of Checkrein comes out as that very object, however a hook fails with it.
func TestOwnErrorsComeOutAsThemselves(t *testing.T) {
	own := &checkrein.PolicyViolation{Reason: "mine"}
	usage := checkrein.NewUsageError("wrong")
	wrapped := fmt.Errorf("while copying: %w", own)
	for _, raised := range []error{own, usage, wrapped, checkrein.ErrStoreFull} {
		for _, how := range []func(*checkrein.PolicyContext) checkrein.PolicyAction{
			func(*checkrein.PolicyContext) checkrein.PolicyAction { panic(raised) },
			func(ctx *checkrein.PolicyContext) checkrein.PolicyAction { return ctx.Fail(raised) },
		} {
			policy := inMemory(t)
			succeeded(t, policy.EnableAudit(checkrein.AuditOptions{}))
			policy.BeforeWrite("*", how)
			if err := policy.Put([]byte("k"), nil, nil); err != raised {
				t.Errorf("got %v, want the very %v", err, raised)
			}
			entries, err := policy.AuditLog(checkrein.AuditFilter{})
			if len(entries) != 1 || entries[0].Result == "allowed" || err != nil {
				t.Errorf("got %v, %v", entries, err)
			}
		}
	}
}

func TestForeignErrorsBecomeTheCause(t *testing.T) {
	for name, how := range map[string]func(*checkrein.PolicyContext) checkrein.PolicyAction{
		"panic": func(*checkrein.PolicyContext) checkrein.PolicyAction { panic(errOwn) },
		"fail":  func(ctx *checkrein.PolicyContext) checkrein.PolicyAction { return ctx.Fail(errOwn) },
	} {
		policy := inMemory(t)
		succeeded(t, policy.EnableAudit(checkrein.AuditOptions{}))
		policy.BeforeWrite("*", how)
		err := policy.Put([]byte("k"), nil, nil)
		refused(t, err, checkrein.ErrHookFailed)
		if !errors.Is(err, errOwn) || !strings.HasSuffix(err.Error(), ": boom") {
			t.Errorf("%s: %v", name, err)
		}
		entries, err := policy.AuditLog(checkrein.AuditFilter{})
		succeeded(t, err)
		if entries[0].Result != "error" || *entries[0].Reason != "the hook failed with `*errors.errorString`" {
			t.Errorf("%s: %v", name, entries)
		}
	}
}

func TestPanicsOfAnyKindRefuse(t *testing.T) {
	var nothing *checkrein.PolicyContext
	for told, how := range map[string]func(*checkrein.PolicyContext) checkrein.PolicyAction{
		"string":       func(*checkrein.PolicyContext) checkrein.PolicyAction { panic("text") },
		"runtime":      func(*checkrein.PolicyContext) checkrein.PolicyAction { return checkrein.PolicyAction(nothing.AgentID) },
		"PanicNilErro": func(*checkrein.PolicyContext) checkrein.PolicyAction { panic(nil) },
		"nil func":     nil,
	} {
		policy := inMemory(t)
		handle := policy.BeforeWrite("*", how)
		err := policy.Put([]byte("k"), nil, nil)
		if how == nil {
			refused(t, handle.Err(), checkrein.ErrConfig)
			refused(t, err, checkrein.ErrConfig)
			continue
		}
		refused(t, err, checkrein.ErrHookFailed)
		var panicked *checkrein.PanicError
		if !errors.As(err, &panicked) || !strings.Contains(err.Error(), told) || len(panicked.Stack) == 0 {
			t.Errorf("%s: %v", told, err)
		}
	}
}

// A nil pointer that is an error says nothing, and must not crash.
func TestANilErrorRefuses(t *testing.T) {
	var none *checkrein.PolicyViolation
	for _, how := range []func(*checkrein.PolicyContext) checkrein.PolicyAction{
		func(*checkrein.PolicyContext) checkrein.PolicyAction { panic(none) },
		func(ctx *checkrein.PolicyContext) checkrein.PolicyAction { return ctx.Fail(none) },
		func(ctx *checkrein.PolicyContext) checkrein.PolicyAction { return ctx.Fail(nil) },
	} {
		policy := inMemory(t)
		policy.BeforeWrite("*", how)
		err := policy.Put([]byte("k"), nil, nil)
		refused(t, err, checkrein.ErrHookFailed)
		if err.Error() == "" {
			t.Error("it says nothing")
		}
	}
}

// After the write has happened, a hook that fails is an error that says so.
func TestAfterHooksThatFailSayApplied(t *testing.T) {
	own := &checkrein.PolicyViolation{Reason: "late"}
	for _, raised := range []error{own, errOwn} {
		policy := inMemory(t)
		policy.AfterWrite("*", func(*checkrein.PolicyContext) checkrein.PolicyAction { panic(raised) })
		err := policy.Put([]byte("k"), []byte("v"), nil)
		refused(t, err, checkrein.ErrHookFailed)
		if refusal := violation(t, err); !refusal.Applied || !errors.Is(err, raised) {
			t.Errorf("got %#v", refusal)
		}
		value, err := policy.Get([]byte("k"), nil)
		if string(value) != "v" || err != nil {
			t.Errorf("it was not written: %q, %v", value, err)
		}
	}
}

// Goexit ends the operation and then goes on as itself: here it ends the goroutine, its deferred functions run.
func TestGoexitInAHookAbandons(t *testing.T) {
	policy := inMemory(t)
	succeeded(t, policy.EnableAudit(checkrein.AuditOptions{}))
	policy.BeforeWrite("*", func(*checkrein.PolicyContext) checkrein.PolicyAction {
		runtime.Goexit()
		return checkrein.PolicyAllow
	})
	if !notReturning(func() { _ = policy.Put([]byte("k"), nil, nil) }) {
		t.Fatal("the call returned")
	}
	entries, err := policy.AuditLog(checkrein.AuditFilter{})
	succeeded(t, err)
	if len(entries) != 1 || entries[0].Result != "denied" || *entries[0].Reason != "abandoned" {
		t.Errorf("got %v", entries)
	}
	if open := checkrein.OpenOperations(policy); open != 0 {
		t.Errorf("%d operations are still open", open)
	}
}

func TestRemove(t *testing.T) {
	policy := inMemory(t)
	handle := policy.BeforeWrite("*", checkrein.DenyAll)
	succeeded(t, handle.Err())
	refused(t, policy.Put([]byte("k"), nil, nil), checkrein.ErrDenied)
	if !handle.Remove() || handle.Remove() {
		t.Error("a hook is removed once")
	}
	succeeded(t, policy.Put([]byte("k"), nil, nil))
}

// Registering and removing from inside a hook: the operation goes on with the hooks that it started with.
func TestHooksMayRegisterAndRemove(t *testing.T) {
	policy := inMemory(t)
	var first *checkrein.HookHandle
	removed := false
	first = policy.BeforeWrite("*", func(*checkrein.PolicyContext) checkrein.PolicyAction {
		removed = first.Remove()
		policy.BeforeWrite("*", checkrein.DenyAll)
		return checkrein.PolicyAllow
	})
	asked := 0
	policy.BeforeWrite("*", func(*checkrein.PolicyContext) checkrein.PolicyAction {
		asked++
		return checkrein.PolicyAllow
	})
	succeeded(t, policy.Put([]byte("k"), nil, nil))
	if !removed || asked != 1 {
		t.Errorf("removed %v, asked %d", removed, asked)
	}
	refused(t, policy.Put([]byte("k"), nil, nil), checkrein.ErrDenied)
}

// A registration whose error nobody looked at refuses everything until it is cleared.
func TestRegistrationErrorsAreRemembered(t *testing.T) {
	for _, register := range []func(*checkrein.PolicyEngine) error{
		func(p *checkrein.PolicyEngine) error { return p.BeforeWrite("a/[b", allow).Err() },
		func(p *checkrein.PolicyEngine) error {
			return p.BeforeDelete("*", checkrein.RedactValue([]byte("x"))).Err()
		},
		func(p *checkrein.PolicyEngine) error {
			return p.AddRateLimit("wriet", checkrein.RateLimit{MaxPerHour: 1})
		},
		func(p *checkrein.PolicyEngine) error { return p.AddRateLimit("write", checkrein.RateLimit{}) },
		func(p *checkrein.PolicyEngine) error {
			return p.EnableAudit(checkrein.AuditOptions{MaxEntries: 1 << 40})
		},
		func(p *checkrein.PolicyEngine) error { return p.BeforeRead("*", nil).Err() },
	} {
		policy := inMemory(t)
		failed := register(policy)
		if failed == nil {
			t.Fatal("it was accepted")
		}
		err := policy.Put([]byte("k"), nil, nil)
		if err == nil || err.Error() != failed.Error() {
			t.Errorf("got %v, want %v", err, failed)
		}
		if cleared := policy.ClearRegistrationErrors(); cleared == nil || cleared.Error() != failed.Error() {
			t.Errorf("cleared %v", cleared)
		}
		if policy.ClearRegistrationErrors() != nil {
			t.Error("cleared twice")
		}
		succeeded(t, policy.Put([]byte("k"), nil, nil))
	}
	policy := inMemory(t)
	err := policy.BeforeWrite("a/[b", allow).Err()
	var pattern *checkrein.PatternError
	if !errors.As(err, &pattern) || pattern.Pattern != "a/[b" || pattern.Position != 2 {
		t.Errorf("got %#v", err)
	}
}

func TestReadyMadeHooks(t *testing.T) {
	policy := inMemory(t)
	policy.BeforeWrite("readonly/*", checkrein.DenyAll)
	policy.BeforeWrite("agents/*", checkrein.RequireAgentID)
	policy.AfterRead("secrets/*", checkrein.RedactValue([]byte("[REDACTED]")))
	policy.BeforeRead("**", checkrein.AllowAll)
	refused(t, policy.Put([]byte("readonly/a"), nil, nil), checkrein.ErrDenied)
	refused(t, policy.Put([]byte("agents/a"), nil, nil), checkrein.ErrDenied)
	succeeded(t, policy.Put([]byte("agents/a"), nil, map[string]string{"agent_id": "a"}))
	succeeded(t, policy.Put([]byte("secrets/a"), []byte("s"), nil))
	value, err := policy.Get([]byte("secrets/a"), nil)
	if string(value) != "[REDACTED]" || err != nil {
		t.Errorf("got %q, %v", value, err)
	}
	if checkrein.HostHooks(policy) != 0 {
		t.Error("a ready-made hook is decided in the core")
	}
}

// The ready-made hooks can be called like any other.
func TestReadyMadeHooksByHand(t *testing.T) {
	nobody, err := checkrein.NewPolicyContext("write", []byte("k"), []byte("v"), nil)
	succeeded(t, err)
	alice, err := checkrein.NewPolicyContext("write", []byte("k"), []byte("v"), map[string]string{"agent_id": "alice"})
	succeeded(t, err)
	if checkrein.AllowAll(nobody) != checkrein.PolicyAllow || checkrein.RequireAgentID(alice) != checkrein.PolicyAllow {
		t.Error("they allow")
	}
	if got := checkrein.DenyAll(nobody).Reason(); got != "denied by deny_all" {
		t.Errorf("got %q", got)
	}
	if got := checkrein.RequireAgentID(nobody).Reason(); !strings.Contains(got, "agent_id") {
		t.Errorf("got %q", got)
	}
	if got := checkrein.RequireAgentID(&checkrein.PolicyContext{AgentID: "a"}); got != checkrein.PolicyAllow {
		t.Errorf("got %q", got)
	}
	redacted := checkrein.RedactValue([]byte("x"))(nobody)
	if string(redacted.Value()) != "x" || strings.Contains(fmt.Sprint(redacted), "x") {
		t.Errorf("got %v", redacted)
	}
	var out bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&out, nil))
	if checkrein.LogAndAllow(logger)(alice) != checkrein.PolicyLog || !strings.Contains(out.String(), "alice") {
		t.Errorf("logged %s", out.String())
	}
}

func TestLogAndAllow(t *testing.T) {
	var out bytes.Buffer
	policy := inMemory(t)
	policy.BeforeWrite("users/*", checkrein.LogAndAllow(slog.New(slog.NewTextHandler(&out, nil))))
	succeeded(t, policy.Put([]byte("users/a"), []byte("secret"), map[string]string{"agent_id": "alice"}))
	want := "level=INFO msg=\"before_write `users/a` by agent `alice`\""
	if got := out.String(); !strings.Contains(got, want) || strings.Contains(got, "secret") {
		t.Errorf("logged %s", got)
	}
	policy.BeforeWrite("broken/*", checkrein.LogAndAllow(slog.New(brokenHandler{})))
	refused(t, policy.Put([]byte("broken/a"), nil, nil), checkrein.ErrHookFailed)
}

type brokenHandler struct{ *slog.TextHandler }

func (brokenHandler) Handle(_ context.Context, _ slog.Record) error { panic(errOwn) }
func (brokenHandler) Enabled(context.Context, slog.Level) bool      { return true }

// An engine that guards nothing says so once; a logger that fails is no reason to refuse.
func TestAnEngineWithoutRulesWarnsOnce(t *testing.T) {
	var out bytes.Buffer
	before := slog.Default()
	defer slog.SetDefault(before)
	slog.SetDefault(slog.New(slog.NewTextHandler(&out, nil)))
	policy := inMemory(t)
	for range 3 {
		succeeded(t, policy.Put([]byte("k"), nil, nil))
	}
	if strings.Count(out.String(), "level=WARN") != 1 {
		t.Errorf("logged %s", out.String())
	}
	slog.SetDefault(slog.New(brokenHandler{}))
	succeeded(t, inMemory(t).Put([]byte("k"), nil, nil))
}
