/* Checkrein for C: hooks, rate limits and an audit log in front of a key-value store.
 *
 * Made by cbindgen from bindings-c/src; do not edit. The contract as a whole stands in docs/ffi.md, a guide in
 * docs/c.md. SPDX-License-Identifier: Apache-2.0
 */

#ifndef CHECKREIN_H
#define CHECKREIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As the length of a text: it ends at its first NUL. */
#define CR_NUL SIZE_MAX

/* As a number of entries: the default. */
#define CR_DEFAULT SIZE_MAX

/* A literal as bytes and length: cr_engine_get(engine, CR_BYTES("users/alice"), …). */
#define CR_BYTES(literal) ((const uint8_t *)(literal)), (sizeof(literal) - 1)


/**
 * `limit` counts, though it is 0.
 */
#define CR_FILTER_LIMIT 1

/**
 * `rotate_bytes` counts, though it is 0.
 */
#define CR_AUDIT_FILE_ROTATE_BYTES 1

/**
 * `max_open_operations` counts, though it is 0.
 */
#define CR_ENGINE_MAX_OPEN_OPERATIONS 1

/**
 * The host's store can be asked for pages.
 */
#define CR_STORE_CAN_SCAN 1

/**
 * The host's store can do several puts and deletes, all or none.
 */
#define CR_STORE_CAN_BATCH 2

/**
 * `max_per_second` is given, though it is 0.
 */
#define CR_LIMIT_MAX_PER_SECOND 1

/**
 * `max_per_minute` is given, though it is 0.
 */
#define CR_LIMIT_MAX_PER_MINUTE 2

/**
 * `max_per_hour` is given, though it is 0.
 */
#define CR_LIMIT_MAX_PER_HOUR 4

/**
 * `burst` is given, though it is 0.
 */
#define CR_LIMIT_BURST 8

/**
 * `max_keys` is given, though it is 0.
 */
#define CR_LIMIT_MAX_KEYS 16

/**
 * For cr_engine_batch: one operation after the other, where the store has no atomic batch. All are judged before any
 * is done; a failure on the way is CR_STORE_PARTIAL, and cr_error_applied_count says how many were done.
 */
#define CR_BATCH_ONE_BY_ONE 1

/**
 * Show the steps that may wait for the disk (those of a database, entries for a file of the audit), rather than perform
 * them: the driver picks the thread and calls cr_operation_perform_store.
 */
#define CR_ASK_BLOCKING_STORE 1

/**
 * Show what the engine's own logger would be told, rather than tell it.
 */
#define CR_ASK_LOG 2

/**
 * With CR_BATCH: one operation after the other, where the store has no atomic batch (see CR_BATCH_ONE_BY_ONE).
 */
#define CR_ASK_ONE_BY_ONE 4

/**
 * Start it and let it go at once, as a driver does whose caller has been cancelled already: nothing is asked, it ends with
 * CR_ABANDONED, and the audit tells it.
 */
#define CR_ASK_NOTHING 8

/**
 * What a function says about its success. The numbers are the same in every version.
 */
enum cr_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * It worked.
     */
    CR_OK = 0,
    /**
     * A hook said no.
     */
    CR_DENIED = 1,
    /**
     * A hook failed, or gave what is no answer, so the operation was refused.
     */
    CR_HOOK_FAILED = 2,
    /**
     * A rate limit had no token left.
     */
    CR_RATE_LIMITED = 3,
    /**
     * The driver let go of the operation before it was done.
     */
    CR_ABANDONED = 6,
    /**
     * A strict sink of the audit failed, so the operation was refused, or was not told after it was applied.
     */
    CR_AUDIT_FAILED = 7,
    /**
     * A pattern does not parse or passes a bound.
     */
    CR_PATTERN = 20,
    /**
     * A setting is unknown, out of range or contradicts another.
     */
    CR_CONFIG = 30,
    /**
     * The store failed or replied with nonsense.
     */
    CR_STORE = 40,
    /**
     * Another process, or another handle, holds the database.
     */
    CR_STORE_LOCKED = 41,
    /**
     * The database's file is damaged.
     */
    CR_STORE_DAMAGED = 42,
    /**
     * No space left for the database.
     */
    CR_STORE_FULL = 43,
    /**
     * The database was closed.
     */
    CR_STORE_CLOSED = 44,
    /**
     * A batch that is not atomic failed on the way: cr_error_applied_count says how far it came.
     */
    CR_STORE_PARTIAL = 45,
    /**
     * A call that the API does not allow: NULL, a wrong order.
     */
    CR_USAGE = 50,
    /**
     * An operation was started from inside hooks nested too deep.
     */
    CR_NESTING_LIMIT = 51,
    /**
     * Too many operations were open at once.
     */
    CR_OPEN_LIMIT = 52,
    /**
     * A fault in Checkrein itself; the operation was refused.
     */
    CR_INTERNAL = 90,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum cr_status cr_status;
#else
typedef int32_t cr_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * A hook's answer. The library makes it and takes it back when the hook returns; cr_answer_new makes one for tests
 * of hooks.
 */
typedef struct cr_answer cr_answer;

/**
 * A file of the audit, which an engine writes. May be used by several threads at once. The engine keeps it open until
 * the sink is removed, though the handle is freed.
 */
typedef struct cr_audit_file cr_audit_file;

/**
 * Entries of the audit, copied, the oldest first.
 */
typedef struct cr_audit_log cr_audit_log;

/**
 * What the caller says about who acts: names with texts, booleans or integers. At most 64 entries, names to 256
 * bytes, texts to 64 KiB, `agent_id` and `session_id` to 1,024 bytes. It is copied when an operation starts, so it
 * may be changed and used again. Several threads may read one, or one may change it. The one that a hook is shown lives
 * until the hook returns, cannot be changed, and may be handed to operations that the hook starts.
 */
typedef struct cr_context cr_context;

/**
 * An embedded key-value store, in a directory or in memory. May be used by several threads at once. An engine that
 * was made over it keeps it alive.
 */
typedef struct cr_database cr_database;

/**
 * A policy document that was read and checked (docs/documents.md). May be used by several threads at once, and for
 * several engines.
 */
typedef struct cr_document cr_document;

/**
 * Stands between a program and its store: every put, get and delete is judged by the hooks and limits. May be used by
 * several threads at once, and from inside hooks.
 */
typedef struct cr_engine cr_engine;

/**
 * A failure, with all that is known about it. Several threads may read it; free it once, with cr_error_free.
 */
typedef struct cr_error cr_error;

/**
 * How the limits that apply to an operation stand, at one moment.
 */
typedef struct cr_limit_list cr_limit_list;

/**
 * A clock that stands still until it is moved, so that tests of time need no sleep. An engine that was made with it
 * keeps it alive. May be used by several threads at once.
 */
typedef struct cr_manual_clock cr_manual_clock;

/**
 * An operation that waits for its driver. It may go from thread to thread, and be used by one at a time. It ends with
 * CR_STEP_DONE, cr_operation_finish or cr_operation_free.
 */
typedef struct cr_operation cr_operation;

/**
 * A scan that has started. It may go from thread to thread, and be used by one at a time.
 */
typedef struct cr_scan cr_scan;

/**
 * A store's reply. The library makes it and takes it back when the store's function returns.
 */
typedef struct cr_store_reply cr_store_reply;

/**
 * Which entries are wanted; all conditions must hold. A text that is NULL is no condition; lengths may be CR_NUL.
 */
typedef struct cr_audit_filter {
    /**
     * `sizeof(cr_audit_filter)`.
     */
    size_t size;
    /**
     * CR_FILTER_ bits of numbers that count although they are 0.
     */
    uint32_t given;
    /**
     * At most so many, the newest of those that pass. Default, with 0: 100.
     */
    size_t limit;
    /**
     * Only of this time or later: nanoseconds since 1970-01-01 UTC.
     */
    uint64_t since_ns;
    /**
     * Only of this agent.
     */
    const char *agent_id;
    /**
     * Its length.
     */
    size_t agent_id_len;
    /**
     * Only of this session.
     */
    const char *session_id;
    /**
     * Its length.
     */
    size_t session_id_len;
    /**
     * Only of this operation: `read`, `write`, `delete` or `scan`.
     */
    const char *operation;
    /**
     * Its length.
     */
    size_t operation_len;
    /**
     * Only with this result: `allowed`, `denied`, …
     */
    const char *result;
    /**
     * Its length.
     */
    size_t result_len;
    /**
     * Only keys that this glob matches.
     */
    const char *keys;
    /**
     * Its length.
     */
    size_t keys_len;
} cr_audit_filter;

/**
 * A text of the library. `data` is UTF-8 of `len` bytes with a NUL behind them, so that it prints as it is;
 * a NUL inside is possible. `data` is NULL where there is no text. It lives as long as what it was asked of.
 */
typedef struct cr_str {
    /**
     * The first byte, or NULL.
     */
    const char *data;
    /**
     * The length in bytes, without the NUL.
     */
    size_t len;
} cr_str;

/**
 * One entry of the audit. Texts live as long as the log; one that is absent has no data.
 */
typedef struct cr_audit_entry {
    /**
     * Its number: from 1, without a gap. 0 where a strict sink is told of what was decided and is not done.
     */
    uint64_t sequence;
    /**
     * When the operation ended: nanoseconds since 1970-01-01 UTC.
     */
    uint64_t timestamp_ns;
    /**
     * The same as RFC 3339 text, UTC, microseconds.
     */
    struct cr_str timestamp;
    /**
     * Which operation it was.
     */
    struct cr_str operation_id;
    /**
     * Which surface guarded it: `data`.
     */
    struct cr_str surface;
    /**
     * `read`, `write`, `delete` or `scan`.
     */
    struct cr_str operation;
    /**
     * The key (of a scan the prefix) as text: `\` and bytes that are not UTF-8 as `\xNN`.
     */
    struct cr_str key;
    /**
     * The key's bytes, at most 4,096 of them.
     */
    const uint8_t *key_bytes;
    /**
     * How many there are.
     */
    size_t key_bytes_len;
    /**
     * How it ended: `allowed`, `denied`, `rate_limited`, `modified`, `redacted`, `error`, `unknown`, …
     */
    struct cr_str result;
    /**
     * Who acted, where the context said.
     */
    struct cr_str agent_id;
    /**
     * In which session, where the context said.
     */
    struct cr_str session_id;
    /**
     * The hook or limit that decided, where one did.
     */
    struct cr_str rule;
    /**
     * Why, where there is more to say than the result.
     */
    struct cr_str reason;
    /**
     * Not zero where a hook answered log.
     */
    int32_t logged;
    /**
     * Whether the store had done it: 1, 0, or -1 where the entry does not say.
     */
    int32_t applied;
    /**
     * Not zero where `given` and `withheld` count: of a scan.
     */
    int32_t is_scan;
    /**
     * How many pairs a scan gave.
     */
    uint64_t given;
    /**
     * How many keys it left out.
     */
    uint64_t withheld;
} cr_audit_entry;

