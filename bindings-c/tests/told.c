/* Who is told: listeners of refusals and sinks of the audit; what an engine requires; what would be asked. */
#include <stdio.h>

#include "check.h"

struct ear {
    cr_engine *engine;
    int works, heard, dropped, entries, depth;
    cr_status code;
    cr_phase phases[8];
    char last[64];
};

static int32_t denied(void *user_data, const cr_error *error)
{
    struct ear *ear = user_data;
    ear->heard++;
    ear->code = cr_error_status(error);
    return ear->works;
}

static int32_t record(void *user_data, const cr_audit_log *entries, cr_phase phase)
{
    struct ear *ear = user_data;
    cr_audit_entry entry;
    ear->phases[ear->heard++ % 8] = phase;
    ear->entries += (int)cr_audit_log_len(entries);
    CHECK(cr_audit_log_at(entries, 0, &entry) && cr_audit_log_json(entries, 0).len > 0);
    snprintf(ear->last, sizeof ear->last, "%s", entry.result.data);
    return ear->works;
}

static void drop(void *user_data)
{
    ((struct ear *)user_data)->dropped++;
}

static void listeners(void)
{
    struct bench bench;
    struct ear ear = {.works = 1};
    uint64_t handle = 0;
    bool removed = false;
    cr_listener listener = {.size = sizeof listener, .denied = denied, .user_data = &ear, .drop = drop};
    bench_start(&bench);
    cr_hook deny = cr_helper_deny_all();
    WORKS(cr_engine_before_write(bench.engine, "no", CR_NUL, &deny, NULL, &error));
    WORKS(cr_engine_on_denied(bench.engine, &listener, &handle, &error));
    WORKS(cr_engine_put(bench.engine, CR_BYTES("yes"), CR_BYTES("v"), NULL, &error));
    CHECK(ear.heard == 0);
    FAILS(CR_DENIED, cr_engine_put(bench.engine, CR_BYTES("no"), CR_BYTES("v"), NULL, &error));
    CHECK(ear.heard == 1 && ear.code == CR_DENIED && bench.told == 0);
    /* One that fails is logged, and the refusal stands. */
    ear.works = 0;
    FAILS(CR_DENIED, cr_engine_put(bench.engine, CR_BYTES("no"), CR_BYTES("v"), NULL, &error));
    CHECK(ear.heard == 2 && bench.told == 1 && strstr(bench.last, "on_denied") != NULL);
    WORKS(cr_engine_remove_listener(bench.engine, handle, &removed, &error));
    CHECK(removed && ear.dropped == 1);
    WORKS(cr_engine_remove_listener(bench.engine, handle, &removed, &error));
    CHECK(!removed);
    FAILS(CR_DENIED, cr_engine_put(bench.engine, CR_BYTES("no"), CR_BYTES("v"), NULL, &error));
    CHECK(ear.heard == 2);
    /* What was given is let go where the registration fails. */
    listener.denied = NULL;
    FAILS(CR_USAGE, cr_engine_on_denied(bench.engine, &listener, &handle, &error));
    CHECK(ear.dropped == 2);
    listener.denied = denied;
    FAILS(CR_USAGE, cr_engine_on_denied(NULL, &listener, &handle, &error));
    CHECK(ear.dropped == 3);
    listener.size = 1;
    FAILS(CR_USAGE, cr_engine_on_denied(bench.engine, &listener, &handle, &error));
    FAILS(CR_USAGE, cr_engine_on_denied(bench.engine, NULL, &handle, &error));
    FAILS(CR_USAGE, cr_engine_on_denied_id(NULL, 1, &handle, &error));
    FAILS(CR_USAGE, cr_engine_remove_listener(NULL, 1, NULL, &error));
    bench_end(&bench);
}

/* A listener that is refused itself: it is nested, and so it comes to an end. */
static int32_t denied_again(void *user_data, const cr_error *error)
{
    struct ear *ear = user_data;
    ear->heard++;
    (void)error;
    return cr_engine_put(ear->engine, CR_BYTES("no"), CR_BYTES("v"), NULL, NULL) != CR_OK;
}

