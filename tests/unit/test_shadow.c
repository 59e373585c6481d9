#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "script/shadow.h"

static struct err err;

static const char *word(const struct shadow_seen *seen)
{
    static char out[100];

    (void)snprintf(out, sizeof(out), "%s%s%s%s%s", seen->own ? "own" : "", seen->gone ? "gone" : "",
                   seen->schema != NULL ? seen->schema : "", seen->schema != NULL ? "." : "",
                   seen->name != NULL ? seen->name : "");
    return out;
}

/* "own", "gone", or its name on the server where that differs; "": nothing known. */
static const char *relation(const struct shadow *s, const char *schema, const char *name)
{
    struct shadow_seen seen;

    shadow_find(s, SHADOW_RELATION, schema, name, &seen);
    return word(&seen);
}

static const char *column(const struct shadow *s, const char *schema, const char *name, const char *c)
{
    struct shadow_seen seen;

    shadow_find_column(s, schema, name, c, &seen);
    return word(&seen);
}

static struct shadow *fresh(void)
{
    struct shadow *s = shadow_new(&err);

    assert_non_null(s);
    return s;
}

static void rename_to(struct shadow *s, const char *schema, const char *name, const char *new_schema, const char *new_name)
{
    assert_int_equal(shadow_rename(s, SHADOW_RELATION, schema, name, new_schema, new_name, &err), 0);
}

static void test_swap(void **state)
{
    /* The new table takes the old one's name: what is dropped then is the server's. */
    struct shadow *s = fresh();

    assert_string_equal(relation(s, NULL, "t"), "");
    assert_int_equal(shadow_create(s, SHADOW_RELATION, NULL, "t_new", &err), 0);
    rename_to(s, NULL, "t", NULL, "t_old");
    rename_to(s, NULL, "t_new", NULL, "t");
    assert_string_equal(relation(s, NULL, "t"), "own");
    assert_string_equal(relation(s, NULL, "t_old"), "t");
    assert_string_equal(relation(s, NULL, "t_new"), "gone");
    assert_int_equal(shadow_drop(s, SHADOW_RELATION, NULL, "t_old", &err), 0);
    assert_string_equal(relation(s, NULL, "t_old"), "gone");
    shadow_free(s);
}

static void test_chain(void **state)
{
    struct shadow *s = fresh();

    rename_to(s, "a", "t", "a", "u");
    rename_to(s, "a", "u", "b", "u");
    rename_to(s, "b", "u", "b", "v");
    assert_string_equal(relation(s, "b", "v"), "a.t");
    assert_string_equal(relation(s, "b", "u"), "gone");
    assert_string_equal(relation(s, "a", "t"), "gone");
    /* and back to where it was */
    rename_to(s, "b", "v", "a", "t");
    assert_string_equal(relation(s, "a", "t"), "a.t");
    shadow_free(s);
}

static void test_spaces(void **state)
{
    /* A type and a table of one name are two objects; so are schemas, and dots in names. */
    struct shadow *s = fresh();
    struct shadow_seen seen;

    assert_int_equal(shadow_create(s, SHADOW_TYPE, "a", "x", &err), 0);
    assert_string_equal(relation(s, "a", "x"), "");
    shadow_find(s, SHADOW_TYPE, "a", "x", &seen);
    assert_true(seen.own);
    assert_int_equal(shadow_create(s, SHADOW_RELATION, "a.b", "c", &err), 0);
    assert_string_equal(relation(s, "a", "b.c"), "");
    assert_string_equal(relation(s, NULL, "c"), "");
    assert_string_equal(relation(s, "a.b", "c"), "own");
    /* made again after a drop */
    assert_int_equal(shadow_drop(s, SHADOW_RELATION, "a.b", "c", &err), 0);
    assert_string_equal(relation(s, "a.b", "c"), "gone");
    assert_int_equal(shadow_create(s, SHADOW_RELATION, "a.b", "c", &err), 0);
    assert_string_equal(relation(s, "a.b", "c"), "own");
    /* without a name there is nothing to know */
    assert_int_equal(shadow_create(s, SHADOW_RELATION, "a", NULL, &err), 0);
    assert_string_equal(relation(s, "a", NULL), "");
    shadow_free(s);
}

