/* The quick start in C: agents may not write system keys, and e-mail addresses are redacted on request. */
#include <stdio.h>
#include <stdlib.h>

#include <checkrein.h>

static void block_system_writes(void *user_data, const cr_call *call, cr_answer *answer)
{
    (void)user_data;
    if (cr_context_has(call->context, "agent_id", CR_NUL))
        cr_reply_deny(answer, NULL, 0);
    else
        cr_reply_allow(answer);
}

static void redact_emails(void *user_data, const cr_call *call, cr_answer *answer)
{
    (void)user_data;
    if (cr_context_has(call->context, "redact_pii", CR_NUL))
        cr_reply_modify(answer, CR_BYTES("[REDACTED]"));
    else
        cr_reply_allow(answer);
}

static void must(cr_status status, cr_error *error)
{
    if (status == CR_OK)
        return;
    fprintf(stderr, "%s\n", cr_error_message(error).data);
    exit(1);
}

/* Says how a put ended: allowed, or the code of its refusal. */
static void show(const char *what, cr_status status, cr_error *error)
{
    printf("%s: %s\n", what, status == CR_OK ? "allowed" : cr_error_code(error).data);
    cr_error_free(error);
}

static void get(cr_engine *policy, const char *what, const cr_context *context)
{
    cr_error *error = NULL;
    uint8_t *value = NULL;
    size_t len = 0;
    must(cr_engine_get(policy, CR_BYTES("users/alice/email"), context, &value, &len, &error), error);
    printf("%s: %.*s\n", what, (int)len, (const char *)value);
    cr_bytes_free(value, len);
}

int main(int argc, char **argv)
{
    cr_database *db = NULL;
    cr_engine *policy = NULL;
    cr_context *agent = NULL, *careful = NULL;
    cr_error *error = NULL;

    must(cr_database_open(argc > 1 ? argv[1] : "./agent_data", CR_NUL, NULL, &db, &error), error);
    must(cr_engine_new(db, NULL, &policy, &error), error);

    cr_hook block = {.size = sizeof block, .call = block_system_writes};
    must(cr_engine_before_write(policy, "system/*", CR_NUL, &block, NULL, &error), error);
    cr_hook redact = {.size = sizeof redact, .call = redact_emails};
    must(cr_engine_after_read(policy, "users/*/email", CR_NUL, &redact, NULL, &error), error);

    must(cr_context_new(&agent, &error), error);
    must(cr_context_set_text(agent, "agent_id", CR_NUL, "agent_001", CR_NUL, &error), error);
    must(cr_context_new(&careful, &error), error);
    must(cr_context_set_bool(careful, "redact_pii", CR_NUL, 1, &error), error);

    cr_status status =
        cr_engine_put(policy, CR_BYTES("users/alice/email"), CR_BYTES("alice@example.com"), agent, &error);
    show("put users/alice/email by agent_001", status, error);
    error = NULL;
    status = cr_engine_put(policy, CR_BYTES("system/config"), CR_BYTES("malicious"), agent, &error);
    show("put system/config by agent_001", status, error);
    error = NULL;
    status = cr_engine_put(policy, CR_BYTES("system/config"), CR_BYTES("{}"), NULL, &error);
    show("put system/config by the operator", status, error);
    get(policy, "get users/alice/email, redacted", careful);
    get(policy, "get users/alice/email", NULL);

    cr_context_free(careful);
    cr_context_free(agent);
    cr_engine_free(policy);
    cr_database_free(db);
    return 0;
}
