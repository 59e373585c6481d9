#include "rollback/expected.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/strings.h"
#include "migration/plan.h"
#include "pg/query.h"
#include "pg/quote.h"
#include "rollback/typenames.h"
#include "script/block.h"
#include "script/closure.h"
#include "script/effect.h"
#include "script/node.h"

/* The plan's statements being followed. */
struct walk {
    struct expected *x;
    const struct closure *closure;
    const char *schema; /* where unqualified names are made; NULL: not known any more */
    char **own;         /* tables that the plan has made so far: "schema.name" */
    char **stirred;     /* names of types that the plan has made, renamed or dropped so far */
    int moved;          /* the script has set search_path */
    const struct statement *maybe; /* IF NOT EXISTS: what it makes may have been there */
    struct err *err;
};

struct place {
    uint32_t table;
    const char *schema, *relation;
};

static void part_clear(struct expected_part *p)
{
    free(p->schema);
    free(p->relation);
    free(p->name);
    free(p->type);
    free(p->type_name);
    free(p->collation);
    free(p->column);
}

void expected_free(struct expected *x)
{
    if (x == NULL)
        return;
    for (size_t i = 0; i < x->count; i++)
        part_clear(&x->parts[i]);
    free(x->parts);
    free(x->wanted);
    free(x);
}

static void forget(struct walk *w, size_t i)
{
    part_clear(&w->x->parts[i]);
    memmove(&w->x->parts[i], &w->x->parts[i + 1], (--w->x->count - i) * sizeof(*w->x->parts));
}

/* ---- whose part it is ------------------------------------------------------------------------- */

static int is_own(const struct walk *w, const char *schema, const char *relation)
{
    for (size_t i = 0; w->own != NULL && w->own[i] != NULL; i++) {
        size_t n = strlen(schema);

        if (strncmp(w->own[i], schema, n) == 0 && w->own[i][n] == '.' && strcmp(w->own[i] + n + 1, relation) == 0)
            return 1;
    }
    return 0;
}

static int same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* The server's table that E names: by another effect of that name where E's column is the plan's own. */
static uint32_t relation_of(const struct walk *w, const struct effect *e)
{
    uint32_t found = closure_relation(w->closure, e);

    for (size_t i = 0; found == 0 && e->name != NULL && e->column != NULL && i < w->closure->nlinks; i++) {
        const struct closure_link *l = &w->closure->links[i];
        const struct effect *o = l->effect;

        if (l->partner || l->oid == 0 || closure_table_of(w->closure, l->oid) == NULL || o->name == NULL ||
            strcmp(o->on_server != NULL ? o->on_server : o->name, e->on_server != NULL ? e->on_server : e->name) != 0 ||
            !same_text(o->on_server != NULL ? o->schema_on_server : o->schema, e->on_server != NULL ? e->schema_on_server : e->schema))
            continue;
        if (w->moved && e->schema == NULL)
            return 0;
        found = l->oid;
    }
    return found;
}

/* 0: E's table is not known, and nothing is expected of it. */
static int find_place(const struct walk *w, const struct effect *e, struct place *p)
{
    const struct closure_table *t;

    *p = (struct place){.schema = e->schema != NULL ? e->schema : w->schema, .relation = e->name};
    if (p->schema != NULL && p->relation != NULL && is_own(w, p->schema, p->relation))
        return 1;
    p->table = relation_of(w, e);
    if (p->table == 0 || (t = closure_table_of(w->closure, p->table)) == NULL)
        return 0;
    p->schema = t->schema;
    p->relation = t->name;
    return 1;
}

/* May E be about the table of P?  A block's effects are not resolved, and names change. */
static int may_be(const struct expected_part *p, const struct effect *e, uint32_t oid)
{
    if (p->table != 0 && oid != 0)
        return p->table == oid;
    return e->name != NULL && (strcmp(e->name, p->relation) == 0 || (e->on_server != NULL && strcmp(e->on_server, p->relation) == 0));
}

