#include "pg/value.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pg/datetime.h"
#include "pg/digits.h"
#include "pg/escape.h"
#include "pg/network.h"

static const struct {
    const char *name;
    unsigned char kind;
} known[] = {
    {"boolean", VALUE_BOOL},
    {"smallint", VALUE_INT2},
    {"integer", VALUE_INT4},
    {"bigint", VALUE_INT8},
    {"oid", VALUE_OID},
    {"uuid", VALUE_UUID},
    {"text", VALUE_TEXT},
    {"character varying", VALUE_TEXT},
    {"character", VALUE_TEXT},
    {"bpchar", VALUE_TEXT},
    {"name", VALUE_TEXT},
    {"json", VALUE_TEXT},
    {"jsonb", VALUE_JSONB},
    {"date", VALUE_DATE},
    {"time without time zone", VALUE_TIME},
    {"timestamp without time zone", VALUE_TIMESTAMP},
    {"timestamp with time zone", VALUE_TIMESTAMPTZ},
    {"numeric", VALUE_NUMERIC},
    {"bytea", VALUE_BYTEA},
    {"enum", VALUE_TEXT},
    {"real", VALUE_FLOAT4},
    {"double precision", VALUE_FLOAT8},
};

enum { PIECE = 8192 /* of a long value: room in the output is made once per piece */ };

static const char hex[] = "0123456789abcdef";

int value_kind(const char *type)
{
    char plain[64];
    size_t n = 0;

    /* "timestamp(3) with time zone", "numeric(12,2)": without what is in parentheses. */
    for (const char *p = type; *p != '\0' && n + 1 < sizeof(plain); p++) {
        if (*p == '(') {
            p = strchr(p, ')');
            if (p == NULL)
                return 0;
            continue;
        }
        plain[n++] = *p;
    }
    plain[n] = '\0';
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(plain, known[i].name) == 0)
            return known[i].kind;
    return 0;
}

int value_is_readable(int kind)
{
    return kind != 0 && kind != VALUE_FLOAT4 && kind != VALUE_FLOAT8;
}

static char *put_uuid(char *o, const char *p)
{
    for (int i = 0; i < 16; i++) {
        unsigned char c = (unsigned char)p[i];

        if (i == 4 || i == 6 || i == 8 || i == 10)
            *o++ = '-';
        o[0] = hex[c >> 4];
        o[1] = hex[c & 15];
        o += 2;
    }
    return o;
}

static int add_text(struct buf *out, const char *p, size_t len, struct err *err)
{
    while (len > 0) {
        size_t n = len < PIECE ? len : PIECE;

        if (buf_reserve(out, 6 * n + ESCAPE_SLACK, err) != 0)
            return -1;
        out->len = (size_t)(escape_json(out->data + out->len, p, n) - out->data);
        p += n;
        len -= n;
    }
    return 0;
}

static int add_numeric(struct buf *out, const char *p, size_t len, struct err *err)
{
    struct numeric n;

    if (numeric_read(&n, p, len) != 0)
        return 1;
    if (buf_reserve(out, numeric_room(&n), err) != 0)
        return -1;
    out->len = (size_t)(numeric_put(out->data + out->len, &n) - out->data);
    return 0;
}

/* "\\x6d6967" as JSON has it (bytea_output hex). */
static int add_bytea(struct buf *out, const char *p, size_t len, struct err *err)
{
    char *o;

    if (buf_reserve(out, 3 + 2 * len, err) != 0)
        return -1;
    o = out->data + out->len;
    memcpy(o, "\\\\x", 3);
    o += 3;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)p[i];

        *o++ = hex[c >> 4];
        *o++ = hex[c & 15];
    }
    out->len += 3 + 2 * len;
    return 0;
}

int value_add(struct buf *out, enum value_kind kind, const char *p, size_t len, struct err *err)
{
    static const unsigned char sizes[] = {
        [VALUE_BOOL] = 1, [VALUE_INT2] = 2,      [VALUE_INT4] = 4,        [VALUE_INT8] = 8,
        [VALUE_OID] = 4,  [VALUE_UUID] = 16,     [VALUE_DATE] = 4,        [VALUE_TIME] = 8,
        [VALUE_TIMESTAMP] = 8, [VALUE_TIMESTAMPTZ] = 8, [VALUE_NUMERIC] = 0,
        [VALUE_BYTEA] = 0, [VALUE_FLOAT4] = 0, [VALUE_FLOAT8] = 0,
    };
    char *o;

    if (kind == VALUE_TEXT)
        return add_text(out, p, len, err);
    if (kind == VALUE_JSONB)
        return len < 1 || p[0] != 1 ? 1 : add_text(out, p + 1, len - 1, err);
    if (kind == VALUE_NUMERIC)
        return add_numeric(out, p, len, err);
    if (kind == VALUE_BYTEA)
        return add_bytea(out, p, len, err);
    if (len != sizes[kind])
        return 1;
    if (buf_reserve(out, VALUE_SMALL, err) != 0)
        return -1;
    o = out->data + out->len;
    if (kind == VALUE_BOOL) {
        *o++ = *p != 0 ? 't' : 'f';
    } else if (kind == VALUE_INT2) {
        o = digits_put_signed(o, (int16_t)network_get16(p));
    } else if (kind == VALUE_INT4) {
        o = digits_put_signed(o, (int32_t)network_get32(p));
    } else if (kind == VALUE_INT8) {
        o = digits_put_signed(o, (int64_t)network_get64(p));
    } else if (kind == VALUE_OID) {
        o = digits_put_unsigned(o, network_get32(p));
    } else if (kind == VALUE_UUID) {
        o = put_uuid(o, p);
    } else if (kind == VALUE_TIME) {
        uint64_t us = network_get64(p);

        if (us > 86400000000u)
            return 1;
        o = datetime_put_time(o, us);
    } else if (kind == VALUE_DATE) {
        o = datetime_put_date(o, (int32_t)network_get32(p));
    } else {
        o = datetime_put_timestamp(o, (int64_t)network_get64(p), kind == VALUE_TIMESTAMPTZ);
    }
    out->len = (size_t)(o - out->data);
    return 0;
}

