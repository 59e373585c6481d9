#include "validate/pick.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/strings.h"
#include "pg/catalog.h"
#include "pg/quote.h"
#include "script/block.h"
#include "script/closure.h"
#include "script/deparse.h"
#include "script/effect.h"
#include "script/node.h"
#include "script/statement.h"
#include "validate/cost.h"
#include "validate/inquiry.h"
#include "validate/probe.h"

#define CTES_MAX 32

struct search {
    const json_t *body;     /* the statement itself, in its WITH */
    const char *names[CTES_MAX]; /* of WITH queries that write, or read one that does */
    size_t n;
    int found, writes, reads_written;
};

static int visit(const char *kind, const json_t *body, void *arg)
{
    struct search *s = arg;
    size_t i;

    s->found |= body == s->body;
    s->writes |= strcmp(kind, "InsertStmt") == 0 || strcmp(kind, "UpdateStmt") == 0 ||
                 strcmp(kind, "DeleteStmt") == 0 || strcmp(kind, "MergeStmt") == 0;
    for (i = 0; strcmp(kind, "RangeVar") == 0 && i < s->n; i++)
        s->reads_written |= node_name(body, "schemaname") == NULL &&
                            node_is(body, "relname", s->names[i]);
    return 0;
}

/* One WITH query: printed, unless it writes or reads one that does. */
static int add_cte(struct inquiry *q, const struct effect *e, const json_t *cte, struct search *s,
                   int recursive, struct buf *with, struct pick *out)
{
    const json_t *body = node_as(cte, "CommonTableExpr");
    char *sql;
    int rc;

    s->writes = s->reads_written = 0;
    /* The CTE's own name is one of its RangeVars where it is recursive. */
    node_walk(body, visit, s);
    if (s->writes || s->reads_written) {
        if (s->n < CTES_MAX)
            s->names[s->n++] = node_text(body, "ctename");
        else
            out->bound = "it has more WITH queries than are followed";
        return 0;
    }
    if ((sql = deparse_cte(e->statement->text, e->statement->tree, cte)) == NULL) {
        out->bound = "its WITH cannot be printed";
        return 0;
    }
    rc = buf_addf(with, q->err, "%s%s",
                  with->len > 0 ? ", "
                  : recursive   ? "WITH RECURSIVE "
                                : "WITH ",
                  sql);
    free(sql);
    return rc;
}

/* The WITH queries that E's node sees: its own, and those before it in the WITH that it stands in. */
static int add_with(struct inquiry *q, const struct effect *e, struct search *s, struct pick *out)
{
    const json_t *top = node_body(e->statement->tree), *clause;
    struct buf with = {0};
    size_t i;
    int rc = -1;

    if (top != e->node) {
        clause = node_get(top, "withClause");
        s->body = e->node;
        for (i = 0; i < node_count(node_get(clause, "ctes")); i++) {
            const json_t *cte = node_at(node_get(clause, "ctes"), i);

            s->found = 0;
            node_walk(node_as(cte, "CommonTableExpr"), visit, s);
            if (s->found)
                break;
            if (add_cte(q, e, cte, s, node_true(clause, "recursive"), &with, out) < 0)
                goto out;
        }
        if (!s->found)
            out->bound = "it stands inside another statement";
    }
    clause = node_get(e->node, "withClause");
    for (i = 0; i < node_count(node_get(clause, "ctes")); i++)
        if (add_cte(q, e, node_at(node_get(clause, "ctes"), i), s, node_true(clause, "recursive"),
                    &with, out) < 0)
            goto out;
    if (with.len > 0 && buf_addc(&with, ' ', q->err) < 0)
        goto out;
    if (with.len == 0 && buf_adds(&with, "", q->err) < 0)
        goto out;
    rc = (out->with = buf_take(&with, q->err)) == NULL ? -1 : 0;
out:
    buf_free(&with);
    return rc;
}

static int add_from(struct inquiry *q, const struct effect *e, const json_t *item, struct buf *from,
                    struct pick *out)
{
    char *sql = deparse_from(e->statement->text, e->statement->tree, item);
    int rc = 0;

    if (sql == NULL)
        out->bound = "what it is joined with cannot be printed";
    else
        rc = buf_addf(from, q->err, "%s%s", from->len > 0 ? ", " : "", sql);
    free(sql);
    return rc;
}