static void a_listener_that_is_refused_itself(void)
{
    struct bench bench;
    struct ear ear = {0};
    bench_start(&bench);
    ear.engine = bench.engine;
    cr_listener listener = {.size = sizeof listener, .denied = denied_again, .user_data = &ear};
    cr_hook deny = cr_helper_deny_all();
    WORKS(cr_engine_before_write(bench.engine, "no", CR_NUL, &deny, NULL, &error));
    WORKS(cr_engine_on_denied(bench.engine, &listener, NULL, &error));
    FAILS(CR_DENIED, cr_engine_put(bench.engine, CR_BYTES("no"), CR_BYTES("v"), NULL, &error));
    CHECK(ear.heard == 17);
    bench_end(&bench);
}

static void sinks(void)
{
    struct bench bench;
    struct ear ear = {.works = 1};
    uint64_t handle = 0;
    bool removed = false;
    cr_sink sink = {.size = sizeof sink, .record = record, .user_data = &ear, .drop = drop};
    cr_op ops[] = {{.kind = CR_WRITE, .key = (const uint8_t *)"a", .key_len = 1},
                   {.kind = CR_DELETE, .key = (const uint8_t *)"b", .key_len = 1}};
    bench_start(&bench);
    WORKS(cr_engine_audit_disable(bench.engine, &error));
    cr_hook allow = cr_helper_allow_all();
    WORKS(cr_engine_before_write(bench.engine, "**", CR_NUL, &allow, NULL, &error));
    WORKS(cr_engine_add_audit_sink(bench.engine, &sink, &handle, &error));
    WORKS(cr_engine_put(bench.engine, CR_BYTES("k"), CR_BYTES("v"), NULL, &error));
    CHECK(ear.heard == 1 && ear.entries == 1 && ear.phases[0] == CR_PHASE_NONE && strcmp(ear.last, "allowed") == 0);
    CHECK(strcmp(bench_last_result(&bench), "allowed") == 0);
    WORKS(cr_engine_batch(bench.engine, ops, 2, 0, NULL, &error));
    CHECK(ear.heard == 2 && ear.entries == 3);
    ear.works = 0;
    WORKS(cr_engine_put(bench.engine, CR_BYTES("k"), CR_BYTES("v"), NULL, &error));
    CHECK(ear.heard == 3 && bench.told == 1);
    WORKS(cr_engine_flush_audit(bench.engine, &error));
    WORKS(cr_engine_remove_audit_sink(bench.engine, handle, &removed, &error));
    CHECK(removed && ear.dropped == 1);
    WORKS(cr_engine_remove_audit_sink(bench.engine, handle, &removed, &error));
    CHECK(!removed);

    /* A strict one is told before, too, and refuses where it fails. */
    sink.strict = 1;
    ear = (struct ear){.works = 1};
    WORKS(cr_engine_add_audit_sink(bench.engine, &sink, &handle, &error));
    WORKS(cr_engine_put(bench.engine, CR_BYTES("k"), CR_BYTES("v"), NULL, &error));
    CHECK(ear.heard == 2 && ear.phases[0] == CR_PHASE_DECIDED && ear.phases[1] == CR_PHASE_DONE);
    ear.works = 0;
    FAILS(CR_AUDIT_FAILED, cr_engine_put(bench.engine, CR_BYTES("never"), CR_BYTES("v"), NULL, &error));
    uint8_t *value = NULL;
    size_t len = 0;
    WORKS(cr_database_get(bench.database, CR_BYTES("never"), &value, &len, &error));
    CHECK(value == NULL);
    sink.record = NULL;
    FAILS(CR_USAGE, cr_engine_add_audit_sink(bench.engine, &sink, &handle, &error));
    CHECK(ear.dropped == 1);
    sink.size = 0;
    FAILS(CR_USAGE, cr_engine_add_audit_sink(bench.engine, &sink, &handle, &error));
    FAILS(CR_USAGE, cr_engine_add_audit_sink(bench.engine, NULL, &handle, &error));
    FAILS(CR_USAGE, cr_engine_add_audit_sink_id(NULL, 1, 0, &handle, &error));
    FAILS(CR_USAGE, cr_engine_remove_audit_sink(NULL, 1, NULL, &error));
    FAILS(CR_USAGE, cr_engine_flush_audit(NULL, &error));
    bench_end(&bench);
    CHECK(ear.dropped == 2);
}

