/* The step form: who is asked for what, replies that fit and that do not, and operations that are let go. */
#include <stdio.h>
#include <stdlib.h>

#include "check.h"

static cr_status start(cr_engine *engine, cr_kind kind, uint32_t flags, cr_step *step)
{
    cr_request request = {.size = sizeof request, .kind = kind, .flags = flags, .key = (const uint8_t *)"k", .key_len = 1};
    *step = (cr_step){.size = sizeof *step};
    if (kind == CR_WRITE) {
        request.value = (const uint8_t *)"value";
        request.value_len = 5;
    }
    return cr_operation_start(engine, &request, step);
}

static void ends(cr_step *step, cr_status status)
{
    CHECK(step->kind == CR_STEP_DONE && step->status == status && step->operation == NULL);
    CHECK(cr_error_status(step->error) == status);
    cr_error_free(step->error);
    step->error = NULL;
}

static void hooks_by_number(void)
{
    struct bench bench;
    cr_step step;
    uint64_t handle = 0, ids[4] = {0};
    cr_context *context = agent("a");
    bench_start(&bench);
    WORKS(cr_engine_add_hook_id(bench.engine, CR_BEFORE_WRITE, "k", CR_NUL, 41, &handle, &error));
    CHECK(start(bench.engine, CR_WRITE, 0, &step) == CR_OK);
    CHECK(step.kind == CR_STEP_CALL_HOOK && step.id == 41 && step.trigger == CR_BEFORE_WRITE && step.depth == 1);
    CHECK(step.version == 2 && step.size == sizeof step && step.value_len == 5 && step.key_len == 1);
    CHECK(step.value_is_original && cr_context_len(step.context) == 0);
    CHECK(cr_engine_open_operations(bench.engine) == 1);
    /* A removed hook is still asked, and its number comes back once nobody can ask any more. */
    WORKS(cr_engine_remove(bench.engine, handle, NULL, &error));
    CHECK(cr_engine_take_released(bench.engine, ids, 4) == 0);
    CHECK(cr_operation_step(step.operation, &step) == CR_OK && step.kind == CR_STEP_CALL_HOOK && step.id == 41);
    CHECK(cr_operation_answer(step.operation, CR_ANSWER_MODIFY, CR_BYTES("new"), 0, NULL, &step) == CR_OK);
    ends(&step, CR_OK);
    CHECK(cr_engine_take_released(bench.engine, NULL, 4) == 0);
    CHECK(cr_engine_take_released(bench.engine, ids, 4) == 1 && ids[0] == 41);
    CHECK(cr_engine_take_released(bench.engine, ids, 4) == 0);
    CHECK(strcmp(bench_last_result(&bench), "modified") == 0);

    /* In whole calls, nobody can be asked. */
    WORKS(cr_engine_add_hook_id(bench.engine, CR_BEFORE_WRITE, "k", CR_NUL, 42, &handle, &error));
    FAILS(CR_USAGE, cr_engine_put(bench.engine, CR_BYTES("k"), CR_BYTES("v"), context, &error));
    cr_context_free(context);
    bench_end(&bench);
}

static void replies_that_do_not_fit(void)
{
    for (int which = 0; which < 6; which++) {
        struct bench bench;
        cr_step step;
        bench_start(&bench);
        WORKS(cr_engine_add_hook_id(bench.engine, CR_BEFORE_WRITE, "k", CR_NUL, 1, NULL, &error));
        CHECK(start(bench.engine, CR_WRITE, 0, &step) == CR_OK);
        cr_operation *operation = step.operation;
        switch (which) {
        case 0: cr_operation_store(operation, CR_REPLY_DONE, NULL, 0, 0, NULL, &step); break;
        case 1: cr_operation_logged(operation, 1, NULL, 0, 0, &step); break;
        case 2: cr_operation_perform_store(operation, &step); break;
        case 3: cr_operation_answer(operation, CR_ANSWER_DENY, NULL, 5, 0, NULL, &step); break;
        case 4: cr_operation_store(operation, CR_REPLY_ERROR, NULL, 0, 9, cr_error_new_violation("x", 1), &step); break;
        default: cr_operation_logged(operation, 0, NULL, 3, 0, &step); break;
        }
        ends(&step, CR_USAGE);
        uint8_t *value = NULL;
        size_t len = 0;
        WORKS(cr_database_get(bench.database, CR_BYTES("k"), &value, &len, &error));
        CHECK(value == NULL);
        CHECK(strcmp(bench_last_result(&bench), "") != 0);
        bench_end(&bench);
    }
}

static void answers_that_are_none(void)
{
    static const cr_answer_kind kinds[] = {CR_ANSWER_NONE, CR_ANSWER_MODIFY, CR_ANSWER_INVALID, CR_ANSWER_FOREIGN,
                                           CR_ANSWER_ERROR, 99, -1};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct bench bench;
        cr_step step;
        bench_start(&bench);
        WORKS(cr_engine_add_hook_id(bench.engine, CR_BEFORE_WRITE, "k", CR_NUL, 1, NULL, &error));
        CHECK(start(bench.engine, CR_WRITE, 0, &step) == CR_OK);
        CHECK(cr_operation_answer(step.operation, kinds[i], NULL, 0, 0, NULL, &step) == CR_HOOK_FAILED);
        ends(&step, CR_HOOK_FAILED);
        bench_end(&bench);
    }
}

