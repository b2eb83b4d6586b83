package checkrein_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	checkrein "github.com/checkrein/checkrein/go"
)

func verified(t *testing.T, path string, options checkrein.VerifyOptions) checkrein.AuditReport {
	t.Helper()
	report, err := checkrein.VerifyAudit(path, options)
	succeeded(t, err)
	if report.OK != (report.Problem == nil) {
		t.Errorf("got %+v", report)
	}
	return report
}

func TestAuditFile(t *testing.T) {
	key := bytes.Repeat([]byte("k"), 32)
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	policy := inMemory(t)
	file, err := policy.AddAuditFile(checkrein.AuditFileOptions{Path: path, HMACKey: key, Fsync: checkrein.FsyncNever})
	succeeded(t, err)
	policy.BeforeWrite("denied", checkrein.DenyAll)
	for n := range 20 {
		succeeded(t, policy.Put(fmt.Appendf(nil, "k/%d", n), nil, checkrein.Fields{"agent_id": "a"}))
	}
	refused(t, policy.Put([]byte("denied"), nil, nil), checkrein.ErrDenied)
	succeeded(t, policy.FlushAudit())
	head, err := file.Head()
	succeeded(t, err)
	if head.Sequence < 21 || !strings.HasPrefix(head.Text, fmt.Sprint(head.Sequence)+":") || file.Lost() != 0 {
		t.Errorf("got %+v", head)
	}
	options := checkrein.VerifyOptions{HMACKey: key, Head: head.Text}
	if report := verified(t, path, options); !report.OK || report.Lines != head.Sequence || report.Head != head.Text {
		t.Errorf("got %+v", report)
	}
	text, err := os.ReadFile(path)
	succeeded(t, err)
	// One thing changed is found; and with the head, a cut at the end too.
	for name, changed := range map[string][]byte{
		"edited":  bytes.Replace(text, []byte(`"denied"`), []byte(`"allowed"`), 1),
		"removed": append(bytes.Clone(text[:bytes.IndexByte(text, '\n')+1]), text[bytes.Index(text, []byte("k/5")):]...),
		"cut":     text[:bytes.LastIndexByte(text[:len(text)-1], '\n')+1],
	} {
		copied := filepath.Join(t.TempDir(), "audit.jsonl")
		succeeded(t, os.WriteFile(copied, changed, 0o600))
		if report := verified(t, copied, options); report.OK || report.Problem.What == "" || report.Problem.File == "" {
			t.Errorf("%s: got %+v", name, report)
		}
	}
	_, err = checkrein.VerifyAudit(path, checkrein.VerifyOptions{})
	refused(t, err, checkrein.ErrConfig)
	_, err = checkrein.VerifyAudit(path, checkrein.VerifyOptions{HMACKey: key, Head: "nonsense"})
	refused(t, err, checkrein.ErrUsage)
	_, err = checkrein.VerifyAudit(path+"none", checkrein.VerifyOptions{})
	refused(t, err, checkrein.ErrStore)

	removed, err := policy.RemoveAuditSink(file)
	if !removed || err != nil {
		t.Errorf("removed %v, %v", removed, err)
	}
	succeeded(t, policy.Put([]byte("k"), nil, nil))
	succeeded(t, file.Close())
	succeeded(t, file.Close())
	refused(t, file.Flush(), checkrein.ErrStoreClosed)
	if report := verified(t, path, options); !report.OK {
		t.Errorf("got %+v", report)
	}
}

func TestAuditFilesThatCannotBe(t *testing.T) {
	policy := inMemory(t)
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	for _, options := range []checkrein.AuditFileOptions{
		{Path: ""}, {Path: filepath.Join(path, "none", "x")}, {Path: path, Fsync: "sometimes"},
		{Path: path, HMACKey: []byte("short")}, {Path: path, HMACKey: []byte{}}, {Path: path, RotateBytes: -2},
		{Path: path, RotateBytes: 1},
	} {
		file, err := policy.AddAuditFile(options)
		if file != nil || err == nil || policy.Put([]byte("k"), nil, nil).Error() != err.Error() {
			t.Errorf("%+v was taken", options)
		}
		// Who has not looked at the error has a nil file.
		removed, failure := policy.RemoveAuditSink(file)
		if removed || failure != nil || file.Close() != nil || file.Lost() != 0 {
			t.Errorf("removed %v, %v", removed, failure)
		}
		refused(t, file.Flush(), checkrein.ErrConfig)
		refused(t, file.Err(), checkrein.ErrConfig)
		_, failure = file.Head()
		refused(t, failure, checkrein.ErrConfig)
		policy.ClearRegistrationErrors()
	}
	file, err := policy.AddAuditFile(checkrein.AuditFileOptions{Path: path, RotateBytes: checkrein.NeverRotate})
	succeeded(t, err)
	_, err = policy.AddAuditFile(checkrein.AuditFileOptions{Path: path})
	var fault *checkrein.StoreError
	if !errors.As(err, &fault) {
		t.Errorf("it was opened twice: %v", err)
	}
	policy.ClearRegistrationErrors()
	succeeded(t, policy.Put([]byte("k"), nil, nil))
	succeeded(t, file.Close())
}

// A strict file that cannot be written refuses: nothing happens that it does not tell.
func TestAStrictFileThatIsClosed(t *testing.T) {
	db := checkrein.OpenMemory()
	policy := checkrein.NewPolicyEngine(db)
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	file, err := policy.AddAuditFile(checkrein.AuditFileOptions{Path: path, Strict: true})
	succeeded(t, err)
	var writers sync.WaitGroup
	for n := range 4 {
		writers.Add(1)
		go func() {
			defer writers.Done()
			for m := range 20 {
				if err := policy.Put(fmt.Appendf(nil, "%d/%d", n, m), nil, nil); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	writers.Wait()
	if report := verified(t, path, checkrein.VerifyOptions{}); !report.OK || report.Lines < 160 {
		t.Errorf("got %+v", report)
	}
	succeeded(t, file.Close())
	refused(t, policy.Put([]byte("k"), nil, nil), checkrein.ErrAuditFailed)
	if got := stored(t, db, "k"); got != "null" {
		t.Errorf("it was written: %s", got)
	}
}

// A file that nobody closed is written out and unlocked when it and its engine are forgotten.
func TestAuditFilesAreClosedByTheCollector(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	func() {
		policy := checkrein.NewPolicyEngine(checkrein.OpenMemory())
		_, err := policy.AddAuditFile(checkrein.AuditFileOptions{Path: path})
		succeeded(t, err)
		succeeded(t, policy.Put([]byte("k"), nil, nil))
	}()
	for range 100 {
		runtime.GC()
		runtime.Gosched()
		policy := checkrein.NewPolicyEngine(checkrein.OpenMemory())
		if file, err := policy.AddAuditFile(checkrein.AuditFileOptions{Path: path}); err == nil {
			succeeded(t, file.Close())
			if report := verified(t, path, checkrein.VerifyOptions{}); !report.OK {
				t.Errorf("got %+v", report)
			}
			return
		}
	}
	t.Error("it is still open")
}
