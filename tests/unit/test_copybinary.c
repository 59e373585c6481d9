#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pg/copybinary.h"
#include "pg/escape.h"

static const char header[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0"; /* and the literal's own NUL: 19 bytes */

struct message {
    char data[4096];
    size_t len;
};

static void put(struct message *m, const void *p, size_t len)
{
    assert_true(m->len + len <= sizeof(m->data));
    memcpy(m->data + m->len, p, len);
    m->len += len;
}

static void put_be(struct message *m, uint64_t v, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)(v >> (8 * (len - 1 - i)));

        put(m, &c, 1);
    }
}

static void put_field(struct message *m, const void *p, size_t len)
{
    put_be(m, len, 4);
    put(m, p, len);
}

static void put_int(struct message *m, uint64_t v, size_t len)
{
    put_be(m, len, 4);
    put_be(m, v, len);
}

static void begin(struct message *m, unsigned columns)
{
    m->len = 0;
    put(m, header, 19);
    put_be(m, columns, 2);
}

static int convert(const char *const *types, size_t n, const struct message *m, struct buf *out,
                   struct err *err)
{
    struct copybinary b;
    uint64_t rows = 0;
    char *exact = malloc(m->len); /* so that a sanitizer sees what is read behind the end */
    int rc;

    assert_non_null(exact);
    memcpy(exact, m->data, m->len);
    buf_reset(out);
    assert_int_equal(copybinary_start(&b, types, n, 1, err), 1);
    rc = copybinary_to_json(&b, out, exact, m->len, &rows, err);
    copybinary_end(&b);
    free(exact);
    return rc;
}

static void expect(const char *type, const struct message *m, const char *json)
{
    struct buf out = {0};
    struct err err = {0};

    if (convert(&type, 1, m, &out, &err) != 0)
        fail_msg("%s: %s", json, err.message);
    assert_string_equal(out.data, json);
    buf_free(&out);
}

static void expect_int(const char *type, uint64_t v, size_t len, const char *json)
{
    struct message m;

    begin(&m, 1);
    put_int(&m, v, len);
    expect(type, &m, json);
}

static void test_integers(void **state)
{
    (void)state;
    expect_int("smallint", 0x8000, 2, "[\"-32768\"]\n");
    expect_int("integer", 0x7fffffff, 4, "[\"2147483647\"]\n");
    expect_int("integer", 0, 4, "[\"0\"]\n");
    expect_int("bigint", 0x8000000000000000u, 8, "[\"-9223372036854775808\"]\n");
    expect_int("bigint", 100, 8, "[\"100\"]\n");
    expect_int("oid", 0xffffffff, 4, "[\"4294967295\"]\n");
    expect_int("boolean", 1, 1, "[\"t\"]\n");
    expect_int("boolean", 0, 1, "[\"f\"]\n");
}

static void test_times(void **state)
{
    (void)state;
    expect_int("timestamp with time zone", 0, 8, "[\"2000-01-01 00:00:00+00\"]\n");
    expect_int("timestamp(3) without time zone", (uint64_t)-1000, 8, "[\"1999-12-31 23:59:59.999\"]\n");
    expect_int("timestamp without time zone", 0x7fffffffffffffff, 8, "[\"infinity\"]\n");
    expect_int("timestamp without time zone", 0x8000000000000000u, 8, "[\"-infinity\"]\n");
    expect_int("timestamp with time zone", (uint64_t)-211813488000000000, 8, "[\"4714-11-24 00:00:00+00 BC\"]\n");
    expect_int("date", (uint32_t)-730119, 4, "[\"0001-01-01\"]\n");
    expect_int("date", (uint32_t)-730120, 4, "[\"0001-12-31 BC\"]\n");
    expect_int("date", 59, 4, "[\"2000-02-29\"]\n");
    expect_int("date", 0x7fffffff, 4, "[\"infinity\"]\n");
    expect_int("time without time zone", 86400000000, 8, "[\"24:00:00\"]\n");
    expect_int("time(3) without time zone", 1500000, 8, "[\"00:00:01.5\"]\n");
}

