package checkrein_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	checkrein "github.com/checkrein/checkrein/go"
)

// What this language cannot do, or does not need: vectors that need it are left out.
var cannot = map[string]string{
	"awaits":     "hooks and stores are not awaited",
	"awaitables": "there are no awaitables",
	"raises":     "registration errors are remembered",
	"untyped":    "the types rule it out",
	"replies":    "the types rule it out",
	"zeros":      "a field that is 0 is one that is not given",
}

const startWall = 1_700_000_000

// TestConformance runs the vectors that every language runs.
func TestConformance(t *testing.T) {
	paths, err := filepath.Glob("../tests/conformance/vectors/*.json")
	if err != nil {
		t.Fatal(err)
	}
	paths = append(paths, "testdata/runner.json")
	run, left := 0, []string{}
	for _, path := range paths {
		for _, vector := range readVectors(t, path) {
			why := vector.leftOut()
			if why == "unknown" {
				t.Errorf("%s needs what the runner does not know: %v", vector.Name, vector.Needs)
			}
			if why != "" {
				left = append(left, fmt.Sprintf("left out: %s (%s)", vector.Name, why))
				continue
			}
			if path != "testdata/runner.json" {
				run++
			}
			t.Run(vector.Name, func(t *testing.T) { vector.run(t) })
		}
	}
	fmt.Printf("conformance: %d run, %d left out\n", run, len(left))
	for _, line := range left {
		fmt.Println(line)
	}
}

func (v *vector) leftOut() string {
	for _, need := range v.Needs {
		if need == "remembers" {
			continue
		}
		if _, known := cannot[need]; known {
			return "needs " + need
		}
		return "unknown"
	}
	return ""
}

// scripted is a vector under way.
type scripted struct {
	t       *testing.T
	engine  *checkrein.PolicyEngine
	store   checkrein.Store
	clock   *checkrein.ManualClock
	spares  map[string]hookSpec
	handles map[string]*checkrein.HookHandle
	current any
	removed bool

	// The scripted store; nil where there is none.
	beneath   *scriptedStore
	listeners map[string]*checkrein.ListenerHandle
	sinks     map[string]*checkrein.SinkHandle
	told      map[string]toldSpec
	// What came of the last step, where it is no value.
	values    [][]byte
	pairs     pairList
	explained checkrein.Explanation
	// What listeners and sinks were told.
	denied, sunk []map[string]any
}

var errForeign = errors.New("the host's own error")

// What stands in the vectors for a foreign error's type, and for what is no answer.
const (
	foreignType = "*errors.errorString"
	nonsense    = "`nonsense`"
)

func (v *vector) run(t *testing.T) {
	clock := checkrein.NewManualClock()
	clock.SetWall(time.Unix(startWall, 0))
	var store checkrein.Store = checkrein.OpenMemory()
	var beneath *scriptedStore
	if v.Host.Store.Words != nil {
		store, beneath = v.Host.Store.made()
	}
	options := []checkrein.EngineOption{checkrein.WithClock(clock)}
	if v.Policy.MaxOpen != 0 {
		options = append(options, checkrein.WithMaxOpenOperations(v.Policy.MaxOpen))
	}
	if v.Policy.Mode != "" {
		options = append(options, checkrein.WithMode(checkrein.Mode(v.Policy.Mode)))
	}
	options = append(options, checkrein.WithRequireContext(v.Policy.RequireContext...))
	if v.Document != nil {
		document, err := checkrein.ParseDocument(v.Document, "json", "policy.json")
		if err != nil {
			(&scripted{t: t}).checkError(v.Policy.OptionsError, err)
			return
		}
		options = append(options, checkrein.WithDocument(document))
	}
	s := &scripted{
		t: t, clock: clock, store: store, engine: checkrein.NewPolicyEngine(store, options...),
		spares: map[string]hookSpec{}, handles: map[string]*checkrein.HookHandle{}, beneath: beneath,
		listeners: map[string]*checkrein.ListenerHandle{}, sinks: map[string]*checkrein.SinkHandle{},
		told: map[string]toldSpec{},
	}
	if v.Policy.OptionsError != nil {
		_, err := s.engine.Get([]byte("k"), nil)
		s.checkError(v.Policy.OptionsError, err)
		return
	}
	defer s.engine.Close()
	for _, rule := range v.Policy.Hooks {
		handle := register(t, s.engine, rule.On, rule.Keys, rule.helper(t))
		s.checkError(rule.Error, handle.Err())
	}
	for _, limit := range v.Policy.RateLimits {
		s.checkError(limit.Error, s.engine.AddRateLimit(limit.Operation, limit.limit()))
	}
	if audit := v.Policy.Audit; audit != nil {
		s.checkError(audit.Error, s.engine.EnableAudit(checkrein.AuditOptions{MaxEntries: audit.MaxEntries}))
	}
	for _, hook := range v.Host.Hooks {
		if s.spares[hook.Name] = hook; !hook.Spare {
			s.add(hook)
		}
	}
	for _, listener := range v.Host.Listeners {
		s.listen(listener)
	}
	for _, sink := range v.Host.Sinks {
		if s.told[sink.Name] = sink; !sink.Spare {
			s.addSink(sink)
		}
	}
	for at, step := range v.Steps {
		s.step(fmt.Sprintf("step %d (%s)", at+1, step.Do), step)
	}
	if v.Audit != nil {
		s.checkAudit(*v.Audit)
	}
	s.checkTold(v)
}

