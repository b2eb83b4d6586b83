package checkrein_test

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	checkrein "github.com/checkrein/checkrein/go"
)

// walked gives the keys of a scan and the error that it ended with.
func walked(pairs iter.Seq2[checkrein.Pair, error]) (keys []string, failure error) {
	for pair, err := range pairs {
		if err != nil {
			failure = err
			continue
		}
		keys = append(keys, string(pair.Key))
	}
	return keys, failure
}

// three gives an engine with an audit over the keys a/1, a/2 and a/3.
func three(t *testing.T) *checkrein.PolicyEngine {
	t.Helper()
	db := checkrein.OpenMemory()
	succeeded(t, db.Batch([]checkrein.BatchOp{put("a/1", "1"), put("a/2", "2"), put("a/3", "3"), put("b", "x")}))
	policy := checkrein.NewPolicyEngine(db)
	succeeded(t, policy.EnableAudit(checkrein.AuditOptions{}))
	return policy
}

// ended compares the audit's last entry.
func ended(t *testing.T, policy *checkrein.PolicyEngine, result, reason string, given, withheld uint64) {
	t.Helper()
	entries, err := policy.AuditLog(checkrein.AuditFilter{Limit: 1})
	succeeded(t, err)
	if len(entries) != 1 {
		t.Fatal("the audit tells nothing")
	}
	entry, told := entries[0], ""
	if entry.Reason != nil {
		told = *entry.Reason
	}
	if entry.Operation != "scan" || entry.Result != result || !strings.Contains(told, reason) || *entry.Given != given ||
		*entry.Withheld != withheld {
		t.Errorf("the audit tells %v, want %s (%s), %d given, %d withheld", entry, result, reason, given, withheld)
	}
	if open := checkrein.OpenOperations(policy); open != 0 {
		t.Errorf("%d operations are open", open)
	}
}

func TestScanIsGuarded(t *testing.T) {
	policy := three(t)
	policy.BeforeRead("a/1", checkrein.DenyAll)
	policy.AfterRead("a/*", func(ctx *checkrein.PolicyContext) checkrein.PolicyAction {
		if ctx.Operation != "read" || ctx.AgentID != "alice" {
			return ctx.Fail(errOwn)
		}
		return ctx.Modify(append(ctx.Value, '!'))
	})
	pairs := policy.Scan([]byte("a/"), checkrein.Fields{"agent_id": "alice"})
	for range 2 { // A sequence may be ranged over again: another scan.
		got := ""
		for pair, err := range pairs {
			succeeded(t, err)
			got += string(pair.Key) + string(pair.Value)
		}
		if got != "a/22!a/33!" {
			t.Errorf("got %s", got)
		}
		ended(t, policy, "redacted", "", 2, 1)
	}
	keys, err := walked(policy.Scan([]byte("a/"), nil))
	refused(t, err, checkrein.ErrHookFailed)
	if len(keys) != 0 || !errors.Is(err, errOwn) {
		t.Errorf("got %v, %v", keys, err)
	}
	keys, err = walked(policy.Scan([]byte("none"), nil))
	if len(keys) != 0 || err != nil {
		t.Errorf("got %v, %v", keys, err)
	}
	_, err = walked(policy.Scan(nil, "nonsense"))
	refused(t, err, checkrein.ErrUsage)
	succeeded(t, policy.Close())
	_, err = walked(pairs)
	refused(t, err, checkrein.ErrUsage)
}

