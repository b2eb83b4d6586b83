/* Stores of the host: replies, failures, what is missing. */
#include "check.h"

struct shelf {
    int word; /* 0: works, 1: fails, 2: fails with a message, 3: one of Checkrein's errors, 4: silent, 5: nonsense */
    char value[16];
    size_t len;
    int there, dropped, calls;
};

static int misbehaves(struct shelf *shelf, cr_store_reply *reply)
{
    shelf->calls++;
    switch (shelf->word) {
    case 0: return 0;
    case 1: cr_store_reply_foreign(reply, "redis.Timeout", CR_NUL, NULL, 0, 5); return 1;
    case 2: cr_store_reply_foreign(reply, "redis.Timeout", CR_NUL, "no route", CR_NUL, 0); return 1;
    case 3: cr_store_reply_error(reply, cr_error_new(CR_STORE_FULL, "full", CR_NUL), 6); return 1;
    case 4: return 1;
    default: CHECK(cr_store_reply_value(reply, NULL, 3) == CR_USAGE); return 1;
    }
}

static void get(void *user_data, const uint8_t *key, size_t len, cr_store_reply *reply)
{
    struct shelf *shelf = user_data;
    CHECK(key != NULL && len > 0);
    if (misbehaves(shelf, reply))
        return;
    if (shelf->there)
        cr_store_reply_value(reply, (const uint8_t *)shelf->value, shelf->len);
    else
        cr_store_reply_no_value(reply);
}

static void put(void *user_data, const uint8_t *key, size_t len, const uint8_t *value, size_t value_len,
                cr_store_reply *reply)
{
    struct shelf *shelf = user_data;
    CHECK(key != NULL && len > 0 && value_len < sizeof shelf->value);
    if (misbehaves(shelf, reply))
        return;
    memcpy(shelf->value, value, value_len);
    shelf->len = value_len;
    shelf->there = 1;
    cr_store_reply_done(reply);
}

static void delete_(void *user_data, const uint8_t *key, size_t len, cr_store_reply *reply)
{
    struct shelf *shelf = user_data;
    CHECK(key != NULL && len > 0);
    if (misbehaves(shelf, reply))
        return;
    shelf->there = 0;
    cr_store_reply_done(reply);
}

static void drop(void *user_data)
{
    ((struct shelf *)user_data)->dropped++;
}

static cr_store store_of(struct shelf *shelf)
{
    return (cr_store){.size = sizeof(cr_store), .user_data = shelf, .get = get, .put = put, .delete_ = delete_, .drop = drop};
}

static void works(void)
{
    struct shelf shelf = {0};
    cr_store store = store_of(&shelf);
    cr_engine *engine = NULL;
    uint8_t *value = NULL;
    size_t len = 0;
    cr_hook hook = cr_helper_allow_all();
    WORKS(cr_engine_new_with_store(&store, NULL, &engine, &error));
    WORKS(cr_engine_before_write(engine, "**", CR_NUL, &hook, NULL, &error));
    WORKS(cr_engine_put(engine, CR_BYTES("k"), CR_BYTES("v"), NULL, &error));
    WORKS(cr_engine_get(engine, CR_BYTES("k"), NULL, &value, &len, &error));
    CHECK(len == 1 && *value == 'v');
    cr_bytes_free(value, len);
    WORKS(cr_engine_delete(engine, CR_BYTES("k"), NULL, &error));
    WORKS(cr_engine_get(engine, CR_BYTES("k"), NULL, &value, &len, &error));
    CHECK(value == NULL && shelf.calls == 4 && shelf.dropped == 0);
    cr_engine_free(engine);
    CHECK(shelf.dropped == 1);
}

static void fails(void)
{
    for (int word = 1; word <= 5; word++) {
        struct shelf shelf = {.word = word};
        cr_store store = store_of(&shelf);
        cr_engine *engine = NULL;
        cr_error *error = NULL;
        cr_hook hook = cr_helper_allow_all();
        cr_status wanted = word == 3 ? CR_STORE_FULL : word == 5 ? CR_USAGE : CR_STORE;
        uint8_t *value = NULL;
        size_t len = 0;
        WORKS(cr_engine_new_with_store(&store, NULL, &engine, &error));
        WORKS(cr_engine_before_write(engine, "**", CR_NUL, &hook, NULL, &error));
        CHECK(cr_engine_put(engine, CR_BYTES("k"), CR_BYTES("v"), NULL, &error) == wanted);
        if (word == 1 || word == 2)
            TEXT_IS(cr_error_cause_type(error), "redis.Timeout");
        if (word == 2)
            CHECK(strstr(cr_error_message(error).data, "no route") != NULL);
        CHECK(cr_error_host_token(error) == (word == 1 ? 5 : word == 3 ? 6 : 0));
        CHECK(cr_error_is_host_object(error) == (word == 3));
        cr_error_free(error);
        FAILS(wanted, cr_engine_get(engine, CR_BYTES("k"), NULL, &value, &len, &error));
        FAILS(wanted, cr_engine_delete(engine, CR_BYTES("k"), NULL, &error));
        cr_engine_free(engine);
    }
}

static void lacks(void)
{
    struct shelf shelf = {0};
    cr_engine *engine = NULL;
    for (int missing = 0; missing < 3; missing++) {
        static const char *const names[] = {"`get`", "`put`", "`delete_`"};
        cr_store store = store_of(&shelf);
        cr_error *error = NULL;
        if (missing == 0)
            store.get = NULL;
        else if (missing == 1)
            store.put = NULL;
        else
            store.delete_ = NULL;
        CHECK(cr_engine_new_with_store(&store, NULL, &engine, &error) == CR_CONFIG);
        CHECK(strstr(cr_error_message(error).data, names[missing]) != NULL);
        cr_error_free(error);
        CHECK(shelf.dropped == missing + 1);
    }
    cr_store store = store_of(&shelf);
    store.size = 1;
    FAILS(CR_USAGE, cr_engine_new_with_store(&store, NULL, &engine, &error));
    CHECK(engine == NULL);
}

void test_stores(void)
{
    works();
    fails();
    lacks();
}
