/* Several keys in one call: batches, get-many and scans, over the database and over a store of the host. */
#include <stdio.h>

#include "check.h"

#define OP(kind_, key_, value_)                                                                                        \
    {.kind = (kind_), .key = (const uint8_t *)(key_), .key_len = sizeof(key_) - 1, .value = (const uint8_t *)(value_), \
     .value_len = sizeof(value_) - 1}

static int holds(cr_engine *engine, const char *key, const char *wanted)
{
    uint8_t *value = NULL;
    size_t len = 0;
    WORKS(cr_engine_get(engine, (const uint8_t *)key, strlen(key), NULL, &value, &len, &error));
    int same = wanted == NULL ? value == NULL : value != NULL && len == strlen(wanted) && memcmp(value, wanted, len) == 0;
    cr_bytes_free(value, len);
    return same;
}

static void batches(void)
{
    struct bench bench;
    cr_error *error = NULL;
    cr_op ops[] = {OP(CR_WRITE, "a", "1"), OP(CR_WRITE, "b", ""), OP(CR_DELETE, "a", "")};
    cr_op bad[] = {OP(CR_WRITE, "a", "2"), OP(CR_WRITE, "secret", "2")};
    cr_op read[] = {OP(CR_READ, "a", "")};
    cr_context *context = agent("a");
    bench_start(&bench);
    cr_hook deny = cr_helper_deny_all();
    WORKS(cr_engine_before_write(bench.engine, "secret", CR_NUL, &deny, NULL, &error));
    WORKS(cr_engine_batch(bench.engine, ops, 3, 0, context, &error));
    CHECK(holds(bench.engine, "a", NULL) && holds(bench.engine, "b", ""));
    /* What refuses one refuses all, before anything is written. */
    CHECK(cr_engine_batch(bench.engine, bad, 2, CR_BATCH_ONE_BY_ONE, context, &error) == CR_DENIED);
    CHECK(cr_error_applied_count(error) == -1 && !cr_error_applied(error));
    cr_error_free(error);
    CHECK(holds(bench.engine, "a", NULL));
    WORKS(cr_engine_batch(bench.engine, NULL, 0, 0, NULL, &error));
    FAILS(CR_USAGE, cr_engine_batch(bench.engine, NULL, 2, 0, NULL, &error));
    FAILS(CR_USAGE, cr_engine_batch(bench.engine, read, 1, 0, NULL, &error));
    FAILS(CR_USAGE, cr_engine_batch(bench.engine, ops, 3, 8, NULL, &error));
    FAILS(CR_USAGE, cr_engine_batch(NULL, ops, 3, 0, NULL, &error));
    ops[1].kind = 7;
    FAILS(CR_USAGE, cr_engine_batch(bench.engine, ops, 3, 0, NULL, &error));
    ops[1] = (cr_op){.kind = CR_WRITE, .key = NULL, .key_len = 4};
    FAILS(CR_USAGE, cr_engine_batch(bench.engine, ops, 3, 0, NULL, &error));
    /* A context that cannot be is refused, and told. */
    CHECK(cr_context_set_text(context, "agentId", CR_NUL, "x", CR_NUL, NULL) == CR_USAGE);
    FAILS(CR_USAGE, cr_engine_batch(bench.engine, bad, 1, 0, context, &error));
    CHECK(strcmp(bench_last_result(&bench), "error") == 0);
    cr_context_free(context);
    bench_end(&bench);
}