static int add_sources(struct inquiry *q, const struct effect *e, struct pick *out)
{
    const json_t *list = node_get(e->node, e->kind == EFFECT_DELETE ? "usingClause" : "fromClause");
    struct buf from = {0};
    size_t i;
    int rc = -1;

    for (i = 0; e->kind != EFFECT_MERGE && i < node_count(list); i++)
        if (add_from(q, e, node_at(list, i), &from, out) < 0)
            goto out;
    if (e->kind == EFFECT_MERGE &&
        add_from(q, e, node_get(e->node, "sourceRelation"), &from, out) < 0)
        goto out;
    if (from.len > 0 && (out->from = buf_take(&from, q->err)) == NULL)
        goto out;
    rc = 0;
out:
    buf_free(&from);
    return rc;
}

struct mention {
    const struct inquiry *q;
    uint32_t oid;
    int sets; /* it is an UPDATE */
    int found;
};

static int any_retyped(const struct inquiry *q, uint32_t oid)
{
    char prefix[16];
    size_t i;

    (void)snprintf(prefix, sizeof(prefix), "%u.", oid);
    for (i = 0; i < strings_count(q->past.retyped); i++)
        if (strncmp(q->past.retyped[i], prefix, strlen(prefix)) == 0)
            return 1;
    for (i = 0; i < strings_count(q->past.replaced); i++)
        if (strncmp(q->past.replaced[i], prefix, strlen(prefix)) == 0)
            return 1;
    return 0;
}

/* Columns stand in a ColumnRef or after USING as String, in a SET list or before VALUES as ResTarget,
 * in an index as IndexElem. */
static int mentions(const char *kind, const json_t *body, void *arg)
{
    struct mention *m = arg;
    const char *name = strcmp(kind, "String") == 0 ? node_name(body, "sval")
                       : strcmp(kind, "ResTarget") == 0 || strcmp(kind, "IndexElem") == 0
                           ? node_name(body, "name")
                           : NULL;

    if (strcmp(kind, "A_Star") == 0 || (name != NULL && inquiry_past(m->q, m->q->past.retyped, m->oid, name)))
        m->found |= PICK_RETYPED;
    /* What UPDATE sets is followed by name. */
    if (name != NULL && !(m->sets && strcmp(kind, "ResTarget") == 0) &&
        inquiry_past(m->q, m->q->past.replaced, m->oid, name))
        m->found |= PICK_REPLACED;
    return 0;
}

int pick_retyped(const struct inquiry *q, uint32_t oid, const char *column, const json_t *node)
{
    int depth;

    /* A change of type goes on to the partitions. */
    for (depth = 0; oid != 0 && depth < 8; depth++) {
        const struct catalog_table *t = inquiry_table_by_oid(q, oid);
        struct mention m = {q, oid, node_get(node, "targetList") != NULL, 0};

        if (any_retyped(q, oid)) {
            if (column != NULL && inquiry_past(q, q->past.retyped, oid, column))
                return PICK_RETYPED;
            node_walk(node, mentions, &m);
            if (m.found)
                return m.found;
        }
        oid = t == NULL ? 0 : t->parent;
    }
    return 0;
}

struct wording {
    char **labels;
    int found;
};

static int says_label(const char *kind, const json_t *body, void *arg)
{
    struct wording *w = arg;
    const char *said = strcmp(kind, "A_Const") == 0 ? node_name(node_get(body, "sval"), "sval") : NULL;

    w->found |= said != NULL && strings_find(w->labels, said) >= 0;
    return 0;
}

/* An enum label that the script makes is an error to the server as it is now. */
static int new_label(const struct inquiry *q, const struct effect *e)
{
    struct wording w = {q->past.labels, 0};

    if (w.labels != NULL)
        node_walk(e->statement->tree, says_label, &w);
    return w.found;
}

