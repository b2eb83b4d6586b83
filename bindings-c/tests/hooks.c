/* Hooks: answers, what they are shown, hooks that use the engine, and when what they hold is let go. */
#include <stdlib.h>

#include "check.h"

struct script {
    cr_engine *engine;
    cr_answer_kind kind;
    int calls, dropped;
    uint64_t handle;
    uint32_t deepest;
};

static void drop(void *user_data)
{
    ((struct script *)user_data)->dropped++;
}

static void answers(void *user_data, const cr_call *call, cr_answer *answer)
{
    struct script *script = user_data;
    script->calls++;
    CHECK(call->size == sizeof *call && call->context != NULL && call->key != NULL);
    switch (script->kind) {
    case CR_ANSWER_NOTHING: cr_reply_nothing(answer); break;
    case CR_ANSWER_ALLOW: cr_reply_allow(answer); break;
    case CR_ANSWER_LOG: cr_reply_log(answer); break;
    case CR_ANSWER_DENY: cr_reply_deny(answer, "no", 2); break;
    case CR_ANSWER_MODIFY: cr_reply_modify(answer, CR_BYTES("changed")); break;
    case CR_ANSWER_INVALID: cr_reply_invalid(answer, "a `tuple`", CR_NUL); break;
    case CR_ANSWER_FOREIGN: cr_reply_foreign(answer, "E", CR_NUL, 0); break;
    case CR_ANSWER_ERROR: cr_reply_error(answer, cr_error_new(CR_USAGE, "mine", CR_NUL), 0); break;
    default: break;
    }
}

static cr_hook scripted(struct script *script)
{
    cr_hook hook = hook_of(answers, script);
    hook.drop = drop;
    return hook;
}

static void every_answer(void)
{
    static const struct {
        cr_answer_kind kind;
        cr_status status;
    } all[] = {
        {CR_ANSWER_NOTHING, CR_OK},        {CR_ANSWER_ALLOW, CR_OK},           {CR_ANSWER_LOG, CR_OK},
        {CR_ANSWER_DENY, CR_DENIED},       {CR_ANSWER_MODIFY, CR_OK},          {CR_ANSWER_INVALID, CR_HOOK_FAILED},
        {CR_ANSWER_FOREIGN, CR_HOOK_FAILED}, {CR_ANSWER_ERROR, CR_USAGE},      {CR_ANSWER_NONE, CR_HOOK_FAILED},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct bench bench;
        struct script script = {.kind = all[i].kind};
        cr_hook hook = scripted(&script);
        uint8_t *value = NULL;
        size_t len = 0;
        bench_start(&bench);
        WORKS(cr_engine_before_write(bench.engine, "k", CR_NUL, &hook, &script.handle, &error));
        cr_error *error = NULL;
        CHECK(cr_engine_put(bench.engine, CR_BYTES("k"), CR_BYTES("v"), NULL, &error) == all[i].status);
        cr_error_free(error);
        WORKS(cr_engine_put(bench.engine, CR_BYTES("other"), CR_BYTES("v"), NULL, &error));
        CHECK(script.calls == 1);
        WORKS(cr_database_get(bench.database, CR_BYTES("k"), &value, &len, &error));
        if (all[i].status != CR_OK)
            CHECK(value == NULL);
        else if (all[i].kind == CR_ANSWER_MODIFY)
            CHECK(len == 7 && memcmp(value, "changed", 7) == 0);
        else
            CHECK(len == 1);
        cr_bytes_free(value, len);
        bench_end(&bench);
        CHECK(script.dropped == 1);
    }
}

/* What a hook holds is let go once: when it is removed, when its registration fails, with its engine. */
static void let_go(void)
{
    struct bench bench;
    struct script script = {.kind = CR_ANSWER_ALLOW};
    cr_hook hook = scripted(&script);
    bool removed = false;
    bench_start(&bench);
    WORKS(cr_engine_before_write(bench.engine, "k", CR_NUL, &hook, &script.handle, &error));
    WORKS(cr_engine_remove(bench.engine, script.handle, &removed, &error));
    CHECK(removed && script.dropped == 1);
    WORKS(cr_engine_remove(bench.engine, script.handle, &removed, &error));
    CHECK(!removed);
    FAILS(CR_PATTERN, cr_engine_before_write(bench.engine, "[", CR_NUL, &hook, NULL, &error));
    CHECK(script.dropped == 2);
    FAILS(CR_USAGE, cr_engine_before_write(NULL, "k", CR_NUL, &hook, NULL, &error));
    CHECK(script.dropped == 3);
    WORKS(cr_engine_clear_registration_errors(bench.engine, NULL, &error));
    WORKS(cr_engine_before_write(bench.engine, "k", CR_NUL, &hook, NULL, &error));
    bench_end(&bench);
    CHECK(script.dropped == 4);
}

