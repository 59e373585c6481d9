/* check, selection, toollock, baseline: rows of an answer become a status. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "core/config.h"
#include "core/log.h"
#include "pg/environment.h"
#include "pg/query.h"
#include "prodcheck/baseline.h"
#include "prodcheck/check.h"
#include "prodcheck/facts.h"
#include "prodcheck/facts.h"
#include "prodcheck/selection.h"
#include "prodcheck/toollock.h"
#include "prodcheck/wire.h"
#include "prodcheck/wire.h"

/* As in pg/query.c: libpq can make the answer of a server that is not there. */
struct result {
    PGresult *raw;
};

static struct result answer;
static struct check_result out;
static struct err err;
static char folder[] = "/tmp/mig-check.XXXXXX";

/* ROWS of N columns; a NULL is a NULL. */
static const struct result *rows(int n, int count, const char *const *cells)
{
    static char name[] = "x";
    PGresAttDesc columns[8] = {0};

    PQclear(answer.raw);
    answer.raw = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    for (int i = 0; i < n; i++)
        columns[i].name = name;
    assert_int_not_equal(PQsetResultAttrs(answer.raw, n, columns), 0);
    for (int i = 0; i < n * count; i++) {
        char *text = cells[i] != NULL ? strdup(cells[i]) : NULL;

        assert_int_not_equal(
            PQsetvalue(answer.raw, i / n, i % n, text, text != NULL ? (int)strlen(text) : -1), 0);
        free(text);
    }
    check_result_wipe(&out);
    memset(&err, 0, sizeof(err));
    return &answer;
}

static const struct check seconds = {.id = "waits", .unit = UNIT_SECONDS, .ok = "none waits",
                                     .remedy = "end it"};

/* Of one row with VALUE and LEVEL. */
static enum check_status judge(const char *value, const char *level)
{
    const char *const row[] = {"t", value, "pid 1", level, NULL};
    const struct check_limits limits = {30, 60};

    assert_int_equal(check_judge(&seconds, &limits, rows(5, 1, row), &out, &err), 0);
    return out.status;
}

static void test_levels(void **state)
{
    static const struct {
        const char *value, *level;
        enum check_status status;
    } cases[] = {
        {"29.9", NULL, CHECK_OK},         {"30", NULL, CHECK_WARN}, /* reached is enough */
        {"60", NULL, CHECK_FAIL},         {"99", "cap-warn", CHECK_WARN},
        {"1", "cap-warn", CHECK_OK},      {"1", "warn-at-least", CHECK_WARN},
        {"60", "warn-at-least", CHECK_FAIL}, {"1", "fail", CHECK_FAIL},
        {"99", "ok", CHECK_OK},           {"99", "warn", CHECK_WARN},
        {NULL, "error", CHECK_ERROR},     {NULL, NULL, CHECK_OK},
        {NULL, "warn-at-least", CHECK_WARN},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (judge(cases[i].value, cases[i].level) != cases[i].status)
            fail_msg("case %zu: %s", i, check_status_name(out.status));
    judge("1", NULL);
    assert_string_equal(out.message, "none waits");
    assert_null(out.remedy); /* nothing to do */
    judge("60", NULL);
    assert_string_equal(out.message, "t: pid 1, for 1 min 0 s");
    assert_string_equal(out.remedy, "end it");
    assert_string_equal(out.threshold, "warn 30 s, fail 1 min 0 s");
}

static void test_worst(void **state)
{
    static const char *const many[] = {
        "a", "40", "warned", NULL, NULL,      "b", NULL, "blind", "error", NULL,
        "c", "70", "failed", NULL, "SELECT 7", "d", "5", "fine",  NULL,    NULL,
        "e", "99", "capped", "cap-warn", NULL,
    };
    const struct check_limits limits = {30, 60};

    assert_int_equal(check_judge(&seconds, &limits, rows(5, 2, many), &out, &err), 0);
    assert_int_equal(out.status, CHECK_ERROR); /* error over warn */
    assert_int_equal(check_judge(&seconds, &limits, rows(5, 5, many), &out, &err), 0);
    assert_int_equal(out.status, CHECK_FAIL); /* fail over error */
    assert_string_equal(out.message, "c: failed, for 1 min 10 s, and 3 more");
    assert_true(out.number > 69.5 && out.number < 70.5); /* of the row that is told, not the greatest */
    assert_int_equal(json_array_size(out.evidence), 4);  /* what is fine is no evidence */
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(out.evidence, 2), "query")), "SELECT $1");
    assert_int_equal(check_judge(&seconds, &limits, rows(5, 0, NULL), &out, &err), 0);
    assert_int_equal(out.status, CHECK_OK);
    assert_int_equal(out.has_number, 0);
}