static int names_column(const struct expected_part *p, const char *column)
{
    static const char *const lists[] = {"keys", "fk_attrs", "indexParams"};

    if (p->kind == EXPECTED_COLUMN)
        return strcmp(p->name, column) == 0;
    if (p->column != NULL && strcmp(p->column, column) == 0)
        return 1;
    for (size_t l = 0; l < sizeof(lists) / sizeof(lists[0]); l++) {
        const json_t *list = node_get(p->node, lists[l]);

        for (size_t i = 0; i < node_count(list); i++) {
            const char *name = l < 2 ? node_string(node_at(list, i)) : node_name(node_as(node_at(list, i), "IndexElem"), "name");

            if (name == NULL || strcmp(name, column) == 0)
                return 1;
        }
    }
    /* Of an expression's columns nothing is known. */
    return node_get(p->node, "raw_expr") != NULL || node_get(p->node, "whereClause") != NULL;
}

/* What E may have changed is not expected any more: of its table, with COLUMN (NULL: all), of kinds from FIRST on. */
static void forget_of(struct walk *w, const struct effect *e, const char *column, enum expected_kind first)
{
    uint32_t oid = relation_of(w, e);

    for (size_t i = w->x->count; i-- > 0;) {
        const struct expected_part *p = &w->x->parts[i];

        if (p->kind >= first && may_be(p, e, oid) && (column == NULL || names_column(p, column)))
            forget(w, i);
    }
}

static void forget_named(struct walk *w, enum expected_kind kind, const char *name)
{
    /* The server's choice of a name may be this one. */
    for (size_t i = w->x->count; i-- > 0;)
        if (w->x->parts[i].kind == kind && (name == NULL || w->x->parts[i].name == NULL || strcmp(w->x->parts[i].name, name) == 0))
            forget(w, i);
}

static void forget_all(struct walk *w)
{
    while (w->x->count > 0)
        forget(w, w->x->count - 1);
}

/* ---- what is made ------------------------------------------------------------------------------ */

static struct expected_part *add(struct walk *w, enum expected_kind kind, const struct place *at, const char *name)
{
    struct expected_part *more = realloc(w->x->parts, (w->x->count + 1) * sizeof(*more)), *p;

    if (more == NULL) {
        (void)err_oom(w->err);
        return NULL;
    }
    w->x->parts = more;
    p = &more[w->x->count];
    *p = (struct expected_part){.kind = kind, .table = at->table, .not_null = EXPECTED_ANY, .has_default = EXPECTED_ANY,
                                .identity = EXPECTED_ANY, .generated = EXPECTED_ANY, .valid = EXPECTED_ANY};
    w->x->count++;
    if (strings_dup(&p->schema, at->schema, w->err) != 0 || strings_dup(&p->relation, at->relation, w->err) != 0 ||
        strings_dup(&p->name, name, w->err) != 0)
        return NULL;
    return p;
}

static int same_table(const struct expected_part *p, const struct place *at)
{
    return p->table == at->table && strcmp(p->relation, at->relation) == 0 && strcmp(p->schema, at->schema) == 0;
}

static struct expected_part *column_at(struct walk *w, const struct place *at, const char *name)
{
    for (size_t i = 0; i < w->x->count; i++) {
        struct expected_part *p = &w->x->parts[i];

        if (p->kind == EXPECTED_COLUMN && same_table(p, at) && strcmp(p->name, name) == 0)
            return p;
    }
    return add(w, EXPECTED_COLUMN, at, name);
}

