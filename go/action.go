package checkrein

import (
	"fmt"
	"strings"
)

// PolicyAction is a hook's answer: [PolicyAllow], [PolicyDeny], [PolicyLog], or what [PolicyContext.Deny],
// [PolicyContext.Modify] and [PolicyContext.Fail] give. Anything else, the zero value too, is no answer and refuses
// the operation.
//
// Answers can be compared: a test of a hook may say got == checkrein.PolicyDeny.
type PolicyAction string

const (
	// PolicyAllow goes on.
	PolicyAllow PolicyAction = "allow"
	// PolicyDeny refuses; after a read, it hides the value.
	PolicyDeny PolicyAction = "deny"
	// PolicyLog goes on, and flags the audit entry.
	PolicyLog PolicyAction = "log"

	// A deny with a reason and a value carry what follows; a failure lies in the context.
	denyBecause  = "deny:"
	modifyPrefix = "modify:"
	failedAction = PolicyAction("failed")
)

// Reason is why it denies; empty where it does not, or does not say.
func (a PolicyAction) Reason() string {
	reason, _ := strings.CutPrefix(string(a), denyBecause)
	if len(reason) == len(a) {
		return ""
	}
	return reason
}

// Value is the value that it puts in the place of the one the hook saw; nil where it puts none.
func (a PolicyAction) Value() []byte {
	value, ok := strings.CutPrefix(string(a), modifyPrefix)
	if !ok {
		return nil
	}
	return []byte(value)
}

// String shows the answer without the value that it may carry.
func (a PolicyAction) String() string {
	if value, ok := strings.CutPrefix(string(a), modifyPrefix); ok {
		return fmt.Sprintf("modify:(%d bytes)", len(value))
	}
	return string(a)
}
