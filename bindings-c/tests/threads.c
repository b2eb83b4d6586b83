/* Many threads on one engine, while hooks come and go. */
#include <pthread.h>
#include <stdatomic.h>

#include "check.h"

#define THREADS 8
#define ROUNDS 500

struct shared {
    cr_engine *engine;
    atomic_int asked, made, dropped, wrong;
};

static void ask(void *user_data, const cr_call *call, cr_answer *answer)
{
    struct shared *shared = user_data;
    shared->asked++;
    if (call->depth == 1) {
        uint8_t *value = NULL;
        size_t len = 0;
        if (cr_engine_get(shared->engine, CR_BYTES("nested"), call->context, &value, &len, NULL) != CR_OK)
            shared->wrong++;
        cr_bytes_free(value, len);
    }
    cr_reply_allow(answer);
}

static void drop(void *user_data)
{
    ((struct shared *)user_data)->dropped++;
}

static void *work(void *user_data)
{
    struct shared *shared = user_data;
    cr_context *context = NULL;
    if (cr_context_new(&context, NULL) != CR_OK || cr_context_set_text(context, "agent_id", CR_NUL, "a", 1, NULL) != CR_OK)
        shared->wrong++;
    for (int i = 0; i < ROUNDS; i++) {
        cr_error *error = NULL;
        if (cr_engine_put(shared->engine, CR_BYTES("a/k"), CR_BYTES("v"), context, &error) != CR_OK)
            shared->wrong++;
        if (cr_engine_put(shared->engine, CR_BYTES("denied"), CR_BYTES("v"), context, &error) != CR_DENIED ||
            cr_error_message(error).len == 0)
            shared->wrong++;
        cr_error_free(error);
    }
    cr_context_free(context);
    return NULL;
}

static void *register_hooks(void *user_data)
{
    struct shared *shared = user_data;
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t handle = 0;
        bool removed = false;
        cr_hook hook = hook_of(ask, shared);
        hook.drop = drop;
        shared->made++;
        if (cr_engine_before_write(shared->engine, "a/*", CR_NUL, &hook, &handle, NULL) != CR_OK ||
            cr_engine_remove(shared->engine, handle, &removed, NULL) != CR_OK || !removed)
            shared->wrong++;
    }
    return NULL;
}

/* An operation may be started by one thread, answered by a second and ended by a third. */
static void *answer_it(void *user_data)
{
    cr_step *step = user_data;
    cr_operation_answer(step->operation, CR_ANSWER_ALLOW, NULL, 0, 0, NULL, step);
    return NULL;
}

static void from_thread_to_thread(struct bench *bench)
{
    cr_step step = {.size = sizeof step};
    pthread_t thread;
    for (int i = 0; i < 2; i++)
        WORKS(cr_engine_add_hook_id(bench->engine, CR_BEFORE_WRITE, "step", CR_NUL, 7, NULL, &error));
    cr_request request = {.size = sizeof request, .kind = CR_WRITE, .key = (const uint8_t *)"step", .key_len = 4};
    CHECK(cr_operation_start(bench->engine, &request, &step) == CR_OK);
    for (int i = 0; i < 2; i++) {
        CHECK(step.kind == CR_STEP_CALL_HOOK && step.id == 7);
        CHECK(pthread_create(&thread, NULL, answer_it, &step) == 0 && pthread_join(thread, NULL) == 0);
    }
    CHECK(step.kind == CR_STEP_DONE && step.status == CR_OK);
}

static int32_t count_entries(void *user_data, const cr_audit_log *entries, cr_phase phase)
{
    struct shared *shared = user_data;
    shared->asked += (int)cr_audit_log_len(entries);
    return phase == CR_PHASE_NONE;
}

static int32_t count_refusals(void *user_data, const cr_error *error)
{
    struct shared *shared = user_data;
    shared->made++;
    return cr_error_status(error) == CR_DENIED;
}

/* Batches, reads and walks; a scan sees all or nothing of a batch, for it is small enough for one page. */
static void *work_on_several(void *user_data)
{
    struct shared *shared = user_data;
    cr_op ops[] = {{CR_WRITE, CR_BYTES("s/1"), CR_BYTES("v")}, {CR_WRITE, CR_BYTES("s/2"), CR_BYTES("v")}};
    cr_op bad[] = {{CR_WRITE, CR_BYTES("s/3"), CR_BYTES("v")}, {CR_WRITE, CR_BYTES("denied"), CR_BYTES("v")}};
    cr_bytes keys[] = {{CR_BYTES("s/1")}, {CR_BYTES("s/3")}};
    for (int i = 0; i < ROUNDS / 5; i++) {
        cr_scan *scan = NULL;
        cr_values *values = NULL;
        const uint8_t *key = NULL, *value = NULL;
        size_t key_len = 0, value_len = 0, seen = 0;
        if (cr_engine_batch(shared->engine, ops, 2, 0, NULL, NULL) != CR_OK ||
            cr_engine_batch(shared->engine, bad, 2, 0, NULL, NULL) != CR_DENIED ||
            cr_engine_get_many(shared->engine, keys, 2, NULL, &values, NULL) != CR_OK ||
            values->items[0].data == NULL || values->items[1].data != NULL ||
            cr_engine_scan(shared->engine, CR_BYTES("s/"), NULL, &scan, NULL) != CR_OK)
            shared->wrong++;
        while (cr_scan_next(scan, &key, &key_len, &value, &value_len, NULL) == CR_OK && key != NULL && seen < 9)
            seen++;
        if (seen != 2)
            shared->wrong++;
        cr_scan_free(scan);
        cr_values_free(values);
    }
    return NULL;
}

static void several_keys(void)
{
    struct bench bench;
    pthread_t threads[THREADS];
    bench_start(&bench);
    struct shared shared = {.engine = bench.engine};
    cr_hook deny = cr_helper_deny_all();
    cr_sink sink = {.size = sizeof sink, .record = count_entries, .user_data = &shared, .drop = drop};
    cr_listener listener = {.size = sizeof listener, .denied = count_refusals, .user_data = &shared, .drop = drop};
    WORKS(cr_engine_before_write(bench.engine, "denied", CR_NUL, &deny, NULL, &error));
    WORKS(cr_engine_add_audit_sink(bench.engine, &sink, NULL, &error));
    WORKS(cr_engine_on_denied(bench.engine, &listener, NULL, &error));
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, work_on_several, &shared) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    /* Two entries for each batch and get-many, one for each scan. */
    CHECK(shared.wrong == 0 && shared.asked == THREADS * (ROUNDS / 5) * 7 && shared.made == THREADS * (ROUNDS / 5));
    bench_end(&bench);
    CHECK(shared.dropped == 2);
}

void test_threads(void)
{
    struct bench bench;
    pthread_t threads[THREADS];
    bench_start(&bench);
    struct shared shared = {.engine = bench.engine};
    cr_hook hook = hook_of(ask, &shared), deny = cr_helper_deny_all();
    WORKS(cr_engine_before_write(bench.engine, "a/*", CR_NUL, &hook, NULL, &error));
    WORKS(cr_engine_before_write(bench.engine, "denied", CR_NUL, &deny, NULL, &error));
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, i % 4 == 0 ? register_hooks : work, &shared) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(shared.wrong == 0 && shared.asked >= 6 * ROUNDS);
    from_thread_to_thread(&bench);
    bench_end(&bench);
    CHECK(shared.made == shared.dropped);
    several_keys();
}
