/* Contexts: values, near misses, bounds, and what could not be said. */
#include "check.h"

static void values(void)
{
    cr_context *context = NULL;
    cr_value value;
    cr_str name;
    WORKS(cr_context_new(&context, &error));
    WORKS(cr_context_set_text(context, "team", CR_NUL, "r\0d", 3, &error));
    WORKS(cr_context_set_text(context, "empty", CR_NUL, "", 0, &error));
    WORKS(cr_context_set_bool(context, "no", CR_NUL, 0, &error));
    WORKS(cr_context_set_int(context, "number", 6, -5, &error));
    CHECK(cr_context_len(context) == 4);
    CHECK(cr_context_get(context, "team", CR_NUL, &value) && value.kind == CR_VALUE_TEXT && value.text_len == 3);
    CHECK(cr_context_get(context, "number", CR_NUL, &value) && value.kind == CR_VALUE_INT && value.integer == -5);
    CHECK(cr_context_get(context, "no", CR_NUL, &value) && value.kind == CR_VALUE_BOOL && !value.boolean);
    CHECK(cr_context_get(context, "empty", CR_NUL, &value) && value.text != NULL && value.text_len == 0);
    CHECK(cr_context_get(context, "team", CR_NUL, NULL) && !cr_context_get(context, "absent", CR_NUL, &value));
    CHECK(!cr_context_get(context, NULL, 0, &value));
    CHECK(cr_context_has(context, "number", CR_NUL) && !cr_context_has(context, "no", CR_NUL));
    CHECK(!cr_context_has(context, "empty", CR_NUL) && !cr_context_has(context, "absent", CR_NUL));
    CHECK(cr_context_at(context, 0, &name, &value) && name.len == 5 && memcmp(name.data, "empty", 5) == 0);
    CHECK(cr_context_at(context, 3, NULL, NULL) && !cr_context_at(context, 4, &name, &value));
    WORKS(cr_context_set_int(context, "team", CR_NUL, 1, &error));
    CHECK(cr_context_len(context) == 4);
    WORKS(cr_context_clear(context, &error));
    CHECK(cr_context_len(context) == 0);
    cr_context_free(context);
}

/* Whoever overlooks that an agent could not be named must not write as nobody. */
static void what_could_not_be_said_refuses(void)
{
    struct bench bench;
    cr_context *context = NULL;
    uint8_t *value = NULL;
    size_t len = 0;
    cr_limit_list *list = NULL;
    bench_start(&bench);
    WORKS(cr_context_new(&context, &error));
    FAILS(CR_USAGE, cr_context_set_text(context, "agentId", CR_NUL, "a", CR_NUL, &error));
    FAILS(CR_USAGE, cr_engine_put(bench.engine, CR_BYTES("k"), CR_BYTES("v"), context, &error));
    FAILS(CR_USAGE, cr_engine_get(bench.engine, CR_BYTES("k"), context, &value, &len, &error));
    FAILS(CR_USAGE, cr_engine_delete(bench.engine, CR_BYTES("k"), context, &error));
    FAILS(CR_USAGE, cr_engine_rate_limit_status(bench.engine, "all", CR_NUL, context, &list, &error));
    WORKS(cr_context_clear(context, &error));
    WORKS(cr_engine_put(bench.engine, CR_BYTES("k"), CR_BYTES("v"), context, &error));
    FAILS(CR_USAGE, cr_context_set_text(context, "", CR_NUL, "a", CR_NUL, &error));
    WORKS(cr_context_clear(context, &error));
    FAILS(CR_USAGE, cr_context_set_text(context, "a\xff", CR_NUL, "a", CR_NUL, &error));
    WORKS(cr_context_clear(context, &error));
    FAILS(CR_USAGE, cr_context_set_text(context, "a", CR_NUL, "\xff", CR_NUL, &error));
    WORKS(cr_context_clear(context, &error));
    FAILS(CR_USAGE, cr_context_set_text(context, "a", CR_NUL, NULL, 0, &error));
    WORKS(cr_context_clear(context, &error));
    for (int i = 0; i < 64; i++) {
        char name[2] = {(char)('0' + i), 0};
        WORKS(cr_context_set_bool(context, name, 1, 1, &error));
    }
    FAILS(CR_USAGE, cr_context_set_bool(context, "one more", CR_NUL, 1, &error));
    cr_context_free(context);
    bench_end(&bench);
}

static void tries_to_change(void *user_data, const cr_call *call, cr_answer *answer)
{
    (void)user_data;
    cr_context *shown = (cr_context *)(uintptr_t)call->context;
    FAILS(CR_USAGE, cr_context_set_bool(shown, "admin", CR_NUL, 1, &error));
    FAILS(CR_USAGE, cr_context_clear(shown, &error));
    CHECK(cr_context_len(call->context) == 1);
    cr_reply_allow(answer);
}

static void a_hook_cannot_change_it(void)
{
    struct bench bench;
    cr_hook hook = hook_of(tries_to_change, NULL);
    cr_context *context = agent("a");
    bench_start(&bench);
    WORKS(cr_engine_before_write(bench.engine, "**", CR_NUL, &hook, NULL, &error));
    WORKS(cr_engine_put(bench.engine, CR_BYTES("k"), CR_BYTES("v"), context, &error));
    cr_context_free(context);
    bench_end(&bench);
}

void test_contexts(void)
{
    values();
    what_could_not_be_said_refuses();
    a_hook_cannot_change_it();
}