static void numeric(unsigned ndigits, int weight, unsigned sign, unsigned scale, const char *json, ...)
{
    struct message m;
    va_list ap;

    begin(&m, 1);
    put_be(&m, 8 + 2 * ndigits, 4);
    put_be(&m, ndigits, 2);
    put_be(&m, (uint16_t)weight, 2);
    put_be(&m, sign, 2);
    put_be(&m, scale, 2);
    va_start(ap, json);
    for (unsigned i = 0; i < ndigits; i++)
        put_be(&m, (uint64_t)va_arg(ap, int), 2);
    va_end(ap);
    expect("numeric(12,2)", &m, json);
}

static void test_numerics(void **state)
{
    (void)state;
    numeric(0, 0, 0, 0, "[\"0\"]\n");
    numeric(0, 0, 0, 2, "[\"0.00\"]\n");
    numeric(2, 0, 0x4000, 3, "[\"-1.500\"]\n", 1, 5000);
    numeric(1, -2, 0, 9, "[\"0.000000010\"]\n", 1);
    numeric(1, 2, 0, 1, "[\"1200000000.0\"]\n", 12);
    numeric(3, 1, 0, 5, "[\"12345678.90000\"]\n", 1234, 5678, 9000);
    numeric(0, 0, 0xc000, 0, "[\"NaN\"]\n");
    numeric(0, 0, 0xd000, 0, "[\"Infinity\"]\n");
    numeric(0, 0, 0xf000, 0, "[\"-Infinity\"]\n");
}

static void test_texts(void **state)
{
    static const char uuid[16] = {0x0e, 0x04, (char)0xfb, 0x6d, 0x77, (char)0x95, 0x41, (char)0xb0,
                                  (char)0xa4, 0x42, 0x39, (char)0xf7, (char)0xb7, (char)0x94, 0x05, 0x39};
    struct message m;

    (void)state;
    begin(&m, 1);
    put_field(&m, uuid, 16);
    expect("uuid", &m, "[\"0e04fb6d-7795-41b0-a442-39f7b7940539\"]\n");
    begin(&m, 1);
    put_field(&m, "", 0);
    expect("text", &m, "[\"\"]\n");
    begin(&m, 1);
    put_be(&m, UINT32_MAX, 4);
    expect("text", &m, "[null]\n");
    begin(&m, 1);
    put_field(&m, "a\"b\\c\b\f\n\r\t\v\001\177\303\251", 15);
    expect("character varying(40)", &m, "[\"a\\\"b\\\\c\\b\\f\\n\\r\\t\\u000b\\u0001\177\303\251\"]\n");
    begin(&m, 1);
    put_field(&m, "\001{\"a\": 1}", 9);
    expect("jsonb", &m, "[\"{\\\"a\\\": 1}\"]\n");
}

/* ---- the way back ---- */

static int pack(const char *const *types, size_t n, const char *json, struct buf *out, struct err *err)
{
    struct copybinary b;
    uint64_t rows = 0;
    size_t len = strlen(json);
    char *exact = malloc(len + 1);
    int rc;

    assert_non_null(exact);
    memcpy(exact, json, len); /* without its NUL: nobody may look for one */
    buf_reset(out);
    assert_int_equal(copybinary_start(&b, types, n, 0, err), 1);
    if ((rc = copybinary_from_json(&b, out, exact, len, &rows, err)) == 0)
        assert_int_equal(copybinary_finish(&b, out, err), 0);
    copybinary_end(&b);
    free(exact);
    return rc;
}

/* Text to binary and back is the same text. */
static void round_trip(const char *type, const char *text)
{
    struct buf packed = {0}, out = {0}, again = {0};
    struct err err = {0};
    struct copybinary b;
    uint64_t rows = 0;

    assert_int_equal(buf_addf(&out, &err, "[\"%s\"]\n[null]\n", text), 0);
    if (pack(&type, 1, out.data, &packed, &err) != 0)
        fail_msg("%s '%s' does not go in binary", type, text);
    assert_int_equal(copybinary_start(&b, &type, 1, 1, &err), 1);
    if (copybinary_to_json(&b, &again, packed.data, packed.len, &rows, &err) != 0)
        fail_msg("%s '%s': %s", type, text, err.message);
    assert_int_equal(rows, 2);
    assert_int_equal(b.ended, 1);
    copybinary_end(&b);
    assert_string_equal(again.data, out.data);
    buf_free(&packed);
    buf_free(&out);
    buf_free(&again);
}

