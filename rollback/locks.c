#include "rollback/locks.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/buf.h"
#include "core/interrupt.h"
#include "core/log.h"
#include "core/report.h"
#include "migration/plan.h"
#include "pg/array.h"
#include "pg/conn.h"
#include "pg/query.h"
#include "pg/quote.h"
#include "pg/tx.h"
#include "script/closure.h"
#include "script/shown.h"

static const char holders_sql[] =
#include "rollback/sql/holders.sql.h"
    ;
static const char knot_sql[] =
#include "rollback/sql/knot.sql.h"
    ;

/* Weakest first: the index is the strength. */
static const struct {
    const char *name, *mode;
} modes[] = {
    {"AccessShareLock", "ACCESS SHARE"},
    {"RowShareLock", "ROW SHARE"},
    {"RowExclusiveLock", "ROW EXCLUSIVE"},
    {"ShareUpdateExclusiveLock", "SHARE UPDATE EXCLUSIVE"},
    {"ShareLock", "SHARE"},
    {"ShareRowExclusiveLock", "SHARE ROW EXCLUSIVE"},
    {"ExclusiveLock", "EXCLUSIVE"},
    {"AccessExclusiveLock", "ACCESS EXCLUSIVE"},
};

enum { SHARE_ROW_EXCLUSIVE = 5, ACCESS_EXCLUSIVE = 7, NMODES = 8 };

/* Who waits for us meanwhile waits so long in vain where the lock does not come; a quick reader takes less. */
enum { SOON_MS = 250 };

static int strength(const char *lock)
{
    for (int i = 0; lock != NULL && i < NMODES; i++)
        if (strcmp(modes[i].name, lock) == 0)
            return i;
    return SHARE_ROW_EXCLUSIVE;
}

const char *locks_mode(const char *lock)
{
    return modes[strength(lock)].mode;
}

static int64_t now_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int pause_ms(int64_t ms, struct err *err)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

    (void)nanosleep(&t, NULL);
    return interrupt_check(err);
}

int locks_outlive(struct conn *c, struct err *err)
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
        if (pause_ms(100, err) != 0)
            return -1;
    }
}

/* Ours alone: "mig" and the word for rollback, so that it meets no other tool's numbers. */
static struct result *advisory_holder(struct conn *c, struct err *err)
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

int locks_alone(struct conn *c, struct err *err)
{
    struct result *r = advisory_holder(c, err);
    int rc = r == NULL ? -1 : 0;

    if (r != NULL && result_rows(r) > 0)
        rc = somebody(r, err);
    result_free(r);
    return rc;
}

int locks_advisory(struct conn *c, int64_t deadline_ms, struct err *err)
{
    static const char try_sql[] = "SELECT pg_catalog.pg_try_advisory_lock(7169383, 1919905644)::int";
    int64_t end = now_ms() + deadline_ms, got;
    struct result *r;

    for (;;) {
        if (query_int(c, try_sql, &got, err) != 0)
            return err_prefix(err, "cannot take the advisory lock");
        if (got)
            return 0;
        if (now_ms() >= end)
            break;
        if (pause_ms(200, err) != 0)
            return -1;
    }
    if ((r = advisory_holder(c, err)) == NULL)
        return -1;
    (void)somebody(r, err);
    result_free(r);
    return -1;
}

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

/* Say who is in the way into TEXT, and act on them where flags allow it. */
static int blockers(struct conn *c, struct conn *watch, const struct locks_options *o,
                    struct buf *text, struct err *err)
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
        char age[32];
        char *sql;

        if (strcmp(pid, last) == 0)
            continue;
        last = pid;
        sql = shown_normalize(result_text(r, i, 10));
        if (buf_addf(text, err, "%spid %s, role %s, %s from %s, %s for %s, %s on %s%s%.120s",
                     text->len > 0 ? "; " : "", pid, result_text(r, i, 1),
                     result_text(r, i, 2)[0] != '\0' ? result_text(r, i, 2) : "(no application name)",
                     result_text(r, i, 3), result_text(r, i, 4),
                     report_duration(result_int(r, i, 5) * 1000, age), result_text(r, i, 7),
                     result_text(r, i, 9), sql != NULL && sql[0] != '\0' ? ": " : "",
                     sql != NULL ? sql : "") != 0) {
            free(sql);
            goto out;
        }
        free(sql);
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

static int lockable(const struct closure_table *t)
{
    return t->kind == 'r' || t->kind == 'p';
}

/* ONLY: children that the plan reaches are in it by themselves, and no others may be held. */
static int lock_one(struct conn *c, const char *schema, const char *name, int mode, struct err *err)
{
    struct buf b = {0};
    int rc = -1;

    if (buf_adds(&b, "LOCK TABLE ONLY ", err) == 0 && quote_name(&b, schema, name, err) == 0 &&
        buf_addf(&b, err, " IN %s MODE", modes[mode].mode) == 0)
        rc = query_exec(c, b.data, "LOCK TABLE", err);
    if (rc != 0 && err->kind != ERR_NONE)
        (void)err_prefix(err, "cannot lock %s.%s in %s mode", schema, name, modes[mode].mode);
    buf_free(&b);
    return rc;
}

