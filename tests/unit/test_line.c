/* line: a row is taken apart exactly, and what is no row is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "backup/line.h"

enum { MOST = 4 };

/* The values of TEXT as a row of N, with bars between; NULL: it is none.  The text stands in memory
 * of exactly its length. */
static const char *split(const char *text, size_t n)
{
    static char out[128];
    size_t len = strlen(text);
    char *row = malloc(len > 0 ? len : 1), *o = out;
    const char *starts[MOST + 1];
    int rc;

    assert_non_null(row);
    memcpy(row, text, len);
    rc = line_split(row, row + len, starts, n);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        size_t size = (size_t)(starts[i + 1] - 1 - starts[i]);

        memcpy(o, starts[i], size);
        o += size;
        *o++ = '|';
    }
    *o = '\0';
    free(row);
    return rc == 0 ? out : NULL;
}

static void test_rows(void **state)
{
    assert_string_equal(split("[]", 0), "");
    assert_string_equal(split("[null]", 1), "null|");
    assert_string_equal(split("[\"\",null,\"a\"]", 3), "\"\"|null|\"a\"|");
    assert_string_equal(split("[\"a,b\",\"]\",\"[null]\"]", 3), "\"a,b\"|\"]\"|\"[null]\"|");
    assert_string_equal(split("[\"\\\"\",\"\\\\\",\"\\\\\\\",\"]", 3), "\"\\\"\"|\"\\\\\"|\"\\\\\\\",\"|");
}

static void test_refused(void **state)
{
    static const struct {
        const char *text;
        size_t n;
    } cases[] = {
        {"", 0},           {"[", 0},           {"]", 0},          {"[]", 1},
        {"[null]", 0},     {"[null]", 2},      {"[null,null]", 1}, {"[null,]", 2},
        {"[null,]", 1},    {"[,null]", 2},     {"null]", 1},      {"[null", 1},
        {"[nul]", 1},      {"[nullx]", 1},     {"[NULL]", 1},     {"[1]", 1},
        {"[true]", 1},     {"[ null]", 1},     {"[null] ", 1},    {"[null]\n", 1},
        {"[\"a]", 1},      {"[\"a\\\"]", 1},   {"[\"a\"\"b\"]", 1}, {"[\"a\"\"b\"]", 2},
        {"[\"a\"]]", 1},   {"[\"a\\]", 1},     {"[\"", 1},        {"[[]]", 1},
        {"[null]null]", 2}, {"[null,null,", 2},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (split(cases[i].text, cases[i].n) != NULL)
            fail_msg("%s is taken for a row of %zu", cases[i].text, cases[i].n);
}

/* Where a value ends; -1: it is none. */
static long value(const char *text, size_t len)
{
    char *p = malloc(len > 0 ? len : 1);
    const char *e;
    long at;

    assert_non_null(p);
    memcpy(p, text, len);
    e = line_value_end(p, p + len);
    at = e != NULL ? e - p : -1;
    free(p);
    return at;
}

static void test_value(void **state)
{
    assert_int_equal(value("null,", 5), 4);
    assert_int_equal(value("nul", 3), -1);
    assert_int_equal(value("\"ab\"]", 5), 4);
    assert_int_equal(value("\"a\\\"\"]", 6), 5);
    assert_int_equal(value("\"a\\\"", 4), -1); /* the quote is escaped */
    assert_int_equal(value("\"a\\", 3), -1);   /* so is what no longer stands there */
    assert_int_equal(value("\"", 1), -1);
    assert_int_equal(value("", 0), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_value),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
