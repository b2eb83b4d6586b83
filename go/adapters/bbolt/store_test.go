package bboltstore_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	checkrein "github.com/checkrein/checkrein/go"
	bboltstore "github.com/checkrein/checkrein/go/adapters/bbolt"
	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"
)

var bucket = []byte("agents")

// opened is a database on disk with a store over one of its buckets.
func opened(t *testing.T) (*bbolt.DB, *bboltstore.Store) {
	t.Helper()
	db, err := bbolt.Open(filepath.Join(t.TempDir(), "agents.db"), 0o600, nil)
	succeeded(t, err)
	t.Cleanup(func() { succeeded(t, db.Close()) })
	store, err := bboltstore.New(db, bucket)
	succeeded(t, err)
	return db, store
}

func succeeded(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// failed wants an error of bbolt's with words of the adapter's in the message.
func failed(t *testing.T, err, want error, words string) {
	t.Helper()
	if !errors.Is(err, want) || !strings.Contains(err.Error(), words) {
		t.Fatalf("got %v, want %v that says %q", err, want, words)
	}
}

// keysOf asks for one page and gives its keys, each of which must be its own value.
func keysOf(t *testing.T, store *bboltstore.Store, prefix, after []byte, limit int) [][]byte {
	t.Helper()
	page, err := store.Scan(prefix, after, limit)
	succeeded(t, err)
	keys := [][]byte{}
	for _, pair := range page {
		if !bytes.Equal(pair.Key, pair.Value) {
			t.Fatalf("the value of %q is %q", pair.Key, pair.Value)
		}
		keys = append(keys, pair.Key)
	}
	return keys
}

func TestGuarded(t *testing.T) {
	db, store := opened(t)
	policy := checkrein.NewPolicyEngine(store)
	defer policy.Close()
	policy.BeforeWrite("system/*", checkrein.DenyAll)
	policy.AfterRead("users/*/email", checkrein.RedactValue([]byte("[REDACTED]")))
	policy.EnableAudit(checkrein.AuditOptions{})

	value, err := policy.Get([]byte("users/1/name"), nil)
	if value != nil || err != nil {
		t.Fatalf("a missing key gave %q, %v", value, err)
	}
	for key, want := range map[string]string{"users/1/name": "Ada", "users/1/email": "[REDACTED]", "\xff\xfe\x00": ""} {
		stored := want
		if want == "[REDACTED]" {
			stored = "ada@example.org"
		}
		succeeded(t, policy.Put([]byte(key), []byte(stored), nil))
		value, err = policy.Get([]byte(key), nil)
		if value == nil || string(value) != want || err != nil {
			t.Fatalf("%q gave %#v, %v", key, value, err)
		}
		succeeded(t, db.View(func(tx *bbolt.Tx) error {
			if found := tx.Bucket(bucket).Get([]byte(key)); string(found) != stored {
				t.Errorf("bbolt holds %q under %q", found, key)
			}
			return nil
		}))
	}

	err = policy.Put([]byte("system/config"), []byte("v"), nil)
	if !errors.Is(err, checkrein.ErrDenied) {
		t.Fatalf("got %v", err)
	}
	value, err = store.Get([]byte("system/config"))
	if value != nil || err != nil {
		t.Fatalf("what was denied is there: %q, %v", value, err)
	}
	for range 2 {
		succeeded(t, policy.Delete([]byte("users/1/name"), nil))
		value, err = policy.Get([]byte("users/1/name"), nil)
		if value != nil || err != nil {
			t.Fatalf("a deleted key gave %q, %v", value, err)
		}
	}
}

func TestKeysThatBboltDoesNotKeep(t *testing.T) {
	db, store := opened(t)
	policy := checkrein.NewPolicyEngine(store)
	defer policy.Close()
	policy.AfterRead("nothing", checkrein.AllowAll)
	succeeded(t, db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.Bucket(bucket).CreateBucket([]byte("inner"))
		return err
	}))
	long := bytes.Repeat([]byte("k"), bbolt.MaxKeySize+1)
	for _, empty := range [][]byte{nil, {}} {
		failed(t, policy.Put(empty, []byte("v"), nil), bbolterrors.ErrKeyRequired, "the key is empty")
	}
	failed(t, policy.Put(long, []byte("v"), nil), bbolterrors.ErrKeyTooLarge, "32769 bytes, and bbolt keeps at most 32768")
	failed(t, policy.Put([]byte("inner"), nil, nil), bbolterrors.ErrIncompatibleValue, "`inner` is a bucket")
	failed(t, policy.Delete([]byte("inner"), nil), bbolterrors.ErrIncompatibleValue, "`inner` is a bucket")
	var fault *checkrein.StoreError
	if err := policy.Put(nil, nil, nil); !errors.As(err, &fault) || fault.Code() != "store" {
		t.Fatalf("got %#v", err)
	}
	// None of them is there, so there is nothing to read and nothing to remove.
	for _, key := range [][]byte{nil, {}, long, []byte("inner")} {
		value, err := policy.Get(key, nil)
		if value != nil || err != nil {
			t.Fatalf("%.10q gave %q, %v", key, value, err)
		}
		if string(key) != "inner" {
			succeeded(t, policy.Delete(key, nil))
		}
	}
	succeeded(t, policy.Put(long[1:], []byte("v"), nil))
}

