#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/err.h"
#include "script/block.h"
#include "script/effect.h"
#include "script/statement.h"

static struct script *script;
static struct effects *effects;

static int reset(void **state)
{
    (void)state;
    effects_free(effects);
    script_free(script);
    effects = NULL;
    script = NULL;
    return 0;
}

/* The block of the last statement of SQL, or NULL. */
static const struct block *block_of(const char *sql)
{
    struct err err = {0};

    (void)reset(NULL);
    script = script_read(sql, strlen(sql), "x.sql", SCRIPT_WHOLE, &err);
    assert_non_null(script);
    effects = effects_find(script, NULL, &err);
    assert_non_null(effects);
    assert_int_equal(effects->items[effects->count - 1].kind, EFFECT_OPAQUE);
    return effects->items[effects->count - 1].block;
}

/* It must be there. */
static const struct effect *nth(const struct block *b, enum effect_kind kind, size_t n)
{
    static const struct effect none = {.name = (char *)(uintptr_t)"none"};

    for (size_t i = 0; i < b->effects->count; i++)
        if (b->effects->items[i].kind == kind && n-- == 0)
            return &b->effects->items[i];
    fail_msg("there is no such %s", effect_name(kind));
    return &none;
}

static void test_statements(void **state)
{
    const struct block *b = block_of("SELECT 1;\n\nDO $$\nBEGIN\n  IF a THEN -- why; not\n    DROP TABLE x; -- a comment\n  ELSE\n"
                                     "    DELETE FROM y WHERE a = ';';\n  END IF;\n  PERFORM nowhere.f(1);\nEND\n$$");

    (void)state;
    assert_non_null(b);
    assert_int_equal(b->dynamic, 0);
    assert_int_equal(b->unread, 0);
    assert_int_equal(b->variables, 0);
    assert_string_equal(nth(b, EFFECT_DROP_TABLE, 0)->name, "x");
    assert_int_equal(nth(b, EFFECT_DROP_TABLE, 0)->statement->line, 6);
    assert_true((nth(b, EFFECT_DROP_TABLE, 0)->flags & EFFECT_PERHAPS) != 0);
    assert_int_equal(nth(b, EFFECT_DELETE, 0)->statement->line, 8);
    assert_string_equal(nth(b, EFFECT_OPAQUE, 0)->name, "f");
    assert_int_equal(block_writes(b), 2);
}

static void test_execute(void **state)
{
    const struct block *b = block_of("DO $$ BEGIN EXECUTE 'drop table a; drop table \"b c\"'; EXECUTE $x$ truncate d $x$; END $$");

    (void)state;
    assert_non_null(b);
    assert_int_equal(b->dynamic, 0);
    assert_string_equal(nth(b, EFFECT_DROP_TABLE, 1)->name, "b c");
    assert_string_equal(nth(b, EFFECT_TRUNCATE, 0)->name, "d");
    b = block_of("DO $$ BEGIN EXECUTE 'drop table ' || 'a'; END $$");
    assert_int_equal(b->dynamic, 1);
    b = block_of("DO $$ DECLARE r record; BEGIN FOR r IN EXECUTE 'select ' || 1 LOOP DELETE FROM z; END LOOP; END $$");
    assert_int_equal(b->dynamic, 1);
    assert_string_equal(nth(b, EFFECT_DELETE, 0)->name, "z");
}

static void test_expressions(void **state)
{
    const struct block *b = block_of("DO $$ DECLARE v int := f(1); BEGIN v := g(a => 2); IF h() THEN RETURN; END IF; "
                                     "SELECT count(*) INTO v FROM t; RAISE NOTICE '%', i(); END $$");
    static const char *const called[] = {"f", "g", "h", "i"};

    (void)state;
    assert_int_equal(b->unread, 0);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(nth(b, EFFECT_OPAQUE, i)->name, called[i]);
    }
    assert_int_equal(b->variables, 1);
}

static void test_own(void **state)
{
    const struct block *b = block_of("CREATE TABLE t (a int); ALTER TABLE u RENAME TO w; DO $$ BEGIN DELETE FROM t; DELETE FROM w; "
                                     "CREATE TABLE n (a int); DELETE FROM n; END $$");

    (void)state;
    assert_true((nth(b, EFFECT_DELETE, 0)->flags & EFFECT_OWN) != 0);
    assert_string_equal(nth(b, EFFECT_DELETE, 1)->on_server, "u");
    assert_true((nth(b, EFFECT_DELETE, 2)->flags & EFFECT_OWN) == 0);
}

static void test_unreadable(void **state)
{
    const struct block *b;

    (void)state;
    assert_null(block_of("DO LANGUAGE plpythonu 'pass'"));
    assert_null(block_of("DO $$ BEGIN IF $$"));
    /* A type that libpg_query does not know. */
    assert_null(block_of("DO $$ DECLARE c refcursor; BEGIN OPEN c FOR EXECUTE 'select 1'; END $$"));
    assert_non_null(block_of("DO 'BEGIN DELETE FROM t; END' LANGUAGE plpgsql"));
    b = block_of("DO $$ BEGIN EXECUTE 'it''s not closed'; DROP TABLE t; END $$");
    assert_int_equal(b->unread, 1);
    assert_string_equal(nth(b, EFFECT_DROP_TABLE, 0)->name, "t");
    b = block_of("DO $$ BEGIN EXECUTE 'COPY t FROM STDIN'; DROP TABLE t; END $$");
    assert_int_equal(b->unread, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_statements, reset), cmocka_unit_test_teardown(test_execute, reset),
        cmocka_unit_test_teardown(test_expressions, reset), cmocka_unit_test_teardown(test_own, reset),
        cmocka_unit_test_teardown(test_unreadable, reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
