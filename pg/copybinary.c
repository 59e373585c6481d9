#include "pg/copybinary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#define COPYBINARY_X86 1
#include <immintrin.h>
#endif

enum kind {
    KIND_BOOL = 1,
    KIND_INT2,
    KIND_INT4,
    KIND_INT8,
    KIND_OID,
    KIND_UUID,
    KIND_TEXT,
    KIND_JSONB,
    KIND_DATE,
    KIND_TIME,
    KIND_TIMESTAMP,
    KIND_TIMESTAMPTZ,
    KIND_NUMERIC,
};

static const struct {
    const char *name;
    unsigned char kind;
} known[] = {
    {"boolean", KIND_BOOL},
    {"smallint", KIND_INT2},
    {"integer", KIND_INT4},
    {"bigint", KIND_INT8},
    {"oid", KIND_OID},
    {"uuid", KIND_UUID},
    {"text", KIND_TEXT},
    {"character varying", KIND_TEXT},
    {"character", KIND_TEXT},
    {"bpchar", KIND_TEXT},
    {"name", KIND_TEXT},
    {"json", KIND_TEXT},
    {"jsonb", KIND_JSONB},
    {"date", KIND_DATE},
    {"time without time zone", KIND_TIME},
    {"timestamp without time zone", KIND_TIMESTAMP},
    {"timestamp with time zone", KIND_TIMESTAMPTZ},
    {"numeric", KIND_NUMERIC},
};

enum {
    PIECE = 8192, /* of a long value: room in the output is made once per piece */
    SMALL = 64,   /* no value of a fixed size is longer as text */
    SLACK = 64,   /* what the vector code may write behind the end */
    EPOCH = 10957 /* days from 1970-01-01 to 2000-01-01 */
};

/* No row is longer than this as COPY text, or the server could not take it back. */
static const size_t row_max = 0x3fffffff;

static const char signature[11] = {'P', 'G', 'C', 'O', 'P', 'Y', '\n', '\377', '\r', '\n', '\0'};

static const char pairs[201] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
                               "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
                               "8081828384858687888990919293949596979899";

static const char hex[] = "0123456789abcdef";

/* ---- text ---- */

/* What JSON writes behind a backslash; 1: \u00XX; 0: the byte itself. */
static const char escapes[256] = {
    1,   1, 1, 1, 1, 1, 1, 1, 'b', 't', 'n', 1, 'f', 'r', 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    ['"'] = '"', ['\\'] = '\\',
};

static inline char *escape_one(char *o, unsigned char c)
{
    char e = escapes[c];

    if (e == 0) {
        *o++ = (char)c;
    } else if (e == 1) {
        memcpy(o, "\\u00", 4);
        o[4] = hex[c >> 4];
        o[5] = hex[c & 15];
        o += 6;
    } else {
        *o++ = '\\';
        *o++ = e;
    }
    return o;
}

char *copybinary_escape_portable(char *o, const char *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        o = escape_one(o, (unsigned char)p[i]);
    return o;
}

#ifdef COPYBINARY_X86

static char *escape_sse2(char *o, const char *p, size_t len)
{
    const __m128i low = _mm_set1_epi8(0x1f), quote = _mm_set1_epi8('"'), back = _mm_set1_epi8('\\');

    while (len >= 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i m = _mm_or_si128(_mm_cmpeq_epi8(_mm_max_epu8(x, low), low),
                                 _mm_or_si128(_mm_cmpeq_epi8(x, quote), _mm_cmpeq_epi8(x, back)));
        unsigned mask = (unsigned)_mm_movemask_epi8(m);

        _mm_storeu_si128((__m128i *)(void *)o, x);
        if (mask == 0) {
            p += 16;
            o += 16;
            len -= 16;
        } else {
            unsigned n = (unsigned)__builtin_ctz(mask);

            o = escape_one(o + n, (unsigned char)p[n]);
            p += n + 1;
            len -= n + 1;
        }
    }
    return copybinary_escape_portable(o, p, len);
}

/* 32 bytes become 64, each with a backslash before it; those backslashes that nobody needs are
 * squeezed out again. */
__attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi2,bmi2"))) static char *
escape_avx512(char *o, const char *p, size_t len)
{
    const __m256i quote = _mm256_set1_epi8('"'), back = _mm256_set1_epi8('\\');
    const __m256i space = _mm256_set1_epi8(0x20), sixteen = _mm256_set1_epi8(0x10);
    /* The letters of \b \t \n \f \r at their places. */
    const __m256i letters = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 'b', 't', 'n', 0, 'f', 'r', 0, 0));

    while (len > 0) {
        size_t n = len < 32 ? len : 32;
        __mmask32 live = (__mmask32)(0xffffffffu >> (32 - n));
        __m256i x = _mm256_maskz_loadu_epi8(live, p);
        __mmask32 control = _mm256_mask_cmplt_epu8_mask(live, x, space);
        __mmask32 escape = _mm256_mask_cmpeq_epi8_mask(live, x, quote) |
                           _mm256_mask_cmpeq_epi8_mask(live, x, back);
        __m512i wide;
        __mmask64 keep;

        if (control != 0) {
            __mmask32 lower = _mm256_mask_cmplt_epu8_mask(control, x, sixteen);
            __m256i named = _mm256_maskz_shuffle_epi8(lower, letters, x);

            if (_mm256_mask_test_epi8_mask(control, named, named) != control) {
                o = copybinary_escape_portable(o, p, n); /* some \u00XX */
                p += n;
                len -= n;
                continue;
            }
            x = _mm256_mask_mov_epi8(x, control, named);
            escape |= control;
        }
        wide = _mm512_or_si512(_mm512_slli_epi16(_mm512_cvtepu8_epi16(x), 8), _mm512_set1_epi16('\\'));
        keep = _pdep_u64(escape, 0x5555555555555555u) | _pdep_u64(live, 0xaaaaaaaaaaaaaaaau);
        _mm512_storeu_si512(o, _mm512_maskz_compress_epi8(keep, wide));
        o += __builtin_popcountll(keep);
        p += n;
        len -= n;
    }
    return o;
}

char *copybinary_escape(char *o, const char *p, size_t len)
{
    if (__builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("bmi2"))
        return escape_avx512(o, p, len);
    return escape_sse2(o, p, len);
}

#else

char *copybinary_escape(char *o, const char *p, size_t len)
{
    return copybinary_escape_portable(o, p, len);
}

#endif

/* ---- numbers ---- */

static inline uint16_t get16(const char *p)
{
    const unsigned char *u = (const unsigned char *)p;

    return (uint16_t)(u[0] << 8 | u[1]);
}

