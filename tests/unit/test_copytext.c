#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "core/scan.h"
#include "pg/copytext.h"

struct fixture {
    struct buf json, back, text;
};

static int setup(void **state)
{
    *state = calloc(1, sizeof(struct fixture));
    return *state == NULL;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    buf_free(&f->json);
    buf_free(&f->back);
    buf_free(&f->text);
    free(f);
    return 0;
}

static void there(struct fixture *f, const struct copytext_shape *s, const char *text, size_t len,
                  uint64_t want)
{
    struct err err = {0};
    uint64_t rows = 0;

    buf_reset(&f->json);
    if (copytext_to_json(&f->json, s, text, len, &rows, &err) != 0)
        fail_msg("%s", err.message);
    assert_int_equal(rows, want);
}

static void back(struct fixture *f, const struct copytext_shape *s, const char *text, size_t len,
                 uint64_t want)
{
    struct err err = {0};
    uint64_t rows = 0;

    buf_reset(&f->back);
    if (copytext_from_json(&f->back, s, f->json.data, f->json.len, &rows, &err) != 0)
        fail_msg("%s", err.message);
    assert_int_equal(rows, want);
    assert_int_equal(f->back.len, len);
    assert_memory_equal(f->back.data, text, len);
}

static void check(struct fixture *f, size_t columns, const char *text, const char *json,
                  uint64_t rows)
{
    struct copytext_shape s = {columns, NULL};

    there(f, &s, text, strlen(text), rows);
    assert_string_equal(f->json.data, json);
    back(f, &s, text, strlen(text), rows);
}

static void test_plain(void **state)
{
    check(*state, 3, "1\ta\tb\n2\tc\td\n", "[\"1\",\"a\",\"b\"]\n[\"2\",\"c\",\"d\"]\n", 2);
}

static void test_nulls(void **state)
{
    check(*state, 3, "\\N\t\\N\t\\N\n\t\\N\t\n", "[null,null,null]\n[\"\",null,\"\"]\n", 2);
    /* a backslash and an N that are no null */
    check(*state, 1, "\\\\N\n", "[\"\\\\N\"]\n", 1);
    check(*state, 1, "\\N\n\\N\n", "[null]\n[null]\n", 2);
}

static void test_escapes(void **state)
{
    check(*state, 1, "\\b\\f\\n\\r\\t\\v\\\\\n", "[\"\\b\\f\\n\\r\\t\\u000b\\\\\"]\n", 1);
    check(*state, 2, "\"q\"\t{\"a\": [1]}\n", "[\"\\\"q\\\"\",\"{\\\"a\\\": [1]}\"]\n", 1);
    check(*state, 1, "\x01\x1f\x7f\n", "[\"\\u0001\\u001f\x7f\"]\n", 1);
    check(*state, 1, "\\\\.\n", "[\"\\\\.\"]\n", 1);
    check(*state, 1, "gr\xc3\xbc\xc3\x9f \xf0\x9f\x90\x98\n", "[\"gr\xc3\xbc\xc3\x9f \xf0\x9f\x90\x98\"]\n", 1);
}

static void test_no_columns(void **state)
{
    check(*state, 0, "\n\n\n", "[]\n[]\n[]\n", 3);
    check(*state, 1, "\n\n", "[\"\"]\n[\"\"]\n", 2);
}

static void test_other_json(void **state)
{
    struct fixture *f = *state;
    struct copytext_shape s = {2, NULL};
    const char *json = "[\"\\/\\u00fc\\ud83d\\udc18\",\"\\u0009\"]\n";
    const char *text = "/\xc3\xbc\xf0\x9f\x90\x98\t\\t\n";

    assert_int_equal(buf_adds(&f->json, json, &(struct err){0}), 0);
    back(f, &s, text, strlen(text), 1);
}

static void test_refused(void **state)
{
    static const struct {
        const char *json, *why;
    } bad[] = {
        {"[\"a\"]\n", "too few"},           {"[\"a\",\"b\",\"c\"]\n", "too many"},
        {"[\"a\",1]\n", "neither"},         {"[\"a\",nul]\n", "neither"},
        {"[\"a\",\"b\"]", "no line's end"}, {"{\"a\":1}\n", "begin"},
        {"[\"a\",\"b\n\"]\n", "not JSON"},  {"[\"a\",\"\\x\"]\n", "not JSON"},
        {"[\"a\",\"\\u0000\"]\n", "not JSON"}, {"[\"a\",\"\\ud800\"]\n", "not JSON"},
        {"[\"a\",\"\\udc00\"]\n", "not JSON"}, {"[\"a\",\"b", "not JSON"},
        {"[\"a\",\"b\\", "not JSON"},       {"[\"a\", \"b\"]\n", "neither"},
        {"[", "neither"},                   {"[\"a\"", "too few"},
    };
    struct fixture *f = *state;
    struct copytext_shape s = {2, NULL};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct err err = {0};
        uint64_t rows = 0;

        buf_reset(&f->back);
        assert_int_equal(copytext_from_json(&f->back, &s, bad[i].json, strlen(bad[i].json), &rows, &err), -1);
        assert_int_equal(err.kind, ERR_BACKUP);
        if (strstr(err.message, bad[i].why) == NULL)
            fail_msg("%s: %s", bad[i].json, err.message);
    }
}

