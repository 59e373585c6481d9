#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "script/effect.h"
#include "script/statement.h"

struct read {
    struct script *script;
    struct effects *effects;
};

static struct read read_sql(const char *sql)
{
    struct err err = {0};
    struct read r = {script_read(sql, strlen(sql), "x.sql", SCRIPT_WHOLE, &err), NULL};

    r.effects = r.script != NULL ? effects_find(r.script, NULL, &err) : NULL;
    if (r.effects == NULL || r.effects->count == 0)
        fail_msg("%s: %s", sql, err.message);
    return r;
}

static void done(struct read *r)
{
    effects_free(r->effects);
    script_free(r->script);
}

static void same(const char *sql, const char *got, const char *want)
{
    if ((got == NULL) != (want == NULL) || (got != NULL && strcmp(got, want) != 0))
        fail_msg("%s: %s", sql, got != NULL ? got : "(null)");
}

static void test_expression(void **state)
{
    static const struct {
        const char *sql, *expression, *type;
    } cases[] = {
        {"ALTER TABLE t ALTER c TYPE numeric(10,2) USING c::numeric + 1", "c::numeric + 1", "numeric(10, 2)"},
        {"ALTER TABLE t ALTER c TYPE text", NULL, "text"},
        {"ALTER TABLE t ALTER c TYPE s.\"T y\"[]", NULL, "s.\"T y\"[]"},
        {"ALTER TABLE t ADD c timestamptz DEFAULT now()", "now()", "timestamptz"},
        {"ALTER TABLE t ADD c int CHECK (c > 0)", NULL, "int"},
        {"ALTER TABLE t ADD c int GENERATED ALWAYS AS (a * 2) STORED", "a * 2", "int"},
        {"ALTER TABLE t ALTER c SET DEFAULT 'it''s'", "'it''s'", NULL},
        {"ALTER TABLE t ADD CONSTRAINT k CHECK (a > 0 OR b IS NULL)", "a > 0 OR b IS NULL", NULL},
        {"ALTER TABLE t ADD CONSTRAINT k UNIQUE (a)", NULL, NULL},
        {"DELETE FROM t WHERE a IN (1, 2)", "a IN (1, 2)", NULL},
        {"DELETE FROM t", NULL, NULL},
        {"UPDATE t SET a = 1 WHERE b < 2", "b < 2", NULL},
        {"CREATE INDEX i ON t (a) WHERE NOT gone", "NOT gone", NULL},
        {"DROP TABLE t", NULL, NULL},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct read r = read_sql(cases[i].sql);
        char *expression = effect_expression(&r.effects->items[0]);
        char *type = effect_type(&r.effects->items[0]);

        same(cases[i].sql, expression, cases[i].expression);
        same(cases[i].sql, type, cases[i].type);
        free(expression);
        free(type);
        done(&r);
    }
}

