/* Rows that break a rule which no single column states: EXCLUDE, and a domain's, wherever it is used. */
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "pg/catalog.h"
#include "pg/query.h"
#include "pg/quote.h"
#include "script/closure.h"
#include "script/deparse.h"
#include "script/effect.h"
#include "script/node.h"
#include "script/statement.h"
#include "validate/column.h"
#include "validate/detect.h"
#include "validate/inquiry.h"
#include "validate/probe.h"

static const char domain_users_sql[] =
#include "validate/sql/facts_domain_users.sql.h"
    ;

static const char domain_holders_sql[] =
#include "validate/sql/facts_domain_holders.sql.h"
    ;
static const char domain_rule_sql[] =
#include "validate/sql/facts_domain_rule.sql.h"
    ;

/* ---- EXCLUDE ---- */

/* "OPERATOR(schema.op)" or the operator alone. */
static int add_operator(struct buf *b, const json_t *names, struct err *err)
{
    const char *schema, *name;

    node_qualified(names, &schema, &name);
    if (name == NULL)
        return -1;
    if (schema == NULL)
        return buf_addf(b, err, " %s ", name);
    return buf_adds(b, " OPERATOR(", err) < 0 || quote_ident(b, schema, err) < 0 ||
                   buf_addf(b, err, ".%s) ", name) < 0
               ? -1
               : 0;
}

/* The elements as columns k1, k2, ... into KEYS, how they exclude each other into MATCH. */
static int exclusions(struct inquiry *q, const struct effect *e, const struct catalog_table *t,
                      struct buf *keys, struct buf *match)
{
    const json_t *list = node_get(e->node, "exclusions");
    size_t i;

    for (i = 0; i < node_count(list); i++) {
        const json_t *pair = node_get(node_as(node_at(list, i), "List"), "items");
        const json_t *elem = node_as(node_at(pair, 0), "IndexElem");
        const json_t *op = node_get(node_as(node_at(pair, 1), "List"), "items");
        const char *name = node_name(elem, "name");
        char *expression = NULL;
        int rc;

        if (name != NULL && probe_column_of(t, column_on_server(q, e, name)) == NULL)
            return -1; /* the script's own column */
        if (name == NULL &&
            (expression = deparse_expression(e->statement->text, e->statement->tree,
                                             node_get(elem, "expr"))) == NULL)
            return -1;
        rc = name != NULL ? (buf_adds(keys, ", ", q->err) < 0 ||
                             quote_ident(keys, column_on_server(q, e, name), q->err) < 0)
                          : buf_addf(keys, q->err, ", (%s)", expression) < 0;
        free(expression);
        if (rc || buf_addf(keys, q->err, " AS k%zu", i) < 0 || buf_addf(match, q->err, " AND a.k%zu", i) < 0 ||
            add_operator(match, op, q->err) < 0 || buf_addf(match, q->err, "b.k%zu", i) < 0)
            return -1;
    }
    return i > 0 ? 0 : -1;
}

static void excluded(struct inquiry *q, const struct effect *e)
{
    const struct catalog_table *t = inquiry_table(q, e);
    const json_t *where = node_get(e->node, "where_clause");
    char *object = inquiry_object(q, e), *condition = NULL;
    struct buf keys = {0}, match = {0}, from = {0}, b = {0};
    long index;

    if (object == NULL)
        return;
    index = inquiry_raise(q, "exclude-violations", e, object,
                          "ADD EXCLUDE to %s fails if two rows exclude each other (not measured)", object);
    probe_subject(q, index, "ADD EXCLUDE to", object);
    probe_what(q, index, "exclude another");
    if (t == NULL || index < 0 || t->kind == 'f')
        goto out;
    if (where != NULL && (condition = deparse_expression(e->statement->text, e->statement->tree,
                                                         where)) == NULL)
        goto out;
    if (exclusions(q, e, t, &keys, &match) < 0)
        goto out;
    if (buf_addf(&from, q->err, "(SELECT ctid AS i%s", keys.data) < 0 ||
        probe_from(&from, t, 1, NULL, q->err) < 0 ||
        (condition != NULL && buf_addf(&from, q->err, " WHERE %s", condition) < 0) ||
        buf_adds(&from, ")", q->err) < 0 || buf_adds(&b, "SELECT (SELECT count(*)", q->err) < 0 ||
        probe_from(&b, t, 1, NULL, q->err) < 0 ||
        buf_addf(&b, q->err, "), count(*) FROM %s a WHERE EXISTS (SELECT 1 FROM %s b WHERE a.i <> b.i%s)",
                 from.data, from.data, match.data) < 0) {
        q->failed = 1;
        goto out;
    }
    q->quotes = 1;
    probe_set(q, index, PROBE_VIOLATION, &b, t, -1);
    inquiry_probe(q, index)->certain = 1;
out:
    free(object);
    free(condition);
    buf_free(&keys);
    buf_free(&match);
    buf_free(&from);
    buf_free(&b);
}

