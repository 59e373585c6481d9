#include "rollback/footprint.h"

#include <string.h>
#include <time.h>

#include "core/buf.h"
#include "core/interrupt.h"
#include "migration/plan.h"
#include "pg/conn.h"
#include "pg/query.h"
#include "rollback/aftermath.h"
#include "rollback/objections.h"
#include "rollback/proof.h"
#include "rollback/said.h"
#include "script/closure.h"

static const char locks_sql[] =
#include "rollback/sql/locks.sql.h"
    ;
static const char writes_sql[] =
#include "rollback/sql/writes.sql.h"
    ;
static const char unsettled_sql[] =
#include "rollback/sql/unsettled.sql.h"
    ;

enum { PG_CLASS = 1259, FIRST_USER_OID = 16384, PG_LARGEOBJECT = 2613, PG_LARGEOBJECT_METADATA = 2995 };

struct query footprint_locks_query(void)
{
    return (struct query){.name = "mig_locks", .sql = locks_sql, .columns = 3};
}

struct query footprint_writes_query(void)
{
    return (struct query){.name = "mig_writes", .sql = writes_sql, .columns = 5};
}

/* Such as a write or a change of structure takes. */
static int is_strong(const struct result *locks, int row)
{
    const char *mode = result_text(locks, row, 2);

    return strcmp(mode, "AccessShareLock") != 0 && strcmp(mode, "RowShareLock") != 0;
}

int footprint_is_relation(const struct result *locks, int row)
{
    return result_int(locks, row, 0) == PG_CLASS;
}

int footprint_hacked(const struct result *locks)
{
    for (int i = 0; i < result_rows(locks); i++)
        if (result_int(locks, i, 0) == PG_CLASS && result_int(locks, i, 1) < FIRST_USER_OID && is_strong(locks, i))
            return 1;
    return 0;
}

int footprint_settle(struct conn *c, struct err *err)
{
    static const struct timespec pause = {.tv_nsec = 50 * 1000 * 1000};
    struct query flush = {.sql = "SELECT pg_catalog.pg_stat_force_next_flush()", .columns = 1};
    int64_t left = 1;

    /* Older servers put them away when half a second has passed and the session idles. */
    while (left) {
        if (conn_version(c) >= 150000) {
            struct result *r = query_run(c, &flush, err);

            if (r == NULL)
                return -1;
            result_free(r);
        }
        if (query_int(c, unsettled_sql, &left, err) != 0)
            return -1;
        if (left && interrupt_check(err) != 0)
            return -1;
        if (left)
            (void)nanosleep(&pause, NULL);
    }
    return 0;
}

/* Do we keep writers out of it ourselves? */
static int is_held(const struct aftermath *e, uint32_t oid)
{
    for (size_t i = 0; i < e->nheld; i++)
        if (e->held[i] == oid)
            return 1;
    return 0;
}

int footprint_check(const struct aftermath *e, uint32_t version, const struct proof *before, const struct plan *plan,
                    const struct closure *closure, int loss_scope, struct err *err)
{
    enum { WHOLE = CLOSURE_DROPPED | CLOSURE_EMPTIED | CLOSURE_ROWS };
    const struct result *r = e->locks;
    const char *counted = result_text(e->counting, 0, 0);
    struct objections said = {.count = 0};
    int rc = -1;

    /* Without its counters the server does not say what was written. */
    if (counted == NULL || strcmp(counted, "on") != 0) {
        (void)err_set(err, ERR_REFUSED, "track_counts is off: what the script wrote cannot be verified");
        err_hint(err, "switch it on for this role or database: ALTER ROLE ... SET track_counts = on");
        goto out;
    }
    for (int i = 0; i < result_rows(r); i++) {
        uint32_t oid = (uint32_t)result_int(r, i, 1);
        const char *name = is_strong(r, i) && footprint_is_relation(r, i) ? proof_table_name(before, oid) : NULL;
        struct buf what = {0};
        int bad;

        if (is_held(e, oid) && strcmp(result_text(r, i, 2), "ShareRowExclusiveLock") == 0)
            continue;
        /* A lock to read; made by this transaction, an index, a sequence, a view, TOAST. */
        if (name == NULL || closure_table_of(closure, oid) != NULL || oid == version)
            continue;
        bad = buf_addf(&what, err, "is locked in %s and not in the plan", result_text(r, i, 2)) ||
              objections_add(&said, err, name, what.data);
        buf_free(&what);
        if (bad)
            goto out;
    }
    r = e->writes;
    for (int i = 0; i < result_rows(r); i++) {
        uint32_t oid = (uint32_t)result_int(r, i, 0);
        const char *name = proof_name(before, oid);
        const struct closure_table *t = closure_table_of(closure, oid);
        struct buf what = {0};
        int bad;

        /* In no plan, and in no backup. */
        if (oid == PG_LARGEOBJECT || oid == PG_LARGEOBJECT_METADATA) {
            if (objections_add(&said, err, "large objects", "were written") != 0)
                goto out;
            continue;
        }
        /* Another tool's version table is locked by us too, but written only by what the script says. */
        if (name == NULL || (oid == version && plan->version_column == NULL))
            continue;
        /* All of its rows are saved. */
        if (t != NULL && closure_table_at_risk(t) && (t->kind != 'r' || (t->fate & WHOLE) != 0 || !loss_scope))
            continue;
        /* What it changes was judged with it: an UPDATE of a column that the script adds destroys nothing,
         * and the closure calls the table only altered. */
        if (t != NULL && said_changed(plan, closure, oid))
            continue;
        /* A trigger may change or delete other rows for each new one. */
        if (t != NULL && (t->fate & CLOSURE_INSERTED) != 0 && result_int(r, i, 3) == 0 &&
            result_int(r, i, 4) == 0)
            continue;
        bad = buf_addf(&what, err, "had %lld rows inserted, %lld updated, %lld deleted outside of the plan",
                       (long long)result_int(r, i, 2), (long long)result_int(r, i, 3),
                       (long long)result_int(r, i, 4)) ||
              objections_add(&said, err, name, what.data);
        buf_free(&what);
        if (bad)
            goto out;
    }
    if (said.count > 0) {
        (void)err_set(err, ERR_REFUSED, "the script wrote outside of its plan (%d table%s)", said.count,
                      said.count == 1 ? "" : "s");
        err_detail(err, "%s", said.text.data);
        err_hint(err, "a trigger, a cascade, a function or a DO block did it; those rows are not in the "
                      "backup, so nothing was committed");
        goto out;
    }
    rc = 0;
out:
    objections_free(&said);
    return rc;
}
