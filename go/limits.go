package checkrein

// #include <checkrein.h>
//
// // Flat, so that no Go memory holds a pointer to other Go memory.
// static cr_status go_add_rate_limit(const cr_engine *engine, const char *operation, size_t operation_len,
//                                    uint64_t per_second, uint64_t per_minute, uint64_t per_hour, uint64_t burst,
//                                    uint64_t max_keys, const char *scope, size_t scope_len, const char *count,
//                                    size_t count_len, cr_error **error) {
//     cr_rate_limit limit = {0};
//     limit.size = sizeof limit;
//     limit.max_per_second = per_second;
//     limit.max_per_minute = per_minute;
//     limit.max_per_hour = per_hour;
//     limit.burst = burst;
//     limit.max_keys = max_keys;
//     limit.scope = scope_len > 0 ? scope : NULL;
//     limit.scope_len = scope_len;
//     limit.count = count_len > 0 ? count : NULL;
//     limit.count_len = count_len;
//     return cr_engine_add_rate_limit(engine, operation, operation_len, &limit, error);
// }
import "C"

import (
	"runtime"
	"time"
)

// RateLimit is a token bucket: so many operations a second, minute or hour, in one bucket or in one for each value of
// a context key. Fields left zero have their default.
type RateLimit struct {
	// MaxPerSecond, MaxPerMinute, MaxPerHour: exactly one is given.
	MaxPerSecond, MaxPerMinute, MaxPerHour uint64
	// Scope is "global" (the default) or the context key that has a bucket for each of its values.
	Scope string
	// Burst is how many tokens the bucket holds: what may pass at once after a pause. Default: as many as the rate
	// gives in its period.
	Burst uint64
	// Count is "operations" (the default: an operation that is refused takes no token) or "attempts".
	Count string
	// MaxKeys is how many keys have a bucket of their own at one time; further ones share one. Default: 1,000,000.
	MaxKeys uint64
}

// LimitStatus is how a limit stands for a context, at one moment.
type LimitStatus struct {
	// Limit is the limit as people read it: "write 100/minute per agent_id".
	Limit string
	// Operation is what the limit is for: "read", "write", "delete" or "all".
	Operation string
	// Scope is "global" or the context key.
	Scope string
	// Count is "operations" or "attempts".
	Count string
	// Capacity is how many tokens the full bucket holds, Remaining how many whole ones are in it.
	Capacity, Remaining uint64
	// RetryAfter is how long until a token can be taken; 0 where one can be now.
	RetryAfter time.Duration
	// FullAfter is how long until the bucket is full; 0 where it is.
	FullAfter time.Duration
	// Overflow is true where this is the bucket shared by the keys for which there was no room.
	Overflow bool
}

// AddRateLimit adds a rate limit for "read", "write", "delete" or "all", with buckets of its own. The error may be
// ignored: it is remembered, as for hooks.
//
// Errors: [*ConfigError] for an unknown operation and a limit out of range.
func (p *PolicyEngine) AddRateLimit(operation string, limit RateLimit) error {
	native, err := p.use()
	if err != nil {
		return err
	}
	chars, length := charsOf(operation)
	scope, scopeLength := charsOf(limit.Scope)
	count, countLength := charsOf(limit.Count)
	var failure *C.cr_error
	status := C.go_add_rate_limit(
		native.engine, chars, length, C.uint64_t(limit.MaxPerSecond), C.uint64_t(limit.MaxPerMinute),
		C.uint64_t(limit.MaxPerHour), C.uint64_t(limit.Burst), C.uint64_t(limit.MaxKeys), scope, scopeLength,
		count, countLength, &failure)
	runtime.KeepAlive(native)
	return statusError(status, failure)
}

// RateLimitStatus says how every limit that applies to an operation stands for a context, which is as for
// [PolicyEngine.Put]; it spends nothing.
//
// Errors: [*ConfigError] for an unknown operation, [*UsageError] for a bad context.
func (p *PolicyEngine) RateLimitStatus(operation string, context any) ([]LimitStatus, error) {
	native, err := p.use()
	if err != nil {
		return nil, err
	}
	said, err := newContext(string(pack(nil, context)))
	if err != nil {
		return nil, err
	}
	defer freeContext(said)
	chars, length := charsOf(operation)
	var list *C.cr_limit_list
	var failure *C.cr_error
	status := C.cr_engine_rate_limit_status(native.engine, chars, length, said, &list, &failure)
	runtime.KeepAlive(native)
	if status != C.CR_OK {
		return nil, errorOf(failure, nil)
	}
	defer C.cr_limit_list_free(list)
	all := make([]LimitStatus, C.cr_limit_list_len(list))
	for at := range all {
		var one C.cr_limit_status
		C.cr_limit_list_at(list, C.size_t(at), &one)
		all[at] = LimitStatus{
			Limit:      textOf(one.limit),
			Operation:  textOf(one.operation),
			Scope:      textOf(one.scope),
			Count:      textOf(one.count),
			Capacity:   uint64(one.capacity),
			Remaining:  uint64(one.remaining),
			RetryAfter: durationOf(one.retry_after_ns),
			FullAfter:  durationOf(one.full_after_ns),
			Overflow:   one.overflow != 0,
		}
	}
	return all, nil
}
