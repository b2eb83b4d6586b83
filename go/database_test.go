package checkrein_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	checkrein "github.com/checkrein/checkrein/go"
)

func TestDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	for _, option := range []checkrein.DatabaseOption{
		checkrein.WithDurability(checkrein.DurabilityRelaxed), checkrein.WithDurability(checkrein.DurabilitySync),
	} {
		db, err := checkrein.Open(path, option)
		succeeded(t, err)
		succeeded(t, db.Put([]byte("k"), []byte("v")))
		value, err := db.Get([]byte("k"))
		if string(value) != "v" || err != nil {
			t.Fatalf("got %q, %v", value, err)
		}
		succeeded(t, db.Flush())
		_, err = checkrein.Open(path)
		refused(t, err, checkrein.ErrStoreLocked)
		var store *checkrein.StoreError
		if !errors.As(err, &store) {
			t.Fatalf("got %#v", err)
		}
		succeeded(t, db.Close())
		succeeded(t, db.Close())
		_, err = db.Get([]byte("k"))
		refused(t, err, checkrein.ErrStoreClosed)
		refused(t, db.Put([]byte("k"), nil), checkrein.ErrStoreClosed)
		refused(t, db.Delete([]byte("k")), checkrein.ErrStoreClosed)
		refused(t, db.Flush(), checkrein.ErrStoreClosed)
	}
	db, err := checkrein.Open(path)
	succeeded(t, err)
	defer db.Close()
	value, err := db.Get([]byte("k"))
	if string(value) != "v" || err != nil {
		t.Fatalf("after opening again: %q, %v", value, err)
	}
	succeeded(t, db.Put([]byte("k"), nil))
	value, err = db.Get([]byte("k"))
	if value == nil || len(value) != 0 || err != nil {
		t.Fatalf("an empty value: %#v, %v", value, err)
	}
	succeeded(t, db.Delete([]byte("k")))
	value, err = db.Get([]byte("k"))
	if value != nil || err != nil {
		t.Fatalf("a deleted key: %#v, %v", value, err)
	}
	refused(t, db.Put(bytes.Repeat([]byte("k"), 1<<20+1), nil), checkrein.ErrUsage)
}

func TestADamagedDatabaseIsNotOpened(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	db, err := checkrein.Open(path)
	succeeded(t, err)
	succeeded(t, db.Put([]byte("k"), []byte("v")))
	succeeded(t, db.Close())
	files, err := filepath.Glob(filepath.Join(path, "*"))
	succeeded(t, err)
	for _, file := range files {
		content, err := os.ReadFile(file)
		succeeded(t, err)
		for at := range content {
			content[at] ^= 0x5a
		}
		succeeded(t, os.WriteFile(file, content, 0o600))
	}
	_, err = checkrein.Open(path)
	refused(t, err, checkrein.ErrStoreDamaged)

	_, err = checkrein.Open(filepath.Join(files[0], "below a file"))
	refused(t, err, checkrein.ErrStore)
	_, err = checkrein.Open(path, checkrein.WithDurability("quick"))
	refused(t, err, checkrein.ErrConfig)
}

// An engine over a store that cannot be used refuses everything, for those who ignored the error of Open.
func TestAnEngineOverNoStoreRefuses(t *testing.T) {
	db, err := checkrein.Open(filepath.Join(t.TempDir(), "file", "\x00"))
	if err == nil {
		t.Fatal("it was opened")
	}
	memory := checkrein.OpenMemory()
	for _, policy := range []*checkrein.PolicyEngine{
		checkrein.NewPolicyEngine(db),
		checkrein.NewPolicyEngine(nil),
		checkrein.NewPolicyEngine(memory, checkrein.WithClock(nil)),
		checkrein.NewPolicyEngine(memory, checkrein.WithClock(&checkrein.ManualClock{})),
		checkrein.NewPolicyEngine(memory, checkrein.WithMaxOpenOperations(0)),
	} {
		handle := policy.BeforeWrite("*", allow)
		refused(t, policy.Err(), checkrein.ErrConfig)
		refused(t, handle.Err(), checkrein.ErrConfig)
		refused(t, policy.Put([]byte("k"), nil, nil), checkrein.ErrConfig)
		_, err := policy.Get([]byte("k"), nil)
		refused(t, err, checkrein.ErrConfig)
		refused(t, policy.Delete([]byte("k"), nil), checkrein.ErrConfig)
		refused(t, policy.AddRateLimit("write", checkrein.RateLimit{MaxPerHour: 1}), checkrein.ErrConfig)
		refused(t, policy.EnableAudit(checkrein.AuditOptions{}), checkrein.ErrConfig)
		_, err = policy.AuditLog(checkrein.AuditFilter{})
		refused(t, err, checkrein.ErrConfig)
		_, err = policy.RateLimitStatus("write", nil)
		refused(t, err, checkrein.ErrConfig)
		policy.DisableAudit()
		policy.ClearRegistrationErrors()
		refused(t, policy.Put([]byte("k"), nil, nil), checkrein.ErrConfig)
		if handle.Remove() {
			t.Error("nothing was registered")
		}
		succeeded(t, policy.Close())
	}
}

