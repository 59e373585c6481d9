#include "validate/column.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "migration/plan.h"
#include "script/effect.h"
#include "script/node.h"
#include "script/parse.h"
#include "script/statement.h"
#include "validate/facts.h"
#include "validate/inquiry.h"

int column_typmod(uint32_t type, const void *type_name)
{
    const json_t *mods = node_get(type_name, "typmods");
    long long v[2] = {0, 0};
    size_t i, n = node_count(mods);

    for (i = 0; i < n && i < 2; i++) {
        const json_t *c = node_as(node_at(mods, i), "A_Const");

        if (c == NULL || node_get(c, "ival") == NULL)
            return -2;
        v[i] = node_int(node_get(c, "ival"), "ival");
    }
    switch (type) {
    case T_BPCHAR:
    case T_VARCHAR:
        return n == 0 ? -1 : (int)v[0] + 4;
    case T_NUMERIC:
        return n == 0 ? -1 : (int)(v[0] << 16 | v[1]) + 4;
    case T_BIT:
    case T_VARBIT:
    case T_TIME:
    case T_TIMETZ:
    case T_TIMESTAMP:
    case T_TIMESTAMPTZ:
        return n == 0 ? -1 : (int)v[0];
    case T_INTERVAL:
        /* Fields in the first number; the precision second.  0x7fff: all fields. */
        return n == 0 ? -1 : n == 2 && v[0] == 0x7fff ? (int)v[1] : -2;
    default:
        return n == 0 ? -1 : -2;
    }
}

/* ---- the statements before ---- */

/* A place among the plan's effects. */
struct place {
    size_t step, at;
};

#define KIND(k) (UINT64_C(1) << (unsigned)(k))

/* The next effect before E that is one of KINDS; NULL: there is none. */
static const struct effect *next_before(const struct inquiry *q, const struct effect *e, struct place *p, uint64_t kinds)
{
    if ((q->kinds & kinds) == 0)
        return NULL;
    for (; p->step <= q->step && p->step < q->plan->nsteps; p->step++, p->at = 0) {
        const struct effects *effects = q->steps[p->step];

        while (effects != NULL && p->at < effects->count) {
            const struct effect *x = &effects->items[p->at++];

            if (x == e || x == q->within)
                return NULL;
            if ((KIND(x->kind) & kinds) != 0)
                return x;
        }
    }
    return NULL;
}

static const char *server_relation(const struct effect *e)
{
    return e->on_server != NULL ? e->on_server : e->name;
}

static int same_relation(const struct effect *a, const struct effect *b)
{
    const char *x = a->on_server != NULL ? a->schema_on_server : a->schema;
    const char *y = b->on_server != NULL ? b->schema_on_server : b->schema;

    return a->name != NULL && b->name != NULL && strcmp(server_relation(a), server_relation(b)) == 0 &&
           (x == NULL || y == NULL || strcmp(x, y) == 0);
}

static const char *server_column(const struct effect *e)
{
    return e->column_on_server != NULL ? e->column_on_server : e->column;
}

static int same_column(const struct effect *a, const struct effect *b)
{
    return a->column != NULL && b->column != NULL && strcmp(server_column(a), server_column(b)) == 0;
}

/* The type that X gives. */
static int retype(const struct inquiry *q, const struct effect *x, struct facts_column *out)
{
    const json_t *def = node_as(node_get(x->node, "def"), "ColumnDef");
    struct facts_type to;

    if (!facts_type(q->facts, x, &to))
        return 0;
    out->type = to.base;
    out->typmod = to.oid == to.base ? column_typmod(to.base, node_get(def, "typeName")) : -2;
    out->checked = to.checked;
    out->null_frac = -1;
    out->text = NULL;
    return 1;
}

int column_now(const struct inquiry *q, const struct effect *e, uint32_t table, struct facts_column *out)
{
    struct place p = {0, 0};
    const struct effect *x;
    int known = facts_column(q->facts, table, server_column(e), out);

    while (q->facts != NULL &&
           (x = next_before(q, e, &p,
                            KIND(EFFECT_ADD_COLUMN) | KIND(EFFECT_ALTER_TYPE) | KIND(EFFECT_SET_NOT_NULL) |
                                KIND(EFFECT_DROP_NOT_NULL))) != NULL) {
        if (!same_column(x, e) || !same_relation(x, e))
            continue;
        if (x->kind == EFFECT_ADD_COLUMN && (e->flags & EFFECT_OWN) != 0) {
            memset(out, 0, sizeof(*out));
            known = retype(q, x, out);
        } else if (x->kind == EFFECT_ALTER_TYPE) {
            known = retype(q, x, out);
        } else if (x->kind == EFFECT_SET_NOT_NULL || x->kind == EFFECT_DROP_NOT_NULL) {
            out->not_null = x->kind == EFFECT_SET_NOT_NULL;
        }
    }
    return known;
}

