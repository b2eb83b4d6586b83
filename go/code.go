package checkrein

// The codes, in the order of their numbers: the words and numbers are the same in every language.
var (
	codeDenied       = newCode(1, "denied", classViolation)
	codeHookFailed   = newCode(2, "hook_failed", classViolation)
	codeRateLimited  = newCode(3, "rate_limited", classRateLimit)
	codeAbandoned    = newCode(6, "abandoned", classViolation)
	codeAuditFailed  = newCode(7, "audit_failed", classViolation)
	codePattern      = newCode(20, "pattern", classPattern)
	codeConfig       = newCode(30, "config", classConfig)
	codeStore        = newCode(40, "store", classStore)
	codeStoreLocked  = newCode(41, "store_locked", classStore)
	codeStoreDamaged = newCode(42, "store_damaged", classStore)
	codeStoreFull    = newCode(43, "store_full", classStore)
	codeStoreClosed  = newCode(44, "store_closed", classStore)
	codeStorePartial = newCode(45, "store_partial", classStore)
	codeUsage        = newCode(50, "usage", classUsage)
	codeNestingLimit = newCode(51, "nesting_limit", classUsage)
	codeOpenLimit    = newCode(52, "open_limit", classUsage)
	codeInternal     = newCode(90, "internal", classInternal)
)

// The stable codes as sentinels for errors.Is, one for each way an operation can fail. They are errors of the family
// themselves, so a hook may fail with one.
var (
	// ErrDenied: a hook said no.
	ErrDenied error = codeDenied
	// ErrHookFailed: a hook failed, or gave what is no answer, so the operation was refused.
	ErrHookFailed error = codeHookFailed
	// ErrRateLimited: a rate limit had no token left.
	ErrRateLimited error = codeRateLimited
	// ErrAbandoned: the operation was let go before it was done.
	ErrAbandoned error = codeAbandoned
	// ErrAuditFailed: a strict sink of the audit failed, so the operation was refused, or was not told after it was
	// applied.
	ErrAuditFailed error = codeAuditFailed
	// ErrPattern: a pattern does not parse or passes a bound.
	ErrPattern error = codePattern
	// ErrConfig: a setting is unknown, out of range or contradicts another.
	ErrConfig error = codeConfig
	// ErrStore: the store failed or replied with nonsense.
	ErrStore error = codeStore
	// ErrStoreLocked: another process, or another handle, holds the database.
	ErrStoreLocked error = codeStoreLocked
	// ErrStoreDamaged: the database's file is damaged.
	ErrStoreDamaged error = codeStoreDamaged
	// ErrStoreFull: no space left for the database.
	ErrStoreFull error = codeStoreFull
	// ErrStoreClosed: the database was closed.
	ErrStoreClosed error = codeStoreClosed
	// ErrStorePartial: a batch that is not atomic failed on the way; [StoreError.Applied] says how far it came.
	ErrStorePartial error = codeStorePartial
	// ErrUsage: a call that the API does not allow.
	ErrUsage error = codeUsage
	// ErrNestingLimit: an operation was started from inside hooks nested too deep.
	ErrNestingLimit error = codeNestingLimit
	// ErrOpenLimit: too many operations were open at once.
	ErrOpenLimit error = codeOpenLimit
	// ErrInternal: a fault in Checkrein itself; the operation was refused.
	ErrInternal error = codeInternal
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
	return codeInternal
}

// Error is the code's word.
func (c *errorCode) Error() string { return "checkrein: " + c.word }

// Code is the stable word of the code.
func (c *errorCode) Code() string { return c.word }

func (c *errorCode) code() *errorCode { return c }
