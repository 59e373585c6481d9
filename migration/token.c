#include "migration/token.h"

#include <stdlib.h>
#include <string.h>

#include "migration/source.h"

#define MAX_NESTING 100 /* brackets and f-strings; Python itself stops at 200 and 150 */

struct lexer {
    struct tokens *t;
    const char *s, *file;
    size_t at, len;
    int line;
    int depth;     /* of brackets */
    int fresh;     /* at the start of a logical line */
    size_t bol;    /* where the physical line starts */
    struct err *err;
};

static int is_letter(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80;
}

static int is_digit(unsigned char c)
{
    return c >= '0' && c <= '9';
}

static int peek(const struct lexer *l, size_t ahead)
{
    return l->at + ahead < l->len ? (unsigned char)l->s[l->at + ahead] : -1;
}

/* Step over a newline in any of its three spellings. */
static void newline(struct lexer *l)
{
    if (l->s[l->at] == '\r' && peek(l, 1) == '\n')
        l->at++;
    l->at++;
    l->line++;
    l->bol = l->at;
}

static int fail(struct lexer *l, int line, const char *what)
{
    return err_set(l->err, ERR_FAILED, "%s line %d: not Python: %s", l->file, line, what);
}

static struct token *push(struct lexer *l, enum token_kind kind, size_t start, size_t len, int line)
{
    struct tokens *t = l->t;
    struct token *k;

    if (t->count == t->cap) {
        size_t cap = t->cap > 0 ? t->cap * 2 : 1024;
        struct token *more = realloc(t->items, cap * sizeof(*more));

        if (more == NULL) {
            (void)err_oom(l->err);
            return NULL;
        }
        t->items = more;
        t->cap = cap;
    }
    k = &t->items[t->count++];
    memset(k, 0, sizeof(*k));
    k->kind = kind;
    k->start = start;
    k->len = len;
    k->line = line;
    if (l->fresh && kind != TOKEN_NEWLINE && kind != TOKEN_END) {
        k->flags |= TOKEN_FIRST;
        l->fresh = 0;
    }
    return k;
}

static int skip_string(struct lexer *l, int quotes, int format, int nesting);

/* Inside the braces of an f-string, up to and with the closing one.  Python 3.12 lets the same
 * quotes stand again inside; what older versions allow is a part of it. */
static int skip_field(struct lexer *l, int nesting)
{
    int depth = 0, line = l->line;

    if (nesting > MAX_NESTING)
        return fail(l, line, "f-strings nested too deep");
    while (l->at < l->len) {
        int c = peek(l, 0);

        if (c == '\'' || c == '"') {
            size_t back = l->at;
            int format = 0, quotes = peek(l, 1) == c && peek(l, 2) == c ? 3 : 1;

            while (back > 0 && is_letter((unsigned char)l->s[back - 1]) && l->at - back < 3) {
                back--;
                format |= l->s[back] == 'f' || l->s[back] == 'F';
            }
            if (skip_string(l, quotes, format, nesting + 1) != 0)
                return -1;
        } else if (c == '(' || c == '[' || c == '{') {
            depth++;
            l->at++;
        } else if (c == ')' || c == ']' || (c == '}' && depth > 0)) {
            depth--;
            l->at++;
        } else if (c == '}') {
            l->at++;
            return 0;
        } else if (c == ':' && depth <= 0) {
            /* the format: literal text with fields */
            l->at++;
            while (l->at < l->len && peek(l, 0) != '}') {
                if (peek(l, 0) == '\n' || peek(l, 0) == '\r') {
                    newline(l);
                } else if (l->s[l->at++] == '{' && skip_field(l, nesting + 1) != 0) {
                    return -1;
                }
            }
        } else if (c == '\n' || c == '\r') {
            newline(l);
        } else {
            l->at++;
        }
    }
    return fail(l, line, "an f-string's brace is not closed");
}