/**
 * How a file of the audit is kept. Zero is the default of every field but `size`; a length may be CR_NUL.
 */
typedef struct cr_audit_file_options {
    /**
     * `sizeof(cr_audit_file_options)`.
     */
    size_t size;
    /**
     * CR_AUDIT_FILE_ bits of numbers that count although they are 0.
     */
    uint32_t given;
    /**
     * Not zero: strict. Each line is on disk before the operation goes on; where that fails, it is refused.
     */
    int32_t strict;
    /**
     * When what was written is synced: `never`, `interval` or `always`. NULL is the default, `interval`.
     */
    const char *fsync;
    /**
     * Its length.
     */
    size_t fsync_len;
    /**
     * The key of an HMAC chain, of 16 bytes or more; NULL for a plain hash chain. Copied.
     */
    const uint8_t *hmac_key;
    /**
     * Its length.
     */
    size_t hmac_key_len;
    /**
     * The size that a file is not to pass; the chain goes on in a new one. Default: 64 MiB; 0 that is given is never.
     */
    uint64_t rotate_bytes;
} cr_audit_file_options;

/**
 * The last line of a chain: kept elsewhere, it shows later whether lines were cut off at the end.
 */
typedef struct cr_audit_head {
    /**
     * The line's number; 0 where there is none yet.
     */
    uint64_t sequence;
    /**
     * Number and hash as text, `SEQUENCE:HEX`, NUL-terminated.
     */
    char text[96];
    /**
     * The text's length.
     */
    size_t text_len;
} cr_audit_head;

/**
 * What a chain is held against. Zero is the default of every field but `size`; a length may be CR_NUL.
 */
typedef struct cr_verify_options {
    /**
     * `sizeof(cr_verify_options)`.
     */
    size_t size;
    /**
     * The key that it was written with; NULL for a plain hash chain.
     */
    const uint8_t *hmac_key;
    /**
     * Its length.
     */
    size_t hmac_key_len;
    /**
     * A head that was kept elsewhere, as text: the chain must hold that very line. May be NULL.
     */
    const char *head;
    /**
     * Its length.
     */
    size_t head_len;
    /**
     * Where older files were archived and removed: the head of the last line of the newest of them. May be NULL.
     */
    const char *after;
    /**
     * Its length.
     */
    size_t after_len;
} cr_verify_options;

/**
 * What kind of value a context holds.
 */
typedef int32_t cr_value_kind;

/**
 * A value of a context.
 */
typedef struct cr_value {
    /**
     * Which of the following counts.
     */
    cr_value_kind kind;
    /**
     * The boolean.
     */
    bool boolean;
    /**
     * The integer.
     */
    int64_t integer;
    /**
     * The text, of `text_len` bytes, not NUL-terminated. It lives as long as the context is not changed.
     */
    const char *text;
    /**
     * The text's length.
     */
    size_t text_len;
} cr_value;

/**
 * When an acknowledged write is safe from a loss of power.
 */
typedef int32_t cr_durability;

/**
 * How a database is opened. Zero is the default of every field but `size`.
 */
typedef struct cr_database_options {
    /**
     * `sizeof(cr_database_options)`.
     */
    size_t size;
    /**
     * When an acknowledged write is safe. Default: CR_DURABILITY_SYNC.
     */
    cr_durability durability;
    /**
     * Not zero: read the whole file and verify every checksum when it is opened. Default: 0.
     */
    int32_t check;
    /**
     * The most memory for pages of the file, in bytes. Default, with 0: 64 MiB.
     */
    size_t cache_bytes;
} cr_database_options;

/**
 * What is done to the data.
 */
typedef int32_t cr_kind;

/**
 * One of several operations. Zero is the default of every field.
 */
typedef struct cr_op {
    /**
     * CR_WRITE or CR_DELETE in a batch, CR_READ in a get-many.
     */
    cr_kind kind;
    /**
     * The key.
     */
    const uint8_t *key;
    /**
     * The key's length.
     */
    size_t key_len;
    /**
     * CR_WRITE: the value.
     */
    const uint8_t *value;
    /**
     * The value's length.
     */
    size_t value_len;
} cr_op;

/**
 * A key and its value.
 */
typedef struct cr_pair {
    /**
     * The key.
     */
    const uint8_t *key;
    /**
     * The key's length.
     */
    size_t key_len;
    /**
     * The value.
     */
    const uint8_t *value;
    /**
     * The value's length.
     */
    size_t value_len;
} cr_pair;

/**
 * A page of cr_database_scan. It lives until cr_page_free.
 */
typedef struct cr_page {
    /**
     * The pairs, in the order of their keys' bytes.
     */
    const struct cr_pair *pairs;
    /**
     * How many there are.
     */
    size_t len;
    /**
     * Not zero where nothing follows.
     */
    int32_t at_end;
} cr_page;

/**
 * How grave a message is.
 */
typedef int32_t cr_log_level;

/**
 * Takes one sentence, of `len` bytes with a NUL behind them, and says whether that worked: 0 is a failure. A note of
 * log_and_allow that cannot be told refuses its operation; a warning that cannot, does not. It may be called by
 * several threads at once, and must not throw or jump out.
 */
typedef int32_t (*cr_log_fn)(void *user_data, cr_log_level level, const char *message, size_t len);

/**
 * Lets `user_data` go. Called once, in whichever thread ends the last use.
 */
typedef void (*cr_drop_fn)(void *user_data);

/**
 * A logger of the host. The library owns `user_data` from the call on that it is given to, one that fails included,
 * and calls `drop` with its last use.
 */
typedef struct cr_logger {
    /**
     * `sizeof(cr_logger)`.
     */
    size_t size;
    /**
     * Takes a sentence.
     */
    cr_log_fn log;
    /**
     * Handed to `log`; may be NULL.
     */
    void *user_data;
    /**
     * Lets `user_data` go; may be NULL.
     */
    cr_drop_fn drop;
} cr_logger;

/**
 * Whether refusals are enforced.
 */
typedef int32_t cr_mode;

/**
 * What an engine is made with. Zero is the default of every field but `size`.
 */
typedef struct cr_engine_options {
    /**
     * `sizeof(cr_engine_options)`.
     */
    size_t size;
    /**
     * The most operations that may be open at once. Default, with 0: 10,000.
     */
    size_t max_open_operations;
    /**
     * Where the time is read; NULL is the machine's clock. The engine keeps it alive.
     */
    const struct cr_manual_clock *clock;
    /**
     * Where the engine's sentences go: the warning of an engine without any hook or limit, and log_and_allow without
     * a logger of its own. NULL is a line on the standard error. Copied.
     */
    const struct cr_logger *logger;
    /**
     * Names that every context must have: an operation without one of them is refused. Copied; a length may be CR_NUL.
     */
    const struct cr_str *require_context;
    /**
     * How many names there are.
     */
    size_t require_context_len;
    /**
     * Whether refusals are enforced: a CR_MODE_ constant.
     */
    cr_mode mode;
    /**
     * For cr_engine_new_in_steps: CR_STORE_CAN_ bits. What the store cannot, is refused.
     */
    uint32_t store_can;
    /**
     * CR_ENGINE_ bits of numbers that count although they are 0.
     */
    uint32_t given;
    /**
     * A policy document to begin with; NULL for none. Making the engine fails where it cannot be applied.
     */
    const struct cr_document *document;
} cr_engine_options;

/**
 * Reads a key: reply with cr_store_reply_value or cr_store_reply_no_value.
 */
typedef void (*cr_store_get_fn)(void *user_data,
                                const uint8_t *key,
                                size_t key_len,
                                struct cr_store_reply *reply);

/**
 * Sets a key: reply with cr_store_reply_done.
 */
typedef void (*cr_store_put_fn)(void *user_data,
                                const uint8_t *key,
                                size_t key_len,
                                const uint8_t *value,
                                size_t value_len,
                                struct cr_store_reply *reply);

/**
 * Removes a key, if it is there: reply with cr_store_reply_done.
 */
typedef void (*cr_store_delete_fn)(void *user_data,
                                   const uint8_t *key,
                                   size_t key_len,
                                   struct cr_store_reply *reply);

/**
 * Reads the pairs whose keys begin with the prefix, in the order of their bytes, from the first key that is greater than
 * `after` (NULL: from the first), at most `limit`: give each with cr_store_reply_pair, then reply with
 * cr_store_reply_page.
 */
typedef void (*cr_store_scan_fn)(void *user_data,
                                 const uint8_t *prefix,
                                 size_t prefix_len,
                                 const uint8_t *after,
                                 size_t after_len,
                                 size_t limit,
                                 struct cr_store_reply *reply);

/**
 * Does all of these puts and deletes (CR_WRITE, CR_DELETE) in their order, or none: reply with cr_store_reply_done.
 */
typedef void (*cr_store_batch_fn)(void *user_data,
                                  const struct cr_op *ops,
                                  size_t ops_len,
                                  struct cr_store_reply *reply);

/**
 * A store of the host. The functions may be called by several threads at once, in the thread that drives the
 * operation; they must not throw or jump out. One that returns without a reply has failed. The library owns
 * `user_data` from cr_engine_new_with_store on, one that fails included, and calls `drop` with its last use.
 */
typedef struct cr_store {
    /**
     * `sizeof(cr_store)`.
     */
    size_t size;
    /**
     * Handed to every function; may be NULL.
     */
    void *user_data;
    /**
     * Reads a key.
     */
    cr_store_get_fn get;
    /**
     * Sets a key.
     */
    cr_store_put_fn put;
    /**
     * Removes a key.
     */
    cr_store_delete_fn delete_;
    /**
     * Lets `user_data` go; may be NULL.
     */
    cr_drop_fn drop;
    /**
     * Reads a page; NULL where the store cannot scan.
     */
    cr_store_scan_fn scan;
    /**
     * Does several at once; NULL where the store cannot do all or none.
     */
    cr_store_batch_fn batch;
} cr_store;

/**
 * All that is known about a failure, to be read in one call. Texts live as long as the error.
 */
