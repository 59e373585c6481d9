#include "backup/sequence.h"

#include <string.h>

#include "core/buf.h"
#include "core/log.h"
#include "pg/catalog.h"
#include "pg/query.h"
#include "pg/quote.h"

/* ALTER SEQUENCE RESTART gives the sequence a new file, which a rollback throws away; setval on that
 * file is then undone with it, and sets is_called too, which RESTART alone cannot. */
static int put(struct conn *c, const char *schema, const char *name, const char *last,
               int is_called, struct err *err)
{
    struct buf b = {0};
    int rc = -1;

    if (buf_adds(&b, "ALTER SEQUENCE ", err) != 0 || quote_name(&b, schema, name, err) != 0 ||
        buf_addf(&b, err, " RESTART WITH %s", last) != 0 || query_exec(c, b.data, NULL, err) != 0)
        goto out;
    buf_reset(&b);
    {
        struct buf n = {0};

        rc = quote_name(&n, schema, name, err);
        if (rc == 0 && (rc = buf_adds(&b, "SELECT pg_catalog.setval(", err)) == 0 &&
            (rc = quote_literal(&b, n.data, err)) == 0)
            rc = buf_addf(&b, err, ", %s, %s)", last, is_called ? "true" : "false");
        buf_free(&n);
    }
    if (rc == 0) {
        int64_t ignored;

        rc = query_int(c, b.data, &ignored, err);
    }
out:
    buf_free(&b);
    return rc;
}

/* 1: the sequence is there and stands before LAST in its own direction; 0: not before; -1. */
static int is_behind(struct conn *c, const char *schema, const char *name, const char *last,
                     int is_called, struct err *err)
{
    struct buf b = {0}, n = {0};
    struct query q = {.columns = 1, .min_rows = 1, .max_rows = 1};
    struct result *r = NULL;
    int rc = -1;

    /* By the value that comes next: last_value, or the one after it once it is used up. */
    if (quote_name(&n, schema, name, err) != 0 ||
        buf_addf(&b, err,
                 "SELECT CASE WHEN q.seqincrement > 0 THEN s.last_value::pg_catalog.numeric + "
                 "(s.is_called)::pg_catalog.int4 < '%s'::pg_catalog.numeric + %d "
                 "ELSE s.last_value::pg_catalog.numeric - (s.is_called)::pg_catalog.int4 > "
                 "'%s'::pg_catalog.numeric - %d END FROM %s AS s, "
                 "pg_catalog.pg_sequence AS q WHERE q.seqrelid = ",
                 last, is_called != 0, last, is_called != 0, n.data) != 0 ||
        quote_literal(&b, n.data, err) != 0 ||
        buf_adds(&b, "::pg_catalog.regclass", err) != 0)
        goto out;
    q.sql = b.data;
    if ((r = query_run(c, &q, err)) == NULL)
        goto out;
    rc = result_bool(r, 0, 0);
out:
    result_free(r);
    buf_free(&b);
    buf_free(&n);
    return rc;
}

static int is_named(const char *schema, const char *name, const struct manifest_sequence *s)
{
    return name != NULL && strcmp(name, s->table_name) == 0 && strcmp(schema, s->table_schema) == 0;
}

/* A partitioned table owns the sequence that its partitions' rows were numbered by. */
static const struct target *owner(const struct target_list *l, const struct manifest_sequence *s)
{
    for (size_t i = 0; s->table_name != NULL && i < l->n; i++) {
        const struct manifest_table *t = l->items[i].saved;

        if (is_named(t->schema, t->name, s) || is_named(t->parent_schema, t->parent_name, s))
            return &l->items[i];
    }
    return NULL;
}

/* Columns are put back beside a sequence that numbers one of them. */
static int numbers_one(const struct target *t, const struct manifest_sequence *s)
{
    for (size_t i = 0; s->column != NULL && i < t->ncolumns; i++)
        if (strcmp(t->saved->columns[t->columns[i]].name, s->column) == 0)
            return 1;
    return 0;
}

int sequence_restore(struct conn *c, const struct manifest *m, const struct target_list *l,
                     int whole, struct err *err)
{
    for (size_t i = 0; i < m->nsequences; i++) {
        const struct manifest_sequence *s = &m->sequences[i];
        const struct target *t = owner(l, s);
        uint32_t oid = 0;
        int move;

        if (t == NULL ? !whole || s->table_name != NULL : t->mode == RESTORE_COLUMNS && !numbers_one(t, s))
            continue;
        if (catalog_find(c, s->schema, s->name, NULL, &oid, err) != 0)
            return -1;
        if (oid == 0) {
            log_warn("sequence %s.%s is not there any more: not restored", s->schema, s->name);
            continue;
        }
        /* A table that was filled from nothing gets its sequence as it was. */
        if (t != NULL && (t->mode == RESTORE_EMPTY || t->mode == RESTORE_REPLACE))
            move = 1;
        else if ((move = is_behind(c, s->schema, s->name, s->last_value, s->is_called, err)) < 0)
            return err_prefix(err, "cannot look at sequence %s.%s", s->schema, s->name);
        if (move && put(c, s->schema, s->name, s->last_value, s->is_called, err) != 0)
            return err_prefix(err, "cannot set sequence %s.%s", s->schema, s->name);
    }
    return 0;
}
