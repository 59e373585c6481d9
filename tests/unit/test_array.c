#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/buf.h"
#include "pg/array.h"

static void is(struct buf *b, const char *want)
{
    struct err err = {0};
    char *got = array_take(b, &err);

    assert_non_null(got);
    assert_string_equal(got, want);
    free(got);
    assert_int_equal(b->len, 0);
}

static void test_elements(void **state)
{
    char *const texts[] = {(char *)(uintptr_t)"a b", (char *)(uintptr_t)"", (char *)(uintptr_t)"NULL",
                           (char *)(uintptr_t)"\"\\{,}", NULL};
    struct err err = {0};
    struct buf b = {0};

    (void)state;
    assert_int_equal(array_texts(&b, texts, &err), 0);
    assert_int_equal(array_text(&b, NULL, &err), 0);
    is(&b, "{\"a b\",\"\",\"NULL\",\"\\\"\\\\{,}\",NULL}");
    assert_int_equal(array_number(&b, -1, &err), 0);
    assert_int_equal(array_number(&b, 4294967295, &err), 0);
    is(&b, "{-1,4294967295}");
}

static void test_none(void **state)
{
    struct err err = {0};
    struct buf b = {0};

    (void)state;
    is(&b, "{}");
    assert_int_equal(array_texts(&b, NULL, &err), 0);
    is(&b, "{}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_elements),
        cmocka_unit_test(test_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
