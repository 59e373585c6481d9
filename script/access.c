#include "script/access.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/buf.h"
#include "script/finder.h"
#include "script/function.h"
#include "script/node.h"
#include "script/parse.h"
#include "script/shadow.h"

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
    (void)finder_add(f, EFFECT_OPAQUE, a);
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
    (void)finder_add(f, EFFECT_SET, a);
    if (a.detail == NULL || strcasecmp(a.detail, "search_path") == 0)
        shadow_forget(f->shadow);
    return 0;
}

/* The name in a string constant ('s', 's'::regclass), as the parser reads it: SCHEMA and NAME point
 * into *TREE, which the caller drops. */
static void name_in(const json_t *node, json_t **tree, const char **schema, const char **name,
                    struct err *err)
{
    const json_t *cast = node_as(node, "TypeCast"), *from;
    const char *text = node_name(
        node_get(node_as(cast != NULL ? node_get(cast, "arg") : node, "A_Const"), "sval"), "sval");
    struct parse_item item = {0};
    struct buf b = {0};

    if (text != NULL && buf_addf(&b, err, "TABLE %s", text) == 0) {
        item.text = b.data;
        item.len = b.len;
        if (parse_all(&item, 1, err) == 0 && item.tree != NULL) {
            from = node_as(node_at(node_get(node_as(item.tree, "SelectStmt"), "fromClause"), 0), "RangeVar");
            *schema = node_name(from, "schemaname");
            *name = node_name(from, "relname");
        }
    }
    *tree = item.tree;
    free(item.problem);
    buf_free(&b);
}

/* setval moves a sequence, and no rollback moves it back. */
static int visit_setval(const char *kind, const json_t *body, void *arg)
{
    struct finder *f = arg;
    const json_t *sequence, *serial, *column;
    const char *schema, *name;
    struct about a = {.detail = "setval", .node = body};
    json_t *tree = NULL;

    if (strcmp(kind, "FuncCall") != 0)
        return 0;
    node_qualified(node_get(body, "funcname"), &schema, &name);
    if (name == NULL || strcmp(name, "setval") != 0 ||
        (schema != NULL && strcmp(schema, "pg_catalog") != 0))
        return 0;
    sequence = node_at(node_get(body, "args"), 0);
    if (node_as(sequence, "TypeCast") != NULL &&
        node_as(node_get(node_as(sequence, "TypeCast"), "arg"), "FuncCall") != NULL)
        sequence = node_get(node_as(sequence, "TypeCast"), "arg");
    serial = node_as(sequence, "FuncCall");
    schema = name = NULL;
    if (serial != NULL)
        node_qualified(node_get(serial, "funcname"), &schema, &name);
    if (name != NULL && strcmp(name, "pg_get_serial_sequence") == 0) {
        /* setval(pg_get_serial_sequence('t', 'id'), ...) */
        column = node_as(node_at(node_get(serial, "args"), 1), "A_Const");
        a.column = node_name(node_get(column, "sval"), "sval");
        a.detail = "setval of a column";
        sequence = node_at(node_get(serial, "args"), 0);
    }
    name_in(sequence, &tree, &a.schema, &a.name, f->err);
    if (a.name != NULL)
        (void)finder_on(f, EFFECT_OTHER, a);
    else
        (void)finder_add(f, EFFECT_OTHER, a);
    json_decref(tree);
    return 0;
}

/* ---- queries that write ---- */

static int visit_write(const char *kind, const json_t *body, void *arg)
{
    struct finder *f = arg;
    struct about a = about_relation(node_get(body, "relation"));

    a.node = body;
    if (strcmp(kind, "DeleteStmt") == 0) {
        if (node_get(body, "whereClause") == NULL)
            a.flags |= EFFECT_WHOLE;
        (void)finder_on(f, EFFECT_DELETE, a);
    } else if (strcmp(kind, "UpdateStmt") == 0) {
        const json_t *targets = node_get(body, "targetList");
        size_t i, n = f->out->count;

        if (node_get(body, "whereClause") == NULL)
            a.flags |= EFFECT_WHOLE;
        /* One effect per column that is assigned. */
        for (i = 0; i < node_count(targets); i++) {
            a.column = node_name(node_as(node_at(targets, i), "ResTarget"), "name");
            if (a.column != NULL)
                (void)finder_on(f, EFFECT_UPDATE, a);
        }
        if (f->out->count == n)
            (void)finder_on(f, EFFECT_UPDATE, a);
    } else if (strcmp(kind, "InsertStmt") == 0) {
        (void)finder_on(f, EFFECT_INSERT, a);
    } else if (strcmp(kind, "MergeStmt") == 0) {
        (void)finder_on(f, EFFECT_MERGE, a);
    } else if (strcmp(kind, "SelectStmt") == 0 && node_get(body, "intoClause") != NULL) {
        a = about_relation(node_get(node_as(node_get(body, "intoClause"), "IntoClause") != NULL
                                        ? node_as(node_get(body, "intoClause"), "IntoClause")
                                        : node_get(body, "intoClause"),
                                    "rel"));
        a.node = body;
        (void)finder_on(f, EFFECT_CREATE_TABLE, a);
        if (a.name != NULL)
            finder_check(f, shadow_create(f->shadow, SHADOW_RELATION, a.schema, a.name, f->err));
    }
    return 0;
}

