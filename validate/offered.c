#include "validate/offered.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/log.h"
#include "core/strings.h"
#include "migration/plan.h"
#include "pg/catalog.h"
#include "pg/conn.h"
#include "pg/query.h"
#include "pg/quote.h"
#include "pg/tx.h"
#include "script/closure.h"
#include "script/effect.h"
#include "script/node.h"
#include "script/statement.h"
#include "validate/facts.h"
#include "validate/inquiry.h"
#include "validate/pick.h"
#include "validate/probe.h"

struct offer {
    struct inquiry *q;
    struct conn *c;
    const struct effect *e;
    const struct catalog_table *t;
    char *object;
    const char *rows; /* " FROM (...) AS excluded" */
    char **columns;   /* that it names */
    int stop;
};

/* Does the script write to OID before E (in E's statement too), or after it? */
static int is_written(const struct offer *o, uint32_t oid, int after)
{
    const struct inquiry *q = o->q;
    size_t i, k;

    for (i = after ? q->step : 0; after ? i < q->plan->nsteps : i <= q->step; i++)
        for (k = 0; q->steps[i] != NULL && k < q->steps[i]->count; k++) {
            const struct effect *x = &q->steps[i]->items[k];
            int later = i > q->step || x->statement->index > o->e->statement->index;

            if (x != o->e && later == after && closure_relation(q->closure, x) == oid &&
                (x->kind == EFFECT_INSERT || x->kind == EFFECT_UPDATE || x->kind == EFFECT_DELETE ||
                 x->kind == EFFECT_MERGE || x->kind == EFFECT_COPY_IN || x->kind == EFFECT_TRUNCATE))
                return 1;
        }
    return 0;
}

/* May the key come after the row?  What cannot be asked may. */
static int waits(struct offer *o, const char *constraint)
{
    struct buf b = {0};
    struct err why = {0};
    uint64_t n = 1;

    if (quote_literal(&b, constraint, &why) < 0 ||
        query_countf(o->c, &n, &why, "SELECT count(*) FROM pg_catalog.pg_constraint WHERE conrelid = %u AND conname = %s AND condeferrable",
                     o->t->oid, b.data) < 0)
        o->stop = 1;
    buf_free(&b);
    return n > 0;
}

/* TEXT's, one name a line. */
static int lines(char ***list, const char *text, struct err *err)
{
    while (text != NULL) {
        const char *end = strchr(text, '\n');
        char *name = end != NULL ? strndup(text, (size_t)(end - text)) : strdup(text);
        int rc = name == NULL ? err_oom(err) : strings_add(list, name, err);

        free(name);
        if (rc < 0)
            return -1;
        text = end == NULL ? NULL : end + 1;
    }
    return 0;
}

static int names_all(const struct offer *o, const char *columns)
{
    char **list = NULL;
    size_t i;
    int all = columns != NULL;

    if (all && lines(&list, columns, o->q->err) < 0)
        o->q->failed = 1;
    for (i = 0; list != NULL && list[i] != NULL; i++)
        all = all && strings_find(o->columns, list[i]) >= 0;
    strings_free(list);
    return all && !o->q->failed;
}

/* "excluded.a IS NOT NULL AND met.x = excluded.a AND ..."; MET NULL: the first part alone. */
static int add_equal(struct offer *o, struct buf *b, const char *columns, const char *met)
{
    char **mine = NULL, **theirs = NULL;
    struct err *err = o->q->err;
    size_t i;
    int rc = -1;

    if (lines(&mine, columns, err) < 0 || (met != NULL && lines(&theirs, met, err) < 0))
        goto out;
    for (i = 0; mine != NULL && mine[i] != NULL; i++) {
        if (buf_adds(b, i > 0 ? " AND excluded." : "excluded.", err) < 0 || quote_ident(b, mine[i], err) < 0 ||
            buf_adds(b, " IS NOT NULL", err) < 0)
            goto out;
        if (met == NULL)
            continue;
        if (theirs == NULL || theirs[i] == NULL || buf_adds(b, " AND met.", err) < 0 || quote_ident(b, theirs[i], err) < 0 ||
            buf_adds(b, " OPERATOR(pg_catalog.=) excluded.", err) < 0 || quote_ident(b, mine[i], err) < 0)
            goto out;
    }
    rc = 0;
out:
    strings_free(mine);
    strings_free(theirs);
    return rc;
}

