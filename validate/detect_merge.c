/* Rows that MERGE and INSERT ... ON CONFLICT DO UPDATE destroy or overwrite. */
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "pg/catalog.h"
#include "pg/quote.h"
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

/* ---- MERGE ---- */

/* "CASE WHEN ... THEN" of the first action that a matched row meets: in V how many stored values it
 * destroys, in GONE whether the row goes.  0: it may be counted. */
static int merge_actions(struct inquiry *q, const struct effect *e, const struct catalog_table *t,
                         const char *alias, struct pick *pick, struct buf *v, struct buf *gone)
{
    const json_t *clauses = node_get(e->node, "mergeWhenClauses");
    size_t i, k;

    if (buf_adds(v, "CASE", q->err) < 0 || buf_adds(gone, "CASE", q->err) < 0)
        return -1;
    for (i = 0; i < node_count(clauses); i++) {
        const json_t *clause = node_as(node_at(clauses, i), "MergeWhenClause");
        const json_t *condition = node_get(clause, "condition");
        const json_t *targets = node_get(clause, "targetList");
        int deletes = node_is(clause, "commandType", "CMD_DELETE");
        char *when;

        if (!node_true(clause, "matched"))
            continue;
        when = condition == NULL ? strdup("true")
                                 : deparse_expression(e->statement->text, e->statement->tree,
                                                      condition);
        if (when == NULL || cost_volatile(q, condition))
            pick->bound = "a WHEN condition cannot be known";
        if (buf_addf(v, q->err, " WHEN %s THEN ", when == NULL ? "true" : when) < 0 ||
            buf_addf(gone, q->err, " WHEN %s THEN %d", when == NULL ? "true" : when, deletes) < 0 ||
            (deletes ? probe_nonnulls(q, v, t, alias) < 0 : buf_addc(v, '0', q->err) < 0)) {
            free(when);
            return -1;
        }
        free(when);
        for (k = 0; node_is(clause, "commandType", "CMD_UPDATE") && k < node_count(targets); k++) {
            const json_t *target = node_as(node_at(targets, k), "ResTarget");
            const char *column = node_name(target, "name");
            const struct catalog_column *c = probe_column_of(t, column);
            const json_t *value = pick_assigned(target);
            char *expression = value == NULL || c == NULL
                                   ? NULL
                                   : deparse_expression(e->statement->text,
                                                        e->statement->tree, value);
            int rc;

            if (expression == NULL || cost_volatile(q, value)) {
                pick->bound = "what it assigns cannot be known";
                free(expression);
                continue;
            }
            rc = buf_adds(v, " + CASE WHEN ", q->err) < 0 || quote_ident(v, alias, q->err) < 0 ||
                         buf_addc(v, '.', q->err) < 0 || quote_ident(v, column, q->err) < 0 ||
                         buf_adds(v, " IS NOT NULL AND ", q->err) < 0 ||
                         pick_changed(q, v, alias, column, c->type, expression) < 0
                     ? -1
                     : buf_adds(v, " THEN 1 ELSE 0 END", q->err);
            free(expression);
            if (rc < 0)
                return -1;
        }
    }
    return buf_adds(v, " WHEN true THEN 0 END", q->err) < 0 ||
                   buf_adds(gone, " WHEN true THEN 0 END", q->err) < 0
               ? -1
               : 0;
}

/* More than it can be: every row of T. */
static int all_rows(struct inquiry *q, struct buf *b, const struct pick *pick,
                    const struct catalog_table *t, int only)
{
    return pick_begin(q, b, pick, t, only) < 0 ||
                   buf_adds(b, ", count(*), coalesce(sum(", q->err) < 0 ||
                   probe_nonnulls(q, b, t, NULL) < 0 || buf_adds(b, "), 0), 0", q->err) < 0 ||
                   probe_from(b, t, only, NULL, q->err) < 0
               ? -1
               : 0;
}

