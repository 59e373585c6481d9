#include "validate/play.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/strings.h"
#include "script/effect.h"
#include "script/node.h"
#include "validate/thing.h"

/* ---- constraints and indexes ---- */

static int visit_column(const char *kind, const json_t *body, void *arg)
{
    struct play *p = arg;
    struct thing *t = &p->l->items[p->l->count - 1];
    const json_t *fields = node_get(body, "fields");
    const char *name = node_string(node_at(fields, node_count(fields) == 0 ? 0 : node_count(fields) - 1));

    if (strcmp(kind, "ColumnRef") == 0 && name != NULL)
        p->failed |= strings_add(&t->columns, name, p->err) < 0;
    return 0;
}

/* The columns in a list of String, IndexElem or expressions, into the newest thing. */
static int columns_in(struct play *p, const json_t *list)
{
    size_t i;

    for (i = 0; i < node_count(list); i++) {
        const json_t *item = node_at(list, i), *pair = node_get(node_as(item, "List"), "items");
        const char *name;

        if (pair != NULL) /* EXCLUDE: element, operator */
            item = node_at(pair, 0);
        name = node_as(item, "IndexElem") != NULL ? node_name(node_as(item, "IndexElem"), "name")
                                                  : node_string(item);
        if (name != NULL ? strings_add(&p->l->items[p->l->count - 1].columns, name, p->err) < 0 : 0)
            return -1;
        if (name == NULL)
            node_walk(item, visit_column, p);
    }
    return 0;
}

/* The server's name for one that has none: table_column_..._suffix. */
static int guess_name(struct play *p, const char *table, const char *suffix, int with_columns)
{
    struct thing *t = &p->l->items[p->l->count - 1];
    struct buf b = {0};
    size_t i;
    int rc = -1;

    if (buf_adds(&b, table, p->err) < 0)
        goto out;
    for (i = 0; with_columns && t->columns != NULL && t->columns[i] != NULL; i++)
        if (buf_addf(&b, p->err, "_%s", t->columns[i]) < 0)
            goto out;
    if (buf_addf(&b, p->err, "_%s", suffix) < 0)
        goto out;
    t->named = 0;
    if (thing_rename(&t->name, b.data, p->err) == 0 && thing_rename(&t->start_name, b.data, p->err) == 0)
        rc = 0;
out:
    buf_free(&b);
    return rc;
}

static int add_constraint(struct play *p)
{
    const struct effect *e = p->e;
    const char *name = node_name(e->node, "conname"), *word = e->detail == NULL ? "" : e->detail;
    const char *index = node_name(e->node, "indexname");
    struct thing *t = things_make(p, THING_CONSTRAINT, e->schema, e->name, name, 0);
    int primary = strcmp(word, "PRIMARY KEY") == 0, check = strcmp(word, "CHECK") == 0;

    if (t == NULL)
        return -1;
    if (e->column != NULL && strings_add(&t->columns, e->column, p->err) < 0)
        return -1;
    if (columns_in(p, node_get(e->node, "keys")) < 0 || columns_in(p, node_get(e->node, "fk_attrs")) < 0 ||
        columns_in(p, node_get(e->node, "exclusions")) < 0)
        return -1;
    if (check)
        node_walk(node_get(e->node, "raw_expr"), visit_column, p);
    t = &p->l->items[p->l->count - 1];
    if (e->partner != NULL && strings_add(&t->refs, e->partner, p->err) < 0)
        return -1;
    if (name == NULL &&
        guess_name(p, e->name == NULL ? "" : e->name,
                   strcmp(word, "FOREIGN KEY") == 0 ? "fkey"
                   : primary                        ? "pkey"
                   : check                          ? "check"
                   : strcmp(word, "UNIQUE") == 0    ? "key"
                                                    : "excl",
                   !primary && (!check || strings_count(t->columns) == 1)) < 0)
        return -1;
    /* USING INDEX: the index becomes the constraint's. */
    return index == NULL ? 0 : things_drop(p, THING_INDEX, e->schema, e->name, index);
}

static int create_index(struct play *p)
{
    const struct effect *e = p->e;
    struct thing *t = things_make(p, THING_INDEX, e->schema, e->name, e->detail, (e->flags & EFFECT_IF_EXISTS) != 0);

    if (t == NULL)
        return -1;
    if (t != &p->l->items[p->l->count - 1] || t->columns != NULL)
        return 0;
    if (columns_in(p, node_get(e->node, "indexParams")) < 0 ||
        columns_in(p, node_get(e->node, "indexIncludingParams")) < 0)
        return -1;
    return e->detail != NULL || e->name == NULL ? 0 : guess_name(p, e->name, "idx", 1);
}

