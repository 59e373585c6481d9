#include "rollback/relax.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "pg/query.h"
#include "pg/quote.h"
#include "script/node.h"
#include "script/parse.h"
#include "script/statement.h"

struct column {
    char *schema, *table, *name; /* SCHEMA may be NULL: by search_path */
    struct column *next;
};

struct relax {
    struct column *columns; /* the last one relaxed first */
};

struct relax *relax_new(struct err *err)
{
    struct relax *r = calloc(1, sizeof(*r));

    if (r == NULL)
        (void)err_oom(err);
    return r;
}

void relax_free(struct relax *r)
{
    if (r == NULL)
        return;
    while (r->columns != NULL) {
        struct column *c = r->columns;

        r->columns = c->next;
        free(c->schema);
        free(c->table);
        free(c->name);
        free(c);
    }
    free(r);
}

/* The NOT NULL of COLUMN where no value would come by itself, or NULL. */
static const json_t *bare_not_null(const json_t *column)
{
    const json_t *constraints = node_get(column, "constraints"), *found = NULL;

    for (size_t i = 0; i < node_count(constraints); i++) {
        const json_t *one = node_at(constraints, i), *c = node_as(one, "Constraint");

        if (node_is(c, "contype", "CONSTR_NOTNULL"))
            found = one;
        else if (node_is(c, "contype", "CONSTR_DEFAULT") || node_is(c, "contype", "CONSTR_IDENTITY") ||
                 node_is(c, "contype", "CONSTR_GENERATED") || node_is(c, "contype", "CONSTR_PRIMARY"))
            return NULL;
    }
    return found;
}

/* The first in TREE; *COLUMN is its ColumnDef. */
static const json_t *find(const json_t *tree, const json_t **column)
{
    const json_t *alter = node_as(tree, "AlterTableStmt"), *cmds = node_get(alter, "cmds");

    for (size_t i = 0; alter != NULL && i < node_count(cmds); i++) {
        const json_t *cmd = node_as(node_at(cmds, i), "AlterTableCmd"), *found;

        if (!node_is(cmd, "subtype", "AT_AddColumn"))
            continue;
        *column = node_as(node_get(cmd, "def"), "ColumnDef");
        if (*column != NULL && (found = bare_not_null(*column)) != NULL)
            return found;
    }
    return NULL;
}

static int remember(struct relax *r, const json_t *tree, const json_t *column, struct err *err)
{
    const json_t *relation = node_get(node_as(tree, "AlterTableStmt"), "relation");
    struct column *c = calloc(1, sizeof(*c));

    if (node_as(relation, "RangeVar") != NULL)
        relation = node_as(relation, "RangeVar");
    if (c == NULL)
        return err_oom(err);
    c->next = r->columns;
    r->columns = c;
    c->table = strdup(node_text(relation, "relname"));
    c->name = strdup(node_text(column, "colname"));
    if (c->table == NULL || c->name == NULL)
        return err_oom(err);
    if (node_name(relation, "schemaname") != NULL &&
        (c->schema = strdup(node_name(relation, "schemaname"))) == NULL)
        return err_oom(err);
    return 0;
}

char *relax_statement(struct relax *r, const struct statement *s, struct err *err)
{
    struct parse_item item = {.text = s->text, .len = strlen(s->text)};
    json_t *tree = json_incref(s->tree);
    char *text = NULL;

    for (;;) {
        const json_t *column, *constraint = find(tree, &column);
        char *next;

        if (constraint == NULL)
            break;
        if ((next = parse_deparse_without(item.text, tree, constraint)) == NULL) {
            (void)err_set(err, ERR_FAILED, "cannot take NOT NULL from \"ADD COLUMN %s\" for the time being",
                          node_text(column, "colname"));
            goto fail;
        }
        if (remember(r, tree, column, err) != 0) {
            free(next);
            goto fail;
        }
        free(text);
        text = next;
        json_decref(tree);
        item = (struct parse_item){.text = text, .len = strlen(text)};
        if (parse_all(&item, 1, err) != 0 || item.tree == NULL) {
            (void)err_set(err, ERR_FAILED, "the rewritten statement does not parse");
            free(item.problem);
            tree = NULL;
            goto fail;
        }
        free(item.problem);
        tree = item.tree;
    }
    json_decref(tree);
    return text;
fail:
    json_decref(tree);
    free(text);
    return NULL;
}

int relax_finish(const struct relax *r, struct conn *c, struct err *err)
{
    for (const struct column *k = r->columns; k != NULL; k = k->next) {
        struct buf b = {0};
        int rc = -1;

        if (buf_adds(&b, "ALTER TABLE ", err) == 0 &&
            (k->schema != NULL ? quote_name(&b, k->schema, k->table, err)
                               : quote_ident(&b, k->table, err)) == 0 &&
            buf_adds(&b, " ALTER COLUMN ", err) == 0 && quote_ident(&b, k->name, err) == 0 &&
            buf_adds(&b, " SET NOT NULL", err) == 0)
            rc = query_exec(c, b.data, "ALTER TABLE", err);
        buf_free(&b);
        if (rc != 0) {
            err_hint(err, "rows were added since the rollback, for which the backup has no value: give them "
                          "one after undoing by hand, or delete them");
            return err_prefix(err, "%s.%s cannot be made NOT NULL again", k->table, k->name);
        }
    }
    return 0;
}