static void let_go(void)
{
    struct bench bench;
    cr_step step;
    bench_start(&bench);
    WORKS(cr_engine_add_hook_id(bench.engine, CR_BEFORE_WRITE, "k", CR_NUL, 1, NULL, &error));
    WORKS(cr_engine_add_hook_id(bench.engine, CR_AFTER_WRITE, "k", CR_NUL, 2, NULL, &error));
    CHECK(start(bench.engine, CR_WRITE, 0, &step) == CR_OK);
    cr_operation_free(step.operation);
    CHECK(strcmp(bench_last_result(&bench), "denied") == 0);

    CHECK(start(bench.engine, CR_WRITE, 0, &step) == CR_OK);
    CHECK(cr_operation_finish(step.operation, &step) == CR_ABANDONED);
    CHECK(!cr_error_applied(step.error));
    ends(&step, CR_ABANDONED);

    CHECK(start(bench.engine, CR_WRITE, 0, &step) == CR_OK);
    CHECK(cr_operation_answer(step.operation, CR_ANSWER_ALLOW, NULL, 0, 0, NULL, &step) == CR_OK && step.id == 2);
    cr_operation_free(step.operation);
    CHECK(strcmp(bench_last_result(&bench), "unknown") == 0);

    /* One that is open keeps its engine alive. */
    CHECK(start(bench.engine, CR_WRITE, 0, &step) == CR_OK);
    cr_engine_free(bench.engine);
    CHECK(cr_operation_answer(step.operation, CR_ANSWER_DENY, CR_BYTES("late"), 0, NULL, &step) == CR_DENIED);
    ends(&step, CR_DENIED);
    cr_database_free(bench.database);
}

static void stores_in_steps(void)
{
    cr_engine *engine = NULL;
    cr_step step;
    cr_engine_options options = {.size = sizeof options};
    WORKS(cr_engine_new_in_steps(&options, &engine, &error));
    /* An engine without anything warns first, and here the driver is asked to. */
    CHECK(start(engine, CR_READ, CR_ASK_LOG, &step) == CR_OK && step.kind == CR_STEP_LOG);
    CHECK(step.level == CR_LOG_WARNING && step.id == 0 && strlen(step.message.data) == step.message.len);
    CHECK(cr_operation_logged(step.operation, 0, NULL, 0, 0, &step) == CR_OK);
    CHECK(step.kind == CR_STEP_STORE_GET && step.key_len == 1 && step.key[0] == 'k');
    CHECK(cr_operation_store(step.operation, CR_REPLY_VALUE, CR_BYTES("long enough"), 0, NULL, &step) == CR_OK);
    CHECK(step.value_is_owned && step.value_len == 11);
    cr_bytes_free((uint8_t *)(uintptr_t)step.value, step.value_len);
    ends(&step, CR_OK);

    CHECK(start(engine, CR_WRITE, 0, &step) == CR_OK && step.kind == CR_STEP_STORE_PUT && step.value_len == 5);
    CHECK(cr_operation_store(step.operation, CR_REPLY_DONE, NULL, 0, 0, NULL, &step) == CR_OK);
    ends(&step, CR_OK);
    CHECK(start(engine, CR_DELETE, 0, &step) == CR_OK && step.kind == CR_STEP_STORE_DELETE);
    CHECK(cr_operation_store(step.operation, CR_REPLY_FOREIGN, CR_BYTES("E"), 8, NULL, &step) == CR_STORE);
    CHECK(cr_error_host_token(step.error) == 8);
    ends(&step, CR_STORE);

    static const cr_reply_kind wrong[] = {CR_REPLY_DONE, CR_REPLY_VALUE, CR_REPLY_INVALID, CR_REPLY_ERROR, 0, 99};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        CHECK(start(engine, CR_READ, 0, &step) == CR_OK && step.kind == CR_STEP_STORE_GET);
        CHECK(cr_operation_store(step.operation, wrong[i], NULL, 0, 0, NULL, &step) == CR_STORE);
        ends(&step, CR_STORE);
    }
    CHECK(start(engine, CR_READ, 0, &step) == CR_OK);
    CHECK(cr_operation_perform_store(step.operation, &step) == CR_USAGE);
    ends(&step, CR_USAGE);
    FAILS(CR_USAGE, cr_engine_put(engine, CR_BYTES("k"), CR_BYTES("v"), NULL, &error));
    cr_engine_free(engine);
}

