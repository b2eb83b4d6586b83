package checkrein_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	checkrein "github.com/checkrein/checkrein/go"
)

// logging makes the language's own logger write into a buffer for the time of a test.
func logging(t *testing.T) *bytes.Buffer {
	t.Helper()
	var out bytes.Buffer
	before := slog.Default()
	t.Cleanup(func() { slog.SetDefault(before) })
	slog.SetDefault(slog.New(slog.NewTextHandler(&out, nil)))
	return &out
}

func TestListenersAreToldOfRefusals(t *testing.T) {
	out := logging(t)
	policy := inMemory(t)
	policy.BeforeWrite("denied", checkrein.DenyAll)
	own := &checkrein.PolicyViolation{Reason: "mine"}
	policy.BeforeWrite("own", func(*checkrein.PolicyContext) checkrein.PolicyAction { panic(own) })
	policy.BeforeWrite("failing", func(ctx *checkrein.PolicyContext) checkrein.PolicyAction { return ctx.Fail(errOwn) })
	var told []error
	handle := policy.OnDenied(func(err error) { told = append(told, err) })
	succeeded(t, handle.Err())
	broken := policy.OnDenied(func(error) { panic(errOwn) })
	for _, key := range []string{"denied", "own", "failing", "fine"} {
		err := policy.Put([]byte(key), nil, nil)
		if key == "fine" {
			succeeded(t, err)
			continue
		}
		// The refusal is what it was, and the listener was told it before.
		last := told[len(told)-1]
		if last.Error() != err.Error() || (key == "own") != (last == error(own)) ||
			errors.Is(last, errOwn) != (key == "failing") {
			t.Errorf("%s: told %v, got %v", key, last, err)
		}
	}
	if len(told) != 3 || !strings.Contains(out.String(), "*errors.errorString") || strings.Contains(out.String(), "boom") {
		t.Errorf("told %v, logged %s", told, out.String())
	}
	if !handle.Remove() || handle.Remove() || !broken.Remove() {
		t.Error("a listener is removed once")
	}
	refused(t, policy.Put([]byte("denied"), nil, nil), checkrein.ErrDenied)
	if len(told) != 3 {
		t.Error("it was told once more")
	}
	refused(t, policy.OnDenied(nil).Err(), checkrein.ErrConfig)
	refused(t, policy.Put([]byte("fine"), nil, nil), checkrein.ErrConfig)
}

// A listener may use the engine: what it starts counts as nested, so that it ends.
func TestAListenerThatIsDeniedItself(t *testing.T) {
	logging(t)
	policy := inMemory(t)
	policy.BeforeWrite("denied", checkrein.DenyAll)
	calls := 0
	policy.OnDenied(func(error) {
		calls++
		_ = policy.Put([]byte("denied"), nil, nil)
	})
	refused(t, policy.Put([]byte("denied"), nil, nil), checkrein.ErrDenied)
	if calls < 10 || calls > 20 {
		t.Errorf("it was told %d times", calls)
	}
}

// Goexit in whatever the core asks for ends the goroutine, and nothing stays open.
func TestGoexitInListenersAndSinks(t *testing.T) {
	leave := func() { runtime.Goexit() }
	for name, set := range map[string]func(*checkrein.PolicyEngine){
		"listener": func(p *checkrein.PolicyEngine) { p.OnDenied(func(error) { leave() }) },
		"sink": func(p *checkrein.PolicyEngine) {
			p.AddAuditSink(func(checkrein.AuditEntry, checkrein.AuditPhase) error { leave(); return nil }, false)
		},
		"strict sink": func(p *checkrein.PolicyEngine) {
			p.AddAuditSink(func(checkrein.AuditEntry, checkrein.AuditPhase) error { leave(); return nil }, true)
		},
	} {
		policy := inMemory(t)
		policy.BeforeWrite("denied", checkrein.DenyAll)
		succeeded(t, policy.EnableAudit(checkrein.AuditOptions{}))
		set(policy)
		if !notReturning(func() { _ = policy.Put([]byte("denied"), nil, nil) }) {
			t.Errorf("%s: it returned", name)
		}
		entries, err := policy.AuditLog(checkrein.AuditFilter{})
		succeeded(t, err)
		if len(entries) != 1 || entries[0].Result != "denied" || checkrein.OpenOperations(policy) != 0 {
			t.Errorf("%s: the audit tells %v", name, entries)
		}
	}
}