typedef struct cr_error_info {
    /**
     * The code, as the function returned it.
     */
    cr_status status;
    /**
     * Not zero where a write or delete had already happened when the error arose (after-hooks).
     */
    int32_t applied;
    /**
     * The stable word for the code: `denied`.
     */
    struct cr_str code;
    /**
     * The class in other languages: `PolicyViolation`.
     */
    struct cr_str class_name;
    /**
     * The whole sentence for people.
     */
    struct cr_str message;
    /**
     * Why it was refused: the hook's own words. None where nothing was refused.
     */
    struct cr_str reason;
    /**
     * The hook (`before_write *.json`) or limit that refused.
     */
    struct cr_str rule;
    /**
     * `read`, `write` or `delete`.
     */
    struct cr_str operation;
    /**
     * The key of the operation, or NULL.
     */
    const uint8_t *key;
    /**
     * The key's length.
     */
    size_t key_len;
    /**
     * Of a rate limit: nanoseconds until the operation would pass; never too early.
     */
    uint64_t retry_after_ns;
    /**
     * Of a rate limit: the limit, as people read it.
     */
    struct cr_str limit;
    /**
     * Of a rate limit: `global` or the context key.
     */
    struct cr_str scope;
    /**
     * Of a bad pattern: the pattern as given.
     */
    struct cr_str pattern;
    /**
     * Of a bad pattern: the byte offset of the fault.
     */
    size_t position;
    /**
     * The type's name of the foreign error behind this one, where there is one.
     */
    struct cr_str cause_type;
    /**
     * The host's number for its own object, or 0.
     */
    uint64_t host_token;
    /**
     * Not zero where `host_token` stands for this very error, and not for its cause: raise that object again.
     */
    int32_t is_host_object;
    /**
     * Of a batch that is not atomic: how many of its operations, the first ones, the store had done; -1 where the error
     * does not say.
     */
    int64_t applied_count;
} cr_error_info;

/**
 * What kind of hook a cr_hook is.
 */
typedef int32_t cr_hook_kind;

/**
 * A moment at which hooks are asked.
 */
typedef int32_t cr_trigger;

/**
 * What a hook is shown. Everything in it lives until the hook returns.
 */
typedef struct cr_call {
    /**
     * `sizeof(cr_call)` of the library: later versions add fields at the end.
     */
    size_t size;
    /**
     * When the hook is asked.
     */
    cr_trigger trigger;
    /**
     * How deep this hook stands in others' operations, from 1.
     */
    uint32_t depth;
    /**
     * The key.
     */
    const uint8_t *key;
    /**
     * The key's length.
     */
    size_t key_len;
    /**
     * The value to be written or that was read, as the hooks before left it; NULL where there is none. An empty
     * value is not NULL.
     */
    const uint8_t *value;
    /**
     * The value's length.
     */
    size_t value_len;
    /**
     * What the caller said; never NULL.
     */
    const struct cr_context *context;
    /**
     * Not zero where no hook has changed the value.
     */
    int32_t value_is_original;
    /**
     * Which key of a batch or get-many it is about, from 0.
     */
    size_t at;
} cr_call;

/**
 * A hook of the host: it calls one of the `cr_reply_` functions with `answer` (the last one counts), and returns. One
 * that replies nothing at all has failed, and the operation is refused. It may be called by several threads at once,
 * may use the engine, and must not throw or jump out.
 */
typedef void (*cr_hook_fn)(void *user_data, const struct cr_call *call, struct cr_answer *answer);

/**
 * A hook to be registered. Set `size` and zero the rest before you fill in what the kind asks for, or take one of
 * the cr_helper_ functions.
 *
 * The library owns `user_data` from the registration on, one that fails included: it calls `drop`, if there is one,
 * when no operation can ask for the hook any more. Do not register the same struct twice where it has a `drop`.
 */
typedef struct cr_hook {
    /**
     * `sizeof(cr_hook)`.
     */
    size_t size;
    /**
     * What kind of hook it is. Zero: CR_HOOK_CALLBACK.
     */
    cr_hook_kind kind;
    /**
     * For CR_HOOK_CALLBACK: the function.
     */
    cr_hook_fn call;
    /**
     * For CR_HOOK_CALLBACK: handed to `call`; may be NULL.
     */
    void *user_data;
    /**
     * For CR_HOOK_CALLBACK: lets `user_data` go; may be NULL.
     */
    cr_drop_fn drop;
    /**
     * For CR_HOOK_ID and CR_HOOK_LOG_ID: the host's number.
     */
    uint64_t id;
    /**
     * For CR_HOOK_REDACT_VALUE: what stands in the place of the value. Copied.
     */
    const uint8_t *bytes;
    /**
     * The length of `bytes`.
     */
    size_t bytes_len;
    /**
     * For CR_HOOK_LOG: the logger. Copied; NULL for the engine's.
     */
    const struct cr_logger *logger;
} cr_hook;

/**
 * A rate limit: a bucket of tokens. A number that is 0, and a text that is NULL, is not given.
 */
typedef struct cr_rate_limit {
    /**
     * `sizeof(cr_rate_limit)`.
     */
    size_t size;
    /**
     * CR_LIMIT_ bits of numbers that count although they are 0, for drivers that hand on what their users wrote.
     */
    uint32_t given;
    /**
     * Tokens a second. Exactly one of the three is given.
     */
    uint64_t max_per_second;
    /**
     * Tokens a minute.
     */
    uint64_t max_per_minute;
    /**
     * Tokens an hour.
     */
    uint64_t max_per_hour;
    /**
     * How many tokens the bucket holds. Default: as many as the rate gives in its period.
     */
    uint64_t burst;
    /**
     * How many keys have a bucket of their own at one time. Default: 1,000,000.
     */
    uint64_t max_keys;
    /**
     * `global` (the default) or the context key that has a bucket for each of its values.
     */
    const char *scope;
    /**
     * The length of `scope`, or CR_NUL.
     */
    size_t scope_len;
    /**
     * `operations` (the default) or `attempts`.
     */
    const char *count;
    /**
     * The length of `count`, or CR_NUL.
     */
    size_t count_len;
} cr_rate_limit;

/**
 * How one limit stands. Texts live as long as the list.
 */
typedef struct cr_limit_status {
    /**
     * The limit, as people read it: `write 100/minute per agent_id`.
     */
    struct cr_str limit;
    /**
     * What the limit is for: `read`, `write`, `delete` or `all`.
     */
    struct cr_str operation;
    /**
     * `global` or the context key.
     */
    struct cr_str scope;
    /**
     * `operations` or `attempts`.
     */
    struct cr_str count;
    /**
     * How many tokens the full bucket holds.
     */
    uint64_t capacity;
    /**
     * How many whole tokens are in it.
     */
    uint64_t remaining;
    /**
     * Nanoseconds until a token can be taken; 0 where one can be now.
     */
    uint64_t retry_after_ns;
    /**
     * Nanoseconds until the bucket is full; 0 where it is.
     */
    uint64_t full_after_ns;
    /**
     * Not zero where this is the overflow bucket, shared by the keys for which there was no room.
     */
    int32_t overflow;
} cr_limit_status;

/**
 * Takes a refusal and says whether that worked: 0 is a failure, which is logged. The refusal stands whatever it does. It
 * is called in the thread that drives the operation, before the caller gets the error; by several threads at once. It
 * may use the engine, and must not throw or jump out. The error lives until it returns.
 */
typedef int32_t (*cr_denied_fn)(void *user_data, const struct cr_error *error);

/**
 * Who is told of refusals. The library owns `user_data` from the call on that it is given to, one that fails included,
 * and calls `drop` with its last use.
 */
typedef struct cr_listener {
    /**
     * `sizeof(cr_listener)`.
     */
    size_t size;
    /**
     * Takes a refusal.
     */
    cr_denied_fn denied;
    /**
     * Handed to `denied`; may be NULL.
     */
    void *user_data;
    /**
     * Lets `user_data` go; may be NULL.
     */
    cr_drop_fn drop;
} cr_listener;

/**
 * A run of bytes; `data` is NULL where there is none.
 */
typedef struct cr_bytes {
    /**
     * The first byte.
     */
    const uint8_t *data;
    /**
     * How many there are.
     */
    size_t len;
} cr_bytes;

/**
 * The values of a get-many, in the order of its keys: `data` is NULL where there is none, or a hook hides it. They
 * live until cr_values_free.
 */
typedef struct cr_values {
    /**
     * The values.
     */
    const struct cr_bytes *items;
    /**
     * How many there are: as many as keys.
     */
    size_t len;
} cr_values;

/**
 * What is asked of an engine. Zero is the default of every field but `size` and `kind`.
 */
typedef struct cr_request {
    /**
     * `sizeof(cr_request)`.
     */
    size_t size;
    /**
     * CR_READ, CR_WRITE, CR_DELETE, CR_SCAN, CR_BATCH or CR_GET_MANY.
     */
    cr_kind kind;
    /**
     * CR_ASK_ bits: what the driver performs itself.
     */
    uint32_t flags;
    /**
     * The key; CR_SCAN: the prefix.
     */
    const uint8_t *key;
    /**
     * The key's length.
     */
    size_t key_len;
    /**
     * CR_WRITE: the value.
     */
    const uint8_t *value;
    /**
     * The value's length.
     */
    size_t value_len;
    /**
     * Who acts; may be NULL.
     */
    const struct cr_context *context;
    /**
     * Zero, or the depth that the step or call said from inside whose hook the operation is started.
     */
    uint32_t depth;
    /**
     * CR_BATCH, CR_GET_MANY: what is to be done to which keys.
     */
    const struct cr_op *ops;
    /**
     * How many there are.
     */
    size_t ops_len;
} cr_request;

/**
 * What an operation needs next.
 */
typedef int32_t cr_step_kind;

/**
 * Which moment of an operation an entry tells of.
 */
typedef int32_t cr_phase;

/**
 * What an operation needs next, or how it ended. Set `size` before each call.
 *
 * Later versions add kinds, and fields at the end; a caller of an earlier version gets the fields that it has room for.
 * A driver that meets a kind it does not know ends the operation with cr_operation_finish, which refuses it. What the
 * pointers show lives until the next call with this operation; what CR_STEP_DONE gives is the caller's.
 */
