package checkrein_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	checkrein "github.com/checkrein/checkrein/go"
)

func put(key, value string) checkrein.BatchOp {
	return checkrein.BatchOp{Key: []byte(key), Value: []byte(value)}
}

func remove(key string) checkrein.BatchOp { return checkrein.BatchOp{Delete: true, Key: []byte(key)} }

func stored(t *testing.T, store checkrein.Store, key string) string {
	t.Helper()
	value, err := store.Get([]byte(key))
	succeeded(t, err)
	return shown(value)
}

func TestABatchIsMadeWholeOrNotAtAll(t *testing.T) {
	db := checkrein.OpenMemory()
	policy := checkrein.NewPolicyEngine(db)
	succeeded(t, policy.EnableAudit(checkrein.AuditOptions{}))
	policy.BeforeWrite("system/*", checkrein.DenyAll)
	policy.BeforeWrite("users/*", func(ctx *checkrein.PolicyContext) checkrein.PolicyAction {
		return ctx.Modify(append(ctx.Value, ctx.Key...))
	})
	succeeded(t, policy.Batch(nil, nil))
	succeeded(t, policy.Batch([]checkrein.BatchOp{put("users/a", "1"), put("gone", ""), remove("gone")}, nil))
	if got := stored(t, db, "users/a") + stored(t, db, "gone"); got != `"1users/a"null` {
		t.Errorf("got %s", got)
	}
	err := policy.Batch([]checkrein.BatchOp{put("users/b", "1"), put("system/x", "1")}, nil)
	refused(t, err, checkrein.ErrDenied)
	if refusal := violation(t, err); string(refusal.Key) != "system/x" || stored(t, db, "users/b") != "null" {
		t.Errorf("got %#v", refusal)
	}
	entries, err := policy.AuditLog(checkrein.AuditFilter{})
	succeeded(t, err)
	if len(entries) != 5 || entries[0].OperationID != entries[2].OperationID ||
		entries[3].OperationID == entries[2].OperationID {
		t.Errorf("got %v", entries)
	}
	refused(t, policy.Batch(make([]checkrein.BatchOp, 10_001), nil), checkrein.ErrUsage)
	refused(t, policy.Batch([]checkrein.BatchOp{put("k", "")}, 5), checkrein.ErrUsage)
}

// A store without an atomic batch is not asked, unless one after the other will do.
func TestOneByOne(t *testing.T) {
	store := &failingAt{memoryStore: newMemoryStore(), key: "c"}
	policy := checkrein.NewPolicyEngine(store)
	policy.BeforeWrite("no", checkrein.DenyAll)
	ops := []checkrein.BatchOp{put("a", "1"), put("b", "2"), put("c", "3"), put("d", "4")}
	refused(t, policy.Batch(ops, nil), checkrein.ErrUsage)
	err := policy.Batch(append(slices.Clone(ops), put("no", "")), nil, checkrein.OneByOne())
	refused(t, err, checkrein.ErrDenied)
	if got := stored(t, store, "a"); got != "null" {
		t.Errorf("it was written before all was judged: %s", got)
	}
	err = policy.Batch(ops, nil, checkrein.OneByOne())
	refused(t, err, checkrein.ErrStorePartial)
	var fault *checkrein.StoreError
	if !errors.As(err, &fault) || fault.Applied != 2 || !errors.Is(err, errOwn) {
		t.Errorf("got %#v", err)
	}
	if got := stored(t, store, "b") + stored(t, store, "c") + stored(t, store, "d"); got != `"2"nullnull` {
		t.Errorf("got %s", got)
	}
}

type failingAt struct {
	*memoryStore
	key string
}

func (s *failingAt) Put(key, value []byte) error {
	if string(key) == s.key {
		return errOwn
	}
	return s.memoryStore.Put(key, value)
}

// batching is a store with an atomic batch that may fail.
type batching struct {
	*memoryStore
	fail func() error
	ops  []checkrein.BatchOp
}

func (s *batching) Batch(ops []checkrein.BatchOp) error {
	s.ops = ops
	return s.fail()
}

