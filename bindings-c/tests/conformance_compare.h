/* What is wanted, and what a vector at play gave: each difference is told and counted. */
#ifndef CHECKREIN_CONFORMANCE_COMPARE_H
#define CHECKREIN_CONFORMANCE_COMPARE_H

#include "conformance_world.h"

extern size_t faults;
extern struct world *now; /* the vector at play */

void fault(const char *where, size_t place, const char *what, struct bytes want, struct bytes have);
struct bytes of_str(cr_str text);
/* A sink that is a function says that it failed, and not with what: its error's type is `sink`. */
struct bytes without_types(struct bytes wanted);
/* `part`: what is wanted stands somewhere in it. */
void text_is(const char *where, size_t place, const char *what, struct run want, cr_str have, int part);
void number_is(const char *where, size_t place, const char *what, uint64_t want, uint64_t have);
void error_is(const char *where, size_t place, const struct failure *want, const cr_error *error);

#endif
