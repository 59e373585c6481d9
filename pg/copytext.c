#include "pg/copytext.h"

#include <string.h>

#include "core/scan.h"
#include "pg/jsonrow.h"

/* Text is taken in pieces, so that the masks and what they speak of stay in the first-level cache
 * and room in the output is made once per piece. */
enum { PIECE = 8192, MASKS = PIECE / 64, GROWTH = 6, SLACK = 64 };

/* COPY's escape letter -> what JSON writes for it. */
static const struct {
    unsigned char len;
    char text[7];
} json_of_copy[256] = {
    ['b'] = {2, "\\b"}, ['f'] = {2, "\\f"}, ['n'] = {2, "\\n"},      ['r'] = {2, "\\r"},
    ['t'] = {2, "\\t"}, ['v'] = {6, "\\u000b"}, ['\\'] = {2, "\\\\"},
};

static char *hex_escape(char *o, unsigned char c)
{
    static const char digits[] = "0123456789abcdef";

    memcpy(o, "\\u00", 4);
    o[4] = digits[c >> 4];
    o[5] = digits[c & 15];
    return o + 6;
}

static int shape_error(struct err *err, uint64_t row, size_t found, size_t wanted)
{
    return err_set(err, ERR_FAILED, "row %llu of the server's COPY data has %zu columns, not %zu",
                   (unsigned long long)row, found, wanted);
}

/* Start a field at P: a null is written at once, anything else opens its quotes. */
static inline char *field_open(char *o, const char **p, const char *end, int *quoted)
{
    if (end - *p >= 3 && (*p)[0] == '\\' && (*p)[1] == 'N') {
        memcpy(o, "null", 4);
        *p += 2;
        *quoted = 0;
        return o + 4;
    }
    *o = '"';
    *quoted = 1;
    return o + 1;
}

static int rows_to_json(struct buf *out, size_t columns, const char *text, size_t len,
                        uint64_t *rows, struct err *err)
{
    const char *end = text + len;
    const char *from = text; /* the first byte not yet written */
    size_t fields = 1;
    int quoted = 0;
    uint64_t n = 0;
    uint64_t masks[MASKS];

    for (const char *piece = text; piece < end; piece += PIECE) {
        size_t size = end - piece < PIECE ? (size_t)(end - piece) : PIECE;
        size_t words = (size + 63) / 64;
        char *o;

        if (buf_reserve(out, size * GROWTH + SLACK, err) != 0)
            return -1;
        o = out->data + out->len;
        if (piece == text) {
            *o++ = '[';
            o = field_open(o, &from, end, &quoted);
        }
        scan_special(piece, size, masks);
        for (size_t w = 0; w < words; w++) {
            uint64_t mask = masks[w];

            while (mask != 0) {
                const char *p = piece + w * 64 + (unsigned)__builtin_ctzll(mask);
                unsigned char c = (unsigned char)*p;

                mask &= mask - 1;
                if (p < from)
                    continue; /* the second half of an escape */
                o = jsonrow_span(o, from, (size_t)(p - from), end);
                from = p + 1;
                if (c == '\t') {
                    fields++;
                    *o = '"';
                    o += quoted;
                    *o++ = ',';
                    o = field_open(o, &from, end, &quoted);
                } else if (c == '"') {
                    memcpy(o, "\\\"", 2);
                    o += 2;
                } else if (c == '\n') {
                    *o = '"';
                    o += quoted;
                    *o++ = ']';
                    *o++ = '\n';
                    n++;
                    if (fields != columns)
                        return shape_error(err, *rows + n, fields, columns);
                    fields = 1;
                    if (from < end) {
                        *o++ = '[';
                        o = field_open(o, &from, end, &quoted);
                    }
                } else if (c == '\\') {
                    unsigned char e = from < end ? (unsigned char)*from : 0;

                    if (json_of_copy[e].len == 0)
                        return err_set(err, ERR_FAILED,
                                       "row %llu of the server's COPY data has an unknown escape",
                                       (unsigned long long)*rows + n + 1);
                    memcpy(o, json_of_copy[e].text, 6);
                    o += json_of_copy[e].len;
                    from++;
                } else {
                    o = hex_escape(o, c);
                }
            }
        }
        /* What no special byte ends yet; it fits, for a piece was reserved six-fold. */
        if (from < piece + size) {
            memcpy(o, from, (size_t)(piece + size - from));
            o += piece + size - from;
            from = piece + size;
        }
        out->len = (size_t)(o - out->data);
    }
    out->data[out->len] = '\0';
    *rows += n;
    return 0;
}

