#include "rollback/relax.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/strings.h"
#include "pg/query.h"
#include "pg/quote.h"
#include "script/effect.h"
#include "script/node.h"
#include "script/statement.h"

struct relax {
    struct conn *c;
    char **added; /* columns that the way forward has made so far, as column_name has it; NULL-terminated, or NULL */
    char **after; /* what sets it again, in the order of the script; NULL-terminated, or NULL */
};

struct relax *relax_new(struct conn *c, struct err *err)
{
    struct relax *r = calloc(1, sizeof(*r));

    if (r == NULL)
        (void)err_oom(err);
    else
        r->c = c;
    return r;
}

void relax_free(struct relax *r)
{
    if (r == NULL)
        return;
    strings_free(r->added);
    strings_free(r->after);
    free(r);
}

static int is_there(struct relax *r, const json_t *relation, const char *column, int *yes, struct err *err)
{
    const char *params[2] = {NULL, column};
    struct query q = {.sql = "SELECT count(*) FROM pg_catalog.pg_attribute WHERE attrelid = "
                             "pg_catalog.to_regclass($1) AND attname = $2 AND attnum > 0 AND NOT attisdropped",
                      .params = params, .nparams = 2, .columns = 1, .min_rows = 1, .max_rows = 1};
    const char *schema = node_name(relation, "schemaname");
    struct buf name = {0};
    struct result *res = NULL;

    if ((schema != NULL ? quote_name(&name, schema, node_text(relation, "relname"), err)
                        : quote_ident(&name, node_text(relation, "relname"), err)) == 0) {
        params[0] = name.data;
        if ((res = query_run(r->c, &q, err)) != NULL)
            *yes = result_int(res, 0, 0) > 0;
    }
    buf_free(&name);
    result_free(res);
    return res != NULL ? 0 : -1;
}

/* ADD COLUMN IF NOT EXISTS of a column that exists does nothing, and nothing may be set for it. */
static int stands(struct relax *r, const struct statement *s, int *yes, struct err *err)
{
    const json_t *alter = node_as(s->tree, "AlterTableStmt"), *cmds = node_get(alter, "cmds");

    *yes = 0;
    for (size_t i = 0; alter != NULL && !*yes && i < node_count(cmds); i++) {
        const json_t *cmd = node_as(node_at(cmds, i), "AlterTableCmd");

        if (node_is(cmd, "subtype", "AT_AddColumn") && node_true(cmd, "missing_ok") &&
            is_there(r, node_get(alter, "relation"),
                     node_text(node_as(node_get(cmd, "def"), "ColumnDef"), "colname"), yes, err) != 0)
            return -1;
    }
    return 0;
}

/* ALTER TABLE's relation as the script writes it, with the column behind it. */
static int column_name(struct buf *b, const json_t *alter, const char *column, struct err *err)
{
    const json_t *relation = node_get(alter, "relation");
    const char *schema = node_name(relation, "schemaname"), *name = node_text(relation, "relname");

    if ((schema != NULL ? quote_name(b, schema, name, err) : quote_ident(b, name, err)) != 0 ||
        buf_addc(b, '.', err) != 0)
        return -1;
    return quote_ident(b, column, err);
}

static int remember_added(struct relax *r, const json_t *alter, struct err *err)
{
    const json_t *cmds = node_get(alter, "cmds");

    for (size_t i = 0; i < node_count(cmds); i++) {
        const json_t *cmd = node_as(node_at(cmds, i), "AlterTableCmd");
        struct buf b = {0};
        int rc;

        if (!node_is(cmd, "subtype", "AT_AddColumn") || node_true(cmd, "missing_ok"))
            continue;
        rc = column_name(&b, alter, node_text(node_as(node_get(cmd, "def"), "ColumnDef"), "colname"), err);
        if (rc == 0)
            rc = strings_add(&r->added, b.data, err);
        buf_free(&b);
        if (rc != 0)
            return -1;
    }
    return 0;
}

/* Does ALTER set NOT NULL on columns that the script added, and nothing else? */
static int only_sets_added(const struct relax *r, const json_t *alter, int *yes, struct err *err)
{
    const json_t *cmds = node_get(alter, "cmds");

    *yes = node_count(cmds) > 0;
    for (size_t i = 0; *yes && i < node_count(cmds); i++) {
        const json_t *cmd = node_as(node_at(cmds, i), "AlterTableCmd");
        struct buf b = {0};
        int rc = column_name(&b, alter, node_text(cmd, "name"), err);

        *yes = rc == 0 && node_is(cmd, "subtype", "AT_SetNotNull") && r->added != NULL && strings_find(r->added, b.data) >= 0;
        buf_free(&b);
        if (rc != 0)
            return -1;
    }
    return 0;
}

/* What does nothing in the place of SET NOT NULL: it was not set. */
static char *unset(const json_t *alter, struct err *err)
{
    const json_t *relation = node_get(alter, "relation"), *cmds = node_get(alter, "cmds");
    const char *schema = node_name(relation, "schemaname"), *name = node_text(relation, "relname");
    struct buf b = {0};
    int rc = buf_adds(&b, node_true(relation, "inh") ? "ALTER TABLE " : "ALTER TABLE ONLY ", err);

    if (rc == 0)
        rc = schema != NULL ? quote_name(&b, schema, name, err) : quote_ident(&b, name, err);
    for (size_t i = 0; rc == 0 && i < node_count(cmds); i++)
        if ((rc = buf_adds(&b, i == 0 ? " ALTER COLUMN " : ", ALTER COLUMN ", err)) == 0 &&
            (rc = quote_ident(&b, node_text(node_as(node_at(cmds, i), "AlterTableCmd"), "name"), err)) == 0)
            rc = buf_adds(&b, " DROP NOT NULL", err);
    if (rc == 0)
        return buf_take(&b, err);
    buf_free(&b);
    return NULL;
}

/* SET NOT NULL on a column that came a few statements before: its values are not there yet. */
static char *postpone(struct relax *r, const struct statement *s, const json_t *alter, struct err *err)
{
    char *text, *first = NULL;
    int yes;

    if (only_sets_added(r, alter, &yes, err) != 0 || !yes)
        return NULL;
    if ((text = strndup(s->text, s->len)) == NULL)
        (void)err_oom(err);
    else if (strings_add(&r->after, text, err) == 0)
        first = unset(alter, err);
    free(text);
    return first;
}

char *relax_statement(struct relax *r, const struct statement *s, struct err *err)
{
    const json_t *alter = node_as(s->tree, "AlterTableStmt");
    char *first = NULL, *after = NULL;
    int as_it_is;

    if (alter != NULL && ((first = postpone(r, s, alter, err)) != NULL || err->kind != ERR_NONE ||
                          remember_added(r, alter, err) != 0))
        return first;
    if (effect_defer_not_null(s, &first, &after, err) != 0 || first == NULL)
        return NULL;
    if (stands(r, s, &as_it_is, err) != 0 || as_it_is || strings_add(&r->after, after, err) != 0) {
        free(first);
        first = NULL;
    }
    free(after);
    return first;
}

int relax_finish(const struct relax *r, struct err *err)
{
    for (size_t i = 0; r->after != NULL && r->after[i] != NULL; i++) {
        if (query_exec(r->c, r->after[i], "ALTER TABLE", err) == 0)
            continue;
        err_hint(err, "rows were added since the rollback, for which the backup has no value: give them "
                      "one after undoing by hand, or delete them");
        return err_prefix(err, "what stood at ADD COLUMN, or was set on the new column, cannot be set again (%s)", r->after[i]);
    }
    return 0;
}
