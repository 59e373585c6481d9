#include "rollback/advisory.h"

#include "core/log.h"
#include "pg/conn.h"
#include "pg/query.h"
#include "rollback/clock.h"

int advisory_outlive(struct conn *c, struct err *err)
{
    /* Our other sessions are idle; no other run is at work, for the advisory lock is ours. */
    static const char sql[] =
        "SELECT a.pid FROM pg_catalog.pg_stat_activity a WHERE a.datname = pg_catalog.current_database() "
        "AND a.pid <> pg_catalog.pg_backend_pid() AND a.usename = session_user AND a.state = 'active' "
        "AND a.application_name = pg_catalog.current_setting('application_name') LIMIT 1";
    struct query q = {.sql = sql, .columns = 1};
    int told = 0;

    for (;;) {
        struct result *r = query_run(c, &q, err);
        int none;

        if (r == NULL)
            return err_prefix(err, "cannot see whether the run that was cut off is still at work");
        none = result_rows(r) == 0;
        if (!none && !told++)
            log_info("waiting for backend %s: it still runs a statement of the run that was cut off",
                     result_text(r, 0, 0));
        result_free(r);
        if (none)
            return 0;
        if (clock_pause(100, err) != 0)
            return -1;
    }
}

/* Ours alone: "mig" and the word for rollback, so that it meets no other tool's numbers. */
static struct result *holder(struct conn *c, struct err *err)
{
    static const char sql[] =
        "SELECT a.pid, coalesce(a.usename, ''), coalesce(a.application_name, '') FROM pg_catalog.pg_locks l "
        "JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid WHERE l.locktype = 'advisory' AND l.granted "
        "AND l.classid = 7169383 AND l.objid = 1919905644 AND l.objsubid = 2 AND l.database = (SELECT oid "
        "FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())";
    struct query q = {.sql = sql, .columns = 3};

    return query_run(c, &q, err);
}

static int somebody(const struct result *r, struct err *err)
{
    if (result_rows(r) > 0)
        (void)err_set(err, ERR_REFUSED, "another mig-rollback is at work on this database: pid %s, role %s, %s",
                      result_text(r, 0, 0), result_text(r, 0, 1), result_text(r, 0, 2));
    else
        (void)err_set(err, ERR_REFUSED, "another mig-rollback was at work on this database");
    err_hint(err, "wait for it; \"mig-rollback status\" shows where it is. Then look at the plan again: from where it "
                  "leaves the database, the same words may mean another step");
    return -1;
}

int advisory_alone(struct conn *c, struct err *err)
{
    struct result *r = holder(c, err);
    int rc = r == NULL ? -1 : 0;

    if (r != NULL && result_rows(r) > 0)
        rc = somebody(r, err);
    result_free(r);
    return rc;
}

int advisory_take(struct conn *c, int64_t deadline_ms, struct err *err)
{
    static const char try_sql[] = "SELECT pg_catalog.pg_try_advisory_lock(7169383, 1919905644)::int";
    int64_t end = clock_ms() + deadline_ms, got;
    struct result *r;

    for (;;) {
        if (query_int(c, try_sql, &got, err) != 0)
            return err_prefix(err, "cannot take the advisory lock");
        if (got)
            return 0;
        if (clock_ms() >= end)
            break;
        if (clock_pause(200, err) != 0)
            return -1;
    }
    if ((r = holder(c, err)) == NULL)
        return -1;
    (void)somebody(r, err);
    result_free(r);
    return -1;
}