func TestScanIsInTheOrderOfTheBytes(t *testing.T) {
	db, store := opened(t)
	keys := [][]byte{
		{0}, {0, 0xff}, []byte("a"), []byte("a\x00b"), []byte("a/"), []byte("a/1"), []byte("a/2"), []byte("a/\xff"),
		[]byte("a/\xff\xff"), []byte("a0"), []byte("b"), {0xc3}, {0xff}, {0xff, 0}, {0xff, 0xff}, {0xff, 0xff, 1},
	}
	shuffled := slices.Clone(keys)
	slices.Reverse(shuffled)
	for _, key := range shuffled {
		succeeded(t, store.Put(key, key))
	}
	// Buckets inside the bucket are no entries, and a page of nothing but them is not the end.
	succeeded(t, db.Update(func(tx *bbolt.Tx) error {
		for _, name := range []string{"a/11", "a/12", "zz"} {
			if _, err := tx.Bucket(bucket).CreateBucket([]byte(name)); err != nil {
				return err
			}
		}
		return nil
	}))
	prefixes := append(slices.Clone(keys), nil, []byte{}, []byte("nothing"), []byte{0xff, 0xff, 0xff})
	prefixes = append(prefixes, []byte("a/\xff\xff\xff"))
	afters := append(slices.Clone(keys), nil, []byte{}, []byte("a/15"), []byte("zz"), []byte{0xff, 0xff, 0xff})
	for _, prefix := range prefixes {
		for _, after := range afters {
			want := [][]byte{}
			for _, key := range keys {
				if bytes.HasPrefix(key, prefix) && bytes.Compare(key, after) > 0 {
					want = append(want, key)
				}
			}
			for _, limit := range []int{1, 2, 100} {
				got := keysOf(t, store, prefix, after, limit)
				if !slices.EqualFunc(got, want[:min(limit, len(want))], bytes.Equal) {
					t.Fatalf("prefix %q after %q limit %d gave %q, want of %q", prefix, after, limit, got, want)
				}
			}
		}
	}
	for _, limit := range []int{0, -1} {
		if _, err := store.Scan(nil, nil, limit); err == nil {
			t.Fatalf("a limit of %d was taken: its page would end the scan", limit)
		}
	}
	empty, err := bboltstore.New(db, []byte("empty"))
	succeeded(t, err)
	for _, bound := range [][]byte{nil, {}, []byte("a")} {
		if got := keysOf(t, empty, bound, bound, 10); len(got) != 0 {
			t.Fatalf("an empty bucket gave %q", got)
		}
	}
}

