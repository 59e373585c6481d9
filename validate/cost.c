#include "validate/cost.h"

#include <stdlib.h>
#include <string.h>

#include "pg/catalog.h"
#include "script/effect.h"
#include "script/function.h"
#include "script/node.h"
#include "script/statement.h"
#include "validate/column.h"
#include "validate/facts.h"
#include "validate/inquiry.h"

struct search {
    const struct inquiry *q;
    int found;
};

static int visit_volatile(const char *kind, const json_t *body, void *arg)
{
    /* The volatile ones among the functions that are harmless elsewhere. */
    static const char *const known[] = {
        "clock_timestamp",    "random",           "nextval",          "gen_random_uuid",
        "timeofday",          "setval",           "uuid_generate_v1", "uuid_generate_v1mc",
        "uuid_generate_v4",   "gen_random_bytes", "gen_salt",         "currval",
        "lastval",            "random_normal",    "uuidv4",           "uuidv7",
        "txid_current",       "pg_sleep",
    };
    struct search *s = arg;
    const char *schema, *name;
    char v;
    size_t i;

    if (strcmp(kind, "FuncCall") != 0)
        return 0;
    node_qualified(node_get(body, "funcname"), &schema, &name);
    if (name == NULL)
        return 0;
    v = facts_volatility(s->q->facts, name);
    if (v != '\0') {
        s->found |= v == 'v';
        return 0;
    }
    for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(known[i], name) == 0)
            s->found = 1;
    /* A function that nobody knows may be anything. */
    if (!function_harmless(schema, name))
        s->found = 1;
    return 0;
}

int cost_volatile(const struct inquiry *q, const void *expression)
{
    struct search s = {q, 0};

    if (expression != NULL) {
        const json_t *e = expression;

        if (node_as(e, "FuncCall") != NULL)
            (void)visit_volatile("FuncCall", node_as(e, "FuncCall"), &s);
        node_walk(e, visit_volatile, &s);
    }
    return s.found;
}

static const json_t *constraint_in(const json_t *coldef, const char *contype)
{
    const json_t *list = node_get(coldef, "constraints");
    size_t i;

    for (i = 0; i < node_count(list); i++) {
        const json_t *c = node_as(node_at(list, i), "Constraint");

        if (node_is(c, "contype", contype))
            return c;
    }
    return NULL;
}

static int is_serial(const json_t *coldef)
{
    static const char *const serials[] = {"serial",  "bigserial", "smallserial",
                                          "serial4", "serial8",   "serial2"};
    const char *schema, *type;
    size_t i;

    node_qualified(node_get(node_get(coldef, "typeName"), "names"), &schema, &type);
    for (i = 0; i < sizeof(serials) / sizeof(serials[0]); i++)
        if (type != NULL && schema == NULL && strcmp(type, serials[i]) == 0)
            return 1;
    return 0;
}

static void rewrites(struct cost *out, const char *why)
{
    out->rewrite = 1;
    out->scan = 1;
    out->why = why;
}

static void add_column(const struct inquiry *q, const struct effect *e, struct cost *out)
{
    const json_t *def = node_as(node_get(e->node, "def"), "ColumnDef");
    const json_t *dflt = constraint_in(def, "CONSTR_DEFAULT");
    struct facts_type type;

    if (is_serial(def))
        rewrites(out, "a serial fills every row from its sequence");
    else if (constraint_in(def, "CONSTR_IDENTITY") != NULL)
        rewrites(out, "an identity fills every row from its sequence");
    else if (constraint_in(def, "CONSTR_GENERATED") != NULL)
        rewrites(out, "a stored generated column is computed for every row");
    else if (dflt != NULL && q->version < 110000)
        rewrites(out, "before PostgreSQL 11 any default is written into every row");
    else if (dflt != NULL && cost_volatile(q, node_get(dflt, "raw_expr")))
        rewrites(out, "the default is volatile: each row gets its own");
    else if (facts_type(q->facts, e, &type) && type.checked)
        rewrites(out, "the domain has a constraint, which is checked by rewriting");
}

/* ---- ALTER COLUMN TYPE ---- */

/* Does the length coercion from FROM to TO have to touch values? */
static int typmod_rewrites(uint32_t type, int from, int to)
{
    if (from == to)
        return 0;
    switch (type) {
    case T_VARCHAR:
    case T_VARBIT:
        return !(to == -1 || (from >= 0 && to >= from));
    case T_NUMERIC:
        return !(to == -1 || (from >= 4 && to >= 4 && ((from - 4) & 0xffff) == ((to - 4) & 0xffff) &&
                              (to - 4) >> 16 >= (from - 4) >> 16));
    case T_TIME:
    case T_TIMETZ:
    case T_TIMESTAMP:
    case T_TIMESTAMPTZ:
        return !(to == -1 || to >= 6 || (from >= 0 && to >= from));
    case T_INTERVAL:
        if (to == -1)
            return 0;
        if (to < 0 || from < -1)
            return 1;
        return !(to >= 6 || (from >= 0 && to >= (from & 0xffff)));
    default:
        return to != -1;
    }
}