static int empty_rows_to_json(struct buf *out, size_t len, uint64_t *rows, struct err *err)
{
    for (size_t i = 0; i < len; i++)
        if (buf_add(out, "[]\n", 3, err) != 0)
            return -1;
    *rows += len;
    return 0;
}

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int base64_add(struct buf *out, const unsigned char *p, size_t len, struct err *err)
{
    char *o;

    if (buf_reserve(out, (len + 2) / 3 * 4, err) != 0)
        return -1;
    o = out->data + out->len;
    for (; len >= 3; p += 3, len -= 3) {
        uint32_t v = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];

        *o++ = base64_digits[v >> 18];
        *o++ = base64_digits[v >> 12 & 63];
        *o++ = base64_digits[v >> 6 & 63];
        *o++ = base64_digits[v & 63];
    }
    if (len > 0) {
        uint32_t v = (uint32_t)p[0] << 16 | (len == 2 ? (uint32_t)p[1] << 8 : 0);

        *o++ = base64_digits[v >> 18];
        *o++ = base64_digits[v >> 12 & 63];
        *o++ = len == 2 ? base64_digits[v >> 6 & 63] : '=';
        *o++ = '=';
    }
    out->len = (size_t)(o - out->data);
    out->data[out->len] = '\0';
    return 0;
}

/* One field of COPY text as its bytes. */
static int unescape(struct buf *raw, const char *p, size_t len, struct err *err)
{
    static const char letters[] = "b\bf\fn\nr\rt\tv\v\\\\";

    buf_reset(raw);
    for (size_t i = 0; i < len; i++) {
        char c = p[i];

        if (c == '\\') {
            const char *e = i + 1 < len ? strchr(letters, p[i + 1]) : NULL;

            if (e == NULL || p[i + 1] == '\0')
                return err_set(err, ERR_FAILED, "the server's COPY data has an unknown escape");
            c = e[1];
            i++;
        }
        if (buf_addc(raw, c, err) != 0)
            return -1;
    }
    return 0;
}

/* Rows with marked columns: databases without an encoding.  Rare, and written plainly. */
static int marked_rows_to_json(struct buf *out, const struct copytext_shape *shape,
                               const char *text, size_t len, uint64_t *rows, struct err *err)
{
    const char *p = text;
    const char *end = text + len;
    struct buf raw = {0}, one = {0};
    int rc = -1;

    while (p < end) {
        size_t i = 0;

        if (buf_addc(out, '[', err) != 0)
            goto out;
        for (;; i++) {
            size_t n = 0;
            int is_null;

            while (p + n < end && p[n] != '\t' && p[n] != '\n')
                n++;
            if (i >= shape->columns || p + n >= end) {
                (void)shape_error(err, *rows + 1, i + 1, shape->columns);
                goto out;
            }
            is_null = n == 2 && p[0] == '\\' && p[1] == 'N';
            if (is_null) {
                if (buf_adds(out, "null", err) != 0)
                    goto out;
            } else if (shape->base64[i]) {
                if (unescape(&raw, p, n, err) != 0 || buf_addc(out, '"', err) != 0 ||
                    base64_add(out, (const unsigned char *)(raw.len ? raw.data : ""), raw.len,
                               err) != 0 ||
                    buf_addc(out, '"', err) != 0)
                    goto out;
            } else {
                uint64_t ignored = 0;

                buf_reset(&raw);
                buf_reset(&one);
                if (buf_add(&raw, p, n, err) != 0 || buf_addc(&raw, '\n', err) != 0 ||
                    rows_to_json(&one, 1, raw.data, raw.len, &ignored, err) != 0 ||
                    buf_add(out, one.data + 1, one.len - 3, err) != 0)
                    goto out;
            }
            p += n + 1;
            if (p[-1] == '\n')
                break;
            if (buf_addc(out, ',', err) != 0)
                goto out;
        }
        if (i + 1 != shape->columns) {
            (void)shape_error(err, *rows + 1, i + 1, shape->columns);
            goto out;
        }
        if (buf_add(out, "]\n", 2, err) != 0)
            goto out;
        (*rows)++;
    }
    rc = 0;
out:
    buf_wipe(&raw);
    buf_wipe(&one);
    return rc;
}

int copytext_to_json(struct buf *out, const struct copytext_shape *shape, const char *text,
                     size_t len, uint64_t *rows, struct err *err)
{
    if (len == 0)
        return 0;
    if (text[len - 1] != '\n')
        return err_set(err, ERR_FAILED, "the server's COPY data ends within a row");
    if (shape->columns == 0)
        return empty_rows_to_json(out, len, rows, err);
    if (shape->base64 != NULL && memchr(shape->base64, 1, shape->columns) != NULL)
        return marked_rows_to_json(out, shape, text, len, rows, err);
    return rows_to_json(out, shape->columns, text, len, rows, err);
}

