/* An audit file whose lines are chained by an HMAC: written, its head kept elsewhere, verified. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <checkrein.h>

static void must(cr_status status, cr_error *error)
{
    if (status == CR_OK)
        return;
    fprintf(stderr, "%s\n", cr_error_message(error).data);
    exit(1);
}

int main(void)
{
    static const char path[] = "build/example-audit.jsonl";
    static const uint8_t key[32] = "thirty-two bytes of a secret...";
    cr_database *database = NULL;
    cr_engine *policy = NULL;
    cr_audit_file *file = NULL;
    cr_audit_head head;
    cr_error *error = NULL;
    uint8_t *json = NULL;
    size_t json_len = 0;

    remove(path);
    must(cr_database_memory(&database, &error), error);
    must(cr_engine_new(database, NULL, &policy, &error), error);
    cr_hook deny = cr_helper_deny_all();
    must(cr_engine_before_write(policy, "system/*", CR_NUL, &deny, NULL, &error), error);

    cr_audit_file_options options = {.size = sizeof options, .strict = 1, .hmac_key = key, .hmac_key_len = sizeof key};
    must(cr_engine_add_audit_file(policy, path, CR_NUL, &options, NULL, &file, &error), error);
    must(cr_engine_put(policy, CR_BYTES("k"), CR_BYTES("v"), NULL, &error), error); /* on disk before this returns */
    must(cr_audit_file_head(file, &head, &error), error);
    cr_audit_file_free(file);
    cr_engine_free(policy); /* closes the file */
    cr_database_free(database);

    cr_verify_options against = {.size = sizeof against, .hmac_key = key, .hmac_key_len = sizeof key, .head = head.text,
                                 .head_len = CR_NUL};
    must(cr_verify_audit(path, CR_NUL, &against, &json, &json_len, &error), error);
    printf("%.*s\n", (int)json_len, json);
    char report[1024];
    snprintf(report, sizeof report, "%.*s", (int)json_len, json);
    cr_bytes_free(json, json_len);
    remove(path);
    return strstr(report, "\"ok\":true") == NULL;
}
