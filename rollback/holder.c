#include "rollback/holder.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/report.h"
#include "pg/array.h"
#include "pg/conn.h"
#include "pg/query.h"
#include "rollback/guard.h"
#include "script/closure.h"
#include "script/shown.h"

static const char exclusive_sql[] =
#include "rollback/sql/exclusive.sql.h"
    ;

/* The sessions of the plan may stand in a transaction that failed: another one asks. */
static struct result *ask(const struct guard *g, struct err *err)
{
    struct conn *c = conn_again(g->control, CONN_OWN, err);
    struct buf oids = {0}, own = {0};
    struct result *r = NULL;
    const char *params[2];
    struct query q = {.sql = exclusive_sql, .params = params, .nparams = 2, .columns = 12};

    if (c == NULL)
        return NULL;
    for (size_t i = 0; g->closure != NULL && i < g->closure->ntables; i++)
        if (array_number(&oids, g->closure->tables[i].oid, err) != 0)
            goto out;
    if (array_end(&oids, err) != 0 || array_number(&own, conn_pid(g->main), err) != 0 ||
        array_number(&own, conn_pid(g->control), err) != 0 || array_end(&own, err) != 0)
        goto out;
    params[0] = oids.data;
    params[1] = own.data;
    r = query_run(c, &q, err);
out:
    buf_free(&oids);
    buf_free(&own);
    conn_free(c);
    return r;
}

static int describe(const struct result *r, int i, struct buf *b, struct err *err)
{
    const char *app = result_text(r, i, 2), *behind = result_text(r, i, 10);
    char transaction[32], query[32];
    char *sql;
    int rc = -1;

    if (b->len > 0 && buf_adds(b, "; ", err) != 0)
        return -1;
    if (result_int(r, i, 0) == 0)
        return buf_addf(b, err, "a prepared transaction (pg_prepared_xacts) holds ACCESS EXCLUSIVE on %s", result_text(r, i, 8));
    if (result_text(r, i, 4)[0] == '\0')
        return buf_addf(b, err, "pid %s, role %s, %s ACCESS EXCLUSIVE on %s (more is shown to members of pg_monitor)",
                        result_text(r, i, 0), result_text(r, i, 1), result_int(r, i, 7) ? "holds" : "waits for",
                        result_text(r, i, 8));
    sql = shown_normalize(result_text(r, i, 9));
    if (buf_addf(b, err, "pid %s, role %s, %s from %s, %s for %s, its last query begun %s ago, %s ACCESS EXCLUSIVE on %s",
                 result_text(r, i, 0), result_text(r, i, 1), app[0] != '\0' ? app : "(no application name)",
                 result_text(r, i, 3), result_text(r, i, 4), report_duration(result_int(r, i, 5) * 1000, transaction),
                 report_duration(result_int(r, i, 6) * 1000, query), result_int(r, i, 7) ? "holds" : "waits for",
                 result_text(r, i, 8)) != 0)
        goto out;
    if (behind != NULL && behind[0] != '\0' && buf_addf(b, err, ", behind pid %s", behind) != 0)
        goto out;
    rc = sql != NULL && sql[0] != '\0' ? buf_addf(b, err, ": %.120s", sql) : 0;
out:
    free(sql);
    return rc;
}

int holder_is_lock(const struct err *err)
{
    return err->kind == ERR_FAILED && strcmp(err->sqlstate, "55P03") == 0;
}

void holder_name(const struct guard *g, struct err *err)
{
    struct err ignored = {0};
    struct result *r;
    struct buf who = {0};
    int n = 0;

    if (!holder_is_lock(err))
        return;
    /* Where one of the plan's own tables is locked, it was that one. */
    for (r = ask(g, &ignored); r != NULL && n < result_rows(r) && result_int(r, n, 11) == result_int(r, 0, 11); n++)
        if (describe(r, n, &who, &ignored) != 0)
            break;
    if (n == 1)
        (void)err_prefix(err, "the plan could not be made: %s is locked by another session", result_text(r, 0, 8));
    else
        (void)err_prefix(err, "the plan could not be made: what it reads %s locked by another session", n > 1 ? "is" : "was");
    if (who.len > 0)
        err_detail(err, "%s", who.data);
    else if (r != NULL)
        err_detail(err, "nobody holds such a lock any more");
    err_hint(err, "nothing was changed by this. Wait until it has ended, or end it, and try again; %s waits longer. "
                  "--cancel-blockers and --terminate-blockers are for the locks of the run itself, when the plan is made",
             g->request->patient ? "--lock-deadline (rollback.lock_deadline)" : "--lock-timeout (rollback.lock_timeout)");
    result_free(r);
    buf_free(&who);
}