static void many(void)
{
    struct bench bench;
    cr_values *values = NULL;
    cr_bytes keys[] = {{CR_BYTES("a")}, {CR_BYTES("gone")}, {CR_BYTES("hidden")}, {CR_BYTES("empty")}};
    bench_start(&bench);
    cr_hook deny = cr_helper_deny_all();
    WORKS(cr_engine_after_read(bench.engine, "hidden", CR_NUL, &deny, NULL, &error));
    WORKS(cr_engine_before_read(bench.engine, "never", CR_NUL, &deny, NULL, &error));
    WORKS(cr_database_put(bench.database, CR_BYTES("a"), CR_BYTES("one"), &error));
    WORKS(cr_database_put(bench.database, CR_BYTES("hidden"), CR_BYTES("x"), &error));
    WORKS(cr_database_put(bench.database, CR_BYTES("empty"), NULL, 0, &error));
    WORKS(cr_engine_get_many(bench.engine, keys, 4, NULL, &values, &error));
    CHECK(values != NULL && values->len == 4);
    CHECK(values->items[0].len == 3 && memcmp(values->items[0].data, "one", 3) == 0);
    CHECK(values->items[1].data == NULL && values->items[2].data == NULL);
    CHECK(values->items[3].data != NULL && values->items[3].len == 0);
    cr_values_free(values);
    values = NULL;
    WORKS(cr_engine_get_many(bench.engine, NULL, 0, NULL, &values, &error));
    CHECK(values != NULL && values->len == 0);
    cr_values_free(values);
    values = NULL;
    keys[1] = (cr_bytes){CR_BYTES("never")};
    FAILS(CR_DENIED, cr_engine_get_many(bench.engine, keys, 2, NULL, &values, &error));
    keys[1] = (cr_bytes){NULL, 9};
    FAILS(CR_USAGE, cr_engine_get_many(bench.engine, keys, 2, NULL, &values, &error));
    FAILS(CR_USAGE, cr_engine_get_many(bench.engine, NULL, 2, NULL, &values, &error));
    FAILS(CR_USAGE, cr_engine_get_many(bench.engine, keys, 1, NULL, NULL, &error));
    CHECK(values == NULL);
    cr_values_free(NULL);
    bench_end(&bench);
}

/* The keys that a scan gives, joined. */
static const char *walk(cr_scan *scan, cr_status *ended)
{
    static char all[256];
    const uint8_t *key, *value;
    size_t key_len, value_len;
    all[0] = 0;
    for (;;) {
        cr_error *error = NULL;
        key = NULL;
        *ended = cr_scan_next(scan, &key, &key_len, &value, &value_len, &error);
        CHECK(cr_error_status(error) == *ended);
        cr_error_free(error);
        if (*ended != CR_OK || key == NULL)
            return all;
        CHECK(value != NULL);
        snprintf(all + strlen(all), sizeof all - strlen(all), "%.*s=%.*s ", (int)key_len, key, (int)value_len, value);
    }
}

static void fill(cr_database *database)
{
    cr_op ops[] = {OP(CR_WRITE, "u/a", "1"), OP(CR_WRITE, "u/b", "2"), OP(CR_WRITE, "u/c", ""), OP(CR_WRITE, "v", "4")};
    WORKS(cr_database_batch(database, ops, 4, &error));
}

