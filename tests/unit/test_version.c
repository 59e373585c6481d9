#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "migration/cut.h"
#include "migration/plain.h"
#include "migration/version.h"
#include "script/statement.h"

static enum version_kind kind_of(const char *sql, const char *schema, const char *table, char said[100])
{
    struct err err = {0};
    struct script *s = script_read(sql, strlen(sql), "x", SCRIPT_WHOLE, &err);
    char *own = schema != NULL ? strdup(schema) : NULL, *name = table != NULL ? strdup(table) : NULL;
    struct version_name n = {own, name};
    const char *in, *on;
    struct route_op op = {ROUTE_INSERT, NULL, NULL};
    enum version_kind kind;

    assert_non_null(s);
    assert_int_equal(s->count, 1);
    kind = version_statement(&s->statements[0], &n, &op, &in, &on);
    said[0] = '\0';
    if (kind == VERSION_OP)
        (void)snprintf(said, 100, "%d %s %s", (int)op.kind, op.from != NULL ? op.from : "-",
                       op.to != NULL ? op.to : "-");
    script_free(s);
    version_name_free(&n);
    return kind;
}

static void test_statements(void **state)
{
    char said[100];

    assert_int_equal(kind_of("UPDATE alembic_version SET version_num='b' WHERE alembic_version.version_num = 'a'",
                             NULL, NULL, said), VERSION_OP);
    assert_string_equal(said, "2 a b");
    assert_int_equal(kind_of("INSERT INTO ops.v (version_num) VALUES ('a') RETURNING ops.v.version_num", "ops", "v", said),
                     VERSION_OP);
    assert_string_equal(said, "0 - a");
    assert_int_equal(kind_of("DELETE FROM v WHERE v.version_num = 'a'", "ops", "v", said), VERSION_OP);
    assert_string_equal(said, "1 a -");
    assert_int_equal(kind_of("DELETE FROM other.v WHERE version_num = 'a'", "ops", "v", said), VERSION_NOT);
    assert_int_equal(kind_of("DELETE FROM v WHERE version_num <> 'a'", NULL, "v", said), VERSION_ODD);
    assert_int_equal(kind_of("DELETE FROM v", NULL, "v", said), VERSION_ODD);
    assert_int_equal(kind_of("UPDATE v SET version_num = 'x'", NULL, "v", said), VERSION_ODD);
    assert_int_equal(kind_of("DELETE FROM t WHERE id = 'a'", NULL, NULL, said), VERSION_NOT);
    assert_int_equal(kind_of("CREATE TABLE v (version_num varchar(32))", NULL, "v", said), VERSION_CREATE);
    assert_int_equal(kind_of("DROP TABLE v", NULL, "v", said), VERSION_DROP);
    assert_int_equal(kind_of("DROP TABLE t", NULL, "v", said), VERSION_NOT);
    assert_int_equal(kind_of("SELECT 1", NULL, "v", said), VERSION_NOT);
}

static void test_write(void **state)
{
    const struct route_op ops[] = {{ROUTE_INSERT, NULL, "a'b"}, {ROUTE_DELETE, "c", NULL}, {ROUTE_UPDATE, "d", "e"}};
    struct err err = {0};

    for (size_t i = 0; i < 3; i++) {
        struct buf b = {0};
        char said[100];

        assert_int_equal(version_write(&b, "My", "v", &ops[i], &err), 0);
        assert_int_equal(kind_of(b.data, "My", "v", said), VERSION_OP);
        buf_free(&b);
    }
}

/* Cut SQL into two revisions: b over a, then a over nothing. */
static int cut(const char *sql, struct cut cuts[2], struct buf *why)
{
    static char a[] = "a", b[] = "b";
    static char *const before[] = {b, NULL}, *const between[] = {a, NULL}, *const after[] = {NULL};
    struct version_name none = {NULL, NULL}, seen = {NULL, NULL};
    struct cut_request r = {0};
    struct err err = {0};
    struct script *s = script_read(sql, strlen(sql), "x", SCRIPT_WHOLE, &err);
    int rc;

    memset(cuts, 0, 2 * sizeof(*cuts));
    assert_non_null(s);
    cuts[0].revision = "b";
    cuts[1].revision = "a";
    cuts[0].after = between;
    cuts[1].after = after;
    r.script = s;
    r.name = &none;
    r.before = before;
    r.cuts = cuts;
    r.ncuts = 2;
    rc = cut_run(&r, &seen, why, &err);
    version_name_free(&seen);
    script_free(s);
    return rc;
}

#define TO_A "UPDATE alembic_version SET version_num='a' WHERE alembic_version.version_num = 'b';\n"
#define TO_BASE "DELETE FROM alembic_version WHERE alembic_version.version_num = 'a';\n"