static void requirements_and_modes(void)
{
    cr_database *database = NULL;
    cr_engine *engine = NULL;
    cr_str names[] = {{"agent_id", CR_NUL}, {"session_id and more", 10}}, near[] = {{"agentId", CR_NUL}}, null[] = {{0}};
    cr_context *context = agent("a");
    cr_engine_options options = {.size = sizeof options, .require_context = names, .require_context_len = 2};
    WORKS(cr_database_memory(&database, &error));
    WORKS(cr_engine_new(database, &options, &engine, &error));
    FAILS(CR_DENIED, cr_engine_put(engine, CR_BYTES("k"), CR_BYTES("v"), context, &error));
    WORKS(cr_context_set_text(context, "session_id", CR_NUL, "s", CR_NUL, &error));
    WORKS(cr_engine_put(engine, CR_BYTES("k"), CR_BYTES("v"), context, &error));
    cr_engine_free(engine);
    engine = NULL;
    options.require_context = near;
    options.require_context_len = 1;
    FAILS(CR_CONFIG, cr_engine_new(database, &options, &engine, &error));
    options.require_context = null;
    FAILS(CR_USAGE, cr_engine_new(database, &options, &engine, &error));
    options.require_context = NULL;
    FAILS(CR_USAGE, cr_engine_new(database, &options, &engine, &error));
    options = (cr_engine_options){.size = sizeof options, .mode = 9};
    FAILS(CR_CONFIG, cr_engine_new(database, &options, &engine, &error));
    options = (cr_engine_options){.size = sizeof options, .store_can = 4};
    FAILS(CR_CONFIG, cr_engine_new_in_steps(&options, &engine, &error));
    CHECK(engine == NULL);

    options = (cr_engine_options){.size = sizeof options, .mode = CR_MODE_SHADOW};
    WORKS(cr_engine_new(database, &options, &engine, &error));
    cr_hook deny = cr_helper_deny_all();
    WORKS(cr_engine_before_write(engine, "**", CR_NUL, &deny, NULL, &error));
    WORKS(cr_engine_put(engine, CR_BYTES("k"), CR_BYTES("v"), NULL, &error));
    cr_engine_free(engine);
    cr_database_free(database);
    cr_context_free(context);
}

static void explanations(void)
{
    struct bench bench;
    uint8_t *json = NULL;
    size_t len = 0;
    cr_context *context = agent("a");
    bench_start(&bench);
    cr_hook deny = cr_helper_deny_all();
    cr_rate_limit limit = {.size = sizeof limit, .max_per_hour = 5};
    WORKS(cr_engine_before_write(bench.engine, "secret/*", CR_NUL, &deny, NULL, &error));
    WORKS(cr_engine_add_rate_limit(bench.engine, "write", CR_NUL, &limit, &error));
    WORKS(cr_engine_explain(bench.engine, "write", CR_NUL, CR_BYTES("secret/k"), context, &json, &len, &error));
    char text[1024];
    snprintf(text, sizeof text, "%.*s", (int)len, json);
    cr_bytes_free(json, len);
    CHECK(strstr(text, "\"verdict\":\"denied\"") != NULL && strstr(text, "\"rule\":\"before_write secret/*\"") != NULL);
    CHECK(strstr(text, "\"kind\":\"deny_all\"") != NULL && strstr(text, "\"remaining\":5") != NULL);
    CHECK(strstr(text, "\"operation\":\"write\"") != NULL && strstr(text, "\"mode\":\"enforce\"") != NULL);
    CHECK(strcmp(bench_last_result(&bench), "") == 0);
    FAILS(CR_USAGE, cr_engine_explain(bench.engine, "scan", CR_NUL, CR_BYTES("k"), context, &json, &len, &error));
    FAILS(CR_USAGE, cr_engine_explain(bench.engine, NULL, 0, CR_BYTES("k"), context, &json, &len, &error));
    FAILS(CR_USAGE, cr_engine_explain(bench.engine, "read", CR_NUL, NULL, 2, context, &json, &len, &error));
    FAILS(CR_USAGE, cr_engine_explain(bench.engine, "read", CR_NUL, CR_BYTES("k"), context, NULL, &len, &error));
    FAILS(CR_USAGE, cr_engine_explain(NULL, "read", CR_NUL, CR_BYTES("k"), context, &json, &len, &error));
    cr_context_free(context);
    bench_end(&bench);
}

void test_told(void)
{
    listeners();
    a_listener_that_is_refused_itself();
    sinks();
    requirements_and_modes();
    explanations();
}