/* A driver may choose the thread in which a database waits for its disk. */
static void blocking_stores(void)
{
    char directory[] = "/tmp/checkrein-c-XXXXXX", command[64];
    cr_database *database = NULL;
    cr_engine *engine = NULL;
    cr_step step;
    CHECK(mkdtemp(directory) != NULL);
    WORKS(cr_database_open(directory, CR_NUL, NULL, &database, &error));
    WORKS(cr_engine_new(database, NULL, &engine, &error));
    cr_hook hook = cr_helper_allow_all();
    WORKS(cr_engine_before_read(engine, "**", CR_NUL, &hook, NULL, &error));
    CHECK(start(engine, CR_WRITE, CR_ASK_BLOCKING_STORE, &step) == CR_OK && step.kind == CR_STEP_STORE_PUT);
    CHECK(cr_operation_perform_store(step.operation, &step) == CR_OK);
    ends(&step, CR_OK);
    CHECK(start(engine, CR_READ, 0, &step) == CR_OK && step.kind == CR_STEP_DONE && step.value_len == 5);
    cr_bytes_free((uint8_t *)(uintptr_t)step.value, step.value_len);
    cr_engine_free(engine);
    cr_database_free(database);
    snprintf(command, sizeof command, "rm -rf '%s'", directory);
    CHECK(system(command) == 0);
}

static void loggers_by_number(void)
{
    struct bench bench;
    cr_step step;
    uint64_t id = 0;
    cr_hook hook = {.size = sizeof hook, .kind = CR_HOOK_LOG_ID, .id = 77};
    bench_start(&bench);
    WORKS(cr_engine_before_write(bench.engine, "k", CR_NUL, &hook, NULL, &error));
    CHECK(start(bench.engine, CR_WRITE, 0, &step) == CR_OK && step.kind == CR_STEP_LOG && step.id == 77);
    CHECK(step.level == CR_LOG_INFO && strcmp(step.message.data, "before_write `k`") == 0);
    CHECK(cr_operation_logged(step.operation, 1, NULL, 0, 0, &step) == CR_OK);
    ends(&step, CR_OK);
    CHECK(start(bench.engine, CR_WRITE, 0, &step) == CR_OK && step.kind == CR_STEP_LOG);
    CHECK(cr_operation_logged(step.operation, 0, CR_BYTES("E"), 3, &step) == CR_HOOK_FAILED);
    CHECK(cr_error_host_token(step.error) == 3);
    ends(&step, CR_HOOK_FAILED);
    FAILS(CR_HOOK_FAILED, cr_engine_put(bench.engine, CR_BYTES("k"), CR_BYTES("v"), NULL, &error));
    CHECK(cr_engine_take_released(bench.engine, &id, 1) == 0);
    bench_end(&bench);
}

static void one_crossing(void)
{
    struct bench bench;
    cr_step step = {.size = sizeof step};
    static const uint8_t packed[] = "\0\10\0\0\0\1\0\0\0agent_ida";
    uint8_t buffer[5];
    bench_start(&bench);
    cr_hook hook = cr_helper_require_agent_id();
    WORKS(cr_engine_before_write(bench.engine, "**", CR_NUL, &hook, NULL, &error));
    CHECK(cr_operation_run(bench.engine, CR_WRITE, 0, 0, CR_BYTES("k"), CR_BYTES("12345"), NULL, 0, NULL, 0, &step) ==
          CR_DENIED);
    ends(&step, CR_DENIED);
    CHECK(cr_operation_run(bench.engine, CR_WRITE, 0, 0, CR_BYTES("k"), CR_BYTES("12345"), packed, sizeof packed - 1,
                           NULL, 0, &step) == CR_OK);
    ends(&step, CR_OK);
    CHECK(cr_operation_run(bench.engine, CR_READ, 0, 0, CR_BYTES("k"), NULL, 0, NULL, 0, buffer, 5, &step) == CR_OK);
    CHECK(step.value == buffer && step.value_len == 5 && !step.value_is_owned && memcmp(buffer, "12345", 5) == 0);
    CHECK(cr_operation_run(bench.engine, CR_READ, 0, 0, CR_BYTES("k"), NULL, 0, NULL, 0, buffer, 4, &step) == CR_OK);
    CHECK(step.value != buffer && step.value_len == 5 && step.value_is_owned);
    cr_bytes_free((uint8_t *)(uintptr_t)step.value, step.value_len);
    /* What the driver refused itself is refused here, and audited. */
    CHECK(cr_operation_run(bench.engine, CR_READ, 0, 0, CR_BYTES("k"), NULL, 0, CR_BYTES("\3\0\0\0\0\6\0\0\0a list"),
                           buffer, 4, &step) == CR_USAGE);
    TEXT_IS(cr_error_message(step.error), "a list");
    ends(&step, CR_USAGE);
    CHECK(strcmp(bench_last_result(&bench), "error") == 0);
    CHECK(cr_operation_run(bench.engine, CR_READ, 0, 17, CR_BYTES("k"), NULL, 0, NULL, 0, buffer, 4, &step) ==
          CR_NESTING_LIMIT);
    ends(&step, CR_NESTING_LIMIT);
    bench_end(&bench);
}

void test_steps(void)
{
    hooks_by_number();
    replies_that_do_not_fit();
    answers_that_are_none();
    let_go();
    stores_in_steps();
    blocking_stores();
    loggers_by_number();
    one_crossing();
}
