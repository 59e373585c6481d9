#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "script/effect.h"
#include "script/lock.h"
#include "script/statement.h"

/* tests/oracle/locks.py measures the usual forms on a server; here is what depends on the version, on
 * options and on words. */
static const struct {
    const char *sql;
    int version;
    const char *mode; /* of the first effect */
} cases[] = {
    {"ALTER INDEX i RENAME TO j", 110000, "AccessExclusiveLock"},
    {"ALTER INDEX i RENAME TO j", 120000, "ShareUpdateExclusiveLock"},
    {"ALTER TABLE t RENAME TO u", 150000, "AccessExclusiveLock"},
    {"ALTER TABLE t DETACH PARTITION p CONCURRENTLY", 140000, "ShareUpdateExclusiveLock"},
    {"REINDEX TABLE CONCURRENTLY t", 120000, "ShareUpdateExclusiveLock"},
    {"REINDEX TABLE t", 160000, "ShareLock"},
    {"ALTER TABLE t ALTER c SET NOT NULL", 110000, "AccessExclusiveLock"},
    {"ALTER TABLE t ATTACH PARTITION p DEFAULT", 110000, "AccessExclusiveLock"},
    {"ALTER TABLE t ATTACH PARTITION p DEFAULT", 120000, "ShareUpdateExclusiveLock"},
    {"ALTER TABLE t DETACH PARTITION p", 150000, "AccessExclusiveLock"},
    {"ALTER TABLE t DETACH PARTITION p CONCURRENTLY", 150000, "ShareUpdateExclusiveLock"},
    {"ALTER TABLE t SET (fillfactor = 70)", 150000, "ShareUpdateExclusiveLock"},
    {"ALTER TABLE t SET (autovacuum_enabled = false, fillfactor = 70)", 150000, "ShareUpdateExclusiveLock"},
    {"ALTER TABLE t SET (fillfactor = 70, user_catalog_table = true)", 150000, "AccessExclusiveLock"},
    {"ALTER TABLE t SET (user_catalog_table = true, fillfactor = 70)", 150000, "AccessExclusiveLock"},
    {"ALTER TABLE t RESET (autovacuum_vacuum_threshold)", 150000, "ShareUpdateExclusiveLock"},
    {"ALTER TABLE t RESET (user_catalog_table)", 150000, "AccessExclusiveLock"},
    {"ALTER INDEX i SET (deduplicate_items = off)", 150000, "ShareUpdateExclusiveLock"},
    {"ALTER INDEX i SET (fastupdate = off)", 150000, "AccessExclusiveLock"},
    {"ALTER INDEX i SET (gin_pending_list_limit = 64)", 150000, "AccessExclusiveLock"},
    {"ALTER INDEX i SET (pages_per_range = 8)", 150000, "AccessExclusiveLock"},
    {"ALTER INDEX i SET (autosummarize = on)", 150000, "AccessExclusiveLock"},
    {"ALTER INDEX i SET (buffering = on)", 150000, "AccessExclusiveLock"},
    {"ALTER TABLE t ALTER c SET (n_distinct = 5)", 150000, "ShareUpdateExclusiveLock"},
    {"ALTER TABLE t DISABLE TRIGGER ALL", 150000, "ShareRowExclusiveLock"},
    {"ALTER TABLE t SET LOGGED", 150000, "AccessExclusiveLock"},
    {"ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES u", 150000, "ShareRowExclusiveLock"},
    {"ALTER TABLE t ADD CONSTRAINT k CHECK (a > 0) NOT VALID", 150000, "AccessExclusiveLock"},
    {"ALTER TABLE t VALIDATE CONSTRAINT k", 150000, "ShareUpdateExclusiveLock"},
    {"CREATE INDEX i ON t (a)", 150000, "ShareLock"},
    {"CREATE INDEX CONCURRENTLY i ON t (a)", 150000, "ShareUpdateExclusiveLock"},
    {"DROP INDEX i", 150000, "AccessExclusiveLock"},
    {"DROP INDEX CONCURRENTLY i", 150000, "ShareUpdateExclusiveLock"},
    {"VACUUM (FULL) t", 150000, "AccessExclusiveLock"},
    {"VACUUM (FULL off) t", 150000, "ShareUpdateExclusiveLock"},
    {"VACUUM (FULL 'OFF') t", 150000, "ShareUpdateExclusiveLock"},
    {"ANALYZE t", 150000, "ShareUpdateExclusiveLock"},
    {"REFRESH MATERIALIZED VIEW m", 150000, "AccessExclusiveLock"},
    {"REFRESH MATERIALIZED VIEW CONCURRENTLY m", 150000, "ExclusiveLock"},
    {"LOCK TABLE t", 150000, "AccessExclusiveLock"},
    {"LOCK TABLE t IN SHARE ROW EXCLUSIVE MODE", 150000, "ShareRowExclusiveLock"},
    {"LOCK TABLE t IN ACCESS SHARE MODE", 150000, "AccessShareLock"},
    {"COMMENT ON TABLE t IS 'x'", 150000, "ShareUpdateExclusiveLock"},
    {"CREATE TRIGGER x AFTER INSERT ON t EXECUTE FUNCTION f()", 150000, "ShareRowExclusiveLock"},
    {"DELETE FROM t", 150000, "RowExclusiveLock"},
    {"CREATE TABLE t (a int)", 150000, NULL},
    {"SET x.y = 1", 150000, NULL},
    {"COMMIT", 150000, NULL},
};

static void test_modes(void **state)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = {0};
        struct script *s = script_read(cases[i].sql, strlen(cases[i].sql), "x", SCRIPT_WHOLE, &err);
        struct effects *e = s != NULL ? effects_find(s, NULL, &err) : NULL;
        const char *mode;

        if (e == NULL || e->count == 0)
            fail_msg("%s: %s", cases[i].sql, err.message);
        mode = lock_of(&e->items[0], cases[i].version);
        if ((mode == NULL) != (cases[i].mode == NULL) || (mode != NULL && strcmp(mode, cases[i].mode) != 0))
            fail_msg("%s: %s", cases[i].sql, mode != NULL ? mode : "none");
        effects_free(e);
        script_free(s);
    }
}

static void test_strength(void **state)
{
    for (int i = 1; i <= 8; i++)
        assert_int_equal(lock_strength(lock_mode(i)), i);
    assert_string_equal(lock_mode(8), "AccessExclusiveLock");
    assert_null(lock_mode(0));
    assert_null(lock_mode(9));
    assert_null(lock_mode(-1));
    assert_int_equal(lock_strength(NULL), 0);
    assert_int_equal(lock_strength("AccessExclusive"), 0);
    assert_true(lock_strength("ShareLock") > lock_strength("ShareUpdateExclusiveLock"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_modes), cmocka_unit_test(test_strength)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
