package checkrein_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	checkrein "github.com/checkrein/checkrein/go"
)

// Lists whose elements may be runs.
type (
	pairList []checkrein.Pair
	keyList  [][]byte
	opList   []checkrein.BatchOp
)

// runSpec stands for many keys with one value.
type runSpec struct {
	Run   string   `json:"run"`
	From  int      `json:"from"`
	Times int      `json:"times"`
	Value byteText `json:"value"`
}

// isRun expands an element that is a run.
func isRun(element json.RawMessage, each func(key, value []byte)) (bool, error) {
	if !strings.HasPrefix(string(element), `{"run"`) {
		return false, nil
	}
	var run runSpec
	if err := strict(element, &run); err != nil {
		return true, err
	}
	for at := run.From; at < run.From+run.Times; at++ {
		each(fmt.Appendf(unescaped(run.Run), "%04d", at), run.Value.bytes)
	}
	return true, nil
}

func elements(text []byte, run func(key, value []byte), other func(json.RawMessage) error) error {
	var all []json.RawMessage
	if err := json.Unmarshal(text, &all); err != nil {
		return err
	}
	for _, element := range all {
		is, err := isRun(element, run)
		if !is {
			err = other(element)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *pairList) UnmarshalJSON(text []byte) error {
	*p = pairList{}
	add := func(key, value []byte) { *p = append(*p, checkrein.Pair{Key: key, Value: value}) }
	return elements(text, add, func(element json.RawMessage) error {
		var pair [2]byteText
		err := strict(element, &pair)
		add(pair[0].bytes, pair[1].bytes)
		return err
	})
}

func (k *keyList) UnmarshalJSON(text []byte) error {
	*k = keyList{}
	add := func(key, _ []byte) { *k = append(*k, key) }
	return elements(text, add, func(element json.RawMessage) error {
		var key byteText
		err := strict(element, &key)
		add(key.bytes, nil)
		return err
	})
}

func (o *opList) UnmarshalJSON(text []byte) error {
	*o = opList{}
	put := func(key, value []byte) { *o = append(*o, checkrein.BatchOp{Key: key, Value: value}) }
	return elements(text, put, func(element json.RawMessage) error {
		var parts []json.RawMessage
		if err := strict(element, &parts); err != nil {
			return err
		}
		var word string
		var key, value byteText
		if err := strict(parts[0], &word); err != nil {
			return err
		}
		if err := strict(parts[1], &key); err != nil {
			return err
		}
		switch {
		case word == "put" && len(parts) == 3:
			if err := strict(parts[2], &value); err != nil {
				return err
			}
			put(key.bytes, value.bytes)
		case word == "delete" && len(parts) == 2:
			*o = append(*o, checkrein.BatchOp{Delete: true, Key: key.bytes})
		default:
			return fmt.Errorf("an operation that the runner does not know: %s", element)
		}
		return nil
	})
}

// explainSpec is what an explanation must say.
type explainSpec struct {
	Verdict string        `json:"verdict"`
	Rule    *string       `json:"rule"`
	Reason  *string       `json:"reason"`
	Mode    string        `json:"mode"`
	Hooks   [][4]string   `json:"hooks"`
	Limits  *[]statusSpec `json:"limits"`
	given   map[string]json.RawMessage
}

// UnmarshalJSON keeps null apart from absent.
func (e *explainSpec) UnmarshalJSON(text []byte) error {
	type plain explainSpec
	if err := strict(text, (*plain)(e)); err != nil {
		return err
	}
	return json.Unmarshal(text, &e.given)
}

// scan walks over as many pairs as the step says. One that is let go before its first pair is what Go calls a walk
// whose context is cancelled: a sequence that nobody ranges over never begins.
func (s *scripted) scan(step stepSpec, found *pairList) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	take := -1
	if step.Take != nil {
		take = *step.Take
	}
	if take == 0 {
		cancel()
	}
	for pair, err := range s.engine.ScanContext(ctx, step.Prefix.bytes, step.Context) {
		if take == 0 && errors.Is(err, checkrein.ErrAbandoned) {
			return nil
		}
		if err != nil {
			return err
		}
		if *found = append(*found, pair); len(*found) == take {
			return nil
		}
	}
	return nil
}

func (s *scripted) batch(step stepSpec) error {
	if step.Atomic != nil && !*step.Atomic {
		return s.engine.Batch(step.Ops, step.Context, checkrein.OneByOne())
	}
	return s.engine.Batch(step.Ops, step.Context)
}

func (s *scripted) fill(pairs pairList) error {
	for _, pair := range pairs {
		if s.beneath != nil {
			s.beneath.values[string(pair.Key)] = pair.Value
		} else if err := s.store.Put(pair.Key, pair.Value); err != nil {
			return err
		}
	}
	return nil
}

func (s *scripted) checkPairs(name string, got, want pairList) {
	s.t.Helper()
	if len(got) != len(want) {
		s.t.Errorf("%s: %d pairs, want %d", name, len(got), len(want))
	}
	for at := range min(len(got), len(want)) {
		if shown(got[at].Key) != shown(want[at].Key) || shown(got[at].Value) != shown(want[at].Value) {
			s.t.Errorf("%s: pair %d is %q: %q, want %q: %q",
				name, at+1, got[at].Key, got[at].Value, want[at].Key, want[at].Value)
			return
		}
	}
}

func (s *scripted) checkValues(name string, step stepSpec, want []*byteText) {
	s.t.Helper()
	got := []string{}
	for _, value := range s.values {
		got = append(got, shown(value))
	}
	wanted := []string{}
	for _, value := range want {
		if value == nil {
			value = &byteText{}
		}
		wanted = append(wanted, value.shown())
	}
	if !reflect.DeepEqual(got, wanted) {
		s.t.Errorf("%s: got %v, want %v", name, got, wanted)
	}
}

func (s *scripted) checkExplanation(name string, want *explainSpec) {
	s.t.Helper()
	text := func(text *string) string {
		if text == nil {
			return ""
		}
		return *text
	}
	hooks, limits := [][4]string{}, statuses(s.explained.Limits)
	for _, hook := range s.explained.Hooks {
		hooks = append(hooks, [4]string{hook.Rule, hook.Kind, string(hook.Mode), hook.Answer})
	}
	for field, pair := range map[string][2]any{
		"verdict": {s.explained.Verdict, want.Verdict},
		"rule":    {s.explained.Rule, text(want.Rule)},
		"reason":  {s.explained.Reason, text(want.Reason)},
		"mode":    {string(s.explained.Mode), want.Mode},
		"hooks":   {hooks, want.Hooks},
		"limits":  {&limits, want.Limits},
	} {
		if _, given := want.given[field]; given && !reflect.DeepEqual(pair[0], pair[1]) {
			s.t.Errorf("%s: %s is %v, want %v", name, field, pair[0], pair[1])
		}
	}
}

func statuses(all []checkrein.LimitStatus) []statusSpec {
	found := []statusSpec{}
	for _, one := range all {
		found = append(found, statusSpec{one.Operation, one.Scope, one.Capacity, one.Remaining, uint64(one.RetryAfter)})
	}
	return found
}