static void scans(void)
{
    struct bench bench;
    cr_scan *scan = NULL;
    cr_status ended;
    cr_audit_log *log = NULL;
    cr_audit_entry entry;
    bench_start(&bench);
    fill(bench.database);
    cr_hook deny = cr_helper_deny_all();
    WORKS(cr_engine_before_read(bench.engine, "u/b", CR_NUL, &deny, NULL, &error));
    WORKS(cr_engine_scan(bench.engine, CR_BYTES("u/"), NULL, &scan, &error));
    CHECK(cr_engine_open_operations(bench.engine) == 1);
    CHECK(strcmp(walk(scan, &ended), "u/a=1 u/c= ") == 0 && ended == CR_OK);
    CHECK(cr_engine_open_operations(bench.engine) == 0);
    CHECK(strcmp(walk(scan, &ended), "") == 0 && ended == CR_OK);
    cr_scan_free(scan);
    WORKS(cr_engine_audit_log(bench.engine, NULL, &log, &error));
    CHECK(cr_audit_log_len(log) == 1 && cr_audit_log_at(log, 0, &entry));
    TEXT_IS(entry.operation, "scan");
    CHECK(entry.is_scan && entry.given == 2 && entry.withheld == 1);
    cr_audit_log_free(log);

    /* Letting go of it half-way ends it: the entry says how far it came. */
    const uint8_t *key, *value;
    size_t key_len, value_len;
    WORKS(cr_engine_scan(bench.engine, NULL, 0, NULL, &scan, &error));
    WORKS(cr_scan_next(scan, &key, &key_len, &value, &value_len, &error));
    cr_scan_free(scan);
    WORKS(cr_engine_audit_log(bench.engine, NULL, &log, &error));
    CHECK(cr_audit_log_len(log) == 2 && cr_audit_log_at(log, 1, &entry));
    CHECK(entry.given == 1 && entry.reason.data != NULL && strcmp(entry.reason.data, "abandoned") == 0);
    cr_audit_log_free(log);

    /* A limit ends it, after what it gave. */
    cr_rate_limit limit = {.size = sizeof limit, .max_per_hour = 1};
    WORKS(cr_engine_add_rate_limit(bench.engine, "read", CR_NUL, &limit, &error));
    WORKS(cr_engine_scan(bench.engine, CR_BYTES("u/"), NULL, &scan, &error));
    CHECK(strcmp(walk(scan, &ended), "u/a=1 ") == 0 && ended == CR_RATE_LIMITED);
    CHECK(strcmp(walk(scan, &ended), "") == 0 && ended == CR_OK);
    cr_scan_free(scan);

    /* A scan keeps its engine. */
    WORKS(cr_engine_scan(bench.engine, CR_BYTES("none/"), NULL, &scan, &error));
    FAILS(CR_USAGE, cr_scan_next(NULL, &key, &key_len, &value, &value_len, &error));
    FAILS(CR_USAGE, cr_scan_next(scan, NULL, &key_len, &value, &value_len, &error));
    FAILS(CR_USAGE, cr_scan_next(scan, &key, &key_len, &value, NULL, &error));
    FAILS(CR_USAGE, cr_engine_scan(bench.engine, NULL, 3, NULL, &scan, &error));
    FAILS(CR_USAGE, cr_engine_scan(bench.engine, CR_BYTES("u/"), NULL, NULL, &error));
    FAILS(CR_USAGE, cr_engine_scan(NULL, CR_BYTES("u/"), NULL, &scan, &error));
    cr_engine_free(bench.engine);
    cr_database_free(bench.database);
    CHECK(strcmp(walk(scan, &ended), "") == 0 && ended == CR_OK);
    cr_scan_free(scan);
    cr_scan_free(NULL);
}

/* A scan with a hook that only a driver in steps can ask is refused when its key comes. */
static void scans_that_need_steps(void)
{
    struct bench bench;
    cr_scan *scan = NULL;
    cr_status ended;
    bench_start(&bench);
    fill(bench.database);
    WORKS(cr_engine_add_hook_id(bench.engine, CR_BEFORE_READ, "u/b", CR_NUL, 1, NULL, &error));
    WORKS(cr_engine_scan(bench.engine, CR_BYTES("u/"), NULL, &scan, &error));
    CHECK(strcmp(walk(scan, &ended), "u/a=1 ") == 0 && ended == CR_USAGE);
    cr_scan_free(scan);
    bench_end(&bench);
}