func TestClosedEngine(t *testing.T) {
	policy := inMemory(t)
	handle := policy.BeforeWrite("*", allow)
	succeeded(t, policy.Close())
	succeeded(t, policy.Close())
	refused(t, policy.Put([]byte("k"), nil, nil), checkrein.ErrUsage)
	refused(t, policy.BeforeWrite("*", allow).Err(), checkrein.ErrUsage)
	refused(t, policy.AddRateLimit("write", checkrein.RateLimit{MaxPerHour: 1}), checkrein.ErrUsage)
	if handle.Remove() || policy.ClearRegistrationErrors() != nil {
		t.Error("it is closed")
	}
	db := checkrein.OpenMemory()
	over := checkrein.NewPolicyEngine(db)
	succeeded(t, db.Close())
	refused(t, over.Put([]byte("k"), nil, nil), checkrein.ErrStoreClosed)
}

// memoryStore is a store of the user's.
type memoryStore struct {
	mutex  sync.Mutex
	values map[string][]byte
}

func newMemoryStore() *memoryStore { return &memoryStore{values: map[string][]byte{}} }

func (s *memoryStore) Put(key, value []byte) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.values[string(key)] = append([]byte{}, value...)
	return nil
}

func (s *memoryStore) Get(key []byte) ([]byte, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.values[string(key)], nil
}

func (s *memoryStore) Delete(key []byte) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	delete(s.values, string(key))
	return nil
}

func TestAStoreOfTheUsers(t *testing.T) {
	store := newMemoryStore()
	policy := checkrein.NewPolicyEngine(store)
	defer policy.Close()
	policy.BeforeWrite("*", func(ctx *checkrein.PolicyContext) checkrein.PolicyAction {
		return ctx.Modify(bytes.ToUpper(ctx.Value))
	})
	succeeded(t, policy.Put([]byte("k"), []byte("v"), nil))
	if string(store.values["k"]) != "V" {
		t.Errorf("stored %q", store.values["k"])
	}
	value, err := policy.Get([]byte("k"), nil)
	if string(value) != "V" || err != nil {
		t.Errorf("got %q, %v", value, err)
	}
	succeeded(t, policy.Put([]byte("empty"), nil, nil))
	value, err = policy.Get([]byte("empty"), nil)
	if value == nil || len(value) != 0 || err != nil {
		t.Errorf("got %#v, %v", value, err)
	}
	succeeded(t, policy.Delete([]byte("k"), nil))
	value, err = policy.Get([]byte("k"), nil)
	if value != nil || err != nil {
		t.Errorf("got %q, %v", value, err)
	}
}

// wholeStore is a store of the host with all that one may have.
type wholeStore struct{ *memoryStore }

func (s wholeStore) Scan(prefix, after []byte, limit int) ([]checkrein.Pair, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	var page []checkrein.Pair
	for _, key := range slices.Sorted(maps.Keys(s.values)) {
		if strings.HasPrefix(key, string(prefix)) && (after == nil || key > string(after)) && len(page) < limit {
			page = append(page, checkrein.Pair{Key: []byte(key), Value: s.values[key]})
		}
	}
	return page, nil
}

func (s wholeStore) Batch(ops []checkrein.BatchOp) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, op := range ops {
		if op.Delete {
			delete(s.values, string(op.Key))
		} else {
			s.values[string(op.Key)] = append([]byte{}, op.Value...)
		}
	}
	return nil
}

// failingStore fails as it is told.
type failingStore struct{ fail func() error }

func (s failingStore) Put(_, _ []byte) error        { return s.fail() }
func (s failingStore) Get(_ []byte) ([]byte, error) { return nil, s.fail() }
func (s failingStore) Delete(_ []byte) error        { return s.fail() }

func TestAStoreThatFails(t *testing.T) {
	own := &checkrein.PolicyViolation{Reason: "the store's own policy"}
	for name, store := range map[string]failingStore{
		"error":   {func() error { return errOwn }},
		"panic":   {func() error { panic(errOwn) }},
		"wrapped": {func() error { return fmt.Errorf("at the disk: %w", errOwn) }},
	} {
		policy := checkrein.NewPolicyEngine(store)
		_, read := policy.Get([]byte("k"), nil)
		for _, err := range []error{policy.Put([]byte("k"), nil, nil), policy.Delete([]byte("k"), nil), read} {
			refused(t, err, checkrein.ErrStore)
			var failure *checkrein.StoreError
			if !errors.Is(err, errOwn) || !errors.As(err, &failure) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	policy := checkrein.NewPolicyEngine(failingStore{func() error { return own }})
	if err := policy.Put([]byte("k"), nil, nil); err != error(own) {
		t.Errorf("got %v, want the very object", err)
	}
	policy = checkrein.NewPolicyEngine(failingStore{func() error { runtime.Goexit(); return nil }})
	succeeded(t, policy.EnableAudit(checkrein.AuditOptions{}))
	if !notReturning(func() { _ = policy.Put([]byte("k"), nil, nil) }) {
		t.Fatal("the call returned")
	}
	entries, err := policy.AuditLog(checkrein.AuditFilter{})
	if len(entries) != 1 || entries[0].Result != "unknown" || err != nil {
		t.Errorf("got %v, %v", entries, err)
	}
}

// A store that uses the engine above it ends with an error, not with the stack.
func TestAStoreThatRecursesIsRefused(t *testing.T) {
	var policy *checkrein.PolicyEngine
	store := failingStore{func() error { return policy.Put([]byte("k"), nil, nil) }}
	policy = checkrein.NewPolicyEngine(store, checkrein.WithMaxOpenOperations(100))
	refused(t, policy.Put([]byte("k"), nil, nil), checkrein.ErrOpenLimit)
}