/* From the opening quote to behind the closing one. */
static int skip_string(struct lexer *l, int quotes, int format, int nesting)
{
    char quote = l->s[l->at];
    int line = l->line;

    l->at += (size_t)quotes;
    while (l->at < l->len) {
        char c = l->s[l->at];

        if (c == quote && (quotes == 1 || (peek(l, 1) == quote && peek(l, 2) == quote))) {
            l->at += (size_t)quotes;
            return 0;
        }
        if (c == '\\') {
            l->at++;
            if (l->at < l->len && (l->s[l->at] == '\n' || l->s[l->at] == '\r'))
                newline(l);
            else
                l->at++;
        } else if (c == '\n' || c == '\r') {
            if (quotes == 1)
                return fail(l, line, "a string is not closed on its line");
            newline(l);
        } else if (format && c == '{') {
            l->at++;
            if (peek(l, 0) == '{')
                l->at++;
            else if (skip_field(l, nesting + 1) != 0)
                return -1;
        } else {
            l->at++;
        }
    }
    return fail(l, line, "a string is not closed");
}

/* 1: a string literal with PREFIX letters starts here. */
static int at_string(const struct lexer *l, size_t *prefix, unsigned *flags)
{
    size_t n = 0;

    *flags = 0;
    while (n < 3 && peek(l, n) > 0) {
        int c = peek(l, n);

        if (c == '\'' || c == '"') {
            *prefix = n;
            return 1;
        }
        if (c == 'r' || c == 'R')
            *flags |= TOKEN_RAW;
        else if (c == 'b' || c == 'B')
            *flags |= TOKEN_BYTES;
        else if (c == 'f' || c == 'F' || c == 't' || c == 'T')
            *flags |= TOKEN_FORMAT;
        else if (c != 'u' && c != 'U')
            return 0;
        n++;
    }
    return 0;
}

static int column_of(const struct lexer *l, size_t at)
{
    int column = 0;

    for (size_t i = l->bol; i < at; i++) {
        if (l->s[i] == '\t')
            column = column / 8 * 8 + 8;
        else if (l->s[i] == '\f')
            column = 0;
        else
            column++;
    }
    return column;
}

static int lex_string(struct lexer *l, size_t prefix, unsigned flags)
{
    size_t start = l->at;
    int line = l->line, column = l->fresh ? column_of(l, start) : 0, quotes;
    struct token *k;

    l->at += prefix;
    quotes = peek(l, 1) == peek(l, 0) && peek(l, 2) == peek(l, 0) ? 3 : 1;
    if (skip_string(l, quotes, (flags & TOKEN_FORMAT) != 0, 0) != 0)
        return -1;
    k = push(l, TOKEN_STRING, start, l->at - start, line);
    if (k == NULL)
        return -1;
    k->flags |= flags;
    k->column = column;
    k->quotes = (unsigned char)quotes;
    k->prefix = (unsigned char)prefix;
    return 0;
}