static void past_the_engine(void)
{
    cr_database *database = NULL;
    cr_page *page = NULL;
    cr_op read[] = {OP(CR_READ, "a", "")}, both[] = {OP(CR_DELETE, "a", "value")};
    WORKS(cr_database_memory(&database, &error));
    fill(database);
    WORKS(cr_database_scan(database, CR_BYTES("u/"), NULL, 0, 2, &page, &error));
    CHECK(page->len == 2 && !page->at_end && page->pairs[1].key_len == 3 && memcmp(page->pairs[1].key, "u/b", 3) == 0);
    cr_page_free(page);
    WORKS(cr_database_scan(database, CR_BYTES("u/"), CR_BYTES("u/b"), 2, &page, &error));
    CHECK(page->len == 1 && page->at_end && page->pairs[0].value != NULL && page->pairs[0].value_len == 0);
    cr_page_free(page);
    page = NULL;
    FAILS(CR_USAGE, cr_database_scan(database, CR_BYTES("u/"), NULL, 0, 0, &page, &error));
    FAILS(CR_USAGE, cr_database_scan(database, CR_BYTES("u/"), NULL, 0, 5, NULL, &error));
    FAILS(CR_USAGE, cr_database_scan(NULL, CR_BYTES("u/"), NULL, 0, 5, &page, &error));
    FAILS(CR_USAGE, cr_database_batch(database, read, 1, &error));
    FAILS(CR_USAGE, cr_database_batch(database, both, 1, &error));
    FAILS(CR_USAGE, cr_database_batch(NULL, both, 1, &error));
    CHECK(page == NULL);
    cr_page_free(NULL);
    cr_database_free(database);
}

/* A store of the host over three keys; `word` says how it misbehaves. */
struct shelf {
    int word; /* 0: works, 1: unordered, 2: too many, 3: no page, 4: a key that is NULL, 5: fails, 6: fails at the second */
    int scans, batches, puts;
    cr_op seen;
};

static void get(void *user_data, const uint8_t *key, size_t len, cr_store_reply *reply)
{
    (void)user_data, (void)key, (void)len;
    cr_store_reply_no_value(reply);
}

static void put(void *user_data, const uint8_t *key, size_t len, const uint8_t *value, size_t value_len,
                cr_store_reply *reply)
{
    struct shelf *shelf = user_data;
    (void)key, (void)len, (void)value, (void)value_len;
    if (++shelf->puts == 2 && shelf->word == 6)
        cr_store_reply_foreign(reply, "redis.Timeout", CR_NUL, NULL, 0, 0);
    else
        cr_store_reply_done(reply);
}

static void scan_of(void *user_data, const uint8_t *prefix, size_t len, const uint8_t *after, size_t after_len,
                    size_t limit, cr_store_reply *reply)
{
    static const char *const keys[] = {"u/a", "u/b", "u/c"};
    struct shelf *shelf = user_data;
    size_t at = shelf->word == 1 ? 2 : 0;
    CHECK(prefix != NULL && len == 2 && limit > 0 && (after == NULL ? after_len == 0 : after_len == 3));
    shelf->scans++;
    if (shelf->word == 5) {
        cr_store_reply_pair(reply, CR_BYTES("u/a"), CR_BYTES("x"));
        cr_store_reply_foreign(reply, "redis.Timeout", CR_NUL, "no route", CR_NUL, 0);
        return;
    }
    for (int given = 0; at < 3; at++) {
        if (after != NULL && memcmp(keys[at], after, 3) <= 0)
            continue;
        /* One pair at a time, so that there are pages. */
        if (given++ == 1 && shelf->word == 0)
            break;
        CHECK(cr_store_reply_pair(reply, (const uint8_t *)keys[at], 3, CR_BYTES("x")) == CR_OK);
        if (shelf->word == 1)
            CHECK(cr_store_reply_pair(reply, (const uint8_t *)keys[0], 3, CR_BYTES("x")) == CR_OK);
    }
    for (size_t i = 0; shelf->word == 2 && i <= limit; i++) {
        char key[16];
        snprintf(key, sizeof key, "u/d%05u", (unsigned)i);
        cr_store_reply_pair(reply, (const uint8_t *)key, strlen(key), NULL, 0);
    }
    if (shelf->word == 4)
        CHECK(cr_store_reply_pair(reply, NULL, 3, NULL, 0) == CR_USAGE);
    if (shelf->word != 3)
        CHECK(cr_store_reply_page(reply, 0) == CR_OK);
}