typedef struct cr_step {
    /**
     * In: `sizeof(cr_step)`. Out: how much of it was filled in.
     */
    uint32_t size;
    /**
     * The version of what was filled in: 2, or 1 where there is no room for what comes behind `value_is_owned`.
     */
    uint32_t version;
    /**
     * What is needed.
     */
    cr_step_kind kind;
    /**
     * CR_STEP_DONE: how it ended; else CR_OK.
     */
    cr_status status;
    /**
     * The operation, to be replied to or freed; NULL with CR_STEP_DONE.
     */
    struct cr_operation *operation;
    /**
     * CR_STEP_DONE: what refused it or made it fail, to be freed; NULL with CR_OK.
     */
    struct cr_error *error;
    /**
     * CR_STEP_DONE of a get: the value, NULL where there is none; it stands in the caller's buffer, or is to be given
     * to cr_bytes_free. CR_STEP_CALL_HOOK: the value to be written or that was read, or NULL. CR_STEP_STORE_PUT: the
     * value. An empty one is not NULL.
     */
    const uint8_t *value;
    /**
     * The value's length.
     */
    size_t value_len;
    /**
     * The key.
     */
    const uint8_t *key;
    /**
     * The key's length.
     */
    size_t key_len;
    /**
     * CR_STEP_CALL_HOOK, CR_STEP_LOG, CR_STEP_RECORD, CR_STEP_NOTIFY: the host's number.
     */
    uint64_t id;
    /**
     * CR_STEP_CALL_HOOK: what the caller said.
     */
    const struct cr_context *context;
    /**
     * CR_STEP_LOG: the sentence, NUL-terminated.
     */
    struct cr_str message;
    /**
     * CR_STEP_CALL_HOOK: when.
     */
    cr_trigger trigger;
    /**
     * CR_STEP_CALL_HOOK, CR_STEP_RECORD, CR_STEP_NOTIFY: the depth to be handed to operations that the host starts
     * meanwhile.
     */
    uint32_t depth;
    /**
     * CR_STEP_LOG: how grave.
     */
    cr_log_level level;
    /**
     * CR_STEP_CALL_HOOK: not zero where no hook has changed the value.
     */
    int32_t value_is_original;
    /**
     * CR_STEP_DONE: not zero where `value` is to be given to cr_bytes_free.
     */
    int32_t value_is_owned;
    /**
     * From here on version 2. CR_STEP_CALL_HOOK: which key of a batch or get-many it is about, from 0.
     */
    size_t at;
    /**
     * CR_STEP_STORE_SCAN: the last key of the page before, or NULL.
     */
    const uint8_t *after;
    /**
     * The length of `after`.
     */
    size_t after_len;
    /**
     * CR_STEP_STORE_SCAN: the most pairs. CR_STEP_STORE_BATCH: how many there are in `ops`. CR_STEP_RECORD: how many
     * there are in `entries`.
     */
    size_t count;
    /**
     * CR_STEP_STORE_BATCH: what is to be done.
     */
    const struct cr_op *ops;
    /**
     * CR_STEP_RECORD: one entry, or one for each key of a batch or get-many, after those of operations before it that
     * ended without a driver.
     */
    const struct cr_audit_log *entries;
    /**
     * CR_STEP_NOTIFY: what the caller will get. Not to be freed.
     */
    const struct cr_error *refusal;
    /**
     * CR_STEP_DONE of a get-many: the values, to be freed with cr_values_free; NULL where no key was given.
     */
    struct cr_values *values;
    /**
     * CR_STEP_RECORD: which moment it is.
     */
    cr_phase phase;
    /**
     * CR_STEP_RECORD: not zero where the entries are for a file of the audit.
     */
    int32_t is_file;
} cr_step;

/**
 * What a hook said.
 */
typedef int32_t cr_answer_kind;

/**
 * What a store replied.
 */
typedef int32_t cr_reply_kind;

/**
 * Takes entries of the audit and says whether that worked: 0 is a failure. They are read with cr_audit_log_at and
 * cr_audit_log_json, and live until it returns: one entry, or one for each key of a batch or get-many, after those of
 * operations before it that ended without a driver. It is called in the thread that drives the operation, by several threads at once. It may use the engine, and must not throw or jump
 * out.
 */
typedef int32_t (*cr_sink_fn)(void *user_data, const struct cr_audit_log *entries, cr_phase phase);

/**
 * A sink of the audit. The library owns `user_data` from the call on that it is given to, one that fails included, and
 * calls `drop` with its last use.
 */
typedef struct cr_sink {
    /**
     * `sizeof(cr_sink)`.
     */
    size_t size;
    /**
     * Takes entries.
     */
    cr_sink_fn record;
    /**
     * Handed to `record`; may be NULL.
     */
    void *user_data;
    /**
     * Lets `user_data` go; may be NULL.
     */
    cr_drop_fn drop;
    /**
     * Not zero: strict. It is told before the store is asked as well (CR_PHASE_DECIDED), and where it fails then, the
     * operation is refused. Default: a failure is logged and changes nothing.
     */
    int32_t strict;
} cr_sink;

/**
 * A text.
 */
#define CR_VALUE_TEXT 0

/**
 * A boolean.
 */
#define CR_VALUE_BOOL 1

/**
 * An integer.
 */
#define CR_VALUE_INT 2

/**
 * In a packed context only: what the caller gave and no context can hold. The value is the message of the CR_USAGE
 * with which the operation is refused, and which the audit tells.
 */
#define CR_VALUE_FAULT 3

/**
 * Once it is acknowledged; the default.
 */
#define CR_DURABILITY_SYNC 0

/**
 * Later: within a second of further writes, at cr_database_flush and at cr_database_close.
 */
#define CR_DURABILITY_RELAXED 1

/**
 * What the core does where nobody says: it enforces.
 */
#define CR_MODE_DEFAULT 0

/**
 * Refusals are enforced.
 */
#define CR_MODE_ENFORCE 1

/**
 * Nothing is refused by a hook, a limit or a requirement: the audit and a warning say what would have been.
 */
#define CR_MODE_SHADOW 2

/**
 * Before a get.
 */
#define CR_BEFORE_READ 0

/**
 * After a get that found a value.
 */
#define CR_AFTER_READ 1

/**
 * Before a put.
 */
#define CR_BEFORE_WRITE 2

/**
 * After a put.
 */
#define CR_AFTER_WRITE 3

/**
 * Before a delete.
 */
#define CR_BEFORE_DELETE 4

/**
 * After a delete.
 */
#define CR_AFTER_DELETE 5

/**
 * `call` is called, in the thread that drives the operation.
 */
#define CR_HOOK_CALLBACK 0

/**
 * The host keeps the callable itself and gets `id` in a step.
 */
#define CR_HOOK_ID 1

/**
 * Refuses.
 */
#define CR_HOOK_DENY_ALL 2

/**
 * Goes on.
 */
#define CR_HOOK_ALLOW_ALL 3

/**
 * Refuses where the context has no `agent_id`, or an empty one.
 */
#define CR_HOOK_REQUIRE_AGENT_ID 4

/**
 * Puts `bytes` in the place of the value.
 */
#define CR_HOOK_REDACT_VALUE 5

/**
 * Tells `logger`, then lets pass, flagged in the audit.
 */
#define CR_HOOK_LOG 6

/**
 * Like CR_HOOK_LOG, with a logger that the host keeps itself and gets as `id` in a step.
 */
#define CR_HOOK_LOG_ID 7

/**
 * What log_and_allow tells.
 */
#define CR_LOG_INFO 0

/**
 * Something that its users should mend.
 */
#define CR_LOG_WARNING 1

/**
 * Nothing was replied.
 */
#define CR_ANSWER_NONE 0

/**
 * No answer: go on.
 */
#define CR_ANSWER_NOTHING 1

/**
 * Go on.
 */
#define CR_ANSWER_ALLOW 2

/**
 * Go on, and flag the audit entry.
 */
#define CR_ANSWER_LOG 3

/**
 * Refuse. The bytes are the reason, UTF-8; with NULL there is none.
 */
#define CR_ANSWER_DENY 4

/**
 * Go on with another value: the bytes.
 */
#define CR_ANSWER_MODIFY 5

/**
 * What was no answer. The bytes describe it for the message: "a `str`".
 */
#define CR_ANSWER_INVALID 6

/**
 * The hook failed with an error of the host's. The bytes are its type's name; `token` finds it again.
 */
#define CR_ANSWER_FOREIGN 7

/**
 * The hook failed with one of Checkrein's errors, `raised`; `token` finds the host's object again, or is 0.
 */
#define CR_ANSWER_ERROR 8

/**
 * To a get: the bytes are the value.
 */
#define CR_REPLY_VALUE 1

/**
 * To a get: there is none.
 */
#define CR_REPLY_NO_VALUE 2

/**
 * To a put, delete or batch: it is done.
 */
#define CR_REPLY_DONE 3

/**
 * What was no reply. The bytes describe it for the message: "a `str`".
 */
#define CR_REPLY_INVALID 4

/**
 * It failed with an error of the host's. The bytes are its type's name; `token` finds it again.
 */
#define CR_REPLY_FOREIGN 5

/**
 * It failed with one of Checkrein's errors, `raised`; `token` finds the host's object again, or is 0.
 */
#define CR_REPLY_ERROR 6

/**
 * To a scan: the bytes are the pairs, packed, pair by pair: the key's and the value's length as 32-bit little-endian
 * integers, the key, the value. A page without pairs ends the scan.
 */
#define CR_REPLY_PAGE 7

/**
 * The same, and nothing follows.
 */
#define CR_REPLY_LAST_PAGE 8

/**
 * A get.
 */
#define CR_READ 0

/**
 * A put.
 */
#define CR_WRITE 1

/**
 * A delete.
 */
#define CR_DELETE 2

/**
 * A walk over the keys that begin with `key`.
 */
#define CR_SCAN 3

/**
 * Puts and deletes, all or none.
 */
#define CR_BATCH 4

/**
 * Gets of several keys.
 */
#define CR_GET_MANY 5

/**
 * Nothing more: `status`, `value` and `error` are the outcome, and the operation is freed.
 */
#define CR_STEP_DONE 0

/**
 * Ask hook `id`, and reply with cr_operation_answer.
 */
#define CR_STEP_CALL_HOOK 1

/**
 * Read `key`, and reply with cr_operation_store.
 */
#define CR_STEP_STORE_GET 2

/**
 * Set `key` to `value`, and reply with cr_operation_store.
 */
#define CR_STEP_STORE_PUT 3

/**
 * Remove `key`, and reply with cr_operation_store.
 */
#define CR_STEP_STORE_DELETE 4

/**
 * Tell logger `id` (0: the language's own) `message`, and reply with cr_operation_logged.
 */
#define CR_STEP_LOG 5

/**
 * Read a page: the pairs whose keys begin with `key`, in the order of their bytes, from the first key greater than
 * `after`, at most `count`. Reply with cr_operation_store (CR_REPLY_PAGE, CR_REPLY_LAST_PAGE) or cr_operation_page.
 */
#define CR_STEP_STORE_SCAN 6

/**
 * Do the `count` operations of `ops` in their order, all or none, and reply with cr_operation_store.
 */
#define CR_STEP_STORE_BATCH 7

/**
 * Give the caller this pair of a scan, `key` and `value`, and go on with cr_operation_next. It counts as given.
 */
#define CR_STEP_ITEM 8

/**
 * Hand `entries` to sink `id` of the audit, and reply with cr_operation_recorded. Where `is_file` is set, they are for
 * a file of the audit: reply with cr_operation_perform_store.
 */
#define CR_STEP_RECORD 9

/**
 * Tell listener `id` of `refusal`, and reply with cr_operation_logged. What it makes of it changes nothing.
 */
#define CR_STEP_NOTIFY 10

/**
 * The operation has ended; the sink is not strict.
 */
#define CR_PHASE_NONE 0

/**
 * For a strict sink: it was decided, and the store was not asked yet.
 */