static const struct config *configured(const char *text)
{
    static struct config *c;
    char path[64];
    FILE *f;

    config_free(c);
    c = NULL;
    memset(&err, 0, sizeof(err));
    if (text == NULL)
        return NULL;
    snprintf(path, sizeof(path), "%s/mig.json", folder);
    f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    c = config_load(path, &err);
    if (c == NULL)
        fail_msg("%s", err.message);
    unlink(path);
    return c;
}

static void test_limits(void **state)
{
    struct environment live = {.production = 1};
    struct verdict_options o = {0};
    struct check_limits l;
    const struct check *idle = check_find("idle-transactions"), *backup = check_find("backup");

    assert_int_equal(check_limits(idle, &o, &l, &err), 0);
    assert_true(l.warn > 29 && l.fail > 299);
    o.environment = &live;
    assert_int_equal(check_limits(idle, &o, &l, &err), 0);
    assert_true(l.warn < 11 && l.fail < 61); /* stricter in production */
    o.config = configured("{\"prodcheck\": {\"thresholds\": {\"idle-transactions\": "
                          "{\"warn\": \"2min\", \"fail\": 7}}}}");
    assert_int_equal(check_limits(idle, &o, &l, &err), 0);
    assert_true(l.warn > 119.5 && l.warn < 120.5 && l.fail > 6.5 && l.fail < 7.5);
    o.config = configured("{\"prodcheck\": {\"backup_max_age\": \"2h\"}}");
    assert_int_equal(check_limits(backup, &o, &l, &err), 0);
    assert_true(l.fail > 7199.5 && l.fail < 7200.5);
    o.config = configured("{\"prodcheck\": {\"thresholds\": {\"disk\": {\"warn\": \"5min\"}}}}");
    assert_int_equal(check_limits(check_find("disk"), &o, &l, &err), -1); /* no time */
    assert_int_equal(err.kind, ERR_USAGE);
    assert_non_null(strstr(err.message, "prodcheck.thresholds.disk.warn"));
    o.config = configured("{\"prodcheck\": {\"thresholds\": {\"disk\": {\"fail\": true}}}}");
    assert_int_equal(check_limits(check_find("disk"), &o, &l, &err), -1);
}

static void refused(const struct verdict_options *o, const char *say)
{
    memset(&err, 0, sizeof(err));
    assert_int_equal(selection_check(o, &err), -1);
    assert_int_equal(err.kind, ERR_USAGE);
    if (strstr(err.message, say) == NULL)
        fail_msg("%s", err.message);
}

static void test_selection(void **state)
{
    const char *words[] = {"disk,tls", "sql:queue"}, *wrong[] = {"tls,dsik"}, *unknown[] = {"sql:other"};
    const struct cli_list list = {words, 2}, bad = {wrong, 1}, other = {unknown, 1};
    struct verdict_options o = {.only = &list};

    assert_true(selection_lists(&list, "tls"));
    assert_true(selection_lists(&list, "sql:queue"));
    assert_false(selection_lists(&list, "dis")); /* whole words */
    assert_false(selection_lists(&list, "disks"));
    assert_false(selection_lists(NULL, "disk"));
    o.config = configured("{\"prodcheck\": {\"sql\": {\"queue\": \"SELECT 0\"}, \"skip\": [\"window\"]}}");
    assert_int_equal(selection_check(&o, &err), 0);
    assert_true(selection_skips(o.config, "window"));
    assert_false(selection_skips(o.config, "disk"));
    o.only = &bad;
    refused(&o, "there is no check \"dsik\"");
    assert_non_null(strstr(err.hint, "did you mean disk"));
    o.only = NULL;
    o.skip = &other;
    refused(&o, "sql:other"); /* a misspelt --skip would be a check that nobody meant to make */
    o.skip = NULL;
    o.config = configured("{\"prodcheck\": {\"skip\": [\"dsik\"]}}");
    refused(&o, "mig.json: prodcheck.skip");
    o.config = configured("{\"prodcheck\": {\"thresholds\": {\"dsik\": {\"warn\": 1}}}}");
    refused(&o, "dsik");
    o.config = configured("{\"prodcheck\": {\"thresholds\": {\"disk\": {\"worn\": 1}}}}");
    refused(&o, "\"worn\"");
}

