/* Policy documents: read, checked, applied and replaced. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"

static cr_document *parsed(const char *text)
{
    cr_document *document = NULL;
    WORKS(cr_document_parse(text, CR_NUL, "json", CR_NUL, "policy.json", CR_NUL, &document, &error));
    return document;
}

#define DENY(keys) "{\"version\": 1, \"hooks\": [{\"on\": \"before_write\", \"keys\": \"" keys "\", \"action\": \"deny\"}]}"

static void applied_and_reloaded(void)
{
    cr_database *database = NULL;
    cr_engine *engine = NULL;
    cr_document *first = parsed(DENY("a/**")), *second = parsed(DENY("b/**"));
    cr_engine_options options = {.size = sizeof options, .document = first};
    WORKS(cr_database_memory(&database, &error));
    WORKS(cr_engine_new(database, &options, &engine, &error));
    cr_hook own = cr_helper_deny_all();
    WORKS(cr_engine_before_write(engine, "own", CR_NUL, &own, NULL, &error));
    FAILS(CR_DENIED, cr_engine_put(engine, CR_BYTES("a/k"), CR_BYTES("v"), NULL, &error));
    WORKS(cr_engine_put(engine, CR_BYTES("b/k"), CR_BYTES("v"), NULL, &error));
    WORKS(cr_engine_reload(engine, second, &error));
    /* The engine keeps what it needs. */
    cr_document_free(first);
    cr_document_free(second);
    WORKS(cr_engine_put(engine, CR_BYTES("a/k"), CR_BYTES("v"), NULL, &error));
    FAILS(CR_DENIED, cr_engine_put(engine, CR_BYTES("b/k"), CR_BYTES("v"), NULL, &error));
    FAILS(CR_DENIED, cr_engine_put(engine, CR_BYTES("own"), CR_BYTES("v"), NULL, &error));

    /* One that cannot be applied changes nothing, and makes no engine. */
    cr_document *bare = parsed("{\"version\": 1, \"rate_limits\": [{\"operation\": \"effect\", \"max_per_minute\": 1}]}");
    FAILS(CR_CONFIG, cr_engine_reload(engine, bare, &error));
    FAILS(CR_DENIED, cr_engine_put(engine, CR_BYTES("b/k"), CR_BYTES("v"), NULL, &error));
    cr_engine *none = NULL;
    options.document = bare;
    FAILS(CR_CONFIG, cr_engine_new(database, &options, &none, &error));
    CHECK(none == NULL);
    FAILS(CR_USAGE, cr_engine_reload(engine, NULL, &error));
    FAILS(CR_USAGE, cr_engine_reload(NULL, bare, &error));
    cr_document_free(bare);
    cr_document_free(NULL);
    cr_engine_free(engine);
    cr_database_free(database);
}

static void problems(void)
{
    cr_document *document = NULL;
    cr_error *error = NULL;
    static const char text[] = "version: 1\nhooks:\n  - on: before_wrte\n    keys: \"**\"\n    action: denyy\n";
    CHECK(cr_document_parse(text, CR_NUL, "yaml", CR_NUL, "p.yaml", CR_NUL, &document, &error) == CR_CONFIG);
    CHECK(strstr(cr_error_message(error).data, "p.yaml:3:") != NULL && strstr(cr_error_message(error).data, "p.yaml:5:") != NULL);
    cr_error_free(error);
    FAILS(CR_CONFIG, cr_document_parse("{}", CR_NUL, "xml", CR_NUL, "p", CR_NUL, &document, &error));
    FAILS(CR_CONFIG, cr_document_parse("{\xff", CR_NUL, "json", CR_NUL, "p", CR_NUL, &document, &error));
    FAILS(CR_USAGE, cr_document_parse(NULL, 3, "json", CR_NUL, "p", CR_NUL, &document, &error));
    FAILS(CR_USAGE, cr_document_parse("{}", CR_NUL, NULL, 0, "p", CR_NUL, &document, &error));
    FAILS(CR_USAGE, cr_document_parse("{}", CR_NUL, "json", CR_NUL, NULL, 0, &document, &error));
    FAILS(CR_USAGE, cr_document_parse("{}", CR_NUL, "json", CR_NUL, "p", CR_NUL, NULL, &error));
    FAILS(CR_CONFIG, cr_document_load("/nowhere/policy.yaml", CR_NUL, &document, &error));
    FAILS(CR_USAGE, cr_document_load(NULL, CR_NUL, &document, &error));
    CHECK(document == NULL);
}

static void loaded(void)
{
    char path[] = "/tmp/checkrein-document-XXXXXX.toml";
    cr_document *document = NULL;
    int file = mkstemps(path, 5);
    static const char text[] = "version = 1\n[[hooks]]\non = \"before_read\"\nkeys = \"**\"\naction = \"deny\"\n";
    CHECK(file >= 0 && write(file, text, sizeof text - 1) == (ssize_t)(sizeof text - 1));
    close(file);
    WORKS(cr_document_load(path, CR_NUL, &document, &error));
    CHECK(document != NULL);
    cr_document_free(document);
    unlink(path);
}

void test_documents(void)
{
    applied_and_reloaded();
    problems();
    loaded();
}
