/* Runs the conformance vectors twice: in whole calls with functions as hooks, and step by step as the drivers of other
 * languages do. What only such a driver can do (cancel an operation) runs step by step alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance_compare.h"

size_t faults;
struct world *now;

static cr_status add_limit(const struct limit *limit, cr_error **error)
{
    struct bytes operation = expand(now, limit->operation);
    struct bytes scope = expand(now, limit->scope), count = expand(now, limit->count);
    cr_rate_limit given = {.size = sizeof given, .given = limit->given, .max_per_second = limit->max_per_second,
                           .max_per_minute = limit->max_per_minute, .max_per_hour = limit->max_per_hour,
                           .burst = limit->burst, .max_keys = limit->max_keys, .scope = (const char *)scope.data,
                           .scope_len = scope.len, .count = (const char *)count.data, .count_len = count.len};
    return cr_engine_add_rate_limit(now->engine, (const char *)operation.data, operation.len, &given, error);
}

static void ended(const char *where, size_t place, const struct failure *want, cr_error *error)
{
    error_is(where, place, want, error);
    cr_error_free(error);
}

static void set_up(const struct vector *vector)
{
    error_is("options", 0, &vector->options_error, now->fault);
    if (now->engine == NULL)
        return;
    for (size_t i = 0; i < vector->ready_made_len; i++) {
        const struct ready_made *given = &vector->ready_made[i];
        struct bytes keys = expand(now, given->keys), bytes = expand(now, given->replacement);
        cr_hook hook = {.size = sizeof hook, .kind = given->kind, .bytes = bytes.data, .bytes_len = bytes.len};
        cr_error *error = NULL;
        cr_engine_add_hook(now->engine, given->on, (const char *)keys.data, keys.len, &hook, NULL, &error);
        ended("hook", i + 1, &given->error, error);
    }
    for (size_t i = 0; i < vector->limits_len; i++) {
        cr_error *error = NULL;
        add_limit(&vector->limits[i], &error);
        ended("limit", i + 1, &vector->limits[i].error, error);
    }
    if (vector->has_audit) {
        cr_error *error = NULL;
        cr_engine_audit_enable(now->engine, vector->max_entries, &error);
        ended("audit", 0, &vector->audit_error, error);
    }
    for (size_t i = 0; i < vector->hooks_len; i++) {
        cr_error *error = NULL;
        if (vector->hooks[i].spare)
            continue;
        world_add_hook(now, vector->hooks[i].name.data, vector->hooks[i].name.len, &error);
        ended("hook of the host", i + 1, &vector->hooks[i].error, error);
    }
    for (size_t i = 0; i < vector->listeners_len; i++)
        number_is("listener", i + 1, "status", CR_OK, (uint64_t)world_add_listener(now, &now->listeners[i], NULL));
    for (size_t i = 0; i < vector->sinks_len; i++)
        if (!vector->sinks[i].spare)
            number_is("sink", i + 1, "status", CR_OK, (uint64_t)world_add_sink(now, &now->sinks[i], NULL));
}

static void status_is(size_t place, const struct step *step, cr_limit_list *list)
{
    number_is("step", place, "limits", step->rows, cr_limit_list_len(list));
    for (size_t i = 0; i < step->rows && i < cr_limit_list_len(list); i++) {
        const struct standing *want = &step->standings[i];
        cr_limit_status have;
        cr_limit_list_at(list, i, &have);
        text_is("step", place, "operation", want->operation, have.operation, 0);
        text_is("step", place, "scope", want->scope, have.scope, 0);
        number_is("step", place, "capacity", want->capacity, have.capacity);
        number_is("step", place, "remaining", want->remaining, have.remaining);
        number_is("step", place, "retry_after_ns", want->retry_after_ns, have.retry_after_ns);
    }
    cr_limit_list_free(list);
}

static cr_error *read_audit(size_t place, const struct step *step)
{
    const struct filter *wanted = &step->filter;
    struct bytes agent = expand(now, wanted->agent_id), session = expand(now, wanted->session_id);
    struct bytes operation = expand(now, wanted->operation), result = expand(now, wanted->result);
    struct bytes keys = expand(now, wanted->keys);
    cr_audit_filter filter = {.size = sizeof filter,
                              .given = wanted->has_limit ? CR_FILTER_LIMIT : 0,
                              .limit = wanted->limit,
                              .since_ns = wanted->has_since ? START_NS + wanted->since_ns : 0,
                              .agent_id = (const char *)agent.data, .agent_id_len = agent.len,
                              .session_id = (const char *)session.data, .session_id_len = session.len,
                              .operation = (const char *)operation.data, .operation_len = operation.len,
                              .result = (const char *)result.data, .result_len = result.len,
                              .keys = (const char *)keys.data, .keys_len = keys.len};
    cr_audit_log *log = NULL;
    cr_error *error = NULL;
    if (cr_engine_audit_log(now->engine, &filter, &log, &error) != CR_OK)
        return error;
    number_is("step", place, "entries", step->rows, cr_audit_log_len(log));
    for (size_t i = 0; i < step->rows && i < cr_audit_log_len(log); i++) {
        cr_audit_entry entry;
        cr_audit_log_at(log, i, &entry);
        number_is("step", place, "sequence", step->sequences[i], entry.sequence);
    }
    cr_audit_log_free(log);
    return NULL;
}

static void ask_helper(size_t place, const struct step *step)
{
    struct bytes replacement = expand(now, step->value), want = expand(now, step->expected);
    cr_hook hook = named(step->name, "deny_all")           ? cr_helper_deny_all()
                   : named(step->name, "allow_all")        ? cr_helper_allow_all()
                   : named(step->name, "require_agent_id") ? cr_helper_require_agent_id()
                                                           : cr_helper_redact_value(replacement.data, replacement.len);
    cr_context *context = world_context(step->context, step->entries, now);
    cr_call call = {.size = sizeof call, .context = context};
    cr_answer *answer = NULL;
    cr_answer_new(&answer, NULL);
    cr_error *error = NULL;
    cr_hook_ask(&hook, &call, answer, &error);
    ended("step", place, &step->error, error);
    cr_str bytes = cr_answer_get_bytes(answer);
    char have[256];
    const char *word = cr_answer_get_kind(answer) == CR_ANSWER_ALLOW  ? "allow"
                       : cr_answer_get_kind(answer) == CR_ANSWER_DENY ? "deny:"
                                                                      : "modify:";
    size_t len = strlen(word);
    memcpy(have, word, len);
    if (bytes.data != NULL && bytes.len < sizeof have - len) {
        memcpy(have + len, bytes.data, bytes.len);
        len += bytes.len;
    }
    if (!same(want, (struct bytes){(uint8_t *)have, len}))
        fault("step", place, "answer", want, (struct bytes){(uint8_t *)have, len});
    cr_answer_free(answer);
    cr_context_free(context);
}

/* The pairs or values that are expected. */
static void list_is(size_t place, const struct step *step, const struct got *got)
{
    size_t len;
    const cr_op *want = world_ops(now, step->wanted, step->wanted_len, &len);
    if (got->error != NULL && step->expect == EXPECT_VALUES)
        return;
    number_is("step", place, "pairs or values", len, got->list.len);
    for (size_t i = 0; i < len && i < got->list.len; i++) {
        const struct stored *have = &got->list.items[i];
        struct bytes key = {want[i].key, want[i].key_len}, value = {want[i].value, want[i].value_len};
        struct bytes have_key = {have->key, have->key_len}, have_value = {have->value, have->value_len};
        if (step->expect == EXPECT_PAIRS && !same(key, have_key))
            fault("step", place, "key", key, have_key);
        if (!same(value, have_value))
            fault("step", place, "value", value, have_value);
    }
}