/* ---- queries that read ---- */

struct reading {
    struct finder *f;
    const char *ctes[32]; /* names that are not relations */
    size_t n;
    const json_t *locked[32]; /* relations under FOR UPDATE and its like */
    size_t nlocked;
    int all; /* FOR UPDATE without OF */
    const json_t *of;
};

static int visit_from(const char *kind, const json_t *body, void *arg)
{
    struct reading *r = arg;
    const char *name;
    size_t i;

    if (strcmp(kind, "RangeVar") != 0 || r->nlocked == sizeof(r->locked) / sizeof(r->locked[0]))
        return 0;
    name = node_name(node_get(body, "alias"), "aliasname");
    if (name == NULL)
        name = node_text(body, "relname");
    for (i = 0; !r->all && i < node_count(r->of); i++)
        if (node_is(node_as(node_at(r->of, i), "RangeVar"), "relname", name))
            break;
    if (r->all || i < node_count(r->of))
        r->locked[r->nlocked++] = body;
    return 0;
}

static int visit_locking(const char *kind, const json_t *body, void *arg)
{
    struct reading *r = arg;
    const json_t *clauses = node_get(body, "lockingClause");
    size_t i;

    for (i = 0; strcmp(kind, "SelectStmt") == 0 && i < node_count(clauses); i++) {
        r->of = node_get(node_as(node_at(clauses, i), "LockingClause"), "lockedRels");
        r->all = r->of == NULL;
        node_walk(node_get(body, "fromClause"), visit_from, r);
    }
    return 0;
}

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
    a = about_relation(body);
    a.detail = "SelectStmt";
    for (i = 0; i < r->nlocked; i++)
        if (r->locked[i] == body)
            a.detail = "locking";
    for (i = 0; i < r->n; i++)
        if (a.schema == NULL && a.name != NULL && strcmp(r->ctes[i], a.name) == 0)
            return 0;
    if (a.name != NULL)
        (void)finder_on(r->f, EFFECT_READ, a);
    return 0;
}

void access_reads(struct finder *f, const json_t *tree)
{
    struct reading r = {.f = f};

    node_walk(tree, visit_cte, &r);
    node_walk(tree, visit_locking, &r);
    node_walk(tree, visit_read, &r);
}

static int visit_target(const char *kind, const json_t *body, void *arg)
{
    struct about a;

    if (strcmp(kind, "InsertStmt") != 0 && strcmp(kind, "UpdateStmt") != 0 &&
        strcmp(kind, "DeleteStmt") != 0 && strcmp(kind, "MergeStmt") != 0)
        return 0;
    a = about_relation(node_get(body, "relation"));
    a.detail = "target";
    if (a.name != NULL)
        (void)finder_on(arg, EFFECT_READ, a);
    return 0;
}

void access_analysed(struct finder *f, const json_t *tree)
{
    node_walk(tree, visit_target, f);
    access_reads(f, tree);
}

void access_writes(struct finder *f, const json_t *tree)
{
    node_walk(tree, visit_write, f);
    node_walk(tree, visit_function, f);
}

void access_query(struct finder *f, const json_t *tree)
{
    size_t before = f->out->count;
    struct about a = {0};

    node_walk(tree, visit_write, f);
    node_walk(tree, visit_set_config, f);
    node_walk(tree, visit_setval, f);
    node_walk(tree, visit_function, f);
    access_reads(f, tree);
    if (f->out->count == before) {
        a.detail = "SelectStmt";
        (void)finder_add(f, EFFECT_READ, a);
    }
}
