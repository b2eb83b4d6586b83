package checkrein_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	checkrein "github.com/checkrein/checkrein/go"
)

func parsed(t *testing.T, text string) *checkrein.PolicyDocument {
	t.Helper()
	document, err := checkrein.ParseDocument([]byte(text), "yaml", "policy.yaml")
	succeeded(t, err)
	return document
}

func TestDocuments(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy.toml")
	text := "version = 1\naudit = {}\n" +
		"[[hooks]]\non = \"before_write\"\nkeys = \"system/**\"\naction = \"deny\"\nreason = \"no\"\n"
	succeeded(t, os.WriteFile(path, []byte(text), 0o600))
	document, err := checkrein.Load(path)
	succeeded(t, err)
	for range 2 { // A document may be used for several engines.
		policy := inMemory(t, checkrein.WithDocument(document))
		asked := 0
		policy.BeforeWrite("users/*", func(*checkrein.PolicyContext) checkrein.PolicyAction {
			asked++
			return checkrein.PolicyAllow
		})
		err := policy.Put([]byte("system/a"), nil, nil)
		refused(t, err, checkrein.ErrDenied)
		if violation(t, err).Reason != "no" {
			t.Errorf("got %v", err)
		}
		succeeded(t, policy.Reload(parsed(t, "version: 1\nhooks:\n  - {on: before_read, keys: '**', action: deny}\n")))
		succeeded(t, policy.Put([]byte("system/a"), nil, nil))
		succeeded(t, policy.Put([]byte("users/a"), nil, nil))
		_, err = policy.Get([]byte("users/a"), nil)
		refused(t, err, checkrein.ErrDenied)
		entries, err := policy.AuditLog(checkrein.AuditFilter{})
		if len(entries) != 4 || asked != 1 || err != nil {
			t.Errorf("got %v, %v; asked %d", entries, err, asked)
		}
		// One that cannot be leaves everything as it was.
		refused(t, policy.Reload(parsed(t, "version: 1\n")), checkrein.ErrConfig)
		refused(t, policy.Reload(nil), checkrein.ErrConfig)
		_, err = policy.Get([]byte("users/a"), nil)
		refused(t, err, checkrein.ErrDenied)
	}
	refused(t, inMemory(t, checkrein.WithDocument(nil)).Err(), checkrein.ErrConfig)
	refused(t, inMemory(t, checkrein.WithDocument(parsed(t, "version: 1\n"))).Err(), checkrein.ErrConfig)
}

func TestDocumentsThatDoNotRead(t *testing.T) {
	text := "version: 1\nhooks:\n  - {on: before_wrte, keys: a**}\n"
	_, err := checkrein.ParseDocument([]byte(text), "yaml", "mine.yaml")
	refused(t, err, checkrein.ErrConfig)
	var fault *checkrein.ConfigError
	if !errors.As(err, &fault) || !strings.Contains(err.Error(), "mine.yaml:3:10: ") ||
		!strings.Contains(err.Error(), "`before_write`") {
		t.Errorf("got %v", err)
	}
	for _, format := range []string{"yaml", "json", "toml", "xml", ""} {
		for _, text := range []string{"", "\xff", "{", "[[", strings.Repeat("[", 100_000)} {
			document, err := checkrein.ParseDocument([]byte(text), format, "")
			if document != nil {
				t.Errorf("%.10q as %s was taken", text, format)
			}
			refused(t, err, checkrein.ErrConfig)
		}
	}
	_, err = checkrein.Load(filepath.Join(t.TempDir(), "none.yaml"))
	refused(t, err, checkrein.ErrConfig)
}

// Each operation is judged by one document, whole: both of its hooks or none.
func TestReloadingWhileOperating(t *testing.T) {
	limits := "rate_limits: [{operation: read, max_per_hour: 100, burst: 1000000, scope: agent_id}]\n"
	one := parsed(t, "version: 1\n"+limits+"hooks:\n"+
		"  - {on: before_write, keys: k, replace: one}\n  - {on: before_write, keys: k, replace: a}\n")
	two := parsed(t, "version: 1\n"+limits+"hooks:\n"+
		"  - {on: before_write, keys: k, replace: two}\n  - {on: before_write, keys: k, replace: b}\n")
	db := checkrein.OpenMemory()
	policy := checkrein.NewPolicyEngine(db, checkrein.WithDocument(one))
	last := ""
	policy.BeforeWrite("k", func(ctx *checkrein.PolicyContext) checkrein.PolicyAction {
		if value := string(ctx.Value); value != "a" && value != "b" {
			last = value
			return checkrein.PolicyDeny
		}
		return checkrein.PolicyAllow
	})
	var stop atomic.Bool
	var done atomic.Int64
	var operators sync.WaitGroup
	for range 3 {
		operators.Add(1)
		go func() {
			defer operators.Done()
			for !stop.Load() {
				if err := policy.Put([]byte("k"), []byte("x"), nil); err != nil {
					t.Errorf("%v: %s", err, last)
				}
				if _, err := policy.Get([]byte("k"), checkrein.Fields{"agent_id": "a"}); err != nil {
					t.Error(err)
				}
				done.Add(1)
			}
		}()
	}
	for n := 0; n < 200 || done.Load() < 10; n++ {
		succeeded(t, policy.Reload([]*checkrein.PolicyDocument{one, two}[n%2]))
	}
	stop.Store(true)
	operators.Wait()
	status, err := policy.RateLimitStatus("read", checkrein.Fields{"agent_id": "a"})
	if len(status) != 1 || status[0].Remaining == status[0].Capacity || err != nil {
		t.Errorf("the bucket was not kept: %+v, %v", status, err)
	}
}