static cr_error *explain(size_t place, const struct step *step, struct bytes operation, struct bytes key)
{
    uint8_t *json = NULL;
    size_t len = 0;
    cr_error *error = NULL;
    cr_context *context = world_context(step->context, step->entries, now);
    cr_engine_explain(now->engine, (const char *)operation.data, operation.len, key.data, key.len, context, &json, &len, &error);
    cr_context_free(context);
    for (size_t i = 0; json != NULL && i < step->facts_len; i++) {
        struct bytes want = expand(now, step->facts[i].value), have = json_at((struct bytes){json, len}, step->facts[i].path);
        if (!same(want, have))
            fault("step", place, step->facts[i].path, want, have);
    }
    cr_bytes_free(json, len);
    return error;
}

/* Reads a document; with `reload`, the engine takes it. */
static cr_error *read_document(const struct step *step, const char *format, size_t format_len, int reload)
{
    char name[32];
    cr_document *document = NULL;
    cr_error *error = NULL;
    struct bytes text = expand(now, step->value);
    snprintf(name, sizeof name, "policy.%.*s", (int)format_len, format);
    if (cr_document_parse((const char *)text.data, text.len, format, format_len, name, CR_NUL, &document, &error) == CR_OK &&
        reload)
        cr_engine_reload(now->engine, document, &error);
    cr_document_free(document);
    return error;
}