// However the loop is left, the scan ends there, and what leaves it goes on as itself.
func TestAScanThatIsLeft(t *testing.T) {
	leave := map[string]func(){"break": nil, "panic": func() { panic(errOwn) }, "goexit": runtime.Goexit}
	for name, how := range leave {
		policy := three(t)
		returned := false
		caught := make(chan any, 1)
		gone := notReturning(func() {
			defer func() { caught <- recover() }()
			for _, err := range policy.Scan([]byte("a/"), nil) {
				if err != nil {
					t.Error(err)
				}
				if how == nil {
					break
				}
				how()
			}
			returned = true
		})
		value := <-caught
		if (value == errOwn) != (name == "panic") || gone != (name == "goexit") || returned != (name == "break") {
			t.Errorf("%s: caught %v, gone %v, returned %v", name, value, gone, returned)
		}
		ended(t, policy, "allowed", "abandoned", 1, 0)
	}
	policy := three(t)
	next, stop := iter.Pull2(policy.Scan([]byte("a/"), nil))
	for range 2 {
		if _, err, more := next(); err != nil || !more {
			t.Fatal(err, more)
		}
	}
	if checkrein.OpenOperations(policy) != 1 {
		t.Error("it is not counted")
	}
	stop()
	ended(t, policy, "allowed", "abandoned", 2, 0)
}

func TestGoexitInAHookOfAScan(t *testing.T) {
	policy := three(t)
	policy.AfterRead("a/2", func(*checkrein.PolicyContext) checkrein.PolicyAction {
		runtime.Goexit()
		return checkrein.PolicyAllow
	})
	if !notReturning(func() { _, _ = walked(policy.Scan(nil, nil)) }) {
		t.Fatal("it returned")
	}
	ended(t, policy, "allowed", "abandoned", 1, 0)
}

// What was given stays given; the limit's error comes with the last turn.
func TestAScanThatRunsOutOfTokens(t *testing.T) {
	policy := three(t)
	succeeded(t, policy.AddRateLimit("read", checkrein.RateLimit{MaxPerHour: 2}))
	keys, err := walked(policy.Scan(nil, nil))
	refused(t, err, checkrein.ErrRateLimited)
	if !slices.Equal(keys, []string{"a/1", "a/2"}) {
		t.Errorf("got %v", keys)
	}
	ended(t, policy, "rate_limited", "", 2, 0)
}

// A hook may write, and scan itself, while a scan goes on; a scan of its own keys ends with an error.
func TestScansNest(t *testing.T) {
	policy := three(t)
	policy.AfterRead("a/*", func(ctx *checkrein.PolicyContext) checkrein.PolicyAction {
		if err := policy.Put(append([]byte("log/"), ctx.Key...), nil, nil); err != nil {
			return ctx.Fail(err)
		}
		if _, err := walked(policy.Scan([]byte("log/"), nil)); err != nil {
			return ctx.Fail(err)
		}
		return checkrein.PolicyAllow
	})
	keys, err := walked(policy.Scan(nil, nil))
	if err != nil || !slices.Contains(keys, "a/3") {
		t.Errorf("got %v, %v", keys, err)
	}
	policy.BeforeRead("b", func(ctx *checkrein.PolicyContext) checkrein.PolicyAction {
		_, err := walked(policy.Scan([]byte("b"), nil))
		return ctx.Fail(err)
	})
	_, err = walked(policy.Scan([]byte("b"), nil))
	refused(t, err, checkrein.ErrNestingLimit)
}

// paged is a store of the host that can be scanned, as it is told.
type paged struct {
	*memoryStore
	page func(prefix, after []byte, limit int) ([]checkrein.Pair, error)
}

func (s *paged) Scan(prefix, after []byte, limit int) ([]checkrein.Pair, error) {
	return s.page(prefix, after, limit)
}

