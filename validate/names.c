#include "validate/names.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/log.h"
#include "pg/conn.h"
#include "pg/query.h"
#include "pg/quote.h"
#include "pg/tx.h"
#include "script/deparse.h"
#include "script/effect.h"
#include "script/node.h"
#include "script/statement.h"
#include "validate/inquiry.h"

struct names {
    struct inquiry *q;
    struct conn *c;
    const struct statement *st;
    const char *own; /* the relation that the statement makes or changes */
    int said, lost;
};

/* Is there a NAME, as REG ("to_regclass") understands it?  WHAT it is, for people. */
static void ask(struct names *n, const char *reg, const char *name, const char *what)
{
    struct effect whole = {.statement = n->st, .kind = EFFECT_OTHER};
    struct err why = {0}, ignored = {0};
    struct buf sql = {0}, say = {0};
    uint64_t missing = 0;

    if (n->said || n->lost)
        return;
    if (buf_addf(&sql, n->q->err, "SELECT count(*) WHERE pg_catalog.%s(", reg) < 0 || quote_literal(&sql, name, n->q->err) < 0 ||
        buf_adds(&sql, ") IS NULL", n->q->err) < 0) {
        n->q->failed = 1;
    } else if (tx_savepoint(n->c, "mig_name", &why) < 0 || query_countf(n->c, &missing, &why, "%s", sql.data) < 0) {
        log_debug("%s could not be looked up: %s", name, why.message);
        n->lost = conn_lost(n->c) || tx_rollback_to(n->c, "mig_name", &ignored) < 0;
    } else if (missing > 0) {
        n->said = 1;
        if (buf_addf(&say, n->q->err, "%s %s", what, name) < 0 ||
            buf_adds(&say, strcmp(reg, "to_regproc") == 0 ? " does not exist, or there are several: their arguments say which" : " does not exist",
                     n->q->err) < 0)
            n->q->failed = 1;
        else
            inquiry_would_fail(n->q, &whole, "", say.data);
    }
    buf_free(&sql);
    buf_free(&say);
}

static void relation(struct names *n, const json_t *var)
{
    const char *schema = node_name(var, "schemaname"), *name = node_name(var, "relname");
    struct buf b = {0};

    if (name == NULL || (n->own != NULL && strcmp(n->own, name) == 0) || node_name(var, "catalogname") != NULL ||
        (schema != NULL && strncmp(schema, "pg_temp", 7) == 0))
        return;
    if (schema != NULL ? quote_pretty(&b, schema, name, n->q->err) < 0 : quote_plain(&b, name, n->q->err) < 0)
        n->q->failed = 1;
    else
        ask(n, "to_regclass", b.data, "relation");
    buf_free(&b);
}

/* "schema.name" of a list of String nodes, quoted where it must be. */
static int dotted(struct names *n, struct buf *b, const json_t *list)
{
    size_t i;

    for (i = 0; i < node_count(list); i++) {
        const char *part = node_string(node_at(list, i));

        if (part == NULL || (i > 0 && buf_addc(b, '.', n->q->err) < 0) || quote_plain(b, part, n->q->err) < 0)
            return -1;
    }
    return i > 0 ? 0 : -1;
}

static void type(struct names *n, const json_t *name)
{
    static const char *const serials[] = {"serial", "bigserial", "smallserial", "serial2", "serial4", "serial8"};
    const json_t *names = node_get(name, "names");
    const char *first = node_string(node_at(names, 0));
    struct buf b = {0};
    size_t i;

    if (first == NULL || node_true(name, "pct_type") || strcmp(first, "pg_catalog") == 0)
        return;
    for (i = 0; i < sizeof(serials) / sizeof(serials[0]); i++)
        if (node_count(names) == 1 && strcmp(first, serials[i]) == 0)
            return;
    if (dotted(n, &b, names) == 0)
        ask(n, "to_regtype", b.data, "type");
    buf_free(&b);
}

/* nextval('name'), as default and expression. */
static int visit_call(const char *kind, const json_t *body, void *arg)
{
    struct names *n = arg;
    const json_t *first;
    const char *schema, *name, *text;

    if (strcmp(kind, "FuncCall") != 0)
        return 0;
    node_qualified(node_get(body, "funcname"), &schema, &name);
    if (name == NULL || (strcmp(name, "nextval") != 0 && strcmp(name, "setval") != 0 && strcmp(name, "currval") != 0))
        return 0;
    first = node_at(node_get(body, "args"), 0);
    if (node_as(first, "TypeCast") != NULL)
        first = node_get(node_as(first, "TypeCast"), "arg");
    text = node_name(node_get(node_as(first, "A_Const"), "sval"), "sval");
    if (text != NULL)
        ask(n, "to_regclass", text, "sequence");
    return 0;
}