static void merge_rows(struct inquiry *q, const struct effect *e)
{
    const struct catalog_table *t = inquiry_table(q, e);
    const char *alias = pick_alias(e);
    char *object = inquiry_object(q, e);
    int only = (e->flags & EFFECT_ONLY) != 0;
    struct buf b = {0}, v = {0}, gone = {0}, from = {0};
    struct pick pick = {0};
    long index;

    if (object == NULL)
        return;
    index = inquiry_raise(q, "merge-rows", e, object, "MERGE INTO %s changes rows (not measured)",
                          object);
    probe_subject(q, index, "MERGE INTO", object);
    if (t == NULL || index < 0 || t->kind == 'v' || pick_find(q, e, &pick) < 0)
        goto out;
    inquiry_finding(q, index)->covered = 1;
    if (merge_actions(q, e, t, alias, &pick, &v, &gone) < 0)
        goto fail;
    if (pick.bound != NULL) {
        if (all_rows(q, &b, &pick, t, only) < 0)
            goto fail;
    } else if (pick_begin(q, &b, &pick, t, only) < 0 ||
               buf_addf(&b, q->err,
                        ", count(*) FILTER (WHERE s.gone = 1 OR s.v > 0), coalesce(sum(s.v), 0), "
                        "coalesce(sum(s.size) FILTER (WHERE s.gone = 1 OR s.v > 0), 0) FROM (SELECT "
                        "%s AS v, %s AS gone, pg_column_size(",
                        v.data, gone.data) < 0 ||
               quote_ident(&b, alias, q->err) < 0 || buf_adds(&b, ".*) AS size", q->err) < 0 ||
               probe_from(&b, t, only, alias, q->err) < 0 ||
               buf_addf(&b, q->err, " JOIN %s ON (%s)) s", pick.from, pick.where) < 0) {
        goto fail;
    }
    q->quotes = 1;
    probe_set(q, index, PROBE_LOSS, &b, t, 1);
    pick_set(q, index, &pick);
    if (probe_from(&from, t, only, alias, q->err) < 0 ||
        (pick.bound == NULL &&
         buf_addf(&from, q->err, " WHERE EXISTS (SELECT 1 FROM %s WHERE (%s) AND %s = 1)",
                  pick.from, pick.where, gone.data) < 0))
        goto fail;
    if (strstr(gone.data, "THEN 1") != NULL)
        detect_carried(q, e, t, &pick, from.data, 0);
    goto out;
fail:
    q->failed = 1;
out:
    pick_free(&pick);
    free(object);
    buf_free(&b);
    buf_free(&v);
    buf_free(&gone);
    buf_free(&from);
}

/* ---- INSERT ... ON CONFLICT DO UPDATE ---- */

/* The columns whose conflict is meant, one a line: those named, or the constraint's.  NULL: none
 * that can be compared. */
static char *conflict_columns(struct inquiry *q, const struct catalog_table *t,
                              const json_t *infer)
{
    const json_t *elements = node_get(infer, "indexElems");
    const char *constraint = node_name(infer, "conname");
    struct facts_constraint k;
    struct buf b = {0};
    size_t i;

    for (i = 0; constraint != NULL && facts_constraint(q->facts, i, &k); i++)
        if (k.table == t->oid && strcmp(k.name, constraint) == 0 && k.columns != NULL)
            return strdup(k.columns);
    if (node_get(infer, "whereClause") != NULL)
        return NULL;
    for (i = 0; i < node_count(elements); i++) {
        const char *name = node_name(node_as(node_at(elements, i), "IndexElem"), "name");

        if (name == NULL || buf_addf(&b, q->err, "%s%s", i > 0 ? "\n" : "", name) < 0) {
            buf_free(&b);
            return NULL;
        }
    }
    return b.len == 0 ? NULL : buf_take(&b, q->err);
}

/* " x.a = excluded.a AND ..." */
static int add_met(struct inquiry *q, struct buf *b, const char *alias, const char *columns)
{
    const char *p = columns;

    while (p != NULL) {
        const char *end = strchr(p, '\n');
        char *name = strndup(p, end == NULL ? strlen(p) : (size_t)(end - p));
        int rc;

        if (name == NULL)
            return err_oom(q->err);
        rc = buf_adds(b, p == columns ? " WHERE " : " AND ", q->err) < 0 ||
                     quote_ident(b, alias, q->err) < 0 || buf_addc(b, '.', q->err) < 0 ||
                     quote_ident(b, name, q->err) < 0 || buf_adds(b, " = excluded.", q->err) < 0
                 ? -1
                 : quote_ident(b, name, q->err);
        free(name);
        if (rc < 0)
            return -1;
        p = end == NULL ? NULL : end + 1;
    }
    return 0;
}