/* A constraint that nobody named may be called otherwise than was guessed. */
static int drop_constraint(struct play *p)
{
    const struct effect *e = p->e;
    size_t i;

    for (i = 0; p->pass == PASS_DOWN && i < p->l->count &&
                things_find(p, THING_CONSTRAINT, e->schema, e->name, e->detail) == NULL;
         i++) {
        struct thing *t = &p->l->items[i];

        if (t->kind == THING_CONSTRAINT && t->gone == 0 && t->made == PASS_UP && !t->named &&
            thing_same(t->table, e->name)) {
            t->gone = (int)p->pass;
            return 0;
        }
    }
    return things_drop(p, THING_CONSTRAINT, e->schema, e->name, e->detail);
}

/* ---- what a table's column is like ---- */

static int change_state(struct play *p, const char *what)
{
    const struct effect *e = p->e;
    const struct thing *column = things_find(p, THING_COLUMN, e->schema, e->name, e->column);
    struct thing *t;
    size_t i;

    if (e->column == NULL || things_made(p, e->schema, e->name) || (column != NULL && column->made != 0))
        return 0;
    for (i = 0; i < p->l->count; i++) {
        t = &p->l->items[i];
        if (t->kind == THING_STATE && t->gone == 0 && thing_same(t->name, what) && thing_same(t->table, e->name) &&
            thing_same(t->column, e->column)) {
            if (p->pass == PASS_DOWN)
                t->gone = PASS_DOWN;
            return 0;
        }
    }
    if (p->pass == PASS_DOWN)
        return 0; /* to make good what another statement did to it */
    if ((t = things_make(p, THING_STATE, e->schema, e->name, what, 0)) == NULL)
        return -1;
    return thing_rename(&t->column, e->column, p->err);
}

/* ---- renames ---- */

/* Parts of OLD are parts of NAME now. */
static int move_parts(struct play *p, const char *old, const char *name)
{
    size_t i, k;

    for (i = 0; i < p->l->count; i++) {
        struct thing *t = &p->l->items[i];

        if (t->gone != 0)
            continue;
        if (thing_same(t->table, old) && thing_rename(&t->table, name, p->err) < 0)
            return -1;
        for (k = 0; t->refs != NULL && t->refs[k] != NULL; k++)
            if (strcmp(t->refs[k], old) == 0 && thing_rename(&t->refs[k], name, p->err) < 0)
                return -1;
    }
    return 0;
}

static int move_column(struct play *p, const char *table, const char *old, const char *name)
{
    size_t i, k;

    for (i = 0; i < p->l->count; i++) {
        struct thing *t = &p->l->items[i];

        if (t->gone != 0 || !thing_same(t->table, table))
            continue;
        if (thing_same(t->column, old) && thing_rename(&t->column, name, p->err) < 0)
            return -1;
        for (k = 0; t->columns != NULL && t->columns[k] != NULL; k++)
            if (strcmp(t->columns[k], old) == 0 && thing_rename(&t->columns[k], name, p->err) < 0)
                return -1;
    }
    return 0;
}

static int rename_to(struct play *p, enum thing_kind kind, const char *table, const char *name)
{
    const struct effect *e = p->e;
    struct thing *t = things_find(p, kind, e->schema, table, name);
    const char *newschema = node_name(e->node, "newschema"), *newname = node_name(e->node, "newname");

    if (name == NULL || (newname == NULL && newschema == NULL))
        return 0;
    if (t == NULL && table != NULL && things_made(p, e->schema, table))
        return 0;
    if (t == NULL && (t = things_append(p, kind, e->schema, table, name)) == NULL)
        return -1;
    if (newschema != NULL)
        return thing_rename(&t->schema, newschema, p->err);
    if (thing_rename(&t->name, newname, p->err) < 0)
        return -1;
    if (kind == THING_TABLE || kind == THING_VIEW)
        return move_parts(p, name, newname);
    return kind == THING_COLUMN ? move_column(p, table, name, newname) : 0;
}

