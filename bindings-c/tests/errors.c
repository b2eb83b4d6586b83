/* The error object: every code, every field, errors of the host, copies. */
#include "check.h"

static void every_code(void)
{
    static const struct {
        cr_status status;
        const char *code, *class_name;
    } all[] = {
        {CR_DENIED, "denied", "PolicyViolation"},         {CR_HOOK_FAILED, "hook_failed", "PolicyViolation"},
        {CR_RATE_LIMITED, "rate_limited", "RateLimitExceeded"}, {CR_ABANDONED, "abandoned", "PolicyViolation"},
        {CR_PATTERN, "pattern", "PatternError"},          {CR_CONFIG, "config", "ConfigError"},
        {CR_STORE, "store", "StoreError"},                {CR_STORE_LOCKED, "store_locked", "StoreError"},
        {CR_STORE_DAMAGED, "store_damaged", "StoreError"}, {CR_STORE_FULL, "store_full", "StoreError"},
        {CR_STORE_CLOSED, "store_closed", "StoreError"},  {CR_USAGE, "usage", "UsageError"},
        {CR_NESTING_LIMIT, "nesting_limit", "UsageError"}, {CR_OPEN_LIMIT, "open_limit", "UsageError"},
        {CR_INTERNAL, "internal", "CheckreinError"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        cr_error *error = cr_error_new(all[i].status, "why", CR_NUL);
        CHECK(cr_error_status(error) == all[i].status);
        TEXT_IS(cr_error_code(error), all[i].code);
        TEXT_IS(cr_error_class(error), all[i].class_name);
        CHECK(strstr(cr_error_message(error).data, "why") != NULL);
        cr_error_free(error);
    }
    CHECK(cr_error_new(CR_OK, "why", CR_NUL) == NULL);
    CHECK(cr_error_new(8, "why", CR_NUL) == NULL);
    CHECK(cr_error_new(CR_DENIED, NULL, 0) == NULL);
    CHECK(cr_error_new(CR_DENIED, "\xff", 1) == NULL);
    CHECK(cr_error_new_violation(NULL, 3) == NULL);
}

static void nothing_of_nothing(void)
{
    size_t len = 9;
    CHECK(cr_error_status(NULL) == CR_OK);
    CHECK(cr_error_code(NULL).data == NULL && cr_error_class(NULL).data == NULL);
    CHECK(cr_error_message(NULL).data == NULL && cr_error_reason(NULL).data == NULL);
    CHECK(cr_error_rule(NULL).data == NULL && cr_error_operation(NULL).data == NULL);
    CHECK(cr_error_key(NULL, &len) == NULL && len == 0);
    CHECK(cr_error_key(NULL, NULL) == NULL);
    CHECK(!cr_error_applied(NULL) && cr_error_retry_after_ns(NULL) == 0);
    CHECK(cr_error_limit(NULL).data == NULL && cr_error_scope(NULL).data == NULL);
    CHECK(cr_error_pattern(NULL).data == NULL && cr_error_position(NULL) == 0);
    CHECK(cr_error_cause_type(NULL).data == NULL && cr_error_host_token(NULL) == 0);
    CHECK(!cr_error_is_host_object(NULL) && !cr_error_get_info(NULL, NULL));
    CHECK(cr_error_clone(NULL) == NULL);
    cr_error_free(NULL);
}

static void fields_of_a_refusal(void)
{
    struct bench bench;
    cr_error *error = NULL;
    size_t len = 0;
    bench_start(&bench);
    cr_hook hook = cr_helper_deny_all();
    WORKS(cr_engine_before_write(bench.engine, "a/*", CR_NUL, &hook, NULL, &error));
    CHECK(cr_engine_put(bench.engine, CR_BYTES("a/\0\xff"), CR_BYTES("v"), NULL, &error) == CR_DENIED);
    TEXT_IS(cr_error_reason(error), "denied by deny_all");
    TEXT_IS(cr_error_rule(error), "before_write a/*");
    TEXT_IS(cr_error_operation(error), "write");
    const uint8_t *key = cr_error_key(error, &len);
    CHECK(len == 4 && memcmp(key, "a/\0\xff", 4) == 0);
    CHECK(!cr_error_applied(error) && cr_error_cause_type(error).data == NULL && cr_error_pattern(error).data == NULL);
    CHECK(cr_error_message(error).data == cr_error_message(error).data);

    cr_error *copy = cr_error_clone(error);
    cr_error_info info;
    CHECK(cr_error_get_info(error, &info));
    cr_error_free(copy);
    CHECK(info.status == CR_DENIED && info.key_len == 4 && info.is_host_object == 0 && info.host_token == 0);
    TEXT_IS(info.rule, "before_write a/*");
    TEXT_IS(info.class_name, "PolicyViolation");
    cr_error_free(error);
    error = NULL;

    CHECK(cr_engine_after_read(bench.engine, "a[", CR_NUL, &hook, NULL, &error) == CR_PATTERN);
    TEXT_IS(cr_error_pattern(error), "a[");
    CHECK(cr_error_position(error) <= 2 && cr_error_reason(error).data == NULL);
    cr_error_free(error);
    bench_end(&bench);
}

struct raising {
    int own;
    uint64_t token;
};

static void raises(void *user_data, const cr_call *call, cr_answer *answer)
{
    const struct raising *raising = user_data;
    (void)call;
    if (raising->own)
        cr_reply_error(answer, cr_error_new_violation("mine", CR_NUL), raising->token);
    else
        cr_reply_foreign(answer, "io.EOF", CR_NUL, raising->token);
}

static void the_host_finds_its_error_again(void)
{
    for (int own = 0; own <= 1; own++) {
        for (uint64_t token = 0; token <= 77; token += 77) {
            struct bench bench;
            struct raising raising = {own, token};
            cr_error *error = NULL;
            cr_hook hook = hook_of(raises, &raising);
            bench_start(&bench);
            WORKS(cr_engine_before_read(bench.engine, "b", CR_NUL, &hook, NULL, &error));
            WORKS(cr_engine_after_write(bench.engine, "a", CR_NUL, &hook, NULL, &error));
            uint8_t *value;
            size_t len;
            CHECK(cr_engine_get(bench.engine, CR_BYTES("b"), NULL, &value, &len, &error) ==
                  (own ? CR_DENIED : CR_HOOK_FAILED));
            CHECK(cr_error_host_token(error) == token);
            CHECK(cr_error_is_host_object(error) == (own && token != 0));
            if (!own)
                TEXT_IS(cr_error_cause_type(error), "io.EOF");
            else
                TEXT_IS(cr_error_reason(error), "mine");
            cr_error_free(error);
            error = NULL;
            /* After a write it is the cause of an error that says so. */
            CHECK(cr_engine_put(bench.engine, CR_BYTES("a"), CR_BYTES("v"), NULL, &error) == CR_HOOK_FAILED);
            CHECK(cr_error_applied(error) && cr_error_host_token(error) == token && !cr_error_is_host_object(error));
            TEXT_IS(cr_error_cause_type(error), own ? "PolicyViolation" : "io.EOF");
            cr_error_free(error);
            bench_end(&bench);
        }
    }
}

void test_errors(void)
{
    every_code();
    nothing_of_nothing();
    fields_of_a_refusal();
    the_host_finds_its_error_again();
}
