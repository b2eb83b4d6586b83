package checkrein_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	checkrein "github.com/checkrein/checkrein/go"
)

// The format of the vectors: tests/conformance/README.md tells it.
type vector struct {
	Name   string            `json:"name"`
	Says   string            `json:"says"`
	Needs  []string          `json:"needs"`
	Policy policySpec        `json:"policy"`
	Host   hostSpec          `json:"host"`
	Steps  []stepSpec        `json:"steps"`
	Audit  *[]map[string]any `json:"audit"`
	Denied []map[string]any  `json:"denied"`
	Sunk   []map[string]any  `json:"sunk"`

	Document json.RawMessage `json:"document"`
}

type policySpec struct {
	Hooks      []ruleSpec  `json:"hooks"`
	RateLimits []limitSpec `json:"rate_limits"`
	Audit      *struct {
		MaxEntries uint64     `json:"max_entries"`
		Error      *errorSpec `json:"error"`
	} `json:"audit"`
	MaxOpen int `json:"max_open_operations"`

	RequireContext []string   `json:"require_context"`
	Mode           string     `json:"mode"`
	OptionsError   *errorSpec `json:"options_error"`
}

type ruleSpec struct {
	On      string            `json:"on"`
	Keys    string            `json:"keys"`
	Action  string            `json:"action"`
	When    map[string]string `json:"when"`
	Replace *byteText         `json:"replace"`
	Error   *errorSpec        `json:"error"`
}

type limitSpec struct {
	Operation    string     `json:"operation"`
	MaxPerSecond uint64     `json:"max_per_second"`
	MaxPerMinute uint64     `json:"max_per_minute"`
	MaxPerHour   uint64     `json:"max_per_hour"`
	Scope        string     `json:"scope"`
	Burst        uint64     `json:"burst"`
	Count        string     `json:"count"`
	MaxKeys      uint64     `json:"max_keys"`
	Error        *errorSpec `json:"error"`
}

type hostSpec struct {
	Hooks     []hookSpec `json:"hooks"`
	Store     storeSpec  `json:"store"`
	Listeners []toldSpec `json:"listeners"`
	Sinks     []toldSpec `json:"sinks"`
}

type hookSpec struct {
	Name   string     `json:"name"`
	On     string     `json:"on"`
	Keys   string     `json:"keys"`
	Script []string   `json:"script"`
	Spare  bool       `json:"spare"`
	Error  *errorSpec `json:"error"`
}

// storeSpec is "memory" (no words) or a script.
type storeSpec struct {
	Words []string            `json:"script"`
	Can   []string            `json:"can"`
	Holds map[string]byteText `json:"holds"`
}

type stepSpec struct {
	limitSpec
	Prefix   byteText        `json:"prefix"`
	Take     *int            `json:"take"`
	Pairs    pairList        `json:"pairs"`
	Ops      opList          `json:"ops"`
	Atomic   *bool           `json:"atomic"`
	Document json.RawMessage `json:"document"`
	Format   string          `json:"format"`

	Do          string     `json:"do"`
	AtNS        *int64     `json:"at_ns"`
	Key         byteText   `json:"key"`
	Value       byteText   `json:"value"`
	Context     any        `json:"context"`
	Name        string     `json:"name"`
	MaxEntries  uint64     `json:"max_entries"`
	Limit       *int       `json:"limit"`
	AgentID     string     `json:"agent_id"`
	SessionID   string     `json:"session_id"`
	Result      string     `json:"result"`
	Keys        keysSpec   `json:"keys"`
	SinceNS     *int64     `json:"since_ns"`
	Helper      string     `json:"helper"`
	Replacement *byteText  `json:"replacement"`
	Expect      expectSpec `json:"expect"`
}

// keysSpec is a glob, or the keys of a get_many.
type keysSpec struct {
	glob string
	keys keyList
}

func (k *keysSpec) UnmarshalJSON(text []byte) error {
	if text[0] == '"' {
		return json.Unmarshal(text, &k.glob)
	}
	return strict(text, &k.keys)
}

type expectSpec struct {
	OK        bool         `json:"ok"`
	Value     *byteText    `json:"value"`
	Cancelled bool         `json:"cancelled"`
	Error     *errorSpec   `json:"error"`
	Status    []statusSpec `json:"status"`
	Sequences *[]uint64    `json:"sequences"`
	Answer    string       `json:"answer"`
	Removed   *bool        `json:"removed"`
	Values    []*byteText  `json:"values"`
	Pairs     pairList     `json:"pairs"`
	Explain   *explainSpec `json:"explain"`
}

type statusSpec struct {
	Operation    string `json:"operation"`
	Scope        string `json:"scope"`
	Capacity     uint64 `json:"capacity"`
	Remaining    uint64 `json:"remaining"`
	RetryAfterNS uint64 `json:"retry_after_ns"`
}