static void upsert_rows(struct inquiry *q, const struct effect *e)
{
    const json_t *conflict = node_get(e->node, "onConflictClause");
    const json_t *targets = node_get(conflict, "targetList");
    const json_t *condition = node_get(conflict, "whereClause");
    const struct catalog_table *t = inquiry_table(q, e);
    const char *alias = pick_alias(e);
    char *object = inquiry_object(q, e), *columns = NULL, *where = NULL;
    struct buf b = {0}, v = {0}, offered = {0};
    struct pick pick = {0};
    size_t i;
    int rc;
    long index;

    if (object == NULL)
        return;
    index = inquiry_raise(q, "merge-rows", e, object,
                          "INSERT ... ON CONFLICT DO UPDATE changes rows of %s (not measured)",
                          object);
    probe_subject(q, index, "ON CONFLICT DO UPDATE of", object);
    if (t == NULL || index < 0 || t->kind == 'v' || pick_find(q, e, &pick) < 0)
        goto out;
    inquiry_finding(q, index)->covered = 1;
    columns = conflict_columns(q, t, node_get(conflict, "infer"));
    if (condition != NULL)
        where = deparse_expression(e->statement->text, e->statement->tree, condition);
    if ((rc = pick_offered(q, e, t, &offered)) < 0 || buf_addc(&v, '0', q->err) < 0)
        goto fail;
    if (columns == NULL || rc == 0 || (condition != NULL && where == NULL))
        pick.bound = "which rows it meets cannot be printed";
    for (i = 0; i < node_count(targets); i++) {
        const json_t *target = node_as(node_at(targets, i), "ResTarget");
        const struct catalog_column *c = probe_column_of(t, node_name(target, "name"));
        const json_t *value = pick_assigned(target);
        char *expression =
            value == NULL || c == NULL
                ? NULL
                : deparse_expression(e->statement->text, e->statement->tree, value);

        if (expression == NULL || cost_volatile(q, value) || cost_volatile(q, condition))
            pick.bound = "what it assigns cannot be known";
        else if (buf_adds(&v, " + CASE WHEN ", q->err) < 0 || quote_ident(&v, alias, q->err) < 0 ||
                 buf_addc(&v, '.', q->err) < 0 || quote_ident(&v, c->name, q->err) < 0 ||
                 buf_adds(&v, " IS NOT NULL AND ", q->err) < 0 ||
                 pick_changed(q, &v, alias, c->name, c->type, expression) < 0 ||
                 buf_adds(&v, " THEN 1 ELSE 0 END", q->err) < 0)
            q->failed = 1;
        free(expression);
    }
    if (pick.bound != NULL) {
        if (all_rows(q, &b, &pick, t, 0) < 0)
            goto fail;
    } else if (pick_begin(q, &b, &pick, t, 0) < 0 ||
               /* Within the inner SELECT a bare column is the table's, as it is in DO UPDATE. */
               buf_addf(&b, q->err,
                        ", count(*) FILTER (WHERE met.v > 0), coalesce(sum(met.v), 0), "
                        "coalesce(sum(met.size) FILTER (WHERE met.v > 0), 0)%s, LATERAL (SELECT %s AS "
                        "v, pg_column_size(",
                        offered.data, v.data) < 0 ||
               quote_ident(&b, alias, q->err) < 0 || buf_adds(&b, ".*) AS size", q->err) < 0 ||
               probe_from(&b, t, 0, alias, q->err) < 0 || add_met(q, &b, alias, columns) < 0 ||
               (where != NULL && buf_addf(&b, q->err, " AND (%s)", where) < 0) ||
               buf_adds(&b, ") AS met", q->err) < 0) {
        goto fail;
    }
    q->quotes = 1;
    probe_set(q, index, PROBE_LOSS, &b, t, 1);
    pick_set(q, index, &pick);
    goto out;
fail:
    q->failed = 1;
out:
    pick_free(&pick);
    free(columns);
    free(where);
    free(object);
    buf_free(&b);
    buf_free(&v);
    buf_free(&offered);
}

/* ---- all of it ---- */

void detect_merge(struct inquiry *q, const struct effect *e)
{
    if (e->kind == EFFECT_MERGE)
        merge_rows(q, e);
    else if (node_is(node_get(e->node, "onConflictClause"), "action", "ONCONFLICT_UPDATE"))
        upsert_rows(q, e);
}