/* USING absent, or the column itself, bare or cast to the very type. */
static int using_is_column(const struct effect *e, const json_t *def)
{
    const json_t *using = node_get(def, "raw_default"), *column, *cast;

    if (using == NULL)
        return 1;
    if ((cast = node_as(using, "TypeCast")) != NULL) {
        if (!json_equal((json_t *)(uintptr_t)node_get(node_get(cast, "typeName"), "names"),
                        (json_t *)(uintptr_t)node_get(node_get(def, "typeName"), "names")) ||
            node_count(node_get(node_get(cast, "typeName"), "arrayBounds")) !=
                node_count(node_get(node_get(def, "typeName"), "arrayBounds")))
            return 0;
        using = node_get(cast, "arg");
    }
    column = node_as(using, "ColumnRef");
    return column != NULL && node_count(node_get(column, "fields")) == 1 &&
           node_string(node_at(node_get(column, "fields"), 0)) != NULL &&
           strcmp(node_string(node_at(node_get(column, "fields"), 0)), e->column) == 0;
}

int cost_plain_cast(const struct effect *e)
{
    return using_is_column(e, node_as(node_get(e->node, "def"), "ColumnDef"));
}

/* Types that share the operators of their indexes; the others have their own. */
static uint32_t operators_of(uint32_t type)
{
    enum { T_TEXT = 25, T_CIDR = 650, T_INET = 869 };

    return type == T_VARCHAR ? T_TEXT : type == T_CIDR ? T_INET : type;
}

/* Does every value have to be written anew? */
static void retype(const struct inquiry *q, const struct effect *e, const struct facts_column *from,
                   const struct facts_type *to, struct cost *out)
{
    const json_t *def = node_as(node_get(e->node, "def"), "ColumnDef");
    const char *zone = facts_setting(q->facts, "TimeZone");
    int from_mod = from->typmod;
    int to_mod = to->oid == to->base ? column_typmod(to->base, node_get(def, "typeName")) : -1;

    if (!using_is_column(e, def)) {
        rewrites(out, "USING computes every value");
    } else if (to->checked) {
        rewrites(out, "the domain has a constraint, which is checked by rewriting");
    } else if (from->type == to->base) {
        if (to_mod == -2 || typmod_rewrites(to->base, from_mod, to_mod))
            rewrites(out, "the new length or precision is not wider than the old");
    } else if (((from->type == T_TIMESTAMP && to->base == T_TIMESTAMPTZ) ||
                (from->type == T_TIMESTAMPTZ && to->base == T_TIMESTAMP)) &&
               q->version >= 120000 && zone != NULL &&
               (strcmp(zone, "UTC") == 0 || strcmp(zone, "Etc/UTC") == 0 ||
                strcmp(zone, "GMT") == 0)) {
        /* The same bytes where the session's zone is UTC. */
        if (typmod_rewrites(to->base, from_mod, to_mod))
            rewrites(out, "the precision shrinks");
    } else if (!facts_binary(q->facts, from->type, to->base)) {
        rewrites(out, "the two types store their values differently");
    } else if (to->base == T_BPCHAR ||
               (to_mod != -1 && (to->base != T_VARCHAR || from_mod == -1 ||
                                 typmod_rewrites(to->base, from_mod, to_mod)))) {
        rewrites(out, "every value is checked against the new length");
    }
}

/* No byte of the table changes: is index X on the column built anew all the same?  Where its
 * operators or its collation change with the type; on an expression or with a predicate, always,
 * for the server does not compare those. */
static int index_rebuilt(const struct effect *e, const struct facts_index *x, uint32_t from,
                         uint32_t to)
{
    const char *column = e->column_on_server != NULL ? e->column_on_server : e->column;
    const json_t *def = node_as(node_get(e->node, "def"), "ColumnDef");

    return facts_names(x->stands_on, column) &&
           (x->special || (facts_names(x->columns, column) &&
                           (operators_of(from) != operators_of(to) ||
                            node_get(def, "collClause") != NULL)));
}

static void alter_type(const struct inquiry *q, const struct effect *e, uint32_t table,
                       struct cost *out)
{
    struct facts_column from;
    struct facts_type to;
    struct facts_index x;
    size_t i;

    if (!column_now(q, e, table, &from) || !facts_type(q->facts, e, &to)) {
        rewrites(out, "the change of type writes every value anew, unless the server finds that no "
                      "byte changes");
        return;
    }
    retype(q, e, &from, &to, out);
    for (i = 0; !out->rewrite && facts_index(q->facts, i, &x); i++)
        if (x.table == table && index_rebuilt(e, &x, from.type, to.base)) {
            out->scan = out->index = 1;
            out->why = "an index on it is built anew";
        }
}

int cost_rebuilds(const struct inquiry *q, const struct effect *e, const struct facts_index *x)
{
    struct facts_column from;
    struct facts_type to;

    if (e->kind == EFFECT_REINDEX)
        return 1;
    return e->kind == EFFECT_ALTER_TYPE && column_now(q, e, x->table, &from) &&
           facts_type(q->facts, e, &to) && index_rebuilt(e, x, from.type, to.base);
}