func (s *scripted) add(hook hookSpec) {
	calls := 0
	handle := register(s.t, s.engine, hook.On, hook.Keys, func(ctx *checkrein.PolicyContext) checkrein.PolicyAction {
		word := hook.Script[min(calls, len(hook.Script)-1)]
		calls++
		return s.answer(ctx, word)
	})
	s.checkError(hook.Error, handle.Err())
	s.handles[hook.Name] = handle
}

// answer does what a word of a hook's script says.
func (s *scripted) answer(ctx *checkrein.PolicyContext, word string) checkrein.PolicyAction {
	name, rest, _ := strings.Cut(word, ":")
	switch name {
	case "allow", "nothing": // A Go hook cannot answer nothing: allowing is how it says that.
		return checkrein.PolicyAllow
	case "deny":
		if rest == "" {
			return checkrein.PolicyDeny
		}
		return ctx.Deny(rest)
	case "log":
		return checkrein.PolicyLog
	case "modify":
		return ctx.Modify(unescaped(rest))
	case "same":
		if ctx.Value == nil {
			return checkrein.PolicyAllow // Where there is no value, the same is no answer.
		}
		return ctx.Modify(ctx.Value)
	case "raise":
		panic(errForeign)
	case "violate":
		panic(&checkrein.PolicyViolation{Reason: rest})
	case "misuse":
		panic(checkrein.NewUsageError(rest))
	case "nonsense":
		return checkrein.PolicyAction("nonsense")
	case "bare_modify":
		return checkrein.PolicyAction("nonsense") // MODIFY without a value cannot be written.
	case "add":
		s.add(s.spares[rest])
		return checkrein.PolicyAllow
	case "remove":
		s.handles[rest].Remove()
		return checkrein.PolicyAllow
	case "put":
		key, value, _ := strings.Cut(rest, "=")
		if err := s.engine.Put(unescaped(key), unescaped(value), s.current); err != nil {
			return ctx.Fail(err)
		}
		return checkrein.PolicyAllow
	case "get":
		if _, err := s.engine.Get(unescaped(rest), s.current); err != nil {
			return ctx.Fail(err)
		}
		return checkrein.PolicyAllow
	case "scan":
		for _, err := range s.engine.Scan(unescaped(rest), s.current) {
			if err != nil {
				return ctx.Fail(err)
			}
		}
		return checkrein.PolicyAllow
	case "cancel":
		runtime.Goexit()
	case "check":
		field, text, _ := strings.Cut(rest, "=")
		_, said := ctx.Lookup(field)
		return allowedIf(said && ctx.Get(field) == text)
	case "lacks":
		_, said := ctx.Lookup(rest)
		return allowedIf(!said)
	case "sees":
		return allowedIf(ctx.Value != nil && string(ctx.Value) == string(unescaped(rest)))
	case "sees_nothing":
		return allowedIf(ctx.Value == nil)
	case "key":
		return allowedIf(string(ctx.Key) == string(unescaped(rest)))
	}
	s.t.Errorf("a word that the runner does not know: %q", word)
	return ""
}

func allowedIf(holds bool) checkrein.PolicyAction {
	if holds {
		return checkrein.PolicyAllow
	}
	return "deny:not what was expected"
}

