#include "script/block.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "script/effect.h"
#include "script/lexer.h"
#include "script/node.h"
#include "script/parse.h"
#include "script/statement.h"

/* A piece of SQL in the text that is put together. */
struct piece {
    size_t end; /* in that text */
    int line;   /* in the file */
};

struct reading {
    const struct statement *st;
    struct block *out;
    const char *at; /* in the DO's text: pieces come in its order, as a rule */
    struct buf text;
    struct piece *pieces;
    size_t n;
    int failed;
    struct err *err;
};

/* The line of SQL in the file: it stands in the block word for word. */
static int line_of(struct reading *r, const char *sql)
{
    const char *found = strstr(r->at, sql), *p;
    int line = r->st->line;

    if (found == NULL)
        found = strstr(r->st->text, sql);
    if (found == NULL)
        return line;
    r->at = found;
    for (p = r->st->text; p < found; p++)
        line += *p == '\n';
    return line;
}

static void add(struct reading *r, const char *before, const char *sql, int line)
{
    struct piece *grown;

    if (r->failed)
        return;
    grown = realloc(r->pieces, (r->n + 1) * sizeof(*grown));
    if (grown == NULL) {
        (void)err_oom(r->err);
        r->failed = 1;
        return;
    }
    r->pieces = grown;
    /* SQL may end in a comment. */
    if (buf_addf(&r->text, r->err, "%s%s\n;\n", before, sql) < 0) {
        r->failed = 1;
        return;
    }
    grown[r->n++] = (struct piece){r->text.len, line};
}

/* Does it parse, as one statement? */
static int reads(const char *before, const char *sql)
{
    struct parse_item item = {0};
    struct err err = {0};
    struct buf b = {0};
    int ok = 0;

    if (buf_addf(&b, &err, "%s%s", before, sql) == 0) {
        item.text = b.data;
        item.len = b.len;
        ok = parse_all(&item, 1, &err) == 0 && item.tree != NULL;
    }
    json_decref(item.tree);
    free(item.problem);
    buf_free(&b);
    return ok;
}

/* An expression, or target := expression. */
static void expression(struct reading *r, const char *sql)
{
    const char *value = strstr(sql, ":=");

    if (reads("SELECT ", sql))
        add(r, "SELECT ", sql, line_of(r, sql));
    else if (value != NULL && reads("SELECT ", value + 2))
        add(r, "SELECT ", value + 2, line_of(r, sql));
    else if (reads("", sql))
        add(r, "", sql, line_of(r, sql));
    else
        r->out->unread = 1;
}

/* EXECUTE 'literal' runs just that. */
static int literal(struct reading *r, const char *sql)
{
    struct parse_item item = {0};
    struct err err = {0};
    struct buf b = {0};
    const json_t *target, *constant;
    struct lexer tokens = {0};
    const char *text = NULL;

    if (buf_addf(&b, &err, "SELECT %s", sql) == 0) {
        item.text = b.data;
        item.len = b.len;
        if (parse_all(&item, 1, &err) == 0 && item.tree != NULL) {
            target = node_as(node_at(node_get(node_as(item.tree, "SelectStmt"), "targetList"), 0), "ResTarget");
            constant = node_as(node_get(target, "val"), "A_Const");
            text = node_name(node_get(constant, "sval"), "sval");
        }
    }
    /* An open quote would swallow what follows. */
    if (text != NULL && lexer_read(text, &tokens, &err) < 0)
        r->out->unread = 1;
    else if (text != NULL)
        add(r, "", text, line_of(r, sql));
    lexer_free(&tokens);
    json_decref(item.tree);
    free(item.problem);
    buf_free(&b);
    return text != NULL;
}

static const char *query_of(const json_t *body, const char *key)
{
    return node_text(node_as(node_get(body, key), "PLpgSQL_expr"), "query");
}

