/* What fails because of the rows that are there. */
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/strings.h"
#include "migration/plan.h"
#include "pg/catalog.h"
#include "pg/quote.h"
#include "script/closure.h"
#include "script/deparse.h"
#include "script/effect.h"
#include "script/node.h"
#include "script/statement.h"
#include "validate/column.h"
#include "validate/detect.h"
#include "validate/facts.h"
#include "validate/inquiry.h"
#include "validate/pick.h"
#include "validate/probe.h"

/* SELECT count(*), count(*) FILTER (WHERE <condition>) FROM t */
static void probe_rows(struct inquiry *q, long index, const struct catalog_table *t, int only,
                       const char *alias, const char *condition, double fraction, int quotes)
{
    struct buf b = {0};

    if (index >= 0 && t != NULL && t->kind != 'f') {
        if (buf_addf(&b, q->err, "SELECT count(*), count(*) FILTER (WHERE %s)", condition) < 0 ||
            probe_from(&b, t, only, alias, q->err) < 0)
            q->failed = 1;
        else {
            q->quotes = quotes;
            probe_set(q, index, PROBE_VIOLATION, &b, t, fraction);
        }
        inquiry_probe(q, index)->certain = 1;
    }
    buf_free(&b);
}

static void required(struct inquiry *q, const struct effect *e)
{
    const struct catalog_table *t = inquiry_table(q, e);
    char *object = inquiry_object(q, e);
    long index;

    if (object == NULL)
        return;
    index = inquiry_raise(q, "add-required-column", e, object,
                          "ADD COLUMN %s NOT NULL without a default fails if the table has a row",
                          object);
    probe_subject(q, index, "ADD COLUMN", object);
    probe_what(q, index, "would have no value for it");
    probe_rows(q, index, t, (e->flags & EFFECT_ONLY) != 0, NULL, "true", 1, 0);
    free(object);
}

/* SET NOT NULL of (or a key on) a column that the script added, by ADDED, and did not fill. */
static void bare(struct inquiry *q, const struct effect *e, const struct effect *added, const char *verb)
{
    const struct catalog_table *t = added == NULL ? NULL : inquiry_table(q, added);
    char *object;
    long index;

    if (added == NULL || !column_bare(q, e, added) || (object = inquiry_object(q, added)) == NULL)
        return;
    index = inquiry_raise(q, "null-violations", e, object,
                          "%s %s fails if the table has a row: nothing fills the column before", verb, object);
    probe_subject(q, index, verb, object);
    probe_what(q, index, "hold NULL");
    probe_rows(q, index, t, (e->flags & EFFECT_ONLY) != 0, NULL, "true", 1, 0);
    free(object);
}

static void nulls(struct inquiry *q, const struct effect *e, const char *column, const char *verb)
{
    const struct catalog_table *t = inquiry_table(q, e);
    struct facts_column c;
    char *object = inquiry_object(q, e);
    struct buf b = {0};
    long index;

    if (object == NULL)
        return;
    if (t != NULL && (e->kind == EFFECT_SET_NOT_NULL ? column_now(q, e, t->oid, &c)
                                                     : facts_column(q->facts, t->oid, column, &c)) && c.not_null)
        goto out;
    /* Every NULL is overwritten before. */
    if (e->kind == EFFECT_SET_NOT_NULL && column_filled(q, e))
        goto out;
    /* A column that the script made is filled, or not, by the script. */
    if (column == NULL || (t != NULL && probe_column_of(t, column) == NULL))
        goto out;
    index = inquiry_raise(q, "null-violations", e, object, "%s of %s fails on a NULL (not measured)",
                          verb, object);
    probe_subject(q, index, verb, object);
    probe_what(q, index, "hold NULL");
    if (t != NULL) {
        if (quote_ident(&b, column, q->err) < 0 || buf_adds(&b, " IS NULL", q->err) < 0)
            q->failed = 1;
        else
            probe_rows(q, index, t, (e->flags & EFFECT_ONLY) != 0, NULL, b.data,
                       facts_column(q->facts, t->oid, column, &c) ? c.null_frac : -1, 0);
        if (index >= 0 && inquiry_past(q, q->past.computed, t->oid, column))
            inquiry_probe(q, index)->shaken = 1;
    }
out:
    free(object);
    buf_free(&b);
}

