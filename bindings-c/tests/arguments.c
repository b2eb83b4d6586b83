/* NULL and other bad arguments, for every function: an error where one can be told, and never a crash. */
#include "check.h"

static const uint8_t *const NO_BYTES = NULL;

static void no_handle(void)
{
    cr_database *database = NULL;
    cr_engine *engine = NULL;
    cr_context *context = NULL;
    cr_manual_clock *clock = NULL;
    cr_limit_list *list = NULL;
    cr_audit_log *log = NULL;
    cr_error *found = NULL;
    cr_answer *answer = NULL;
    uint8_t *value = NULL;
    size_t len = 0;
    uint64_t id = 0;
    cr_hook hook = cr_helper_deny_all();
    cr_call call = {.size = sizeof call};
    cr_rate_limit limit = {.size = sizeof limit, .max_per_second = 1};

    FAILS(CR_USAGE, cr_database_open(NULL, CR_NUL, NULL, &database, &error));
    FAILS(CR_USAGE, cr_database_open("x", CR_NUL, NULL, NULL, &error));
    FAILS(CR_USAGE, cr_database_memory(NULL, &error));
    FAILS(CR_USAGE, cr_database_get(NULL, CR_BYTES("k"), &value, &len, &error));
    FAILS(CR_USAGE, cr_database_put(NULL, CR_BYTES("k"), CR_BYTES("v"), &error));
    FAILS(CR_USAGE, cr_database_delete(NULL, CR_BYTES("k"), &error));
    FAILS(CR_USAGE, cr_database_flush(NULL, &error));
    FAILS(CR_USAGE, cr_database_close(NULL, &error));
    CHECK(!cr_database_blocks(NULL));
    cr_database_free(NULL);

    FAILS(CR_USAGE, cr_manual_clock_new(0, NULL, &error));
    FAILS(CR_USAGE, cr_manual_clock_advance_ns(NULL, 1, &error));
    FAILS(CR_USAGE, cr_manual_clock_set_wall_ns(NULL, 1, &error));
    cr_manual_clock_free(NULL);
    (void)clock;

    FAILS(CR_USAGE, cr_context_new(NULL, &error));
    FAILS(CR_USAGE, cr_context_set_text(NULL, "a", CR_NUL, "b", CR_NUL, &error));
    FAILS(CR_USAGE, cr_context_set_bool(NULL, "a", CR_NUL, 1, &error));
    FAILS(CR_USAGE, cr_context_set_int(NULL, "a", CR_NUL, 1, &error));
    FAILS(CR_USAGE, cr_context_clear(NULL, &error));
    CHECK(cr_context_len(NULL) == 0);
    CHECK(!cr_context_get(NULL, "a", CR_NUL, NULL));
    CHECK(!cr_context_has(NULL, "a", CR_NUL));
    CHECK(!cr_context_at(NULL, 0, NULL, NULL));
    cr_context_free(NULL);
    (void)context;

    FAILS(CR_USAGE, cr_engine_new(NULL, NULL, &engine, &error));
    FAILS(CR_USAGE, cr_engine_new_with_store(NULL, NULL, &engine, &error));
    FAILS(CR_USAGE, cr_engine_new_in_steps(NULL, NULL, &error));
    FAILS(CR_USAGE, cr_engine_set_logger(NULL, NULL, &error));
    FAILS(CR_USAGE, cr_engine_registration_error(NULL, &found, &error));
    FAILS(CR_USAGE, cr_engine_clear_registration_errors(NULL, NULL, &error));
    FAILS(CR_USAGE, cr_engine_add_hook(NULL, CR_BEFORE_READ, "k", CR_NUL, &hook, &id, &error));
    FAILS(CR_USAGE, cr_engine_add_hook_id(NULL, CR_BEFORE_READ, "k", CR_NUL, 1, &id, &error));
    FAILS(CR_USAGE, cr_engine_before_read(NULL, "k", CR_NUL, &hook, &id, &error));
    FAILS(CR_USAGE, cr_engine_after_read(NULL, "k", CR_NUL, &hook, &id, &error));
    FAILS(CR_USAGE, cr_engine_before_write(NULL, "k", CR_NUL, &hook, &id, &error));
    FAILS(CR_USAGE, cr_engine_after_write(NULL, "k", CR_NUL, &hook, &id, &error));
    FAILS(CR_USAGE, cr_engine_before_delete(NULL, "k", CR_NUL, &hook, &id, &error));
    FAILS(CR_USAGE, cr_engine_after_delete(NULL, "k", CR_NUL, &hook, &id, &error));
    FAILS(CR_USAGE, cr_engine_remove(NULL, 1, NULL, &error));
    FAILS(CR_USAGE, cr_engine_put(NULL, CR_BYTES("k"), CR_BYTES("v"), NULL, &error));
    FAILS(CR_USAGE, cr_engine_get(NULL, CR_BYTES("k"), NULL, &value, &len, &error));
    FAILS(CR_USAGE, cr_engine_delete(NULL, CR_BYTES("k"), NULL, &error));
    FAILS(CR_USAGE, cr_engine_add_rate_limit(NULL, "write", CR_NUL, &limit, &error));
    FAILS(CR_USAGE, cr_engine_rate_limit_status(NULL, "write", CR_NUL, NULL, &list, &error));
    FAILS(CR_USAGE, cr_engine_audit_enable(NULL, 1, &error));
    FAILS(CR_USAGE, cr_engine_audit_disable(NULL, &error));
    FAILS(CR_USAGE, cr_engine_audit_log(NULL, NULL, &log, &error));
    CHECK(cr_engine_open_operations(NULL) == 0);
    CHECK(cr_engine_take_released(NULL, &id, 1) == 0);
    cr_engine_free(NULL);

    FAILS(CR_USAGE, cr_answer_new(NULL, &error));
    CHECK(cr_answer_get_kind(NULL) == CR_ANSWER_NONE);
    CHECK(cr_answer_get_bytes(NULL).data == NULL);
    cr_answer_free(NULL);
    CHECK(cr_answer_new(&answer, NULL) == CR_OK);
    FAILS(CR_USAGE, cr_hook_ask(NULL, &call, answer, &error));
    FAILS(CR_USAGE, cr_hook_ask(&hook, NULL, answer, &error));
    FAILS(CR_USAGE, cr_hook_ask(&hook, &call, NULL, &error));
    cr_answer_free(answer);
    CHECK(cr_reply_nothing(NULL) == CR_USAGE);
    CHECK(cr_reply_allow(NULL) == CR_USAGE);
    CHECK(cr_reply_log(NULL) == CR_USAGE);
    CHECK(cr_reply_deny(NULL, "no", CR_NUL) == CR_USAGE);
    CHECK(cr_reply_modify(NULL, CR_BYTES("v")) == CR_USAGE);
    CHECK(cr_reply_invalid(NULL, "x", CR_NUL) == CR_USAGE);
    CHECK(cr_reply_foreign(NULL, "x", CR_NUL, 0) == CR_USAGE);
    CHECK(cr_reply_error(NULL, cr_error_new_violation("no", CR_NUL), 0) == CR_USAGE);
    CHECK(cr_store_reply_value(NULL, CR_BYTES("v")) == CR_USAGE);
    CHECK(cr_store_reply_no_value(NULL) == CR_USAGE);
    CHECK(cr_store_reply_done(NULL) == CR_USAGE);
    CHECK(cr_store_reply_foreign(NULL, "x", CR_NUL, NULL, 0, 0) == CR_USAGE);
    CHECK(cr_store_reply_error(NULL, cr_error_new_violation("no", CR_NUL), 0) == CR_USAGE);

    CHECK(cr_limit_list_len(NULL) == 0);
    CHECK(!cr_limit_list_at(NULL, 0, NULL));
    cr_limit_list_free(NULL);
    CHECK(cr_audit_log_len(NULL) == 0);
    CHECK(!cr_audit_log_at(NULL, 0, NULL));
    CHECK(cr_audit_log_json(NULL, 0).data == NULL);
    cr_audit_log_free(NULL);
    cr_bytes_free(NULL, 0);
    cr_bytes_free(NULL, 7);
}

