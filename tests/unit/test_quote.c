#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "pg/quote.h"

static struct buf b;

static const char *ident(const char *s)
{
    struct err err = {0};

    buf_reset(&b);
    assert_int_equal(quote_ident(&b, s, &err), 0);
    return b.data;
}

static const char *literal(const char *s)
{
    struct err err = {0};

    buf_reset(&b);
    assert_int_equal(quote_literal(&b, s, &err), 0);
    return b.data;
}

static const char *pretty(const char *schema, const char *name)
{
    struct err err = {0};

    buf_reset(&b);
    assert_int_equal(quote_pretty(&b, schema, name, &err), 0);
    return b.data;
}

static void test_ident(void **state)
{
    (void)state;
    assert_string_equal(ident("a"), "\"a\"");
    assert_string_equal(ident(""), "\"\"");
    assert_string_equal(ident("a\"b"), "\"a\"\"b\"");
    assert_string_equal(ident("\""), "\"\"\"\"");
    assert_string_equal(ident("na\xc3\xafve; drop"), "\"na\xc3\xafve; drop\"");
}

static void test_literal(void **state)
{
    (void)state;
    assert_string_equal(literal("a"), "'a'");
    assert_string_equal(literal("it's"), "'it''s'");
    assert_string_equal(literal("a\\b"), "E'a\\\\b'");
    assert_string_equal(literal("\\'"), "E'\\\\'''");
}

static void test_pretty(void **state)
{
    (void)state;
    assert_string_equal(pretty("public", "users"), "public.users");
    assert_string_equal(pretty("public", "Users"), "public.\"Users\"");
    assert_string_equal(pretty("my app", "1x"), "\"my app\".\"1x\"");
}

static int cleanup(void **state)
{
    (void)state;
    buf_free(&b);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ident),
        cmocka_unit_test(test_literal),
        cmocka_unit_test(test_pretty),
    };

    return cmocka_run_group_tests(tests, NULL, cleanup);
}
