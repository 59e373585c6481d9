#include "migration/version.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/strings.h"
#include "pg/conn.h"
#include "pg/query.h"
#include "pg/quote.h"
#include "script/statement.h"

static const char version_tables_sql[] =
#include "migration/sql/version_tables.sql.h"
    ;
static const char version_column_sql[] =
#include "migration/sql/version_column.sql.h"
    ;

void version_name_free(struct version_name *n)
{
    free(n->schema);
    free(n->table);
    n->schema = n->table = NULL;
}

int version_name_copy(const struct version_name *from, struct version_name *to, struct err *err)
{
    *to = (struct version_name){NULL, NULL};
    if ((from->table != NULL && (to->table = strdup(from->table)) == NULL) ||
        (from->schema != NULL && (to->schema = strdup(from->schema)) == NULL)) {
        version_name_free(to);
        return err_oom(err);
    }
    return 0;
}

int version_name_read(const char *text, struct version_name *n, struct err *err)
{
    const char *dot = strchr(text, '.');

    memset(n, 0, sizeof(*n));
    if (text[0] == '\0' || dot == text || (dot != NULL && dot[1] == '\0'))
        return err_set(err, ERR_USAGE, "--version-table '%s' is not a table's name", text);
    if (dot != NULL)
        n->schema = strndup(text, (size_t)(dot - text));
    n->table = strdup(dot != NULL ? dot + 1 : text);
    if (n->table == NULL || (dot != NULL && n->schema == NULL)) {
        version_name_free(n);
        return err_oom(err);
    }
    return 0;
}

int version_find(struct conn *c, const char *flag, struct version_name *name, struct err *err)
{
    struct version_name want = {0};
    struct result *r = NULL;
    const char *params[2];
    struct query q = {.sql = version_tables_sql, .params = params, .nparams = 2, .columns = 2};
    int rows, rc = -1;

    memset(name, 0, sizeof(*name));
    if (flag != NULL && version_name_read(flag, &want, err) != 0)
        return -1;
    params[0] = want.schema;
    params[1] = want.table;
    r = query_run(c, &q, err);
    if (r == NULL) {
        (void)err_prefix(err, "cannot look for the version table");
        goto out;
    }
    rows = result_rows(r);
    if (rows == 0) {
        rc = 0;
        if (flag != NULL) {
            rc = err_set(err, ERR_USAGE, "there is no version table %s in %s", flag, conn_title(c));
            err_hint(err, "a version table has one column, version_num");
        }
        goto out;
    }
    if (rows > 1) {
        /* the only one with Alembic's own name is it */
        int own = 0;

        for (int i = 0; i < rows; i++)
            own += strcmp(result_text(r, i, 1), "alembic_version") == 0;
        if (own != 1) {
            (void)err_set(err, ERR_USAGE, "%s has %d version tables: %s.%s and %s.%s%s", conn_title(c),
                          rows, result_text(r, 0, 0), result_text(r, 0, 1), result_text(r, 1, 0),
                          result_text(r, 1, 1), rows > 2 ? ", ..." : "");
            err_hint(err, "say which with --version-table SCHEMA.NAME");
            goto out;
        }
    }
    name->schema = strdup(result_text(r, 0, 0));
    name->table = strdup(result_text(r, 0, 1));
    rc = name->schema != NULL && name->table != NULL ? 0 : err_oom(err);
    if (rc != 0)
        version_name_free(name);
out:
    version_name_free(&want);
    result_free(r);
    return rc;
}

int version_locate(struct conn *c, const char *table, const char *column, struct version_name *name, char **is,
                   struct err *err)
{
    const char *const params[] = {table, column};
    struct query q = {.sql = version_column_sql, .params = params, .nparams = 2, .columns = 3, .max_rows = 1};
    struct result *r = query_run(c, &q, err);
    int rc = -1;

    if (r == NULL)
        return err_prefix(err, "cannot look for the version table %s", table);
    if (result_rows(r) == 0) {
        (void)err_set(err, ERR_USAGE, "there is no version table %s in %s", table, conn_title(c));
        err_hint(err, "--version-table [SCHEMA.]NAME, quoted as in psql");
    } else if (result_text(r, 0, 2) == NULL) {
        (void)err_set(err, ERR_USAGE, "the version table %s has no column %s", table, column);
        err_hint(err, "--version-column NAME, quoted as in psql");
    } else if (strings_dup(&name->schema, result_text(r, 0, 0), err) == 0 &&
               strings_dup(&name->table, result_text(r, 0, 1), err) == 0 &&
               strings_dup(is, result_text(r, 0, 2), err) == 0) {
        rc = 0;
    }
    result_free(r);
    return rc;
}