static int add_list(struct offer *o, struct buf *b, const char *columns)
{
    char **list = NULL;
    size_t i;
    int rc = lines(&list, columns, o->q->err);

    for (i = 0; rc == 0 && list != NULL && list[i] != NULL; i++)
        if ((i > 0 && buf_addc(b, ',', o->q->err) < 0) || buf_adds(b, "excluded.", o->q->err) < 0 ||
            quote_ident(b, list[i], o->q->err) < 0)
            rc = -1;
    strings_free(list);
    return rc;
}

/* SQL counts the rows at fault; 0: none, or it cannot be asked. */
static uint64_t count(struct offer *o, struct buf *sql)
{
    struct err why = {0}, ignored = {0};
    uint64_t n = 0;

    if (tx_savepoint(o->c, "mig_offered", &why) < 0 || query_countf(o->c, &n, &why, "%s", sql->data) < 0) {
        n = 0;
        log_debug("%s: what stands in the way could not be counted: %s", o->object, why.message);
        if (conn_lost(o->c) || tx_rollback_to(o->c, "mig_offered", &ignored) < 0)
            o->stop = 1;
    }
    return n;
}

static void tell(struct offer *o, uint64_t n, const char *what)
{
    struct buf b = {0};

    if (n == 0)
        return;
    if (buf_addf(&b, o->q->err, "INSERT INTO %s: %" PRIu64 " of the rows that it offers %s", o->object, n, what) < 0)
        o->q->failed = 1;
    else
        inquiry_would_fail(o->q, o->e, o->object, b.data);
    buf_free(&b);
    o->stop = 1;
}

static void by_keys(struct offer *o)
{
    struct facts_index x;
    size_t i;

    for (i = 0; !o->stop && facts_index(o->q->facts, i, &x); i++) {
        struct buf sql = {0}, what = {0};

        if (x.table != o->t->oid || !x.unique || !x.valid || x.special || !names_all(o, x.columns))
            continue;
        if (buf_addf(&sql, o->q->err, "SELECT (SELECT count(*)%s WHERE EXISTS (SELECT 1", o->rows) < 0 ||
            probe_from(&sql, o->t, 0, "met", o->q->err) < 0 || buf_adds(&sql, " WHERE ", o->q->err) < 0 ||
            add_equal(o, &sql, x.columns, x.columns) < 0 ||
            buf_addf(&sql, o->q->err, ")) + (SELECT coalesce(sum(n - 1), 0) FROM (SELECT count(*) AS n%s WHERE ", o->rows) < 0 ||
            add_equal(o, &sql, x.columns, NULL) < 0 || buf_adds(&sql, " GROUP BY ", o->q->err) < 0 ||
            add_list(o, &sql, x.columns) < 0 || /* a deferrable one is looked at later */
            buf_addf(&sql, o->q->err, ") AS twice) WHERE EXISTS (SELECT 1 FROM pg_catalog.pg_index i WHERE i.indexrelid = %u AND i.indimmediate)", x.oid) < 0 ||
            buf_addf(&what, o->q->err, "have a key that is there already (%s)", x.name) < 0)
            o->q->failed = 1;
        else
            tell(o, count(o, &sql), what.data);
        buf_free(&sql);
        buf_free(&what);
    }
}

static void by_constraints(struct offer *o)
{
    struct facts_constraint k;
    size_t i;

    for (i = 0; !o->stop && facts_constraint(o->q->facts, i, &k); i++) {
        struct buf sql = {0}, what = {0};
        int asks = 0;

        if (k.table != o->t->oid || !names_all(o, k.columns))
            continue;
        if (k.type == 'c' && k.expression != NULL) {
            asks = buf_addf(&sql, o->q->err, "SELECT count(*)%s WHERE NOT (%s)", o->rows, k.expression) == 0 &&
                           buf_addf(&what, o->q->err, "violate the check %s", k.name) == 0
                       ? 1
                       : -1;
        } else if (k.type == 'f' && k.partner != k.table && k.partner_schema != NULL && !is_written(o, k.partner, 0) &&
                   !(is_written(o, k.partner, 1) && waits(o, k.name))) {
            asks = buf_addf(&sql, o->q->err, "SELECT count(*)%s WHERE ", o->rows) == 0 &&
                           add_equal(o, &sql, k.columns, NULL) == 0 &&
                           buf_adds(&sql, " AND NOT EXISTS (SELECT 1 FROM ", o->q->err) == 0 &&
                           quote_name(&sql, k.partner_schema, k.partner_relation, o->q->err) == 0 &&
                           buf_adds(&sql, " AS met WHERE ", o->q->err) == 0 &&
                           add_equal(o, &sql, k.columns, k.partner_columns) == 0 && buf_addc(&sql, ')', o->q->err) == 0 &&
                           buf_addf(&what, o->q->err, "reference what is not there (foreign key %s)", k.name) == 0
                       ? 1
                       : -1;
        }
        if (asks < 0)
            o->q->failed = 1;
        else if (asks > 0)
            tell(o, count(o, &sql), what.data);
        buf_free(&sql);
        buf_free(&what);
    }
}

