/* What scripted hooks and stores say: the small vocabulary of the vectors. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance_world.h"

static struct reaction says(int32_t kind)
{
    return (struct reaction){kind, {NULL, 0}, NULL, 0};
}

static struct reaction allow_if(int allowed)
{
    return says(allowed ? CR_ANSWER_ALLOW : CR_ANSWER_DENY);
}

static struct reaction with_bytes(int32_t kind, struct bytes bytes)
{
    return (struct reaction){kind, bytes, NULL, 0};
}

static struct reaction raised(int32_t kind, cr_status status, struct bytes message)
{
    cr_error *error = cr_error_new(status, (const char *)message.data, message.len);
    return (struct reaction){kind, {NULL, 0}, error, 0};
}

/* Whether the context's value of a name is that text; no data: whether there is none. */
static int holds(const cr_context *context, struct bytes name, struct bytes text)
{
    cr_value value;
    if (!cr_context_get(context, (const char *)name.data, name.len, &value))
        return text.data == NULL;
    char number[32];
    struct bytes have = {(const uint8_t *)value.text, value.text_len};
    if (value.kind != CR_VALUE_TEXT) {
        if (value.kind == CR_VALUE_BOOL)
            snprintf(number, sizeof number, "%s", value.boolean ? "true" : "false");
        else
            snprintf(number, sizeof number, "%lld", (long long)value.integer);
        have = (struct bytes){(const uint8_t *)number, strlen(number)};
    }
    return text.data != NULL && same(have, text);
}

struct reaction hook_says(struct scripted *scripted, struct bytes key, struct bytes value, const cr_context *context,
                          uint32_t depth)
{
    struct world *world = scripted->world;
    size_t last = scripted->hook->script_len - 1, call = scripted->calls++;
    const struct word *word = &scripted->hook->script[call < last ? call : last];
    struct bytes first = expand(world, word->first), second = expand(world, word->second);
    if (named(word->name, "allow"))
        return says(CR_ANSWER_ALLOW);
    if (named(word->name, "nothing"))
        return says(CR_ANSWER_NOTHING);
    if (named(word->name, "log"))
        return says(CR_ANSWER_LOG);
    if (named(word->name, "deny"))
        return with_bytes(CR_ANSWER_DENY, first);
    if (named(word->name, "modify"))
        return with_bytes(CR_ANSWER_MODIFY, first);
    if (named(word->name, "same"))
        return value.data == NULL ? says(CR_ANSWER_NOTHING) : with_bytes(CR_ANSWER_MODIFY, value);
    if (named(word->name, "raise"))
        return with_bytes(CR_ANSWER_FOREIGN, (struct bytes){CR_BYTES(FOREIGN)});
    if (named(word->name, "violate"))
        return raised(CR_ANSWER_ERROR, CR_DENIED, first);
    if (named(word->name, "misuse"))
        return raised(CR_ANSWER_ERROR, CR_USAGE, first);
    if (named(word->name, "nonsense"))
        return says(CR_ANSWER_NONE);
    if (named(word->name, "bare_modify"))
        return says(CR_ANSWER_MODIFY);
    if (named(word->name, "check"))
        return allow_if(holds(context, first, second));
    if (named(word->name, "lacks"))
        return allow_if(holds(context, first, (struct bytes){NULL, 0}));
    if (named(word->name, "sees"))
        return allow_if(same(value, first));
    if (named(word->name, "sees_nothing"))
        return allow_if(value.data == NULL);
    if (named(word->name, "key"))
        return allow_if(same(key, first));
    if (named(word->name, "cancel"))
        return (struct reaction){0, {NULL, 0}, NULL, 1};
    if (named(word->name, "add")) {
        cr_error *error = NULL;
        if (world_add_hook(world, word->first.data, word->first.len, &error) == CR_OK)
            return says(CR_ANSWER_ALLOW);
        return (struct reaction){CR_ANSWER_ERROR, {NULL, 0}, error, 0};
    }
    if (named(word->name, "remove"))
        return allow_if(world_remove_hook(world, word->first.data, word->first.len));
    if (named(word->name, "put") || named(word->name, "get")) {
        cr_kind kind = named(word->name, "put") ? CR_WRITE : CR_READ;
        struct got got = operate(world, kind, first, second, NULL, 0, context, depth);
        struct reaction reaction = says(CR_ANSWER_ALLOW);
        if (got.error != NULL)
            reaction = (struct reaction){CR_ANSWER_ERROR, {NULL, 0}, cr_error_clone(got.error), 0};
        reaction.cancel = got.cancelled;
        got_free(&got);
        return reaction;
    }
    fprintf(stderr, "unknown word %.*s\n", (int)word->name.len, word->name.data);
    abort();
}

static struct stored *place_of(struct world *world, struct bytes key)
{
    for (size_t i = 0; i < MAX_KEYS; i++) {
        struct stored *stored = &world->stored[i];
        if (stored->key == NULL) {
            stored->key = malloc(key.len + 1);
            if (stored->key == NULL)
                abort();
            memcpy(stored->key, key.data, key.len);
            stored->key_len = key.len;
        }
        if (same((struct bytes){stored->key, stored->key_len}, key))
            return stored;
    }
    abort();
}

struct bytes store_holds(struct world *world, struct bytes key)
{
    struct stored *stored = place_of(world, key);
    return stored->there ? (struct bytes){stored->value, stored->value_len} : (struct bytes){NULL, 0};
}

static struct reaction really(struct world *world, cr_kind kind, struct bytes key, struct bytes value)
{
    struct stored *stored = place_of(world, key);
    if (kind == CR_READ)
        return stored->there ? with_bytes(CR_REPLY_VALUE, store_holds(world, key)) : says(CR_REPLY_NO_VALUE);
    free(stored->value);
    stored->value = NULL;
    stored->there = kind == CR_WRITE;
    if (stored->there) {
        stored->value = malloc(value.len + 1);
        if (stored->value == NULL)
            abort();
        memcpy(stored->value, value.data, value.len);
        stored->value_len = value.len;
    }
    return says(CR_REPLY_DONE);
}

struct reaction store_says(struct world *world, cr_kind kind, struct bytes key, struct bytes value)
{
    size_t last = world->vector->store_len - 1, call = world->store_calls++;
    const struct word *word = &world->vector->store[call < last ? call : last];
    if (named(word->name, "ok"))
        return really(world, kind, key, value);
    if (named(word->name, "ok_then_raise"))
        (void)really(world, kind, key, value);
    if (named(word->name, "raise") || named(word->name, "ok_then_raise"))
        return with_bytes(CR_REPLY_FOREIGN, (struct bytes){CR_BYTES(FOREIGN)});
    if (named(word->name, "violate"))
        return raised(CR_REPLY_ERROR, CR_DENIED, expand(world, word->first));
    if (named(word->name, "nonsense"))
        return with_bytes(CR_REPLY_INVALID, (struct bytes){CR_BYTES("nothing")});
    if (named(word->name, "cancel"))
        return (struct reaction){0, {NULL, 0}, NULL, 1};
    fprintf(stderr, "unknown word %.*s\n", (int)word->name.len, word->name.data);
    abort();
}
