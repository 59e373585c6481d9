/* ALTER COLUMN TYPE: what the cast does to the values that are there. */
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "pg/catalog.h"
#include "pg/quote.h"
#include "script/closure.h"
#include "script/effect.h"
#include "script/node.h"
#include "script/statement.h"
#include "validate/cost.h"
#include "validate/detect.h"
#include "validate/facts.h"
#include "validate/inquiry.h"
#include "validate/probe.h"

enum {
    T_BOOL = 16,
    T_INT8 = 20,
    T_INT2 = 21,
    T_INT4 = 23,
    T_TEXT = 25,
    T_FLOAT4 = 700,
    T_FLOAT8 = 701,
    T_BPCHAR = 1042,
    T_VARCHAR = 1043,
    T_DATE = 1082,
    T_TIMESTAMP = 1114,
    T_TIMESTAMPTZ = 1184,
    T_BIT = 1560,
    T_VARBIT = 1562,
    T_NUMERIC = 1700,
    T_UUID = 2950,
};

static int is_text(uint32_t t)
{
    return t == T_TEXT || t == T_VARCHAR || t == T_BPCHAR;
}

static int is_integer(uint32_t t)
{
    return t == T_INT2 || t == T_INT4 || t == T_INT8;
}

/* Casts of which every value comes back as it was, whatever it is. */
static int keeps_all(uint32_t from, uint32_t to, int to_mod)
{
    if (from == T_INT2)
        return to == T_INT4 || to == T_INT8 || (to == T_NUMERIC && to_mod == -1) || to == T_FLOAT4 ||
               to == T_FLOAT8;
    if (from == T_INT4)
        return to == T_INT8 || (to == T_NUMERIC && to_mod == -1) || to == T_FLOAT8;
    if (from == T_INT8)
        return to == T_NUMERIC && to_mod == -1;
    if (from == T_FLOAT4)
        return to == T_FLOAT8;
    if (from == T_DATE)
        return to == T_TIMESTAMP;
    return 0;
}

/* TYPE (a parse tree's TypeName) has a length or precision. */
static int modifier(const json_t *type, size_t i, long long *value)
{
    const json_t *c = node_as(node_at(node_get(type, "typmods"), i), "A_Const");

    if (c == NULL || node_get(c, "ival") == NULL)
        return 0;
    *value = node_int(node_get(c, "ival"), "ival");
    return 1;
}

/*
 * The condition, over column C (quoted) of type FROM, under which the cast fails; appended to B.
 * 1: there is one; 0: it cannot fail, or nobody can say which values do.
 */
