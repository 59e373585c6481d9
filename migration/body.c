#include "migration/body.h"

#include <string.h>

#include "migration/revision.h"
#include "migration/token.h"

/* What a token of a function's body tells. */
static void look(const struct tokens *t, struct revision_function *f, const struct token *k)
{
    static const char *const live[] = {"get_bind", "inspect", "Session", "sessionmaker",
                                       "fetchall", "fetchone", "scalar", "scalars", "reflect",
                                       "autoload_with", "autoload",
                                       "raw_connection"};

    if (k->kind == TOKEN_STRING && f->autocommit_line == 0) {
        static const char word[] = "CONCURRENTLY";

        for (size_t i = 0; i + sizeof(word) - 1 <= k->len; i++) {
            if (memcmp(t->text.data + k->start + i, word, sizeof(word) - 1) == 0)
                f->autocommit_line = k->line;
        }
    }
    if (k->kind != TOKEN_NAME)
        return;
    for (size_t i = 0; i < sizeof(live) / sizeof(live[0]) && f->bind == NULL; i++) {
        if (token_is(t, k, live[i])) {
            f->bind = live[i];
            f->bind_line = k->line;
        }
    }
    if (token_is(t, k, "get_context") && f->bind == NULL && token_is(t, k + 1, "(") && token_is(t, k + 2, ")") &&
        k[2].kind == TOKEN_OP && token_is(t, k + 3, ".") &&
        (token_is(t, k + 4, "connection") || token_is(t, k + 4, "bind"))) {
        f->bind = "get_context().connection";
        f->bind_line = k->line;
    }
    if (token_is(t, k, "autocommit_block") && f->autocommit_line == 0)
        f->autocommit_line = k->line;
    if (token_is(t, k, "postgresql_concurrently") && f->autocommit_line == 0 && token_is(t, k + 1, "=") &&
        token_is(t, k + 2, "True"))
        f->autocommit_line = k->line;
    if (token_is(t, k, "print") && token_is(t, k + 1, "(") && f->print_line == 0)
        f->print_line = k->line;
    if (token_is(t, k, "input") && token_is(t, k + 1, "(") && f->input_line == 0)
        f->input_line = k->line;
    if (token_is(t, k, "drop_constraint") && token_is(t, k + 1, "(") && token_is(t, k + 2, "None") &&
        f->unnamed_line == 0)
        f->unnamed_line = k->line;
}

/* K..END calls something; what is inside an f-string is code too. */
static int calls(const struct tokens *t, const struct token *k, const struct token *end)
{
    for (; k < end; k++) {
        if (token_is(t, k, "(") || (k->kind == TOKEN_STRING && (k->flags & TOKEN_FORMAT) != 0 &&
                                    memchr(t->text.data + k->start, '(', k->len) != NULL))
            return 1;
    }
    return 0;
}

/* K..END is one simple statement: does it do nothing at all? */
static int does_nothing(const struct tokens *t, const struct token *k, const struct token *end)
{
    const struct token *m = k;

    if (k == end || token_is(t, k, "global") || token_is(t, k, "nonlocal"))
        return 1;
    if (end - k == 1 && (token_is(t, k, "pass") || token_is(t, k, "...") || token_is(t, k, "None")))
        return 1;
    while (m < end && m->kind == TOKEN_STRING)
        m++;
    if (m == end)
        return !calls(t, k, end);
    /* print("cannot be undone") alone; what it prints may be what op.execute() returns */
    if (token_is(t, k, "print") && token_is(t, k + 1, "(") && token_is(t, end - 1, ")"))
        return !calls(t, k + 2, end);
    return token_is(t, k, "import") || token_is(t, k, "from");
}

static int always_raises(const struct tokens *t, const struct token *k, const struct token *end)
{
    if (token_is(t, k, "raise"))
        return 1;
    return token_is(t, k, "assert") && end - k >= 2 &&
           (token_is(t, k + 1, "False") || token_is(t, k + 1, "None") ||
            (k[1].kind == TOKEN_NUMBER && k[1].len == 1 && t->text.data[k[1].start] == '0')) &&
           (end - k == 2 || token_is(t, k + 2, ","));
}

/* The statements of one line of a suite.  *OVER: return or raise was reached on every path. */
static void read_suite_line(const struct tokens *t, struct revision_function *f,
                            const struct token *k, const struct token *end, int *code, int *over)
{
    while (k < end && !*over) {
        const struct token *stop = k;
        int depth = 0;

        for (; stop < end; stop++) {
            if (token_opens(t, stop))
                depth++;
            else if (token_closes(t, stop))
                depth--;
            else if (depth == 0 && token_is(t, stop, ";"))
                break;
        }
        if (always_raises(t, k, stop)) {
            f->body = BODY_RAISES;
            f->raise_line = k->line;
            *over = 1;
        } else if (token_is(t, k, "return")) {
            if (stop - k > 1 && !(stop - k == 2 && token_is(t, k + 1, "None")))
                *code = 1;
            *over = 1;
        } else if (!does_nothing(t, k, stop)) {
            *code = 1;
        }
        k = stop + (stop < end);
    }
}

const struct token *body_read(const struct tokens *t, struct revision_function *f,
                              const struct token *k, const struct token *def)
{
    const struct token *end = token_line_end(k), *colon = NULL, *m;
    int indent = k->column, depth = 0, code = 0, over = 0, body_indent = -1;

    memset(f, 0, sizeof(*f));
    f->line = def->line;
    f->end_line = end->line;
    f->body = BODY_EMPTY;
    for (m = def; m < end && colon == NULL; m++) {
        if (token_opens(t, m))
            depth++;
        else if (token_closes(t, m))
            depth--;
        else if (depth == 0 && token_is(t, m, ":"))
            colon = m;
    }
    for (m = k; m < end; m++)
        look(t, f, m);
    if (colon != NULL && colon + 1 < end)
        read_suite_line(t, f, colon + 1, end, &code, &over);
    while (end->kind != TOKEN_END) {
        const struct token *line = end + 1;

        if (line->kind == TOKEN_END || line->column <= indent) {
            end = line;
            break;
        }
        end = token_line_end(line);
        f->end_line = end->line;
        for (m = line; m < end; m++)
            look(t, f, m);
        if (body_indent < 0)
            body_indent = line->column;
        if (over)
            continue;
        if (line->column > body_indent)
            code |= !does_nothing(t, line, end);
        else if (token_is(t, end - 1, ":") || token_is(t, line, "if") || token_is(t, line, "for") ||
                 token_is(t, line, "while") || token_is(t, line, "with") || token_is(t, line, "try") ||
                 token_is(t, line, "except") || token_is(t, line, "else") || token_is(t, line, "elif") ||
                 token_is(t, line, "finally") || token_is(t, line, "def") || token_is(t, line, "class") ||
                 token_is(t, line, "async"))
            code = 1;
        else
            read_suite_line(t, f, line, end, &code, &over);
    }
    if (f->body != BODY_RAISES && code)
        f->body = BODY_CODE;
    return end;
}
