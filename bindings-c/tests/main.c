/* Runs every test and says how many passed. */
#include <stdio.h>
#include <stdlib.h>

#include "check.h"

int checks_failed;

void check(int holds, const char *what, const char *file, int line)
{
    if (holds)
        return;
    checks_failed++;
    fprintf(stderr, "%s:%d: %s\n", file, line, what);
}

static int32_t hear(void *user_data, cr_log_level level, const char *message, size_t len)
{
    struct bench *bench = user_data;
    (void)level;
    bench->told++;
    snprintf(bench->last, sizeof bench->last, "%.*s", (int)len, message);
    return 1;
}

void bench_start(struct bench *bench)
{
    *bench = (struct bench){0};
    cr_logger logger = {.size = sizeof logger, .log = hear, .user_data = bench};
    cr_engine_options options = {.size = sizeof options, .logger = &logger};
    WORKS(cr_database_memory(&bench->database, &error));
    WORKS(cr_engine_new(bench->database, &options, &bench->engine, &error));
    WORKS(cr_engine_audit_enable(bench->engine, CR_DEFAULT, &error));
}

void bench_end(struct bench *bench)
{
    CHECK(cr_engine_open_operations(bench->engine) == 0);
    cr_engine_free(bench->engine);
    cr_database_free(bench->database);
}

const char *bench_last_result(struct bench *bench)
{
    static char result[32];
    cr_audit_log *log = NULL;
    cr_audit_entry entry;
    result[0] = 0;
    if (cr_engine_audit_log(bench->engine, NULL, &log, NULL) == CR_OK && cr_audit_log_len(log) > 0 &&
        cr_audit_log_at(log, cr_audit_log_len(log) - 1, &entry))
        snprintf(result, sizeof result, "%s", entry.result.data);
    cr_audit_log_free(log);
    return result;
}

cr_hook hook_of(cr_hook_fn call, void *user_data)
{
    return (cr_hook){.size = sizeof(cr_hook), .call = call, .user_data = user_data};
}

cr_context *agent(const char *name)
{
    cr_context *context = NULL;
    CHECK(cr_context_new(&context, NULL) == CR_OK);
    CHECK(cr_context_set_text(context, "agent_id", CR_NUL, name, CR_NUL, NULL) == CR_OK);
    return context;
}

int main(void)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } tests[] = {
        {"arguments", test_arguments}, {"audit", test_audit},         {"audit_files", test_audit_files},
        {"contexts", test_contexts},   {"databases", test_databases}, {"documents", test_documents},
        {"errors", test_errors},       {"forks", test_forks},         {"hooks", test_hooks},
        {"limits", test_limits},       {"several", test_several},     {"steps", test_steps},
        {"stores", test_stores},       {"threads", test_threads},     {"steps_many", test_steps_many},
        {"told", test_told},
    };
    int passed = 0, failed = 0;
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
        int before = checks_failed;
        tests[i].run();
        int good = checks_failed == before;
        printf("%s: %s\n", tests[i].name, good ? "ok" : "FAILED");
        passed += good;
        failed += !good;
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}
