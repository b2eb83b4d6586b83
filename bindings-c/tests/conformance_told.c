/* Listeners and sinks of the vectors, and what stands in a JSON text. */
#include <stdlib.h>
#include <string.h>

#include "conformance_world.h"

struct telling *world_teller(struct telling *all, size_t len, struct run name)
{
    for (size_t i = 0; i < len; i++)
        if (all[i].teller->name.len == name.len && memcmp(all[i].teller->name.data, name.data, name.len) == 0)
            return &all[i];
    abort();
}

/* Whether the next word says that it works. */
static int works(struct telling *telling)
{
    size_t last = telling->teller->script_len - 1, call = telling->calls++;
    return named(telling->teller->script[call < last ? call : last].name, "ok");
}

static struct heard *hear(struct hearings *hearings)
{
    if (hearings->len == hearings->room) {
        hearings->room = 2 * hearings->room + 16;
        hearings->items = realloc(hearings->items, hearings->room * sizeof *hearings->items);
        if (hearings->items == NULL)
            abort();
    }
    return &hearings->items[hearings->len++];
}

static struct bytes text(struct world *world, cr_str given)
{
    return copied(world, given.data, given.len);
}

int listener_told(struct telling *telling, const cr_error *error)
{
    struct world *world = telling->world;
    size_t len = 0;
    const uint8_t *key = cr_error_key(error, &len);
    *hear(&world->denied) = (struct heard){
        .who = telling->teller, .code = text(world, cr_error_code(error)), .key = copied(world, key, len), .applied = -1};
    return works(telling);
}

int sink_told(struct telling *telling, const cr_audit_log *entries, cr_phase phase)
{
    struct world *world = telling->world;
    cr_audit_entry entry;
    for (size_t i = 0; cr_audit_log_at(entries, i, &entry); i++) {
        struct heard *heard = hear(&world->sunk);
        *heard = (struct heard){.who = telling->teller,
                                .operation = text(world, entry.operation),
                                .result = text(world, entry.result),
                                .rule = text(world, entry.rule),
                                .key = text(world, entry.key),
                                .applied = entry.applied};
        if (phase != CR_PHASE_NONE)
            heard->phase = phase == CR_PHASE_DECIDED ? (struct bytes){CR_BYTES("decided")} : (struct bytes){CR_BYTES("done")};
        if (!works(telling))
            return 0;
    }
    return 1;
}

static const uint8_t *space_over(const uint8_t *at, const uint8_t *end)
{
    while (at < end && *at <= ' ')
        at++;
    return at;
}

/* Behind the value that begins here. */
static const uint8_t *behind(const uint8_t *at, const uint8_t *end)
{
    int depth = 0, quoted = 0;
    for (; at < end; at++) {
        if (quoted) {
            at += *at == '\\';
            quoted = *at != '"';
            if (!quoted && depth == 0)
                return at + 1;
        } else if (*at == '"') {
            quoted = 1;
        } else if (*at == '{' || *at == '[') {
            depth++;
        } else if (*at == '}' || *at == ']') {
            if (depth == 0)
                return at;
            if (--depth == 0)
                return at + 1;
        } else if (depth == 0 && (*at == ',' || *at == ':')) {
            return at;
        }
    }
    return end;
}

struct bytes json_at(struct bytes json, const char *path)
{
    while (*path != 0) {
        size_t len = strcspn(path, "."), number = strtoul(path, NULL, 10);
        const uint8_t *at = json.data + 1, *end = json.data + json.len;
        int is_array = json.len > 0 && json.data[0] == '[', found = 0;
        for (size_t place = 0; !found; place++) {
            at = space_over(at, end);
            if (at >= end || *at == ']' || *at == '}')
                return (struct bytes){NULL, 0};
            const uint8_t *after = behind(at, end);
            if (!is_array) {
                found = (size_t)(after - at) == len + 2 && memcmp(at + 1, path, len) == 0;
                at = space_over(space_over(after, end) + 1, end);
                after = behind(at, end);
            } else {
                found = place == number;
            }
            if (found)
                json = (struct bytes){at, (size_t)(after - at)};
            at = space_over(after, end) + 1;
        }
        path += len + (path[len] == '.');
    }
    return json;
}