static void by_nulls(struct offer *o)
{
    size_t i;

    for (i = 0; !o->stop && i < o->t->ncolumns; i++) {
        const struct catalog_column *c = &o->t->columns[i];
        struct buf sql = {0}, what = {0};
        int named = strings_find(o->columns, c->name) >= 0;

        if (!c->not_null || (!named && (c->expression != NULL || c->identity != 0 || c->generated != 0)))
            continue;
        if (buf_addf(&sql, o->q->err, "SELECT count(*)%s", o->rows) < 0 ||
            (named && (buf_adds(&sql, " WHERE excluded.", o->q->err) < 0 || quote_ident(&sql, c->name, o->q->err) < 0 ||
                       buf_adds(&sql, " IS NULL", o->q->err) < 0)) ||
            buf_addf(&what, o->q->err, "have no value for %s, which is NOT NULL", c->name) < 0)
            o->q->failed = 1;
        else
            tell(o, count(o, &sql), what.data);
        buf_free(&sql);
        buf_free(&what);
    }
}

/* What a trigger or a rule makes of the rows nobody knows. */
static int is_plain(struct offer *o)
{
    uint64_t n = 1;
    struct err why = {0};

    if (query_countf(o->c, &n, &why,
                     "SELECT (SELECT count(*) FROM pg_catalog.pg_trigger WHERE tgrelid = %u AND NOT tgisinternal AND tgtype & 7 = 7) "
                     "+ (SELECT count(*) FROM pg_catalog.pg_rewrite WHERE ev_class = %u)", o->t->oid, o->t->oid) < 0)
        o->stop = 1;
    return n == 0;
}

/* The columns that it names; without a list those that pick_offered gives the values to. */
static int read_columns(struct offer *o)
{
    const json_t *cols = node_get(o->e->node, "cols");
    const json_t *select = node_as(node_get(o->e->node, "selectStmt"), "SelectStmt");
    const json_t *first = node_as(node_at(node_get(select, "valuesLists"), 0), "List");
    size_t i, n = cols != NULL    ? node_count(cols)
                  : first != NULL ? node_count(node_get(first, "items"))
                                  : o->t->ncolumns;

    for (i = 0; i < n; i++) {
        const char *name = cols != NULL ? node_name(node_as(node_at(cols, i), "ResTarget"), "name")
                           : i < o->t->ncolumns ? o->t->columns[i].name
                                                : NULL;

        if (name == NULL || strings_add(&o->columns, name, o->q->err) < 0)
            return -1;
    }
    return 0;
}

void offered_check(struct inquiry *q, struct conn *c, const struct effect *e)
{
    struct offer o = {.q = q, .c = c, .e = e, .t = inquiry_table(q, e)};
    struct buf rows = {0};
    struct pick pick = {0};

    if (o.t == NULL || strchr("rp", o.t->kind) == NULL || (e->flags & (EFFECT_OWN | EFFECT_VERSION)) != 0 ||
        node_get(e->node, "onConflictClause") != NULL || node_get(e->node, "selectStmt") == NULL ||
        node_get(e->node, "withClause") != NULL || pick_find(q, e, &pick) < 0)
        goto out;
    if (pick.bound != NULL || is_written(&o, o.t->oid, 0) || read_columns(&o) < 0 || !is_plain(&o) ||
        pick_offered(q, e, o.t, &rows) <= 0 || (o.object = inquiry_object(q, e)) == NULL)
        goto out;
    o.rows = rows.data;
    by_nulls(&o);
    by_keys(&o);
    by_constraints(&o);
out:
    pick_free(&pick);
    buf_free(&rows);
    strings_free(o.columns);
    free(o.object);
}
