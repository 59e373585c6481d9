#include "script/effect.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/buf.h"
#include "script/function.h"
#include "script/node.h"
#include "script/parse.h"
#include "script/shadow.h"
#include "script/statement.h"

static const char *const names[] = {
    [EFFECT_DROP_TABLE] = "drop-table",
    [EFFECT_DROP_COLUMN] = "drop-column",
    [EFFECT_DROP_SCHEMA] = "drop-schema",
    [EFFECT_DROP_TYPE] = "drop-type",
    [EFFECT_DROP_EXTENSION] = "drop-extension",
    [EFFECT_DROP_SEQUENCE] = "drop-sequence",
    [EFFECT_DROP_MATVIEW] = "drop-materialized-view",
    [EFFECT_DROP_DATABASE] = "drop-database",
    [EFFECT_DROP_OWNED] = "drop-owned",
    [EFFECT_ALTER_TYPE] = "alter-column-type",
    [EFFECT_TRUNCATE] = "truncate",
    [EFFECT_DELETE] = "delete",
    [EFFECT_UPDATE] = "update",
    [EFFECT_INSERT] = "insert",
    [EFFECT_COPY_IN] = "copy-in",
    [EFFECT_MERGE] = "merge",
    [EFFECT_CREATE_TABLE] = "create-table",
    [EFFECT_ADD_COLUMN] = "add-column",
    [EFFECT_RENAME_TABLE] = "rename-table",
    [EFFECT_RENAME_COLUMN] = "rename-column",
    [EFFECT_RENAME_OTHER] = "rename",
    [EFFECT_SET_NOT_NULL] = "set-not-null",
    [EFFECT_DROP_NOT_NULL] = "drop-not-null",
    [EFFECT_SET_DEFAULT] = "set-default",
    [EFFECT_DROP_DEFAULT] = "drop-default",
    [EFFECT_ADD_CONSTRAINT] = "add-constraint",
    [EFFECT_DROP_CONSTRAINT] = "drop-constraint",
    [EFFECT_VALIDATE_CONSTRAINT] = "validate-constraint",
    [EFFECT_CREATE_INDEX] = "create-index",
    [EFFECT_DROP_INDEX] = "drop-index",
    [EFFECT_REINDEX] = "reindex",
    [EFFECT_DROP_VIEW] = "drop-view",
    [EFFECT_DROP_ROUTINE] = "drop-routine",
    [EFFECT_DROP_TRIGGER] = "drop-trigger",
    [EFFECT_CREATE_TRIGGER] = "create-trigger",
    [EFFECT_DROP_OTHER] = "drop",
    [EFFECT_ALTER_TABLE_OTHER] = "alter-table",
    [EFFECT_ALTER_ENUM] = "alter-enum",
    [EFFECT_CREATE_OTHER] = "create",
    [EFFECT_SET] = "set",
    [EFFECT_TRANSACTION] = "transaction",
    [EFFECT_READ] = "read",
    [EFFECT_OTHER] = "other",
    [EFFECT_OPAQUE] = "opaque",
    [EFFECT_UNKNOWN] = "unknown",
};

const char *effect_name(enum effect_kind kind)
{
    return names[kind];
}

struct finder {
    struct effects *out;
    size_t cap;
    struct shadow *shadow;
    const struct statement *st;
    char *version_schema, *version_name;
    int failed;
    struct err *err;
};

static void oom(struct finder *f)
{
    (void)err_oom(f->err);
    f->failed = 1;
}

static char *copy(struct finder *f, const char *s)
{
    char *out;

    if (s == NULL)
        return NULL;
    if ((out = strdup(s)) == NULL)
        oom(f);
    return out;
}

/* What the new effect is about; all optional. */
struct about {
    const char *schema, *name, *column, *detail;
    unsigned flags;
    const json_t *node;
};

static struct effect *add(struct finder *f, enum effect_kind kind, struct about a)
{
    struct effect *e;

    if (f->failed)
        return NULL;
    if (f->out->count == f->cap) {
        size_t want = f->cap == 0 ? 16 : f->cap * 2;
        struct effect *grown = realloc(f->out->items, want * sizeof(*grown));

        if (grown == NULL) {
            oom(f);
            return NULL;
        }
        f->out->items = grown;
        f->cap = want;
    }
    e = &f->out->items[f->out->count++];
    memset(e, 0, sizeof(*e));
    e->kind = kind;
    e->flags = a.flags;
    e->statement = f->st;
    e->schema = copy(f, a.schema);
    e->name = copy(f, a.name);
    e->column = copy(f, a.column);
    e->detail = copy(f, a.detail);
    e->node = a.node;
    return e;
}

static void check(struct finder *f, int rc)
{
    if (rc < 0)
        f->failed = 1;
}

/* Look SCHEMA.NAME up in the shadow: whose it is, and its name on the server. */
static void place(struct finder *f, struct effect *e, enum shadow_space space)
{
    struct shadow_seen seen;

    if (e == NULL || e->name == NULL)
        return;
    shadow_find(f->shadow, space, e->schema, e->name, &seen);
    if (seen.own)
        e->flags |= EFFECT_OWN;
    if (seen.gone)
        e->flags |= EFFECT_GONE;
    if (seen.name != NULL) {
        e->on_server = copy(f, seen.name);
        e->schema_on_server = copy(f, seen.schema);
    }
    if (space == SHADOW_RELATION && strcmp(e->name, f->version_name) == 0 &&
        (f->version_schema == NULL || e->schema == NULL ||
         strcmp(e->schema, f->version_schema) == 0))
        e->flags |= EFFECT_VERSION;
    if (space == SHADOW_RELATION && e->column != NULL) {
        shadow_find_column(f->shadow, e->schema, e->name, e->column, &seen);
        if (seen.own)
            e->flags |= EFFECT_OWN;
        if (seen.gone)
            e->flags |= e->kind == EFFECT_ADD_COLUMN ? EFFECT_FREED : EFFECT_GONE;
        e->column_on_server = copy(f, seen.name);
    }
}

