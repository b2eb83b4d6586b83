/* What is wanted, and what a vector at play gave. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "conformance_compare.h"

void fault(const char *where, size_t place, const char *what, struct bytes want, struct bytes have)
{
    faults++;
    fprintf(stderr, "%s (%s), %s %zu: %s\n  want %.*s\n  got  %.*s\n", now->vector->name,
            now->in_steps ? "in steps" : "in calls", where, place, what, (int)want.len,
            want.data == NULL ? "" : (const char *)want.data, (int)have.len,
            have.data == NULL ? "(nothing)" : (const char *)have.data);
}

struct bytes of_str(cr_str text)
{
    return (struct bytes){(const uint8_t *)text.data, text.len};
}

struct bytes without_types(struct bytes wanted)
{
    static const char name[] = FOREIGN, instead[] = "sink";
    if (now->in_steps || now->vector->sinks_len == 0 || wanted.data == NULL)
        return wanted;
    uint8_t *text = keep(now, wanted.len);
    size_t len = 0;
    for (size_t at = 0; at < wanted.len;) {
        int here = at + sizeof name - 1 <= wanted.len && memcmp(wanted.data + at, name, sizeof name - 1) == 0;
        const void *from = here ? (const void *)instead : (const void *)(wanted.data + at);
        size_t bytes = here ? sizeof instead - 1 : 1;
        memcpy(text + len, from, bytes);
        len += bytes;
        at += here ? sizeof name - 1 : 1;
    }
    return (struct bytes){text, len};
}

void text_is(const char *where, size_t place, const char *what, struct run want, cr_str have, int part)
{
    if (want.data == NULL)
        return;
    struct bytes wanted = expand(now, want);
    int fits = same(wanted, of_str(have)) || same(without_types(wanted), of_str(have));
    for (size_t at = 0; part && !fits && have.data != NULL && at + wanted.len <= have.len; at++)
        fits = memcmp(have.data + at, wanted.data, wanted.len) == 0;
    if (!fits)
        fault(where, place, what, wanted, of_str(have));
}

void number_is(const char *where, size_t place, const char *what, uint64_t want, uint64_t have)
{
    char wanted[32], got[32];
    snprintf(wanted, sizeof wanted, "%" PRIu64, want);
    snprintf(got, sizeof got, "%" PRIu64, have);
    if (want != have)
        fault(where, place, what, (struct bytes){(uint8_t *)wanted, strlen(wanted)},
              (struct bytes){(uint8_t *)got, strlen(got)});
}

void error_is(const char *where, size_t place, const struct failure *want, const cr_error *error)
{
    cr_error_info info;
    if (!want->present || !cr_error_get_info(error, &info)) {
        if (want->present || error != NULL)
            fault(where, place, "an error", (struct bytes){CR_BYTES("one, or none")}, of_str(cr_error_message(error)));
        return;
    }
    text_is(where, place, "class", want->class_, info.class_name, 0);
    text_is(where, place, "code", want->code_, info.code, 0);
    text_is(where, place, "reason", want->reason_, info.reason, 0);
    text_is(where, place, "message", want->message_, info.message, 1);
    text_is(where, place, "rule", want->rule_, info.rule, 0);
    text_is(where, place, "operation", want->operation_, info.operation, 0);
    text_is(where, place, "limit", want->limit_, info.limit, 0);
    text_is(where, place, "scope", want->scope_, info.scope, 0);
    struct bytes key = expand(now, want->key), have = {info.key, info.key_len};
    if (key.data != NULL && !same(key, have))
        fault(where, place, "key", key, have);
    if (want->applied != 0)
        number_is(where, place, "applied", (uint64_t)want->applied - 1, (uint64_t)info.applied);
    if (want->applied_count != 0)
        number_is(where, place, "applied", (uint64_t)want->applied_count - 1, (uint64_t)info.applied_count);
    if (want->has_position)
        number_is(where, place, "position", want->position, info.position);
    if (want->has_retry_after_ns)
        number_is(where, place, "retry_after_ns", want->retry_after_ns, info.retry_after_ns);
    if (want->cause == 1 && info.cause_type.data != NULL)
        fault(where, place, "cause", (struct bytes){NULL, 0}, of_str(info.cause_type));
    if (want->cause == 2)
        text_is(where, place, "cause", (struct run){FOREIGN, strlen(FOREIGN), 1}, info.cause_type, 0);
}
