/* The quick start: agents may not write system keys, and mails are redacted for those who ask for it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <checkrein.h>

/* Block writes to system keys from agents. */
static void block_system_writes(void *user_data, const cr_call *call, cr_answer *answer)
{
    (void)user_data;
    if (cr_context_has(call->context, "agent_id", CR_NUL))
        cr_reply_deny(answer, "agents may not change the system", CR_NUL);
    else
        cr_reply_allow(answer);
}

/* Redact mails on read. */
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

int main(void)
{
    cr_database *database = NULL;
    cr_engine *policy = NULL;
    cr_context *context = NULL;
    cr_error *error = NULL;

    must(cr_database_memory(&database, &error), error);
    must(cr_engine_new(database, NULL, &policy, &error), error);
    must(cr_engine_audit_enable(policy, CR_DEFAULT, &error), error);

    cr_hook block = {.size = sizeof block, .call = block_system_writes};
    must(cr_engine_before_write(policy, "system/*", CR_NUL, &block, NULL, &error), error);
    cr_hook redact = {.size = sizeof redact, .call = redact_emails};
    must(cr_engine_after_read(policy, "users/*/email", CR_NUL, &redact, NULL, &error), error);
    cr_hook identified = cr_helper_require_agent_id();
    must(cr_engine_before_write(policy, "agents/*", CR_NUL, &identified, NULL, &error), error);

    cr_rate_limit limit = {.size = sizeof limit, .max_per_minute = 100, .scope = "agent_id", .scope_len = CR_NUL};
    must(cr_engine_add_rate_limit(policy, "write", CR_NUL, &limit, &error), error);

    must(cr_context_new(&context, &error), error);
    must(cr_context_set_text(context, "agent_id", CR_NUL, "agent_001", CR_NUL, &error), error);
    must(cr_engine_put(policy, CR_BYTES("users/alice/email"), CR_BYTES("alice@example.com"), context, &error), error);

    cr_status status = cr_engine_put(policy, CR_BYTES("system/config"), CR_BYTES("malicious"), context, &error);
    if (status != CR_DENIED)
        return 1;
    printf("blocked: %s\n", cr_error_message(error).data);
    cr_error_free(error);
    error = NULL;

    uint8_t *value = NULL;
    size_t len = 0;
    must(cr_context_set_bool(context, "redact_pii", CR_NUL, 1, &error), error);
    must(cr_engine_get(policy, CR_BYTES("users/alice/email"), context, &value, &len, &error), error);
    printf("read: %.*s\n", (int)len, (const char *)value);
    if (len != 10 || memcmp(value, "[REDACTED]", len) != 0)
        return 1;
    cr_bytes_free(value, len);

    cr_audit_log *log = NULL;
    must(cr_engine_audit_log(policy, NULL, &log, &error), error);
    for (size_t i = 0; i < cr_audit_log_len(log); i++)
        printf("audit: %s\n", cr_audit_log_json(log, i).data);
    cr_audit_log_free(log);

    cr_context_free(context);
    cr_engine_free(policy);
    must(cr_database_close(database, &error), error);
    cr_database_free(database);
    return 0;
}
