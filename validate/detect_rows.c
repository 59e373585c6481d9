/* Rows that DELETE, UPDATE, MERGE and INSERT ... ON CONFLICT destroy or alter, and how to count them. */
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "migration/plan.h"
#include "pg/catalog.h"
#include "pg/query.h"
#include "pg/quote.h"
#include "script/closure.h"
#include "script/deparse.h"
#include "script/effect.h"
#include "script/node.h"
#include "script/statement.h"
#include "validate/cost.h"
#include "validate/detect.h"
#include "validate/facts.h"
#include "validate/inquiry.h"
#include "validate/pick.h"
#include "validate/probe.h"

/* ---- DELETE ---- */

static void lose_rows_of(struct inquiry *q, const struct effect *e, const struct catalog_table *t)
{
    char *object = t == NULL ? inquiry_object(q, e) : NULL, *where = NULL;
    const char *alias = pick_alias(e);
    struct pick pick = {0};
    struct buf b = {0};
    int only = (e->flags & EFFECT_ONLY) != 0 || (t != NULL && t->kind == 'r');
    long index;

    if (t != NULL && buf_addf(&b, q->err, "%s.%s", t->schema, t->name) == 0)
        object = buf_take(&b, q->err);
    if (object == NULL) {
        inquiry_oom(q);
        return;
    }
    index = inquiry_raise(q, "delete-rows", e, object, "DELETE FROM %s%s destroys rows (not measured)",
                          object, e->flags & EFFECT_WHOLE ? " without WHERE" : "");
    probe_subject(q, index, "DELETE FROM", object);
    if (t == NULL || index < 0 || t->kind == 'v' || pick_find(q, e, &pick) < 0)
        goto out;
    inquiry_finding(q, index)->covered = t->kind != 'f';
    if (pick.bound == NULL)
        where = pick_condition(q, &pick);
    if (pick_begin(q, &b, &pick, t, only) < 0 ||
        buf_adds(&b, ", count(*), coalesce(sum(", q->err) < 0 ||
        probe_nonnulls(q, &b, t, alias) < 0 ||
        buf_adds(&b, "), 0), coalesce(sum(pg_column_size(", q->err) < 0 ||
        quote_ident(&b, alias, q->err) < 0 || buf_adds(&b, ".*)), 0)", q->err) < 0 ||
        probe_from(&b, t, only, alias, q->err) < 0 ||
        (where != NULL && buf_addf(&b, q->err, " WHERE %s", where) < 0)) {
        q->failed = 1;
        goto out;
    }
    q->quotes = where != NULL;
    probe_set(q, index, PROBE_LOSS, &b, t, 1);
    pick_set(q, index, &pick);
out:
    pick_free(&pick);
    free(where);
    free(object);
    buf_free(&b);
}

static void lose_rows(struct inquiry *q, const struct effect *e)
{
    lose_rows_of(q, e, inquiry_table(q, e));
    probe_children(q, e, lose_rows_of);
}

/* ---- UPDATE ---- */

/* The expression that UPDATE assigns to E's column, or NULL. */
static const json_t *assigned(const struct effect *e)
{
    const json_t *targets = node_get(e->node, "targetList");
    size_t i;

    for (i = 0; e->column != NULL && i < node_count(targets); i++) {
        const json_t *target = node_as(node_at(targets, i), "ResTarget");

        if (node_is(target, "name", e->column))
            return pick_assigned(target);
    }
    return NULL;
}

/* UPDATE without FROM: each row has one new value. */
static int change_alone(struct inquiry *q, struct buf *b, const struct pick *pick,
                        const struct catalog_table *t, int only, const char *alias,
                        const char *column, const char *changed)
{
    /* NULLs too: what stands there by then is not known. */
    if (pick->retyped)
        return pick_begin(q, b, pick, t, only) < 0 ||
                       buf_adds(b, ", count(*), count(*), coalesce(sum(pg_column_size(", q->err) < 0 ||
                       quote_ident(b, column, q->err) < 0 || buf_adds(b, ")), 0)", q->err) < 0
                   ? -1
                   : probe_from(b, t, only, alias, q->err);
    return pick_begin(q, b, pick, t, only) < 0 || buf_adds(b, ", count(", q->err) < 0 ||
                   quote_ident(b, column, q->err) < 0 ||
                   buf_addf(b, q->err, ")%s, count(", changed) < 0 ||
                   quote_ident(b, column, q->err) < 0 ||
                   buf_addf(b, q->err, ")%s, coalesce(sum(pg_column_size(", changed) < 0 ||
                   quote_ident(b, column, q->err) < 0 ||
                   buf_addf(b, q->err, "))%s, 0)", changed) < 0 ||
                   probe_from(b, t, only, alias, q->err) < 0 ||
                   (pick->where != NULL && pick->bound == NULL &&
                    buf_addf(b, q->err, " WHERE %s", pick->where) < 0)
               ? -1
               : 0;
}

