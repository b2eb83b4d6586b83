/* The step form for several keys, scans, sinks and listeners; drivers of an earlier version. */
#include <stddef.h>
#include <stdlib.h>

#include "check.h"

static cr_engine *in_steps(uint32_t can)
{
    cr_engine *engine = NULL;
    cr_engine_options options = {.size = sizeof options, .store_can = can};
    cr_hook allow = cr_helper_allow_all();
    WORKS(cr_engine_new_in_steps(&options, &engine, &error));
    WORKS(cr_engine_before_write(engine, "**", CR_NUL, &allow, NULL, &error));
    WORKS(cr_engine_audit_enable(engine, CR_DEFAULT, &error));
    return engine;
}

static void ends(cr_step *step, cr_status status)
{
    CHECK(step->kind == CR_STEP_DONE && step->status == status && step->operation == NULL);
    CHECK(cr_error_status(step->error) == status);
    cr_error_free(step->error);
    step->error = NULL;
}

static cr_status start_scan(cr_engine *engine, cr_step *step)
{
    *step = (cr_step){.size = sizeof *step};
    return cr_operation_run(engine, CR_SCAN, CR_ASK_LOG, 0, CR_BYTES("u/"), NULL, 0, NULL, 0, NULL, 0, step);
}

static int shows(const cr_step *step, const char *key, const char *value)
{
    return step->kind == CR_STEP_ITEM && step->key_len == strlen(key) && memcmp(step->key, key, step->key_len) == 0 &&
           step->value_len == strlen(value) && memcmp(step->value, value, step->value_len) == 0;
}

static void scans(void)
{
    static const uint8_t packed[] = "\3\0\0\0\1\0\0\0u/a1\3\0\0\0\0\0\0\0u/b";
    cr_pair pairs[] = {{CR_BYTES("u/c"), CR_BYTES("3")}};
    cr_engine *engine = in_steps(CR_STORE_CAN_SCAN);
    cr_step step;
    CHECK(start_scan(engine, &step) == CR_OK && step.kind == CR_STEP_STORE_SCAN && step.version == 2);
    CHECK(step.key_len == 2 && step.after == NULL && step.count > 1 && cr_engine_open_operations(engine) == 1);
    CHECK(cr_operation_store(step.operation, CR_REPLY_PAGE, packed, sizeof packed - 1, 0, NULL, &step) == CR_OK);
    CHECK(shows(&step, "u/a", "1"));
    CHECK(cr_operation_step(step.operation, &step) == CR_OK && shows(&step, "u/a", "1"));
    CHECK(cr_operation_next(step.operation, &step) == CR_OK && shows(&step, "u/b", ""));
    CHECK(cr_operation_next(step.operation, &step) == CR_OK && step.kind == CR_STEP_STORE_SCAN);
    CHECK(step.after_len == 3 && memcmp(step.after, "u/b", 3) == 0);
    CHECK(cr_operation_page(step.operation, pairs, 1, 1, &step) == CR_OK && shows(&step, "u/c", "3"));
    CHECK(cr_operation_next(step.operation, &step) == CR_OK);
    ends(&step, CR_OK);

    /* Letting go after two pairs: two were given. */
    CHECK(start_scan(engine, &step) == CR_OK);
    CHECK(cr_operation_store(step.operation, CR_REPLY_LAST_PAGE, packed, sizeof packed - 1, 0, NULL, &step) == CR_OK);
    CHECK(cr_operation_next(step.operation, &step) == CR_OK && shows(&step, "u/b", ""));
    cr_operation_free(step.operation);
    cr_audit_log *log = NULL;
    cr_audit_entry entry;
    WORKS(cr_engine_audit_log(engine, NULL, &log, &error));
    CHECK(cr_audit_log_len(log) == 2 && cr_audit_log_at(log, 1, &entry) && entry.given == 2);
    cr_audit_log_free(log);

    /* Replies that do not fit, and pages that are none. */
    for (int which = 0; which < 8; which++) {
        static const cr_status wanted[] = {CR_USAGE, CR_USAGE, CR_USAGE, CR_STORE, CR_STORE, CR_USAGE, CR_STORE, CR_OK};
        CHECK(start_scan(engine, &step) == CR_OK);
        cr_operation *operation = step.operation;
        if (which < 2)
            CHECK(cr_operation_page(operation, pairs, 1, 1, &step) == CR_OK && step.kind == CR_STEP_ITEM);
        switch (which) {
        case 0: cr_operation_page(operation, pairs, 1, 1, &step); break;
        case 1: cr_operation_answer(operation, CR_ANSWER_ALLOW, NULL, 0, 0, NULL, &step); break;
        case 2: cr_operation_next(operation, &step); break;
        case 3: cr_operation_store(operation, CR_REPLY_PAGE, packed, 5, 0, NULL, &step); break;
        case 4: cr_operation_store(operation, CR_REPLY_DONE, NULL, 0, 0, NULL, &step); break;
        case 5: cr_operation_page(operation, NULL, 1, 0, &step); break;
        case 6: cr_operation_page(operation, &(cr_pair){CR_BYTES("elsewhere"), NULL, 0}, 1, 0, &step); break;
        default: cr_operation_page(operation, NULL, 0, 0, &step); break; /* an empty page is the end */
        }
        ends(&step, wanted[which]);
    }
    CHECK(cr_operation_next(NULL, &step) == CR_USAGE);
    ends(&step, CR_USAGE);
    CHECK(cr_operation_page(NULL, NULL, 0, 0, &step) == CR_USAGE);
    ends(&step, CR_USAGE);
    cr_engine_free(engine);

    engine = in_steps(0);
    CHECK(start_scan(engine, &step) == CR_USAGE);
    ends(&step, CR_USAGE);
    cr_engine_free(engine);
}

