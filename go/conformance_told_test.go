package checkrein_test

import (
	"errors"
	"reflect"

	checkrein "github.com/checkrein/checkrein/go"
)

// toldSpec is a listener or sink of the host.
type toldSpec struct {
	Name   string   `json:"name"`
	Strict bool     `json:"strict"`
	Spare  bool     `json:"spare"`
	Script []string `json:"script"`
}

// said is what a listener or sink does at its nth call.
func (s *scripted) said(spec toldSpec, call int) error {
	switch word := spec.Script[min(call, len(spec.Script)-1)]; word {
	case "ok":
		return nil
	case "raise":
		return errForeign
	default:
		s.t.Errorf("a word that the runner does not know: %q", word)
		return nil
	}
}

func (s *scripted) listen(spec toldSpec) {
	calls := 0
	s.listeners[spec.Name] = s.engine.OnDenied(func(err error) {
		var own checkrein.Error
		errors.As(err, &own)
		entry := map[string]any{"listener": spec.Name, "code": own.Code()}
		var violation *checkrein.PolicyViolation
		if errors.As(err, &violation) && violation.Key != nil {
			entry["key"] = shown(violation.Key)
		}
		s.denied = append(s.denied, entry)
		calls++
		if failure := s.said(spec, calls-1); failure != nil {
			panic(failure)
		}
	})
}

func (s *scripted) addSink(spec toldSpec) {
	calls := 0
	handle := s.engine.AddAuditSink(func(entry checkrein.AuditEntry, phase checkrein.AuditPhase) error {
		told := map[string]any{
			"sink": spec.Name, "operation": entry.Operation, "key": entry.Key, "result": entry.Result,
		}
		if phase != checkrein.PhaseNone {
			told["phase"] = string(phase)
		}
		if entry.Rule != nil {
			told["rule"] = *entry.Rule
		}
		if entry.Applied != nil {
			told["applied"] = *entry.Applied
		}
		s.sunk = append(s.sunk, told)
		calls++
		return s.said(spec, calls-1)
	}, spec.Strict)
	s.checkError(nil, handle.Err())
	s.sinks[spec.Name] = handle
}

// checkTold compares what listeners and sinks were told, all of it, in order.
func (s *scripted) checkTold(v *vector) {
	for _, entry := range v.Denied {
		if key, is := entry["key"].(string); is {
			entry["key"] = shown(unescaped(key))
		}
	}
	if len(s.denied)+len(v.Denied) > 0 && !reflect.DeepEqual(s.denied, v.Denied) {
		s.t.Errorf("the listeners were told\n     %v\nwant %v", s.denied, v.Denied)
	}
	if len(s.sunk)+len(v.Sunk) > 0 && !reflect.DeepEqual(s.sunk, v.Sunk) {
		s.t.Errorf("the sinks were told\n     %v\nwant %v", s.sunk, v.Sunk)
	}
}
