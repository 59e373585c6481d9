#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/buf.h"
#include "script/node.h"
#include "script/statement.h"

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

static void test_absent(void **state)
{
    /* The tree leaves out what is false, zero or empty: every question must bear that. */
    json_t *empty = json_object(), *text = json_string("x");

    assert_string_equal(node_kind(NULL), "");
    assert_string_equal(node_kind(empty), "");
    assert_string_equal(node_kind(text), "");
    assert_null(node_body(NULL));
    assert_null(node_body(empty));
    assert_null(node_as(NULL, "X"));
    assert_string_equal(node_text(NULL, "k"), "");
    assert_null(node_name(empty, "k"));
    assert_int_equal(node_true(NULL, "k"), 0);
    assert_int_equal(node_int(empty, "k"), 0);
    assert_int_equal(node_is(empty, "k", "v"), 0);
    assert_int_equal(node_count(NULL), 0);
    assert_null(node_at(NULL, 0));
    assert_null(node_string(NULL));
    assert_int_equal(node_option(NULL, "o", 7), 7);
    json_decref(empty);
    json_decref(text);
}

static void test_members(void **state)
{
    struct script *s = read_sql("ALTER TABLE ONLY a.b RENAME COLUMN c TO d");
    const json_t *tree = s->statements[0].tree, *body = node_as(tree, "RenameStmt");

    assert_string_equal(node_kind(tree), "RenameStmt");
    assert_ptr_equal(node_body(tree), body);
    assert_null(node_as(tree, "AlterTableStmt"));
    assert_true(node_is(body, "renameType", "OBJECT_COLUMN"));
    assert_string_equal(node_name(node_get(body, "relation"), "schemaname"), "a");
    assert_null(node_name(node_get(body, "relation"), "catalogname"));
    assert_int_equal(node_true(node_get(body, "relation"), "inh"), 0); /* ONLY */
    assert_string_equal(node_text(body, "newname"), "d");
    script_free(s);
}

static void qualified(const char *sql, const char *want_schema, const char *want_name)
{
    struct script *s = read_sql(sql);
    const json_t *list = node_at(node_get(node_as(s->statements[0].tree, "DropStmt"), "objects"), 0);
    const char *schema, *name;

    node_qualified(node_get(node_as(list, "List"), "items"), &schema, &name);
    assert_string_equal(name, want_name);
    if (want_schema == NULL)
        assert_null(schema);
    else
        assert_string_equal(schema, want_schema);
    script_free(s);
}

static void test_qualified(void **state)
{
    const char *schema = "x", *name = "y";

    qualified("DROP TABLE t", NULL, "t");
    qualified("DROP TABLE s.t", "s", "t");
    qualified("DROP TABLE db.s.t", "s", "t");
    qualified("DROP TABLE \"S.x\".\"a\"\"b\"", "S.x", "a\"b");
    node_qualified(NULL, &schema, &name);
    assert_null(schema);
    assert_null(name);
}

static void test_options(void **state)
{
    static const struct {
        const char *sql;
        int full; /* 9: absent */
    } cases[] = {
        {"VACUUM t", 9},
        {"VACUUM FULL t", 1},
        {"VACUUM (FULL) t", 1},
        {"VACUUM (FULL true) t", 1},
        {"VACUUM (FULL on) t", 1},
        {"VACUUM (FULL 1) t", 1},
        {"VACUUM (FULL 'yes') t", 1}, /* the server refuses it; not a no */
        {"VACUUM (FULL false) t", 0},
        {"VACUUM (FULL off) t", 0},
        {"VACUUM (FULL OFF) t", 0},
        {"VACUUM (FULL 'FALSE') t", 0}, /* the server takes either case */
        {"VACUUM (FULL 'Off') t", 0},
        {"VACUUM (FULL 0) t", 0},
        {"VACUUM (ANALYZE, FULL false) t", 0},
        {"VACUUM (FREEZE, VERBOSE) t", 9},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct script *s = read_sql(cases[i].sql);
        int got = node_option(node_get(node_as(s->statements[0].tree, "VacuumStmt"), "options"), "full", 9);

        if (got != cases[i].full)
            fail_msg("%s: %d", cases[i].sql, got);
        script_free(s);
    }
}

struct seen {
    struct buf kinds;
    const char *stop;
};

static int note(const char *kind, const json_t *body, void *arg)
{
    struct seen *seen = arg;
    struct err err = {0};

    assert_int_equal(buf_addf(&seen->kinds, &err, "%s ", kind), 0);
    return seen->stop != NULL && strcmp(kind, seen->stop) == 0;
}

static void test_walk(void **state)
{
    struct script *s = read_sql("DELETE FROM t WHERE a = (SELECT f(b) FROM u)");
    struct seen seen = {0};

    node_walk(node_body(s->statements[0].tree), note, &seen);
    assert_non_null(strstr(seen.kinds.data, "A_Expr "));
    assert_non_null(strstr(seen.kinds.data, "SubLink "));
    assert_non_null(strstr(seen.kinds.data, "FuncCall "));
    assert_null(strstr(seen.kinds.data, "DeleteStmt"));
    /* parents first */
    assert_true(strstr(seen.kinds.data, "A_Expr ") < strstr(seen.kinds.data, "SubLink "));
    assert_true(strstr(seen.kinds.data, "SubLink ") < strstr(seen.kinds.data, "FuncCall "));
    /* a sub-select that is not gone into: neither its function nor its table is seen */
    buf_reset(&seen.kinds);
    seen.stop = "SubLink";
    node_walk(node_body(s->statements[0].tree), note, &seen);
    assert_non_null(strstr(seen.kinds.data, "SubLink "));
    assert_null(strstr(seen.kinds.data, "FuncCall"));
    assert_null(strstr(seen.kinds.data, "SelectStmt"));
    buf_free(&seen.kinds);
    script_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_absent),  cmocka_unit_test(test_members), cmocka_unit_test(test_qualified),
        cmocka_unit_test(test_options), cmocka_unit_test(test_walk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