#define CR_PHASE_DECIDED 1

/**
 * For a strict sink: it has ended.
 */
#define CR_PHASE_DONE 2

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * No answer: go on.
 */
cr_status cr_reply_nothing(struct cr_answer *answer);

/**
 * Go on.
 */
cr_status cr_reply_allow(struct cr_answer *answer);

/**
 * Go on, and flag the audit entry.
 */
cr_status cr_reply_log(struct cr_answer *answer);

/**
 * Refuse; after a read, hide the value. `reason` may be NULL; its length may be CR_NUL. A reason that is not UTF-8 is
 * shown with its bytes escaped.
 */
cr_status cr_reply_deny(struct cr_answer *answer,
                        const char *reason,
                        size_t reason_len);

/**
 * Go on with this value in the place of the one the hook saw. The bytes are copied; an empty value is not NULL, which
 * is no answer.
 */
cr_status cr_reply_modify(struct cr_answer *answer,
                          const uint8_t *value,
                          size_t value_len);

/**
 * What was no answer, described for the error's message ("a `str`"): the operation is refused. For drivers of other
 * languages. A length may be CR_NUL.
 */
cr_status cr_reply_invalid(struct cr_answer *answer,
                           const char *what,
                           size_t what_len);

/**
 * The hook failed with an error of the host's: the operation is refused, with that error as its cause. Only the
 * type's name is kept and shown. `token` is a number by which the host finds its object again in the cr_error
 * (cr_error_host_token), or 0. A length may be CR_NUL.
 */
cr_status cr_reply_foreign(struct cr_answer *answer,
                           const char *type_name,
                           size_t type_name_len,
                           uint64_t token);

/**
 * The hook failed with one of Checkrein's errors, which comes out of the operation as itself: a violation is a
 * refusal with its reason. The library takes the error over. `token` as for cr_reply_foreign.
 */
cr_status cr_reply_error(struct cr_answer *answer,
                         struct cr_error *error,
                         uint64_t token);

/**
 * Turns the audit on, with a ring of so many entries (CR_DEFAULT: 10,000). Where it is on with that size already, nothing
 * changes; another size starts an empty ring. One that fails is remembered, as for cr_engine_add_hook.
 *
 * Errors: CR_CONFIG for 0, and for more than 10,000,000.
 */
cr_status cr_engine_audit_enable(const struct cr_engine *engine,
                                 size_t max_entries,
                                 struct cr_error **error);

/**
 * Turns the audit off, lets its entries go and removes its sinks.
 */
cr_status cr_engine_audit_disable(const struct cr_engine *engine, struct cr_error **error);

/**
 * The newest entries that a filter lets through, the oldest first. `filter` may be NULL: the newest 100. Free the log
 * with cr_audit_log_free.
 *
 * Errors: CR_USAGE while the audit is off and for unknown words; CR_PATTERN for a bad glob.
 */
cr_status cr_engine_audit_log(const struct cr_engine *engine,
                              const struct cr_audit_filter *filter,
                              struct cr_audit_log **out,
                              struct cr_error **error);

/**
 * How many entries there are; 0 for NULL.
 */
size_t cr_audit_log_len(const struct cr_audit_log *log);

/**
 * The entry at a place; false past the end, and for NULL.
 */
bool cr_audit_log_at(const struct cr_audit_log *log, size_t index, struct cr_audit_entry *out);

/**
 * The entry at a place as one canonical line of JSON, without a newline. No data past the end, and for NULL.
 */
struct cr_str cr_audit_log_json(const struct cr_audit_log *log, size_t index);

/**
 * Lets a log go, with its texts. NULL is allowed.
 */
void cr_audit_log_free(struct cr_audit_log *log);

/**
 * Writes every entry of the audit to a file too; one that is there is written on. Turns the audit on where it is off.
 * `path` as for cr_database_open; `{pid}` in it stands for the number of the process. `options` may be NULL. `handle`
 * may be NULL, else it gets the number for cr_engine_remove_audit_sink; `file` too, else it gets a handle on the file,
 * to be freed with cr_audit_file_free.
 *
 * Errors: CR_CONFIG for settings that cannot be and a directory that is not there; CR_STORE_LOCKED for a file that another
 * handle has open; CR_STORE for one that is no audit file, or whose last line does not verify.
 */
cr_status cr_engine_add_audit_file(const struct cr_engine *engine,
                                   const char *path,
                                   size_t path_len,
                                   const struct cr_audit_file_options *options,
                                   uint64_t *handle,
                                   struct cr_audit_file **file,
                                   struct cr_error **error);

/**
 * The last line that was written; what is still queued is not in it, so flush first where that matters.
 */
cr_status cr_audit_file_head(const struct cr_audit_file *file,
                             struct cr_audit_head *head,
                             struct cr_error **error);

/**
 * How many entries could not be kept so far, because the file could not be written for long; 0 for NULL.
 */
uint64_t cr_audit_file_lost(const struct cr_audit_file *file);

/**
 * Writes out what waits and syncs it, unless `fsync` is `never`.
 *
 * Errors: CR_STORE where that fails (what waits is kept), and once the file was closed.
 */
cr_status cr_audit_file_flush(const struct cr_audit_file *file, struct cr_error **error);

/**
 * Writes out what waits, ends the file with a line that says so, and unlocks it. Once more does nothing. An engine that
 * still has it as a sink cannot write it any more: remove the sink first.
 *
 * Errors: CR_STORE where not everything could be written; it is closed nevertheless.
 */
cr_status cr_audit_file_close(const struct cr_audit_file *file,
                              struct cr_error **error);

/**
 * Lets the handle go. The file is closed with its last handle and engine. NULL is allowed.
 */
void cr_audit_file_free(struct cr_audit_file *file);

/**
 * Verifies the chain of which `path` is the current file, and says what was found as one line of JSON: `ok`, `segments`,
 * `lines`, `events`, `first_sequence`, `head`, `repairs`, `lost`, `torn_bytes`, and `problem`, null or the first thing that
 * does not hold: `file`, `line` (0: the file as a whole) and `what`. The text is UTF-8, and not NUL-terminated: give it
 * to cr_bytes_free. `options` may be NULL. The chain may be written meanwhile.
 *
 * Errors: CR_STORE for what cannot be read, CR_CONFIG for a chain with a key where none is given, CR_USAGE for a head
 * that is none. A chain that does not hold is no error.
 */
cr_status cr_verify_audit(const char *path,
                          size_t path_len,
                          const struct cr_verify_options *options,
                          uint8_t **json,
                          size_t *json_len,
                          struct cr_error **error);

/**
 * Lets bytes go that the library gave with their length. NULL is allowed.
 */
void cr_bytes_free(uint8_t *bytes, size_t len);

/**
 * Sets a key to a value, if hooks and limits allow it. `context` may be NULL. Hooks run in this thread; an operation
 * that one starts counts as nested in this one, and 17 deep is refused.
 *
 * Errors: CR_DENIED, CR_HOOK_FAILED and CR_RATE_LIMITED where it was refused (see cr_error_applied); the store codes;
 * CR_USAGE, CR_NESTING_LIMIT, CR_OPEN_LIMIT; the code of a registration that failed.
 */
cr_status cr_engine_put(const struct cr_engine *engine,
                        const uint8_t *key,
                        size_t key_len,
                        const uint8_t *value,
                        size_t value_len,
                        const struct cr_context *context,
                        struct cr_error **error);

/**
 * The value of a key, as the hooks leave it: `*value` is NULL where there is none. Give the bytes to cr_bytes_free.
 *
 * Errors: as cr_engine_put.
 */
cr_status cr_engine_get(const struct cr_engine *engine,
                        const uint8_t *key,
                        size_t key_len,
                        const struct cr_context *context,
                        uint8_t **value,
                        size_t *value_len,
                        struct cr_error **error);

/**
 * Removes a key, if hooks and limits allow it; one that is not there is no error.
 *
 * Errors: as cr_engine_put.
 */
cr_status cr_engine_delete(const struct cr_engine *engine,
                           const uint8_t *key,
                           size_t key_len,
                           const struct cr_context *context,
                           struct cr_error **error);

/**
 * Makes a clock that shows `wall_ns` nanoseconds since 1970-01-01 UTC, and zero as its monotonic reading. Free it
 * with cr_manual_clock_free.
 */
cr_status cr_manual_clock_new(uint64_t wall_ns,
                              struct cr_manual_clock **out,
                              struct cr_error **error);

/**
 * Moves both readings on by `ns` nanoseconds.
 */
cr_status cr_manual_clock_advance_ns(const struct cr_manual_clock *clock,
                                     uint64_t ns,
                                     struct cr_error **error);

/**
 * Sets the wall reading alone, as when an administrator sets the machine's clock.
 */
cr_status cr_manual_clock_set_wall_ns(const struct cr_manual_clock *clock,
                                      uint64_t wall_ns,
                                      struct cr_error **error);

/**
 * Lets the handle go. NULL is allowed.
 */
void cr_manual_clock_free(struct cr_manual_clock *clock);

/**
 * Makes an empty context. Free it with cr_context_free.
 */
cr_status cr_context_new(struct cr_context **out, struct cr_error **error);

/**
 * Sets a name to a text. A length may be CR_NUL. What could not be said is remembered, so that the result may be
 * ignored: the context refuses every operation with that error until it is cleared.
 *
 * Errors: CR_USAGE for an empty or overlong name, an overlong text, too many entries, bytes that are not UTF-8, and
 * for a near miss of a known name (`agentId`).
 */
cr_status cr_context_set_text(struct cr_context *context,
                              const char *name,
                              size_t name_len,
                              const char *text,
                              size_t text_len,
                              struct cr_error **error);

/**
 * Sets a name to a boolean: 0 is false, anything else true.
 *
 * Errors: as cr_context_set_text.
 */
cr_status cr_context_set_bool(struct cr_context *context,
                              const char *name,
                              size_t name_len,
                              int32_t boolean,
                              struct cr_error **error);

/**
 * Sets a name to an integer.
 *
 * Errors: as cr_context_set_text.
 */
cr_status cr_context_set_int(struct cr_context *context,
                             const char *name,
                             size_t name_len,
                             int64_t integer,
                             struct cr_error **error);

/**
 * Takes all entries out, and forgets what could not be said.
 */
cr_status cr_context_clear(struct cr_context *context, struct cr_error **error);

/**
 * How many entries there are; 0 for NULL.
 */
size_t cr_context_len(const struct cr_context *context);

/**
 * The value of a name; false where there is none, and for NULL. `out` may be NULL. A length may be CR_NUL.
 */
bool cr_context_get(const struct cr_context *context,
                    const char *name,
                    size_t name_len,
                    struct cr_value *out);

/**
 * Whether a name has a value that is not empty and not false: what `require_agent_id` asks for.
 */