static int visit(const char *kind, const json_t *body, void *arg)
{
    struct reading *r = arg;

    if (strcmp(kind, "PLpgSQL_stmt_execsql") == 0) {
        const char *sql = query_of(body, "sqlstmt");

        add(r, "", sql, line_of(r, sql));
        return 1;
    }
    if (strcmp(kind, "PLpgSQL_stmt_dynexecute") == 0 && literal(r, query_of(body, "query")))
        return 1;
    /* EXECUTE, FOR ... IN EXECUTE, OPEN ... FOR EXECUTE, RETURN QUERY EXECUTE. */
    if (strstr(kind, "dyn") != NULL || node_get(body, "dynquery") != NULL)
        r->out->dynamic = 1;
    if (strcmp(kind, "PLpgSQL_expr") == 0)
        expression(r, node_text(body, "query"));
    return 0;
}

static int declares(const json_t *tree)
{
    const json_t *datums = node_get(node_as(json_array_get(tree, 0), "PLpgSQL_function"), "datums");
    static const char *const own[] = {"found", "sqlstate", "sqlerrm"};
    size_t i, k;

    for (i = 0; i < node_count(datums); i++) {
        const json_t *body = node_body(node_at(datums, i));

        for (k = 0; k < sizeof(own) / sizeof(own[0]); k++)
            if (node_is(body, "refname", own[k]))
                break;
        if (k == sizeof(own) / sizeof(own[0]))
            return 1;
    }
    return 0;
}

static int is_plpgsql(const json_t *body)
{
    const json_t *args = node_get(body, "args");
    size_t i;

    for (i = 0; i < node_count(args); i++) {
        const json_t *option = node_as(node_at(args, i), "DefElem");

        if (node_is(option, "defname", "language"))
            return node_string(node_get(option, "arg")) != NULL &&
                   strcmp(node_string(node_get(option, "arg")), "plpgsql") == 0;
    }
    return 1;
}

struct block *block_read(const struct statement *st, struct err *err)
{
    struct reading r = {.st = st, .at = st->text, .err = err};
    json_t *tree = NULL;
    struct err why = {0};
    size_t i, k;
    int rc = -1;

    if (!is_plpgsql(node_as(st->tree, "DoStmt")) || (tree = parse_plpgsql(st->text)) == NULL)
        return NULL;
    if ((r.out = calloc(1, sizeof(*r.out))) == NULL) {
        (void)err_oom(err);
        goto out;
    }
    r.out->variables = declares(tree);
    node_walk(json_array_get(tree, 0), visit, &r);
    if (r.failed)
        goto out;
    r.out->script = script_read(r.text.data == NULL ? "" : r.text.data, r.text.len, st->file, SCRIPT_WHOLE, &why);
    if (r.out->script == NULL) {
        r.out->unread = 1;
        r.out->script = script_read("", 0, st->file, SCRIPT_WHOLE, err);
    }
    if (r.out->script == NULL)
        goto out;
    for (i = k = 0; i < r.out->script->count; i++) {
        struct statement *s = &r.out->script->statements[i];

        while (k + 1 < r.n && s->offset >= r.pieces[k].end)
            k++;
        s->line = r.pieces[k].line;
        /* What follows COPY FROM STDIN was taken for rows. */
        r.out->unread |= s->copy_data != NULL;
    }
    rc = 0;
out:
    json_decref(tree);
    buf_free(&r.text);
    free(r.pieces);
    if (rc < 0) {
        block_free(r.out);
        return NULL;
    }
    return r.out;
}

int block_writes(const struct block *b)
{
    size_t i;
    int n = 0;

    for (i = 0; i < b->effects->count; i++) {
        enum effect_kind kind = b->effects->items[i].kind;

        n += kind == EFFECT_INSERT || kind == EFFECT_UPDATE || kind == EFFECT_DELETE || kind == EFFECT_MERGE ||
             kind == EFFECT_COPY_IN || kind == EFFECT_OPAQUE || kind == EFFECT_UNKNOWN;
    }
    return n;
}

void block_free(struct block *b)
{
    if (b == NULL)
        return;
    effects_free(b->effects);
    script_free(b->script);
    free(b);
}
