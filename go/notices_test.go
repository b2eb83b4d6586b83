package checkrein_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	checkrein "github.com/checkrein/checkrein/go"
)

// torn makes an audit file whose last line has no end, as a crash leaves it.
func torn(t *testing.T, policy *checkrein.PolicyEngine) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	file, err := policy.AddAuditFile(checkrein.AuditFileOptions{Path: path})
	succeeded(t, err)
	_, err = policy.RemoveAuditSink(file)
	succeeded(t, err)
	succeeded(t, file.Close())
	text, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	succeeded(t, err)
	_, err = text.WriteString(`{"sequence":`)
	succeeded(t, err)
	succeeded(t, text.Close())
	return path
}

func TestATornAuditFileIsLogged(t *testing.T) {
	out := logging(t)
	policy := inMemory(t)
	path := torn(t, policy)
	if out.Len() > 0 {
		t.Errorf("got %s", out)
	}
	_, err := policy.AddAuditFile(checkrein.AuditFileOptions{Path: path})
	succeeded(t, err)
	told := out.String()
	if strings.Count(told, "\n") != 1 || !strings.Contains(told, "level=WARN") || !strings.Contains(told, path) {
		t.Errorf("got %s", told)
	}
	// Once only.
	policy.BeforeWrite("k", checkrein.AllowAll)
	succeeded(t, policy.Put([]byte("k"), nil, nil))
	if out.String() != told {
		t.Errorf("got %s", out)
	}
}

// A logger that panics, after it was told, changes nothing; nor does one that uses the engine.
func TestALoggerThatFailsWithANotice(t *testing.T) {
	logging(t)
	policy := inMemory(t)
	path := torn(t, policy)
	slog.SetDefault(slog.New(brokenHandler{}))
	file, err := policy.AddAuditFile(checkrein.AuditFileOptions{Path: path})
	succeeded(t, err)
	succeeded(t, policy.Put([]byte("k"), nil, nil))
	succeeded(t, file.Close())
}

// What is said in the middle of a call into C is told by the next one: C must not call Go there.
func TestAnAuditFileThatIsMovedAwayIsLogged(t *testing.T) {
	out := logging(t)
	policy := inMemory(t)
	policy.BeforeWrite("k", checkrein.AllowAll)
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	_, err := policy.AddAuditFile(checkrein.AuditFileOptions{Path: path, Strict: true, Fsync: checkrein.FsyncAlways})
	succeeded(t, err)
	succeeded(t, policy.Put([]byte("k"), nil, nil))
	succeeded(t, os.Rename(path, path+".old"))
	succeeded(t, policy.Put([]byte("k"), nil, nil))
	succeeded(t, policy.Put([]byte("k"), nil, nil))
	if !strings.Contains(out.String(), "level=WARN") || !strings.Contains(out.String(), path) {
		t.Errorf("got %s", out)
	}
}