static struct about range(const json_t *rangevar)
{
    struct about a = {0};

    a.schema = node_name(rangevar, "schemaname");
    a.name = node_name(rangevar, "relname");
    if (rangevar != NULL && !node_true(rangevar, "inh"))
        a.flags |= EFFECT_ONLY;
    return a;
}

/* An effect on a relation. */
static struct effect *on(struct finder *f, enum effect_kind kind, struct about a)
{
    struct effect *e = add(f, kind, a);

    place(f, e, SHADOW_RELATION);
    return e;
}

/* RANGEVAR is what E also locks. */
static void with_partner(struct finder *f, struct effect *e, const json_t *rangevar)
{
    struct about a = range(rangevar);
    struct shadow_seen seen;

    if (e == NULL || a.name == NULL)
        return;
    shadow_find(f->shadow, SHADOW_RELATION, a.schema, a.name, &seen);
    if (seen.own || seen.gone)
        return;
    e->partner = copy(f, seen.name != NULL ? seen.name : a.name);
    e->partner_schema = copy(f, seen.name != NULL ? seen.schema : a.schema);
}

/* ---- functions that a query calls ---- */

static int visit_function(const char *kind, const json_t *body, void *arg)
{
    struct finder *f = arg;
    const char *schema, *name;
    struct shadow_seen seen;
    struct about a = {0};

    if (strcmp(kind, "FuncCall") != 0)
        return 0;
    node_qualified(node_get(body, "funcname"), &schema, &name);
    if (name == NULL || function_harmless(schema, name))
        return 0;
    shadow_find(f->shadow, SHADOW_ROUTINE, schema, name, &seen);
    a.schema = schema;
    a.name = name;
    a.detail = "function";
    a.node = body;
    if (seen.own)
        a.flags |= EFFECT_OWN;
    (void)add(f, EFFECT_OPAQUE, a);
    return 0;
}

/* set_config is a SET. */
static int visit_set_config(const char *kind, const json_t *body, void *arg)
{
    struct finder *f = arg;
    const char *schema, *name;
    struct about a = {0};
    const json_t *constant;

    if (strcmp(kind, "FuncCall") != 0)
        return 0;
    node_qualified(node_get(body, "funcname"), &schema, &name);
    if (name == NULL || strcmp(name, "set_config") != 0)
        return 0;
    constant = node_as(node_at(node_get(body, "args"), 0), "A_Const");
    a.detail = node_name(node_get(constant, "sval"), "sval");
    a.node = body;
    (void)add(f, EFFECT_SET, a);
    if (a.detail == NULL || strcasecmp(a.detail, "search_path") == 0)
        shadow_forget(f->shadow);
    return 0;
}

/* ---- queries that write ---- */

static int visit_write(const char *kind, const json_t *body, void *arg)
{
    struct finder *f = arg;
    struct about a = range(node_get(body, "relation"));

    a.node = body;
    if (strcmp(kind, "DeleteStmt") == 0) {
        if (node_get(body, "whereClause") == NULL)
            a.flags |= EFFECT_WHOLE;
        (void)on(f, EFFECT_DELETE, a);
    } else if (strcmp(kind, "UpdateStmt") == 0) {
        const json_t *targets = node_get(body, "targetList");
        size_t i, n = f->out->count;

        if (node_get(body, "whereClause") == NULL)
            a.flags |= EFFECT_WHOLE;
        /* One effect per column that is assigned. */
        for (i = 0; i < node_count(targets); i++) {
            a.column = node_name(node_as(node_at(targets, i), "ResTarget"), "name");
            if (a.column != NULL)
                (void)on(f, EFFECT_UPDATE, a);
        }
        if (f->out->count == n)
            (void)on(f, EFFECT_UPDATE, a);
    } else if (strcmp(kind, "InsertStmt") == 0) {
        (void)on(f, EFFECT_INSERT, a);
    } else if (strcmp(kind, "MergeStmt") == 0) {
        (void)on(f, EFFECT_MERGE, a);
    } else if (strcmp(kind, "SelectStmt") == 0 && node_get(body, "intoClause") != NULL) {
        a = range(node_get(node_as(node_get(body, "intoClause"), "IntoClause") != NULL
                               ? node_as(node_get(body, "intoClause"), "IntoClause")
                               : node_get(body, "intoClause"),
                           "rel"));
        a.node = body;
        (void)on(f, EFFECT_CREATE_TABLE, a);
        if (a.name != NULL)
            check(f, shadow_create(f->shadow, SHADOW_RELATION, a.schema, a.name, f->err));
    }
    return 0;
}

/* ---- queries that read ---- */

struct reading {
    struct finder *f;
    const char *ctes[32]; /* names that are not relations */
    size_t n;
};

static int visit_cte(const char *kind, const json_t *body, void *arg)
{
    struct reading *r = arg;

    if (strcmp(kind, "CommonTableExpr") == 0 && r->n < sizeof(r->ctes) / sizeof(r->ctes[0]))
        r->ctes[r->n++] = node_text(body, "ctename");
    return 0;
}

static int visit_read(const char *kind, const json_t *body, void *arg)
{
    struct reading *r = arg;
    struct about a = {0};
    size_t i;

    if (strcmp(kind, "RangeVar") != 0)
        return 0;
    a = range(body);
    a.detail = "SelectStmt";
    for (i = 0; i < r->n; i++)
        if (a.schema == NULL && a.name != NULL && strcmp(r->ctes[i], a.name) == 0)
            return 0;
    if (a.name != NULL)
        (void)on(r->f, EFFECT_READ, a);
    return 0;
}

