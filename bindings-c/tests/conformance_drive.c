/* An operation in one call, and step by step. */
#include <stdlib.h>
#include <string.h>

#include "conformance_world.h"

static void number32(uint8_t *at, size_t number)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(number >> (8 * i));
}

/* The context as one run of bytes; see cr_operation_run. */
static struct bytes pack(struct world *world, const struct said *said, size_t entries)
{
    size_t len = 0, room = 1;
    for (size_t i = 0; i < entries; i++)
        room += 17 + expand(world, said[i].name).len + expand(world, said[i].text).len;
    uint8_t *packed = keep(world, room);
    for (size_t i = 0; i < entries; i++) {
        struct bytes name = expand(world, said[i].name), value = expand(world, said[i].text);
        uint8_t number[8];
        for (int byte = 0; byte < 8; byte++)
            number[byte] = (uint8_t)((uint64_t)said[i].number >> (8 * byte));
        if (said[i].kind == SAID_NULL)
            continue;
        packed[len] = (uint8_t)(said[i].kind == SAID_TEXT ? CR_VALUE_TEXT
                                : said[i].kind == SAID_BOOL ? CR_VALUE_BOOL
                                                            : CR_VALUE_INT);
        if (said[i].kind != SAID_TEXT)
            value = (struct bytes){number, said[i].kind == SAID_BOOL ? 1 : 8};
        number32(packed + len + 1, name.len);
        number32(packed + len + 5, value.len);
        memcpy(packed + len + 9, name.data, name.len);
        memcpy(packed + len + 9 + name.len, value.data, value.len);
        len += 9 + name.len + value.len;
    }
    return (struct bytes){packed, len};
}

/* Operations as one run of bytes; a pair of a page has no kind. */
static struct bytes pack_ops(struct world *world, const cr_op *ops, size_t ops_len, int kinds)
{
    size_t len = 0, room = 1;
    for (size_t i = 0; i < ops_len; i++)
        room += 9 + ops[i].key_len + ops[i].value_len;
    uint8_t *packed = keep(world, room);
    for (size_t i = 0; i < ops_len; i++) {
        if (kinds)
            packed[len++] = (uint8_t)ops[i].kind;
        number32(packed + len, ops[i].key_len);
        number32(packed + len + 4, ops[i].value_len);
        len += 8;
        memcpy(packed + len, ops[i].key, ops[i].key_len);
        len += ops[i].key_len;
        if (ops[i].value_len > 0)
            memcpy(packed + len, ops[i].value, ops[i].value_len);
        len += ops[i].value_len;
    }
    return (struct bytes){packed, len};
}

/* A page, once as an array and once packed. */
static int perform_scan(struct world *world, cr_step *step)
{
    struct list page = {0};
    struct reaction says = store_scan_says(world, (struct bytes){step->key, step->key_len},
                                           (struct bytes){step->after, step->after_len}, step->count, &page);
    if (says.cancel)
        return 0;
    if (says.kind != CR_REPLY_PAGE) {
        cr_operation_store(step->operation, says.kind, says.bytes.data, says.bytes.len, 0, says.error, step);
    } else if (world->store_calls % 2 == 0) {
        cr_pair *pairs = keep(world, page.len * sizeof *pairs);
        for (size_t i = 0; i < page.len; i++)
            pairs[i] = (cr_pair){page.items[i].key, page.items[i].key_len, page.items[i].value, page.items[i].value_len};
        cr_operation_page(step->operation, pairs, page.len, 0, step);
    } else {
        cr_op *pairs = keep(world, page.len * sizeof *pairs);
        for (size_t i = 0; i < page.len; i++)
            pairs[i] = (cr_op){0, page.items[i].key, page.items[i].key_len, page.items[i].value, page.items[i].value_len};
        struct bytes packed = pack_ops(world, pairs, page.len, 0);
        cr_operation_store(step->operation, CR_REPLY_PAGE, packed.data, packed.len, 0, NULL, step);
    }
    list_free(&page);
    return 1;
}