func TestScanOfTenThousandKeys(t *testing.T) {
	_, store := opened(t)
	var ops []checkrein.BatchOp
	var sorted [][]byte
	for n := range 10_000 {
		// Spread over the bytes, in no order: 40,503 has no common factor with 65,536.
		key := append(binary.BigEndian.AppendUint16([]byte("k"), uint16(n*40_503)), byte(n))
		ops = append(ops, checkrein.BatchOp{Key: key, Value: key})
		sorted = append(sorted, key)
	}
	ops = append(ops, checkrein.BatchOp{Key: []byte("j")}, checkrein.BatchOp{Key: []byte("l")})
	succeeded(t, store.Batch(ops))
	slices.SortFunc(sorted, bytes.Compare)
	for _, limit := range []int{777, 1_000, 20_000} {
		var found [][]byte
		var after []byte
		for {
			page := keysOf(t, store, []byte("k"), after, limit)
			if len(page) == 0 {
				break
			}
			found = append(found, page...)
			after = page[len(page)-1]
		}
		if !slices.EqualFunc(found, sorted, bytes.Equal) {
			t.Fatalf("pages of %d gave %d keys that are not the sorted list", limit, len(found))
		}
	}
}

func TestPageOfLargeValuesIsShorter(t *testing.T) {
	_, store := opened(t)
	large := bytes.Repeat([]byte("v"), 1<<20)
	for n := range 10 {
		succeeded(t, store.Put(fmt.Appendf(nil, "k%d", n), large))
	}
	page, err := store.Scan(nil, nil, 1_000)
	if len(page) != 4 || err != nil {
		t.Fatalf("%d entries, %v", len(page), err)
	}
	page, err = store.Scan(nil, page[3].Key, 1)
	if len(page) != 1 || string(page[0].Key) != "k4" || err != nil {
		t.Fatalf("%d entries, %v", len(page), err)
	}
}

func TestBatchIsMadeWholeOrNotAtAll(t *testing.T) {
	_, store := opened(t)
	succeeded(t, store.Put([]byte("old"), []byte("old")))
	succeeded(t, store.Batch(nil))
	succeeded(t, store.Batch([]checkrein.BatchOp{
		{Key: []byte("a"), Value: []byte("1")},
		{Key: []byte("a"), Value: []byte("a")},
		{Key: []byte("gone"), Value: []byte("1")},
		{Delete: true, Key: []byte("gone"), Value: []byte("not looked at")},
		{Delete: true, Key: []byte("old")},
		{Delete: true, Key: []byte("never")},
		{Delete: true},
	}))
	want := [][]byte{[]byte("a")}
	if got := keysOf(t, store, nil, nil, 10); !slices.EqualFunc(got, want, bytes.Equal) {
		t.Fatalf("got %q", got)
	}
	// One change that cannot be made, behind others that can.
	failed(t, store.Batch([]checkrein.BatchOp{
		{Key: []byte("b"), Value: []byte("b")},
		{Delete: true, Key: []byte("a")},
		{Key: nil, Value: []byte("v")},
	}), bbolterrors.ErrKeyRequired, "change 3 of 3: the key is empty")
	if got := keysOf(t, store, nil, nil, 10); !slices.EqualFunc(got, want, bytes.Equal) {
		t.Fatalf("half a batch was made: %q", got)
	}
}

// bbolt's own memory is written anew once no transaction reads it.
func TestWhatItGivesIsACopy(t *testing.T) {
	_, store := opened(t)
	key, value := []byte("k"), bytes.Repeat([]byte("v"), 100)
	succeeded(t, store.Put(key, value))
	got, err := store.Get(key)
	succeeded(t, err)
	page, err := store.Scan(nil, nil, 10)
	succeeded(t, err)
	// And what it was given is its caller's again.
	value[0], key[0] = 'x', 'x'
	for n := range 200 {
		succeeded(t, store.Put([]byte("k"), bytes.Repeat([]byte{byte(n)}, 5_000)))
	}
	want := bytes.Repeat([]byte("v"), 100)
	if !bytes.Equal(got, want) || !bytes.Equal(page[0].Value, want) || string(page[0].Key) != "k" {
		t.Fatalf("it changed: %.10q, %.10q under %q", got, page[0].Value, page[0].Key)
	}
	// Writing to it, which bbolt's memory does not survive, reaches nobody.
	got[0], page[0].Value[0], page[0].Key[0] = 'x', 'x', 'x'
	again, err := store.Get([]byte("k"))
	if !bytes.Equal(again, bytes.Repeat([]byte{199}, 5_000)) || err != nil {
		t.Fatalf("got %.10q, %v", again, err)
	}
}

