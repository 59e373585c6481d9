#include "backup/exchange.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "backup/stage.h"
#include "backup/target.h"
#include "core/buf.h"
#include "core/strings.h"
#include "pg/catalog.h"
#include "pg/query.h"
#include "pg/quote.h"

static const char unique_numbers_sql[] =
#include "backup/sql/unique_numbers.sql.h"
    ;

static int is_written(const struct target *t, const char *column)
{
    for (size_t i = 0; i < t->ncolumns; i++)
        if (strcmp(t->saved->columns[t->columns[i]].name, column) == 0)
            return strings_find(t->key, column) < 0;
    return 0;
}

/* Above all that is there or comes: a check that a number is positive holds. */
static int park(struct conn *c, const struct stage *s, const char *column, struct err *err)
{
    const char *stage = s->target->stage;
    uint64_t taken = 0;

    if (query_countf(c, &taken, err,
                     "SELECT count(*) FROM ONLY %s AS t JOIN pg_temp.%s AS s ON %s WHERE t.%s IS DISTINCT FROM s.%s AND EXISTS "
                     "(SELECT 1 FROM ONLY %s AS x WHERE x.%s = s.%s)",
                     s->name, stage, s->match, column, column, s->name, column, column) != 0)
        return -1;
    if (taken == 0)
        return 0;
    return query_execf(c, err,
                       "UPDATE ONLY %s AS t SET %s = p.parked FROM (SELECT t.ctid AS row, (SELECT greatest((SELECT max(x.%s) FROM "
                       "ONLY %s AS x), (SELECT max(y.%s) FROM pg_temp.%s AS y))) + row_number() OVER () AS parked FROM ONLY %s AS "
                       "t JOIN pg_temp.%s AS s ON %s WHERE t.%s IS DISTINCT FROM s.%s) AS p WHERE t.ctid = p.row",
                       s->name, column, column, s->name, column, stage, s->name, stage, s->match, column, column);
}

int exchange_park(struct conn *c, const struct stage *s, struct err *err)
{
    char oid[16];
    const char *param = oid;
    struct query q = {.sql = unique_numbers_sql, .params = &param, .nparams = 1, .columns = 1};
    struct result *r;
    int rc = -1;

    (void)snprintf(oid, sizeof(oid), "%" PRIu32, s->target->table->oid);
    if ((r = query_run(c, &q, err)) == NULL)
        return -1;
    for (int i = 0; i < result_rows(r); i++) {
        const struct catalog_column *column = target_column(s->target->table, result_text(r, i, 0));
        struct buf name = {0};
        int bad;

        if (column == NULL || column->generated || column->identity == 'a' || !is_written(s->target, column->name))
            continue;
        bad = quote_ident(&name, column->name, err) != 0 || park(c, s, name.data, err) != 0;
        buf_free(&name);
        if (bad) {
            (void)err_prefix(err, "cannot exchange numbers in %s", s->target->title);
            goto out;
        }
    }
    rc = 0;
out:
    result_free(r);
    return rc;
}