static int failing(struct inquiry *q, const struct effect *e, const char *c, uint32_t from,
                   const struct facts_type *to, int explicit_cast, struct buf *b)
{
    static const char range2[] = "-32768 AND 32767", range4[] = "-2147483648 AND 2147483647",
                      range8[] = "-9223372036854775808 AND 9223372036854775807";
    const json_t *type = node_get(node_as(node_get(e->node, "def"), "ColumnDef"), "typeName");
    const char *range = to->base == T_INT2   ? range2
                        : to->base == T_INT4 ? range4
                                             : range8;
    long long p, s = 0;
    int rc = 0;

    if (is_integer(to->base) && is_text(from))
        rc = buf_addf(b, q->err,
                      "CASE WHEN %s ~ '^\\s*[-+]?\\d+\\s*$' THEN %s::numeric NOT BETWEEN %s ELSE "
                      "%s IS NOT NULL END",
                      c, c, range, c);
    else if (is_integer(to->base) && (from == T_FLOAT4 || from == T_FLOAT8))
        rc = buf_addf(b, q->err,
                      "CASE WHEN %s::text IN ('NaN', 'Infinity', '-Infinity') THEN true ELSE "
                      "round(%s::numeric) NOT BETWEEN %s END",
                      c, c, range);
    else if (is_integer(to->base) && (is_integer(from) || from == T_NUMERIC))
        rc = buf_addf(b, q->err,
                      from == T_NUMERIC ? "CASE WHEN %s::text IN ('NaN', 'Infinity', '-Infinity') "
                                          "THEN true ELSE round(%s) NOT BETWEEN %s END"
                                        : "%s IS NOT NULL AND %s NOT BETWEEN %s",
                      c, c, range);
    else if (to->base == T_NUMERIC && modifier(type, 0, &p) &&
             (is_integer(from) || from == T_NUMERIC)) {
        (void)modifier(type, 1, &s);
        rc = buf_addf(b, q->err,
                      "CASE WHEN %s::text IN ('Infinity', '-Infinity') THEN true WHEN %s::text = "
                      "'NaN' THEN false ELSE abs(round(%s::numeric, %lld)) >= power(10::numeric, %lld) END",
                      c, c, c, s, p - s);
    } else if (to->base == T_NUMERIC && modifier(type, 0, &p) &&
               (from == T_FLOAT4 || from == T_FLOAT8)) {
        (void)modifier(type, 1, &s);
        rc = buf_addf(b, q->err,
                      "CASE WHEN %s::text IN ('Infinity', '-Infinity') THEN true WHEN %s::text = "
                      "'NaN' THEN false ELSE abs(round(%s::numeric, %lld)) >= power(10::numeric, %lld) END",
                      c, c, c, s, p - s);
    } else if (to->base == T_NUMERIC && is_text(from))
        rc = buf_addf(b, q->err,
                      "%s IS NOT NULL AND %s !~* '^\\s*([-+]?(\\d+\\.?\\d*|\\.\\d+)(e[-+]?\\d+)?|nan|"
                      "[-+]?inf(inity)?)\\s*$'",
                      c, c);
    else if ((to->base == T_VARCHAR || to->base == T_BPCHAR) && modifier(type, 0, &p) &&
             !explicit_cast)
        rc = buf_addf(b, q->err, "char_length(rtrim(%s::text, ' ')) > %lld", c, p);
    else if ((to->base == T_VARBIT || to->base == T_BIT) && from == to->base &&
             modifier(type, 0, &p) && !explicit_cast)
        rc = buf_addf(b, q->err, to->base == T_BIT ? "length(%s) <> %lld" : "length(%s) > %lld", c, p);
    else if (to->base == T_UUID && is_text(from))
        rc = buf_addf(b, q->err,
                      "%s IS NOT NULL AND %s !~* '^\\{?[0-9a-f]{4}(-?[0-9a-f]{4}){7}\\}?$'", c, c);
    else if (to->base == T_BOOL && is_text(from))
        rc = buf_addf(b, q->err,
                      "%s IS NOT NULL AND lower(btrim(%s)) NOT IN ('t', 'tr', 'tru', 'true', 'y', "
                      "'ye', 'yes', 'on', '1', 'f', 'fa', 'fal', 'fals', 'false', 'n', 'no', 'of', "
                      "'off', '0')",
                      c, c);
    else if (to->kind == 'e') {
        char *name = effect_type(e);

        rc = name == NULL ? 0
                          : buf_addf(b, q->err,
                                     "%s IS NOT NULL AND NOT (%s::text = ANY "
                                     "(enum_range(NULL::%s)::text[]))",
                                     c, c, name);
        free(name);
    } else
        return 0;
    if (rc < 0)
        q->failed = 1;
    return 1;
}

/* An enum rebuilt in the script: the new labels stand there. */
static int own_labels(const struct inquiry *q, const struct effect *e, struct buf *b,
                      struct err *err)
{
    const json_t *type = node_get(node_as(node_get(e->node, "def"), "ColumnDef"), "typeName");
    const char *schema, *name;
    const json_t *vals = NULL;
    size_t i, k;

    node_qualified(node_get(type, "names"), &schema, &name);
    for (i = 0; name != NULL && i <= q->step; i++) {
        const struct effects *effects = q->steps[i];

        for (k = 0; effects != NULL && k < effects->count; k++) {
            const struct effect *x = &effects->items[k];

            if (x == e)
                break;
            if (x->kind == EFFECT_CREATE_OTHER && x->detail != NULL && x->name != NULL &&
                strcmp(x->detail, "CreateEnumStmt") == 0 && strcmp(x->name, name) == 0)
                vals = node_get(x->node, "vals");
        }
    }
    for (i = 0; i < node_count(vals); i++)
        if ((i > 0 && buf_adds(b, ", ", err) < 0) ||
            quote_literal(b, node_string(node_at(vals, i)), err) < 0)
            return -1;
    return vals != NULL;
}

static void checks(struct inquiry *q, const struct effect *e, const struct catalog_table *t,
                   const char *column, const char *object)
{
    struct facts_constraint k;
    size_t i;

    for (i = 0; facts_constraint(q->facts, i, &k); i++)
        if (k.table == t->oid && k.type == 'c' && facts_names(k.columns, column) &&
            !inquiry_past(q, q->past.constraints, t->oid, k.name))
            (void)inquiry_raise(q, "type-change-checks", e, object,
                                "CHECK %s of %s.%s is checked again with the new type", k.name,
                                t->schema, t->name);
}

