#include "rollback/sums.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/strings.h"
#include "migration/plan.h"
#include "pg/array.h"
#include "pg/query.h"
#include "pg/quote.h"
#include "rollback/said.h"
#include "script/closure.h"
#include "validate/judge.h"

static const char shapes_sql[] =
#include "rollback/sql/shapes.sql.h"
    ;

struct sum {
    const struct closure_table *table;
    char *name;     /* for messages */
    int *attnums;   /* kept columns */
    size_t nattnums;
    char *rows, *digest;
};

struct sums {
    struct sum *items;
    size_t count;
    char *oids;       /* an array literal */
    struct conn *c;   /* of the thread that reads beside */
    pthread_t thread;
    int running, failed;
    struct err why;   /* the thread's */
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

static int is_kept(const struct closure_table *t, const char *column)
{
    for (size_t i = 0; i < t->ncolumns; i++)
        if (strcmp(t->columns[i].name, column) == 0)
            return 0;
    return 1;
}

/* ---- shapes: the columns as they are called and typed now ---- */

enum { OID, SCHEMA, TABLE, ATTNUM, COLUMN, TYPE, SHAPE };

struct query sums_shapes_query(const char *const *oids)
{
    return (struct query){.name = "mig_shapes", .sql = shapes_sql, .params = oids, .nparams = 1, .columns = SHAPE};
}

const char *sums_oids(const struct sums *s)
{
    return s->count > 0 ? s->oids : NULL;
}

/* T's rows of SHAPES; 0: it is gone. */
static int find_shape(const struct result *shapes, const struct closure_table *t, int *from, int *to)
{
    *from = result_first(shapes, OID, t->oid);
    *to = result_first(shapes, OID, (int64_t)t->oid + 1);
    return *to > *from;
}

static int keep_columns(struct sum *s, const struct result *shapes, int from, int to, struct err *err)
{
    if ((s->attnums = calloc((size_t)(to - from), sizeof(*s->attnums))) == NULL)
        return err_oom(err);
    for (int i = from; i < to; i++)
        if (result_text(shapes, i, COLUMN) != NULL && is_kept(s->table, result_text(shapes, i, COLUMN)))
            s->attnums[s->nattnums++] = (int)result_int(shapes, i, ATTNUM);
    return 0;
}

/* ---- one table ---- */

/* " # hash": readers wait for it, so that the commonest types are not written as text first.  The seed is
 * the column's number, or values could change places. */
static int add_hash(struct buf *b, const char *column, const char *type, int attnum, struct err *err)
{
    static const char *const integers[] = {"bigint", "integer", "smallint"};
    const char *before = "pg_catalog.hashtextextended(ROW(a.", *after = ")::pg_catalog.text";

    for (size_t i = 0; i < sizeof(integers) / sizeof(integers[0]); i++)
        if (strcmp(type, integers[i]) == 0) {
            before = "pg_catalog.hashint8extended(a.";
            after = "::pg_catalog.int8";
        }
    /* Its bytes, whatever the collation calls equal. */
    if (strcmp(type, "text") == 0 || strncmp(type, "character varying", strlen("character varying")) == 0) {
        before = "pg_catalog.hashtextextended(a.";
        after = "::pg_catalog.text COLLATE pg_catalog.\"C\"";
    }
    return buf_addf(b, err, " # coalesce(%s", before) != 0 || quote_ident(b, column, err) != 0 ||
                   buf_addf(b, err, "%s, %d), %d)", after, attnum, attnum) != 0
               ? -1
               : 0;
}

static int write_query(const struct sum *s, const struct result *shapes, struct buf *b, struct err *err)
{
    int from, to;

    if (!find_shape(shapes, s->table, &from, &to))
        return err_set(err, ERR_FAILED, "the relation with OID %u is not there any more", (unsigned)s->table->oid);
    if (buf_adds(b, "SELECT pg_catalog.count(*), pg_catalog.sum(0::pg_catalog.int8", err) != 0)
        return -1;
    for (size_t i = 0; i < s->nattnums; i++) {
        int at = from;

        while (at < to && (int)result_int(shapes, at, ATTNUM) != s->attnums[i])
            at++;
        if (at == to)
            return err_set(err, ERR_REFUSED, "%s lost a column that the plan keeps", s->name);
        if (add_hash(b, result_text(shapes, at, COLUMN), result_text(shapes, at, TYPE), s->attnums[i], err) != 0)
            return -1;
    }
    if (buf_adds(b, ") FROM ONLY ", err) != 0 ||
        quote_name(b, result_text(shapes, from, SCHEMA), result_text(shapes, from, TABLE), err) != 0)
        return -1;
    return buf_adds(b, " a", err);
}

/* ---- all of them ---- */

/* Many in one round trip, for readers wait. */
enum { BATCH = 32 };

typedef int take_sum(struct sum *s, const struct result *r, struct err *err);

static int measure_batch(struct sum *items, size_t n, struct conn *c, const struct result *shapes, take_sum *take,
                         struct err *err)
{
    struct query queries[BATCH];
    struct result *results[BATCH] = {NULL};
    struct err errs[BATCH];
    struct buf sql[BATCH];
    int rc = -1;

