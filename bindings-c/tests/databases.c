/* The embedded database: on disk, closed, locked and damaged. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

static void closed(void)
{
    struct bench bench;
    uint8_t *value = NULL;
    size_t len = 0;
    bench_start(&bench);
    WORKS(cr_database_flush(bench.database, &error));
    WORKS(cr_database_close(bench.database, &error));
    WORKS(cr_database_close(bench.database, &error));
    FAILS(CR_STORE_CLOSED, cr_database_put(bench.database, CR_BYTES("k"), CR_BYTES("v"), &error));
    FAILS(CR_STORE_CLOSED, cr_database_get(bench.database, CR_BYTES("k"), &value, &len, &error));
    FAILS(CR_STORE_CLOSED, cr_database_delete(bench.database, CR_BYTES("k"), &error));
    FAILS(CR_STORE_CLOSED, cr_engine_put(bench.engine, CR_BYTES("k"), CR_BYTES("v"), NULL, &error));
    bench_end(&bench);
}

/* The one file in a directory. */
static void file_in(const char *directory, char *path, size_t len)
{
    char command[256];
    snprintf(command, sizeof command, "find '%s' -type f -size +0 | head -1", directory);
    FILE *found = popen(command, "r");
    path[0] = 0;
    if (found != NULL && fgets(path, (int)len, found) != NULL)
        path[strcspn(path, "\n")] = 0;
    if (found != NULL)
        pclose(found);
}

static void on_disk(void)
{
    char directory[] = "/tmp/checkrein-c-XXXXXX", data[64], file[256], command[128];
    cr_database *database = NULL, *second = NULL;
    cr_engine *engine = NULL;
    uint8_t *value = NULL;
    size_t len = 0;
    CHECK(mkdtemp(directory) != NULL);
    snprintf(data, sizeof data, "%s/data", directory);
    cr_database_options options = {.size = sizeof options, .durability = CR_DURABILITY_RELAXED, .check = 1};

    WORKS(cr_database_open(data, CR_NUL, &options, &database, &error));
    CHECK(cr_database_blocks(database));
    FAILS(CR_STORE_LOCKED, cr_database_open(data, CR_NUL, NULL, &second, &error));
    WORKS(cr_engine_new(database, NULL, &engine, &error));
    WORKS(cr_engine_put(engine, CR_BYTES("k"), CR_BYTES("v"), NULL, &error));
    WORKS(cr_database_close(database, &error));
    cr_engine_free(engine);
    cr_database_free(database);

    WORKS(cr_database_open(data, strlen(data), NULL, &database, &error));
    WORKS(cr_database_get(database, CR_BYTES("k"), &value, &len, &error));
    CHECK(len == 1 && *value == 'v');
    cr_bytes_free(value, len);
    cr_database_free(database);

    file_in(data, file, sizeof file);
    FILE *spoilt = fopen(file, "r+b");
    CHECK(spoilt != NULL);
    if (spoilt != NULL) {
        for (int i = 0; i < 4096; i++)
            fputc(0x5a, spoilt);
        fclose(spoilt);
    }
    FAILS(CR_STORE_DAMAGED, cr_database_open(data, CR_NUL, NULL, &second, &error));
    CHECK(second == NULL);
    snprintf(command, sizeof command, "rm -rf '%s'", directory);
    CHECK(system(command) == 0);
}

static void odd_keys(void)
{
    struct bench bench;
    static uint8_t large[70000], larger[(1 << 20) + 1];
    static const char *const keys[] = {"a\nb", "a\0b", "\xff\xfe", ""};
    static const size_t lens[] = {3, 3, 2, 0};
    bench_start(&bench);
    for (size_t i = 0; i < 4; i++) {
        uint8_t *value = NULL;
        size_t len = 0;
        const uint8_t *key = (const uint8_t *)keys[i];
        WORKS(cr_engine_put(bench.engine, key, lens[i], large, sizeof large, NULL, &error));
        WORKS(cr_engine_get(bench.engine, key, lens[i], NULL, &value, &len, &error));
        CHECK(len == sizeof large);
        cr_bytes_free(value, len);
        WORKS(cr_engine_delete(bench.engine, key, lens[i], NULL, &error));
    }
    FAILS(CR_USAGE, cr_engine_put(bench.engine, larger, sizeof larger, CR_BYTES("v"), NULL, &error));
    bench_end(&bench);
}

void test_databases(void)
{
    closed();
    on_disk();
    odd_keys();
}
