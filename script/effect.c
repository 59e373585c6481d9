#include "script/effect.h"

#include <stdlib.h>
#include <string.h>

#include "script/access.h"
#include "script/block.h"
#include "script/finder.h"
#include "script/node.h"
#include "script/object.h"
#include "script/shadow.h"
#include "script/statement.h"
#include "script/table.h"

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

static void set_variable(struct finder *f, const json_t *body)
{
    struct about a = {.detail = node_name(body, "name"), .node = body};

    (void)finder_add(f, EFFECT_SET, a);
    if (a.detail == NULL || strcmp(a.detail, "search_path") == 0)
        shadow_forget(f->shadow);
}

static void transaction(struct finder *f, const json_t *body)
{
    struct about a = {.detail = node_text(body, "kind"), .node = body};

    (void)finder_add(f, EFFECT_TRANSACTION, a);
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
        a = about_relation(node_get(body, "typevar"));
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
        a = about_relation(node_get(body, "view"));
        a.detail = kind;
        a.node = body;
        space = SHADOW_RELATION;
        maybe = node_true(body, "replace");
    } else if (strcmp(kind, "CreateSeqStmt") == 0) {
        a = about_relation(node_get(body, "sequence"));
        a.detail = kind;
        a.node = body;
        space = SHADOW_RELATION;
        maybe = node_true(body, "if_not_exists");
    } else {
        return 0;
    }
    (void)finder_add(f, EFFECT_CREATE_OTHER, a);
    if (strcmp(kind, "ViewStmt") == 0)
        access_reads(f, node_get(body, "query"));
    if (a.name != NULL && !maybe)
        finder_check(f, shadow_create(f->shadow, space, a.schema, a.name, f->err));
    if (strcmp(kind, "CreateSchemaStmt") == 0) {
        const json_t *elements = node_get(body, "schemaElts");
        size_t i;

        for (i = 0; i < node_count(elements); i++) {
            const json_t *table = node_as(node_at(elements, i), "CreateStmt");

            if (table != NULL && node_name(node_get(table, "relation"), "relname") != NULL)
                finder_check(f, shadow_create(f->shadow, SHADOW_RELATION, a.name,
                                              node_name(node_get(table, "relation"), "relname"),
                                              f->err));
        }
    }
    return 1;
}

static void copy_statement(struct finder *f, const json_t *body)
{
    struct about a = about_relation(node_get(body, "relation"));

    a.node = body;
    if (node_true(body, "is_program")) {
        a.detail = "COPY PROGRAM";
        (void)finder_add(f, EFFECT_OPAQUE, a);
    } else if (node_true(body, "is_from")) {
        (void)finder_on(f, EFFECT_COPY_IN, a);
    } else if (node_get(body, "query") != NULL) {
        access_query(f, node_get(body, "query"));
    } else {
        a.detail = "CopyStmt";
        (void)finder_on(f, EFFECT_READ, a);
    }
}

static void index_statement(struct finder *f, const json_t *body)
{
    struct about a = about_relation(node_get(body, "relation"));

    a.node = body;
    a.detail = node_name(body, "idxname");
    if (node_true(body, "concurrent"))
        a.flags |= EFFECT_CONCURRENTLY;
    if (node_true(body, "if_not_exists"))
        a.flags |= EFFECT_IF_EXISTS;
    (void)finder_on(f, EFFECT_CREATE_INDEX, a);
    /* An index stands in its table's schema. */
    if (a.detail != NULL && !node_true(body, "if_not_exists"))
        finder_check(f, shadow_create(f->shadow, SHADOW_RELATION, a.schema, a.detail, f->err));
}

static void create_as(struct finder *f, const json_t *tree, const json_t *body)
{
    struct about a = about_relation(node_get(node_get(body, "into"), "rel"));
    int matview = node_is(body, "objtype", "OBJECT_MATVIEW");

    a.node = body;
    a.detail = matview ? "CreateMatView" : NULL;
    if (node_true(body, "if_not_exists"))
        a.flags |= EFFECT_IF_EXISTS;
    (void)finder_on(f, matview ? EFFECT_CREATE_OTHER : EFFECT_CREATE_TABLE, a);
    access_writes(f, tree);
    access_reads(f, node_get(body, "query"));
    if (a.name != NULL && !node_true(body, "if_not_exists"))
        finder_check(f, shadow_create(f->shadow, SHADOW_RELATION, a.schema, a.name, f->err));
}

/* Known, and nothing stored is touched; the node's name is the detail. */
static void other(struct finder *f, const char *kind, const json_t *body, enum effect_kind as)
{
    const json_t *relation = node_get(body, "relation");
    struct about a = {0};

    if (relation != NULL && node_name(relation, "relname") != NULL)
        a = about_relation(relation);
    a.detail = kind;
    a.node = body;
    if (a.name != NULL)
        (void)finder_on(f, as, a);
    else
        (void)finder_add(f, as, a);
}