/* A driver that was compiled with the first version: it has room for fewer fields, and refuses what it does not know. */
static void an_earlier_driver(void)
{
    struct {
        uint8_t step[offsetof(cr_step, at)];
        uint8_t behind[sizeof(cr_step)];
    } old;
    cr_engine *engine = in_steps(CR_STORE_CAN_SCAN);
    uint32_t size = offsetof(cr_step, at);
    cr_step step;
    memset(&old, 0x5a, sizeof old);
    memcpy(old.step, &size, sizeof size);
    CHECK(cr_operation_run(engine, CR_SCAN, 0, 0, CR_BYTES("u/"), NULL, 0, NULL, 0, NULL, 0, (cr_step *)(void *)&old) == CR_OK);
    for (size_t i = 0; i < sizeof old.behind; i++)
        CHECK(old.behind[i] == 0x5a);
    memset(&step, 0, sizeof step);
    memcpy(&step, old.step, sizeof old.step);
    CHECK(step.kind == CR_STEP_STORE_SCAN && step.version == 1 && step.size == size && step.operation != NULL);
    CHECK(cr_operation_finish(step.operation, (cr_step *)(void *)&old) == CR_ABANDONED);
    memcpy(&step, old.step, sizeof old.step);
    CHECK(step.kind == CR_STEP_DONE && step.status == CR_ABANDONED);
    cr_error_free(step.error);
    /* Too small for any version: nothing is written. */
    size--;
    memcpy(old.step, &size, sizeof size);
    CHECK(cr_operation_run(engine, CR_SCAN, 0, 0, CR_BYTES("u/"), NULL, 0, NULL, 0, NULL, 0, (cr_step *)(void *)&old) == CR_USAGE);
    cr_engine_free(engine);
}

