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
}