static int rename_other(struct play *p)
{
    static const struct {
        const char *object;
        enum thing_kind kind;
        int part; /* of the relation; its name is SUBNAME */
    } kinds[] = {
        {"OBJECT_INDEX", THING_INDEX, 0},       {"OBJECT_SEQUENCE", THING_SEQUENCE, 0},
        {"OBJECT_TYPE", THING_TYPE, 0},         {"OBJECT_DOMAIN", THING_TYPE, 0},
        {"OBJECT_FUNCTION", THING_FUNCTION, 0}, {"OBJECT_SCHEMA", THING_SCHEMA, 0},
        {"OBJECT_TABCONSTRAINT", THING_CONSTRAINT, 1}, {"OBJECT_TRIGGER", THING_TRIGGER, 1},
        {"OBJECT_POLICY", THING_POLICY, 1},
    };
    const struct effect *e = p->e;
    const char *what = node_name(e->node, "renameType");
    size_t i;

    if (what == NULL)
        what = node_text(e->node, "objectType");
    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(kinds[i].object, what) == 0)
            return rename_to(p, kinds[i].kind, kinds[i].part ? e->name : NULL,
                             kinds[i].part ? node_name(e->node, "subname") : e->name);
    return 0;
}

/* ---- the rest ---- */

static int visit_relation(const char *kind, const json_t *body, void *arg)
{
    struct play *p = arg;

    if (strcmp(kind, "RangeVar") == 0 && node_name(body, "relname") != NULL)
        p->failed |= strings_add(&p->l->items[p->l->count - 1].refs, node_name(body, "relname"), p->err) < 0;
    return 0;
}

/* OWNED BY in OPTIONS makes sequence T a part of the table. */
static int owned_by(struct thing *t, const json_t *options, struct err *err)
{
    size_t i;

    for (i = 0; i < node_count(options); i++) {
        const json_t *option = node_as(node_at(options, i), "DefElem");
        const json_t *names = node_get(node_as(node_get(option, "arg"), "List"), "items");
        size_t n = node_count(names);

        if (!node_is(option, "defname", "owned_by") || n < 2)
            continue;
        if (strings_add(&t->columns, node_string(node_at(names, n - 1)), err) < 0 ||
            thing_rename(&t->table, node_string(node_at(names, n - 2)), err) < 0)
            return -1;
    }
    return 0;
}

static int create_other(struct play *p)
{
    const struct effect *e = p->e;
    const char *kind = e->detail == NULL ? "" : e->detail;
    int maybe = node_true(e->node, "replace") || node_true(e->node, "if_not_exists") ||
                (e->flags & EFFECT_IF_EXISTS) != 0;
    struct thing *t;

    if (strcmp(kind, "CreateExtensionStmt") == 0)
        return things_make(p, THING_EXTENSION, NULL, NULL, node_name(e->node, "extname"), maybe) == NULL ? -1 : 0;
    if (e->name == NULL)
        return 0;
    if (strcmp(kind, "CreateEnumStmt") == 0 || strcmp(kind, "CreateRangeStmt") == 0 ||
        strcmp(kind, "CompositeTypeStmt") == 0 || strcmp(kind, "CreateDomainStmt") == 0)
        return things_make(p, THING_TYPE, e->schema, NULL, e->name, 0) == NULL ? -1 : 0;
    if (strcmp(kind, "CreateSchemaStmt") == 0)
        return things_make(p, THING_SCHEMA, NULL, NULL, e->name, maybe) == NULL ? -1 : 0;
    if (strcmp(kind, "CreateFunctionStmt") == 0)
        return things_make(p, THING_FUNCTION, e->schema, NULL, e->name, maybe) == NULL ? -1 : 0;
    if (strcmp(kind, "CreateSeqStmt") == 0) {
        t = things_make(p, THING_SEQUENCE, e->schema, NULL, e->name, maybe);
        return t == NULL ? -1 : owned_by(t, node_get(e->node, "options"), p->err);
    }
    if (strcmp(kind, "ViewStmt") == 0 || strcmp(kind, "CreateMatView") == 0) {
        size_t before = p->l->count;

        if (things_make(p, THING_VIEW, e->schema, NULL, e->name, maybe) == NULL)
            return -1;
        if (p->l->count > before)
            node_walk(node_get(e->node, "query"), visit_relation, p);
    }
    return 0;
}