/* DEF's type and collation. */
static int set_type(struct walk *w, struct expected_part *p, const struct effect *e, const json_t *def)
{
    const json_t *type = node_get(def, "typeName"), *collate = node_get(node_get(def, "collClause"), "collname");
    const char *schema, *name;

    free(p->type);
    free(p->type_name);
    free(p->collation);
    p->type = p->type_name = p->collation = NULL;
    p->type_node = type;
    node_qualified(node_get(type, "names"), &schema, &name);
    if (effect_serial(def) != NULL)
        return strings_dup(&p->type, effect_serial(def), w->err);
    if (name == NULL || (p->type = effect_type_of(e, def)) == NULL)
        return 0;
    /* A name that the script gives itself, or looks up by its own search_path. */
    if ((w->moved && schema == NULL) || (w->stirred != NULL && strings_find(w->stirred, name) >= 0)) {
        if (node_count(node_get(type, "arrayBounds")) == 0 && strings_dup(&p->type_name, name, w->err) != 0)
            return -1;
        free(p->type);
        p->type = NULL;
    }
    if (collate != NULL && !w->moved) {
        struct buf b = {0};
        int rc;

        node_qualified(collate, &schema, &name);
        rc = schema != NULL ? quote_name(&b, schema, name, w->err) : quote_ident(&b, name != NULL ? name : "", w->err);
        if (rc != 0 || (p->collation = buf_take(&b, w->err)) == NULL) {
            buf_free(&b);
            return -1;
        }
    } else if (collate != NULL) {
        return strings_dup(&p->collation, "", w->err);
    }
    return 0;
}

/* A column as DEF has it.  JOINED: its table has parents, which may say more. */
static int make_column(struct walk *w, const struct effect *e, const struct place *at, const json_t *def, int joined)
{
    const json_t *list = node_get(def, "constraints");
    struct expected_part *p = column_at(w, at, node_text(def, "colname"));

    if (p == NULL || set_type(w, p, e, def) != 0)
        return -1;
    p->not_null = p->has_default = effect_serial(def) != NULL ? 1 : joined ? EXPECTED_ANY : 0;
    p->identity = p->generated = joined ? EXPECTED_ANY : 0;
    for (size_t i = 0; i < node_count(list); i++) {
        const json_t *c = node_as(node_at(list, i), "Constraint");

        if (node_is(c, "contype", "CONSTR_NOTNULL") || node_is(c, "contype", "CONSTR_PRIMARY"))
            p->not_null = 1;
        else if (node_is(c, "contype", "CONSTR_DEFAULT"))
            /* NULL is none, but for a domain. */
            p->has_default = node_as(node_get(c, "raw_expr"), "FuncCall") != NULL ||
                                     (node_as(node_get(c, "raw_expr"), "A_Const") != NULL &&
                                      !node_true(node_as(node_get(c, "raw_expr"), "A_Const"), "isnull"))
                                 ? 1
                                 : EXPECTED_ANY;
        else if (node_is(c, "contype", "CONSTR_IDENTITY")) {
            p->not_null = 1;
            p->identity = (unsigned char)node_text(c, "generated_when")[0];
        } else if (node_is(c, "contype", "CONSTR_GENERATED")) {
            p->has_default = 1;
            p->generated = 's';
        }
    }
    return 0;
}

static int make_table(struct walk *w, const struct effect *e)
{
    const json_t *body = e->node, *elements = node_get(body, "tableElts");
    struct place at = {.schema = e->schema != NULL ? e->schema : w->schema, .relation = e->name};
    int joined = node_get(body, "inhRelations") != NULL || node_get(body, "ofTypename") != NULL ||
                 node_get(body, "partbound") != NULL;

    /* A temporary table is nobody's concern. */
    if ((e->flags & EFFECT_IF_EXISTS) != 0 || at.schema == NULL || at.relation == NULL ||
        node_is(node_get(body, "relation"), "relpersistence", "t") || strcmp(at.schema, "pg_temp") == 0)
        return 0;
    if (strings_addf(&w->own, w->err, "%s.%s", at.schema, at.relation) != 0 || strings_add(&w->stirred, at.relation, w->err) != 0)
        return -1;
    for (size_t i = 0; i < node_count(elements); i++) {
        const json_t *def = node_as(node_at(elements, i), "ColumnDef");

        if (def != NULL && make_column(w, e, &at, def, joined) != 0)
            return -1;
    }
    return 0;
}