/* ---- the way back ---- */

/* The digit's value and a bit that no other byte has. */
static const unsigned char hex_values[256] = {
    ['0'] = 0x80, ['1'] = 0x81, ['2'] = 0x82, ['3'] = 0x83, ['4'] = 0x84, ['5'] = 0x85, ['6'] = 0x86, ['7'] = 0x87,
    ['8'] = 0x88, ['9'] = 0x89, ['a'] = 0x8a, ['b'] = 0x8b, ['c'] = 0x8c, ['d'] = 0x8d, ['e'] = 0x8e, ['f'] = 0x8f,
};

int value_unhex(char *o, const char *p, size_t n)
{
    unsigned char all = 0x80;

    for (size_t i = 0; i < n; i++) {
        unsigned char high = hex_values[(unsigned char)p[2 * i]], low = hex_values[(unsigned char)p[2 * i + 1]];

        all &= high & low;
        o[i] = (char)(unsigned char)(high << 4 | (low & 15));
    }
    return all != 0 ? 0 : -1;
}

static int get_uuid(char *o, const char *p, size_t len)
{
    return len == 36 && p[8] == '-' && p[13] == '-' && p[18] == '-' && p[23] == '-' &&
                   value_unhex(o, p, 4) == 0 && value_unhex(o + 4, p + 9, 2) == 0 && value_unhex(o + 6, p + 14, 2) == 0 &&
                   value_unhex(o + 8, p + 19, 2) == 0 && value_unhex(o + 10, p + 24, 6) == 0
               ? 0
               : -1;
}

/* A finite number in plain digits, or the server's words for others.  strtod() is what the server calls. */
static size_t pack_float(char *o, const char *p, size_t len, int is_double)
{
    char text[32], *end;
    float single;
    double number;
    uint32_t u4;
    uint64_t u8;

    if (len == 0 || len >= sizeof(text))
        return 0;
    memcpy(text, p, len);
    text[len] = '\0';
    if (strcmp(text, "NaN") != 0 && strcmp(text, "Infinity") != 0 && strcmp(text, "-Infinity") != 0 &&
        (strspn(text, "0123456789.e+-") != len || strchr("-0123456789", text[0]) == NULL))
        return 0;
    errno = 0;
    single = is_double ? 0 : strtof(text, &end);
    number = is_double ? strtod(text, &end) : single;
    /* Too large, or too small for all its digits: the server's to judge. */
    if (end != text + len || errno != 0)
        return 0;
    if (is_double) {
        memcpy(&u8, &number, sizeof(u8));
        network_put64(o, number == number ? u8 : 0x7ff8000000000000);
        return 8;
    }
    memcpy(&u4, &single, sizeof(u4));
    network_put32(o, number == number ? u4 : 0x7fc00000);
    return 4;
}

/* A whole number of SIZE bytes. */
static size_t pack_integer(char *o, const char *p, size_t len, size_t size)
{
    int64_t v;

    if (digits_get_signed(p, len, &v) != 0)
        return 0;
    if (size == 2 && v >= INT16_MIN && v <= INT16_MAX)
        network_put16(o, (uint16_t)v);
    else if (size == 4 && v >= INT32_MIN && v <= INT32_MAX)
        network_put32(o, (uint32_t)v);
    else if (size == 8)
        network_put64(o, (uint64_t)v);
    else
        return 0;
    return size;
}

size_t value_pack(char *o, enum value_kind kind, const char *p, size_t len)
{
    uint64_t u;
    int64_t us;
    int32_t days;

    switch (kind) {
    case VALUE_BOOL:
        *o = len == 1 && *p == 't';
        return len == 1 && (*p == 't' || *p == 'f');
    case VALUE_INT2:
        return pack_integer(o, p, len, 2);
    case VALUE_INT4:
        return pack_integer(o, p, len, 4);
    case VALUE_INT8:
        return pack_integer(o, p, len, 8);
    case VALUE_OID:
        if (digits_get_unsigned(p, len, &u) != 0 || u > UINT32_MAX)
            return 0;
        network_put32(o, (uint32_t)u);
        return 4;
    case VALUE_UUID:
        return get_uuid(o, p, len) == 0 ? 16 : 0;
    case VALUE_DATE:
        if (datetime_get_date(p, len, &days) != 0)
            return 0;
        network_put32(o, (uint32_t)days);
        return 4;
    case VALUE_TIME:
        if (datetime_get_time(p, len, &u) != 0)
            return 0;
        network_put64(o, u);
        return 8;
    case VALUE_TIMESTAMP:
    case VALUE_TIMESTAMPTZ:
        if (datetime_get_timestamp(p, len, kind == VALUE_TIMESTAMPTZ, &us) != 0)
            return 0;
        network_put64(o, (uint64_t)us);
        return 8;
    case VALUE_NUMERIC:
        return numeric_pack(o, p, len);
    case VALUE_FLOAT4:
        return pack_float(o, p, len, 0);
    case VALUE_FLOAT8:
        return pack_float(o, p, len, 1);
    case VALUE_TEXT:
    case VALUE_JSONB:
    case VALUE_BYTEA:
        break;
    }
    return 0;
}
