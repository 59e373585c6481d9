/* What destroys or alters stored data, and how to count it. */
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "pg/catalog.h"
#include "pg/quote.h"
#include "script/closure.h"
#include "script/effect.h"
#include "script/node.h"
#include "validate/detect.h"
#include "validate/facts.h"
#include "validate/inquiry.h"
#include "validate/probe.h"

/* "CASCADE from type role, column public.p.r" */
static void set_reached(struct inquiry *q, long index, const char *because, const char *object)
{
    struct buf b = {0};

    if (buf_addf(&b, q->err, "%s:", because) < 0)
        q->failed = 1;
    else
        probe_subject(q, index, b.data, object);
    buf_free(&b);
}

/* Does E's statement meet relation OID with one of FATES? */
static const struct closure_reach *reached(const struct inquiry *q, const struct effect *e,
                                           uint32_t oid, unsigned fates)
{
    size_t i;

    for (i = 0; oid != 0 && q->closure != NULL && i < q->closure->nreaches; i++) {
        const struct closure_reach *r = &q->closure->reaches[i];

        if (r->oid == oid && (r->fate & fates) != 0 && r->effect->statement == e->statement)
            return r;
    }
    return NULL;
}

/* The fifth number: rows written since the newest upgrade; over-counts after a rewrite, misses deletes. */
static int add_since(struct inquiry *q, struct buf *b)
{
    if (q->version_age == NULL || q->step != 0)
        return 0;
    return buf_addf(b, q->err, ", count(*) FILTER (WHERE age(xmin) < %s)", q->version_age);
}

/* All rows of T go. */
static void probe_table(struct inquiry *q, long index, const struct catalog_table *t, int only)
{
    struct buf b = {0};

    if (index < 0)
        return;
    inquiry_finding(q, index)->covered = t->kind != 'f';
    if (t->kind == 'f')
        goto out;
    if (buf_adds(&b, "SELECT count(*), count(*), coalesce(sum(", q->err) < 0 ||
        probe_nonnulls(q, &b, t, NULL) < 0 ||
        buf_addf(&b, q->err, "), 0), %s(%u)",
                 t->kind == 'p' ? "(SELECT sum(pg_total_relation_size(relid))::bigint FROM "
                                  "pg_partition_tree"
                                : "pg_total_relation_size",
                 t->oid) < 0 ||
        (t->kind == 'p' && buf_addc(&b, ')', q->err) < 0) || add_since(q, &b) < 0 ||
        probe_from(&b, t, only && t->kind != 'p', NULL, q->err) < 0) {
        q->failed = 1;
        goto out;
    }
    probe_set(q, index, PROBE_LOSS, &b, t, 1);
out:
    buf_free(&b);
}

/* The values of column NAME of T go. */
static void probe_column(struct inquiry *q, long index, const struct catalog_table *t,
                         const char *name, int only)
{
    const struct catalog_column *c = probe_column_of(t, name);
    struct facts_column known;
    struct buf b = {0};

    if (index < 0)
        return;
    inquiry_finding(q, index)->covered = t->kind != 'f';
    if (t->kind == 'f' || c == NULL)
        goto out;
    if (buf_adds(&b, "SELECT count(*), count(", q->err) < 0 || quote_ident(&b, name, q->err) < 0 ||
        buf_adds(&b, "), count(", q->err) < 0 || quote_ident(&b, name, q->err) < 0 ||
        buf_adds(&b, "), coalesce(sum(pg_column_size(", q->err) < 0 ||
        quote_ident(&b, name, q->err) < 0 || buf_adds(&b, ")), 0)", q->err) < 0 ||
        add_since(q, &b) < 0 ||
        probe_from(&b, t, only && t->kind != 'p', NULL, q->err) < 0) {
        q->failed = 1;
        goto out;
    }
    (void)facts_column(q->facts, t->oid, name, &known);
    probe_set(q, index, PROBE_LOSS, &b, t, known.null_frac < 0 ? -1 : 1 - known.null_frac);
    inquiry_probe(q, index)->values_per_row = 1;
    inquiry_probe(q, index)->recreated = c->generated != '\0';
out:
    buf_free(&b);
}