static void relations_of(struct finder *f, const json_t *list, const char *kind, unsigned flags,
                         enum effect_kind as, const json_t *body)
{
    size_t i;

    for (i = 0; i < node_count(list); i++) {
        const json_t *item = node_at(list, i);
        struct about a =
            about_relation(node_as(item, "RangeVar") != NULL
                               ? node_as(item, "RangeVar")
                               : node_get(node_as(item, "VacuumRelation"), "relation"));

        a.flags |= flags;
        a.detail = kind;
        a.node = body;
        (void)finder_on(f, as, a);
    }
    if (node_count(list) == 0)
        other(f, kind, body, as);
}

/* ALTER SEQUENCE ... OWNED BY looks at the table. */
static void owned_by(struct finder *f, const json_t *body)
{
    const json_t *options = node_get(body, "options");
    size_t i, n;

    for (i = 0; i < node_count(options); i++) {
        const json_t *option = node_as(node_at(options, i), "DefElem");
        const json_t *items = node_get(node_as(node_get(option, "arg"), "List"), "items");
        struct about a = {.detail = "AlterSeqStmt"};

        n = node_count(items);
        if (!node_is(option, "defname", "owned_by") || n < 2)
            continue;
        a.name = node_string(node_at(items, n - 2));
        a.schema = n > 2 ? node_string(node_at(items, n - 3)) : NULL;
        (void)finder_on(f, EFFECT_READ, a);
    }
}

static void comment(struct finder *f, const json_t *body)
{
    static const char *const relations[] = {"OBJECT_TABLE",    "OBJECT_VIEW",  "OBJECT_MATVIEW",
                                            "OBJECT_SEQUENCE", "OBJECT_INDEX", "OBJECT_FOREIGN_TABLE"};
    /* Their own name follows their table's. */
    static const char *const parts[] = {"OBJECT_COLUMN", "OBJECT_TABCONSTRAINT", "OBJECT_TRIGGER",
                                        "OBJECT_POLICY", "OBJECT_RULE"};
    const char *what = node_text(body, "objtype");
    const json_t *items = node_get(node_as(node_get(body, "object"), "List"), "items");
    struct about a = {.detail = "CommentStmt", .node = body};
    size_t i, n = 0;

    for (i = 0; i < sizeof(relations) / sizeof(relations[0]); i++)
        if (strcmp(relations[i], what) == 0)
            n = node_count(items);
    for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        if (strcmp(parts[i], what) == 0 && node_count(items) > 1)
            n = node_count(items) - 1;
    if (n > 0) {
        a.name = node_string(node_at(items, n - 1));
        a.schema = n > 1 ? node_string(node_at(items, n - 2)) : NULL;
    }
    if (a.name != NULL)
        (void)finder_on(f, EFFECT_OTHER, a);
    else
        (void)finder_add(f, EFFECT_OTHER, a);
}

static void opaque(struct finder *f, const char *what, const json_t *body)
{
    struct about a = {.detail = what, .node = body};

    (void)finder_add(f, EFFECT_OPAQUE, a);
    /* It may have renamed or dropped anything. */
    shadow_forget(f->shadow);
}

static void statement(struct finder *f, const struct statement *st);