/* ---- SET NOT NULL ---- */

static void set_not_null(const struct inquiry *q, const struct effect *e, uint32_t table,
                         struct cost *out)
{
    struct facts_column c;

    if ((column_now(q, e, table, &c) && c.not_null) || column_proved(q, e, table))
        return;
    out->scan = 1;
    out->why = "every row is read for NULLs";
}

/* ---- the rest ---- */

/* A column that this very statement adds without a value holds NULLs: no key to look up. */
static int fills_nothing(const struct effect *e)
{
    const json_t *cmds = node_get(node_as(e->statement->tree, "AlterTableStmt"), "cmds");
    size_t i;

    for (i = 0; e->column != NULL && i < node_count(cmds); i++) {
        const json_t *cmd = node_as(node_at(cmds, i), "AlterTableCmd");
        const json_t *def = node_as(node_get(cmd, "def"), "ColumnDef");

        if (node_is(cmd, "subtype", "AT_AddColumn") && node_is(def, "colname", e->column))
            return constraint_in(def, "CONSTR_DEFAULT") == NULL &&
                   constraint_in(def, "CONSTR_GENERATED") == NULL && !is_serial(def);
    }
    return 0;
}

static void add_constraint(const struct inquiry *q, const struct effect *e, struct cost *out)
{
    const json_t *c = e->node;
    const char *word = e->detail == NULL ? "" : e->detail;

    (void)q;
    if (node_get(c, "indexname") != NULL || node_true(c, "skip_validation"))
        return;
    if (strcmp(word, "FOREIGN KEY") == 0) {
        if (fills_nothing(e))
            return;
        out->scan = 1;
        out->why = "every row is looked up in the referenced table";
    } else if (strcmp(word, "CHECK") == 0) {
        out->scan = 1;
        out->why = "every row is checked";
    } else {
        out->scan = out->index = 1;
        out->why = "an index is built";
    }
}

static void alter_other(const struct inquiry *q, const struct effect *e, uint32_t table,
                        struct cost *out)
{
    const char *subtype = e->detail == NULL ? "" : e->detail;
    const struct catalog_table *t = inquiry_table_by_oid(q, table);

    if (strcmp(subtype, "AT_SetLogged") == 0 || strcmp(subtype, "AT_SetUnLogged") == 0) {
        /* No-op where it is so already. */
        if (t == NULL || t->persistence != (strcmp(subtype, "AT_SetLogged") == 0 ? 'p' : 'u'))
            rewrites(out, "the table is copied into another kind of storage");
    } else if (strcmp(subtype, "AT_SetAccessMethod") == 0) {
        rewrites(out, "the table is copied into another access method");
    } else if (strcmp(subtype, "AT_SetTableSpace") == 0) {
        rewrites(out, "the files are copied to the other tablespace");
        out->moved = 1;
    } else if (strcmp(subtype, "AT_AttachPartition") == 0) {
        out->scan = out->on_partner = 1;
        out->why = "the partition is read whole, unless a CHECK proves its bounds";
    }
}

/* IF NOT EXISTS, and it does. */
static int index_there(const struct inquiry *q, const struct effect *e, uint32_t table)
{
    struct facts_index index;
    size_t i;

    for (i = 0; (e->flags & EFFECT_IF_EXISTS) != 0 && e->detail != NULL &&
                facts_index(q->facts, i, &index);
         i++)
        if (index.table == table && strcmp(index.name, e->detail) == 0)
            return 1;
    return 0;
}

void cost_of(const struct inquiry *q, const struct effect *e, uint32_t table, struct cost *out)
{
    const struct catalog_table *t = inquiry_table(q, e);

    memset(out, 0, sizeof(*out));
    if (table == 0 && t != NULL)
        table = t->oid;
    switch ((int)e->kind) {
    case EFFECT_ADD_COLUMN:
        add_column(q, e, out);
        break;
    case EFFECT_ALTER_TYPE:
        alter_type(q, e, table, out);
        break;
    case EFFECT_SET_NOT_NULL:
        set_not_null(q, e, table, out);
        break;
    case EFFECT_ADD_CONSTRAINT:
        add_constraint(q, e, out);
        break;
    case EFFECT_VALIDATE_CONSTRAINT:
        out->scan = 1;
        out->why = "every row is checked";
        break;
    case EFFECT_CREATE_INDEX:
        if (index_there(q, e, table))
            break;
        out->scan = out->index = 1;
        out->why = "an index is built";
        break;
    case EFFECT_REINDEX:
        out->scan = out->index = 1;
        out->why = "the indexes are built anew";
        break;
    case EFFECT_ALTER_TABLE_OTHER:
        alter_other(q, e, table, out);
        break;
    case EFFECT_OTHER:
        if (strcmp(e->detail, "ClusterStmt") == 0 || strcmp(e->detail, "RefreshMatViewStmt") == 0 ||
            (strcmp(e->detail, "VacuumStmt") == 0 &&
             node_option(node_get(e->node, "options"), "full", 0))) {
            if (!node_true(e->node, "concurrent"))
                rewrites(out, "the table is written anew");
        }
        break;
    default:
        break;
    }
}