static void reads(struct finder *f, const json_t *tree)
{
    struct reading r = {.f = f};

    node_walk(tree, visit_cte, &r);
    node_walk(tree, visit_read, &r);
}

static void query(struct finder *f, const json_t *tree)
{
    size_t before = f->out->count;
    struct about a = {0};

    node_walk(tree, visit_write, f);
    node_walk(tree, visit_set_config, f);
    node_walk(tree, visit_function, f);
    reads(f, tree);
    if (f->out->count == before) {
        a.detail = "SelectStmt";
        (void)add(f, EFFECT_READ, a);
    }
}

/* ---- CREATE TABLE, ALTER TABLE ---- */

static const char *constraint_word(const json_t *constraint)
{
    static const struct {
        const char *type, *word;
    } words[] = {
        {"CONSTR_FOREIGN", "FOREIGN KEY"},  {"CONSTR_CHECK", "CHECK"},
        {"CONSTR_UNIQUE", "UNIQUE"},        {"CONSTR_PRIMARY", "PRIMARY KEY"},
        {"CONSTR_EXCLUSION", "EXCLUDE"},
    };
    size_t i;

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (node_is(constraint, "contype", words[i].type))
            return words[i].word;
    return NULL;
}

/* The constraints written inside a column's definition. */
static void inline_constraints(struct finder *f, struct about table, const json_t *coldef)
{
    const json_t *list = node_get(coldef, "constraints");
    size_t i;

    for (i = 0; i < node_count(list); i++) {
        const json_t *constraint = node_as(node_at(list, i), "Constraint");
        struct about a = table;
        struct effect *e;

        if ((a.detail = constraint_word(constraint)) == NULL)
            continue;
        a.node = constraint;
        /* The column is new, the table may be the server's: the constraint is the table's. */
        e = on(f, EFFECT_ADD_CONSTRAINT, a);
        with_partner(f, e, node_get(constraint, "pktable"));
        if (e != NULL)
            e->column = copy(f, node_name(coldef, "colname"));
    }
}

static void create_table(struct finder *f, const json_t *body)
{
    struct about a = range(node_get(body, "relation")), table = a;
    const json_t *elements = node_get(body, "tableElts");
    struct shadow_seen seen;
    size_t i;

    a.node = body;
    if (node_true(body, "if_not_exists"))
        a.flags |= EFFECT_IF_EXISTS;
    with_partner(f, on(f, EFFECT_CREATE_TABLE, a),
                 node_as(node_at(node_get(body, "inhRelations"), 0), "RangeVar"));
    if (a.name == NULL)
        return;
    /* IF NOT EXISTS may find the server's own table: then it is not the script's. */
    shadow_find(f->shadow, SHADOW_RELATION, a.schema, a.name, &seen);
    if (!node_true(body, "if_not_exists") || seen.gone)
        check(f, shadow_create(f->shadow, SHADOW_RELATION, a.schema, a.name, f->err));
    for (i = 0; i < node_count(elements); i++) {
        const json_t *element = node_at(elements, i);
        const json_t *constraint = node_as(element, "Constraint");
        const json_t *like = node_get(node_as(element, "TableLikeClause"), "relation");

        if (like != NULL) {
            struct about source = range(like);

            source.detail = "TableLikeClause";
            (void)on(f, EFFECT_READ, source);
        }
        if (node_as(element, "ColumnDef") != NULL)
            inline_constraints(f, table, node_as(element, "ColumnDef"));
        if (constraint != NULL && (table.detail = constraint_word(constraint)) != NULL) {
            table.node = constraint;
            with_partner(f, on(f, EFFECT_ADD_CONSTRAINT, table), node_get(constraint, "pktable"));
            table.node = NULL;
        }
    }
}

