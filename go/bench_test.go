package checkrein_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	checkrein "github.com/checkrein/checkrein/go"
	"github.com/checkrein/checkrein/go/internal/floor"
)

// obviousEngine is what one would write in an afternoon: a list of patterns behind a lock, in front of a map.
type obviousEngine struct {
	mutex sync.RWMutex
	hooks []obviousHook
	store *memoryStore
}

type obviousHook struct {
	pattern string
	hook    func(key, value []byte, context map[string]string) bool
}

func (e *obviousEngine) Put(key, value []byte, context map[string]string) error {
	e.mutex.RLock()
	for _, hook := range e.hooks {
		if matched, _ := path.Match(hook.pattern, string(key)); matched && !hook.hook(key, value, context) {
			e.mutex.RUnlock()
			return errOwn
		}
	}
	e.mutex.RUnlock()
	return e.store.Put(key, value)
}

func (e *obviousEngine) Get(key []byte, context map[string]string) ([]byte, error) {
	e.mutex.RLock()
	for _, hook := range e.hooks {
		if matched, _ := path.Match(hook.pattern, string(key)); matched && !hook.hook(key, nil, context) {
			e.mutex.RUnlock()
			return nil, errOwn
		}
	}
	e.mutex.RUnlock()
	return e.store.Get(key)
}

var (
	benchKey     = []byte("users/alice/profile")
	benchValue   = []byte("a value of some forty bytes, as an example")
	benchContext = map[string]string{"agent_id": "agent_001", "session_id": "session_42"}
)

// guarded gives an engine over a database in memory with hooks that do not match the key.
func guarded(hooks int, more func(*checkrein.PolicyEngine)) *checkrein.PolicyEngine {
	policy := checkrein.NewPolicyEngine(checkrein.OpenMemory())
	for n := range hooks {
		policy.BeforeWrite(fmt.Sprintf("system/%d/*", n), checkrein.DenyAll)
		policy.BeforeRead(fmt.Sprintf("system/%d/*", n), checkrein.DenyAll)
	}
	if more != nil {
		more(policy)
	}
	if err := policy.Put(benchKey, benchValue, benchContext); err != nil {
		panic(err)
	}
	return policy
}