/* Key columns (a list of String or of IndexElem), as SQL, and the condition that none is NULL. */
static int key_of(struct inquiry *q, const struct effect *e, const json_t *list, const char *single,
                  const struct catalog_table *t, struct buf *key, struct buf *whole)
{
    size_t i, n = list == NULL ? 1 : node_count(list);

    for (i = 0; i < n; i++) {
        const json_t *item = node_at(list, i), *elem = node_as(item, "IndexElem");
        const char *name = list == NULL ? single
                           : elem != NULL ? node_name(elem, "name")
                                          : node_string(item);
        const int named = name != NULL;
        char *expression = NULL;
        struct buf one = {0};
        int rc = -1;

        name = column_on_server(q, e, name);
        if (named && t != NULL && probe_column_of(t, name) == NULL)
            return 0; /* the script's own column */
        if (name == NULL &&
            (expression = deparse_expression(e->statement->text, e->statement->tree,
                                             node_get(elem, "expr"))) == NULL)
            return 0;
        if (name != NULL ? quote_ident(&one, name, q->err) < 0
                         : buf_addf(&one, q->err, "(%s)", expression) < 0)
            goto next;
        if (buf_addf(key, q->err, "%s%s", i == 0 ? "" : ", ", one.data) < 0 ||
            buf_addf(whole, q->err, "%s%s IS NOT NULL", i == 0 ? "" : " AND ", one.data) < 0)
            goto next;
        rc = 0;
    next:
        free(expression);
        buf_free(&one);
        if (rc < 0) {
            q->failed = 1;
            return 0;
        }
    }
    return n > 0;
}

static void duplicates(struct inquiry *q, const struct effect *e, const json_t *list,
                       const char *verb)
{
    const struct catalog_table *t = inquiry_table(q, e);
    const char *name = node_name(e->node, e->kind == EFFECT_CREATE_INDEX ? "idxname" : "conname");
    struct buf key = {0}, whole = {0}, b = {0};
    char *object = inquiry_object(q, e), *where = NULL;
    long index;
    int known;

    if (object == NULL)
        return;
    if (e->kind == EFFECT_CREATE_INDEX && node_get(e->node, "whereClause") != NULL)
        where = effect_expression(e);
    known = key_of(q, e, list, e->column, t, &key, &whole);
    if (t != NULL && !known)
        goto out;
    index = inquiry_raise(q, "duplicates", e, object, "%s%s%s on %s fails on duplicates (not measured)",
                          verb, name == NULL ? "" : " ", name == NULL ? "" : name, object);
    probe_subject(q, index, verb, object);
    probe_what(q, index, "repeat a key");
    if (t != NULL && index >= 0 && known) {
        if (buf_adds(&b, "SELECT (SELECT count(*)", q->err) < 0 ||
            probe_from(&b, t, (e->flags & EFFECT_ONLY) != 0, NULL, q->err) < 0 ||
            buf_adds(&b, "), coalesce(sum(n - 1), 0)::bigint FROM (SELECT count(*) AS n", q->err) <
                0 ||
            probe_from(&b, t, (e->flags & EFFECT_ONLY) != 0, NULL, q->err) < 0 ||
            buf_addf(&b, q->err, " WHERE %s%s%s%s GROUP BY %s HAVING count(*) > 1) q",
                     node_true(e->node, "nulls_not_distinct") ? "true" : whole.data,
                     where != NULL ? " AND (" : "", where != NULL ? where : "",
                     where != NULL ? ")" : "", key.data) < 0)
            q->failed = 1;
        else {
            q->quotes = e->kind == EFFECT_CREATE_INDEX;
            probe_set(q, index, PROBE_VIOLATION, &b, t, -1);
        }
        inquiry_probe(q, index)->certain = 1;
        /* Other values may be equal in another type. */
        if (pick_retyped(q, t->oid, e->column, e->node))
            inquiry_probe(q, index)->shaken = 1;
    }
out:
    free(object);
    free(where);
    buf_free(&key);
    buf_free(&whole);
    buf_free(&b);
}

static void check(struct inquiry *q, const struct effect *e, const char *expression,
                  const char *verb)
{
    const struct catalog_table *t = inquiry_table(q, e);
    char *object = inquiry_object(q, e);
    int retyped = t != NULL && e->kind == EFFECT_ADD_CONSTRAINT && pick_retyped(q, t->oid, NULL, e->node);
    struct buf b = {0};
    long index;

    if (object == NULL)
        return;
    index = inquiry_raise(q, "check-violations", e, object, "%s of %s fails if a row violates it (not measured%s)",
                          verb, object, retyped == 0                      ? ""
                          : (retyped & PICK_RETYPED) != 0 ? ": a column that it reads changes its type before"
                                                          : ": a column that it reads is renamed or made anew before");
    probe_subject(q, index, verb, object);
    probe_what(q, index, "violate it");
    if (t != NULL && expression != NULL && !retyped) {
        if (buf_addf(&b, q->err, "(%s) IS FALSE", expression) < 0)
            q->failed = 1;
        else
            probe_rows(q, index, t, (e->flags & EFFECT_ONLY) != 0, NULL, b.data, -1, 1);
    }
    free(object);
    buf_free(&b);
}