/* UPDATE ... FROM: a row that meets several takes the value of one of them, nobody knows which. */
static int change_joined(struct inquiry *q, struct buf *b, const struct pick *pick,
                         const struct catalog_table *t, int only, const char *alias,
                         const char *column, const char *changed)
{
    if (pick_begin(q, b, pick, t, only) < 0 ||
        buf_adds(b,
                 ", count(*) FILTER (WHERE s.hit > 0), count(*) FILTER (WHERE s.hit > 0), "
                 "coalesce(sum(s.size) FILTER (WHERE s.hit > 0), 0), -1, count(*) FILTER (WHERE "
                 "s.hit > 0 AND s.hit < s.n) FROM (SELECT count(*) AS n, max(pg_column_size(",
                 q->err) < 0 ||
        quote_ident(b, alias, q->err) < 0 || buf_addc(b, '.', q->err) < 0 ||
        quote_ident(b, column, q->err) < 0 || buf_adds(b, ")) AS size, count(", q->err) < 0 ||
        quote_ident(b, alias, q->err) < 0 || buf_addc(b, '.', q->err) < 0 ||
        quote_ident(b, column, q->err) < 0 || buf_addf(b, q->err, ")%s AS hit", changed) < 0 ||
        probe_from(b, t, only, alias, q->err) < 0 ||
        buf_addf(b, q->err, ", %s%s%s GROUP BY ", pick->from, pick->where == NULL ? "" : " WHERE ",
                 pick->where == NULL ? "" : pick->where) < 0 ||
        quote_ident(b, alias, q->err) < 0 || buf_adds(b, ".tableoid, ", q->err) < 0 ||
        quote_ident(b, alias, q->err) < 0)
        return -1;
    return buf_adds(b, ".ctid) s", q->err);
}

static void change_rows(struct inquiry *q, const struct effect *e)
{
    const struct catalog_table *t = inquiry_table(q, e);
    const char *column = e->column_on_server != NULL ? e->column_on_server : e->column;
    const struct catalog_column *c = probe_column_of(t, column);
    const char *alias = pick_alias(e);
    const json_t *value = assigned(e);
    int only = (e->flags & EFFECT_ONLY) != 0;
    char *object = inquiry_object(q, e), *expression = NULL;
    struct buf b = {0}, changed = {0};
    struct pick pick = {0};
    long index;

    if (object == NULL)
        return;
    index = inquiry_raise(q, "update-rows", e, object, "UPDATE of %s overwrites values (not measured)",
                          object);
    probe_subject(q, index, "UPDATE of", object);
    if (t == NULL || index < 0 || t->kind == 'v' || pick_find(q, e, &pick) < 0)
        goto out;
    inquiry_finding(q, index)->covered = t->kind != 'f';
    if (c == NULL) {
        probe_set(q, index, PROBE_LOSS, NULL, t, 1);
        goto out;
    }
    if (value == NULL || (expression = deparse_expression(
                              e->statement->text, e->statement->tree, value)) == NULL)
        pick.bound = "what it assigns cannot be printed";
    else if (cost_volatile(q, value))
        pick.bound = "what it assigns is volatile";
    if ((pick.bound == NULL && (buf_adds(&changed, " FILTER (WHERE ", q->err) < 0 ||
                                pick_changed(q, &changed, alias, column, c->type, expression) < 0 ||
                                buf_addc(&changed, ')', q->err) < 0)) ||
        (pick.bound == NULL && pick.from != NULL ? change_joined : change_alone)(
            q, &b, &pick, t, only, alias, column, changed.len == 0 ? "" : changed.data) < 0) {
        q->failed = 1;
        goto out;
    }
    q->quotes = 1;
    probe_set(q, index, PROBE_LOSS, &b, t, 1);
    pick_set(q, index, &pick);
    inquiry_probe(q, index)->values_per_row = 1;
    if (pick.bound == NULL && pick.from == NULL && pick.with[0] == '\0')
        probe_undo(q, index, t, only, alias, column, c->type, expression, pick.where);
out:
    pick_free(&pick);
    free(expression);
    free(object);
    buf_free(&b);
    buf_free(&changed);
}