/* Registers another hook, removes itself, and uses the engine, all from inside. */
static void meddles(void *user_data, const cr_call *call, cr_answer *answer)
{
    struct script *script = user_data;
    cr_hook deny = cr_helper_deny_all();
    script->calls++;
    WORKS(cr_engine_before_write(script->engine, "later", CR_NUL, &deny, NULL, &error));
    WORKS(cr_engine_remove(script->engine, script->handle, NULL, &error));
    CHECK(script->dropped == 0);
    WORKS(cr_engine_put(script->engine, CR_BYTES("nested"), CR_BYTES("v"), call->context, &error));
    FAILS(CR_DENIED, cr_engine_put(script->engine, CR_BYTES("later"), CR_BYTES("v"), call->context, &error));
    cr_reply_allow(answer);
}

static void hooks_that_change_hooks(void)
{
    struct bench bench;
    struct script script = {0};
    cr_hook hook = hook_of(meddles, &script);
    hook.drop = drop;
    cr_context *context = agent("a");
    bench_start(&bench);
    script.engine = bench.engine;
    WORKS(cr_engine_before_write(bench.engine, "k", CR_NUL, &hook, &script.handle, &error));
    WORKS(cr_engine_put(bench.engine, CR_BYTES("k"), CR_BYTES("v"), context, &error));
    CHECK(script.dropped == 1);
    WORKS(cr_engine_put(bench.engine, CR_BYTES("k"), CR_BYTES("v"), context, &error));
    CHECK(script.calls == 1);
    cr_context_free(context);
    bench_end(&bench);
}

/* Asks for itself again, without end. */
static void recurses(void *user_data, const cr_call *call, cr_answer *answer)
{
    struct script *script = user_data;
    cr_error *error = NULL;
    if (call->depth > script->deepest)
        script->deepest = call->depth;
    if (cr_engine_put(script->engine, call->key, call->key_len, CR_BYTES("v"), NULL, &error) == CR_OK)
        cr_reply_allow(answer);
    else
        cr_reply_error(answer, error, 0);
}

static void nesting_has_an_end(void)
{
    struct bench bench;
    struct script script = {0};
    cr_hook hook = hook_of(recurses, &script);
    bench_start(&bench);
    script.engine = bench.engine;
    WORKS(cr_engine_before_write(bench.engine, "deep", CR_NUL, &hook, NULL, &error));
    FAILS(CR_NESTING_LIMIT, cr_engine_put(bench.engine, CR_BYTES("deep"), CR_BYTES("v"), NULL, &error));
    CHECK(script.deepest == 17);
    /* The thread is not marked for good. */
    WORKS(cr_engine_put(bench.engine, CR_BYTES("flat"), CR_BYTES("v"), NULL, &error));
    bench_end(&bench);
}

static int32_t fails_to_log(void *user_data, cr_log_level level, const char *message, size_t len)
{
    CHECK(level == CR_LOG_INFO && strlen(message) == len);
    ++*(int *)user_data;
    return 0;
}

static void loggers(void)
{
    struct bench bench;
    int told = 0;
    cr_logger logger = {.size = sizeof logger, .log = fails_to_log, .user_data = &told};
    cr_hook note = cr_helper_log_and_allow(NULL), deaf = cr_helper_log_and_allow(&logger);
    bench_start(&bench);
    WORKS(cr_engine_put(bench.engine, CR_BYTES("k"), CR_BYTES("v"), NULL, &error));
    CHECK(bench.told == 1 && strstr(bench.last, "no hook") != NULL);
    WORKS(cr_engine_before_write(bench.engine, "k", CR_NUL, &note, NULL, &error));
    WORKS(cr_engine_put(bench.engine, CR_BYTES("k"), CR_BYTES("secret"), NULL, &error));
    CHECK(bench.told == 2 && strcmp(bench.last, "before_write `k`") == 0);
    WORKS(cr_engine_before_write(bench.engine, "deaf", CR_NUL, &deaf, NULL, &error));
    FAILS(CR_HOOK_FAILED, cr_engine_put(bench.engine, CR_BYTES("deaf"), CR_BYTES("v"), NULL, &error));
    CHECK(told == 1);
    /* Without a logger it is a line on the standard error, and no error. */
    WORKS(cr_engine_set_logger(bench.engine, NULL, &error));
    WORKS(cr_engine_put(bench.engine, CR_BYTES("k"), CR_BYTES("v"), NULL, &error));
    CHECK(bench.told == 2);
    bench_end(&bench);
}

