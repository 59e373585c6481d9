#include "pg/copybinary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pg/jsonrow.h"
#include "pg/network.h"
#include "pg/value.h"

/* No row is longer than this as COPY text, or the server could not take it back. */
static const size_t row_max = 0x3fffffff;

static const char signature[11] = {'P', 'G', 'C', 'O', 'P', 'Y', '\n', '\377', '\r', '\n', '\0'};

int copybinary_start(struct copybinary *b, const char *const *types, size_t columns, int reading,
                     struct err *err)
{
    memset(b, 0, sizeof(*b));
    for (size_t i = 0; i < columns; i++)
        if (types[i] == NULL || value_kind(types[i]) == 0 || (reading && !value_is_readable(value_kind(types[i]))))
            return 0;
    if (columns == 0)
        return 0;
    if ((b->kinds = malloc(columns)) == NULL)
        return err_oom(err);
    for (size_t i = 0; i < columns; i++)
        b->kinds[i] = (unsigned char)value_kind(types[i]);
    b->columns = columns;
    return 1;
}

void copybinary_end(struct copybinary *b)
{
    free(b->kinds);
    memset(b, 0, sizeof(*b));
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

    if (network_get16(p) != b->columns)
        return malformed(err, row, "has another number of columns than was asked for");
    p += 2;
    if (buf_reserve(out, VALUE_SMALL, err) != 0)
        return -1;
    out->data[out->len++] = '[';
    for (size_t i = 0; i < b->columns; i++) {
        uint32_t len;
        int rc;

        if (end - p < 4)
            return malformed(err, row, "is cut off");
        len = network_get32(p);
        p += 4;
        if (buf_reserve(out, VALUE_SMALL, err) != 0)
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
        if ((rc = value_add(out, (enum value_kind)b->kinds[i], p, len, err)) != 0)
            return rc < 0 ? -1 : malformed(err, row, "holds a value that is not of its column's type");
        if (buf_reserve(out, VALUE_SMALL, err) != 0)
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
        if (len < 19 || memcmp(p, signature, sizeof(signature)) != 0 || network_get32(p + 11) != 0 ||
            network_get32(p + 15) != 0)
            return err_set(err, ERR_FAILED, "the server's binary COPY data begins with an unknown header");
        b->begun = 1;
        p += 19;
    }
    while (p < end) {
        if (b->ended || end - p < 2)
            return malformed(err, *rows + 1, b->ended ? "comes after the end" : "is cut off");
        if (network_get16(p) == UINT16_MAX) {
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

/* ---- the way back ---- */

/* Signature, no flags, no extension. */
static int begin(struct copybinary *b, struct buf *out, struct err *err)
{
    static const char zeros[8] = "";

    if (b->begun)
        return 0;
    if (buf_add(out, signature, sizeof(signature), err) != 0 || buf_add(out, zeros, sizeof(zeros), err) != 0)
        return -1;
    b->begun = 1;
    return 0;
}

/* The string that begins at R->p, its length before it; R->p moves behind its end. */
static int pack_text(struct buf *out, struct jsonrow *r, int is_jsonb, struct err *err)
{
    size_t begin_at = out->len;
    const char *from = r->p;

    if (buf_reserve(out, VALUE_SMALL, err) != 0)
        return -1;
    out->len += 4;
    if (is_jsonb)
        out->data[out->len++] = 1; /* the version of its binary form */
    for (;;) {
        const char *q = jsonrow_special(r, from);
        size_t n = (size_t)(q - from);
        uint32_t c;

        if (buf_reserve(out, n + VALUE_SMALL, err) != 0)
            return -1;
        (void)jsonrow_span(out->data + out->len, from, n, r->end);
        out->len += n;
        if (q >= r->end || (unsigned char)*q < 0x20)
            return jsonrow_refuse(r, "a string is not JSON", err);
        if (*q == '"') {
            r->p = q + 1;
            break;
        }
        if (r->end - q > 1 && (q[1] == '"' || q[1] == '\\')) { /* nearly all of them */
            out->data[out->len++] = q[1];
            from = q + 2;
            continue;
        }
        if (jsonrow_escape(r, &q, &c) != 0)
            return jsonrow_refuse(r, "a string is not JSON", err);
        out->len = (size_t)(jsonrow_utf8(out->data + out->len, c) - out->data);
        from = q;
    }
    if (out->len - begin_at - 4 > INT32_MAX)
        return 1;
    network_put32(out->data + begin_at, (uint32_t)(out->len - begin_at - 4));
    return 0;
}

/* "\\x6d6967". */
static int pack_bytea(struct buf *out, struct jsonrow *r, struct err *err)
{
    const char *p = r->p + 3, *q;
    size_t n;

    if (r->end - r->p < 3 || memcmp(r->p, "\\\\x", 3) != 0)
        return 1;
    q = jsonrow_special(r, p);
    n = (size_t)(q - p) / 2;
    if (q >= r->end || *q != '"' || (q - p) % 2 != 0 || n > INT32_MAX)
        return 1;
    if (buf_reserve(out, 4 + n, err) != 0)
        return -1;
    if (value_unhex(out->data + out->len + 4, p, n) != 0)
        return 1;
    network_put32(out->data + out->len, (uint32_t)n);
    out->len += 4 + n;
    r->p = q + 1;
    return 0;
}

static int pack_value(struct buf *out, struct jsonrow *r, enum value_kind kind, struct err *err)
{
    const char *q;
    size_t n;

    if (kind == VALUE_TEXT || kind == VALUE_JSONB)
        return pack_text(out, r, kind == VALUE_JSONB, err);
    if (kind == VALUE_BYTEA)
        return pack_bytea(out, r, err);
    /* No text of these types has anything to escape. */
    q = jsonrow_special(r, r->p);
    if (q >= r->end || *q != '"')
        return 1;
    if (buf_reserve(out, 4 + VALUE_PACKED, err) != 0)
        return -1;
    if ((n = value_pack(out->data + out->len + 4, kind, r->p, (size_t)(q - r->p))) == 0)
        return 1;
    network_put32(out->data + out->len, (uint32_t)n);
    out->len += 4 + n;
    r->p = q + 1;
    return 0;
}

int copybinary_from_json(struct copybinary *b, struct buf *out, const char *json, size_t len,
                         uint64_t *rows, struct err *err)
{
    struct jsonrow r;
    size_t before;
    int more, rc;

    if (begin(b, out, err) != 0)
        return -1;
    before = out->len;
    jsonrow_start(&r, json, len, *rows);
    while ((more = jsonrow_begin(&r, err)) == 1) {
        if (buf_reserve(out, VALUE_SMALL, err) != 0)
            return -1;
        network_put16(out->data + out->len, (uint16_t)b->columns);
        out->len += 2;
        for (size_t i = 0; i < b->columns; i++) {
            int is_string = jsonrow_value(&r, i, err);

            if (is_string < 0 || buf_reserve(out, VALUE_SMALL, err) != 0)
                return -1;
            if (!is_string) {
                network_put32(out->data + out->len, UINT32_MAX);
                out->len += 4;
            } else if ((rc = pack_value(out, &r, (enum value_kind)b->kinds[i], err)) != 0) {
                if (rc > 0)
                    out->len = before; /* the header stays */
                return rc;
            }
        }
        if (jsonrow_end(&r, err) != 0)
            return -1;
    }
    if (more < 0)
        return -1;
    *rows = r.row;
    return 0;
}

int copybinary_finish(struct copybinary *b, struct buf *out, struct err *err)
{
    b->ended = 1;
    return begin(b, out, err) == 0 && buf_add(out, "\377\377", 2, err) == 0 ? 0 : -1;
}