static int add_column(struct play *p)
{
    const struct effect *e = p->e;
    const json_t *def = node_as(node_get(e->node, "def"), "ColumnDef");
    struct thing *t = things_make(p, THING_COLUMN, e->schema, e->name, e->column, (e->flags & EFFECT_IF_EXISTS) != 0);
    const char *schema, *type;

    if (t == NULL)
        return -1;
    /* DROP TYPE ... CASCADE takes it along. */
    node_qualified(node_get(node_get(def, "typeName"), "names"), &schema, &type);
    return type == NULL ? 0 : strings_add(&t->refs, type, p->err);
}

static int create_trigger(struct play *p)
{
    const struct effect *e = p->e;
    struct thing *t = things_make(p, THING_TRIGGER, e->schema, e->name, e->detail, node_true(e->node, "replace"));
    const char *schema, *name;

    if (t == NULL)
        return -1;
    node_qualified(node_get(e->node, "funcname"), &schema, &name);
    return name == NULL ? 0 : strings_add(&t->refs, name, p->err);
}

static int drop_relation(struct play *p, enum thing_kind kind)
{
    const struct effect *e = p->e;
    int cascade = (e->flags & EFFECT_CASCADE) != 0;
    size_t i;

    if (things_drop(p, kind, kind == THING_SCHEMA ? NULL : e->schema, NULL, e->name) < 0)
        return -1;
    things_drop_parts(p, e->name, NULL, cascade);
    /* Whatever stands in the schema, and whatever needs the type or the function. */
    for (i = 0; cascade && i < p->l->count; i++)
        if (p->l->items[i].gone == 0 && kind == THING_SCHEMA && thing_same(p->l->items[i].schema, e->name))
            p->l->items[i].gone = (int)p->pass;
    return 0;
}

static int drop_other(struct play *p)
{
    const struct effect *e = p->e;
    const json_t *items = node_get(node_as(e->node, "List"), "items");

    if (e->detail == NULL || strcmp(e->detail, "OBJECT_POLICY") != 0)
        return 0;
    return things_drop(p, THING_POLICY, e->schema, e->name, node_string(node_at(items, node_count(items) - 1)));
}

static int other(struct play *p)
{
    const struct effect *e = p->e;
    const char *detail = e->detail == NULL ? "" : e->detail;
    struct thing *t;

    if (strcmp(detail, "CreatePolicyStmt") == 0)
        return things_make(p, THING_POLICY, e->schema, e->name, node_name(e->node, "policy_name"), 0) == NULL ? -1 : 0;
    if (strcmp(detail, "AlterSeqStmt") == 0 &&
        (t = things_find(p, THING_SEQUENCE, e->schema, NULL, e->name)) != NULL)
        return owned_by(t, node_get(e->node, "options"), p->err);
    return 0;
}

/* ATTACH and DETACH PARTITION of a table that the script has made: it goes with its parent, or does not. */
static int alter_table(struct play *p)
{
    const struct effect *e = p->e;
    const char *detail = e->detail == NULL ? "" : e->detail;
    int attach = strcmp(detail, "AT_AttachPartition") == 0;
    const json_t *part;
    struct thing *t;

    if (!attach && strcmp(detail, "AT_DetachPartition") != 0)
        return 0;
    part = node_get(node_as(node_get(e->node, "def"), "PartitionCmd"), "name");
    t = things_find(p, THING_TABLE, node_name(part, "schemaname"), NULL, node_name(part, "relname"));
    if (t == NULL)
        return 0;
    free(t->table);
    t->table = NULL;
    return attach ? strings_dup(&t->table, e->name, p->err) : 0;
}

/* ADD VALUE to a type that was there; a type that is made anew brings its own. */
static int add_value(struct play *p)
{
    const struct effect *e = p->e;
    const struct thing *type = things_find(p, THING_TYPE, e->schema, NULL, e->name);

    if (node_get(e->node, "oldVal") != NULL || (type != NULL && type->made != 0) ||
        things_find(p, THING_VALUE, e->schema, NULL, e->name) != NULL)
        return 0;
    return things_make(p, THING_VALUE, e->schema, NULL, e->name, node_true(e->node, "skipIfNewValExists")) == NULL ? -1 : 0;
}

static int drop_type(struct play *p)
{
    struct thing *value = things_find(p, THING_VALUE, p->e->schema, NULL, p->e->name);

    if (value != NULL)
        value->gone = (int)p->pass;
    return drop_relation(p, THING_TYPE);
}