    memset(sql, 0, sizeof(sql));
    memset(errs, 0, sizeof(errs));
    for (size_t i = 0; i < n; i++) {
        if (write_query(&items[i], shapes, &sql[i], err) != 0)
            goto out;
        queries[i] = (struct query){.sql = sql[i].data, .columns = 2, .min_rows = 1, .max_rows = 1};
    }
    if (query_pipeline(c, queries, (int)n, results, errs, err) != 0)
        goto out;
    for (size_t i = 0; i < n; i++) {
        if (results[i] == NULL) {
            *err = errs[i];
            (void)err_prefix(err, "cannot count %s", items[i].name);
            goto out;
        }
        if (take(&items[i], results[i], err) != 0)
            goto out;
    }
    rc = 0;
out:
    for (size_t i = 0; i < n; i++) {
        result_free(results[i]);
        buf_free(&sql[i]);
    }
    return rc;
}

static int measure(const struct sums *s, struct conn *c, const struct result *shapes, take_sum *take, struct err *err)
{
    for (size_t i = 0; i < s->count; i += BATCH)
        if (measure_batch(s->items + i, s->count - i < BATCH ? s->count - i : BATCH, c, shapes, take, err) != 0)
            return -1;
    return 0;
}

static const char *digest_of(const struct result *r)
{
    return result_text(r, 0, 1) != NULL ? result_text(r, 0, 1) : "0";
}

static int remember(struct sum *s, const struct result *r, struct err *err)
{
    return strings_dup(&s->rows, result_text(r, 0, 0), err) != 0 ? -1 : strings_dup(&s->digest, digest_of(r), err);
}

static int compare(struct sum *s, const struct result *r, struct err *err)
{
    if (strcmp(result_text(r, 0, 0), s->rows) != 0)
        return err_set(err, ERR_REFUSED, "%s had %s rows and would have %s, which the plan does not say", s->name,
                       s->rows, result_text(r, 0, 0));
    if (strcmp(digest_of(r), s->digest) != 0)
        return err_set(err, ERR_REFUSED, "values of %s that the plan keeps were changed", s->name);
    return 0;
}

static int first(struct sums *s, struct conn *c, struct err *err)
{
    const char *const params[] = {s->oids};
    const struct query q = sums_shapes_query(params);
    struct result *shapes;
    int rc = -1;

    if (s->count == 0)
        return 0;
    if ((shapes = query_run(c, &q, err)) == NULL)
        return err_prefix(err, "cannot read the catalog");
    for (size_t i = 0; i < s->count; i++) {
        int from, to;

        if (find_shape(shapes, s->items[i].table, &from, &to) &&
            keep_columns(&s->items[i], shapes, from, to, err) != 0)
            goto out;
    }
    rc = measure(s, c, shapes, remember, err);
out:
    result_free(shapes);
    return rc;
}

static int choose(struct sums *s, const struct plan *p, const struct closure *closure, const struct judgement *j,
                  int full, struct err *err)
{
    struct buf oids = {0};

    if ((s->items = calloc(closure->ntables + 1, sizeof(*s->items))) == NULL)
        return err_oom(err);
    for (size_t i = 0; i < closure->ntables; i++) {
        const struct closure_table *t = &closure->tables[i];
        struct buf name = {0};

        if (!keeps_rows(t) || is_version(p, t) ||
            (!full && ((t->fate & CLOSURE_PARTNER) != 0 || (!said_updated(p, closure, t->oid) && !is_rewritten(j, t)))))
            continue;
        s->items[s->count].table = t;
        if (buf_addf(&name, err, "%s.%s", t->schema, t->name) != 0 || array_number(&oids, t->oid, err) != 0) {
            buf_free(&name);
            buf_free(&oids);
            return -1;
        }
        s->items[s->count++].name = name.data;
    }
    return (s->oids = array_take(&oids, err)) != NULL ? 0 : -1;
}

static void *beside(void *arg)
{
    struct sums *s = arg;

    s->failed = first(s, s->c, &s->why) != 0;
    return NULL;
}

struct sums *sums_read(struct conn *c, const struct plan *p, const struct closure *closure,
                       const struct judgement *j, enum sums_where where, int full, struct err *err)
{
    struct sums *s = calloc(1, sizeof(*s));
    int e;

    if (s == NULL) {
        (void)err_oom(err);
        return NULL;
    }
    s->c = c;
    if (choose(s, p, closure, j, full, err) != 0 || (where == SUMS_HERE && first(s, c, err) != 0))
        goto fail;
    if (where == SUMS_BESIDE && s->count > 0) {
        if ((e = pthread_create(&s->thread, NULL, beside, s)) != 0) {
            errno = e;
            (void)err_set_errno(err, ERR_FAILED, "cannot start a thread");
            goto fail;
        }
        s->running = 1;
    }
    return s;
fail:
    sums_free(s);
    return NULL;
}

static void join(struct sums *s)
{
    if (s->running)
        (void)pthread_join(s->thread, NULL);
    s->running = 0;
}

int sums_wait(struct sums *s, struct err *err)
{
    join(s);
    if (s->failed)
        *err = s->why;
    return s->failed ? -1 : 0;
}

int sums_check(const struct sums *s, struct conn *c, const struct result *shapes, struct err *err)
{
    if (s->count > 0 && measure(s, c, shapes, compare, err) != 0) {
        err_hint(err, "nothing was changed; a trigger or a rewrite did it");
        return -1;
    }
    return 0;
}

void sums_free(struct sums *s)
{
    if (s == NULL)
        return;
    join(s);
    for (size_t i = 0; s->items != NULL && i < s->count; i++) {
        free(s->items[i].name);
        free(s->items[i].attnums);
        free(s->items[i].rows);
        free(s->items[i].digest);
    }
    free(s->items);
    free(s->oids);
    free(s);
}
