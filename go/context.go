package checkrein

import "context"

// Fields says who acts, and what else the caller says: names to a string, a bool or an integer; nil is absent.
type Fields map[string]any

// PolicyContext is what a hook sees of an operation. Key and Value are copies of the hook's own.
type PolicyContext struct {
	// Operation is "read", "write" or "delete".
	Operation string
	// Key is the key.
	Key []byte
	// Value is the value to be written, or that was read, as the hooks before left it; nil where there is none, as
	// before a read and for deletes.
	Value []byte
	// AgentID is the acting agent, as text; empty where the caller did not say.
	AgentID string
	// SessionID is the session, as text; empty where the caller did not say.
	SessionID string

	// What the caller said, packed, copied when the operation started.
	said string
	// What the caller handed over, and how deep the hook stands.
	caller context.Context
	depth  uint32
	// What Fail was given.
	failure error
	// Where to put what a ready-made hook is, when it is asked for that.
	recognise *helper
}

// NewPolicyContext makes a context to call a hook with by hand, in a test of the hook. context is as for
// [PolicyEngine.Put].
func NewPolicyContext(operation string, key, value []byte, context any) (*PolicyContext, error) {
	packed := string(pack(nil, context))
	// The core checks it as it would for an operation.
	checked, err := newContext(packed)
	if err != nil {
		return nil, err
	}
	freeContext(checked)
	return contextOf(operation, key, value, packed), nil
}

func contextOf(operation string, key, value []byte, said string) *PolicyContext {
	ctx := &PolicyContext{Operation: operation, Key: key, Value: value, said: said}
	ctx.AgentID, ctx.SessionID = ctx.Get("agent_id"), ctx.Get("session_id")
	return ctx
}

// Context is what the operation was started with ([PolicyEngine.PutContext] and the like), with its deadline and its
// fields ([WithContext]); context.Background where there was none. Start the hook's own operations with it: then they
// end with the outer one, and count as nested in it from any goroutine.
func (ctx *PolicyContext) Context() context.Context {
	caller := ctx.caller
	if caller == nil {
		caller = context.Background()
	}
	if ctx.depth == 0 {
		return caller
	}
	return context.WithValue(caller, depthKey{}, ctx.depth)
}

// Get gives the text of what the caller said under a name: booleans as "true" and "false", integers in decimal. It is
// empty where nothing was said; Lookup tells that apart from an empty text.
func (ctx *PolicyContext) Get(name string) string {
	said, _ := ctx.find(name)
	return said.text()
}

// Lookup gives what the caller said under a name, a string, a bool or an int64, and whether it was said.
func (ctx *PolicyContext) Lookup(name string) (any, bool) {
	said, found := ctx.find(name)
	if !found {
		return nil, false
	}
	return said.unpacked(), true
}

func (ctx *PolicyContext) find(name string) (entry, bool) {
	for said := range entries(ctx.said) {
		if said.name == name {
			return said, true
		}
	}
	// A context that a test has written down as a struct.
	switch {
	case ctx.said == "" && name == "agent_id" && ctx.AgentID != "":
		return entry{packedText, name, ctx.AgentID}, true
	case ctx.said == "" && name == "session_id" && ctx.SessionID != "":
		return entry{packedText, name, ctx.SessionID}, true
	}
	return entry{}, false
}

// Deny is the answer that refuses with a reason, which the error and the audit show.
func (ctx *PolicyContext) Deny(reason string) PolicyAction { return denyBecause + PolicyAction(reason) }

// Modify is the answer that puts another value in the place of the one the hook saw, and goes on. The value is copied.
func (ctx *PolicyContext) Modify(value []byte) PolicyAction {
	return modifyPrefix + PolicyAction(value)
}

// Fail is the answer of a hook that failed: the operation is refused. An error of Checkrein comes out of the operation
// as it is, any other as the cause of a [*PolicyViolation]. Panicking with the error does the same.
func (ctx *PolicyContext) Fail(err error) PolicyAction {
	ctx.failure = err
	return failedAction
}
