/* A store of your own behind an engine: here one single slot. */
#include <stdio.h>
#include <string.h>

#include <checkrein.h>

struct slot {
    uint8_t value[64];
    size_t len;
    int full;
};

static void slot_get(void *user_data, const uint8_t *key, size_t key_len, cr_store_reply *reply)
{
    struct slot *slot = user_data;
    (void)key, (void)key_len;
    if (slot->full)
        cr_store_reply_value(reply, slot->value, slot->len);
    else
        cr_store_reply_no_value(reply);
}

static void slot_put(void *user_data, const uint8_t *key, size_t key_len, const uint8_t *value, size_t value_len,
                     cr_store_reply *reply)
{
    struct slot *slot = user_data;
    (void)key, (void)key_len;
    if (value_len > sizeof slot->value) {
        cr_store_reply_foreign(reply, "SlotFull", CR_NUL, "the slot holds 64 bytes", CR_NUL, 0);
        return;
    }
    memcpy(slot->value, value, value_len);
    slot->len = value_len;
    slot->full = 1;
    cr_store_reply_done(reply);
}

static void slot_delete(void *user_data, const uint8_t *key, size_t key_len, cr_store_reply *reply)
{
    (void)key, (void)key_len;
    ((struct slot *)user_data)->full = 0;
    cr_store_reply_done(reply);
}

int main(void)
{
    struct slot slot = {0};
    cr_engine *policy = NULL;
    cr_error *error = NULL;
    cr_hook deny = cr_helper_deny_all();

    cr_store store = {.size = sizeof store, .user_data = &slot, .get = slot_get, .put = slot_put, .delete_ = slot_delete};
    if (cr_engine_new_with_store(&store, NULL, &policy, &error) != CR_OK)
        return 1;
    if (cr_engine_before_delete(policy, "**", CR_NUL, &deny, NULL, &error) != CR_OK)
        return 1;

    uint8_t large[65] = {0};
    int works = cr_engine_put(policy, CR_BYTES("k"), CR_BYTES("v"), NULL, NULL) == CR_OK && slot.full &&
                cr_engine_delete(policy, CR_BYTES("k"), NULL, NULL) == CR_DENIED && slot.full &&
                cr_engine_put(policy, CR_BYTES("k"), large, sizeof large, NULL, &error) == CR_STORE;
    printf("%s\n", cr_error_message(error).data);
    cr_error_free(error);
    cr_engine_free(policy);
    return works ? 0 : 1;
}