static void batch_of(void *user_data, const cr_op *ops, size_t len, cr_store_reply *reply)
{
    struct shelf *shelf = user_data;
    CHECK(len == 2 && ops[0].kind == CR_WRITE && ops[0].value_len == 3 && ops[1].kind == CR_DELETE && ops[1].value == NULL);
    shelf->batches++;
    cr_store_reply_done(reply);
}

static cr_engine *over(struct shelf *shelf, int can)
{
    cr_store store = {.size = sizeof store, .user_data = shelf, .get = get, .put = put, .delete_ = get,
                      .scan = can ? scan_of : NULL, .batch = can ? batch_of : NULL};
    cr_engine *engine = NULL;
    WORKS(cr_engine_new_with_store(&store, NULL, &engine, &error));
    cr_hook allow = cr_helper_allow_all();
    WORKS(cr_engine_before_write(engine, "**", CR_NUL, &allow, NULL, &error));
    return engine;
}

static void stores_of_the_host(void)
{
    static const cr_status wanted[] = {CR_OK, CR_STORE, CR_STORE, CR_STORE, CR_USAGE, CR_STORE};
    cr_op ops[] = {OP(CR_WRITE, "a", "old"), OP(CR_DELETE, "b", "")};
    cr_op puts[] = {OP(CR_WRITE, "a", "1"), OP(CR_WRITE, "b", "2")};
    cr_status ended;
    cr_scan *scan = NULL;
    for (int word = 0; word < 6; word++) {
        struct shelf shelf = {.word = word};
        cr_engine *engine = over(&shelf, 1);
        WORKS(cr_engine_scan(engine, CR_BYTES("u/"), NULL, &scan, &error));
        CHECK(strcmp(walk(scan, &ended), word == 0 ? "u/a=x u/b=x u/c=x " : "") == 0 && ended == wanted[word]);
        CHECK(shelf.scans == (word == 0 ? 4 : 1));
        cr_scan_free(scan);
        WORKS(cr_engine_batch(engine, ops, 2, 0, NULL, &error));
        CHECK(shelf.batches == 1);
        cr_engine_free(engine);
    }

    struct shelf shelf = {.word = 6};
    cr_engine *engine = over(&shelf, 0);
    cr_error *error = NULL;
    WORKS(cr_engine_scan(engine, CR_BYTES("u/"), NULL, &scan, &error));
    CHECK(strcmp(walk(scan, &ended), "") == 0 && ended == CR_USAGE);
    cr_scan_free(scan);
    FAILS(CR_USAGE, cr_engine_batch(engine, puts, 2, 0, NULL, &error));
    CHECK(shelf.puts == 0);
    CHECK(cr_engine_batch(engine, puts, 2, CR_BATCH_ONE_BY_ONE, NULL, &error) == CR_STORE_PARTIAL);
    CHECK(cr_error_applied_count(error) == 1);
    cr_error_info info;
    CHECK(cr_error_get_info(error, &info) && info.applied_count == 1);
    TEXT_IS(info.code, "store_partial");
    cr_error *behind = cr_error_cause(error);
    CHECK(cr_error_status(behind) == CR_STORE && cr_error_cause(behind) == NULL && cr_error_cause(NULL) == NULL);
    cr_error_free(behind);
    cr_error_free(error);
    CHECK(cr_store_reply_pair(NULL, NULL, 0, NULL, 0) == CR_USAGE && cr_store_reply_page(NULL, 1) == CR_USAGE);
    CHECK(cr_error_applied_count(NULL) == -1);
    cr_engine_free(engine);
}

void test_several(void)
{
    batches();
    many();
    scans();
    scans_that_need_steps();
    past_the_engine();
    stores_of_the_host();
}
