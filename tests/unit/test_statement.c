#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "script/statement.h"
#include "script/deparse.h"
#include "script/parse.h"
#include "script/shown.h"

static struct script *read_script(const char *sql, enum script_mode mode)
{
    struct err err = {0};
    struct script *s = script_read(sql, strlen(sql), "x.sql", mode, &err);

    if (s == NULL)
        fail_msg("%s", err.message);
    return s;
}

static void positions_are_characters(void **state)
{
    struct script *s = read_script("-- caf\xc3\xa9\n  select '\xc3\xa9'; /* x */ drop table t ;;\n"
                                   "\ndelete from t",
                                   SCRIPT_WHOLE);

    (void)state;
    assert_int_equal(s->count, 3);
    assert_int_equal(s->statements[0].line, 2);
    assert_int_equal(s->statements[0].column, 3);
    assert_string_equal(s->statements[0].text, "select '\xc3\xa9'");
    assert_int_equal(s->statements[1].line, 2);
    assert_int_equal(s->statements[1].column, 23);
    assert_string_equal(s->statements[1].text, "drop table t");
    assert_string_equal(s->statements[1].tag, "DROP TABLE");
    assert_int_equal(s->statements[2].line, 4);
    assert_int_equal(s->ncomments, 2);
    assert_int_equal(s->comments[0].line, 1);
    assert_int_equal(s->segments, 1);
    script_free(s);
}

static void semicolons_that_do_not_cut(void **state)
{
    struct script *s = read_script(
        "create rule r as on insert to t do (delete from a; delete from b);"
        "create function f() returns int language sql begin atomic select case when true then 1 end;"
        " select 2; end; do $$ begin; end $$; select 'a;b', \"c;d\" /* ; */",
        SCRIPT_WHOLE);

    (void)state;
    assert_int_equal(s->count, 4);
    assert_null(s->statements[1].unknown);
    assert_string_equal(s->statements[1].tag, "CREATE FUNCTION");
    assert_string_equal(s->statements[2].tag, "DO");
    script_free(s);
}

static void what_does_not_parse_is_unknown(void **state)
{
    struct script *s = read_script("foo bar; drop table t; select $x 'secret';", SCRIPT_WHOLE);

    (void)state;
    assert_int_equal(s->count, 3);
    assert_non_null(s->statements[0].unknown);
    assert_null(s->statements[0].tree);
    assert_null(s->statements[1].unknown);
    assert_non_null(s->statements[2].unknown);
    assert_null(strstr(s->statements[2].unknown, "secret"));
    script_free(s);
}

static void depth_is_no_crash(void **state)
{
    size_t n = 200000, i;
    char *sql = malloc(2 * n + 32);
    struct script *s;

    (void)state;
    strcpy(sql, "select ");
    for (i = 0; i < n; i++)
        sql[7 + i] = '(';
    sql[7 + n] = '1';
    for (i = 0; i < n; i++)
        sql[8 + n + i] = ')';
    sql[8 + 2 * n] = '\0';
    s = read_script(sql, SCRIPT_WHOLE);
    assert_int_equal(s->count, 1);
    script_free(s);
    strcpy(sql, "select ");
    for (i = 0; i + 1 < n; i++)
        strcpy(sql + 7 + 2 * i, "- ");
    strcpy(sql + 7 + 2 * i, "x");
    s = read_script(sql, SCRIPT_WHOLE);
    assert_non_null(s->statements[0].unknown);
    script_free(s);
    free(sql);
}

static void copy_data_is_not_sql(void **state)
{
    struct script *s = read_script("select 1;\nCOPY t (a) FROM stdin;\nit's; drop table t;\n"
                                   "x\tstdin;\n\\.\n\nCOPY u FROM stdin;\n\\.\ndrop table u;",
                                   SCRIPT_AUTO);

    (void)state;
    assert_int_equal(s->count, 4);
    assert_string_equal(s->statements[1].tag, "COPY");
    assert_int_equal(s->statements[1].copy_len, strlen("it's; drop table t;\nx\tstdin;\n"));
    assert_int_equal(strncmp(s->statements[1].copy_data, "it's", 4), 0);
    assert_non_null(s->statements[2].copy_data);
    assert_int_equal(s->statements[2].copy_len, 0);
    assert_string_equal(s->statements[3].text, "drop table u");
    assert_int_equal(s->statements[3].line, 9);
    assert_int_equal(s->segments, 4);
    script_free(s);
}

static void segments(void **state)
{
    struct script *s = read_script("BEGIN; drop table a; COMMIT;"
                                   "create index concurrently i on t (a); BEGIN; drop table b;"
                                   "COMMIT",
                                   SCRIPT_WHOLE);

    (void)state;
    assert_int_equal(s->count, 7);
    assert_int_equal(s->segments, 3);
    assert_int_equal(s->statements[2].segment, 0);
    assert_int_equal(s->statements[3].segment, 1);
    assert_true(s->statements[3].alone);
    assert_false(s->statements[3].in_transaction);
    assert_int_equal(s->statements[4].segment, 2);
    assert_int_equal(s->statements[6].segment, 2);
    assert_true(s->balanced);
    script_free(s);
    s = read_script("BEGIN; drop table a;", SCRIPT_WHOLE);
    assert_false(s->balanced);
    script_free(s);
    s = read_script("drop table a; vacuum t", SCRIPT_WHOLE);
    assert_int_equal(s->segments, 1);
    assert_true(s->statements[1].alone);
    assert_true(s->statements[1].in_transaction);
    script_free(s);
}