static void test_columns(void **state)
{
    struct shadow *s = fresh();

    /* a swap of two columns by way of a third name */
    assert_int_equal(shadow_rename_column(s, NULL, "t", "a", "x", &err), 0);
    assert_int_equal(shadow_rename_column(s, NULL, "t", "b", "a", &err), 0);
    assert_int_equal(shadow_rename_column(s, NULL, "t", "x", "b", &err), 0);
    assert_string_equal(column(s, NULL, "t", "a"), "b");
    assert_string_equal(column(s, NULL, "t", "b"), "a");
    assert_string_equal(column(s, NULL, "t", "x"), "gone");
    assert_string_equal(column(s, NULL, "t", "c"), "");
    /* they go with their table when it is renamed */
    rename_to(s, NULL, "t", NULL, "u");
    assert_string_equal(column(s, NULL, "u", "a"), "b");
    assert_string_equal(relation(s, NULL, "u"), "t");
    /* ...and not with one that is made in its place */
    assert_int_equal(shadow_create(s, SHADOW_RELATION, NULL, "t", &err), 0);
    assert_string_equal(column(s, NULL, "t", "a"), "own");
    /* the script's own column, renamed, stays its own; the table does not become its own */
    assert_int_equal(shadow_create_column(s, NULL, "w", "n", &err), 0);
    assert_int_equal(shadow_rename_column(s, NULL, "w", "n", "m", &err), 0);
    assert_string_equal(column(s, NULL, "w", "m"), "own");
    assert_string_equal(column(s, NULL, "w", "n"), "gone");
    assert_string_equal(relation(s, NULL, "w"), "");
    assert_int_equal(shadow_drop_column(s, NULL, "w", "m", &err), 0);
    assert_string_equal(column(s, NULL, "w", "m"), "gone");
    shadow_free(s);
}

static void rename_schema(struct shadow *s, const char *from, const char *to)
{
    assert_int_equal(shadow_rename(s, SHADOW_SCHEMA, NULL, from, NULL, to, &err), 0);
}

static void test_schemas(void **state)
{
    struct shadow *s = fresh();

    rename_schema(s, "a", "b");
    assert_string_equal(relation(s, "b", "t"), "a.t");
    rename_schema(s, "b", "c");
    assert_string_equal(relation(s, "c", "t"), "a.t");
    rename_to(s, "c", "t", "c", "u");
    assert_string_equal(relation(s, "c", "u"), "a.t");
    assert_string_equal(relation(s, "c", "t"), "gone");
    shadow_free(s);
}

static void test_schema_carries(void **state)
{
    /* what is known of a schema's tables goes with it when it is renamed */
    struct shadow *s = fresh();

    rename_to(s, "a", "t", "a", "u");
    assert_int_equal(shadow_rename_column(s, "a", "w", "c", "d", &err), 0);
    assert_int_equal(shadow_create(s, SHADOW_RELATION, "a", "own", &err), 0);
    assert_int_equal(shadow_drop(s, SHADOW_RELATION, "a", "lost", &err), 0);
    rename_schema(s, "a", "b");
    assert_string_equal(relation(s, "b", "u"), "a.t");
    assert_string_equal(relation(s, "b", "t"), "gone");
    assert_string_equal(relation(s, "b", "own"), "own");
    assert_string_equal(relation(s, "b", "lost"), "gone");
    assert_string_equal(relation(s, "b", "w"), "a.w");
    assert_string_equal(column(s, "b", "w", "d"), "c");
    assert_string_equal(relation(s, "b", "x"), "a.x");
    shadow_free(s);
}

struct moved {
    char said[200];
    int stop;
};

static int note(const char *name, const char *schema, const char *server, void *arg)
{
    struct moved *m = arg;
    size_t n = strlen(m->said);

    (void)snprintf(m->said + n, sizeof(m->said) - n, "%s=%s.%s;", name, schema != NULL ? schema : "", server);
    return m->stop ? -1 : 0;
}

static void test_moved(void **state)
{
    struct shadow *s = fresh();
    struct moved m = {"", 0};

    rename_to(s, "a", "t", "b", "t");   /* the server's, moved in */
    rename_to(s, "a", "g", "b", "g");   /* moved in and dropped */
    assert_int_equal(shadow_drop(s, SHADOW_RELATION, "b", "g", &err), 0);
    rename_to(s, "a", "o", "bb", "o");  /* another schema */
    assert_int_equal(shadow_create(s, SHADOW_RELATION, "b", "n", &err), 0);
    assert_int_equal(shadow_rename(s, SHADOW_TYPE, "a", "y", "b", "y", &err), 0);
    assert_int_equal(shadow_moved_into(s, "b", note, &m), 0);
    assert_string_equal(m.said, "t=a.t;");
    m.stop = 1;
    assert_int_equal(shadow_moved_into(s, "b", note, &m), -1);
    assert_int_equal(shadow_moved_into(s, "a", note, &m), 0);
    /* ROLLBACK: nothing holds any more */
    shadow_forget(s);
    m.stop = 0;
    m.said[0] = '\0';
    assert_int_equal(shadow_moved_into(s, "b", note, &m), 0);
    assert_string_equal(m.said, "");
    assert_string_equal(relation(s, "b", "n"), "");
    shadow_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_swap),    cmocka_unit_test(test_chain),   cmocka_unit_test(test_spaces),
        cmocka_unit_test(test_columns), cmocka_unit_test(test_schemas), cmocka_unit_test(test_schema_carries),
        cmocka_unit_test(test_moved),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
