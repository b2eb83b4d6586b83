package checkrein

import (
	"fmt"
	"time"
)

// Error is what every error of Checkrein is. Take the precise type with [errors.As] ([*PolicyViolation],
// [*RateLimitExceeded], [*PatternError], [*ConfigError], [*StoreError], [*UsageError], [*InternalError]), or ask for
// one code with [errors.Is] ([ErrDenied], [ErrStoreLocked] …). No type outside this package is one.
type Error interface {
	error
	// Code is a stable word, equal in every language: "denied", "store_locked".
	Code() string

	code() *errorCode
}

// PolicyViolation is a refusal: what was refused, by which hook, and why. A hook that panics with one made by hand,
// &PolicyViolation{Reason: "…"}, denies with that reason.
type PolicyViolation struct {
	// Reason says why: the hook's own words, or a sentence that says what decided.
	Reason string
	// Rule is the hook ("before_write system/*") or limit that refused; empty where none did.
	Rule string
	// Operation is "read", "write" or "delete"; empty for a violation made by hand.
	Operation string
	// Key is the key that the operation was for.
	Key []byte
	// Applied is true where the operation had already happened when the error arose (after-hooks).
	Applied bool

	cause   error
	message string
	kind    *errorCode
}

// RateLimitExceeded is a refusal by a rate limit. It is a [*PolicyViolation] too, for [errors.As].
type RateLimitExceeded struct {
	PolicyViolation
	// Limit is the limit as people read it: "write 100/minute per agent_id".
	Limit string
	// Scope is "global" or the context key that the limit is kept for.
	Scope string
	// RetryAfter is how long until the operation would pass; never too early, late by less than a nanosecond.
	RetryAfter time.Duration
}

// PatternError is a pattern that does not parse, with the place.
type PatternError struct {
	// Pattern is the pattern as given.
	Pattern string
	// Position is the byte offset of the fault in the pattern.
	Position int

	message string
}

// ConfigError is a setting that is unknown, out of range or contradicts another.
type ConfigError struct{ message string }

// StoreError is a failure of the store. Unwrap gives the store's own error, where it is one of the host's.
type StoreError struct {
	// Applied is how many changes of a batch, the first ones, were made before it failed; for [ErrStorePartial].
	Applied int

	message string
	cause   error
	kind    *errorCode
}

// UsageError is a call that the API does not allow.
type UsageError struct {
	message string
	kind    *errorCode
}

// InternalError is a fault in Checkrein itself; the operation was refused.
type InternalError struct{ message string }

// Error says what was refused and why.
func (e *PolicyViolation) Error() string {
	return withCause(first(e.message, e.Reason, e.Code()), e.cause)
}

// Error says which limit refused and when to try again.
func (e *RateLimitExceeded) Error() string { return first(e.message, e.Reason, e.Code()) }

// Error says what is wrong, where, and what to write instead.
func (e *PatternError) Error() string { return first(e.message, e.Code()) }

// Error says what is wrong and what to write instead.
func (e *ConfigError) Error() string { return first(e.message, e.Code()) }

// Error says what failed and what to do.
func (e *StoreError) Error() string { return withCause(first(e.message, e.Code()), e.cause) }

// Error says what was wrong and what to do.
func (e *UsageError) Error() string { return first(e.message, e.Code()) }

// Error says what went wrong inside Checkrein.
func (e *InternalError) Error() string { return first(e.message, e.Code()) }

// Code is "denied", "hook_failed", "abandoned" or "audit_failed".
func (e *PolicyViolation) Code() string { return e.code().word }

// Code is "rate_limited".
func (e *RateLimitExceeded) Code() string { return e.code().word }

// Code is "pattern".
func (e *PatternError) Code() string { return e.code().word }

// Code is "config".
func (e *ConfigError) Code() string { return e.code().word }

// Code is "store", "store_locked", "store_damaged", "store_full", "store_closed" or "store_partial".
func (e *StoreError) Code() string { return e.code().word }

// Code is "usage", "nesting_limit" or "open_limit".
func (e *UsageError) Code() string { return e.code().word }

// Code is "internal".
func (e *InternalError) Code() string { return e.code().word }

// Unwrap gives what made a hook or strict sink fail, where one did: the error that it panicked with is in its chain.
// Of an operation that its context let go, it gives why.
func (e *PolicyViolation) Unwrap() error { return e.cause }

// Unwrap gives the store's own error.
func (e *StoreError) Unwrap() error { return e.cause }

// Is holds for the sentinel of the error's code.
func (e *PolicyViolation) Is(target error) bool { return target == error(e.code()) }

// Is holds for [ErrRateLimited].
func (e *RateLimitExceeded) Is(target error) bool { return target == error(e.code()) }

// Is holds for [ErrPattern].
func (e *PatternError) Is(target error) bool { return target == error(e.code()) }

// Is holds for [ErrConfig].
func (e *ConfigError) Is(target error) bool { return target == error(e.code()) }

// Is holds for the sentinel of the error's code.
func (e *StoreError) Is(target error) bool { return target == error(e.code()) }

// Is holds for the sentinel of the error's code.
func (e *UsageError) Is(target error) bool { return target == error(e.code()) }

// Is holds for [ErrInternal].
func (e *InternalError) Is(target error) bool { return target == error(e.code()) }

// As shows a refusal by a limit as the refusal that it is.
func (e *RateLimitExceeded) As(target any) bool {
	violation, ok := target.(**PolicyViolation)
	if ok {
		*violation = &e.PolicyViolation
	}
	return ok
}

func (e *PolicyViolation) code() *errorCode   { return kindOr(e.kind, codeDenied) }
func (e *RateLimitExceeded) code() *errorCode { return codeRateLimited }
func (e *PatternError) code() *errorCode      { return codePattern }
func (e *ConfigError) code() *errorCode       { return codeConfig }
func (e *StoreError) code() *errorCode        { return kindOr(e.kind, codeStore) }
func (e *UsageError) code() *errorCode        { return kindOr(e.kind, codeUsage) }
func (e *InternalError) code() *errorCode     { return codeInternal }

// NewUsageError makes a [*UsageError] for a hook or store of the host to fail with.
func NewUsageError(message string) *UsageError { return &UsageError{message: message} }

// NewStoreError makes a [*StoreError] for a store of the host to fail with; cause may be nil.
func NewStoreError(message string, cause error) *StoreError {
	return &StoreError{message: message, cause: cause}
}

// NewStoreClosedError is [NewStoreError] for a store that was closed: its code is "store_closed".
func NewStoreClosedError(message string, cause error) *StoreError {
	return &StoreError{message: message, cause: cause, kind: codeStoreClosed}
}

func usageErrorf(format string, args ...any) error {
	return &UsageError{message: fmt.Sprintf(format, args...)}
}

func configErrorf(format string, args ...any) error {
	return &ConfigError{message: fmt.Sprintf(format, args...)}
}

func kindOr(kind, otherwise *errorCode) *errorCode {
	if kind != nil {
		return kind
	}
	return otherwise
}

// withCause adds what the host's own error says, as Go's errors do. The audit never tells it.
func withCause(message string, cause error) string {
	if cause == nil {
		return message
	}
	// Sprint survives an error whose own method panics.
	return message + ": " + fmt.Sprint(cause)
}

// first gives the first text that is not empty.
func first(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}