bool cr_context_has(const struct cr_context *context, const char *name, size_t name_len);

/**
 * The entry at a place, sorted by name; false past the end, and for NULL. The name is not NUL-terminated and lives
 * as long as the context is not changed. `name` and `value` may be NULL.
 */
bool cr_context_at(const struct cr_context *context,
                   size_t index,
                   struct cr_str *name,
                   struct cr_value *value);

/**
 * Lets a context go. NULL is allowed. Not for the context that a hook is shown.
 */
void cr_context_free(struct cr_context *context);

/**
 * Opens the database in a directory; directory and file are created where they are missing. `path` is UTF-8, or
 * whatever bytes the system's paths are made of. `options` may be NULL. Free the handle with cr_database_free.
 *
 * Errors: CR_STORE_LOCKED, CR_STORE_DAMAGED, CR_STORE_FULL or CR_STORE; CR_CONFIG for a bad option.
 */
cr_status cr_database_open(const char *path,
                           size_t path_len,
                           const struct cr_database_options *options,
                           struct cr_database **out,
                           struct cr_error **error);

/**
 * Makes an empty database in memory; its data is gone with it. Free the handle with cr_database_free.
 */
cr_status cr_database_memory(struct cr_database **out, struct cr_error **error);

/**
 * Reads a key past every hook and limit: `*value` is NULL where there is none. Give the bytes to cr_bytes_free.
 *
 * Errors: CR_STORE_CLOSED and the other store codes; CR_USAGE for a key of more than 1 MiB.
 */
cr_status cr_database_get(const struct cr_database *database,
                          const uint8_t *key,
                          size_t key_len,
                          uint8_t **value,
                          size_t *value_len,
                          struct cr_error **error);

/**
 * Sets a key to a value past every hook and limit.
 *
 * Errors: the store codes; CR_USAGE for a key of more than 1 MiB or a value of more than 256 MiB.
 */
cr_status cr_database_put(const struct cr_database *database,
                          const uint8_t *key,
                          size_t key_len,
                          const uint8_t *value,
                          size_t value_len,
                          struct cr_error **error);

/**
 * Removes a key past every hook and limit. That there was none is no error.
 */
cr_status cr_database_delete(const struct cr_database *database,
                             const uint8_t *key,
                             size_t key_len,
                             struct cr_error **error);

/**
 * Does several puts and deletes (CR_WRITE, CR_DELETE) in their order past every hook and limit, all or none.
 *
 * Errors: as cr_database_put; CR_USAGE for what is no put or delete.
 */
cr_status cr_database_batch(const struct cr_database *database,
                            const struct cr_op *ops,
                            size_t ops_len,
                            struct cr_error **error);

/**
 * The pairs whose keys begin with a prefix, in the order of their bytes, from the first key that is greater than
 * `after` (NULL: from the first), past every hook and limit; at most `limit`, and fewer where that is a better page. Go
 * on with the last key as the next `after`, until a page is empty. Free the page with cr_page_free.
 *
 * Errors: the store codes; CR_USAGE for a limit of 0.
 */
cr_status cr_database_scan(const struct cr_database *database,
                           const uint8_t *prefix,
                           size_t prefix_len,
                           const uint8_t *after,
                           size_t after_len,
                           size_t limit,
                           struct cr_page **out,
                           struct cr_error **error);

/**
 * Makes every write acknowledged so far durable; of use with CR_DURABILITY_RELAXED.
 */
cr_status cr_database_flush(const struct cr_database *database, struct cr_error **error);

/**
 * Closes the database for everybody who uses it: later calls fail with CR_STORE_CLOSED, and the directory may be
 * opened again. Closing twice is no error. The handle is still to be freed.
 *
 * Errors: a store code where relaxed writes could not be made durable; it is closed nevertheless.
 */
cr_status cr_database_close(const struct cr_database *database,
                            struct cr_error **error);

/**
 * Whether a call may wait for the disk. False for one in memory, and for NULL.
 */
bool cr_database_blocks(const struct cr_database *database);

/**
 * Lets the handle go. The database is closed with its last handle and engine. NULL is allowed.
 */
void cr_database_free(struct cr_database *database);

/**
 * Reads and checks a document; its ending says the format: `.yaml`, `.yml`, `.json` or `.toml`. `path` as for
 * cr_database_open. Free it with cr_document_free.
 *
 * Errors: CR_CONFIG, with every problem that was found: file, line, column and the offending line.
 */
cr_status cr_document_load(const char *path,
                           size_t path_len,
                           struct cr_document **out,
                           struct cr_error **error);

/**
 * Checks a document that is at hand. `format` is `yaml`, `json` or `toml`; `name` stands for the file in messages.
 * Lengths may be CR_NUL. Free it with cr_document_free.
 *
 * Errors: as cr_document_load; CR_CONFIG for an unknown format.
 */
cr_status cr_document_parse(const char *text,
                            size_t text_len,
                            const char *format,
                            size_t format_len,
                            const char *name,
                            size_t name_len,
                            struct cr_document **out,
                            struct cr_error **error);

/**
 * Lets a document go; engines keep what they need of it. NULL is allowed.
 */
void cr_document_free(struct cr_document *document);

/**
 * Puts a document in the place of the one before, in one step: an operation sees all of the old one or all of the new
 * one. The program's own hooks, limits and sinks stay, and so do the buckets of limits that both documents declare alike.
 *
 * Errors: CR_CONFIG for a document with nothing for a policy engine, and for an audit file that cannot be opened; then
 * everything is as it was. CR_STORE where the old document's audit file could not be written out; the new one holds.
 */
cr_status cr_engine_reload(const struct cr_engine *engine,
                           const struct cr_document *document,
                           struct cr_error **error);

/**
 * Makes an engine over a database, which it keeps alive. `options` may be NULL. Free it with cr_engine_free.
 *
 * Errors: CR_CONFIG for an unknown mode, for a name in `require_context` that no context can have, and for a document
 * that cannot be applied.
 */
cr_status cr_engine_new(const struct cr_database *database,
                        const struct cr_engine_options *options,
                        struct cr_engine **out,
                        struct cr_error **error);

/**
 * Makes an engine over a store of the host's. It owns `store->user_data` from this call on, one that fails included.
 *
 * Errors: CR_CONFIG where a function is missing, naming it; as cr_engine_new.
 */
cr_status cr_engine_new_with_store(const struct cr_store *store,
                                   const struct cr_engine_options *options,
                                   struct cr_engine **out,
                                   struct cr_error **error);

/**
 * Makes an engine whose store the host asks itself, in steps: for drivers of other languages. cr_engine_put,
 * cr_engine_get and cr_engine_delete cannot be used with it.
 */
cr_status cr_engine_new_in_steps(const struct cr_engine_options *options,
                                 struct cr_engine **out,
                                 struct cr_error **error);

/**
 * Sets the engine's logger; NULL for lines on the standard error. The struct is copied.
 */
cr_status cr_engine_set_logger(const struct cr_engine *engine,
                               const struct cr_logger *logger,
                               struct cr_error **error);

/**
 * How many operations have gone out to hooks, or outlive the call that started them; 0 for NULL.
 */
size_t cr_engine_open_operations(const struct cr_engine *engine);

/**
 * The first registration that failed and was not cleared: every operation is refused with it. `*found` is NULL where
 * there is none; else free it.
 */
cr_status cr_engine_registration_error(const struct cr_engine *engine,
                                       struct cr_error **found,
                                       struct cr_error **error);

/**
 * Makes every operation fail with a copy of this error, as a registration that failed does, until
 * cr_engine_clear_registration_errors; the first one stays. For drivers of other languages, that refuse what they
 * are given before it can be registered.
 */
cr_status cr_engine_remember_error(const struct cr_engine *engine,
                                   const struct cr_error *fault,
                                   struct cr_error **error);

/**
 * Lets operations pass again after a registration that failed. `cleared` may be NULL; else it gets the error that
 * was cleared, to be freed, or NULL where there was none.
 */
cr_status cr_engine_clear_registration_errors(const struct cr_engine *engine,
                                              struct cr_error **cleared,
                                              struct cr_error **error);

/**
 * Lets the handle go. Operations that are still open keep the engine alive; with the last of them its hooks, store
 * and logger are let go. NULL is allowed.
 */
void cr_engine_free(struct cr_engine *engine);

/**
 * Everything that is known about a failure; false for NULL.
 */
bool cr_error_get_info(const struct cr_error *error, struct cr_error_info *out);

/**
 * The code; CR_OK for NULL.
 */
cr_status cr_error_status(const struct cr_error *error);

/**
 * The stable word for the code: `denied`, `rate_limited`.
 */
struct cr_str cr_error_code(const struct cr_error *error);

/**
 * The class that the error has in other languages: `PolicyViolation`, `StoreError`.
 */
struct cr_str cr_error_class(const struct cr_error *error);

/**
 * The whole sentence: what was refused or failed, by what, why, and what to do. It lives as long as the error.
 */
struct cr_str cr_error_message(const struct cr_error *error);

/**
 * Why it was refused: the hook's own words, or a sentence that says what decided.
 */
struct cr_str cr_error_reason(const struct cr_error *error);

/**
 * The hook (`before_write *.json`) or limit that refused.
 */
struct cr_str cr_error_rule(const struct cr_error *error);

/**
 * The operation that was refused: `read`, `write` or `delete`.
 */
struct cr_str cr_error_operation(const struct cr_error *error);

/**
 * The key of the operation that was refused, or NULL. `*len` is set where `len` is not NULL.
 */
const uint8_t *cr_error_key(const struct cr_error *error, size_t *len);

/**
 * Whether the operation had already happened when the error arose: a hook after a write or delete failed.
 */
bool cr_error_applied(const struct cr_error *error);

/**
 * Of a batch that is not atomic (CR_STORE_PARTIAL): how many of its operations, the first ones, the store had done; -1
 * where the error does not say.
 */
int64_t cr_error_applied_count(const struct cr_error *error);

/**
 * Of a rate limit: nanoseconds until the operation would pass, never too early; else 0.
 */
uint64_t cr_error_retry_after_ns(const struct cr_error *error);

/**
 * Of a rate limit: the limit, as people read it: `write 100/minute per agent_id`.
 */
struct cr_str cr_error_limit(const struct cr_error *error);

/**
 * Of a rate limit: `global`, or the context key that the limit is kept for.
 */
struct cr_str cr_error_scope(const struct cr_error *error);

/**
 * Of a bad pattern: the pattern as given.
 */
struct cr_str cr_error_pattern(const struct cr_error *error);

/**
 * Of a bad pattern: the byte offset of the fault; else 0.
 */
size_t cr_error_position(const struct cr_error *error);

/**
 * The type's name of the foreign error behind this one, where there is one.
 */
struct cr_str cr_error_cause_type(const struct cr_error *error);