func TestNewOverWhatCannotBe(t *testing.T) {
	if store, err := bboltstore.New(nil, bucket); store != nil || err == nil {
		t.Fatalf("a nil database gave %v, %v", store, err)
	}
	db, _ := opened(t)
	_, err := bboltstore.New(db, nil)
	failed(t, err, bbolterrors.ErrBucketNameRequired, "cannot be created")
	path := db.Path()
	succeeded(t, db.Close())
	_, err = bboltstore.New(db, bucket)
	failed(t, err, bbolterrors.ErrDatabaseNotOpen, "")

	reading, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true})
	succeeded(t, err)
	defer reading.Close()
	_, err = bboltstore.New(reading, []byte("none"))
	failed(t, err, bbolterrors.ErrBucketNotFound, "the bucket `none` is not there")
	store, err := bboltstore.New(reading, bucket)
	succeeded(t, err)
	failed(t, store.Put([]byte("k"), nil), bbolterrors.ErrDatabaseReadOnly, "")
}

func TestClosedAndMissing(t *testing.T) {
	db, store := opened(t)
	policy := checkrein.NewPolicyEngine(store)
	defer policy.Close()
	policy.AfterRead("nothing", checkrein.AllowAll)
	succeeded(t, policy.Put([]byte("k"), []byte("v"), nil))
	calls := map[string]func() error{
		"put":    func() error { return policy.Put([]byte("k"), nil, nil) },
		"get":    func() error { _, err := policy.Get([]byte("k"), nil); return err },
		"delete": func() error { return policy.Delete(nil, nil) },
		"scan":   func() error { _, err := given(policy.Scan(nil, nil)); return err },
		"batch":  func() error { return policy.Batch([]checkrein.BatchOp{{Key: []byte("k")}}, nil) },
		"many":   func() error { _, err := policy.GetMany([][]byte{[]byte("k")}, nil); return err },
		"page":   func() error { _, err := store.Scan(nil, nil, 1); return err },
		"whole":  func() error { return store.Batch(nil) },
	}
	succeeded(t, db.Update(func(tx *bbolt.Tx) error { return tx.DeleteBucket(bucket) }))
	for _, call := range calls {
		failed(t, call(), bbolterrors.ErrBucketNotFound, "the bucket `agents` is not there")
	}
	succeeded(t, db.Close())
	for name, call := range calls {
		err := call()
		failed(t, err, bbolterrors.ErrDatabaseNotOpen, "the bbolt database is closed")
		var fault *checkrein.StoreError
		if !errors.As(err, &fault) || !errors.Is(err, checkrein.ErrStoreClosed) {
			t.Errorf("%s gave %#v", name, err)
		}
	}
}

// given gives the keys of a guarded scan, and the error that it ended with.
func given(pairs iter.Seq2[checkrein.Pair, error]) (keys []string, failure error) {
	for pair, err := range pairs {
		if err != nil {
			return keys, err
		}
		keys = append(keys, string(pair.Key)+"="+string(pair.Value))
	}
	return keys, nil
}