char **version_rows(struct conn *c, const struct version_name *name, struct err *err)
{
    struct buf sql = {0};
    struct result *r = NULL;
    struct query q = {.columns = 1};
    char **rows = NULL;

    if (buf_adds(&sql, "SELECT version_num FROM ", err) != 0 ||
        quote_name(&sql, name->schema, name->table, err) != 0)
        goto out;
    q.sql = sql.data;
    r = query_run(c, &q, err);
    if (r == NULL) {
        (void)err_prefix(err, "cannot read the version rows");
        goto out;
    }
    rows = calloc((size_t)result_rows(r) + 1, sizeof(*rows));
    if (rows == NULL) {
        (void)err_oom(err);
        goto out;
    }
    for (int i = 0; i < result_rows(r); i++) {
        const char *id = result_text(r, i, 0);

        rows[i] = strdup(id != NULL ? id : "");
        if (rows[i] == NULL) {
            (void)err_oom(err);
            rows_free(rows);
            rows = NULL;
            goto out;
        }
    }
out:
    buf_free(&sql);
    result_free(r);
    return rows;
}

/* Trees.  The key of a node, and what it holds. */

static const json_t *inner(const json_t *node, const char *kind)
{
    return json_object_get(node, kind);
}

static const char *text(const json_t *node, const char *key)
{
    return json_string_value(json_object_get(node, key));
}

/* 'x', perhaps with a cast around it. */
static const char *literal(const json_t *node)
{
    const json_t *cast = inner(node, "TypeCast"), *constant;

    if (cast != NULL)
        node = json_object_get(cast, "arg");
    constant = inner(node, "A_Const");
    return text(json_object_get(constant, "sval"), "sval");
}

static int is_version_column(const json_t *node)
{
    const json_t *fields = json_object_get(inner(node, "ColumnRef"), "fields");
    const char *name =
        text(inner(json_array_get(fields, json_array_size(fields) - 1), "String"), "sval");

    return name != NULL && strcmp(name, "version_num") == 0;
}

/* The literal of version_num = 'x'. */
static const char *condition(const json_t *stmt)
{
    const json_t *e = inner(json_object_get(stmt, "whereClause"), "A_Expr");
    const json_t *names = json_object_get(e, "name");
    const char *op = text(inner(json_array_get(names, 0), "String"), "sval");

    if (op == NULL || strcmp(op, "=") != 0 || !is_version_column(json_object_get(e, "lexpr")))
        return NULL;
    return literal(json_object_get(e, "rexpr"));
}

static enum version_kind read_update(const json_t *stmt, struct route_op *op)
{
    const json_t *targets = json_object_get(stmt, "targetList");
    const json_t *t = inner(json_array_get(targets, 0), "ResTarget");
    const char *column = text(t, "name");

    op->kind = ROUTE_UPDATE;
    op->from = condition(stmt);
    op->to = literal(json_object_get(t, "val"));
    return json_array_size(targets) == 1 && column != NULL && strcmp(column, "version_num") == 0 &&
                   op->from != NULL && op->to != NULL
               ? VERSION_OP
               : VERSION_ODD;
}

static enum version_kind read_delete(const json_t *stmt, struct route_op *op)
{
    op->kind = ROUTE_DELETE;
    op->from = condition(stmt);
    op->to = NULL;
    return op->from != NULL ? VERSION_OP : VERSION_ODD;
}

static enum version_kind read_insert(const json_t *stmt, struct route_op *op)
{
    const json_t *cols = json_object_get(stmt, "cols");
    const json_t *lists =
        json_object_get(inner(json_object_get(stmt, "selectStmt"), "SelectStmt"), "valuesLists");
    const json_t *items = json_object_get(inner(json_array_get(lists, 0), "List"), "items");
    const char *column = text(inner(json_array_get(cols, 0), "ResTarget"), "name");

    op->kind = ROUTE_INSERT;
    op->from = NULL;
    op->to = literal(json_array_get(items, 0));
    return json_array_size(cols) == 1 && column != NULL && strcmp(column, "version_num") == 0 &&
                   json_array_size(lists) == 1 && json_array_size(items) == 1 && op->to != NULL
               ? VERSION_OP
               : VERSION_ODD;
}