type errorSpec struct {
	Class        string    `json:"class"`
	Code         string    `json:"code"`
	Reason       *string   `json:"reason"`
	Message      *string   `json:"message"`
	Rule         *string   `json:"rule"`
	Operation    *string   `json:"operation"`
	Key          *byteText `json:"key"`
	Applied      any       `json:"applied"`
	Position     *uint64   `json:"position"`
	RetryAfterNS *uint64   `json:"retry_after_ns"`
	Limit        *string   `json:"limit"`
	Scope        *string   `json:"scope"`
	Cause        *nullable `json:"cause"`
}

// nullable is a text, or the null that stands for none.
type nullable struct{ text any }

// byteText is bytes as the vectors write them; absent bytes are nil.
type byteText struct{ bytes []byte }

func readVectors(t *testing.T, path string) []*vector {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	file := struct {
		About   string    `json:"about"`
		Vectors []*vector `json:"vectors"`
	}{}
	if err := strict(text, &file); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	for _, vector := range file.Vectors {
		for at := range vector.Steps {
			vector.Steps[at].Context = integers(vector.Steps[at].Context)
		}
	}
	return file.Vectors
}

// strict decodes JSON and fails on fields that it does not know.
func strict(text []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	decoder.UseNumber()
	return decoder.Decode(into)
}

// integers makes the numbers of a context what Go code would write.
func integers(context any) any {
	fields, _ := context.(map[string]any)
	for name, value := range fields {
		if number, ok := value.(json.Number); ok {
			if whole, err := number.Int64(); err == nil {
				fields[name] = whole
			} else {
				fraction, _ := number.Float64()
				fields[name] = fraction
			}
		}
	}
	return context
}

// expected is an audit entry of a vector as AuditEntry.Map gives one.
func expected(at int, entry map[string]any) map[string]any {
	wanted := map[string]any{
		"sequence": uint64(at + 1), "surface": "data", "logged": false, "timestamp_ns": uint64(startWall * 1_000_000_000),
	}
	for name, value := range entry {
		switch value := value.(type) {
		case json.Number:
			number, _ := strconv.ParseUint(value.String(), 10, 64)
			if name == "same" {
				wanted[name] = number
				continue
			}
			if name == "at_ns" {
				name, number = "timestamp_ns", number+startWall*1_000_000_000
			}
			wanted[name] = number
		case string:
			wanted[name] = placed(value)
		default:
			wanted[name] = value
		}
	}
	return wanted
}

// placed puts this language's words into an expected text.
func placed(text string) string {
	text = strings.ReplaceAll(text, "{foreign}", foreignType)
	return strings.ReplaceAll(text, "{nonsense}", nonsense)
}

func (b *byteText) UnmarshalJSON(text []byte) error {
	var plain string
	if json.Unmarshal(text, &plain) == nil && text[0] == '"' {
		b.bytes = unescaped(plain)
		return nil
	}
	repeated := struct {
		Repeat string `json:"repeat"`
		Times  int    `json:"times"`
		Wrong  string `json:"wrong"` // Only where a vector is left out.
	}{}
	if err := strict(text, &repeated); err != nil {
		return err
	}
	b.bytes = bytes.Repeat(unescaped(repeated.Repeat), repeated.Times)
	return nil
}

func (b *byteText) shown() string { return shown(b.bytes) }

func shown(value []byte) string {
	if value == nil {
		return "null"
	}
	if len(value) > 200 {
		return fmt.Sprintf("%d bytes, %x…", len(value), value[:20])
	}
	return strconv.Quote(string(value))
}

// unescaped gives the bytes of a text in which \xNN is a byte.
func unescaped(text string) []byte {
	out := []byte{}
	for at := 0; at < len(text); at++ {
		if strings.HasPrefix(text[at:], `\x`) && at+4 <= len(text) {
			if value, err := strconv.ParseUint(text[at+2:at+4], 16, 8); err == nil {
				out = append(out, byte(value))
				at += 3
				continue
			}
		}
		out = append(out, text[at])
	}
	return out
}

func (n *nullable) UnmarshalJSON(text []byte) error { return json.Unmarshal(text, &n.text) }

func (s *storeSpec) UnmarshalJSON(text []byte) error {
	if string(text) == `"memory"` {
		return nil
	}
	type plain storeSpec
	return strict(text, (*plain)(s))
}

// UnmarshalJSON keeps null apart from absent: a value that is null is "no value".
func (e *expectSpec) UnmarshalJSON(text []byte) error {
	type plain expectSpec
	if err := strict(text, (*plain)(e)); err != nil {
		return err
	}
	given := map[string]json.RawMessage{}
	if err := json.Unmarshal(text, &given); err != nil {
		return err
	}
	if value, said := given["value"]; said && string(value) == "null" {
		e.Value = &byteText{}
	}
	return nil
}