static void unusable(void **state)
{
    static const struct {
        const char *sql, *where;
    } cases[] = {
        {"select 1;\n\\connect x\n", "x.sql:2:1"},
        {"select 1;\n  'abc", "x.sql:2:3"},
        {"select 1;\n/* abc", "x.sql:2:1"},
        {"copy t from stdin;\n1\n", "x.sql:1:1"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = {0};

        assert_null(script_read(cases[i].sql, strlen(cases[i].sql), "x.sql", SCRIPT_AUTO, &err));
        assert_int_equal(err.kind, ERR_FAILED);
        if (strstr(err.message, cases[i].where) == NULL)
            fail_msg("%s: %s", cases[i].sql, err.message);
    }
}

static void normalized(void **state)
{
    char *n = shown_normalize("insert into t values ('secret', 42) -- secret");

    (void)state;
    assert_string_equal(n, "insert into t values ($1, $2) ");
    free(n);
    n = shown_normalize("comment on table t is 'secret'");
    assert_string_equal(n, "comment on table t is '...'");
    free(n);
    n = shown_normalize("do $x$ secret $x$");
    assert_string_equal(n, "do $1");
    free(n);
    assert_null(shown_normalize("foo 'secret'"));
}

static void deparsed(void **state)
{
    const char *sql = "alter table t add column a int not null check (a > 0), "
                      "alter b type numeric(10,2) using round(b, 2) + 1";
    struct parse_item item = {.text = sql, .len = strlen(sql)};
    struct err err = {0};
    const json_t *cmds, *def;
    char *out;

    (void)state;
    assert_int_equal(parse_all(&item, 1, &err), 0);
    cmds = json_object_get(json_object_get(item.tree, "AlterTableStmt"), "cmds");
    def = json_object_get(json_object_get(json_object_get(json_array_get(cmds, 1),
                                                          "AlterTableCmd"),
                                          "def"),
                          "ColumnDef");
    out = deparse_expression(sql, item.tree, json_object_get(def, "raw_default"));
    assert_string_equal(out, "round(b, 2) + 1");
    free(out);
    out = deparse_type(sql, item.tree, json_object_get(def, "typeName"));
    assert_string_equal(out, "numeric(10, 2)");
    free(out);
    def = json_object_get(json_object_get(json_object_get(json_array_get(cmds, 0),
                                                          "AlterTableCmd"),
                                          "def"),
                          "ColumnDef");
    out = deparse_without(sql, item.tree,
                          json_array_get(json_object_get(def, "constraints"), 0));
    assert_string_equal(out, "ALTER TABLE t ADD COLUMN a int CHECK (a > 0), "
                             "ALTER COLUMN b TYPE numeric(10, 2) USING round(b, 2) + 1");
    free(out);
    json_decref(item.tree);
}

static void deparsed_parts_of_a_query(void **state)
{
    const char *sql = "with recursive w as (select 1 as k), v (n) as materialized (table w) delete from t "
                      "using w join v on v.n = w.k, lateral (select t.a) s where t.a = w.k";
    struct parse_item item = {.text = sql, .len = strlen(sql)};
    struct err err = {0};
    const json_t *body, *ctes;
    char *out;

    (void)state;
    assert_int_equal(parse_all(&item, 1, &err), 0);
    body = json_object_get(item.tree, "DeleteStmt");
    ctes = json_object_get(json_object_get(body, "withClause"), "ctes");
    out = deparse_cte(sql, item.tree, json_array_get(ctes, 0));
    assert_string_equal(out, "w AS (SELECT 1 AS k)");
    free(out);
    out = deparse_cte(sql, item.tree, json_array_get(ctes, 1));
    assert_string_equal(out, "v(n) AS MATERIALIZED (SELECT * FROM w)");
    free(out);
    out = deparse_from(sql, item.tree,
                       json_array_get(json_object_get(body, "usingClause"), 0));
    assert_string_equal(out, "w JOIN v ON v.n = w.k");
    free(out);
    out = deparse_from(sql, item.tree,
                       json_array_get(json_object_get(body, "usingClause"), 1));
    assert_string_equal(out, "LATERAL (SELECT t.a) s");
    free(out);
    out = deparse_query(sql, item.tree,
                        json_object_get(json_object_get(json_array_get(ctes, 0),
                                                              "CommonTableExpr"),
                                              "ctequery"));
    assert_string_equal(out, "SELECT 1 AS k");
    free(out);
    /* Of another statement, or no part that fits: nothing, rather than a guess. */
    assert_null(deparse_from(sql, item.tree, ctes));
    json_decref(item.tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(positions_are_characters),
        cmocka_unit_test(semicolons_that_do_not_cut),
        cmocka_unit_test(what_does_not_parse_is_unknown),
        cmocka_unit_test(depth_is_no_crash),
        cmocka_unit_test(copy_data_is_not_sql),
        cmocka_unit_test(segments),
        cmocka_unit_test(unusable),
        cmocka_unit_test(normalized),
        cmocka_unit_test(deparsed),
        cmocka_unit_test(deparsed_parts_of_a_query),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
