package checkrein

// The stable codes as sentinels for errors.Is, one for each way an operation can fail. The words and numbers are the
// same in every language; the sentinels are errors of the family themselves.
var (
	// ErrDenied: a hook said no.
	ErrDenied error = newCode(1, "denied", classViolation)
	// ErrHookFailed: a hook failed, or gave what is no answer, so the operation was refused.
	ErrHookFailed error = newCode(2, "hook_failed", classViolation)
	// ErrRateLimited: a rate limit had no token left.
	ErrRateLimited error = newCode(3, "rate_limited", classRateLimit)
	// ErrAbandoned: the operation was let go before it was done.
	ErrAbandoned error = newCode(6, "abandoned", classViolation)
	// ErrPattern: a pattern does not parse or passes a bound.
	ErrPattern error = newCode(20, "pattern", classPattern)
	// ErrConfig: a setting is unknown, out of range or contradicts another.
	ErrConfig error = newCode(30, "config", classConfig)
	// ErrStore: the store failed or replied with nonsense.
	ErrStore error = newCode(40, "store", classStore)
	// ErrStoreLocked: another process, or another handle, holds the database.
	ErrStoreLocked error = newCode(41, "store_locked", classStore)
	// ErrStoreDamaged: the database's file is damaged.
	ErrStoreDamaged error = newCode(42, "store_damaged", classStore)
	// ErrStoreFull: no space left for the database.
	ErrStoreFull error = newCode(43, "store_full", classStore)
	// ErrStoreClosed: the database was closed.
	ErrStoreClosed error = newCode(44, "store_closed", classStore)
	// ErrUsage: a call that the API does not allow.
	ErrUsage error = newCode(50, "usage", classUsage)
	// ErrNestingLimit: an operation was started from inside hooks nested too deep.
	ErrNestingLimit error = newCode(51, "nesting_limit", classUsage)
	// ErrOpenLimit: too many operations were open at once.
	ErrOpenLimit error = newCode(52, "open_limit", classUsage)
	// ErrInternal: a fault in Checkrein itself; the operation was refused.
	ErrInternal error = newCode(90, "internal", classInternal)
)

// A class of the error family: which Go type an error of a code has.
type class string

const (
	classViolation class = "PolicyViolation"
	classRateLimit class = "RateLimitExceeded"
	classPattern   class = "PatternError"
	classConfig    class = "ConfigError"
	classStore     class = "StoreError"
	classUsage     class = "UsageError"
	classInternal  class = "CheckreinError"
)

// errorCode is a code: number, word and class. It is its own sentinel.
type errorCode struct {
	number int32
	word   string
	class  class
}

// codes holds every code, in the order of its number.
var codes []*errorCode

func newCode(number int32, word string, class class) *errorCode {
	code := &errorCode{number, word, class}
	codes = append(codes, code)
	return code
}

// codeOf gives the code of a number; one that this package does not know is a fault.
func codeOf(number int32) *errorCode {
	for _, code := range codes {
		if code.number == number {
			return code
		}
	}
	return ErrInternal.(*errorCode)
}

// Error is the code's word.
func (c *errorCode) Error() string { return "checkrein: " + c.word }

// Code is the stable word of the code.
func (c *errorCode) Code() string { return c.word }

func (c *errorCode) code() *errorCode { return c }