static int make_constraint(struct walk *w, const struct effect *e, const struct place *at)
{
    const json_t *c = e->node, *keys = node_get(c, "keys");
    struct expected_part *p;

    /* It takes the constraint's name. */
    if (node_name(c, "indexname") != NULL)
        forget_named(w, EXPECTED_INDEX, node_name(c, "indexname"));
    if (node_is(c, "contype", "CONSTR_PRIMARY")) {
        for (size_t i = 0; i < node_count(keys); i++) {
            if ((p = column_at(w, at, node_string(node_at(keys, i)))) == NULL)
                return -1;
            p->not_null = 1;
        }
    }
    if ((p = add(w, EXPECTED_CONSTRAINT, at, node_name(c, "conname"))) == NULL || strings_dup(&p->column, e->column, w->err) != 0)
        return -1;
    p->node = c;
    p->partner = closure_partner(w->closure, e);
    p->valid = !node_true(c, "skip_validation");
    return 0;
}

static int make_index(struct walk *w, const struct effect *e, const struct place *at)
{
    struct expected_part *p = add(w, EXPECTED_INDEX, at, node_name(e->node, "idxname"));

    if (p == NULL)
        return -1;
    p->node = e->node;
    /* Of the partitioned table ONLY: not valid until its partitions have theirs. */
    p->valid = node_true(node_get(e->node, "relation"), "inh") ? 1 : EXPECTED_ANY;
    return 0;
}

/* ---- what is changed --------------------------------------------------------------------------- */

static int change_column(struct walk *w, const struct effect *e, const struct place *at)
{
    struct expected_part *p = e->column != NULL ? column_at(w, at, e->column) : NULL;

    if (p == NULL)
        return e->column != NULL ? -1 : 0;
    switch ((int)e->kind) {
    case EFFECT_SET_NOT_NULL:
    case EFFECT_DROP_NOT_NULL:
        p->not_null = e->kind == EFFECT_SET_NOT_NULL;
        return 0;
    case EFFECT_DROP_DEFAULT:
        p->has_default = 0;
        return 0;
    case EFFECT_SET_DEFAULT: {
        const json_t *value = node_as(node_get(e->node, "def"), "A_Const");

        p->has_default = value != NULL && !node_true(value, "isnull") ? 1 : EXPECTED_ANY;
        return 0;
    }
    default:
        return set_type(w, p, e, node_as(node_get(e->node, "def"), "ColumnDef"));
    }
}

static int rename_column(struct walk *w, const struct effect *e, const struct place *at)
{
    forget_of(w, e, e->column, EXPECTED_CONSTRAINT);
    for (size_t i = 0; i < w->x->count; i++) {
        struct expected_part *p = &w->x->parts[i];

        if (p->kind == EXPECTED_COLUMN && same_table(p, at) && e->column != NULL && strcmp(p->name, e->column) == 0) {
            free(p->name);
            p->name = NULL;
            return strings_dup(&p->name, e->detail, w->err);
        }
    }
    return 0;
}

/* Another name or schema of a table that the plan made. */
static int rename_table(struct walk *w, const struct effect *e, const struct place *at)
{
    const char *dot = node_name(e->node, "newschema") != NULL ? strchr(e->detail, '.') : NULL;
    struct buf schema = {0};
    int rc = -1;

    if (at->table != 0)
        return 0;
    if (dot != NULL ? buf_add(&schema, e->detail, (size_t)(dot - e->detail), w->err) : buf_adds(&schema, at->schema, w->err))
        goto out;
    for (size_t i = 0; i < w->x->count; i++) {
        struct expected_part *p = &w->x->parts[i];

        if (!same_table(p, at))
            continue;
        free(p->schema);
        free(p->relation);
        p->schema = p->relation = NULL;
        if (strings_dup(&p->schema, schema.data, w->err) != 0 ||
            strings_dup(&p->relation, dot != NULL ? e->name : e->detail, w->err) != 0)
            goto out;
    }
    rc = strings_addf(&w->own, w->err, "%s.%s", schema.data, dot != NULL ? e->name : e->detail);
out:
    buf_free(&schema);
    return rc;
}