/* ---- domains ---- */

/* A column of the domain: its values are looked at as VALUE. */
static void domain_column(struct inquiry *q, const struct effect *e, const struct result *r, int row,
                          const char *expression)
{
    struct catalog_table t = {.oid = (uint32_t)result_int(r, row, 0),
                              .schema = (char *)(uintptr_t)result_text(r, row, 1),
                              .name = (char *)(uintptr_t)result_text(r, row, 2),
                              .kind = result_text(r, row, 3)[0],
                              .rows = result_double(r, row, 5),
                              .bytes = result_int(r, row, 6)};
    const char *column = result_text(r, row, 4);
    struct buf object = {0}, verb = {0}, b = {0};
    long index;

    if (buf_addf(&object, q->err, "%s.%s.%s", t.schema, t.name, column) < 0 ||
        buf_addf(&verb, q->err, "the %s of domain %s, in", expression == NULL                      ? "NOT NULL"
                 : node_is(e->node, "subtype", "V") ? "CHECK"
                                                    : "new CHECK",
                 e->name) < 0)
        goto failed;
    index = inquiry_raise(q, expression == NULL ? "null-violations" : "check-violations", e, object.data,
                          "%s %s, fails if a value violates it (not measured)", verb.data, object.data);
    probe_subject(q, index, verb.data, object.data);
    probe_what(q, index, expression == NULL ? "hold NULL" : "violate it");
    if (index < 0)
        goto out;
    if (buf_addf(&b, q->err, "SELECT count(*), count(*) FILTER (WHERE (%s)%s) FROM (SELECT ",
                 expression == NULL ? "value" : expression,
                 expression == NULL ? " IS NULL" : " IS FALSE") < 0 ||
        quote_ident(&b, column, q->err) < 0 || buf_adds(&b, " AS value", q->err) < 0 ||
        probe_from(&b, &t, 0, NULL, q->err) < 0 || buf_adds(&b, ") d", q->err) < 0)
        goto failed;
    q->quotes = expression != NULL;
    probe_set(q, index, PROBE_VIOLATION, &b, &t, -1);
    inquiry_probe(q, index)->certain = 1;
    goto out;
failed:
    q->failed = 1;
out:
    buf_free(&object);
    buf_free(&verb);
    buf_free(&b);
}

static uint32_t domain_of(const struct inquiry *q, const struct effect *e)
{
    size_t i;

    for (i = 0; q->closure != NULL && i < q->closure->nlinks; i++)
        if (q->closure->links[i].effect == e && !q->closure->links[i].partner)
            return q->closure->links[i].oid;
    return 0;
}

/* The rule that VALIDATE CONSTRAINT means: the server's, or one that the script adds before.  Owned; NULL: none
 * that is not valid already. */