static inline uint32_t get32(const char *p)
{
    return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static inline uint64_t get64(const char *p)
{
    return (uint64_t)get32(p) << 32 | get32(p + 4);
}

static inline char *put2(char *o, uint32_t v)
{
    memcpy(o, pairs + 2 * v, 2);
    return o + 2;
}

static char *put_unsigned(char *o, uint64_t v)
{
    char room[20];
    char *p = room + sizeof(room);

    while (v >= 100) {
        p -= 2;
        memcpy(p, pairs + 2 * (v % 100), 2);
        v /= 100;
    }
    if (v >= 10) {
        p -= 2;
        memcpy(p, pairs + 2 * v, 2);
    } else {
        *--p = (char)('0' + v);
    }
    memcpy(o, p, (size_t)(room + sizeof(room) - p));
    return o + (room + sizeof(room) - p);
}

static char *put_signed(char *o, int64_t v)
{
    if (v < 0) {
        *o++ = '-';
        return put_unsigned(o, 0 - (uint64_t)v);
    }
    return put_unsigned(o, (uint64_t)v);
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

/* ---- dates and times ---- */

/* YYYY-MM-DD of DAYS since 2000-01-01; *BC: the year is before Christ, said at the very end. */
static char *put_date(char *o, int64_t days, int *bc)
{
    /* Eras of 400 years that begin on 1 March (H. Hinnant's days_from_civil, backwards). */
    int64_t z = days + EPOCH + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    uint32_t doe = (uint32_t)(z - era * 146097);
    uint32_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    uint32_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    uint32_t mp = (5 * doy + 2) / 153;
    uint32_t month = mp < 10 ? mp + 3 : mp - 9;
    int64_t year = (int64_t)yoe + era * 400 + (month <= 2);

    *bc = year <= 0;
    if (year <= 0)
        year = 1 - year;
    if (year < 10000) {
        o = put2(o, (uint32_t)year / 100);
        o = put2(o, (uint32_t)year % 100);
    } else {
        o = put_unsigned(o, (uint64_t)year);
    }
    *o++ = '-';
    o = put2(o, month);
    *o++ = '-';
    return put2(o, doy - (153 * mp + 2) / 5 + 1);
}

/* HH:MM:SS[.ffffff] of a time of day in microseconds. */
static char *put_time(char *o, uint64_t us)
{
    uint32_t seconds = (uint32_t)(us / 1000000), fraction = (uint32_t)(us % 1000000);

    o = put2(o, seconds / 3600);
    *o++ = ':';
    o = put2(o, seconds / 60 % 60);
    *o++ = ':';
    o = put2(o, seconds % 60);
    if (fraction != 0) {
        *o++ = '.';
        o = put2(o, fraction / 10000);
        o = put2(o, fraction / 100 % 100);
        o = put2(o, fraction % 100);
        while (o[-1] == '0')
            o--;
    }
    return o;
}

static char *put_infinity(char *o, int negative)
{
    memcpy(o, negative ? "-infinity" : "infinity", 9);
    return o + 8 + (negative != 0);
}

static char *put_bc(char *o)
{
    memcpy(o, " BC", 3);
    return o + 3;
}

static char *put_timestamp(char *o, int64_t us, int zone)
{
    const int64_t day = 86400000000;
    int64_t days = us / day, rest = us % day;
    int bc;

    if (us == INT64_MIN || us == INT64_MAX)
        return put_infinity(o, us < 0);
    if (rest < 0) {
        rest += day;
        days--;
    }
    o = put_date(o, days, &bc);
    *o++ = ' ';
    o = put_time(o, (uint64_t)rest);
    if (zone) {
        memcpy(o, "+00", 3);
        o += 3;
    }
    return bc ? put_bc(o) : o;
}

/* ---- numeric: digits to base 10000, the first of weight 10000^weight ---- */

struct numeric {
    const char *digits;
    int32_t ndigits, weight, scale;
    uint16_t sign;
};

static int read_numeric(struct numeric *n, const char *p, size_t len)
{
    if (len < 8)
        return -1;
    n->ndigits = get16(p);
    n->weight = (int16_t)get16(p + 2);
    n->sign = get16(p + 4);
    n->scale = get16(p + 6);
    n->digits = p + 8;
    if (len != 8 + 2 * (size_t)n->ndigits || n->scale > 0x3fff ||
        (n->sign != 0 && n->sign != 0x4000 && n->sign != 0xc000 && n->sign != 0xd000 && n->sign != 0xf000))
        return -1;
    for (int32_t i = 0; i < n->ndigits; i++)
        if (get16(n->digits + 2 * i) > 9999)
            return -1;
    return 0;
}

static uint32_t numeric_digit(const struct numeric *n, int32_t i)
{
    return i >= 0 && i < n->ndigits ? get16(n->digits + 2 * i) : 0;
}

/* No longer than this. */
static size_t numeric_room(const struct numeric *n)
{
    return 4 * (size_t)(n->weight >= 0 ? n->weight + 1 : 1) + (size_t)n->scale + 16;
}

static char *put_numeric(char *o, const struct numeric *n)
{
    int32_t d = 0;

    if (n->sign == 0xc000) {
        memcpy(o, "NaN", 3);
        return o + 3;
    }
    if (n->sign == 0xd000 || n->sign == 0xf000) {
        memcpy(o, n->sign == 0xf000 ? "-Infinity" : "Infinity", 9);
        return o + 8 + (n->sign == 0xf000);
    }
    if (n->sign == 0x4000)
        *o++ = '-';
    if (n->weight < 0) {
        *o++ = '0';
        d = n->weight + 1;
    } else {
        o = put_unsigned(o, numeric_digit(n, 0));
        for (d = 1; d <= n->weight; d++) {
            uint32_t v = numeric_digit(n, d);

            o = put2(put2(o, v / 100), v % 100);
        }
    }
    if (n->scale > 0) {
        *o++ = '.';
        for (int32_t left = n->scale; left > 0; left -= 4, d++) {
            uint32_t v = numeric_digit(n, d);

            o = put2(put2(o, v / 100), v % 100);
            if (left < 4)
                o -= 4 - left;
        }
    }
    return o;
}

/* ---- rows ---- */

static int kind_of(const char *type)
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

int copybinary_start(struct copybinary *b, const char *const *types, size_t columns, struct err *err)
{
    memset(b, 0, sizeof(*b));
    for (size_t i = 0; i < columns; i++)
        if (types[i] == NULL || kind_of(types[i]) == 0)
            return 0;
    if (columns == 0)
        return 0;
    if ((b->kinds = malloc(columns)) == NULL)
        return err_oom(err);
    for (size_t i = 0; i < columns; i++)
        b->kinds[i] = (unsigned char)kind_of(types[i]);
    b->columns = columns;
    return 1;
}

void copybinary_end(struct copybinary *b)
{
    free(b->kinds);
    memset(b, 0, sizeof(*b));
}

static int add_text(struct buf *out, const char *p, size_t len, struct err *err)
{
    while (len > 0) {
        size_t n = len < PIECE ? len : PIECE;

        if (buf_reserve(out, 6 * n + SLACK, err) != 0)
            return -1;
        out->len = (size_t)(copybinary_escape(out->data + out->len, p, n) - out->data);
        p += n;
        len -= n;
    }
    return 0;
}

static int add_numeric(struct buf *out, const char *p, size_t len, struct err *err)
{
    struct numeric n;

    if (read_numeric(&n, p, len) != 0)
        return 1;
    if (buf_reserve(out, numeric_room(&n), err) != 0)
        return -1;
    out->len = (size_t)(put_numeric(out->data + out->len, &n) - out->data);
    return 0;
}

/* One value, without its quotes.  1: not of this type's form. */
static int add_value(struct buf *out, enum kind kind, const char *p, size_t len, struct err *err)
{
    static const unsigned char sizes[] = {
        [KIND_BOOL] = 1, [KIND_INT2] = 2,      [KIND_INT4] = 4,        [KIND_INT8] = 8,
        [KIND_OID] = 4,  [KIND_UUID] = 16,     [KIND_DATE] = 4,        [KIND_TIME] = 8,
        [KIND_TIMESTAMP] = 8, [KIND_TIMESTAMPTZ] = 8, [KIND_NUMERIC] = 0,
    };
    char *o;
    int bc = 0;

    if (kind == KIND_TEXT)
        return add_text(out, p, len, err);
    if (kind == KIND_JSONB)
        return len < 1 || p[0] != 1 ? 1 : add_text(out, p + 1, len - 1, err);
    if (kind == KIND_NUMERIC)
        return add_numeric(out, p, len, err);
    if (len != sizes[kind])
        return 1;
    if (buf_reserve(out, SMALL, err) != 0)
        return -1;
    o = out->data + out->len;
    if (kind == KIND_BOOL) {
        *o++ = *p != 0 ? 't' : 'f';
    } else if (kind == KIND_INT2) {
        o = put_signed(o, (int16_t)get16(p));
    } else if (kind == KIND_INT4) {
        o = put_signed(o, (int32_t)get32(p));
    } else if (kind == KIND_INT8) {
        o = put_signed(o, (int64_t)get64(p));
    } else if (kind == KIND_OID) {
        o = put_unsigned(o, get32(p));
    } else if (kind == KIND_UUID) {
        o = put_uuid(o, p);
    } else if (kind == KIND_TIME) {
        uint64_t us = get64(p);

        if (us > 86400000000u)
            return 1;
        o = put_time(o, us);
    } else if (kind == KIND_DATE) {
        int32_t days = (int32_t)get32(p);

        if (days == INT32_MIN || days == INT32_MAX)
            o = put_infinity(o, days < 0);
        else if ((o = put_date(o, days, &bc)), bc)
            o = put_bc(o);
    } else {
        o = put_timestamp(o, (int64_t)get64(p), kind == KIND_TIMESTAMPTZ);
    }
    out->len = (size_t)(o - out->data);
    return 0;
}

static int malformed(struct err *err, uint64_t row, const char *what)
{
    return err_set(err, ERR_FAILED, "row %llu of the server's binary COPY data %s",
                   (unsigned long long)row, what);
}

/* The length of a row as COPY text, from its JSON. */
static size_t text_length(const char *p, size_t len, size_t columns)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++, n++) {
        if (p[i] != '\\')
            continue;
        i++;
        if (p[i] == 'u')
            i += 4;
        else if (p[i] != '"')
            n++;
    }
    return n > 2 * columns ? n - 2 * columns : 0; /* quotes */
}