static void batches(void)
{
    static const uint8_t packed[] = "\1\1\0\0\0\1\0\0\0a1\2\1\0\0\0\0\0\0\0b", read[] = "\0\1\0\0\0\0\0\0\0a";
    cr_op ops[] = {{.kind = CR_WRITE, .key = (const uint8_t *)"a", .key_len = 1},
                   {.kind = CR_DELETE, .key = (const uint8_t *)"b", .key_len = 1}};
    cr_engine *engine = in_steps(CR_STORE_CAN_BATCH);
    cr_step step = {.size = sizeof step};
    WORKS(cr_engine_add_hook_id(engine, CR_BEFORE_DELETE, "b", CR_NUL, 3, NULL, &error));
    CHECK(cr_operation_run(engine, CR_BATCH, 0, 0, NULL, 0, packed, sizeof packed - 1, NULL, 0, NULL, 0, &step) == CR_OK);
    CHECK(step.kind == CR_STEP_CALL_HOOK && step.at == 1 && step.trigger == CR_BEFORE_DELETE);
    CHECK(cr_operation_answer(step.operation, CR_ANSWER_ALLOW, NULL, 0, 0, NULL, &step) == CR_OK);
    CHECK(step.kind == CR_STEP_STORE_BATCH && step.count == 2 && step.ops[0].kind == CR_WRITE && step.ops[0].value_len == 1);
    CHECK(step.ops[1].kind == CR_DELETE && step.ops[1].key_len == 1 && step.ops[1].value == NULL);
    CHECK(cr_operation_store(step.operation, CR_REPLY_DONE, NULL, 0, 0, NULL, &step) == CR_OK);
    ends(&step, CR_OK);

    /* With a struct, one after the other. */
    cr_request request = {.size = sizeof request, .kind = CR_BATCH, .flags = CR_ASK_ONE_BY_ONE, .ops = ops, .ops_len = 2};
    CHECK(cr_operation_start(engine, &request, &step) == CR_OK && step.kind == CR_STEP_CALL_HOOK && step.at == 1);
    CHECK(cr_operation_answer(step.operation, CR_ANSWER_ALLOW, NULL, 0, 0, NULL, &step) == CR_OK);
    CHECK(step.kind == CR_STEP_STORE_PUT && step.value != NULL && step.value_len == 0);
    CHECK(cr_operation_store(step.operation, CR_REPLY_DONE, NULL, 0, 0, NULL, &step) == CR_OK);
    CHECK(step.kind == CR_STEP_STORE_DELETE);
    CHECK(cr_operation_store(step.operation, CR_REPLY_FOREIGN, CR_BYTES("E"), 0, NULL, &step) == CR_STORE_PARTIAL);
    CHECK(cr_error_applied_count(step.error) == 1);
    ends(&step, CR_STORE_PARTIAL);

    /* What is asked wrongly. */
    CHECK(cr_operation_run(engine, CR_BATCH, 0, 0, NULL, 0, packed, 7, NULL, 0, NULL, 0, &step) == CR_USAGE);
    ends(&step, CR_USAGE);
    CHECK(cr_operation_run(engine, CR_BATCH, 0, 0, NULL, 0, read, sizeof read - 1, NULL, 0, NULL, 0, &step) == CR_USAGE);
    ends(&step, CR_USAGE);
    CHECK(cr_operation_run(engine, CR_GET_MANY, 0, 0, NULL, 0, packed, sizeof packed - 1, NULL, 0, NULL, 0, &step) == CR_USAGE);
    ends(&step, CR_USAGE);
    request.kind = CR_READ;
    CHECK(cr_operation_start(engine, &request, &step) == CR_USAGE);
    ends(&step, CR_USAGE);
    request.kind = 6;
    request.ops_len = 0;
    CHECK(cr_operation_start(engine, &request, &step) == CR_USAGE);
    ends(&step, CR_USAGE);
    cr_engine_free(engine);
}

static void many(void)
{
    static const uint8_t keys[] = "\0\1\0\0\0\0\0\0\0a\0\1\0\0\0\0\0\0\0b";
    cr_engine *engine = in_steps(0);
    cr_step step = {.size = sizeof step};
    CHECK(cr_operation_run(engine, CR_GET_MANY, 0, 0, NULL, 0, keys, sizeof keys - 1, NULL, 0, NULL, 0, &step) == CR_OK);
    CHECK(step.kind == CR_STEP_STORE_GET && step.key_len == 1 && *step.key == 'a');
    CHECK(cr_operation_store(step.operation, CR_REPLY_VALUE, CR_BYTES("one"), 0, NULL, &step) == CR_OK);
    CHECK(step.kind == CR_STEP_STORE_GET && *step.key == 'b');
    CHECK(cr_operation_store(step.operation, CR_REPLY_NO_VALUE, NULL, 0, 0, NULL, &step) == CR_OK);
    CHECK(step.kind == CR_STEP_DONE && step.values != NULL && step.values->len == 2);
    CHECK(step.values->items[0].len == 3 && step.values->items[1].data == NULL);
    cr_values_free(step.values);
    CHECK(cr_operation_run(engine, CR_GET_MANY, 0, 0, NULL, 0, NULL, 0, NULL, 0, NULL, 0, &step) == CR_OK);
    CHECK(step.kind == CR_STEP_DONE && step.values == NULL);

    /* A driver without room for the values does not get them, and nothing is lost. */
    cr_step small = {.size = offsetof(cr_step, at)};
    CHECK(cr_operation_run(engine, CR_GET_MANY, 0, 0, NULL, 0, keys, sizeof keys - 1, NULL, 0, NULL, 0, &small) == CR_OK);
    CHECK(cr_operation_store(small.operation, CR_REPLY_VALUE, CR_BYTES("one"), 0, NULL, &small) == CR_OK);
    CHECK(cr_operation_store(small.operation, CR_REPLY_NO_VALUE, NULL, 0, 0, NULL, &small) == CR_OK);
    CHECK(small.kind == CR_STEP_DONE && small.version == 1 && small.values == NULL);
    cr_engine_free(engine);
}

