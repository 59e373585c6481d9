#include "script/shown.h"

#include <pg_query.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "script/deep.h"
#include "script/lexer.h"
#include "script/parse.h"

/* Is this token a string constant of any spelling ('x', E'x', U&'x', B'1', $tag$x$tag$)? */
static int is_string(const char *p, size_t len)
{
    if (len > 2 && (p[0] == 'U' || p[0] == 'u') && p[1] == '&')
        return p[2] == '\'';
    if (len > 1 && strchr("EeBbXxNn", p[0]) != NULL && p[1] == '\'')
        return 1;
    /* $1 is a parameter, $tag$ and $$ open a string. */
    return len > 0 && (p[0] == '\'' || (p[0] == '$' && len > 1 && (p[1] < '0' || p[1] > '9')));
}

static int is_comment(const char *p, size_t len)
{
    return len > 1 && ((p[0] == '-' && p[1] == '-') || (p[0] == '/' && p[1] == '*'));
}

/* Is there anything that may be a string or a comment?  A dollar before a digit is a parameter. */
static int is_bare(const char *sql)
{
    const char *p;

    for (p = sql; (p = strpbrk(p, "'$-/")) != NULL; p++)
        if (*p == '\'' || (*p == '$' && (p[1] < '0' || p[1] > '9')) || (*p == '-' && p[1] == '-') ||
            (*p == '/' && p[1] == '*'))
            return 0;
    return 1;
}

static char *without_strings(const char *sql)
{
    struct lexer tokens = {NULL, 0, 0};
    struct err err = {0};
    struct buf b = {0};
    size_t i, at = 0;
    char *out = NULL;

    if (is_bare(sql))
        return strdup(sql);
    if (lexer_read(sql, &tokens, &err) < 0)
        goto out;
    for (i = 0; i < tokens.count; i++) {
        const struct lexer_token *t = &tokens.items[i];
        const char *with = NULL;

        if (is_comment(sql + t->start, t->end - t->start))
            with = "";
        else if (is_string(sql + t->start, t->end - t->start))
            with = "'...'";
        if (with == NULL)
            continue;
        if (buf_add(&b, sql + at, t->start - at, &err) < 0 || buf_adds(&b, with, &err) < 0)
            goto out;
        at = t->end;
    }
    if (buf_adds(&b, sql + at, &err) < 0)
        goto out;
    out = buf_take(&b, &err);
out:
    lexer_free(&tokens);
    buf_free(&b);
    return out;
}

/* Every character of TOKEN becomes a dot, but for line breaks. */
static void blacken(char *out, const char *from, const char *to, size_t *at)
{
    for (; from < to; from++)
        if (*from == '\n' || *from == '\r' || *from == '\t')
            out[(*at)++] = *from;
        else if (((unsigned char)*from & 0xc0) != 0x80)
            out[(*at)++] = '.';
}

char *shown_mask(const char *sql)
{
    struct lexer tokens = {NULL, 0, 0};
    struct err err = {0};
    char *out = malloc(strlen(sql) + 1);
    size_t i, at = 0, to = 0;

    if (out == NULL || lexer_read(sql, &tokens, &err) < 0) {
        free(out);
        out = NULL;
        goto out;
    }
    for (i = 0; i < tokens.count; i++) {
        const struct lexer_token *t = &tokens.items[i];
        const char *p = sql + t->start;
        size_t n = t->end - t->start;

        memcpy(out + to, sql + at, t->start - at);
        to += t->start - at;
        at = t->end;
        if (is_comment(p, n) || is_string(p, n) || (*p >= '0' && *p <= '9')) {
            blacken(out, p, p + n, &to);
            continue;
        }
        memcpy(out + to, p, n);
        to += n;
    }
    memcpy(out + to, sql + at, strlen(sql + at) + 1);
out:
    lexer_free(&tokens);
    return out;
}

struct normal {
    const char *sql;
    char *out;
};

static void *normalize(void *arg)
{
    struct normal *n = arg;
    PgQueryNormalizeResult r = pg_query_normalize(n->sql);

    /* libpg_query replaces the constants of queries; those of DDL, function bodies and comments
     * are left to us. */
    if (r.error == NULL && r.normalized_query != NULL)
        n->out = without_strings(r.normalized_query);
    pg_query_free_normalize_result(r);
    return NULL;
}

char *shown_normalize(const char *sql)
{
    struct normal n = {sql, NULL};

    size_t len = strlen(sql);

    if (len <= DEEP_SHALLOW_BYTES)
        (void)normalize(&n);
    else if (len > PARSE_MAX || deep_run(normalize, &n) < 0)
        return NULL;
    return n.out;
}
