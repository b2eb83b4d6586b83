package checkrein_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	checkrein "github.com/checkrein/checkrein/go"
)

func (s *scripted) checkStatus(name string, step stepSpec, want []statusSpec) {
	all, _ := s.engine.RateLimitStatus(step.Operation, step.Context)
	got := statuses(all)
	if !reflect.DeepEqual(got, want) {
		s.t.Errorf("%s: got %+v, want %+v", name, got, want)
	}
}

func (s *scripted) checkSequences(name string, step stepSpec, want *[]uint64) {
	entries, _ := s.engine.AuditLog(step.filter())
	got := []uint64{}
	for _, entry := range entries {
		got = append(got, entry.Sequence)
	}
	if !reflect.DeepEqual(got, *want) {
		s.t.Errorf("%s: got %v, want %v", name, got, *want)
	}
}

func (s *scripted) checkAnswer(name string, step stepSpec, want string) {
	rule := ruleSpec{Action: step.Helper}
	if step.Replacement != nil {
		rule.Replace = step.Replacement
	}
	ctx, err := checkrein.NewPolicyContext("write", []byte("k"), []byte("v"), step.Context)
	if err != nil {
		s.t.Fatal(err)
	}
	if got := string(rule.byName(s.t, step.Helper)(ctx)); got != string(unescaped(want)) {
		s.t.Errorf("%s: got %q, want %q", name, got, want)
	}
}

// checkError compares the fields that are given.
func (s *scripted) checkError(want *errorSpec, err error) {
	s.t.Helper()
	if want == nil {
		if err != nil {
			s.t.Errorf("unexpected: %v", err)
		}
		return
	}
	var own checkrein.Error
	if !errors.As(err, &own) {
		s.t.Errorf("got %v, want %s", err, want.Code)
		return
	}
	for field, text := range want.fields() {
		if got := errorField(err, own, field); field == "message" && strings.Contains(fmt.Sprint(got), fmt.Sprint(text)) {
			continue
		} else if got != text {
			s.t.Errorf("%s: got %v, want %v, in %v", field, got, text, err)
		}
	}
}

// errorField gives a field of an error as the vectors write it.
func errorField(err error, own checkrein.Error, field string) any {
	var violation *checkrein.PolicyViolation
	errors.As(err, &violation)
	var limited *checkrein.RateLimitExceeded
	errors.As(err, &limited)
	var pattern *checkrein.PatternError
	errors.As(err, &pattern)
	switch field {
	case "class":
		return classOf(own)
	case "code":
		return own.Code()
	case "message":
		return err.Error()
	case "cause":
		if errors.Is(err, errForeign) {
			return "{foreign}"
		}
		return nil
	case "position":
		if pattern != nil {
			return uint64(pattern.Position)
		}
	case "applied":
		var fault *checkrein.StoreError
		if errors.As(err, &fault) {
			return fault.Applied
		}
	case "retry_after_ns", "limit", "scope":
		if limited != nil {
			return map[string]any{
				"retry_after_ns": uint64(limited.RetryAfter), "limit": limited.Limit, "scope": limited.Scope,
			}[field]
		}
	}
	if violation == nil {
		return fmt.Sprintf("no %s in a %T", field, err)
	}
	return map[string]any{
		"reason": violation.Reason, "rule": violation.Rule, "operation": violation.Operation,
		"key": shown(violation.Key), "applied": violation.Applied,
	}[field]
}

func classOf(err checkrein.Error) string {
	if _, internal := err.(*checkrein.InternalError); internal {
		return "CheckreinError"
	}
	return reflect.TypeOf(err).Elem().Name()
}

func (s *scripted) checkAudit(want []map[string]any) {
	entries, err := s.engine.AuditLog(checkrein.AuditFilter{Limit: 1_000_000})
	if err != nil {
		s.t.Fatal(err)
	}
	if len(entries) != len(want) {
		s.t.Errorf("the audit has %d entries, want %d: %v", len(entries), len(want), entries)
		return
	}
	operations := map[string]uint64{}
	for at, entry := range entries {
		got := entry.Map()
		if _, known := operations[entry.OperationID]; !known {
			operations[entry.OperationID] = uint64(len(operations) + 1)
		}
		if _, cares := want[at]["same"]; cares {
			got["same"] = operations[entry.OperationID]
		}
		if entry.OperationID == "" {
			s.t.Errorf("entry %d has no operation_id", at+1)
		}
		time := time.Unix(0, int64(entry.TimestampNS)).UTC().Format("2006-01-02T15:04:05.000000Z")
		if entry.Timestamp != time {
			s.t.Errorf("entry %d: timestamp %s, want %s", at+1, entry.Timestamp, time)
		}
		delete(got, "operation_id")
		delete(got, "timestamp")
		if wanted := expected(at, want[at]); !reflect.DeepEqual(got, wanted) {
			s.t.Errorf("entry %d:\n got %v\nwant %v", at+1, got, wanted)
		}
	}
}