/* Does E read or set what has another type by then?  Without a list of columns INSERT sets them all. */
static int retyped(const struct inquiry *q, const struct effect *e)
{
    const json_t *top = node_body(e->statement->tree);
    uint32_t oid = closure_relation(q->closure, e);
    int found;
    size_t i;

    if (q->past.retyped == NULL && q->past.replaced == NULL)
        return 0;
    found = pick_retyped(q, oid, e->column_on_server != NULL ? e->column_on_server : e->column, e->node);
    if (found == 0 && e->kind == EFFECT_INSERT && node_get(e->node, "cols") == NULL && any_retyped(q, oid))
        found = PICK_RETYPED;
    if (found != 0)
        return found;
    for (i = 0; q->steps[q->step] != NULL && i < q->steps[q->step]->count; i++) {
        const struct effect *x = &q->steps[q->step]->items[i];

        if (x->kind == EFFECT_READ && x->statement == e->statement &&
            (found = pick_retyped(q, closure_relation(q->closure, x), NULL, top)) != 0)
            return found;
    }
    return 0;
}

/* Does E's statement read a table that an earlier statement writes, or under another search path? */
static void look_around(struct inquiry *q, const struct effect *e, struct pick *out)
{
    size_t i, k;
    int path = 0;

    for (i = 0; i <= q->step; i++)
        for (k = 0; q->steps[i] != NULL && k < q->steps[i]->count; k++) {
            const struct effect *x = &q->steps[i]->items[k];
            uint32_t oid;

            if (i == q->step && x->statement->index > e->statement->index)
                return;
            if (x->kind == EFFECT_SET && x->detail != NULL && strcmp(x->detail, "search_path") == 0)
                path = 1;
            if (x->kind != EFFECT_READ || x->statement != e->statement)
                continue;
            oid = closure_relation(q->closure, x);
            if (oid != 0 && inquiry_past(q, q->past.written, oid, NULL))
                out->shaken = 1;
            if (path && x->schema == NULL)
                out->bound = "the script sets search_path before it";
        }
}

int pick_find(struct inquiry *q, const struct effect *e, struct pick *out)
{
    const json_t *condition =
        node_get(e->node, e->kind == EFFECT_MERGE ? "joinCondition" : "whereClause");
    struct search s = {0};
    int found;

    memset(out, 0, sizeof(*out));
    if (add_with(q, e, &s, out) < 0 || add_sources(q, e, out) < 0) {
        q->failed = 1;
        return -1;
    }
    if (condition != NULL && (out->where = deparse_expression(
                                  e->statement->text, e->statement->tree, condition)) == NULL)
        out->bound = "its condition cannot be printed";
    s.reads_written = 0;
    node_walk(node_get(e->node, "usingClause"), visit, &s);
    node_walk(node_get(e->node, "fromClause"), visit, &s);
    node_walk(node_get(e->node, "sourceRelation"), visit, &s);
    node_walk(node_get(e->node, "selectStmt"), visit, &s);
    node_walk(node_get(e->node, "targetList"), visit, &s);
    node_walk(node_get(e->node, "mergeWhenClauses"), visit, &s);
    node_walk(condition, visit, &s);
    if (s.reads_written)
        out->bound = "it reads what a WITH of the same statement writes";
    if (cost_volatile(q, condition) || cost_volatile(q, node_get(e->node, "usingClause")) ||
        cost_volatile(q, node_get(e->node, "fromClause")) ||
        cost_volatile(q, node_get(e->node, "sourceRelation")) ||
        cost_volatile(q, node_get(e->node, "selectStmt")) ||
        cost_volatile(q, node_get(node_body(e->statement->tree), "withClause")) ||
        cost_volatile(q, node_get(e->node, "withClause")))
        out->bound = "it calls a volatile function";
    /* Its variables, and what it writes before, decide which rows are meant. */
    if (q->within != NULL && (q->within->block->variables || q->opaque_before ||
                              block_writes(q->within->block) > 1))
        out->bound = "the DO block decides which rows";
    look_around(q, e, out);
    if (new_label(q, e)) {
        out->retyped = 1;
        out->bound = "it names an enum value that is added before";
    }
    if ((found = retyped(q, e)) != 0) {
        out->retyped = 1;
        out->bound = (found & PICK_RETYPED) != 0 ? "a column that it reads or sets changes its type before"
                                                 : "a column that it reads is renamed or made anew before";
    }
    return 0;
}

void pick_free(struct pick *p)
{
    free(p->with);
    free(p->from);
    free(p->where);
    memset(p, 0, sizeof(*p));
}

