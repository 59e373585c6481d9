#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "script/statement.h"
#include "script/tag.h"

static struct script *read_sql(const char *sql)
{
    struct err err = {0};
    struct script *s = script_read(sql, strlen(sql), "x", SCRIPT_WHOLE, &err);

    if (s == NULL)
        fail_msg("%s: %s", sql, err.message);
    assert_int_equal(s->count, 1);
    if (s->statements[0].tree == NULL)
        fail_msg("%s: %s", sql, s->statements[0].unknown);
    return s;
}

/* As the server answers; NULL: it depends on more than the text. */
static void test_tags(void **state)
{
    static const struct {
        const char *sql, *tag;
    } cases[] = {
        {"ALTER TABLE v RENAME COLUMN a TO b", "ALTER TABLE"},
        {"ALTER VIEW v RENAME COLUMN a TO b", "ALTER VIEW"},
        {"ALTER MATERIALIZED VIEW v RENAME COLUMN a TO b", "ALTER MATERIALIZED VIEW"},
        {"ALTER FOREIGN TABLE v RENAME COLUMN a TO b", "ALTER FOREIGN TABLE"},
        {"ALTER TYPE t RENAME ATTRIBUTE a TO b", "ALTER TYPE"},
        {"ALTER TYPE t RENAME VALUE 'a' TO 'b'", "ALTER TYPE"},
        {"ALTER TABLE t RENAME CONSTRAINT a TO b", "ALTER TABLE"},
        {"ALTER DOMAIN d RENAME CONSTRAINT a TO b", "ALTER DOMAIN"},
        {"ALTER INDEX i RENAME TO j", "ALTER INDEX"},
        {"ALTER SEQUENCE s RENAME TO t", "ALTER SEQUENCE"},
        {"ALTER SEQUENCE s OWNED BY NONE", "ALTER SEQUENCE"},
        {"ALTER INDEX i SET (fillfactor = 50)", "ALTER INDEX"},
        {"ALTER VIEW v ALTER COLUMN c SET DEFAULT 1", "ALTER VIEW"},
        {"ALTER TYPE t ADD ATTRIBUTE a int", "ALTER TYPE"},
        {"ALTER TABLE t SET SCHEMA s", "ALTER TABLE"},
        {"ALTER FUNCTION f() OWNER TO o", "ALTER FUNCTION"},
        {"ALTER PROCEDURE f() SET SCHEMA s", "ALTER PROCEDURE"},
        {"ALTER AGGREGATE a(int) RENAME TO b", "ALTER AGGREGATE"},
        {"ALTER FUNCTION f() STABLE", "ALTER FUNCTION"},
        {"ALTER TABLE ALL IN TABLESPACE a SET TABLESPACE b", "ALTER TABLE"},
        {"ALTER INDEX ALL IN TABLESPACE a SET TABLESPACE b", "ALTER INDEX"},
        {"ALTER TRIGGER x ON t DEPENDS ON EXTENSION e", "ALTER TRIGGER"},
        {"ALTER ROLE a RENAME TO b", "ALTER ROLE"},
        {"ALTER LARGE OBJECT 1 OWNER TO o", "ALTER LARGE OBJECT"},
        {"DROP MATERIALIZED VIEW m", "DROP MATERIALIZED VIEW"},
        {"DROP TEXT SEARCH CONFIGURATION c", "DROP TEXT SEARCH CONFIGURATION"},
        {"DROP RULE r ON t", "DROP RULE"},
        {"DROP CAST (int AS text)", "DROP CAST"},
        {"DROP ROUTINE r", "DROP ROUTINE"},
        {"SELECT 1", "SELECT"},
        {"SELECT 1 INTO t", "SELECT"},
        {"CREATE TABLE t AS SELECT 1", NULL},
        {"CREATE MATERIALIZED VIEW m AS SELECT 1", NULL},
        {"CREATE PROCEDURE p() LANGUAGE sql AS ''", "CREATE PROCEDURE"},
        {"CREATE FUNCTION p() RETURNS int LANGUAGE sql AS ''", "CREATE FUNCTION"},
        {"CREATE TYPE t AS RANGE (subtype = int)", "CREATE TYPE"},
        {"CREATE TYPE t", "CREATE TYPE"},
        {"CREATE COLLATION c (locale = 'C')", "CREATE COLLATION"},
        {"CREATE AGGREGATE a (int) (sfunc = f, stype = int)", "CREATE AGGREGATE"},
        {"GRANT SELECT ON t TO r", "GRANT"},
        {"REVOKE SELECT ON t FROM r", "REVOKE"},
        {"GRANT a TO b", "GRANT ROLE"},
        {"REVOKE a FROM b", "REVOKE ROLE"},
        {"SET x.y = 1", "SET"},
        {"SET TRANSACTION READ ONLY", "SET"},
        {"RESET ALL", "RESET"},
        {"RESET x.y", "RESET"},
        {"SHOW ALL", "SHOW"},
        {"START TRANSACTION", "START TRANSACTION"},
        {"END", "COMMIT"},
        {"ABORT", "ROLLBACK"},
        {"ROLLBACK TO SAVEPOINT s", "ROLLBACK"},
        {"PREPARE TRANSACTION 'x'", "PREPARE TRANSACTION"},
        {"ANALYZE t", "ANALYZE"},
        {"VACUUM ANALYZE t", "VACUUM"},
        {"MOVE 1 FROM c", "MOVE"},
        {"FETCH 1 FROM c", "FETCH"},
        {"DISCARD TEMP", "DISCARD TEMP"},
        {"DISCARD SEQUENCES", "DISCARD SEQUENCES"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct script *s = read_sql(cases[i].sql);
        const char *tag = tag_of(s->statements[0].tree);

        if ((tag == NULL) != (cases[i].tag == NULL) || (tag != NULL && strcmp(tag, cases[i].tag) != 0))
            fail_msg("%s: %s", cases[i].sql, tag != NULL ? tag : "(null)");
        script_free(s);
    }
    assert_null(tag_of(NULL));
}

static void test_alone(void **state)
{
    static const struct {
        const char *sql;
        int alone;
    } cases[] = {
        {"CREATE INDEX CONCURRENTLY i ON t (a)", 1},
        {"CREATE INDEX i ON t (a)", 0},
        {"DROP INDEX CONCURRENTLY i", 1},
        {"DROP INDEX i", 0},
        {"REINDEX TABLE t", 0},
        {"REINDEX TABLE CONCURRENTLY t", 1},
        {"REINDEX (CONCURRENTLY) INDEX i", 1},
        {"REINDEX (CONCURRENTLY false) INDEX i", 0},
        {"REINDEX (CONCURRENTLY 'FALSE') INDEX i", 0},
        {"REINDEX SCHEMA s", 1},
        {"REINDEX DATABASE d", 1},
        {"REINDEX SYSTEM d", 1},
        {"VACUUM t", 1},
        {"ANALYZE t", 0},
        {"CLUSTER", 1},
        {"CLUSTER t", 0},
        {"ALTER TABLE t DETACH PARTITION p CONCURRENTLY", 1},
        {"ALTER TABLE t DETACH PARTITION p FINALIZE", 0},
        {"ALTER TABLE t DETACH PARTITION p", 0},
        {"ALTER DATABASE d SET TABLESPACE x", 1},
        {"ALTER DATABASE d CONNECTION LIMIT 3", 0},
        {"CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p", 1},
        {"CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p WITH (connect = false)", 0},
        {"CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p WITH (create_slot = false)", 0},
        {"CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p WITH (create_slot = off)", 0},
        {"CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p WITH (create_slot = on)", 1},
        {"ALTER SUBSCRIPTION s REFRESH PUBLICATION", 1},
        {"ALTER SUBSCRIPTION s SET PUBLICATION p", 1},
        {"ALTER SUBSCRIPTION s ADD PUBLICATION p WITH (copy_data = false)", 1},
        {"ALTER SUBSCRIPTION s DROP PUBLICATION p WITH (refresh = false)", 0},
        {"ALTER SUBSCRIPTION s DISABLE", 0},
        {"ALTER SUBSCRIPTION s SET (synchronous_commit = off)", 0},
        {"DISCARD ALL", 1},
        {"DISCARD PLANS", 0},
        {"COMMIT PREPARED 'x'", 1},
        {"ROLLBACK PREPARED 'x'", 1},
        {"PREPARE TRANSACTION 'x'", 0},
        {"COMMIT", 0},
        {"CREATE DATABASE d", 1},
        {"DROP DATABASE d", 1},
        {"CREATE TABLESPACE t LOCATION '/x'", 1},
        {"DROP TABLESPACE t", 1},
        {"ALTER SYSTEM SET work_mem = '1MB'", 1},
        {"ALTER TYPE e ADD VALUE 'x'", 0},
        {"DROP TABLE t", 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct script *s = read_sql(cases[i].sql);

        if (tag_alone(s->statements[0].tree) != cases[i].alone)
            fail_msg("%s: %d", cases[i].sql, !cases[i].alone);
        script_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_tags), cmocka_unit_test(test_alone)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