func putting(policy *checkrein.PolicyEngine, context any) func(*testing.B) {
	return func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := policy.Put(benchKey, benchValue, context); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func getting(policy *checkrein.PolicyEngine, context any) func(*testing.B) {
	return func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := policy.Get(benchKey, context); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func obvious(hooks int, context map[string]string) func(*testing.B) {
	engine := &obviousEngine{store: newMemoryStore()}
	for n := range hooks {
		deny := func([]byte, []byte, map[string]string) bool { return false }
		engine.hooks = append(engine.hooks, obviousHook{fmt.Sprintf("system/%d/*", n), deny})
	}
	return func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := engine.Put(benchKey, benchValue, context); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// inC is the put with ten hooks without Go: what the core takes for it.
func inC(context any) func(*testing.B) {
	put := floor.Putting(10, benchKey, benchValue, checkrein.Pack(context))
	return func(b *testing.B) {
		if !put(b.N) {
			b.Fatal("the loop in C failed")
		}
	}
}

type measure struct {
	name string
	run  func(*testing.B)
}

func measures() []measure {
	database := checkrein.OpenMemory()
	hook := func(p *checkrein.PolicyEngine) { p.BeforeWrite("users/**", allow) }
	limited := func(p *checkrein.PolicyEngine) {
		limit := checkrein.RateLimit{MaxPerSecond: 1_000_000_000, Scope: "agent_id"}
		if p.AddRateLimit("write", limit) != nil || p.EnableAudit(checkrein.AuditOptions{}) != nil {
			panic("the set-up failed")
		}
	}
	sink := func(p *checkrein.PolicyEngine) {
		p.AddAuditSink(func(checkrein.AuditEntry, checkrein.AuditPhase) error { return nil }, false)
	}
	ten := guarded(10, nil)
	return append([]measure{
		{"empty cgo call", func(b *testing.B) {
			for b.Loop() {
				checkrein.EmptyCall()
			}
		}},
		{"bare database: put", func(b *testing.B) {
			for b.Loop() {
				if err := database.Put(benchKey, benchValue); err != nil {
					b.Fatal(err)
				}
			}
		}},
		{"the core alone, no context", inC(nil)},
		{"the core alone, two keys", inC(benchContext)},
		{"put, 10 hooks, no context", putting(ten, nil)},
		{"put, 10 hooks, two keys", putting(ten, benchContext)},
		{"get, 10 hooks, no context", getting(ten, nil)},
		{"get, 10 hooks, two keys", getting(ten, benchContext)},
		{"put, 10,000 hooks, two keys", putting(guarded(10_000, nil), benchContext)},
		{"put, a Go hook, two keys", putting(guarded(10, hook), benchContext)},
		{"put, keyed limit and audit", putting(guarded(10, limited), benchContext)},
		{"put, a Go store, two keys", func(b *testing.B) {
			policy := checkrein.NewPolicyEngine(newMemoryStore())
			policy.BeforeWrite("system/*", checkrein.DenyAll)
			putting(policy, benchContext)(b)
		}},
		{"obvious Go: put, 10 hooks", obvious(10, benchContext)},
		{"put, a sink in Go", putting(guarded(10, sink), benchContext)},
		{"put, a context.Context", func(b *testing.B) {
			b.ReportAllocs()
			ctx, stop := context.WithCancel(checkrein.WithContext(context.Background(), checkrein.Fields{"agent_id": "a"}))
			defer stop()
			for b.Loop() {
				if err := ten.PutContext(ctx, benchKey, benchValue, nil); err != nil {
					b.Fatal(err)
				}
			}
		}},
		{"obvious Go: put, 10,000 hooks", obvious(10_000, benchContext)},
	}, severalMeasures()...)
}

func BenchmarkOperations(b *testing.B) {
	for _, measure := range measures() {
		b.Run(measure.name, measure.run)
	}
}

// BenchmarkParallel is the same put from all processors at once.
func BenchmarkParallel(b *testing.B) {
	policy := guarded(10, nil)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := policy.Get(benchKey, benchContext); err != nil {
				b.Error(err)
			}
		}
	})
}

// TestBenchTable prints the medians of five interleaved rounds and their ratios: CHECKREIN_BENCH=1 go test -count 1 -v
// -run TestBenchTable. It counts the thread's own time, where the system tells it, so that a busy machine shows less.
func TestBenchTable(t *testing.T) {
	if os.Getenv("CHECKREIN_BENCH") == "" {
		t.Skip("set CHECKREIN_BENCH=1 to measure")
	}
	if err := flag.Set("test.benchtime", "200ms"); err != nil {
		t.Fatal(err)
	}
	all := measures()
	taken := make([][]float64, len(all))
	allocs := make([]int64, len(all))
	for range 5 {
		for at, measure := range all {
			result := testing.Benchmark(func(b *testing.B) {
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
				before := threadTime()
				measure.run(b)
				b.ReportMetric(float64(threadTime()-before)/float64(b.N), "own-ns/op")
			})
			taken[at] = append(taken[at], result.Extra["own-ns/op"])
			allocs[at] = result.AllocsPerOp()
		}
	}
	call := median(taken[0])
	fmt.Printf("%-32s %10s %10s %8s %7s\n", "", "ns", "over cgo", "ratio", "allocs")
	for at, measure := range all {
		ns := median(taken[at])
		fmt.Printf("%-32s %10.0f %10.0f %8.2f %7d\n", measure.name, ns, ns-call, ns/call, allocs[at])
	}
}

var started = time.Now()

// threadTime is the time that this thread has run, or the time that has passed.
func threadTime() time.Duration {
	const thread = 1 // RUSAGE_THREAD, where there is one.
	var usage syscall.Rusage
	if syscall.Getrusage(thread, &usage) != nil {
		return time.Since(started)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}
