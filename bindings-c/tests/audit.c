/* Reading the audit: filters, fields, JSON lines. */
#include "check.h"

static size_t count(cr_engine *engine, const cr_audit_filter *filter)
{
    cr_audit_log *log = NULL;
    WORKS(cr_engine_audit_log(engine, filter, &log, &error));
    size_t len = cr_audit_log_len(log);
    cr_audit_log_free(log);
    return len;
}

void test_audit(void)
{
    struct bench bench;
    cr_audit_log *log = NULL;
    cr_audit_entry entry;
    cr_context *context = agent("a");
    cr_hook hook = cr_helper_deny_all();
    bench_start(&bench);
    WORKS(cr_context_set_text(context, "session_id", CR_NUL, "", 0, &error));
    WORKS(cr_engine_before_write(bench.engine, "no/*", CR_NUL, &hook, NULL, &error));
    WORKS(cr_engine_put(bench.engine, CR_BYTES("\\\xff"), CR_BYTES("secret"), context, &error));
    FAILS(CR_DENIED, cr_engine_put(bench.engine, CR_BYTES("no/k"), CR_BYTES("secret"), NULL, &error));
    WORKS(cr_engine_delete(bench.engine, CR_BYTES("k"), NULL, &error));

    WORKS(cr_engine_audit_log(bench.engine, NULL, &log, &error));
    CHECK(cr_audit_log_len(log) == 3 && cr_audit_log_at(log, 0, NULL) && cr_audit_log_at(log, 0, &entry));
    CHECK(entry.sequence == 1 && entry.applied == 1 && entry.logged == 0 && entry.timestamp_ns > 0);
    TEXT_IS(entry.key, "\\x5c\\xff");
    CHECK(entry.key_bytes_len == 2 && memcmp(entry.key_bytes, "\\\xff", 2) == 0);
    TEXT_IS(entry.agent_id, "a");
    TEXT_IS(entry.session_id, "");
    CHECK(entry.rule.data == NULL && entry.reason.data == NULL && entry.operation_id.len > 0);
    TEXT_IS(entry.surface, "data");
    CHECK(cr_audit_log_at(log, 1, &entry) && entry.applied == 0);
    TEXT_IS(entry.result, "denied");
    TEXT_IS(entry.rule, "before_write no/*");
    CHECK(!cr_audit_log_at(log, 3, &entry) && cr_audit_log_json(log, 3).data == NULL);
    for (size_t i = 0; i < 3; i++) {
        cr_str line = cr_audit_log_json(log, i);
        CHECK(line.data[0] == '{' && line.data[line.len - 1] == '}' && strstr(line.data, "secret") == NULL);
    }
    cr_audit_log_free(log);

    cr_audit_filter filter = {.size = sizeof filter, .given = CR_FILTER_LIMIT};
    CHECK(count(bench.engine, &filter) == 0);
    filter = (cr_audit_filter){.size = sizeof filter, .limit = 2};
    CHECK(count(bench.engine, &filter) == 2);
    filter = (cr_audit_filter){.size = sizeof filter, .agent_id = "a", .agent_id_len = CR_NUL};
    CHECK(count(bench.engine, &filter) == 1);
    filter = (cr_audit_filter){.size = sizeof filter, .session_id = "", .session_id_len = 0};
    CHECK(count(bench.engine, &filter) == 1);
    filter = (cr_audit_filter){.size = sizeof filter, .operation = "write", .operation_len = CR_NUL};
    CHECK(count(bench.engine, &filter) == 2);
    filter = (cr_audit_filter){.size = sizeof filter, .result = "denied", .result_len = CR_NUL};
    CHECK(count(bench.engine, &filter) == 1);
    filter = (cr_audit_filter){.size = sizeof filter, .keys = "no/*", .keys_len = CR_NUL};
    CHECK(count(bench.engine, &filter) == 1);
    filter = (cr_audit_filter){.size = sizeof filter, .since_ns = UINT64_MAX};
    CHECK(count(bench.engine, &filter) == 0);

    WORKS(cr_engine_audit_disable(bench.engine, &error));
    FAILS(CR_USAGE, cr_engine_audit_log(bench.engine, NULL, &log, &error));
    cr_context_free(context);
    bench_end(&bench);
}