static int check_size(const struct buf *out, size_t from, size_t columns, struct err *err)
{
    if (out->len - from <= row_max / 2 ||
        text_length(out->data + from, out->len - from, columns) <= row_max)
        return 0;
    err_set(err, ERR_FAILED, "a row is longer than the server can take back");
    (void)snprintf(err->sqlstate, sizeof(err->sqlstate), "54000");
    return -1;
}

/* The row at *P, up to END. */
static int add_row(const struct copybinary *b, struct buf *out, const char **from, const char *end,
                   uint64_t row, struct err *err)
{
    const char *p = *from;
    size_t begin = out->len;

    if (get16(p) != b->columns)
        return malformed(err, row, "has another number of columns than was asked for");
    p += 2;
    if (buf_reserve(out, SMALL, err) != 0)
        return -1;
    out->data[out->len++] = '[';
    for (size_t i = 0; i < b->columns; i++) {
        uint32_t len;
        int rc;

        if (end - p < 4)
            return malformed(err, row, "is cut off");
        len = get32(p);
        p += 4;
        if (buf_reserve(out, SMALL, err) != 0)
            return -1;
        if (i > 0)
            out->data[out->len++] = ',';
        if (len == UINT32_MAX) {
            memcpy(out->data + out->len, "null", 4);
            out->len += 4;
            continue;
        }
        if ((size_t)(end - p) < len)
            return malformed(err, row, "is cut off");
        out->data[out->len++] = '"';
        if ((rc = add_value(out, (enum kind)b->kinds[i], p, len, err)) != 0)
            return rc < 0 ? -1 : malformed(err, row, "holds a value that is not of its column's type");
        if (buf_reserve(out, SMALL, err) != 0)
            return -1;
        out->data[out->len++] = '"';
        p += len;
    }
    memcpy(out->data + out->len, "]\n", 2);
    out->len += 2;
    *from = p;
    return check_size(out, begin, b->columns, err);
}

int copybinary_to_json(struct copybinary *b, struct buf *out, const char *data, size_t len,
                       uint64_t *rows, struct err *err)
{
    const char *p = data, *end = data + len;

    if (!b->begun) {
        /* Signature, flags (none that we asked for), a header extension of no bytes. */
        if (len < 19 || memcmp(p, signature, sizeof(signature)) != 0 || get32(p + 11) != 0 ||
            get32(p + 15) != 0)
            return err_set(err, ERR_FAILED, "the server's binary COPY data begins with an unknown header");
        b->begun = 1;
        p += 19;
    }
    while (p < end) {
        if (b->ended || end - p < 2)
            return malformed(err, *rows + 1, b->ended ? "comes after the end" : "is cut off");
        if (get16(p) == UINT16_MAX) {
            b->ended = 1;
            p += 2;
            continue;
        }
        if (add_row(b, out, &p, end, *rows + 1, err) != 0)
            return -1;
        ++*rows;
    }
    if (out->data != NULL)
        out->data[out->len] = '\0';
    return 0;
}