/* DO is opaque, but what it may run can be told. */
static void do_block(struct finder *f, const json_t *body)
{
    struct about a = {.detail = "DO", .node = body};
    struct effect *e = finder_add(f, EFFECT_OPAQUE, a);
    struct finder inner = {.shadow = f->shadow, .version_schema = f->version_schema,
                           .version_name = f->version_name, .within = 1, .err = f->err};
    struct block *block;
    size_t i;

    if (e == NULL || f->within)
        goto out;
    if ((block = e->block = block_read(f->st, f->err)) == NULL) {
        f->failed |= f->err->kind != ERR_NONE;
        goto out;
    }
    if ((inner.out = block->effects = calloc(1, sizeof(*block->effects))) == NULL) {
        finder_oom(f);
        goto out;
    }
    block->effects->script = block->script;
    shadow_freeze(f->shadow, 1);
    for (i = 0; i < block->script->count && !inner.failed; i++)
        statement(&inner, &block->script->statements[i]);
    shadow_freeze(f->shadow, 0);
    f->failed |= inner.failed;
out:
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

        (void)finder_add(f, EFFECT_UNKNOWN, a);
        shadow_forget(f->shadow);
    } else if (strcmp(kind, "SelectStmt") == 0 || strcmp(kind, "InsertStmt") == 0 ||
               strcmp(kind, "UpdateStmt") == 0 || strcmp(kind, "DeleteStmt") == 0 ||
               strcmp(kind, "MergeStmt") == 0) {
        access_query(f, tree);
    } else if (strcmp(kind, "CreateStmt") == 0) {
        table_create(f, body);
    } else if (strcmp(kind, "CreateForeignTableStmt") == 0) {
        table_create(f, node_get(body, "base") != NULL ? node_get(body, "base") : body);
    } else if (strcmp(kind, "AlterTableStmt") == 0) {
        table_alter(f, body);
    } else if (strcmp(kind, "DropStmt") == 0) {
        for (i = 0; i < node_count(node_get(body, "objects")); i++)
            object_drop(f, body, node_text(body, "removeType"),
                        node_at(node_get(body, "objects"), i));
    } else if (strcmp(kind, "RenameStmt") == 0) {
        object_rename(f, body);
    } else if (strcmp(kind, "AlterObjectSchemaStmt") == 0) {
        object_set_schema(f, body);
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
        if (node_option(node_get(body, "options"), "analyze", 0)) {
            access_query(f, node_get(body, "query"));
        } else {
            other(f, kind, body, EFFECT_READ);
            access_analysed(f, node_get(body, "query"));
        }
    } else if (strcmp(kind, "DoStmt") == 0) {
        do_block(f, body);
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
        finder_place(f, finder_add(f, EFFECT_ALTER_ENUM, a), SHADOW_TYPE);
    } else if (strcmp(kind, "AlterDomainStmt") == 0) {
        struct about a = {.detail = kind, .node = body};

        node_qualified(node_get(body, "typeName"), &a.schema, &a.name);
        finder_place(f, finder_add(f, EFFECT_OTHER, a), SHADOW_TYPE);
        /* A new check runs for every row that has a value of the domain. */
        if (node_as(node_get(body, "def"), "Constraint") != NULL &&
            !node_true(node_as(node_get(body, "def"), "Constraint"), "skip_validation"))
            access_writes(f, node_get(body, "def"));
    } else if (strcmp(kind, "CreateTrigStmt") == 0) {
        struct about a = about_relation(node_get(body, "relation"));

        a.detail = node_name(body, "trigname");
        a.node = body;
        (void)finder_on(f, EFFECT_CREATE_TRIGGER, a);
    } else if (strcmp(kind, "DropdbStmt") == 0) {
        struct about a = {.name = node_name(body, "dbname"), .node = body};

        (void)finder_add(f, EFFECT_DROP_DATABASE, a);
    } else if (strcmp(kind, "DropOwnedStmt") == 0) {
        other(f, kind, body, EFFECT_DROP_OWNED);
    } else if (strcmp(kind, "ReindexStmt") == 0) {
        struct about a = about_relation(node_get(body, "relation"));

        a.detail = node_text(body, "kind");
        a.node = body;
        if (node_option(node_get(body, "params"), "concurrently", 0))
            a.flags |= EFFECT_CONCURRENTLY;
        if (a.name == NULL)
            a.name = node_name(body, "name");
        (void)finder_on(f, EFFECT_REINDEX, a);
    } else if (strcmp(kind, "VacuumStmt") == 0) {
        relations_of(f, node_get(body, "rels"), kind, 0, EFFECT_OTHER, body);
    } else if (strcmp(kind, "LockStmt") == 0) {
        relations_of(f, node_get(body, "relations"), kind, 0, EFFECT_OTHER, body);
    } else if (strcmp(kind, "AlterSeqStmt") == 0) {
        struct about a = about_relation(node_get(body, "sequence"));

        a.detail = kind;
        a.node = body;
        (void)finder_on(f, EFFECT_OTHER, a);
        owned_by(f, body);
    } else if (strcmp(kind, "RuleStmt") == 0) {
        other(f, kind, body, EFFECT_OTHER);
        access_analysed(f, node_get(body, "actions"));
        access_reads(f, node_get(body, "whereClause"));
    } else if (strcmp(kind, "CreateStatsStmt") == 0) {
        relations_of(f, node_get(body, "relations"), kind, 0, EFFECT_OTHER, body);
    } else if (strcmp(kind, "CommentStmt") == 0) {
        comment(f, body);
    } else if (creates(f, kind, body)) {
        ;
    } else if (strncmp(kind, "Drop", 4) == 0) {
        other(f, kind, body, EFFECT_DROP_OTHER);
    } else if (strcmp(kind, "CreatePolicyStmt") == 0 || strcmp(kind, "AlterPolicyStmt") == 0) {
        struct about a = about_relation(node_get(body, "table"));

        a.detail = kind;
        a.node = body;
        (void)finder_on(f, EFFECT_OTHER, a);
        access_reads(f, node_get(body, "qual"));
        access_reads(f, node_get(body, "with_check"));
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
    f.version_name = finder_copy(&f, dot == NULL ? version_table : dot + 1);
    if (dot != NULL &&
        (f.version_schema = strndup(version_table, (size_t)(dot - version_table))) == NULL)
        finder_oom(&f);
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
        free(x->arguments);
        block_free(x->block);
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