/* Left to COPY text, and nothing of it written. */
static void not_packed(const char *type, const char *text)
{
    struct buf out = {0}, json = {0};
    struct err err = {0};

    assert_int_equal(buf_addf(&json, &err, "[\"%s\"]\n", text), 0);
    if (pack(&type, 1, json.data, &out, &err) != 1)
        fail_msg("%s '%s' goes in binary", type, text);
    assert_int_equal(out.len, 19); /* the header */
    buf_free(&out);
    buf_free(&json);
}

static void test_pack(void **state)
{
    static const char *const good[][2] = {
        {"boolean", "t"}, {"boolean", "f"}, {"smallint", "-32768"}, {"smallint", "32767"}, {"integer", "-2147483648"},
        {"integer", "2147483647"}, {"bigint", "-9223372036854775808"}, {"bigint", "9223372036854775807"}, {"bigint", "0"},
        {"oid", "4294967295"}, {"uuid", "0e04fb6d-7795-41b0-a442-39f7b7940539"}, {"date", "4714-11-24 BC"}, {"date", "0001-01-01"},
        {"date", "0001-12-31 BC"}, {"date", "0001-02-29 BC"}, {"date", "0005-02-29 BC"}, {"date", "2000-02-29"}, {"date", "5874897-12-31"},
        {"date", "infinity"}, {"date", "-infinity"}, {"time without time zone", "24:00:00"}, {"time without time zone", "00:00:00.000001"},
        {"time without time zone", "23:59:59.999999"}, {"timestamp without time zone", "4714-11-24 00:00:00 BC"},
        {"timestamp without time zone", "294276-12-31 23:59:59.999999"}, {"timestamp without time zone", "-infinity"},
        {"timestamp with time zone", "0001-12-31 23:59:59.999999+00 BC"}, {"timestamp with time zone", "infinity"},
        {"timestamp with time zone", "1999-12-31 23:59:59.5+00"}, {"numeric", "0"}, {"numeric", "0.000"}, {"numeric", "-0.00000000010"},
        {"numeric", "10000"}, {"numeric", "9999"}, {"numeric", "100000000.00000001"}, {"numeric", "-123456789.123456789"}, {"numeric", "NaN"},
        {"numeric", "0.9999"}, {"numeric", "0.00009999"}, {"numeric", "1.10"}, {"numeric", "12300000000000000000000"},
        {"text", ""}, {"text", "a\\\"b\\\\c\\b\\f\\n\\r\\t\\u000b\\u0001\177\303\251"}, {"character(12)", "c          "},
        {"bytea", "\\\\x"}, {"bytea", "\\\\x00ff5c22"}, {"enum", "in progress"}, {"name", "events"}, {"json", "{ \\\"a\\\":1}"}, {"jsonb", "{\\\"a\\\": \\\"\\\\n\\\"}"},
    };
    static const char *const others[][2] = {
        {"boolean", "true"}, {"boolean", ""}, {"boolean", "tt"}, {"smallint", "32768"}, {"smallint", "-32769"}, {"integer", "2147483648"},
        {"integer", " 1"}, {"integer", "1 "}, {"integer", "+1"}, {"integer", "01"}, {"integer", "-0"}, {"integer", "-"}, {"integer", ""},
        {"integer", "0x10"}, {"integer", "1_000"}, {"integer", "1\\u0030"}, {"bigint", "9223372036854775808"}, {"bigint", "-9223372036854775809"},
        {"bigint", "18446744073709551616"}, {"bigint", "18446744073709551615"}, {"bigint", "99999999999999999999"}, {"bigint", "100000000000000000000"},
        {"oid", "4294967296"}, {"oid", "-1"}, {"uuid", "0e04fb6d-7795-41b0-a442-39f7b794053"}, {"uuid", "0E04FB6D-7795-41b0-a442-39f7b7940539"},
        {"uuid", "0e04fb6d-7795-41b0-a442-39f7b794053g"}, {"uuid", "0e04fb6d77-95-41b0-a442-39f7b7940539"}, {"uuid", "{e04fb6d-7795-41b0-a442-39f7b7940539"},
        {"date", "2001-02-29"}, {"date", "1900-02-29"}, {"date", "0004-02-29 BC"}, {"date", "2000-13-01"}, {"date", "2000-00-01"}, {"date", "2000-01-00"},
        {"date", "2000-04-31"}, {"date", "0000-01-01"}, {"date", "200-01-01"}, {"date", "02000-01-01"}, {"date", "2000-1-01"}, {"date", "2000-01-01 "},
        {"date", "01.02.2000"}, {"date", "Infinity"}, {"date", "12345678-01-01"}, {"date", "2000-01-01 00:00:00"}, {"date", ""}, {"date", " BC"},
        {"time without time zone", "24:00:00.000001"}, {"time without time zone", "25:00:00"}, {"time without time zone", "12:60:00"},
        {"time without time zone", "12:00:60"}, {"time without time zone", "12:00:00."}, {"time without time zone", "12:00:00.1234567"},
        {"time without time zone", "12:00"}, {"time without time zone", "12:00:00+00"}, {"time without time zone", "1 :00:00"},
        {"timestamp without time zone", "2000-01-01"}, {"timestamp without time zone", "2000-01-01 24:00:00"}, {"timestamp without time zone", "2000-01-01T00:00:00"},
        {"timestamp without time zone", "2000-01-01 00:00:00+00"}, {"timestamp without time zone", "294278-01-01 00:00:00"},
        {"timestamp without time zone", "9999999-01-01 00:00:00"}, {"timestamp without time zone", "9999999-01-01 00:00:00 BC"},
        {"timestamp with time zone", "2000-01-01 00:00:00"}, {"timestamp with time zone", "2000-01-01 00:00:00+01"},
        {"timestamp with time zone", "2000-01-01 00:00:00+00:30"}, {"timestamp with time zone", "+00"}, {"timestamp with time zone", ""},
        {"numeric", "1e5"}, {"numeric", "."}, {"numeric", "1."}, {"numeric", ".5"}, {"numeric", "-"}, {"numeric", ""}, {"numeric", "01"}, {"numeric", "00"},
        {"numeric", "+1"}, {"numeric", "1.2.3"}, {"numeric", "--1"}, {"numeric", "Infinity"}, {"numeric", "-Infinity"}, {"numeric", "-NaN"}, {"numeric", "1 "},
        {"numeric", "1-1"}, {"numeric", "12345.6789a"}, {"bytea", ""}, {"bytea", "x00"}, {"bytea", "\\\\x0"}, {"bytea", "\\\\x0G"}, {"bytea", "\\\\x 00"},
        {"bytea", "\\\\xAB"}, {"bytea", "\\\\x00\\n"}, {"bytea", "abc"}, {"real", ""}, {"real", "1e39"}, {"real", "1e-50"}, {"double precision", "1e400"},
        {"double precision", "5e-324"}, {"double precision", "0x10"}, {"double precision", " 1"}, {"double precision", "1 "}, {"double precision", "nan"},
        {"double precision", "inf"}, {"double precision", "1e"}, {"double precision", "1.2.3"}, {"double precision", "+1"}, {"double precision", "1e5x"},
    };
    char number[2100], type[] = "numeric";

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        round_trip(good[i][0], good[i][1]);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        not_packed(others[i][0], others[i][1]);
    memset(number, '7', sizeof(number));
    number[2000] = '\0';
    round_trip(type, number);
    number[2000] = '7';
    number[2001] = '\0';
    not_packed(type, number);
}