/* A domain with a constraint: the cast itself says whether a value fits. */
static void checked_domain(struct inquiry *q, const struct effect *e, const struct catalog_table *t,
                           const char *object, const char *using, const char *type,
                           const char *column)
{
    struct buf b = {0}, ident = {0};
    long index = inquiry_raise(q, "cast-failure", e, object,
                               "ALTER TYPE of %s fails on values that the domain refuses (not "
                               "measured)", object);

    probe_subject(q, index, "ALTER TYPE of", object);
    if (index >= 0) {
        if (quote_ident(&ident, column, q->err) < 0 ||
            buf_addf(&b, q->err, "SELECT count(*), count(*) FILTER (WHERE x IS NULL AND v IS NOT "
                     "NULL) FROM (SELECT %s AS v, CAST((%s) AS %s) AS x", ident.data,
                     using == NULL ? ident.data : using, type == NULL ? "text" : type) < 0 ||
            probe_from(&b, t, (e->flags & EFFECT_ONLY) != 0, NULL, q->err) < 0 ||
            buf_adds(&b, ") q", q->err) < 0)
            q->failed = 1;
        else {
            q->quotes = using != NULL;
            probe_set(q, index, PROBE_VIOLATION, &b, t, -1);
        }
        inquiry_probe(q, index)->cast = 1;
    }
    buf_free(&b);
    buf_free(&ident);
}

/* Its type changed before: what is there now is not what this casts. */
static void again(struct inquiry *q, const struct effect *e, const struct catalog_table *t, const char *column,
                  const char *object)
{
    struct buf ident = {0}, b = {0};
    long index = inquiry_raise(q, "lossy-cast", e, object, "ALTER TYPE of %s may alter its values (not measured)",
                               object);

    probe_subject(q, index, "ALTER TYPE of", object);
    if (index < 0 || quote_ident(&ident, column, q->err) < 0 ||
        buf_addf(&b, q->err, "SELECT count(*), count(*), count(*), coalesce(sum(pg_column_size(%s)), 0)",
                 ident.data) < 0 ||
        probe_from(&b, t, (e->flags & EFFECT_ONLY) != 0, NULL, q->err) < 0) {
        q->failed = 1;
    } else {
        inquiry_finding(q, index)->covered = 1;
        probe_set(q, index, PROBE_LOSS, &b, t, 1);
        inquiry_probe(q, index)->values_per_row = 1;
        inquiry_probe(q, index)->bound = "its type changes before";
        index = inquiry_raise(q, "cast-failure", e, object,
                              "ALTER TYPE of %s fails if a value does not fit (not measured: its type changes before)",
                              object);
        if (index >= 0)
            inquiry_finding(q, index)->severity = SEVERITY_MEDIUM;
    }
    buf_free(&ident);
    buf_free(&b);
}