static void no_step(void)
{
    struct bench bench;
    bench_start(&bench);
    cr_step step = {.size = sizeof step};
    cr_request request = {.size = sizeof request, .kind = CR_READ};
    cr_step small = {.size = 8};
    CHECK(cr_operation_start(bench.engine, &request, NULL) == CR_USAGE);
    CHECK(cr_operation_start(bench.engine, &request, &small) == CR_USAGE);
#define REFUSED(call)                                                                                                  \
    do {                                                                                                               \
        step = (cr_step){.size = sizeof step};                                                                         \
        CHECK((call) == CR_USAGE && step.kind == CR_STEP_DONE && step.status == CR_USAGE && step.operation == NULL);   \
        CHECK(cr_error_status(step.error) == CR_USAGE);                                                                \
        cr_error_free(step.error);                                                                                     \
    } while (0)
    REFUSED(cr_operation_start(NULL, &request, &step));
    REFUSED(cr_operation_start(bench.engine, NULL, &step));
    request.size = 3;
    REFUSED(cr_operation_start(bench.engine, &request, &step));
    request.size = sizeof request;
    request.kind = 9;
    REFUSED(cr_operation_start(bench.engine, &request, &step));
    request.kind = CR_READ;
    request.flags = 64;
    REFUSED(cr_operation_start(bench.engine, &request, &step));
    request.flags = 0;
    request.key_len = 5;
    REFUSED(cr_operation_start(bench.engine, &request, &step));
    REFUSED(cr_operation_run(NULL, CR_READ, 0, 0, CR_BYTES("k"), NULL, 0, NULL, 0, NULL, 0, &step));
    REFUSED(cr_operation_run(bench.engine, CR_READ, 0, 0, CR_BYTES("k"), CR_BYTES("v"), NULL, 0, NULL, 0, &step));
    REFUSED(cr_operation_run(bench.engine, CR_READ, 0, 0, CR_BYTES("k"), NULL, 0, CR_BYTES("\0\1"), NULL, 0, &step));
    REFUSED(cr_operation_step(NULL, &step));
    REFUSED(cr_operation_answer(NULL, CR_ANSWER_ALLOW, NULL, 0, 0, NULL, &step));
    REFUSED(cr_operation_store(NULL, CR_REPLY_DONE, NULL, 0, 0, NULL, &step));
    REFUSED(cr_operation_perform_store(NULL, &step));
    REFUSED(cr_operation_logged(NULL, 1, NULL, 0, 0, &step));
    REFUSED(cr_operation_finish(NULL, &step));
    CHECK(cr_operation_answer(NULL, CR_ANSWER_ERROR, NULL, 0, 0, cr_error_new_violation("no", CR_NUL), NULL) == CR_USAGE);
    cr_operation_free(NULL);
    bench_end(&bench);
}