/**
 * The number that the host gave with an error of its own, so that it finds its very object again; 0 where there is
 * none. With cr_error_is_host_object it stands for this error, else for its cause.
 */
uint64_t cr_error_host_token(const struct cr_error *error);

/**
 * Whether the host raised this error itself, as one of Checkrein's, with a token.
 */
bool cr_error_is_host_object(const struct cr_error *error);

/**
 * Makes an error for a hook or store to fail with. A refusal takes the message as its reason. NULL where the
 * status is CR_OK or unknown, or the message is NULL or not UTF-8. A length may be CR_NUL.
 */
struct cr_error *cr_error_new(int32_t status, const char *message, size_t message_len);

/**
 * Makes a refusal with a reason, as a hook raises it: cr_error_new with CR_DENIED.
 */
struct cr_error *cr_error_new_violation(const char *reason, size_t reason_len);

/**
 * A copy of an error; NULL for NULL.
 */
struct cr_error *cr_error_clone(const struct cr_error *error);

/**
 * The error of Checkrein behind this one: what ended a batch that is not atomic half-way. A copy, to be freed; NULL where
 * there is none, and for NULL.
 */
struct cr_error *cr_error_cause(const struct cr_error *error);

/**
 * Lets an error go, with every text that was asked of it. NULL is allowed.
 */
void cr_error_free(struct cr_error *error);

/**
 * Lists what would be asked about an operation (`read`, `write` or `delete`) and foresees the verdict, as one line of
 * JSON: `operation`, `verdict`, `rule` and `reason` (null where nothing decides), `mode`, `hooks` and `limits`. Runs no
 * hook of the program, spends no token and asks no store. `context` may be NULL. The text is UTF-8, and not
 * NUL-terminated: give it to cr_bytes_free.
 *
 * Errors: CR_USAGE for an unknown operation or a bad context; the code of a registration that failed.
 */
cr_status cr_engine_explain(const struct cr_engine *engine,
                            const char *operation,
                            size_t operation_len,
                            const uint8_t *key,
                            size_t key_len,
                            const struct cr_context *context,
                            uint8_t **json,
                            size_t *json_len,
                            struct cr_error **error);

/**
 * A hook that refuses.
 */
struct cr_hook cr_helper_deny_all(void);

/**
 * A hook that goes on.
 */
struct cr_hook cr_helper_allow_all(void);

/**
 * A hook that refuses where the context has no `agent_id`, or an empty one.
 */
struct cr_hook cr_helper_require_agent_id(void);

/**
 * A hook that puts these bytes in the place of the value; for CR_AFTER_READ and CR_BEFORE_WRITE. The bytes are copied
 * when the hook is registered, and must live until then.
 */
struct cr_hook cr_helper_redact_value(const uint8_t *replacement,
                                      size_t replacement_len);

/**
 * A hook that tells a logger trigger, key and agent, never a value, and lets the operation pass, flagged in the audit.
 * A logger that fails refuses it. NULL is the engine's logger. The struct is copied when the hook is registered.
 */
struct cr_hook cr_helper_log_and_allow(const struct cr_logger *logger);

/**
 * Asks a hook by hand, as a test of it does: a function, or one of the helpers that the library decides. Of `call`,
 * helpers look at the context only, which may be NULL. `log_and_allow` and hooks known by number cannot be asked.
 *
 * Errors: CR_USAGE.
 */
cr_status cr_hook_ask(const struct cr_hook *hook,
                      const struct cr_call *call,
                      struct cr_answer *answer,
                      struct cr_error **error);

/**
 * Adds a rate limit for `read`, `write`, `delete` or `all`, with buckets of its own. A length may be CR_NUL. One that
 * fails is remembered, as for cr_engine_add_hook.
 *
 * Errors: CR_CONFIG for an unknown operation and a limit out of range.
 */
cr_status cr_engine_add_rate_limit(const struct cr_engine *engine,
                                   const char *operation,
                                   size_t operation_len,
                                   const struct cr_rate_limit *limit,
                                   struct cr_error **error);

/**
 * How every limit that applies to an operation stands for a context (NULL: an empty one); spends nothing. Free the
 * list with cr_limit_list_free.
 *
 * Errors: CR_CONFIG for an unknown operation.
 */
cr_status cr_engine_rate_limit_status(const struct cr_engine *engine,
                                      const char *operation,
                                      size_t operation_len,
                                      const struct cr_context *context,
                                      struct cr_limit_list **out,
                                      struct cr_error **error);

/**
 * How many limits there are; 0 for NULL.
 */
size_t cr_limit_list_len(const struct cr_limit_list *list);

/**
 * How the limit at a place stands; false past the end, and for NULL.
 */
bool cr_limit_list_at(const struct cr_limit_list *list, size_t index, struct cr_limit_status *out);

/**
 * Lets a list go, with its texts. NULL is allowed.
 */
void cr_limit_list_free(struct cr_limit_list *list);

/**
 * Has a function told of every refusal, with the error that the caller gets; of a key that a scan leaves out, and of an
 * operation that is let go, it is not told. `handle` may be NULL; else it gets the number for cr_engine_remove_listener.
 *
 * Errors: CR_USAGE.
 */
cr_status cr_engine_on_denied(const struct cr_engine *engine,
                              const struct cr_listener *listener,
                              uint64_t *handle,
                              struct cr_error **error);

/**
 * cr_engine_on_denied for a listener that the host keeps itself: operations in steps ask for it by `host_id`
 * (CR_STEP_NOTIFY), and cr_engine_take_released gives the number back when none can any more.
 */
cr_status cr_engine_on_denied_id(const struct cr_engine *engine,
                                 uint64_t host_id,
                                 uint64_t *handle,
                                 struct cr_error **error);

/**
 * Removes a listener by its handle. Operations that have started still tell it. `removed` may be NULL; else it gets
 * whether the listener was there.
 */
cr_status cr_engine_remove_listener(const struct cr_engine *engine,
                                    uint64_t handle,
                                    bool *removed,
                                    struct cr_error **error);

/**
 * Writes and deletes several keys, all or none. All are judged, in their order, before any is done; limits give a
 * token for each or none. `flags` is 0 or CR_BATCH_ONE_BY_ONE. What is asked is copied where it is needed longer.
 *
 * Errors: as cr_engine_put; CR_USAGE where the store has no atomic batch, for more than 10,000 operations, and for more
 * tokens than a limit ever holds; CR_STORE_PARTIAL.
 */
cr_status cr_engine_batch(const struct cr_engine *engine,
                          const struct cr_op *ops,
                          size_t ops_len,
                          uint32_t flags,
                          const struct cr_context *context,
                          struct cr_error **error);

/**
 * Reads several keys: `*values` gets one value for each, in the order of the keys. What refuses one key refuses the
 * call. Free the values with cr_values_free.
 *
 * Errors: as cr_engine_get; CR_USAGE for more than 10,000 keys, and for more tokens than a limit ever holds.
 */
cr_status cr_engine_get_many(const struct cr_engine *engine,
                             const struct cr_bytes *keys,
                             size_t keys_len,
                             const struct cr_context *context,
                             struct cr_values **values,
                             struct cr_error **error);

/**
 * Lets values go. NULL is allowed.
 */
void cr_values_free(struct cr_values *values);

/**
 * Sets the process's logger for what is no operation's: the warning of an audit file whose torn end was cut off, that
 * was moved away, that cannot be written or has lost entries. NULL is a line on the standard error, as before the
 * first call. The struct is copied. It is called in any thread, those of the library included, and what it says of its
 * success changes nothing. A fork's child goes on with it.
 */
cr_status cr_set_notice_logger(const struct cr_logger *logger,
                               struct cr_error **error);

/**
 * Starts an operation and runs it as far as this process can take it. Everything of the request is copied where the
 * operation outlives the call. Returns what stands in `step->status`.
 */
cr_status cr_operation_start(const struct cr_engine *engine,
                             const struct cr_request *request,
                             struct cr_step *step);

/**
 * cr_operation_start for languages in which a call into C is dear: everything in one call, without structs and
 * handles. The context is `packed`, entry by entry: one byte for the kind (a CR_VALUE_ constant), the name's and the
 * value's length as 32-bit little-endian integers, the name, the value. A boolean is one byte, 0 or 1; an integer is
 * eight, little-endian; a fault is its message. A value that was read and fits into `buffer` stands there.
 *
 * With CR_SCAN `key` is the prefix. With CR_BATCH and CR_GET_MANY `value` holds the operations, packed in the same way:
 * one byte for the kind (CR_READ, CR_WRITE, CR_DELETE), the key's and the value's length, the key, the value.
 */
cr_status cr_operation_run(const struct cr_engine *engine,
                           cr_kind kind,
                           uint32_t flags,
                           uint32_t depth,
                           const uint8_t *key,
                           size_t key_len,
                           const uint8_t *value,
                           size_t value_len,
                           const uint8_t *packed,
                           size_t packed_len,
                           uint8_t *buffer,
                           size_t buffer_len,
                           struct cr_step *step);

/**
 * Shows the step that is pending once more.
 */
cr_status cr_operation_step(struct cr_operation *operation, struct cr_step *step);

/**
 * Replies to CR_STEP_CALL_HOOK and goes on to the next step. What `bytes`, `token` and `raised` say depends on the
 * kind, see the CR_ANSWER_ constants; `raised` is taken over in every case. A reply that does not fit the step ends
 * the operation as refused, with CR_USAGE.
 */
cr_status cr_operation_answer(struct cr_operation *operation,
                              cr_answer_kind kind,
                              const uint8_t *bytes,
                              size_t bytes_len,
                              uint64_t token,
                              struct cr_error *raised,
                              struct cr_step *step);

/**
 * Replies to a CR_STEP_STORE_ step and goes on to the next step. See the CR_REPLY_ constants, and cr_operation_answer.
 */
cr_status cr_operation_store(struct cr_operation *operation,
                             cr_reply_kind kind,
                             const uint8_t *bytes,
                             size_t bytes_len,
                             uint64_t token,
                             struct cr_error *raised,
                             struct cr_step *step);

/**
 * Performs the store step that is pending on the engine's own database or store, or hands entries to a file of the
 * audit, in this thread, and goes on to the next step.
 */
cr_status cr_operation_perform_store(struct cr_operation *operation,
                                     struct cr_step *step);

/**
 * Replies to CR_STEP_LOG or CR_STEP_NOTIFY and goes on to the next step. Zero for `told` says that the logger or listener
 * failed, with an error of the type `type_name` (may be NULL); `token` as for CR_ANSWER_FOREIGN.
 */
cr_status cr_operation_logged(struct cr_operation *operation,
                              int32_t told,
                              const uint8_t *type_name,
                              size_t type_name_len,
                              uint64_t token,
                              struct cr_step *step);

/**
 * Replies to CR_STEP_RECORD and goes on to the next step. Zero for `told` says that the sink failed; see
 * cr_operation_logged.
 */