static void test_table(void **state)
{
    size_t n;
    const struct check *all = check_table(&n);

    for (size_t i = 0; i < n; i++) {
        const struct check *k = &all[i];

        assert_ptr_equal(check_find(k->id), k); /* no id twice */
        assert_non_null(k->why);
        /* asked of the server or made here, one of them */
        if ((k->sql == NULL) != ((k->flags & CHECK_LOCAL) != 0))
            fail_msg("%s", k->id);
        if (k->warn > 0 && k->fail > 0 && k->warn > k->fail)
            fail_msg("%s warns after it fails", k->id);
        if ((k->production_warn > 0 && k->production_warn > k->warn) ||
            (k->production_fail > 0 && k->production_fail > k->fail))
            fail_msg("%s is laxer in production", k->id);
    }
    assert_null(check_find("disks"));
}

static enum check_status locks(const char *key, const char *who)
{
    const char *const row[] = {"1", NULL, "pid 1", "ok", NULL, key, NULL, who, "ok", NULL};

    assert_int_equal(toollock_judge(check_find("migration-locks"), "app", rows(5, 2, row), &out, &err), 0);
    return out.status;
}

static void test_toollock(void **state)
{
    char key[32];
    uint32_t crc = (uint32_t)crc32(0L, (const Bytef *)"app", 3);

    assert_int_equal(locks("2", "pid 2"), CHECK_OK); /* an application's own */
    assert_null(out.evidence);
    assert_int_equal(locks("77431708279161", "pid 2 holds it"), CHECK_FAIL);
    assert_string_equal(out.message, "Flyway is migrating: pid 2 holds it");
    assert_int_equal(json_array_size(out.evidence), 1);
    assert_int_equal(locks("7169383,1919905644", "pid 3"), CHECK_FAIL);
    assert_non_null(strstr(out.message, "mig-rollback"));
    assert_int_equal(locks("7169383,1919905645", "pid 3"), CHECK_OK);
    snprintf(key, sizeof(key), "%lld", 2053462845LL * (long long)crc); /* Rails: salt * crc32 */
    assert_int_equal(locks(key, "pid 4"), CHECK_FAIL);
    assert_non_null(strstr(out.message, "Rails"));
    snprintf(key, sizeof(key), "%u", crc * 1486364155u); /* golang-migrate, in 32 bits */
    assert_int_equal(locks(key, NULL), CHECK_FAIL);
    assert_string_equal(out.message, "golang-migrate is migrating: a session holds its lock");
}

/* Keys that hold the names of a golang-migrate table, which the answer names beside the locks. */
static void test_toollock_names(void **state)
{
    static const char names[] = "ops\0moved\0app", plain[] = "public\0schema_migrations\0app";
    const char *row[] = {"", NULL, "pid 1", "ok", NULL, "ops", NULL, "moved", "table", NULL};
    char key[32];

    snprintf(key, sizeof(key), "%u", (uint32_t)crc32(0L, (const Bytef *)plain, sizeof(plain) - 1) * 1486364155u);
    assert_int_equal(locks(key, "pid 5"), CHECK_FAIL); /* before its table is there */
    snprintf(key, sizeof(key), "%u", (uint32_t)crc32(0L, (const Bytef *)names, sizeof(names) - 1) * 1486364155u);
    assert_int_equal(locks(key, "pid 5"), CHECK_OK);
    row[0] = key;
    assert_int_equal(toollock_judge(check_find("migration-locks"), "app", rows(5, 2, row), &out, &err), 0);
    assert_int_equal(out.status, CHECK_FAIL);
    assert_string_equal(out.message, "golang-migrate is migrating: pid 1");
    snprintf(key, sizeof(key), "%lld", 0x3d32ad9eLL * (long long)crc32(0L, (const Bytef *)"app", 3));
    assert_int_equal(locks(key, "pid 6"), CHECK_FAIL);
    assert_non_null(strstr(out.message, "SQLx"));
    assert_int_equal(locks("77431708279161", "pid 7"), CHECK_FAIL);
    assert_int_equal(locks("77431194219041", "pid 7"), CHECK_FAIL); /* Flyway adds a hash of 32 bits */
    assert_int_equal(locks("77429560795513", "pid 7"), CHECK_FAIL);
    assert_int_equal(locks("77429560795512", "pid 7"), CHECK_OK);
    assert_int_equal(locks("77433855762808", "pid 7"), CHECK_FAIL);
    assert_int_equal(locks("77433855762809", "pid 7"), CHECK_OK);
    assert_int_equal(locks("72707369", "pid 8"), CHECK_FAIL);
    assert_int_equal(locks("5887940537704921958", "pid 9"), CHECK_FAIL);
}

