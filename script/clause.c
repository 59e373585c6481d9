/* The parts of effect.h that print clauses, through the deparser. */
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "script/deparse.h"
#include "script/effect.h"
#include "script/node.h"
#include "script/parse.h"
#include "script/statement.h"

/* An identifier as PostgreSQL reads it back. */
static int add_ident(struct buf *b, const char *name, struct err *err)
{
    if (buf_addc(b, '"', err) < 0)
        return -1;
    for (; *name != '\0'; name++)
        if ((*name == '"' && buf_addc(b, '"', err) < 0) || buf_addc(b, *name, err) < 0)
            return -1;
    return buf_addc(b, '"', err);
}

static const json_t *default_of(const json_t *coldef)
{
    const json_t *list = node_get(coldef, "constraints");
    size_t i;

    for (i = 0; i < node_count(list); i++) {
        const json_t *c = node_as(node_at(list, i), "Constraint");

        if (node_is(c, "contype", "CONSTR_DEFAULT") || node_is(c, "contype", "CONSTR_GENERATED"))
            return node_get(c, "raw_expr");
    }
    return NULL;
}

char *effect_expression(const struct effect *e)
{
    const json_t *node = e->node, *def = node_as(node_get(node, "def"), "ColumnDef");
    const json_t *expression = NULL;

    if (e->kind == EFFECT_ALTER_TYPE)
        expression = node_get(def, "raw_default");
    else if (e->kind == EFFECT_ADD_COLUMN)
        expression = default_of(def);
    else if (e->kind == EFFECT_SET_DEFAULT)
        expression = node_get(node, "def");
    else if (e->kind == EFFECT_ADD_CONSTRAINT)
        expression = node_get(node, "raw_expr");
    else if (e->kind == EFFECT_DELETE || e->kind == EFFECT_UPDATE ||
             e->kind == EFFECT_CREATE_INDEX)
        expression = node_get(node, "whereClause");
    return expression == NULL
               ? NULL
               : deparse_expression(e->statement->text, e->statement->tree, expression);
}