static cr_error *fill(const struct step *step)
{
    size_t len;
    cr_error *error = NULL;
    const cr_op *ops = world_ops(now, step->several, step->several_len, &len);
    if (now->database != NULL)
        cr_database_batch(now->database, ops, len, &error);
    for (size_t i = 0; now->database == NULL && i < len; i++)
        store_put(now, (struct bytes){ops[i].key, ops[i].key_len}, (struct bytes){ops[i].value, ops[i].value_len});
    return error;
}

static cr_error *change_tellers(const struct step *step)
{
    cr_error *error = NULL;
    bool removed = true;
    if (step->does == DO_REMOVE_LISTENER) {
        struct telling *listener = world_teller(now->listeners, now->vector->listeners_len, step->name);
        cr_engine_remove_listener(now->engine, listener->handle, &removed, &error);
    } else {
        struct telling *sink = world_teller(now->sinks, now->vector->sinks_len, step->name);
        if (step->does == DO_ADD_SINK)
            world_add_sink(now, sink, &error);
        else
            cr_engine_remove_audit_sink(now->engine, sink->handle, &removed, &error);
    }
    number_is("step", 0, "removed", 1, removed);
    return error;
}

static cr_error *play_step(size_t place, const struct step *step, struct got *got)
{
    cr_error *error = NULL;
    struct asked asked = {.kind = step->kind, .take = -1};
    struct bytes key = expand(now, step->key), name = expand(now, step->name);
    switch (step->does) {
    case DO_PUT:
    case DO_GET:
    case DO_DELETE:
        asked.key = key;
        asked.value = expand(now, step->value);
        *got = operate(now, asked, step->context, step->entries, NULL, 0);
        return NULL;
    case DO_SCAN:
        asked = (struct asked){.kind = CR_SCAN, .key = key, .take = step->take};
        *got = operate(now, asked, step->context, step->entries, NULL, 0);
        return NULL;
    case DO_GET_MANY:
    case DO_BATCH:
        asked.kind = step->does == DO_BATCH ? CR_BATCH : CR_GET_MANY;
        asked.ops = world_ops(now, step->several, step->several_len, &asked.ops_len);
        asked.one_by_one = step->one_by_one;
        *got = operate(now, asked, step->context, step->entries, NULL, 0);
        return NULL;
    case DO_EXPLAIN: return explain(place, step, name, key);
    case DO_PARSE: return read_document(step, (const char *)name.data, name.len, 0);
    case DO_RELOAD: return read_document(step, "json", 4, 1);
    case DO_FILL: return fill(step);
    case DO_REMOVE_LISTENER:
    case DO_ADD_SINK:
    case DO_REMOVE_SINK: return change_tellers(step);
    case DO_STORED:
        if (now->database != NULL) {
            got->status = cr_database_get(now->database, key.data, key.len, &got->value, &got->value_len, &error);
            if (got->value != NULL) { /* so that all values are freed alike */
                uint8_t *copy = malloc(got->value_len + 1);
                memcpy(copy, got->value, got->value_len);
                cr_bytes_free(got->value, got->value_len);
                got->value = copy;
            }
        } else {
            struct bytes held = store_holds(now, key);
            got->value = held.data == NULL ? NULL : malloc(held.len + 1);
            got->value_len = held.len;
            if (got->value != NULL)
                memcpy(got->value, held.data, held.len);
        }
        return error;
    case DO_STATUS: {
        cr_limit_list *list = NULL;
        cr_context *context = world_context(step->context, step->entries, now);
        cr_engine_rate_limit_status(now->engine, (const char *)name.data, name.len, context, &list, &error);
        cr_context_free(context);
        if (list != NULL)
            status_is(place, step, list);
        return error;
    }
    case DO_ADD_RATE_LIMIT: add_limit(&step->limit, &error); return error;
    case DO_ADD_HOOK: world_add_hook(now, step->name.data, step->name.len, &error); return error;
    case DO_REMOVE_HOOK: number_is("step", place, "removed", 1, (uint64_t)world_remove_hook(now, step->name.data, step->name.len)); return NULL;
    case DO_ENABLE_AUDIT: cr_engine_audit_enable(now->engine, step->number, &error); return error;
    case DO_DISABLE_AUDIT: cr_engine_audit_disable(now->engine, &error); return error;
    case DO_CLEAR_REGISTRATION_ERRORS: cr_engine_clear_registration_errors(now->engine, NULL, &error); return error;
    case DO_CLOSE: cr_database_close(now->database, &error); return error;
    case DO_AUDIT: return read_audit(place, step);
    case DO_HELPER: ask_helper(place, step); return NULL;
    }
    abort();
}