/* Performs one step; false where the operation was cancelled. */
static int perform(struct world *world, cr_step *step)
{
    struct bytes key = {step->key, step->key_len}, value = {step->value, step->value_len};
    struct reaction says;
    switch (step->kind) {
    case CR_STEP_CALL_HOOK:
        says = hook_says(&world->hooks[step->id - 1], key, value, step->context, step->depth);
        if (says.cancel)
            return 0;
        cr_operation_answer(step->operation, says.kind, says.bytes.data, says.bytes.len, 0, says.error, step);
        return 1;
    case CR_STEP_STORE_GET:
    case CR_STEP_STORE_PUT:
    case CR_STEP_STORE_DELETE:
        says = store_says(world,
                          step->kind == CR_STEP_STORE_GET   ? CR_READ
                          : step->kind == CR_STEP_STORE_PUT ? CR_WRITE
                                                            : CR_DELETE,
                          key, value);
        if (says.cancel)
            return 0;
        cr_operation_store(step->operation, says.kind, says.bytes.data, says.bytes.len, 0, says.error, step);
        return 1;
    case CR_STEP_STORE_SCAN: return perform_scan(world, step);
    case CR_STEP_STORE_BATCH:
        says = store_batch_says(world, step->ops, step->count);
        if (says.cancel)
            return 0;
        cr_operation_store(step->operation, says.kind, says.bytes.data, says.bytes.len, 0, says.error, step);
        return 1;
    case CR_STEP_RECORD: {
        int told = sink_told(&world->sinks[step->id - SINK_ID], step->entries, step->phase);
        cr_operation_recorded(step->operation, told, CR_BYTES(FOREIGN), 0, step);
        return 1;
    }
    case CR_STEP_NOTIFY: {
        int told = listener_told(&world->listeners[step->id - LISTENER_ID], step->refusal);
        cr_operation_logged(step->operation, told, CR_BYTES(FOREIGN), 0, step);
        return 1;
    }
    case CR_STEP_LOG:
        cr_operation_logged(step->operation, 1, NULL, 0, 0, step);
        return 1;
    default:
        return 0;
    }
}

static struct got in_steps(struct world *world, struct asked asked, const struct said *said, size_t entries,
                           const cr_context *context, uint32_t depth)
{
    uint8_t buffer[4];
    struct got got = {0};
    cr_step step = {.size = sizeof step};
    uint32_t flags = CR_ASK_LOG | (asked.one_by_one ? CR_ASK_ONE_BY_ONE : 0u) | (asked.take == 0 ? CR_ASK_NOTHING : 0u);
    struct bytes value = asked.ops == NULL ? asked.value : pack_ops(world, asked.ops, asked.ops_len, 1);
    if (context != NULL) {
        cr_request request = {.size = sizeof request, .kind = asked.kind, .flags = flags, .key = asked.key.data,
                              .key_len = asked.key.len, .value = asked.value.data, .value_len = asked.value.len,
                              .context = context, .depth = depth, .ops = asked.ops, .ops_len = asked.ops_len};
        cr_operation_start(world->engine, &request, &step);
    } else {
        struct bytes packed = pack(world, said, entries);
        cr_operation_run(world->engine, asked.kind, flags, depth, asked.key.data, asked.key.len, value.data, value.len,
                         packed.data, packed.len, buffer, sizeof buffer, &step);
    }
    while (step.kind != CR_STEP_DONE) {
        int cancelled = 0;
        if (step.kind == CR_STEP_ITEM) {
            list_add(&got.list, (struct bytes){step.key, step.key_len}, (struct bytes){step.value, step.value_len});
            if (asked.take < 0 || got.list.len < (size_t)asked.take) {
                cr_operation_next(step.operation, &step);
                continue;
            }
        } else {
            if (perform(world, &step))
                continue;
            cancelled = 1;
        }
        cr_operation_free(step.operation);
        got.cancelled = cancelled;
        return got;
    }
    if (asked.take == 0) {
        cr_error_free(step.error);
        return got;
    }
    got.status = step.status;
    got.error = step.error;
    if (step.value != NULL) {
        got.value = malloc(step.value_len + 1);
        if (got.value == NULL)
            abort();
        memcpy(got.value, step.value, step.value_len);
        got.value_len = step.value_len;
        if (step.value_is_owned)
            cr_bytes_free((uint8_t *)(uintptr_t)step.value, step.value_len);
    }
    for (size_t i = 0; step.values != NULL && i < step.values->len; i++)
        list_add(&got.list, (struct bytes){NULL, 0}, (struct bytes){step.values->items[i].data, step.values->items[i].len});
    cr_values_free(step.values);
    return got;
}

