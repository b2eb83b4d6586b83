/* A store of one's own in C: three functions, here over a single place; with `scan` and `batch` it can do those too. */
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

/* The only key that it holds, and its value. */
static struct place {
    char key[32], value[32];
} place;

static void set(char *to, const uint8_t *bytes, size_t len)
{
    snprintf(to, sizeof place.key, "%.*s", (int)len, (const char *)bytes);
}

/* README: a store */
static void place_get(void *p, const uint8_t *key, size_t key_len, cr_store_reply *reply)
{
    struct place *place = p;
    if (strlen(place->key) == key_len && memcmp(place->key, key, key_len) == 0)
        cr_store_reply_value(reply, (const uint8_t *)place->value, strlen(place->value));
    else
        cr_store_reply_no_value(reply);
}

static void place_put(void *p, const uint8_t *key, size_t key_len, const uint8_t *value, size_t value_len,
                      cr_store_reply *reply)
{
    struct place *place = p;
    set(place->key, key, key_len);
    set(place->value, value, value_len);
    cr_store_reply_done(reply);
}
/* README: end */

static void place_delete(void *p, const uint8_t *key, size_t key_len, cr_store_reply *reply)
{
    struct place *place = p;
    if (strlen(place->key) == key_len && memcmp(place->key, key, key_len) == 0)
        place->key[0] = '\0';
    cr_store_reply_done(reply);
}

static void show(cr_engine *policy)
{
    uint8_t *value = NULL;
    size_t len = 0;
    cr_error *error = NULL;
    must(cr_engine_get(policy, CR_BYTES("users/alice"), NULL, &value, &len, &error), error);
    printf("get users/alice: %.*s\n", value ? (int)len : 4, value ? (const char *)value : "None");
    cr_bytes_free(value, len);
}

int main(void)
{
    cr_engine *policy = NULL;
    cr_error *error = NULL;
    cr_store store = {
        .size = sizeof store, .user_data = &place, .get = place_get, .put = place_put, .delete_ = place_delete};
    must(cr_engine_new_with_store(&store, NULL, &policy, &error), error);
    cr_hook deny = cr_helper_deny_all();
    must(cr_engine_before_write(policy, "secret/*", CR_NUL, &deny, NULL, &error), error);

    must(cr_engine_put(policy, CR_BYTES("users/alice"), CR_BYTES("data"), NULL, &error), error);
    show(policy);
    must(cr_engine_delete(policy, CR_BYTES("users/alice"), NULL, &error), error);
    show(policy);
    if (cr_engine_put(policy, CR_BYTES("secret/key"), CR_BYTES("x"), NULL, &error) != CR_OK)
        printf("put secret/key: %s\n", cr_error_code(error).data);
    cr_error_free(error);
    cr_engine_free(policy);
    return 0;
}