static int is_version(const struct locks_options *o, const struct closure_table *t)
{
    return o->plan->version_table != NULL && strcmp(t->name, o->plan->version_table) == 0 &&
           (o->plan->version_schema == NULL || strcmp(t->schema, o->plan->version_schema) == 0);
}

static int lock_all(struct conn *c, const struct locks_options *o, int raised, struct err *err)
{
    int version_done = o->plan->version_table == NULL;

    for (size_t i = 0; i < o->closure->ntables; i++) {
        const struct closure_table *t = &o->closure->tables[i];
        int mode = strength(t->lock);

        if (!lockable(t))
            continue;
        /* The closure is sorted by name; the version table stands in its place. */
        if (!version_done && !is_version(o, t) && o->plan->version_schema != NULL) {
            int order = strcmp(o->plan->version_schema, t->schema);

            if (order == 0)
                order = strcmp(o->plan->version_table, t->name);
            if (order < 0) {
                if (lock_one(c, o->plan->version_schema, o->plan->version_table, SHARE_ROW_EXCLUSIVE,
                             err) != 0)
                    return -1;
                version_done = 1;
            }
        }
        if (is_version(o, t)) {
            version_done = 1;
            if (mode < SHARE_ROW_EXCLUSIVE)
                mode = SHARE_ROW_EXCLUSIVE;
        }
        /* No write may fall between the copy and the change. */
        if (closure_table_at_risk(t) && mode < SHARE_ROW_EXCLUSIVE)
            mode = SHARE_ROW_EXCLUSIVE;
        if (!raised && mode > SHARE_ROW_EXCLUSIVE)
            mode = SHARE_ROW_EXCLUSIVE;
        if (lock_one(c, t->schema, t->name, mode, err) != 0)
            return -1;
    }
    if (!version_done &&
        lock_one(c, o->plan->version_schema, o->plan->version_table, SHARE_ROW_EXCLUSIVE, err) != 0)
        return -1;
    return 0;
}

/* Is T locked in a stronger mode than that in which it is read and copied? */
static int is_raised(const struct closure_table *t)
{
    return lockable(t) && strength(t->lock) > SHARE_ROW_EXCLUSIVE;
}

/* One statement for each mode, those that keep readers out last. */
static int raise_all(struct conn *c, const struct locks_options *o, struct err *err)
{
    for (int mode = SHARE_ROW_EXCLUSIVE + 1; mode <= ACCESS_EXCLUSIVE; mode++) {
        struct buf b = {0}, names = {0};
        int rc = 0;

        for (size_t i = 0; rc == 0 && i < o->closure->ntables; i++) {
            const struct closure_table *t = &o->closure->tables[i];

            if (!is_raised(t) || strength(t->lock) != mode)
                continue;
            if (buf_adds(&names, names.len > 0 ? ", ONLY " : "ONLY ", err) != 0 ||
                quote_name(&names, t->schema, t->name, err) != 0)
                rc = -1;
        }
        if (rc == 0 && names.len > 0) {
            rc = buf_addf(&b, err, "LOCK TABLE %s IN %s MODE", names.data, modes[mode].mode);
            if (rc == 0 && (rc = query_exec(c, b.data, "LOCK TABLE", err)) != 0)
                (void)err_prefix(err, "cannot lock %s in %s mode", names.data, modes[mode].mode);
        }
        buf_free(&b);
        buf_free(&names);
        if (rc != 0)
            return -1;
    }
    return 0;
}

static int set_timeout(struct conn *c, int64_t ms, struct err *err)
{
    return query_execf(c, err, "SET LOCAL lock_timeout = '%lldms'", (long long)ms);
}

/* Below deadlock_timeout, autovacuum is never displaced and a deadlock never told. */
static int attempt_ms(struct conn *watch, const struct locks_options *o, int64_t *ms, struct err *err)
{
    int64_t deadlock;

    if (query_int(watch,
                  "SELECT setting::bigint FROM pg_catalog.pg_settings WHERE name = 'deadlock_timeout'",
                  &deadlock, err) != 0)
        return -1;
    *ms = o->timeout_ms > deadlock + 500 ? o->timeout_ms : deadlock + 500;
    return 0;
}

static int is_wait(const struct err *err)
{
    return strcmp(err->sqlstate, "55P03") == 0 || strcmp(err->sqlstate, "40P01") == 0;
}

static int gave_up(const struct locks_options *o, const struct buf *who, const struct err *last,
                   struct err *err)
{
    char t[32];

