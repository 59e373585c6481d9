#include "rollback/blockers.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/log.h"
#include "core/report.h"
#include "migration/plan.h"
#include "pg/conn.h"
#include "pg/query.h"
#include "pg/quote.h"
#include "rollback/locks.h"
#include "script/closure.h"
#include "script/shown.h"

static const char holders_sql[] =
#include "rollback/sql/holders.sql.h"
    ;

static int add_oid(struct buf *b, uint32_t oid, struct err *err)
{
    return buf_addf(b, err, "%s%u", b->len > 1 ? "," : "", oid);
}

/* '{1,2,3}' of the plan's tables and the version table. */
static int relations(struct conn *watch, const struct locks_options *o, struct buf *b,
                     struct err *err)
{
    struct buf name = {0};
    int rc = -1;

    if (buf_addc(b, '{', err) != 0)
        return -1;
    for (size_t i = 0; i < o->closure->ntables; i++)
        if (add_oid(b, o->closure->tables[i].oid, err) != 0)
            return -1;
    if (o->plan->version_table != NULL) {
        const char *param;
        struct query q = {.sql = "SELECT pg_catalog.to_regclass($1)::oid::bigint", .params = &param,
                          .nparams = 1, .columns = 1};
        struct result *r;

        if (quote_name(&name, o->plan->version_schema, o->plan->version_table, err) != 0)
            goto out;
        param = name.data;
        if ((r = query_run(watch, &q, err)) == NULL)
            goto out;
        if (result_text(r, 0, 0) != NULL &&
            add_oid(b, (uint32_t)result_int(r, 0, 0), err) != 0) {
            result_free(r);
            goto out;
        }
        result_free(r);
    }
    rc = buf_addc(b, '}', err);
out:
    buf_free(&name);
    return rc;
}

int blockers_describe(const struct result *r, int row, struct buf *text, struct err *err)
{
    const char *application = result_text(r, row, 2);
    char *sql = shown_normalize(result_text(r, row, 10));
    char age[32];
    int rc = buf_addf(text, err, "%spid %s, role %s, %s from %s, %s for %s, %s on %s%s%.120s", text->len > 0 ? "; " : "",
                      result_text(r, row, 0), result_text(r, row, 1), application[0] != '\0' ? application : "(no application name)",
                      result_text(r, row, 3), result_text(r, row, 4), report_duration(result_int(r, row, 5) * 1000, age),
                      result_text(r, row, 7), result_text(r, row, 9), sql != NULL && sql[0] != '\0' ? ": " : "",
                      sql != NULL ? sql : "");

    free(sql);
    return rc;
}

int blockers_of(struct conn *c, struct conn *watch, const struct locks_options *o, struct buf *text, struct err *err)
{
    struct buf oids = {0}, own = {0};
    const char *params[2];
    struct query q = {.sql = holders_sql, .params = params, .nparams = 2, .columns = 11};
    struct result *r = NULL;
    const char *last = "";
    int rc = -1;

    buf_reset(text);
    if (relations(watch, o, &oids, err) != 0 ||
        buf_addf(&own, err, "{%d,%d}", conn_pid(c), conn_pid(watch)) != 0)
        goto out;
    params[0] = oids.data;
    params[1] = own.data;
    if ((r = query_run(watch, &q, err)) == NULL)
        goto out;
    for (int i = 0; i < result_rows(r); i++) {
        const char *pid = result_text(r, i, 0);
        int client = strcmp(result_text(r, i, 6), "client backend") == 0;

        if (strcmp(pid, last) == 0)
            continue;
        last = pid;
        if (blockers_describe(r, i, text, err) != 0)
            goto out;
        /* Never replication, a base backup, or a vacuum: only who asked as a client. */
        if (client && (o->cancel || o->terminate)) {
            struct query act = {.sql = o->terminate
                                           ? "SELECT pg_catalog.pg_terminate_backend($1::int)"
                                           : "SELECT pg_catalog.pg_cancel_backend($1::int)",
                                .params = &pid, .nparams = 1, .columns = 1};
            struct err why = {0};
            struct result *done = query_run(watch, &act, &why);

            log_warn("%s pid %s (role %s, %s)", o->terminate ? "terminated" : "cancelled the query of",
                     pid, result_text(r, i, 1), result_text(r, i, 2));
            if (done == NULL)
                log_warn("pid %s: %s", pid, why.message);
            result_free(done);
        }
    }
    rc = 0;
out:
    result_free(r);
    buf_free(&oids);
    buf_free(&own);
    return rc;
}
