/* What a call costs: medians of several runs, in nanoseconds. The database in memory is the store; its share is the
 * first row below the line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <checkrein.h>

#define RUNS 9
#define CALLS 100000

static cr_database *database;
static cr_engine *engine;
static cr_context *context;
static const uint8_t packed[] = "\0\10\0\0\0\11\0\0\0agent_idagent_001\0\12\0\0\0\5\0\0\0session_ids-001";

static void empty(void) { (void)cr_abi_version_1(); }

static void plain_put(void) { cr_database_put(database, CR_BYTES("users/alice"), CR_BYTES("data"), NULL); }

static void put(void) { cr_engine_put(engine, CR_BYTES("users/alice"), CR_BYTES("data"), NULL, NULL); }

static void put_context(void) { cr_engine_put(engine, CR_BYTES("users/alice"), CR_BYTES("data"), context, NULL); }

static void run_put(void)
{
    cr_step step = {.size = sizeof step};
    cr_operation_run(engine, CR_WRITE, CR_ASK_LOG, 0, CR_BYTES("users/alice"), CR_BYTES("data"), NULL, 0, NULL, 0, &step);
}

static void run_put_context(void)
{
    cr_step step = {.size = sizeof step};
    cr_operation_run(engine, CR_WRITE, CR_ASK_LOG, 0, CR_BYTES("users/alice"), CR_BYTES("data"), packed,
                     sizeof packed - 1, NULL, 0, &step);
}

static void run_get(void)
{
    uint8_t buffer[64];
    cr_step step = {.size = sizeof step};
    cr_operation_run(engine, CR_READ, CR_ASK_LOG, 0, CR_BYTES("users/alice"), NULL, 0, NULL, 0, buffer, sizeof buffer,
                     &step);
}

static void get(void)
{
    uint8_t *value;
    size_t len;
    if (cr_engine_get(engine, CR_BYTES("users/alice"), NULL, &value, &len, NULL) == CR_OK)
        cr_bytes_free(value, len);
}

static void denied(void)
{
    cr_error *error = NULL;
    cr_engine_put(engine, CR_BYTES("denied"), CR_BYTES("data"), NULL, &error);
    cr_error_free(error);
}

static void callback(void) { cr_engine_put(engine, CR_BYTES("called"), CR_BYTES("data"), NULL, NULL); }

static void in_steps(void)
{
    cr_step step = {.size = sizeof step};
    cr_operation_run(engine, CR_WRITE, CR_ASK_LOG, 0, CR_BYTES("stepped"), CR_BYTES("data"), NULL, 0, NULL, 0, &step);
    cr_operation_answer(step.operation, CR_ANSWER_ALLOW, NULL, 0, 0, NULL, &step);
}

static void allow(void *user_data, const cr_call *call, cr_answer *answer)
{
    (void)user_data, (void)call;
    cr_reply_allow(answer);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void row(const char *name, void (*call)(void))
{
    double runs[RUNS];
    for (int run = 0; run < RUNS; run++) {
        struct timespec start, end;
        clock_gettime(CLOCK_MONOTONIC, &start);
        for (int i = 0; i < CALLS; i++)
            call();
        clock_gettime(CLOCK_MONOTONIC, &end);
        runs[run] = ((double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec)) / CALLS;
    }
    qsort(runs, RUNS, sizeof *runs, by_size);
    printf("%-58s %8.1f\n", name, runs[RUNS / 2]);
}

int main(void)
{
    cr_hook deny = cr_helper_deny_all(), called = {.size = sizeof called, .call = allow};
    cr_hook allowed = cr_helper_allow_all();
    cr_database_memory(&database, NULL);
    cr_engine_new(database, NULL, &engine, NULL);
    cr_context_new(&context, NULL);
    cr_context_set_text(context, "agent_id", CR_NUL, "agent_001", CR_NUL, NULL);
    cr_context_set_text(context, "session_id", CR_NUL, "s-001", CR_NUL, NULL);
    cr_engine_before_write(engine, "users/*", CR_NUL, &allowed, NULL, NULL);
    cr_engine_before_write(engine, "denied", CR_NUL, &deny, NULL, NULL);
    cr_engine_before_write(engine, "called", CR_NUL, &called, NULL, NULL);
    cr_engine_add_hook_id(engine, CR_BEFORE_WRITE, "stepped", CR_NUL, 1, NULL, NULL);

    printf("%-58s %8s\n", "one call", "ns");
    row("nothing (the version)", empty);
    row("the database's own put", plain_put);
    row("cr_engine_put, one helper, no context", put);
    row("cr_engine_put, one helper, context of two", put_context);
    row("cr_operation_run: put, no context", run_put);
    row("cr_operation_run: put, packed context of two", run_put_context);
    row("cr_operation_run: get into the caller's buffer", run_get);
    row("cr_engine_get and cr_bytes_free", get);
    row("a put that is denied, with its error", denied);
    row("a put that asks a function", callback);
    row("a put that asks a hook by number, in two calls", in_steps);
    cr_engine_audit_enable(engine, CR_DEFAULT, NULL);
    row("with audit: cr_operation_run: put, packed context of two", run_put_context);
    cr_context_free(context);
    cr_engine_free(engine);
    cr_database_free(database);
    return 0;
}