char *pick_condition(struct inquiry *q, const struct pick *p)
{
    struct buf b = {0};
    char *out = NULL;

    if (p->from == NULL && p->where == NULL)
        return NULL;
    if ((p->from == NULL ? buf_adds(&b, p->where, q->err)
                         : buf_addf(&b, q->err, "EXISTS (SELECT 1 FROM %s%s%s)", p->from,
                                    p->where == NULL ? "" : " WHERE ",
                                    p->where == NULL ? "" : p->where)) < 0 ||
        (out = buf_take(&b, q->err)) == NULL)
        q->failed = 1;
    buf_free(&b);
    return out;
}

const char *pick_alias(const struct effect *e)
{
    const char *alias = node_name(node_get(node_get(e->node, "relation"), "alias"), "aliasname");

    return alias == NULL ? e->name : alias;
}

void pick_set(struct inquiry *q, long index, const struct pick *pick)
{
    struct probe *p = inquiry_probe(q, index);

    if (p == NULL)
        return;
    p->bound = pick->bound;
    p->shaken = p->shaken || pick->shaken;
}

int pick_begin(struct inquiry *q, struct buf *b, const struct pick *pick,
               const struct catalog_table *t, int only)
{
    return buf_addf(b, q->err, "%sSELECT (SELECT count(*)",
                    pick->bound != NULL ? "" : pick->with) < 0 ||
                   probe_from(b, t, only, NULL, q->err) < 0
               ? -1
               : buf_addc(b, ')', q->err);
}

const json_t *pick_assigned(const json_t *target)
{
    const json_t *val = node_get(target, "val"), *many = node_as(val, "MultiAssignRef"), *row;

    if (node_get(target, "indirection") != NULL || node_as(val, "SetToDefault") != NULL)
        return NULL;
    if (many == NULL)
        return val;
    row = node_as(node_get(many, "source"), "RowExpr");
    return node_at(node_get(row, "args"), (size_t)node_int(many, "colno") - 1);
}

int pick_changed(struct inquiry *q, struct buf *b, const char *alias, const char *column,
                 const char *type, const char *expression)
{
    if (quote_ident(b, alias, q->err) < 0 || buf_addc(b, '.', q->err) < 0 ||
        quote_ident(b, column, q->err) < 0)
        return -1;
    return buf_addf(b, q->err, "::text IS DISTINCT FROM CAST((%s) AS %s)::text", expression, type);
}

int pick_offered(struct inquiry *q, const struct effect *e, const struct catalog_table *t, struct buf *b)
{
    const json_t *select = node_get(e->node, "selectStmt"), *cols = node_get(e->node, "cols");
    const json_t *first = node_as(
        node_at(node_get(node_as(select, "SelectStmt"), "valuesLists"), 0), "List");
    char *query = deparse_query(e->statement->text, e->statement->tree, select);
    size_t i, n = cols != NULL    ? node_count(cols)
                  : first != NULL ? node_count(node_get(first, "items"))
                                  : t->ncolumns;
    int rc = -1;

    if (query == NULL)
        return 0;
    if (buf_adds(b, " FROM (SELECT ", q->err) < 0)
        goto out;
    for (i = 0; i < n; i++) {
        const struct catalog_column *c =
            cols != NULL ? probe_column_of(t, node_text(node_as(node_at(cols, i), "ResTarget"),
                                                        "name"))
            : i < t->ncolumns ? &t->columns[i]
                              : NULL;

        if (c == NULL) {
            rc = 0;
            goto out;
        }
        if (buf_adds(b, i > 0 ? ", CAST(offered." : "CAST(offered.", q->err) < 0 ||
            quote_ident(b, c->name, q->err) < 0 || buf_addf(b, q->err, " AS %s) AS ", c->type) < 0 ||
            quote_ident(b, c->name, q->err) < 0)
            goto out;
    }
    if (buf_addf(b, q->err, " FROM (%s) AS offered (", query) < 0)
        goto out;
    for (i = 0; i < n; i++)
        if ((i > 0 && buf_adds(b, ", ", q->err) < 0) ||
            quote_ident(b,
                        cols != NULL ? node_text(node_as(node_at(cols, i), "ResTarget"), "name")
                                     : t->columns[i].name,
                        q->err) < 0)
            goto out;
    rc = buf_adds(b, ")) AS excluded", q->err) < 0 ? -1 : 1;
out:
    free(query);
    return rc;
}