/* ---- ON DELETE CASCADE ---- */

/* "a, b" of the lines of COLUMNS, or "x.a, x.b". */
static int add_names(struct buf *b, const char *prefix, const char *columns, struct err *err)
{
    const char *p = columns;

    while (p != NULL && *p != '\0') {
        const char *end = strchr(p, '\n');
        size_t len = end == NULL ? strlen(p) : (size_t)(end - p);
        char *name = strndup(p, len);

        if (name == NULL)
            return err_oom(err);
        if ((p != columns && buf_adds(b, ", ", err) < 0) ||
            (prefix != NULL && (buf_adds(b, prefix, err) < 0 || buf_addc(b, '.', err) < 0)) ||
            quote_ident(b, name, err) < 0) {
            free(name);
            return -1;
        }
        free(name);
        p = end == NULL ? NULL : end + 1;
    }
    return 0;
}

/* " WHERE (a, b) IN (SELECT c, d FROM ...)": rows whose key by K is among those of FROM. */
static int add_referencing(struct buf *b, const struct facts_constraint *k, const char *from, struct err *err)
{
    return buf_adds(b, " WHERE (", err) < 0 || add_names(b, NULL, k->columns, err) < 0 ||
                   buf_adds(b, ") IN (SELECT ", err) < 0 || add_names(b, NULL, k->partner_columns, err) < 0
               ? -1
               : buf_addf(b, err, "%s)", from);
}

/* Does a foreign key of CHILD carry a DELETE on to it?  Then its rows may go with the statement. */
static int carried_too(const struct inquiry *q, const struct catalog_table *child)
{
    struct facts_constraint k;

    for (size_t i = 0; facts_constraint(q->facts, i, &k); i++)
        if (k.type == 'f' && k.table == child->oid && strchr("cnd", k.on_delete) != NULL)
            return 1;
    return 0;
}

/* Does a statement after E's change rows of OID? */
static int written_later(const struct inquiry *q, const struct effect *e, uint32_t oid)
{
    for (size_t i = q->step; i < q->plan->nsteps; i++)
        for (size_t n = 0; q->steps[i] != NULL && n < q->steps[i]->count; n++) {
            const struct effect *x = &q->steps[i]->items[n];

            if ((i > q->step || x->statement->index > e->statement->index) && closure_relation(q->closure, x) == oid &&
                (x->kind == EFFECT_DELETE || x->kind == EFFECT_UPDATE || x->kind == EFFECT_TRUNCATE || x->kind == EFFECT_MERGE))
                return 1;
        }
    return 0;
}

/* Has TABLE a trigger that fires before its rows go? */
static int cleans_up(const struct inquiry *q, uint32_t table)
{
    struct err why = {0};
    uint64_t n = 0;

    return query_countf(q->conn, &n, &why, "SELECT count(*) FROM pg_catalog.pg_trigger WHERE tgrelid = %u AND NOT tgisinternal "
                        "AND tgenabled <> 'D' AND tgtype & 10 = 10", table) < 0 || n > 0;
}