static void bad_values(void)
{
    struct bench bench;
    cr_database *database = NULL;
    cr_engine *engine = NULL;
    cr_audit_log *log = NULL;
    cr_limit_list *list = NULL;
    uint8_t *value = NULL;
    size_t len = 0;
    bench_start(&bench);

    cr_database_options options = {.size = 1};
    FAILS(CR_USAGE, cr_database_open("x", CR_NUL, &options, &database, &error));
    options = (cr_database_options){.size = sizeof options, .durability = 7};
    FAILS(CR_CONFIG, cr_database_open("x", CR_NUL, &options, &database, &error));
    cr_engine_options settings = {.size = 1};
    FAILS(CR_USAGE, cr_engine_new(bench.database, &settings, &engine, &error));
    FAILS(CR_USAGE, cr_engine_new(bench.database, NULL, NULL, &error));

    FAILS(CR_USAGE, cr_engine_put(bench.engine, NO_BYTES, 3, CR_BYTES("v"), NULL, &error));
    FAILS(CR_USAGE, cr_engine_put(bench.engine, CR_BYTES("k"), NO_BYTES, 3, NULL, &error));
    FAILS(CR_USAGE, cr_engine_put(bench.engine, (const uint8_t *)"k", SIZE_MAX, CR_BYTES("v"), NULL, &error));
    FAILS(CR_USAGE, cr_engine_get(bench.engine, CR_BYTES("k"), NULL, NULL, &len, &error));
    FAILS(CR_USAGE, cr_engine_get(bench.engine, CR_BYTES("k"), NULL, &value, NULL, &error));
    FAILS(CR_USAGE, cr_database_get(bench.database, CR_BYTES("k"), NULL, NULL, &error));
    WORKS(cr_engine_put(bench.engine, NO_BYTES, 0, NO_BYTES, 0, NULL, &error));
    WORKS(cr_engine_get(bench.engine, NO_BYTES, 0, NULL, &value, &len, &error));
    CHECK(value != NULL && len == 0);
    cr_bytes_free(value, len);

    FAILS(CR_CONFIG, cr_engine_rate_limit_status(bench.engine, "scan", CR_NUL, NULL, &list, &error));
    FAILS(CR_USAGE, cr_engine_rate_limit_status(bench.engine, "read", CR_NUL, NULL, NULL, &error));
    cr_audit_filter filter = {.size = 2};
    FAILS(CR_USAGE, cr_engine_audit_log(bench.engine, &filter, &log, &error));
    filter = (cr_audit_filter){.size = sizeof filter, .result = "allow", .result_len = CR_NUL};
    FAILS(CR_USAGE, cr_engine_audit_log(bench.engine, &filter, &log, &error));
    filter = (cr_audit_filter){.size = sizeof filter, .keys = "a**", .keys_len = CR_NUL};
    FAILS(CR_PATTERN, cr_engine_audit_log(bench.engine, &filter, &log, &error));
    CHECK(log == NULL && list == NULL && engine == NULL && database == NULL);

    /* Without a place for the error, the status says it alone. */
    CHECK(cr_engine_put(NULL, CR_BYTES("k"), CR_BYTES("v"), NULL, NULL) == CR_USAGE);
    bench_end(&bench);
}