func TestAScanOfAHostStore(t *testing.T) {
	store := &paged{memoryStore: newMemoryStore()}
	calls := []string{}
	store.page = func(prefix, after []byte, limit int) ([]checkrein.Pair, error) {
		calls = append(calls, fmt.Sprintf("%s %s", prefix, shown(after)))
		var page []checkrein.Pair
		for n := range 1_000 {
			key := fmt.Appendf(nil, "k/%03d", n)
			if bytes.Compare(key, after) > 0 && len(page) < limit {
				page = append(page, checkrein.Pair{Key: key}) // A value that is nil is an empty one.
			}
		}
		return page, nil
	}
	policy := checkrein.NewPolicyEngine(store)
	policy.BeforeRead("other", checkrein.DenyAll)
	count := 0
	for pair, err := range policy.Scan([]byte("k/"), nil) {
		succeeded(t, err)
		if want := fmt.Sprintf("k/%03d", count); string(pair.Key) != want || pair.Value == nil {
			t.Fatalf("got %q", pair)
		}
		count++
	}
	if count != 1_000 || len(calls) != 5 || calls[0] != "k/ null" || calls[1] != `k/ "k/255"` {
		t.Errorf("%d pairs, asked %q", count, calls)
	}
	pair := func(key string) checkrein.Pair { return checkrein.Pair{Key: []byte(key), Value: []byte("v")} }
	for name, page := range map[string]func([]byte, []byte, int) ([]checkrein.Pair, error){
		"error": func(_, _ []byte, _ int) ([]checkrein.Pair, error) { return nil, errOwn },
		"panic": func(_, _ []byte, _ int) ([]checkrein.Pair, error) { panic(errOwn) },
		"order": func(_, _ []byte, _ int) ([]checkrein.Pair, error) {
			return []checkrein.Pair{pair("k/2"), pair("k/1")}, nil
		},
		"equal": func(_, _ []byte, _ int) ([]checkrein.Pair, error) {
			return []checkrein.Pair{pair("k/1"), pair("k/1")}, nil
		},
		"the prefix": func(_, _ []byte, _ int) ([]checkrein.Pair, error) { return []checkrein.Pair{pair("x")}, nil },
		"no end":     func(_, _ []byte, _ int) ([]checkrein.Pair, error) { return []checkrein.Pair{pair("k/1")}, nil },
		"too many": func(_, _ []byte, limit int) (page []checkrein.Pair, err error) {
			for n := range limit + 1 {
				page = append(page, pair(fmt.Sprintf("k/%05d", n)))
			}
			return page, nil
		},
	} {
		store.page = page
		keys, err := walked(policy.Scan([]byte("k/"), nil))
		refused(t, err, checkrein.ErrStore)
		if given := len(keys); given != 0 && name != "no end" {
			t.Errorf("%s: %d pairs were given", name, given)
		}
	}
	_, err := walked(checkrein.NewPolicyEngine(newMemoryStore()).Scan(nil, nil))
	refused(t, err, checkrein.ErrUsage)
}

// Scans, writes and registrations at once: each scan sees its keys in order, and every one that was there all the time.
func TestScanningWhileWriting(t *testing.T) {
	db := checkrein.OpenMemory()
	policy := checkrein.NewPolicyEngine(db)
	for n := range 1_000 {
		succeeded(t, db.Put(fmt.Appendf(nil, "k/%04d", n*2), nil))
	}
	policy.AfterRead("k/*", func(*checkrein.PolicyContext) checkrein.PolicyAction { return checkrein.PolicyAllow })
	var stop atomic.Bool
	var writers, readers sync.WaitGroup
	for worker := range 2 {
		writers.Add(1)
		go func() {
			defer writers.Done()
			for n := 0; !stop.Load(); n = (n + 7) % 1_000 {
				key := fmt.Appendf(nil, "k/%04d", n*2+1)
				if err := policy.Put(key, key, nil); err != nil {
					t.Error(err)
				}
				if worker == 0 {
					policy.AfterRead("other", allow).Remove()
				}
				if err := policy.Delete(key, nil); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	for range 3 {
		readers.Add(1)
		go func() {
			defer readers.Done()
			for range 5 {
				keys, err := walked(policy.Scan([]byte("k/"), nil))
				if err != nil || !slices.IsSorted(keys) {
					t.Error(err, len(keys))
				}
				there := 0
				for _, key := range keys {
					if (key[len(key)-1]-'0')%2 == 0 {
						there++
					}
				}
				if there != 1_000 {
					t.Errorf("%d of 1,000 keys were seen", there)
				}
			}
		}()
	}
	readers.Wait()
	stop.Store(true)
	writers.Wait()
	if open := checkrein.OpenOperations(policy); open != 0 {
		t.Errorf("%d operations are open", open)
	}
}