static int rename_other(struct walk *w, const struct effect *e)
{
    /* A constraint, an index, a type: by name alone. */
    forget_named(w, EXPECTED_CONSTRAINT, NULL);
    forget_named(w, EXPECTED_INDEX, NULL);
    for (size_t i = 0; i < w->x->count; i++) {
        char **name = &w->x->parts[i].type_name;

        if (*name != NULL && e->name != NULL && strcmp(*name, e->name) == 0) {
            free(*name);
            *name = NULL;
        }
    }
    if ((e->name != NULL && strings_add(&w->stirred, e->name, w->err) != 0) ||
        (e->detail != NULL && strings_add(&w->stirred, e->detail, w->err) != 0))
        return -1;
    return 0;
}

/* What nobody can know, or only a block. */
static void opaque(struct walk *w, const struct effect *e)
{
    const struct effects *inside = e->block != NULL && !e->block->dynamic && !e->block->unread ? e->block->effects : NULL;

    if (e->kind == EFFECT_OPAQUE && !closure_opaque(w->closure, e))
        return;
    if (inside == NULL) {
        forget_all(w);
        return;
    }
    for (size_t i = 0; i < inside->count; i++) {
        if (inside->items[i].kind == EFFECT_OPAQUE || inside->items[i].kind == EFFECT_UNKNOWN || inside->items[i].name == NULL)
            forget_all(w);
        else
            forget_of(w, &inside->items[i], NULL, EXPECTED_COLUMN);
    }
}

/* What goes with what E drops. */
static int drop(struct walk *w, const struct effect *e)
{
    if ((e->flags & EFFECT_CASCADE) != 0 || e->kind == EFFECT_DROP_OWNED || e->kind == EFFECT_DROP_SCHEMA ||
        e->kind == EFFECT_DROP_EXTENSION)
        forget_all(w);
    else if (e->kind == EFFECT_DROP_TABLE)
        forget_of(w, e, NULL, EXPECTED_COLUMN);
    else if (e->kind == EFFECT_DROP_COLUMN)
        forget_of(w, e, e->column, EXPECTED_COLUMN);
    else if (e->kind == EFFECT_DROP_INDEX)
        forget_named(w, EXPECTED_INDEX, e->name);
    else if (e->kind == EFFECT_DROP_CONSTRAINT)
        forget_of(w, e, NULL, EXPECTED_CONSTRAINT);
    return e->name != NULL ? strings_add(&w->stirred, e->name, w->err) : 0;
}

/* A change of one table. */
static int change(struct walk *w, const struct effect *e)
{
    struct place at;
    int known = find_place(w, e, &at);

    switch ((int)e->kind) {
    case EFFECT_ADD_COLUMN:
        return known ? make_column(w, e, &at, node_as(node_get(e->node, "def"), "ColumnDef"), 0) : 0;
    case EFFECT_ADD_CONSTRAINT:
        return known ? make_constraint(w, e, &at) : 0;
    case EFFECT_CREATE_INDEX:
        return known ? make_index(w, e, &at) : 0;
    case EFFECT_SET_NOT_NULL:
    case EFFECT_DROP_NOT_NULL:
    case EFFECT_SET_DEFAULT:
    case EFFECT_DROP_DEFAULT:
    case EFFECT_ALTER_TYPE:
        if (known)
            return change_column(w, e, &at);
        break;
    case EFFECT_RENAME_COLUMN:
        if (known)
            return rename_column(w, e, &at);
        break;
    case EFFECT_RENAME_TABLE:
        if (known)
            return rename_table(w, e, &at);
        break;
    default:
        return 0;
    }
    forget_of(w, e, NULL, EXPECTED_COLUMN);
    return 0;
}