/* Rows of CHILD that reference by K what goes (FROM) and forbid it: NO ACTION and RESTRICT. */
static void forbidden(struct inquiry *q, const struct effect *e, const struct facts_constraint *k,
                      const struct catalog_table *child, const struct pick *pick, const char *from)
{
    struct buf sql = {0}, object = {0}, subject = {0};
    int may = 0;
    long index;

    if (inquiry_past(q, q->past.constraints, child->oid, k->name) || inquiry_past(q, q->past.tables, child->oid, NULL))
        return;
    for (size_t i = 0; i < child->ncolumns; i++)
        if (facts_names(k->columns, child->columns[i].name) &&
            inquiry_past(q, q->past.dropped, child->oid, child->columns[i].name))
            return;
    if (pick_begin(q, &sql, pick, child, 0) < 0 || buf_adds(&sql, ", count(*)", q->err) < 0 ||
        probe_from(&sql, child, 0, NULL, q->err) < 0 || add_referencing(&sql, k, from, q->err) < 0 ||
        buf_addf(&object, q->err, "%s.%s", child->schema, child->name) < 0 ||
        buf_addf(&subject, q->err, "%s.%s (foreign key %s)", k->partner_schema, k->partner_relation, k->name) < 0) {
        q->failed = 1;
        goto out;
    }
    index = inquiry_raise(q, "still-referenced", e, object.data, "DELETE FROM %s fails where a row of %s references what goes (not measured)",
                          subject.data, object.data);
    probe_subject(q, index, "DELETE FROM", subject.data);
    probe_what(q, index, "still reference what goes");
    if (index >= 0) {
        q->quotes = 1;
        probe_set(q, index, PROBE_VIOLATION, &sql, child, -1);
        pick_set(q, index, pick);
        inquiry_probe(q, index)->certain = 1;
        if (carried_too(q, child))
            inquiry_probe(q, index)->shaken = 1;
        /* The script may have taken them away itself: that is the usual order.  It may do so afterwards where the key waits;
         * or a trigger does. */
        if ((k->deferrable && written_later(q, e, child->oid)) || cleans_up(q, k->partner)) {
            inquiry_probe(q, index)->shaken = 1;
            may = 1;
        }
        if ((may || inquiry_past(q, q->past.written, child->oid, NULL)) && inquiry_finding(q, index)->severity > SEVERITY_MEDIUM)
            inquiry_finding(q, index)->severity = SEVERITY_MEDIUM;
    }
out:
    buf_free(&sql);
    buf_free(&object);
    buf_free(&subject);
}

/* The key by which T's own rows go with other ones of it. */
static int own_key(const struct inquiry *q, const struct catalog_table *t, struct facts_constraint *k)
{
    for (size_t i = 0; facts_constraint(q->facts, i, k); i++)
        if (k->type == 'f' && k->table == t->oid && k->partner == t->oid && k->on_delete == 'c' && !k->inherited)
            return 1;
    return 0;
}

/* Into WIDER: FROM, and the rows of T that go with those by its own key, and with those again. */
static int follow_own(struct inquiry *q, const struct catalog_table *t, const struct facts_constraint *k,
                      const char *from, struct buf *wider)
{
    return probe_from(wider, t, 0, NULL, q->err) < 0 || buf_adds(wider, " WHERE (", q->err) < 0 ||
                   add_names(wider, NULL, k->partner_columns, q->err) < 0 ||
                   buf_adds(wider, ") IN (WITH RECURSIVE mig_gone AS (SELECT ", q->err) < 0 ||
                   add_names(wider, NULL, k->partner_columns, q->err) < 0 ||
                   buf_addf(wider, q->err, "%s UNION SELECT ", from) < 0 ||
                   add_names(wider, "mig_next", k->partner_columns, q->err) < 0 ||
                   probe_from(wider, t, 0, "mig_next", q->err) < 0 || buf_adds(wider, " JOIN mig_gone ON (", q->err) < 0 ||
                   add_names(wider, "mig_next", k->columns, q->err) < 0 || buf_adds(wider, ") = (", q->err) < 0 ||
                   add_names(wider, "mig_gone", k->partner_columns, q->err) < 0
               ? -1
               : buf_adds(wider, ")) SELECT * FROM mig_gone)", q->err);
}

/* Rows of T that go with the ones of FROM by T's own key K; WIDER: both. */
static void lose_own(struct inquiry *q, const struct effect *e, const struct catalog_table *t,
                     const struct facts_constraint *k, const struct pick *pick, const char *from, const char *wider)
{
    struct buf sql = {0}, object = {0};
    long index;

    if (pick_begin(q, &sql, pick, t, 0) < 0 || buf_adds(&sql, ", count(*), coalesce(sum(", q->err) < 0 ||
        probe_nonnulls(q, &sql, t, NULL) < 0 ||
        buf_addf(&sql, q->err, "), 0), 0%s AND (tableoid, ctid) NOT IN (SELECT tableoid, ctid%s)", wider, from) < 0 ||
        buf_addf(&object, q->err, "%s.%s", t->schema, t->name) < 0) {
        q->failed = 1;
        goto out;
    }
    index = inquiry_raise(q, "delete-cascades", e, object.data, "foreign key %s carries the DELETE on to other rows of %s",
                          k->name, object.data);
    probe_subject(q, index, "ON DELETE CASCADE from", object.data);
    if (index >= 0) {
        inquiry_finding(q, index)->covered = 1;
        q->quotes = 1;
        probe_set(q, index, PROBE_LOSS, &sql, t, 1);
        pick_set(q, index, pick);
    }
out:
    buf_free(&sql);
    buf_free(&object);
}