static int creates_version_table(const json_t *stmt)
{
    const json_t *column =
        inner(json_array_get(json_object_get(stmt, "tableElts"), 0), "ColumnDef");
    const char *name = text(column, "colname");

    return name != NULL && strcmp(name, "version_num") == 0;
}

/* The only table of a DROP TABLE. */
static void dropped(const json_t *stmt, const char **schema, const char **table)
{
    const json_t *objects = json_object_get(stmt, "objects"), *items;
    const char *type = text(stmt, "removeType");
    size_t n;

    if (type == NULL || strcmp(type, "OBJECT_TABLE") != 0 || json_array_size(objects) != 1)
        return;
    items = json_object_get(inner(json_array_get(objects, 0), "List"), "items");
    n = json_array_size(items);
    if (n > 0)
        *table = text(inner(json_array_get(items, n - 1), "String"), "sval");
    if (n > 1)
        *schema = text(inner(json_array_get(items, n - 2), "String"), "sval");
}

enum version_kind version_statement(const struct statement *s, const struct version_name *name,
                                    struct route_op *op, const char **schema, const char **table)
{
    static const struct {
        const char *kind;
        enum version_kind (*read)(const json_t *, struct route_op *);
    } kinds[] = {{"UpdateStmt", read_update}, {"DeleteStmt", read_delete}, {"InsertStmt", read_insert}};
    enum version_kind kind = VERSION_NOT;
    const json_t *stmt, *relation;

    *schema = *table = NULL;
    if (s->tree == NULL)
        return VERSION_NOT;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        stmt = inner(s->tree, kinds[i].kind);
        if (stmt != NULL)
            kind = kinds[i].read(stmt, op);
        if (stmt != NULL)
            break;
    }
    if (stmt == NULL && (stmt = inner(s->tree, "CreateStmt")) != NULL)
        kind = creates_version_table(stmt) ? VERSION_CREATE : VERSION_ODD;
    if (stmt != NULL) {
        relation = json_object_get(stmt, "relation");
        *schema = text(relation, "schemaname");
        *table = text(relation, "relname");
    } else if ((stmt = inner(s->tree, "DropStmt")) != NULL) {
        dropped(stmt, schema, table);
        kind = VERSION_DROP;
    }
    if (*table == NULL)
        return VERSION_NOT;
    if (name->table == NULL)
        return kind == VERSION_OP || kind == VERSION_CREATE ||
                       (kind == VERSION_DROP && strcmp(*table, "alembic_version") == 0)
                   ? kind
                   : VERSION_NOT;
    if (strcmp(*table, name->table) != 0 ||
        (*schema != NULL && name->schema != NULL && strcmp(*schema, name->schema) != 0))
        return VERSION_NOT;
    return kind;
}

int version_write(struct buf *b, const char *schema, const char *table, const struct route_op *op,
                  struct err *err)
{
    struct buf name = {0};
    int rc = -1;

    if ((schema != NULL ? quote_name(&name, schema, table, err) : quote_ident(&name, table, err)) != 0)
        goto out;
    switch (op->kind) {
    case ROUTE_INSERT:
        rc = buf_addf(b, err, "INSERT INTO %s (version_num) VALUES (", name.data);
        if (rc == 0)
            rc = quote_literal(b, op->to, err);
        if (rc == 0)
            rc = buf_adds(b, ");\n\n", err);
        break;
    case ROUTE_DELETE:
        rc = buf_addf(b, err, "DELETE FROM %s WHERE version_num = ", name.data);
        if (rc == 0)
            rc = quote_literal(b, op->from, err);
        if (rc == 0)
            rc = buf_adds(b, ";\n\n", err);
        break;
    case ROUTE_UPDATE:
        rc = buf_addf(b, err, "UPDATE %s SET version_num=", name.data);
        if (rc == 0)
            rc = quote_literal(b, op->to, err);
        if (rc == 0)
            rc = buf_adds(b, " WHERE version_num = ", err);
        if (rc == 0)
            rc = quote_literal(b, op->from, err);
        if (rc == 0)
            rc = buf_adds(b, ";\n\n", err);
        break;
    }
out:
    buf_free(&name);
    return rc;
}