static void helpers(void)
{
    cr_answer *answer = NULL;
    cr_call call = {.size = sizeof call};
    cr_hook hook = cr_helper_require_agent_id();
    cr_context *context = agent("a");
    struct script script = {.kind = CR_ANSWER_MODIFY};
    call.key = (const uint8_t *)"k";
    WORKS(cr_answer_new(&answer, &error));
    CHECK(cr_answer_get_kind(answer) == CR_ANSWER_NONE && cr_answer_get_bytes(answer).data == NULL);
    WORKS(cr_hook_ask(&hook, &call, answer, &error));
    CHECK(cr_answer_get_kind(answer) == CR_ANSWER_DENY && cr_answer_get_bytes(answer).len > 0);
    call.context = context;
    WORKS(cr_hook_ask(&hook, &call, answer, &error));
    CHECK(cr_answer_get_kind(answer) == CR_ANSWER_ALLOW);
    hook = cr_helper_redact_value(CR_BYTES("***"));
    WORKS(cr_hook_ask(&hook, &call, answer, &error));
    CHECK(cr_answer_get_kind(answer) == CR_ANSWER_MODIFY && cr_answer_get_bytes(answer).len == 3);
    hook = hook_of(answers, &script);
    WORKS(cr_hook_ask(&hook, &call, answer, &error));
    CHECK(cr_answer_get_kind(answer) == CR_ANSWER_MODIFY && cr_answer_get_bytes(answer).len == 7);
    hook = cr_helper_log_and_allow(NULL);
    FAILS(CR_USAGE, cr_hook_ask(&hook, &call, answer, &error));
    cr_answer_free(answer);
    cr_context_free(context);

    struct bench bench;
    bench_start(&bench);
    hook = cr_helper_redact_value(CR_BYTES("***"));
    FAILS(CR_CONFIG, cr_engine_before_delete(bench.engine, "k", CR_NUL, &hook, NULL, &error));
    bench_end(&bench);
}

static void sees(void *user_data, const cr_call *call, cr_answer *answer)
{
    cr_call *seen = user_data;
    *seen = *call;
    seen->context = NULL;
    if (call->value != NULL && call->value_is_original && call->trigger == CR_AFTER_READ)
        cr_reply_modify(answer, CR_BYTES(""));
    else
        cr_reply_allow(answer);
}

static void what_hooks_see(void)
{
    struct bench bench;
    cr_call seen = {0};
    cr_hook hook = hook_of(sees, &seen);
    uint8_t *value = NULL;
    size_t len = 7;
    bench_start(&bench);
    WORKS(cr_engine_before_read(bench.engine, "k", CR_NUL, &hook, NULL, &error));
    WORKS(cr_engine_after_delete(bench.engine, "k", CR_NUL, &hook, NULL, &error));
    WORKS(cr_engine_get(bench.engine, CR_BYTES("k"), NULL, &value, &len, &error));
    CHECK(seen.trigger == CR_BEFORE_READ && seen.value == NULL && seen.depth == 1 && value == NULL && len == 0);
    WORKS(cr_engine_delete(bench.engine, CR_BYTES("k"), NULL, &error));
    CHECK(seen.trigger == CR_AFTER_DELETE);
    WORKS(cr_engine_after_read(bench.engine, "k", CR_NUL, &hook, NULL, &error));
    WORKS(cr_engine_after_read(bench.engine, "k", CR_NUL, &hook, NULL, &error));
    WORKS(cr_engine_put(bench.engine, CR_BYTES("k"), CR_BYTES("v"), NULL, &error));
    WORKS(cr_engine_get(bench.engine, CR_BYTES("k"), NULL, &value, &len, &error));
    CHECK(seen.trigger == CR_AFTER_READ && seen.value != NULL && seen.value_len == 0 && !seen.value_is_original);
    CHECK(value != NULL && len == 0);
    cr_bytes_free(value, len);
    CHECK(strcmp(bench_last_result(&bench), "redacted") == 0);
    bench_end(&bench);
}

void test_hooks(void)
{
    every_answer();
    let_go();
    hooks_that_change_hooks();
    nesting_has_an_end();
    loggers();
    helpers();
    what_hooks_see();
}
