#include "rollback/blockers.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/log.h"
#include "core/report.h"
#include "migration/plan.h"
#include "pg/array.h"
#include "pg/conn.h"
#include "pg/query.h"
#include "pg/quote.h"
#include "rollback/locks.h"
#include "script/closure.h"
#include "script/shown.h"

static const char holders_sql[] =
#include "rollback/sql/holders.sql.h"
    ;

/* The plan's tables and the version table, and by which modes each is kept from us: two array literals. */
static int relations(struct conn *watch, const struct locks_options *o, int raised, struct buf *oids, struct buf *against,
                     struct err *err)
{
    const char *param;
    struct query q = {.sql = "SELECT pg_catalog.to_regclass($1)::oid::bigint", .params = &param, .nparams = 1, .columns = 1};
    struct buf name = {0};
    struct result *r = NULL;
    uint32_t version = 0;
    int rc = -1;

    if (o->plan->version_table != NULL) {
        if (quote_name(&name, o->plan->version_schema, o->plan->version_table, err) != 0)
            goto out;
        param = name.data;
        if ((r = query_run(watch, &q, err)) == NULL)
            goto out;
        version = (uint32_t)result_int(r, 0, 0);
    }
    for (size_t i = 0; i < o->closure->ntables; i++) {
        const struct closure_table *t = &o->closure->tables[i];

        if (array_number(oids, t->oid, err) != 0 || array_number(against, locks_against(o, t, raised), err) != 0)
            goto out;
    }
    if (version != 0 && closure_table_of(o->closure, version) == NULL &&
        (array_number(oids, version, err) != 0 || array_number(against, locks_against(o, NULL, raised), err) != 0))
        goto out;
    rc = array_end(oids, err) != 0 ? -1 : array_end(against, err);
out:
    result_free(r);
    buf_free(&name);
    return rc;
}

int blockers_describe(const struct result *r, int row, struct buf *text, struct err *err)
{
    const char *role = result_text(r, row, 1), *application = result_text(r, row, 2), *query = result_text(r, row, 10);
    /* What autovacuum calls its work is no SQL, and has no values. */
    int works = strcmp(result_text(r, row, 6), "autovacuum worker") == 0;
    char *sql = works ? strdup(query) : shown_normalize(query);
    char age[32];
    int rc = -1;

    if (buf_addf(text, err, "%spid %s, ", text->len > 0 ? "; " : "", result_text(r, row, 0)) == 0 &&
        (role[0] == '\0' || buf_addf(text, err, "role %s, ", role) == 0))
        rc = buf_addf(text, err, "%s from %s, %s for %s, %s on %s%s%.120s",
                      application[0] == '\0' ? "(no application name)" : application[0] == ' ' ? application + 1 : application,
                      result_text(r, row, 3), result_text(r, row, 4), report_duration(result_int(r, row, 5) * 1000, age),
                      result_text(r, row, 7), result_text(r, row, 9), sql != NULL && sql[0] != '\0' ? ": " : "",
                      sql != NULL ? sql : "");
    free(sql);
    return rc;
}

int blockers_of(struct conn *c, struct conn *watch, const struct locks_options *o, int raised, struct buf *text, struct err *err)
{
    struct buf oids = {0}, own = {0}, against = {0};
    const char *params[3];
    struct query q = {.sql = holders_sql, .params = params, .nparams = 3, .columns = 11};
    struct result *r = NULL;
    const char *last = "";
    int rc = -1;

    buf_reset(text);
    if (relations(watch, o, raised, &oids, &against, err) != 0 ||
        buf_addf(&own, err, "{%d,%d}", conn_pid(c), conn_pid(watch)) != 0)
        goto out;
    params[0] = oids.data;
    params[1] = own.data;
    params[2] = against.data;
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
    buf_free(&against);
    return rc;
}
