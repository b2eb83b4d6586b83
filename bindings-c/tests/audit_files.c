/* Files of the audit: written, kept open by one at a time, verified. */
#include <stdio.h>
#include <stdlib.h>

#include "check.h"

static char report[2048];

static cr_status verified(const char *path, const cr_verify_options *options, cr_error **error)
{
    uint8_t *json = NULL;
    size_t len = 0;
    cr_status status = cr_verify_audit(path, CR_NUL, options, &json, &len, error);
    snprintf(report, sizeof report, "%.*s", (int)len, json == NULL ? "" : (const char *)json);
    cr_bytes_free(json, len);
    return status;
}

/* Turns the first `from` of a file into `to`. */
static void edit(const char *path, const char *from, const char *to)
{
    static char text[65536];
    FILE *file = fopen(path, "r+b");
    CHECK(file != NULL);
    size_t len = fread(text, 1, sizeof text - 1, file);
    text[len] = 0;
    char *at = strstr(text, from);
    CHECK(at != NULL && strlen(from) == strlen(to));
    if (at != NULL) {
        fseek(file, at - text, SEEK_SET);
        fwrite(to, 1, strlen(to), file);
    }
    fclose(file);
}

static void written_and_verified(const char *path)
{
    struct bench bench;
    cr_audit_file *file = NULL;
    cr_audit_head head;
    uint64_t handle = 0;
    bool removed = false;
    uint8_t key[32] = {7};
    cr_audit_file_options options = {.size = sizeof options, .strict = 1, .hmac_key = key, .hmac_key_len = sizeof key};
    bench_start(&bench);
    cr_hook allow = cr_helper_allow_all();
    WORKS(cr_engine_before_write(bench.engine, "**", CR_NUL, &allow, NULL, &error));
    WORKS(cr_engine_add_audit_file(bench.engine, path, CR_NUL, &options, &handle, &file, &error));
    /* Only one may write it. */
    FAILS(CR_STORE_LOCKED, cr_engine_add_audit_file(bench.engine, path, CR_NUL, &options, NULL, NULL, &error));
    WORKS(cr_engine_put(bench.engine, CR_BYTES("k1"), CR_BYTES("v"), NULL, &error));
    WORKS(cr_audit_file_flush(file, &error));
    WORKS(cr_audit_file_head(file, &head, &error));
    CHECK(head.sequence > 0 && head.text_len > 64 && head.text[head.text_len] == 0 && strchr(head.text, ':') != NULL);
    CHECK(cr_audit_file_lost(file) == 0 && cr_audit_file_lost(NULL) == 0);

    /* In steps a driver may pick the thread that waits for the disk. */
    cr_step step = {.size = sizeof step};
    CHECK(cr_operation_run(bench.engine, CR_WRITE, CR_ASK_BLOCKING_STORE, 0, CR_BYTES("k2"), CR_BYTES("v"), NULL, 0, NULL,
                           0, &step) == CR_OK);
    CHECK(step.kind == CR_STEP_RECORD && step.is_file && step.phase == CR_PHASE_DECIDED);
    CHECK(cr_operation_perform_store(step.operation, &step) == CR_OK);
    CHECK(step.kind == CR_STEP_RECORD && step.is_file && step.phase == CR_PHASE_DONE);
    CHECK(cr_operation_perform_store(step.operation, &step) == CR_OK && step.kind == CR_STEP_DONE);

    WORKS(cr_engine_flush_audit(bench.engine, &error));
    WORKS(cr_engine_remove_audit_sink(bench.engine, handle, &removed, &error));
    CHECK(removed);
    WORKS(cr_audit_file_close(file, &error));
    WORKS(cr_audit_file_close(file, &error));
    FAILS(CR_STORE_CLOSED, cr_audit_file_flush(file, &error));
    cr_audit_file_free(file);
    bench_end(&bench);

    cr_verify_options against = {.size = sizeof against, .hmac_key = key, .hmac_key_len = sizeof key, .head = head.text,
                                 .head_len = head.text_len};
    WORKS(verified(path, &against, &error));
    CHECK(strstr(report, "\"ok\":true") != NULL && strstr(report, "\"problem\":null") != NULL);
    FAILS(CR_CONFIG, verified(path, NULL, &error));
    edit(path, "\"k2\"", "\"kX\"");
    WORKS(verified(path, &against, &error));
    CHECK(strstr(report, "\"ok\":false") != NULL && strstr(report, "\"what\":") != NULL && strstr(report, "\"line\":") != NULL);
}

