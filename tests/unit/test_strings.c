#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/strings.h"

static void test_grow(void **state)
{
    char **list = NULL;
    struct err err = {0};
    char want[16];

    assert_int_equal(strings_count(NULL), 0);
    assert_int_equal(strings_find(NULL, "x"), -1);
    for (int i = 0; i < 300; i++) {
        assert_int_equal(strings_addf(&list, &err, "n%d", i), 0);
        assert_int_equal(strings_count(list), i + 1);
    }
    for (int i = 0; i < 300; i++) {
        (void)snprintf(want, sizeof(want), "n%d", i);
        assert_string_equal(list[i], want);
        assert_int_equal(strings_find(list, want), i);
    }
    assert_int_equal(strings_find(list, "n300"), -1);
    strings_free(list);
    strings_free(NULL);
}

static void test_dup(void **state)
{
    struct err err = {0};
    char *s = NULL;

    assert_int_equal(strings_dup(&s, NULL, &err), 0);
    assert_null(s);
    assert_int_equal(strings_dup(&s, "x", &err), 0);
    assert_string_equal(s, "x");
    free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_grow), cmocka_unit_test(test_dup)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