cr_status cr_operation_recorded(struct cr_operation *operation,
                                int32_t told,
                                const uint8_t *type_name,
                                size_t type_name_len,
                                uint64_t token,
                                struct cr_step *step);

/**
 * Replies to CR_STEP_STORE_SCAN with pairs, and goes on to the next step. `at_end` is not zero where nothing follows; a
 * page without pairs ends the scan too. The bytes are copied.
 */
cr_status cr_operation_page(struct cr_operation *operation,
                            const struct cr_pair *pairs,
                            size_t pairs_len,
                            int32_t at_end,
                            struct cr_step *step);

/**
 * Goes on after CR_STEP_ITEM.
 */
cr_status cr_operation_next(struct cr_operation *operation, struct cr_step *step);

/**
 * Ends an operation and gives its outcome as CR_STEP_DONE: CR_ABANDONED where it was not done. For drivers that meet a
 * step they do not know.
 */
cr_status cr_operation_finish(struct cr_operation *operation,
                              struct cr_step *step);

/**
 * Lets go of an operation that its driver does not bring to its end: refused, or `unknown` once the store was asked;
 * the audit says `abandoned`. NULL is allowed.
 */
void cr_operation_free(struct cr_operation *operation);

/**
 * Lets a page go. NULL is allowed.
 */
void cr_page_free(struct cr_page *page);

/**
 * Registers a hook at a trigger, for the keys that a glob matches (docs/globs.md). Operations that have started do
 * not see it. `handle` may be NULL; else it gets the number for cr_engine_remove. A length may be CR_NUL.
 *
 * The library owns what the hook holds from this call on, one that fails included. An engine remembers a
 * registration that failed: it refuses every operation with that error until cr_engine_clear_registration_errors.
 *
 * Errors: CR_PATTERN for a bad glob; CR_CONFIG for an unknown trigger and a helper that can mean nothing there;
 * CR_USAGE for a hook that is not well filled in.
 */
cr_status cr_engine_add_hook(const struct cr_engine *engine,
                             cr_trigger trigger,
                             const char *keys,
                             size_t keys_len,
                             const struct cr_hook *hook,
                             uint64_t *handle,
                             struct cr_error **error);

/**
 * cr_engine_add_hook for a hook that the host keeps itself: operations in steps ask for it by `host_id`, and
 * cr_engine_take_released gives the number back when none can any more.
 */
cr_status cr_engine_add_hook_id(const struct cr_engine *engine,
                                cr_trigger trigger,
                                const char *keys,
                                size_t keys_len,
                                uint64_t host_id,
                                uint64_t *handle,
                                struct cr_error **error);

/**
 * Asks a hook before keys are read: it may allow, deny or log. See cr_engine_add_hook.
 */
cr_status cr_engine_before_read(const struct cr_engine *engine,
                                const char *keys,
                                size_t keys_len,
                                const struct cr_hook *hook,
                                uint64_t *handle,
                                struct cr_error **error);

/**
 * Shows a hook what was read: it may redact (reply with a value) or hide (deny). See cr_engine_add_hook.
 */
cr_status cr_engine_after_read(const struct cr_engine *engine,
                               const char *keys,
                               size_t keys_len,
                               const struct cr_hook *hook,
                               uint64_t *handle,
                               struct cr_error **error);

/**
 * Asks a hook before keys are written: it may reply anything. See cr_engine_add_hook.
 */
cr_status cr_engine_before_write(const struct cr_engine *engine,
                                 const char *keys,
                                 size_t keys_len,
                                 const struct cr_hook *hook,
                                 uint64_t *handle,
                                 struct cr_error **error);

/**
 * Tells a hook what was written: it may allow or log. See cr_engine_add_hook.
 */
cr_status cr_engine_after_write(const struct cr_engine *engine,
                                const char *keys,
                                size_t keys_len,
                                const struct cr_hook *hook,
                                uint64_t *handle,
                                struct cr_error **error);

/**
 * Asks a hook before keys are deleted: it may allow, deny or log. See cr_engine_add_hook.
 */
cr_status cr_engine_before_delete(const struct cr_engine *engine,
                                  const char *keys,
                                  size_t keys_len,
                                  const struct cr_hook *hook,
                                  uint64_t *handle,
                                  struct cr_error **error);

/**
 * Tells a hook what was deleted: it may allow or log. See cr_engine_add_hook.
 */
cr_status cr_engine_after_delete(const struct cr_engine *engine,
                                 const char *keys,
                                 size_t keys_len,
                                 const struct cr_hook *hook,
                                 uint64_t *handle,
                                 struct cr_error **error);

/**
 * Removes a hook by its handle. Operations that have started still ask it. `removed` may be NULL; else it gets
 * whether the hook was there.
 */
cr_status cr_engine_remove(const struct cr_engine *engine,
                           uint64_t handle,
                           bool *removed,
                           struct cr_error **error);

/**
 * Takes out the host's numbers of hooks and loggers that no operation can ask for any more, up to `capacity` of them,
 * and says how many; each is given once. 0 for NULL. A number may come while cr_engine_remove still runs.
 */
size_t cr_engine_take_released(const struct cr_engine *engine,
                               uint64_t *ids,
                               size_t capacity);

/**
 * Makes an answer that a test hands to a hook. Free it with cr_answer_free.
 */
cr_status cr_answer_new(struct cr_answer **out, struct cr_error **error);

/**
 * What was answered; CR_ANSWER_NONE where nothing was, and for NULL.
 */
cr_answer_kind cr_answer_get_kind(const struct cr_answer *answer);

/**
 * The reason, value, description or type's name that was answered, not NUL-terminated; none where there is none. It
 * lives until the answer is changed or freed.
 */
struct cr_str cr_answer_get_bytes(const struct cr_answer *answer);

/**
 * Lets an answer go that cr_answer_new made. NULL is allowed.
 */
void cr_answer_free(struct cr_answer *answer);

/**
 * Starts a walk over the keys that begin with a prefix (an empty one is that of every key), in the order of their
 * bytes. `context` may be NULL. Ask for the pairs with cr_scan_next, and end it with cr_scan_free.
 *
 * Each key takes a `read` token and is judged as a get is, when it is asked for; what may not be read is left out. Keys
 * that are written meanwhile may or may not be seen. One entry of the audit tells of the whole scan.
 *
 * Errors: CR_USAGE for a bad context. All others come with cr_scan_next.
 */
cr_status cr_engine_scan(const struct cr_engine *engine,
                         const uint8_t *prefix,
                         size_t prefix_len,
                         const struct cr_context *context,
                         struct cr_scan **out,
                         struct cr_error **error);

/**
 * The next pair: `*key` is NULL at the end. Key and value live until the next call with this scan. After an error there
 * are no more pairs.
 *
 * Errors: as cr_engine_get; a refusal of one key is none, but a limit without a token is.
 */
cr_status cr_scan_next(struct cr_scan *scan,
                       const uint8_t **key,
                       size_t *key_len,
                       const uint8_t **value,
                       size_t *value_len,
                       struct cr_error **error);

/**
 * Ends a scan, wherever it stands: the audit's entry says how many pairs it gave. NULL is allowed.
 */
void cr_scan_free(struct cr_scan *scan);

/**
 * Hands every entry of the audit to a function too, after the operation; turns the audit on where it is off. `handle`
 * may be NULL; else it gets the number for cr_engine_remove_audit_sink. Of an operation that is let go, or
 * refused before it starts, it is told with the next one.
 *
 * Errors: CR_USAGE.
 */
cr_status cr_engine_add_audit_sink(const struct cr_engine *engine,
                                   const struct cr_sink *sink,
                                   uint64_t *handle,
                                   struct cr_error **error);

/**
 * cr_engine_add_audit_sink for a sink that the host keeps itself: operations in steps ask for it by `host_id`
 * (CR_STEP_RECORD), and cr_engine_take_released gives the number back when none can any more.
 */
cr_status cr_engine_add_audit_sink_id(const struct cr_engine *engine,
                                      uint64_t host_id,
                                      int32_t strict,
                                      uint64_t *handle,
                                      struct cr_error **error);

/**
 * Removes a sink by its handle, a file too: what it was told is written first. Operations that have started still
 * tell it. `removed` may be NULL; else it gets whether the sink was there.
 *
 * Errors: CR_STORE where a file could not be written; it is removed nevertheless.
 */
cr_status cr_engine_remove_audit_sink(const struct cr_engine *engine,
                                      uint64_t handle,
                                      bool *removed,
                                      struct cr_error **error);

/**
 * Makes sure that every entry so far is in the audit's files.
 *
 * Errors: CR_STORE of the first file that could not be written.
 */
cr_status cr_engine_flush_audit(const struct cr_engine *engine, struct cr_error **error);

/**
 * To a get: the value. The bytes are copied.
 */
cr_status cr_store_reply_value(struct cr_store_reply *reply, const uint8_t *value, size_t value_len);

/**
 * To a get: there is no value.
 */
cr_status cr_store_reply_no_value(struct cr_store_reply *reply);

/**
 * To a scan: the next pair of the page. The bytes are copied. The page counts once cr_store_reply_page was called.
 */
cr_status cr_store_reply_pair(struct cr_store_reply *reply,
                              const uint8_t *key,
                              size_t key_len,
                              const uint8_t *value,
                              size_t value_len);

/**
 * To a scan: the page is what was given with cr_store_reply_pair. `at_end` is not zero where nothing follows; a page
 * without pairs ends the scan too.
 */
cr_status cr_store_reply_page(struct cr_store_reply *reply,
                              int32_t at_end);

/**
 * To a put, delete or batch: it is done.
 */
cr_status cr_store_reply_done(struct cr_store_reply *reply);

/**
 * It failed with an error of its own: CR_STORE, with that error as the cause. `message` is for people, and may be
 * NULL; it is in the error's message and never in the audit. `token` as for cr_reply_foreign: with one, the host
 * knows the message itself, and it is left out. Lengths may be CR_NUL.
 */
cr_status cr_store_reply_foreign(struct cr_store_reply *reply,
                                 const char *type_name,
                                 size_t type_name_len,
                                 const char *message,
                                 size_t message_len,
                                 uint64_t token);

/**
 * It failed with one of Checkrein's errors, which comes out of the operation as itself. The library takes it over.
 * `token` as for cr_reply_error.
 */
cr_status cr_store_reply_error(struct cr_store_reply *reply,
                               struct cr_error *error,
                               uint64_t token);

/**
 * The version of the ABI that this library has. The number is in the name, so that a program that was compiled for
 * another one does not link: call it once at start-up.
 */
uint32_t cr_abi_version_1(void);

/**
 * The version of Checkrein, NUL-terminated: `0.1.0`.
 */
const char *cr_version(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* CHECKREIN_H */
