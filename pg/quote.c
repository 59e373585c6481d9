#include "pg/quote.h"

#include <string.h>

/* Doubling the quote is all that there is to it in UTF-8, where no byte of a longer character looks
 * like one; a session in SQL_ASCII sends bytes as they are. */
static int doubled(struct buf *b, const char *s, char quote, struct err *err)
{
    if (buf_addc(b, quote, err) != 0)
        return -1;
    while (*s != '\0') {
        size_t n = 0;

        while (s[n] != '\0' && s[n] != quote)
            n++;
        if (buf_add(b, s, n, err) != 0)
            return -1;
        s += n;
        if (*s == quote) {
            if (buf_addc(b, quote, err) != 0 || buf_addc(b, quote, err) != 0)
                return -1;
            s++;
        }
    }
    return buf_addc(b, quote, err);
}

int quote_ident(struct buf *b, const char *name, struct err *err)
{
    return doubled(b, name, '"', err);
}

int quote_name(struct buf *b, const char *schema, const char *name, struct err *err)
{
    if (quote_ident(b, schema, err) != 0 || buf_addc(b, '.', err) != 0)
        return -1;
    return quote_ident(b, name, err);
}

int quote_literal(struct buf *b, const char *text, struct err *err)
{
    const char *p;

    if (strchr(text, '\\') == NULL)
        return doubled(b, text, '\'', err);
    /* Right whatever standard_conforming_strings says. */
    if (buf_adds(b, "E'", err) != 0)
        return -1;
    for (p = text; *p != '\0'; p++) {
        if ((*p == '\'' || *p == '\\') && buf_addc(b, *p, err) != 0)
            return -1;
        if (buf_addc(b, *p, err) != 0)
            return -1;
    }
    return buf_addc(b, '\'', err);
}

/* Reserved words are not asked for: this is for eyes, not for the server. */
static int plain(const char *name)
{
    const char *p;

    if (!((name[0] >= 'a' && name[0] <= 'z') || name[0] == '_'))
        return 0;
    for (p = name; *p != '\0'; p++)
        if (!((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') || *p == '_' || *p == '$'))
            return 0;
    return 1;
}

int quote_plain(struct buf *b, const char *name, struct err *err)
{
    return plain(name) ? buf_adds(b, name, err) : quote_ident(b, name, err);
}

int quote_pretty(struct buf *b, const char *schema, const char *name, struct err *err)
{
    if (quote_plain(b, schema, err) != 0 || buf_addc(b, '.', err) != 0)
        return -1;
    return quote_plain(b, name, err);
}
