package checkrein

// #include <checkrein.h>
import "C"

import (
	"encoding/json"
	"runtime"
)

// Explanation is what would be asked about an operation, and how it would end as far as that can be told without
// asking.
type Explanation struct {
	// Operation is "read", "write" or "delete".
	Operation string
	// Verdict is "allowed", "modified", "redacted", "denied", "rate_limited", "would_deny", or "unknown" where it
	// depends on hooks of the program.
	Verdict string
	// Rule is the hook, limit or requirement that decides, Reason why; empty where none does.
	Rule, Reason string
	// Mode is the engine's.
	Mode Mode
	// Hooks are those that match the key, in the order in which they are asked.
	Hooks []ExplainedHook
	// Limits are those that apply, and how they stand for the context.
	Limits []LimitStatus

	line string
}

// ExplainedHook is a hook that matches.
type ExplainedHook struct {
	// Rule is its name in errors and in the audit.
	Rule string
	// Trigger is when it is asked: "before_write".
	Trigger string
	// Keys is its glob.
	Keys string
	// Kind is what it is: "host" for a function of the program, "log", the name of a ready-made hook, or what a
	// document declares.
	Kind string
	// Mode is its own.
	Mode Mode
	// Answer is what it would answer: "allow", "deny", "modify", "log", "passes over", or "unknown" for a function of
	// the program.
	Answer string
}

// String is the explanation as one line of JSON, the same in every language.
func (e Explanation) String() string { return e.line }

// Explain lists what would be asked about an operation ("read", "write" or "delete") on a key, and foresees the
// verdict. It runs no hook of the program, spends no token and asks no store. context as for [PolicyEngine.Put].
//
// Errors: [*UsageError] for an unknown operation or a bad context; that of a registration that failed.
func (p *PolicyEngine) Explain(operation string, key []byte, context any) (Explanation, error) {
	native, err := p.use()
	if err != nil {
		return Explanation{}, err
	}
	said, err := newContext(string(pack(nil, context)))
	if err != nil {
		return Explanation{}, err
	}
	defer freeContext(said)
	chars, length := charsOf(operation)
	keyAt, keyLength := bytesOf(key)
	var text *C.uint8_t
	var textLength C.size_t
	var failure *C.cr_error
	status := C.cr_engine_explain(
		native.engine, chars, length, keyAt, keyLength, said, &text, &textLength, &failure)
	runtime.KeepAlive(native)
	if status != C.CR_OK {
		return Explanation{}, errorOf(failure, nil)
	}
	return explanationOf(taken(text, textLength))
}

func explanationOf(text []byte) (Explanation, error) {
	found := struct {
		Explanation
		Limits []struct {
			LimitStatus
			RetryAfterNS uint64 `json:"retry_after_ns"`
			FullAfterNS  uint64 `json:"full_after_ns"`
		}
	}{}
	if err := json.Unmarshal(text, &found); err != nil {
		return Explanation{}, &InternalError{message: "an explanation does not read: " + err.Error()}
	}
	explanation := found.Explanation
	explanation.line = string(text)
	for _, limit := range found.Limits {
		status := limit.LimitStatus
		status.RetryAfter = durationOf(C.uint64_t(limit.RetryAfterNS))
		status.FullAfter = durationOf(C.uint64_t(limit.FullAfterNS))
		explanation.Limits = append(explanation.Limits, status)
	}
	return explanation, nil
}