/* Rows of the tables that reference T by ON DELETE CASCADE, where T's own are FROM (" FROM t WHERE ...").
 * Depth first; a table is followed once on its path. */
void detect_carried(struct inquiry *q, const struct effect *e, const struct catalog_table *t,
                    const struct pick *pick, const char *from, int depth)
{
    struct facts_constraint k;
    struct buf wider = {0};
    size_t i;

    if (own_key(q, t, &k)) {
        if (follow_own(q, t, &k, from, &wider) < 0)
            q->failed = 1;
        else
            lose_own(q, e, t, &k, pick, from, wider.data);
        from = wider.data;
    }
    for (i = 0; depth < 8 && !q->failed && facts_constraint(q->facts, i, &k); i++) {
        const struct catalog_table *child = inquiry_table_by_oid(q, k.table);
        struct buf where = {0}, sql = {0}, object = {0};
        long index;

        int cascade = k.on_delete == 'c';
        const char *line;
        int columns = 1;

        /* What a partition has of its parent is counted there. */
        if (k.type != 'f' || k.partner != t->oid || (cascade && k.table == t->oid) || child == NULL ||
            (child->parent != 0 && k.inherited))
            continue;
        if (strchr("cnd", k.on_delete) == NULL) {
            /* Of a table that references itself, the statement may take both. */
            if (k.table != t->oid)
                forbidden(q, e, &k, child, pick, from);
            continue;
        }
        for (line = k.columns; line != NULL && (line = strchr(line, '\n')) != NULL; line++)
            columns++;
        if (probe_from(&where, child, 0, NULL, q->err) < 0 || add_referencing(&where, &k, from, q->err) < 0 ||
            pick_begin(q, &sql, pick, child, 0) < 0 ||
            (cascade ? buf_adds(&sql, ", count(*), coalesce(sum(", q->err) < 0 ||
                           probe_nonnulls(q, &sql, child, NULL) < 0 ||
                           buf_addf(&sql, q->err, "), 0), 0%s", where.data) < 0
                     : buf_addf(&sql, q->err, ", count(*), %d * count(*), 0%s", columns,
                                where.data) < 0) ||
            buf_addf(&object, q->err, "%s.%s", child->schema, child->name) < 0) {
            q->failed = 1;
            goto next;
        }
        index = inquiry_raise(q, "delete-cascades", e, object.data,
                              "foreign key %s carries the DELETE on to %s", k.name, object.data);
        probe_subject(q, index, cascade ? "ON DELETE CASCADE from" : "ON DELETE SET NULL in",
                      object.data);
        if (index >= 0) {
            inquiry_finding(q, index)->covered = 1;
            q->quotes = 1;
            probe_set(q, index, PROBE_LOSS, &sql, child, 1);
            pick_set(q, index, pick);
        }
        if (cascade)
            detect_carried(q, e, child, pick, where.data, depth + 1);
    next:
        buf_free(&where);
        buf_free(&sql);
        buf_free(&object);
    }
    buf_free(&wider);
}

static void delete_cascades(struct inquiry *q, const struct effect *e)
{
    const struct catalog_table *t = inquiry_table(q, e);
    struct pick pick = {0};
    char *where = NULL;
    struct buf from = {0};

    if (t == NULL || t->kind == 'v' || pick_find(q, e, &pick) < 0)
        goto out;
    if (pick.bound == NULL)
        where = pick_condition(q, &pick);
    if (probe_from(&from, t, (e->flags & EFFECT_ONLY) != 0, pick_alias(e), q->err) < 0 ||
        (where != NULL && buf_addf(&from, q->err, " WHERE %s", where) < 0))
        q->failed = 1;
    else
        detect_carried(q, e, t, &pick, from.data, 0);
out:
    pick_free(&pick);
    free(where);
    buf_free(&from);
}

/* ---- all of it ---- */

void detect_rows(struct inquiry *q, const struct effect *e)
{
    switch ((int)e->kind) {
    case EFFECT_DELETE:
        lose_rows(q, e);
        delete_cascades(q, e);
        break;
    case EFFECT_UPDATE:
        change_rows(q, e);
        break;
    case EFFECT_MERGE:
    case EFFECT_INSERT:
        detect_merge(q, e);
        break;
    default:
        break;
    }
}
