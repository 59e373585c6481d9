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

char *relax_statement(struct relax *r, const struct statement *s, struct err *err)
{
    char *first = NULL, *after = NULL;
    int as_it_is;

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
        return err_prefix(err, "what stood at ADD COLUMN cannot be set again (%s)", r->after[i]);
    }
    return 0;
}