/* In the relation of LIKE, when E comes. */
static const char *found_on_server(const struct inquiry *q, const struct effect *e, const struct effect *like,
                                   const char *name)
{
    struct place p = {0, 0};
    const struct effect *x;
    const char *found = name;

    /* Forwards: a name is free again behind a DROP or a RENAME. */
    while (name != NULL &&
           (x = next_before(q, e, &p, KIND(EFFECT_RENAME_COLUMN) | KIND(EFFECT_ADD_COLUMN))) != NULL) {
        if (x->column == NULL || !same_relation(x, like))
            continue;
        if (x->kind == EFFECT_RENAME_COLUMN && x->detail != NULL && strcmp(x->detail, name) == 0)
            found = (x->flags & EFFECT_OWN) != 0 ? NULL : server_column(x);
        else if (x->kind == EFFECT_ADD_COLUMN && strcmp(x->column, name) == 0)
            found = NULL;
    }
    return found;
}

const char *column_on_server(const struct inquiry *q, const struct effect *e, const char *name)
{
    return found_on_server(q, e, e, name);
}

const char *column_of_partner(const struct inquiry *q, const struct effect *e, const char *name)
{
    const struct effect like = {.schema = e->partner_schema, .name = e->partner};

    return e->partner == NULL ? name : found_on_server(q, e, &like, name);
}

const struct effect *column_added(const struct inquiry *q, const struct effect *e)
{
    return e->column == NULL || (e->flags & EFFECT_OWN) == 0 ? NULL : column_added_as(q, e, e->column);
}

const struct effect *column_added_as(const struct inquiry *q, const struct effect *e, const char *name)
{
    struct place p = {0, 0};
    const struct effect *x, *found = NULL;

    while ((x = next_before(q, e, &p, KIND(EFFECT_RENAME_COLUMN) | KIND(EFFECT_ADD_COLUMN))) != NULL) {
        if (x->column == NULL || !same_relation(x, e))
            continue;
        if (x->kind == EFFECT_ADD_COLUMN && strcmp(x->column, name) == 0)
            found = (x->flags & EFFECT_OWN) != 0 ? NULL : x;
        else if (x->kind == EFFECT_RENAME_COLUMN && x->detail != NULL && strcmp(x->detail, name) == 0)
            found = NULL; /* by another name: not followed */
    }
    return found;
}

int column_bare(const struct inquiry *q, const struct effect *e, const struct effect *added)
{
    static const char *const fills[] = {"CONSTR_DEFAULT", "CONSTR_GENERATED", "CONSTR_IDENTITY"};
    const json_t *def = node_as(node_get(added->node, "def"), "ColumnDef"), *list = node_get(def, "constraints");
    struct place p = {0, 0};
    struct facts_type to;
    const struct effect *x;
    const char *schema, *type;
    size_t i, k;

    node_qualified(node_get(node_get(def, "typeName"), "names"), &schema, &type);
    if (type == NULL || strstr(type, "serial") != NULL || q->opaque_before)
        return 0;
    /* A domain may bring a default of its own. */
    if (q->facts != NULL ? !facts_type(q->facts, added, &to) || to.oid != to.base
                         : schema == NULL && strcmp(type, "text") != 0 && strcmp(type, "uuid") != 0 &&
                               strcmp(type, "jsonb") != 0 && strcmp(type, "date") != 0)
        return 0;
    for (i = 0; i < node_count(list); i++)
        for (k = 0; k < sizeof(fills) / sizeof(fills[0]); k++)
            if (node_is(node_as(node_at(list, i), "Constraint"), "contype", fills[k]))
                return 0;
    while ((x = next_before(q, e, &p,
                            KIND(EFFECT_MERGE) | KIND(EFFECT_DELETE) | KIND(EFFECT_TRUNCATE) | KIND(EFFECT_UPDATE) |
                                KIND(EFFECT_ALTER_TYPE))) != NULL)
        if (same_relation(x, e) &&
            (x->kind == EFFECT_MERGE || x->kind == EFFECT_DELETE || x->kind == EFFECT_TRUNCATE ||
             (x->column != NULL && strcmp(x->column, added->column) == 0 &&
              (x->kind == EFFECT_UPDATE || x->kind == EFFECT_ALTER_TYPE))))
            return 0;
    return 1;
}

