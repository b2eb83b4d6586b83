package checkrein

// #include <checkrein.h>
import "C"

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
)

// Hook is asked about an operation and answers.
type Hook = func(ctx *PolicyContext) PolicyAction

// helper is what a ready-made hook is to the core, which decides it without a call into Go.
type helper struct {
	kind   C.cr_hook_kind
	bytes  []byte
	logger *slog.Logger
}

// DenyAll is a hook that refuses.
func DenyAll(ctx *PolicyContext) PolicyAction { return ask(ctx, C.CR_HOOK_DENY_ALL) }

// AllowAll is a hook that goes on.
func AllowAll(ctx *PolicyContext) PolicyAction { return ask(ctx, C.CR_HOOK_ALLOW_ALL) }

// RequireAgentID is a hook that refuses where the context has no agent_id, or an empty one.
func RequireAgentID(ctx *PolicyContext) PolicyAction { return ask(ctx, C.CR_HOOK_REQUIRE_AGENT_ID) }

// RedactValue makes a hook that puts these bytes, which are copied, in the place of the value; for AfterRead and
// BeforeWrite.
//
//go:noinline
func RedactValue(replacement []byte) Hook {
	replacement = append([]byte{}, replacement...)
	return func(ctx *PolicyContext) PolicyAction {
		if ctx.recognise != nil {
			*ctx.recognise = helper{kind: C.CR_HOOK_REDACT_VALUE, bytes: replacement}
			return ""
		}
		return ctx.Modify(replacement)
	}
}

// LogAndAllow makes a hook that tells a logger trigger, key and agent, never a value, and lets the operation pass,
// flagged in the audit. A logger that panics refuses it. nil is [slog.Default] at the moment of telling.
//
//go:noinline
func LogAndAllow(logger *slog.Logger) Hook {
	return func(ctx *PolicyContext) PolicyAction {
		if ctx.recognise != nil {
			*ctx.recognise = helper{kind: C.CR_HOOK_LOG_ID, logger: logger}
			return ""
		}
		message := fmt.Sprintf("%s `%.100s`", ctx.Operation, ctx.Key)
		if ctx.AgentID != "" {
			message += fmt.Sprintf(" by agent `%s`", ctx.AgentID)
		}
		tell(logger, slog.LevelInfo, message)
		return PolicyLog
	}
}

func tell(logger *slog.Logger, level slog.Level, message string) {
	if logger == nil {
		logger = slog.Default()
	}
	logger.Log(context.Background(), level, message)
}

// The code of the ready-made hooks. That of a closure is the same whatever it holds, as long as its maker is not
// inlined.
var (
	plainHelpers = map[uintptr]C.cr_hook_kind{
		codeOfHook(DenyAll):        C.CR_HOOK_DENY_ALL,
		codeOfHook(AllowAll):       C.CR_HOOK_ALLOW_ALL,
		codeOfHook(RequireAgentID): C.CR_HOOK_REQUIRE_AGENT_ID,
	}
	redactCode = codeOfHook(RedactValue(nil))
	logCode    = codeOfHook(LogAndAllow(nil))
)

func codeOfHook(hook Hook) uintptr { return reflect.ValueOf(hook).Pointer() }

// recognised gives what a ready-made hook is, and false for any other. Only our own code is run to find out.
func recognised(hook Hook) (helper, bool) {
	code := codeOfHook(hook)
	if kind, plain := plainHelpers[code]; plain {
		return helper{kind: kind}, true
	}
	if code != redactCode && code != logCode {
		return helper{}, false
	}
	var found helper
	hook(&PolicyContext{recognise: &found})
	return found, true
}

// ask asks the core what a ready-made hook answers.
func ask(ctx *PolicyContext, kind C.cr_hook_kind) PolicyAction {
	said := ctx.said
	if said == "" && ctx.AgentID != "" {
		said = string(packText(nil, "agent_id", ctx.AgentID))
	}
	context, err := newContext(said)
	if err != nil {
		return ctx.Fail(err)
	}
	defer freeContext(context)
	hook := C.cr_hook{size: C.sizeof_cr_hook, kind: kind}
	call := C.cr_call{size: C.sizeof_cr_call, context: context}
	var answer *C.cr_answer
	if C.cr_answer_new(&answer, nil) != C.CR_OK {
		return ctx.Fail(ErrInternal)
	}
	defer C.cr_answer_free(answer)
	var failure *C.cr_error
	if C.cr_hook_ask(&hook, &call, answer, &failure) != C.CR_OK {
		return ctx.Fail(errorOf(failure, nil))
	}
	text := textOf(C.cr_answer_get_bytes(answer))
	switch C.cr_answer_get_kind(answer) {
	case C.CR_ANSWER_ALLOW:
		return PolicyAllow
	case C.CR_ANSWER_DENY:
		return ctx.Deny(text)
	}
	return ctx.Fail(ErrInternal)
}
