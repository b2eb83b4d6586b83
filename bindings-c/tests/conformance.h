/* The conformance vectors as tables; vectors_to_c.py fills them in. */
#ifndef CHECKREIN_CONFORMANCE_H
#define CHECKREIN_CONFORMANCE_H

#include <checkrein.h>

/* Bytes, `times` over; no data is absent. */
struct run {
    const char *data;
    size_t len;
    size_t times;
};

enum said_kind { SAID_NULL, SAID_TEXT, SAID_BOOL, SAID_INT };

struct said {
    struct run name;
    enum said_kind kind;
    struct run text;
    int64_t number;
};

/* What is expected of an error; fields without data are not compared. */
struct failure {
    int present;
    struct run class_, code_, reason_, message_, rule_, operation_, limit_, scope_, key;
    int applied; /* 1: no, 2: yes */
    int applied_count; /* one more than what is wanted */
    int has_position, has_retry_after_ns;
    uint64_t position, retry_after_ns;
    int cause; /* 1: none, 2: the host's */
};

struct ready_made {
    cr_trigger on;
    struct run keys;
    cr_hook_kind kind;
    struct run replacement;
    struct failure error;
};

struct limit {
    struct run operation;
    uint32_t given;
    uint64_t max_per_second, max_per_minute, max_per_hour, burst, max_keys;
    struct run scope, count;
    struct failure error;
};

struct word {
    struct run name, first, second;
};

struct host_hook {
    struct run name;
    cr_trigger on;
    struct run keys;
    const struct word *script;
    size_t script_len;
    int spare;
    struct failure error;
};

/* Who is told: a listener or a sink. */
struct teller {
    struct run name;
    const struct word *script;
    size_t script_len;
    int strict, spare;
};

/* What a listener or sink was told. */
struct told {
    int applied; /* -1: not said */
    struct run code, phase, operation, result, rule, who, key;
};

/* A key, a pair or an operation; where `times` is not 0, so many of them, numbered. */
struct several {
    cr_kind kind;
    struct run key, value;
    size_t from, times;
};

/* What stands where in a JSON text; no data: nothing does. */
struct fact {
    const char *path;
    struct run value;
};

enum does {
    DO_PUT,
    DO_GET,
    DO_DELETE,
    DO_GET_MANY,
    DO_BATCH,
    DO_SCAN,
    DO_EXPLAIN,
    DO_PARSE,
    DO_RELOAD,
    DO_REMOVE_LISTENER,
    DO_ADD_SINK,
    DO_REMOVE_SINK,
    DO_FILL,
    DO_STORED,
    DO_STATUS,
    DO_ADD_RATE_LIMIT,
    DO_ADD_HOOK,
    DO_REMOVE_HOOK,
    DO_ENABLE_AUDIT,
    DO_DISABLE_AUDIT,
    DO_CLEAR_REGISTRATION_ERRORS,
    DO_CLOSE,
    DO_AUDIT,
    DO_HELPER
};

enum expect {
    EXPECT_OK,
    EXPECT_VALUE,
    EXPECT_CANCELLED,
    EXPECT_ERROR,
    EXPECT_ANSWER,
    EXPECT_SEQUENCES,
    EXPECT_STATUS,
    EXPECT_PAIRS,
    EXPECT_VALUES,
    EXPECT_EXPLAIN
};

struct filter {
    int has_limit, has_since;
    uint64_t limit, since_ns;
    struct run agent_id, session_id, operation, result, keys;
};

struct standing {
    struct run operation, scope;
    uint64_t capacity, remaining, retry_after_ns;
};

struct step {
    enum does does;
    int has_at;
    uint64_t at_ns;
    cr_kind kind;
    struct run key, value, name;
    const struct several *several;
    size_t several_len;
    int one_by_one, take; /* take: -1 for all */
    const struct said *context;
    size_t entries;
    struct limit limit;
    uint64_t number;
    struct filter filter;
    enum expect expect;
    struct run expected;
    struct failure error;
    const uint64_t *sequences;
    const struct standing *standings;
    size_t rows;
    int cancelled;
    const struct several *wanted;
    size_t wanted_len;
    const struct fact *facts;
    size_t facts_len;
};

struct audited {
    uint64_t sequence, at_ns;
    int logged, applied, same, is_scan;
    uint64_t given, withheld;
    struct run surface, operation, key, result, agent_id, session_id, rule, reason;
};

struct vector {
    const char *name;
    const char *lacks;
    const struct ready_made *ready_made;
    size_t ready_made_len;
    const struct limit *limits;
    size_t limits_len;
    int has_audit;
    uint64_t max_entries;
    struct failure audit_error;
    int has_max_open;
    uint64_t max_open;
    const struct run *required;
    size_t required_len;
    cr_mode mode;
    struct failure options_error;
    struct run document;
    const struct teller *listeners;
    size_t listeners_len;
    const struct teller *sinks;
    size_t sinks_len;
    const struct told *denied;
    size_t denied_len;
    const struct told *sunk;
    size_t sunk_len;
    int can_scan, can_batch;
    const struct several *holds;
    size_t holds_len;
    const struct host_hook *hooks;
    size_t hooks_len;
    const struct word *store;
    size_t store_len;
    int only_in_steps;
    const struct step *steps;
    size_t steps_len;
    int has_entries;
    const struct audited *entries;
    size_t entries_len;
};

extern const struct vector vectors[];
extern const size_t vectors_len;

#endif