// step does one step and compares what came of it.
func (s *scripted) step(name string, step stepSpec) {
	s.t.Helper()
	if step.AtNS != nil {
		s.clock.Advance(time.Unix(startWall, 0).Add(time.Duration(*step.AtNS)).Sub(s.clock.Now()))
	}
	s.current, s.values, s.pairs = step.Context, nil, nil
	var value []byte
	var err error
	cancelled := notReturning(func() { value, err = s.do(step) })
	want := step.Expect
	s.checkPairs(name, s.pairs, want.Pairs)
	switch {
	case cancelled != want.Cancelled:
		s.t.Errorf("%s: cancelled %v, want %v", name, cancelled, want.Cancelled)
	case want.Error != nil:
		s.checkError(want.Error, err)
	case err != nil:
		s.t.Errorf("%s: %v", name, err)
	case want.Value != nil:
		if got := shown(value); got != want.Value.shown() {
			s.t.Errorf("%s: got the value %s, want %s", name, got, want.Value.shown())
		}
	case want.Values != nil:
		s.checkValues(name, step, want.Values)
	case want.Explain != nil:
		s.checkExplanation(name, want.Explain)
	case want.Status != nil:
		s.checkStatus(name, step, want.Status)
	case want.Sequences != nil:
		s.checkSequences(name, step, want.Sequences)
	case want.Answer != "":
		s.checkAnswer(name, step, want.Answer)
	case want.Removed != nil:
		if s.removed != *want.Removed {
			s.t.Errorf("%s: removed %v", name, s.removed)
		}
	}
}

func (s *scripted) do(step stepSpec) ([]byte, error) {
	switch step.Do {
	case "put":
		return nil, s.engine.Put(step.Key.bytes, step.Value.bytes, step.Context)
	case "get":
		return s.engine.Get(step.Key.bytes, step.Context)
	case "delete":
		return nil, s.engine.Delete(step.Key.bytes, step.Context)
	case "status":
		_, err := s.engine.RateLimitStatus(step.Operation, step.Context)
		return nil, err
	case "add_rate_limit":
		return nil, s.engine.AddRateLimit(step.Operation, step.limit())
	case "stored":
		if s.beneath != nil {
			return s.beneath.values[string(step.Key.bytes)], nil
		}
		return s.store.Get(step.Key.bytes)
	case "close":
		return nil, s.store.(*checkrein.Database).Close()
	case "add_hook":
		s.add(s.spares[step.Name])
		return nil, nil
	case "remove_hook":
		s.removed = s.handles[step.Name].Remove()
		return nil, nil
	case "enable_audit":
		return nil, s.engine.EnableAudit(checkrein.AuditOptions{MaxEntries: step.MaxEntries})
	case "disable_audit":
		s.engine.DisableAudit()
		return nil, nil
	case "clear_registration_errors":
		s.engine.ClearRegistrationErrors()
		return nil, nil
	case "audit":
		_, err := s.engine.AuditLog(step.filter())
		return nil, err
	case "helper":
		return nil, nil
	}
	return nil, s.doMore(step)
}

func (s *scripted) doMore(step stepSpec) (err error) {
	switch step.Do {
	case "get_many":
		s.values, err = s.engine.GetMany(step.Keys.keys, step.Context)
		return err
	case "batch":
		return s.batch(step)
	case "scan":
		return s.scan(step, &s.pairs)
	case "fill":
		return s.fill(step.Pairs)
	case "explain":
		s.explained, err = s.engine.Explain(step.Operation, step.Key.bytes, step.Context)
		return err
	case "parse":
		var text string
		if err := strict(step.Document, &text); err != nil {
			s.t.Fatal(err)
		}
		_, err := checkrein.ParseDocument([]byte(text), step.Format, "policy."+step.Format)
		return err
	case "reload":
		document, err := checkrein.ParseDocument(step.Document, "json", "policy.json")
		if err != nil {
			return err
		}
		return s.engine.Reload(document)
	case "remove_listener":
		s.removed = s.listeners[step.Name].Remove()
		return nil
	case "add_sink":
		s.addSink(s.told[step.Name])
		return nil
	case "remove_sink":
		s.removed, err = s.engine.RemoveAuditSink(s.sinks[step.Name])
		return err
	}
	s.t.Errorf("a step that the runner does not know: %q", step.Do)
	return nil
}

// notReturning runs f in a goroutine of its own and says whether it went away without returning.
func notReturning(f func()) bool {
	returned := false
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
		returned = true
	}()
	<-done
	return !returned
}

func discard() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func TestMain(m *testing.M) {
	slog.SetDefault(discard())
	os.Exit(m.Run())
}
