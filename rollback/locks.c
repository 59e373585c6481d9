#include "rollback/locks.h"

#include <sodium.h>
#include <string.h>

#include "core/buf.h"
#include "core/log.h"
#include "core/report.h"
#include "migration/plan.h"
#include "pg/array.h"
#include "pg/conn.h"
#include "pg/query.h"
#include "pg/quote.h"
#include "pg/tx.h"
#include "rollback/blockers.h"
#include "rollback/clock.h"
#include "script/closure.h"

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
/* How often those who are in the way are cancelled while we stand in line; well below deadlock_timeout. */
enum { PUSH_MS = 50, PUSHES = 8 };

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

static int lockable(const struct closure_table *t)
{
    return t->kind == 'r' || t->kind == 'p';
}

/* Tables for one LOCK TABLE, which takes them one by one in this order. */
struct batch {
    struct buf names; /* "ONLY a, ONLY b" */
    struct buf first;
    size_t count;
    int mode;
};

static void batch_free(struct batch *b)
{
    buf_free(&b->names);
    buf_free(&b->first);
    b->count = 0;
}

static int batch_lock(struct conn *c, struct batch *b, struct err *err)
{
    struct buf sql = {0};
    int rc = 0;

    if (b->count > 0) {
        rc = buf_addf(&sql, err, "LOCK TABLE %s IN %s MODE", b->names.data, modes[b->mode].mode) != 0
                 ? -1
                 : query_exec(c, sql.data, "LOCK TABLE", err);
        if (rc != 0 && b->count > 1)
            (void)err_prefix(err, "cannot lock %s and %zu more in %s mode", b->first.data, b->count - 1, modes[b->mode].mode);
        else if (rc != 0)
            (void)err_prefix(err, "cannot lock %s in %s mode", b->first.data, modes[b->mode].mode);
    }
    buf_free(&sql);
    batch_free(b);
    return rc;
}

/* ONLY: children that the plan reaches are in it by themselves, and no others may be held.  What was gathered in
 * another mode is locked first. */
static int batch_add(struct conn *c, struct batch *b, const char *schema, const char *name, int mode, struct err *err)
{
    if (b->count > 0 && b->mode != mode && batch_lock(c, b, err) != 0)
        return -1;
    b->mode = mode;
    if (b->count == 0 && buf_addf(&b->first, err, "%s%s%s", schema != NULL ? schema : "", schema != NULL ? "." : "", name) != 0)
        return -1;
    b->count++;
    return buf_adds(&b->names, b->count > 1 ? ", ONLY " : "ONLY ", err) != 0 ? -1 : quote_name(&b->names, schema, name, err);
}

static int is_version(const struct locks_options *o, const struct closure_table *t)
{
    return o->plan->version_table != NULL && strcmp(t->name, o->plan->version_table) == 0 &&
           (o->plan->version_schema == NULL || strcmp(t->schema, o->plan->version_schema) == 0);
}

/* The mode in which the plan wants T; -1: it is not locked.  Without RAISED, while it is read and copied. */
static int wanted(const struct locks_options *o, const struct closure_table *t, int raised)
{
    int mode = strength(t->lock);

    if (!lockable(t))
        return -1;
    /* No write may fall between the copy and the change. */
    if ((is_version(o, t) || closure_table_at_risk(t)) && mode < SHARE_ROW_EXCLUSIVE)
        mode = SHARE_ROW_EXCLUSIVE;
    return !raised && mode > SHARE_ROW_EXCLUSIVE ? SHARE_ROW_EXCLUSIVE : mode;
}

unsigned locks_against(const struct locks_options *o, const struct closure_table *t, int raised)
{
    /* By strength; a bit for each mode that keeps us from it. */
    static const unsigned against[NMODES] = {0x80, 0xc0, 0xf0, 0xf8, 0xec, 0xfc, 0xfe, 0xff};
    int mode = t != NULL ? wanted(o, t, raised) : SHARE_ROW_EXCLUSIVE;

    return mode >= 0 ? against[mode] : 0;
}

static int gather_all(struct conn *c, const struct locks_options *o, int raised, struct batch *b, struct err *err)
{
    const char *schema = o->plan->version_schema, *table = o->plan->version_table;
    int version_done = table == NULL;

    for (size_t i = 0; i < o->closure->ntables; i++) {
        const struct closure_table *t = &o->closure->tables[i];
        int mode = wanted(o, t, raised);

        if (mode < 0)
            continue;
        /* The closure is sorted by name; the version table stands in its place. */
        if (!version_done && !is_version(o, t) && schema != NULL) {
            int order = strcmp(schema, t->schema);

            if (order == 0)
                order = strcmp(table, t->name);
            if (order < 0) {
                if (batch_add(c, b, schema, table, SHARE_ROW_EXCLUSIVE, err) != 0)
                    return -1;
                version_done = 1;
            }
        }
        if (is_version(o, t))
            version_done = 1;
        if (batch_add(c, b, t->schema, t->name, mode, err) != 0)
            return -1;
    }
    return version_done ? 0 : batch_add(c, b, schema, table, SHARE_ROW_EXCLUSIVE, err);
}