static void test_required(void **state)
{
    static const struct {
        const char *column;
        int required;
    } cases[] = {
        {"c int NOT NULL", 1},
        {"c int", 0},
        {"c int NULL", 0},
        {"c int NOT NULL DEFAULT 0", 0},
        {"c int DEFAULT 0 NOT NULL", 0},
        {"c int NOT NULL CHECK (c > 0)", 1},
        {"c int DEFAULT NULL NOT NULL", 1},
        {"c text NOT NULL DEFAULT NULL::varchar(3)", 1},
        {"c int DEFAULT NULL", 0},
        {"c int PRIMARY KEY", 1},
        {"c int PRIMARY KEY DEFAULT 7", 0},
        {"c serial PRIMARY KEY", 0},
        {"c int UNIQUE", 0},
        {"c serial NOT NULL", 0},
        {"c bigserial NOT NULL", 0},
        {"c serial8 NOT NULL", 0},
        {"c s.serial NOT NULL", 1}, /* somebody's own type */
        {"c int NOT NULL GENERATED ALWAYS AS IDENTITY", 0},
        {"c int NOT NULL GENERATED ALWAYS AS (a) STORED", 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char sql[200];
        struct read r;

        (void)strcat(strcpy(sql, "ALTER TABLE t ADD "), cases[i].column);
        r = read_sql(sql);
        if (effect_required(&r.effects->items[0]) != cases[i].required)
            fail_msg("%s", sql);
        done(&r);
    }
}

static void test_object(void **state)
{
    struct read r = read_sql("ALTER TABLE a.t RENAME TO u; ALTER TABLE a.u RENAME c TO d; ALTER TABLE a.u DROP d;"
                             "ALTER SCHEMA a RENAME TO b; ALTER TABLE b.u DROP d; DROP TABLE b.u; DROP TABLE b.w;"
                             "SET x.y = 1");
    static const char *const want[] = {"a.t", "a.t.c", "a.t.c"};
    size_t dropped = 0;

    for (size_t i = 0; i < r.effects->count; i++) {
        char *object = effect_object(&r.effects->items[i]);

        if (i < 3)
            assert_string_equal(object, want[i]);
        if (r.effects->items[i].kind == EFFECT_DROP_TABLE)
            /* under its first name, whatever was renamed above it */
            assert_string_equal(object, dropped++ == 0 ? "a.t" : "a.w");
        if (r.effects->items[i].kind == EFFECT_SET)
            assert_string_equal(object, "x.y");
        free(object);
    }
    assert_int_equal(dropped, 2);
    done(&r);
}

static void deferred(const char *sql, const char *want_first, const char *want_after)
{
    struct read r = read_sql(sql);
    struct err err = {0};
    char *first, *after;

    assert_int_equal(effect_defer_not_null(&r.script->statements[0], &first, &after, &err), 0);
    same(sql, first, want_first);
    same(sql, after, want_after);
    free(first);
    free(after);
    done(&r);
}

static void test_defer(void **state)
{
    deferred("ALTER TABLE t ADD COLUMN a int NOT NULL", "ALTER TABLE t ADD COLUMN a int",
             "ALTER TABLE \"t\" ALTER COLUMN \"a\" SET NOT NULL");
    deferred("ALTER TABLE ONLY s.\"T\"\"\" ADD COLUMN a int NOT NULL, ADD COLUMN b text, ADD COLUMN \"C d\" text NOT NULL",
             "ALTER TABLE ONLY s.\"T\"\"\" ADD COLUMN a int, ADD COLUMN b text, ADD COLUMN \"C d\" text",
             "ALTER TABLE ONLY \"s\".\"T\"\"\" ALTER COLUMN \"a\" SET NOT NULL, ALTER COLUMN \"C d\" SET NOT NULL");
    deferred("ALTER TABLE t ADD COLUMN a int NOT NULL DEFAULT 1", NULL, NULL);
    deferred("ALTER TABLE t ADD COLUMN a int DEFAULT NULL NOT NULL", "ALTER TABLE t ADD COLUMN a int DEFAULT NULL",
             "ALTER TABLE \"t\" ALTER COLUMN \"a\" SET NOT NULL");
    deferred("ALTER TABLE t ADD COLUMN a int CONSTRAINT \"P k\" PRIMARY KEY, ADD COLUMN b int NOT NULL",
             "ALTER TABLE t ADD COLUMN a int, ADD COLUMN b int",
             "ALTER TABLE \"t\" ADD CONSTRAINT \"P k\" PRIMARY KEY (\"a\"), ALTER COLUMN \"b\" SET NOT NULL");
    deferred("ALTER TABLE t ADD COLUMN a serial PRIMARY KEY", NULL, NULL);
    deferred("ALTER TABLE t ALTER COLUMN a SET NOT NULL", NULL, NULL);
    deferred("DROP TABLE t", NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_expression), cmocka_unit_test(test_required), cmocka_unit_test(test_object),
        cmocka_unit_test(test_defer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