/* ---- kinds of loss ---- */

static void empty_child(struct inquiry *q, const struct effect *e, const struct catalog_table *t)
{
    struct buf object = {0};
    long index;

    if (buf_addf(&object, q->err, "%s.%s", t->schema, t->name) < 0) {
        q->failed = 1;
        return;
    }
    index = inquiry_raise(q, "truncate", e, object.data, "TRUNCATE %s destroys its rows", object.data);
    probe_subject(q, index, "TRUNCATE", object.data);
    probe_table(q, index, t, 1);
    buf_free(&object);
}

static void lose_table(struct inquiry *q, const struct effect *e, const char *code,
                       const char *verb)
{
    const struct catalog_table *t = inquiry_table(q, e);
    char *object = inquiry_object(q, e);
    long index;

    if (object == NULL)
        return;
    if (q->closure != NULL && t == NULL && (e->flags & EFFECT_IF_EXISTS) != 0)
        goto out;
    index = inquiry_raise(q, code, e, object, "%s %s destroys its rows (not measured)", verb,
                          object);
    probe_subject(q, index, verb, object);
    if (t != NULL)
        probe_table(q, index, t, t->kind != 'p');
    if (e->kind == EFFECT_TRUNCATE)
        probe_children(q, e, empty_child);
    if (t != NULL)
        inquiry_remember(q, &q->past.tables, t->oid, NULL);
out:
    free(object);
}

static void lose_column(struct inquiry *q, const struct effect *e)
{
    const struct catalog_table *t = inquiry_table(q, e);
    const char *column = e->column_on_server != NULL ? e->column_on_server : e->column;
    char *object = inquiry_object(q, e);
    long index;

    if (object == NULL)
        return;
    if (q->closure != NULL && (e->flags & EFFECT_IF_EXISTS) != 0 &&
        (t == NULL || probe_column_of(t, column) == NULL))
        goto out;
    index = inquiry_raise(q, "drop-column", e, object,
                          "DROP COLUMN %s destroys its values (not measured)", object);
    probe_subject(q, index, "DROP COLUMN", object);
    if (t != NULL) {
        probe_column(q, index, t, column, (e->flags & EFFECT_ONLY) != 0);
        inquiry_remember(q, &q->past.dropped, t->oid, column);
    }
out:
    free(object);
}

static const char *cascade_code(const struct effect *e)
{
    return e->kind == EFFECT_DROP_SCHEMA      ? "drop-schema"
           : e->kind == EFFECT_DROP_TYPE      ? "drop-type"
           : e->kind == EFFECT_DROP_EXTENSION ? "drop-extension"
           : e->kind == EFFECT_TRUNCATE       ? "truncate-cascade"
                                              : "drop-cascade";
}

/* Views, keys and defaults that E's CASCADE drops: nothing stored, but nobody named them. */
static void dropped_along(struct inquiry *q, const struct effect *e)
{
    struct buf b = {0};
    size_t i, k, n = 0;

    for (i = 0; i < q->closure->nreaches; i++) {
        const struct closure_reach *r = &q->closure->reaches[i];

        if (r->effect != e || r->because == NULL || strncmp(r->because, "CASCADE", 7) != 0 ||
            (r->fate & (CLOSURE_DROPPED | CLOSURE_COLUMNS)) != 0 || r->name == NULL ||
            reached(q, e, r->oid, CLOSURE_DROPPED) != NULL)
            continue;
        for (k = 0; k < i && !(q->closure->reaches[k].effect == e &&
                               q->closure->reaches[k].oid == r->oid &&
                               q->closure->reaches[k].because != NULL);
             k++)
            ;
        if (k < i)
            continue;
        if (++n <= 5 && buf_addf(&b, q->err, "%s%s %s.%s", n == 1 ? "" : ", ",
                                 r->kind == 'v' ? "view" : "a key or default of", r->schema,
                                 r->name) < 0)
            q->failed = 1;
    }
    if (n > 0) {
        long index = inquiry_raise(q, "drop-cascade", e, NULL, "CASCADE drops %s%s too", b.data,
                                   n > 5 ? " and more" : "");

        if (index >= 0 && inquiry_finding(q, index)->severity > SEVERITY_MEDIUM)
            inquiry_finding(q, index)->severity = SEVERITY_MEDIUM;
    }
    buf_free(&b);
}