static int lock_all(struct conn *c, const struct locks_options *o, int raised, struct err *err)
{
    struct batch b = {0};
    int rc = gather_all(c, o, raised, &b, err) != 0 ? -1 : batch_lock(c, &b, err);

    batch_free(&b);
    return rc;
}

/* Is T locked in a stronger mode than that in which it is read and copied? */
static int is_raised(const struct closure_table *t)
{
    return lockable(t) && strength(t->lock) > SHARE_ROW_EXCLUSIVE;
}

/* One statement for each mode, those that keep readers out last. */
static int raise_all(struct conn *c, const struct locks_options *o, struct err *err)
{
    struct batch b = {0};
    int rc = 0;

    for (int mode = SHARE_ROW_EXCLUSIVE + 1; rc == 0 && mode <= ACCESS_EXCLUSIVE; mode++)
        for (size_t i = 0; rc == 0 && i < o->closure->ntables; i++) {
            const struct closure_table *t = &o->closure->tables[i];

            if (is_raised(t) && strength(t->lock) == mode)
                rc = batch_add(c, &b, t->schema, t->name, mode, err);
        }
    if (rc == 0)
        rc = batch_lock(c, &b, err);
    batch_free(&b);
    return rc;
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
    int64_t end = clock_ms() + o->deadline_ms, ms;
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
        if (blockers_of(c, watch, o, raised, &who, err) != 0) {
            tx_rollback(c);
            goto out;
        }
        tx_rollback(c);
        if (clock_ms() >= end) {
            (void)gave_up(o, &who, &why, err);
            goto out;
        }
        log_warn("waiting for locks (attempt %d): %s", attempt + 1,
                 who.len > 0 ? who.data : "the holders are gone");
        if (clock_pause(jitter(attempt), err) != 0)
            goto out;
    }
out:
    if (rc != 0)
        tx_rollback(c);
    buf_free(&who);
    return rc;
}

/* While C waits for a lock: whoever has it goes.  Who comes now stands behind us, so that this ends, however busy the
 * tables are; those who are cancelled before we ask are back first. */
struct push {
    struct conn *c, *watch;
    const struct locks_options *o;
    int left; /* times: a session that is idle in its transaction cannot be cancelled, and would be told for ever */
};

static void push(void *arg)
{
    struct push *p = arg;
    struct err ignored = {0};
    struct buf who = {0};

    if (p->left-- <= 0)
        return;
    conn_shield(p->watch, 1);
    if (blockers_of(p->c, p->watch, p->o, 1, &who, &ignored) != 0)
        log_debug("who is in the way is not known: %s", ignored.message);
    conn_shield(p->watch, 0);
    buf_free(&who);
}

int locks_raise(struct conn *c, struct conn *watch, const struct locks_options *o, struct err *err)
{
    int64_t end = clock_ms() + o->deadline_ms, ms;
    struct push p = {c, watch, o, 0};
    struct buf who = {0};
    int got, rc = -1;

    if (attempt_ms(watch, o, &ms, err) != 0 || tx_savepoint(c, "mig_raise", err) != 0)
        return -1;
    for (int attempt = 0;; attempt++) {
        struct err why = {0};

        if (set_timeout(c, ms, err) != 0)
            goto out;
        /* The first time they may end by themselves. */
        p.left = PUSHES;
        if (attempt > 0 && (o->cancel || o->terminate))
            conn_watch(c, PUSH_MS, push, &p);
        got = raise_all(c, o, &why) == 0;
        conn_watch(c, 0, NULL, NULL);
        if (got) {
            rc = query_exec(c, "RELEASE SAVEPOINT mig_raise", "RELEASE", err);
            goto out;
        }
        if (!is_wait(&why)) {
            *err = why;
            goto out;
        }
        /* The holders stand still while we are refused: a client that has read the table and waits to
         * write it waits for us, so this is a deadlock every time until it is cancelled. */
        if (tx_rollback_to(c, "mig_raise", err) != 0 || blockers_of(c, watch, o, 1, &who, err) != 0)
            goto out;
        if (clock_ms() >= end) {
            (void)gave_up(o, &who, &why, err);
            goto out;
        }
        log_warn("waiting to raise the locks (attempt %d): %s", attempt + 1,
                 who.len > 0 ? who.data : "the holders are gone");
        if (clock_pause(o->cancel || o->terminate ? 20 : jitter(attempt), err) != 0)
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