/* Every century's days, and every length of a number's whole and fraction. */
static void test_pack_ranges(void **state)
{
    struct buf packed = {0}, json = {0}, again = {0};
    struct err err = {0};
    static const char *const types[] = {"date", "timestamp with time zone", "bigint"};
    struct copybinary b;
    struct message m;
    uint64_t seed = 7;

    (void)state;
    for (int64_t day = -2451545; day < 2145031948; day += day < 800000 ? 1 : 4999) {
        uint64_t rows = 0, us = (uint64_t)(day % 106000000) * 86400000000 + seed % 86400000000;

        seed = seed * 6364136223846793005 + 1442695040888963407;
        m.len = 0;
        put_be(&m, 3, 2);
        put_int(&m, (uint32_t)(int32_t)day, 4);
        put_int(&m, us, 8);
        put_int(&m, (uint64_t)((int64_t)seed >> (seed % 61)), 8);
        buf_reset(&packed);
        buf_reset(&json);
        buf_reset(&again);
        assert_int_equal(copybinary_start(&b, types, 3, 1, &err), 1);
        b.begun = 1;
        assert_int_equal(copybinary_to_json(&b, &json, m.data, m.len, &rows, &err), 0);
        if (copybinary_from_json(&b, &again, json.data, json.len, &rows, &err) != 0)
            fail_msg("%s", json.data);
        assert_int_equal(again.len, m.len);
        if (memcmp(again.data, m.data, m.len) != 0)
            fail_msg("%s", json.data);
        copybinary_end(&b);
    }
    for (size_t whole = 0; whole < 30; whole++)
        for (size_t scale = 0; scale < 30; scale++)
            for (size_t zeros = 0; zeros <= whole + scale; zeros++) {
                char text[80] = "-";
                size_t n = 1;

                if (zeros == whole + scale) /* zero has no sign */
                    n = 0;
                for (size_t i = 0; i < (whole > 0 ? whole : 1); i++)
                    text[n++] = (char)(whole == 0 || (zeros == whole + scale) ? '0' : i == 0 || i >= zeros ? '1' + (char)(i % 9) : '0');
                if (zeros == whole + scale && whole > 1)
                    continue;
                if (scale > 0)
                    text[n++] = '.';
                for (size_t i = whole; i < whole + scale; i++)
                    text[n++] = (char)(i >= zeros ? '1' + (char)(i % 9) : '0');
                text[n] = '\0';
                round_trip("numeric", text);
            }
    buf_free(&packed);
    buf_free(&json);
    buf_free(&again);
}

