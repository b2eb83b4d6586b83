/* What no operation says: the warnings of an audit file, on whichever thread they come. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

struct heard {
    int count, dropped;
    cr_log_level level;
    char last[256];
};

static int32_t hear(void *user_data, cr_log_level level, const char *message, size_t len)
{
    struct heard *heard = user_data;
    heard->count++;
    heard->level = level;
    snprintf(heard->last, sizeof heard->last, "%.*s", (int)len, message);
    return 0; /* changes nothing */
}

static void let_go(void *user_data)
{
    ((struct heard *)user_data)->dropped++;
}

/* Leaves a line without an end, as a crash does. */
static void tear(const char *path)
{
    FILE *file = fopen(path, "ab");
    CHECK(file != NULL);
    fputs("{\"sequence\":", file);
    fclose(file);
}

/* Opens the file for an engine, and closes it. */
static void open_once(cr_engine *engine, const char *path)
{
    cr_audit_file *file = NULL;
    uint64_t handle = 0;
    WORKS(cr_engine_add_audit_file(engine, path, CR_NUL, NULL, &handle, &file, &error));
    WORKS(cr_engine_remove_audit_sink(engine, handle, NULL, &error));
    WORKS(cr_audit_file_close(file, &error));
    cr_audit_file_free(file);
}

/* What comes on the standard error while the file is opened. */
static void without_a_logger(cr_engine *engine, const char *path, const char *lines)
{
    char text[512] = {0};
    int saved = dup(2), to = open(lines, O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(saved >= 0 && to >= 0 && dup2(to, 2) == 2);
    open_once(engine, path);
    CHECK(dup2(saved, 2) == 2);
    CHECK(pread(to, text, sizeof text - 1, 0) > 0);
    CHECK(strncmp(text, "checkrein: warning: ", 20) == 0 && strstr(text, path) != NULL);
    CHECK(strchr(text, '\n') == text + strlen(text) - 1);
    close(to);
    close(saved);
}

/* The child hears what happens in the child. */
static void in_a_child(cr_engine *engine, const char *path, struct heard *heard)
{
    int before = heard->count;
    fflush(NULL);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        tear(path);
        open_once(engine, path);
        _exit(heard->count == before + 1 ? 0 : 1);
    }
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(heard->count == before);
}

void test_notices(void)
{
    struct bench bench;
    struct heard heard = {0}, other = {0};
    char directory[] = "/tmp/checkrein-notices-XXXXXX", path[64], lines[64], command[64];
    cr_logger logger = {.size = sizeof logger, .log = hear, .user_data = &heard, .drop = let_go};
    cr_logger next = {.size = sizeof next, .log = hear, .user_data = &other, .drop = let_go};
    CHECK(mkdtemp(directory) != NULL);
    snprintf(path, sizeof path, "%s/audit.jsonl", directory);
    snprintf(lines, sizeof lines, "%s/lines", directory);
    bench_start(&bench);

    WORKS(cr_set_notice_logger(&logger, &error));
    open_once(bench.engine, path);
    CHECK(heard.count == 0);
    tear(path);
    open_once(bench.engine, path);
    CHECK(heard.count == 1 && heard.level == CR_LOG_WARNING && strstr(heard.last, path) != NULL);
    in_a_child(bench.engine, path, &heard);

    WORKS(cr_set_notice_logger(&next, &error));
    CHECK(heard.dropped == 1 && other.dropped == 0);
    tear(path);
    open_once(bench.engine, path);
    CHECK(heard.count == 1 && other.count == 1);

    /* One that cannot be is let go, and the one before stays. */
    cr_logger none = {.size = sizeof none, .user_data = &heard, .drop = let_go};
    FAILS(CR_USAGE, cr_set_notice_logger(&none, &error));
    CHECK(heard.dropped == 2 && other.dropped == 0);
    none.size = 3;
    FAILS(CR_USAGE, cr_set_notice_logger(&none, &error));

    WORKS(cr_set_notice_logger(NULL, &error));
    CHECK(other.dropped == 1);
    tear(path);
    without_a_logger(bench.engine, path, lines);
    CHECK(other.count == 1);

    /* The engine's own logger hears none of them. */
    CHECK(bench.told == 0);
    bench_end(&bench);
    snprintf(command, sizeof command, "rm -r %s", directory);
    CHECK(system(command) == 0);
}