static void alter_command(struct finder *f, struct about table, const char *objtype,
                          const json_t *cmd)
{
    const char *subtype = node_text(cmd, "subtype");
    struct about a = table;

    a.node = cmd;
    if (node_is(cmd, "behavior", "DROP_CASCADE"))
        a.flags |= EFFECT_CASCADE;
    if (strcmp(objtype, "OBJECT_TYPE") == 0) {
        /* Attributes of a composite type are stored in the columns of that type. */
        struct effect *e;

        a.column = node_name(cmd, "name");
        a.detail = strcmp(subtype, "AT_DropColumn") == 0        ? "AT_DropAttribute"
                   : strcmp(subtype, "AT_AlterColumnType") == 0 ? "AT_AlterAttributeType"
                                                                : "AT_AddAttribute";
        e = add(f, EFFECT_ALTER_TABLE_OTHER, a);
        place(f, e, SHADOW_TYPE);
        return;
    }
    a.column = node_name(cmd, "name");
    if (strcmp(subtype, "AT_AddColumn") == 0) {
        const json_t *def = node_as(node_get(cmd, "def"), "ColumnDef");
        struct shadow_seen seen;

        a.column = node_name(def, "colname");
        if (node_true(cmd, "missing_ok"))
            a.flags |= EFFECT_IF_EXISTS;
        (void)on(f, EFFECT_ADD_COLUMN, a);
        shadow_find_column(f->shadow, a.schema, a.name, a.column, &seen);
        if (!node_true(cmd, "missing_ok") || seen.gone)
            check(f, shadow_create_column(f->shadow, a.schema, a.name, a.column, f->err));
        inline_constraints(f, table, def);
        return;
    }
    if (strcmp(subtype, "AT_DropColumn") == 0) {
        if (node_true(cmd, "missing_ok"))
            a.flags |= EFFECT_IF_EXISTS;
        (void)on(f, EFFECT_DROP_COLUMN, a);
        if (a.column != NULL)
            check(f, shadow_drop_column(f->shadow, a.schema, a.name, a.column, f->err));
        return;
    }
    if (strcmp(subtype, "AT_AlterColumnType") == 0) {
        (void)on(f, EFFECT_ALTER_TYPE, a);
    } else if (strcmp(subtype, "AT_ColumnDefault") == 0) {
        (void)on(f, node_get(cmd, "def") != NULL ? EFFECT_SET_DEFAULT : EFFECT_DROP_DEFAULT, a);
    } else if (strcmp(subtype, "AT_SetNotNull") == 0) {
        (void)on(f, EFFECT_SET_NOT_NULL, a);
    } else if (strcmp(subtype, "AT_DropNotNull") == 0) {
        (void)on(f, EFFECT_DROP_NOT_NULL, a);
    } else if (strcmp(subtype, "AT_AddConstraint") == 0) {
        const json_t *constraint = node_as(node_get(cmd, "def"), "Constraint");

        a.column = NULL;
        a.detail = constraint_word(constraint);
        a.node = constraint;
        if (a.detail != NULL)
            with_partner(f, on(f, EFFECT_ADD_CONSTRAINT, a), node_get(constraint, "pktable"));
    } else if (strcmp(subtype, "AT_DropConstraint") == 0 ||
               strcmp(subtype, "AT_ValidateConstraint") == 0) {
        a.detail = a.column;
        a.column = NULL;
        if (node_true(cmd, "missing_ok"))
            a.flags |= EFFECT_IF_EXISTS;
        (void)on(f, strcmp(subtype, "AT_DropConstraint") == 0 ? EFFECT_DROP_CONSTRAINT
                                                              : EFFECT_VALIDATE_CONSTRAINT,
                 a);
    } else {
        static const char *const of_columns[] = {
            "AT_AddIdentity",   "AT_SetIdentity",   "AT_DropIdentity", "AT_DropExpression",
            "AT_SetStatistics", "AT_SetStorage",    "AT_SetCompression", "AT_SetOptions",
            "AT_ResetOptions",
        };
        size_t i;

        a.detail = subtype;
        a.column = NULL;
        for (i = 0; i < sizeof(of_columns) / sizeof(of_columns[0]); i++)
            if (strcmp(subtype, of_columns[i]) == 0)
                a.column = node_name(cmd, "name");
        if (node_true(node_as(node_get(cmd, "def"), "PartitionCmd"), "concurrent"))
            a.flags |= EFFECT_CONCURRENTLY;
        with_partner(f, on(f, EFFECT_ALTER_TABLE_OTHER, a),
                     strcmp(subtype, "AT_AddInherit") == 0 || strcmp(subtype, "AT_DropInherit") == 0
                         ? node_as(node_get(cmd, "def"), "RangeVar")
                         : node_get(node_as(node_get(cmd, "def"), "PartitionCmd"), "name"));
    }
}

static void alter_table(struct finder *f, const json_t *body)
{
    const json_t *cmds = node_get(body, "cmds");
    struct about table = range(node_get(body, "relation"));
    size_t i;

    if (node_true(body, "missing_ok"))
        table.flags |= EFFECT_IF_EXISTS;
    for (i = 0; i < node_count(cmds); i++)
        alter_command(f, table, node_text(body, "objtype"),
                      node_as(node_at(cmds, i), "AlterTableCmd"));
}

/* ---- RENAME, SET SCHEMA ---- */

static enum shadow_space space_of(const char *objtype)
{
    if (strcmp(objtype, "OBJECT_TYPE") == 0 || strcmp(objtype, "OBJECT_DOMAIN") == 0)
        return SHADOW_TYPE;
    if (strcmp(objtype, "OBJECT_SCHEMA") == 0)
        return SHADOW_SCHEMA;
    if (strcmp(objtype, "OBJECT_FUNCTION") == 0 || strcmp(objtype, "OBJECT_PROCEDURE") == 0 ||
        strcmp(objtype, "OBJECT_ROUTINE") == 0 || strcmp(objtype, "OBJECT_AGGREGATE") == 0)
        return SHADOW_ROUTINE;
    return SHADOW_RELATION;
}

static int holds_rows(const char *objtype)
{
    return strcmp(objtype, "OBJECT_TABLE") == 0 || strcmp(objtype, "OBJECT_VIEW") == 0 ||
           strcmp(objtype, "OBJECT_MATVIEW") == 0 || strcmp(objtype, "OBJECT_FOREIGN_TABLE") == 0;
}

/* The names in an object Node of whatever shape. */
static void object_names(const json_t *object, const char **schema, const char **name)
{
    *schema = NULL;
    *name = NULL;
    if (node_as(object, "List") != NULL)
        node_qualified(node_get(node_as(object, "List"), "items"), schema, name);
    else if (node_as(object, "TypeName") != NULL)
        node_qualified(node_get(node_as(object, "TypeName"), "names"), schema, name);
    else if (node_as(object, "ObjectWithArgs") != NULL)
        node_qualified(node_get(node_as(object, "ObjectWithArgs"), "objname"), schema, name);
    else
        *name = node_string(object);
}