/* The I-th line of COLUMNS; owned. */
static char *line_of(const char *columns, size_t i)
{
    const char *p = columns, *end;

    while (p != NULL && i-- > 0) {
        p = strchr(p, '\n');
        p = p == NULL ? NULL : p + 1;
    }
    if (p == NULL || *p == '\0')
        return NULL;
    end = strchr(p, '\n');
    return strndup(p, end == NULL ? strlen(p) : (size_t)(end - p));
}

/* COLUMNS and PARTNER_COLUMNS: one a line. */
static void orphans(struct inquiry *q, const struct effect *e, const struct catalog_table *p,
                    const char *columns, const char *partner_columns, const char *verb)
{
    const struct catalog_table *t = inquiry_table(q, e);
    char *object = inquiry_object(q, e);
    struct buf some = {0}, match = {0}, b = {0};
    long index;
    size_t i;

    if (object == NULL)
        return;
    index = inquiry_raise(q, "orphans", e, object,
                          "%s of %s fails if a row references nothing (not measured)", verb, object);
    probe_subject(q, index, verb, object);
    probe_what(q, index, "reference nothing");
    for (i = 0; t != NULL && p != NULL && columns != NULL && !q->failed; i++) {
        char *mine = line_of(columns, i), *theirs = line_of(partner_columns, i);

        if (mine == NULL || theirs == NULL) {
            free(mine);
            free(theirs);
            break;
        }
        if ((i > 0 && (buf_adds(&some, " AND ", q->err) < 0 || buf_adds(&match, " AND ", q->err) < 0)) ||
            buf_adds(&some, "r.", q->err) < 0 || quote_ident(&some, mine, q->err) < 0 ||
            buf_adds(&some, " IS NOT NULL", q->err) < 0 || buf_adds(&match, "p.", q->err) < 0 ||
            quote_ident(&match, theirs, q->err) < 0 || buf_adds(&match, " = r.", q->err) < 0 ||
            quote_ident(&match, mine, q->err) < 0)
            q->failed = 1;
        free(mine);
        free(theirs);
    }
    if (t != NULL && p != NULL && some.len > 0 && !q->failed) {
        if (buf_addf(&b, q->err, "%s AND NOT EXISTS (SELECT", some.data) < 0 ||
            probe_from(&b, p, 0, "p", q->err) < 0 ||
            buf_addf(&b, q->err, " WHERE %s)", match.data) < 0)
            q->failed = 1;
        else
            probe_rows(q, index, t, (e->flags & EFFECT_ONLY) != 0, "r", b.data, -1, 0);
        if (index >= 0 && inquiry_past(q, q->past.written, p->oid, NULL))
            inquiry_probe(q, index)->shaken = 1;
    }
    free(object);
    buf_free(&some);
    buf_free(&match);
    buf_free(&b);
}

/* A list of String nodes as lines: columns of E's own relation, or its partner's, by their names on the server. */
static char *lines(struct inquiry *q, const struct effect *e, const json_t *list, const char *single, int own)
{
    struct buf b = {0};
    size_t i;

    if (list == NULL && single != NULL)
        return strdup(single);
    for (i = 0; i < node_count(list); i++) {
        const char *name = node_string(node_at(list, i)), *server;

        server = name == NULL ? NULL : own ? column_on_server(q, e, name) : column_of_partner(q, e, name);

        /* The script's own keeps its name: nothing is there to be counted. */
        if (name == NULL || buf_addf(&b, q->err, "%s%s", i == 0 ? "" : "\n", server != NULL ? server : name) < 0) {
            buf_free(&b);
            return NULL;
        }
    }
    return b.data;
}

static void foreign_key(struct inquiry *q, const struct effect *e)
{
    const struct catalog_table *t = inquiry_table(q, e);
    const struct catalog_table *p =
        q->closure == NULL ? NULL : inquiry_table_by_oid(q, closure_partner(q->closure, e));
    char *mine = lines(q, e, node_get(e->node, "fk_attrs"), e->column, 1);
    char *theirs = lines(q, e, node_get(e->node, "pk_attrs"), NULL, 0), *first = NULL;
    struct facts_index k;
    size_t i;

    /* Without a list it is the primary key. */
    for (i = 0; theirs == NULL && p != NULL && facts_index(q->facts, i, &k); i++)
        if (k.table == p->oid && k.primary && k.columns != NULL)
            theirs = strdup(k.columns);
    first = mine == NULL ? NULL : line_of(mine, 0);
    /* A column that the script adds holds nothing yet. */
    if (t == NULL || (first != NULL && probe_column_of(t, first) != NULL))
        orphans(q, e, theirs == NULL ? NULL : p, mine, theirs == NULL ? "" : theirs,
                "ADD FOREIGN KEY");
    free(mine);
    free(theirs);
    free(first);
}