/* The types that scripts mostly name, as the deparser prints them: it takes its time. */
static const char *usual_type(const json_t *type)
{
    static const struct {
        const char *name, *sql;
        int builtin; /* the grammar's own word: pg_catalog.NAME */
    } usual[] = {
        {"int2", "smallint", 1}, {"int4", "int", 1},   {"int8", "bigint", 1}, {"bool", "boolean", 1},
        {"text", "text", 0},     {"jsonb", "jsonb", 0}, {"json", "json", 0},   {"uuid", "uuid", 0},
        {"date", "date", 0},     {"bytea", "bytea", 0},
    };
    const json_t *names = node_get(type, "names");
    size_t i, n = node_count(names);
    const char *schema, *name;

    node_qualified(names, &schema, &name);
    if (n == 0 || n > 2 || name == NULL || node_get(type, "typmods") != NULL || node_get(type, "arrayBounds") != NULL ||
        node_true(type, "setof") || node_true(type, "pct_type"))
        return NULL;
    for (i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
        if (strcmp(usual[i].name, name) == 0 &&
            (usual[i].builtin ? schema != NULL && strcmp(schema, "pg_catalog") == 0 : schema == NULL))
            return usual[i].sql;
    return NULL;
}

char *effect_type(const struct effect *e)
{
    return effect_type_of(e, node_as(node_get(e->node, "def"), "ColumnDef"));
}

char *effect_type_of(const struct effect *e, const void *coldef)
{
    const json_t *type = node_get(coldef, "typeName");

    if (type == NULL)
        return NULL;
    if (usual_type(type) != NULL)
        return strdup(usual_type(type));
    return deparse_type(e->statement->text, e->statement->tree, type);
}

int effect_calls(const struct effect *e)
{
    return e->kind == EFFECT_OPAQUE && e->name != NULL && e->detail != NULL && strcmp(e->detail, "function") == 0;
}

char *effect_object(const struct effect *e)
{
    struct buf b = {0};
    struct err err = {0};
    const char *schema = e->on_server != NULL ? e->schema_on_server : e->schema;
    const char *name = e->on_server != NULL ? e->on_server : e->name;
    const char *column = e->column_on_server != NULL ? e->column_on_server : e->column;

    if (name == NULL)
        name = e->detail != NULL ? e->detail : "";
    if ((schema != NULL &&
         (buf_adds(&b, schema, &err) < 0 || buf_addc(&b, '.', &err) < 0)) ||
        buf_adds(&b, name, &err) < 0 ||
        (column != NULL &&
         (buf_addc(&b, '.', &err) < 0 || buf_adds(&b, column, &err) < 0))) {
        buf_free(&b);
        return NULL;
    }
    return buf_take(&b, &err);
}

const char *effect_serial(const void *coldef)
{
    static const struct {
        const char *name, *type;
    } serials[] = {
        {"serial", "integer"}, {"bigserial", "bigint"}, {"smallserial", "smallint"},
        {"serial4", "integer"}, {"serial8", "bigint"}, {"serial2", "smallint"},
    };
    const char *schema, *name;

    node_qualified(node_get(node_get(coldef, "typeName"), "names"), &schema, &name);
    for (size_t i = 0; name != NULL && schema == NULL && i < sizeof(serials) / sizeof(serials[0]); i++)
        if (strcmp(name, serials[i].name) == 0)
            return serials[i].type;
    return NULL;
}

/* NULL, or a cast of it. */
static int is_null(const json_t *expression)
{
    while (node_as(expression, "TypeCast") != NULL)
        expression = node_get(node_as(expression, "TypeCast"), "arg");
    return node_true(node_as(expression, "A_Const"), "isnull");
}

/* The NOT NULL (or PRIMARY KEY) in COLDEF that an old row would break: no default, not generated, not a
 * serial. */
static const json_t *bare_not_null(const json_t *coldef)
{
    const json_t *list = node_get(coldef, "constraints"), *found = NULL;
    size_t i;

    if (effect_serial(coldef) != NULL)
        return NULL;
    for (i = 0; i < node_count(list); i++) {
        const json_t *element = node_at(list, i), *c = node_as(element, "Constraint");

        if (node_is(c, "contype", "CONSTR_NOTNULL") || node_is(c, "contype", "CONSTR_PRIMARY"))
            found = element;
        else if ((node_is(c, "contype", "CONSTR_DEFAULT") && !is_null(node_get(c, "raw_expr"))) ||
                 node_is(c, "contype", "CONSTR_IDENTITY") ||
                 node_is(c, "contype", "CONSTR_GENERATED"))
            return NULL;
    }
    return found;
}

int effect_required(const struct effect *e)
{
    return e->kind == EFFECT_ADD_COLUMN &&
           bare_not_null(node_as(node_get(e->node, "def"), "ColumnDef")) != NULL;
}

/* What undoes the removal of CONSTRAINT from COLUMN. */
static int add_deferred(struct buf *b, const json_t *constraint, const char *column, struct err *err)
{
    const json_t *c = node_as(constraint, "Constraint");

    if (node_is(c, "contype", "CONSTR_NOTNULL"))
        return buf_adds(b, " ALTER COLUMN ", err) < 0 || add_ident(b, column, err) < 0 ||
                       buf_adds(b, " SET NOT NULL", err) < 0
                   ? -1
                   : 0;
    if (buf_adds(b, " ADD ", err) < 0 ||
        (node_name(c, "conname") != NULL &&
         (buf_adds(b, "CONSTRAINT ", err) < 0 || add_ident(b, node_name(c, "conname"), err) < 0 ||
          buf_addc(b, ' ', err) < 0)))
        return -1;
    return buf_adds(b, "PRIMARY KEY (", err) < 0 || add_ident(b, column, err) < 0 || buf_addc(b, ')', err) < 0
               ? -1
               : 0;
}

static const json_t *find_bare(const json_t *tree, const char **column)
{
    const json_t *cmds = node_get(node_as(tree, "AlterTableStmt"), "cmds");
    size_t i;

    for (i = 0; i < node_count(cmds); i++) {
        const json_t *cmd = node_as(node_at(cmds, i), "AlterTableCmd");
        const json_t *def = node_as(node_get(cmd, "def"), "ColumnDef"), *found;

        if (!node_is(cmd, "subtype", "AT_AddColumn") || (found = bare_not_null(def)) == NULL)
            continue;
        *column = node_text(def, "colname");
        return found;
    }
    return NULL;
}

int effect_defer_not_null(const struct statement *st, char **first, char **after, struct err *err)
{
    const json_t *relation = node_get(node_as(st->tree, "AlterTableStmt"), "relation");
    struct parse_item item = {.text = st->text, .len = st->len, .tree = json_incref(st->tree)};
    char *text = NULL, *next;
    struct buf b = {0};
    const char *column = NULL;
    const json_t *found;
    int rc = -1;

    *first = NULL;
    *after = NULL;
    /* One NOT NULL at a time: each rewriting is parsed again for the next. */
    while ((found = find_bare(item.tree, &column)) != NULL) {
        if (b.len == 0) {
            if (buf_adds(&b, node_true(relation, "inh") ? "ALTER TABLE " : "ALTER TABLE ONLY ",
                         err) < 0 ||
                (node_name(relation, "schemaname") != NULL &&
                 (add_ident(&b, node_name(relation, "schemaname"), err) < 0 ||
                  buf_addc(&b, '.', err) < 0)) ||
                add_ident(&b, node_text(relation, "relname"), err) < 0)
                goto out;
        } else if (buf_addc(&b, ',', err) < 0) {
            goto out;
        }
        if (add_deferred(&b, found, column, err) < 0)
            goto out;
        if ((next = deparse_without(item.text, item.tree, found)) == NULL) {
            (void)err_set(err, ERR_FAILED,
                          "%s:%d: ADD COLUMN NOT NULL cannot be rewritten without its NOT NULL",
                          st->file, st->line);
            goto out;
        }
        free(text);
        text = next;
        json_decref(item.tree);
        free(item.problem);
        item = (struct parse_item){.text = text, .len = strlen(text)};
        if (parse_all(&item, 1, err) < 0)
            goto out;
        if (item.tree == NULL) {
            (void)err_set(err, ERR_FAILED, "%s:%d: the rewritten ADD COLUMN does not parse: %s",
                          st->file, st->line, item.problem);
            goto out;
        }
    }
    if (text != NULL && (*after = buf_take(&b, err)) == NULL)
        goto out;
    *first = text;
    text = NULL;
    rc = 0;
out:
    json_decref(item.tree);
    free(item.problem);
    free(text);
    buf_free(&b);
    return rc;
}
