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
    return allowed ? says(CR_ANSWER_ALLOW)
                   : (struct reaction){CR_ANSWER_DENY, {CR_BYTES("not what was expected")}, NULL, 0};
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
    if (named(word->name, "put") || named(word->name, "get") || named(word->name, "scan")) {
        cr_kind kind = named(word->name, "put") ? CR_WRITE : named(word->name, "get") ? CR_READ : CR_SCAN;
        struct asked asked = {.kind = kind, .key = first, .value = second, .take = -1};
        struct got got = operate(world, asked, NULL, 0, context, depth);
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
    for (size_t i = 0; i < world->stored.len; i++) {
        struct stored *stored = &world->stored.items[i];
        if (same((struct bytes){stored->key, stored->key_len}, key))
            return stored;
    }
    list_add(&world->stored, key, (struct bytes){NULL, 0});
    return &world->stored.items[world->stored.len - 1];
}

struct bytes store_holds(struct world *world, struct bytes key)
{
    struct stored *stored = place_of(world, key);
    return (struct bytes){stored->value, stored->value_len};
}

void store_put(struct world *world, struct bytes key, struct bytes value)
{
    struct stored *stored = place_of(world, key);
    free(stored->value);
    stored->value = NULL;
    if (value.data == NULL)
        return;
    stored->value = malloc(value.len + 1);
    if (stored->value == NULL)
        abort();
    memcpy(stored->value, value.data, value.len);
    stored->value_len = value.len;
}

static struct reaction really(struct world *world, cr_kind kind, struct bytes key, struct bytes value)
{
    struct bytes held = store_holds(world, key);
    if (kind == CR_READ)
        return held.data == NULL ? says(CR_REPLY_NO_VALUE) : with_bytes(CR_REPLY_VALUE, held);
    store_put(world, key, kind == CR_WRITE ? value : (struct bytes){NULL, 0});
    return says(CR_REPLY_DONE);
}

/* The word of the next call. */
static const struct word *next_word(struct world *world)
{
    size_t last = world->vector->store_len - 1, call = world->store_calls++;
    return &world->vector->store[call < last ? call : last];
}

/* What a failing word says; what is no such word ends the run. */
static struct reaction failing(struct world *world, const struct word *word)
{
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

static int works(const struct word *word)
{
    return named(word->name, "ok") || named(word->name, "ok_then_raise");
}

struct reaction store_says(struct world *world, cr_kind kind, struct bytes key, struct bytes value)
{
    const struct word *word = next_word(world);
    struct reaction done = works(word) ? really(world, kind, key, value) : says(0);
    return named(word->name, "ok") ? done : failing(world, word);
}

struct reaction store_batch_says(struct world *world, const cr_op *ops, size_t len)
{
    const struct word *word = next_word(world);
    for (size_t i = 0; works(word) && i < len; i++)
        really(world, ops[i].kind, (struct bytes){ops[i].key, ops[i].key_len}, (struct bytes){ops[i].value, ops[i].value_len});
    return named(word->name, "ok") ? says(CR_REPLY_DONE) : failing(world, word);
}

static int by_key(const void *a, const void *b)
{
    const struct stored *one = a, *two = b;
    size_t less = one->key_len < two->key_len ? one->key_len : two->key_len;
    int order = memcmp(one->key, two->key, less);
    return order != 0 ? order : (one->key_len > two->key_len) - (one->key_len < two->key_len);
}

struct reaction store_scan_says(struct world *world, struct bytes prefix, struct bytes after, size_t limit,
                                struct list *page)
{
    const struct word *word = next_word(world);
    struct stored from = {(uint8_t *)(uintptr_t)after.data, NULL, after.len, 0};
    size_t most = named(word->name, "short") ? 1 : named(word->name, "too_many") ? limit + 1 : limit;
    if (named(word->name, "ok_then_raise") ||
        !(named(word->name, "ok") || named(word->name, "short") || named(word->name, "unordered") ||
          named(word->name, "out_of_prefix") || named(word->name, "too_many")))
        return failing(world, word);
    qsort(world->stored.items, world->stored.len, sizeof *world->stored.items, by_key);
    for (size_t i = 0; i < world->stored.len && page->len < most; i++) {
        struct stored *stored = &world->stored.items[i];
        int fits = stored->value != NULL && stored->key_len >= prefix.len && memcmp(stored->key, prefix.data, prefix.len) == 0;
        if (fits && (after.data == NULL || by_key(stored, &from) > 0))
            list_add(page, (struct bytes){stored->key, stored->key_len}, (struct bytes){stored->value, stored->value_len});
    }
    if (named(word->name, "out_of_prefix"))
        list_add(page, (struct bytes){CR_BYTES("\xff elsewhere")}, (struct bytes){CR_BYTES("x")});
    for (size_t i = 0; named(word->name, "unordered") && i < page->len / 2; i++) {
        struct stored other = page->items[i];
        page->items[i] = page->items[page->len - 1 - i];
        page->items[page->len - 1 - i] = other;
    }
    return says(CR_REPLY_PAGE);
}
