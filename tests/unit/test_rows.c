#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "migration/route.h"

static char a[] = "a", b[] = "b", c[] = "c", d[] = "d";

static const char *tell(char *const *rows)
{
    static char out[40];

    out[0] = '\0';
    for (; *rows != NULL; rows++)
        (void)strcat(out, *rows);
    return out;
}

static char **start(void)
{
    char *const rows[] = {d, b, c, NULL};
    struct err err = {0};
    char **copy = rows_copy(rows, &err);

    assert_non_null(copy);
    assert_string_equal(tell(copy), "bcd");
    return copy;
}

static void apply(int kind, const char *from, const char *to, int rc, const char *want)
{
    struct route_op op = {ROUTE_INSERT, from, to};
    struct err err = {0};
    char **rows = start();

    op.kind = kind == 'i' ? ROUTE_INSERT : kind == 'd' ? ROUTE_DELETE : ROUTE_UPDATE;
    assert_int_equal(rows_apply(&rows, &op, &err), rc);
    assert_string_equal(tell(rows), want);
    rows_free(rows);
}

static void test_apply(void **state)
{
    apply('i', NULL, "a", 0, "abcd");
    apply('i', NULL, "e", 0, "bcde");
    apply('i', NULL, "c", 1, "bcd");
    apply('d', "b", NULL, 0, "cd");
    apply('d', "c", NULL, 0, "bd");
    apply('d', "d", NULL, 0, "bc");
    apply('d', "a", NULL, 1, "bcd");
    apply('u', "b", "e", 0, "cde");
    apply('u', "d", "a", 0, "abc");
    apply('u', "a", "e", 1, "bcd");
    apply('u', "b", "d", 1, "bcd");
    apply('u', "b", "b", 1, "bcd"); /* an update that changes nothing is not one of Alembic's */
}

static void test_down_to_none(void **state)
{
    char *const rows[] = {a, NULL};
    struct route_op op = {ROUTE_DELETE, "a", NULL};
    struct err err = {0};
    char **copy = rows_copy(rows, &err);

    assert_int_equal(rows_apply(&copy, &op, &err), 0);
    assert_null(copy[0]);
    assert_int_equal(rows_apply(&copy, &op, &err), 1);
    op.kind = ROUTE_INSERT;
    op.to = "z";
    assert_int_equal(rows_apply(&copy, &op, &err), 0);
    assert_string_equal(tell(copy), "z");
    rows_free(copy);
    rows_free(NULL);
}

static void test_equal(void **state)
{
    char *const none[] = {NULL}, *const one[] = {a, NULL}, *const two[] = {a, b, NULL}, *const other[] = {a, c, NULL};

    assert_true(rows_equal(none, none));
    assert_true(rows_equal(two, two));
    assert_false(rows_equal(none, one));
    assert_false(rows_equal(one, two)); /* a beginning is not all */
    assert_false(rows_equal(two, one));
    assert_false(rows_equal(two, other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_apply), cmocka_unit_test(test_down_to_none), cmocka_unit_test(test_equal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
