package checkrein

// #include <checkrein.h>
import "C"

import (
	"math"
	"strings"
	"time"
	"unsafe"
)

// textOf copies a text of the library; none is empty.
func textOf(text C.cr_str) string { return C.GoStringN(text.data, C.int(text.len)) }

// statusError is nil for success, else the error, which it takes over.
func statusError(status C.cr_status, failure *C.cr_error) error {
	if status == C.CR_OK {
		return nil
	}
	return errorOf(failure, nil)
}

// errorOf makes the Go error of one of the library's, which it takes over. raised is as for errorIn.
func errorOf(failure *C.cr_error, raised []error) error {
	if failure == nil {
		return &InternalError{message: "the library gave no error: please report it"}
	}
	defer C.cr_error_free(failure)
	return errorIn(failure, raised)
}

// errorIn makes the Go error of one that stays the library's. raised holds the host's own errors, each at the place of
// its token less one: such an error comes out as the very object.
func errorIn(failure *C.cr_error, raised []error) error {
	var info C.cr_error_info
	C.cr_error_get_info(failure, &info)
	var host error
	if token := uint64(info.host_token); token > 0 && token <= uint64(len(raised)) {
		host = raised[token-1]
	}
	if host != nil && info.is_host_object != 0 {
		return host
	}
	code, message := codeOf(int32(info.status)), textOf(info.message)
	switch code.class {
	case classViolation:
		return violationOf(&info, code, message, host)
	case classRateLimit:
		return &RateLimitExceeded{
			PolicyViolation: *violationOf(&info, code, message, host),
			Limit:           textOf(info.limit),
			Scope:           textOf(info.scope),
			RetryAfter:      durationOf(info.retry_after_ns),
		}
	case classPattern:
		return &PatternError{Pattern: textOf(info.pattern), Position: int(info.position), message: message}
	case classConfig:
		return &ConfigError{message: message}
	case classStore:
		if code == codeStorePartial {
			return partialOf(failure, &StoreError{
				Applied: max(int(info.applied_count), 0), message: message, cause: host, kind: code,
			}, raised)
		}
		return &StoreError{message: message, cause: host, kind: code}
	case classUsage:
		return &UsageError{message: message, kind: code}
	}
	return &InternalError{message: message}
}

// partialOf puts what ended a batch half-way behind its error; and out of its message, which an error of Go gets from
// its cause.
func partialOf(failure *C.cr_error, partial *StoreError, raised []error) error {
	behind := C.cr_error_cause(failure)
	if behind == nil {
		// One of ours that the store failed with: the message has its type in its place.
		partial.message = strings.TrimSuffix(partial.message, ": "+textOf(C.cr_error_cause_type(failure)))
		return partial
	}
	said := textOf(C.cr_error_message(behind))
	partial.message = strings.TrimSuffix(partial.message, ": "+said)
	partial.cause = errorOf(behind, raised)
	return partial
}

func violationOf(info *C.cr_error_info, code *errorCode, message string, cause error) *PolicyViolation {
	violation := &PolicyViolation{
		Reason:    textOf(info.reason),
		Rule:      textOf(info.rule),
		Operation: textOf(info.operation),
		Applied:   info.applied != 0,
		cause:     cause,
		message:   message,
		kind:      code,
	}
	if info.key != nil {
		violation.Key = copied(info.key, info.key_len)
	}
	return violation
}

// nativeError makes the library's error of one of ours, for a hook or store of the host that failed with it.
func nativeError(own Error) *C.cr_error {
	message := own.Error()
	switch own := own.(type) {
	case *PolicyViolation:
		message = own.Reason
	case *RateLimitExceeded:
		message = own.Reason
	}
	chars, length := charsOf(strings.ToValidUTF8(message, "\uFFFD"))
	return C.cr_error_new(C.int32_t(own.code().number), chars, length)
}

// newContext makes the library's context of a packed one, for the calls that do not take it packed.
func newContext(packed string) (*C.cr_context, error) {
	var context *C.cr_context
	var failure *C.cr_error
	if C.cr_context_new(&context, &failure) != C.CR_OK {
		return nil, errorOf(failure, nil)
	}
	for said := range entries(packed) {
		chars, length := charsOf(said.name)
		var status C.cr_status
		switch value := said.unpacked().(type) {
		case string:
			text, textLength := charsOf(value)
			status = C.cr_context_set_text(context, chars, length, text, textLength, &failure)
		case bool:
			flag := C.int32_t(0)
			if value {
				flag = 1
			}
			status = C.cr_context_set_bool(context, chars, length, flag, &failure)
		case int64:
			status = C.cr_context_set_int(context, chars, length, C.int64_t(value), &failure)
		case error:
			C.cr_context_free(context)
			return nil, value
		}
		if status != C.CR_OK {
			C.cr_context_free(context)
			return nil, errorOf(failure, nil)
		}
	}
	return context, nil
}

func freeContext(context *C.cr_context) { C.cr_context_free(context) }

// copied gives bytes of the library as Go's own; not nil where they are empty.
func copied(data *C.uint8_t, length C.size_t) []byte {
	bytes := make([]byte, length)
	copy(bytes, unsafe.Slice((*byte)(unsafe.Pointer(data)), length))
	return bytes
}

// pairOf gives a pair of the library as Go's own, in one piece of memory.
func pairOf(key *C.uint8_t, keyLength C.size_t, value *C.uint8_t, valueLength C.size_t) Pair {
	both := make([]byte, keyLength+valueLength)
	copy(both, unsafe.Slice((*byte)(unsafe.Pointer(key)), keyLength))
	copy(both[keyLength:], unsafe.Slice((*byte)(unsafe.Pointer(value)), valueLength))
	return Pair{Key: both[:keyLength:keyLength], Value: both[keyLength:]}
}

// taken copies bytes that the library gave away, and gives them back; NULL is nil.
func taken(data *C.uint8_t, length C.size_t) []byte {
	if data == nil {
		return nil
	}
	bytes := copied(data, length)
	C.cr_bytes_free(data, length)
	return bytes
}

func durationOf(ns C.uint64_t) time.Duration {
	return time.Duration(min(uint64(ns), math.MaxInt64))
}