/* What E reaches and nobody named, from the closure. */
static void lose_reached(struct inquiry *q, const struct effect *e)
{
    const char *code = cascade_code(e);
    size_t i;

    for (i = 0; i < q->closure->nreaches; i++) {
        const struct closure_reach *r = &q->closure->reaches[i];
        const struct catalog_table *t = inquiry_table_by_oid(q, r->oid);
        struct buf object = {0};
        long index;

        if (r->effect != e || r->because == NULL || t == NULL ||
            (strncmp(r->because, "CASCADE", 7) != 0 && e->kind != EFFECT_TRUNCATE))
            continue;
        if (buf_addf(&object, q->err, r->column == NULL ? "%s.%s" : "%s.%s.%s", t->schema, t->name,
                     r->column) < 0) {
            q->failed = 1;
            return;
        }
        if ((r->fate & (CLOSURE_DROPPED | CLOSURE_EMPTIED)) != 0) {
            /* A partition is counted with its parent. */
            if (reached(q, e, t->parent, CLOSURE_DROPPED | CLOSURE_EMPTIED) == NULL &&
                !inquiry_past(q, q->past.tables, t->oid, NULL)) {
                index = inquiry_raise(q, code, e, object.data, "%s: %s loses its rows",
                                      r->because, object.data);
                set_reached(q, index, r->because, object.data);
                probe_table(q, index, t, t->kind == 'r');
                inquiry_remember(q, &q->past.tables, t->oid, NULL);
            }
        } else if (r->column != NULL && (r->why & CLOSURE_COLUMN_DROPPED) != 0 &&
                   reached(q, e, r->oid, CLOSURE_DROPPED) == NULL &&
                   !inquiry_past(q, q->past.dropped, t->oid, r->column)) {
            index = inquiry_raise(q, code, e, object.data, "%s: %s loses its values", r->because,
                                  object.data);
            set_reached(q, index, r->because, object.data);
            probe_column(q, index, t, r->column, 0);
            inquiry_remember(q, &q->past.dropped, t->oid, r->column);
        }
        buf_free(&object);
    }
}

/* E drops an attribute: what stores values of its type loses them in part. */
static void lose_attribute(struct inquiry *q, const struct effect *e)
{
    for (size_t i = 0; i < q->closure->nreaches; i++) {
        const struct closure_reach *r = &q->closure->reaches[i];
        const struct catalog_table *t = inquiry_table_by_oid(q, r->oid);
        struct buf object = {0};
        long index;

        if (r->effect != e || r->because == NULL || r->column == NULL || t == NULL ||
            strncmp(r->because, "attribute ", 10) != 0)
            continue;
        if (buf_addf(&object, q->err, "%s.%s.%s", t->schema, t->name, r->column) < 0) {
            q->failed = 1;
            return;
        }
        index = inquiry_raise(q, "drop-attribute", e, object.data, "%s: %s loses its values (not measured)", r->because,
                              object.data);
        set_reached(q, index, r->because, object.data);
        probe_column(q, index, t, r->column, 1);
        if (index >= 0)
            inquiry_probe(q, index)->bound = "some may hold nothing in that attribute";
        buf_free(&object);
    }
}

/* ---- all of it ---- */