/* A registration that fails is remembered: nothing passes until it is cleared. */
static void registrations(void)
{
    struct bench bench;
    cr_hook good = cr_helper_allow_all(), unknown = good, empty = hook_of(NULL, NULL), old = good;
    unknown.kind = 99;
    old.size = 5;
    cr_logger no_logger = {.size = sizeof no_logger};
    cr_hook deaf = cr_helper_log_and_allow(&no_logger);
    cr_hook no_bytes = cr_helper_redact_value(NULL, 4);
    cr_rate_limit none = {.size = sizeof none}, small = {.size = 1}, zero = {.size = sizeof zero, .max_per_hour = 1};
    zero.given = CR_LIMIT_BURST;
    bench_start(&bench);
#define REMEMBERED(wanted, call)                                                                                       \
    do {                                                                                                               \
        cr_error *found = NULL;                                                                                        \
        FAILS(wanted, call);                                                                                           \
        FAILS(wanted, cr_engine_put(bench.engine, CR_BYTES("k"), CR_BYTES("v"), NULL, &error));                        \
        WORKS(cr_engine_registration_error(bench.engine, &found, &error));                                             \
        CHECK(cr_error_status(found) == (wanted));                                                                     \
        cr_error_free(found);                                                                                          \
        WORKS(cr_engine_clear_registration_errors(bench.engine, &found, &error));                                      \
        CHECK(cr_error_status(found) == (wanted));                                                                     \
        cr_error_free(found);                                                                                          \
        WORKS(cr_engine_put(bench.engine, CR_BYTES("k"), CR_BYTES("v"), NULL, &error));                                \
    } while (0)
    REMEMBERED(CR_PATTERN, cr_engine_before_write(bench.engine, "a**", CR_NUL, &good, NULL, &error));
    REMEMBERED(CR_PATTERN, cr_engine_before_write(bench.engine, "a\xff", CR_NUL, &good, NULL, &error));
    REMEMBERED(CR_USAGE, cr_engine_before_write(bench.engine, NULL, 0, &good, NULL, &error));
    REMEMBERED(CR_CONFIG, cr_engine_add_hook(bench.engine, 6, "k", CR_NUL, &good, NULL, &error));
    REMEMBERED(CR_USAGE, cr_engine_before_write(bench.engine, "k", CR_NUL, NULL, NULL, &error));
    REMEMBERED(CR_USAGE, cr_engine_before_write(bench.engine, "k", CR_NUL, &unknown, NULL, &error));
    REMEMBERED(CR_USAGE, cr_engine_before_write(bench.engine, "k", CR_NUL, &empty, NULL, &error));
    REMEMBERED(CR_USAGE, cr_engine_before_write(bench.engine, "k", CR_NUL, &old, NULL, &error));
    REMEMBERED(CR_USAGE, cr_engine_before_write(bench.engine, "k", CR_NUL, &deaf, NULL, &error));
    REMEMBERED(CR_USAGE, cr_engine_before_write(bench.engine, "k", CR_NUL, &no_bytes, NULL, &error));
    REMEMBERED(CR_CONFIG, cr_engine_add_rate_limit(bench.engine, "write", CR_NUL, &none, &error));
    REMEMBERED(CR_USAGE, cr_engine_add_rate_limit(bench.engine, "write", CR_NUL, &small, &error));
    REMEMBERED(CR_CONFIG, cr_engine_add_rate_limit(bench.engine, "write", CR_NUL, &zero, &error));
    REMEMBERED(CR_USAGE, cr_engine_add_rate_limit(bench.engine, "write", CR_NUL, NULL, &error));
    REMEMBERED(CR_CONFIG, cr_engine_audit_enable(bench.engine, 0, &error));
    bench_end(&bench);
}

void test_arguments(void)
{
    CHECK(cr_abi_version_1() == 1);
    CHECK(strchr(cr_version(), '.') != NULL);
    no_handle();
    no_step();
    bad_values();
    registrations();
}