static void packs_to(const char *type, const char *json, uint64_t v, size_t len)
{
    struct buf out = {0};
    struct err err = {0};
    struct message m;

    begin(&m, 1);
    put_int(&m, v, len);
    put_be(&m, 0xffff, 2);
    assert_int_equal(pack(&type, 1, json, &out, &err), 0);
    assert_int_equal(out.len, m.len);
    assert_memory_equal(out.data, m.data, m.len);
    buf_free(&out);
}

/* Only read: the server's shortest digits are not ours to find. */
static void test_pack_floats(void **state)
{
    (void)state;
    packs_to("double precision", "[\"0.1\"]\n", 0x3fb999999999999a, 8);
    packs_to("double precision", "[\"-0\"]\n", 0x8000000000000000, 8);
    packs_to("double precision", "[\"1.7976931348623157e+308\"]\n", 0x7fefffffffffffff, 8);
    packs_to("double precision", "[\"-2.2250738585072014e-308\"]\n", 0x8010000000000000, 8);
    packs_to("double precision", "[\"NaN\"]\n", 0x7ff8000000000000, 8);
    packs_to("double precision", "[\"-Infinity\"]\n", 0xfff0000000000000, 8);
    packs_to("real", "[\"0.1\"]\n", 0x3dcccccd, 4);
    packs_to("real", "[\"3.4028235e+38\"]\n", 0x7f7fffff, 4);
    packs_to("real", "[\"Infinity\"]\n", 0x7f800000, 4);
    packs_to("real", "[\"NaN\"]\n", 0x7fc00000, 4);
}

static void test_pack_refused(void **state)
{
    static const char *const bad[] = {
        "x", "[", "[]\n", "[\"1\"]", "[\"1\"]\n\n", "[\"1\",\"a\",\"b\"]\n", "[\"1\" ,\"a\"]\n", "[1,\"a\"]\n", "[\"1\",\"a]\n", "[\"1\",\"a",
        "[\"1\",\"\\u0000\"]\n", "[\"1\",\"\\ud800\"]\n", "[\"1\",\"\\", "[\"1\",\"\001\"]\n", "[\"1\",\"\\x\"]\n", "[\"1\",nul]\n", "[\"1\",\"a\"] \n",
    };
    static const char *const types[] = {"integer", "text"};
    struct buf out = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct err err = {0};

        if (pack(types, 2, bad[i], &out, &err) != -1)
            fail_msg("%s", bad[i]);
        assert_int_equal(err.kind, ERR_BACKUP);
    }
    buf_free(&out);
}

