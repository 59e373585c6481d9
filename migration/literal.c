#include "migration/literal.h"

#include "core/buf.h"
#include "core/hex.h"
#include "migration/token.h"

/* 1: not a character that text can hold. */
static int add_utf8(struct buf *out, unsigned long c, struct err *err)
{
    char u[4];
    size_t n = 0;

    if (c == 0 || (c >= 0xd800 && c <= 0xdfff) || c > 0x10ffff)
        return 1;
    if (c < 0x80) {
        u[n++] = (char)c;
    } else if (c < 0x800) {
        u[n++] = (char)(0xc0 | (c >> 6));
        u[n++] = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        u[n++] = (char)(0xe0 | (c >> 12));
        u[n++] = (char)(0x80 | ((c >> 6) & 0x3f));
        u[n++] = (char)(0x80 | (c & 0x3f));
    } else {
        u[n++] = (char)(0xf0 | (c >> 18));
        u[n++] = (char)(0x80 | ((c >> 12) & 0x3f));
        u[n++] = (char)(0x80 | ((c >> 6) & 0x3f));
        u[n++] = (char)(0x80 | (c & 0x3f));
    }
    return buf_add(out, u, n, err);
}

/* The escape whose backslash is at S[*I]; *I moves behind it. */
static int add_escape(struct buf *out, const char *s, size_t len, size_t *i, struct err *err)
{
    static const char from[] = "\\'\"abfnrtv", to[] = "\\'\"\a\b\f\n\r\t\v";
    char c = s[*i + 1];
    const char *simple = c != '\0' ? strchr(from, c) : NULL;
    unsigned long v = 0;
    size_t n = 0, want;

    *i += 2;
    if (simple != NULL)
        return buf_addc(out, to[simple - from], err);
    if (c == '\n')
        return 0;
    if (c == '\r') {
        *i += *i < len && s[*i] == '\n';
        return 0;
    }
    if (c >= '0' && c <= '7') {
        v = (unsigned long)(c - '0');
        for (n = 1; n < 3 && *i < len && s[*i] >= '0' && s[*i] <= '7'; n++)
            v = v * 8 + (unsigned long)(s[(*i)++] - '0');
        return add_utf8(out, v, err);
    }
    if (c == 'N')
        return 1;
    want = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (want == 0) /* unknown: the backslash stays */
        return buf_addc(out, '\\', err) != 0 || buf_addc(out, c, err) != 0 ? -1 : 0;
    for (; n < want && *i < len && hex_digit(s[*i]) >= 0; n++)
        v = v * 16 + (unsigned long)hex_digit(s[(*i)++]);
    return n == want ? add_utf8(out, v, err) : 1;
}

int literal_read(const struct tokens *t, const struct token *k, struct buf *out, struct err *err)
{
    const char *s = t->text.data + k->start + k->prefix + k->quotes;
    size_t len = k->len - k->prefix - 2u * k->quotes, i = 0;

    if (k->flags & (TOKEN_BYTES | TOKEN_FORMAT))
        return 1;
    while (i < len) {
        int rc;

        if (s[i] == '\\' && !(k->flags & TOKEN_RAW) && i + 1 < len) {
            rc = add_escape(out, s, len, &i, err);
        } else if (s[i] == '\r') {
            i += i + 1 < len && s[i + 1] == '\n' ? 2 : 1;
            rc = buf_addc(out, '\n', err);
        } else {
            rc = buf_addc(out, s[i++], err);
        }
        if (rc != 0)
            return rc;
    }
    return 0;
}