static char *unproven_rule(struct inquiry *q, const struct effect *e, const char *domain)
{
    const char *name = node_name(e->node, "name"), *params[2] = {domain, name};
    struct query query = {.sql = domain_rule_sql, .params = params, .nparams = 2, .columns = 1};
    struct result *r = NULL;
    char *out = NULL;
    size_t i, k;

    if (name == NULL)
        return NULL;
    if ((r = query_run(q->conn, &query, q->err)) == NULL) {
        q->failed = 1;
        return NULL;
    }
    if (result_rows(r) > 0 && result_text(r, 0, 0) != NULL)
        out = strdup(result_text(r, 0, 0));
    result_free(r);
    for (i = 0; i <= q->step; i++)
        for (k = 0; out == NULL && q->steps[i] != NULL && k < q->steps[i]->count; k++) {
            const struct effect *x = &q->steps[i]->items[k];
            const json_t *c = node_as(node_get(x->node, "def"), "Constraint");

            if (x == e)
                break;
            if (x->kind == EFFECT_OTHER && x->detail != NULL && strcmp(x->detail, "AlterDomainStmt") == 0 &&
                x->name != NULL && e->name != NULL && strcmp(x->name, e->name) == 0 && node_is(c, "conname", name) &&
                node_true(c, "skip_validation"))
                out = deparse_expression(x->statement->text, x->statement->tree, node_get(c, "raw_expr"));
        }
    return out;
}

/* A column that holds the domain inside of another type: the server cannot look there, and refuses. */
static void domain_held(struct inquiry *q, const struct effect *e, const char *domain)
{
    const char *params[1] = {domain};
    struct query query = {.sql = domain_holders_sql, .params = params, .nparams = 1, .columns = 3};
    struct result *r = query_run(q->conn, &query, q->err);
    long index;

    if (r == NULL) {
        q->failed = 1;
        return;
    }
    if (result_rows(r) > 0) {
        index = inquiry_raise(q, "would-fail", e, NULL,
                              "%s cannot be given a rule that is checked: column %s.%s.%s holds it inside of another type",
                              e->name, result_text(r, 0, 0), result_text(r, 0, 1), result_text(r, 0, 2));
        if (index >= 0 && !q->opaque_before)
            inquiry_finding(q, index)->predicted_failure = 1;
    }
    result_free(r);
}

static void domain(struct inquiry *q, const struct effect *e)
{
    const json_t *c = node_as(node_get(e->node, "def"), "Constraint");
    struct query query = {.sql = domain_users_sql, .nparams = 1, .columns = 7};
    int not_null = node_is(e->node, "subtype", "O"), validate = node_is(e->node, "subtype", "V");
    uint32_t oid = domain_of(q, e);
    char *expression = NULL;
    struct result *r = NULL;
    struct buf id = {0};
    const char *params[1];
    int row;

    if (oid == 0 || q->conn == NULL || (!not_null && !validate && c == NULL) || node_true(c, "skip_validation"))
        return;
    if (buf_addf(&id, q->err, "%u", oid) < 0)
        goto failed;
    if (!not_null &&
        (expression = validate ? unproven_rule(q, e, id.data)
                               : deparse_expression(e->statement->text, e->statement->tree, node_get(c, "raw_expr"))) == NULL)
        goto out;
    domain_held(q, e, id.data);
    params[0] = id.data;
    query.params = params;
    if ((r = query_run(q->conn, &query, q->err)) == NULL)
        goto failed;
    for (row = 0; row < result_rows(r) && !q->failed; row++)
        domain_column(q, e, r, row, expression);
    goto out;
failed:
    q->failed = 1;
out:
    result_free(r);
    free(expression);
    buf_free(&id);
}

void detect_rule(struct inquiry *q, const struct effect *e)
{
    if ((e->flags & (EFFECT_OWN | EFFECT_GONE | EFFECT_VERSION)) != 0 || e->detail == NULL)
        return;
    if (e->kind == EFFECT_ADD_CONSTRAINT && strcmp(e->detail, "EXCLUDE") == 0)
        excluded(q, e);
    else if (e->kind == EFFECT_OTHER && strcmp(e->detail, "AlterDomainStmt") == 0 &&
             (node_is(e->node, "subtype", "O") || node_is(e->node, "subtype", "C") || node_is(e->node, "subtype", "V")))
        domain(q, e);
}
