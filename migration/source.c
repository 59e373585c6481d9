#include "migration/source.h"

#include <iconv.h>
#include <string.h>
#include <strings.h>

#include "core/buf.h"

static int is_word(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c >= 0x80;
}

/* PEP 263: coding[:=]\s*([-\w.]+) in a comment of the first two lines.  0: none. */
static size_t declared(const char *s, size_t len, const char **name)
{
    size_t at = 0;

    for (int i = 0; i < 2 && at < len; i++) {
        size_t end = at, k = at;

        while (end < len && s[end] != '\n' && s[end] != '\r')
            end++;
        while (k < end && (s[k] == ' ' || s[k] == '\t' || s[k] == '\f'))
            k++;
        if (k < end && s[k] != '#')
            return 0;
        for (; k + 7 < end; k++) {
            size_t v = k + 7, n = 0;

            if (memcmp(s + k, "coding", 6) != 0 || (s[k + 6] != ':' && s[k + 6] != '='))
                continue;
            while (v < end && (s[v] == ' ' || s[v] == '\t'))
                v++;
            while (v + n < end && (is_word((unsigned char)s[v + n]) || s[v + n] == '-' ||
                                   s[v + n] == '.'))
                n++;
            if (n > 0) {
                *name = s + v;
                return n;
            }
        }
        at = end + 1;
        if (end + 1 < len && s[end] == '\r' && s[end + 1] == '\n')
            at++;
    }
    return 0;
}

/* 0, or the line of the first byte that is not UTF-8. */
static int bad_utf8(const char *text, size_t len)
{
    const unsigned char *s = (const unsigned char *)text;
    int line = 1;

    for (size_t i = 0; i < len;) {
        unsigned char c = s[i];
        size_t n = c < 0x80 ? 1 : c >= 0xc2 && c <= 0xdf ? 2 : (c & 0xf0) == 0xe0 ? 3
                 : c >= 0xf0 && c <= 0xf4 ? 4 : 0;

        if (n == 0 || n > len - i)
            return line;
        for (size_t k = 1; k < n; k++) {
            if ((s[i + k] & 0xc0) != 0x80)
                return line;
        }
        if ((c == 0xe0 && s[i + 1] < 0xa0) || (c == 0xed && s[i + 1] > 0x9f) ||
            (c == 0xf0 && s[i + 1] < 0x90) || (c == 0xf4 && s[i + 1] > 0x8f))
            return line;
        line += c == '\n';
        i += n;
    }
    return 0;
}

static int decode(struct buf *out, const char *s, size_t len, const char *encoding,
                  const char *file, struct err *err)
{
    /* names that Python has and iconv has not */
    static const char *const latin[] = {"latin-1", "latin", "l1", "8859", "cp819", "iso8859"};
    iconv_t cd;
    char *in, *to;
    size_t left = len, room;
    int rc = -1;

    for (size_t i = 0; i < sizeof(latin) / sizeof(latin[0]); i++) {
        if (strcasecmp(encoding, latin[i]) == 0)
            encoding = "ISO-8859-1";
    }
    cd = iconv_open("UTF-8", encoding);
    if (cd == (iconv_t)-1)
        return err_set(err, ERR_FAILED, "%s line 1: encoding \"%s\" needs Python", file, encoding);
    if (buf_reserve(out, len * 4 + 4, err) != 0)
        goto out;
    room = out->cap - 1;
    to = out->data;
    memcpy(&in, &s, sizeof(in)); /* iconv's prototype lacks a const */
    if (iconv(cd, &in, &left, &to, &room) == (size_t)-1) {
        (void)err_set(err, ERR_FAILED, "%s: not in the encoding that it declares, \"%s\"", file,
                      encoding);
        goto out;
    }
    out->len = (size_t)(to - out->data);
    out->data[out->len] = '\0';
    rc = 0;
out:
    (void)iconv_close(cd);
    return rc;
}

int source_read(struct buf *out, const char *text, size_t len, const char *file, struct err *err)
{
    const char *name = NULL;
    char encoding[40];
    size_t n;

    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
        len -= 3;
    }
    if (len > 0 && memchr(text, '\0', len) != NULL)
        return err_set(err, ERR_FAILED, "%s holds a NUL byte: not Python", file);
    n = declared(text, len, &name);
    if (n >= sizeof(encoding))
        return err_set(err, ERR_FAILED, "%s line 1: an unknown encoding", file);
    if (n > 0)
        memcpy(encoding, name, n);
    encoding[n] = '\0';
    if (n == 0 || strcasecmp(encoding, "utf-8") == 0 || strcasecmp(encoding, "utf8") == 0 ||
        strcasecmp(encoding, "utf_8") == 0 || strcasecmp(encoding, "utf-8-sig") == 0) {
        int line = bad_utf8(text, len);

        if (line > 0)
            return err_set(err, ERR_FAILED, "%s line %d: not UTF-8, and no encoding is declared",
                           file, line);
        return buf_add(out, text, len, err);
    }
    for (char *c = encoding; *c != '\0'; c++)
        *c = *c == '_' ? '-' : *c;
    return decode(out, text, len, encoding, file, err);
}
