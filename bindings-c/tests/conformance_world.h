/* One vector at play: the engine, its store, its hooks and its clock. */
#ifndef CHECKREIN_CONFORMANCE_WORLD_H
#define CHECKREIN_CONFORMANCE_WORLD_H

#include "conformance.h"

#define START_NS UINT64_C(1700000000000000000)
#define FOREIGN "HostError"
#define MAX_HOOKS 32
#define MAX_KEYS 64

struct bytes {
    const uint8_t *data; /* NULL: absent */
    size_t len;
};

struct world;

struct scripted {
    const struct host_hook *hook;
    struct world *world;
    size_t calls;
    uint64_t handle;
};

struct stored {
    uint8_t *key, *value;
    size_t key_len, value_len;
    int there;
};

struct world {
    const struct vector *vector;
    int in_steps;
    uint64_t now_ns;
    cr_manual_clock *clock;
    cr_database *database;
    cr_engine *engine;
    struct scripted hooks[MAX_HOOKS];
    struct stored stored[MAX_KEYS];
    size_t store_calls;
    void *made[64]; /* long runs, freed with the world */
    size_t made_len;
};

/* What a step gave. */
struct got {
    cr_status status;
    cr_error *error;
    uint8_t *value;
    size_t value_len;
    int cancelled;
};

/* What a scripted hook or store says. */
struct reaction {
    int32_t kind; /* CR_ANSWER_ or CR_REPLY_ */
    struct bytes bytes;
    cr_error *error;
    int cancel;
};

struct bytes expand(struct world *world, struct run run);
int same(struct bytes a, struct bytes b);
int named(struct run run, const char *word);

struct world *world_new(const struct vector *vector, int in_steps);
void world_free(struct world *world);
cr_status world_add_hook(struct world *world, const char *name, size_t len, cr_error **error);
int world_remove_hook(struct world *world, const char *name, size_t len);
cr_context *world_context(const struct said *said, size_t entries, struct world *world);

struct reaction hook_says(struct scripted *scripted, struct bytes key, struct bytes value, const cr_context *context,
                          uint32_t depth);
struct reaction store_says(struct world *world, cr_kind kind, struct bytes key, struct bytes value);
struct bytes store_holds(struct world *world, struct bytes key);

/* An operation in one call, or step by step. `said` is given at the top, `context` inside hooks. */
struct got operate(struct world *world, cr_kind kind, struct bytes key, struct bytes value, const struct said *said,
                   size_t entries, const cr_context *context, uint32_t depth);
void got_free(struct got *got);

#endif