/* ---- NOT NULL ---- */

/* Does CHECK expression NODE say that COLUMN is not null? */
static int proves(const json_t *node, const char *column)
{
    const json_t *test = node_as(node, "NullTest"), *both = node_as(node, "BoolExpr"), *ref;
    size_t i;

    if (test != NULL && node_is(test, "nulltesttype", "IS_NOT_NULL")) {
        ref = node_as(node_get(test, "arg"), "ColumnRef");
        return node_count(node_get(ref, "fields")) == 1 &&
               node_string(node_at(node_get(ref, "fields"), 0)) != NULL &&
               strcmp(node_string(node_at(node_get(ref, "fields"), 0)), column) == 0;
    }
    if (both == NULL || !node_is(both, "boolop", "AND_EXPR"))
        return 0;
    for (i = 0; i < node_count(node_get(both, "args")); i++)
        if (proves(node_at(node_get(both, "args"), i), column))
            return 1;
    return 0;
}

static int check_proves(const char *expression, const char *column)
{
    struct err err = {0};
    struct buf b = {0};
    struct parse_item item = {0};
    const json_t *val;
    int yes = 0;

    if (buf_addf(&b, &err, "SELECT %s", expression) < 0)
        return 0;
    item.text = b.data;
    item.len = b.len;
    if (parse_all(&item, 1, &err) == 0 && item.tree != NULL) {
        val = node_get(node_as(node_at(node_get(node_as(item.tree, "SelectStmt"), "targetList"), 0),
                               "ResTarget"),
                       "val");
        yes = proves(val, column);
    }
    json_decref(item.tree);
    free(item.problem);
    buf_free(&b);
    return yes;
}

/* What the script makes of constraint NAME of E's relation before E: 1 valid, -1 dropped, 0 nothing. */
static int made_of(const struct inquiry *q, const struct effect *e, const char *name)
{
    struct place p = {0, 0};
    const struct effect *x;
    int state = 0;

    while (name != NULL &&
           (x = next_before(q, e, &p, KIND(EFFECT_VALIDATE_CONSTRAINT) | KIND(EFFECT_DROP_CONSTRAINT))) != NULL) {
        if (x->detail == NULL || strcmp(x->detail, name) != 0 || x->statement == e->statement || !same_relation(x, e))
            continue;
        if (x->kind == EFFECT_VALIDATE_CONSTRAINT)
            state = 1;
        else if (x->kind == EFFECT_DROP_CONSTRAINT)
            state = -1;
    }
    return state;
}

/* A CHECK that the script itself adds, and validates. */
static int proved_by_script(const struct inquiry *q, const struct effect *e)
{
    struct place p = {0, 0};
    const struct effect *x;
    int proved = 0;

    if ((q->kinds & KIND(EFFECT_ADD_CONSTRAINT)) == 0)
        return 0;
    while ((x = next_before(q, e, &p,
                            KIND(EFFECT_ADD_CONSTRAINT) | KIND(EFFECT_RENAME_COLUMN) | KIND(EFFECT_DROP_COLUMN) |
                                KIND(EFFECT_RENAME_OTHER))) != NULL) {
        const char *name = node_name(x->node, "conname");
        int state;

        if (!same_relation(x, e))
            continue;
        if (x->kind == EFFECT_RENAME_COLUMN || x->kind == EFFECT_DROP_COLUMN || x->kind == EFFECT_RENAME_OTHER)
            proved = 0; /* the names in it may mean others by now */
        if (x->kind != EFFECT_ADD_CONSTRAINT || x->detail == NULL || strcmp(x->detail, "CHECK") != 0 ||
            x->statement == e->statement || !proves(node_get(x->node, "raw_expr"), e->column))
            continue;
        state = made_of(q, e, name);
        proved |= state == 1 || (state == 0 && !node_true(x->node, "skip_validation"));
    }
    return proved;
}

