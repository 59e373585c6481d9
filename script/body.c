#include "script/body.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/buf.h"
#include "script/lexer.h"
#include "script/node.h"
#include "script/parse.h"
#include "script/statement.h"

struct search {
    const struct body_word *word;
    int relation, column, routine; /* named by the statement at hand */
    int found;                     /* by any */
    int dynamic;                   /* SQL is put together at run time */
    int unread;                    /* some of it does not parse */
};

/* ---- words ---- */

/* Does WORD stand in TEXT, on its own? */
static int has_word(const char *text, const char *word)
{
    size_t n = strlen(word);
    const char *p;

    for (p = text; n > 0 && *p != '\0'; p++) {
        unsigned char before = p == text ? ' ' : (unsigned char)p[-1], after;

        if (strncasecmp(p, word, n) != 0)
            continue;
        after = (unsigned char)p[n];
        if (!isalnum(before) && before != '_' && !isalnum(after) && after != '_')
            return 1;
    }
    return 0;
}

/* Outside of comments. */
static int mentions(const char *source, const struct body_word *word)
{
    struct lexer tokens = {0};
    struct err err = {0};
    int relation = word->row, column = word->column == NULL;
    size_t i;

    if (lexer_read(source, &tokens, &err) < 0)
        return has_word(source, word->relation) &&
               (word->column == NULL || has_word(source, word->column));
    for (i = 0; i < tokens.count; i++) {
        const char *p = source + tokens.items[i].start;
        char *text = strndup(p, tokens.items[i].end - tokens.items[i].start);

        if (text == NULL)
            break;
        if (strncmp(text, "--", 2) != 0 && strncmp(text, "/*", 2) != 0) {
            relation |= has_word(text, word->relation);
            column |= word->column != NULL && has_word(text, word->column);
        }
        free(text);
    }
    lexer_free(&tokens);
    return relation && column;
}

/* ---- SQL ---- */

static int assigns(const json_t *list, const char *column)
{
    size_t i;

    for (i = 0; i < node_count(list); i++)
        if (node_is(node_as(node_at(list, i), "ResTarget"), "name", column))
            return 1;
    return 0;
}

static int same_relation(const json_t *rangevar, const struct body_word *w)
{
    const char *schema = node_name(rangevar, "schemaname");

    return node_is(rangevar, "relname", w->relation) &&
           (schema == NULL || w->schema == NULL || strcmp(schema, w->schema) == 0);
}

static int visit(const char *kind, const json_t *body, void *arg)
{
    struct search *s = arg;
    const struct body_word *w = s->word;
    const char *schema, *name;

    if (strcmp(kind, "FuncCall") == 0 && w->routine) {
        node_qualified(node_get(body, "funcname"), &schema, &name);
        s->routine |= name != NULL && strcmp(name, w->relation) == 0 &&
                      (schema == NULL || w->schema == NULL || strcmp(schema, w->schema) == 0);
    } else if (strcmp(kind, "RangeVar") == 0) {
        s->relation |= same_relation(body, w);
    } else if (strcmp(kind, "ColumnRef") == 0 && w->column != NULL) {
        const json_t *fields = node_get(body, "fields");
        const char *first = node_string(node_at(fields, 0)),
                   *last = node_string(node_at(fields, node_count(fields) - 1));

        if (last == NULL || strcmp(last, w->column) != 0)
            return 0;
        s->column = 1;
        if (w->row && node_count(fields) == 2 && first != NULL &&
            (strcasecmp(first, "new") == 0 || strcasecmp(first, "old") == 0))
            s->relation = 1;
    } else if (strcmp(kind, "InsertStmt") == 0 || strcmp(kind, "UpdateStmt") == 0 ||
               strcmp(kind, "DeleteStmt") == 0 || strcmp(kind, "MergeStmt") == 0) {
        s->relation |= same_relation(node_get(body, "relation"), w);
        if (w->column != NULL)
            s->column |= assigns(node_get(body, "cols"), w->column) ||
                         (strcmp(kind, "UpdateStmt") == 0 &&
                          assigns(node_get(body, "targetList"), w->column)) ||
                         assigns(node_get(node_get(body, "onConflictClause"), "targetList"), w->column);
    }
    return 0;
}

static void look(struct search *s, const json_t *tree)
{
    s->relation = s->column = s->routine = 0;
    node_walk(tree, visit, s);
    s->found |= s->word->routine ? s->routine
                                 : s->relation && (s->word->column == NULL || s->column);
}

/* One statement or expression; 0: it does not parse. */
static int look_at(struct search *s, const char *before, const char *sql)
{
    struct parse_item item = {0};
    struct err err = {0};
    struct buf b = {0};
    int ok = 0;

    if (buf_addf(&b, &err, "%s%s", before, sql) == 0) {
        item.text = b.data;
        item.len = b.len;
        if (parse_all(&item, 1, &err) == 0 && item.tree != NULL) {
            look(s, item.tree);
            ok = 1;
        }
    }
    json_decref(item.tree);
    free(item.problem);
    buf_free(&b);
    return ok;
}

static void look_at_sql(struct search *s, const char *source)
{
    struct err err = {0};
    struct script *script = script_read(source, strlen(source), "body", SCRIPT_WHOLE, &err);
    size_t i;

    if (script == NULL) {
        s->unread = 1;
        return;
    }
    for (i = 0; i < script->count; i++) {
        if (script->statements[i].tree == NULL)
            s->unread = 1;
        else
            look(s, script->statements[i].tree);
    }
    script_free(script);
}

/* ---- PL/pgSQL ---- */

static int visit_plpgsql(const char *kind, const json_t *body, void *arg)
{
    struct search *s = arg;
    const char *text, *value;

    s->dynamic |= strstr(kind, "dyn") != NULL;
    if (strcmp(kind, "PLpgSQL_type") == 0) {
        /* users.phone%TYPE, users%ROWTYPE */
        text = node_text(body, "typname");
        if (strchr(text, '%') != NULL && has_word(text, s->word->relation) &&
            (s->word->column == NULL || has_word(text, s->word->column)))
            s->found |= !s->word->routine;
    }
    if (strcmp(kind, "PLpgSQL_expr") != 0)
        return 0;
    text = node_text(body, "query");
    if (look_at(s, "", text) || look_at(s, "SELECT ", text))
        return 0;
    /* target := value */
    value = strstr(text, ":=");
    if (value == NULL || !look_at(s, "SELECT ", value + 2))
        s->unread = 1;
    else if (s->word->row && s->word->column != NULL) {
        char *target = strndup(text, (size_t)(value - text));

        s->found |= target != NULL && (has_word(target, "new") || has_word(target, "old")) &&
                    has_word(target, s->word->column);
        free(target);
    }
    return 0;
}

enum body_answer body_names(const struct body *body, const struct body_word *word)
{
    struct search s = {.word = word};
    json_t *tree;

    if (strcmp(body->language, "sql") == 0) {
        look_at_sql(&s, body->source);
    } else if (strcmp(body->language, "plpgsql") == 0 && body->create != NULL &&
               (tree = parse_plpgsql(body->create)) != NULL) {
        node_walk(tree, visit_plpgsql, &s);
        json_decref(tree);
    } else {
        s.unread = 1;
    }
    if (s.found)
        return BODY_YES;
    return (s.unread || s.dynamic) && mentions(body->source, word) ? BODY_MAYBE : BODY_NO;
}
