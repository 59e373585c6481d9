/* What destroys or alters stored data, and how to count it. */
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/strings.h"
#include "migration/plan.h"
#include "pg/catalog.h"
#include "pg/quote.h"
#include "script/closure.h"
#include "script/effect.h"
#include "script/node.h"
#include "script/parse.h"
#include "script/statement.h"
#include "validate/detect.h"
#include "validate/inquiry.h"

/* What earlier statements of the plan did, as "oid" or "oid.column". */
struct past {
    char **written; /* tables whose rows they change */
    char **dropped; /* columns that they drop: not lost a second time */
    char **tables;  /* tables that they drop */
};

static int past_has(char **list, uint32_t oid, const char *column)
{
    struct buf b = {0};
    struct err err = {0};
    int yes = 0;

    if (buf_addf(&b, &err, column == NULL ? "%u" : "%u.%s", oid, column) == 0)
        yes = strings_find(list, b.data) >= 0;
    buf_free(&b);
    return yes;
}

static void past_add(struct inquiry *q, char ***list, uint32_t oid, const char *column)
{
    if (strings_addf(list, q->err, column == NULL ? "%u" : "%u.%s", oid, column) < 0)
        q->failed = 1;
}

/* ---- SQL that counts ---- */

static int add_from(struct buf *b, const struct catalog_table *t, int only, const char *alias,
                    struct err *err)
{
    if (buf_adds(b, only ? " FROM ONLY " : " FROM ", err) < 0 ||
        quote_name(b, t->schema, t->name, err) < 0)
        return -1;
    if (alias == NULL)
        return 0;
    return buf_adds(b, " AS ", err) < 0 ? -1 : quote_ident(b, alias, err);
}

/* The number of non-null values in a row, over the columns that are not computed; "0" for none. */
static int add_nonnulls(struct buf *b, const struct catalog_table *t, const struct past *past,
                        const char *alias, struct err *err)
{
    size_t i, n = 0;

    for (i = 0; i < t->ncolumns; i++) {
        if (t->columns[i].generated != '\0' ||
            (past != NULL && past_has(past->dropped, t->oid, t->columns[i].name)))
            continue;
        /* A function takes at most 100 arguments. */
        if (buf_adds(b, n == 0 ? "num_nonnulls(" : n % 90 == 0 ? ") + num_nonnulls(" : ", ", err) <
                0 ||
            (alias != NULL && (quote_ident(b, alias, err) < 0 || buf_addc(b, '.', err) < 0)) ||
            quote_ident(b, t->columns[i].name, err) < 0)
            return -1;
        n++;
    }
    return buf_adds(b, n == 0 ? "0" : ")", err);
}

static void set_probe(struct inquiry *q, long index, enum probe_kind kind, struct buf *sql,
                      const struct catalog_table *t)
{
    struct probe *p = inquiry_probe(q, index);

    if (p == NULL || q->failed)
        return;
    p->kind = kind;
    if ((p->sql = buf_take(sql, q->err)) == NULL)
        q->failed = 1;
    p->rows = t->rows;
    p->bytes = t->bytes;
    p->values_per_row = (int)t->ncolumns;
}

static void set_subject(struct inquiry *q, long index, const char *verb, const char *object)
{
    struct probe *p = inquiry_probe(q, index);
    struct buf b = {0};

    if (p == NULL)
        return;
    if (buf_addf(&b, q->err, "%s %s", verb, object) < 0 ||
        (p->subject = buf_take(&b, q->err)) == NULL)
        q->failed = 1;
    buf_free(&b);
}