static void sinks_and_listeners(void)
{
    struct bench bench;
    cr_step step = {.size = sizeof step};
    uint64_t sink = 0, listener = 0, ids[4];
    cr_audit_entry entry;
    bool removed = false;
    bench_start(&bench);
    cr_hook deny = cr_helper_deny_all();
    WORKS(cr_engine_before_write(bench.engine, "no", CR_NUL, &deny, NULL, &error));
    WORKS(cr_engine_add_audit_sink_id(bench.engine, 7, 1, &sink, &error));
    WORKS(cr_engine_on_denied_id(bench.engine, 8, &listener, &error));
    CHECK(cr_operation_run(bench.engine, CR_WRITE, 0, 0, CR_BYTES("k"), CR_BYTES("v"), NULL, 0, NULL, 0, &step) == CR_OK);
    CHECK(step.kind == CR_STEP_RECORD && step.id == 7 && step.phase == CR_PHASE_DECIDED && step.count == 1);
    CHECK(!step.is_file && step.depth == 1 && cr_audit_log_at(step.entries, 0, &entry) && entry.sequence == 0);
    CHECK(cr_operation_recorded(step.operation, 1, NULL, 0, 0, &step) == CR_OK);
    CHECK(step.kind == CR_STEP_RECORD && step.phase == CR_PHASE_DONE);
    CHECK(cr_audit_log_at(step.entries, 0, &entry) && entry.sequence == 1);
    CHECK(cr_operation_recorded(step.operation, 1, NULL, 0, 0, &step) == CR_OK);
    ends(&step, CR_OK);

    /* A strict sink that fails before refuses; the listener is told. */
    CHECK(cr_operation_run(bench.engine, CR_WRITE, 0, 0, CR_BYTES("k"), CR_BYTES("v"), NULL, 0, NULL, 0, &step) == CR_OK);
    CHECK(cr_operation_recorded(step.operation, 0, CR_BYTES("DiskFull"), 5, &step) == CR_OK && step.kind == CR_STEP_RECORD);
    CHECK(cr_operation_recorded(step.operation, 1, NULL, 0, 0, &step) == CR_OK && step.kind == CR_STEP_NOTIFY);
    CHECK(step.id == 8 && step.depth == 1 && cr_error_status(step.refusal) == CR_AUDIT_FAILED);
    CHECK(cr_error_host_token(step.refusal) == 5);
    CHECK(cr_operation_logged(step.operation, 1, NULL, 0, 0, &step) == CR_AUDIT_FAILED);
    ends(&step, CR_AUDIT_FAILED);

    /* Replies that do not fit: nothing passes. */
    CHECK(cr_operation_run(bench.engine, CR_WRITE, 0, 0, CR_BYTES("x"), CR_BYTES("v"), NULL, 0, NULL, 0, &step) == CR_OK);
    CHECK(cr_operation_logged(step.operation, 1, NULL, 0, 0, &step) == CR_USAGE);
    ends(&step, CR_USAGE);
    CHECK(cr_operation_run(bench.engine, CR_WRITE, 0, 0, CR_BYTES("x"), CR_BYTES("v"), NULL, 0, NULL, 0, &step) == CR_OK);
    CHECK(cr_operation_perform_store(step.operation, &step) == CR_USAGE);
    ends(&step, CR_USAGE);
    CHECK(cr_operation_recorded(NULL, 1, NULL, 0, 0, &step) == CR_USAGE);
    ends(&step, CR_USAGE);
    uint8_t *value = NULL;
    size_t len = 0;
    WORKS(cr_database_get(bench.database, CR_BYTES("x"), &value, &len, &error));
    CHECK(value == NULL);
    /* In one call nobody can be told: a strict sink refuses. */
    FAILS(CR_AUDIT_FAILED, cr_engine_put(bench.engine, CR_BYTES("x"), CR_BYTES("v"), NULL, &error));

    WORKS(cr_engine_remove_audit_sink(bench.engine, sink, &removed, &error));
    CHECK(removed);
    WORKS(cr_engine_remove_listener(bench.engine, listener, &removed, &error));
    CHECK(removed && cr_engine_take_released(bench.engine, ids, 4) == 2 && ids[0] + ids[1] == 15);
    bench_end(&bench);
}

void test_steps_many(void)
{
    scans();
    an_earlier_driver();
    batches();
    many();
    sinks_and_listeners();
}
