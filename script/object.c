#include "script/object.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "script/deparse.h"
#include "script/finder.h"
#include "script/node.h"
#include "script/shadow.h"
#include "script/statement.h"

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

void object_rename(struct finder *f, const json_t *body)
{
    const char *what = node_text(body, "renameType"), *newname = node_text(body, "newname");
    const json_t *relation = node_get(body, "relation");
    enum shadow_space space = space_of(what);
    struct about a = about_relation(relation);
    struct effect *e;

    a.node = body;
    a.detail = newname;
    if (node_true(body, "missing_ok"))
        a.flags |= EFFECT_IF_EXISTS;
    if (strcmp(what, "OBJECT_COLUMN") == 0) {
        a.column = node_name(body, "subname");
        (void)finder_on(f, EFFECT_RENAME_COLUMN, a);
        if (a.name != NULL)
            finder_check(
                f, shadow_rename_column(f->shadow, a.schema, a.name, a.column, newname, f->err));
        return;
    }
    if (relation != NULL && (holds_rows(what) || strcmp(what, "OBJECT_INDEX") == 0 ||
                             strcmp(what, "OBJECT_SEQUENCE") == 0)) {
        (void)finder_on(f, holds_rows(what) ? EFFECT_RENAME_TABLE : EFFECT_RENAME_OTHER, a);
        finder_check(f, shadow_rename(f->shadow, SHADOW_RELATION, a.schema, a.name, a.schema,
                                      newname, f->err));
        return;
    }
    if (relation != NULL) {
        /* A part of a relation: constraint, trigger, rule, policy, attribute. */
        (void)finder_on(f, EFFECT_RENAME_OTHER, a);
        return;
    }
    if (strcmp(what, "OBJECT_SCHEMA") == 0)
        a.name = node_name(body, "subname");
    else
        object_names(node_get(body, "object"), &a.schema, &a.name);
    e = finder_add(f, EFFECT_RENAME_OTHER, a);
    if (strcmp(what, "OBJECT_DOMCONSTRAINT") == 0)
        return;
    finder_place(f, e, space);
    if (a.name != NULL && space != SHADOW_RELATION)
        finder_check(f,
                     shadow_rename(f->shadow, space, a.schema, a.name, a.schema, newname, f->err));
}

void object_set_schema(struct finder *f, const json_t *body)
{
    const char *what = node_text(body, "objectType"), *newschema = node_text(body, "newschema");
    const json_t *relation = node_get(body, "relation");
    enum shadow_space space = space_of(what);
    struct about a = about_relation(relation);
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
    e = finder_add(f, holds_rows(what) ? EFFECT_RENAME_TABLE : EFFECT_RENAME_OTHER, a);
    if (relation != NULL || space != SHADOW_RELATION) {
        finder_place(f, e, space);
        if (a.name != NULL)
            finder_check(
                f, shadow_rename(f->shadow, space, a.schema, a.name, newschema, a.name, f->err));
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
    (void)finder_on(m->f, EFFECT_DROP_TABLE, a);
    return m->f->failed ? -1 : 0;
}

/* Of overloaded routines the arguments say which is meant. */
static char *arguments_of(struct finder *f, const json_t *object)
{
    const json_t *routine = node_as(object, "ObjectWithArgs"), *list = node_get(routine, "objargs");
    struct buf b = {0};
    size_t i;

    if (routine == NULL || node_true(routine, "args_unspecified"))
        return NULL;
    if (buf_adds(&b, "", f->err) < 0)
        f->failed = 1;
    for (i = 0; i < node_count(list) && !f->failed; i++) {
        const json_t *type = node_as(node_at(list, i), "TypeName");
        char *sql = node_true(type, "pct_type") ? NULL : deparse_type(f->st->text, f->st->tree, type);

        if (sql == NULL) {
            buf_free(&b);
            return NULL;
        }
        if (buf_addf(&b, f->err, "%s%s", i > 0 ? "\n" : "", sql) < 0)
            f->failed = 1;
        free(sql);
    }
    if (f->failed) {
        buf_free(&b);
        return NULL;
    }
    return buf_take(&b, f->err);
}

/* Columns, tables and indexes stand on these, and pg_depend is not followed from them; NULL: nothing stored does. */
static const char *drags_unseen(const char *what)
{
    static const char *const kinds[][2] = {
        {"OBJECT_COLLATION", "DROP COLLATION ... CASCADE"}, {"OBJECT_ACCESS_METHOD", "DROP ACCESS METHOD ... CASCADE"},
        {"OBJECT_LANGUAGE", "DROP LANGUAGE ... CASCADE"},   {"OBJECT_OPERATOR", "DROP OPERATOR ... CASCADE"},
        {"OBJECT_OPCLASS", "DROP OPERATOR CLASS ... CASCADE"}, {"OBJECT_OPFAMILY", "DROP OPERATOR FAMILY ... CASCADE"},
        {"OBJECT_FDW", "DROP FOREIGN DATA WRAPPER ... CASCADE"}, {"OBJECT_FOREIGN_SERVER", "DROP SERVER ... CASCADE"},
        {"OBJECT_TSCONFIGURATION", "DROP TEXT SEARCH CONFIGURATION ... CASCADE"},
        {"OBJECT_TSDICTIONARY", "DROP TEXT SEARCH DICTIONARY ... CASCADE"},
        {"OBJECT_TSPARSER", "DROP TEXT SEARCH PARSER ... CASCADE"},
        {"OBJECT_TSTEMPLATE", "DROP TEXT SEARCH TEMPLATE ... CASCADE"},
    };

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(kinds[i][0], what) == 0)
            return kinds[i][1];
    return NULL;
}