static enum check_status release(int version, int year, int month, int day)
{
    check_result_wipe(&out);
    assert_int_equal(facts_release(version, year, month, day, check_find("version"), &out, &err), 0);
    return out.status;
}

static void test_release(void **state)
{
    assert_int_equal(release(140020, 2026, 11, 11), CHECK_OK);
    assert_string_equal(out.message, "PostgreSQL 14.20, maintained until 2026-11-12");
    assert_int_equal(release(140020, 2026, 11, 12), CHECK_WARN);
    assert_string_equal(out.message, "PostgreSQL 14.20: release 14 ended its life on 2026-11-12");
    assert_non_null(out.remedy);
    assert_int_equal(release(150017, 2026, 11, 20), CHECK_OK);
    assert_int_equal(release(150017, 2027, 12, 1), CHECK_WARN);
    assert_int_equal(release(120022, 2025, 1, 1), CHECK_WARN);
    assert_int_equal(release(120022, 2024, 11, 20), CHECK_OK);
    assert_int_equal(release(180000, 2030, 11, 13), CHECK_OK);
    assert_int_equal(release(190001, 2040, 1, 1), CHECK_OK); /* newer than this program */
    assert_non_null(strstr(out.message, "does not know the end"));
}

static enum check_status wire(struct wire w, const char *arrives, int production)
{
    w.arrives = arrives;
    w.sslmode = "prefer";
    check_result_wipe(&out);
    assert_int_equal(wire_judge(&w, production, check_find("tls"), &out, &err), 0);
    return out.status;
}

static void test_wire(void **state)
{
    const struct wire remote = {0}, local = {.loopback = 1}, socket = {.socket = 1, .loopback = 1},
                      tls = {.encrypted = 1}, proven = {.encrypted = 1, .proven = 1};

    for (int production = 0; production < 2; production++) {
        assert_int_equal(wire(remote, "plain", production), CHECK_WARN);
        assert_non_null(strstr(out.message, "sslmode=prefer"));
        assert_int_equal(wire(remote, "loopback", production), CHECK_WARN); /* a pooler beside the server */
        assert_int_equal(wire(remote, "encrypted", production), CHECK_WARN); /* a pooler: our part is open */
        assert_int_equal(wire(proven, "plain", production), CHECK_WARN); /* a pooler: its part is open */
        assert_non_null(strstr(out.message, "arrives at the server unencrypted"));
        assert_int_equal(wire(socket, "plain", production), CHECK_WARN);
        assert_int_equal(wire(local, "plain", production), CHECK_WARN); /* a tunnel that ends before */
        assert_int_equal(wire(socket, "socket", production), CHECK_OK);
        assert_int_equal(wire(local, "encrypted", production), CHECK_OK);
        assert_int_equal(wire(proven, "encrypted", production), CHECK_OK);
        assert_int_equal(wire(local, "loopback", production), production ? CHECK_WARN : CHECK_OK);
        assert_int_equal(wire(tls, "encrypted", production), production ? CHECK_WARN : CHECK_OK);
    }
    assert_non_null(strstr(out.message, "nobody checked whose server it is"));
}