int column_proved(const struct inquiry *q, const struct effect *e, uint32_t table)
{
    struct facts_constraint k;
    size_t i;

    if (q->version < 120000 || e->column == NULL)
        return 0;
    for (i = 0; facts_constraint(q->facts, i, &k); i++)
        if (k.table == table && k.type == 'c' && k.expression != NULL && check_proves(k.expression, server_column(e))) {
            int state = made_of(q, e, k.name);

            if (state == 1 || (state == 0 && k.valid))
                return 1;
        }
    return proved_by_script(q, e);
}

/* Can NODE, an expression, be NULL?  Of few it is known that they cannot. */
static int never_null(const json_t *node)
{
    static const char *const functions[] = {"now", "gen_random_uuid", "uuid_generate_v4", "clock_timestamp", "random"};
    const json_t *constant = node_as(node, "A_Const"), *cast = node_as(node, "TypeCast"), *call = node_as(node, "FuncCall");
    const json_t *coalesce = node_get(node_as(node, "CoalesceExpr"), "args");
    const char *schema, *name;
    size_t i;

    if (constant != NULL)
        return !node_true(constant, "isnull");
    if (cast != NULL)
        return never_null(node_get(cast, "arg"));
    for (i = 0; i < node_count(coalesce); i++)
        if (never_null(node_at(coalesce, i)))
            return 1;
    if (call != NULL) {
        node_qualified(node_get(call, "funcname"), &schema, &name);
        for (i = 0; name != NULL && i < sizeof(functions) / sizeof(functions[0]); i++)
            if (strcmp(functions[i], name) == 0)
                return 1;
    }
    return node_as(node, "SQLValueFunction") != NULL || node_as(node, "NullTest") != NULL;
}

/* "COLUMN IS NULL", alone or beside others that only make it more. */
static int meets_nulls(const json_t *where, const char *column)
{
    const json_t *test = node_as(where, "NullTest"), *any = node_as(where, "BoolExpr"), *fields;
    size_t i, n;

    if (where == NULL)
        return 1;
    if (test != NULL) {
        fields = node_get(node_as(node_get(test, "arg"), "ColumnRef"), "fields");
        n = node_count(fields);
        return node_is(test, "nulltesttype", "IS_NULL") && n > 0 && node_string(node_at(fields, n - 1)) != NULL &&
               strcmp(node_string(node_at(fields, n - 1)), column) == 0;
    }
    for (i = 0; node_is(any, "boolop", "OR_EXPR") && i < node_count(node_get(any, "args")); i++)
        if (meets_nulls(node_at(node_get(any, "args"), i), column))
            return 1;
    return 0;
}

int column_filled(const struct inquiry *q, const struct effect *e)
{
    struct place p = {0, 0};
    const struct effect *x;
    int filled = 0;

    if ((q->kinds & KIND(EFFECT_UPDATE)) == 0)
        return 0;
    while (e->column != NULL &&
           (x = next_before(q, e, &p,
                            KIND(EFFECT_INSERT) | KIND(EFFECT_COPY_IN) | KIND(EFFECT_MERGE) | KIND(EFFECT_ALTER_TYPE) |
                                KIND(EFFECT_ADD_COLUMN) | KIND(EFFECT_RENAME_COLUMN) | KIND(EFFECT_UPDATE))) != NULL) {
        const json_t *targets = node_get(x->node, "targetList");
        size_t i;

        if (!same_relation(x, e))
            continue;
        /* What is written after may be NULL again. */
        if (x->kind == EFFECT_INSERT || x->kind == EFFECT_COPY_IN || x->kind == EFFECT_MERGE || x->kind == EFFECT_ALTER_TYPE ||
            x->kind == EFFECT_ADD_COLUMN || x->kind == EFFECT_RENAME_COLUMN)
            filled = 0;
        if (x->kind != EFFECT_UPDATE || !same_column(x, e))
            continue;
        filled = 0;
        if ((x->flags & EFFECT_ONLY) != 0 || node_get(x->node, "fromClause") != NULL || node_get(x->node, "withClause") != NULL ||
            node_as(x->statement->tree, "UpdateStmt") == NULL ||
            !meets_nulls(node_get(x->node, "whereClause"), x->column))
            continue;
        for (i = 0; i < node_count(targets); i++) {
            const json_t *target = node_as(node_at(targets, i), "ResTarget");

            if (node_is(target, "name", x->column) && node_get(target, "indirection") == NULL)
                filled = never_null(node_get(target, "val"));
        }
    }
    return filled;
}
