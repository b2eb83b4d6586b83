/* The set-up of a vector: bytes, context, hooks, engine. */
#include <stdlib.h>
#include <string.h>

#include "conformance_world.h"

static void call_hook(void *user_data, const cr_call *call, cr_answer *answer)
{
    struct scripted *scripted = user_data;
    struct reaction says = hook_says(scripted, (struct bytes){call->key, call->key_len},
                                     (struct bytes){call->value, call->value_len}, call->context, call->depth);
    switch (says.kind) {
    case CR_ANSWER_NOTHING: cr_reply_nothing(answer); break;
    case CR_ANSWER_ALLOW: cr_reply_allow(answer); break;
    case CR_ANSWER_LOG: cr_reply_log(answer); break;
    case CR_ANSWER_DENY: cr_reply_deny(answer, (const char *)says.bytes.data, says.bytes.len); break;
    case CR_ANSWER_MODIFY: cr_reply_modify(answer, says.bytes.data, says.bytes.len); break;
    case CR_ANSWER_FOREIGN: cr_reply_foreign(answer, (const char *)says.bytes.data, says.bytes.len, 0); break;
    case CR_ANSWER_ERROR: cr_reply_error(answer, says.error, 0); break;
    default: break; /* nothing is replied at all */
    }
}

static void reply(cr_store_reply *reply_, struct reaction says)
{
    switch (says.kind) {
    case CR_REPLY_VALUE: cr_store_reply_value(reply_, says.bytes.data, says.bytes.len); break;
    case CR_REPLY_NO_VALUE: cr_store_reply_no_value(reply_); break;
    case CR_REPLY_DONE: cr_store_reply_done(reply_); break;
    case CR_REPLY_FOREIGN: cr_store_reply_foreign(reply_, FOREIGN, CR_NUL, NULL, 0, 0); break;
    case CR_REPLY_ERROR: cr_store_reply_error(reply_, says.error, 0); break;
    default: break;
    }
}

static void store_get(void *user_data, const uint8_t *key, size_t len, cr_store_reply *to)
{
    reply(to, store_says(user_data, CR_READ, (struct bytes){key, len}, (struct bytes){NULL, 0}));
}

static void store_put(void *user_data, const uint8_t *key, size_t len, const uint8_t *value, size_t value_len,
                      cr_store_reply *to)
{
    reply(to, store_says(user_data, CR_WRITE, (struct bytes){key, len}, (struct bytes){value, value_len}));
}

static void store_delete(void *user_data, const uint8_t *key, size_t len, cr_store_reply *to)
{
    reply(to, store_says(user_data, CR_DELETE, (struct bytes){key, len}, (struct bytes){NULL, 0}));
}

struct bytes expand(struct world *world, struct run run)
{
    if (run.data == NULL || run.times <= 1)
        return (struct bytes){(const uint8_t *)run.data, run.len};
    uint8_t *all = malloc(run.len * run.times);
    if (all == NULL || world->made_len == sizeof world->made / sizeof *world->made)
        abort();
    for (size_t i = 0; i < run.times; i++)
        memcpy(all + i * run.len, run.data, run.len);
    world->made[world->made_len++] = all;
    return (struct bytes){all, run.len * run.times};
}

int same(struct bytes a, struct bytes b)
{
    if (a.data == NULL || b.data == NULL)
        return a.data == b.data;
    return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

int named(struct run run, const char *word)
{
    return run.data != NULL && run.len == strlen(word) && memcmp(run.data, word, run.len) == 0;
}

/* Every log sentence is taken and forgotten. */
static int32_t forget(void *user_data, cr_log_level level, const char *message, size_t len)
{
    (void)user_data, (void)level, (void)message, (void)len;
    return 1;
}

struct world *world_new(const struct vector *vector, int in_steps)
{
    struct world *world = calloc(1, sizeof *world);
    if (world == NULL || vector->hooks_len > MAX_HOOKS)
        abort();
    world->vector = vector;
    world->in_steps = in_steps;
    for (size_t i = 0; i < vector->hooks_len; i++)
        world->hooks[i] = (struct scripted){&vector->hooks[i], world, 0, 0};
    cr_logger logger = {.size = sizeof logger, .log = forget};
    cr_status status = cr_manual_clock_new(START_NS, &world->clock, NULL);
    cr_engine_options options = {
        .size = sizeof options, .max_open_operations = vector->max_open, .clock = world->clock, .logger = &logger};
    cr_store store = {.size = sizeof store, .user_data = world, .get = store_get, .put = store_put, .delete_ = store_delete};
    if (status == CR_OK && vector->store == NULL)
        status = cr_database_memory(&world->database, NULL);
    if (status == CR_OK && vector->store == NULL)
        status = cr_engine_new(world->database, &options, &world->engine, NULL);
    else if (status == CR_OK && in_steps)
        status = cr_engine_new_in_steps(&options, &world->engine, NULL);
    else if (status == CR_OK)
        status = cr_engine_new_with_store(&store, &options, &world->engine, NULL);
    if (status != CR_OK)
        abort();
    return world;
}

void world_free(struct world *world)
{
    cr_engine_free(world->engine);
    cr_database_free(world->database);
    cr_manual_clock_free(world->clock);
    for (size_t i = 0; i < MAX_KEYS; i++) {
        free(world->stored[i].key);
        free(world->stored[i].value);
    }
    for (size_t i = 0; i < world->made_len; i++)
        free(world->made[i]);
    free(world);
}

static struct scripted *find(struct world *world, const char *name, size_t len)
{
    for (size_t i = 0; i < world->vector->hooks_len; i++) {
        struct run known = world->hooks[i].hook->name;
        if (known.len == len && memcmp(known.data, name, len) == 0)
            return &world->hooks[i];
    }
    abort();
}

cr_status world_add_hook(struct world *world, const char *name, size_t len, cr_error **error)
{
    struct scripted *scripted = find(world, name, len);
    struct bytes keys = expand(world, scripted->hook->keys);
    if (world->in_steps) {
        uint64_t id = (uint64_t)(scripted - world->hooks) + 1;
        return cr_engine_add_hook_id(world->engine, scripted->hook->on, (const char *)keys.data, keys.len, id,
                                     &scripted->handle, error);
    }
    cr_hook hook = {.size = sizeof hook, .call = call_hook, .user_data = scripted};
    return cr_engine_add_hook(world->engine, scripted->hook->on, (const char *)keys.data, keys.len, &hook,
                              &scripted->handle, error);
}

int world_remove_hook(struct world *world, const char *name, size_t len)
{
    struct scripted *scripted = find(world, name, len);
    bool first = false, second = true;
    cr_engine_remove(world->engine, scripted->handle, &first, NULL);
    cr_engine_remove(world->engine, scripted->handle, &second, NULL);
    return first && !second;
}

cr_context *world_context(const struct said *said, size_t entries, struct world *world)
{
    cr_context *context = NULL;
    if (cr_context_new(&context, NULL) != CR_OK)
        abort();
    for (size_t i = 0; i < entries; i++) {
        struct bytes name = expand(world, said[i].name), text = expand(world, said[i].text);
        const char *at = (const char *)name.data;
        /* What cannot be said is remembered, and refuses the operation. */
        switch (said[i].kind) {
        case SAID_TEXT: cr_context_set_text(context, at, name.len, (const char *)text.data, text.len, NULL); break;
        case SAID_BOOL: cr_context_set_bool(context, at, name.len, said[i].number != 0, NULL); break;
        case SAID_INT: cr_context_set_int(context, at, name.len, said[i].number, NULL); break;
        default: break;
        }
    }
    return context;
}