static void rename_object(struct finder *f, const json_t *body)
{
    const char *what = node_text(body, "renameType"), *newname = node_text(body, "newname");
    const json_t *relation = node_get(body, "relation");
    enum shadow_space space = space_of(what);
    struct about a = range(relation);
    struct effect *e;

    a.node = body;
    a.detail = newname;
    if (node_true(body, "missing_ok"))
        a.flags |= EFFECT_IF_EXISTS;
    if (strcmp(what, "OBJECT_COLUMN") == 0) {
        a.column = node_name(body, "subname");
        (void)on(f, EFFECT_RENAME_COLUMN, a);
        if (a.name != NULL)
            check(f, shadow_rename_column(f->shadow, a.schema, a.name, a.column, newname, f->err));
        return;
    }
    if (relation != NULL &&
        (holds_rows(what) || strcmp(what, "OBJECT_INDEX") == 0 ||
         strcmp(what, "OBJECT_SEQUENCE") == 0)) {
        (void)on(f, holds_rows(what) ? EFFECT_RENAME_TABLE : EFFECT_RENAME_OTHER, a);
        check(f, shadow_rename(f->shadow, SHADOW_RELATION, a.schema, a.name, a.schema, newname,
                               f->err));
        return;
    }
    if (relation != NULL) {
        /* A part of a relation: constraint, trigger, rule, policy, attribute. */
        (void)on(f, EFFECT_RENAME_OTHER, a);
        return;
    }
    if (strcmp(what, "OBJECT_SCHEMA") == 0)
        a.name = node_name(body, "subname");
    else
        object_names(node_get(body, "object"), &a.schema, &a.name);
    e = add(f, EFFECT_RENAME_OTHER, a);
    if (strcmp(what, "OBJECT_DOMCONSTRAINT") == 0)
        return;
    place(f, e, space);
    if (a.name != NULL && space != SHADOW_RELATION)
        check(f, shadow_rename(f->shadow, space, a.schema, a.name, a.schema, newname, f->err));
}

static void set_schema(struct finder *f, const json_t *body)
{
    const char *what = node_text(body, "objectType"), *newschema = node_text(body, "newschema");
    const json_t *relation = node_get(body, "relation");
    enum shadow_space space = space_of(what);
    struct about a = range(relation);
    struct buf b = {0};
    struct effect *e;

    a.node = body;
    if (relation == NULL)
        object_names(node_get(body, "object"), &a.schema, &a.name);
    if (buf_addf(&b, f->err, "%s.%s", newschema, a.name == NULL ? "" : a.name) < 0) {
        f->failed = 1;
        goto out;
    }
    a.detail = b.data;
    e = add(f, holds_rows(what) ? EFFECT_RENAME_TABLE : EFFECT_RENAME_OTHER, a);
    if (relation != NULL || space != SHADOW_RELATION) {
        place(f, e, space);
        if (a.name != NULL)
            check(f, shadow_rename(f->shadow, space, a.schema, a.name, newschema, a.name, f->err));
    }
out:
    buf_free(&b);
}

/* ---- DROP ---- */

struct moved {
    struct finder *f;
    const char *schema;
};

/* A server's table that the script moved into an own schema falls with it. */
static int drop_moved(const char *name, const char *server_schema, const char *server_name,
                      void *arg)
{
    struct moved *m = arg;
    struct about a = {.schema = m->schema, .name = name, .flags = EFFECT_CASCADE};

    (void)server_schema;
    (void)server_name;
    (void)on(m->f, EFFECT_DROP_TABLE, a);
    return m->f->failed ? -1 : 0;
}

static void drop_one(struct finder *f, const json_t *body, const char *what, const json_t *object)
{
    static const struct {
        const char *object;
        enum effect_kind kind;
    } kinds[] = {
        {"OBJECT_TABLE", EFFECT_DROP_TABLE},         {"OBJECT_FOREIGN_TABLE", EFFECT_DROP_OTHER},
        {"OBJECT_MATVIEW", EFFECT_DROP_MATVIEW},     {"OBJECT_VIEW", EFFECT_DROP_VIEW},
        {"OBJECT_SEQUENCE", EFFECT_DROP_SEQUENCE},   {"OBJECT_INDEX", EFFECT_DROP_INDEX},
        {"OBJECT_SCHEMA", EFFECT_DROP_SCHEMA},       {"OBJECT_TYPE", EFFECT_DROP_TYPE},
        {"OBJECT_DOMAIN", EFFECT_DROP_TYPE},         {"OBJECT_EXTENSION", EFFECT_DROP_EXTENSION},
        {"OBJECT_FUNCTION", EFFECT_DROP_ROUTINE},    {"OBJECT_PROCEDURE", EFFECT_DROP_ROUTINE},
        {"OBJECT_ROUTINE", EFFECT_DROP_ROUTINE},     {"OBJECT_AGGREGATE", EFFECT_DROP_ROUTINE},
        {"OBJECT_TRIGGER", EFFECT_DROP_TRIGGER},
    };
    enum effect_kind kind = EFFECT_DROP_OTHER;
    struct about a = {.node = object, .detail = what};
    const json_t *items = node_get(node_as(object, "List"), "items");
    struct effect *e;
    size_t i, n;

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(kinds[i].object, what) == 0)
            kind = kinds[i].kind;
    if (node_is(body, "behavior", "DROP_CASCADE"))
        a.flags |= EFFECT_CASCADE;
    if (node_true(body, "missing_ok"))
        a.flags |= EFFECT_IF_EXISTS;
    if (node_true(body, "concurrent"))
        a.flags |= EFFECT_CONCURRENTLY;
    if (strcmp(what, "OBJECT_TRIGGER") == 0 || strcmp(what, "OBJECT_POLICY") == 0 ||
        strcmp(what, "OBJECT_RULE") == 0) {
        /* [schema,] table, trigger */
        n = node_count(items);
        if (kind == EFFECT_DROP_TRIGGER)
            a.detail = node_string(node_at(items, n - 1));
        a.name = n > 1 ? node_string(node_at(items, n - 2)) : NULL;
        a.schema = n > 2 ? node_string(node_at(items, n - 3)) : NULL;
        (void)on(f, kind, a);
        return;
    }
    object_names(object, &a.schema, &a.name);
    e = add(f, kind, a);
    if (kind == EFFECT_DROP_OTHER && strcmp(what, "OBJECT_FOREIGN_TABLE") != 0)
        return;
    place(f, e, space_of(what));
    if (e == NULL || a.name == NULL)
        return;
    if (kind == EFFECT_DROP_SCHEMA && (e->flags & EFFECT_CASCADE) != 0) {
        struct moved m = {f, a.name};

        check(f, shadow_moved_into(f->shadow, a.name, drop_moved, &m));
    }
    check(f, shadow_drop(f->shadow, space_of(what), a.schema, a.name, f->err));
}