static void what_cannot_be(const char *path)
{
    struct bench bench;
    cr_audit_file *file = NULL;
    cr_audit_head head;
    cr_audit_file_options options = {.size = sizeof options};
    cr_verify_options against = {.size = sizeof against};
    bench_start(&bench);
    options.hmac_key = (const uint8_t *)"short";
    options.hmac_key_len = 5;
    FAILS(CR_CONFIG, cr_engine_add_audit_file(bench.engine, path, CR_NUL, &options, NULL, &file, &error));
    options = (cr_audit_file_options){.size = sizeof options, .fsync = "sometimes", .fsync_len = CR_NUL};
    FAILS(CR_CONFIG, cr_engine_add_audit_file(bench.engine, path, CR_NUL, &options, NULL, &file, &error));
    options = (cr_audit_file_options){.size = sizeof options, .rotate_bytes = 1};
    FAILS(CR_CONFIG, cr_engine_add_audit_file(bench.engine, path, CR_NUL, &options, NULL, &file, &error));
    options.size = 3;
    FAILS(CR_USAGE, cr_engine_add_audit_file(bench.engine, path, CR_NUL, &options, NULL, &file, &error));
    FAILS(CR_CONFIG, cr_engine_add_audit_file(bench.engine, "/nowhere/a.jsonl", CR_NUL, NULL, NULL, &file, &error));
    FAILS(CR_USAGE, cr_engine_add_audit_file(bench.engine, NULL, 0, NULL, NULL, &file, &error));
    FAILS(CR_USAGE, cr_engine_add_audit_file(NULL, path, CR_NUL, NULL, NULL, &file, &error));
    CHECK(file == NULL);
    options = (cr_audit_file_options){.size = sizeof options, .given = CR_AUDIT_FILE_ROTATE_BYTES, .fsync = "never", .fsync_len = 5};
    WORKS(cr_engine_add_audit_file(bench.engine, path, CR_NUL, &options, NULL, &file, &error));
    FAILS(CR_USAGE, cr_audit_file_head(NULL, &head, &error));
    FAILS(CR_USAGE, cr_audit_file_head(file, NULL, &error));
    FAILS(CR_USAGE, cr_audit_file_flush(NULL, &error));
    FAILS(CR_USAGE, cr_audit_file_close(NULL, &error));
    cr_audit_file_free(NULL);
    cr_audit_file_free(file);
    bench_end(&bench);

    FAILS(CR_STORE, verified("/nowhere/a.jsonl", NULL, &error));
    against.head = "nonsense";
    against.head_len = CR_NUL;
    FAILS(CR_USAGE, verified(path, &against, &error));
    against.size = 1;
    FAILS(CR_USAGE, verified(path, &against, &error));
    FAILS(CR_USAGE, verified(NULL, NULL, &error));
    size_t len = 0;
    FAILS(CR_USAGE, cr_verify_audit(path, CR_NUL, NULL, NULL, &len, &error));
}

void test_audit_files(void)
{
    char directory[] = "/tmp/checkrein-audit-XXXXXX", path[64], other[64], command[64];
    CHECK(mkdtemp(directory) != NULL);
    snprintf(path, sizeof path, "%s/audit.jsonl", directory);
    snprintf(other, sizeof other, "%s/other.jsonl", directory);
    written_and_verified(path);
    what_cannot_be(other);
    snprintf(command, sizeof command, "rm -r %s", directory);
    CHECK(system(command) == 0);
}
