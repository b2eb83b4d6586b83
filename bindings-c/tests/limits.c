/* Rate limits and the clock that a test moves. */
#include "check.h"

void test_limits(void)
{
    cr_database *database = NULL;
    cr_engine *engine = NULL;
    cr_manual_clock *clock = NULL;
    cr_limit_list *list = NULL;
    cr_limit_status status;
    cr_error *error = NULL;
    cr_context *a = agent("a"), *b = agent("b");
    WORKS(cr_manual_clock_new(1000, &clock, &error));
    cr_engine_options options = {.size = sizeof options, .clock = clock};
    WORKS(cr_database_memory(&database, &error));
    WORKS(cr_engine_new(database, &options, &engine, &error));
    cr_rate_limit limit = {.size = sizeof limit, .max_per_minute = 2, .scope = "agent_id", .scope_len = CR_NUL};
    WORKS(cr_engine_add_rate_limit(engine, "write", CR_NUL, &limit, &error));

    for (int i = 0; i < 2; i++)
        WORKS(cr_engine_put(engine, CR_BYTES("k"), CR_BYTES("v"), a, &error));
    CHECK(cr_engine_put(engine, CR_BYTES("k"), CR_BYTES("v"), a, &error) == CR_RATE_LIMITED);
    CHECK(cr_error_retry_after_ns(error) == UINT64_C(30000000000));
    TEXT_IS(cr_error_limit(error), "write 2/minute per agent_id");
    TEXT_IS(cr_error_scope(error), "agent_id");
    TEXT_IS(cr_error_class(error), "RateLimitExceeded");
    cr_error_free(error);
    error = NULL;
    WORKS(cr_engine_put(engine, CR_BYTES("k"), CR_BYTES("v"), b, &error));

    WORKS(cr_engine_rate_limit_status(engine, "write", CR_NUL, a, &list, &error));
    CHECK(cr_limit_list_len(list) == 1 && cr_limit_list_at(list, 0, NULL) && cr_limit_list_at(list, 0, &status));
    CHECK(status.capacity == 2 && status.remaining == 0 && status.retry_after_ns == UINT64_C(30000000000));
    CHECK(status.overflow == 0 && !cr_limit_list_at(list, 1, &status));
    TEXT_IS(status.operation, "write");
    TEXT_IS(status.count, "operations");
    cr_limit_list_free(list);

    WORKS(cr_manual_clock_advance_ns(clock, UINT64_C(29999999999), &error));
    FAILS(CR_RATE_LIMITED, cr_engine_put(engine, CR_BYTES("k"), CR_BYTES("v"), a, &error));
    WORKS(cr_manual_clock_advance_ns(clock, 1, &error));
    WORKS(cr_engine_put(engine, CR_BYTES("k"), CR_BYTES("v"), a, &error));
    WORKS(cr_manual_clock_set_wall_ns(clock, 5, &error));
    FAILS(CR_RATE_LIMITED, cr_engine_put(engine, CR_BYTES("k"), CR_BYTES("v"), a, &error));

    limit = (cr_rate_limit){.size = sizeof limit, .max_per_hour = 1, .count = "sometimes", .count_len = CR_NUL};
    FAILS(CR_CONFIG, cr_engine_add_rate_limit(engine, "read", CR_NUL, &limit, &error));
    cr_manual_clock_free(clock);
    cr_context_free(a);
    cr_context_free(b);
    cr_engine_free(engine);
    cr_database_free(database);
}
