/* A real fork: the child has hooks and limits of its own, and nothing of its parent's disk. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

/* What the child finds: 0, or the number of what does not hold. */
static int in_child(struct bench *bench, cr_database *disk, cr_engine *over_disk, cr_scan *scan, const char *file)
{
    const uint8_t *key, *found;
    size_t key_len, found_len;
    char own_file[96];
    cr_error *error = NULL;
    cr_audit_log *log = NULL;
    uint8_t *value = NULL;
    size_t len = 0;
    /* The hooks still hold. */
    if (cr_engine_put(bench->engine, CR_BYTES("no"), CR_BYTES("v"), NULL, NULL) != CR_DENIED)
        return 1;
    /* The audit is the child's: the parent's entry is not there. */
    if (cr_engine_audit_log(bench->engine, NULL, &log, NULL) != CR_OK || cr_audit_log_len(log) != 1)
        return 2;
    cr_audit_log_free(log);
    /* The parent's databases refuse to be used, the one on disk and the one in memory. */
    if (cr_database_get(disk, CR_BYTES("k"), &value, &len, &error) == CR_OK || cr_error_message(error).len == 0)
        return 3;
    cr_error_free(error);
    if (cr_engine_put(over_disk, CR_BYTES("k"), CR_BYTES("w"), NULL, NULL) == CR_OK)
        return 4;
    if (cr_engine_put(bench->engine, CR_BYTES("k"), CR_BYTES("w"), NULL, NULL) == CR_OK)
        return 5;
    /* A scan of the parent's ends with an error. */
    if (cr_scan_next(scan, &key, &key_len, &found, &found_len, &error) == CR_OK)
        return 7;
    cr_error_free(error);
    cr_scan_free(scan);
    /* The child's audit has a file of its own. */
    snprintf(own_file, sizeof own_file, "%s-%ld.jsonl", file, (long)getpid());
    if (cr_engine_flush_audit(bench->engine, NULL) != CR_OK || access(own_file, F_OK) != 0)
        return 8;
    /* What is made afterwards is the child's own. */
    cr_database *own = NULL;
    if (cr_database_memory(&own, NULL) != CR_OK || cr_database_put(own, CR_BYTES("k"), CR_BYTES("v"), NULL) != CR_OK)
        return 6;
    cr_database_free(own);
    /* Letting the parent's things go does no harm. */
    cr_engine_free(over_disk);
    cr_database_free(disk);
    cr_engine_free(bench->engine);
    cr_database_free(bench->database);
    return 0;
}

void test_forks(void)
{
    struct bench bench;
    char directory[] = "/tmp/checkrein-fork-XXXXXX", path[64], file[64];
    cr_database *disk = NULL;
    cr_engine *over_disk = NULL;
    cr_scan *scan = NULL;
    uint8_t *value = NULL;
    size_t len = 0;
    bench_start(&bench);
    CHECK(mkdtemp(directory) != NULL);
    cr_hook deny = cr_helper_deny_all();
    WORKS(cr_engine_before_write(bench.engine, "no", CR_NUL, &deny, NULL, &error));
    WORKS(cr_engine_put(bench.engine, CR_BYTES("k"), CR_BYTES("v"), NULL, &error));
    WORKS(cr_database_open(directory, CR_NUL, NULL, &disk, &error));
    WORKS(cr_engine_new(disk, NULL, &over_disk, &error));
    WORKS(cr_engine_before_write(over_disk, "no", CR_NUL, &deny, NULL, &error));
    WORKS(cr_engine_put(over_disk, CR_BYTES("k"), CR_BYTES("v"), NULL, &error));

    snprintf(path, sizeof path, "%s/audit.jsonl", directory);
    snprintf(file, sizeof file, "%s/audit", directory);
    WORKS(cr_engine_add_audit_file(bench.engine, path, CR_NUL, NULL, NULL, NULL, &error));
    WORKS(cr_engine_scan(over_disk, NULL, 0, NULL, &scan, &error));

    fflush(NULL);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0)
        _exit(in_child(&bench, disk, over_disk, scan, file));
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
    if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
        fprintf(stderr, "the child found that %d does not hold\n", WEXITSTATUS(status));
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);

    /* The parent goes on as if nothing had been. */
    const uint8_t *key, *found;
    size_t key_len, found_len;
    WORKS(cr_scan_next(scan, &key, &key_len, &found, &found_len, &error));
    CHECK(key != NULL && key_len == 1);
    cr_scan_free(scan);
    WORKS(cr_engine_get(over_disk, CR_BYTES("k"), NULL, &value, &len, &error));
    CHECK(value != NULL && len == 1 && *value == 'v');
    cr_bytes_free(value, len);
    cr_engine_free(over_disk);
    WORKS(cr_database_close(disk, &error));
    cr_database_free(disk);
    bench_end(&bench);
    snprintf(path, sizeof path, "rm -r %s", directory);
    CHECK(system(path) == 0);
}