static void test_cut(void **state)
{
    static const struct {
        const char *sql, *why; /* NULL: it is cut */
        int autocommit, bare, unknown;
    } cases[] = {
        {"BEGIN;\nDROP TABLE x;\n" TO_A "DROP TABLE y;\n" TO_BASE "DROP TABLE alembic_version;\nCOMMIT;\n", NULL, 0, 0, 0},
        {"BEGIN;\nDROP TABLE x;\n" TO_A "COMMIT;\nBEGIN;\nDROP TABLE y;\n" TO_BASE "COMMIT;\n", NULL, 0, 0, 0},
        {"DROP TABLE x;\n" TO_A "DROP TABLE y;\n" TO_BASE, NULL, 0, 0, 0},
        {"BEGIN;\nCOMMIT;\nDROP INDEX CONCURRENTLY i;\nBEGIN;\n" TO_A TO_BASE "COMMIT;\n", NULL, 1, 0, 0},
        {"BEGIN;\nCOMMIT;\nALTER TYPE e ADD VALUE 'x';\n" TO_A TO_BASE "COMMIT;\n", NULL, 1, 0, 0},
        {"BEGIN;\nSELECT id FROM t;\n" TO_A TO_BASE "COMMIT;\n", NULL, 0, 2, 0},
        {"BEGIN;\nSELECT setval('s', 1);\n" TO_A TO_BASE "COMMIT;\n", NULL, 0, 0, 0},
        {"BEGIN;\nhello\nDROP TABLE x;\n" TO_A TO_BASE "COMMIT;\n", NULL, 0, 0, 2},
        {"BEGIN;\nDROP TABLE x;\n" TO_A "DROP TABLE y;\n", "ends before", 0, 0, 0},
        {"BEGIN;\nDROP TABLE x;\n" TO_A TO_BASE, "BEGIN without its COMMIT", 0, 0, 0},
        {"BEGIN;\n" TO_BASE "COMMIT;\n", "does not fit its rows", 0, 0, 0},
        {"BEGIN;\n" TO_A TO_BASE "DROP TABLE z;\nCOMMIT;\n", "behind the last revision", 0, 0, 0},
        {"", "ends before", 0, 0, 0},
        /* a SELECT that only answers, whatever it computes; one that does something */
        {"BEGIN;\nSELECT count(*), max(lower(x)) FROM t;\n" TO_A TO_BASE "COMMIT;\n", NULL, 0, 2, 0},
        {"BEGIN;\nSELECT pg_get_viewdef('v'::regclass);\n" TO_A TO_BASE "COMMIT;\n", NULL, 0, 2, 0},
        {"BEGIN;\nSELECT pg_advisory_xact_lock(1);\n" TO_A TO_BASE "COMMIT;\n", NULL, 0, 0, 0},
        {"BEGIN;\nSELECT set_config('a.b', '1', true);\n" TO_A TO_BASE "COMMIT;\n", NULL, 0, 0, 0},
        {"BEGIN;\nSELECT create_hypertable('t', 'at');\n" TO_A TO_BASE "COMMIT;\n", NULL, 0, 0, 0},
        {"BEGIN;\nSELECT count(*) FROM mine(count(1));\n" TO_A TO_BASE "COMMIT;\n", NULL, 0, 0, 0},
        /* Alembic's comments: its own, with others that a migration prints; only others; none */
        {"BEGIN;\n-- Running downgrade b -> a, x\nSELECT 1;\n" TO_A "-- Running downgrade a -> \n" TO_BASE "COMMIT;\n", NULL, 0, 3, 0},
        {"BEGIN;\n-- Running downgrade b, c -> a\n-- Running downgrade z -> a\n" TO_A TO_BASE "COMMIT;\n", NULL, 0, 0, 0},
        {"BEGIN;\n-- Running upgrade a -> b, message, of it\n" TO_A TO_BASE "COMMIT;\n", NULL, 0, 0, 0},
        {"BEGIN;\n-- Running downgrade c -> a\n" TO_A TO_BASE "COMMIT;\n", "comments above it name other revisions", 0, 0, 0},
        {"BEGIN;\n-- Running downgrade bb -> b\n" TO_A TO_BASE "COMMIT;\n", "comments above it name other revisions", 0, 0, 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cut *cuts = calloc(2, sizeof(*cuts));
        struct buf why = {0};
        int rc = cut(cases[i].sql, cuts, &why);

        if (rc != (cases[i].why != NULL))
            fail_msg("case %zu: %d %s", i, rc, why.data);
        if (cases[i].why != NULL) {
            if (strstr(why.data, cases[i].why) == NULL)
                fail_msg("case %zu: %s", i, why.data);
        } else {
            assert_int_equal(cuts[0].autocommit, cases[i].autocommit);
            if (cuts[0].select_line != cases[i].bare)
                fail_msg("case %zu: a bare SELECT in line %d", i, cuts[0].select_line);
            assert_int_equal(cuts[0].unknown_line, cases[i].unknown);
            assert_non_null(strstr(cuts[0].versions.data, "UPDATE"));
            assert_non_null(strstr(cuts[1].versions.data, "DELETE"));
            if (i < 3) { /* the plain ones */
                assert_non_null(strstr(cuts[0].body.data, "DROP TABLE x;"));
                assert_null(strstr(cuts[0].body.data, "y"));
                assert_non_null(strstr(cuts[1].body.data, "DROP TABLE y;"));
                assert_null(strstr(cuts[1].body.data, "COMMIT"));
                assert_null(strstr(cuts[1].body.data, "alembic_version"));
            }
        }
        cut_free(cuts, 2);
        buf_free(&why);
    }
}

static void test_plain(void **state)
{
    static const char both[] = "-- migrate:up\nCREATE TABLE t ();\n-- migrate:down\nDROP TABLE t;\n";
    static const char turned[] = "-- migrate:down\nDROP TABLE t;\n-- migrate:up\nCREATE TABLE t ();\n";
    static const char up[] = "-- +goose Up\nCREATE TABLE t ();\n";
    struct err err = {0};
    struct script *s = plain_text(both, strlen(both), "x.sql", NULL, NULL, &err);

    assert_non_null(s);
    assert_int_equal(s->count, 1);
    assert_string_equal(s->statements[0].text, "DROP TABLE t");
    assert_int_equal(s->statements[0].line, 4);
    script_free(s);
    s = plain_text(turned, strlen(turned), "x.sql", NULL, NULL, &err);
    assert_non_null(s);
    assert_int_equal(s->count, 1);
    assert_string_equal(s->statements[0].text, "DROP TABLE t");
    script_free(s);
    assert_null(plain_text(up, strlen(up), "x.sql", NULL, NULL, &err));
    assert_non_null(strstr(err.message, "there is no way down"));
}

/* Who runs a file, and what then shares a transaction. */
static void test_manner(void **state)
{
    static const char two[] = "CREATE INDEX CONCURRENTLY ON t (a); CREATE INDEX CONCURRENTLY ON t (b);";
    static const char mixed[] = "ALTER TABLE t ADD b int; CREATE INDEX CONCURRENTLY ON t (b);";
    static const char one[] = "CREATE INDEX CONCURRENTLY ON t (a);";
    static const char plain[] = "ALTER TABLE t ADD b int; DROP TABLE u;";
    static const char dbmate[] = "-- migrate:up\n-- migrate:down transaction:false\nDROP TABLE t; DROP TABLE u;\n";
    static const char goose[] = "-- +goose NO TRANSACTION\n-- +goose Up\n-- +goose Down\nDROP TABLE t; DROP TABLE u;\n";
    static const char sqitch[] = "-- Revert app:users from pg\n\nDROP TABLE t; DROP TABLE u;\n";
    static const struct {
        const char *file, *sql, *tool, *ran_by;
        int together; /* the last statement shares a transaction */
    } cases[] = {
        {"x.sql", two, "auto", "psql", 0},
        {"x.sql", plain, "auto", "", 1},
        {"x.sql", plain, "psql", "psql", 0},
        {"x.sql", two, "single-transaction", "single-transaction", 1},
        {"d/0042_x.down.sql", two, "auto", "golang-migrate", 1},
        {"d/0042_x.down.sql", one, "auto", "golang-migrate", 0},
        {"V1.2__x.sql", two, "auto", "flyway", 0},
        {"U1__x.sql", mixed, "auto", "flyway", 1},
        {"R__x.sql", plain, "auto", "flyway", 1},
        {"Very__x.sql", two, "auto", "psql", 0},
        {"x.sql", dbmate, "auto", "dbmate", 1},
        {"x.sql", dbmate, NULL, "", 0}, /* mig-rollback runs statement by statement */
        {"x.sql", goose, "auto", "goose", 0},
        {"x.sql", sqitch, "auto", "sqitch", 0},
        {"x.sql", plain, NULL, "", 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct plain_manner m;
        struct err err = {0};
        struct script *s = plain_text(cases[i].sql, strlen(cases[i].sql), cases[i].file, cases[i].tool, &m, &err);

        assert_non_null(s);
        if (strcmp(m.tool, cases[i].ran_by) != 0 ||
            s->statements[s->count - 1].in_transaction != cases[i].together)
            fail_msg("case %zu: %s, together %d", i, m.tool, s->statements[s->count - 1].in_transaction);
        script_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statements), cmocka_unit_test(test_write), cmocka_unit_test(test_cut),
        cmocka_unit_test(test_plain), cmocka_unit_test(test_manner),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
