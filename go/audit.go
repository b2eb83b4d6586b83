package checkrein

// #include <checkrein.h>
//
// // Flat, so that no Go memory holds a pointer to other Go memory.
// static cr_status go_audit_log(const cr_engine *engine, size_t limit, uint64_t since_ns, const char *agent_id,
//                               size_t agent_id_len, const char *session_id, size_t session_id_len,
//                               const char *operation, size_t operation_len, const char *result, size_t result_len,
//                               const char *keys, size_t keys_len, cr_audit_log **out, cr_error **error) {
//     cr_audit_filter filter = {0};
//     filter.size = sizeof filter;
//     filter.limit = limit;
//     filter.since_ns = since_ns;
//     filter.agent_id = agent_id_len > 0 ? agent_id : NULL;
//     filter.agent_id_len = agent_id_len;
//     filter.session_id = session_id_len > 0 ? session_id : NULL;
//     filter.session_id_len = session_id_len;
//     filter.operation = operation_len > 0 ? operation : NULL;
//     filter.operation_len = operation_len;
//     filter.result = result_len > 0 ? result : NULL;
//     filter.result_len = result_len;
//     filter.keys = keys_len > 0 ? keys : NULL;
//     filter.keys_len = keys_len;
//     return cr_engine_audit_log(engine, &filter, out, error);
// }
import "C"

import (
	"runtime"
	"time"
)

// AuditOptions says how the audit is kept.
type AuditOptions struct {
	// MaxEntries is how many entries are kept; the oldest go. 0 is the default: 10,000.
	MaxEntries uint64
}

// AuditFilter says which entries a reader wants. All conditions must hold; a field left zero is none.
type AuditFilter struct {
	// Limit is how many entries to give at most, the newest of those that pass. 0 is the default: 100.
	Limit int
	// AgentID, SessionID: only of this agent, in this session.
	AgentID, SessionID string
	// Operation: only "read", "write", "delete" or "scan".
	Operation string
	// Result: only those that ended so, as "denied".
	Result string
	// Keys: only keys that this glob matches.
	Keys string
	// Since: only of this time or later.
	Since time.Time
}

// AuditEntry tells one operation. What is absent is nil. Its fields have the names that they have in every language.
type AuditEntry struct {
	// Sequence is the entry's number: from 1, without a gap.
	Sequence uint64 `json:"sequence"`
	// Timestamp is when the operation ended: RFC 3339, UTC, microseconds.
	Timestamp string `json:"timestamp"`
	// TimestampNS is the same in nanoseconds since 1970-01-01 UTC.
	TimestampNS uint64 `json:"timestamp_ns"`
	// OperationID is unique to the operation.
	OperationID string `json:"operation_id"`
	// Surface is "data".
	Surface string `json:"surface"`
	// Operation is "read", "write", "delete" or "scan".
	Operation string `json:"operation"`
	// Key is the key (of a scan the prefix) as text; bytes that are not UTF-8, and `\`, are written `\xNN`.
	Key string `json:"key"`
	// Result is how it ended: "allowed", "denied", "rate_limited", "modified", "redacted", "error", "unknown",
	// "would_deny".
	Result string `json:"result"`
	// AgentID and SessionID are those of the context.
	AgentID   *string `json:"agent_id,omitempty"`
	SessionID *string `json:"session_id,omitempty"`
	// Rule is the hook or limit that decided.
	Rule *string `json:"rule,omitempty"`
	// Reason says why, where there is more to say than the result.
	Reason *string `json:"reason,omitempty"`
	// Logged is true where a hook answered PolicyLog.
	Logged bool `json:"logged"`
	// Applied says whether the store had done it, where the result alone does not say.
	Applied *bool `json:"applied,omitempty"`
	// Given and Withheld are how many pairs a scan gave, and how many keys it left out.
	Given    *uint64 `json:"given,omitempty"`
	Withheld *uint64 `json:"withheld,omitempty"`

	line string
}

// String is the entry as one canonical line of JSON.
func (e AuditEntry) String() string { return e.line }

// Map is the entry as a plain map; absent fields are left out, numbers are uint64.
func (e AuditEntry) Map() map[string]any {
	entry := map[string]any{
		"sequence":     e.Sequence,
		"timestamp":    e.Timestamp,
		"timestamp_ns": e.TimestampNS,
		"operation_id": e.OperationID,
		"surface":      e.Surface,
		"operation":    e.Operation,
		"key":          e.Key,
		"result":       e.Result,
		"logged":       e.Logged,
	}
	texts := map[string]*string{
		"agent_id": e.AgentID, "session_id": e.SessionID, "rule": e.Rule, "reason": e.Reason,
	}
	for name, text := range texts {
		if text != nil {
			entry[name] = *text
		}
	}
	if e.Applied != nil {
		entry["applied"] = *e.Applied
	}
	for name, number := range map[string]*uint64{"given": e.Given, "withheld": e.Withheld} {
		if number != nil {
			entry[name] = *number
		}
	}
	return entry
}

// EnableAudit turns the audit on: one entry for every operation from now on. Where it is on with that size already,
// nothing changes; another size starts an empty one. The error may be ignored: it is remembered, as for hooks.
//
// Errors: [*ConfigError] for more than 10,000,000 entries.
func (p *PolicyEngine) EnableAudit(options AuditOptions) error {
	native, err := p.use()
	if err != nil {
		return err
	}
	entries := C.size_t(C.CR_DEFAULT)
	if options.MaxEntries != 0 {
		entries = C.size_t(options.MaxEntries)
	}
	var failure *C.cr_error
	status := C.cr_engine_audit_enable(native.engine, entries, &failure)
	runtime.KeepAlive(native)
	return statusError(status, failure)
}

// DisableAudit turns the audit off, lets its entries go and removes its sinks.
func (p *PolicyEngine) DisableAudit() {
	native, err := p.use()
	if err != nil {
		return
	}
	native.sinks.Lock()
	defer native.sinks.Unlock()
	C.cr_engine_audit_disable(native.engine, nil)
	runtime.KeepAlive(native)
	native.removed.Add(native.sinks.count)
	native.sinks.count = 0
	native.collect()
}

// AuditLog gives the newest entries that a filter lets through, the oldest first.
//
// Errors: [*UsageError] while the audit is off and for unknown words, [*PatternError] for a bad glob.
func (p *PolicyEngine) AuditLog(filter AuditFilter) ([]AuditEntry, error) {
	native, err := p.use()
	if err != nil {
		return nil, err
	}
	if filter.Limit < 0 {
		return nil, usageErrorf("`limit` is %d: give 1 or more, or 0 for the default", filter.Limit)
	}
	agent, agentLength := charsOf(filter.AgentID)
	session, sessionLength := charsOf(filter.SessionID)
	operation, operationLength := charsOf(filter.Operation)
	result, resultLength := charsOf(filter.Result)
	keys, keysLength := charsOf(filter.Keys)
	var log *C.cr_audit_log
	var failure *C.cr_error
	status := C.go_audit_log(
		native.engine, C.size_t(filter.Limit), C.uint64_t(wallNS(filter.Since)), agent, agentLength, session, sessionLength,
		operation, operationLength, result, resultLength, keys, keysLength, &log, &failure)
	runtime.KeepAlive(native)
	if status != C.CR_OK {
		return nil, errorOf(failure, nil)
	}
	defer C.cr_audit_log_free(log)
	entries := make([]AuditEntry, C.cr_audit_log_len(log))
	for at := range entries {
		if entries[at], err = entryAt(log, at); err != nil {
			return nil, err
		}
	}
	return entries, nil
}