static void added_constraint(struct inquiry *q, const struct effect *e)
{
    const json_t *c = e->node, *keys = node_get(c, "keys");
    const char *word = e->detail == NULL ? "" : e->detail;
    char *expression;
    size_t i;

    if (node_true(c, "skip_validation"))
        return;
    if (strcmp(word, "CHECK") == 0) {
        expression = effect_expression(e);
        check(q, e, expression, "ADD CHECK");
        free(expression);
    } else if (strcmp(word, "FOREIGN KEY") == 0) {
        foreign_key(q, e);
    } else if (node_get(c, "indexname") != NULL) {
        return;
    } else if (strcmp(word, "UNIQUE") == 0) {
        duplicates(q, e, keys, "ADD UNIQUE");
    } else if (strcmp(word, "PRIMARY KEY") == 0) {
        duplicates(q, e, keys, "ADD PRIMARY KEY");
        for (i = 0; i < node_count(keys); i++) {
            const char *name = node_string(node_at(keys, i)), *server = column_on_server(q, e, name);

            if (server == NULL && name != NULL)
                bare(q, e, column_added_as(q, e, name), "ADD PRIMARY KEY on");
            else
                nulls(q, e, server, "ADD PRIMARY KEY");
        }
    }
}

static void validated(struct inquiry *q, const struct effect *e)
{
    const struct catalog_table *t = inquiry_table(q, e);
    struct facts_constraint k;
    size_t i;

    for (i = 0; t != NULL && facts_constraint(q->facts, i, &k); i++) {
        if (k.table != t->oid || strcmp(k.name, e->detail) != 0 || k.valid)
            continue;
        if (k.type == 'c')
            check(q, e, k.expression, "VALIDATE CONSTRAINT");
        else if (k.type == 'f')
            orphans(q, e, inquiry_table_by_oid(q, k.partner), k.columns, k.partner_columns,
                    "VALIDATE CONSTRAINT");
    }
}

/* What reads the column afterwards does not read what is there now. */
static void retype(struct inquiry *q, const struct effect *e)
{
    const struct catalog_table *t = inquiry_table(q, e);
    char *using = NULL;

    q->retyped = 1;
    if (t == NULL || e->column == NULL)
        return;
    inquiry_remember(q, &q->past.retyped, t->oid, e->column);
    if (e->column_on_server != NULL)
        inquiry_remember(q, &q->past.retyped, t->oid, e->column_on_server);
    if ((using = effect_expression(e)) != NULL)
        inquiry_remember(q, &q->past.computed, t->oid, e->column_on_server != NULL ? e->column_on_server : e->column);
    free(using);
}

void detect_data(struct inquiry *q, const struct effect *e)
{
    const char *label;

    if (e->kind == EFFECT_ALTER_TYPE)
        retype(q, e);
    label = node_name(node_as(e->statement->tree, "AlterEnumStmt"), "newVal");
    if (label != NULL && strings_add(&q->past.labels, label, q->err) < 0)
        q->failed = 1;
    if ((e->flags & EFFECT_VERSION) != 0)
        return;
    if (e->kind == EFFECT_ADD_COLUMN) {
        /* OWN is the table's here: the column is new anyway. */
        if (effect_required(e) && (e->flags & EFFECT_OWN) == 0)
            required(q, e);
        return;
    }
    if (e->kind == EFFECT_SET_NOT_NULL && (e->flags & EFFECT_OWN) != 0)
        bare(q, e, column_added(q, e), "SET NOT NULL of");
    if ((e->flags & (EFFECT_OWN | EFFECT_GONE)) != 0)
        return;
    if (e->kind == EFFECT_SET_NOT_NULL)
        nulls(q, e, e->column_on_server != NULL ? e->column_on_server : e->column, "SET NOT NULL");
    else if (e->kind == EFFECT_ADD_CONSTRAINT)
        added_constraint(q, e);
    else if (e->kind == EFFECT_CREATE_INDEX && node_true(e->node, "unique"))
        duplicates(q, e, node_get(e->node, "indexParams"), "CREATE UNIQUE INDEX");
    else if (e->kind == EFFECT_VALIDATE_CONSTRAINT)
        validated(q, e);
}
