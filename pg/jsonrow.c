#include "pg/jsonrow.h"

#include "core/scan.h"

void jsonrow_start(struct jsonrow *r, const char *json, size_t len, uint64_t n)
{
    r->p = r->piece = json;
    r->end = json + len;
    r->row = n;
    r->size = 0;
}

int jsonrow_refuse(const struct jsonrow *r, const char *what, struct err *err)
{
    return err_set(err, ERR_BACKUP, "row %llu of this batch is not a row of the table: %s",
                   (unsigned long long)r->row, what);
}

int jsonrow_begin(struct jsonrow *r, struct err *err)
{
    if (r->p >= r->end)
        return 0;
    r->row++;
    return *r->p++ == '[' ? 1 : jsonrow_refuse(r, "it does not begin with \"[\"", err);
}

int jsonrow_value(struct jsonrow *r, size_t i, struct err *err)
{
    if (i > 0 && (r->p >= r->end || *r->p++ != ','))
        return jsonrow_refuse(r, "too few columns", err);
    if (r->end - r->p >= 4 && memcmp(r->p, "null", 4) == 0) {
        r->p += 4;
        return 0;
    }
    if (r->p < r->end && *r->p == '"') {
        r->p++;
        return 1;
    }
    return jsonrow_refuse(r, "a value is neither a string nor null", err);
}

int jsonrow_end(struct jsonrow *r, struct err *err)
{
    if (r->end - r->p < 2 || r->p[0] != ']' || r->p[1] != '\n')
        return jsonrow_refuse(r, "too many columns, or no line's end", err);
    r->p += 2;
    return 0;
}

const char *jsonrow_special(struct jsonrow *r, const char *p)
{
    while (p < r->end) {
        size_t at, w;

        if (p >= r->piece + r->size) {
            r->piece = p;
            r->size = r->end - p < JSONROW_PIECE ? (size_t)(r->end - p) : JSONROW_PIECE;
            scan_special(r->piece, r->size, r->masks);
        }
        at = (size_t)(p - r->piece);
        w = at / 64;
        if (r->masks[w] >> (at % 64) != 0)
            return p + (unsigned)__builtin_ctzll(r->masks[w] >> (at % 64));
        for (w++; w * 64 < r->size; w++)
            if (r->masks[w] != 0)
                return r->piece + w * 64 + (unsigned)__builtin_ctzll(r->masks[w]);
        p = r->piece + r->size;
    }
    return r->end;
}

static int hex4(const char *p, const char *end, uint32_t *v)
{
    *v = 0;
    if (end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        uint32_t d;

        if (c >= '0' && c <= '9')
            d = (uint32_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            d = (uint32_t)(c - 'a' + 10);
        else if (c >= 'A' && c <= 'F')
            d = (uint32_t)(c - 'A' + 10);
        else
            return -1;
        *v = *v << 4 | d;
    }
    return 0;
}

char *jsonrow_utf8(char *o, uint32_t c)
{
    if (c < 0x80) {
        *o++ = (char)c;
    } else if (c < 0x800) {
        *o++ = (char)(0xc0 | c >> 6);
        *o++ = (char)(0x80 | (c & 63));
    } else if (c < 0x10000) {
        *o++ = (char)(0xe0 | c >> 12);
        *o++ = (char)(0x80 | (c >> 6 & 63));
        *o++ = (char)(0x80 | (c & 63));
    } else {
        *o++ = (char)(0xf0 | c >> 18);
        *o++ = (char)(0x80 | (c >> 12 & 63));
        *o++ = (char)(0x80 | (c >> 6 & 63));
        *o++ = (char)(0x80 | (c & 63));
    }
    return o;
}

int jsonrow_escape(const struct jsonrow *r, const char **p, uint32_t *c)
{
    const char *s = *p + 1, *end = r->end;
    uint32_t low;

    if (s >= end)
        return -1;
    switch (*s) {
    case '"':
    case '\\':
    case '/':
        *c = (unsigned char)*s;
        break;
    case 'b':
        *c = '\b';
        break;
    case 'f':
        *c = '\f';
        break;
    case 'n':
        *c = '\n';
        break;
    case 'r':
        *c = '\r';
        break;
    case 't':
        *c = '\t';
        break;
    case 'u':
        if (hex4(s + 1, end, c) != 0 || *c == 0)
            return -1;
        s += 4;
        if (*c >= 0xd800 && *c < 0xdc00) {
            if (end - s < 7 || s[1] != '\\' || s[2] != 'u' || hex4(s + 3, end, &low) != 0 ||
                low < 0xdc00 || low > 0xdfff)
                return -1;
            *c = 0x10000 + ((*c - 0xd800) << 10) + (low - 0xdc00);
            s += 6;
        } else if (*c >= 0xdc00 && *c < 0xe000) {
            return -1;
        }
        break;
    default:
        return -1;
    }
    *p = s + 1;
    return 0;
}