// UnmarshalJSON keeps null apart from absent: a cause that is null is "no cause".
func (e *errorSpec) UnmarshalJSON(text []byte) error {
	type plain errorSpec
	if err := strict(text, (*plain)(e)); err != nil {
		return err
	}
	given := map[string]json.RawMessage{}
	if err := json.Unmarshal(text, &given); err != nil {
		return err
	}
	if cause, said := given["cause"]; said && string(cause) == "null" {
		e.Cause = &nullable{}
	}
	// No rule, no operation are empty here.
	for name, field := range map[string]**string{"rule": &e.Rule, "operation": &e.Operation} {
		if text, said := given[name]; said && string(text) == "null" {
			*field = new(string)
		}
	}
	return nil
}

// fields gives the fields that are to be compared.
func (e *errorSpec) fields() map[string]any {
	fields := map[string]any{}
	if e.Class != "" {
		fields["class"] = e.Class
	}
	if e.Code != "" {
		fields["code"] = e.Code
	}
	texts := map[string]*string{
		"reason": e.Reason, "message": e.Message, "rule": e.Rule, "operation": e.Operation, "limit": e.Limit,
		"scope": e.Scope,
	}
	for name, text := range texts {
		if text != nil {
			fields[name] = placed(*text)
		}
	}
	if e.Key != nil {
		fields["key"] = e.Key.shown()
	}
	if e.Applied != nil {
		fields["applied"] = e.Applied
		if number, is := e.Applied.(json.Number); is {
			count, _ := number.Int64()
			fields["applied"] = int(count)
		}
	}
	if e.Position != nil {
		fields["position"] = *e.Position
	}
	if e.RetryAfterNS != nil {
		fields["retry_after_ns"] = *e.RetryAfterNS
	}
	if e.Cause != nil {
		fields["cause"] = e.Cause.text
	}
	return fields
}

func (l *limitSpec) limit() checkrein.RateLimit {
	return checkrein.RateLimit{
		MaxPerSecond: l.MaxPerSecond, MaxPerMinute: l.MaxPerMinute, MaxPerHour: l.MaxPerHour,
		Scope: l.Scope, Burst: l.Burst, Count: l.Count, MaxKeys: l.MaxKeys,
	}
}

func (s *stepSpec) filter() checkrein.AuditFilter {
	filter := checkrein.AuditFilter{
		AgentID: s.AgentID, SessionID: s.SessionID, Operation: s.Operation, Result: s.Result, Keys: s.Keys.glob,
	}
	if s.Limit != nil {
		filter.Limit = *s.Limit
	}
	if s.SinceNS != nil {
		filter.Since = time.Unix(startWall, *s.SinceNS)
	}
	return filter
}

func (r *ruleSpec) helper(t *testing.T) func(*checkrein.PolicyContext) checkrein.PolicyAction {
	switch {
	case r.Replace != nil:
		return r.byName(t, "redact_value")
	case r.Action == "deny" && len(r.When) == 0:
		return r.byName(t, "deny_all")
	case r.Action == "deny" && len(r.When) == 1 && r.When["agent_id"] == "absent":
		return r.byName(t, "require_agent_id")
	case r.Action == "allow":
		return r.byName(t, "allow_all")
	case r.Action == "log":
		return r.byName(t, "log_and_allow")
	}
	t.Fatalf("a rule that the runner does not know: %+v", *r)
	return nil
}

func (r *ruleSpec) byName(t *testing.T, name string) func(*checkrein.PolicyContext) checkrein.PolicyAction {
	switch name {
	case "deny_all":
		return checkrein.DenyAll
	case "allow_all":
		return checkrein.AllowAll
	case "require_agent_id":
		return checkrein.RequireAgentID
	case "log_and_allow":
		return checkrein.LogAndAllow(discard())
	case "redact_value":
		return checkrein.RedactValue(r.Replace.bytes)
	}
	t.Fatalf("a helper that the runner does not know: %s", name)
	return nil
}

func register(
	t *testing.T, engine *checkrein.PolicyEngine, on, keys string,
	hook func(*checkrein.PolicyContext) checkrein.PolicyAction,
) *checkrein.HookHandle {
	t.Helper()
	switch on {
	case "before_read":
		return engine.BeforeRead(keys, hook)
	case "after_read":
		return engine.AfterRead(keys, hook)
	case "before_write":
		return engine.BeforeWrite(keys, hook)
	case "after_write":
		return engine.AfterWrite(keys, hook)
	case "before_delete":
		return engine.BeforeDelete(keys, hook)
	case "after_delete":
		return engine.AfterDelete(keys, hook)
	}
	t.Fatalf("a trigger that the runner does not know: %s", on)
	return nil
}
