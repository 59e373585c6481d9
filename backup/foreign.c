#include "backup/foreign.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backup/selection.h"
#include "core/buf.h"
#include "core/strings.h"
#include "pg/catalog.h"
#include "pg/conn.h"
#include "pg/query.h"
#include "pg/quote.h"

static const char foreign_sql[] =
#include "backup/sql/foreign.sql.h"
    ;
static const char referencing_sql[] =
#include "backup/sql/referencing.sql.h"
    ;

struct key {
    size_t from, to; /* indexes of targets: FROM references TO */
    uint32_t oid;    /* of the constraint that is altered */
    char *alter;     /* "ALTER TABLE s.t ALTER CONSTRAINT k" */
    int deferrable, deferred; /* as it was */
    int waits;       /* no order satisfies it */
};

struct foreign {
    struct key *keys;
    size_t n;
};

void foreign_free(struct foreign *f)
{
    if (f == NULL)
        return;
    for (size_t i = 0; i < f->n; i++)
        free(f->keys[i].alter);
    free(f->keys);
    free(f);
}

static uint32_t *oids_of(const struct target_list *l, struct err *err)
{
    uint32_t *oids = calloc(l->n + 1, sizeof(*oids));

    if (oids == NULL)
        err_oom(err);
    for (size_t i = 0; oids != NULL && i < l->n; i++)
        oids[i] = l->items[i].table->oid;
    return oids;
}

static size_t index_of(const struct target_list *l, uint32_t oid)
{
    size_t i = 0;

    while (i < l->n && l->items[i].table->oid != oid)
        i++;
    return i;
}

static int read_keys(struct conn *c, const struct target_list *l, struct foreign *f,
                     struct err *err)
{
    uint32_t *oids = oids_of(l, err);
    char *array = oids == NULL ? NULL : selection_array(oids, l->n, err);
    const char *params[] = {array};
    struct query q = {.sql = foreign_sql, .params = params, .nparams = 1, .columns = 8};
    struct result *r = array == NULL ? NULL : query_run(c, &q, err);
    struct buf b = {0};
    int rc = -1;

    if (r == NULL)
        goto out;
    if ((f->keys = calloc((size_t)result_rows(r) + 1, sizeof(*f->keys))) == NULL) {
        err_oom(err);
        goto out;
    }
    for (int i = 0; i < result_rows(r); i++) {
        struct key *k = &f->keys[f->n++];

        k->from = index_of(l, (uint32_t)result_int(r, i, 0));
        k->to = index_of(l, (uint32_t)result_int(r, i, 1));
        k->oid = (uint32_t)result_int(r, i, 2);
        k->deferrable = result_bool(r, i, 6);
        k->deferred = result_bool(r, i, 7);
        if (buf_adds(&b, "ALTER TABLE ", err) != 0 ||
            quote_name(&b, result_text(r, i, 3), result_text(r, i, 4), err) != 0 ||
            buf_adds(&b, " ALTER CONSTRAINT ", err) != 0 ||
            quote_ident(&b, result_text(r, i, 5), err) != 0 ||
            (k->alter = buf_take(&b, err)) == NULL)
            goto out;
    }
    rc = 0;
out:
    result_free(r);
    buf_free(&b);
    free(array);
    free(oids);
    return rc;
}

/* Tables that reference nothing unplaced come next; where there is none, a cycle is cut at the table
 * that has the fewest keys left. */
static void place(struct target_list *l, struct foreign *f)
{
    for (size_t i = 0; i < l->n; i++)
        l->items[i].order = -1;
    for (int place = 0; place < (int)l->n; place++) {
        size_t best = l->n, fewest = SIZE_MAX;

        for (size_t i = 0; i < l->n; i++) {
            size_t left = 0;

            if (l->items[i].order >= 0)
                continue;
            for (size_t k = 0; k < f->n; k++)
                left += f->keys[k].from == i && f->keys[k].to != i &&
                        l->items[f->keys[k].to].order < 0;
            if (left < fewest) {
                fewest = left;
                best = i;
            }
        }
        for (size_t k = 0; k < f->n; k++)
            if (f->keys[k].from == best && l->items[f->keys[k].to].order < 0)
                f->keys[k].waits = 1;
        l->items[best].order = place;
    }
}

