/* A policy document, several keys at once, who is told of refusals, and an audit file that can be verified. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <checkrein.h>

static const char rules[] =
    "version: 1\n"
    "hooks:\n"
    "  - {on: before_write, keys: system/**, action: deny, reason: not for agents}\n"
    "  - {on: before_read, keys: notes/private/**, action: deny}\n";

/* Told of every refusal, before the caller is. */
static int32_t alarm(void *user_data, const cr_error *error)
{
    int *alarms = user_data;
    ++*alarms;
    return fprintf(stderr, "refused: %s\n", cr_error_reason(error).data) > 0;
}

/* Told of every audit entry; a batch has one for each of its keys. */
static int32_t publish(void *user_data, const cr_audit_log *entries, cr_phase phase)
{
    (void)phase;
    for (size_t i = 0; i < cr_audit_log_len(entries); i++)
        if (fprintf(user_data, "%s\n", cr_audit_log_json(entries, i).data) < 0)
            return 0;
    return 1;
}

static void must(cr_status status, cr_error *error)
{
    if (status == CR_OK)
        return;
    fprintf(stderr, "%s\n", cr_error_message(error).data);
    exit(1);
}

#define PUT(key_, value_)                                                                                              \
    {.kind = CR_WRITE, .key = (const uint8_t *)(key_), .key_len = sizeof(key_) - 1, .value = (const uint8_t *)(value_), \
     .value_len = sizeof(value_) - 1}

int main(void)
{
    cr_database *database = NULL;
    cr_document *document = NULL;
    cr_engine *policy = NULL;
    cr_error *error = NULL;
    int alarms = 0;

    must(cr_database_memory(&database, &error), error);
    must(cr_document_parse(rules, CR_NUL, "yaml", CR_NUL, "rules.yaml", CR_NUL, &document, &error), error);
    cr_engine_options options = {.size = sizeof options, .document = document};
    must(cr_engine_new(database, &options, &policy, &error), error);
    cr_document_free(document);

    cr_listener listener = {.size = sizeof listener, .denied = alarm, .user_data = &alarms};
    must(cr_engine_on_denied(policy, &listener, NULL, &error), error);
    cr_sink sink = {.size = sizeof sink, .record = publish, .user_data = stdout};
    must(cr_engine_add_audit_sink(policy, &sink, NULL, &error), error);

    cr_op ops[] = {PUT("notes/1", "milk"), PUT("notes/2", "bread"), PUT("notes/private/pin", "0000")};
    must(cr_engine_batch(policy, ops, 3, 0, NULL, &error), error);

    /* What refuses one operation of a batch refuses all. */
    cr_op bad[] = {PUT("notes/3", "eggs"), PUT("system/config", "malicious")};
    if (cr_engine_batch(policy, bad, 2, 0, NULL, &error) != CR_DENIED || alarms != 1)
        return 1;
    cr_error_free(error);
    error = NULL;

    cr_bytes keys[] = {{CR_BYTES("notes/1")}, {CR_BYTES("notes/3")}};
    cr_values *values = NULL;
    must(cr_engine_get_many(policy, keys, 2, NULL, &values, &error), error);
    if (values->len != 2 || values->items[0].len != 4 || values->items[1].data != NULL)
        return 1;
    cr_values_free(values);

    cr_scan *scan = NULL;
    const uint8_t *key, *value;
    size_t key_len, value_len, seen = 0;
    must(cr_engine_scan(policy, CR_BYTES("notes/"), NULL, &scan, &error), error);
    for (;;) {
        must(cr_scan_next(scan, &key, &key_len, &value, &value_len, &error), error);
        if (key == NULL)
            break;
        printf("%.*s = %.*s\n", (int)key_len, key, (int)value_len, value);
        seen++;
    }
    cr_scan_free(scan);
    if (seen != 2) /* the private note is left out */
        return 1;

    uint8_t *json = NULL;
    size_t json_len = 0;
    must(cr_engine_explain(policy, "write", CR_NUL, CR_BYTES("system/config"), NULL, &json, &json_len, &error), error);
    printf("explained: %.*s\n", (int)json_len, json);
    cr_bytes_free(json, json_len);

    cr_engine_free(policy);
    cr_database_free(database);
    return 0;
}