/* "CASCADE from type role, column public.p.r" */
static void set_reached(struct inquiry *q, long index, const char *because, const char *object)
{
    struct buf b = {0};

    if (buf_addf(&b, q->err, "%s:", because) < 0)
        q->failed = 1;
    else
        set_subject(q, index, b.data, object);
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

/* All rows of T go. */
static void probe_table(struct inquiry *q, long index, const struct catalog_table *t, int only,
                        const struct past *past)
{
    struct buf b = {0};

    if (index < 0)
        return;
    inquiry_finding(q, index)->covered = t->kind != 'f';
    if (t->kind == 'f')
        goto out;
    if (buf_adds(&b, "SELECT count(*), count(*), coalesce(sum(", q->err) < 0 ||
        add_nonnulls(&b, t, past, NULL, q->err) < 0 ||
        buf_addf(&b, q->err, "), 0), %s(%u)",
                 t->kind == 'p' ? "(SELECT sum(pg_total_relation_size(relid))::bigint FROM "
                                  "pg_partition_tree"
                                : "pg_total_relation_size",
                 t->oid) < 0 ||
        (t->kind == 'p' && buf_addc(&b, ')', q->err) < 0) ||
        add_from(&b, t, only && t->kind != 'p', NULL, q->err) < 0) {
        q->failed = 1;
        goto out;
    }
    set_probe(q, index, PROBE_LOSS, &b, t);
    inquiry_probe(q, index)->fraction = 1;
    inquiry_probe(q, index)->shaken = past_has(past->written, t->oid, NULL);
out:
    buf_free(&b);
}

static const struct catalog_column *column_of(const struct catalog_table *t, const char *name)
{
    size_t i;

    for (i = 0; name != NULL && i < t->ncolumns; i++)
        if (strcmp(t->columns[i].name, name) == 0)
            return &t->columns[i];
    return NULL;
}

/* The values of column NAME of T go. */
static void probe_column(struct inquiry *q, long index, const struct catalog_table *t,
                         const char *name, int only, const struct past *past)
{
    const struct catalog_column *c = column_of(t, name);
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
        add_from(&b, t, only && t->kind != 'p', NULL, q->err) < 0) {
        q->failed = 1;
        goto out;
    }
    set_probe(q, index, PROBE_LOSS, &b, t);
    inquiry_probe(q, index)->values_per_row = 1;
    inquiry_probe(q, index)->recreated = c->generated != '\0';
    inquiry_probe(q, index)->shaken = past_has(past->written, t->oid, NULL);
out:
    buf_free(&b);
}

/* ---- kinds of loss ---- */

static void lose_table(struct inquiry *q, const struct effect *e, const char *code,
                       const char *verb, struct past *past)
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
    set_subject(q, index, verb, object);
    if (t != NULL)
        probe_table(q, index, t,
                    (e->flags & EFFECT_ONLY) != 0 || e->kind == EFFECT_DROP_TABLE, past);
    if (t != NULL)
        past_add(q, &past->tables, t->oid, NULL);
out:
    free(object);
}

static void lose_column(struct inquiry *q, const struct effect *e, struct past *past)
{
    const struct catalog_table *t = inquiry_table(q, e);
    const char *column = e->column_on_server != NULL ? e->column_on_server : e->column;
    char *object = inquiry_object(q, e);
    long index;

    if (object == NULL)
        return;
    if (q->closure != NULL && (e->flags & EFFECT_IF_EXISTS) != 0 &&
        (t == NULL || column_of(t, column) == NULL))
        goto out;
    index = inquiry_raise(q, "drop-column", e, object,
                          "DROP COLUMN %s destroys its values (not measured)", object);
    set_subject(q, index, "DROP COLUMN", object);
    if (t != NULL) {
        probe_column(q, index, t, column, (e->flags & EFFECT_ONLY) != 0, past);
        past_add(q, &past->dropped, t->oid, column);
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

/* What E reaches and nobody named, from the closure. */
static void lose_reached(struct inquiry *q, const struct effect *e, struct past *past)
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
                !past_has(past->tables, t->oid, NULL)) {
                index = inquiry_raise(q, code, e, object.data, "%s: %s loses its rows",
                                      r->because, object.data);
                set_reached(q, index, r->because, object.data);
                probe_table(q, index, t, t->kind == 'r', past);
                past_add(q, &past->tables, t->oid, NULL);
            }
        } else if (r->column != NULL && (r->why & CLOSURE_COLUMN_DROPPED) != 0 &&
                   reached(q, e, r->oid, CLOSURE_DROPPED) == NULL &&
                   !past_has(past->dropped, t->oid, r->column)) {
            index = inquiry_raise(q, code, e, object.data, "%s: %s loses its values", r->because,
                                  object.data);
            set_reached(q, index, r->because, object.data);
            probe_column(q, index, t, r->column, 0, past);
            past_add(q, &past->dropped, t->oid, r->column);
        }
        buf_free(&object);
    }
}

/* ---- DELETE ---- */