static int lex_plain(struct lexer *l)
{
    static const char *const three[] = {"**=", "//=", "<<=", ">>=", "..."};
    static const char *const two[] = {"->", ":=", "==", "!=", "<=", ">=", "<>", "+=", "-=", "*=",
                                      "/=", "%=", "&=", "|=", "^=", "@=", "**", "//", "<<", ">>"};
    size_t start = l->at, n = 1;
    unsigned char c = (unsigned char)l->s[start];
    enum token_kind kind = TOKEN_OP;
    struct token *k;

    if (is_letter(c)) {
        kind = TOKEN_NAME;
        while (peek(l, n) >= 0 &&
               (is_letter((unsigned char)peek(l, n)) || is_digit((unsigned char)peek(l, n))))
            n++;
    } else if (is_digit(c) || (c == '.' && peek(l, 1) >= 0 && is_digit((unsigned char)peek(l, 1)))) {
        kind = TOKEN_NUMBER;
        while (peek(l, n) >= 0) {
            unsigned char d = (unsigned char)peek(l, n);

            if (!is_letter(d) && !is_digit(d) && d != '.' &&
                !((d == '+' || d == '-') && (l->s[start + n - 1] == 'e' || l->s[start + n - 1] == 'E') &&
                  l->s[start + 1] != 'x' && l->s[start + 1] != 'X'))
                break;
            n++;
        }
    } else {
        for (size_t i = 0; i < sizeof(three) / sizeof(three[0]) && n == 1; i++) {
            if (l->len - start >= 3 && memcmp(l->s + start, three[i], 3) == 0)
                n = 3;
        }
        for (size_t i = 0; i < sizeof(two) / sizeof(two[0]) && n == 1; i++) {
            if (l->len - start >= 2 && memcmp(l->s + start, two[i], 2) == 0)
                n = 2;
        }
        if (n == 1 && strchr("()[]{}:;,.=+-*/%@&|^~<>!`?$", c) == NULL)
            return fail(l, l->line, "an unexpected character");
        if (c == '(' || c == '[' || c == '{')
            l->depth++;
        else if (c == ')' || c == ']' || c == '}')
            l->depth--;
        if (l->depth < 0)
            return fail(l, l->line, "a bracket that was not opened");
        if (l->depth > 2 * MAX_NESTING)
            return fail(l, l->line, "brackets nested too deep");
    }
    {
        int column = l->fresh ? column_of(l, start) : 0;

        k = push(l, kind, start, n, l->line);
        if (k == NULL)
            return -1;
        k->column = column;
    }
    l->at += n;
    return 0;
}

static int end_line(struct lexer *l)
{
    if (!l->fresh && push(l, TOKEN_NEWLINE, l->at, 0, l->line) == NULL)
        return -1;
    l->fresh = 1;
    return 0;
}

static int lex(struct lexer *l)
{
    int open_line = 0;

    l->line = 1;
    l->fresh = 1;
    while (l->at < l->len) {
        char c = l->s[l->at];
        size_t prefix;
        unsigned flags;

        if (c == ' ' || c == '\t' || c == '\f') {
            l->at++;
        } else if (c == '\n' || c == '\r') {
            if (l->depth == 0 && end_line(l) != 0)
                return -1;
            newline(l);
        } else if (c == '#') {
            while (l->at < l->len && l->s[l->at] != '\n' && l->s[l->at] != '\r')
                l->at++;
        } else if (c == '\\' && (peek(l, 1) == '\n' || peek(l, 1) == '\r')) {
            l->at++;
            newline(l);
        } else if (at_string(l, &prefix, &flags)) {
            if (lex_string(l, prefix, flags) != 0)
                return -1;
        } else {
            int depth = l->depth;

            if (lex_plain(l) != 0)
                return -1;
            if (depth == 0 && l->depth == 1)
                open_line = l->line;
        }
    }
    if (l->depth > 0)
        return fail(l, open_line, "a bracket is not closed");
    if (end_line(l) != 0 || push(l, TOKEN_END, l->len, 0, l->line) == NULL)
        return -1;
    return 0;
}

int tokens_read(struct tokens *t, const char *text, size_t len, const char *file, struct err *err)
{
    struct lexer l = {0};

    t->count = 0;
    buf_reset(&t->text);
    if (source_read(&t->text, text, len, file, err) != 0)
        return -1;
    l.t = t;
    l.s = t->text.data;
    l.len = t->text.len;
    l.file = file;
    l.err = err;
    return lex(&l);
}

void tokens_free(struct tokens *t)
{
    free(t->items);
    buf_free(&t->text);
    memset(t, 0, sizeof(*t));
}

int token_opens(const struct tokens *t, const struct token *k)
{
    char c = t->text.data[k->start];

    return k->kind == TOKEN_OP && k->len == 1 && (c == '(' || c == '[' || c == '{');
}

int token_closes(const struct tokens *t, const struct token *k)
{
    char c = t->text.data[k->start];

    return k->kind == TOKEN_OP && k->len == 1 && (c == ')' || c == ']' || c == '}');
}

int token_ends(const struct token *k)
{
    return k->kind == TOKEN_NEWLINE || k->kind == TOKEN_END;
}

const struct token *token_line_end(const struct token *k)
{
    while (!token_ends(k))
        k++;
    return k;
}
