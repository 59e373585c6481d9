#include "validate/probe.h"

#include <stdlib.h>
#include <string.h>

#include "core/strings.h"
#include "pg/catalog.h"
#include "pg/quote.h"
#include "script/closure.h"

int probe_from(struct buf *b, const struct catalog_table *t, int only, const char *alias,
               struct err *err)
{
    if (buf_adds(b, only && t->kind != 'p' ? " FROM ONLY " : " FROM ", err) < 0 ||
        quote_name(b, t->schema, t->name, err) < 0)
        return -1;
    if (alias == NULL)
        return 0;
    return buf_adds(b, " AS ", err) < 0 ? -1 : quote_ident(b, alias, err);
}

int probe_nonnulls(struct inquiry *q, struct buf *b, const struct catalog_table *t,
                   const char *alias)
{
    size_t i, n = 0;

    for (i = 0; i < t->ncolumns; i++) {
        if (t->columns[i].generated != '\0' ||
            inquiry_past(q, q->past.dropped, t->oid, t->columns[i].name))
            continue;
        /* A function takes at most 100 arguments. */
        if (buf_adds(b, n == 0 ? "num_nonnulls(" : n % 90 == 0 ? ") + num_nonnulls(" : ", ",
                     q->err) < 0 ||
            (alias != NULL &&
             (quote_ident(b, alias, q->err) < 0 || buf_addc(b, '.', q->err) < 0)) ||
            quote_ident(b, t->columns[i].name, q->err) < 0)
            return -1;
        n++;
    }
    return buf_adds(b, n == 0 ? "0" : ")", q->err);
}

void probe_set(struct inquiry *q, long index, enum probe_kind kind, struct buf *sql,
               const struct catalog_table *t, double fraction)
{
    struct probe *p = inquiry_probe(q, index);

    if (p == NULL || q->failed)
        return;
    p->quotes = q->quotes;
    q->quotes = 0;
    p->kind = kind;
    if (sql != NULL && (p->sql = buf_take(sql, q->err)) == NULL)
        q->failed = 1;
    p->rows = t->rows;
    p->bytes = t->bytes;
    p->fraction = fraction;
    p->values_per_row = (int)t->ncolumns;
    /* Nobody knows what a statement did that nobody can read. */
    p->shaken = inquiry_past(q, q->past.written, t->oid, NULL) || (q->opaque_before && q->within == NULL);
}

void probe_subject(struct inquiry *q, long index, const char *verb, const char *object)
{
    struct probe *p = inquiry_probe(q, index);
    struct buf b = {0};

    if (p == NULL)
        return;
    free(p->subject);
    p->subject = NULL;
    if (buf_addf(&b, q->err, "%s %s", verb, object) < 0 ||
        (p->subject = buf_take(&b, q->err)) == NULL)
        q->failed = 1;
    buf_free(&b);
}

void probe_what(struct inquiry *q, long index, const char *what)
{
    struct probe *p = inquiry_probe(q, index);

    if (p != NULL && (p->what = strdup(what)) == NULL)
        inquiry_oom(q);
}

/* Each new value must stand for one old value, and for no row that stays as it is. */
void probe_undo(struct inquiry *q, long index, const struct catalog_table *t, int only, const char *alias,
                const char *column, const char *type, const char *expression, const char *where)
{
    struct buf b = {0};

    if (buf_adds(&b, "WITH c AS MATERIALIZED (SELECT o, n, picked AND o IS DISTINCT FROM n AS hit FROM (SELECT ",
                 q->err) < 0 ||
        quote_ident(&b, alias, q->err) < 0 ||
        buf_addc(&b, '.', q->err) < 0 || quote_ident(&b, column, q->err) < 0 ||
        buf_addf(&b, q->err, "::text AS o, CAST((%s) AS %s)::text AS n, (%s) IS TRUE AS picked", expression, type,
                 where == NULL ? "true" : where) < 0 ||
        probe_from(&b, t, only, alias, q->err) < 0 ||
        buf_adds(&b,
                 ") s) SELECT (SELECT count(DISTINCT ROW(n)) < count(DISTINCT ROW(n, o)) FROM c WHERE hit) OR EXISTS "
                 "(SELECT 1 FROM c AS u JOIN (SELECT DISTINCT n FROM c WHERE hit) AS v ON u.o IS NOT DISTINCT "
                 "FROM v.n WHERE NOT u.hit)",
                 q->err) < 0 ||
        (inquiry_probe(q, index)->undo = buf_take(&b, q->err)) == NULL)
        q->failed = 1;
    buf_free(&b);
}

void probe_children(struct inquiry *q, const struct effect *e,
                    void (*count)(struct inquiry *q, const struct effect *e,
                                  const struct catalog_table *t))
{
    size_t i;

    for (i = 0; q->closure != NULL && i < q->closure->nreaches; i++) {
        const struct closure_reach *r = &q->closure->reaches[i];
        const struct catalog_table *t = inquiry_table_by_oid(q, r->oid);

        if (r->effect == e && r->because != NULL && strcmp(r->because, "child or partition") == 0 &&
            (r->fate & (CLOSURE_EMPTIED | CLOSURE_ROWS)) != 0 && t != NULL && t->parent == 0)
            count(q, e, t);
    }
}

const struct catalog_column *probe_column_of(const struct catalog_table *t, const char *name)
{
    size_t i;

    for (i = 0; t != NULL && name != NULL && i < t->ncolumns; i++)
        if (strcmp(t->columns[i].name, name) == 0)
            return &t->columns[i];
    return NULL;
}