static void lose_rows(struct inquiry *q, const struct effect *e, struct past *past)
{
    const struct catalog_table *t = inquiry_table(q, e);
    const json_t *relation = node_get(e->node, "relation");
    const char *alias = node_name(node_get(relation, "alias"), "aliasname");
    int simple = node_get(e->node, "usingClause") == NULL &&
                 node_get(e->node, "withClause") == NULL;
    char *object = inquiry_object(q, e), *where = NULL;
    struct buf b = {0};
    long index;

    if (object == NULL)
        return;
    if (alias == NULL)
        alias = e->name;
    index = inquiry_raise(q, "delete-rows", e, object, "DELETE FROM %s%s destroys rows (not measured)",
                          object, e->flags & EFFECT_WHOLE ? " without WHERE" : "");
    set_subject(q, index, "DELETE FROM", object);
    if (t == NULL || index < 0 || t->kind == 'v')
        goto out;
    inquiry_finding(q, index)->covered = 1;
    if (node_get(e->node, "whereClause") != NULL && (where = effect_expression(e)) == NULL)
        simple = 0;
    if (!simple) {
        struct probe *p = inquiry_probe(q, index);

        /* Which rows USING or a CTE picks is not counted: at most all of them. */
        p->kind = PROBE_LOSS;
        p->rows = t->rows;
        p->fraction = 1;
        p->values_per_row = (int)t->ncolumns;
        goto out;
    }
    if (buf_adds(&b, "SELECT (SELECT count(*)", q->err) < 0 ||
        add_from(&b, t, (e->flags & EFFECT_ONLY) != 0, NULL, q->err) < 0 ||
        buf_adds(&b, "), count(*), coalesce(sum(", q->err) < 0 ||
        add_nonnulls(&b, t, past, alias, q->err) < 0 ||
        buf_adds(&b, "), 0), coalesce(sum(pg_column_size(", q->err) < 0 ||
        quote_ident(&b, alias, q->err) < 0 || buf_adds(&b, ".*)), 0)", q->err) < 0 ||
        add_from(&b, t, (e->flags & EFFECT_ONLY) != 0, alias, q->err) < 0 ||
        (where != NULL && buf_addf(&b, q->err, " WHERE %s", where) < 0)) {
        q->failed = 1;
        goto out;
    }
    set_probe(q, index, PROBE_LOSS, &b, t);
    inquiry_probe(q, index)->fraction = 1;
    inquiry_probe(q, index)->shaken = past_has(past->written, t->oid, NULL);
out:
    free(where);
    free(object);
    buf_free(&b);
}

/* ---- all of it ---- */

static void one(struct inquiry *q, const struct effect *e, struct past *past)
{
    const struct catalog_table *t = inquiry_table(q, e);
    uint32_t oid = t == NULL ? 0 : t->oid;

    if ((e->flags & (EFFECT_OWN | EFFECT_GONE | EFFECT_VERSION)) != 0)
        return;
    switch ((int)e->kind) {
    case EFFECT_DROP_TABLE:
        lose_table(q, e, "drop-table", "DROP TABLE", past);
        break;
    case EFFECT_DROP_MATVIEW:
        lose_table(q, e, "drop-materialized-view", "DROP MATERIALIZED VIEW", past);
        break;
    case EFFECT_TRUNCATE:
        lose_table(q, e, "truncate", "TRUNCATE", past);
        if ((e->flags & EFFECT_CASCADE) != 0 && q->closure == NULL)
            (void)inquiry_raise(q, "truncate-cascade", e, NULL,
                                "TRUNCATE ... CASCADE empties every table that references %s "
                                "(not measured)",
                                e->name);
        break;
    case EFFECT_DROP_COLUMN:
        lose_column(q, e, past);
        break;
    case EFFECT_DELETE:
        lose_rows(q, e, past);
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
    case EFFECT_MERGE:
        (void)inquiry_raise(q, "merge-rows", e, NULL, "MERGE INTO %s changes rows", e->name);
        break;
    case EFFECT_INSERT:
        if (node_is(node_get(e->node, "onConflictClause"), "action", "ONCONFLICT_UPDATE"))
            (void)inquiry_raise(q, "merge-rows", e, NULL,
                                "INSERT ... ON CONFLICT DO UPDATE changes rows of %s", e->name);
        break;
    case EFFECT_DROP_SCHEMA:
    case EFFECT_DROP_TYPE:
    case EFFECT_DROP_EXTENSION:
        if ((e->flags & EFFECT_CASCADE) != 0 && q->closure == NULL)
            (void)inquiry_raise(q, cascade_code(e), e, NULL,
                                "DROP ... %s CASCADE destroys whatever depends on it (not measured)",
                                e->name);
        break;
    case EFFECT_ALTER_TABLE_OTHER:
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
    if (oid != 0 && (e->kind == EFFECT_DELETE || e->kind == EFFECT_UPDATE ||
                     e->kind == EFFECT_INSERT || e->kind == EFFECT_MERGE ||
                     e->kind == EFFECT_COPY_IN || e->kind == EFFECT_TRUNCATE))
        past_add(q, &past->written, oid, NULL);
}

void detect_loss(struct inquiry *q, struct effects *const *steps)
{
    struct past past = {NULL, NULL, NULL};
    size_t i, k;

    for (i = 0; i < q->plan->nsteps && !q->failed; i++) {
        q->step = i;
        for (k = 0; steps[i] != NULL && k < steps[i]->count && !q->failed; k++) {
            const struct effect *e = &steps[i]->items[k];

            one(q, e, &past);
            if ((e->flags & EFFECT_CASCADE) != 0 && q->closure != NULL)
                lose_reached(q, e, &past);
        }
    }
    strings_free(past.written);
    strings_free(past.dropped);
    strings_free(past.tables);
}
