/* One vector at play: the engine, its store, its hooks and its clock. */
#ifndef CHECKREIN_CONFORMANCE_WORLD_H
#define CHECKREIN_CONFORMANCE_WORLD_H

#include "conformance.h"

#define START_NS UINT64_C(1700000000000000000)
#define FOREIGN "HostError"
#define MAX_HOOKS 32
#define MAX_TELLERS 8
/* In steps, hooks are known by their numbers from 1, and these. */
#define LISTENER_ID 100
#define SINK_ID 200

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

/* A key of the scripted store; or what an operation on several gave. No value: none is there. */
struct stored {
    uint8_t *key, *value;
    size_t key_len, value_len;
};

struct list {
    struct stored *items;
    size_t len, room;
};

/* A listener or sink at play. */
struct telling {
    const struct teller *teller;
    struct world *world;
    size_t calls;
    uint64_t handle;
};

/* What one was told. */
struct heard {
    const struct teller *who;
    struct bytes code, phase, operation, result, rule, key;
    int applied; /* -1: not said */
};

struct hearings {
    struct heard *items;
    size_t len, room;
};

struct world {
    const struct vector *vector;
    int in_steps;
    uint64_t now_ns;
    cr_manual_clock *clock;
    cr_database *database;
    cr_engine *engine;
    struct scripted hooks[MAX_HOOKS];
    cr_error *fault; /* why there is no engine */
    struct list stored;
    size_t store_calls;
    struct telling listeners[MAX_TELLERS], sinks[MAX_TELLERS];
    struct hearings denied, sunk;
    void **made; /* freed with the world */
    size_t made_len, made_room;
};

/* What a step gave. */
struct got {
    cr_status status;
    cr_error *error;
    uint8_t *value;
    size_t value_len;
    struct list list; /* the pairs of a scan, the values of a get-many */
    int cancelled;
};

/* What is asked. */
struct asked {
    cr_kind kind;
    struct bytes key, value;
    const cr_op *ops;
    size_t ops_len;
    int one_by_one;
    int take; /* pairs of a scan; -1: all */
};

/* What a scripted hook or store says. */
struct reaction {
    int32_t kind; /* CR_ANSWER_ or CR_REPLY_ */
    struct bytes bytes;
    cr_error *error;
    int cancel;
};

void *keep(struct world *world, size_t len);
struct bytes copied(struct world *world, const void *data, size_t len);
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
struct reaction store_batch_says(struct world *world, const cr_op *ops, size_t len);
/* The pairs of a page, in `page`, which is freed with list_free. */
struct reaction store_scan_says(struct world *world, struct bytes prefix, struct bytes after, size_t limit,
                                struct list *page);
struct bytes store_holds(struct world *world, struct bytes key);
void store_put(struct world *world, struct bytes key, struct bytes value);

void list_add(struct list *list, struct bytes key, struct bytes value);
void list_free(struct list *list);
/* Keys, pairs or operations of a vector; `*len` says how many. Freed with the world. */
cr_op *world_ops(struct world *world, const struct several *several, size_t several_len, size_t *len);

cr_status world_add_listener(struct world *world, struct telling *listener, cr_error **error);
cr_status world_add_sink(struct world *world, struct telling *sink, cr_error **error);
struct telling *world_teller(struct telling *all, size_t len, struct run name);
int listener_told(struct telling *telling, const cr_error *error);
int sink_told(struct telling *telling, const cr_audit_log *entries, cr_phase phase);
/* What stands at a path (`hooks.0.rule`) of a JSON text, as it is written; no data where nothing does. */
struct bytes json_at(struct bytes json, const char *path);

/* An operation in one call, or step by step. `said` is given at the top, `context` inside hooks. */
struct got operate(struct world *world, struct asked asked, const struct said *said, size_t entries,
                   const cr_context *context, uint32_t depth);
void got_free(struct got *got);

#endif