static void play(size_t place, const struct step *step)
{
    struct got got = {0};
    if (step->has_at) {
        cr_manual_clock_advance_ns(now->clock, step->at_ns - now->now_ns, NULL);
        now->now_ns = step->at_ns;
    }
    cr_error *error = play_step(place, step, &got);
    if (error != NULL)
        got.error = error;
    number_is("step", place, "status is the error's", cr_error_status(got.error) == CR_OK ? CR_OK : (uint64_t)cr_error_status(got.error),
              error != NULL ? (uint64_t)cr_error_status(error) : (uint64_t)got.status);
    number_is("step", place, "cancelled", step->expect == EXPECT_CANCELLED || step->cancelled, (uint64_t)got.cancelled);
    error_is("step", place, &step->error, got.error);
    struct bytes want = expand(now, step->expected), have = {got.value, got.value_len};
    if (step->expect == EXPECT_VALUE && !same(want, have))
        fault("step", place, "value", want, have);
    if (step->expect == EXPECT_PAIRS || step->expect == EXPECT_VALUES)
        list_is(place, step, &got);
    got_free(&got);
}

/* 1700000000 s is 2023-11-14T22:13:20Z; within the same month. */
static void timestamp_is(size_t place, uint64_t at_ns, cr_str have)
{
    char want[40];
    uint64_t seconds = (22 * 60 + 13) * 60 + 20 + at_ns / 1000000000;
    snprintf(want, sizeof want, "2023-11-%02uT%02u:%02u:%02u.%06uZ", (unsigned)(14 + seconds / 86400),
             (unsigned)(seconds / 3600 % 24), (unsigned)(seconds / 60 % 60), (unsigned)(seconds % 60),
             (unsigned)(at_ns % 1000000000 / 1000));
    text_is("audit", place, "timestamp", (struct run){want, strlen(want), 1}, have, 0);
}

static void absent_or(size_t place, const char *what, struct run want, cr_str have)
{
    struct bytes wanted = expand(now, want);
    if (!same(wanted, of_str(have)) && !same(without_types(wanted), of_str(have)))
        fault("audit", place, what, wanted, of_str(have));
}

/* What listeners or sinks were told, all of it. */
static void told_is(const char *where, const struct told *want, size_t len, const struct hearings *have)
{
    number_is(where, 0, "told", len, have->len);
    for (size_t i = 0; i < len && i < have->len; i++) {
        const struct heard *heard = &have->items[i];
        const struct {
            const char *what;
            struct run want;
            struct bytes have;
        } texts[] = {{"who", want[i].who, {(const uint8_t *)heard->who->name.data, heard->who->name.len}},
                     {"code", want[i].code, heard->code},
                     {"phase", want[i].phase, heard->phase},
                     {"operation", want[i].operation, heard->operation},
                     {"result", want[i].result, heard->result},
                     {"rule", want[i].rule, heard->rule},
                     {"key", want[i].key, heard->key}};
        for (size_t at = 0; at < sizeof texts / sizeof *texts; at++)
            if (!same(expand(now, texts[at].want), texts[at].have))
                fault(where, i + 1, texts[at].what, expand(now, texts[at].want), texts[at].have);
        number_is(where, i + 1, "applied", (uint64_t)(want[i].applied + 1), (uint64_t)(heard->applied + 1));
    }
}