static void test_shape_is_checked(void **state)
{
    static const char *const bad[] = {"a\n", "a\tb\tc\n", "a\tb", "a\t\\q\n"};
    struct fixture *f = *state;
    struct copytext_shape s = {2, NULL};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct err err = {0};
        uint64_t rows = 0;

        buf_reset(&f->json);
        assert_int_equal(copytext_to_json(&f->json, &s, bad[i], strlen(bad[i]), &rows, &err), -1);
        assert_int_equal(err.kind, ERR_FAILED);
    }
}

static void test_base64(void **state)
{
    struct fixture *f = *state;
    unsigned char marks[3] = {0, 1, 1};
    struct copytext_shape s = {3, marks};
    const char *text = "1\t\xff\xfe\\n\t\\N\n\t\t\\\\\xe9\n3\tabcd\t\x01\n";

    there(f, &s, text, strlen(text), 3);
    assert_string_equal(f->json.data, "[\"1\",\"//4K\",null]\n[\"\",\"\",\"XOk=\"]\n[\"3\",\"YWJjZA==\",\"AQ==\"]\n");
    back(f, &s, text, strlen(text), 3);
}

/* Random rows, every length around the pieces' borders: the text comes back, and the JSON is what a
 * JSON parser reads. */
static void test_random(void **state)
{
    static const char *const bits[] = {"a", "\\n", "\\t", "\\\\", "\"", "\xc3\xa9", "\x01", "N", "null",
                                       "012345678901234567890123456789012345678901234567890", "\\v", "]", ","};
    struct fixture *f = *state;
    uint64_t seed = 88172645463325252ull;

    for (int round = 0; round < 400; round++) {
        struct err err = {0};
        struct copytext_shape s = {1 + (size_t)round % 5, NULL};
        uint64_t rows = 0;
        json_error_t je;

        buf_reset(&f->text);
        while (f->text.len < (size_t)(round * 97) % 20000 + 1) {
            for (size_t c = 0; c < s.columns; c++) {
                int null;

                if (c > 0)
                    assert_int_equal(buf_addc(&f->text, '\t', &err), 0);
                seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
                null = seed % 7 == 0;
                if (null)
                    assert_int_equal(buf_adds(&f->text, "\\N", &err), 0);
                for (uint64_t k = seed >> 20 & 15; !null && k > 0; k--) {
                    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
                    assert_int_equal(buf_adds(&f->text, bits[seed % (sizeof(bits) / sizeof(bits[0]))], &err), 0);
                }
            }
            assert_int_equal(buf_addc(&f->text, '\n', &err), 0);
            rows++;
        }
        there(f, &s, f->text.data, f->text.len, rows);
        back(f, &s, f->text.data, f->text.len, rows);
        for (char *p = f->json.data; *p != '\0';) {
            char *nl = strchr(p, '\n');
            json_t *row = json_loadb(p, (size_t)(nl - p), JSON_REJECT_DUPLICATES, &je);

            assert_non_null(row);
            assert_int_equal(json_array_size(row), s.columns);
            json_decref(row);
            p = nl + 1;
        }
    }
}

static void test_scan_agrees(void **state)
{
    char data[1000];
    uint64_t a[16], b[16];
    uint64_t seed = 42;

    for (size_t i = 0; i < sizeof(data); i++) {
        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
        data[i] = (char)(seed >> 56);
    }
    for (size_t off = 0; off < 70; off++)
        for (size_t len = 0; len + off <= sizeof(data); len += 13) {
            memset(a, 0x55, sizeof(a));
            memset(b, 0x55, sizeof(b));
            scan_special(data + off, len, a);
            scan_special_portable(data + off, len, b);
            assert_memory_equal(a, b, sizeof(a));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_plain, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nulls, setup, teardown),
        cmocka_unit_test_setup_teardown(test_escapes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_columns, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_json, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shape_is_checked, setup, teardown),
        cmocka_unit_test_setup_teardown(test_base64, setup, teardown),
        cmocka_unit_test_setup_teardown(test_random, setup, teardown),
        cmocka_unit_test(test_scan_agrees),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