/* ---- SET, DO, and the rest ---- */

static void set_variable(struct finder *f, const json_t *body)
{
    struct about a = {.detail = node_name(body, "name"), .node = body};

    (void)add(f, EFFECT_SET, a);
    if (a.detail == NULL || strcmp(a.detail, "search_path") == 0)
        shadow_forget(f->shadow);
}

static void transaction(struct finder *f, const json_t *body)
{
    struct about a = {.detail = node_text(body, "kind"), .node = body};

    (void)add(f, EFFECT_TRANSACTION, a);
    if (strncmp(a.detail, "TRANS_STMT_ROLLBACK", 19) == 0)
        shadow_forget(f->shadow);
}

/* Statements that make an object with a name we follow. */
static int creates(struct finder *f, const char *kind, const json_t *body)
{
    struct about a = {.detail = kind, .node = body};
    enum shadow_space space = SHADOW_TYPE;
    int maybe = 0;

    if (strcmp(kind, "CreateEnumStmt") == 0 || strcmp(kind, "CreateRangeStmt") == 0) {
        node_qualified(node_get(body, "typeName"), &a.schema, &a.name);
    } else if (strcmp(kind, "CompositeTypeStmt") == 0) {
        a = range(node_get(body, "typevar"));
        a.detail = kind;
        a.node = body;
    } else if (strcmp(kind, "CreateDomainStmt") == 0) {
        node_qualified(node_get(body, "domainname"), &a.schema, &a.name);
    } else if (strcmp(kind, "CreateSchemaStmt") == 0) {
        a.name = node_name(body, "schemaname");
        space = SHADOW_SCHEMA;
        maybe = node_true(body, "if_not_exists");
    } else if (strcmp(kind, "CreateFunctionStmt") == 0) {
        node_qualified(node_get(body, "funcname"), &a.schema, &a.name);
        space = SHADOW_ROUTINE;
    } else if (strcmp(kind, "ViewStmt") == 0) {
        a = range(node_get(body, "view"));
        a.detail = kind;
        a.node = body;
        space = SHADOW_RELATION;
        maybe = node_true(body, "replace");
    } else if (strcmp(kind, "CreateSeqStmt") == 0) {
        a = range(node_get(body, "sequence"));
        a.detail = kind;
        a.node = body;
        space = SHADOW_RELATION;
        maybe = node_true(body, "if_not_exists");
    } else {
        return 0;
    }
    (void)add(f, EFFECT_CREATE_OTHER, a);
    if (strcmp(kind, "ViewStmt") == 0)
        reads(f, node_get(body, "query"));
    if (a.name != NULL && !maybe)
        check(f, shadow_create(f->shadow, space, a.schema, a.name, f->err));
    if (strcmp(kind, "CreateSchemaStmt") == 0) {
        const json_t *elements = node_get(body, "schemaElts");
        size_t i;

        for (i = 0; i < node_count(elements); i++) {
            const json_t *table = node_as(node_at(elements, i), "CreateStmt");

            if (table != NULL && node_name(node_get(table, "relation"), "relname") != NULL)
                check(f, shadow_create(f->shadow, SHADOW_RELATION, a.name,
                                       node_name(node_get(table, "relation"), "relname"), f->err));
        }
    }
    return 1;
}

static void copy_statement(struct finder *f, const json_t *body)
{
    struct about a = range(node_get(body, "relation"));

    a.node = body;
    if (node_true(body, "is_program")) {
        a.detail = "COPY PROGRAM";
        (void)add(f, EFFECT_OPAQUE, a);
    } else if (node_true(body, "is_from")) {
        (void)on(f, EFFECT_COPY_IN, a);
    } else if (node_get(body, "query") != NULL) {
        query(f, node_get(body, "query"));
    } else {
        a.detail = "CopyStmt";
        (void)on(f, EFFECT_READ, a);
    }
}

static void index_statement(struct finder *f, const json_t *body)
{
    struct about a = range(node_get(body, "relation"));

    a.node = body;
    a.detail = node_name(body, "idxname");
    if (node_true(body, "concurrent"))
        a.flags |= EFFECT_CONCURRENTLY;
    if (node_true(body, "if_not_exists"))
        a.flags |= EFFECT_IF_EXISTS;
    (void)on(f, EFFECT_CREATE_INDEX, a);
    /* An index stands in its table's schema. */
    if (a.detail != NULL && !node_true(body, "if_not_exists"))
        check(f, shadow_create(f->shadow, SHADOW_RELATION, a.schema, a.detail, f->err));
}

static void create_as(struct finder *f, const json_t *tree, const json_t *body)
{
    struct about a = range(node_get(node_get(body, "into"), "rel"));
    int matview = node_is(body, "objtype", "OBJECT_MATVIEW");

    a.node = body;
    a.detail = matview ? "CreateMatView" : NULL;
    if (node_true(body, "if_not_exists"))
        a.flags |= EFFECT_IF_EXISTS;
    (void)on(f, matview ? EFFECT_CREATE_OTHER : EFFECT_CREATE_TABLE, a);
    node_walk(tree, visit_write, f);
    node_walk(tree, visit_function, f);
    reads(f, node_get(body, "query"));
    if (a.name != NULL && !node_true(body, "if_not_exists"))
        check(f, shadow_create(f->shadow, SHADOW_RELATION, a.schema, a.name, f->err));
}