void detect_loss(struct inquiry *q, const struct effect *e)
{
    const struct catalog_table *t = inquiry_table(q, e);

    if ((e->flags & (EFFECT_OWN | EFFECT_GONE | EFFECT_VERSION)) != 0)
        return;
    switch ((int)e->kind) {
    case EFFECT_DROP_TABLE:
        lose_table(q, e, "drop-table", "DROP TABLE");
        break;
    case EFFECT_DROP_MATVIEW:
        lose_table(q, e, "drop-materialized-view", "DROP MATERIALIZED VIEW");
        break;
    case EFFECT_TRUNCATE:
        lose_table(q, e, "truncate", "TRUNCATE");
        if ((e->flags & EFFECT_CASCADE) != 0 && q->closure == NULL)
            (void)inquiry_raise(q, "truncate-cascade", e, NULL,
                                "TRUNCATE ... CASCADE empties every table that references %s "
                                "(not measured)",
                                e->name);
        break;
    case EFFECT_DROP_COLUMN:
        lose_column(q, e);
        if (q->closure != NULL)
            lose_attribute(q, e);
        break;
    case EFFECT_DELETE:
    case EFFECT_UPDATE:
    case EFFECT_MERGE:
    case EFFECT_INSERT:
        detect_rows(q, e);
        break;
    case EFFECT_DROP_DATABASE:
        (void)inquiry_raise(q, "drop-database", e, NULL, "DROP DATABASE %s", e->name);
        break;
    case EFFECT_DROP_OWNED:
        (void)inquiry_raise(q, "drop-owned", e, NULL, "DROP OWNED drops whatever the role owns");
        break;
    case EFFECT_DROP_SEQUENCE:
        (void)inquiry_raise(q, "drop-sequence", e, NULL, "DROP SEQUENCE %s forgets its position",
                            e->name);
        break;
    case EFFECT_DROP_VIEW:
    case EFFECT_DROP_ROUTINE:
    case EFFECT_DROP_SCHEMA:
    case EFFECT_DROP_TYPE:
    case EFFECT_DROP_EXTENSION:
        if ((e->flags & EFFECT_CASCADE) != 0 && q->closure == NULL)
            (void)inquiry_raise(q, cascade_code(e), e, NULL,
                                "DROP ... %s CASCADE destroys whatever depends on it (not measured)",
                                e->name);
        break;
    case EFFECT_ALTER_TABLE_OTHER:
        if (strcmp(e->detail, "AT_DropAttribute") == 0 && q->closure != NULL)
            lose_attribute(q, e);
        else if (strcmp(e->detail, "AT_DropAttribute") == 0)
            (void)inquiry_raise(q, "drop-attribute", e, NULL,
                                "DROP ATTRIBUTE %s.%s destroys it in every column of the type (not measured)", e->name,
                                e->column == NULL ? "" : e->column);
        if (strcmp(e->detail, "AT_DropIdentity") == 0)
            (void)inquiry_raise(q, "drop-identity", e, NULL, "DROP IDENTITY of %s.%s forgets its position",
                                e->name, e->column == NULL ? "" : e->column);
        break;
    case EFFECT_DROP_OTHER:
        if (e->detail != NULL && strcmp(e->detail, "DropTableSpaceStmt") == 0)
            (void)inquiry_raise(q, "drop-tablespace", e, NULL, "DROP TABLESPACE");
        break;
    default:
        break;
    }
    if ((e->flags & EFFECT_CASCADE) != 0 && q->closure != NULL) {
        lose_reached(q, e);
        if (e->kind != EFFECT_TRUNCATE)
            dropped_along(q, e);
    }
    if (t != NULL && (e->kind == EFFECT_DELETE || e->kind == EFFECT_UPDATE ||
                      e->kind == EFFECT_INSERT || e->kind == EFFECT_MERGE ||
                      e->kind == EFFECT_COPY_IN || e->kind == EFFECT_TRUNCATE))
        inquiry_remember(q, &q->past.writing, t->oid, NULL);
}