void object_drop(struct finder *f, const json_t *body, const char *what, const json_t *object)
{
    static const struct {
        const char *object;
        enum effect_kind kind;
    } kinds[] = {
        {"OBJECT_TABLE", EFFECT_DROP_TABLE},       {"OBJECT_FOREIGN_TABLE", EFFECT_DROP_OTHER},
        {"OBJECT_MATVIEW", EFFECT_DROP_MATVIEW},   {"OBJECT_VIEW", EFFECT_DROP_VIEW},
        {"OBJECT_SEQUENCE", EFFECT_DROP_SEQUENCE}, {"OBJECT_INDEX", EFFECT_DROP_INDEX},
        {"OBJECT_SCHEMA", EFFECT_DROP_SCHEMA},     {"OBJECT_TYPE", EFFECT_DROP_TYPE},
        {"OBJECT_DOMAIN", EFFECT_DROP_TYPE},       {"OBJECT_EXTENSION", EFFECT_DROP_EXTENSION},
        {"OBJECT_FUNCTION", EFFECT_DROP_ROUTINE},  {"OBJECT_PROCEDURE", EFFECT_DROP_ROUTINE},
        {"OBJECT_ROUTINE", EFFECT_DROP_ROUTINE},   {"OBJECT_AGGREGATE", EFFECT_DROP_ROUTINE},
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
        (void)finder_on(f, kind, a);
        return;
    }
    object_names(object, &a.schema, &a.name);
    e = finder_add(f, kind, a);
    if ((a.flags & EFFECT_CASCADE) != 0 && drags_unseen(what) != NULL) {
        struct about unseen = {.detail = drags_unseen(what), .node = object};

        (void)finder_add(f, EFFECT_OPAQUE, unseen);
    }
    if (kind == EFFECT_DROP_OTHER && strcmp(what, "OBJECT_FOREIGN_TABLE") != 0)
        return;
    finder_place(f, e, space_of(what));
    if (e == NULL || a.name == NULL)
        return;
    if (kind == EFFECT_DROP_ROUTINE)
        e->arguments = arguments_of(f, object);
    if (kind == EFFECT_DROP_SCHEMA && (e->flags & EFFECT_CASCADE) != 0) {
        struct moved m = {f, a.name};

        finder_check(f, shadow_moved_into(f->shadow, a.name, drop_moved, &m));
    }
    finder_check(f, shadow_drop(f->shadow, space_of(what), a.schema, a.name, f->err));
}