static int follow(struct walk *w, const struct effect *e)
{
    switch ((int)e->kind) {
    case EFFECT_CREATE_TABLE:
        w->maybe = (e->flags & EFFECT_IF_EXISTS) != 0 ? e->statement : NULL;
        return make_table(w, e);
    case EFFECT_ADD_COLUMN:
        if ((e->flags & EFFECT_IF_EXISTS) != 0)
            w->maybe = e->statement;
        if (w->maybe == e->statement)
            return 0;
        break;
    case EFFECT_ADD_CONSTRAINT:
        if (w->maybe == e->statement)
            return 0;
        break;
    case EFFECT_CREATE_INDEX:
        if ((e->flags & (EFFECT_IF_EXISTS | EFFECT_CONCURRENTLY)) != 0)
            return 0;
        break;
    case EFFECT_RENAME_OTHER:
        return rename_other(w, e);
    case EFFECT_VALIDATE_CONSTRAINT:
    case EFFECT_ALTER_TABLE_OTHER:
        /* Identity, inheritance, ALTER CONSTRAINT, ATTACH PARTITION, ... */
        forget_of(w, e, e->column, e->column != NULL ? EXPECTED_COLUMN : EXPECTED_CONSTRAINT);
        return 0;
    case EFFECT_CREATE_OTHER:
        return e->name != NULL ? strings_add(&w->stirred, e->name, w->err) : 0;
    case EFFECT_DROP_TABLE:
    case EFFECT_DROP_COLUMN:
    case EFFECT_DROP_SCHEMA:
    case EFFECT_DROP_TYPE:
    case EFFECT_DROP_EXTENSION:
    case EFFECT_DROP_SEQUENCE:
    case EFFECT_DROP_MATVIEW:
    case EFFECT_DROP_OWNED:
    case EFFECT_DROP_CONSTRAINT:
    case EFFECT_DROP_INDEX:
    case EFFECT_DROP_VIEW:
    case EFFECT_DROP_ROUTINE:
    case EFFECT_DROP_OTHER:
        return drop(w, e);
    case EFFECT_SET:
        if (e->detail == NULL || strcmp(e->detail, "search_path") == 0) {
            w->moved = 1;
            w->schema = NULL;
        }
        return 0;
    case EFFECT_TRANSACTION:
        if (e->detail != NULL && strncmp(e->detail, "TRANS_STMT_ROLLBACK", 19) == 0)
            forget_all(w);
        return 0;
    case EFFECT_OPAQUE:
    case EFFECT_UNKNOWN:
        opaque(w, e);
        return 0;
    default:
        break;
    }
    return change(w, e);
}

/* ---- the whole ---------------------------------------------------------------------------------- */

static int question(struct expected *x, struct err *err)
{
    json_t *all = json_array();
    int rc = all != NULL ? 0 : -1;

    for (size_t i = 0; rc == 0 && i < x->count; i++) {
        const struct expected_part *p = &x->parts[i];
        static const char *const kinds[] = {"c", "k", "i"};

        rc = json_array_append_new(all, json_pack("{s:I, s:s, s:I, s:s, s:s, s:s?}", "n", (json_int_t)i, "kind", kinds[p->kind], "oid",
                                                  (json_int_t)p->table, "schema", p->schema, "relation", p->relation, "name",
                                                  p->name));
    }
    if (rc != 0 || (x->wanted = json_dumps(all, JSON_COMPACT)) == NULL)
        rc = err_oom(err);
    json_decref(all);
    return rc;
}

struct expected *expected_find(struct conn *c, const struct plan *plan, const struct closure *closure, struct err *err)
{
    struct walk w = {.x = calloc(1, sizeof(*w.x)), .closure = closure, .err = err};
    char *schema = NULL;
    int rc = -1;

    if (w.x == NULL) {
        (void)err_oom(err);
        return NULL;
    }
    if (query_value(c, "SELECT pg_catalog.current_schema()", &schema, err) != 0)
        goto out;
    w.schema = schema;
    for (size_t i = 0; i < plan->nsteps; i++) {
        const struct effects *e = plan->steps[i].effects;

        for (size_t k = 0; e != NULL && k < e->count; k++)
            if ((e->items[k].flags & EFFECT_VERSION) == 0 && follow(&w, &e->items[k]) != 0)
                goto out;
    }
    rc = typenames_find(c, w.x, err) != 0 ? -1 : question(w.x, err);
out:
    free(schema);
    strings_free(w.own);
    strings_free(w.stirred);
    if (rc != 0) {
        expected_free(w.x);
        return NULL;
    }
    return w.x;
}