static int rename_type(struct play *p)
{
    struct thing *value = things_find(p, THING_VALUE, p->e->schema, NULL, p->e->name);

    if (node_is(p->e->node, "renameType", "OBJECT_TYPE") && value != NULL && node_name(p->e->node, "newname") != NULL &&
        thing_rename(&value->name, node_name(p->e->node, "newname"), p->err) < 0)
        return -1;
    return rename_other(p);
}

static int is_temporary(const struct effect *e)
{
    const json_t *relation = node_get(e->node, "relation");

    if (relation == NULL)
        relation = node_get(node_get(e->node, "into"), "rel");
    return node_is(relation, "relpersistence", "t");
}

/* Of a partition; whether or not the script has made it. */
static const char *parent_of(const struct effect *e)
{
    if (node_get(e->node, "partbound") == NULL)
        return NULL;
    return node_name(node_as(node_at(node_get(e->node, "inhRelations"), 0), "RangeVar"), "relname");
}

static int play(struct play *p)
{
    const struct effect *e = p->e;
    int maybe = (e->flags & EFFECT_IF_EXISTS) != 0;

    switch ((int)e->kind) {
    case EFFECT_CREATE_TABLE:
        if (e->name == NULL || is_temporary(e))
            return 0;
        return things_make(p, THING_TABLE, e->schema, parent_of(e), e->name, maybe) == NULL ? -1 : 0;
    case EFFECT_DROP_TABLE:
        return drop_relation(p, THING_TABLE);
    case EFFECT_DROP_VIEW:
    case EFFECT_DROP_MATVIEW:
        return drop_relation(p, THING_VIEW);
    case EFFECT_ADD_COLUMN:
        return things_made(p, e->schema, e->name) ? 0 : add_column(p);
    case EFFECT_DROP_COLUMN:
        if (things_drop(p, THING_COLUMN, e->schema, e->name, e->column) < 0)
            return -1;
        things_drop_parts(p, e->name, e->column, 0);
        return 0;
    case EFFECT_RENAME_TABLE:
        return rename_to(p, things_find(p, THING_VIEW, e->schema, NULL, e->name) != NULL ? THING_VIEW : THING_TABLE,
                         NULL, e->name);
    case EFFECT_RENAME_COLUMN:
        return rename_to(p, THING_COLUMN, e->name, e->column);
    case EFFECT_RENAME_OTHER:
        return rename_type(p);
    case EFFECT_ADD_CONSTRAINT:
        return add_constraint(p);
    case EFFECT_DROP_CONSTRAINT:
        return drop_constraint(p);
    case EFFECT_CREATE_INDEX:
        return create_index(p);
    case EFFECT_DROP_INDEX:
        return things_drop(p, THING_INDEX, e->schema, NULL, e->name);
    case EFFECT_CREATE_TRIGGER:
        return create_trigger(p);
    case EFFECT_DROP_TRIGGER:
        return things_drop(p, THING_TRIGGER, e->schema, e->name, e->detail);
    case EFFECT_CREATE_OTHER:
        return create_other(p);
    case EFFECT_DROP_TYPE:
        return drop_type(p);
    case EFFECT_DROP_SEQUENCE:
        return things_drop(p, THING_SEQUENCE, e->schema, NULL, e->name);
    case EFFECT_DROP_SCHEMA:
        return drop_relation(p, THING_SCHEMA);
    case EFFECT_DROP_EXTENSION:
        return things_drop(p, THING_EXTENSION, NULL, NULL, e->name);
    case EFFECT_DROP_ROUTINE:
        return drop_relation(p, THING_FUNCTION);
    case EFFECT_DROP_OTHER:
        return drop_other(p);
    case EFFECT_ALTER_TYPE:
        return change_state(p, "type");
    case EFFECT_SET_NOT_NULL:
    case EFFECT_DROP_NOT_NULL:
        return change_state(p, "NOT NULL");
    case EFFECT_SET_DEFAULT:
    case EFFECT_DROP_DEFAULT:
        return change_state(p, "default");
    case EFFECT_ALTER_ENUM:
        return add_value(p);
    case EFFECT_ALTER_TABLE_OTHER:
        return alter_table(p);
    case EFFECT_OTHER:
        return other(p);
    default:
        return 0;
    }
}

int play_effect(struct things *l, const struct effect *e, enum pass pass, struct err *err)
{
    struct play p = {.l = l, .e = e, .pass = pass, .err = err};

    return play(&p) < 0 || p.failed ? -1 : 0;
}
