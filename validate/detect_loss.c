/* What destroys or alters stored data, and how to count it. */
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "pg/catalog.h"
#include "pg/quote.h"
#include "script/closure.h"
#include "script/effect.h"
#include "script/node.h"
#include "script/parse.h"
#include "script/statement.h"
#include "validate/cost.h"
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

/* Children by plain inheritance have columns of their own: each is counted for itself.  Calls COUNT
 * for those that E reaches; partitions are counted with their parent. */
static void each_child(struct inquiry *q, const struct effect *e,
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
        each_child(q, e, empty_child);
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

/* ---- DELETE ---- */

static void lose_rows_of(struct inquiry *q, const struct effect *e, const struct catalog_table *t)
{
    const json_t *relation = node_get(e->node, "relation");
    const char *alias = node_name(node_get(relation, "alias"), "aliasname");
    int simple = node_get(e->node, "usingClause") == NULL &&
                 node_get(e->node, "withClause") == NULL;
    char *object = t == NULL ? inquiry_object(q, e) : NULL, *where = NULL;
    struct buf b = {0};
    int only = (e->flags & EFFECT_ONLY) != 0 || (t != NULL && t->kind == 'r');
    long index;

    if (t != NULL && buf_addf(&b, q->err, "%s.%s", t->schema, t->name) == 0)
        object = buf_take(&b, q->err);
    if (object == NULL) {
        inquiry_oom(q);
        return;
    }
    if (alias == NULL)
        alias = e->name;
    index = inquiry_raise(q, "delete-rows", e, object, "DELETE FROM %s%s destroys rows (not measured)",
                          object, e->flags & EFFECT_WHOLE ? " without WHERE" : "");
    probe_subject(q, index, "DELETE FROM", object);
    if (t == NULL || index < 0 || t->kind == 'v')
        goto out;
    inquiry_finding(q, index)->covered = 1;
    if (node_get(e->node, "whereClause") != NULL && (where = effect_expression(e)) == NULL)
        simple = 0;
    if (!simple) {
        /* Which rows USING or a CTE picks is not counted: at most all of them. */
        probe_set(q, index, PROBE_LOSS, NULL, t, 1);
        goto out;
    }
    if (buf_adds(&b, "SELECT (SELECT count(*)", q->err) < 0 ||
        probe_from(&b, t, only, NULL, q->err) < 0 ||
        buf_adds(&b, "), count(*), coalesce(sum(", q->err) < 0 ||
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
out:
    free(where);
    free(object);
    buf_free(&b);
}

static void lose_rows(struct inquiry *q, const struct effect *e)
{
    lose_rows_of(q, e, inquiry_table(q, e));
    each_child(q, e, lose_rows_of);
}

/* ---- UPDATE ---- */

/* The expression that UPDATE assigns to E's column, or NULL. */
static const json_t *assigned(const struct effect *e)
{
    const json_t *targets = node_get(e->node, "targetList");
    size_t i;

    for (i = 0; e->column != NULL && i < node_count(targets); i++) {
        const json_t *target = node_as(node_at(targets, i), "ResTarget");

        if (node_is(target, "name", e->column) && node_get(target, "indirection") == NULL)
            return node_get(target, "val");
    }
    return NULL;
}

static void change_rows(struct inquiry *q, const struct effect *e)
{
    const struct catalog_table *t = inquiry_table(q, e);
    const char *column = e->column_on_server != NULL ? e->column_on_server : e->column;
    const struct catalog_column *c = probe_column_of(t, column);
    const char *alias = node_name(node_get(node_get(e->node, "relation"), "alias"), "aliasname");
    const json_t *value = assigned(e);
    int only = (e->flags & EFFECT_ONLY) != 0;
    char *object = inquiry_object(q, e), *where = NULL, *expression = NULL;
    struct buf b = {0}, changed = {0};
    long index;

    if (object == NULL)
        return;
    if (alias == NULL)
        alias = e->name;
    index = inquiry_raise(q, "update-rows", e, object, "UPDATE of %s overwrites values (not measured)",
                          object);
    probe_subject(q, index, "UPDATE of", object);
    if (t == NULL || index < 0 || t->kind == 'v')
        goto out;
    inquiry_finding(q, index)->covered = 1;
    if (c != NULL && value != NULL && node_get(e->node, "fromClause") == NULL &&
        node_get(e->node, "withClause") == NULL && node_as(value, "SetToDefault") == NULL)
        expression = parse_deparse_expression(e->statement->text, e->statement->tree, value);
    if (node_get(e->node, "whereClause") != NULL)
        where = effect_expression(e);
    if (expression == NULL || (node_get(e->node, "whereClause") != NULL && where == NULL)) {
        probe_set(q, index, PROBE_LOSS, NULL, t, 1);
        goto out;
    }
    /* Compared as text, in the column's own type: 1 and 1.0 are one value, json has no equality. */
    if (buf_adds(&changed, " FILTER (WHERE ", q->err) < 0 ||
        quote_ident(&changed, alias, q->err) < 0 || buf_addc(&changed, '.', q->err) < 0 ||
        quote_ident(&changed, column, q->err) < 0 ||
        buf_addf(&changed, q->err, "::text IS DISTINCT FROM CAST((%s) AS %s)::text)", expression,
                 c->type) < 0 ||
        buf_adds(&b, "SELECT (SELECT count(*)", q->err) < 0 ||
        probe_from(&b, t, only, NULL, q->err) < 0 || buf_adds(&b, "), count(", q->err) < 0 ||
        quote_ident(&b, column, q->err) < 0 || buf_addf(&b, q->err, ")%s, count(", changed.data) < 0 ||
        quote_ident(&b, column, q->err) < 0 ||
        buf_addf(&b, q->err, ")%s, coalesce(sum(pg_column_size(", changed.data) < 0 ||
        quote_ident(&b, column, q->err) < 0 ||
        buf_addf(&b, q->err, "))%s, 0)", changed.data) < 0 ||
        probe_from(&b, t, only, alias, q->err) < 0 ||
        (where != NULL && buf_addf(&b, q->err, " WHERE %s", where) < 0)) {
        q->failed = 1;
        goto out;
    }
    q->quotes = 1;
    probe_set(q, index, PROBE_LOSS, &b, t, 1);
    inquiry_probe(q, index)->values_per_row = 1;
    if (!cost_volatile(q, value))
        probe_undo(q, index, t, only, alias, column, c->type, expression, where);
out:
    free(where);
    free(expression);
    free(object);
    buf_free(&b);
    buf_free(&changed);
}

/* ---- ON DELETE CASCADE ---- */

/* "(a, b)" of the lines of COLUMNS. */
static int add_list(struct buf *b, const char *columns, struct err *err)
{
    const char *p = columns;

    if (buf_addc(b, '(', err) < 0)
        return -1;
    while (p != NULL && *p != '\0') {
        const char *end = strchr(p, '\n');
        size_t len = end == NULL ? strlen(p) : (size_t)(end - p);
        char *name = strndup(p, len);

        if (name == NULL)
            return err_oom(err);
        if ((p != columns && buf_adds(b, ", ", err) < 0) || quote_ident(b, name, err) < 0) {
            free(name);
            return -1;
        }
        free(name);
        p = end == NULL ? NULL : end + 1;
    }
    return buf_addc(b, ')', err);
}

/* Rows of the tables that reference T by ON DELETE CASCADE, where T's own are FROM (" FROM t WHERE ...").
 * Depth first; a table is followed once on its path. */
static void carry_on(struct inquiry *q, const struct effect *e, const struct catalog_table *t,
                     const char *from, int depth)
{
    struct facts_constraint k;
    size_t i;

    for (i = 0; depth < 8 && !q->failed && facts_constraint(q->facts, i, &k); i++) {
        const struct catalog_table *child = inquiry_table_by_oid(q, k.table);
        struct buf where = {0}, sql = {0}, object = {0};
        long index;

        int cascade = k.on_delete == 'c';
        const char *line;
        int columns = 1;

        if (k.type != 'f' || k.partner != t->oid || strchr("cnd", k.on_delete) == NULL ||
            (cascade && k.table == t->oid) || child == NULL || child->parent != 0)
            continue;
        for (line = k.columns; line != NULL && (line = strchr(line, '\n')) != NULL; line++)
            columns++;
        if (probe_from(&where, child, 0, NULL, q->err) < 0 ||
            buf_adds(&where, " WHERE ", q->err) < 0 || add_list(&where, k.columns, q->err) < 0 ||
            buf_adds(&where, " IN (SELECT ", q->err) < 0 ||
            add_list(&where, k.partner_columns, q->err) < 0 ||
            buf_addf(&where, q->err, "%s)", from) < 0 ||
            buf_adds(&sql, "SELECT (SELECT count(*)", q->err) < 0 ||
            probe_from(&sql, child, 0, NULL, q->err) < 0 ||
            (cascade ? buf_adds(&sql, "), count(*), coalesce(sum(", q->err) < 0 ||
                           probe_nonnulls(q, &sql, child, NULL) < 0 ||
                           buf_addf(&sql, q->err, "), 0), 0%s", where.data) < 0
                     : buf_addf(&sql, q->err, "), count(*), %d * count(*), 0%s", columns,
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
        }
        if (cascade)
            carry_on(q, e, child, where.data, depth + 1);
    next:
        buf_free(&where);
        buf_free(&sql);
        buf_free(&object);
    }
}

static void delete_cascades(struct inquiry *q, const struct effect *e)
{
    const struct catalog_table *t = inquiry_table(q, e);
    const char *alias = node_name(node_get(node_get(e->node, "relation"), "alias"), "aliasname");
    char *where = NULL;
    struct buf from = {0};

    if (t == NULL || t->kind == 'v')
        return;
    if (node_get(e->node, "usingClause") == NULL && node_get(e->node, "withClause") == NULL)
        where = effect_expression(e);
    if (probe_from(&from, t, (e->flags & EFFECT_ONLY) != 0, alias == NULL ? e->name : alias,
                   q->err) < 0 ||
        (where != NULL && buf_addf(&from, q->err, " WHERE %s", where) < 0))
        q->failed = 1;
    else
        carry_on(q, e, t, from.data, 0);
    free(where);
    buf_free(&from);
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
        break;
    case EFFECT_DELETE:
        lose_rows(q, e);
        delete_cascades(q, e);
        break;
    case EFFECT_UPDATE:
        change_rows(q, e);
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