func TestGuardedScanAndBatch(t *testing.T) {
	_, store := opened(t)
	policy := checkrein.NewPolicyEngine(store)
	defer policy.Close()
	policy.EnableAudit(checkrein.AuditOptions{})
	policy.BeforeWrite("system/*", checkrein.DenyAll)
	policy.BeforeRead("users/2/*", checkrein.DenyAll)
	policy.AfterRead("users/*/email", checkrein.RedactValue([]byte("[REDACTED]")))
	var ops []checkrein.BatchOp
	for n := range 600 {
		ops = append(ops, checkrein.BatchOp{Key: fmt.Appendf(nil, "k/%03d", n), Value: []byte("v")})
	}
	for n := range 3 {
		ops = append(ops, checkrein.BatchOp{Key: fmt.Appendf(nil, "users/%d/email", n), Value: []byte("ada@example.org")})
	}
	succeeded(t, policy.Batch(ops, nil))
	succeeded(t, policy.Batch([]checkrein.BatchOp{{Delete: true, Key: []byte("k/000")}}, nil))

	keys, err := given(policy.Scan([]byte("users/"), nil))
	want := []string{"users/0/email=[REDACTED]", "users/1/email=[REDACTED]"}
	if !slices.Equal(keys, want) || err != nil {
		t.Errorf("got %q, %v", keys, err)
	}
	keys, err = given(policy.Scan([]byte("k/"), nil)) // More than two pages.
	if len(keys) != 599 || !slices.IsSorted(keys) || err != nil {
		t.Errorf("%d keys, %v", len(keys), err)
	}
	// A hook may write while the scan goes on: no transaction is open between two pages, or while hooks run.
	policy.AfterRead("k/1*", func(ctx *checkrein.PolicyContext) checkrein.PolicyAction {
		if err := policy.Put(append([]byte("seen/"), ctx.Key...), nil, nil); err != nil {
			return ctx.Fail(err)
		}
		return checkrein.PolicyAllow
	})
	keys, err = given(policy.Scan([]byte("k/10"), nil))
	if len(keys) != 10 || err != nil {
		t.Errorf("got %q, %v", keys, err)
	}
	if keys, err = given(policy.Scan([]byte("seen/"), nil)); len(keys) != 10 || err != nil {
		t.Errorf("got %q, %v", keys, err)
	}
	// Denied in part is written not at all; and so is what bbolt does not keep.
	for _, bad := range []string{"system/a", ""} {
		err = policy.Batch([]checkrein.BatchOp{{Key: []byte("new")}, {Key: []byte(bad)}}, nil)
		value, failure := store.Get([]byte("new"))
		if err == nil || value != nil || failure != nil {
			t.Errorf("got %v; %q, %v", err, value, failure)
		}
	}
	values, err := policy.GetMany([][]byte{[]byte("k/001"), []byte("none"), []byte("users/0/email")}, nil)
	if len(values) != 3 || string(values[0]) != "v" || values[1] != nil || string(values[2]) != "[REDACTED]" || err != nil {
		t.Errorf("got %q, %v", values, err)
	}
	entries, err := policy.AuditLog(checkrein.AuditFilter{Operation: "scan", Limit: 1})
	if len(entries) != 1 || *entries[0].Given != 10 || err != nil {
		t.Errorf("got %v, %v", entries, err)
	}
}

func TestManyGoroutines(t *testing.T) {
	db, store := opened(t)
	db.NoSync = true
	policy := checkrein.NewPolicyEngine(store)
	defer policy.Close()
	policy.BeforeWrite("**", func(ctx *checkrein.PolicyContext) checkrein.PolicyAction { return ctx.Modify(ctx.Key) })
	var wait sync.WaitGroup
	for worker := range 8 {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for n := range 50 {
				key := fmt.Appendf(nil, "%d/%02d", worker, n)
				first, second := fmt.Appendf(nil, "%sa", key), fmt.Appendf(nil, "%sb", key)
				pair := []checkrein.BatchOp{{Key: first, Value: first}, {Key: second, Value: second}}
				if err := errors.Join(policy.Put(key, []byte("v"), nil), store.Batch(pair)); err != nil {
					t.Error(err)
				}
				if value, err := policy.Get(key, nil); !bytes.Equal(value, key) || err != nil {
					t.Errorf("%q gave %q, %v", key, value, err)
				}
				// A batch of another's is seen whole or not at all.
				page, err := store.Scan(fmt.Appendf(nil, "%d/", (worker+1)%8), nil, 1_000)
				halves := 0
				for _, each := range page {
					if last := each.Key[len(each.Key)-1]; last == 'a' || last == 'b' {
						halves++
					}
				}
				if err != nil || halves%2 != 0 {
					t.Errorf("%d halves, %v", halves, err)
				}
			}
		}()
	}
	wait.Wait()
	if got := keysOf(t, store, nil, nil, 10_000); len(got) != 8*50*3 {
		t.Fatalf("%d keys", len(got))
	}
}