static int by_order(const void *a, const void *b)
{
    const struct target *x = a, *y = b;

    return x->order < y->order ? -1 : x->order > y->order;
}

/* A partitioned key stands in the list once per partition. */
static int is_first(const struct foreign *f, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (f->keys[k].waits && f->keys[k].oid == f->keys[i].oid)
            return 0;
    return 1;
}

struct foreign *foreign_order(struct conn *c, struct target_list *l, struct err *err)
{
    struct foreign *f = calloc(1, sizeof(*f));
    int waits = 0;

    if (f == NULL) {
        err_oom(err);
        return NULL;
    }
    if (read_keys(c, l, f, err) != 0)
        goto fail;
    place(l, f);
    for (size_t i = 0; i < f->n; i++) {
        if (!f->keys[i].waits || !is_first(f, i))
            continue;
        waits = 1;
        if (!f->keys[i].deferrable &&
            query_execf(c, err, "%s DEFERRABLE INITIALLY DEFERRED", f->keys[i].alter) != 0)
            goto fail;
    }
    if (waits && query_exec(c, "SET CONSTRAINTS ALL DEFERRED", NULL, err) != 0)
        goto fail;
    qsort(l->items, l->n, sizeof(*l->items), by_order);
    return f;
fail:
    err_prefix(err, "cannot put off the check of a foreign key");
    foreign_free(f);
    return NULL;
}

int foreign_check(struct conn *c, struct foreign *f, struct err *err)
{
    /* Also those that were deferred already: the caller is to hear of them here, not at COMMIT; and
     * ALTER TABLE refuses tables with checks pending. */
    if (query_exec(c, "SET CONSTRAINTS ALL IMMEDIATE", NULL, err) != 0)
        return err_prefix(err, "the restored rows do not fit together");
    for (size_t i = 0; i < f->n; i++)
        if (f->keys[i].waits && is_first(f, i) && !f->keys[i].deferrable &&
            query_execf(c, err, "%s NOT DEFERRABLE", f->keys[i].alter) != 0)
            return err_prefix(err, "cannot put a foreign key back as it was");
    return 0;
}

int foreign_refuse_cascade(struct conn *c, const struct target_list *l, const struct target *t,
                           const char *condition, struct err *err)
{
    char oid[16];
    const char *params[] = {oid};
    struct query q = {.sql = referencing_sql, .params = params, .nparams = 1, .columns = 5};
    struct result *r;
    struct buf b = {0};
    int rc = -1;

    (void)snprintf(oid, sizeof(oid), "%" PRIu32, t->table->oid);
    if ((r = query_run(c, &q, err)) == NULL)
        return -1;
    for (int i = 0; i < result_rows(r); i++) {
        size_t other = index_of(l, (uint32_t)result_int(r, i, 3));
        int64_t n = 0;

        /* What is replaced itself gets back what goes here. */
        if (other < l->n && l->items[other].mode == RESTORE_REPLACE)
            continue;
        buf_reset(&b);
        if (buf_adds(&b, "SELECT count(*) FROM ", err) != 0 ||
            quote_name(&b, result_text(r, i, 0), result_text(r, i, 1), err) != 0 ||
            buf_adds(&b, " AS f WHERE EXISTS (SELECT 1 FROM ONLY ", err) != 0 ||
            quote_name(&b, t->table->schema, t->table->name, err) != 0 ||
            buf_addf(&b, err, " AS t WHERE %s AND %s)", result_text(r, i, 4), condition) != 0 ||
            query_int(c, b.data, &n, err) != 0)
            goto out;
        if (n > 0) {
            err_set(err, ERR_REFUSED,
                    "replacing %s would also delete or empty %" PRId64 " rows of %s.%s, which its "
                    "foreign key %s ties to rows that are not in the backup",
                    t->title, n, result_text(r, i, 0), result_text(r, i, 1), result_text(r, i, 2));
            err_hint(err, "use --mode merge, which deletes nothing, or restore that table too");
            goto out;
        }
    }
    rc = 0;
out:
    result_free(r);
    buf_free(&b);
    return rc;
}