func TestModesAndRequirements(t *testing.T) {
	logging(t)
	policy := inMemory(t, checkrein.WithMode(checkrein.Shadow), checkrein.WithRequireContext("tenant"))
	policy.BeforeWrite("k", checkrein.DenyAll)
	succeeded(t, policy.EnableAudit(checkrein.AuditOptions{}))
	succeeded(t, policy.Put([]byte("k"), nil, nil))
	succeeded(t, policy.Put([]byte("k"), nil, checkrein.Fields{"tenant": "t"}))
	entries, err := policy.AuditLog(checkrein.AuditFilter{Result: "would_deny"})
	if len(entries) != 2 || *entries[0].Rule != "require_context" || *entries[1].Rule != "before_write k" || err != nil {
		t.Errorf("got %v, %v", entries, err)
	}
	enforcing := inMemory(t, checkrein.WithMode(checkrein.Enforce), checkrein.WithRequireContext("a", "b"))
	refused(t, enforcing.Put([]byte("k"), nil, checkrein.Fields{"a": 1}), checkrein.ErrDenied)
	succeeded(t, enforcing.Put([]byte("k"), nil, checkrein.Fields{"a": 1, "b": 2}))
	for _, bad := range []checkrein.EngineOption{
		checkrein.WithMode("shadowy"), checkrein.WithMode(""), checkrein.WithRequireContext("agentId"),
		checkrein.WithRequireContext(""), checkrein.WithRequireContext("\xff"),
	} {
		policy := inMemory(t, bad)
		if err := policy.Put([]byte("k"), nil, nil); err == nil || err.Error() != policy.Err().Error() {
			t.Errorf("got %v, %v", err, policy.Err())
		}
	}
}

func TestExplain(t *testing.T) {
	clock := checkrein.NewManualClock()
	policy := inMemory(t, checkrein.WithClock(clock))
	policy.BeforeWrite("users/root", checkrein.DenyAll)
	policy.BeforeWrite("users/*", func(*checkrein.PolicyContext) checkrein.PolicyAction { panic("it is not asked") })
	succeeded(t, policy.AddRateLimit("write", checkrein.RateLimit{MaxPerMinute: 1, Scope: "agent_id"}))
	found, err := policy.Explain("write", []byte("users/root"), checkrein.Fields{"agent_id": "a"})
	succeeded(t, err)
	if len(found.Hooks) != 2 || found.Hooks[1].Kind != "host" || found.Hooks[1].Answer != "unknown" ||
		found.Hooks[0] != (checkrein.ExplainedHook{
			Rule: "before_write users/root", Trigger: "before_write", Keys: "users/root", Kind: "deny_all",
			Mode: checkrein.Enforce, Answer: "deny",
		}) || found.Verdict != "denied" || found.Rule != "before_write users/root" || found.Operation != "write" ||
		found.Mode != checkrein.Enforce || !strings.HasPrefix(found.String(), "{") {
		t.Errorf("got %+v", found)
	}
	if len(found.Limits) != 1 || found.Limits[0].Remaining != 1 || found.Limits[0].Limit != "write 1/minute per agent_id" {
		t.Errorf("got %+v", found.Limits)
	}
	succeeded(t, policy.Put([]byte("other"), nil, checkrein.Fields{"agent_id": "a"}))
	found, err = policy.Explain("write", []byte("other"), checkrein.Fields{"agent_id": "a"})
	if found.Verdict != "rate_limited" || found.Limits[0].RetryAfter.Seconds() != 60 || err != nil {
		t.Errorf("got %+v, %v", found, err)
	}
	found, err = policy.Explain("read", nil, nil)
	if found.Verdict != "allowed" || found.Rule != "" || found.Hooks == nil || len(found.Hooks) != 0 || err != nil {
		t.Errorf("got %+v, %v", found, err)
	}
	for _, bad := range []func() error{
		func() error { _, err := policy.Explain("scan", nil, nil); return err },
		func() error { _, err := policy.Explain("read", nil, 5); return err },
		func() error { _, err := policy.Explain("read", nil, checkrein.Fields{"agentId": "a"}); return err },
	} {
		refused(t, bad(), checkrein.ErrUsage)
	}
}