/* The vector code against the plain loop: every length, position and kind of byte. */
static void test_escape(void **state)
{
    static const char alphabet[] = "abcdefg\"\"\\\n\t\r\b\f\v\001\037 \177\200\377";
    char in[300], one[6 * 300 + 64], two[6 * 300 + 64];
    uint32_t seed = 1;

    (void)state;
    for (int round = 0; round < 20000; round++) {
        size_t len, n;
        unsigned plain;

        seed = seed * 1664525 + 1013904223;
        len = (seed >> 16) % 200;
        plain = seed >> 8 & 3; /* some with few special bytes */
        for (size_t i = 0; i < len; i++) {
            seed = seed * 1664525 + 1013904223;
            in[i] = (seed >> 8 & 15) < plain * 5 ? 'x' : alphabet[(seed >> 16) % (sizeof(alphabet) - 1)];
        }
        n = (size_t)(escape_json_portable(one, in, len) - one);
        assert_int_equal(escape_json(two, in, len) - two, n);
        assert_memory_equal(one, two, n);
    }
}

static void refused(const char *type, const struct message *m)
{
    struct buf out = {0};
    struct err err = {0};

    assert_int_equal(convert(&type, 1, m, &out, &err), -1);
    assert_int_equal(err.kind, ERR_FAILED);
    buf_free(&out);
}

static void test_refused(void **state)
{
    struct message m, cut;

    (void)state;
    begin(&m, 1);
    put_int(&m, 1, 4);
    refused("bigint", &m); /* a length that is not the type's */
    begin(&m, 1);
    put_field(&m, "\002{}", 3);
    refused("jsonb", &m); /* another version */
    begin(&m, 2);
    put_int(&m, 1, 4);
    put_int(&m, 1, 4);
    refused("integer", &m);
    begin(&m, 1);
    put_int(&m, 1, 4);
    for (cut = m; cut.len-- > 20;)
        if (cut.len != 19)
            refused("integer", &cut);
    m.data[0] = 'X';
    refused("integer", &m);
    begin(&m, 1);
    put_int(&m, 1, 4);
    put_be(&m, 0xffff, 2);
    put_be(&m, 1, 2);
    put_int(&m, 1, 4);
    refused("integer", &m); /* a row behind the trailer */
    begin(&m, 1);
    put_be(&m, 10, 4);
    put_be(&m, 1, 2);
    put_be(&m, 0, 6);
    put_be(&m, 10000, 2);
    refused("numeric", &m); /* no digit to base 10000 */
}

static void test_types(void **state)
{
    static const char *const good[] = {"bigint", "timestamp(0) with time zone", "character(3)", "jsonb"};
    static const char *const bad[] = {"bigint", "double precision"};
    static const char *const others[] = {"text[]", "public.text", "\"char\"", "time with time zone", "interval", "numeric(1"};
    struct copybinary b;
    struct err err = {0};

    (void)state;
    assert_int_equal(copybinary_start(&b, good, 4, 1, &err), 1);
    copybinary_end(&b);
    assert_int_equal(copybinary_start(&b, bad, 2, 1, &err), 0);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_int_equal(copybinary_start(&b, others + i, 1, 0, &err), 0);
    assert_int_equal(copybinary_start(&b, NULL, 0, 1, &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers), cmocka_unit_test(test_times),
        cmocka_unit_test(test_numerics), cmocka_unit_test(test_texts),
        cmocka_unit_test(test_escape),   cmocka_unit_test(test_refused),
        cmocka_unit_test(test_types),    cmocka_unit_test(test_pack),
        cmocka_unit_test(test_pack_ranges), cmocka_unit_test(test_pack_floats), cmocka_unit_test(test_pack_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
