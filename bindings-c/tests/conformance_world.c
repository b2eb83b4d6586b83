/* The set-up of a vector: bytes, context, hooks, engine. */
#include <stdio.h>
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

static int32_t call_listener(void *user_data, const cr_error *error)
{
    return listener_told(user_data, error);
}

static int32_t call_sink(void *user_data, const cr_audit_log *entries, cr_phase phase)
{
    return sink_told(user_data, entries, phase);
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

static void store_set(void *user_data, const uint8_t *key, size_t len, const uint8_t *value, size_t value_len,
                      cr_store_reply *to)
{
    reply(to, store_says(user_data, CR_WRITE, (struct bytes){key, len}, (struct bytes){value, value_len}));
}

static void store_delete(void *user_data, const uint8_t *key, size_t len, cr_store_reply *to)
{
    reply(to, store_says(user_data, CR_DELETE, (struct bytes){key, len}, (struct bytes){NULL, 0}));
}

static void store_scan(void *user_data, const uint8_t *prefix, size_t len, const uint8_t *after, size_t after_len,
                       size_t limit, cr_store_reply *to)
{
    struct list page = {0};
    struct reaction says = store_scan_says(user_data, (struct bytes){prefix, len}, (struct bytes){after, after_len}, limit, &page);
    for (size_t i = 0; i < page.len; i++)
        cr_store_reply_pair(to, page.items[i].key, page.items[i].key_len, page.items[i].value, page.items[i].value_len);
    list_free(&page);
    if (says.kind == CR_REPLY_PAGE)
        cr_store_reply_page(to, 0);
    else
        reply(to, says);
}

static void store_batch(void *user_data, const cr_op *ops, size_t len, cr_store_reply *to)
{
    reply(to, store_batch_says(user_data, ops, len));
}

void *keep(struct world *world, size_t len)
{
    if (world->made_len == world->made_room) {
        world->made_room = 2 * world->made_room + 16;
        world->made = realloc(world->made, world->made_room * sizeof *world->made);
    }
    void *made = malloc(len + 1);
    if (world->made == NULL || made == NULL)
        abort();
    world->made[world->made_len++] = made;
    return made;
}

struct bytes copied(struct world *world, const void *data, size_t len)
{
    if (data == NULL)
        return (struct bytes){NULL, 0};
    void *copy = keep(world, len);
    memcpy(copy, data, len);
    return (struct bytes){copy, len};
}

struct bytes expand(struct world *world, struct run run)
{
    if (run.data == NULL || run.times <= 1)
        return (struct bytes){(const uint8_t *)run.data, run.len};
    uint8_t *all = keep(world, run.len * run.times);
    for (size_t i = 0; i < run.times; i++)
        memcpy(all + i * run.len, run.data, run.len);
    return (struct bytes){all, run.len * run.times};
}

void list_add(struct list *list, struct bytes key, struct bytes value)
{
    if (list->len == list->room) {
        list->room = 2 * list->room + 16;
        list->items = realloc(list->items, list->room * sizeof *list->items);
        if (list->items == NULL)
            abort();
    }
    struct stored *item = &list->items[list->len++];
    *item = (struct stored){malloc(key.len + 1), value.data == NULL ? NULL : malloc(value.len + 1), key.len, value.len};
    if (item->key == NULL || (value.data != NULL && item->value == NULL))
        abort();
    if (key.len > 0)
        memcpy(item->key, key.data, key.len);
    if (item->value != NULL)
        memcpy(item->value, value.data, value.len);
}

void list_free(struct list *list)
{
    for (size_t i = 0; i < list->len; i++) {
        free(list->items[i].key);
        free(list->items[i].value);
    }
    free(list->items);
    *list = (struct list){0};
}

cr_op *world_ops(struct world *world, const struct several *several, size_t several_len, size_t *len)
{
    *len = 0;
    for (size_t i = 0; i < several_len; i++)
        *len += several[i].times == 0 ? 1 : several[i].times;
    cr_op *ops = keep(world, *len * sizeof *ops);
    size_t at = 0;
    for (size_t i = 0; i < several_len; i++) {
        struct bytes key = expand(world, several[i].key), value = expand(world, several[i].value);
        for (size_t n = 0; n < (several[i].times == 0 ? 1 : several[i].times); n++) {
            struct bytes used = key;
            if (several[i].times > 0) {
                char *numbered = keep(world, key.len + 8);
                memcpy(numbered, key.data, key.len);
                used = (struct bytes){(uint8_t *)numbered,
                                      key.len + (size_t)snprintf(numbered + key.len, 8, "%04u", (unsigned)(several[i].from + n))};
            }
            ops[at++] = (cr_op){several[i].kind, used.data, used.len, value.data, value.len};
        }
    }
    return ops;
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
    if (vector->listeners_len > MAX_TELLERS || vector->sinks_len > MAX_TELLERS)
        abort();
    for (size_t i = 0; i < vector->listeners_len; i++)
        world->listeners[i] = (struct telling){&vector->listeners[i], world, 0, 0};
    for (size_t i = 0; i < vector->sinks_len; i++)
        world->sinks[i] = (struct telling){&vector->sinks[i], world, 0, 0};
    for (size_t i = 0; i < vector->hooks_len; i++)
        world->hooks[i] = (struct scripted){&vector->hooks[i], world, 0, 0};
    cr_logger logger = {.size = sizeof logger, .log = forget};
    cr_status status = cr_manual_clock_new(START_NS, &world->clock, NULL);
    struct bytes document = expand(world, vector->document);
    cr_document *read = NULL;
    if (document.data != NULL)
        status = cr_document_parse((const char *)document.data, document.len, "json", CR_NUL, "policy.json", CR_NUL, &read,
                                   &world->fault);
    cr_str *required = keep(world, vector->required_len * sizeof *required);
    for (size_t i = 0; i < vector->required_len; i++)
        required[i] = (cr_str){vector->required[i].data, vector->required[i].len};
    cr_engine_options options = {.size = sizeof options, .given = vector->has_max_open ? CR_ENGINE_MAX_OPEN_OPERATIONS : 0u,
                                 .max_open_operations = vector->max_open, .clock = world->clock,
                                 .logger = &logger, .require_context = required,
                                 .require_context_len = vector->required_len, .mode = vector->mode, .document = read,
                                 .store_can = (vector->can_scan ? CR_STORE_CAN_SCAN : 0u) |
                                              (vector->can_batch ? CR_STORE_CAN_BATCH : 0u)};
    cr_store store = {.size = sizeof store, .user_data = world, .get = store_get, .put = store_set, .delete_ = store_delete,
                      .scan = vector->can_scan ? store_scan : NULL, .batch = vector->can_batch ? store_batch : NULL};
    if (status == CR_OK && vector->store == NULL)
        status = cr_database_memory(&world->database, &world->fault);
    if (status == CR_OK && vector->store == NULL)
        status = cr_engine_new(world->database, &options, &world->engine, &world->fault);
    else if (status == CR_OK && in_steps)
        status = cr_engine_new_in_steps(&options, &world->engine, &world->fault);
    else if (status == CR_OK)
        status = cr_engine_new_with_store(&store, &options, &world->engine, &world->fault);
    cr_document_free(read);
    if (cr_error_status(world->fault) != status)
        abort();
    size_t held;
    const cr_op *holds = world_ops(world, vector->holds, vector->holds_len, &held);
    for (size_t i = 0; i < held; i++)
        store_put(world, (struct bytes){holds[i].key, holds[i].key_len}, (struct bytes){holds[i].value, holds[i].value_len});
    return world;
}

void world_free(struct world *world)
{
    cr_engine_free(world->engine);
    cr_database_free(world->database);
    cr_manual_clock_free(world->clock);
    cr_error_free(world->fault);
    list_free(&world->stored);
    free(world->denied.items);
    free(world->sunk.items);
    for (size_t i = 0; i < world->made_len; i++)
        free(world->made[i]);
    free(world->made);
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

cr_status world_add_listener(struct world *world, struct telling *listener, cr_error **error)
{
    if (world->in_steps)
        return cr_engine_on_denied_id(world->engine, LISTENER_ID + (uint64_t)(listener - world->listeners),
                                      &listener->handle, error);
    cr_listener given = {.size = sizeof given, .denied = call_listener, .user_data = listener};
    return cr_engine_on_denied(world->engine, &given, &listener->handle, error);
}

cr_status world_add_sink(struct world *world, struct telling *sink, cr_error **error)
{
    if (world->in_steps)
        return cr_engine_add_audit_sink_id(world->engine, SINK_ID + (uint64_t)(sink - world->sinks), sink->teller->strict,
                                           &sink->handle, error);
    cr_sink given = {.size = sizeof given, .record = call_sink, .user_data = sink, .strict = sink->teller->strict};
    return cr_engine_add_audit_sink(world->engine, &given, &sink->handle, error);
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