static void constraint(struct names *n, const json_t *body)
{
    if (node_get(body, "pktable") != NULL)
        relation(n, node_get(body, "pktable"));
    node_walk(node_get(body, "raw_expr"), visit_call, n);
}

static void column(struct names *n, const json_t *body)
{
    const json_t *constraints = node_get(body, "constraints");
    size_t i;

    type(n, node_get(body, "typeName"));
    for (i = 0; i < node_count(constraints); i++)
        constraint(n, node_as(node_at(constraints, i), "Constraint"));
}

static void element(struct names *n, const json_t *node)
{
    if (node_as(node, "ColumnDef") != NULL)
        column(n, node_as(node, "ColumnDef"));
    else if (node_as(node, "Constraint") != NULL)
        constraint(n, node_as(node, "Constraint"));
    else if (node_as(node, "TableLikeClause") != NULL)
        relation(n, node_get(node_as(node, "TableLikeClause"), "relation"));
}

static void relations(struct names *n, const json_t *list)
{
    size_t i;

    for (i = 0; i < node_count(list); i++)
        if (node_as(node_at(list, i), "RangeVar") != NULL)
            relation(n, node_as(node_at(list, i), "RangeVar"));
}

static void altered(struct names *n, const json_t *body)
{
    const json_t *cmds = node_get(body, "cmds");
    size_t i;

    for (i = 0; i < node_count(cmds); i++) {
        const json_t *cmd = node_as(node_at(cmds, i), "AlterTableCmd");

        element(n, node_get(cmd, "def"));
        if (node_is(cmd, "subtype", "AT_ColumnDefault"))
            node_walk(cmd, visit_call, n);
    }
}

/* A function by its name alone, or by its arguments. */
static int visit_routine(const char *kind, const json_t *body, void *arg)
{
    struct names *n = arg;
    const json_t *args = node_get(body, "objargs");
    struct buf b = {0};
    size_t i;

    if (strcmp(kind, "ObjectWithArgs") != 0)
        return 0;
    if (dotted(n, &b, node_get(body, "objname")) < 0)
        goto out;
    if (node_true(body, "args_unspecified")) {
        ask(n, "to_regproc", b.data, "function");
        goto out;
    }
    for (i = 0; i < node_count(args); i++) {
        char *text = deparse_type(n->st->text, n->st->tree, node_as(node_at(args, i), "TypeName"));
        int rc = text == NULL ? -1 : buf_addf(&b, n->q->err, "%s%s", i == 0 ? "(" : ", ", text);

        free(text);
        if (rc < 0)
            goto out;
    }
    if (buf_adds(&b, i == 0 ? "()" : ")", n->q->err) == 0)
        ask(n, "to_regprocedure", b.data, "function");
out:
    buf_free(&b);
    return 1;
}

static int is_function(const json_t *body)
{
    static const char *const keys[] = {"removeType", "objectType", "objtype", "renameType"};
    size_t i;

    for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (node_is(body, keys[i], "OBJECT_FUNCTION"))
            return 1;
    return 0;
}

int names_check(struct inquiry *q, struct conn *c, const struct statement *st)
{
    const char *kind = node_kind(st->tree);
    const json_t *body = node_body(st->tree);
    struct names n = {.q = q, .c = c, .st = st, .own = node_name(node_get(body, "relation"), "relname")};
    struct buf b = {0};

    if (node_true(body, "missing_ok") || node_true(body, "if_not_exists"))
        return 0;
    if (strcmp(kind, "CreateStmt") == 0) {
        const json_t *elements = node_get(body, "tableElts");

        relations(&n, node_get(body, "inhRelations"));
        for (size_t i = 0; i < node_count(elements); i++)
            element(&n, node_at(elements, i));
    } else if (strcmp(kind, "AlterTableStmt") == 0) {
        altered(&n, body);
    } else if (strcmp(kind, "LockStmt") == 0) {
        relations(&n, node_get(body, "relations"));
    } else if (strcmp(kind, "GrantStmt") == 0 && node_is(body, "targtype", "ACL_TARGET_OBJECT") && !is_function(body)) {
        relations(&n, node_get(body, "objects"));
    } else if (strcmp(kind, "CreateTrigStmt") == 0) {
        if (dotted(&n, &b, node_get(body, "funcname")) == 0 && buf_adds(&b, "()", q->err) == 0)
            ask(&n, "to_regprocedure", b.data, "function");
    } else if (is_function(body)) {
        node_walk(st->tree, visit_routine, &n);
    }
    buf_free(&b);
    return n.lost ? -1 : 0;
}