void detect_cast(struct inquiry *q, const struct effect *e)
{
    const struct catalog_table *t = inquiry_table(q, e);
    const char *column = e->column_on_server != NULL ? e->column_on_server : e->column;
    const json_t *def = node_as(node_get(e->node, "def"), "ColumnDef");
    struct buf ident = {0}, fails = {0}, b = {0}, labels = {0};
    char *object = NULL, *using = NULL, *type = NULL;
    const struct catalog_column *c = probe_column_of(t, column);
    struct facts_column from;
    struct facts_type to;
    struct cost cost;
    long index;
    long long mod;
    int known, made, can_fail = 0;

    if (e->kind != EFFECT_ALTER_TYPE || (e->flags & (EFFECT_OWN | EFFECT_GONE)) != 0)
        return;
    cost_of(q, e, 0, &cost);
    if ((object = inquiry_object(q, e)) == NULL)
        return;
    if (c != NULL && inquiry_past(q, q->past.retyped, t->oid, column)) {
        if (!cost.rewrite)
            goto out;
        again(q, e, t, column, object);
        goto out;
    }
    if (t != NULL)
        checks(q, e, t, column, object);
    /* Where no byte changes no value does. */
    if (q->facts != NULL && t != NULL && !cost.rewrite)
        goto out;
    using = effect_expression(e);
    type = effect_type(e);
    /* Whatever the column is now, it reads the same as text, and always can. */
    if (q->facts == NULL && using == NULL && type != NULL && strcmp(type, "text") == 0)
        goto out;
    known = c != NULL && facts_column(q->facts, t->oid, column, &from) &&
            facts_type(q->facts, e, &to);
    made = c != NULL ? own_labels(q, e, &labels, q->err) : 0;
    if (made < 0) {
        q->failed = 1;
        goto out;
    }
    if (known && to.checked && c != NULL)
        checked_domain(q, e, t, object, using, type, column);
    if (known && using == NULL && keeps_all(from.type, to.base, modifier(node_get(def, "typeName"), 0, &mod) ? 0 : -1))
        goto out;
    if (quote_ident(&ident, column == NULL ? "" : column, q->err) < 0) {
        q->failed = 1;
        goto out;
    }
    if (known && cost_plain_cast(e))
        can_fail = failing(q, e, ident.data, from.type, &to, using != NULL, &fails);
    else if (made) {
        can_fail = 1;
        if (buf_addf(&fails, q->err, "%s IS NOT NULL AND %s::text NOT IN (%s)", ident.data,
                     ident.data, labels.data) < 0)
            q->failed = 1;
    }
    index = inquiry_raise(q, "lossy-cast", e, object, "ALTER TYPE of %s to %s may alter its values "
                          "(not measured)", object, type == NULL ? "another type" : type);
    probe_subject(q, index, "ALTER TYPE of", object);
    if (t != NULL && index >= 0)
        inquiry_finding(q, index)->covered = 1;
    if (known && index >= 0 && c != NULL) {
        /* There and back again: what comes back otherwise was altered. */
        if (buf_addf(&b, q->err, "SELECT count(*), count(*) FILTER (WHERE x), count(*) FILTER (WHERE "
                     "x), coalesce(sum(pg_column_size(v)) FILTER (WHERE x), 0) FROM (SELECT %s AS v, "
                     "CASE WHEN %s IS NULL THEN false WHEN %s%s%s THEN false ELSE %s::text IS "
                     "DISTINCT FROM CAST(CAST((%s) AS %s) AS %s)::text END AS x",
                     ident.data, ident.data, can_fail ? "(" : "", can_fail ? fails.data : "false",
                     can_fail ? ")" : "", ident.data, using != NULL ? using : ident.data,
                     type == NULL ? "text" : type, c->type) < 0 ||
            probe_from(&b, t, (e->flags & EFFECT_ONLY) != 0, NULL, q->err) < 0 ||
            buf_adds(&b, ") q", q->err) < 0) {
            q->failed = 1;
            goto out;
        }
        q->quotes = using != NULL;
        probe_set(q, index, PROBE_LOSS, &b, t, -1);
        inquiry_probe(q, index)->values_per_row = 1;
        inquiry_probe(q, index)->cast = 1;
        /* No way back into the old type: every value reads otherwise. */
        buf_reset(&b);
        if (buf_addf(&b, q->err, "SELECT count(*), count(%s), count(%s), "
                     "coalesce(sum(pg_column_size(%s)), 0)", ident.data, ident.data, ident.data) < 0 ||
            probe_from(&b, t, (e->flags & EFFECT_ONLY) != 0, NULL, q->err) < 0 ||
            (inquiry_probe(q, index)->otherwise = buf_take(&b, q->err)) == NULL)
            q->failed = 1;
    } else if (made && index >= 0) {
        /* A label that is kept keeps its text. */
        inquiry_probe(q, index)->kind = PROBE_NONE;
        inquiry_finding(q, index)->severity = SEVERITY_LOW;
    }
    if (t != NULL && can_fail) {
        index = inquiry_raise(q, "cast-failure", e, object,
                              "ALTER TYPE of %s fails on values that do not fit (not measured)",
                              object);
        probe_subject(q, index, "ALTER TYPE of", object);
        probe_what(q, index, "hold a value that does not fit");
        buf_reset(&b);
        if (buf_addf(&b, q->err, "SELECT count(*), count(*) FILTER (WHERE %s)", fails.data) < 0 ||
            probe_from(&b, t, (e->flags & EFFECT_ONLY) != 0, NULL, q->err) < 0)
            q->failed = 1;
        else
            probe_set(q, index, PROBE_VIOLATION, &b, t, -1);
        if (index >= 0)
            inquiry_probe(q, index)->certain = using == NULL || known || made;
    } else if (t == NULL || !known) {
        index = inquiry_raise(q, "cast-failure", e, object,
                              "ALTER TYPE of %s fails if a value does not fit (not measured)", object);
        if (index >= 0 && q->conn == NULL)
            inquiry_finding(q, index)->severity = SEVERITY_MEDIUM;
    }
out:
    free(object);
    free(using);
    free(type);
    buf_free(&ident);
    buf_free(&fails);
    buf_free(&labels);
    buf_free(&b);
}