/* Known, and nothing stored is touched; the node's name is the detail. */
static void other(struct finder *f, const char *kind, const json_t *body, enum effect_kind as)
{
    const json_t *relation = node_get(body, "relation");
    struct about a = {0};

    if (relation != NULL && node_name(relation, "relname") != NULL)
        a = range(relation);
    a.detail = kind;
    a.node = body;
    if (a.name != NULL)
        (void)on(f, as, a);
    else
        (void)add(f, as, a);
}

static void relations_of(struct finder *f, const json_t *list, const char *kind, unsigned flags,
                         enum effect_kind as, const json_t *body)
{
    size_t i;

    for (i = 0; i < node_count(list); i++) {
        const json_t *item = node_at(list, i);
        struct about a = range(node_as(item, "RangeVar") != NULL
                                   ? node_as(item, "RangeVar")
                                   : node_get(node_as(item, "VacuumRelation"), "relation"));

        a.flags |= flags;
        a.detail = kind;
        a.node = body;
        (void)on(f, as, a);
    }
    if (node_count(list) == 0)
        other(f, kind, body, as);
}

static void comment(struct finder *f, const json_t *body)
{
    static const char *const relations[] = {"OBJECT_TABLE",   "OBJECT_VIEW",     "OBJECT_MATVIEW",
                                            "OBJECT_INDEX",   "OBJECT_SEQUENCE", "OBJECT_COLUMN",
                                            "OBJECT_FOREIGN_TABLE"};
    const char *what = node_text(body, "objtype");
    const json_t *items = node_get(node_as(node_get(body, "object"), "List"), "items");
    struct about a = {.detail = "CommentStmt", .node = body};
    size_t i, n = node_count(items);

    /* A column's name follows its table's. */
    if (strcmp(what, "OBJECT_COLUMN") == 0 && n > 0)
        n--;
    for (i = 0; i < sizeof(relations) / sizeof(relations[0]); i++)
        if (strcmp(relations[i], what) == 0 && n > 0) {
            a.name = node_string(node_at(items, n - 1));
            a.schema = n > 1 ? node_string(node_at(items, n - 2)) : NULL;
        }
    if (a.name != NULL)
        (void)on(f, EFFECT_OTHER, a);
    else
        (void)add(f, EFFECT_OTHER, a);
}

static void opaque(struct finder *f, const char *what, const json_t *body)
{
    struct about a = {.detail = what, .node = body};

    (void)add(f, EFFECT_OPAQUE, a);
    /* It may have renamed or dropped anything. */
    shadow_forget(f->shadow);
}