func TestABatchOfAHostStore(t *testing.T) {
	store := &batching{memoryStore: newMemoryStore(), fail: func() error { return nil }}
	policy := checkrein.NewPolicyEngine(store)
	policy.BeforeWrite("a", func(ctx *checkrein.PolicyContext) checkrein.PolicyAction { return ctx.Modify([]byte("x")) })
	succeeded(t, policy.Batch([]checkrein.BatchOp{put("a", "1"), remove("b"), put("c", "")}, nil))
	got := ""
	for _, op := range store.ops {
		got += fmt.Sprintf("%v %s %s; ", op.Delete, op.Key, shown(op.Value))
	}
	if got != `false a "x"; true b null; false c ""; ` {
		t.Errorf("it was asked for %s", got)
	}
	for _, fail := range []func() error{func() error { return errOwn }, func() error { panic(errOwn) }} {
		store.fail = fail
		err := policy.Batch([]checkrein.BatchOp{put("a", "1")}, nil)
		refused(t, err, checkrein.ErrStore)
		if !errors.Is(err, errOwn) {
			t.Errorf("got %v", err)
		}
	}
}

func TestGetMany(t *testing.T) {
	policy := inMemory(t)
	policy.AfterRead("secret/*", checkrein.RedactValue([]byte("***")))
	policy.AfterRead("hidden/*", checkrein.DenyAll)
	policy.BeforeRead("never/*", checkrein.DenyAll)
	large := bytes.Repeat([]byte("x"), 1<<20)
	for key, value := range map[string][]byte{"a": large, "empty": {}, "secret/a": []byte("s"), "hidden/a": []byte("h")} {
		succeeded(t, policy.Put([]byte(key), value, nil))
	}
	keys := [][]byte{[]byte("a"), []byte("empty"), []byte("none"), []byte("secret/a"), []byte("hidden/a"), []byte("a")}
	values, err := policy.GetMany(keys, checkrein.Fields{"agent_id": "a"})
	succeeded(t, err)
	if len(values) != 6 || !bytes.Equal(values[0], large) || values[1] == nil || len(values[1]) != 0 || values[2] != nil ||
		string(values[3]) != "***" || values[4] != nil || !bytes.Equal(values[5], large) {
		t.Errorf("got %.20q", values)
	}
	values, err = policy.GetMany(nil, nil)
	if len(values) != 0 || err != nil {
		t.Errorf("got %v, %v", values, err)
	}
	values, err = policy.GetMany([][]byte{[]byte("a"), []byte("never/a")}, nil)
	refused(t, err, checkrein.ErrDenied)
	if values != nil {
		t.Errorf("got %.20q", values)
	}
	_, err = checkrein.NewPolicyEngine(failingStore{func() error { return errOwn }}).GetMany(keys, nil)
	refused(t, err, checkrein.ErrStore)
}

// The database's own page and batch, past every hook.
func TestPagesAndBatchesOfTheDatabase(t *testing.T) {
	db := checkrein.OpenMemory()
	succeeded(t, db.Batch(nil))
	succeeded(t, db.Batch([]checkrein.BatchOp{
		put("a/1", "1"), put("a/2", ""), put("b", "x"), put("a/3", "3"), remove("a/1"),
	}))
	page, err := db.Scan([]byte("a/"), nil, 1)
	if len(page) != 1 || string(page[0].Key) != "a/2" || page[0].Value == nil || err != nil {
		t.Errorf("got %q, %v", page, err)
	}
	page, err = db.Scan([]byte("a/"), page[0].Key, 10)
	if len(page) != 1 || string(page[0].Key) != "a/3" || string(page[0].Value) != "3" || err != nil {
		t.Errorf("got %q, %v", page, err)
	}
	// Appending to a key must not reach its value.
	if _ = append(page[0].Key, "xx"...); string(page[0].Value) != "3" {
		t.Errorf("got %q", page[0].Value)
	}
	_, err = db.Scan(nil, nil, 0)
	refused(t, err, checkrein.ErrUsage)
	_, err = db.Scan(nil, nil, -1)
	refused(t, err, checkrein.ErrUsage)
	succeeded(t, db.Close())
	_, err = db.Scan(nil, nil, 1)
	refused(t, err, checkrein.ErrStoreClosed)
	refused(t, db.Batch([]checkrein.BatchOp{put("k", "")}), checkrein.ErrStoreClosed)
	refused(t, (*checkrein.Database)(nil).Batch(nil), checkrein.ErrConfig)
}
