#include "rollback/sums.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/strings.h"
#include "migration/plan.h"
#include "pg/catalog.h"
#include "pg/query.h"
#include "pg/quote.h"
#include "rollback/said.h"
#include "script/closure.h"
#include "validate/judge.h"

struct sum {
    uint32_t oid;
    char *name;     /* for messages */
    int *attnums;   /* kept columns */
    size_t nattnums;
    char *rows, *digest;
};

struct sums {
    struct sum *items;
    size_t count;
};

static int keeps_rows(const struct closure_table *t)
{
    return t->kind == 'r' && (t->fate & (CLOSURE_DROPPED | CLOSURE_EMPTIED | CLOSURE_ROWS |
                                         CLOSURE_INSERTED)) == 0;
}

static int is_version(const struct plan *p, const struct closure_table *t)
{
    return p->version_table != NULL && p->version_column == NULL && strcmp(t->name, p->version_table) == 0 &&
           p->version_schema != NULL && strcmp(t->schema, p->version_schema) == 0;
}

/* Judged by lock row ("public.users"). */
static int is_rewritten(const struct judgement *j, const struct closure_table *t)
{
    struct buf name = {0};
    struct err ignored = {0};
    int yes = 0;

    if (j == NULL)
        return 0;
    if (buf_addf(&name, &ignored, "%s.%s", t->schema, t->name) == 0)
        for (size_t i = 0; i < j->nlocks && !yes; i++) {
            const struct lock_row *l = &j->locks[i];

            yes = l->rewrite && l->relation != NULL && strcmp(l->relation, name.data) == 0;
        }
    buf_free(&name);
    return yes;
}

static int is_kept(const struct closure_table *t, const struct catalog_column *c)
{
    for (size_t i = 0; i < t->ncolumns; i++)
        if (strcmp(t->columns[i].name, c->name) == 0)
            return 0;
    return 1;
}

/* " # hash": readers wait for it, so that the commonest types are not written as text first.  The seed is
 * the column's number, or values could change places. */
static int add_hash(struct buf *b, const struct catalog_column *c, struct err *err)
{
    static const char *const integers[] = {"bigint", "integer", "smallint"};
    const char *before = "pg_catalog.hashtextextended(ROW(a.", *after = ")::pg_catalog.text";

    for (size_t i = 0; i < sizeof(integers) / sizeof(integers[0]); i++)
        if (strcmp(c->type, integers[i]) == 0) {
            before = "pg_catalog.hashint8extended(a.";
            after = "::pg_catalog.int8";
        }
    /* Its bytes, whatever the collation calls equal. */
    if (strcmp(c->type, "text") == 0 || strncmp(c->type, "character varying", strlen("character varying")) == 0) {
        before = "pg_catalog.hashtextextended(a.";
        after = "::pg_catalog.text COLLATE pg_catalog.\"C\"";
    }
    return buf_addf(b, err, " # coalesce(%s", before) != 0 || quote_ident(b, c->name, err) != 0 ||
                   buf_addf(b, err, "%s, %d), %d)", after, c->attnum, c->attnum) != 0
               ? -1
               : 0;
}

