/* The tests' few tools: a check that counts, shortcuts for engines and for errors that are expected. */
#ifndef CHECKREIN_CHECK_H
#define CHECKREIN_CHECK_H

#include <checkrein.h>
#include <string.h>

extern int checks_failed;
void check(int holds, const char *what, const char *file, int line);

#define CHECK(what) check((what) ? 1 : 0, #what, __FILE__, __LINE__)

/* The status is this, and the error says so too; frees it. */
#define FAILS(wanted, call)                                                                                            \
    do {                                                                                                               \
        cr_error *error = NULL;                                                                                        \
        CHECK((call) == (wanted));                                                                                     \
        CHECK(cr_error_status(error) == (wanted));                                                                     \
        CHECK(cr_error_message(error).len > 0);                                                                        \
        cr_error_free(error);                                                                                          \
    } while (0)

/* Worked, without an error. */
#define WORKS(call)                                                                                                    \
    do {                                                                                                               \
        cr_error *error = NULL;                                                                                        \
        CHECK((call) == CR_OK);                                                                                        \
        CHECK(error == NULL);                                                                                          \
        cr_error_free(error);                                                                                          \
    } while (0)

#define TEXT_IS(text, wanted) CHECK((text).data != NULL && strcmp((text).data, (wanted)) == 0)

/* An engine over a new database in memory, with a quiet logger and the audit on. */
struct bench {
    cr_database *database;
    cr_engine *engine;
    int told; /* sentences of the logger */
    char last[256];
};

void bench_start(struct bench *bench);
void bench_end(struct bench *bench);
/* The newest audit entry's result, or "". */
const char *bench_last_result(struct bench *bench);

cr_hook hook_of(cr_hook_fn call, void *user_data);
cr_context *agent(const char *name);

void test_arguments(void);
void test_audit(void);
void test_audit_files(void);
void test_contexts(void);
void test_databases(void);
void test_documents(void);
void test_errors(void);
void test_forks(void);
void test_hooks(void);
void test_limits(void);
void test_several(void);
void test_steps(void);
void test_steps_many(void);
void test_stores(void);
void test_threads(void);
void test_told(void);

#endif
