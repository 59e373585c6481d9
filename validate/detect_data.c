/* What fails because of the rows or the objects that are there. */
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/strings.h"
#include "migration/plan.h"
#include "pg/catalog.h"
#include "pg/query.h"
#include "pg/quote.h"
#include "script/closure.h"
#include "script/effect.h"
#include "script/node.h"
#include "script/parse.h"
#include "script/statement.h"
#include "validate/detect.h"
#include "validate/facts.h"
#include "validate/inquiry.h"
#include "validate/pick.h"
#include "validate/probe.h"

static const char dependents_sql[] =
#include "validate/sql/facts_dependents.sql.h"
    ;

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

static void nulls(struct inquiry *q, const struct effect *e, const char *column, const char *verb)
{
    const struct catalog_table *t = inquiry_table(q, e);
    struct facts_column c;
    char *object = inquiry_object(q, e);
    struct buf b = {0};
    long index;

    if (object == NULL)
        return;
    if (t != NULL && facts_column(q->facts, t->oid, column, &c) && c.not_null)
        goto out;
    /* A column that the script made is filled, or not, by the script. */
    if (t != NULL && probe_column_of(t, column) == NULL)
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
        char *expression = NULL;
        struct buf one = {0};
        int rc = -1;

        if (name != NULL && t != NULL && probe_column_of(t, name) == NULL)
            return 0; /* the script's own column */
        if (name == NULL &&
            (expression = parse_deparse_expression(e->statement->text, e->statement->tree,
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
                          verb, object, retyped ? ": a column that it reads changes its type before" : "");
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
    }
    free(object);
    buf_free(&some);
    buf_free(&match);
    buf_free(&b);
}

/* A list of String nodes as lines. */
static char *lines(struct inquiry *q, const json_t *list, const char *single)
{
    struct buf b = {0};
    size_t i;

    if (list == NULL && single != NULL)
        return strdup(single);
    for (i = 0; i < node_count(list); i++)
        if (node_string(node_at(list, i)) == NULL ||
            buf_addf(&b, q->err, "%s%s", i == 0 ? "" : "\n", node_string(node_at(list, i))) < 0) {
            buf_free(&b);
            return NULL;
        }
    return b.data;
}

static void foreign_key(struct inquiry *q, const struct effect *e)
{
    const struct catalog_table *t = inquiry_table(q, e);
    const struct catalog_table *p =
        q->closure == NULL ? NULL : inquiry_table_by_oid(q, closure_partner(q->closure, e));
    char *mine = lines(q, node_get(e->node, "fk_attrs"), e->column);
    char *theirs = lines(q, node_get(e->node, "pk_attrs"), NULL), *first = NULL;
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
        for (i = 0; i < node_count(keys); i++)
            nulls(q, e, node_string(node_at(keys, i)), "ADD PRIMARY KEY");
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

/* ---- what is not there, what others depend on ---- */

/* Does the script make a relation of this name, however qualified? */
static int made_here(const struct inquiry *q, const struct effect *e)
{
    size_t i, k;

    for (i = 0; i <= q->step; i++)
        for (k = 0; q->steps[i] != NULL && k < q->steps[i]->count; k++) {
            const struct effect *x = &q->steps[i]->items[k];
            const char *as = x->kind == EFFECT_CREATE_INDEX || x->kind == EFFECT_RENAME_TABLE ||
                                     x->kind == EFFECT_RENAME_OTHER
                                 ? x->detail
                                 : x->name;

            if (x == e)
                return 0;
            if ((x->kind == EFFECT_CREATE_TABLE || x->kind == EFFECT_CREATE_OTHER ||
                 x->kind == EFFECT_CREATE_INDEX || x->kind == EFFECT_RENAME_TABLE ||
                 x->kind == EFFECT_RENAME_OTHER) &&
                as != NULL && e->name != NULL &&
                (strcmp(as, e->name) == 0 ||
                 (strrchr(as, '.') != NULL && strcmp(strrchr(as, '.') + 1, e->name) == 0)))
                return 1;
        }
    return 0;
}

static void would_fail(struct inquiry *q, const struct effect *e, const char *object,
                       const char *why)
{
    long index = inquiry_raise(q, "would-fail", e, object, "%s", why);

    if (index >= 0)
        inquiry_finding(q, index)->predicted_failure = 1;
}

static int needs_relation(enum effect_kind kind)
{
    static const enum effect_kind kinds[] = {
        EFFECT_DROP_TABLE,     EFFECT_DROP_COLUMN,    EFFECT_DROP_MATVIEW,   EFFECT_DROP_VIEW,
        EFFECT_DROP_SEQUENCE,  EFFECT_ALTER_TYPE,     EFFECT_TRUNCATE,       EFFECT_DELETE,
        EFFECT_UPDATE,         EFFECT_INSERT,         EFFECT_COPY_IN,        EFFECT_ADD_COLUMN,
        EFFECT_RENAME_TABLE,   EFFECT_RENAME_COLUMN,  EFFECT_SET_NOT_NULL,   EFFECT_DROP_NOT_NULL,
        EFFECT_SET_DEFAULT,    EFFECT_DROP_DEFAULT,   EFFECT_ADD_CONSTRAINT, EFFECT_DROP_CONSTRAINT,
        EFFECT_CREATE_INDEX,   EFFECT_DROP_INDEX,     EFFECT_DROP_TRIGGER,   EFFECT_CREATE_TRIGGER,
    };
    size_t i;

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (kinds[i] == kind)
            return 1;
    return 0;
}

static int linked(const struct inquiry *q, const struct effect *e)
{
    size_t i;

    for (i = 0; i < q->closure->nlinks; i++)
        if (q->closure->links[i].effect == e && !q->closure->links[i].partner &&
            q->closure->links[i].oid != 0)
            return 1;
    return 0;
}

static void absent(struct inquiry *q, const struct effect *e)
{
    const struct catalog_table *t = inquiry_table(q, e);
    const char *column = e->column_on_server != NULL ? e->column_on_server : e->column;
    struct facts_constraint k;
    struct buf b = {0};
    char *object;
    size_t i;

    if (q->closure == NULL || q->opaque_before || !needs_relation(e->kind) ||
        (e->flags & (EFFECT_OWN | EFFECT_IF_EXISTS | EFFECT_VERSION)) != 0)
        return;
    if ((object = inquiry_object(q, e)) == NULL)
        return;
    if ((e->flags & EFFECT_GONE) != 0) {
        if (buf_addf(&b, q->err, "%s: the script itself dropped or renamed it before", object) == 0)
            would_fail(q, e, object, b.data);
    } else if (!linked(q, e)) {
        if (!made_here(q, e) && buf_addf(&b, q->err, "%s does not exist", object) == 0)
            would_fail(q, e, object, b.data);
    } else if (t != NULL && e->kind == EFFECT_ADD_COLUMN && probe_column_of(t, column) != NULL &&
               (e->flags & EFFECT_FREED) == 0) {
        if (buf_addf(&b, q->err, "%s exists already", object) == 0)
            would_fail(q, e, object, b.data);
    } else if (t != NULL && column != NULL && e->kind != EFFECT_ADD_COLUMN &&
               e->kind != EFFECT_ADD_CONSTRAINT && probe_column_of(t, column) == NULL &&
               strchr("rpmf", t->kind) != NULL) {
        if (buf_addf(&b, q->err, "column %s does not exist", object) == 0)
            would_fail(q, e, object, b.data);
    } else if (t != NULL && e->kind == EFFECT_ADD_CONSTRAINT && e->detail != NULL &&
               strcmp(e->detail, "PRIMARY KEY") == 0) {
        for (i = 0; facts_constraint(q->facts, i, &k); i++)
            if (k.table == t->oid && k.type == 'p' &&
                !inquiry_past(q, q->past.constraints, t->oid, k.name) &&
                buf_addf(&b, q->err, "%s has a primary key already (%s)", object, k.name) == 0)
                would_fail(q, e, object, b.data);
    } else if (t != NULL && e->kind == EFFECT_DROP_CONSTRAINT) {
        int found = 0, made = 0;

        for (i = 0; facts_constraint(q->facts, i, &k); i++)
            found |= k.table == t->oid && strcmp(k.name, e->detail) == 0;
        for (i = 0; i <= q->step; i++)
            for (size_t n = 0; q->steps[i] != NULL && n < q->steps[i]->count; n++)
                made |= q->steps[i]->items[n].kind == EFFECT_ADD_CONSTRAINT ||
                        (q->steps[i]->items[n].kind == EFFECT_RENAME_OTHER);
        if (!found && !made &&
            buf_addf(&b, q->err, "constraint %s of %s does not exist", e->detail, object) == 0)
            would_fail(q, e, object, b.data);
    }
    free(object);
    buf_free(&b);
}

/* A constraint goes with any of its columns. */
static int column_gone(const struct inquiry *q, uint32_t relation, const char *constraint)
{
    struct facts_constraint k;
    size_t i, n;

    for (i = 0; constraint != NULL && facts_constraint(q->facts, i, &k); i++) {
        const struct catalog_table *t;

        if (k.table != relation || strcmp(k.name, constraint) != 0 ||
            (t = inquiry_table_by_oid(q, relation)) == NULL)
            continue;
        for (n = 0; n < t->ncolumns; n++)
            if (facts_names(k.columns, t->columns[n].name) &&
                inquiry_past(q, q->past.dropped, relation, t->columns[n].name))
                return 1;
    }
    return 0;
}

/* Dropped by this statement or an earlier one. */
static int falls_too(const struct inquiry *q, const struct effect *e, uint32_t relation,
                     const char *constraint)
{
    size_t i;

    if (relation == 0)
        return 0;
    if (inquiry_past(q, q->past.tables, relation, NULL) ||
        (constraint != NULL && inquiry_past(q, q->past.constraints, relation, constraint)) ||
        column_gone(q, relation, constraint))
        return 1;
    for (i = 0; i < q->closure->nlinks; i++) {
        const struct closure_link *l = &q->closure->links[i];

        if (l->oid == relation && l->effect->statement == e->statement && l->effect != e &&
            (l->effect->kind == EFFECT_DROP_TABLE || l->effect->kind == EFFECT_DROP_VIEW))
            return 1;
    }
    return 0;
}

/* May the script have dropped a dependent of CLASS before?  Then nobody says that it stands in the
 * way: a failure that is foretold must come. */
static int loosened(const struct inquiry *q, const char *class)
{
    static const struct {
        const char *class;
        unsigned flag;
    } kinds[] = {
        {"pg_trigger", LOOSENED_TRIGGER}, {"pg_proc", LOOSENED_ROUTINE},
        {"pg_attrdef", LOOSENED_DEFAULT}, {"pg_policy", LOOSENED_OTHER},
        {"pg_rewrite", 0},                {"pg_constraint", 0},
        {"pg_class", 0},
    };
    size_t i;

    if ((q->loosened & LOOSENED_ANY) != 0 ||
        (strcmp(class, "pg_attrdef") == 0 && q->past.dropped != NULL))
        return 1;
    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(kinds[i].class, class) == 0)
            return (q->loosened & kinds[i].flag) != 0;
    return (q->loosened & LOOSENED_OTHER) != 0;
}

static void dependents(struct inquiry *q, const struct effect *e)
{
    struct query query = {.sql = dependents_sql, .nparams = 3, .columns = 7};
    const struct closure_link *root = NULL;
    const char *params[3];
    struct buf classid = {0}, objid = {0}, column = {0}, why = {0};
    struct result *r = NULL;
    char *object = NULL;
    size_t i, roots = 0;
    int row;

    if (q->closure == NULL || q->opaque_before ||
        (e->flags & (EFFECT_OWN | EFFECT_GONE | EFFECT_CASCADE | EFFECT_VERSION)) != 0 ||
        (e->kind != EFFECT_DROP_TABLE && e->kind != EFFECT_DROP_COLUMN &&
         e->kind != EFFECT_DROP_TYPE && e->kind != EFFECT_DROP_VIEW &&
         e->kind != EFFECT_DROP_MATVIEW && e->kind != EFFECT_DROP_SEQUENCE &&
         e->kind != EFFECT_DROP_ROUTINE && e->kind != EFFECT_DROP_EXTENSION &&
         e->kind != EFFECT_ALTER_TYPE))
        return;
    for (i = 0; i < q->closure->nlinks; i++)
        if (q->closure->links[i].effect == e && !q->closure->links[i].partner &&
            q->closure->links[i].oid != 0) {
            root = &q->closure->links[i];
            roots++;
        }
    /* Of overloaded routines the arguments say which; they are not looked at here. */
    if (root == NULL || (e->kind == EFFECT_DROP_ROUTINE && roots > 1))
        return;
    /* A type whose columns the script changes or drops is free in the end. */
    if (e->kind == EFFECT_DROP_TYPE && q->retyped)
        return;
    if (buf_addf(&classid, q->err, "{%u}", root->classid) < 0 ||
        buf_addf(&objid, q->err, "{%u}", root->oid) < 0)
        goto oom;
    if (e->column != NULL) {
        const char *name = e->column_on_server != NULL ? e->column_on_server : e->column;

        if (buf_adds(&column, "{\"", q->err) < 0)
            goto oom;
        for (; *name != '\0'; name++)
            if (((*name == '"' || *name == '\\') && buf_addc(&column, '\\', q->err) < 0) ||
                buf_addc(&column, *name, q->err) < 0)
                goto oom;
        if (buf_adds(&column, "\"}", q->err) < 0)
            goto oom;
    } else if (buf_adds(&column, "{NULL}", q->err) < 0) {
        goto oom;
    }
    params[0] = classid.data;
    params[1] = objid.data;
    params[2] = column.data;
    query.params = params;
    if ((r = query_run(q->conn, &query, q->err)) == NULL || (object = inquiry_object(q, e)) == NULL) {
        q->failed = 1;
        goto out;
    }
    for (row = 0; row < result_rows(r); row++) {
        const char *kind = result_text(r, row, 3);
        const char *class = result_text(r, row, 6);
        uint32_t relation = (uint32_t)result_int(r, row, 2);

        if (falls_too(q, e, relation, result_text(r, row, 4)) || loosened(q, class))
            continue;
        /* A change of type minds views, rules and policies; it carries foreign keys along. */
        if (e->kind == EFFECT_ALTER_TYPE && strcmp(class, "pg_rewrite") != 0 &&
            strcmp(class, "pg_policy") != 0 && strcmp(class, "pg_trigger") != 0)
            continue;
        if (e->kind == EFFECT_DROP_TYPE && strcmp(class, "pg_class") == 0 && relation != 0 &&
            kind == NULL)
            continue;
        /* A column of the type that the script has dropped before. */
        if (e->kind == EFFECT_DROP_TYPE && q->past.dropped != NULL)
            continue;
        buf_reset(&why);
        if (buf_addf(&why, q->err, "%s: %s depends on it", object, result_text(r, row, 1)) < 0)
            goto oom;
        would_fail(q, e, object, why.data);
        break;
    }
    goto out;
oom:
    q->failed = 1;
out:
    result_free(r);
    free(object);
    buf_free(&classid);
    buf_free(&objid);
    buf_free(&column);
    buf_free(&why);
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

    absent(q, e);
    dependents(q, e);
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
