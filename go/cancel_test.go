package checkrein_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	checkrein "github.com/checkrein/checkrein/go"
)

// abandoned fails the test unless the error is the refusal of an operation that nobody waited for.
func abandoned(t *testing.T, err, why error) {
	t.Helper()
	refused(t, err, checkrein.ErrAbandoned)
	if refusal := violation(t, err); !errors.Is(err, why) || refusal.Code() != "abandoned" {
		t.Fatalf("got %#v", err)
	}
}

// everyway runs every operation that takes a context.
func everyway(policy *checkrein.PolicyEngine, ctx context.Context, said any) map[string]error {
	key := []byte("k")
	_, getting := policy.GetContext(ctx, key, said)
	_, several := policy.GetManyContext(ctx, [][]byte{key}, said)
	_, walking := walked(policy.ScanContext(ctx, key, said))
	return map[string]error{
		"put":      policy.PutContext(ctx, key, []byte("v"), said),
		"get":      getting,
		"delete":   policy.DeleteContext(ctx, key, said),
		"batch":    policy.BatchContext(ctx, []checkrein.BatchOp{{Key: key}}, said),
		"get_many": several,
		"scan":     walking,
	}
}

func TestCancelledBeforeItStarts(t *testing.T) {
	why := errors.New("the user went home")
	plain, stop := context.WithCancel(context.Background())
	stop()
	caused, because := context.WithCancelCause(context.Background())
	because(why)
	late, done := context.WithDeadline(context.Background(), time.Unix(0, 0))
	defer done()
	host := checkrein.NewPolicyEngine(wholeStore{newMemoryStore()})
	for _, policy := range []*checkrein.PolicyEngine{inMemory(t), host} {
		succeeded(t, policy.EnableAudit(checkrein.AuditOptions{}))
		policy.BeforeWrite("other", checkrein.DenyAll)
		asked := 0
		policy.BeforeRead("k", func(*checkrein.PolicyContext) checkrein.PolicyAction {
			asked++
			return checkrein.PolicyAllow
		})
		for _, ctx := range []context.Context{plain, caused, late} {
			for name, err := range everyway(policy, ctx, nil) {
				abandoned(t, err, ctx.Err())
				if ctx == caused && !errors.Is(err, why) {
					t.Errorf("%s: %v has not the cause", name, err)
				}
			}
		}
		if value, err := policy.GetContext(context.Background(), []byte("k"), nil); value != nil || err != nil || asked != 1 {
			t.Errorf("got %q, %v; asked %d", value, err, asked)
		}
		entries, err := policy.AuditLog(checkrein.AuditFilter{Limit: 18})
		succeeded(t, err)
		for _, entry := range entries[:17] {
			if entry.Result != "denied" || *entry.Reason != "abandoned" {
				t.Errorf("the audit tells %v", entry)
			}
		}
		// A bad context is told as what it is, in time or not.
		abandoned(t, policy.PutContext(plain, []byte("k"), nil, nil), context.Canceled)
		refused(t, policy.PutContext(plain, []byte("k"), nil, 5), checkrein.ErrUsage)
	}
	for name, err := range everyway(inMemory(t), nil, nil) { //nolint:staticcheck // nil is allowed.
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What runs is not interrupted; but once it returns, the operation goes no further.
func TestCancelledWhileAHookRuns(t *testing.T) {
	db := checkrein.OpenMemory()
	policy := checkrein.NewPolicyEngine(db)
	succeeded(t, policy.EnableAudit(checkrein.AuditOptions{}))
	succeeded(t, db.Put([]byte("k"), []byte("old")))
	var stop context.CancelFunc
	cancelling := func(ctx *checkrein.PolicyContext) checkrein.PolicyAction {
		stop()
		<-ctx.Context().Done()
		return checkrein.PolicyAllow
	}
	for _, hook := range []*checkrein.HookHandle{
		policy.BeforeWrite("k", cancelling), policy.BeforeRead("k", cancelling), policy.BeforeDelete("k", cancelling),
	} {
		succeeded(t, hook.Err())
	}
	for _, run := range []func(context.Context) error{
		func(ctx context.Context) error { return policy.PutContext(ctx, []byte("k"), []byte("new"), nil) },
		func(ctx context.Context) error { _, err := policy.GetContext(ctx, []byte("k"), nil); return err },
		func(ctx context.Context) error { return policy.DeleteContext(ctx, []byte("k"), nil) },
		func(ctx context.Context) error {
			return policy.BatchContext(ctx, []checkrein.BatchOp{put("other", ""), put("k", "new")}, nil)
		},
		func(ctx context.Context) error {
			_, err := policy.GetManyContext(ctx, [][]byte{[]byte("k")}, nil)
			return err
		},
		func(ctx context.Context) error { _, err := walked(policy.ScanContext(ctx, nil, nil)); return err },
	} {
		var ctx context.Context
		ctx, stop = context.WithCancel(context.Background())
		err := run(ctx)
		stop()
		abandoned(t, err, context.Canceled)
		if got := stored(t, db, "k") + stored(t, db, "other"); got != `"old"null` || violation(t, err).Applied {
			t.Errorf("it was applied: %s", got)
		}
	}
	if open := checkrein.OpenOperations(policy); open != 0 {
		t.Errorf("%d operations are open", open)
	}
}

// What has happened is told so: the write is done when the hook after it takes too long.
func TestCancelledAfterTheStore(t *testing.T) {
	for _, policy := range []*checkrein.PolicyEngine{inMemory(t), checkrein.NewPolicyEngine(newMemoryStore())} {
		ctx, stop := context.WithCancel(context.Background())
		defer stop()
		policy.AfterWrite("k", func(*checkrein.PolicyContext) checkrein.PolicyAction {
			stop()
			return checkrein.PolicyAllow
		})
		err := policy.PutContext(ctx, []byte("k"), []byte("v"), nil)
		abandoned(t, err, context.Canceled)
		value, failure := policy.Get([]byte("k"), nil)
		if !violation(t, err).Applied || string(value) != "v" || failure != nil {
			t.Errorf("got %#v; %q, %v", err, value, failure)
		}
	}
	// A store that is slow has done it: without anything to follow, the operation went well.
	ctx, stop := context.WithCancel(context.Background())
	policy := checkrein.NewPolicyEngine(failingStore{func() error { stop(); return nil }})
	told := 0
	policy.AddAuditSink(func(checkrein.AuditEntry, checkrein.AuditPhase) error { told++; return nil }, false)
	succeeded(t, policy.PutContext(ctx, []byte("k"), nil, nil))
	if told != 1 {
		t.Errorf("the sink was told %d times", told)
	}
}

func TestAScanIsCancelledBetweenPairs(t *testing.T) {
	policy := three(t)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	given := 0
	for _, err := range policy.ScanContext(ctx, []byte("a/"), nil) {
		if given == 2 {
			abandoned(t, err, context.Canceled)
			ended(t, policy, "allowed", "abandoned", 2, 0)
			return
		}
		if given++; given == 2 {
			stop()
		}
	}
	t.Error("it went on")
}

// Goexit is not mistaken for a cancellation, nor the other way round.
func TestGoexitWithAContext(t *testing.T) {
	policy := inMemory(t)
	ctx, stop := context.WithCancel(context.Background())
	policy.BeforeWrite("*", func(*checkrein.PolicyContext) checkrein.PolicyAction {
		stop()
		runtime.Goexit()
		return checkrein.PolicyAllow
	})
	if !notReturning(func() { _ = policy.PutContext(ctx, []byte("k"), nil, nil) }) {
		t.Error("it returned")
	}
}
