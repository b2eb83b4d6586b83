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
    uint8_t *packed = malloc(room);
    if (packed == NULL || world->made_len == sizeof world->made / sizeof *world->made)
        abort();
    world->made[world->made_len++] = packed;
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
    case CR_STEP_LOG:
        cr_operation_logged(step->operation, 1, NULL, 0, 0, step);
        return 1;
    default:
        return 0;
    }
}

static struct got in_steps(struct world *world, cr_kind kind, struct bytes key, struct bytes value,
                           const struct said *said, size_t entries, const cr_context *context, uint32_t depth)
{
    uint8_t buffer[4];
    struct got got = {0};
    cr_step step = {.size = sizeof step};
    if (context != NULL) {
        cr_request request = {.size = sizeof request, .kind = kind, .flags = CR_ASK_LOG, .key = key.data,
                              .key_len = key.len, .value = value.data, .value_len = value.len, .context = context,
                              .depth = depth};
        cr_operation_start(world->engine, &request, &step);
    } else {
        struct bytes packed = pack(world, said, entries);
        cr_operation_run(world->engine, kind, CR_ASK_LOG, depth, key.data, key.len, value.data, value.len, packed.data,
                         packed.len, buffer, sizeof buffer, &step);
    }
    while (step.kind != CR_STEP_DONE) {
        if (!perform(world, &step)) {
            cr_operation_free(step.operation);
            got.cancelled = 1;
            return got;
        }
    }
    got.status = step.status;
    got.error = step.error;
    got.value_len = step.value_len;
    if (step.value != NULL) {
        got.value = malloc(step.value_len + 1);
        if (got.value == NULL)
            abort();
        memcpy(got.value, step.value, step.value_len);
        if (step.value_is_owned)
            cr_bytes_free((uint8_t *)(uintptr_t)step.value, step.value_len);
    }
    return got;
}

struct got operate(struct world *world, cr_kind kind, struct bytes key, struct bytes value, const struct said *said,
                   size_t entries, const cr_context *context, uint32_t depth)
{
    if (world->in_steps)
        return in_steps(world, kind, key, value, said, entries, context, depth);
    struct got got = {0};
    cr_context *own = context == NULL ? world_context(said, entries, world) : NULL;
    const cr_context *used = context == NULL ? own : context;
    uint8_t *read = NULL;
    size_t len = 0;
    if (kind == CR_WRITE)
        got.status = cr_engine_put(world->engine, key.data, key.len, value.data, value.len, used, &got.error);
    else if (kind == CR_READ)
        got.status = cr_engine_get(world->engine, key.data, key.len, used, &read, &len, &got.error);
    else
        got.status = cr_engine_delete(world->engine, key.data, key.len, used, &got.error);
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
    *got = (struct got){0};
}