static void statement(struct finder *f, const struct statement *st)
{
    const json_t *tree = st->tree, *body = node_body(tree);
    const char *kind = node_kind(tree);
    size_t i;

    f->st = st;
    if (tree == NULL) {
        struct about a = {.detail = st->unknown};

        (void)add(f, EFFECT_UNKNOWN, a);
        shadow_forget(f->shadow);
    } else if (strcmp(kind, "SelectStmt") == 0 || strcmp(kind, "InsertStmt") == 0 ||
               strcmp(kind, "UpdateStmt") == 0 || strcmp(kind, "DeleteStmt") == 0 ||
               strcmp(kind, "MergeStmt") == 0) {
        query(f, tree);
    } else if (strcmp(kind, "CreateStmt") == 0) {
        create_table(f, body);
    } else if (strcmp(kind, "CreateForeignTableStmt") == 0) {
        create_table(f, node_get(body, "base") != NULL ? node_get(body, "base") : body);
    } else if (strcmp(kind, "AlterTableStmt") == 0) {
        alter_table(f, body);
    } else if (strcmp(kind, "DropStmt") == 0) {
        for (i = 0; i < node_count(node_get(body, "objects")); i++)
            drop_one(f, body, node_text(body, "removeType"), node_at(node_get(body, "objects"), i));
    } else if (strcmp(kind, "RenameStmt") == 0) {
        rename_object(f, body);
    } else if (strcmp(kind, "AlterObjectSchemaStmt") == 0) {
        set_schema(f, body);
    } else if (strcmp(kind, "TruncateStmt") == 0) {
        relations_of(f, node_get(body, "relations"), NULL,
                     node_is(body, "behavior", "DROP_CASCADE") ? EFFECT_CASCADE : 0,
                     EFFECT_TRUNCATE, body);
    } else if (strcmp(kind, "IndexStmt") == 0) {
        index_statement(f, body);
    } else if (strcmp(kind, "CreateTableAsStmt") == 0) {
        create_as(f, tree, body);
    } else if (strcmp(kind, "CopyStmt") == 0) {
        copy_statement(f, body);
    } else if (strcmp(kind, "VariableSetStmt") == 0) {
        set_variable(f, body);
    } else if (strcmp(kind, "TransactionStmt") == 0) {
        transaction(f, body);
    } else if (strcmp(kind, "ExplainStmt") == 0) {
        if (node_option(node_get(body, "options"), "analyze", 0))
            query(f, node_get(body, "query"));
        else
            other(f, kind, body, EFFECT_READ);
    } else if (strcmp(kind, "DoStmt") == 0) {
        opaque(f, "DO", body);
    } else if (strcmp(kind, "CallStmt") == 0) {
        opaque(f, "CALL", body);
    } else if (strcmp(kind, "ExecuteStmt") == 0) {
        opaque(f, "EXECUTE", body);
    } else if (strcmp(kind, "AlterExtensionStmt") == 0) {
        opaque(f, "ALTER EXTENSION UPDATE", body);
    } else if (strcmp(kind, "LoadStmt") == 0) {
        opaque(f, "LOAD", body);
    } else if (strcmp(kind, "AlterEnumStmt") == 0) {
        struct about a = {.detail = node_name(body, "newVal"), .node = body};

        node_qualified(node_get(body, "typeName"), &a.schema, &a.name);
        place(f, add(f, EFFECT_ALTER_ENUM, a), SHADOW_TYPE);
    } else if (strcmp(kind, "AlterDomainStmt") == 0) {
        struct about a = {.detail = kind, .node = body};

        node_qualified(node_get(body, "typeName"), &a.schema, &a.name);
        place(f, add(f, EFFECT_OTHER, a), SHADOW_TYPE);
    } else if (strcmp(kind, "CreateTrigStmt") == 0) {
        struct about a = range(node_get(body, "relation"));

        a.detail = node_name(body, "trigname");
        a.node = body;
        (void)on(f, EFFECT_CREATE_TRIGGER, a);
    } else if (strcmp(kind, "DropdbStmt") == 0) {
        struct about a = {.name = node_name(body, "dbname"), .node = body};

        (void)add(f, EFFECT_DROP_DATABASE, a);
    } else if (strcmp(kind, "DropOwnedStmt") == 0) {
        other(f, kind, body, EFFECT_DROP_OWNED);
    } else if (strcmp(kind, "ReindexStmt") == 0) {
        struct about a = range(node_get(body, "relation"));

        a.detail = node_text(body, "kind");
        a.node = body;
        if (node_option(node_get(body, "params"), "concurrently", 0))
            a.flags |= EFFECT_CONCURRENTLY;
        if (a.name == NULL)
            a.name = node_name(body, "name");
        (void)on(f, EFFECT_REINDEX, a);
    } else if (strcmp(kind, "VacuumStmt") == 0) {
        relations_of(f, node_get(body, "rels"), kind, 0, EFFECT_OTHER, body);
    } else if (strcmp(kind, "LockStmt") == 0) {
        relations_of(f, node_get(body, "relations"), kind, 0, EFFECT_OTHER, body);
    } else if (strcmp(kind, "AlterSeqStmt") == 0) {
        struct about a = range(node_get(body, "sequence"));

        a.detail = kind;
        a.node = body;
        (void)on(f, EFFECT_OTHER, a);
    } else if (strcmp(kind, "RuleStmt") == 0) {
        other(f, kind, body, EFFECT_OTHER);
    } else if (strcmp(kind, "CreateStatsStmt") == 0) {
        relations_of(f, node_get(body, "relations"), kind, 0, EFFECT_OTHER, body);
    } else if (strcmp(kind, "CommentStmt") == 0) {
        comment(f, body);
    } else if (creates(f, kind, body)) {
        ;
    } else if (strncmp(kind, "Drop", 4) == 0) {
        other(f, kind, body, EFFECT_DROP_OTHER);
    } else if (strcmp(kind, "CreatePolicyStmt") == 0 || strcmp(kind, "AlterPolicyStmt") == 0) {
        struct about a = range(node_get(body, "table"));

        a.detail = kind;
        a.node = body;
        (void)on(f, EFFECT_OTHER, a);
    } else if (strncmp(kind, "Create", 6) == 0 || strcmp(kind, "DefineStmt") == 0 ||
               strcmp(kind, "ImportForeignSchemaStmt") == 0) {
        other(f, kind, body, EFFECT_CREATE_OTHER);
    } else {
        other(f, kind, body, EFFECT_OTHER);
    }
}

static struct effects *find(const struct script *script, struct shadow *shadow,
                            const char *version_table, struct err *err)
{
    struct finder f = {.shadow = shadow, .err = err};
    const char *dot;
    size_t i;

    if (version_table == NULL)
        version_table = "alembic_version";
    if ((f.out = calloc(1, sizeof(*f.out))) == NULL) {
        (void)err_oom(err);
        return NULL;
    }
    f.out->script = script;
    dot = strrchr(version_table, '.');
    f.version_name = copy(&f, dot == NULL ? version_table : dot + 1);
    if (dot != NULL && (f.version_schema = strndup(version_table,
                                                   (size_t)(dot - version_table))) == NULL)
        oom(&f);
    for (i = 0; i < script->count && !f.failed; i++)
        statement(&f, &script->statements[i]);
    free(f.version_name);
    free(f.version_schema);
    if (f.failed) {
        effects_free(f.out);
        return NULL;
    }
    return f.out;
}

struct effects *effects_find(const struct script *script, const char *version_table,
                             struct err *err)
{
    struct shadow *shadow = shadow_new(err);
    struct effects *e = shadow == NULL ? NULL : find(script, shadow, version_table, err);

    shadow_free(shadow);
    return e;
}

struct effects **effects_find_all(const struct script *const *scripts, size_t n,
                                  const char *version_table, struct err *err)
{
    struct shadow *shadow = shadow_new(err);
    struct effects **all = calloc(n + 1, sizeof(struct effects *));
    size_t i;

    if (shadow == NULL || all == NULL) {
        (void)err_oom(err);
        goto fail;
    }
    for (i = 0; i < n; i++)
        if ((all[i] = find(scripts[i], shadow, version_table, err)) == NULL)
            goto fail;
    shadow_free(shadow);
    return all;
fail:
    shadow_free(shadow);
    effects_free_all(all, n);
    return NULL;
}

void effects_free(struct effects *e)
{
    size_t i;

    if (e == NULL)
        return;
    for (i = 0; i < e->count; i++) {
        struct effect *x = &e->items[i];

        free(x->schema);
        free(x->name);
        free(x->column);
        free(x->schema_on_server);
        free(x->on_server);
        free(x->column_on_server);
        free(x->partner_schema);
        free(x->partner);
        free(x->detail);
    }
    free(e->items);
    free(e);
}

void effects_free_all(struct effects **e, size_t n)
{
    size_t i;

    for (i = 0; e != NULL && i < n; i++)
        effects_free(e[i]);
    free(e);
}