    (void)err_set(err, ERR_REFUSED, "the locks did not come within %s: %s",
                  report_duration(o->deadline_ms, t), last->message);
    err_detail(err, "%s", who->len > 0 ? who->data : "nobody holds them any more");
    err_hint(err, "nothing was changed. Wait for them; or --backup before, which holds them shortly; or --cancel-blockers, "
                  "--terminate-blockers; or a longer --lock-deadline");
    return -1;
}

/* 0.2 s and up to as much again, so that two who wait do not meet each time. */
static int64_t jitter(int attempt)
{
    int64_t base = 200LL << (attempt < 4 ? attempt : 4);

    return base + randombytes_uniform((uint32_t)base);
}

int locks_take(struct conn *c, struct conn *watch, const struct locks_options *o, int raised,
               struct err *err)
{
    int64_t end = now_ms() + o->deadline_ms, ms;
    struct buf who = {0};
    int rc = -1;

    if (attempt_ms(watch, o, &ms, err) != 0)
        return -1;
    for (int attempt = 0;; attempt++) {
        struct err why = {0};

        /* Nothing is read in this transaction before the last lock is there: a snapshot fixed earlier
         * would miss what was committed while we waited. */
        if (tx_begin(c, TX_READ_COMMITTED, 0, err) != 0 || set_timeout(c, ms, err) != 0)
            goto out;
        if (lock_all(c, o, raised, &why) == 0) {
            rc = 0;
            goto out;
        }
        if (!is_wait(&why)) {
            tx_rollback(c);
            *err = why;
            goto out;
        }
        /* While we hold what we have, so that the holders of the rest are still to be seen. */
        if (blockers(c, watch, o, &who, err) != 0) {
            tx_rollback(c);
            goto out;
        }
        tx_rollback(c);
        if (now_ms() >= end) {
            (void)gave_up(o, &who, &why, err);
            goto out;
        }
        log_warn("waiting for locks (attempt %d): %s", attempt + 1,
                 who.len > 0 ? who.data : "the holders are gone");
        if (pause_ms(jitter(attempt), err) != 0)
            goto out;
    }
out:
    if (rc != 0)
        tx_rollback(c);
    buf_free(&who);
    return rc;
}

int locks_raise(struct conn *c, struct conn *watch, const struct locks_options *o, struct err *err)
{
    int64_t end = now_ms() + o->deadline_ms, ms;
    struct buf who = {0};
    int rc = -1;

    if (attempt_ms(watch, o, &ms, err) != 0 || tx_savepoint(c, "mig_raise", err) != 0)
        return -1;
    for (int attempt = 0;; attempt++) {
        struct err why = {0};

        if (set_timeout(c, ms, err) != 0)
            goto out;
        if (raise_all(c, o, &why) == 0) {
            rc = query_exec(c, "RELEASE SAVEPOINT mig_raise", "RELEASE", err);
            goto out;
        }
        if (!is_wait(&why)) {
            *err = why;
            goto out;
        }
        /* The holders stand still while we are refused: a client that has read the table and waits to
         * write it waits for us, so this is a deadlock every time until it is cancelled. */
        if (tx_rollback_to(c, "mig_raise", err) != 0 || blockers(c, watch, o, &who, err) != 0)
            goto out;
        if (now_ms() >= end) {
            (void)gave_up(o, &who, &why, err);
            goto out;
        }
        log_warn("waiting to raise the locks (attempt %d): %s", attempt + 1,
                 who.len > 0 ? who.data : "the holders are gone");
        if (pause_ms(o->cancel || o->terminate ? 20 : jitter(attempt), err) != 0)
            goto out;
    }
out:
    buf_free(&who);
    return rc;
}

int locks_knotted(struct conn *watch, const struct locks_options *o, int *knotted, struct err *err)
{
    struct buf oids = {0};
    const char *param;
    struct query q = {.name = "mig_knot", .sql = knot_sql, .params = &param, .nparams = 1, .columns = 1};
    struct result *r = NULL;
    int rc = -1;

    *knotted = 0;
    for (size_t i = 0; i < o->closure->ntables; i++)
        if (is_raised(&o->closure->tables[i]) && array_number(&oids, o->closure->tables[i].oid, err) != 0)
            goto out;
    if (array_end(&oids, err) != 0)
        goto out;
    param = oids.data;
    if ((r = query_run(watch, &q, err)) == NULL)
        goto out;
    *knotted = result_int(r, 0, 0) > 0;
    rc = 0;
out:
    result_free(r);
    buf_free(&oids);
    return rc;
}

int locks_raise_soon(struct conn *c, const struct locks_options *o, int *raised, struct err *err)
{
    struct err why = {0};

    *raised = 0;
    if (set_timeout(c, SOON_MS, err) != 0)
        return -1;
    if (raise_all(c, o, &why) == 0) {
        *raised = 1;
        return 0;
    }
    if (is_wait(&why))
        return 0;
    *err = why;
    return -1;
}