static int measure(struct conn *c, const struct sum *s, char **rows, char **digest, struct err *err)
{
    struct catalog_table *t = catalog_table_get(c, s->oid, err);
    struct query q = {.columns = 2, .min_rows = 1, .max_rows = 1};
    struct result *r = NULL;
    struct buf b = {0};
    int rc = -1;

    if (t == NULL)
        goto out;
    if (buf_adds(&b, "SELECT pg_catalog.count(*), pg_catalog.sum(0::pg_catalog.int8", err) != 0)
        goto out;
    for (size_t i = 0; i < s->nattnums; i++) {
        const struct catalog_column *column = NULL;

        for (size_t k = 0; k < t->ncolumns; k++)
            if (t->columns[k].attnum == s->attnums[i])
                column = &t->columns[k];
        if (column == NULL) {
            (void)err_set(err, ERR_REFUSED, "%s lost a column that the plan keeps", s->name);
            goto out;
        }
        if (add_hash(&b, column, err) != 0)
            goto out;
    }
    if (buf_adds(&b, ") FROM ONLY ", err) != 0 ||
        quote_name(&b, t->schema, t->name, err) != 0 || buf_adds(&b, " a", err) != 0)
        goto out;
    q.sql = b.data;
    if ((r = query_run(c, &q, err)) == NULL)
        goto out;
    if (strings_dup(rows, result_text(r, 0, 0), err) != 0 ||
        strings_dup(digest, result_text(r, 0, 1) != NULL ? result_text(r, 0, 1) : "0", err) != 0)
        goto out;
    rc = 0;
out:
    result_free(r);
    buf_free(&b);
    catalog_table_free(t);
    return rc;
}

static int add(struct sums *s, struct conn *c, const struct closure_table *t, struct err *err)
{
    struct sum *one = &s->items[s->count++];
    struct catalog_table *catalog = catalog_table_get(c, t->oid, err);
    struct buf name = {0};
    int rc = -1;

    if (catalog == NULL)
        return -1;
    one->oid = t->oid;
    if (buf_addf(&name, err, "%s.%s", t->schema, t->name) != 0)
        goto out;
    one->name = name.data;
    if ((one->attnums = calloc(catalog->ncolumns + 1, sizeof(*one->attnums))) == NULL) {
        (void)err_oom(err);
        goto out;
    }
    for (size_t i = 0; i < catalog->ncolumns; i++)
        if (is_kept(t, &catalog->columns[i]))
            one->attnums[one->nattnums++] = catalog->columns[i].attnum;
    rc = measure(c, one, &one->rows, &one->digest, err);
out:
    catalog_table_free(catalog);
    return rc;
}

struct sums *sums_read(struct conn *c, const struct plan *p, const struct closure *closure,
                       const struct judgement *j, int full, struct err *err)
{
    struct sums *s = calloc(1, sizeof(*s));

    if (s == NULL || (s->items = calloc(closure->ntables + 1, sizeof(*s->items))) == NULL) {
        (void)err_oom(err);
        goto fail;
    }
    for (size_t i = 0; i < closure->ntables; i++) {
        const struct closure_table *t = &closure->tables[i];

        if (!keeps_rows(t) || is_version(p, t) ||
            (!full && ((t->fate & CLOSURE_PARTNER) != 0 || (!said_updated(p, closure, t->oid) && !is_rewritten(j, t)))))
            continue;
        if (add(s, c, t, err) != 0) {
            (void)err_prefix(err, "cannot count %s.%s", t->schema, t->name);
            goto fail;
        }
    }
    return s;
fail:
    sums_free(s);
    return NULL;
}

int sums_check(const struct sums *s, struct conn *c, struct err *err)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct sum *one = &s->items[i];
        char *rows = NULL, *digest = NULL;
        int rc = measure(c, one, &rows, &digest, err);

        if (rc == 0 && strcmp(rows, one->rows) != 0)
            rc = err_set(err, ERR_REFUSED, "%s had %s rows and would have %s, which the plan does not say",
                         one->name, one->rows, rows);
        else if (rc == 0 && strcmp(digest, one->digest) != 0)
            rc = err_set(err, ERR_REFUSED, "values of %s that the plan keeps were changed", one->name);
        free(rows);
        free(digest);
        if (rc != 0) {
            err_hint(err, "nothing was changed; a trigger or a rewrite did it");
            return -1;
        }
    }
    return 0;
}

void sums_free(struct sums *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; s->items != NULL && i < s->count; i++) {
        free(s->items[i].name);
        free(s->items[i].attnums);
        free(s->items[i].rows);
        free(s->items[i].digest);
    }
    free(s->items);
    free(s);
}