/* Walks over a scan, to its end or until enough was taken. */
static void walk(struct world *world, struct asked asked, const cr_context *context, struct got *got)
{
    cr_scan *scan = NULL;
    const uint8_t *key, *value;
    size_t key_len, value_len;
    got->status = cr_engine_scan(world->engine, asked.key.data, asked.key.len, context, &scan, &got->error);
    while (got->status == CR_OK && (asked.take < 0 || got->list.len < (size_t)asked.take)) {
        got->status = cr_scan_next(scan, &key, &key_len, &value, &value_len, &got->error);
        if (got->status != CR_OK || key == NULL)
            break;
        list_add(&got->list, (struct bytes){key, key_len}, (struct bytes){value, value_len});
    }
    cr_scan_free(scan);
}

static void get_many(struct world *world, struct asked asked, const cr_context *context, struct got *got)
{
    cr_values *values = NULL;
    cr_bytes *keys = keep(world, asked.ops_len * sizeof *keys);
    for (size_t i = 0; i < asked.ops_len; i++)
        keys[i] = (cr_bytes){asked.ops[i].key, asked.ops[i].key_len};
    got->status = cr_engine_get_many(world->engine, keys, asked.ops_len, context, &values, &got->error);
    for (size_t i = 0; values != NULL && i < values->len; i++)
        list_add(&got->list, (struct bytes){NULL, 0}, (struct bytes){values->items[i].data, values->items[i].len});
    cr_values_free(values);
}

struct got operate(struct world *world, struct asked asked, const struct said *said, size_t entries,
                   const cr_context *context, uint32_t depth)
{
    if (world->in_steps)
        return in_steps(world, asked, said, entries, context, depth);
    struct got got = {0};
    cr_context *own = context == NULL ? world_context(said, entries, world) : NULL;
    const cr_context *used = context == NULL ? own : context;
    struct bytes key = asked.key, value = asked.value;
    uint8_t *read = NULL;
    size_t len = 0;
    if (asked.kind == CR_WRITE)
        got.status = cr_engine_put(world->engine, key.data, key.len, value.data, value.len, used, &got.error);
    else if (asked.kind == CR_READ)
        got.status = cr_engine_get(world->engine, key.data, key.len, used, &read, &len, &got.error);
    else if (asked.kind == CR_DELETE)
        got.status = cr_engine_delete(world->engine, key.data, key.len, used, &got.error);
    else if (asked.kind == CR_SCAN)
        walk(world, asked, used, &got);
    else if (asked.kind == CR_GET_MANY)
        get_many(world, asked, used, &got);
    else
        got.status = cr_engine_batch(world->engine, asked.ops, asked.ops_len, asked.one_by_one ? CR_BATCH_ONE_BY_ONE : 0u,
                                     used, &got.error);
    cr_context_free(own);
    if (read != NULL) {
        got.value = malloc(len + 1);
        if (got.value == NULL)
            abort();
        memcpy(got.value, read, len);
        got.value_len = len;
        cr_bytes_free(read, len);
    }
    return got;
}

void got_free(struct got *got)
{
    cr_error_free(got->error);
    free(got->value);
    list_free(&got->list);
    *got = (struct got){0};
}