/* The number of an entry's operation, among those of the log so far. */
static uint64_t operation_number(const cr_audit_log *log, size_t place)
{
    cr_audit_entry entry, other;
    uint64_t number = 0;
    cr_audit_log_at(log, place, &entry);
    for (size_t i = 0; i <= place; i++) {
        int is_new = 1;
        cr_audit_log_at(log, i, &other);
        for (size_t before = 0; before < i; before++) {
            cr_audit_entry one;
            cr_audit_log_at(log, before, &one);
            is_new = is_new && !same(of_str(one.operation_id), of_str(other.operation_id));
        }
        number += (uint64_t)is_new;
        if (same(of_str(other.operation_id), of_str(entry.operation_id)))
            return number;
    }
    return number;
}

static void audit_is(const struct vector *vector)
{
    if (!vector->has_entries)
        return;
    cr_audit_filter all = {.size = sizeof all, .limit = SIZE_MAX};
    cr_audit_log *log = NULL;
    cr_error *error = NULL;
    if (cr_engine_audit_log(now->engine, &all, &log, &error) != CR_OK) {
        fault("audit", 0, "cannot be read", (struct bytes){NULL, 0}, of_str(cr_error_message(error)));
        cr_error_free(error);
        return;
    }
    number_is("audit", 0, "entries", vector->entries_len, cr_audit_log_len(log));
    for (size_t i = 0; i < vector->entries_len && i < cr_audit_log_len(log); i++) {
        const struct audited *want = &vector->entries[i];
        cr_audit_entry have;
        cr_audit_log_at(log, i, &have);
        number_is("audit", i + 1, "sequence", want->sequence, have.sequence);
        number_is("audit", i + 1, "timestamp_ns", START_NS + want->at_ns, have.timestamp_ns);
        timestamp_is(i + 1, want->at_ns, have.timestamp);
        number_is("audit", i + 1, "logged", (uint64_t)want->logged, (uint64_t)have.logged);
        number_is("audit", i + 1, "applied", (uint64_t)(want->applied + 1), (uint64_t)(have.applied + 1));
        absent_or(i + 1, "surface", want->surface, have.surface);
        absent_or(i + 1, "operation", want->operation, have.operation);
        absent_or(i + 1, "result", want->result, have.result);
        absent_or(i + 1, "agent_id", want->agent_id, have.agent_id);
        absent_or(i + 1, "session_id", want->session_id, have.session_id);
        absent_or(i + 1, "rule", want->rule, have.rule);
        absent_or(i + 1, "reason", want->reason, have.reason);
        absent_or(i + 1, "key", want->key, have.key);
        number_is("audit", i + 1, "is a scan", (uint64_t)want->is_scan, (uint64_t)have.is_scan);
        number_is("audit", i + 1, "given", want->given, have.given);
        number_is("audit", i + 1, "withheld", want->withheld, have.withheld);
        if (want->same != 0)
            number_is("audit", i + 1, "same", (uint64_t)want->same, operation_number(log, i));
        if (have.operation_id.len == 0)
            fault("audit", i + 1, "operation_id", (struct bytes){NULL, 0}, of_str(have.operation_id));
    }
    cr_audit_log_free(log);
}

int main(void)
{
    size_t run = 0, left_out = 0;
    for (size_t i = 0; i < vectors_len; i++) {
        const struct vector *vector = &vectors[i];
        if (vector->lacks != NULL) {
            left_out++;
            continue;
        }
        run++;
        for (int steps = vector->only_in_steps; steps <= 1; steps++) {
            now = world_new(vector, steps);
            set_up(vector);
            for (size_t at = 0; at < vector->steps_len; at++)
                play(at + 1, &vector->steps[at]);
            told_is("denied", vector->denied, vector->denied_len, &now->denied);
            told_is("sunk", vector->sunk, vector->sunk_len, &now->sunk);
            audit_is(vector);
            world_free(now);
        }
    }
    printf("conformance: %zu run, %zu left out\n", run, left_out);
    for (size_t i = 0; i < vectors_len; i++)
        if (vectors[i].lacks != NULL)
            printf("left out: %s (needs %s)\n", vectors[i].name, vectors[i].lacks);
    printf("%zu passed, %zu failed\n", faults == 0 ? run : 0, faults);
    return faults == 0 ? 0 : 1;
}