static const char *path_of(const char *name)
{
    static char path[96];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static enum check_status compare(int n, const char *const *cells)
{
    const struct result *r = rows(3, n, cells);

    assert_int_equal(baseline_check(check_find("baseline"), path_of("base.json"), 1, r, NULL, &out, &err), 0);
    return out.status;
}

static void test_baseline(void **state)
{
    static const char *const before[] = {
        "bytes/t", "100000000", NULL, "rows/t", "1000", NULL,  "setting/work_mem", NULL, "4MB",
        "index/i", NULL, "btree (a)", "counter/deadlocks", "2", NULL, "counter/commits", "1000", NULL,
        "counter/rollbacks", "10", NULL,
    };
    const char *now[21];
    const struct result *r;

    r = rows(3, 7, before);
    assert_int_equal(baseline_check(check_find("baseline"), path_of("base.json"), 1, r, NULL, &out, &err), 0);
    assert_int_equal(out.status, CHECK_ERROR); /* --after: nothing to compare with is not "ok" */
    assert_int_not_equal(access(path_of("base.json"), F_OK), 0);
    r = rows(3, 7, before);
    assert_int_equal(baseline_check(check_find("baseline"), path_of("base.json"), 0, r, NULL, &out, &err), 0);
    assert_int_equal(out.status, CHECK_OK);
    assert_int_equal(compare(7, before), CHECK_OK);

    memcpy(now, before, sizeof(now));
    now[1] = "119000000"; /* a fifth more is growth */
    now[4] = "910";
    assert_int_equal(compare(7, now), CHECK_OK);
    now[1] = "130000000";
    assert_int_equal(compare(7, now), CHECK_WARN);
    assert_non_null(strstr(out.message, "bytes/t was 100 MB, is 130 MB"));
    now[4] = "890"; /* a tenth of the rows is gone */
    now[8] = "8MB";
    assert_int_equal(compare(7, now), CHECK_WARN);
    assert_non_null(strstr(out.message, "and 2 more"));
    assert_int_equal(json_array_size(out.evidence), 3);

    memcpy(now, before, sizeof(now));
    now[13] = "1"; /* statistics were reset */
    assert_int_equal(compare(7, now), CHECK_OK);
    now[13] = "3";
    assert_int_equal(compare(7, now), CHECK_WARN);
    assert_non_null(strstr(out.message, "counter/deadlocks 1 more"));
    now[13] = "2";
    now[16] = "1380";
    now[19] = "29"; /* 19 of 399: too few to speak of */
    assert_int_equal(compare(7, now), CHECK_OK);
    now[19] = "40"; /* 30 of 410 */
    assert_int_equal(compare(7, now), CHECK_WARN);
    assert_non_null(strstr(out.message, "30 transactions were rolled back"));
    memcpy(now, before, sizeof(now));
    now[9] = "index/new"; /* is what a migration is for; the old one's end is not */
    assert_int_equal(compare(7, now), CHECK_WARN);
    assert_non_null(strstr(out.message, "index/i is gone"));
}

static void test_no_baseline(void **state)
{
    static const char *const texts[] = {"", "{", "[]", "{\"schema\": \"other/1\", \"values\": {}}",
                                        "{\"schema\": \"mig-prodcheck-baseline/1\"}"};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        FILE *f = fopen(path_of("base.json"), "w");

        assert_non_null(f);
        fputs(texts[i], f);
        fclose(f);
        assert_int_equal(compare(0, NULL), CHECK_ERROR);
        assert_non_null(strstr(out.message, "is not a baseline"));
    }
}

static int setup(void **state)
{
    log_init("test", LOG_ERROR);
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int teardown(void **state)
{
    (void)configured(NULL);
    check_result_wipe(&out);
    PQclear(answer.raw);
    unlink(path_of("base.json"));
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels),    cmocka_unit_test(test_worst),
        cmocka_unit_test(test_limits),    cmocka_unit_test(test_selection),
        cmocka_unit_test(test_table),     cmocka_unit_test(test_toollock),
        cmocka_unit_test(test_toollock_names), cmocka_unit_test(test_release),
        cmocka_unit_test(test_wire),
        cmocka_unit_test(test_baseline),  cmocka_unit_test(test_no_baseline),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