/* ---- the way back ---- */

/* One byte or character as COPY text reads it. */
static char *copy_put(char *o, uint32_t c)
{
    char e = 0;

    if (c == '\\')
        e = '\\';
    else if (c == '\n')
        e = 'n';
    else if (c == '\t')
        e = 't';
    else if (c == '\r')
        e = 'r';
    else if (c == '\b')
        e = 'b';
    else if (c == '\f')
        e = 'f';
    else if (c == '\v')
        e = 'v';
    if (e != 0) {
        *o++ = '\\';
        *o++ = e;
        return o;
    }
    return jsonrow_utf8(o, c);
}

/* The bytes of base64 text [P, P + LEN) as COPY text. */
static int base64_take(struct buf *out, const char *p, size_t len, struct err *err)
{
    char *o;

    if (len % 4 != 0)
        return -1;
    if (buf_reserve(out, len / 4 * 6 + SLACK, err) != 0)
        return -1;
    o = out->data + out->len;
    for (; len > 0; p += 4, len -= 4) {
        uint32_t v = 0;
        int bytes = 3;

        for (int i = 0; i < 4; i++) {
            const char *d = p[i] == '\0' ? NULL : strchr(base64_digits, p[i]);

            if (d == NULL && len == 4 && p[i] == '=' && i >= 2 && (i == 3 || p[3] == '=')) {
                bytes--;
                v <<= 6;
            } else if (d != NULL && bytes == 3) {
                v = v << 6 | (uint32_t)(d - base64_digits);
            } else {
                return -1;
            }
        }
        for (int i = 0; i < bytes; i++) {
            uint32_t c = v >> (16 - 8 * i) & 255;

            if (c == 0)
                return -1;
            if (c < 0x80)
                o = copy_put(o, c);
            else
                *o++ = (char)c;
        }
    }
    out->len = (size_t)(o - out->data);
    return 0;
}

/* The string that begins at R->p, appended as COPY text; R->p moves behind its end. */
static int string_from_json(struct buf *out, struct jsonrow *r, struct err *err)
{
    const char *from = r->p;

    for (;;) {
        const char *q = jsonrow_special(r, from);
        size_t n = (size_t)(q - from);
        char *o;

        if (buf_reserve(out, n + SLACK, err) != 0)
            return -1;
        o = jsonrow_span(out->data + out->len, from, n, r->end);
        out->len += n;
        if (q >= r->end || (unsigned char)*q < 0x20)
            return jsonrow_refuse(r, "a string is not JSON", err);
        if (*q == '"') {
            r->p = q + 1;
            return 0;
        } else {
            uint32_t c;

            if (jsonrow_escape(r, &q, &c) != 0)
                return jsonrow_refuse(r, "a string is not JSON", err);
            o = copy_put(o, c);
            out->len = (size_t)(o - out->data);
            from = q;
        }
    }
}

static int base64_from_json(struct buf *out, struct jsonrow *r, struct err *err)
{
    const char *q = jsonrow_special(r, r->p);

    if (q >= r->end || *q != '"' || base64_take(out, r->p, (size_t)(q - r->p), err) != 0)
        return jsonrow_refuse(r, "a marked column is not base64", err);
    r->p = q + 1;
    return 0;
}

int copytext_from_json(struct buf *out, const struct copytext_shape *shape, const char *json,
                       size_t len, uint64_t *rows, struct err *err)
{
    struct jsonrow r;
    int more;

    if (len == 0)
        return 0;
    if (buf_reserve(out, len + SLACK, err) != 0)
        return -1;
    jsonrow_start(&r, json, len, *rows);
    while ((more = jsonrow_begin(&r, err)) == 1) {
        for (size_t i = 0; i < shape->columns; i++) {
            int is_string = jsonrow_value(&r, i, err);

            if (is_string < 0 || buf_reserve(out, SLACK, err) != 0)
                return -1;
            if (i > 0)
                out->data[out->len++] = '\t';
            if (!is_string) {
                memcpy(out->data + out->len, "\\N", 2);
                out->len += 2;
            } else if ((shape->base64 != NULL && shape->base64[i] ? base64_from_json(out, &r, err)
                                                                  : string_from_json(out, &r, err)) != 0) {
                return -1;
            }
        }
        if (jsonrow_end(&r, err) != 0 || buf_addc(out, '\n', err) != 0)
            return -1;
    }
    if (more < 0)
        return -1;
    out->data[out->len] = '\0';
    *rows = r.row;
    return 0;
}