func TestSinks(t *testing.T) {
	logging(t)
	policy := inMemory(t)
	policy.BeforeWrite("denied", checkrein.DenyAll)
	var told []string
	take := func(name string) func(checkrein.AuditEntry, checkrein.AuditPhase) error {
		return func(entry checkrein.AuditEntry, phase checkrein.AuditPhase) error {
			if !strings.HasPrefix(entry.String(), "{") || entry.OperationID == "" {
				t.Errorf("got %v", entry)
			}
			told = append(told, fmt.Sprintf("%s %s %s %s", name, phase, entry.Key, entry.Result))
			return nil
		}
	}
	plain := policy.AddAuditSink(take("plain"), false)
	strict := policy.AddAuditSink(take("strict"), true)
	succeeded(t, plain.Err())
	succeeded(t, strict.Err())
	succeeded(t, policy.Put([]byte("k"), nil, nil))
	refused(t, policy.Put([]byte("denied"), nil, nil), checkrein.ErrDenied)
	succeeded(t, policy.Batch([]checkrein.BatchOp{put("a", ""), put("b", "")}, nil))
	slices.Sort(told)
	want := []string{
		"plain  a allowed", "plain  b allowed", "plain  denied denied", "plain  k allowed",
		"strict decided a allowed", "strict decided b allowed", "strict decided k allowed",
		"strict done a allowed", "strict done b allowed", "strict done denied denied", "strict done k allowed",
	}
	if !slices.Equal(told, want) {
		t.Errorf("told %q", told)
	}
	removed, err := policy.RemoveAuditSink(plain)
	again, failure := policy.RemoveAuditSink(plain)
	if !removed || again || err != nil || failure != nil {
		t.Errorf("removed %v, %v, again %v, %v", removed, err, again, failure)
	}
	if removed, err := inMemory(t).RemoveAuditSink(strict); removed || err != nil {
		t.Errorf("another engine's sink was removed: %v", err)
	}
	policy.DisableAudit()
	told = nil
	succeeded(t, policy.Put([]byte("k"), nil, nil))
	if kept := checkrein.HostHooks(policy); kept != 0 || told != nil {
		t.Errorf("%d callables are kept, told %v", kept, told)
	}
	fault := policy.AddAuditSink(nil, false)
	refused(t, fault.Err(), checkrein.ErrConfig)
	refused(t, policy.ClearRegistrationErrors(), checkrein.ErrConfig)
}

func TestSinksThatFail(t *testing.T) {
	out := logging(t)
	for name, how := range map[string]func() error{
		"error": func() error { return errOwn },
		"panic": func() error { panic(errOwn) },
		"own":   func() error { return &checkrein.PolicyViolation{Reason: "mine"} },
	} {
		db := checkrein.OpenMemory()
		policy := checkrein.NewPolicyEngine(db)
		var at atomic.Value
		at.Store(checkrein.PhaseNone)
		sink := func(_ checkrein.AuditEntry, phase checkrein.AuditPhase) error {
			if phase == at.Load() {
				return how()
			}
			return nil
		}
		policy.AddAuditSink(sink, false)
		succeeded(t, policy.Put([]byte("k"), []byte("1"), nil))
		if !strings.Contains(out.String(), "level=WARN") {
			t.Errorf("%s: logged %s", name, out.String())
		}
		policy.AddAuditSink(sink, true)
		at.Store(checkrein.PhaseDecided)
		err := policy.Put([]byte("k"), []byte("2"), nil)
		refused(t, err, checkrein.ErrAuditFailed)
		if errors.Is(err, errOwn) == (name == "own") || violation(t, err).Applied || stored(t, db, "k") != `"1"` {
			t.Errorf("%s: got %#v", name, err)
		}
		at.Store(checkrein.PhaseDone)
		err = policy.Put([]byte("k"), []byte("3"), nil)
		refused(t, err, checkrein.ErrAuditFailed)
		if !violation(t, err).Applied || stored(t, db, "k") != `"3"` {
			t.Errorf("%s: got %#v", name, err)
		}
	}
}

// Listeners and sinks come and go while operations run; none is kept for longer than it is needed.
func TestTellingWhileRegistering(t *testing.T) {
	logging(t)
	policy := inMemory(t)
	policy.BeforeWrite("denied", checkrein.DenyAll)
	var told atomic.Int64
	var stop atomic.Bool
	var operators, registrars sync.WaitGroup
	for range 3 {
		operators.Add(1)
		go func() {
			defer operators.Done()
			for !stop.Load() {
				if err := policy.Put([]byte("denied"), nil, nil); !errors.Is(err, checkrein.ErrDenied) {
					t.Error(err)
				}
			}
		}()
	}
	for n := range 2 {
		registrars.Add(1)
		go func() {
			defer registrars.Done()
			for round := range 200 {
				listener := policy.OnDenied(func(error) { told.Add(1) })
				sink := policy.AddAuditSink(func(checkrein.AuditEntry, checkrein.AuditPhase) error {
					told.Add(1)
					return nil
				}, round%2 == 0)
				if n == 0 && round%50 == 49 {
					policy.DisableAudit()
				}
				if !listener.Remove() {
					t.Error("it was not there")
				}
				if _, err := policy.RemoveAuditSink(sink); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	registrars.Wait()
	stop.Store(true)
	operators.Wait()
	refused(t, policy.Put([]byte("denied"), nil, nil), checkrein.ErrDenied)
	if kept := checkrein.HostHooks(policy); kept != 0 {
		t.Errorf("%d callables are kept", kept)
	}
}
